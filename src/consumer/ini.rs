//! Files of sections and keys, line by line, as git and the AWS tools have them.

use std::ops::Range;

/// A line and what it stands under.
#[derive(Clone, Debug)]
pub(super) struct Line<'t> {
    /// Where it stands, its end included.
    pub(super) range: Range<usize>,
    /// What it says, without the blanks around.
    pub(super) text: &'t str,
    /// What stands between the brackets of its section, or of itself.
    pub(super) section: Option<&'t str>,
    /// Whether it goes on with the line before.
    pub(super) is_continued: bool,
}

impl<'t> Line<'t> {
    /// Whether it begins a section.
    pub(super) fn is_header(&self) -> bool {
        !self.is_continued && self.text.starts_with('[')
    }

    /// Whether it says nothing to anyone but people.
    pub(super) fn is_silent(&self) -> bool {
        self.text.is_empty() || self.text.starts_with(['#', ';'])
    }

    /// Its key and value.
    pub(super) fn entry(&self) -> Option<(&'t str, &'t str)> {
        if self.is_header() || self.is_silent() || self.is_continued {
            return None;
        }
        let (key, value) = self.text.split_once('=')?;
        Some((key.trim(), value.trim()))
    }
}

/// The lines of a text. `goes_on` says of a line with its blanks, and of the one before, whether it goes on with that.
pub(super) fn lines<'t>(text: &'t str, goes_on: impl Fn(&str, &str) -> bool) -> Vec<Line<'t>> {
    let mut lines: Vec<Line<'t>> = Vec::new();
    let (mut start, mut section, mut before) = (0, None, "");
    for whole in text.split_inclusive('\n') {
        let is_continued = goes_on(whole.trim_end(), before);
        let content = whole.trim();
        if !is_continued && content.starts_with('[') {
            section = Some(name(&content[1..]));
        }
        lines.push(Line { range: start..start + whole.len(), text: content, section, is_continued });
        before = whole.trim_end();
        start += whole.len();
    }
    lines
}

/// What stands before the bracket that closes a header: one in quotes does not.
fn name(header: &str) -> &str {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let closes = |character: char| {
        let is_plain = !std::mem::take(&mut is_escaped);
        is_escaped = is_plain && is_quoted && character == '\\';
        is_quoted ^= is_plain && character == '"';
        character == ']' && !is_quoted
    };
    header.split(closes).next().unwrap_or_default()
}

/// The line numbers of the header of a section and of the last line that belongs to it, counted from zero.
pub(super) fn section(lines: &[Line<'_>], name: impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let first = lines.iter().position(|line| line.is_header() && line.section.is_some_and(&name))?;
    let behind = lines[first + 1..].iter().position(Line::is_header).map_or(lines.len(), |at| first + 1 + at);
    let last = (first..behind).rev().find(|at| *at == first || !lines[*at].is_silent())?;
    Some(first..last + 1)
}
