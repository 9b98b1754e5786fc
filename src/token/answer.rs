//! A token with all that is known of it: what `token get` answers and what a sink holds.

use serde::Serialize;

use super::Token;
use crate::clock::Timestamp;
use crate::name::Name;

/// A token to be handed to a program.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Whose it is.
    pub profile: &'a Name,
    /// The kind of its source.
    pub source: &'static str,
    /// The token.
    pub token: &'a Token,
    /// Whether it was there already.
    pub cached: bool,
    /// The time of asking.
    pub now: Timestamp,
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    profile: &'a str,
    token: &'a str,
    token_type: &'a str,
    expires_at: Option<String>,
    expires_in: Option<u64>,
    issued_at: Option<String>,
    scope: Option<&'a str>,
    source: &'a str,
    cached: bool,
}

impl Answer<'_> {
    /// All that is known of the token, as one JSON object. Times are RFC 3339, UTC, whole seconds; unknown is null.
    #[must_use]
    pub fn json(&self) -> String {
        let token = self.token;
        let json = Json {
            version: 1,
            profile: self.profile.as_str(),
            token: token.expose(),
            token_type: &token.token_type,
            expires_at: token.expires_at.and_then(Timestamp::rfc3339),
            expires_in: token.remaining(self.now).map(|left| left.as_secs()),
            issued_at: token.issued_at.and_then(Timestamp::rfc3339),
            scope: token.scope.as_deref(),
            source: self.source,
            cached: self.cached,
        };
        serde_json::to_string(&json).unwrap_or_default()
    }
}
