//! cargo: a credential provider for the registries that are asked for, or that the profile's hosts serve, or else for all.
//!
//! A registry that has another provider is left alone. The list for all keeps what is in it; ours comes last, where cargo asks first.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::edit::{Edit, append, behind_line, insert_lines, line_end, line_of, remove_lines, start_of_line};
use super::{Change, mistake};
use crate::error::one_line;
use crate::protocol::Target;
use crate::settings::Mistake;

/// The program as cargo calls it.
pub const LINK: &str = "cargo-credential-token";

const KEY: &str = "credential-provider";
const GLOBAL: &str = "global-credential-providers";
/// What cargo does without a list.
const DEFAULT: &str = "cargo:token";

type Value<'t> = Spanned<DeValue<'t>>;

/// A provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The link to us, by name where it is on the path.
    pub path: String,
    /// The profile.
    pub profile: String,
    /// The registries that are asked for.
    pub registries: Vec<String>,
    /// The hosts of the profile.
    pub hosts: Vec<String>,
}

impl Provider {
    fn words(&self) -> [String; 3] {
        [self.path.clone(), "--profile".to_owned(), self.profile.clone()]
    }

    fn is_ours(&self, value: &DeValue<'_>) -> bool {
        let words = words(value);
        let (path, rest) = words.split_first().map_or(("", &[][..]), |(path, rest)| (path.as_str(), rest));
        path.rsplit('/').next() == Some(LINK) && *rest == self.words()[1..]
    }

    /// The registries that it is for; none where it is for all.
    fn registries(&self, root: &DeTable<'_>) -> Vec<String> {
        if !self.registries.is_empty() {
            return self.registries.clone();
        }
        let is_served = |registry: &&(&str, &Value<'_>)| {
            let index = get(registry.1.get_ref(), "index").and_then(|index| index.get_ref().as_str());
            index.is_some_and(|index| {
                Target::of_url(index.strip_prefix("sparse+").unwrap_or(index)).is_some_and(|place| place.affinity(&self.hosts).is_some())
            })
        };
        registries(root).iter().filter(is_served).map(|(name, _)| (*name).to_owned()).collect()
    }

    fn registry_edit(&self, text: &str, root: &DeTable<'_>, name: &str) -> Result<Edit, Mistake> {
        let line = format!("{KEY} = [{}]", self.words().map(|word| basic(&word)).join(", "));
        let Some((_, table)) = registries(root).into_iter().find(|(known, _)| *known == name) else {
            return Ok(append(text, &[format!("[registries.{}]", key(name)), line], true));
        };
        if let Some(other) = get(table.get_ref(), KEY) {
            let what = format!("`{}` has another {KEY}", one_line(name));
            return Err(mistake(line_of(text, other.span().start), what, Some("remove it there, if ours is to answer for this registry")));
        }
        let span = table.span();
        let written = &text[span.clone()];
        if written.starts_with('[') {
            return Ok(insert_lines(text, behind_line(text, span.end), &[line], false));
        }
        if written.starts_with('{') {
            let last = table.get_ref().as_table().into_iter().flat_map(DeTable::values).map(|value| value.span().end).max();
            return Ok(last.map_or_else(|| Edit::insert(span.start + 1, format!(" {line} ")), |end| Edit::insert(end, format!(", {line}"))));
        }
        // `registries.NAME.index = …`: what stands before the last key stands before ours too.
        let first = table.get_ref().as_table().into_iter().flat_map(DeTable::keys).map(|key| key.span().start).min();
        let (start, first) = (start_of_line(text, span.start), first.unwrap_or(span.end));
        Ok(insert_lines(text, start, &[format!("{}{line}", text.get(start..first).unwrap_or_default())], false))
    }

    fn global_edit(&self, text: &str, root: &DeTable<'_>) -> Result<Edit, Mistake> {
        let word = basic(&self.words().join(" "));
        let line = format!("{GLOBAL} = [\"{DEFAULT}\", {word}]");
        let Some(registry) = root.get("registry") else {
            return Ok(append(text, &["[registry]".to_owned(), line], true));
        };
        let Some(list) = get(registry.get_ref(), GLOBAL) else {
            let span = registry.span();
            let is_table = text[span.clone()].starts_with('[');
            let wrong = || mistake(line_of(text, span.start), "`registry` is written without a header", Some("write `[registry]` over it"));
            return is_table.then(|| insert_lines(text, behind_line(text, span.end), &[line], false)).ok_or_else(wrong);
        };
        match list.get_ref().as_array().map(|list| list.iter().last().map(Spanned::span)) {
            Some(Some(last)) => Ok(Edit::insert(last.end, format!(", {word}"))),
            Some(None) => Ok(Edit::insert(list.span().start + 1, word)),
            None => Err(mistake(line_of(text, list.span().start), format!("`{GLOBAL}` is no list"), None)),
        }
    }

    /// What takes our word out of the list for all.
    fn global_removal(&self, text: &str, root: &DeTable<'_>) -> Option<Edit> {
        let registry = root.get("registry")?;
        let list = get(registry.get_ref(), GLOBAL)?;
        let items: Vec<&Value<'_>> = list.get_ref().as_array()?.iter().collect();
        let ours = items.iter().position(|item| self.is_ours(item.get_ref()))?;
        let others: Vec<Option<&str>> =
            items.iter().enumerate().filter(|(at, _)| *at != ours).map(|(_, item)| item.get_ref().as_str()).collect();
        if others == [Some(DEFAULT)] {
            return Some(key_removal(text, registry, list, GLOBAL));
        }
        Some(match ours.checked_sub(1).and_then(|before| items.get(before)) {
            Some(before) => Edit::remove(text, before.span().end..items[ours].span().end),
            None => Edit::remove(text, items[ours].span().start..items.get(1).map_or(items[ours].span().end, |next| next.span().start)),
        })
    }
}

impl Change for Provider {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        let table = parse(text)?;
        let root = table.get_ref();
        let wanted = self.registries(root);
        let exact = |value: &Value<'_>| words(value.get_ref()) == self.words();
        let has = |name: &str| registries(root).iter().any(|(known, table)| *known == name && get(table.get_ref(), KEY).is_some_and(exact));
        let is_global = root.get("registry").and_then(|registry| get(registry.get_ref(), GLOBAL)?.get_ref().as_array());
        let is_global = is_global.is_some_and(|list| list.iter().any(exact));
        let stale =
            registries(root).into_iter().filter(|(_, table)| get(table.get_ref(), KEY).is_some_and(|value| self.is_ours(value.get_ref())));
        let is_stale = stale.map(|(name, _)| name).any(|name| !wanted.iter().any(|wanted| wanted == name));
        Ok(!is_stale && if wanted.is_empty() { is_global } else { wanted.iter().all(|name| has(name)) })
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let table = parse(text)?;
        let root = table.get_ref();
        let wanted = self.registries(root);
        if wanted.is_empty() {
            return Ok(vec![self.global_edit(text, root)?]);
        }
        let edits: Result<Vec<Edit>, Mistake> = wanted.iter().map(|name| self.registry_edit(text, root, name)).collect();
        let mut edits = edits?;
        edits.sort_by_key(|edit| edit.at);
        Ok(joined(text, edits))
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let table = parse(text)?;
        let root = table.get_ref();
        let of_registry = |(_, registry): (&str, &Value<'_>)| {
            let value = get(registry.get_ref(), KEY).filter(|value| self.is_ours(value.get_ref()))?;
            Some(key_removal(text, registry, value, KEY))
        };
        let edits = registries(root).into_iter().filter_map(of_registry).chain(self.global_removal(text, root));
        let mut edits: Vec<Edit> = edits.collect();
        edits.sort_by_key(|edit| edit.at);
        Ok(edits)
    }
}

pub(super) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Mistake> {
    DeTable::parse(text).map_err(|error| {
        let line = line_of(text, error.span().map_or(0, |span| span.start));
        mistake(line, format!("this is not TOML: {}", one_line(error.message())), None)
    })
}

fn get<'v, 't>(table: &'v DeValue<'t>, key: &str) -> Option<&'v Value<'t>> {
    table.as_table()?.get(key)
}

pub(super) fn registries<'v, 't>(root: &'v DeTable<'t>) -> Vec<(&'v str, &'v Value<'t>)> {
    let table = root.get("registries").and_then(|table| table.get_ref().as_table());
    table.into_iter().flatten().map(|(name, table)| (name.get_ref().as_ref(), table)).collect()
}

/// A provider's words, however it is written.
pub(super) fn words(value: &DeValue<'_>) -> Vec<String> {
    match (value.as_str(), value.as_array()) {
        (Some(line), _) => line.split(' ').map(str::to_owned).collect(),
        (_, Some(list)) => list.iter().filter_map(|word| word.get_ref().as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

fn key_start(table: &Value<'_>, key: &str) -> usize {
    let keys = table.get_ref().as_table().into_iter().flat_map(DeTable::keys);
    keys.filter(|known| known.get_ref().as_ref() == key).map(|known| known.span().start).next().unwrap_or(table.span().start)
}

/// What takes a key out of a table, and its header where nothing else was below it.
fn key_removal(text: &str, table: &Value<'_>, value: &Value<'_>, key: &str) -> Edit {
    let (span, entries) = (table.span(), table.get_ref().as_table());
    if text[span.clone()].starts_with('{') {
        return inline_removal(text, table, key, value.span());
    }
    let is_header = text[span.clone()].starts_with('[');
    let behind = behind_line(text, value.span().end - 1);
    let is_followed = is_header && behind_line(text, span.end - 1) == start_of_line(text, key_start(table, key));
    let is_alone = is_followed && entries.is_some_and(|entries| entries.len() == 1);
    let start = if is_alone { span.start } else { key_start(table, key) };
    remove_lines(text, start..behind, is_alone)
}

/// What takes a key out of braces.
fn inline_removal(text: &str, table: &Value<'_>, key: &str, value: Range<usize>) -> Edit {
    let values = table.get_ref().as_table().into_iter().flat_map(DeTable::values);
    let before = values.map(|value| value.span().end).filter(|end| *end < value.start).max();
    let start = key_start(table, key);
    let comma = text[value.end..].find(|c: char| !c.is_whitespace()).map(|at| value.end + at).filter(|at| text[*at..].starts_with(','));
    match (before, comma) {
        (Some(before), _) => Edit::remove(text, before..value.end),
        (None, Some(comma)) => Edit::remove(text, start..comma + 1),
        (None, None) => Edit::remove(text, table.span().start + 1..table.span().end - 1),
    }
}

/// Insertions at one place are one.
fn joined(text: &str, edits: Vec<Edit>) -> Vec<Edit> {
    let end = line_end(text);
    let mut joined: Vec<Edit> = Vec::new();
    for edit in edits {
        match joined.last_mut() {
            Some(last) if last.at == edit.at && last.removed.is_empty() => {
                let is_open = !last.inserted.ends_with('\n') && !edit.inserted.starts_with(end);
                let gap = if edit.inserted.starts_with('[') { end } else { "" };
                last.inserted = format!("{}{}{gap}{}", last.inserted, if is_open { end } else { "" }, edit.inserted);
            }
            _ => joined.push(edit),
        }
    }
    joined
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { name.to_owned() } else { basic(name) }
}

/// A basic string of TOML, which a string of JSON is.
fn basic(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
