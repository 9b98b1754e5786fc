//! When to ask whether somebody has confirmed a login, and when to stop asking (RFC 8628 §3.5). Pure: it neither waits nor asks.
//!
//! It promises never to ask again sooner than the issuer wants, to go on as long as there is hope, and to leave the words of anything
//! that ends the wait by itself as they are.

use std::time::Duration;

use crate::error::Class;
use crate::source::SourceError;

/// What `slow_down` adds, for good.
const SLOWER: Duration = Duration::from_secs(5);

/// The longest that the wait grows to while the issuer fails, unless it wants to be asked even less.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// The error codes of RFC 8628 §3.5.
const AUTHORIZATION_PENDING: &str = "authorization_pending";
const SLOW_DOWN: &str = "slow_down";
const ACCESS_DENIED: &str = "access_denied";
const EXPIRED_TOKEN: &str = "expired_token";

/// How fast the token endpoint is polled.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    /// The wait after the failures of late; zero where the issuer has answered.
    backoff: Duration,
}

impl Pace {
    /// As slow as the issuer wants it.
    pub const fn new(interval: Duration) -> Self {
        Self { interval, backoff: Duration::ZERO }
    }

    /// The wait before the first poll: nobody is faster than that.
    pub const fn first(&self) -> Duration {
        self.interval
    }

    /// The wait before the next poll, after one that ended with `error`. `None` where there is none: the answer is final, or the code,
    /// which holds for `left`, will have expired.
    pub fn after(&mut self, error: &SourceError, left: Duration) -> Option<Duration> {
        match error.code.as_deref() {
            Some(AUTHORIZATION_PENDING) => self.backoff = Duration::ZERO,
            Some(SLOW_DOWN) => (self.interval, self.backoff) = (self.interval + SLOWER, Duration::ZERO),
            Some(ACCESS_DENIED | EXPIRED_TOKEN) => return None,
            _ if may_pass(error) => self.backoff = (self.interval.max(self.backoff) * 2).min(LONGEST_BACKOFF),
            _ => return None,
        }
        let least = self.interval.max(error.retry_after.unwrap_or_default());
        [least.max(self.backoff), least].into_iter().find(|wait| *wait < left)
    }
}

/// Whether the next poll may fare better. One that brought a new login and is unusable otherwise has used the code up.
fn may_pass(error: &SourceError) -> bool {
    matches!(error.class, Class::Network | Class::Temporary) && error.successor.is_none()
}

/// Why there is no token, after a poll that was the last one.
pub fn ended(error: SourceError) -> SourceError {
    // Error 3 or 4: You, or the issuer for you, said no; or nobody entered the code in time. To do: `token renew NAME` to try again.
    let message = match error.code.as_deref() {
        Some(ACCESS_DENIED) => "the login was denied",
        Some(AUTHORIZATION_PENDING | SLOW_DOWN | EXPIRED_TOKEN) => "the code expired before anybody had logged in with it",
        _ => return error,
    };
    SourceError { code: error.code, detail: error.detail, ..SourceError::new(Class::Refused, message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn error(text: &str) -> SourceError {
        let plain = |class| SourceError::new(class, text);
        match text {
            "unreachable" => plain(Class::Network),
            "503" => plain(Class::Temporary),
            "503 in 30 s" => SourceError { retry_after: Some(Duration::from_secs(30)), ..plain(Class::Temporary) },
            "403" => plain(Class::Refused),
            "no secret" => plain(Class::Config),
            "unusable with a login" => SourceError { successor: Some(Secret::new("r".to_owned())), ..plain(Class::Temporary) },
            "slow_down" | "temporarily_unavailable" => SourceError { code: Some(text.into()), ..plain(Class::Temporary) },
            code => SourceError { code: Some(code.into()), ..plain(Class::Refused) },
        }
    }

    /// The waits, in seconds, at an interval of `interval` with `left` seconds to go all the time; 0 where there is no next poll.
    fn waits(interval: u64, left: u64, errors: &[&str]) -> Vec<u64> {
        let mut pace = Pace::new(Duration::from_secs(interval));
        let first = pace.first().as_secs();
        let after = |text: &&str| pace.after(&error(text), Duration::from_secs(left)).map_or(0, |wait| wait.as_secs());
        std::iter::once(first).chain(errors.iter().map(after)).collect()
    }

    #[test]
    fn the_gaps_are_those_that_the_issuer_wants() {
        let pending = "authorization_pending";
        let table: [(u64, u64, &[&str], &[u64]); 13] = [
            (5, 600, &[pending, pending], &[5, 5, 5]),
            (1, 600, &[pending], &[1, 1]),
            (5, 600, &["slow_down", pending, "slow_down", pending], &[5, 10, 10, 15, 15]),
            (5, 600, &["unreachable", "unreachable", "unreachable", "unreachable", "unreachable"], &[5, 10, 20, 40, 60, 60]),
            (90, 600, &["unreachable", "unreachable"], &[90, 90, 90]),
            (5, 600, &["503", "temporarily_unavailable", pending, "503"], &[5, 10, 20, 5, 10]),
            (5, 600, &["503 in 30 s", pending], &[5, 30, 5]),
            (40, 600, &["503 in 30 s"], &[40, 60]),
            (5, 20, &["503 in 30 s"], &[5, 0]),
            // What is left is used, but never at the cost of the interval.
            (5, 15, &["unreachable", "unreachable", "unreachable"], &[5, 10, 5, 5]),
            (5, 5, &[pending], &[5, 0]),
            (5, 600, &["slow_down", "unreachable"], &[5, 10, 20]),
            (5, 0, &["unreachable"], &[5, 0]),
        ];
        for (interval, left, errors, expected) in table {
            assert_eq!(waits(interval, left, errors), expected, "{interval} {left} {errors:?}");
        }
    }

    #[test]
    fn what_is_final_ends_it() {
        for text in [
            "access_denied",
            "expired_token",
            "invalid_grant",
            "invalid_client",
            "unknown_code",
            "403",
            "no secret",
            "unusable with a login",
        ] {
            assert_eq!(waits(5, 600, &[text]), [5, 0], "{text}");
        }
    }

    #[test]
    fn the_end_has_its_own_words_where_it_is_the_flow_s() {
        let table = [
            ("access_denied", Class::Refused, "denied"),
            ("expired_token", Class::Refused, "expired"),
            ("authorization_pending", Class::Refused, "expired"),
            ("slow_down", Class::Refused, "expired"),
            ("unreachable", Class::Network, "unreachable"),
            ("503 in 30 s", Class::Temporary, "503"),
            ("invalid_grant", Class::Refused, "invalid_grant"),
        ];
        for (text, class, word) in table {
            let (code, retry_after) = (error(text).code, error(text).retry_after);
            let ended = ended(error(text));
            assert!(ended.class == class && ended.message.contains(word), "{text}: {ended:?}");
            assert_eq!((ended.code, ended.retry_after), (code, retry_after), "{text}");
        }
    }
}
