//! The library under a clock that is set by hand. Timers are tokio's, which go on by themselves and notice nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use token::bearer::{CachedBearer, FetchOptions, NamedBearer, RenewableBearer, Renewal, RenewalError};
use token::cache::{Cache, Identity, ThrottledTokenCache};
use token::clock::{Clock, Timestamp};
use token::error::Class;
use token::source::{Request, Source, SourceError};
use token::token::Token;
use tokio::time::{Instant, sleep};

const START: i64 = 1_800_000_000;
const LIFE: i64 = 3600;
const HOUR: i64 = 3600;
const SECOND: Duration = Duration::from_secs(1);

/// R13, and what a renewal and its look at the clock take.
const SOON: Duration = Duration::from_secs(31);

/// Goes with tokio's timers, and can be set.
struct Settable {
    began: Instant,
    offset: AtomicI64,
}

impl Settable {
    fn set_by(&self, seconds: i64) {
        self.offset.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets it to this time.
    fn set_to(&self, unix_seconds: i64) {
        self.set_by(unix_seconds - self.now().unix_seconds());
    }
}

impl Clock for Settable {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.offset.load(Ordering::SeqCst)).after(self.began.elapsed())
    }
}

/// Issues tokens of an hour, as often as it is asked, unless it is down.
#[derive(Default)]
struct Mint {
    asked: AtomicUsize,
    is_down: AtomicBool,
}

impl Source for Mint {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(SourceError::new(Class::Network, "it is down"));
        }
        let mut token = Token::new(format!("token-{number}")).unwrap();
        token.issued_at = Some(request.now.floor_to_second());
        token.expires_at = Some(request.now.floor_to_second().after(SECOND * u32::try_from(LIFE).unwrap()));
        Ok(token)
    }
}

struct Scene {
    folder: TempDir,
    clock: Arc<Settable>,
    mint: Arc<Mint>,
}

type Cached = CachedBearer<Arc<Mint>, Arc<Settable>>;

impl Scene {
    fn set() -> Self {
        let clock = Arc::new(Settable { began: Instant::now(), offset: START.into() });
        Self { folder: TempDir::new().unwrap(), clock, mint: Arc::default() }
    }

    /// As a process of its own: nothing but the file is common to two of them.
    fn process(&self) -> Cached {
        let name: token::name::Name = "prod".parse().unwrap();
        let renewal = Renewal { jitter: 0.0, max_retries: 1, ..Renewal::default() };
        let cache = Cache::new(self.folder.path().join("cache"), true);
        let identity = Identity::new("mint", []);
        let cache = ThrottledTokenCache::new(cache, name.clone(), identity, renewal.file_cache_throttle, Arc::clone(&self.clock));
        CachedBearer::new(NamedBearer::new(name, Arc::clone(&self.mint), Arc::clone(&self.clock)), cache, String::new, renewal)
    }

    fn watcher(&self) -> RenewableBearer<Arc<Mint>, Arc<Settable>> {
        RenewableBearer::new(self.process())
    }

    /// What a `get` of its own prints.
    async fn get(&self) -> Result<String, Class> {
        let fetched = self.process().fetch(SECOND * 5, &FetchOptions::default()).await;
        let token = fetched.map(|fetched| fetched.token).map_err(|error: RenewalError| error.class)?;
        assert!(!token.is_expired(self.clock.now()), "R1: an expired token is served");
        Ok(token.expose().to_owned())
    }

    fn asked(&self) -> usize {
        self.mint.asked.load(Ordering::SeqCst)
    }
}

/// The margin of a token of an hour is six minutes.
#[tokio::test(start_paused = true)]
async fn at_the_margin_and_at_expiry_a_second_decides() {
    const MARGIN: i64 = LIFE / 10;
    let table = [
        ("a second before the margin", LIFE - MARGIN - 1, Ok("token-1"), Ok("token-1")),
        ("at the margin", LIFE - MARGIN, Ok("token-1"), Ok("token-1")),
        ("a second past the margin", LIFE - MARGIN + 1, Ok("token-2"), Ok("token-1")),
        ("a second before expiry", LIFE - 1, Ok("token-2"), Ok("token-1")),
        ("at expiry", LIFE, Ok("token-2"), Err(Class::Network)),
        ("a second past expiry", LIFE + 1, Ok("token-2"), Err(Class::Network)),
    ];
    for (case, age, up, down) in table {
        for (is_down, expected) in [(false, up), (true, down)] {
            let scene = Scene::set();
            scene.get().await.unwrap();
            scene.mint.is_down.store(is_down, Ordering::SeqCst);
            scene.clock.set_to(START + age);
            assert_eq!(scene.get().await, expected.map(str::to_owned), "{case}, down: {is_down}");
        }
    }
}

/// Years and hours, there and back: each step costs a request at most, and each answer is good by the clock of its moment.
#[tokio::test(start_paused = true)]
async fn whoever_asks_after_a_step_gets_a_good_token_for_one_request() {
    let table = [
        ("two hours ahead", START + 2 * HOUR),
        ("two hours back", START - 2 * HOUR),
        ("1970", 60),
        ("2100", 4_102_444_800),
        ("the end of 32 bits", i64::from(i32::MAX) - 1),
        ("before 1970", -3600),
    ];
    for (case, time) in table {
        let scene = Scene::set();
        assert_eq!(scene.get().await.unwrap(), "token-1");
        scene.clock.set_to(time);
        for _ in 0..20 {
            assert_eq!(scene.get().await.unwrap(), "token-2", "{case}");
        }
        scene.clock.set_to(START + 1);
        for _ in 0..20 {
            scene.get().await.unwrap();
        }
        assert!(scene.asked() <= 3, "{case}: {} requests for two steps", scene.asked());
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_oscillates_makes_no_storm() {
    let scene = Scene::set();
    for step in 0..40 {
        scene.clock.set_by(if step % 2 == 0 { 2 * HOUR } else { -2 * HOUR });
        for _ in 0..5 {
            scene.get().await.unwrap();
        }
    }
    assert!(scene.asked() <= 41, "{} requests for 40 steps", scene.asked());
}

/// A token that seems to come from the future is replaced, and serves while it cannot be.
#[tokio::test(start_paused = true)]
async fn what_was_issued_in_the_future_serves_where_nobody_replaces_it() {
    let scene = Scene::set();
    scene.get().await.unwrap();
    scene.clock.set_by(-2 * HOUR);
    scene.mint.is_down.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(scene.get().await.as_deref(), Ok("token-1"));
    }
    assert_eq!(scene.asked(), 2, "one failure is enough for all");
}

/// A failure that is remembered from before a step holds nobody up: neither for the years that the clock went back nor at all.
#[tokio::test(start_paused = true)]
async fn a_remembered_failure_does_not_outlast_a_step() {
    for step in [-2 * HOUR, -START, 2 * HOUR] {
        let scene = Scene::set();
        scene.mint.is_down.store(true, Ordering::SeqCst);
        assert_eq!(scene.get().await, Err(Class::Network));
        scene.mint.is_down.store(false, Ordering::SeqCst);
        scene.clock.set_by(step);
        assert_eq!(scene.get().await.as_deref(), Ok("token-2"), "{step}");
    }
}

/// R13: the machine slept, or somebody set its clock, while timers stood still. The watcher knows within thirty seconds, and once.
#[tokio::test(start_paused = true)]
async fn a_watcher_is_right_within_thirty_seconds_of_any_step() {
    let steps = [("two hours ahead", 2 * HOUR), ("two hours back", -2 * HOUR), ("a week of sleep", 7 * 24 * HOUR), ("to 1970", -START)];
    for (case, step) in steps {
        let scene = Scene::set();
        let watcher = scene.watcher();
        watcher.fetch(SECOND * 5, &FetchOptions::default()).await.unwrap();
        sleep(SECOND * 100).await;
        assert_eq!(scene.asked(), 1);
        scene.clock.set_by(step);
        sleep(SOON).await;
        assert_eq!(scene.asked(), 2, "{case}: right within thirty seconds");
        let token = watcher.fetch(SECOND * 5, &FetchOptions::default()).await.unwrap();
        assert_eq!(token.expose(), "token-2", "{case}");
        sleep(SECOND * 600).await;
        assert_eq!(scene.asked(), 2, "{case}: no storm");
        let age = scene.clock.now().since(token.issued_at.unwrap());
        assert!(age < SECOND * 700 && !token.is_expired(scene.clock.now()), "{case}: of this clock, {age:?} old");
        watcher.close(SECOND).await;
    }
}

/// Nobody is handed an expired token in the moment after a step, before the watcher has looked.
#[tokio::test(start_paused = true)]
async fn a_caller_right_after_a_suspend_gets_a_new_token() {
    let scene = Scene::set();
    let watcher = scene.watcher();
    watcher.fetch(SECOND * 5, &FetchOptions::default()).await.unwrap();
    for number in 2..5 {
        scene.clock.set_by(2 * HOUR);
        let token = watcher.fetch(SECOND * 5, &FetchOptions::default()).await.unwrap();
        assert_eq!(token.expose(), format!("token-{number}"));
    }
    watcher.close(SECOND).await;
}

/// A watcher that waits after a failure is held up by no step.
#[tokio::test(start_paused = true)]
async fn a_backoff_is_neither_stretched_nor_lost_by_steps() {
    for step in [2 * HOUR, -2 * HOUR, -START] {
        let scene = Scene::set();
        scene.mint.is_down.store(true, Ordering::SeqCst);
        let watcher = scene.watcher();
        watcher.start();
        sleep(SECOND * 300).await;
        let before = scene.asked();
        scene.clock.set_by(step);
        sleep(SECOND * 120).await;
        let after = scene.asked() - before;
        // Set back, what is remembered is not believed, and the waits begin anew: 1 s, 1.5 s and so on.
        assert!((1..=12).contains(&after), "{step}: {after} attempts in two minutes");
        scene.mint.is_down.store(false, Ordering::SeqCst);
        sleep(SECOND * 91).await;
        assert!(watcher.fetch(SECOND, &FetchOptions::default()).await.is_ok(), "{step}");
        watcher.close(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_under_an_oscillating_clock_makes_no_storm() {
    let scene = Scene::set();
    let watcher = scene.watcher();
    watcher.fetch(SECOND * 5, &FetchOptions::default()).await.unwrap();
    for step in 0..40 {
        scene.clock.set_by(if step % 2 == 0 { 2 * HOUR } else { -2 * HOUR });
        sleep(SECOND * 20).await;
    }
    assert!(scene.asked() <= 41, "{} requests for 40 steps", scene.asked());
    watcher.close(SECOND).await;
}
