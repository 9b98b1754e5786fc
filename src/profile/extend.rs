//! A configuration with one profile more. What is there stays to the last byte: comments, order, the ends of lines, profiles. The new
//! profile comes behind it; only a default that somebody asked for is put where a default is.
//!
//! It refuses a configuration with a mistake in it, a profile that is there in whatever spelling, and to write what would not be read as
//! it is meant. A default that is not there is a mistake that the new profile may mend.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::draft::{Draft, text as quoted};
use super::read::{located, read, read_to_extend};
use super::{ConfigError, Configuration, Places};
use crate::name::Name;
use crate::settings::{Context, Mistake, Section};

/// A configuration with one profile more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended {
    /// All of it.
    pub text: String,
    /// What is new in it, to the last byte: the line of a new default, if there is one, and what comes behind all that was there.
    pub added: String,
    /// The line at which the new profile begins, counted from one.
    pub line: usize,
    /// Whether several profiles are there now of which none is the default, where a moment ago the only one went without saying.
    pub needs_names: bool,
}

/// `text`, the configuration at `places`, with the profile of `draft`; as the default, where `is_default` says so.
///
/// # Errors
/// [`ConfigError`] where that has a mistake, or such a profile, or no place for it, or where the draft is no profile.
pub fn extend(text: &str, places: &Places, draft: &Draft, is_default: bool) -> Result<Extended, ConfigError> {
    let before = before(text, places, &draft.name, is_default).map_err(|mistake| located(&places.config, &mistake))?;
    refuse_existing(&before, text, places, &draft.name)?;
    read_at(&draft.table("\n"), places).map_err(|mistake| unfit(&mistake, &draft.name))?;
    let (new, default) =
        if is_default && !text.trim().is_empty() { with_default(text, &draft.name) } else { (text.to_owned(), String::new()) };
    let end = if text.trim().is_empty() { draft.configuration() } else { appendix(&new, draft) };
    let (new, added) = (new + &end, default + &end);
    let after = read_at(&new, places).ok().filter(|after| after.profiles().count() == before.profiles().count() + 1);
    let after = after.ok_or_else(|| {
        // Error: TOML does not let an inline table be continued. Nothing was written.
        let message = format!("{}: its profiles are in one inline table, to which nothing can be added", places.config.display());
        ConfigError::new(message, Some("write `profile = { NAME = { … } }` as a table `[profile.NAME]`, a key on each line".to_owned()))
    })?;
    let line = line_of_profile(&new, places, &draft.name);
    let is_first = before.profiles().next().is_none();
    Ok(Extended {
        text: new,
        added,
        line,
        needs_names: !is_first && before.default.is_none() && after.default.is_none() && is_only(&before),
    })
}

/// What is there, but for a default that becomes this profile, or is replaced by it.
fn before(text: &str, places: &Places, name: &Name, is_default: bool) -> Result<Configuration, Mistake> {
    let before = read_to_extend(context(text, places), places)?;
    let is_mended = is_default || before.absent_default().is_none_or(|absent| absent == name);
    if is_mended { Ok(before) } else { read_at(text, places) }
}

fn is_only(configuration: &Configuration) -> bool {
    configuration.profiles().count() == 1
}

fn read_at(text: &str, places: &Places) -> Result<Configuration, Mistake> {
    read(context(text, places), places)
}

fn context<'a>(text: &'a str, places: &'a Places) -> Context<'a> {
    Context { text, folder: places.config.parent().unwrap_or(Path::new("")), home: places.home.as_deref() }
}

/// Refuses a name that is taken.
///
/// # Errors
/// [`ConfigError`] that says by what.
pub fn refuse_existing(configuration: &Configuration, text: &str, places: &Places, name: &Name) -> Result<(), ConfigError> {
    if configuration.get(name).is_none() {
        return Ok(());
    }
    let line = line_of_profile(text, places, name);
    // Error: `token init` does not overwrite a profile, in whatever way its name is written. Nothing was written.
    let message = format!("{name}: there is such a profile already, in {}:{line}", places.config.display());
    Err(ConfigError::new(message, Some("choose another name with `-p NAME`, or edit that one".to_owned())))
}

fn line_of_profile(text: &str, places: &Places, name: &Name) -> usize {
    let found = || {
        let profiles = Section::parse(context(text, places)).ok()?.take("profile")?.section().ok()?.take_rest();
        profiles.into_iter().find(|(known, _)| known == name.as_str()).map(|(_, item)| item.mistake("").line)
    };
    found().unwrap_or(1)
}

/// A mistake in what was given, by the option that gave it.
fn unfit(mistake: &Mistake, name: &Name) -> ConfigError {
    let key = mistake.key.strip_prefix("profile.").and_then(|key| key.strip_prefix(name.as_str()));
    let key = key.unwrap_or(&mistake.key).trim_start_matches('.');
    let what = match key {
        "" => mistake.what.clone(),
        "issuer" => format!("ISSUER: {}", mistake.what),
        key => format!("--{}: {}", key.replace('_', "-"), mistake.what),
    };
    ConfigError::new(what, mistake.hint.clone().filter(|hint| !hint.contains('`')))
}

/// What comes behind `text`: the profile, with an empty line between.
fn appendix(text: &str, draft: &Draft) -> String {
    let end = end_of_line(text);
    let between = match (text.ends_with('\n'), text.ends_with(&end.repeat(2))) {
        (_, true) => "",
        (true, _) => end,
        (false, _) => &end.repeat(2),
    };
    between.to_owned() + &draft.table(end)
}

/// How lines end there.
fn end_of_line(text: &str) -> &'static str {
    if text.find('\n').is_some_and(|at| text[..at].ends_with('\r')) { "\r\n" } else { "\n" }
}

/// `text` with this default, in the place of another or at the top, behind a heading; and what of it is new.
fn with_default(text: &str, name: &Name) -> (String, String) {
    let value = quoted(name.as_str());
    if let Some(place) = place_of_default(text) {
        let (before, behind) = (&text[..place.start], &text[place.end..]);
        let (line, rest) = (before.rfind('\n').map_or(0, |at| at + 1), behind.find('\n').map_or(behind.len(), |at| at + 1));
        return ([before, &value, behind].concat(), [&before[line..], &value, &behind[..rest]].concat());
    }
    let end = end_of_line(text);
    let line = ["default = ", &value, end, end].concat();
    let (heading, rest) = text.split_at(end_of_heading(text));
    ([heading, &line, rest].concat(), line)
}

fn place_of_default(text: &str) -> Option<Range<usize>> {
    let table = DeTable::parse(text).ok()?;
    let value = table.get_ref().get("default")?;
    matches!(value.get_ref(), DeValue::String(_)).then(|| value.span())
}

/// Where the comment ends that stands at the top by itself, with the empty line behind it.
fn end_of_heading(text: &str) -> usize {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        end += line.len();
        match line.trim() {
            "" => return end,
            comment if comment.starts_with('#') => {}
            _ => return start,
        }
    }
    start
}

#[cfg(test)]
pub(super) mod tests;
