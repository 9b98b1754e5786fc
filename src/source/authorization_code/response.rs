//! What comes back from the browser (RFC 6749 §4.1.2), wherever it was read: at our port or from what somebody pasted. Nothing counts but
//! the answer to this very login: its `state`, its issuer (RFC 9207), and one code or one error. Whoever guesses gets nowhere, and learns
//! nothing from how long that takes.

use std::borrow::Cow;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use url::{Url, form_urlencoded};

use crate::secret::Secret;

/// The answer that is waited for.
#[derive(Debug)]
pub struct Expected {
    /// Where the browser is sent at the end (RFC 8252 §7.3).
    pub redirect: String,
    pub state: String,
    /// The issuer's name, where it is known.
    pub issuer: Option<String>,
    /// Whether the issuer always gives it (RFC 9207 §3).
    pub names_itself: bool,
}

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Response {
    /// Somebody has logged in.
    Code(Secret),
    /// Somebody has not, or may not (RFC 6749 §4.1.2.1). Text from outside.
    Error { code: String, description: Option<String> },
}

/// Why something is not the answer. Says nothing of what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("it is no address")]
    NoAddress,
    #[error("it leads elsewhere")]
    Elsewhere,
    #[error("it is of another login")]
    State,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it holds neither a code nor an error")]
    Empty,
    #[error("it holds something twice")]
    Twice,
}

impl Expected {
    /// Reads the query of an address at which a browser has ended.
    pub fn read(&self, query: &str) -> Result<Response, Mismatch> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let state = one(&pairs, "state")?.unwrap_or_default();
        verify_slices_are_equal(state.as_bytes(), self.state.as_bytes()).map_err(|_| Mismatch::State)?;
        let (code, error) = (one(&pairs, "code")?, one(&pairs, "error")?);
        self.check_issuer(one(&pairs, "iss")?, code)?;
        let description = one(&pairs, "error_description")?.map(str::to_owned);
        match (code.filter(|code| !code.is_empty()), error.filter(|error| !error.is_empty())) {
            (Some(code), None) => Ok(Response::Code(Secret::new(code.to_owned()))),
            (None, Some(error)) => Ok(Response::Error { code: error.to_owned(), description }),
            (None, None) => Err(Mismatch::Empty),
            (Some(_), Some(_)) => Err(Mismatch::Twice),
        }
    }

    /// Reads such an address as somebody pastes it. Some browsers show, and copy, none of the scheme.
    pub fn read_address(&self, text: &str) -> Result<Response, Mismatch> {
        let text = text.trim();
        let text = if text.contains("://") { Cow::Borrowed(text) } else { Cow::Owned(format!("http://{text}")) };
        let address = Url::parse(&text).map_err(|_| Mismatch::NoAddress)?;
        let redirect = Url::parse(&self.redirect).map_err(|_| Mismatch::NoAddress)?;
        let place = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port(), url.path().to_owned());
        if place(&address) != place(&redirect) {
            return Err(Mismatch::Elsewhere);
        }
        self.read(address.query().unwrap_or_default())
    }

    /// To the letter (RFC 9207 §2.4), but for the slash at the end that discovery overlooks, too, and for an error that names nobody: some
    /// leave the name out there, and without a code there is nothing to be mixed up.
    fn check_issuer(&self, named: Option<&str>, code: Option<&str>) -> Result<(), Mismatch> {
        let same = |named: &str, known: &str| named.trim_end_matches('/') == known.trim_end_matches('/');
        match (named, &self.issuer) {
            (Some(named), Some(known)) if !same(named, known) => Err(Mismatch::Issuer),
            (None, _) if self.names_itself && code.is_some() => Err(Mismatch::Issuer),
            _ => Ok(()),
        }
    }
}

/// The value of a parameter, which may stand there once (RFC 6749 §3.1).
fn one<'q>(pairs: &'q [(Cow<'_, str>, Cow<'_, str>)], name: &str) -> Result<Option<&'q str>, Mismatch> {
    let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Mismatch::Twice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(issuer: Option<&str>, names_itself: bool) -> Expected {
        let redirect = "http://127.0.0.1:8400/callback".to_owned();
        Expected { redirect, state: "s3".to_owned(), issuer: issuer.map(str::to_owned), names_itself }
    }

    fn code(text: &str) -> Response {
        Response::Code(Secret::new(text.to_owned()))
    }

    fn error(code: &str, description: Option<&str>) -> Response {
        Response::Error { code: code.to_owned(), description: description.map(str::to_owned) }
    }

    #[test]
    fn nothing_counts_but_the_answer() {
        let table = [
            ("code=c&state=s3", Ok(code("c"))),
            ("state=s3&code=c%2Bd+e&session_state=x", Ok(code("c+d e"))),
            ("code=c&state=s3&error=", Ok(code("c"))),
            ("error=access_denied&state=s3", Ok(error("access_denied", None))),
            ("error=access_denied&state=s3&error_description=not+now", Ok(error("access_denied", Some("not now")))),
            ("code=c", Err(Mismatch::State)),
            ("code=c&state=", Err(Mismatch::State)),
            ("code=c&state=s", Err(Mismatch::State)),
            ("code=c&state=s33", Err(Mismatch::State)),
            ("code=c&state=S3", Err(Mismatch::State)),
            ("error=access_denied&state=other", Err(Mismatch::State)),
            ("code=c&state=s3&state=s3", Err(Mismatch::Twice)),
            ("code=c&code=c&state=s3", Err(Mismatch::Twice)),
            ("code=c&code=d&state=s3", Err(Mismatch::Twice)),
            ("code=c&error=access_denied&state=s3", Err(Mismatch::Twice)),
            ("error=a&error=b&state=s3", Err(Mismatch::Twice)),
            ("state=s3", Err(Mismatch::Empty)),
            ("code=&state=s3", Err(Mismatch::Empty)),
            ("Code=c&state=s3", Err(Mismatch::Empty)),
            ("", Err(Mismatch::State)),
        ];
        for (query, response) in table {
            assert_eq!(expected(None, false).read(query), response, "{query}");
        }
    }

    #[test]
    fn the_issuer_has_to_be_ours() {
        let table = [
            ("iss=https%3A%2F%2Fx", Some("https://x"), false, true),
            ("iss=https%3A%2F%2Fx", Some("https://x"), true, true),
            ("iss=https%3A%2F%2Fx%2F", Some("https://x"), true, true),
            ("iss=https%3A%2F%2Fevil", Some("https://x"), false, false),
            ("iss=https%3A%2F%2Fevil", Some("https://x"), true, false),
            ("iss=", Some("https://x"), false, false),
            ("", Some("https://x"), false, true),
            ("", Some("https://x"), true, false),
            ("iss=https%3A%2F%2Fwhoever", None, false, true),
        ];
        for (iss, issuer, names_itself, is_taken) in table {
            for answer in ["code=c", "error=access_denied"] {
                let read = expected(issuer, names_itself).read(&format!("{answer}&state=s3&{iss}"));
                let is_nameless_no = iss.is_empty() && answer.starts_with("error");
                assert_eq!(read.is_ok(), is_taken || is_nameless_no, "{iss} {issuer:?} {names_itself}: {read:?}");
            }
        }
        let twice = expected(Some("https://x"), true).read("code=c&state=s3&iss=https://x&iss=https://x");
        assert_eq!(twice, Err(Mismatch::Twice));
    }

    #[test]
    fn an_address_is_pasted() {
        let table = [
            ("http://127.0.0.1:8400/callback?code=c&state=s3", Ok(code("c"))),
            (" http://127.0.0.1:8400/callback?code=c&state=s3#x\t", Ok(code("c"))),
            ("127.0.0.1:8400/callback?code=c&state=s3", Ok(code("c"))),
            ("http://127.0.0.1:8400/callback?code=c&state=s4", Err(Mismatch::State)),
            ("http://127.0.0.1:8400/callback", Err(Mismatch::State)),
            ("http://127.0.0.1:8401/callback?code=c&state=s3", Err(Mismatch::Elsewhere)),
            ("http://localhost:8400/callback?code=c&state=s3", Err(Mismatch::Elsewhere)),
            ("https://127.0.0.1:8400/callback?code=c&state=s3", Err(Mismatch::Elsewhere)),
            ("http://127.0.0.1:8400/callback/?code=c&state=s3", Err(Mismatch::Elsewhere)),
            ("https://login.example.com/authorize?state=s3", Err(Mismatch::Elsewhere)),
            ("yes", Err(Mismatch::Elsewhere)),
            ("what is an address?", Err(Mismatch::NoAddress)),
            ("", Err(Mismatch::NoAddress)),
        ];
        for (text, response) in table {
            assert_eq!(expected(None, false).read_address(text), response, "{text}");
        }
    }
}
