//! The errors with what is said about each beside the place that makes it:
//!
//! ```text
//! // Error: why it comes about. To do: what mends it.
//! // Error 3 or 4 (parse, Unfit): where the place does not tell the exit status, and with where its parts come from.
//! ```

use std::collections::BTreeMap;

use super::reading::{Kind, Site};
use super::words::Words;

/// An error, or several that one comment explains.
#[derive(Debug, Default)]
pub struct Entry {
    /// Where it is made.
    pub path: String,
    pub texts: Vec<String>,
    pub exits: Vec<u8>,
    pub why: String,
    pub what_to_do: String,
    pub hints: Vec<String>,
    pub parts: Vec<Part>,
}

/// What may stand in the place of a word in capitals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    pub text: String,
    pub hint: Option<String>,
}

/// What stands in a comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remark {
    /// The line behind it.
    line: usize,
    exits: Vec<u8>,
    parts: Vec<String>,
    why: String,
    what_to_do: String,
}

/// What only callers of the library see.
const UNSEEN: [&str; 1] = ["Unreadable"];

const MARK: &str = "// Error";
const TO_DO: &str = "To do:";

/// The remarks of a file.
pub fn remarks(text: &str) -> Result<Vec<Remark>, String> {
    let mut remarks = Vec::new();
    let mut lines = text.lines().zip(1..).peekable();
    while let Some((line, number)) = lines.next() {
        let Some(first) = line.trim_start().strip_prefix(MARK) else { continue };
        let (mut whole, mut last) = (first.to_owned(), number);
        while let Some((more, number)) =
            lines.next_if(|(line, _)| line.trim_start().starts_with("// ") && !line.trim_start().starts_with(MARK))
        {
            whole = whole + " " + more.trim_start().trim_start_matches("// ");
            last = number;
        }
        remarks.push(remark(&whole, last + 1).ok_or_else(|| format!("{number}: `{whole}` is no remark about an error"))?);
    }
    Ok(remarks)
}

/// What stands behind the mark, as ` 3 or 4 (parse): why. To do: what`.
fn remark(text: &str, line: usize) -> Option<Remark> {
    let (head, body) = text.split_once(": ")?;
    let (exits, parts) = head.split_once(" (").map_or((head, ""), |(exits, parts)| (exits, parts.trim_end_matches(')')));
    let exits = exits.split(" or ").map(str::trim).filter(|exit| !exit.is_empty()).map(str::parse).collect::<Result<_, _>>().ok()?;
    let (why, what_to_do) = body.split_once(TO_DO).unwrap_or((body, ""));
    let parts = parts.split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let why = why.trim().to_owned();
    (!why.is_empty()).then(|| Remark { line, exits, parts, why, what_to_do: what_to_do.trim().to_owned() })
}

/// The errors of all files, each with its remark, and what is wrong with them.
pub fn entries(sites: &[Site], remarks: &BTreeMap<String, Vec<Remark>>) -> (Vec<Entry>, Vec<String>) {
    let mut faults = Vec::new();
    let explained = explained(sites, remarks, &mut faults);
    let mut entries: Vec<(Entry, Vec<String>, &Site)> = Vec::new();
    let mut unclaimed = Vec::new();
    for (site, remark) in sites.iter().zip(&explained) {
        if let Some(remark) = remark {
            let entry = entry(site, remark);
            faults.extend(unfinished(site, &entry));
            entries.push((entry, remark.parts.clone(), site));
        }
    }
    for (site, remark) in sites.iter().zip(&explained) {
        let is_part = remark.is_none() && !matches!(site.kind, Kind::Notice) && !site.is_handed_on;
        if is_part && !take(&mut entries, site) {
            unclaimed.push(site);
        }
    }
    let is_told = |site: &Site| entries.iter().any(|(entry, ..)| entry.texts == texts(site));
    let is_seen = |site: &Site| {
        site.words.iter().any(Words::is_prose)
            && !matches!(&site.kind, Kind::Part(names) if names.iter().any(|name| UNSEEN.contains(&name.as_str())))
    };
    for site in unclaimed.into_iter().filter(|site| is_seen(site) && !matches!(site.kind, Kind::Of(..)) && !is_told(site)) {
        let wanted = if matches!(site.kind, Kind::Error(_)) {
            "has no remark that says why and what to do"
        } else {
            "is no part of an error with a remark"
        };
        faults.push(format!("{}:{}: `{}` {wanted}", site.path, site.place.0, texts(site).join("`, `")));
    }
    (finished(entries.into_iter().map(|(entry, ..)| entry).collect()), faults)
}

/// Gives a part to the errors that take it; whether any does.
fn take(entries: &mut [(Entry, Vec<String>, &Site)], site: &Site) -> bool {
    let mut is_taken = false;
    for (entry, wanted, maker) in entries {
        let is_filled = site.fills.as_ref().is_some_and(|(path, place)| (&maker.path, &maker.place) == (path, place));
        let is_taker = is_filled
            || match &site.kind {
                Kind::Part(names) => names.iter().any(|name| wanted.contains(name)),
                Kind::Of(path, place) => (&maker.path, &maker.place) == (path, place),
                Kind::Error(_) => site.names.iter().any(|name| wanted.contains(name)),
                Kind::Notice => false,
            };
        if is_taker {
            is_taken = true;
            let is_sentence = |text: &String| text.split(' ').count() > 2 && !text.starts_with(' ') || matches!(site.kind, Kind::Part(_));
            let new = texts(site).into_iter().filter(|text| is_sentence(text) && !entry.texts.contains(text));
            entry.parts.extend(new.map(|text| Part { text, hint: site.hints.first().cloned() }).collect::<Vec<_>>());
        }
    }
    is_taken
}

/// The remark of each site: that above the site, or above the words that it says.
fn explained<'r>(sites: &[Site], remarks: &'r BTreeMap<String, Vec<Remark>>, faults: &mut Vec<String>) -> Vec<Option<&'r Remark>> {
    let mut explained = vec![None; sites.len()];
    for (path, remarks) in remarks {
        for remark in remarks {
            let lines =
                |site: &Site| site.words.iter().map(|words| words.line).chain([site.place.0]).filter(|line| *line >= remark.line).min();
            let behind = sites.iter().enumerate().filter(|(_, site)| site.path == *path);
            let nearest = behind.filter_map(|(at, site)| Some((lines(site)?, site.place, at))).min();
            match nearest {
                Some((line, _, at)) if line <= remark.line + 8 && explained[at].is_none() => explained[at] = Some(remark),
                _ => faults.push(format!("{path}:{}: a remark about an error, and no error behind it", remark.line)),
            }
        }
    }
    explained
}

fn texts(site: &Site) -> Vec<String> {
    site.words.iter().map(|words| words.text.clone()).collect()
}

fn entry(site: &Site, remark: &Remark) -> Entry {
    let told = match site.kind {
        Kind::Error(exit) => exit,
        Kind::Part(_) | Kind::Of(..) | Kind::Notice => None,
    };
    let exits = if remark.exits.is_empty() { told.into_iter().collect() } else { remark.exits.clone() };
    let (path, why, what_to_do) = (site.path.clone(), remark.why.clone(), remark.what_to_do.clone());
    Entry { path, texts: texts(site), exits, why, what_to_do, hints: site.hints.clone(), parts: Vec::new() }
}

fn unfinished(site: &Site, entry: &Entry) -> Option<String> {
    let what = if entry.exits.is_empty() {
        "no exit status"
    } else if entry.what_to_do.is_empty() && entry.hints.is_empty() && entry.exits != [3] {
        "no advice"
    } else {
        return None;
    };
    Some(format!("{}:{}: {what} is known for `{}`", site.path, site.place.0, entry.texts.join("`, `")))
}

/// In the order of their words; those that are made in several places once.
fn finished(entries: Vec<Entry>) -> Vec<Entry> {
    let mut entries = entries;
    entries.sort_by(|one, other| (&one.texts, &one.why).cmp(&(&other.texts, &other.why)));
    for entry in &mut entries {
        entry.parts.sort();
        entry.parts.dedup();
        entry.hints.dedup();
    }
    entries.dedup_by(|one, other| (&one.texts, &one.why) == (&other.texts, &other.why));
    entries.sort_by_key(|entry| entry.texts[0].trim_start_matches(['`', '-']).to_lowercase());
    entries
}
