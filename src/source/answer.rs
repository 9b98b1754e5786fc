//! The successful answer of a token endpoint (RFC 6749 §5.1), read strictly: `null` counts as absent, a second value for a key as
//! damage, and a token type we cannot present as a refusal.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::SourceError;
use crate::clock::Timestamp;
use crate::error::{Class, visible};
use crate::secret::Secret;
use crate::token::{BEARER, LONGEST_TOKEN, NOT_APPLICABLE, Token};

/// A scope longer than this is not kept: it is for people, and the entry has its bounds.
const LONGEST_SCOPE: usize = 4096;

/// A token and the answer's own word on its expiry.
#[derive(Debug)]
pub(super) struct TokenResponse {
    pub token: Token,
    pub expires_at: Option<Timestamp>,
    /// A login, or the successor of the one that was sent (RFC 6749 §6).
    pub refresh_token: Option<Secret>,
}

impl TokenResponse {
    /// Reads `access_token`, `token_type`, `expires_in`, `scope` and `refresh_token`. Seconds count from `now`.
    pub fn read(object: Map<String, Value>, now: Timestamp) -> Result<Self, SourceError> {
        let mut answer = Self::named("access_token", object)?;
        let expires_in = answer.1.remove("expires_in");
        answer.0.expires_at = expires_in.as_ref().map(seconds).transpose()?.map(|life| now.after(life));
        answer.0.refresh_token = answer.1.remove("refresh_token").map(refresh_token).transpose()?.flatten();
        Ok(answer.0)
    }

    /// Reads what `token get -o json` prints.
    pub fn read_own(object: Map<String, Value>) -> Result<Self, SourceError> {
        let mut answer = Self::named("token", object)?;
        answer.0.expires_at = match answer.1.remove("expires_at") {
            None => None,
            Some(Value::String(time)) => Some(Timestamp::parse_rfc3339(&time).ok_or_else(|| unusable("`expires_at` is no time"))?),
            Some(_) => return Err(unusable("`expires_at` is no time")),
        };
        Ok(answer.0)
    }

    fn named(key: &str, mut object: Map<String, Value>) -> Result<(Self, Map<String, Value>), SourceError> {
        object.retain(|_, value| !value.is_null());
        let text = match object.remove(key) {
            Some(Value::String(text)) => text,
            Some(_) => return Err(unusable(&format!("`{key}` is not a string"))),
            None => return Err(unusable(&format!("it has no `{key}`"))),
        };
        let mut token = Token::new(text).map_err(|error| unusable(&error.to_string()))?;
        let is_exchanged = object.contains_key("issued_token_type");
        token.token_type = token_type(object.remove("token_type"), is_exchanged)?;
        token.scope = scope(object.remove("scope"));
        Ok((Self { token, expires_at: None, refresh_token: None }, object))
    }
}

fn unusable(what: &str) -> SourceError {
    SourceError::new(Class::Temporary, what)
}

/// Case does not count (RFC 6749 §5.1); a type that is not Bearer cannot be presented by those we serve.
/// What was exchanged for another token may be one of no type at all (RFC 8693 §2.2.1): then it is for its asker to know.
pub(super) fn token_type(value: Option<Value>, is_exchanged: bool) -> Result<String, SourceError> {
    match value {
        None => Ok(BEARER.to_owned()),
        Some(Value::String(text)) if is_exchanged && text.eq_ignore_ascii_case(NOT_APPLICABLE) => Ok(NOT_APPLICABLE.to_owned()),
        Some(Value::String(text)) if text.eq_ignore_ascii_case(BEARER) => Ok(BEARER.to_owned()),
        Some(Value::String(text)) if is_type_name(&text) => {
            // Error: The issuer binds its tokens to a key (`DPoP`, `mac`), which a bearer token is not. To do: let the client have Bearer
            // tokens at the issuer.
            Err(SourceError::new(Class::Refused, format!("the token is of type `{text}`; only Bearer is supported")))
        }
        Some(_) => {
            // What it says may be anything, and a secret that is cut off is not recognised any more.
            // Error: The answer's `token_type` is no word for a type of tokens. To do: find out what the issuer means by it.
            Err(SourceError::new(Class::Refused, "the token is of an unknown type; only Bearer is supported"))
        }
    }
}

/// As types are named (RFC 6749 Appendix A.13), the registered ones at least.
fn is_type_name(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// Of visible characters and spaces (RFC 6749 Appendix A.17); an empty one counts as absent.
pub(super) fn refresh_token(value: Value) -> Result<Option<Secret>, SourceError> {
    let Value::String(text) = value else { return Err(unusable("`refresh_token` is not a string")) };
    if text.len() > LONGEST_TOKEN || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(unusable("its `refresh_token` is none"));
    }
    Ok(Some(text).filter(|text| !text.is_empty()).map(Secret::new))
}

/// A string, or the list that some issuers send.
fn scope(value: Option<Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text,
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        _ => return None,
    };
    Some(visible(&text)).filter(|text| !text.is_empty() && text.len() <= LONGEST_SCOPE)
}

/// A whole number of seconds above zero, rounded down; some issuers write it as a string.
pub(super) fn seconds(value: &Value) -> Result<Duration, SourceError> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok(),
        _ => None,
    };
    let Some(number) = number.filter(|number| number.is_finite()) else {
        return Err(unusable("`expires_in` is no number"));
    };
    if number < 1.0 {
        return Err(unusable("the token has expired already"));
    }
    Ok(Duration::try_from_secs_f64(number.floor()).unwrap_or(Duration::MAX))
}

/// A JSON object in which, at any depth, no key stands twice.
pub(super) fn object_without_duplicates(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(bytes) {
        Ok(Strict(Value::Object(object))) => Ok(object),
        Ok(_) | Err(_) => Err("it is no JSON object, or one with a key twice".to_owned()),
    }
}

/// Any JSON value in which no key stands twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a key twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = access.next_entry::<String, Strict>()? {
            if object.insert(key, value).is_some() {
                return Err(serde::de::Error::custom("a key stands twice"));
            }
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = access.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<(String, Option<i64>), Class> {
        let object = object_without_duplicates(json.as_bytes()).map_err(|_| Class::Temporary)?;
        let answer = TokenResponse::read(object, Timestamp::from_unix_seconds(0)).map_err(|error| error.class)?;
        Ok((answer.token.expose().to_owned(), answer.expires_at.map(Timestamp::unix_seconds)))
    }

    #[test]
    fn good_answers_are_taken() {
        let table = [
            (r#"{"access_token":"T"}"#, None),
            (r#"{"access_token":"T","token_type":"BEARER","expires_in":3600}"#, Some(3600)),
            (r#"{"access_token":"T","token_type":null,"expires_in":null,"scope":null}"#, None),
            (r#"{"access_token":"T","expires_in":"3600"}"#, Some(3600)),
            (r#"{"access_token":"T","expires_in":3599.9}"#, Some(3599)),
            (r#"{"access_token":"T","expires_in":1e9}"#, Some(1_000_000_000)),
            (r#" {"access_token":"T","x":[-1,2.5,true,null,"s",{"a":{}}]} "#, None),
        ];
        for (json, expires_at) in table {
            assert_eq!(read(json), Ok(("T".to_owned(), expires_at)), "{json}");
        }
    }

    #[test]
    fn bad_answers_are_refused() {
        let deep = format!("{{\"access_token\":\"T\",\"x\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        let table = [
            ("", Class::Temporary),
            ("null", Class::Temporary),
            ("<html>", Class::Temporary),
            ("\u{feff}{\"access_token\":\"T\"}", Class::Temporary),
            (deep.as_str(), Class::Temporary),
            (r#"{"access_token":"T"} {}"#, Class::Temporary),
            (r#"{"access_token":"T","access_token":"U"}"#, Class::Temporary),
            (r#"{"access_token":"T","expires_in":60,"expires_in":6000}"#, Class::Temporary),
            (r#"{"access_token":"T","x":[{"a":1,"a":2}]}"#, Class::Temporary),
            (r#"{"token":"T"}"#, Class::Temporary),
            (r#"{"access_token":null}"#, Class::Temporary),
            (r#"{"access_token":""}"#, Class::Temporary),
            (r#"{"access_token":7}"#, Class::Temporary),
            (r#"{"access_token":"a b"}"#, Class::Temporary),
            (r#"{"access_token":"T","expires_in":0}"#, Class::Temporary),
            (r#"{"access_token":"T","expires_in":-1}"#, Class::Temporary),
            (r#"{"access_token":"T","expires_in":"soon"}"#, Class::Temporary),
            (r#"{"access_token":"T","expires_in":"inf"}"#, Class::Temporary),
            (r#"{"access_token":"T","expires_in":true}"#, Class::Temporary),
            (r#"{"access_token":"T","token_type":"mac"}"#, Class::Refused),
            (r#"{"access_token":"T","token_type":7}"#, Class::Refused),
        ];
        for (json, class) in table {
            assert_eq!(read(json), Err(class), "{json}");
        }
    }
}
