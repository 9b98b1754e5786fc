//! One value of the configuration, read as what it should be.

use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::{A_DURATION, Item, Mistake, Section, nearest, parse_duration};

impl<'a> Item<'a> {
    /// A mistake about this value.
    #[must_use]
    pub fn mistake(&self, what: impl Into<String>) -> Mistake {
        Mistake::new(self.context.text, self.start, &self.path, what)
    }

    fn expected(&self, wanted: &str) -> Mistake {
        let found = match &self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.mistake(format!("expected {wanted}, found {found}"))
    }

    /// Whether it is a table (and so not written inline as text).
    #[must_use]
    pub const fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// A string, not empty.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn string(self) -> Result<String, Mistake> {
        match &self.value {
            DeValue::String(text) if text.is_empty() => Err(self.mistake("empty")),
            DeValue::String(text) => Ok(text.clone().into_owned()),
            _ => Err(self.expected("a string")),
        }
    }

    /// A string that `accept` accepts; `wanted` says which those are.
    ///
    /// # Errors
    /// A [`Mistake`] where it is another or something else.
    pub fn string_that(self, wanted: &str, accept: impl FnOnce(&str) -> bool) -> Result<String, Mistake> {
        match &self.value {
            DeValue::String(text) if !text.is_empty() && !accept(text) => Err(self.mistake(wanted)),
            _ => self.string(),
        }
    }

    /// A string read by `parse`, whose answer to a wrong one completes "… is not what is wanted".
    ///
    /// # Errors
    /// A [`Mistake`] where it is not a string or `parse` refuses it.
    pub fn parsed<T>(self, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Mistake> {
        match &self.value {
            DeValue::String(text) => parse(text).map_err(|what| self.mistake(what)),
            _ => Err(self.expected("a string")),
        }
    }

    /// One of `choices`, told by its name.
    ///
    /// # Errors
    /// A [`Mistake`] with the nearest of them.
    pub fn choice<T: Copy>(self, choices: &[(&'static str, T)]) -> Result<T, Mistake> {
        let DeValue::String(text) = &self.value else {
            return Err(self.expected("a string"));
        };
        let found = choices.iter().find(|(name, _)| name == text);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let names = || choices.iter().map(|(name, _)| *name);
            let hint = match nearest(text, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of {}", names().collect::<Vec<_>>().join(", ")),
            };
            let what = format!("`{}` is not known here", crate::error::one_line(text));
            Mistake { hint: Some(hint), ..self.mistake(what) }
        })
    }

    /// A list of strings.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn strings(self) -> Result<Vec<String>, Mistake> {
        self.items("a list of strings")?.into_iter().map(Item::string).collect()
    }

    /// A list of strings that may have one entry and then be written as a string.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn one_or_more(self) -> Result<Vec<String>, Mistake> {
        if matches!(self.value, DeValue::String(_)) { Ok(vec![self.string()?]) } else { self.strings() }
    }

    /// A program and its arguments: a list of strings, not empty.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn argv(self) -> Result<Vec<String>, Mistake> {
        const WANTED: &str = "a list of strings (the program and its arguments; no shell reads them)";
        match &self.value {
            DeValue::Array(words) if words.is_empty() => Err(self.mistake("expected a program and its arguments")),
            _ => {
                let mut words = self.items(WANTED)?.into_iter();
                let program = words.next().map(Self::string);
                program.into_iter().chain(words.map(Self::text)).collect()
            }
        }
    }

    /// A string, be it empty.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn text(self) -> Result<String, Mistake> {
        match &self.value {
            DeValue::String(text) => Ok(text.clone().into_owned()),
            _ => Err(self.expected("a string")),
        }
    }

    /// A string, be it empty, a number or a boolean, as JSON has them.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn scalar(self) -> Result<serde_json::Value, Mistake> {
        let value = match &self.value {
            DeValue::String(text) => Some(serde_json::Value::from(&**text)),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(serde_json::Value::from),
            DeValue::Float(float) => float.as_str().parse().ok().and_then(serde_json::Number::from_f64).map(serde_json::Value::from),
            DeValue::Boolean(value) => Some(serde_json::Value::from(*value)),
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
        };
        value.ok_or_else(|| self.expected("a string, a number that JSON can have, or true or false"))
    }

    /// The entries of a list.
    ///
    /// # Errors
    /// A [`Mistake`] that says `wanted` where it is none.
    pub fn items(self, wanted: &str) -> Result<Vec<Self>, Mistake> {
        let DeValue::Array(array) = self.value else {
            return Err(self.expected(wanted));
        };
        let item = |value: Spanned<DeValue<'a>>| Self {
            context: self.context,
            path: self.path.clone(),
            start: value.span().start,
            value: value.into_inner(),
        };
        Ok(array.into_iter().map(item).collect())
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn boolean(self) -> Result<bool, Mistake> {
        match self.value {
            DeValue::Boolean(value) => Ok(value),
            _ => Err(self.expected("true or false")),
        }
    }

    /// A whole number within `range`.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn integer(self, range: std::ops::RangeInclusive<u32>) -> Result<u32, Mistake> {
        let DeValue::Integer(integer) = &self.value else {
            return Err(self.expected("a whole number"));
        };
        let value = u32::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|value| range.contains(value));
        value.ok_or_else(|| self.mistake(format!("expected a whole number from {} to {}", range.start(), range.end())))
    }

    /// A number that `accept` accepts; `wanted` says which those are.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn number(self, wanted: &str, accept: impl FnOnce(f64) -> bool) -> Result<f64, Mistake> {
        let text = match &self.value {
            DeValue::Integer(integer) => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            _ => return Err(self.expected(wanted)),
        };
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && accept(*value));
        value.ok_or_else(|| self.mistake(format!("expected {wanted}")))
    }

    /// A duration as `2h`, `90s`, `1m 30s`.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn duration(self) -> Result<Duration, Mistake> {
        match &self.value {
            DeValue::String(text) => parse_duration(text).map_err(|what| self.mistake(what)),
            _ => Err(self.expected(A_DURATION)),
        }
    }

    /// A duration, or `word` for none.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn duration_or(self, word: &str) -> Result<Option<Duration>, Mistake> {
        match &self.value {
            DeValue::String(text) if text == word => Ok(None),
            _ => self.duration().map(Some).map_err(|mistake| mistake.or_hint(|| Some(format!("or `{word}`")))),
        }
    }

    /// A path; `~` is the home folder, and a relative one starts at the folder of the configuration file.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn path(self) -> Result<PathBuf, Mistake> {
        let DeValue::String(text) = &self.value else { return Err(self.expected("a string (a path)")) };
        let in_home = |rest: &str| match self.context.home {
            Some(home) => Ok(if rest.is_empty() { home.to_owned() } else { home.join(rest) }),
            None => Err(self.mistake("`~` stands for no folder: HOME is not set")),
        };
        match text.strip_prefix('~') {
            _ if text.is_empty() => Err(self.mistake("empty")),
            Some("") => in_home(""),
            Some(rest) if rest.starts_with('/') => in_home(rest.trim_start_matches('/')),
            _ => Ok(self.context.folder.join(&**text)),
        }
    }

    /// A table.
    ///
    /// # Errors
    /// A [`Mistake`] where it is something else.
    pub fn section(self) -> Result<Section<'a>, Mistake> {
        match self.value {
            DeValue::Table(table) => Ok(Section::new(self.context, self.path, self.start, table)),
            _ => Err(self.expected("a table")),
        }
    }
}
