//! Where tokens come from. A source is asked for a token and answers with one or with a [`SourceError`]; it knows nothing of caches,
//! locks, waits or other processes.
//!
//! A new kind is one file here with its keys, its identity and its `issue`, and its name in the list of [`AnySource`] (`any.rs`).

mod answer;
mod any;
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
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod grant;
mod http;
mod input;
mod interactive;
mod jwt;
mod jwt_bearer;
mod login;
mod offer;
mod person;
mod probe;
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
use crate::secret::{Censor, Secret};
use crate::token::Token;

use any::Configured;
pub use any::{AnySource, Kind};
pub use authorization_code::AuthorizationCode;
pub use child::ANCESTORS;
pub(crate) use child::Child;
pub use client::{Client, ClientAuth};
pub use client_credentials::ClientCredentials;
pub use connection::Connection;
pub use device_code::DeviceCode;
pub use discovery::Metadata;
pub use env::Env;
pub use exec::{Exec, Format, Printed};
pub use expiry::Ttl;
pub use file::File;
pub use http::Http;
pub use input::Input;
pub use jwt_bearer::JwtBearer;
pub use login::{LoginStore, Memory};
pub use offer::{GrantType, IssuerAddress, Offer, check_endpoint, is_scope_token};
pub use person::{Person, Step};
pub use probe::{Discovery, Place, Proxy, Visit, proxy_variables};
pub use refresh::is_under_way as is_refreshing;
pub use refresh_token::RefreshToken;
pub use revocation::{Revocation, Revoked};
pub use token_exchange::TokenExchange;
pub use upstream::{Link, Upstream, waiting_for};

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

    /// How long it may take in all, where a single answer may take `single`.
    fn time_limit(&self, single: Duration) -> Duration {
        single
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

    fn time_limit(&self, single: Duration) -> Duration {
        (**self).time_limit(single)
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
    /// What only a person who asks for details wants to see, line by line. A line is not cut yet: whoever shows it may know of more
    /// secrets, and passes it through [`Censor::shown`].
    pub detail: Vec<String>,
    /// The issuer's error code (RFC 6749 §5.2).
    pub code: Option<Box<str>>,
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
        let censor = Censor::of(secrets);
        self.detail.extend(text.lines().map(|line| censor.visible(line)).filter(|line| !line.is_empty()));
        self
    }

    /// Without `secrets`, which what it is about may have repeated.
    #[must_use]
    pub fn without(self, secrets: &[Secret]) -> Self {
        let censor = Censor::of(secrets);
        let detail = self.detail.iter().map(|line| censor.visible(line)).collect();
        Self { message: censor.shown(&self.message), detail, ..self }
    }
}
