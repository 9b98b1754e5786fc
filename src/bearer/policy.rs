//! When a token is fresh, when it is renewed, and how long to wait after a failure: pure arithmetic. No clock, no waiting.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::token::Token;

/// The longest that an issuer's Retry-After is obeyed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How far in the future a token may have been issued before that tells of a clock that was set back.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// When and how often to renew. Every field is a key of the configuration with the same name.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewal {
    /// Attempts one `fetch` may make in all. Default 2.
    pub max_retries: u32,
    /// On the first fetch of a process, a cached token closer to expiry than this counts as near expiry; `None`: use it until it has
    /// expired. Default 2 h.
    pub initial_safety_margin: Option<Duration>,
    /// How long before expiry the loop's first renewal is due when it starts with a cached token. Default 2 h.
    pub retry_safety_margin: Option<Duration>,
    /// A renewed token is renewed again after this part of its life, within (0, 1). Default 0.9.
    pub lifetime_safe_fraction: f64,
    /// The wait after the first failure. Default 1 s.
    pub initial_retry_timeout: Duration,
    /// The longest wait between failures. Default 1 min.
    pub max_retry_timeout: Duration,
    /// The growth of that wait, at least 1. Default 1.5.
    pub retry_timeout_exponent: f64,
    /// The time limit of one request to the source. Default 5 s.
    pub refresh_request_timeout: Duration,
    /// A long-lived process reads the cache file again at most this often. Default 5 min.
    pub file_cache_throttle: Duration,
    /// Up to this part of a wait is taken off at random, within [0, 1). Default 0.05.
    pub jitter: f64,
    /// A token with less life left than this is never handed out. Default 0.
    pub min_ttl: Duration,
}

impl Default for Renewal {
    fn default() -> Self {
        const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);
        Self {
            max_retries: 2,
            initial_safety_margin: Some(TWO_HOURS),
            retry_safety_margin: Some(TWO_HOURS),
            lifetime_safe_fraction: 0.9,
            initial_retry_timeout: Duration::from_secs(1),
            max_retry_timeout: Duration::from_secs(60),
            retry_timeout_exponent: 1.5,
            refresh_request_timeout: Duration::from_secs(5),
            file_cache_throttle: Duration::from_secs(5 * 60),
            jitter: 0.05,
            min_ttl: Duration::ZERO,
        }
    }
}

/// How good a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// Not to be handed out: expired, or below `min_ttl`.
    Unusable,
    /// Good still, but to be renewed.
    NearExpiry,
    /// Good.
    Fresh,
}

impl Renewal {
    /// How good `token` is at `now` for the first fetch of a process.
    #[must_use]
    pub fn freshness(&self, token: &Token, now: Timestamp) -> Freshness {
        let Some(left) = token.remaining(now) else {
            return Freshness::Fresh;
        };
        if left.is_zero() || left < self.min_ttl {
            return Freshness::Unusable;
        }
        // Its life was reckoned by a clock that has been set back since.
        let is_from_the_future = token.issued_at.is_some_and(|issued| issued > now.after(CLOCK_SLACK));
        if is_from_the_future || left < self.margin(self.initial_safety_margin, token.lifetime()) {
            return Freshness::NearExpiry;
        }
        Freshness::Fresh
    }

    /// When `token` becomes near expiry for `get`; `None` where it never does.
    #[must_use]
    pub fn near_expiry_at(&self, token: &Token) -> Option<Timestamp> {
        let margin = self.margin(self.initial_safety_margin, token.lifetime()).max(self.min_ttl);
        Some(token.expires_at?.before(margin))
    }

    /// When a loop renews `token`, which it or another process has just obtained: after `lifetime_safe_fraction` of its life, less a
    /// random part of that wait. `None` where it never does.
    #[must_use]
    pub fn renew_at(&self, token: &Token, now: Timestamp, random: f64) -> Option<Timestamp> {
        let expires_at = token.expires_at?;
        let issued_at = token.issued_at.unwrap_or(now).min(now);
        let wait = scaled(expires_at.since(issued_at), self.lifetime_safe_fraction);
        Some(issued_at.after(self.jittered(wait, random)))
    }

    /// When a loop that starts with `token` in the cache renews it: `retry_safety_margin` before its expiry, less a random part of the
    /// wait until then. `None` where it never does.
    #[must_use]
    pub fn first_renewal_at(&self, token: &Token, now: Timestamp, random: f64) -> Option<Timestamp> {
        let due = token.expires_at?.before(self.margin(self.retry_safety_margin, token.lifetime()));
        let is_from_the_future = token.issued_at.is_some_and(|issued| issued > now.after(CLOCK_SLACK));
        Some(if is_from_the_future { now } else { now.after(self.jittered(due.since(now), random)) })
    }

    /// A safety margin, never more than a token of this lifetime can satisfy: at most the part of its life beyond
    /// `lifetime_safe_fraction`.
    fn margin(&self, safety: Option<Duration>, lifetime: Option<Duration>) -> Duration {
        let safety = safety.unwrap_or_default();
        match lifetime {
            Some(lifetime) => safety.min(scaled(lifetime, 1.0 - self.lifetime_safe_fraction)),
            None => safety,
        }
    }

    /// The wait after the `failures`-th failure in a row, before jitter.
    #[must_use]
    pub fn backoff(&self, failures: u32) -> Duration {
        let growth = self.retry_timeout_exponent.powf(f64::from(failures.saturating_sub(1)));
        scaled(self.initial_retry_timeout, growth).min(self.max_retry_timeout)
    }

    /// When to try again after the `failures`-th failure in a row at `now`. `retry_after` is what the issuer asked for; it is never
    /// shortened, but capped at an hour. `random` is within [0, 1) and picks the jitter.
    #[must_use]
    pub fn retry_at(&self, failures: u32, retry_after: Option<Duration>, now: Timestamp, random: f64) -> Timestamp {
        let wait = self.jittered(self.backoff(failures), random);
        let told = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        now.after(wait.max(told))
    }

    /// `wait` less a random part of it.
    #[must_use]
    pub fn jittered(&self, wait: Duration, random: f64) -> Duration {
        scaled(wait, 1.0 - self.jitter * random)
    }
}

/// `duration × factor`, saturating.
fn scaled(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Freshness::{Fresh, NearExpiry, Unusable};
    use proptest::prelude::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn token(issued_at: Option<i64>, expires_at: Option<i64>) -> Token {
        let mut token = Token::new("t".into()).expect("a token");
        token.issued_at = issued_at.map(Timestamp::from_unix_seconds);
        token.expires_at = expires_at.map(Timestamp::from_unix_seconds);
        token
    }

    #[test]
    fn a_margin_never_exceeds_what_a_token_can_satisfy() {
        let plain = Renewal::default();
        let table = [
            ("an hour: renewed 360 s before its end", token(Some(0), Some(3600)), 3239, Fresh),
            ("an hour: at the margin", token(Some(0), Some(3600)), 3240, Fresh),
            ("an hour: within the margin", token(Some(0), Some(3600)), 3241, NearExpiry),
            ("a minute: renewed 6 s before its end", token(Some(0), Some(60)), 54, Fresh),
            ("a minute: within the margin", token(Some(0), Some(60)), 55, NearExpiry),
            ("at its end", token(Some(0), Some(60)), 60, Unusable),
            ("a second before", token(Some(0), Some(60)), 59, NearExpiry),
            ("a day: two hours are less than a tenth of it", token(Some(0), Some(86_400)), 86_400 - 7200, Fresh),
            ("a day: within two hours", token(Some(0), Some(86_400)), 86_400 - 7199, NearExpiry),
            ("of unknown age: the plain margin", token(None, Some(86_400)), 86_400 - 7199, NearExpiry),
            ("for ever", token(Some(0), None), i64::MAX / 2000, Fresh),
            ("issued in the future", token(Some(100), Some(3700)), 50, NearExpiry),
            ("issued a moment in the future", token(Some(100), Some(3700)), 99, Fresh),
        ];
        for (case, token, now, expected) in table {
            assert_eq!(plain.freshness(&token, Timestamp::from_unix_seconds(now)), expected, "{case}");
        }
    }

    #[test]
    fn no_margin_means_until_expiry_and_min_ttl_always_counts() {
        let to_the_end = Renewal { initial_safety_margin: None, ..Renewal::default() };
        assert_eq!(to_the_end.freshness(&token(Some(0), Some(60)), Timestamp::from_unix_seconds(59)), Fresh);
        let demanding = Renewal { min_ttl: seconds(30), ..to_the_end };
        for (now, expected) in [(30, Fresh), (31, Unusable)] {
            assert_eq!(demanding.freshness(&token(Some(0), Some(60)), Timestamp::from_unix_seconds(now)), expected);
        }
    }

    #[test]
    fn backoff_grows_and_is_capped() {
        let plain = Renewal::default();
        let waits: Vec<f64> = (1..=5).map(|failures| plain.backoff(failures).as_secs_f64()).collect();
        assert_eq!(waits, [1.0, 1.5, 2.25, 3.375, 5.0625]);
        assert_eq!(plain.backoff(0), seconds(1));
        for failures in [12, 1000, u32::MAX] {
            assert_eq!(plain.backoff(failures), seconds(60), "{failures}");
        }
    }

    #[test]
    fn retry_after_is_obeyed_and_capped() {
        let (plain, now) = (Renewal::default(), Timestamp::from_unix_seconds(1000));
        let wait = |retry_after, random| plain.retry_at(1, retry_after, now, random).since(now);
        assert_eq!(wait(None, 0.0), seconds(1));
        assert_eq!(wait(None, 1.0), Duration::from_millis(950));
        assert_eq!(wait(Some(seconds(7)), 1.0), seconds(7), "never shortened by jitter");
        assert_eq!(wait(Some(seconds(1_000_000_000)), 0.5), seconds(3600));
        assert_eq!(wait(Some(Duration::ZERO), 0.0), seconds(1), "no less than our own backoff");
    }

    proptest! {
        #[test]
        fn what_is_handed_out_has_the_life_it_should(
            issued in 0_i64..4_000_000_000, life in 0_i64..400_000_000, now in 0_i64..4_500_000_000, min_ttl in 0_u64..10_000,
        ) {
            let renewal = Renewal { min_ttl: seconds(min_ttl), ..Renewal::default() };
            let now = Timestamp::from_unix_seconds(now);
            let token = token(Some(issued), Some(issued + life));
            if renewal.freshness(&token, now) > Unusable {
                prop_assert!(!token.is_expired(now));
                prop_assert!(token.remaining(now).is_some_and(|left| left >= seconds(min_ttl)));
            }
        }

        #[test]
        fn waits_stay_within_their_bounds(failures in 0_u32..10_000, random in 0.0..1.0_f64, told in 0_u64..1_000_000) {
            let (plain, now) = (Renewal::default(), Timestamp::from_unix_seconds(0));
            let wait = plain.retry_at(failures, Some(seconds(told)), now, random).since(now);
            prop_assert!(wait >= Duration::from_millis(950) && wait <= seconds(3600));
        }
    }
}
