//! Bazel: a credential helper (EngFlow/credential-helper-spec). `get` with `{"uri"}` on standard input; the answer is headers, `{}` for
//! none. A status other than 0 ends the build. Bazel waits ten seconds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Target, Unfit, json};
use crate::secret::Secret;

/// What Bazel waits, less what it takes to tell it why.
const PATIENCE: Duration = Duration::from_secs(9);

/// What Bazel asks.
#[derive(Clone, Debug)]
pub struct Exchange(Result<String, Malformed>);

#[derive(Deserialize)]
struct Asked {
    uri: String,
}

#[derive(Serialize)]
struct Credentials<'a> {
    headers: Headers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

#[derive(Serialize)]
struct Headers<'a> {
    #[serde(rename = "Authorization")]
    authorization: [&'a str; 1],
}

impl Exchange {
    /// The operation is the first of `arguments`.
    #[must_use]
    pub fn new(arguments: &[String], input: &[u8]) -> Self {
        if arguments.first().map(String::as_str) != Some("get") {
            // Error: The helper was not called as Bazel calls it. To do: set it up by `token helper setup bazel`.
            return Self(Err(Malformed::new("bazel asks `get`")));
        }
        let asked: Result<Asked, _> = serde_json::from_slice(input);
        // Error: The helper was not called as Bazel calls it, or by a Bazel that speaks otherwise. To do: set it up by `token helper
        // setup bazel`.
        Self(asked.map(|asked| asked.uri).map_err(|_| Malformed::new("bazel sent no request: JSON with `uri`")))
    }
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        let uri = self.0.as_ref().map_err(Clone::clone)?;
        Ok(Request::new(Act::Get, Place::of(Target::of_url(uri))))
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        let authorization = offer.authorization()?;
        Ok(json(&Credentials { headers: Headers { authorization: [authorization.expose()] }, expires: offer.expiry_text() }))
    }

    fn nothing(&self) -> Answer {
        Answer::plain("{}\n")
    }

    fn failed(&self, _: &str, status: u8) -> Answer {
        Answer::silent(status)
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{handed, lasting, offer, place, token};
    use super::*;

    fn exchange(input: &str) -> Exchange {
        Exchange::new(&["get".to_owned()], input.as_bytes())
    }

    #[test]
    fn the_answer_is_exact() {
        let asked = exchange(r#"{"uri":"https://cache.example.com/a?b","new":[1]}"#);
        assert_eq!(asked.request(), Ok(Request::new(Act::Get, place("https://cache.example.com"))));
        let expiring = "{\"headers\":{\"Authorization\":[\"Bearer token-1\"]},\"expires\":\"2026-11-22T12:59:50Z\"}\n";
        assert_eq!(handed(&asked, &offer(&token(), None)), expiring);
        assert_eq!(handed(&asked, &offer(&lasting(), Some("token"))), "{\"headers\":{\"Authorization\":[\"token token-1\"]}}\n");
        assert!(asked.token(&offer(&token(), Some("a\r\nX:"))).is_err());
        let nothing = asked.nothing();
        assert_eq!((nothing.text.expose(), nothing.status), ("{}\n", 0));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for input in ["", "{", "[]", "null", "{}", r#"{"uri":1}"#, "\0"] {
            assert!(exchange(input).request().is_err(), "{input:?}");
        }
        for uri in ["http://cache.example.com", "grpcs://cache.example.com", "", "https://a\\u0000b"] {
            let request = exchange(&format!("{{\"uri\":\"{uri}\"}}")).request();
            assert_eq!(request, Ok(Request::new(Act::Get, Place::Nowhere)), "{uri}");
        }
        assert!(Exchange::new(&["list".to_owned()], b"{}").request().is_err());
        assert!(Exchange::new(&[], b"{}").request().is_err());
    }
}
