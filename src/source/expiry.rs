//! How long an answer holds. Of the answer's own word, a JWT's `exp` and the profile's `ttl` the earliest counts; an answer without
//! any holds for five minutes, never for ever, unless `ttl = "never"`.

use std::time::Duration;

use serde_json::Value;

use super::SourceError;
use crate::clock::Timestamp;
use crate::error::Class;
use crate::settings::{Item, Mistake};
use crate::token::{LONGEST_LIFE, Token, jwt_expiry};

/// How long an answer holds that does not say so itself.
const DEFAULT: Duration = Duration::from_secs(5 * 60);

/// The profile's word on how long an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// At most this long.
    AtMost(Duration),
    /// For ever, where the answer does not say otherwise.
    Never,
}

impl Ttl {
    /// Reads `ttl`.
    ///
    /// # Errors
    /// A [`Mistake`] where it is no duration above zero and not `never`.
    pub fn from_setting(item: Item<'_>) -> Result<Self, Mistake> {
        let zero = item.mistake("must be more than 0s");
        match item.duration_or("never")? {
            None => Ok(Self::Never),
            Some(Duration::ZERO) => Err(zero),
            Some(duration) => Ok(Self::AtMost(duration)),
        }
    }
}

/// A time of day as JSON has it: RFC 3339, or seconds since 1970 as a number or as a string of one.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    let seconds = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => Some(number),
            Err(_) => return Timestamp::parse_rfc3339(text.trim()),
        },
        _ => None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and any such time is clamped later")]
    seconds.filter(|seconds| seconds.is_finite()).map(|seconds| Timestamp::from_unix_seconds(seconds as i64))
}

/// `token`, asked for at `now`, with the times that follow from the answer's own `stated` expiry and from `ttl`.
///
/// # Errors
/// A temporary failure where it has expired already.
pub fn dated(mut token: Token, stated: Option<Timestamp>, ttl: Option<Ttl>, now: Timestamp) -> Result<Token, SourceError> {
    let claimed = jwt_expiry(token.expose());
    let known = [stated, claimed].into_iter().flatten().min();
    let limit = match (ttl, known) {
        (Some(Ttl::AtMost(ttl)), _) => Some(now.after(ttl)),
        (None, None) => Some(now.after(DEFAULT)),
        (Some(Ttl::Never), _) | (None, Some(_)) => None,
    };
    let expires_at = [known, limit].into_iter().flatten().min();
    let clamped = expires_at.map(|at| at.min(now.after(LONGEST_LIFE)).floor_to_second());
    if clamped.is_some_and(|at| at <= now) {
        // Error: The token's own time is past: an answer out of a cache, or a clock that is wrong.
        return Err(SourceError::new(Class::Temporary, "the answer was a token that has expired already")
            .with_hint("compare this machine's clock with the issuer's"));
    }
    token.issued_at = Some(now.floor_to_second());
    token.expires_at = clamped;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    const NOW: i64 = 1_000_000;

    fn expiry(text: &str, stated: Option<i64>, ttl: Option<Ttl>) -> Result<Option<i64>, Class> {
        let token = Token::new(text.to_owned()).expect("a token");
        let stated = stated.map(|seconds| Timestamp::from_unix_seconds(NOW.saturating_add(seconds)));
        match dated(token, stated, ttl, Timestamp::from_unix_seconds(NOW)) {
            Ok(token) => Ok(token.expires_at.map(|at| at.unix_seconds() - NOW)),
            Err(error) => Err(error.class),
        }
    }

    #[test]
    fn a_time_is_a_date_or_seconds() {
        let table = [
            (r#""2026-11-22T12:00:00Z""#, Some(1_795_348_800)),
            (r#""2026-11-22T13:00:00.9+01:00""#, Some(1_795_348_800)),
            (r#"" 1795348800 ""#, Some(1_795_348_800)),
            ("1795348800", Some(1_795_348_800)),
            ("1795348800.9", Some(1_795_348_800)),
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("1e300", Some(i64::MAX)),
            (r#""2026-11-22""#, None),
            (r#""2026-11-22T12:00:00""#, None),
            (r#""11/22/2026 12:00:00 +00:00""#, None),
            (r#""nan""#, None),
            (r#""inf""#, None),
            (r#""""#, None),
            ("true", None),
            ("{}", None),
        ];
        for (json, expected) in table {
            let value: Value = serde_json::from_str(json).expect("JSON");
            let saturated = expected.map(|seconds| Timestamp::from_unix_seconds(seconds).unix_seconds());
            assert_eq!(time(&value).map(Timestamp::unix_seconds), saturated, "{json}");
        }
    }

    #[test]
    fn the_earliest_expiry_counts() {
        let jwt = |exp: i64| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{}}}", NOW + exp)));
        let at_most = |seconds| Some(Ttl::AtMost(Duration::from_secs(seconds)));
        let table = [
            ("none: five minutes", "t".to_owned(), None, None, Ok(Some(300))),
            ("ttl alone", "t".to_owned(), None, at_most(60), Ok(Some(60))),
            ("never", "t".to_owned(), None, Some(Ttl::Never), Ok(None)),
            ("stated", "t".to_owned(), Some(3600), None, Ok(Some(3600))),
            ("stated, though never", "t".to_owned(), Some(3600), Some(Ttl::Never), Ok(Some(3600))),
            ("ttl before stated", "t".to_owned(), Some(3600), at_most(60), Ok(Some(60))),
            ("stated before ttl", "t".to_owned(), Some(30), at_most(60), Ok(Some(30))),
            ("exp before stated", jwt(20), Some(30), None, Ok(Some(20))),
            ("stated before exp", jwt(40), Some(30), None, Ok(Some(30))),
            ("ten years at most", "t".to_owned(), Some(i64::MAX), None, Ok(Some(315_360_000))),
            ("over", "t".to_owned(), Some(0), None, Err(Class::Temporary)),
            ("over by exp", jwt(-1), Some(60), None, Err(Class::Temporary)),
        ];
        for (case, text, stated, ttl, expected) in table {
            assert_eq!(expiry(&text, stated, ttl), expected, "{case}");
        }
    }
}
