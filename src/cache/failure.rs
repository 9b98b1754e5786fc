//! The memory of a failed renewal: what failed, how often in a row, and when to try again. It saves requests and holds no secret; one that
//! is not whole counts for nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use super::entry::Identity;
use crate::clock::Timestamp;
use crate::error::Class;
use crate::name::Name;

const VERSION: u64 = 1;

/// The longest wait that is believed: no attempt is ever due later than this after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// How far back the clock may have gone since a failure before its memory is no longer believed.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// One remembered failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which token could not be had.
    pub identity: Identity,
    /// A digest of the whole configuration then, credentials included: a change of it makes this failure void.
    pub settings: String,
    /// What kind of failure it was.
    pub class: Class,
    /// What happened, fit to be shown.
    pub message: String,
    /// What to do about it, fit to be shown.
    pub hint: Option<String>,
    /// How many failures in a row this is the last of.
    pub failures: u32,
    /// When it happened.
    pub at: Timestamp,
    /// When the next attempt is due; `None` means parked: not before something changes or someone asks.
    pub retry_at: Option<Timestamp>,
    /// Whether the issuer named that time (Retry-After, RFC 9110 §10.2.3), so that nobody asks before it.
    pub told: bool,
}

#[derive(Serialize, Deserialize)]
struct Record {
    version: u64,
    profile: String,
    identity: String,
    settings: String,
    class: Class,
    message: String,
    hint: Option<String>,
    failures: u32,
    /// Unix time in milliseconds, as the next.
    at: i64,
    retry_at: Option<i64>,
    told: bool,
    check: String,
}

impl Record {
    /// Over all of it but itself.
    fn checksum(&self) -> String {
        let mut checksum = Checksum::new();
        for text in [&self.profile, &self.identity, &self.settings, &format!("{:?}", self.class), &self.message] {
            checksum.text(text);
        }
        checksum.optional_text(self.hint.as_deref());
        for number in [Some(self.failures.into()), Some(self.at), self.retry_at, Some(self.told.into())] {
            checksum.number(number);
        }
        checksum.finish()
    }
}

impl Failure {
    /// Whether it still speaks for a profile of this identity and these settings: until its next attempt is due, or for ever where
    /// it is parked. A failure from the future is not believed: the clock was set back.
    #[must_use]
    pub fn is_in_force(&self, identity: &Identity, settings: &str, now: Timestamp) -> bool {
        self.concerns(identity, settings, now) && self.retry_at.is_none_or(|at| now < at)
    }

    /// Whether it is of this identity and these settings, and not from the future.
    #[must_use]
    pub fn concerns(&self, identity: &Identity, settings: &str, now: Timestamp) -> bool {
        let is_sound = self.at <= now.after(CLOCK_SLACK) && self.retry_at.is_none_or(|at| at <= self.at.after(LONGEST_WAIT));
        is_sound && self.identity == *identity && self.settings == settings
    }

    pub(crate) fn parse(bytes: &[u8], name: &Name) -> Option<Self> {
        let record: Record = serde_json::from_slice(bytes).ok()?;
        let is_whole = record.version == VERSION && record.check == record.checksum();
        (is_whole && record.profile == name.as_str()).then(|| Self {
            identity: Identity::from_text(record.identity),
            settings: record.settings,
            class: record.class,
            message: crate::error::one_line(&record.message),
            hint: record.hint.as_deref().map(crate::error::one_line),
            failures: record.failures,
            at: Timestamp::from_unix_millis(record.at),
            retry_at: record.retry_at.map(Timestamp::from_unix_millis),
            told: record.told && record.retry_at.is_some(),
        })
    }

    pub(crate) fn to_json(&self, name: &Name) -> String {
        let mut record = Record {
            version: VERSION,
            profile: name.to_string(),
            identity: self.identity.as_str().to_owned(),
            settings: self.settings.clone(),
            class: self.class,
            message: self.message.clone(),
            hint: self.hint.clone(),
            failures: self.failures,
            at: self.at.unix_millis(),
            retry_at: self.retry_at.map(Timestamp::unix_millis),
            told: self.told,
            check: String::new(),
        };
        record.check = record.checksum();
        serde_json::to_string(&record).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(retry_at: Option<i64>) -> Failure {
        Failure {
            identity: Identity::new("exec", []),
            settings: "s".into(),
            class: Class::Temporary,
            message: "no".into(),
            hint: None,
            failures: 3,
            at: Timestamp::from_unix_seconds(100),
            retry_at: retry_at.map(Timestamp::from_unix_seconds),
            told: false,
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let name: Name = "prod".parse().expect("a name");
        let written = failure(Some(200));
        assert_eq!(Failure::parse(written.to_json(&name).as_bytes(), &name), Some(written.clone()));
        let other = "other".parse().expect("a name");
        assert_eq!(Failure::parse(written.to_json(&name).as_bytes(), &other), None);
    }

    #[test]
    fn no_cut_and_no_flip_yields_another_one() {
        let name: Name = "prod".parse().expect("a name");
        let written = Failure { hint: Some("ask".into()), ..failure(Some(200)) };
        let whole = written.to_json(&name);
        let bytes = whole.trim_end().as_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Failure::parse(&bytes[..end], &name), None, "cut at {end}");
        }
        for (position, bit) in (0..bytes.len()).flat_map(|position| (0..8).map(move |bit| (position, bit))) {
            let mut flipped = bytes.to_vec();
            flipped[position] ^= 1 << bit;
            let read = Failure::parse(&flipped, &name);
            assert!(read.is_none() || read.as_ref() == Some(&written), "bit {bit} of byte {position}: {read:?}");
        }
    }

    #[test]
    fn a_failure_is_in_force_until_its_retry() {
        let same = Identity::new("exec", []);
        let table = [
            (Some(200), 150, true),
            (Some(200), 199, true),
            (Some(200), 200, false),
            (Some(200), 90, false),
            (None, 1_000_000, true),
            (None, 90, false),
        ];
        for (retry_at, now, in_force) in table {
            let now = Timestamp::from_unix_seconds(now);
            assert_eq!(failure(retry_at).is_in_force(&same, "s", now), in_force, "{retry_at:?} at {now:?}");
        }
        let now = Timestamp::from_unix_seconds(150);
        assert!(!failure(None).is_in_force(&Identity::new("file", []), "s", now), "another identity");
        assert!(!failure(None).is_in_force(&same, "changed", now), "other settings");
    }
}
