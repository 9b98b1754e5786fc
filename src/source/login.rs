//! Where a source's login is between two renewals: what a source may expect of whoever keeps it.

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::SourceError;
use crate::clock::Timestamp;
use crate::login::Login;

/// Keeps the login of one source. A write has lasted when it returns: a token that came with a new login is shown to nobody before.
pub trait LoginStore: Debug + Send + Sync {
    /// The login at hand, as it is kept now.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn read(&self) -> Result<Option<Login>, SourceError>;

    /// Makes sure that a new login can be kept, before there is one, and [notes](Self::note) that a request with `sent`, where there is
    /// one, is under way since `now`.
    ///
    /// # Errors
    /// Why it could not be kept. Then nothing must be asked for that would have to be.
    fn begin(&self, sent: Option<&Login>, now: Timestamp) -> Result<(), SourceError>;

    /// Keeps `login`.
    ///
    /// # Errors
    /// Why it is not kept.
    fn write(&self, login: &Login) -> Result<(), SourceError>;

    /// Keeps what is known of a login that the issuer did not give just now: that does not cost another login its place.
    ///
    /// # Errors
    /// Why it is not kept.
    fn note(&self, login: &Login) -> Result<(), SourceError> {
        self.write(login)
    }

    /// Puts a login that cannot be read out of the way of a new one.
    ///
    /// # Errors
    /// Why it is still in the way.
    fn set_aside(&self) -> Result<(), SourceError>;
}

/// Keeps a login as long as the process lives.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Option<Login>>);

impl Memory {
    fn login(&self) -> MutexGuard<'_, Option<Login>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoginStore for Memory {
    fn read(&self) -> Result<Option<Login>, SourceError> {
        Ok(self.login().clone())
    }

    fn begin(&self, sent: Option<&Login>, now: Timestamp) -> Result<(), SourceError> {
        if let Some(sent) = sent {
            *self.login() = Some(Login { in_flight: sent.in_flight.or(Some(now)), ..sent.clone() });
        }
        Ok(())
    }

    fn write(&self, login: &Login) -> Result<(), SourceError> {
        *self.login() = Some(login.clone());
        Ok(())
    }

    fn set_aside(&self) -> Result<(), SourceError> {
        *self.login() = None;
        Ok(())
    }
}
