//! Python packaging: a stand-in for the command `keyring`, as pip and uv call it. A service is the URL of an index, `host:port` or a bare
//! host. A status other than 0 means that there is nothing.

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Target, Unfit};
use crate::secret::Secret;

/// What pip or uv asks.
#[derive(Clone, Debug)]
pub struct Exchange {
    operation: Option<String>,
    service: Option<String>,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Password,
    /// The user name as well.
    Credentials,
    Unknown,
}

impl Exchange {
    /// `get SERVICE USERNAME` or `get SERVICE --mode creds`. The user name is the index's affair, and the profile's.
    #[must_use]
    pub fn new(arguments: &[String]) -> Self {
        let mut plain = Vec::new();
        let mut mode = Mode::default();
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let value = match word {
                "--mode" => words.next(),
                _ => word.strip_prefix("--mode="),
            };
            match value {
                Some("creds") => mode = Mode::Credentials,
                Some("password") => mode = Mode::Password,
                Some(_) => mode = Mode::Unknown,
                None if word.starts_with('-') => mode = Mode::Unknown,
                None => plain.push(word.to_owned()),
            }
        }
        let mut plain = plain.into_iter();
        Self { operation: plain.next(), service: plain.next(), mode }
    }
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        match (self.operation.as_deref(), &self.service, self.mode) {
            (Some("get"), Some(service), Mode::Password | Mode::Credentials) => {
                Ok(Request::new(Act::Get, Place::of(Target::of_place(service))))
            }
            (Some("set"), _, _) => Ok(Request::nothing()),
            _ => Err(Malformed::new("of keyring, only `get SERVICE USERNAME` and `get SERVICE --mode creds` are known")),
        }
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        let token = offer.token.expose();
        Ok(Secret::new(match self.mode {
            Mode::Credentials => format!("{}\n{token}\n", offer.username()?),
            _ => format!("{token}\n"),
        }))
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
            ("get pypi.example.com __token__", "token-1\n"),
            ("get pypi.example.com --mode password", "token-1\n"),
            ("get pypi.example.com --mode creds", "oauth2\ntoken-1\n"),
            ("--mode creds get pypi.example.com", "oauth2\ntoken-1\n"),
            ("get pypi.example.com --mode=creds", "oauth2\ntoken-1\n"),
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
            ("get pypi.example.com:8443 me", place("https://pypi.example.com:8443")),
            ("get https://pypi.example.com me", place("https://pypi.example.com")),
            ("get http://pypi.example.com/simple me", Place::Nowhere),
            ("get http://localhost:3141/simple me", place("http://localhost:3141")),
            ("get system me", place("https://system")),
            ("get a\rb me", Place::Nowhere),
            ("get  me", Place::Nowhere),
        ];
        for (line, place) in table {
            assert_eq!(exchange(line).request(), Ok(Request::new(Act::Get, place)), "{line}");
        }
    }

    #[test]
    fn other_words_are_none_of_ours() {
        for line in ["", "get", "del x y", "get x --mode", "get x --mode json", "--list-backends", "get x --output json"] {
            let is_get = exchange(line).request().is_ok();
            assert!(!is_get, "{line}");
        }
        assert_eq!(exchange("set pypi.example.com me").request(), Ok(Request::nothing()));
    }
}
