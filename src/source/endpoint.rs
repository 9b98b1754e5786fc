//! Token endpoints (RFC 6749 §3.2): the only POST to one, and the reading of its answer. Nothing of an answer is believed that is
//! not exactly right, and nothing of its body is ever shown but `error` and `error_description`, on one line, without our secrets.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use serde_json::{Map, Value};
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::answer::{TokenResponse, object_without_duplicates, refresh_token};
use super::connection::{Answer, Connection, host};
use super::{Request, SourceError, Url};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::secret::{Secret, is_named_as_secret, shown};
use crate::settings::{Item, Mistake, Section};

/// The error codes that have a meaning here (RFC 6749 §5.2, RFC 8628 §3.5, RFC 8707 §2). They are what they are even where a secret is so
/// short that it is a part of one.
const CODES: [&str; 13] = [
    "access_denied",
    "authorization_pending",
    "expired_token",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// What a grant asks for: its form without the client's credentials.
#[derive(Clone, Debug)]
pub(super) struct Form {
    fields: Vec<(String, Secret)>,
    scope: Option<String>,
    /// Those of `params`.
    extra: Vec<(String, Secret)>,
    /// What of all that must not be shown.
    secrets: Vec<Secret>,
}

/// Fields that a profile sets by other keys.
const OWN_FIELDS: [&str; 20] = [
    "actor_token",
    "actor_token_type",
    "assertion",
    "audience",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "requested_token_type",
    "resource",
    "scope",
    "state",
    "subject_token",
    "subject_token_type",
];

impl Form {
    /// What a profile says of any grant: `scope` (RFC 6749 §3.3), `audience`, `resource` (RFC 8707) and `params`.
    pub fn from_settings(section: &mut Section<'_>) -> Result<Self, Mistake> {
        let mut form = Self::bare();
        let scope = section.optional("scope", Item::one_or_more)?;
        if let Some(scope) = scope.filter(|scope| !scope.is_empty()) {
            form.scope = Some(scope.join(" "));
            form = form.with("scope", &scope.join(" "));
        }
        for key in ["audience", "resource"] {
            for value in section.optional(key, Item::one_or_more)?.unwrap_or_default() {
                form = form.with(key, &value);
            }
        }
        form.extra = section.optional("params", params)?.unwrap_or_default();
        form.secrets = form.extra.iter().filter(|(name, _)| is_named_as_secret(name)).map(|(_, value)| value.clone()).collect();
        Ok(form)
    }

    /// The same for this grant.
    #[must_use]
    pub fn of_grant(&self, grant_type: &str) -> Self {
        self.clone().with("grant_type", grant_type)
    }

    /// With a field that is no secret.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), Secret::new(value.to_owned())));
        self
    }

    /// With a field that is one.
    #[must_use]
    pub fn with_secret(mut self, name: &str, value: Secret) -> Self {
        self.secrets.push(value.clone());
        self.fields.push((name.to_owned(), value));
        self
    }

    /// Nothing but what is asked for here: no scope and nothing of a profile.
    pub fn bare() -> Self {
        Self { fields: Vec::new(), scope: None, extra: Vec::new(), secrets: Vec::new() }
    }

    /// The scope that is asked for.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Whether one of its fields is likely to be a secret that stands in the configuration.
    pub fn has_inline_secret(&self) -> bool {
        !self.secrets.is_empty()
    }

    pub fn identity(&self) -> Vec<(&'static str, String)> {
        self.all().map(|(name, value)| ("field", format!("{name}={}", value.expose()))).collect()
    }

    fn all(&self) -> impl Iterator<Item = &(String, Secret)> {
        self.fields.iter().chain(&self.extra)
    }

    /// The fields that an address may carry: none that is likely to be a secret. The type of a token is none (`token_access_type`).
    pub fn query(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_fit = |name: &str| !is_named_as_secret(name) || name.ends_with("_type");
        self.all().filter(move |(name, _)| is_fit(name)).map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// The request of this form to `url`.
    pub fn post(&self, url: Url) -> Post {
        Post { url, fields: self.all().cloned().collect(), authorization: None, secrets: self.secrets.clone() }
    }
}

fn params(item: Item<'_>) -> Result<Vec<(String, Secret)>, Mistake> {
    let read = |(name, item): (String, Item<'_>)| {
        if OWN_FIELDS.contains(&name.as_str()) {
            return Err(item.mistake("is set by the key of that name, not in `params`"));
        }
        item.text().map(|value| (name, Secret::new(value)))
    };
    item.section()?.take_rest().into_iter().map(read).collect()
}

/// One request to an endpoint.
pub(super) struct Post {
    url: Url,
    fields: Vec<(String, Secret)>,
    authorization: Option<Secret>,
    secrets: Vec<Secret>,
}

impl Post {
    /// `client_secret_basic`: both parts form-encoded first (RFC 6749 §2.3.1).
    pub fn basic(&mut self, client_id: &str, client_secret: &Secret) {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), encoded(client_secret.expose())));
        let credentials = Secret::new(STANDARD.encode(pair.as_bytes()));
        self.authorization = Some(Secret::new(format!("Basic {}", credentials.expose())));
        self.secrets.extend([client_secret.clone(), credentials, Secret::new(pair.to_string())]);
    }

    /// A field that is a secret.
    pub fn secret(&mut self, name: &str, value: Secret) {
        self.secrets.push(value.clone());
        self.fields.push((name.to_owned(), value));
    }

    /// A field that is none.
    pub fn field(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), Secret::new(value.to_owned())));
    }

    fn form(&self) -> Zeroizing<String> {
        let mut form = Serializer::new(String::new());
        for (name, value) in &self.fields {
            form.append_pair(name, value.expose());
        }
        Zeroizing::new(form.finish())
    }

    /// Sends it to a token endpoint. An expiry that the answer counts in seconds counts from the time of the request, which was before.
    pub async fn token(mut self, connection: &Connection, request: Request<'_>) -> Result<TokenResponse, SourceError> {
        let peer = host(&self.url);
        let object = self.exchange(connection, request).await?.map_err(|what| unusable(&peer, &what))?;
        let successor = object.get("refresh_token").cloned();
        TokenResponse::read(object, request.now).map_err(|error| {
            let error = if error.class == Class::Temporary { unusable(&peer, &error.message) } else { error };
            let message = shown(&error.message, &self.secrets);
            SourceError { message, successor: successor.and_then(|value| refresh_token(value).ok().flatten()), ..error }
        })
    }

    /// Sends it to another endpoint, where an answer without a body is one, too.
    pub async fn send(mut self, connection: &Connection, request: Request<'_>) -> Result<Map<String, Value>, SourceError> {
        Ok(self.exchange(connection, request).await?.unwrap_or_default())
    }

    /// Sends it: the object in the answer, or why there is none in it. A refusal is an error.
    async fn exchange(&mut self, connection: &Connection, request: Request<'_>) -> Result<Result<Map<String, Value>, String>, SourceError> {
        let authorization = self.authorization.as_ref().and_then(|value| {
            let mut value = HeaderValue::from_str(value.expose()).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let answer = connection.post(&self.url, self.form(), authorization, request).await?;
        let object = object_without_duplicates(&answer.body);
        let says_error = object.as_ref().is_ok_and(|object| object.get("error").is_some_and(|error| !error.is_null()));
        if !answer.status.is_success() || says_error {
            return Err(refusal(&host(&self.url), &answer, object.ok().as_ref(), &self.secrets, request.now));
        }
        self.secrets.extend(answer.sent);
        Ok(object)
    }
}

fn unusable(peer: &str, what: &str) -> SourceError {
    // Error (src/source/answer.rs, object_without_duplicates, InvalidToken): The answer is not what RFC 6749 §5.1 asks for. Its text is
    // not shown, because it may hold a secret. To do: check `token_endpoint` or `issuer`; then ask whoever runs the issuer.
    SourceError::new(Class::Temporary, format!("the answer of {peer} is unusable: {what}"))
}

/// What an answer that is no token means (RFC 6749 §5.2, RFC 9110 §15).
pub(super) fn refusal(peer: &str, answer: &Answer, object: Option<&Map<String, Value>>, secrets: &[Secret], now: Timestamp) -> SourceError {
    let status = answer.status.as_u16();
    let secrets = [secrets, &answer.sent].concat();
    let text = |key| object.and_then(|object| object.get(key)).and_then(Value::as_str).map(|text| shown(text, &secrets));
    let registered = object.and_then(|object| CODES.iter().find(|code| object.get("error").is_some_and(|error| error == **code)));
    let code = registered.map_or_else(|| text("error"), |code| Some((*code).to_owned()));
    let class = classify(status, code.as_deref());
    let mut error = match (&code, class) {
        (Some(code), Class::Temporary) => {
            // Error 5: The issuer says that it may pass. To do: nothing; it is tried again.
            SourceError::new(class, format!("{peer} failed for now: {}", described(code, text("error_description"))))
        }
        // Error 3 or 4: The issuer's own error code (RFC 6749 §5.2) and description: `invalid_client` is a wrong id or secret,
        // `invalid_grant` a login that has ended, `invalid_scope` a scope that the client may not have. 3 where a person can log in
        // again. To do: as the hint says; for `invalid_grant` `token renew NAME` in a terminal, or a new refresh token.
        (Some(code), _) => SourceError::new(class, format!("{peer} refused: {}", described(code, text("error_description")))),
        (None, _) if (300..400).contains(&status) => {
            // Error 4: A redirect would take the secret elsewhere. To do: set `token_endpoint` or `issuer` to the final address.
            SourceError::new(class, format!("{peer} answered with a redirect ({status}), which no request for a token follows"))
        }
        // Error 5: The issuer, or what stands before it, is overloaded or down; 429 is a limit of requests. To do: nothing; it is tried
        // again, not before `Retry-After` says so.
        (None, Class::Temporary) => SourceError::new(class, format!("{peer} failed for now (HTTP {status})")),
        // Error 3 or 4: 401 is a wrong id or secret, 403 a right that is missing, 404 a wrong address. To do: check the client,
        // `token_endpoint` or `issuer`.
        (None, _) => SourceError::new(class, format!("{peer} refused (HTTP {status})")),
    };
    error.code = code.clone().map(String::into_boxed_str);
    error.hint = advice(status, code.as_deref()).map(str::to_owned);
    error.retry_after = answer.headers.get("retry-after").and_then(|value| retry_after(value.to_str().ok()?, now));
    error
}

fn described(code: &str, description: Option<String>) -> String {
    match description {
        Some(description) if !description.is_empty() => format!("{code} ({description})"),
        _ => code.to_owned(),
    }
}

/// Whether trying again can help, by HTTP status and OAuth error code.
fn classify(status: u16, code: Option<&str>) -> Class {
    match (status, code) {
        (_, Some("temporarily_unavailable" | "server_error" | "slow_down")) | (408 | 425 | 429 | 500.., _) => Class::Temporary,
        _ => Class::Refused,
    }
}

fn advice(status: u16, code: Option<&str>) -> Option<&'static str> {
    match (status, code) {
        (_, Some("invalid_client")) | (401, None) => Some("check `client_id`, `client_auth` and the client's secret or assertion"),
        (_, Some("unauthorized_client" | "unsupported_grant_type")) => Some("the issuer must allow this client this grant"),
        (_, Some("invalid_scope")) => Some("check `scope`"),
        (_, Some("invalid_target")) => Some("check `resource` and `audience`"),
        (300..=399, _) | (404 | 405, None) => Some("check `token_endpoint` or `issuer`"),
        _ => None,
    }
}

/// The wait that Retry-After asks for (RFC 9110 §10.2.3): seconds or a date; `None` where it is past or neither.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        Timestamp::from(date).since(now)
    };
    Some(wait).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_classed_by_status_and_code() {
        let table = [
            (400, Some("invalid_grant"), Class::Refused),
            (401, Some("invalid_client"), Class::Refused),
            (200, Some("invalid_scope"), Class::Refused),
            (400, Some("temporarily_unavailable"), Class::Temporary),
            (503, Some("invalid_client"), Class::Temporary),
            (401, None, Class::Refused),
            (404, None, Class::Refused),
            (302, None, Class::Refused),
            (408, None, Class::Temporary),
            (429, None, Class::Temporary),
            (500, None, Class::Temporary),
            (599, None, Class::Temporary),
        ];
        for (status, code, class) in table {
            assert_eq!(classify(status, code), class, "{status} {code:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_unix_seconds(1_795_348_800);
        let table = [
            ("120", Some(120)),
            (" 1000000000 ", Some(1_000_000_000)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 22 Nov 2026 12:00:30 GMT", Some(30)),
            ("Sunday, 22-Nov-26 12:00:30 GMT", Some(30)),
            ("Sun Nov 22 12:00:30 2026", Some(30)),
            ("Sun, 22 Nov 2026 11:59:30 GMT", None),
            ("0", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        for (value, seconds) in table {
            assert_eq!(retry_after(value, now).map(|wait| wait.as_secs()), seconds, "{value:?}");
        }
    }
}
