//! The record of one token and its JSON. What cannot be read for certain (cut, flipped, of another name) is not an entry.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::checksum::Checksum;
use crate::clock::Timestamp;
use crate::name::Name;
use crate::token::{Token, hex};

const VERSION: u64 = 1;

/// Which token this is: SHA-256 over kind, endpoints, client, scope, audience, command and whatever else decides that. A changed
/// profile never gets the token of the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(String);

impl Identity {
    /// The identity of `kind` with `parts`, each a key and its value; their order counts.
    #[must_use]
    pub fn new<'p>(kind: &str, parts: impl IntoIterator<Item = (&'p str, &'p str)>) -> Self {
        let mut digest = Sha256::new();
        let mut add = |text: &str| {
            digest.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            digest.update(text.as_bytes());
        };
        add(kind);
        for (key, value) in parts {
            add(key);
            add(value);
        }
        Self(hex(&digest.finalize()))
    }

    /// Lower-case hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) const fn from_text(text: String) -> Self {
        Self(text)
    }
}

/// A token in its place: of which profile, and which token that is.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The profile it belongs to.
    pub profile: Name,
    /// What decided which token this is.
    pub identity: Identity,
    /// The token.
    pub token: Token,
}

/// Why a file is no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A version we do not know: to be left alone.
    #[error("of version {0}")]
    Version(u64),
    /// Not what was written.
    #[error("damaged")]
    Damaged,
    /// An entry of another profile.
    #[error("of another profile")]
    OtherName,
}

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    version: u64,
    #[serde(borrow)]
    profile: std::borrow::Cow<'a, str>,
    identity: std::borrow::Cow<'a, str>,
    token: std::borrow::Cow<'a, str>,
    token_type: std::borrow::Cow<'a, str>,
    scope: Option<std::borrow::Cow<'a, str>>,
    issued_at: Option<i64>,
    expires_at: Option<i64>,
    check: std::borrow::Cow<'a, str>,
}

impl Record<'_> {
    fn checksum(&self) -> String {
        let mut checksum = Checksum::new();
        for text in [&self.profile, &self.identity, &self.token, &self.token_type] {
            checksum.text(text);
        }
        checksum.optional_text(self.scope.as_deref());
        checksum.number(self.issued_at);
        checksum.number(self.expires_at);
        checksum.finish()
    }
}

impl Entry {
    /// Reads what [`to_json`](Self::to_json) wrote for the profile `name`.
    ///
    /// # Errors
    /// [`Unreadable`] where it is not exactly that.
    pub fn parse(bytes: &[u8], name: &Name) -> Result<Self, Unreadable> {
        let record: Record<'_> = match serde_json::from_slice(bytes) {
            Ok(record) => record,
            Err(_) => return Err(future_version(bytes).map_or(Unreadable::Damaged, Unreadable::Version)),
        };
        if record.version > VERSION {
            return Err(Unreadable::Version(record.version));
        }
        if record.version != VERSION || record.check != record.checksum() {
            return Err(Unreadable::Damaged);
        }
        if record.profile != name.as_str() {
            return Err(Unreadable::OtherName);
        }
        let mut token = Token::new(record.token.into_owned()).map_err(|_| Unreadable::Damaged)?;
        token.token_type = record.token_type.into_owned();
        token.scope = record.scope.map(std::borrow::Cow::into_owned);
        token.issued_at = record.issued_at.map(Timestamp::from_unix_seconds);
        token.expires_at = record.expires_at.map(Timestamp::from_unix_seconds);
        Ok(Self { profile: name.clone(), identity: Identity(record.identity.into_owned()), token })
    }

    /// The file's content. Times are whole seconds, rounded down.
    #[must_use]
    pub fn to_json(&self) -> zeroize::Zeroizing<String> {
        let mut record = Record {
            version: VERSION,
            profile: self.profile.as_str().into(),
            identity: self.identity.as_str().into(),
            token: self.token.expose().into(),
            token_type: self.token.token_type.as_str().into(),
            scope: self.token.scope.as_deref().map(Into::into),
            issued_at: self.token.issued_at.map(Timestamp::unix_seconds),
            expires_at: self.token.expires_at.map(Timestamp::unix_seconds),
            check: "".into(),
        };
        record.check = record.checksum().into();
        let mut json = serde_json::to_string(&record).unwrap_or_default();
        json.push('\n');
        json.into()
    }
}

/// The version a file states that is newer than ours, whatever else it holds.
pub(super) fn future_version(bytes: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let found: Versioned = serde_json::from_slice(bytes).ok()?;
    (found.version > VERSION).then_some(found.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let mut token = Token::new("tok\\en\"~".into()).expect("a token");
        token.scope = Some("read write".into());
        token.issued_at = Some(Timestamp::from_unix_seconds(1_790_000_000));
        token.expires_at = Some(Timestamp::from_unix_seconds(1_790_003_600));
        Entry { profile: "prod".parse().expect("a name"), identity: Identity::new("exec", [("command", "true")]), token }
    }

    #[test]
    fn what_was_written_is_read() {
        let written = entry();
        let read = Entry::parse(written.to_json().as_bytes(), &written.profile).expect("an entry");
        assert_eq!((read.identity, read.token), (written.identity, written.token));
    }

    #[test]
    fn no_cut_and_no_flip_yields_another_token() {
        let written = entry();
        let json = written.to_json();
        let bytes = json.trim_end().as_bytes();
        for end in 0..bytes.len() {
            assert!(Entry::parse(&bytes[..end], &written.profile).is_err(), "cut at {end}");
        }
        for (position, bit) in (0..bytes.len()).flat_map(|position| (0..8).map(move |bit| (position, bit))) {
            let mut flipped = bytes.to_vec();
            flipped[position] ^= 1 << bit;
            if let Ok(read) = Entry::parse(&flipped, &written.profile) {
                assert_eq!(read.token, written.token, "bit {bit} of byte {position}");
                assert_eq!(read.identity, written.identity, "bit {bit} of byte {position}");
            }
        }
    }

    #[test]
    fn other_names_and_versions_are_told_apart() {
        let json = entry().to_json();
        let other = "other".parse().expect("a name");
        assert_eq!(Entry::parse(json.as_bytes(), &other).err(), Some(Unreadable::OtherName));
        let name = entry().profile;
        let table = [
            (json.replace("\"version\":1", "\"version\":2"), Unreadable::Version(2)),
            ("{\"version\":9,\"shape\":\"new\"}".to_owned(), Unreadable::Version(9)),
            (json.replace("\"version\":1", "\"version\":0"), Unreadable::Damaged),
            (json.replace("1790003600", "1790003601"), Unreadable::Damaged),
            (json.replace("1790003600", "null"), Unreadable::Damaged),
            (String::new(), Unreadable::Damaged),
            ("\0\0\0\0".to_owned(), Unreadable::Damaged),
        ];
        for (text, error) in table {
            assert_eq!(Entry::parse(text.as_bytes(), &name).err(), Some(error), "{text}");
        }
    }

    #[test]
    fn parts_of_an_identity_do_not_run_together() {
        let one = Identity::new("k", [("a", "bc")]);
        assert_ne!(one, Identity::new("k", [("ab", "c")]));
        assert_ne!(one, Identity::new("ka", [("", "bc")]));
        assert_eq!(one, Identity::new("k", [("a", "bc")]));
    }
}
