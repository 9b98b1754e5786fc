//! Python packaging: a stand-in for the command `keyring`, as pip and uv call it. A service is the URL of an index, or its host alone. A
//! status other than 0 means that there is nothing.
//!
//! pip and uv ask for the host alone where its URL had nothing, and then send what they get wherever they were going. A host alone may
//! mean http, so it counts as that: it gets a token only where it is this machine.

use serde::Serialize;

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Target, Unfit, json, printable};
use crate::secret::Secret;

/// What pip or uv asks.
#[derive(Clone, Debug)]
pub struct Exchange {
    operation: Option<String>,
    service: Option<String>,
    username: Option<String>,
    mode: Mode,
    /// One object of JSON instead of a line a value: what newer versions of pip want.
    is_json: bool,
}

#[derive(Serialize)]
struct Credential<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    password: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Password,
    /// The user name as well.
    Credentials,
    Unknown,
}

impl Exchange {
    /// `get SERVICE USERNAME` or `get SERVICE [USERNAME] --mode creds`, each perhaps with `--output json`.
    #[must_use]
    pub fn new(arguments: &[String]) -> Self {
        let mut plain = Vec::new();
        let (mut mode, mut output) = (None, None);
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            match name {
                "--mode" => mode = value.or_else(|| words.next()).or(Some("")),
                "--output" => output = value.or_else(|| words.next()).or(Some("")),
                _ if word.starts_with('-') => mode = Some(word),
                _ => plain.push(word.to_owned()),
            }
        }
        let mode = match (mode, output) {
            (None | Some("password"), None | Some("plain" | "json")) => Mode::Password,
            (Some("creds"), None | Some("plain" | "json")) => Mode::Credentials,
            _ => Mode::Unknown,
        };
        let mut plain = plain.into_iter();
        Self { operation: plain.next(), service: plain.next(), username: plain.next(), mode, is_json: output == Some("json") }
    }

    /// Whose password that is: who is asked for, as an index may have a user for each of its own.
    fn user<'a>(&'a self, offer: &'a Offer<'_>) -> Result<Option<&'a str>, Unfit> {
        match (self.mode, self.username.as_deref()) {
            (Mode::Credentials, Some(asked)) if !asked.is_empty() => printable(asked, "user name").map(Some),
            (Mode::Credentials, _) => offer.username().map(Some),
            _ => Ok(None),
        }
    }
}

fn place(service: &str) -> Place {
    let is_url = service.contains("://");
    Place::of(if is_url { Target::of_url(service) } else { Target::of_url(&format!("http://{service}")) })
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        match (self.operation.as_deref(), &self.service, self.mode) {
            (Some("get"), Some(service), Mode::Password | Mode::Credentials) => Ok(Request::new(Act::Get, place(service))),
            (Some("set"), _, _) => Ok(Request::nothing()),
            // Error: pip or uv called it in a way that means nothing here; setting and deleting are not for tokens. To do: use pip with
            // `--keyring-provider subprocess`.
            _ => Err(Malformed::new("of keyring, only `get SERVICE USERNAME` and `get SERVICE --mode creds` are known")),
        }
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        let credential = Credential { username: self.user(offer)?, password: offer.token.expose() };
        if self.is_json {
            return Ok(json(&credential));
        }
        let user = credential.username.map(|user| format!("{user}\n")).unwrap_or_default();
        Ok(Secret::new(format!("{user}{}\n", credential.password)))
    }

    fn nothing(&self) -> Answer {
        Answer::silent(1)
    }

    fn failed(&self, _: &str, status: u8) -> Answer {
        Answer::silent(status)
    }

    fn waits_for_people(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{handed, offer, place, token};
    use super::*;

    fn exchange(line: &str) -> Exchange {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Exchange::new(&words)
    }

    #[test]
    fn the_answer_is_exact() {
        let table = [
            ("get https://pypi.example.com/simple/ me", "token-1\n"),
            ("get https://pypi.example.com __token__", "token-1\n"),
            ("get https://pypi.example.com --mode password", "token-1\n"),
            ("get https://pypi.example.com --mode creds", "oauth2\ntoken-1\n"),
            ("--mode creds get https://pypi.example.com", "oauth2\ntoken-1\n"),
            ("get https://pypi.example.com --mode=creds", "oauth2\ntoken-1\n"),
            ("get https://pypi.example.com me --mode=creds", "me\ntoken-1\n"),
            ("--mode=creds --output=json get https://pypi.example.com", "{\"username\":\"oauth2\",\"password\":\"token-1\"}\n"),
            ("--mode=creds --output=json get https://pypi.example.com me", "{\"username\":\"me\",\"password\":\"token-1\"}\n"),
            ("get https://pypi.example.com me --output json", "{\"password\":\"token-1\"}\n"),
            ("get https://pypi.example.com me --output plain", "token-1\n"),
        ];
        for (line, expected) in table {
            let request = exchange(line).request();
            assert_eq!(request, Ok(Request::new(Act::Get, place("https://pypi.example.com"))), "{line}");
            assert_eq!(handed(&exchange(line), &offer(&token(), Some("Bearer"))), expected, "{line}");
        }
        let token = token();
        let unfit = Offer { username: "a\nb", ..offer(&token, None) };
        assert!(exchange("get x.example.com --mode creds").token(&unfit).is_err());
    }

    #[test]
    fn a_service_is_a_url_or_a_host() {
        let table = [
            ("get https://pypi.example.com:8443/simple me", place("https://pypi.example.com:8443")),
            ("get pypi.example.com:8443 me", Place::Nowhere),
            ("get pypi.example.com me", Place::Nowhere),
            ("get https://pypi.example.com me", place("https://pypi.example.com")),
            ("get http://pypi.example.com/simple me", Place::Nowhere),
            ("get http://localhost:3141/simple me", place("http://localhost:3141")),
            ("get localhost:3141 me", place("http://localhost:3141")),
            ("get 127.0.0.1:3141 me", place("http://127.0.0.1:3141")),
            ("get system me", Place::Nowhere),
            ("get a\rb me", Place::Nowhere),
            ("get  me", Place::Nowhere),
        ];
        for (line, place) in table {
            assert_eq!(exchange(line).request(), Ok(Request::new(Act::Get, place)), "{line}");
        }
    }

    #[test]
    fn other_words_are_none_of_ours() {
        for line in [
            "",
            "get",
            "del x y",
            "get x --mode",
            "get x --mode json",
            "--list-backends",
            "get x --output xml",
            "get x --output",
            "-p x get x",
        ] {
            let is_get = exchange(line).request().is_ok();
            assert!(!is_get, "{line}");
        }
        assert_eq!(exchange("set pypi.example.com me").request(), Ok(Request::nothing()));
    }
}
