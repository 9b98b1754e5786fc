//! AWS tools and libraries: a profile whose credentials come from a process.
//!
//! A profile of that name that has a process already is left alone. The file is read as botocore reads it, which takes no line that is
//! neither a section, a key with a value nor indented below one.

use super::edit::{Edit, append, insert_lines, line_of, remove_lines};
use super::ini::{Line, lines, section};
use super::{Change, Program, mistake};
use crate::settings::Mistake;

const TOOL: &str = "aws";
const KEY: &str = "credential_process";

/// A profile of theirs.
#[derive(Clone, Debug)]
pub struct CredentialProcess {
    /// Whom to call.
    pub program: Program,
    /// Its name.
    pub profile: String,
}

impl CredentialProcess {
    fn line(&self) -> String {
        format!("{KEY} = {}", self.program.shell(TOOL))
    }

    fn is_section(&self, name: &str) -> bool {
        let name = name.trim();
        let named =
            name.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])).map(|rest| rest.trim().trim_matches(['"', '\'']));
        named == Some(self.profile.as_str()) || (self.profile == "default" && name == "default")
    }

    fn section(&self) -> String {
        if self.profile == "default" { "[default]".to_owned() } else { format!("[profile {}]", self.profile) }
    }

    fn process<'l, 't>(&self, lines: &'l [Line<'t>]) -> Option<(usize, &'l Line<'t>, &'t str)> {
        let range = section(lines, |name| self.is_section(name))?;
        let is_it = |at: &usize| lines[*at].entry().is_some_and(|(key, _)| key.eq_ignore_ascii_case(KEY));
        let at = range.clone().find(is_it)?;
        Some((at, &lines[at], lines[at].entry()?.1))
    }
}

impl Change for CredentialProcess {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        Ok(self.process(&read(text)?).is_some_and(|(_, _, value)| value == self.program.shell(TOOL)))
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let lines = read(text)?;
        if let Some((_, other, _)) = self.process(&lines) {
            let line = line_of(text, other.range.start);
            return Err(mistake(line, format!("`{}` has another {KEY}", self.profile), Some("choose another name: --aws-profile NAME")));
        }
        let Some(range) = section(&lines, |name| self.is_section(name)) else {
            return Ok(vec![append(text, &[self.section(), self.line()], true)]);
        };
        let last = &lines[range.end - 1];
        Ok(vec![insert_lines(text, last.range.end, &[self.line()], false)])
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let lines = read(text)?;
        let Some((at, line, _)) = self.process(&lines).filter(|(_, _, value)| self.program.is_ours(value, TOOL)) else {
            return Ok(Vec::new());
        };
        let is_alone = at > 0 && lines[at - 1].is_header() && lines.get(at + 1).is_none_or(|next| next.text.is_empty() || next.is_header());
        let has_rest = section(&lines, |name| self.is_section(name)).is_some_and(|range| range.end > at + 1);
        let first = if is_alone && !has_rest { &lines[at - 1] } else { line };
        Ok(vec![remove_lines(text, first.range.start..line.range.end, is_alone && !has_rest)])
    }
}

fn read(text: &str) -> Result<Vec<Line<'_>>, Mistake> {
    let lines = lines(text, |line, _| line.starts_with([' ', '\t']) && !line.trim().is_empty());
    let is_read = |line: &&Line<'_>| {
        let has_end = !line.is_header() || line.text.contains(']');
        has_end && (line.is_header() || line.is_silent() || line.is_continued || (line.section.is_some() && line.entry().is_some()))
    };
    match lines.iter().find(|line| !is_read(line)) {
        Some(line) => Err(mistake(line_of(text, line.range.start), "this is neither a section nor a key with a value", None)),
        None => Ok(lines),
    }
}
