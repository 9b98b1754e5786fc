//! Terraform: a credentials helper. `[arguments] get|store|forget HOST`; an answer is one JSON object, `{}` where there is nothing.

use serde::Serialize;

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Target, Unfit, json};
use crate::secret::Secret;

/// What Terraform asks.
#[derive(Clone, Debug)]
pub struct Exchange {
    operation: Option<String>,
    host: String,
}

#[derive(Serialize)]
struct Credentials<'a> {
    token: &'a str,
}

impl Exchange {
    /// The operation and the host are the last two of `arguments`.
    #[must_use]
    pub fn new(arguments: &[String]) -> Self {
        let (operation, host) = match arguments {
            [.., operation, host] => (Some(operation.clone()), host.clone()),
            _ => (None, String::new()),
        };
        Self { operation, host }
    }

    fn is_get(&self) -> bool {
        self.operation.as_deref() == Some("get")
    }
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        let authority = Some(self.host.as_str()).filter(|host| !host.contains(['/', '@', '?', '#']));
        let place = Place::of(authority.and_then(|host| Target::of("https", host)));
        match self.operation.as_deref() {
            Some("get") => Ok(Request::new(Act::Get, place)),
            Some("forget") => Ok(Request::new(Act::Purge, place)),
            Some("store") => Ok(Request::new(Act::Accept, place)),
            // Error: The helper was not called as Terraform calls it. To do: set it up by `token helper setup terraform`.
            _ => Err(Malformed::new("terraform asks `get HOST`, `store HOST` or `forget HOST`")),
        }
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        Ok(json(&Credentials { token: offer.token.expose() }))
    }

    /// What nobody gives cannot be kept either, and Terraform has to know.
    fn nothing(&self) -> Answer {
        match self.operation.as_deref() {
            Some("get") => Answer::plain("{}\n"),
            Some("store") => Answer::silent(1),
            _ => Answer::silent(0),
        }
    }

    fn failed(&self, _: &str, status: u8) -> Answer {
        Answer::silent(status)
    }

    fn explains_nothing(&self) -> bool {
        self.operation.as_deref() == Some("store")
    }

    fn waits_for_people(&self) -> bool {
        self.is_get()
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
        assert_eq!(handed(&exchange("get app.example.com"), &offer(&token(), Some("Bearer"))), "{\"token\":\"token-1\"}\n");
        for (line, text, status) in [("get x", "{}\n", 0), ("forget x", "", 0), ("store x", "", 1)] {
            let nothing = exchange(line).nothing();
            assert_eq!((nothing.text.expose(), nothing.status), (text, status), "{line}");
        }
    }

    #[test]
    fn each_operation_names_its_host() {
        let app = place("https://app.example.com");
        let table = [
            ("get app.example.com", Act::Get, app.clone()),
            ("--own arguments get app.example.com", Act::Get, app.clone()),
            ("get app.example.com:8443", Act::Get, place("https://app.example.com:8443")),
            ("forget app.example.com", Act::Purge, app.clone()),
            ("store app.example.com", Act::Accept, app),
            ("get http://localhost", Act::Get, Place::Nowhere),
            ("get me@app.example.com", Act::Get, Place::Nowhere),
            ("get a\0b", Act::Get, Place::Nowhere),
            ("get ", Act::Get, Place::Nowhere),
        ];
        for (line, act, place) in table {
            assert_eq!(exchange(line).request(), Ok(Request::new(act, place)), "{line:?}");
        }
        for line in ["", "get", "app.example.com", "list app.example.com"] {
            assert!(exchange(line).request().is_err(), "{line}");
        }
    }
}
