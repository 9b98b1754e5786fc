//! What a watcher shows of itself to programs: metrics over HTTP, and its state to systemd. Never a token.

pub mod metrics;
pub mod systemd;

use std::fmt;

use crate::bearer::{Phase, Retry, Status};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::name::Name;

/// One profile as it is being watched.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its name.
    pub profile: Name,
    /// The kind of its source.
    pub source: &'static str,
    /// What its loop is at.
    pub status: Status,
}

/// How a watched profile fares, in a word. What its loop is at counts before the token it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It holds a token that is valid.
    Fresh,
    /// It asks for a token.
    Renewing,
    /// It has no token yet.
    Missing,
    /// Its token is over.
    Expired,
    /// It has failed and will try again.
    BackingOff,
    /// It has failed in a way that only a change can mend.
    Parked,
    /// It has failed, and someone has to log in.
    LoginRequired,
}

impl State {
    /// All of them, the best first.
    pub const ALL: [Self; 7] =
        [Self::Fresh, Self::Renewing, Self::Missing, Self::Expired, Self::BackingOff, Self::Parked, Self::LoginRequired];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Renewing => "renewing",
            Self::Missing => "missing",
            Self::Expired => "expired",
            Self::BackingOff => "backing off",
            Self::Parked => "parked",
            Self::LoginRequired => "login required",
        })
    }
}

impl Snapshot {
    /// How it fares at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        if self.is_parked() {
            let needs_login = self.status.last_error.as_ref().is_some_and(|error| error.class == Class::Login);
            return if needs_login { State::LoginRequired } else { State::Parked };
        }
        match (self.status.phase, &self.status.token) {
            (Phase::Renewing(_), _) => State::Renewing,
            (Phase::BackingOff(_), _) => State::BackingOff,
            (_, None) => State::Missing,
            (_, Some(token)) if token.is_expired(now) => State::Expired,
            (_, Some(_)) => State::Fresh,
        }
    }

    /// Whether it waits for a change; looking whether there was one does not end that.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.status.phase == Phase::Parked || self.status.last_error.as_ref().is_some_and(|error| error.retry == Retry::Parked)
    }

    /// Whether it holds a token that is valid at `now`.
    #[must_use]
    pub fn has_valid_token(&self, now: Timestamp) -> bool {
        self.status.token.as_ref().is_some_and(|token| !token.is_expired(now))
    }

    /// Whether its start is over at `now`: it has a token, or is parked.
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        self.is_parked() || self.has_valid_token(now)
    }

    /// When it asks next; `None` where no time is set.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Timestamp> {
        match self.status.phase {
            Phase::Waiting(at) => at,
            Phase::BackingOff(at) => Some(at),
            Phase::Starting | Phase::Renewing(_) | Phase::Parked | Phase::Stopped => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bearer::RenewalError;
    use crate::token::Token;

    /// A profile that has renewed three times and failed twice. Tokens expire at the time given; 0: never.
    pub fn snapshot(name: &str, phase: Phase, expires_at: Option<i64>, error: Option<(Class, Retry)>) -> Snapshot {
        let token = expires_at.map(|at| {
            let mut token = Token::new("canary-t0ken".to_owned()).expect("a token");
            token.expires_at = (at != 0).then(|| Timestamp::from_unix_seconds(at));
            Arc::new(token)
        });
        let last_error = error.map(|(class, retry)| RenewalError { retry, ..RenewalError::new(class, "no") });
        let last_success = token.is_some().then(|| Timestamp::from_unix_seconds(500));
        let status = Status { token, phase, renewals: 3, failures: 2, last_error, last_success };
        Snapshot { profile: name.parse().expect("a name"), source: "exec", status }
    }

    #[test]
    fn a_word_says_how_a_profile_fares() {
        let at = Timestamp::from_unix_seconds;
        let (now, later) = (at(1000), at(1500));
        let parked = Some((Class::Refused, Retry::Parked));
        let table = [
            ("at the start", Phase::Starting, None, None, State::Missing, false),
            ("asking for the first", Phase::Renewing(now), None, None, State::Renewing, false),
            ("renewing", Phase::Renewing(now), Some(2000), None, State::Renewing, true),
            ("fresh", Phase::Waiting(Some(later)), Some(2000), None, State::Fresh, true),
            ("for ever", Phase::Waiting(None), Some(0), None, State::Fresh, true),
            ("over", Phase::Waiting(Some(later)), Some(1000), None, State::Expired, false),
            ("failed", Phase::BackingOff(later), None, Some((Class::Network, Retry::At(later))), State::BackingOff, false),
            ("failed, still valid", Phase::BackingOff(later), Some(2000), None, State::BackingOff, true),
            ("refused", Phase::Parked, None, parked, State::Parked, true),
            ("refused, and looking again", Phase::Renewing(now), None, parked, State::Parked, true),
            ("no login", Phase::Parked, Some(2000), Some((Class::Login, Retry::Parked)), State::LoginRequired, true),
        ];
        for (case, phase, expires_at, error, state, is_settled) in table {
            let snapshot = snapshot("a", phase, expires_at, error);
            assert_eq!((snapshot.state(now), snapshot.is_settled(now)), (state, is_settled), "{case}");
        }
    }

    #[test]
    fn the_next_attempt_is_told_where_there_is_one() {
        let at = Timestamp::from_unix_seconds(1500);
        let table = [
            (Phase::Starting, None),
            (Phase::Waiting(Some(at)), Some(at)),
            (Phase::Waiting(None), None),
            (Phase::Renewing(at), None),
            (Phase::BackingOff(at), Some(at)),
            (Phase::Parked, None),
            (Phase::Stopped, None),
        ];
        for (phase, expected) in table {
            assert_eq!(snapshot("a", phase, None, None).next_attempt(), expected, "{phase:?}");
        }
    }
}
