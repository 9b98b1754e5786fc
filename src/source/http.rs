//! `source = "http"`: a token from any API that hands one out: a cloud's metadata server, Vault, GitHub's Apps. The profile says what to
//! send and, by JSON pointers (RFC 6901), where in the answer the token and its expiry stand.
//!
//! It sends nothing in plain text but to this machine and to metadata servers, and follows no redirect. A pointer that leads nowhere is a
//! failure, never a guess. Of an answer it shows `error` and `error_description`, as of a token endpoint's, and nothing else.

mod body;
pub(super) mod reading;

use std::fmt;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use self::body::Body;
use self::reading::Reading;
use super::answer::object_without_duplicates;
use super::connection::{self, Answer, Connection, host, is_metadata};
use super::discovery::secure_url;
use super::endpoint::refusal;
use super::expiry::{Ttl, dated};
use super::input::Input;
use super::{Configured, Request, Source, SourceError};
use crate::error::Class;
use crate::secret::{Secret, is_named_as_secret, shown};
use crate::settings::{Mistake, Section};
use crate::token::Token;

const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::PATCH];

/// A request whose answer holds a token.
pub struct Http {
    url: Url,
    method: Method,
    body: Option<Body>,
    bearer: Option<Input>,
    reading: Reading,
    connection: Connection,
    ttl: Option<Ttl>,
}

/// Shows no query, which may hold a secret.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("method", &self.method).field("host", &host(&self.url)).finish_non_exhaustive()
    }
}

impl Configured for Http {
    const KIND: &'static str = "http";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        let url = section.required("url", |item| item.parsed(address))?;
        let body = section.optional("body", Body::from_setting)?;
        let method = section.optional("method", |item| item.parsed(method))?;
        let bearer = section.optional("bearer", Input::from_setting)?;
        let reading = Reading::from_settings(section)?;
        let connection = Connection::from_settings(section)?;
        if bearer.is_some() && connection.has_header(&AUTHORIZATION) {
            return Err(section.mistake("`bearer` and a header `Authorization` exclude each other", None));
        }
        let usual = if body.is_some() { Method::POST } else { Method::GET };
        Ok(Self { url, method: method.unwrap_or(usual), body, bearer, reading, connection, ttl })
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        let mut parts = vec![("url", self.url.to_string()), ("method", self.method.to_string())];
        parts.extend(self.body.iter().flat_map(Body::identity));
        parts.extend(self.bearer.iter().map(|bearer| ("bearer", bearer.identity())));
        parts.push(("token", self.reading.identity()));
        parts.extend(self.connection.identity());
        parts
    }

    fn asks(&self) -> String {
        host(&self.url)
    }

    fn credentials(&self) -> Vec<Secret> {
        // Whoever mends a pointer need not wait for the end of a backoff.
        let reading = Secret::new(format!("{:?}", self.reading));
        self.connection.circumstances().into_iter().chain([reading]).collect()
    }

    fn inputs(&self) -> Vec<&Input> {
        let body = self.body.iter().flat_map(Body::inputs);
        self.bearer.iter().chain(body).chain(self.connection.inputs()).collect()
    }

    fn has_inline_secret(&self) -> bool {
        let in_address = self.url.query_pairs().any(|(name, _)| is_named_as_secret(&name));
        in_address || self.body.as_ref().is_some_and(Body::has_inline_secret) || self.connection.has_inline_secret()
    }
}

impl Source for Http {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let mut own = HeaderMap::new();
        let mut secrets = Vec::new();
        if let Some(bearer) = &self.bearer {
            let token = bearer.read(request).await?;
            own.extend([connection::header("authorization", &Secret::new(format!("Bearer {}", token.expose())))?]);
            secrets.push(token);
        }
        let mut text = Zeroizing::default();
        if let Some(body) = &self.body {
            text = body.text(request, &mut secrets).await?;
            if body.is_json() && !self.connection.has_header(&CONTENT_TYPE) {
                own.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
        }
        let answer = self.connection.send(&self.url, self.method.clone(), text, own, request).await?;
        self.read(&answer, &secrets, request)
    }

    fn peer(&self) -> Option<String> {
        Some(host(&self.url))
    }
}

impl Http {
    /// Whom it asks, and how.
    pub(super) const fn target(&self) -> (&Url, &Connection) {
        (&self.url, &self.connection)
    }

    fn read(&self, answer: &Answer, secrets: &[Secret], request: Request<'_>) -> Result<Token, SourceError> {
        if !answer.status.is_success() {
            return Err(self.refused(answer, secrets, request));
        }
        match self.reading.read(&answer.body, request.now) {
            Ok((token, stated)) => dated(token, stated, self.ttl, request.now),
            Err(_) if says_error(answer) => Err(self.refused(answer, secrets, request)),
            Err(error) if error.class == Class::Temporary => {
                // Error (part, whole, expiry, required, object_without_duplicates, InvalidToken): The token is not where
                // the profile says. The answer is not shown, because it may hold a secret. To do: check `url`, `token`, `expires_in` and
                // `expires_at`.
                Err(SourceError::new(Class::Temporary, format!("the answer of {} is unusable: {}", host(&self.url), error.message)))
            }
            Err(error) => {
                let message = shown(&error.message, &[secrets, &answer.sent].concat());
                Err(SourceError { message, ..error })
            }
        }
    }

    fn refused(&self, answer: &Answer, secrets: &[Secret], request: Request<'_>) -> SourceError {
        let status = answer.status.as_u16();
        let object = object_without_duplicates(&answer.body).ok();
        let error = refusal(&host(&self.url), answer, object.as_ref(), secrets, request.now);
        if is_metadata(&self.url) && is_for_now(status) {
            return SourceError { class: Class::Temporary, hint: None, ..error };
        }
        SourceError { hint: advice(status).map(str::to_owned), ..error }
    }
}

/// Whether a successful status comes with an error all the same.
fn says_error(answer: &Answer) -> bool {
    object_without_duplicates(&answer.body).is_ok_and(|object| object.get("error").is_some_and(serde_json::Value::is_string))
}

/// Azure's metadata server is not found, or gone, for up to 70 seconds while it is replaced.
const fn is_for_now(status: u16) -> bool {
    matches!(status, 404 | 410)
}

fn advice(status: u16) -> Option<&'static str> {
    match status {
        300..=399 => Some("check `url`: it has to be the final address"),
        401 | 403 => Some("check `bearer` and `headers`, and what they give a right to"),
        404 | 405 => Some("check `url` and `method`"),
        400 | 406..=407 | 411..=424 => Some("check `url`, `headers` and `body`"),
        _ => None,
    }
}

/// Where a secret may be sent, or a metadata server, which speaks plain http and is reached from its own machine alone.
fn address(text: &str) -> Result<Url, String> {
    let metadata = Url::parse(text).ok().filter(|url| url.scheme() == "http" && is_metadata(url));
    match metadata {
        // What else is wanted of an address is wanted of this one too.
        Some(url) => secure_url(&url.as_str().replacen("http", "https", 1)).map(|_| url),
        None => secure_url(text),
    }
}

fn method(text: &str) -> Result<Method, String> {
    let found = METHODS.into_iter().find(|method| method.as_str() == text);
    found.ok_or_else(|| "expected \"GET\", \"POST\", \"PUT\" or \"PATCH\"".to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use reqwest::StatusCode;

    use super::*;
    use crate::clock::Timestamp;
    use crate::settings::Context;
    use crate::source::Memory;

    #[test]
    fn plain_http_is_for_this_machine_and_for_metadata_servers() {
        let good = [
            "https://vault.example.com/v1/auth/approle/login",
            "http://127.0.0.1:8200/",
            "http://localhost/",
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01",
            "HTTP://169.254.170.2/v2/credentials/x",
            "http://[fd00:ec2::254]/latest/api/token",
            "http://metadata.google.internal/computeMetadata/v1/",
            "https://metadata.google.internal/",
        ];
        let bad = [
            "http://vault.example.com/",
            "http://169.253.169.254/",
            "http://169.254.169.254.example.com/",
            "http://metadata.google.internal.example.com/",
            "http://metadata.google.internal./",
            "http://[fd00:ec2::255]/",
            "http://user@169.254.169.254/",
            "http://169.254.169.254/#fragment",
            "ftp://169.254.169.254/",
            "http://10.0.0.1/",
            "//127.0.0.1/",
            "",
        ];
        for text in good {
            assert!(address(text).is_ok_and(|url| url.host_str().is_some_and(|host| text.contains(host))), "{text}");
        }
        for text in bad {
            assert!(address(text).is_err(), "{text}");
        }
        assert_eq!(address("http://169.254.169.254/a?b").map(|url| url.to_string()), Ok("http://169.254.169.254/a?b".to_owned()));
    }

    /// The class of what this server's answer of this status comes to.
    fn class(url: &str, status: u16) -> Class {
        let text = format!("url = '{url}'");
        let context = Context { text: &text, folder: Path::new("/c"), home: None };
        let source = Section::parse(context).and_then(|mut section| Http::from_settings(&mut section, None)).expect(url);
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = Answer { status, headers: HeaderMap::new(), body: Zeroizing::default(), sent: Vec::new() };
        let now = Timestamp::from_unix_seconds(0);
        let (limit, logins) = (Duration::from_secs(1), Memory::default());
        let request = Request { previous: None, now, limit, until: now, insists: false, person: None, logins: &logins };
        source.read(&answer, &[], request).expect_err("no token").class
    }

    #[test]
    fn a_metadata_server_may_be_away_for_a_while() {
        let table = [
            ("http://169.254.169.254/metadata/identity/oauth2/token", 404, Class::Temporary),
            ("http://169.254.169.254/metadata/identity/oauth2/token", 410, Class::Temporary),
            ("http://169.254.169.254/metadata/identity/oauth2/token", 400, Class::Refused),
            ("http://169.254.169.254/metadata/identity/oauth2/token", 403, Class::Refused),
            ("http://127.0.0.1/metadata", 404, Class::Refused),
            ("https://vault.example.com/", 410, Class::Refused),
        ];
        for (url, status, expected) in table {
            assert_eq!(class(url, status), expected, "{url}: {status}");
        }
    }

    #[test]
    fn every_refusal_has_its_advice() {
        let table = [
            (302, "`url`"),
            (400, "`body`"),
            (401, "`bearer`"),
            (403, "`headers`"),
            (404, "`url` and `method`"),
            (405, "`method`"),
            (415, "`headers`"),
            (422, "`body`"),
        ];
        for (status, word) in table {
            assert!(advice(status).is_some_and(|advice| advice.contains(word)), "{status}");
        }
        for status in [408, 425, 429, 500, 503] {
            assert_eq!(advice(status), None, "{status}: it may pass");
        }
    }
}
