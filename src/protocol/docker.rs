//! docker, skopeo, podman, crane, oras, helm: a credential helper (docker/docker-credential-helpers). Standard input is the host alone, and
//! every message is for standard output.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Target, Unfit, json, printable, text};
use crate::error::{one_line, visible};
use crate::secret::Secret;

/// By these very words the consumer knows that there is nothing, and goes on.
const NOT_FOUND: &str = "credentials not found in native keychain\n";

/// With this name, what is handed over would be taken for a refresh token of the registry's realm.
const IDENTITY_TOKEN: &str = "<token>";

/// Behind the name of Docker Hub, docker keeps what its own login needs. That is not ours to give.
const OF_DOCKERS_OWN_LOGIN: [&str; 2] = ["index.docker.io/v1/access-token", "index.docker.io/v1/refresh-token"];

/// What docker asks.
#[derive(Clone, Debug)]
pub struct Exchange {
    operation: Operation,
    server: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Get,
    Store,
    Erase,
    List,
    Version,
    Unknown(String),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

impl Exchange {
    /// The operation is the first of `arguments`.
    #[must_use]
    pub fn new(arguments: &[String], input: &[u8]) -> Self {
        let operation = match arguments.first().map(String::as_str) {
            Some("get") => Operation::Get,
            Some("store") => Operation::Store,
            Some("erase") => Operation::Erase,
            Some("list") => Operation::List,
            Some("version") => Operation::Version,
            other => Operation::Unknown(one_line(other.unwrap_or_default())),
        };
        Self { operation, server: text(input).unwrap_or_default().trim_ascii().to_owned() }
    }

    /// Whether the operation has an input.
    #[must_use]
    pub fn has_input(arguments: &[String]) -> bool {
        matches!(arguments.first().map(String::as_str), Some("get" | "store" | "erase"))
    }

    /// Whether it asks which hosts there are, which [`listed`] answers.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.operation == Operation::List
    }

    /// Where the server is. `erase` names it three times: as it is, and behind http:// and https://; nothing is handed out for that.
    fn place(&self) -> Place {
        if OF_DOCKERS_OWN_LOGIN.iter().any(|own| self.server.ends_with(own)) {
            return Place::Nowhere;
        }
        let server = match (&self.operation, self.server.split_once("://")) {
            (Operation::Erase, Some((_, server))) => server,
            _ => &self.server,
        };
        Place::of(Target::of_place(server))
    }
}

/// All hosts of these profiles, each with its user name. A pattern is no host.
#[must_use]
pub fn listed<'p>(profiles: impl Iterator<Item = (&'p [String], &'p str)>) -> Answer {
    let pairs = profiles.flat_map(|(hosts, username)| hosts.iter().map(move |host| (host.as_str(), username)));
    let is_fit = |(host, username): &(&str, &str)| !host.contains('*') && printable(username, "`username`").is_ok();
    Answer::said(json(&pairs.filter(is_fit).collect::<BTreeMap<_, _>>()))
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        match &self.operation {
            Operation::Get => Ok(Request::new(Act::Get, self.place())),
            Operation::Erase => Ok(Request::new(Act::Forget, self.place())),
            Operation::Store | Operation::Version | Operation::List => Ok(Request::nothing()),
            // Error: The helper was not called as docker calls it; docker itself compares these words. To do: set it up by `token helper
            // setup docker`.
            Operation::Unknown(word) => Err(Malformed::new(format!("Unknown credential action `{word}`"))),
        }
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        let username = offer.username()?;
        if username == IDENTITY_TOKEN {
            // Error: docker has a meaning of its own for that user name. To do: set `username` of the profile to another.
            return Err(Unfit(format!("with the `username` {IDENTITY_TOKEN}, docker takes the token for a refresh token; choose another")));
        }
        let server_url = printable(&self.server, "server's name")?;
        Ok(json(&Credentials { server_url, username, secret: offer.token.expose() }))
    }

    fn nothing(&self) -> Answer {
        match self.operation {
            Operation::Get => Answer { status: 1, ..Answer::plain(NOT_FOUND) },
            _ => Answer::silent(0),
        }
    }

    fn failed(&self, reason: &str, status: u8) -> Answer {
        Answer { status, ..Answer::plain(visible(reason) + "\n") }
    }

    fn done(&self) -> Answer {
        match self.operation {
            Operation::Version => Answer::plain(concat!("docker-credential-token (token) v", env!("CARGO_PKG_VERSION"), "\n")),
            _ => Answer::silent(0),
        }
    }

    fn has_stderr(&self) -> bool {
        false
    }

    fn waits_for_people(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{handed, offer, place, token};
    use super::*;

    fn exchange(operation: &str, input: &str) -> Exchange {
        Exchange::new(&[operation.to_owned()], input.as_bytes())
    }

    #[test]
    fn the_answer_is_exact() {
        let token = token();
        for (input, server) in
            [("registry.example.com:5000\n", "registry.example.com:5000"), ("https://index.docker.io/v1/", "https://index.docker.io/v1/")]
        {
            let expected = format!("{{\"ServerURL\":\"{server}\",\"Username\":\"oauth2\",\"Secret\":\"token-1\"}}\n");
            assert_eq!(handed(&exchange("get", input), &offer(&token, None)), expected);
        }
        for username in ["<token>", "a\nb"] {
            assert!(exchange("get", "x.example.com").token(&Offer { username, ..offer(&token, None) }).is_err(), "{username:?}");
        }
        let nothing = exchange("get", "x").nothing();
        assert_eq!((nothing.text.expose(), nothing.status), ("credentials not found in native keychain\n", 1));
        assert_eq!(exchange("get", "x").failed("prod: no\nway", 5).text.expose(), "prod: no way\n");
        assert!(exchange("version", "").done().text.expose().starts_with("docker-credential-token (token) v"));
    }

    #[test]
    fn hosts_are_listed() {
        let (some, more) = (["a.example.com".to_owned(), "*.b.example.com".to_owned()], ["c.example.com:5000".to_owned()]);
        let answer = listed([(&some[..], "oauth2"), (&more[..], "me")].into_iter());
        assert_eq!(answer.text.expose(), "{\"a.example.com\":\"oauth2\",\"c.example.com:5000\":\"me\"}\n");
        assert_eq!(listed(std::iter::empty()).text.expose(), "{}\n");
    }

    #[test]
    fn the_input_is_a_host_or_a_url() {
        let registry = place("https://registry.example.com");
        let table = [
            ("get", "registry.example.com", Act::Get, registry.clone()),
            ("get", " registry.example.com \r\n", Act::Get, registry.clone()),
            ("get", "https://registry.example.com/v2/", Act::Get, registry.clone()),
            ("get", "registry.example.com/team/image", Act::Get, registry.clone()),
            ("get", "http://registry.example.com", Act::Get, Place::Nowhere),
            ("get", "http://localhost:5000", Act::Get, place("http://localhost:5000")),
            ("get", "", Act::Get, Place::Nowhere),
            ("get", "https://index.docker.io/v1/", Act::Get, place("https://index.docker.io")),
            ("get", "https://index.docker.io/v1/refresh-token", Act::Get, Place::Nowhere),
            ("erase", "https://index.docker.io/v1/access-token", Act::Forget, Place::Nowhere),
            ("get", "registry.example.com\nevil.com", Act::Get, Place::Nowhere),
            ("get", "registry.example.com\0", Act::Get, Place::Nowhere),
            ("get", &"x".repeat(65_536), Act::Get, Place::Nowhere),
            ("erase", "registry.example.com", Act::Forget, registry.clone()),
            ("erase", "http://registry.example.com", Act::Forget, registry.clone()),
            ("erase", "https://registry.example.com", Act::Forget, registry),
        ];
        for (operation, input, act, place) in table {
            assert_eq!(exchange(operation, input).request(), Ok(Request::new(act, place)), "{operation} {input:?}");
        }
        assert_eq!(exchange("store", "{}").request(), Ok(Request::nothing()));
        assert!(exchange("frobnicate", "").request().is_err());
        assert!(Exchange::new(&[], b"").request().is_err());
    }
}
