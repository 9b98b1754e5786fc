//! A table of the configuration file, read key by key. Every answer is a typed value or a [`Mistake`] that knows its line, its key and,
//! for a key nobody asked for, the nearest one that would have been right.
//!
//! It knows no key by itself: whoever wants a key takes it, and [`Section::finish`] refuses what nobody took.

mod item;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::one_line;

/// Where the text came from and what paths in it are relative to.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The whole file.
    pub text: &'a str,
    /// The folder of the file: relative paths start here.
    pub folder: &'a Path,
    /// What a leading `~` stands for.
    pub home: Option<&'a Path>,
}

/// Something in the configuration that cannot be taken as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from one.
    pub line: usize,
    /// The key with the tables it stands in, as `profile.prod.issuer`.
    pub key: String,
    /// What is wrong with it, to follow the key.
    pub what: String,
    /// The nearest right one, or what would be right.
    pub hint: Option<String>,
}

#[cfg(test)]
std::thread_local! {
    /// Every key that was asked for on this thread, whether it was there or not.
    pub(crate) static ASKED_FOR: std::cell::RefCell<std::collections::BTreeSet<&'static str>> = const { std::cell::RefCell::new(std::collections::BTreeSet::new()) };
}

/// A table whose keys are taken one after another.
#[derive(Debug)]
pub struct Section<'a> {
    context: Context<'a>,
    path: String,
    start: usize,
    entries: BTreeMap<String, (usize, Spanned<DeValue<'a>>)>,
    known: Vec<&'static str>,
}

/// One value and where it stands.
#[derive(Debug)]
pub struct Item<'a> {
    context: Context<'a>,
    path: String,
    start: usize,
    value: DeValue<'a>,
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

impl<'a> Section<'a> {
    /// Reads a whole file.
    ///
    /// # Errors
    /// A [`Mistake`] where the text is not TOML.
    pub fn parse(context: Context<'a>) -> Result<Self, Mistake> {
        let table = DeTable::parse(context.text).map_err(|error| Mistake {
            line: line_of(context.text, error.span().map_or(0, |span| span.start)),
            key: duplicate(&error, context.text).unwrap_or_default(),
            what: format!("not TOML: {}", one_line(error.message())),
            hint: None,
        })?;
        Ok(Self::new(context, String::new(), 0, table.into_inner()))
    }

    fn new(context: Context<'a>, path: String, start: usize, table: DeTable<'a>) -> Self {
        let entry = |(key, value): (Spanned<std::borrow::Cow<'a, str>>, _)| {
            let start = key.span().start;
            (key.into_inner().into_owned(), (start, value))
        };
        Self { context, path, start, entries: table.into_iter().map(entry).collect(), known: Vec::new() }
    }

    /// Takes `key` out, whatever it holds.
    pub fn take(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.known.push(key);
        #[cfg(test)]
        ASKED_FOR.with_borrow_mut(|keys| keys.insert(key));
        self.take_entry(key)
    }

    fn take_entry(&mut self, key: &str) -> Option<Item<'a>> {
        let (start, value) = self.entries.remove(key)?;
        Some(Item { context: self.context, path: self.path_of(key), start, value: value.into_inner() })
    }

    /// Takes all that is left, as the tables of `[profile]` are.
    pub fn take_rest(&mut self) -> Vec<(String, Item<'a>)> {
        let keys: Vec<String> = self.entries.keys().cloned().collect();
        keys.into_iter().filter_map(|key| self.take_entry(&key).map(|item| (key, item))).collect()
    }

    /// Takes `key` and reads it with `read`.
    ///
    /// # Errors
    /// The [`Mistake`] that `read` finds.
    pub fn optional<T>(&mut self, key: &'static str, read: impl FnOnce(Item<'a>) -> Result<T, Mistake>) -> Result<Option<T>, Mistake> {
        self.take(key).map(read).transpose()
    }

    /// Like [`optional`](Self::optional) for a key that has to be there.
    ///
    /// # Errors
    /// A [`Mistake`] at the table's header where it is not, or the one that `read` finds.
    pub fn required<T>(&mut self, key: &'static str, read: impl FnOnce(Item<'a>) -> Result<T, Mistake>) -> Result<T, Mistake> {
        match self.optional(key, read)? {
            Some(value) => Ok(value),
            None => Err(self.missing(key)),
        }
    }

    /// The mistake of not having `key`: or of having misspelt it.
    #[must_use]
    pub fn missing(&self, key: &str) -> Mistake {
        let misspelt = self.entries.keys().find(|found| similar(found, key));
        match misspelt {
            Some(found) => self.unknown(found),
            None => {
                Mistake { line: line_of(self.context.text, self.start), key: self.path_of(key), what: "missing".to_owned(), hint: None }
            }
        }
        .or_hint(|| Some(format!("did you mean `{key}`?")).filter(|_| misspelt.is_some()))
    }

    /// A mistake about the table itself.
    #[must_use]
    pub fn mistake(&self, what: impl Into<String>, hint: Option<String>) -> Mistake {
        Mistake { hint, ..Mistake::new(self.context.text, self.start, &self.path, what) }
    }

    /// Refuses every key that nobody took.
    ///
    /// # Errors
    /// A [`Mistake`] for the first of them.
    pub fn finish(self) -> Result<(), Mistake> {
        match self.entries.iter().min_by_key(|(_, (start, _))| *start) {
            Some((key, _)) => Err(self.unknown(key)),
            None => Ok(()),
        }
    }

    fn unknown(&self, key: &str) -> Mistake {
        let start = self.entries.get(key).map_or(self.start, |(start, _)| *start);
        let hint = match nearest(key, self.known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", self.known_in_short()),
        };
        Mistake { hint: Some(hint), ..Mistake::new(self.context.text, start, &self.path_of(key), "unknown key") }
    }

    /// The keys asked for, those that are peculiar to this table first, as many as a person reads.
    fn known_in_short(&self) -> String {
        const MOST: usize = 240;
        let mut short = String::new();
        for key in self.known.iter().rev() {
            if short.len() + key.len() > MOST {
                return short + ", …";
            }
            short += if short.is_empty() { "" } else { ", " };
            short += key;
        }
        short
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { [&self.path, ".", key].concat() }
    }
}

/// The key that stands twice. Nothing else of the text is repeated: it may be a secret.
fn duplicate(error: &toml::de::Error, text: &str) -> Option<String> {
    let key = text.get(error.span()?)?;
    error.message().contains("duplicate key").then(|| one_line(key))
}

impl Mistake {
    /// Where the text has been read to `start`, at the key `path`, which may be anything that somebody typed.
    fn new(text: &str, start: usize, path: &str, what: impl Into<String>) -> Self {
        Self { line: line_of(text, start), key: one_line(path), what: what.into(), hint: None }
    }

    fn or_hint(mut self, hint: impl FnOnce() -> Option<String>) -> Self {
        self.hint = self.hint.or_else(hint);
        self
    }
}

const A_DURATION: &str = "a duration such as \"2h\", \"90s\" or \"1m 30s\"";

/// Reads a duration as `2h`, `90s`, `1m 30s`.
///
/// # Errors
/// A sentence that says what was wanted.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| format!("`{}` is not {A_DURATION}", one_line(text)))
}

/// The same for a duration that must not be zero.
///
/// # Errors
/// A sentence that says what was wanted.
pub fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("must be more than 0s".to_owned()),
        duration => Ok(duration),
    }
}

/// The one of `names` that `typed` is most like, where it is like one at all.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let typed = typed.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&typed, name).max(strsim::normalized_damerau_levenshtein(&typed, name) + 0.1);
    let ranked = names.into_iter().map(|name| (likeness(name), name));
    ranked.filter(|(likeness, _)| *likeness > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

fn similar(found: &str, wanted: &str) -> bool {
    strsim::damerau_levenshtein(found, wanted) <= 1 + wanted.len() / 6
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn section(text: &str) -> Result<Section<'_>, Mistake> {
        Section::parse(Context { text, folder: Path::new("/etc/token"), home: Some(Path::new("/home/me")) })
    }

    fn only<'a, T>(text: &'a str, read: impl FnOnce(Item<'a>) -> Result<T, Mistake>) -> Result<T, Mistake> {
        section(text)?.required("key", read)
    }

    #[test]
    fn values_are_typed() {
        assert_eq!(only("key = 'x'", Item::string), Ok("x".to_owned()));
        assert_eq!(only("key = ['a', 'b']", Item::one_or_more), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(only("key = 'a'", Item::one_or_more), Ok(vec!["a".to_owned()]));
        assert_eq!(only("key = '1m 30s'", Item::duration), Ok(Duration::from_secs(90)));
        assert_eq!(only("key = 'none'", |item| item.duration_or("none")), Ok(None));
        assert_eq!(only("key = 0x10", |item| item.integer(0..=16)), Ok(16));
        for (text, path) in [("~/a", "/home/me/a"), ("~", "/home/me"), ("b/c", "/etc/token/b/c"), ("/d", "/d"), ("~x", "/etc/token/~x")] {
            assert_eq!(only(&format!("key = '{text}'"), Item::path), Ok(PathBuf::from(path)));
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_its_line() {
        type Read = fn(Item<'_>) -> Result<(), Mistake>;
        let table: [(&str, Read, &str); 8] = [
            ("\nkey = 1", |i| i.string().map(drop), "expected a string, found a number"),
            ("\nkey = ''", |i| i.string().map(drop), "empty"),
            ("\nkey = '-5s'", |i| i.duration().map(drop), "`-5s` is not a duration such as \"2h\", \"90s\" or \"1m 30s\""),
            ("\nkey = 5", |i| i.duration().map(drop), "expected a duration such as \"2h\", \"90s\" or \"1m 30s\", found a number"),
            ("\nkey = -1", |i| i.integer(1..=9).map(drop), "expected a whole number from 1 to 9"),
            ("\nkey = []", |i| i.argv().map(drop), "expected a program and its arguments"),
            ("\nkey = nan", |i| i.number("a fraction", |_| true).map(drop), "expected a fraction"),
            ("\nkey = 'x'", |i| i.section().map(drop), "expected a table, found a string"),
        ];
        for (text, read, what) in table {
            let mistake = only(text, read).expect_err(text);
            assert_eq!((mistake.line, mistake.key.as_str(), mistake.what.as_str()), (2, "key", what), "{text}");
        }
    }

    #[test]
    fn unknown_and_missing_keys_name_the_nearest() {
        let mut profile =
            section("# a comment\n[profile]\nisuer = 'x'\n").and_then(|mut s| s.required("profile", Item::section)).expect("a table");
        let mistake = profile.required("issuer", Item::string).expect_err("misspelt");
        assert_eq!((mistake.line, mistake.key.as_str(), mistake.hint.as_deref()), (3, "profile.isuer", Some("did you mean `issuer`?")));
        let mistake = profile.required("client_id", Item::string).expect_err("missing");
        assert_eq!((mistake.line, mistake.key.as_str(), mistake.what.as_str()), (2, "profile.client_id", "missing"));
        let mistake = profile.finish().expect_err("one key is left");
        assert_eq!((mistake.line, mistake.what.as_str(), mistake.hint.as_deref()), (3, "unknown key", Some("did you mean `issuer`?")));
    }

    #[test]
    fn what_is_not_toml_has_a_line() {
        let mistake = section("a = 1\nb = = 2\n").expect_err("not TOML");
        assert_eq!(mistake.line, 2, "{mistake:?}");
    }
}
