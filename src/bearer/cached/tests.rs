//! What a fetch does about a person who is asked and does not answer, in virtual time, and where a login is kept.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::bearer::{Bearer as _, Receiver as _};
use crate::cache::Cache;
use crate::clock::VirtualClock;
use crate::error::Class;
use crate::source::{Person, Request, SourceError, Step};

const PATIENCE: Duration = Duration::from_secs(300);

/// Waits for a person for ever.
#[derive(Debug, Default)]
struct Waiting(AtomicU32);

impl Source for Waiting {
    async fn issue(&self, _: Request<'_>) -> Result<Token, SourceError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }
}

/// Is there and does nothing.
#[derive(Debug)]
struct Idle;

impl Person for Idle {
    fn tell(&self, _: &Step<'_>) {}

    fn line(&self) -> Pin<Box<dyn Future<Output = Option<String>> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// A bearer of this source, with its cache in `folder`.
fn bearer<S: Source>(folder: &Path, source: S) -> CachedBearer<S, Arc<VirtualClock>> {
    let clock = Arc::new(VirtualClock::at(1_800_000_000));
    let name: Name = "prod".parse().expect("a name");
    let named = NamedBearer::new(name.clone(), source, Arc::clone(&clock));
    let cache = Cache::new(folder.join("cache"), true);
    let cache = ThrottledTokenCache::new(cache, name, Identity::new("test", []), Duration::ZERO, clock);
    CachedBearer::new(named, cache, String::new, Renewal::default())
}

#[tokio::test(start_paused = true)]
async fn a_person_who_does_not_answer_is_asked_once() {
    // Whose patience ends first, the failure, how often the source is asked, and after how many seconds it is over.
    let table = [("the source's", 600, Class::Login, 1, 300), ("the caller's", 60, Class::Network, 1, 60)];
    for (whose, timeout, class, asked, seconds) in table {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Arc::new(Waiting::default());
        let bearer = bearer(folder.path(), Arc::clone(&source));
        let began = tokio::time::Instant::now();
        let options = FetchOptions { person: Some(Arc::new(Idle)), ..FetchOptions::default() };
        let failure = bearer.fetch(Duration::from_secs(timeout), &options).await.expect_err("nobody logs in");
        let found = (failure.class, source.0.load(Ordering::SeqCst), began.elapsed().as_secs());
        assert_eq!(found, (class, asked, seconds), "{whose} patience: {failure}");
    }
}

/// Whatever was done with the bearer before.
#[tokio::test(start_paused = true)]
async fn a_login_is_kept_where_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let bearer = bearer(folder.path(), Waiting::default());
    assert!(bearer.0.logins.file().is_none());
    let mut receiver = bearer.receiver();
    let bearer = bearer.with_logins(Logins::new(folder.path().join("state")), Identity::new("login", []));
    assert!(bearer.0.logins.file().is_some());
    assert!(receiver.can_retry(&FetchOptions::default()), "who uses it already goes on");
}
