//! What happens to a watched profile, told from two of its states, and how it is said.

use crate::bearer::{Fetched, Origin, Phase, Status};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::name::Name;
use crate::token::Token;
use crate::ui::{self, Level, Manner};

/// Something worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A token was issued to us.
    Renewed,
    /// A token was in the cache, or another process put it there.
    Found,
    /// An attempt failed; another is due.
    Failed,
    /// An attempt failed, and no other is due before something changes.
    Parked,
}

impl Event {
    /// What happened between two looks.
    pub fn between(before: &Status, after: &Status) -> Vec<Self> {
        let mut events = Vec::new();
        if after.failures > before.failures {
            events.push(if after.phase == Phase::Parked { Self::Parked } else { Self::Failed });
        }
        if after.renewals > before.renewals {
            events.push(Self::Renewed);
        } else if after.token.is_some() && after.token != before.token {
            events.push(Self::Found);
        }
        events
    }

    /// Its name in a log.
    const fn name(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Found => "found",
            Self::Failed => "failed",
            Self::Parked => "parked",
        }
    }

    /// Tells it, in a line of a log.
    pub fn tell(self, profile: &Name, status: &Status, manner: Manner) {
        let level = match self {
            Self::Renewed | Self::Found => Level::Info,
            Self::Failed => Level::Warning,
            Self::Parked => Level::Error,
        };
        ui::tell_log(manner, level, profile, &self.text(status), self.fields(status));
    }

    /// The line of a log.
    fn text(self, status: &Status) -> String {
        let error = || status.last_error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
        let hint = || status.last_error.as_ref().and_then(|error| error.hint.clone()).map(|hint| format!(" ({hint})")).unwrap_or_default();
        let next = next(status).and_then(Timestamp::rfc3339).map(|next| format!(", next renewal {next}")).unwrap_or_default();
        let expiry = status.token.as_ref().map_or_else(String::new, |token| expiry(token));
        match self {
            Self::Renewed => format!("renewed, {expiry}{next}"),
            Self::Found => format!("in the cache, {expiry}{next}"),
            Self::Failed => {
                let next =
                    self::next(status).map(|at| format!("; next attempt {}", ui::relative(at, SystemClock.now()))).unwrap_or_default();
                format!("attempt {} failed: {}{next}", status.failures, error())
            }
            Self::Parked => format!("parked: {}{}", error(), hint()),
        }
    }

    /// What a log for programs says of it beside its text.
    fn fields(self, status: &Status) -> Vec<(&'static str, serde_json::Value)> {
        let is_failure = matches!(self, Self::Failed | Self::Parked);
        let expires_at = status.token.as_ref().and_then(|token| token.expires_at?.rfc3339());
        let error = status.last_error.as_ref().filter(|_| is_failure).map(|error| error.message.clone());
        vec![
            ("event", self.name().into()),
            ("expires_at", expires_at.into()),
            ("next", next(status).and_then(Timestamp::rfc3339).into()),
            ("attempt", if is_failure { status.failures.into() } else { serde_json::Value::Null }),
            ("error", error.into()),
        ]
    }
}

fn next(status: &Status) -> Option<Timestamp> {
    match status.phase {
        Phase::Waiting(at) => at,
        Phase::BackingOff(at) => Some(at),
        Phase::Starting | Phase::Renewing(_) | Phase::Parked | Phase::Stopped => None,
    }
}

fn expiry(token: &Token) -> String {
    token.expires_at.and_then(Timestamp::rfc3339).map_or_else(|| "does not expire".to_owned(), |at| format!("expires {at}"))
}

/// What `--once` did.
pub(super) fn described(fetched: &Fetched) -> String {
    let what = match fetched.origin {
        Origin::Renewed => "renewed",
        Origin::Cache => "not due",
        Origin::Stale(_) => "not renewed",
    };
    format!("{what}, {}", expiry(&fetched.token))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bearer::RenewalError;
    use crate::error::Class;

    fn status(phase: Phase, renewals: u64, failures: u64, token: Option<&str>) -> Status {
        let token = token.map(|text| Arc::new(Token::new(text.to_owned()).expect("a token")));
        let last_error = (failures > 0).then(|| RenewalError::new(Class::Temporary, "no"));
        Status { token, phase, renewals, failures, last_error, last_success: None }
    }

    #[test]
    fn what_happened_is_told_from_two_states() {
        let start = status(Phase::Starting, 0, 0, None);
        let waiting = Phase::Waiting(None);
        let backing_off = Phase::BackingOff(Timestamp::from_unix_seconds(0));
        let table = [
            (start.clone(), start.clone(), vec![]),
            (start.clone(), status(waiting, 0, 0, Some("a")), vec![Event::Found]),
            (start.clone(), status(waiting, 1, 0, Some("a")), vec![Event::Renewed]),
            (status(waiting, 1, 0, Some("a")), status(Phase::Renewing(Timestamp::from_unix_seconds(0)), 1, 0, Some("a")), vec![]),
            (status(waiting, 1, 0, Some("a")), status(waiting, 1, 0, Some("b")), vec![Event::Found]),
            (start.clone(), status(backing_off, 0, 1, None), vec![Event::Failed]),
            (start.clone(), status(Phase::Parked, 0, 1, None), vec![Event::Parked]),
            (status(backing_off, 0, 1, None), status(waiting, 1, 2, Some("a")), vec![Event::Failed, Event::Renewed]),
        ];
        for (before, after, events) in table {
            assert_eq!(Event::between(&before, &after), events, "{before:?} {after:?}");
        }
    }
}
