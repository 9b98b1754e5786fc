//! The login of a cached bearer, in a file beside all the others. Whoever uses it holds the lock of the profile.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::cache::{Identity, LoginLook, Logins, Reserved, StorageError};
use crate::clock::Timestamp;
use crate::login::Login;
use crate::name::Name;
use crate::source::{LoginStore, SourceError};

/// The place of one login.
#[derive(Debug)]
pub(super) struct LoginFile {
    logins: Logins,
    name: Name,
    identity: Identity,
    /// The directory of the cache.
    cache: PathBuf,
    /// Room for the next one.
    reserved: Mutex<Option<Reserved>>,
}

impl LoginFile {
    pub const fn new(logins: Logins, name: Name, identity: Identity, cache: PathBuf) -> Self {
        Self { logins, name, identity, cache, reserved: Mutex::new(None) }
    }

    /// Removes what writers who were killed have left.
    pub fn sweep(&self) {
        self.logins.sweep(&self.name);
    }

    /// Gives back the room that was not needed.
    pub fn release(&self) {
        drop(self.take());
    }

    fn take(&self) -> Option<Reserved> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether there is none at all.
    pub fn is_missing(&self) -> bool {
        matches!(self.logins.read(&self.name, &self.identity), Ok(LoginLook::Missing))
    }

    /// Whether there is a login that the issuer has not refused, as far as can be told.
    pub fn is_alive(&self) -> bool {
        match self.logins.read(&self.name, &self.identity) {
            Ok(LoginLook::Found(login)) => !login.is_dead(),
            Ok(LoginLook::Missing | LoginLook::Foreign) => false,
            Err(_) => true,
        }
    }
}

fn storage(error: &StorageError) -> SourceError {
    let hint = error.hint();
    SourceError::new(error.class(), error.to_string()).with_hint(hint)
}

impl LoginStore for LoginFile {
    fn read(&self) -> Result<Option<Login>, SourceError> {
        match self.logins.read(&self.name, &self.identity).map_err(|error| storage(&error))? {
            LoginLook::Found(login) => Ok(Some(login)),
            LoginLook::Missing | LoginLook::Foreign => Ok(None),
        }
    }

    fn begin(&self, sent: Option<&Login>, now: Timestamp) -> Result<(), SourceError> {
        let room = self.logins.reserve(&self.name, sent).map_err(|error| storage(&error))?;
        self.logins.are_apart_from(&self.cache).map_err(|error| storage(&error))?;
        if let Some(sent) = sent {
            self.note(&Login { in_flight: sent.in_flight.or(Some(now)), ..sent.clone() })?;
        }
        *self.reserved.lock().unwrap_or_else(PoisonError::into_inner) = Some(room);
        Ok(())
    }

    fn write(&self, login: &Login) -> Result<(), SourceError> {
        self.logins.write(&self.name, &self.identity, login, self.take()).map_err(|error| storage(&error))
    }

    /// A slip in the configuration must not cost the login of before: neither that of another issuer or client, nor one that is alive
    /// and descends from another configured one.
    fn note(&self, login: &Login) -> Result<(), SourceError> {
        match self.logins.read(&self.name, &self.identity).map_err(|error| storage(&error))? {
            LoginLook::Foreign => Ok(()),
            LoginLook::Found(kept) if kept.origin != login.origin && !kept.is_dead() => Ok(()),
            LoginLook::Missing | LoginLook::Found(_) => self.write(login),
        }
    }

    fn set_aside(&self) -> Result<(), SourceError> {
        match self.logins.read(&self.name, &self.identity) {
            Err(StorageError::DamagedLogin { .. }) => self.logins.set_aside(&self.name).map(drop).map_err(|error| storage(&error)),
            // What must not be touched stays in the way.
            outcome => outcome.map(drop).map_err(|error| storage(&error)),
        }
    }
}
