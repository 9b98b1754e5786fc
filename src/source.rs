//! Where tokens come from. A source is asked for a token and answers with one or with a [`SourceError`]; it knows nothing of caches,
//! locks, waits or other processes.
//!
//! A new kind is one file here with its keys, its identity and its `issue`, and its name in the list of [`AnySource`].

mod answer;
mod authorization_code;
mod child;
mod client;
mod client_credentials;
mod connection;
mod device_code;
mod discovery;
mod document;
mod endpoint;
mod env;
mod exec;
mod expiry;
mod file;
mod http;
mod input;
mod interactive;
mod jwt;
mod jwt_bearer;
mod login;
mod person;
mod refresh;
mod refresh_token;
mod resolve;
mod revocation;
mod token_exchange;
mod upstream;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::clock::Timestamp;
use crate::error::{Class, one_line};
use crate::secret::{Secret, shown};
use crate::settings::{Mistake, Section};
use crate::token::Token;

pub use authorization_code::AuthorizationCode;
pub use child::ANCESTORS;
pub(crate) use child::Child;
pub use client::{Client, ClientAuth};
pub use client_credentials::ClientCredentials;
pub use connection::Connection;
pub use device_code::DeviceCode;
pub use env::Env;
pub use exec::{Exec, Format};
pub use expiry::Ttl;
pub use file::File;
pub use http::Http;
pub use input::Input;
pub use jwt_bearer::JwtBearer;
pub use login::{LoginStore, Memory};
pub use person::{Person, Step};
pub use refresh::is_under_way as is_refreshing;
pub use refresh_token::RefreshToken;
pub use revocation::{Revocation, Revoked};
pub use token_exchange::TokenExchange;
pub use upstream::{Link, Upstream};

/// What a source is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The token that the new one follows.
    pub previous: Option<&'a Token>,
    /// The time of asking.
    pub now: Timestamp,
    /// How long a single answer of a server or a command may take.
    pub limit: Duration,
    /// When whoever asks gives it up, for a person who is told how much time is left.
    pub until: Timestamp,
    /// Whether somebody asks in spite of an earlier refusal.
    pub insists: bool,
    /// The person who is there and may be asked.
    pub person: Option<&'a Arc<dyn Person>>,
    /// Where the source's login is.
    pub logins: &'a dyn LoginStore,
}

/// Something that issues tokens; library users bring their own.
pub trait Source: Send + Sync {
    /// Asks for a token. Dropping the future gives the request up, with all that belongs to it.
    fn issue(&self, request: Request<'_>) -> impl Future<Output = Result<Token, SourceError>> + Send;

    /// Whether it can be asked at all: found out without a request, before anybody waits for a lock.
    ///
    /// # Errors
    /// Why it cannot.
    fn check(&self) -> Result<(), SourceError> {
        Ok(())
    }

    /// Whom it asks, if that is one whom not everybody should ask at once: a host, or a program.
    fn peer(&self) -> Option<String> {
        None
    }

    /// Lets go of what it holds (connections, files, processes): nobody will ask it again.
    fn close(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// The time limit of one request while a person is asked; `None` where none ever is.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// How many answers it waits for at most, one after another.
    fn stages(&self) -> u32 {
        1
    }

    /// Whether it waits for something that cannot be had again, such as the successor of a refresh token: then it is broken off last.
    fn is_committed(&self) -> bool {
        false
    }
}

impl<S: Source> Source for Arc<S> {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        (**self).issue(request).await
    }

    fn check(&self) -> Result<(), SourceError> {
        (**self).check()
    }

    fn peer(&self) -> Option<String> {
        (**self).peer()
    }

    async fn close(&self) {
        (**self).close().await;
    }

    fn patience(&self) -> Option<Duration> {
        (**self).patience()
    }

    fn stages(&self) -> u32 {
        (**self).stages()
    }

    fn is_committed(&self) -> bool {
        (**self).is_committed()
    }
}

/// Why a source gave no token. Holds no secret: every text from outside passes [`SourceError::with_detail`] or [`one_line`].
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// What kind of failure it is.
    pub class: Class,
    /// What happened, to follow the profile's name.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The issuer's Retry-After.
    pub retry_after: Option<Duration>,
    /// What only a person who asks for details wants to see, line by line.
    pub detail: Vec<String>,
    /// The issuer's error code (RFC 6749 §5.2).
    pub code: Option<String>,
    /// Whether it is another profile's failure, which is remembered there.
    pub is_known_elsewhere: bool,
    /// A refresh token in an answer that is unusable otherwise: the one that was sent may be void.
    pub successor: Option<Secret>,
}

impl SourceError {
    /// A failure of `class`; `message` is put on one line.
    #[must_use]
    pub fn new(class: Class, message: impl AsRef<str>) -> Self {
        Self {
            class,
            message: one_line(message.as_ref()),
            hint: None,
            retry_after: None,
            detail: Vec::new(),
            code: None,
            is_known_elsewhere: false,
            successor: None,
        }
    }

    /// With advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what a child or a peer said, without `secrets`.
    #[must_use]
    pub fn with_detail(mut self, text: &str, secrets: &[Secret]) -> Self {
        self.detail.extend(text.lines().map(|line| shown(line, secrets)).filter(|line| !line.is_empty()));
        self
    }
}

/// What every source that a configuration can name says of itself.
trait Configured: Source + Sized {
    /// The name of its kind.
    const KIND: &'static str;

    /// Reads its keys from its profile, which has this `ttl`.
    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake>;

    /// What decides which token it issues: keys and their values, none of them secret.
    fn identity(&self) -> Vec<(&'static str, String)>;

    /// Whom it asks, for a person who waits.
    fn asks(&self) -> String;

    /// What else decides whether it will succeed, credentials included: for a digest, never for show.
    fn credentials(&self) -> Vec<Secret> {
        Vec::new()
    }

    /// The secrets and tokens that it needs.
    fn inputs(&self) -> Vec<&Input> {
        Vec::new()
    }

    /// Whether a secret other than its inputs stands in the configuration.
    fn has_inline_secret(&self) -> bool {
        false
    }

    /// What a login of it is bound to; `None` where it has none.
    fn login_identity(&self) -> Option<Vec<(&'static str, String)>> {
        None
    }

    /// The issuer as one that can be asked to revoke (RFC 7009).
    fn client(&self) -> Option<&Client> {
        None
    }
}

/// A kind of source: how to read the keys of one from its profile.
#[derive(Clone, Copy)]
pub struct Kind(fn(&mut Section<'_>, Option<Ttl>) -> Result<AnySource, Mistake>);

/// One of the sources that a configuration can name, and the way to each of them.
macro_rules! sources {
    ($($kind:ident),+) => {
        /// One of the sources that a configuration can name.
        #[derive(Debug)]
        pub enum AnySource {
            $(#[allow(missing_docs, reason = "the type says it")] $kind(Box<$kind>),)+
        }

        impl Kind {
            /// Every kind by its name.
            pub const ALL: &[(&str, Self)] =
                &[$(($kind::KIND, Self(|section, ttl| Ok(AnySource::$kind(Box::new($kind::from_settings(section, ttl)?)))))),+];
        }

        /// Does the same with whichever source it is.
        macro_rules! each {
            ($any:expr, $source:ident => $answer:expr) => {
                match $any {
                    $(AnySource::$kind($source) => $answer,)+
                }
            };
        }
    };
}

sources!(ClientCredentials, RefreshToken, DeviceCode, AuthorizationCode, TokenExchange, JwtBearer, Exec, Http, File, Env);

impl AnySource {
    /// Reads the key `source` of a profile, and the keys of that kind. The profile has this `ttl`.
    ///
    /// # Errors
    /// The first [`Mistake`] found.
    pub fn from_settings(kind: Kind, section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        (kind.0)(section, ttl)
    }

    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        const fn kind<S: Configured>(_: &S) -> &'static str {
            S::KIND
        }
        each!(self, source => kind(&**source))
    }

    /// What decides which token it issues: keys and their values, none of them secret.
    #[must_use]
    pub fn identity(&self) -> Vec<(&'static str, String)> {
        let mut parts = each!(self, source => source.identity());
        parts.extend(self.inputs().into_iter().filter_map(|input| Some(("profile", input.link()?.identity()))));
        parts
    }

    /// What else decides whether it will succeed, credentials included: for a digest, never for show.
    #[must_use]
    pub fn credentials(&self) -> Vec<Secret> {
        let inputs = self.inputs().into_iter().filter_map(Input::stamp);
        inputs.chain(each!(self, source => source.credentials())).collect()
    }

    /// The secrets and tokens that it needs.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Input> {
        each!(self, source => source.inputs())
    }

    /// Whether one of its secrets stands in the configuration file itself.
    #[must_use]
    pub fn has_inline_secret(&self) -> bool {
        self.inputs().into_iter().any(Input::is_inline) || each!(self, source => source.has_inline_secret())
    }

    /// Whom it asks, for a person who waits.
    #[must_use]
    pub fn asks(&self) -> String {
        each!(self, source => source.asks())
    }

    /// What a login of it is bound to; `None` where it has none.
    #[must_use]
    pub fn login_identity(&self) -> Option<Vec<(&'static str, String)>> {
        each!(self, source => source.login_identity())
    }

    /// Whether it has a login that a person can renew.
    #[must_use]
    pub fn is_logged_in_to(&self) -> bool {
        each!(self, source => source.login_identity().is_some() && source.patience().is_some())
    }

    fn client(&self) -> Option<&Client> {
        each!(self, source => source.client())
    }
}

impl Source for AnySource {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        each!(self, source => source.issue(request).await)
    }

    fn check(&self) -> Result<(), SourceError> {
        each!(self, source => source.check())
    }

    fn peer(&self) -> Option<String> {
        each!(self, source => source.peer())
    }

    fn patience(&self) -> Option<Duration> {
        let linked = self.inputs().into_iter().filter_map(|input| input.link()?.patience());
        linked.chain(each!(self, source => source.patience())).max()
    }

    fn is_committed(&self) -> bool {
        is_refreshing()
    }

    fn stages(&self) -> u32 {
        1 + self.inputs().into_iter().map(Input::stages).sum::<u32>()
    }
}
