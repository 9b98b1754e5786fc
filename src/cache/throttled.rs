//! One profile's token in memory, backed by its file: a long-lived process reads the file again at most once a throttle, but notices
//! at once that the token it holds has expired.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Cache, Entry, Identity, Look, Stamp, StorageError};
use crate::clock::{Clock, Timestamp};
use crate::name::Name;
use crate::token::Token;

/// The cached token of one profile.
#[derive(Debug)]
pub struct ThrottledTokenCache<C> {
    cache: Cache,
    name: Name,
    identity: Identity,
    throttle: Duration,
    clock: C,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: Seen,
    read_at: Option<Timestamp>,
}

/// What a look at the file found. Two looks are equal where the file was not replaced between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The token, if there is one of the right identity.
    pub token: Option<Arc<Token>>,
    /// Whether there was a file that is no entry.
    pub damaged: bool,
    stamp: Stamp,
}

#[cfg(test)]
impl Seen {
    /// A look that found this token.
    #[must_use]
    pub fn of(token: Token) -> Self {
        Self { token: Some(Arc::new(token)), ..Self::default() }
    }
}

impl<C: Clock> ThrottledTokenCache<C> {
    /// The token of `identity` in the entry `name` of `cache`, read again at most every `throttle`.
    pub fn new(cache: Cache, name: Name, identity: Identity, throttle: Duration, clock: C) -> Self {
        Self { cache, name, identity, throttle, clock, state: Mutex::default() }
    }

    /// The cache it lies in.
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The name of its entry.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Which token it is.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The clock it goes by.
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// The token in memory, without a look at the file.
    pub fn get_cached(&self) -> Option<Arc<Token>> {
        self.state().seen.token.clone()
    }

    /// The token, from the file where memory has none, has an expired one, or the throttle has passed.
    ///
    /// # Errors
    /// [`StorageError`] where the file must not be used.
    pub fn get(&self) -> Result<Option<Arc<Token>>, StorageError> {
        let now = self.clock.now();
        let held = {
            let state = self.state();
            let is_recent = state.read_at.is_some_and(|read| read <= now && now.since(read) < self.throttle);
            state.seen.token.clone().filter(|token| is_recent && !token.is_expired(now))
        };
        match held {
            Some(token) => Ok(Some(token)),
            None => self.refresh(),
        }
    }

    /// The token from the file, now.
    ///
    /// # Errors
    /// [`StorageError`] where the file must not be used.
    pub fn refresh(&self) -> Result<Option<Arc<Token>>, StorageError> {
        Ok(self.look()?.token)
    }

    /// Looks at the file now and says all that was seen.
    ///
    /// # Errors
    /// [`StorageError`] where the file must not be used.
    pub fn look(&self) -> Result<Seen, StorageError> {
        let (look, stamp) = self.cache.read(&self.name)?;
        let (token, damaged) = match look {
            Look::Found(entry) if entry.identity == self.identity => (Some(Arc::new(entry.token)), false),
            Look::Found(_) | Look::Missing => (None, false),
            Look::Damaged(_) => (None, true),
        };
        let seen = Seen { token, damaged, stamp };
        *self.state() = State { seen: seen.clone(), read_at: Some(self.clock.now()) };
        Ok(seen)
    }

    /// Whether the file is another one than at the last look; it is not read for that.
    ///
    /// # Errors
    /// [`StorageError`] where the directory must not be used.
    pub fn has_changed(&self) -> Result<bool, StorageError> {
        let stamp = self.cache.stamp(&self.name)?;
        Ok(self.state().seen.stamp != stamp)
    }

    /// Stores a token. Memory holds it even where the file could not be written.
    ///
    /// # Errors
    /// [`StorageError`] where the file could not be written; it is what it was.
    pub fn set(&self, token: Arc<Token>) -> Result<(), StorageError> {
        let entry = Entry { profile: self.name.clone(), identity: self.identity.clone(), token: (*token).clone() };
        let written = self.cache.write(&entry);
        let stamp = self.cache.stamp(&self.name).unwrap_or_default();
        let seen = Seen { token: Some(token), stamp, ..Seen::default() };
        *self.state() = State { seen, read_at: Some(self.clock.now()) };
        written
    }

    /// Removes the token and says whether the file was there.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be removed.
    pub fn remove(&self) -> Result<bool, StorageError> {
        *self.state() = State::default();
        self.cache.remove(&self.name)
    }

    /// Removes the token if it is still `token`, and says whether it did. Whoever shares the file holds the lock for this.
    ///
    /// # Errors
    /// [`StorageError`] where the file must not be used or could not be removed.
    pub fn remove_if_equal(&self, token: &Token) -> Result<bool, StorageError> {
        match self.refresh()? {
            Some(found) if found.expose() == token.expose() => self.remove(),
            _ => Ok(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn cache_in(folder: &std::path::Path, clock: &Arc<ManualClock>) -> ThrottledTokenCache<Arc<ManualClock>> {
        let cache = Cache::new(folder.join("cache"), true);
        let name = "prod".parse().expect("a name");
        ThrottledTokenCache::new(cache, name, Identity::new("test", []), Duration::from_secs(300), Arc::clone(clock))
    }

    fn token(text: &str, expires_at: i64) -> Arc<Token> {
        let mut token = Token::new(text.to_owned()).expect("a token");
        token.expires_at = Some(Timestamp::from_unix_seconds(expires_at));
        Arc::new(token)
    }

    fn text(token: Option<Arc<Token>>) -> Option<String> {
        token.map(|token| token.expose().to_owned())
    }

    #[test]
    fn the_file_is_read_once_a_throttle() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(1000));
        let (mine, other) = (cache_in(folder.path(), &clock), cache_in(folder.path(), &clock));
        mine.set(token("old", 9000)).expect("stored");
        other.set(token("new", 9000)).expect("stored");
        assert_eq!(text(mine.get().expect("readable")).as_deref(), Some("old"), "within the throttle");
        clock.advance(Duration::from_secs(300));
        assert_eq!(text(mine.get().expect("readable")).as_deref(), Some("new"), "after the throttle");
    }

    #[test]
    fn an_expired_token_is_looked_for_in_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(1000));
        let (mine, other) = (cache_in(folder.path(), &clock), cache_in(folder.path(), &clock));
        mine.set(token("old", 1010)).expect("stored");
        other.set(token("new", 9000)).expect("stored");
        clock.advance(Duration::from_secs(10));
        assert_eq!(text(mine.get().expect("readable")).as_deref(), Some("new"));
    }

    #[test]
    fn only_the_named_token_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(1000));
        let mine = cache_in(folder.path(), &clock);
        mine.set(token("new", 9000)).expect("stored");
        assert!(!mine.remove_if_equal(&token("old", 9000)).expect("readable"));
        assert!(mine.remove_if_equal(&token("new", 1)).expect("readable"));
        assert_eq!((mine.get_cached(), mine.refresh().expect("readable")), (None, None));
    }
}
