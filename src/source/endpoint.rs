//! Token endpoints (RFC 6749 §3.2): the only POST to one, and the reading of its answer. Nothing of an answer is believed that is
//! not exactly right, and nothing of its body is ever shown but `error` and `error_description`, on one line, without our secrets.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use serde_json::{Map, Value};
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::answer::{TokenResponse, object_without_duplicates};
use super::connection::{Answer, Connection, host};
use super::{SourceError, Url};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::secret::{Secret, is_named_as_secret, shown};
use crate::settings::{Item, Mistake, Section};

/// What a grant asks for: its form without the client's credentials.
#[derive(Clone, Debug)]
pub(super) struct Form {
    fields: Vec<(String, Secret)>,
    scope: Option<String>,
}

/// Fields that a profile sets by other keys.
const OWN_FIELDS: [&str; 8] =
    ["grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", "audience", "resource"];

impl Form {
    pub fn new(grant_type: &str) -> Self {
        Self { fields: vec![("grant_type".to_owned(), Secret::new(grant_type.to_owned()))], scope: None }
    }

    /// Adds `scope` (RFC 6749 §3.3), `audience`, `resource` (RFC 8707) and `params` of a profile.
    pub fn add_settings(&mut self, section: &mut Section<'_>) -> Result<(), Mistake> {
        let scope = section.optional("scope", Item::one_or_more)?;
        if let Some(scope) = scope.filter(|scope| !scope.is_empty()) {
            self.scope = Some(scope.join(" "));
            self.add("scope", scope.join(" "));
        }
        for key in ["audience", "resource"] {
            for value in section.optional(key, Item::one_or_more)?.unwrap_or_default() {
                self.add(key, value);
            }
        }
        self.fields.extend(section.optional("params", params)?.unwrap_or_default());
        Ok(())
    }

    fn add(&mut self, name: &str, value: String) {
        self.fields.push((name.to_owned(), Secret::new(value)));
    }

    /// The scope that is asked for.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Whether one of its fields is likely to be a secret that stands in the configuration.
    pub fn has_inline_secret(&self) -> bool {
        self.fields.iter().any(|(name, _)| is_named_as_secret(name))
    }

    pub fn identity(&self) -> Vec<(&'static str, String)> {
        self.fields.iter().map(|(name, value)| ("field", format!("{name}={}", value.expose()))).collect()
    }

    /// The request of this form to `url`.
    pub fn request(&self, url: Url) -> Request {
        let is_secret = |(name, _): &&(String, Secret)| is_named_as_secret(name);
        let secrets = self.fields.iter().filter(is_secret).map(|(_, value)| value.clone()).collect();
        Request { url, fields: self.fields.clone(), authorization: None, secrets }
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

/// One request to a token endpoint.
pub(super) struct Request {
    url: Url,
    fields: Vec<(String, Secret)>,
    authorization: Option<Secret>,
    secrets: Vec<Secret>,
}

impl Request {
    /// `client_secret_basic`: both parts form-encoded first (RFC 6749 §2.3.1).
    pub fn basic(&mut self, client_id: &str, client_secret: &Secret) {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), encoded(client_secret.expose())));
        let credentials = Secret::new(STANDARD.encode(pair.as_bytes()));
        self.authorization = Some(Secret::new(format!("Basic {}", credentials.expose())));
        self.secrets.extend([client_secret.clone(), credentials, Secret::new(pair.to_string())]);
    }

    /// `client_secret_post`.
    pub fn post(&mut self, client_id: &str, client_secret: Secret) {
        self.field("client_id", client_id);
        self.secrets.push(client_secret.clone());
        self.fields.push(("client_secret".to_owned(), client_secret));
    }

    /// Takes these out of what is shown of the answer, too.
    pub fn keep_secret(&mut self, secrets: Vec<Secret>) {
        self.secrets.extend(secrets);
    }

    /// A field that is no secret.
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

    /// Sends it. An expiry that the answer counts in seconds counts from `now`, which was before this.
    pub async fn send(self, connection: &Connection, now: Timestamp) -> Result<TokenResponse, SourceError> {
        let authorization = self.authorization.as_ref().and_then(|value| {
            let mut value = HeaderValue::from_str(value.expose()).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let answer = connection.post(&self.url, self.form(), authorization).await?;
        let peer = host(&self.url);
        let object = object_without_duplicates(&answer.body);
        if !answer.status.is_success() || object.as_ref().is_ok_and(|object| object.get("error").is_some_and(|e| !e.is_null())) {
            return Err(refusal(&peer, &answer, object.ok().as_ref(), &self.secrets, now));
        }
        let unusable = |what: String| SourceError::new(Class::Temporary, format!("the answer of {peer} is unusable: {what}"));
        TokenResponse::read(object.map_err(unusable)?, now).map_err(|error| match error.class {
            Class::Temporary => unusable(error.message),
            _ => error,
        })
    }
}

/// What an answer that is no token means (RFC 6749 §5.2, RFC 9110 §15).
fn refusal(peer: &str, answer: &Answer, object: Option<&Map<String, Value>>, secrets: &[Secret], now: Timestamp) -> SourceError {
    let status = answer.status.as_u16();
    let text = |key| object.and_then(|object| object.get(key)).and_then(Value::as_str).map(|text| shown(text, secrets));
    let code = text("error");
    let class = classify(status, code.as_deref());
    let mut error = match (&code, class) {
        (Some(code), Class::Temporary) => {
            SourceError::new(class, format!("{peer} failed for now: {}", described(code, text("error_description"))))
        }
        (Some(code), _) => SourceError::new(class, format!("{peer} refused: {}", described(code, text("error_description")))),
        (None, _) if (300..400).contains(&status) => {
            SourceError::new(class, format!("{peer} answered with a redirect ({status}), which no request for a token follows"))
        }
        (None, Class::Temporary) => SourceError::new(class, format!("{peer} failed for now (HTTP {status})")),
        (None, _) => SourceError::new(class, format!("{peer} refused (HTTP {status})")),
    };
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
        (_, Some("invalid_client")) | (401, None) => Some("check `client_id`, `client_secret` and `client_auth`"),
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
