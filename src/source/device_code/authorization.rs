//! The answer of a device authorization endpoint (RFC 8628 §3.2), read strictly: a person acts on it, and it goes to their screen.
//! Nobody is sent to an address that is not https, and a code that would steer a terminal is no code.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::{Class, visible};
use crate::secret::Secret;
use crate::source::connection::{host, is_loopback};
use crate::source::interactive::PATIENCE;
use crate::source::{SourceError, Url};
use crate::token::LONGEST_TOKEN;

/// The wait between two polls where the issuer names none (RFC 8628 §3.2), and the least of all.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// No code is waited for any longer.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The longest code that anybody would type, in characters, and the longest address, in bytes.
const LONGEST_CODE: usize = 64;
const LONGEST_ADDRESS: usize = 2048;

/// What a person is to be told, and how to learn that they are done.
#[derive(Debug)]
pub struct Authorization {
    /// `device_code`: whoever has it gets the token.
    pub device_code: Secret,
    /// `user_code`, fit to be shown.
    pub user_code: String,
    /// `verification_uri`
    pub address: Url,
    /// `verification_uri_complete`
    pub complete: Option<Url>,
    /// `expires_in`
    pub life: Duration,
    /// The wait between two polls.
    pub interval: Duration,
}

impl Authorization {
    /// Reads the answer of the endpoint at `asked`.
    pub fn read(mut object: Map<String, Value>, asked: &Url) -> Result<Self, SourceError> {
        let peer = host(asked);
        // Error: The answer to the request for a code is not what RFC 8628 §3.2 asks for. To do: check `device_authorization_endpoint`.
        let unusable = |what: &str| SourceError::new(Class::Temporary, format!("the answer of {peer} is unusable: {what}"));
        object.retain(|_, value| !value.is_null());
        let device_code = object.remove("device_code").and_then(device_code).ok_or_else(|| unusable("its `device_code` is none"))?;
        let user_code = object.remove("user_code").and_then(user_code).ok_or_else(|| unusable("its `user_code` is none"))?;
        // Some issuers still call it as the first drafts did.
        let address = object.get("verification_uri").or_else(|| object.get("verification_url"));
        let address = address.and_then(Value::as_str).ok_or_else(|| unusable("it has no `verification_uri`"))?;
        let address = fit(address, asked)
            // Error 4 (fit): You are not sent to an address that may be a trap. To do: tell whoever runs the issuer.
            .map_err(|what| SourceError::new(Class::Refused, format!("the address at which {peer} would have you log in {what}")))?;
        let complete = object.get("verification_uri_complete").and_then(Value::as_str).and_then(|text| fit(text, asked).ok());
        let life = object.get("expires_in").map_or(Some(PATIENCE), |value| seconds(value, f64::floor));
        let life = life.filter(|life| !life.is_zero()).ok_or_else(|| unusable("its code does not hold for any time"))?.min(LONGEST_LIFE);
        let interval = object.get("interval").map_or(Some(DEFAULT_INTERVAL), |value| seconds(value, f64::ceil));
        let interval = interval.ok_or_else(|| unusable("its `interval` is no time"))?.max(LEAST_INTERVAL);
        if interval >= life {
            return Err(unusable("its code expires before it may be asked about"));
        }
        Ok(Self { device_code, user_code, address, complete, life, interval })
    }
}

/// Of visible characters: it goes back as it came, and into no header.
fn device_code(value: Value) -> Option<Secret> {
    let Value::String(text) = value else { return None };
    let is_code = !text.is_empty() && text.len() <= LONGEST_TOKEN && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_code.then(|| Secret::new(text))
}

/// One line that a person can type; what cannot be seen is nothing to be typed.
fn user_code(value: Value) -> Option<String> {
    let Value::String(text) = value else { return None };
    let is_code = !text.is_empty() && text.chars().count() <= LONGEST_CODE && visible(&text) == text;
    is_code.then_some(text)
}

/// An address that a person may be sent to; else what is wrong with it.
fn fit(text: &str, asked: &Url) -> Result<Url, &'static str> {
    let url = Some(text).filter(|text| text.len() <= LONGEST_ADDRESS && visible(text) == *text).and_then(|text| Url::parse(text).ok());
    let url = url.ok_or("is none")?;
    match url.scheme() {
        "https" | "http" if is_loopback(&url) && !is_loopback(asked) => Err("is on this machine"),
        "https" if !url.username().is_empty() || url.password().is_some() => Err("holds a user name"),
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err("is not https"),
    }
}

/// Seconds above or at zero, as a number or as a string of one, made whole by `round`.
fn seconds(value: &Value, round: fn(f64) -> f64) -> Option<Duration> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite() && *number >= 0.0)?;
    Some(Duration::try_from_secs_f64(round(number)).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A good answer with these keys instead; null takes one away.
    fn read_from(asked: &str, changes: Value) -> Result<Authorization, Class> {
        let answer = json!({
            "device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": "https://x/device", "expires_in": 600, "interval": 7,
        });
        let (Value::Object(mut answer), Value::Object(changes)) = (answer, changes) else { unreachable!("they are objects") };
        answer.extend(changes);
        Authorization::read(answer, &Url::parse(asked).expect("an address")).map_err(|error| error.class)
    }

    fn read(changes: Value) -> Result<Authorization, Class> {
        read_from("https://x/da", changes)
    }

    #[test]
    fn a_good_answer_is_taken() {
        let read = read(json!({ "verification_uri_complete": "https://x/device?c=ABCD-EFGH" })).expect("a good one");
        assert_eq!((read.device_code.expose(), read.user_code.as_str()), ("d", "ABCD-EFGH"));
        assert_eq!((read.address.as_str(), read.complete.expect("one").as_str()), ("https://x/device", "https://x/device?c=ABCD-EFGH"));
        assert_eq!((read.life.as_secs(), read.interval.as_secs()), (600, 7));
    }

    #[test]
    fn codes_are_fit_to_be_sent_and_shown() {
        let table = [
            ("device_code", json!("x".repeat(LONGEST_TOKEN)), true),
            ("device_code", json!("x".repeat(LONGEST_TOKEN + 1)), false),
            ("device_code", json!(null), false),
            ("device_code", json!(""), false),
            ("device_code", json!(7), false),
            ("device_code", json!("a\nb"), false),
            ("user_code", json!("WDJB MJHT"), true),
            ("user_code", json!("x".repeat(LONGEST_CODE)), true),
            ("user_code", json!("x".repeat(LONGEST_CODE + 1)), false),
            ("user_code", json!(null), false),
            ("user_code", json!(""), false),
            ("user_code", json!(" "), false),
            ("user_code", json!(1234), false),
            ("user_code", json!("A\u{1b}[2JB"), false),
            ("user_code", json!("A\r\nB"), false),
            ("user_code", json!("A\u{202e}B"), false),
            ("user_code", json!("A\u{200b}B"), false),
        ];
        for (key, value, is_fit) in table {
            let read = read(json!({ key: value })).map(drop);
            assert_eq!(read, if is_fit { Ok(()) } else { Err(Class::Temporary) }, "{key} {value}");
        }
    }

    #[test]
    fn nobody_is_sent_to_a_hostile_address() {
        let long = format!("https://x/{}", "a".repeat(LONGEST_ADDRESS));
        let table = [
            ("https://x/device", "https://x/da", true),
            ("https://elsewhere:8443/#/device", "https://x/da", true),
            ("http://127.0.0.1:8080/device", "http://127.0.0.1:8080/da", true),
            ("http://localhost/device", "http://127.0.0.1:8080/da", true),
            ("http://x/device", "https://x/da", false),
            ("http://x/device", "http://127.0.0.1/da", false),
            ("http://127.0.0.1:631/admin", "https://x/da", false),
            ("https://localhost/admin", "https://x/da", false),
            ("javascript:alert(1)", "https://x/da", false),
            ("file:///etc/passwd", "https://x/da", false),
            ("data:text/html,x", "https://x/da", false),
            ("https://x@evil/device", "https://x/da", false),
            ("https://x:y@evil/device", "https://x/da", false),
            ("https://", "https://x/da", false),
            ("/device", "https://x/da", false),
            ("", "https://x/da", false),
            ("https://x/\u{1b}[2J", "https://x/da", false),
            ("https://x/\u{202e}", "https://x/da", false),
            (" https://x/", "https://x/da", false),
            (&long, "https://x/da", false),
        ];
        for (address, asked, is_fit) in table {
            let of_plain = read_from(asked, json!({ "verification_uri": address })).map(drop);
            assert_eq!(of_plain, if is_fit { Ok(()) } else { Err(Class::Refused) }, "{address}");
            let changes = json!({ "verification_uri": "https://x/device", "verification_uri_complete": address });
            let of_complete = read_from(asked, changes).expect("the other one is good").complete;
            assert_eq!(of_complete.is_some(), is_fit, "{address}");
        }
        for nothing in [json!(null), json!(7)] {
            assert_eq!(read(json!({ "verification_uri": nothing })).map(drop), Err(Class::Temporary));
        }
        let of_a_draft = read(json!({ "verification_uri": null, "verification_url": "https://x/draft" })).expect("a good one");
        assert_eq!(of_a_draft.address.as_str(), "https://x/draft");
    }

    #[test]
    fn times_are_bounded() {
        let table = [
            ("expires_in", json!(null), Some((300, 7))),
            ("expires_in", json!("600"), Some((600, 7))),
            ("expires_in", json!(59.9), Some((59, 7))),
            ("expires_in", json!(1e18), Some((86_400, 7))),
            ("expires_in", json!(0), None),
            ("expires_in", json!(-1), None),
            ("expires_in", json!("soon"), None),
            ("expires_in", json!("inf"), None),
            ("expires_in", json!(true), None),
            ("expires_in", json!(7), None),
            ("interval", json!(null), Some((600, 5))),
            ("interval", json!(0), Some((600, 1))),
            ("interval", json!(0.2), Some((600, 1))),
            ("interval", json!("5"), Some((600, 5))),
            ("interval", json!(2.1), Some((600, 3))),
            ("interval", json!(599), Some((600, 599))),
            ("interval", json!(1e9), None),
            ("interval", json!(1e300), None),
            ("interval", json!(-1), None),
            ("interval", json!([]), None),
        ];
        for (key, value, expected) in table {
            let read = read(json!({ key: value })).map(|read| (read.life.as_secs(), read.interval.as_secs()));
            assert_eq!(read, expected.ok_or(Class::Temporary), "{key} {value}");
        }
    }
}
