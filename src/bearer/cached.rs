//! The one way to renew: look, lock, look again, issue, store.
//!
//! It promises that however many processes ask at once, the source is asked once, that a token that is valid is served whatever the
//! source, the lock's holder or the disk does, and that everybody is answered within his time limit. The lock is held from the second
//! look at the cache until the new token is stored, never while waiting between attempts. A failure is shared with those who wait.

mod login;
mod receiver;
mod renewing;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use receiver::CachedReceiver;

use self::login::LoginFile;
use super::policy::{Freshness, Renewal};
use super::{FetchOptions, Fetched, NamedBearer, Origin, RenewalError};
use crate::cache::{Identity, Logins, StorageError, ThrottledTokenCache};
use crate::clock::{Clock, Timestamp, deadline_in};
use crate::name::Name;
use crate::source::{LoginStore, Memory, Source};
use crate::token::Token;

/// A bearer whose token lies in a file that processes share.
#[derive(Debug)]
pub struct CachedBearer<S, C>(Arc<Shared<S, C>>);

#[derive(Debug)]
struct Shared<S, C> {
    source: NamedBearer<S, C>,
    cache: ThrottledTokenCache<C>,
    renewal: Renewal,
    settings: Settings,
    logins: Keeping,
}

/// Where the source's login is: in a file, or else here, as long as this bearer lives.
#[derive(Debug, Default)]
struct Keeping {
    memory: Memory,
    file: OnceLock<LoginFile>,
}

impl Keeping {
    fn store(&self) -> &dyn LoginStore {
        match self.file.get() {
            Some(file) => file,
            None => &self.memory,
        }
    }

    fn file(&self) -> Option<&LoginFile> {
        self.file.get()
    }
}

/// A digest of all that decides whether the source will succeed, credentials included: a change of it makes a remembered failure void.
struct Settings(Box<dyn Fn() -> String + Send + Sync>);

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings(…)")
    }
}

impl<S: Source, C: Clock> CachedBearer<S, C> {
    /// `source` behind `cache`. `settings` says, by a digest, on what it depends whether the source will succeed, credentials included:
    /// when that changes, a remembered failure is void.
    pub fn new(
        source: NamedBearer<S, C>,
        cache: ThrottledTokenCache<C>,
        settings: impl Fn() -> String + Send + Sync + 'static,
        renewal: Renewal,
    ) -> Self {
        let (settings, logins) = (Settings(Box::new(settings)), Keeping::default());
        Self(Arc::new(Shared { source, cache, renewal, settings, logins }))
    }

    /// The same, keeping the login of its source in `logins`, as that of the issuer and client that `identity` stands for. Only the first
    /// word counts.
    #[must_use]
    pub fn with_logins(self, logins: Logins, identity: Identity) -> Self {
        let cache = &self.0.cache;
        let file = LoginFile::new(logins, cache.name().clone(), identity, cache.cache().path().to_owned());
        let _ = self.0.logins.file.set(file);
        self
    }

    /// The token in memory, or in the file where memory has none that is valid or the throttle has passed.
    ///
    /// # Errors
    /// [`StorageError`] where the file must not be used.
    pub fn held(&self) -> Result<Option<Arc<Token>>, StorageError> {
        self.0.cache.get()
    }

    /// The token in the file, now.
    ///
    /// # Errors
    /// [`StorageError`] where the file must not be used.
    pub fn look(&self) -> Result<Option<Arc<Token>>, StorageError> {
        self.0.cache.refresh()
    }

    /// Whether the file is another one than at the last look; it is not read for that.
    ///
    /// # Errors
    /// [`StorageError`] where the file must not be used.
    pub fn has_changed(&self) -> Result<bool, StorageError> {
        self.0.cache.has_changed()
    }

    /// How good `token` is now, for the first fetch of a process.
    #[must_use]
    pub fn freshness(&self, token: &Token) -> Freshness {
        self.0.renewal.freshness(token, self.0.cache.clock().now())
    }

    /// When and how often it renews.
    #[must_use]
    pub fn renewal(&self) -> &Renewal {
        &self.0.renewal
    }

    /// The clock it goes by.
    #[must_use]
    pub fn clock(&self) -> &C {
        self.0.cache.clock()
    }

    /// The name of its token.
    #[must_use]
    pub fn token_name(&self) -> &Name {
        self.0.cache.name()
    }

    /// The bearer without its cache.
    #[must_use]
    pub fn wrapped(&self) -> &NamedBearer<S, C> {
        &self.0.source
    }

    /// A token within `timeout`, from the cache or by a renewal.
    ///
    /// # Errors
    /// [`RenewalError`] where there is none that may be handed out.
    pub async fn fetch(&self, timeout: Duration, options: &FetchOptions) -> Result<Fetched, RenewalError> {
        let fetched = self.0.fetch(deadline_in(timeout), options).await?;
        if let Origin::Stale(error) = &fetched.origin {
            let until = fetched.token.expires_at.and_then(Timestamp::rfc3339).unwrap_or_default();
            // Error 0: A renewal failed while the token is still valid, so that one is served. To do: nothing; it is tried again, and
            // `token status` says when.
            self.0.warn(&format!("{error}; the cached token is good until {until}"));
        }
        Ok(fetched)
    }
}

#[cfg(test)]
mod tests;
