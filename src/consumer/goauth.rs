//! Go: our command before the others of GOAUTH, in the file of `go env -w`.
//!
//! A GOAUTH that is `off` is left alone: it stands alone or not at all.

use super::edit::{Edit, append, line_of, remove_lines};
use super::{Change, Program, mistake};
use crate::settings::Mistake;

const TOOL: &str = "goauth";
const KEY: &str = "GOAUTH=";
/// What Go does without GOAUTH.
const DEFAULT: &str = "netrc";

/// GOAUTH with us in it.
#[derive(Clone, Debug)]
pub struct GoAuth {
    /// Whom to call.
    pub program: Program,
}

impl GoAuth {
    fn command(&self) -> String {
        let path = &self.program.path;
        // Go splits by blanks, and knows quotes around a word.
        let path = if path.contains([' ', '\t', '\'']) { format!("\"{path}\"") } else { path.clone() };
        format!("{path} {}", self.program.tail(TOOL))
    }
}

impl Change for GoAuth {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        let wanted = self.command();
        Ok(line(text)?.is_some_and(|(_, value)| value.split(';').any(|command| command.trim() == wanted)))
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let command = self.command();
        match line(text)? {
            None => Ok(vec![append(text, &[format!("{KEY}{command}; {DEFAULT}")], false)]),
            Some((range, value)) if value.trim() == "off" => {
                Err(mistake(line_of(text, range.start), "GOAUTH is `off`", Some("run `go env -u GOAUTH` first")))
            }
            Some((range, "")) => Ok(vec![Edit::replace(text, range, format!("{KEY}{command}; {DEFAULT}"))]),
            Some((range, value)) => Ok(vec![Edit::replace(text, range, format!("{KEY}{command}; {value}"))]),
        }
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let Some((range, value)) = line(text)? else { return Ok(Vec::new()) };
        let commands: Vec<&str> = value.split(';').map(str::trim).collect();
        let others: Vec<&str> = commands.iter().copied().filter(|command| !self.program.is_ours(command, TOOL)).collect();
        Ok(match others.as_slice() {
            same if same.len() == commands.len() => Vec::new(),
            [] | [DEFAULT] => vec![remove_lines(text, range, false)],
            others => vec![Edit::replace(text, range, format!("{KEY}{}", others.join("; ")))],
        })
    }
}

/// The last line that sets GOAUTH, without its end, and what it sets.
fn line(text: &str) -> Result<Option<(std::ops::Range<usize>, &str)>, Mistake> {
    let (mut start, mut found) = (0, None);
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        if let Some(value) = line.strip_prefix(KEY) {
            found = Some((start..start + line.len(), value));
        } else if !line.trim().is_empty() && !line.starts_with('#') && !line.contains('=') {
            return Err(mistake(line_of(text, start), "this is no `KEY=value`", None));
        }
        start += whole.len();
    }
    Ok(found)
}
