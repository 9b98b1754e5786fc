//! What consumers of tokens send and expect: one wire format a file, bytes to types and back.
//!
//! Each file tells what its consumer asks ([`Protocol::request`]) and how each outcome is put to it. Who answers, and from where, is the
//! business of `command/helper.rs`. Nothing here looks at a clock, a file or the environment: what they hold comes in as arguments.
//!
//! They promise that no input makes them panic, that nothing they print holds a control character that the consumer did not ask for, and
//! that a token is offered to no place but a [`Target`], which is https or this machine.

pub mod aws;
pub mod bazel;
pub mod cargo;
pub mod docker;
pub mod git;
pub mod goauth;
pub mod google;
mod host;
pub mod keyring;
pub mod kubectl;
pub mod terraform;
pub mod vault;

use std::time::Duration;

pub use host::{Affinity, Target, can_be_listed};

use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::token::Token;

/// How early, at most, a consumer is told that a token expires: what it does in its last moments would fail on the way.
pub const EARLY: Duration = Duration::from_secs(10);

/// What a consumer asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// For what.
    pub act: Act,
    /// On behalf of whom.
    pub place: Place,
    /// The profile that it names, where nobody else does.
    pub profile: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Hand out a token.
    Get,
    /// Hand out a token; the one that it had was refused, if it had one: for a host that only a pattern lists, it could not know of one.
    Replace,
    /// Drop the token, if it is still this one.
    Reject(Secret),
    /// Drop the token, and keep the login.
    Forget,
    /// Drop all that is stored.
    Purge,
    /// Take what is to be kept, where its place is ours. It is not kept: its source gives a token whenever one is wanted.
    Accept,
    /// Nothing, whatever is configured.
    Nothing,
}

/// On behalf of whom a consumer asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It does not say.
    Unnamed,
    /// Of this host.
    Host(Target),
    /// Of something that no token goes to.
    Nowhere,
}

impl Place {
    /// The place of this target, where it is one.
    #[must_use]
    pub fn of(target: Option<Target>) -> Self {
        target.map_or(Self::Nowhere, Self::Host)
    }
}

impl Request {
    /// To do this on behalf of `place`.
    #[must_use]
    pub const fn new(act: Act, place: Place) -> Self {
        Self { act, place, profile: None }
    }

    /// To do nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self::new(Act::Nothing, Place::Unnamed)
    }
}

/// A token with what goes with it.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The token.
    pub token: &'a Token,
    /// The user name for consumers that need one.
    pub username: &'a str,
    /// What precedes the token where it is sent verbatim.
    pub scheme: Option<&'a str>,
    /// The hosts it may go to, as they are configured.
    pub hosts: &'a [String],
    /// The time of asking.
    pub now: Timestamp,
}

impl Offer<'_> {
    /// When the token expires, told early by a tenth of what is left of it, 10 s at most, in whole seconds. It is never told to have
    /// expired while it has not.
    #[must_use]
    pub fn expiry(&self) -> Option<Timestamp> {
        let (expires_at, left) = (self.token.expires_at?, self.token.remaining(self.now)?);
        let told = expires_at.before(EARLY.min(left / 10)).floor_to_second();
        Some(if told > self.now { told } else { expires_at.floor_to_second() })
    }

    /// The same, as RFC 3339.
    #[must_use]
    pub fn expiry_text(&self) -> Option<String> {
        self.expiry().and_then(Timestamp::rfc3339)
    }

    /// The user name.
    ///
    /// # Errors
    /// [`Unfit`] where it has a control character.
    pub fn username(&self) -> Result<&str, Unfit> {
        printable(self.username, "`username`")
    }

    /// The scheme of the header that presents the token, `Bearer` unless the profile says otherwise.
    ///
    /// # Errors
    /// [`Unfit`] where it has a control character.
    pub fn scheme(&self) -> Result<&str, Unfit> {
        printable(self.scheme.unwrap_or(crate::token::BEARER), "`scheme`")
    }

    /// The token as it is sent verbatim: behind the profile's scheme, where it has one.
    ///
    /// # Errors
    /// [`Unfit`] where the scheme has a control character.
    pub fn verbatim(&self) -> Result<Secret, Unfit> {
        match self.scheme {
            Some(scheme) => Ok(Secret::new(format!("{} {}", printable(scheme, "`scheme`")?, self.token.expose()))),
            None => Ok(self.token.secret().clone()),
        }
    }

    /// The value of an `Authorization` header.
    ///
    /// # Errors
    /// [`Unfit`] where the scheme has a control character.
    pub fn authorization(&self) -> Result<Secret, Unfit> {
        Ok(Secret::new(format!("{} {}", self.scheme()?, self.token.expose())))
    }
}

/// Why a token cannot be put to a consumer. Never says what the token is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub(crate) String);

/// Why what a consumer sent is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) String);

impl Malformed {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// What is said to a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// On standard output.
    pub text: Secret,
    /// By the exit status.
    pub status: u8,
}

impl Answer {
    /// This text, and success.
    #[must_use]
    pub const fn said(text: Secret) -> Self {
        Self { text, status: 0 }
    }

    /// No text.
    #[must_use]
    pub fn silent(status: u8) -> Self {
        Self { text: Secret::new(String::new()), status }
    }

    fn plain(text: impl Into<String>) -> Self {
        Self::said(Secret::new(text.into()))
    }
}

/// One exchange with a consumer.
pub trait Protocol {
    /// What is asked.
    ///
    /// # Errors
    /// [`Malformed`] where that cannot be told.
    fn request(&self) -> Result<Request, Malformed>;

    /// A token, as it is handed over.
    ///
    /// # Errors
    /// [`Unfit`] where this token cannot be handed over in this way.
    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit>;

    /// Nobody here has anything for that place.
    fn nothing(&self) -> Answer;

    /// The profile asked for has no token, for this `reason`, which ends a command with `status`.
    fn failed(&self, reason: &str, status: u8) -> Answer;

    /// It cannot even be told whether there is a profile.
    fn unknown(&self, reason: &str, status: u8) -> Answer {
        self.failed(reason, status)
    }

    /// What was asked is done.
    fn done(&self) -> Answer {
        Answer::silent(0)
    }

    /// Whether the reason of a failure is for standard error: not where the answer has it.
    fn has_stderr(&self) -> bool {
        true
    }

    /// Whether it takes standard error for a part of the answer: then not even a warning goes there.
    fn reads_stderr(&self) -> bool {
        false
    }

    /// Whether a person is to be told why there is nothing: not where others may have it.
    fn explains_nothing(&self) -> bool {
        false
    }

    /// How long before expiry a token of this lifetime is to be renewed, where the consumer needs it earlier than others.
    fn margin(&self, _lifetime: Duration) -> Option<Duration> {
        None
    }

    /// How long the consumer waits, where it says that, less what it takes to tell it.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// Whether it waits for a person.
    fn waits_for_people(&self) -> bool {
        false
    }
}

/// `text`, if no character in it steers whoever reads it.
fn printable<'t>(text: &'t str, what: &str) -> Result<&'t str, Unfit> {
    // Error: It would end the line in the tool's protocol and begin another. To do: mend the profile, or the tool's configuration.
    if text.chars().any(char::is_control) { Err(Unfit(format!("its {what} has a control character"))) } else { Ok(text) }
}

/// One line of JSON.
fn json(value: &impl serde::Serialize) -> Secret {
    Secret::new(serde_json::to_string(value).unwrap_or_default() + "\n")
}

/// What a consumer sent, if it is text.
fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A time that all exchanges of these tests take place at: 2026-11-22T12:00:00Z.
    pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);

    /// `token-1`, which expires an hour from [`NOW`].
    pub(super) fn token() -> Token {
        let mut token = Token::new("token-1".to_owned()).expect("a token");
        token.issued_at = Some(NOW);
        token.expires_at = Some(NOW.after(Duration::from_secs(3600)));
        token
    }

    /// The same, for ever.
    pub(super) fn lasting() -> Token {
        let mut token = token();
        token.expires_at = None;
        token
    }

    pub(super) fn offer<'a>(token: &'a Token, scheme: Option<&'a str>) -> Offer<'a> {
        Offer { token, username: "oauth2", scheme, hosts: &[], now: NOW }
    }

    /// What is handed over, as text.
    pub(super) fn handed(protocol: &impl Protocol, offer: &Offer<'_>) -> String {
        protocol.token(offer).map_or_else(|error| format!("unfit: {error}"), |text| text.expose().to_owned())
    }

    /// The place of this URL.
    pub(super) fn place(url: &str) -> Place {
        Place::Host(Target::of_url(url).expect("a target"))
    }

    #[test]
    fn expiry_is_told_slightly_early_and_never_too_early() {
        let table = [(3600, 3590), (100, 90), (60, 54), (15, 13), (2, 1), (1, 1)];
        for (left, told) in table {
            let mut token = token();
            token.expires_at = Some(NOW.after(Duration::from_secs(left)));
            assert_eq!(offer(&token, None).expiry(), Some(NOW.after(Duration::from_secs(told))), "{left} s left");
        }
        assert_eq!(offer(&lasting(), None).expiry(), None);
    }

    proptest! {
        #[test]
        fn told_expiry_lies_ahead_in_whole_seconds(millis in 0_i64..100_000, left in 1_i64..100_000) {
            let now = Timestamp::from_unix_millis(NOW.unix_millis() + millis);
            let mut token = token();
            token.expires_at = Some(Timestamp::from_unix_seconds(now.unix_seconds() + left));
            let offer = Offer { now, ..offer(&token, None) };
            let told = offer.expiry().expect("an expiry");
            prop_assert!(told > now && Some(told) <= token.expires_at && told == told.floor_to_second());
        }

        #[test]
        fn no_input_makes_a_protocol_panic_or_print_controls(
            input in prop::collection::vec(any::<u8>(), 0..200), words in prop::collection::vec(".{0,20}", 0..4),
        ) {
            try_all(&words, &input)?;
        }

        #[test]
        fn no_nearly_good_input_does_either(
            key in prop::sample::select(vec!["protocol=https\n", "host=", "{\"uri\":", "{\"v\":1,", "https://", "HTTP/1.1 401", "\n\n", "\r\n"]),
            rest in ".{0,60}",
        ) {
            try_all(&["get".to_owned(), rest.clone()], format!("{key}{rest}").as_bytes())?;
        }
    }

    /// Puts it all to every protocol.
    fn try_all(words: &[String], input: &[u8]) -> Result<(), TestCaseError> {
        let environment = google::Environment::default();
        let text = String::from_utf8_lossy(input);
        try_one(&aws::Process)?;
        try_one(&bazel::Exchange::new(words, input))?;
        try_one(&cargo::Exchange::new(input))?;
        try_one(&docker::Exchange::new(words, input))?;
        try_one(&git::Exchange::new(words, input))?;
        try_one(&goauth::Exchange::new(words, input))?;
        try_one(&google::Exchange::new(google::Environment { token_type: Some(text.clone().into_owned()), ..environment }))?;
        try_one(&keyring::Exchange::new(words))?;
        try_one(&kubectl::Exchange::new(Some(&text)))?;
        try_one(&terraform::Exchange::new(words))?;
        try_one(&vault::Exchange::new(words))
    }

    fn try_one(protocol: &impl Protocol) -> Result<(), TestCaseError> {
        let _ = protocol.request();
        let token = token();
        let hosts = ["api.example.com".to_owned(), "*.example.com".to_owned()];
        let offer = Offer { hosts: &hosts, ..offer(&token, Some("Bearer")) };
        let answers = [protocol.nothing(), protocol.failed("prod: it\r\nfailed", 5), protocol.unknown("what?", 2), protocol.done()];
        let said = answers.iter().map(|answer| answer.text.expose().to_owned());
        for text in said.chain(protocol.token(&offer).map(|text| text.expose().to_owned())) {
            prop_assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{:?}", text);
        }
        Ok(())
    }
}
