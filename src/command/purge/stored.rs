//! What is stored under a name: an entry, a login, the memory of a failure.

use crate::cache::{Lock, LoginLook, Look, StorageError};
use crate::cli::Purge;
use crate::clock::{Clock as _, SystemClock};
use crate::login::Login;
use crate::name::Name;
use crate::profile::{Configuration, Profile};
use crate::source::{Revocation, SourceError};
use crate::token::Token;

pub(super) struct Stored {
    name: Name,
    entry: Option<Entry>,
    login: Option<Kept>,
    has_failure: bool,
}

/// An entry, or a file in the place of one.
enum Entry {
    Token(Token),
    Damaged,
}

/// A login.
enum Kept {
    Usable(Login),
    /// One that nobody can use: damaged, or of another issuer or client.
    Other,
}

impl Stored {
    /// What there is under `name` that this purge is about.
    pub fn look(configuration: &Configuration, name: &Name, purge: &Purge) -> Result<Self, StorageError> {
        let entry = match configuration.cache().read(name)?.0 {
            Look::Missing if configuration.cache().has_aside(name) => Some(Entry::Damaged),
            Look::Missing => None,
            Look::Found(entry) => Some(Entry::Token(entry.token)),
            Look::Damaged(_) => Some(Entry::Damaged),
        };
        // A login does not expire by the clock.
        let login = if purge.keep_login || purge.expired { None } else { login(configuration, name)? };
        let has_failure = configuration.cache().failure(name).is_some();
        Ok(Self { name: name.clone(), entry, login, has_failure })
    }

    pub const fn is_nothing(&self) -> bool {
        self.entry.is_none() && self.login.is_none() && !self.has_failure
    }

    fn token(&self) -> Option<&Token> {
        match &self.entry {
            Some(Entry::Token(token)) => Some(token),
            Some(Entry::Damaged) | None => None,
        }
    }

    /// Why it is not what is meant, if it is not.
    pub fn reason_to_keep(&self, purge: &Purge, wanted: Option<&str>) -> Option<&'static str> {
        let is_wanted = wanted.is_none_or(|wanted| self.token().is_some_and(|token| token.fingerprint() == wanted));
        let is_over = !purge.expired || self.token().is_some_and(|token| token.is_expired(SystemClock.now()));
        match (is_wanted, is_over) {
            (false, _) => Some("that is not the cached token; kept"),
            (true, false) => Some("not expired; kept"),
            (true, true) => None,
        }
    }

    /// What there is, as the subject of a sentence.
    pub const fn described(&self) -> &'static str {
        match (&self.entry, &self.login) {
            (Some(_), Some(_)) => "token and login",
            (Some(_), None) => "token",
            (None, Some(_)) => "login",
            (None, None) => "the memory of a failure",
        }
    }

    /// Whether there is anything that an issuer could take back.
    pub fn is_revocable(&self) -> bool {
        self.login.is_some() || self.valid_token().is_some()
    }

    /// What an issuer took back of it, to follow what was purged.
    pub fn described_revoked(&self) -> &'static str {
        match &self.login {
            Some(Kept::Other) => ", and the token revoked; the login, damaged or of another client, could not be",
            Some(Kept::Usable(_)) | None => " and revoked",
        }
    }

    fn valid_token(&self) -> Option<&Token> {
        let now = SystemClock.now();
        self.token().filter(|token| !token.is_expired(now))
    }

    /// Has the issuer take back what it can.
    pub async fn revoke(&self, configuration: &Configuration) -> Result<Revocation, SourceError> {
        let token = self.valid_token();
        let login = match &self.login {
            Some(Kept::Usable(login)) => Some(login),
            Some(Kept::Other) | None => None,
        };
        match configuration.get(&self.name).filter(|_| login.is_some() || token.is_some()) {
            Some(profile) => profile.revoke(login, token).await,
            None => Ok(Revocation::NotOffered),
        }
    }

    /// Removes it. Whoever began to renew before this will not store what he gets.
    pub fn remove(&self, configuration: &Configuration, lock: &Lock) -> Result<(), StorageError> {
        let (cache, logins, name) = (configuration.cache(), configuration.logins(), &self.name);
        lock.begin_generation();
        if lock.excludes() {
            cache.sweep(name);
            logins.sweep(name);
        }
        if self.login.is_some() {
            logins.remove(name)?;
        }
        cache.remove(name)?;
        cache.forget(name)?;
        cache.remove_aside(name)?;
        cache.forget_served(name)?;
        Ok(())
    }
}

fn login(configuration: &Configuration, name: &Name) -> Result<Option<Kept>, StorageError> {
    match configuration.get(name).map(Profile::login) {
        Some(Ok(Some(login))) => return Ok(Some(Kept::Usable(login))),
        Some(Ok(None) | Err(StorageError::DamagedLogin { .. })) | None => {}
        Some(Err(error)) => return Err(error),
    }
    match configuration.logins().look(name)? {
        LoginLook::Missing if configuration.logins().has_aside(name) => Ok(Some(Kept::Other)),
        LoginLook::Missing => Ok(None),
        LoginLook::Foreign | LoginLook::Found(_) => Ok(Some(Kept::Other)),
    }
}
