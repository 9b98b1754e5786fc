//! Bearers: what hands out a token that is valid now, however it comes by it.
//!
//! A [`NamedBearer`] gives a network-facing [source](crate::source::Source) its name. A [`CachedBearer`] puts the cache before it and
//! is the one way to renew: look, lock, look again, issue, store.

mod cached;
mod decision;
mod named;
pub mod policy;
mod refusal;
mod renewable;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Failure;
use crate::clock::Timestamp;
use crate::error::Class;
use crate::source::{Person, SourceError};
use crate::token::Token;

pub use cached::{CachedBearer, CachedReceiver};
pub use named::{NamedBearer, NamedReceiver};
pub use policy::{Freshness, Renewal};
pub use refusal::Asking;
pub use renewable::{Phase, RenewableBearer, RenewableReceiver, Status};

/// What one fetch wants beyond a token that is valid.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    /// Never the token that was there before.
    pub renew_required: bool,
    /// A renewal of this caller's own, breaking off one in flight. A [`CachedBearer`], which has no loop, always does that.
    pub renew_synchronous: bool,
    /// A failed renewal is an error even while the old token is valid.
    pub report_error: bool,
    /// The time limit of one request to the source, instead of the profile's.
    pub renew_request_timeout: Option<Duration>,
    /// Attempts to be made in all, instead of the profile's.
    pub max_retries: Option<u32>,
    /// Only the token with this [fingerprint](Token::fingerprint) has to go; another one will do. Without `renew_required`, a remembered
    /// failure that is in force answers, as it would where the token had expired.
    pub replaces: Option<String>,
    /// The person who is there and may be asked to log in, where there is no token without that.
    pub person: Option<Arc<dyn Person>>,
}

/// A token and how it was come by.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The token.
    pub token: Arc<Token>,
    /// Where it is from.
    pub origin: Origin,
}

/// Where a token is from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// From the cache, put there by whomever.
    Cache,
    /// Issued for this fetch.
    Renewed,
    /// From the cache although its renewal is due, because that failed.
    Stale(RenewalError),
}

/// Something that hands out receivers of one token.
pub trait Bearer: Send + Sync {
    /// What it hands out.
    type Receiver: Receiver;

    /// A receiver for one use of the token, such as one request to an API.
    fn receiver(&self) -> Self::Receiver;

    /// The name of the token, where the source has one.
    fn name(&self) -> Option<&str>;
}

/// One use of a token, with the retries that it takes.
pub trait Receiver: Send {
    /// A token, within `timeout`.
    fn fetch(&mut self, timeout: Duration, options: &FetchOptions) -> impl Future<Output = Result<Arc<Token>, RenewalError>> + Send;

    /// What the last fetch gave.
    fn latest(&self) -> Option<Arc<Token>>;

    /// Whether to fetch and try once more after the token was refused: no after `max_retries` fetches.
    fn can_retry(&mut self, options: &FetchOptions) -> bool;
}

/// Whether and when another attempt is worth it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// At this time.
    At(Timestamp),
    /// Not before something is mended, or somebody asks.
    Parked,
    /// Whenever it suits.
    AnyTime,
}

/// Why there is no token. Holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RenewalError {
    /// What kind of failure it is.
    pub class: Class,
    /// What happened, to follow the profile's name.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How many attempts this fetch made.
    pub attempts: u32,
    /// Whether and when to try again.
    pub retry: Retry,
}

impl RenewalError {
    /// A failure of which nothing more is known.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None, attempts: 0, retry: Retry::AnyTime }
    }

    /// With advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Another process held the lock at this path for longer than anybody wanted to wait.
    #[must_use]
    pub fn locked_out(lock: &Path) -> Self {
        // Error: Somebody renews this profile and takes long: a slow issuer, a login in another terminal, a stopped process.
        let message = format!("another process held the lock {} until the time limit", lock.display());
        Self::new(Class::Lock, message).with_hint("wait longer with `--timeout`, or find and end that process")
    }
}

impl From<SourceError> for RenewalError {
    fn from(error: SourceError) -> Self {
        let retry = if error.class.is_permanent() { Retry::Parked } else { Retry::AnyTime };
        Self { class: error.class, message: error.message, hint: error.hint, attempts: 0, retry }
    }
}

impl From<crate::cache::StorageError> for RenewalError {
    fn from(error: crate::cache::StorageError) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint())
    }
}

impl From<&Failure> for RenewalError {
    fn from(failure: &Failure) -> Self {
        Self {
            class: failure.class,
            message: failure.message.clone(),
            hint: failure.hint.clone(),
            attempts: 0,
            retry: failure.retry_at.map_or(Retry::Parked, Retry::At),
        }
    }
}
