//! Where tokens come from. A source is asked for a token and answers with one or with a [`SourceError`]; it knows nothing of caches,
//! locks, waits or other processes.
//!
//! A new kind is one file here with its keys, its identity and its `issue`, and one arm in each match of [`AnySource`].

mod answer;
mod child;
mod client_credentials;
mod connection;
mod discovery;
mod endpoint;
mod env;
mod exec;
mod expiry;
mod file;
mod input;
mod resolve;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::clock::Timestamp;
use crate::error::{Class, one_line};
use crate::secret::{Secret, shown};
use crate::settings::{Mistake, Section};
use crate::token::Token;

pub use child::ANCESTORS;
pub(crate) use child::Child;
pub use client_credentials::{ClientAuth, ClientCredentials};
pub use connection::Connection;
pub use env::Env;
pub use exec::{Exec, Format};
pub use expiry::Ttl;
pub use file::File;
pub use input::Input;

/// What a source is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The token that the new one follows.
    pub previous: Option<&'a Token>,
    /// The time of asking.
    pub now: Timestamp,
    /// Whether a person is there who may be asked.
    pub may_ask: bool,
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
}

impl SourceError {
    /// A failure of `class`; `message` is put on one line.
    #[must_use]
    pub fn new(class: Class, message: impl AsRef<str>) -> Self {
        Self { class, message: one_line(message.as_ref()), hint: None, retry_after: None, detail: Vec::new() }
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

/// One of the sources that a configuration can name.
#[derive(Debug)]
pub enum AnySource {
    /// OAuth 2.0 client credentials.
    ClientCredentials(Box<ClientCredentials>),
    /// A command.
    Exec(Exec),
    /// A file.
    File(File),
    /// An environment variable.
    Env(Env),
}

/// The kinds that a configuration can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `client-credentials`
    ClientCredentials,
    /// `exec`
    Exec,
    /// `file`
    File,
    /// `env`
    Env,
}

impl Kind {
    /// Every kind by its name.
    pub const ALL: [(&str, Self); 4] =
        [("client-credentials", Self::ClientCredentials), ("exec", Self::Exec), ("file", Self::File), ("env", Self::Env)];
}

impl AnySource {
    /// Reads the keys of a source of this kind from its profile, which has this `ttl`.
    ///
    /// # Errors
    /// The first [`Mistake`] found.
    pub fn from_settings(kind: Kind, section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        Ok(match kind {
            Kind::ClientCredentials => Self::ClientCredentials(Box::new(ClientCredentials::from_settings(section, ttl)?)),
            Kind::Exec => Self::Exec(Exec::from_settings(section, ttl)?),
            Kind::File => Self::File(File::from_settings(section, ttl)?),
            Kind::Env => Self::Env(Env::from_settings(section, ttl)?),
        })
    }

    /// The name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ClientCredentials(_) => "client-credentials",
            Self::Exec(_) => "exec",
            Self::File(_) => "file",
            Self::Env(_) => "env",
        }
    }

    /// What decides which token it issues: keys and their values, none of them secret.
    #[must_use]
    pub fn identity(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::ClientCredentials(source) => source.identity(),
            Self::Exec(source) => source.identity(),
            Self::File(source) => source.identity(),
            Self::Env(source) => source.identity(),
        }
    }

    /// What else decides whether it will succeed, credentials included: for a digest, never for show.
    #[must_use]
    pub fn credentials(&self) -> Vec<Secret> {
        match self {
            Self::ClientCredentials(source) => source.credentials(),
            Self::Exec(_) | Self::File(_) | Self::Env(_) => Vec::new(),
        }
    }

    /// Whether one of its secrets stands in the configuration file itself.
    #[must_use]
    pub fn has_inline_secret(&self) -> bool {
        match self {
            Self::ClientCredentials(source) => source.has_inline_secret(),
            Self::Exec(source) => source.has_inline_secret(),
            Self::File(_) | Self::Env(_) => false,
        }
    }

    /// Whom it asks, for a person who waits.
    #[must_use]
    pub fn asks(&self) -> String {
        match self {
            Self::ClientCredentials(source) => source.asks(),
            Self::Exec(source) => source.asks(),
            Self::File(source) => source.asks(),
            Self::Env(source) => source.asks(),
        }
    }
}

impl Source for AnySource {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        match self {
            Self::ClientCredentials(source) => source.issue(request).await,
            Self::Exec(source) => source.issue(request).await,
            Self::File(source) => source.issue(request).await,
            Self::Env(source) => source.issue(request).await,
        }
    }

    fn check(&self) -> Result<(), SourceError> {
        match self {
            Self::ClientCredentials(source) => source.check(),
            Self::Exec(source) => source.check(),
            Self::File(source) => source.check(),
            Self::Env(source) => source.check(),
        }
    }

    fn peer(&self) -> Option<String> {
        match self {
            Self::ClientCredentials(source) => source.peer(),
            Self::Exec(source) => source.peer(),
            Self::File(source) => source.peer(),
            Self::Env(source) => source.peer(),
        }
    }

    fn patience(&self) -> Option<Duration> {
        match self {
            Self::ClientCredentials(source) => source.patience(),
            Self::Exec(source) => source.patience(),
            Self::File(source) => source.patience(),
            Self::Env(source) => source.patience(),
        }
    }
}
