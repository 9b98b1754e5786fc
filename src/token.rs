//! A token and what is known of it. A [`Token`] is well-formed by construction: 1 to 65,536 characters of 0x21 to 0x7E, which is what
//! fits into a header unescaped (RFC 6750 §2.1); everything else is refused before it is cached or printed.

mod answer;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::secret::Secret;

pub use answer::Answer;

/// The longest token that is handed on, in characters.
pub const LONGEST_TOKEN: usize = 65_536;

/// The longest life that is believed: ten years.
pub const LONGEST_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The token type of RFC 6750, as it is written.
pub const BEARER: &str = "Bearer";

/// The token type of one that no type applies to (RFC 8693 §2.2.1).
pub const NOT_APPLICABLE: &str = "N_A";

/// A bearer token with its metadata. `Debug` does not show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    secret: Secret,
    /// How it is presented; `Bearer` but for what an API says otherwise.
    pub token_type: String,
    /// The scope granted, space-separated (RFC 6749 §3.3); `None` where unknown.
    pub scope: Option<String>,
    /// When it was asked for; `None` where unknown.
    pub issued_at: Option<Timestamp>,
    /// From when on it is not valid; `None` means never.
    pub expires_at: Option<Timestamp>,
}

/// Why some text is not a token. Never says what the text was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Nothing at all.
    #[error("the token is empty")]
    Empty,
    /// More than [`LONGEST_TOKEN`].
    #[error("the token is longer than {LONGEST_TOKEN} characters")]
    TooLong,
    /// Something that does not belong into a header.
    #[error("the token has a space or another character that no token may have (0x21 to 0x7E are allowed)")]
    Character,
}

impl Token {
    /// A `Bearer` token of which nothing else is known.
    ///
    /// # Errors
    /// [`InvalidToken`] where the text is not one.
    pub fn new(text: String) -> Result<Self, InvalidToken> {
        let secret = Secret::new(text);
        match secret.expose().as_bytes() {
            [] => Err(InvalidToken::Empty),
            bytes if bytes.len() > LONGEST_TOKEN => Err(InvalidToken::TooLong),
            bytes if !bytes.iter().all(u8::is_ascii_graphic) => Err(InvalidToken::Character),
            _ => Ok(Self { secret, token_type: BEARER.to_owned(), scope: None, issued_at: None, expires_at: None }),
        }
    }

    /// The token's text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose()
    }

    /// The token as the secret it is.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Its whole life, where both ends are known.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        Some(self.expires_at?.since(self.issued_at?))
    }

    /// What is left of its life at `now`; `None` where it does not expire.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Option<Duration> {
        Some(self.expires_at?.since(now))
    }

    /// Whether its life is over at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.remaining(now).is_some_and(|left| left.is_zero())
    }

    /// Lower-case hex SHA-256 of the text: what names this token without giving it away.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(self.expose())
    }

    /// The value of an `Authorization` header. What has no type is presented as everything is that has none other.
    #[must_use]
    pub fn authorization(&self) -> Secret {
        let scheme = if self.token_type == NOT_APPLICABLE { BEARER } else { &self.token_type };
        Secret::new(format!("{scheme} {}", self.expose()))
    }
}

/// Lower-case hex SHA-256 of `text`.
#[must_use]
pub fn fingerprint(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The `exp` claim, where `text` looks like a JWT that has one (RFC 7519 §4.1.4). The signature is not checked: this decides only
/// when to ask again, never whether to trust.
#[must_use]
pub fn jwt_expiry(text: &str) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        exp: Option<f64>,
    }
    let mut parts = text.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and any such time is clamped later")]
    claims.exp.map(|exp| Timestamp::from_unix_seconds(exp as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_a_header_is_a_token() {
        let table = [
            ("abc.def-_~+/=", None),
            ("!~", None),
            ("", Some(InvalidToken::Empty)),
            ("a b", Some(InvalidToken::Character)),
            ("a\r", Some(InvalidToken::Character)),
            ("a\n", Some(InvalidToken::Character)),
            ("a\0", Some(InvalidToken::Character)),
            ("\u{1b}[31m", Some(InvalidToken::Character)),
            ("é", Some(InvalidToken::Character)),
        ];
        for (text, error) in table {
            assert_eq!(Token::new(text.to_owned()).err(), error, "{text:?}");
        }
        assert!(Token::new("x".repeat(LONGEST_TOKEN)).is_ok());
        assert_eq!(Token::new("x".repeat(LONGEST_TOKEN + 1)).err(), Some(InvalidToken::TooLong));
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = Token::new("canary".into()).map(|token| format!("{token:?} {:?}", token.authorization()));
        assert!(!shown.expect("a token").contains("canary"));
    }

    #[test]
    fn an_expired_token_is_expired_to_the_second() {
        let mut token = Token::new("t".into()).expect("a token");
        assert!(!token.is_expired(Timestamp::from_unix_seconds(i64::MAX)), "no expiry means never");
        token.expires_at = Some(Timestamp::from_unix_seconds(100));
        for (now, expired) in [(99, false), (100, true), (101, true)] {
            assert_eq!(token.is_expired(Timestamp::from_unix_seconds(now)), expired, "at {now}");
        }
    }

    #[test]
    fn a_jwt_tells_its_expiry() {
        let jwt = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let table = [
            (jwt(r#"{"exp":1790000000}"#), Some(1_790_000_000)),
            (jwt(r#"{"exp":1790000000.9}"#), Some(1_790_000_000)),
            (jwt(r#"{"sub":"x"}"#), None),
            (jwt(r#"{"exp":"soon"}"#), None),
            (jwt("nonsense"), None),
            ("opaque".to_owned(), None),
            ("a.b".to_owned(), None),
        ];
        for (text, seconds) in table {
            assert_eq!(jwt_expiry(&text).map(Timestamp::unix_seconds), seconds, "{text}");
        }
    }
}
