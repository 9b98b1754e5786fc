//! Logins: what a source keeps between renewals, so that nobody has to log in for each token. That is a refresh token (RFC 6749 §1.5),
//! which an issuer may replace at each use: whoever loses the newest one has lost the login.

use std::fmt;

use crate::clock::Timestamp;
use crate::secret::Secret;

/// A refresh token and what is known of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The refresh token.
    pub refresh_token: Secret,
    /// The [fingerprint](crate::token::fingerprint) of the configured refresh token that it descends from, where it does.
    pub origin: Option<String>,
    /// When the issuer gave it.
    pub obtained_at: Timestamp,
    /// Since when a request with it is under way. Found by whoever holds the lock, it means that this request was cut off: its answer,
    /// perhaps with a newer refresh token, is lost.
    pub in_flight: Option<Timestamp>,
    /// When the issuer refused it for good. It is kept: some issuers change their mind.
    pub refused_at: Option<Timestamp>,
}

impl Login {
    /// One that the issuer has just given.
    #[must_use]
    pub const fn new(refresh_token: Secret, obtained_at: Timestamp) -> Self {
        Self { refresh_token, origin: None, obtained_at, in_flight: None, refused_at: None }
    }

    /// Whether the issuer has refused it.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        self.refused_at.is_some()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("obtained_at", &self.obtained_at).field("refused_at", &self.refused_at).finish_non_exhaustive()
    }
}
