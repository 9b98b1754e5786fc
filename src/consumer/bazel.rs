//! Bazel: a credential helper for each host, in lines of a bazelrc.
//!
//! It is called with `get` alone, so the profile comes from the host. A host that has another helper is left alone.

use super::edit::{Edit, append, line_of, remove_lines};
use super::{Change, mistake};
use crate::settings::Mistake;

/// The program as Bazel calls it.
pub const LINK: &str = "bazel-credential-token";

const OPTION: &str = "--credential_helper=";

/// Helpers for hosts.
#[derive(Clone, Debug)]
pub struct Helpers {
    /// The link to us, by name where it is on the path.
    pub helper: String,
    /// The hosts: `*.` stands for one label or more here.
    pub hosts: Vec<String>,
}

impl Helpers {
    fn line(&self, host: &str) -> String {
        let has_blanks = self.helper.contains([' ', '\t', '#', '\'']);
        let helper = if has_blanks { format!("\"{}\"", self.helper) } else { self.helper.clone() };
        format!("common {OPTION}{host}={helper}")
    }

    /// Where a line says that a helper is for one of the hosts, with that.
    fn helpers<'t>(&self, text: &'t str) -> Vec<(std::ops::Range<usize>, &'t str, String)> {
        let mut start = 0;
        let mut found = Vec::new();
        for line in text.split_inclusive('\n') {
            let range = start..start + line.len();
            start = range.end;
            let rest = line.trim().split_once(OPTION).filter(|_| !line.trim_start().starts_with('#')).map(|(_, rest)| rest);
            let value = rest.map(|rest| rest.trim_matches(['\'', '"'])).and_then(|value| value.split_once('='));
            if let Some((host, helper)) = value.filter(|(host, _)| self.hosts.iter().any(|known| known == host)) {
                found.push((range, host, helper.trim_matches(['\'', '"']).to_owned()));
            }
        }
        found
    }
}

impl Change for Helpers {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        let found = self.helpers(text);
        Ok(self.hosts.iter().all(|host| found.iter().any(|(_, known, helper)| known == host && *helper == self.helper)))
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        if let Some((range, host, _)) = self.helpers(text).first() {
            let hint = "remove it there, if ours is to answer for this host";
            return Err(mistake(line_of(text, range.start), format!("`{host}` has another credential helper"), Some(hint)));
        }
        if text.trim_end().ends_with('\\') {
            return Err(mistake(line_of(text, text.len()), "the last line goes on, but nothing follows", None));
        }
        let lines: Vec<String> = self.hosts.iter().map(|host| self.line(host)).collect();
        Ok(vec![append(text, &lines, false)])
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let is_ours = |helper: &str| helper.rsplit('/').next() == Some(LINK);
        let is_alone = |range: &std::ops::Range<usize>| text[range.clone()].trim().starts_with(&format!("common {OPTION}"));
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        for (range, _, helper) in self.helpers(text) {
            match ranges.last_mut() {
                _ if !is_ours(&helper) || !is_alone(&range) => {}
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        Ok(ranges.into_iter().map(|range| remove_lines(text, range, false)).collect())
    }
}
