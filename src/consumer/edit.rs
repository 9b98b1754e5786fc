//! Edits of a text, and their undoing. An edit knows what it put where, what was there, and what came behind, so that it can be undone in
//! a text that has changed elsewhere since. It is not undone where what it put is not there, is there twice, or is followed by something
//! else: that may belong to it by now.

use serde::{Deserialize, Serialize};

/// One piece of a text in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Where, in bytes of the text before any edit.
    pub at: usize,
    /// What was there.
    pub removed: String,
    /// What is there now.
    pub inserted: String,
    /// What comes behind it, to the end of the next line.
    pub followed: String,
    /// Whether nothing comes behind that.
    pub is_last: bool,
}

impl Edit {
    pub(super) fn insert(at: usize, inserted: impl Into<String>) -> Self {
        Self { at, removed: String::new(), inserted: inserted.into(), followed: String::new(), is_last: false }
    }

    pub(super) fn replace(text: &str, range: std::ops::Range<usize>, inserted: impl Into<String>) -> Self {
        let removed = text.get(range.clone()).unwrap_or_default().to_owned();
        Self { removed, ..Self::insert(range.start, inserted) }
    }

    pub(super) fn remove(text: &str, range: std::ops::Range<usize>) -> Self {
        Self::replace(text, range, "")
    }
}

/// `text` after `edits`, which stand in order and do not overlap.
#[must_use]
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        result.push_str(text.get(done..edit.at).unwrap_or_default());
        result.push_str(&edit.inserted);
        done = edit.at + edit.removed.len();
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

/// `edits` that know what comes behind them in `text`, which they are for. Each is undone after those behind it.
pub(super) fn settled(text: &str, mut edits: Vec<Edit>) -> Vec<Edit> {
    for edit in &mut edits {
        let rest = text.get(edit.at + edit.removed.len()..).unwrap_or_default();
        let most = if edit.inserted.ends_with('\n') { 1 } else { 2 };
        let lines: Vec<&str> = rest.split_inclusive('\n').take(most).collect();
        edit.followed = lines.concat();
        edit.is_last = lines.len() < most || !edit.followed.ends_with('\n');
    }
    edits
}

/// `text` without those of `edits` that can still be told from what is around them.
#[must_use]
pub fn revert(text: &str, edits: &[Edit]) -> String {
    let mut before = text.to_owned();
    for (edit, place) in edits.iter().zip(places(edits)).rev() {
        if let Some(place) = find(&before, edit, place) {
            before.replace_range(place..place + edit.inserted.len(), &edit.removed);
        }
    }
    before
}

/// Where each edit is in a text with all of them.
fn places(edits: &[Edit]) -> Vec<usize> {
    let mut places = Vec::new();
    let (mut put, mut taken) = (0_usize, 0_usize);
    for edit in edits {
        places.push(edit.at.saturating_add(put).saturating_sub(taken));
        put = put.saturating_add(edit.inserted.len());
        taken = taken.saturating_add(edit.removed.len());
    }
    places
}

fn find(text: &str, edit: &Edit, place: usize) -> Option<usize> {
    let is_it = |at: &usize| {
        let rest = text.get(*at..).and_then(|rest| rest.strip_prefix(&edit.inserted)?.strip_prefix(&edit.followed));
        rest.is_some_and(|rest| if edit.is_last { rest.is_empty() } else { !edit.followed.is_empty() })
    };
    if is_it(&place) {
        return Some(place);
    }
    let mut places = text.match_indices(&edit.inserted).map(|(at, _)| at).filter(|_| !edit.inserted.is_empty());
    let found = places.next().filter(is_it)?;
    places.next().is_none().then_some(found)
}

/// The line of an offset, counted from one.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// How lines of `text` end.
pub(super) fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The offset at which the line of `offset` begins, which may be within a character.
pub(super) fn start_of_line(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// The offset behind the line of `offset`, its end included; `offset` may be within a character.
pub(super) fn behind_line(text: &str, offset: usize) -> usize {
    text.as_bytes()[offset..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| offset + at + 1)
}

/// Puts `lines` behind the last line, with an empty line between where `apart` says so.
pub(super) fn append(text: &str, lines: &[String], apart: bool) -> Edit {
    insert_lines(text, text.len(), lines, apart)
}

/// Puts `lines` at `at`, which is where a line begins, or the end.
pub(super) fn insert_lines(text: &str, at: usize, lines: &[String], apart: bool) -> Edit {
    let end = line_end(text);
    let is_open = at > 0 && !text[..at].ends_with('\n');
    let gap = if apart && at > 0 && !text[..at].trim_end_matches([' ', '\t']).ends_with(&format!("{end}{end}")) { end } else { "" };
    let block = lines.join(end);
    Edit::insert(at, if is_open { format!("{end}{gap}{block}") } else { format!("{gap}{block}{end}") })
}

/// Removes the lines that `range` touches; one empty line before them too, where `apart` says so.
pub(super) fn remove_lines(text: &str, range: std::ops::Range<usize>, apart: bool) -> Edit {
    let last = range.end.max(range.start + 1) - 1;
    let (mut start, end) = (start_of_line(text, range.start), behind_line(text, last.min(text.len())));
    let before = &text[..start];
    let gap = ["\r\n\r\n", "\n\n"].into_iter().find(|gap| apart && before.ends_with(gap));
    start -= gap.map_or(0, |gap| gap.len() / 2);
    // The last line of a text without a line end at its end takes that of the line before it along.
    if end == text.len() && !text.ends_with('\n') {
        let kept = text[..start].strip_suffix('\n').map(|kept| kept.strip_suffix('\r').unwrap_or(kept));
        start = kept.map_or(start, str::len);
    }
    Edit::remove(text, start..end)
}
