//! Go: a command of `GOAUTH` (`go help goauth`). It is asked once for all that there is, and again with a URL, and the response on standard
//! input, where a server answered with 4xx. Sets of `https://` prefixes and headers; both empty lines count.

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Target, Unfit, text};
use crate::secret::Secret;

/// What go asks.
#[derive(Clone, Debug)]
pub struct Exchange {
    url: Option<String>,
    is_refused: bool,
}

/// Whether `input` holds what matters of a response: its first line.
#[must_use]
pub fn is_whole(input: &[u8]) -> bool {
    input.contains(&b'\n')
}

impl Exchange {
    /// The URL, if there is one, is the last of `arguments`.
    #[must_use]
    pub fn new(arguments: &[String], response: &[u8]) -> Self {
        let status = text(response).and_then(|text| text.split(['\r', '\n']).next()?.split(' ').nth(1));
        Self { url: arguments.last().cloned(), is_refused: status == Some("401") }
    }

    /// The prefixes that the token is for: all hosts that can be named, and the one that is asked about.
    fn origins(&self, hosts: &[String]) -> Vec<String> {
        let origin = |place: &str| Target::of_place(place)?.origin();
        let asked = self.url.as_deref().and_then(origin);
        let mut origins: Vec<String> = hosts.iter().filter_map(|host| origin(host)).chain(asked).collect();
        origins.sort();
        origins.dedup();
        origins
    }
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        let act = if self.is_refused { Act::Replace } else { Act::Get };
        Ok(match &self.url {
            // go uses what is https, and nothing else.
            Some(url) => Request::new(act, Place::of(Target::of_url(url).filter(|target| target.origin().is_some()))),
            None => Request::new(Act::Get, Place::Unnamed),
        })
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        let origins = self.origins(offer.hosts);
        if origins.is_empty() {
            return Ok(Secret::new(String::new()));
        }
        Ok(Secret::new(format!("{}\n\nAuthorization: {}\n\n", origins.join("\n"), offer.authorization()?.expose())))
    }

    fn nothing(&self) -> Answer {
        Answer::silent(0)
    }

    fn failed(&self, _: &str, status: u8) -> Answer {
        Answer::silent(status)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{handed, offer, place, token};
    use super::*;

    const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";

    fn exchange(url: Option<&str>, response: &str) -> Exchange {
        let arguments: Vec<String> = url.into_iter().map(str::to_owned).collect();
        Exchange::new(&arguments, response.as_bytes())
    }

    #[test]
    fn the_answer_is_exact() {
        let token = token();
        let hosts = ["go.example.com", "*.svc.example.com", "a.example.com:8443", "go.example.com:443"].map(str::to_owned);
        let offer = Offer { hosts: &hosts, ..offer(&token, None) };
        let all = "https://a.example.com:8443\nhttps://go.example.com\n\nAuthorization: Bearer token-1\n\n";
        assert_eq!(handed(&exchange(None, ""), &offer), all);
        let asked = exchange(Some("https://x.svc.example.com/mod/@v/list"), REFUSED);
        let more = "https://a.example.com:8443\nhttps://go.example.com\nhttps://x.svc.example.com\n\nAuthorization: Bearer token-1\n\n";
        assert_eq!(handed(&asked, &offer), more);
        assert_eq!(handed(&exchange(None, ""), &Offer { hosts: &[], ..offer }), "", "nowhere to go");
        assert!(asked.token(&Offer { scheme: Some("a\nb"), ..offer }).is_err());
    }

    #[test]
    fn only_a_401_says_that_it_was_refused() {
        let table = [
            (REFUSED, Act::Replace),
            ("HTTP/2.0 401 Unauthorized\n\n", Act::Replace),
            ("HTTP/2.0 401\r\n", Act::Replace),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", Act::Get),
            ("HTTP/1.1 404 Not Found\r\nX: HTTP/1.1 401\r\n\r\n", Act::Get),
            ("HTTP/1.1 4011\n", Act::Get),
            ("401", Act::Get),
            ("", Act::Get),
            ("\0\0\n", Act::Get),
        ];
        for (response, act) in table {
            let request = exchange(Some("https://go.example.com/x"), response).request();
            assert_eq!(request, Ok(Request::new(act, place("https://go.example.com"))), "{response:?}");
        }
        assert_eq!(exchange(None, "").request(), Ok(Request::new(Act::Get, Place::Unnamed)));
        for url in ["http://go.example.com", "http://localhost:3000", "go.example.com", ""] {
            assert_eq!(exchange(Some(url), "").request(), Ok(Request::new(Act::Get, Place::Nowhere)), "{url}");
        }
    }
}
