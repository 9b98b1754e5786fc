//! What of an answer is the token, and until when it holds. JSON is read strictly: `null` counts as absent, and a key that stands twice
//! as damage. Where the profile does not say where the token stands, the answer is a token endpoint's, and its type counts as it does there.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::error::Class;
use crate::settings::{Item, Mistake, Section};
use crate::source::answer::{object_without_duplicates, seconds, token_type};
use crate::source::expiry::time;
use crate::source::input::trim_line_ends;
use crate::source::{SourceError, document};
use crate::token::Token;

/// Where OAuth has the token and its life (RFC 6749 §5.1).
const ACCESS_TOKEN: &str = "/access_token";
const EXPIRES_IN: &str = "/expires_in";

/// A JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pointer(String);

/// Where in an answer the token and its expiry are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    token: Pointer,
    /// Whether the profile says where the token stands.
    is_told: bool,
    expires_in: Option<Pointer>,
    expires_at: Option<Pointer>,
}

/// A token, and the answer's own word on its expiry; or what is wrong with the answer.
type Read = Result<(Token, Option<Timestamp>), String>;

impl Reading {
    pub fn from_settings(section: &mut Section<'_>) -> Result<Self, Mistake> {
        let token = section.optional("token", |item| item.parsed(Pointer::parse))?;
        let below = |item: Item<'_>| item.parsed(|text| if text.is_empty() { Err(WANTED.to_owned()) } else { Pointer::parse(text) });
        let expires_in = section.optional("expires_in", below)?;
        let expires_at = section.optional("expires_at", below)?;
        let is_told = token.is_some();
        Ok(Self { token: token.unwrap_or(Pointer(ACCESS_TOKEN.to_owned())), is_told, expires_in, expires_at })
    }

    /// What of it decides which token it is.
    pub fn identity(&self) -> String {
        self.token.0.clone()
    }

    /// Reads the body of an answer. Seconds count from `now`.
    pub fn read(&self, body: &[u8], now: Timestamp) -> Result<(Token, Option<Timestamp>), SourceError> {
        let unusable = |what: String| SourceError::new(Class::Temporary, what);
        if self.token.0.is_empty() {
            return self.whole(body, now).map_err(unusable);
        }
        let mut answer = Value::Object(object_without_duplicates(body).map_err(unusable)?);
        let (mut token, expiry) = self.part(&answer, now).map_err(unusable)?;
        if !self.is_told {
            let stated = answer["token_type"].take();
            token.token_type = token_type(Some(stated).filter(|stated| !stated.is_null()), false)?;
        }
        Ok((token, expiry))
    }

    /// The part of an answer that the pointers lead to.
    fn part(&self, answer: &Value, now: Timestamp) -> Read {
        let text = match self.token.of(answer) {
            Some(Value::String(text)) => text.clone(),
            Some(_) => return Err(format!("`token` = `{}` leads to no string", self.token.0)),
            None => return Err(format!("`token` = `{}` leads nowhere in it", self.token.0)),
        };
        let token = Token::new(text).map_err(|error| error.to_string())?;
        Ok((token, self.expiry(answer, now)?))
    }

    /// The whole body as a token: a text, or a JSON document, which alone can tell an expiry.
    fn whole(&self, body: &[u8], now: Timestamp) -> Read {
        let text = std::str::from_utf8(body).map_err(|_| "it is not text")?;
        if let Some(read) = document::read(text) {
            let (token, expiration) = read?;
            let stated = self.expiry(&Value::Object(object_without_duplicates(body)?), now)?;
            return Ok((token, [expiration, stated].into_iter().flatten().min()));
        }
        let is_told = self.expires_in.is_some() || self.expires_at.is_some();
        if is_told || text.trim_start().starts_with('{') {
            return object_without_duplicates(body).and(Err("it is no token".to_owned()));
        }
        if text.trim_start().starts_with('<') {
            return Err("it is HTML or XML".to_owned());
        }
        let token = Token::new(trim_line_ends(text.to_owned())).map_err(|error| error.to_string())?;
        Ok((token, None))
    }

    /// The earliest that the answer states.
    fn expiry(&self, answer: &Value, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let usual = Pointer(EXPIRES_IN.to_owned());
        let life = match &self.expires_in {
            Some(pointer) => Some((pointer, pointer.required(answer, "expires_in")?)),
            None => usual.of(answer).filter(|_| self.is_oauth()).map(|value| (&usual, value)),
        };
        let life = life.map(|(at, value)| seconds(value).map_err(|error| format!("{} (at `{}`)", error.message, at.0))).transpose()?;
        let until = self.expires_at.as_ref().map(|pointer| {
            let value = pointer.required(answer, "expires_at")?;
            time(value).ok_or_else(|| format!("`expires_at` is no time (at `{}`)", pointer.0))
        });
        Ok([life.map(|life| now.after(life)), until.transpose()?].into_iter().flatten().min())
    }

    /// Whether the answer is like one of a token endpoint, as far as the profile tells: then it may tell its life as those do.
    fn is_oauth(&self) -> bool {
        self.token.0 == ACCESS_TOKEN && self.expires_at.is_none()
    }
}

const WANTED: &str = "expected a JSON pointer (RFC 6901), as \"/auth/client_token\"";

impl Pointer {
    fn parse(text: &str) -> Result<Self, String> {
        let is_escaped = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if is_escaped && (text.is_empty() || text.starts_with('/')) { Ok(Self(text.to_owned())) } else { Err(WANTED.to_owned()) }
    }

    fn of<'a>(&self, answer: &'a Value) -> Option<&'a Value> {
        answer.pointer(&self.0).filter(|value| !value.is_null())
    }

    fn required<'a>(&self, answer: &'a Value, key: &str) -> Result<&'a Value, String> {
        self.of(answer).ok_or_else(|| format!("`{key}` = `{}` leads nowhere in it", self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::Context;

    const NOW: i64 = 1_795_348_800;

    fn reading(keys: &str) -> Result<Reading, Mistake> {
        let mut section = Section::parse(Context { text: keys, folder: Path::new("/c"), home: None })?;
        let reading = Reading::from_settings(&mut section)?;
        section.finish().map(|()| reading)
    }

    /// The token and the seconds that it holds, by the answer's own word.
    fn read(keys: &str, body: &str) -> Result<(String, Option<i64>), String> {
        let found = reading(keys).expect(keys).read(body.as_bytes(), Timestamp::from_unix_seconds(NOW));
        found
            .map(|(token, until)| (token.expose().to_owned(), until.map(|until| until.unix_seconds() - NOW)))
            .map_err(|error| error.message)
    }

    #[test]
    fn a_token_is_found_where_the_profile_says() {
        const VAULT: &str = r#"{"data":null,"lease_duration":0,"auth":{"client_token":"T","lease_duration":1200}}"#;
        const GITHUB: &str = r#"{"token":"T","expires_at":"2026-11-22T13:00:00Z","permissions":{}}"#;
        const AZURE: &str = r#"{"access_token":"T","expires_in":"3599","expires_on":"1795352399","token_type":"Bearer"}"#;
        let table = [
            ("", r#"{"access_token":"T"}"#, None),
            ("", r#"{"access_token":"T","expires_in":3599,"token_type":"Bearer"}"#, Some(3599)),
            ("", r#"{"access_token":"T","expires_in":null}"#, None),
            ("", AZURE, Some(3599)),
            ("expires_at = '/expires_on'", AZURE, Some(3599)),
            ("expires_in = '/expires_in'\nexpires_at = '/expires_on'", AZURE, Some(3599)),
            ("token = '/auth/client_token'\nexpires_in = '/auth/lease_duration'", VAULT, Some(1200)),
            ("token = '/auth/client_token'", VAULT, None),
            ("token = '/token'\nexpires_at = '/expires_at'", GITHUB, Some(3600)),
            ("token = '/token'", r#"{"token":"T","expires_in":60}"#, None),
            ("expires_at = '/until'", r#"{"access_token":"T","expires_in":60,"until":1795352400}"#, Some(3600)),
            ("expires_in = '/a'\nexpires_at = '/b'", r#"{"access_token":"T","a":60,"b":1795348830}"#, Some(30)),
            ("expires_in = '/a'\nexpires_at = '/b'", r#"{"access_token":"T","a":20.9,"b":"1795348830"}"#, Some(20)),
            ("token = '/a/1/b~1c~0d'", r#"{"a":[0,{"b/c~d":"T"}]}"#, None),
            ("token = '/'", r#"{"":"T"}"#, None),
        ];
        for (keys, body, expected) in table {
            assert_eq!(read(keys, body), Ok(("T".to_owned(), expected)), "{keys}: {body}");
        }
    }

    #[test]
    fn the_whole_body_may_be_the_token() {
        let document = r#"{"AccessKeyId":"A","Expiration":"2026-11-22T13:00:00Z","Lives":60}"#;
        let table = [
            ("", "T\n", "T", None),
            ("", "T", "T", None),
            ("", "{ }", "{}", None),
            ("", document, document, Some(3600)),
            ("expires_in = '/Lives'", document, document, Some(60)),
            ("expires_at = '/Expiration'", document, document, Some(3600)),
        ];
        for (keys, body, token, expected) in table {
            assert_eq!(read(&format!("token = ''\n{keys}"), body), Ok((token.to_owned(), expected)), "{keys}: {body}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_and_nothing_of_the_answer_is() {
        let table = [
            ("", r#"{"token":"canary"}"#, "`token` = `/access_token` leads nowhere in it"),
            ("", r#"{"access_token":null}"#, "`token` = `/access_token` leads nowhere in it"),
            ("", r#"{"access_token":7}"#, "`token` = `/access_token` leads to no string"),
            ("token = '/a'", r#"{"a":{"b":"canary"}}"#, "`token` = `/a` leads to no string"),
            ("token = '/a/b'", r#"{"a":"canary"}"#, "`token` = `/a/b` leads nowhere in it"),
            ("token = '/a/01'", r#"{"a":["x","canary"]}"#, "`token` = `/a/01` leads nowhere in it"),
            ("", r#"{"access_token":""}"#, "the token is empty"),
            (
                "",
                r#"{"access_token":"canary x"}"#,
                "the token has a space or another character that no token may have (0x21 to 0x7E are allowed)",
            ),
            ("expires_in = '/x'", r#"{"access_token":"canary"}"#, "`expires_in` = `/x` leads nowhere in it"),
            ("expires_at = '/x'", r#"{"access_token":"canary","x":null}"#, "`expires_at` = `/x` leads nowhere in it"),
            ("expires_in = '/x'", r#"{"access_token":"canary","x":"canary"}"#, "`expires_in` is no number (at `/x`)"),
            ("", r#"{"access_token":"canary","expires_in":0}"#, "the token has expired already (at `/expires_in`)"),
            ("expires_at = '/x'", r#"{"access_token":"canary","x":"canary"}"#, "`expires_at` is no time (at `/x`)"),
            ("", r#"["canary"]"#, "it is no JSON object, or one with a key twice"),
            ("", r#"{"access_token":"canary","access_token":"canary"}"#, "it is no JSON object, or one with a key twice"),
            ("", "canary", "it is no JSON object, or one with a key twice"),
            ("token = ''", "", "the token is empty"),
            ("token = ''", "\n", "the token is empty"),
            ("token = ''", "canary\r\n", "the token has a space or another character that no token may have (0x21 to 0x7E are allowed)"),
            ("token = ''", "<html>canary</html>", "it is HTML or XML"),
            ("token = ''", "{\"canary\":", "it is no JSON object, or one with a key twice"),
            ("token = ''", r#"{"a":1,"a":2}"#, "it is no JSON object, or one with a key twice"),
            ("token = ''", r#"{"Expiration":"canary"}"#, "its `Expiration` is no time"),
            ("token = ''\nexpires_in = '/x'", "canary", "it is no JSON object, or one with a key twice"),
            ("token = ''\nexpires_in = '/x'", "{}", "`expires_in` = `/x` leads nowhere in it"),
        ];
        for (keys, body, expected) in table {
            assert_eq!(read(keys, body), Err(expected.to_owned()), "{keys}: {body}");
        }
        let latin1 = reading("token = ''").expect("a reading").read(b"caf\xe9", Timestamp::from_unix_seconds(NOW));
        assert_eq!(latin1.expect_err("Latin-1").message, "it is not text");
    }

    /// It counts where the answer is read as a token endpoint's, and is nobody's business where the profile says what to take.
    #[test]
    fn only_bearer_tokens_are_taken_unasked() {
        let class = |keys: &str, token_type: &str| {
            let body = format!(r#"{{"access_token":"T","token_type":{token_type}}}"#);
            let found = reading(keys).expect(keys).read(body.as_bytes(), Timestamp::from_unix_seconds(NOW));
            found.map(|(token, _)| token.token_type).map_err(|error| error.class)
        };
        let bearer = || Ok("Bearer".to_owned());
        let table = [
            ("", r#""mac""#, Err(Class::Refused)),
            ("", "7", Err(Class::Refused)),
            ("", r#""bearer""#, bearer()),
            ("", "null", bearer()),
            ("expires_in = '/access_token'", r#""mac""#, Err(Class::Temporary)),
            ("token = '/access_token'", r#""mac""#, bearer()),
        ];
        for (keys, token_type, expected) in table {
            assert_eq!(class(keys, token_type), expected, "{keys}: {token_type}");
        }
    }

    #[test]
    fn a_pointer_is_checked_before_anybody_is_asked() {
        for keys in ["token = 'access_token'", "token = '/a~'", "token = '/a~2b'", "expires_in = ''", "expires_at = 'x'", "token = '#/a'"] {
            assert_eq!(reading(keys).expect_err(keys).what, WANTED, "{keys}");
        }
        assert!(reading("token = 7").is_err() && reading("tokn = ''").is_err());
    }
}
