//! git: a credential helper for each host, behind an empty one that keeps the others from being told.
//!
//! What is written is git's, so is what it takes it for: the command has git itself read the text before and after.

use super::edit::{Edit, append, remove_lines};
use super::ini::{Line, lines};
use super::{Change, Program};
use crate::settings::Mistake;

const TOOL: &str = "git";

/// Helpers for hosts.
#[derive(Clone, Debug)]
pub struct Helpers {
    /// Whom to call.
    pub program: Program,
    /// The hosts: `*.` stands for one label here.
    pub hosts: Vec<String>,
}

impl Helpers {
    fn command(&self) -> String {
        format!("!{}", self.program.shell(TOOL))
    }

    fn block(&self, host: &str) -> [String; 3] {
        let command = self.command();
        let is_plain = !command.contains(['"', '\\', '#', ';']);
        let command = if is_plain { command } else { format!("\"{}\"", command.replace('\\', "\\\\").replace('"', "\\\"")) };
        [format!("[{}]", section(host)), "\thelper =".to_owned(), format!("\thelper = {command}")]
    }

    /// The line numbers of each pair of an empty helper and ours.
    fn pairs(&self, lines: &[Line<'_>]) -> Vec<usize> {
        let is_ours = |line: &Line<'_>| {
            let value = line.entry().filter(|(key, _)| key.eq_ignore_ascii_case("helper")).map(|(_, value)| value);
            value.is_some_and(|value| self.program.is_ours(value.trim_matches('"'), TOOL))
        };
        let is_empty = |line: &Line<'_>| line.entry().is_some_and(|(key, value)| key.eq_ignore_ascii_case("helper") && value.is_empty());
        let is_pair = |at: &usize| {
            let (empty, ours) = (&lines[*at], &lines[*at + 1]);
            is_empty(empty) && is_ours(ours) && ours.section.is_some_and(|section| section.starts_with("credential \""))
        };
        (0..lines.len().saturating_sub(1)).filter(is_pair).collect()
    }
}

impl Change for Helpers {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        let lines = read(text);
        let pairs = self.pairs(&lines);
        let says = |host: &String, at: &usize| {
            let [_, _, command] = self.block(host);
            lines[*at].section == Some(&section(host)) && lines[*at + 1].text == command.trim()
        };
        let is_wanted = |at: &usize| self.hosts.iter().any(|host| says(host, at));
        Ok(self.hosts.iter().all(|host| pairs.iter().any(|at| says(host, at))) && pairs.iter().all(is_wanted))
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let lines: Vec<String> = self.hosts.iter().flat_map(|host| self.block(host)).collect();
        Ok(vec![append(text, &lines, false)])
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let lines = read(text);
        let removed = |at: usize| {
            let header = at.checked_sub(1).filter(|header| lines[*header].is_header() && lines[*header].text.ends_with(']'));
            let is_last = lines.get(at + 2).is_none_or(Line::is_header);
            let first = header.filter(|_| is_last).unwrap_or(at);
            lines[first].range.start..lines[at + 1].range.end
        };
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        for range in self.pairs(&lines).into_iter().map(removed) {
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        Ok(ranges.into_iter().map(|range| remove_lines(text, range, false)).collect())
    }
}

fn section(host: &str) -> String {
    format!("credential \"https://{host}\"")
}

fn read(text: &str) -> Vec<Line<'_>> {
    lines(text, |_, before| {
        let slashes = before.len() - before.trim_end_matches('\\').len();
        slashes % 2 == 1 && !before.trim_start().starts_with(['#', ';'])
    })
}
