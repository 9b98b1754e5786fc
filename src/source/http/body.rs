//! What is sent: a text as it stands, or a JSON object some of whose values are secrets that are somewhere else.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::secret::{Secret, is_named_as_secret};
use crate::settings::{Item, Mistake};
use crate::source::answer::object_without_duplicates;
use crate::source::{Input, Request, SourceError};
use crate::token::fingerprint;

/// The body of a request.
pub(super) enum Body {
    Text(Secret),
    Json(Vec<(String, Field)>),
}

/// A value of a JSON object.
pub(super) enum Field {
    Plain(Value),
    Input(Input),
}

impl Body {
    /// Reads a string or a table.
    pub fn from_setting(item: Item<'_>) -> Result<Self, Mistake> {
        if !item.is_table() {
            return item.string().map(Secret::new).map(Self::Text);
        }
        let field = |(name, item): (String, Item<'_>)| {
            let field = if item.is_table() { Field::Input(Input::from_setting(item)?) } else { Field::Plain(item.scalar()?) };
            Ok((name, field))
        };
        item.section()?.take_rest().into_iter().map(field).collect::<Result<_, _>>().map(Self::Json)
    }

    pub const fn is_json(&self) -> bool {
        matches!(self, Self::Json(_))
    }

    /// What of it decides which token is given.
    pub fn identity(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Text(text) => vec![("body", fingerprint(text.expose()))],
            Self::Json(fields) => fields.iter().map(|(name, field)| ("body", format!("{name}: {}", field.identity()))).collect(),
        }
    }

    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.fields().iter().filter_map(|(_, field)| match field {
            Field::Input(input) => Some(input),
            Field::Plain(_) => None,
        })
    }

    /// Whether it is likely that a secret stands in the configuration itself.
    pub fn has_inline_secret(&self) -> bool {
        match self {
            Self::Text(text) => is_named_as_secret(text.expose()),
            Self::Json(fields) => fields.iter().any(|(name, field)| field.is_text() && is_named_as_secret(name)),
        }
    }

    /// What is sent. Whatever of it is a secret is added to `secrets`.
    pub async fn text(&self, request: Request<'_>, secrets: &mut Vec<Secret>) -> Result<Zeroizing<String>, SourceError> {
        if let Self::Text(text) = self {
            secrets.extend(named_secrets(text.expose()));
            return Ok(Zeroizing::new(text.expose().to_owned()));
        }
        let mut object = Map::new();
        for (name, field) in self.fields() {
            let value = match field {
                Field::Plain(value) => value.clone(),
                Field::Input(input) => Value::from(input.read(request).await?.expose()),
            };
            let is_secret = matches!(field, Field::Input(_)) || is_named_as_secret(name);
            secrets.extend(value.as_str().filter(|_| is_secret).map(|text| Secret::new(text.to_owned())));
            object.insert(name.clone(), value);
        }
        Ok(Zeroizing::new(Value::Object(object).to_string()))
    }

    fn fields(&self) -> &[(String, Field)] {
        match self {
            Self::Text(_) => &[],
            Self::Json(fields) => fields,
        }
    }
}

impl Field {
    const fn is_text(&self) -> bool {
        matches!(self, Self::Plain(Value::String(_)))
    }

    fn identity(&self) -> String {
        match self {
            Self::Plain(value) => value.to_string(),
            Self::Input(input) => format!("from {}", input.identity()),
        }
    }
}

/// What a text says under a name that a secret has, as far as it is a form or a flat JSON object.
fn named_secrets(text: &str) -> Vec<Secret> {
    let form = url::form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned()));
    let object = object_without_duplicates(text.as_bytes()).unwrap_or_default().into_iter();
    let object = object.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
    let named = form.chain(object).filter(|(name, value)| is_named_as_secret(name) && !value.is_empty());
    named.map(|(_, value)| Secret::new(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_of_a_text_are_known_by_their_names() {
        let table: [(&str, &[&str]); 5] = [
            ("grant_type=x&client_secret=a%26b&password=c", &["a&b", "c"]),
            (r#"{"role":"ci","secret_id":"a&b","api_key":7}"#, &["a&b"]),
            (r#"{"role":"ci"}"#, &[]),
            ("plain text", &[]),
            ("", &[]),
        ];
        for (text, expected) in table {
            let found = named_secrets(text);
            assert_eq!(found.iter().map(Secret::expose).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
