//! cargo: a credential provider (the Cargo Book, "Credential Provider Protocol"). Called with `--cargo-plugin` alone, it greets, then
//! answers each line with a line until the end of the input. What is configured behind the provider's path comes with each request.

use serde::{Deserialize, Serialize};

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Target, Unfit, json};
use crate::error::{one_line, visible};
use crate::secret::Secret;

/// The only argument of a plugin.
pub const PLUGIN: &str = "--cargo-plugin";

/// What a plugin says first.
pub const GREETING: &str = "{\"v\":[1]}\n";

const VERSION: u64 = 1;

/// What cargo asks in one line.
#[derive(Clone, Debug)]
pub struct Exchange(Result<Asked, Malformed>);

#[derive(Clone, Debug, Deserialize)]
struct Asked {
    v: u64,
    kind: String,
    #[serde(default)]
    registry: Option<Registry>,
    #[serde(default)]
    args: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Registry {
    #[serde(rename = "index-url")]
    index_url: String,
}

#[derive(Serialize)]
enum Reply<'a> {
    Ok(Done<'a>),
    Err(Refusal<'a>),
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Done<'a> {
    Get(Credential<'a>),
    Login,
    Logout,
}

#[derive(Serialize)]
struct Credential<'a> {
    token: &'a str,
    /// `expires`, or `session` where the token does not.
    cache: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<i64>,
    operation_independent: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Refusal<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caused_by: Option<[&'a str; 0]>,
}

impl Exchange {
    /// One line of the input.
    #[must_use]
    pub fn new(line: &[u8]) -> Self {
        let asked: Result<Asked, Malformed> =
            // Error: The provider was not called as cargo calls it. To do: set it up by `token helper setup cargo`.
            serde_json::from_slice(line).map_err(|_| Malformed::new("cargo sent no request of this protocol"));
        Self(asked.and_then(|asked| match asked.v {
            VERSION => Ok(asked),
            // Error: This cargo is newer than this token. To do: update token.
            other => Err(Malformed::new(format!("cargo speaks version {other} of this protocol; version {VERSION} is spoken here"))),
        }))
    }

    fn kind(&self) -> &str {
        self.0.as_ref().map_or("", |asked| asked.kind.as_str())
    }

    /// The profile that is configured behind the provider's path: `[helper cargo] --profile NAME`.
    fn profile(&self) -> Result<Option<String>, Malformed> {
        let words: Vec<&str> = self.0.as_ref().map_err(Clone::clone)?.args.iter().map(String::as_str).collect();
        let words = words.strip_prefix(&["helper", "cargo"]).unwrap_or(&words);
        match words {
            [] => Ok(None),
            ["--profile" | "-p", name] => Ok(Some((*name).to_owned())),
            [word] if word.starts_with("--profile=") => Ok(word.strip_prefix("--profile=").map(str::to_owned)),
            [word, ..] => {
                // Error: The line in cargo's configuration has an argument that means nothing here. To do: set it up by `token helper
                // setup cargo`.
                Err(Malformed::new(format!("the credential provider is configured with `{}`; --profile NAME is known", one_line(word))))
            }
        }
    }

    fn place(&self) -> Place {
        let registry = self.0.as_ref().ok().and_then(|asked| asked.registry.as_ref());
        Place::of(registry.and_then(|registry| index_target(&registry.index_url)))
    }
}

/// Where the index of a registry is.
fn index_target(url: &str) -> Option<Target> {
    Target::of_url(url.strip_prefix("sparse+").or_else(|| url.strip_prefix("registry+")).unwrap_or(url))
}

fn refusal(kind: &str, message: Option<&str>) -> Answer {
    let message = message.map(visible);
    let caused_by = message.is_some().then_some([]);
    Answer::said(json(&Reply::Err(Refusal { kind, message, caused_by })))
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        let act = match self.kind() {
            "get" => Act::Get,
            "logout" => Act::Forget,
            "login" => Act::Accept,
            _ => Act::Nothing,
        };
        Ok(Request { profile: self.profile()?, ..Request::new(act, self.place()) })
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        let (verbatim, expiry) = (offer.verbatim()?, offer.expiry());
        Ok(json(&Reply::Ok(Done::Get(Credential {
            token: verbatim.expose(),
            cache: if expiry.is_some() { "expires" } else { "session" },
            expiration: expiry.map(crate::clock::Timestamp::unix_seconds),
            operation_independent: true,
        }))))
    }

    fn nothing(&self) -> Answer {
        refusal("url-not-supported", None)
    }

    fn failed(&self, reason: &str, _: u8) -> Answer {
        refusal("other", Some(reason))
    }

    fn done(&self) -> Answer {
        match self.kind() {
            "login" => Answer::said(json(&Reply::Ok(Done::Login))),
            "logout" => Answer::said(json(&Reply::Ok(Done::Logout))),
            _ => refusal("operation-not-supported", None),
        }
    }

    fn has_stderr(&self) -> bool {
        false
    }

    fn waits_for_people(&self) -> bool {
        true
    }
}

/// What `cargo:token-from-stdout` asks: the token alone, for the index that `CARGO_REGISTRY_INDEX_URL` names.
#[derive(Clone, Debug)]
pub struct FromStdout(pub String);

impl Protocol for FromStdout {
    fn request(&self) -> Result<Request, Malformed> {
        Ok(Request::new(Act::Get, Place::of(index_target(&self.0))))
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        Ok(Secret::new(format!("{}\n", offer.verbatim()?.expose())))
    }

    fn nothing(&self) -> Answer {
        Answer::silent(1)
    }

    fn failed(&self, _: &str, status: u8) -> Answer {
        Answer::silent(status)
    }

    fn explains_nothing(&self) -> bool {
        true
    }

    fn waits_for_people(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{handed, lasting, offer, place, token};
    use super::*;

    fn line(kind: &str, args: &str) -> String {
        format!(
            "{{\"v\":1,\"registry\":{{\"index-url\":\"sparse+https://crates.example.com/index/\",\"name\":\"own\",\"headers\":[]}},\
             \"kind\":\"{kind}\",\"operation\":\"read\",\"args\":{args},\"new\":null}}"
        )
    }

    fn exchange(kind: &str) -> Exchange {
        Exchange::new(line(kind, "[]").as_bytes())
    }

    #[test]
    fn the_answer_is_exact() {
        let expiring = |value: &str| {
            format!(
                "{{\"Ok\":{{\"kind\":\"get\",\"token\":\"{value}\",\"cache\":\"expires\",\"expiration\":1795352390,\"operation_independent\":true}}}}\n"
            )
        };
        assert_eq!(handed(&exchange("get"), &offer(&token(), None)), expiring("token-1"));
        assert_eq!(handed(&exchange("get"), &offer(&token(), Some("Bearer"))), expiring("Bearer token-1"));
        let lasting = handed(&exchange("get"), &offer(&lasting(), None));
        assert_eq!(lasting, "{\"Ok\":{\"kind\":\"get\",\"token\":\"token-1\",\"cache\":\"session\",\"operation_independent\":true}}\n");
        let table = [
            (exchange("login").done(), "{\"Ok\":{\"kind\":\"login\"}}\n"),
            (exchange("logout").done(), "{\"Ok\":{\"kind\":\"logout\"}}\n"),
            (exchange("yank-all").done(), "{\"Err\":{\"kind\":\"operation-not-supported\"}}\n"),
            (exchange("get").nothing(), "{\"Err\":{\"kind\":\"url-not-supported\"}}\n"),
            (exchange("get").failed("prod: no", 5), "{\"Err\":{\"kind\":\"other\",\"message\":\"prod: no\",\"caused-by\":[]}}\n"),
        ];
        for (answer, expected) in table {
            assert_eq!((answer.text.expose(), answer.status), (expected, 0));
        }
        assert_eq!(handed(&FromStdout(String::new()), &offer(&token(), Some("Bearer"))), "Bearer token-1\n");
    }

    #[test]
    fn the_registry_is_known_by_its_index() {
        let table = [
            ("sparse+https://crates.example.com/index/", place("https://crates.example.com")),
            ("registry+https://crates.example.com/index", place("https://crates.example.com")),
            ("https://github.com/example/index", place("https://github.com")),
            ("sparse+http://crates.example.com/", Place::Nowhere),
            ("ssh://git@crates.example.com/", Place::Nowhere),
            ("", Place::Nowhere),
        ];
        for (url, place) in table {
            let line = line("get", "[]").replace("sparse+https://crates.example.com/index/", url);
            assert_eq!(Exchange::new(line.as_bytes()).request(), Ok(Request::new(Act::Get, place.clone())), "{url}");
            assert_eq!(FromStdout(url.to_owned()).request(), Ok(Request::new(Act::Get, place)), "{url}");
        }
    }

    #[test]
    fn what_is_configured_comes_with_the_request() {
        let table = [
            ("[]", Ok(None)),
            (r#"["--profile","prod"]"#, Ok(Some("prod"))),
            (r#"["-p","prod"]"#, Ok(Some("prod"))),
            (r#"["--profile=prod"]"#, Ok(Some("prod"))),
            (r#"["helper","cargo"]"#, Ok(None)),
            (r#"["helper","cargo","--profile","prod"]"#, Ok(Some("prod"))),
            (r#"["--profile"]"#, Err(())),
            (r#"["--prof","prod"]"#, Err(())),
            (r#"["helper","git"]"#, Err(())),
        ];
        for (args, expected) in table {
            let found = Exchange::new(line("get", args).as_bytes()).request().map(|request| request.profile).map_err(|_| ());
            assert_eq!(found, expected.map(|name| name.map(str::to_owned)), "{args}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for line in ["", "{", "[]", "null", "{}", r#"{"v":2,"kind":"get"}"#, r#"{"v":1}"#, r#"{"v":1,"kind":3}"#, "\0"] {
            assert!(Exchange::new(line.as_bytes()).request().is_err(), "{line}");
        }
        assert!(Exchange::new(b"\xff\xfe").request().is_err());
    }
}
