//! Vault and `OpenBao`: a token helper, which is a path and no command, so that a script of ours stands between.
//!
//! Another helper is left alone, and so is a file in the place of the script.

use super::edit::{Edit, append, line_of, remove_lines};
use super::hcl::parse;
use super::{Change, Program, mistake};
use crate::settings::Mistake;

const TOOL: &str = "vault";
const NAME: &str = "token_helper";

/// The name of the script for a profile.
#[must_use]
pub fn script_name(profile: &str) -> String {
    format!("vault-credential-token-{profile}")
}

/// A token helper.
#[derive(Clone, Debug)]
pub struct TokenHelper {
    /// Where the script is.
    pub script: String,
}

impl Change for TokenHelper {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        Ok(parse(text)?.iter().any(|item| item.name == NAME && item.texts == [self.script.as_str()]))
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        if let Some(other) = parse(text)?.iter().find(|item| item.name == NAME) {
            let hint = "remove it there, if ours is to be used";
            return Err(mistake(line_of(text, other.range.start), "there is a token helper already", Some(hint)));
        }
        let script = serde_json::Value::from(self.script.as_str());
        Ok(vec![append(text, &[format!("{NAME} = {script}")], false)])
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let items = parse(text)?;
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let is_ours = |path: &String| name(path) == name(&self.script);
        let ours = items.iter().find(|item| item.name == NAME && item.texts.first().is_some_and(is_ours));
        Ok(ours.map(|item| remove_lines(text, item.range.clone(), false)).into_iter().collect())
    }
}

/// The script.
#[derive(Clone, Debug)]
pub struct Script {
    /// Whom to call.
    pub program: Program,
}

impl Script {
    fn text(&self) -> String {
        format!("#!/bin/sh\n# Made by `token helper setup vault`.\nexec {} \"$@\"\n", self.program.shell(TOOL))
    }

    fn is_ours(&self, text: &str) -> bool {
        let command = text.lines().last().and_then(|line| line.strip_prefix("exec ")).and_then(|line| line.strip_suffix(" \"$@\""));
        text.lines().count() == 3 && command.is_some_and(|command| self.program.is_ours(command, TOOL))
    }
}

impl Change for Script {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        Ok(text == self.text())
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        if text.is_empty() { Ok(vec![Edit::insert(0, self.text())]) } else { Err(mistake(1, "this is another program", None)) }
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        Ok(if self.is_ours(text) { vec![Edit::remove(text, 0..text.len())] } else { Vec::new() })
    }
}
