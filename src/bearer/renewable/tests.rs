//! Each rule of the loop in virtual time, against a scripted source; the cache is on disk.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU32;

use proptest::prelude::*;
use tokio::time::sleep;

use super::*;
use crate::bearer::{NamedBearer, Renewal};
use crate::cache::{Cache, Identity, ThrottledTokenCache};
use crate::clock::VirtualClock;
use crate::source::{Request, SourceError};

const START: i64 = 1_800_000_000;
const SECOND: Duration = Duration::from_secs(1);
const LIFE: i64 = 3600;

#[derive(Clone, Debug)]
enum Answer {
    Token { life: i64, after: Duration },
    Failure { class: Class, retry_after: Option<Duration> },
    Silence,
    Panic,
}

impl Answer {
    const fn token(life: i64) -> Self {
        Self::Token { life, after: Duration::ZERO }
    }

    const fn failure(class: Class) -> Self {
        Self::Failure { class, retry_after: None }
    }
}

/// Answers as it is told, then with what it was told to answer always.
#[derive(Debug)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    always: Mutex<Answer>,
    asked: AtomicU32,
    asking: AtomicU32,
    most_asking: AtomicU32,
    closed: AtomicBool,
    /// Whether what it issues cannot be had again.
    is_committed: AtomicBool,
}

impl Source for Script {
    fn is_committed(&self) -> bool {
        self.is_committed.load(Ordering::SeqCst) && self.asking.load(Ordering::SeqCst) > 0
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    fn peer(&self) -> Option<String> {
        Some(format!("{:p}", &raw const *self))
    }

    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let scripted = self.answers.lock().expect("unpoisoned").pop_front();
        let answer = scripted.unwrap_or_else(|| self.always.lock().expect("unpoisoned").clone());
        match answer {
            Answer::Token { life, after } => {
                let asking = self.asking.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_asking.fetch_max(asking, Ordering::SeqCst);
                sleep(after).await;
                self.asking.fetch_sub(1, Ordering::SeqCst);
                let mut token = Token::new(format!("token-{number}")).expect("a token");
                token.issued_at = Some(request.now);
                token.expires_at = Some(Timestamp::from_unix_seconds(request.now.unix_seconds() + life));
                Ok(token)
            }
            Answer::Failure { class, retry_after } => {
                Err(SourceError { retry_after, ..SourceError::new(class, format!("failure {number}")) })
            }
            Answer::Silence => std::future::pending().await,
            Answer::Panic => panic!("as it was told"),
        }
    }
}

/// Several bearers, as of several processes, on one cache, one clock and one source.
struct Scene {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    script: Arc<Script>,
    settings: Arc<AtomicU32>,
    renewal: Renewal,
}

type Subject = RenewableBearer<Arc<Script>, Arc<VirtualClock>>;

impl Scene {
    fn new(always: Answer) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            clock: Arc::new(VirtualClock::at(START)),
            script: Arc::new(Script {
                answers: Mutex::default(),
                always: Mutex::new(always),
                asked: AtomicU32::default(),
                asking: AtomicU32::default(),
                most_asking: AtomicU32::default(),
                closed: AtomicBool::default(),
                is_committed: AtomicBool::default(),
            }),
            settings: Arc::default(),
            renewal: Renewal { jitter: 0.0, ..Renewal::default() },
        }
    }

    fn first(self, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.script.answers.lock().expect("unpoisoned").extend(answers);
        self
    }

    fn always(&self, answer: Answer) {
        *self.script.always.lock().expect("unpoisoned") = answer;
    }

    fn cache(&self) -> ThrottledTokenCache<Arc<VirtualClock>> {
        self.cache_of("prod")
    }

    fn cache_of(&self, name: &str) -> ThrottledTokenCache<Arc<VirtualClock>> {
        let cache = Cache::new(self.folder.path().join("cache"), true);
        let throttle = self.renewal.file_cache_throttle;
        ThrottledTokenCache::new(cache, name.parse().expect("a name"), Identity::new("script", []), throttle, Arc::clone(&self.clock))
    }

    fn bearer(&self) -> Subject {
        self.bearer_named("prod")
    }

    fn bearer_named(&self, name: &str) -> Subject {
        let named = NamedBearer::new(name.parse().expect("a name"), Arc::clone(&self.script), Arc::clone(&self.clock));
        let settings = Arc::clone(&self.settings);
        let settings = move || settings.load(Ordering::SeqCst).to_string();
        RenewableBearer::new(CachedBearer::new(named, self.cache_of(name), settings, self.renewal.clone()))
    }

    fn asked(&self) -> u32 {
        self.script.asked.load(Ordering::SeqCst)
    }
}

async fn text(bearer: &Subject, seconds: u64, options: &FetchOptions) -> Result<String, Class> {
    let fetched = bearer.fetch(Duration::from_secs(seconds), options).await;
    fetched.map(|token| token.expose().to_owned()).map_err(|error| error.class)
}

fn plain() -> FetchOptions {
    FetchOptions::default()
}

fn required() -> FetchOptions {
    FetchOptions { renew_required: true, ..plain() }
}

fn synchronous() -> FetchOptions {
    FetchOptions { renew_synchronous: true, ..required() }
}

fn reporting() -> FetchOptions {
    FetchOptions { report_error: true, ..required() }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_for_once_and_renewed_at_its_fraction_of_life() {
    let scene = Scene::new(Answer::token(LIFE));
    let bearer = scene.bearer();
    for _ in 0..10 {
        assert_eq!(text(&bearer, 5, &plain()).await.as_deref(), Ok("token-1"));
    }
    sleep(SECOND * 3235).await;
    assert_eq!(scene.asked(), 1, "before nine tenths of its life");
    sleep(SECOND * 10).await;
    assert_eq!(scene.asked(), 2, "after nine tenths of its life");
    assert_eq!(text(&bearer, 5, &plain()).await.as_deref(), Ok("token-2"));
    sleep(SECOND * 36_000).await;
    assert_eq!(scene.asked(), 13, "eleven renewals in another ten hours");
}

#[tokio::test(start_paused = true)]
async fn jitter_renews_before_get_would() {
    let mut scene = Scene::new(Answer::token(LIFE));
    scene.renewal.jitter = 0.05;
    let bearer = scene.bearer();
    text(&bearer, 5, &plain()).await.expect("a token");
    let Phase::Waiting(Some(due)) = bearer.status().borrow().phase else { panic!("it does not wait") };
    let wait = due.since(Timestamp::from_unix_seconds(START)).as_secs();
    assert!((3077..=3240).contains(&wait), "{wait}");
}

#[tokio::test(start_paused = true)]
async fn a_cached_token_is_waited_for_and_not_replaced() {
    let scene = Scene::new(Answer::token(LIFE));
    text(&scene.bearer(), 5, &plain()).await.expect("a token");
    sleep(SECOND * 600).await;
    let other = scene.bearer();
    other.start();
    sleep(SECOND * 2600).await;
    assert_eq!(scene.asked(), 1);
    sleep(SECOND * 60).await;
    assert_eq!(scene.asked(), 2, "by whichever of the two came first, and only by that one");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_during_a_renewal_gets_its_token() {
    let scene = Scene::new(Answer::Token { life: LIFE, after: SECOND * 2 });
    let bearer = scene.bearer();
    let calls = (0..50u64).map(|number| {
        let bearer = bearer.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(number * 30)).await;
            text(&bearer, 5, &if number % 2 == 0 { plain() } else { required() }).await
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.expect("no panic").as_deref(), Ok("token-1"));
    }
    assert_eq!(scene.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_newer_synchronous_request_breaks_off_the_attempt_and_all_get_the_newer_outcome() {
    let scene = Scene::new(Answer::token(LIFE)).first([Answer::Silence, Answer::Silence]);
    let bearer = scene.bearer();
    let waiting = |options: FetchOptions| {
        let bearer = bearer.clone();
        tokio::spawn(async move { text(&bearer, 60, &options).await })
    };
    let mut calls = vec![waiting(plain())];
    sleep(SECOND).await;
    calls.push(waiting(synchronous()));
    sleep(SECOND).await;
    calls.push(waiting(synchronous()));
    for call in calls {
        assert_eq!(call.await.expect("no panic").as_deref(), Ok("token-3"));
    }
    assert_eq!(scene.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_again_is_broken_off_by_nobody() {
    let slow = || Answer::Token { life: LIFE, after: SECOND * 2 };
    let scene = Scene::new(Answer::token(LIFE)).first([slow(), slow(), slow()]);
    scene.script.is_committed.store(true, Ordering::SeqCst);
    let bearer = scene.bearer();
    let first = bearer.clone();
    let first = tokio::spawn(async move { text(&first, 60, &plain()).await });
    sleep(SECOND).await;
    assert_eq!(text(&bearer, 60, &synchronous()).await.as_deref(), Ok("token-2"), "after the one under way");
    assert!(first.await.expect("no panic").is_ok());
    sleep(SECOND * 2).await;
    bearer.request_renewal();
    sleep(SECOND).await;
    assert_eq!(scene.script.asking.load(Ordering::SeqCst), 1);
    bearer.stop();
    sleep(SECOND * 3).await;
    assert_eq!(scene.script.asking.load(Ordering::SeqCst), 0, "the answers of all were waited for");
    assert_eq!(scene.cache().get().expect("a cache").expect("a token").expose(), "token-3", "and kept");
}

#[tokio::test(start_paused = true)]
async fn a_synchronous_caller_has_his_own_time_limit() {
    let scene = Scene::new(Answer::Silence);
    let bearer = scene.bearer();
    let options = FetchOptions { renew_request_timeout: Some(SECOND), report_error: true, ..synchronous() };
    let began = Instant::now();
    assert_eq!(text(&bearer, 60, &options).await, Err(Class::Network));
    assert_eq!(began.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_required_renewal_never_returns_the_old_token() {
    let scene = Scene::new(Answer::token(LIFE));
    let bearer = scene.bearer();
    text(&bearer, 5, &plain()).await.expect("a token");
    for (number, options) in [(2, required()), (3, synchronous())] {
        sleep(SECOND * 2).await;
        assert_eq!(text(&bearer, 5, &options).await, Ok(format!("token-{number}")));
    }
    scene.always(Answer::failure(Class::Temporary));
    sleep(SECOND * 2).await;
    assert_eq!(text(&bearer, 5, &required()).await, Err(Class::Temporary));
    assert_eq!(text(&bearer, 5, &reporting()).await, Err(Class::Temporary));
    assert_eq!(text(&bearer, 5, &plain()).await.as_deref(), Ok("token-3"), "it is valid still");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once() {
    let scene = Scene::new(Answer::token(LIFE));
    let bearer = scene.bearer();
    let old = bearer.fetch(SECOND, &plain()).await.expect("a token");
    sleep(SECOND * 2).await;
    let options = FetchOptions { replaces: Some(old.fingerprint()), ..required() };
    for _ in 0..5 {
        assert_eq!(text(&bearer, 5, &options).await.as_deref(), Ok("token-2"));
    }
    assert_eq!(scene.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_answers_everybody_at_once() {
    let scene = Scene::new(Answer::Silence);
    let bearer = scene.bearer();
    let calls: Vec<_> = [plain(), required(), synchronous()]
        .map(|options| {
            let bearer = bearer.clone();
            tokio::spawn(async move { text(&bearer, 600, &options).await })
        })
        .into();
    sleep(SECOND).await;
    bearer.stop();
    let stopped = Instant::now();
    for call in calls {
        assert!(call.await.expect("no panic").is_err());
    }
    for options in [plain(), required(), synchronous()] {
        assert!(text(&bearer, 600, &options).await.is_err());
    }
    bearer.request_renewal();
    bearer.close(SECOND).await;
    assert!(stopped.elapsed() < SECOND);
    assert_eq!(bearer.status().borrow().phase, Phase::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_keeps_nobody_waiting() {
    let scene = Scene::new(Answer::Panic);
    let bearer = scene.bearer();
    let began = Instant::now();
    assert!(text(&bearer, 600, &plain()).await.is_err());
    assert!(text(&bearer, 600, &synchronous()).await.is_err());
    assert!(began.elapsed() < SECOND);
    assert_eq!(bearer.status().borrow().phase, Phase::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_bearer_serves_what_needs_no_wait() {
    let scene = Scene::new(Answer::token(LIFE));
    let bearer = scene.bearer();
    text(&bearer, 5, &plain()).await.expect("a token");
    bearer.stop();
    assert_eq!(text(&bearer, 5, &plain()).await.as_deref(), Ok("token-1"));
    sleep(SECOND * 36_000).await;
    assert_eq!(scene.asked(), 1, "the loop has ended");
    assert!(text(&bearer, 5, &plain()).await.is_err(), "it has expired");
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_its_grace_and_no_longer() {
    let scene = Scene::new(Answer::token(LIFE));
    let bearer = scene.bearer();
    bearer.track("a short task", async {
        sleep(SECOND).await;
        Err("and it failed")
    });
    bearer.track("an endless task", std::future::pending::<Result<(), String>>());
    let began = Instant::now();
    bearer.close(SECOND * 3).await;
    assert_eq!(began.elapsed().as_secs(), 3);
    assert!(scene.script.closed.load(Ordering::SeqCst), "its source is closed");
}

/// The attempts that the backoff formula allows within `seconds`.
fn attempts_within(renewal: &Renewal, seconds: u64) -> u32 {
    let (mut attempts, mut next) = (0, Duration::ZERO);
    while next < Duration::from_secs(seconds) {
        attempts += 1;
        next += renewal.backoff(attempts);
    }
    attempts
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_what_the_formula_says_for_one_and_for_fifty() {
    for processes in [1, 50] {
        let scene = Scene::new(Answer::failure(Class::Temporary));
        let bearers: Vec<_> = (0..processes).map(|_| scene.bearer()).collect();
        bearers.iter().for_each(RenewableBearer::start);
        sleep(SECOND * 600).await;
        let allowed = attempts_within(&scene.renewal, 600);
        let asked = scene.asked();
        assert!(asked <= allowed && asked + 2 >= allowed, "{asked} of {allowed} for {processes}");
        scene.always(Answer::token(LIFE));
        sleep(scene.renewal.max_retry_timeout + SECOND).await;
        for bearer in &bearers {
            let recovered = bearer.status().borrow().token.is_some();
            assert!(recovered, "within one step");
        }
        assert_eq!(scene.asked(), asked + 1, "one request for {processes}");
        for bearer in bearers {
            bearer.close(SECOND).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_resets_the_backoff() {
    let failures = std::iter::repeat_n(Answer::failure(Class::Network), 6);
    let scene = Scene::new(Answer::failure(Class::Network)).first(failures.chain([Answer::token(60)]));
    let bearer = scene.bearer();
    let mut status = bearer.status();
    bearer.start();
    status.wait_for(|status| status.renewals == 1).await.expect("it runs");
    status.wait_for(|status| status.failures == 7).await.expect("it runs");
    let Phase::BackingOff(until) = status.borrow().phase else { panic!("it does not back off") };
    let wait = until.since(scene.clock.now());
    assert!(wait <= SECOND, "the first wait again, not the eighth: {wait:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for() {
    let retry_after = Some(SECOND * 120);
    let scene = Scene::new(Answer::token(LIFE)).first([Answer::Failure { class: Class::Temporary, retry_after }]);
    let bearer = scene.bearer();
    bearer.start();
    sleep(SECOND * 119).await;
    bearer.request_renewal();
    assert_eq!(scene.asked(), 1, "nobody asks before that");
    sleep(SECOND * 2).await;
    assert_eq!(scene.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_parks_until_somebody_asks_or_something_changes() {
    let scene = Scene::new(Answer::failure(Class::Refused));
    let bearer = scene.bearer();
    bearer.start();
    sleep(SECOND * 3600).await;
    assert_eq!((scene.asked(), bearer.status().borrow().phase), (1, Phase::Parked));
    let began = Instant::now();
    assert_eq!(text(&bearer, 600, &plain()).await, Err(Class::Refused));
    assert!(began.elapsed() < SECOND * 31, "from memory");
    assert_eq!(scene.asked(), 1);
    bearer.request_renewal();
    sleep(SECOND * 2).await;
    assert_eq!(scene.asked(), 2, "somebody asked");
    scene.always(Answer::token(LIFE));
    scene.settings.fetch_add(1, Ordering::SeqCst);
    sleep(SECOND * 31).await;
    assert_eq!(scene.asked(), 3, "something changed");
    assert_eq!(text(&bearer, 1, &plain()).await.as_deref(), Ok("token-3"));
}

#[tokio::test(start_paused = true)]
async fn after_a_suspend_the_loop_knows_within_thirty_seconds() {
    let scene = Scene::new(Answer::token(LIFE));
    let bearer = scene.bearer();
    text(&bearer, 5, &plain()).await.expect("a token");
    sleep(SECOND * 100).await;
    scene.clock.step(7200);
    assert_eq!(text(&bearer, 5, &plain()).await.as_deref(), Ok("token-2"), "the expired one is not served");
    scene.clock.step(7200);
    sleep(SECOND * 31).await;
    assert_eq!(scene.asked(), 3, "without anybody asking");
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_makes_no_storm() {
    let scene = Scene::new(Answer::token(LIFE));
    let bearer = scene.bearer();
    text(&bearer, 5, &plain()).await.expect("a token");
    for _ in 0..5 {
        scene.clock.step(-7200);
        sleep(SECOND * 120).await;
        scene.clock.step(7200);
        sleep(SECOND * 120).await;
    }
    assert!(scene.asked() <= 11, "{} requests for ten steps", scene.asked());
}

#[tokio::test(start_paused = true)]
async fn what_others_do_to_the_file_is_seen_within_thirty_seconds() {
    let scene = Scene::new(Answer::token(LIFE));
    let bearer = scene.bearer();
    text(&bearer, 5, &plain()).await.expect("a token");
    let mut replaced = Token::new("theirs".into()).expect("a token");
    replaced.issued_at = Some(scene.clock.now());
    replaced.expires_at = Some(scene.clock.now().after(SECOND * 3000));
    scene.cache().set(Arc::new(replaced)).expect("stored");
    sleep(SECOND * 31).await;
    assert_eq!(text(&bearer, 5, &plain()).await.as_deref(), Ok("theirs"));
    assert_eq!(scene.asked(), 1);
    scene.cache().remove().expect("removed");
    sleep(SECOND * 31).await;
    assert_eq!(scene.asked(), 2, "what was purged is had again");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_tries_again_as_often_as_it_may() {
    let scene = Scene::new(Answer::token(LIFE));
    let bearer = scene.bearer();
    let mut receiver = bearer.receiver();
    assert!(receiver.latest().is_none());
    let first = receiver.fetch(SECOND, &plain()).await.expect("a token");
    assert_eq!(receiver.latest(), Some(first));
    assert!(receiver.can_retry(&plain()));
    assert!(bearer.is_renewal_required(), "it has asked for one");
    sleep(SECOND * 2).await;
    assert_eq!(receiver.fetch(SECOND, &plain()).await.expect("a token").expose(), "token-2");
    assert!(!receiver.can_retry(&plain()), "two fetches are all");
    assert!(!bearer.is_renewal_required());
    assert_eq!(bearer.name(), Some("prod"));
}

#[tokio::test(start_paused = true)]
async fn not_everybody_asks_one_peer_at_once() {
    let scene = Scene::new(Answer::Token { life: LIFE, after: SECOND });
    let bearers: Vec<_> = (0..100).map(|number| scene.bearer_named(&format!("p{number}"))).collect();
    bearers.iter().for_each(RenewableBearer::start);
    sleep(SECOND * 8).await;
    assert_eq!((scene.asked(), scene.script.most_asking.load(Ordering::SeqCst)), (100, 16));
    assert!(bearers.iter().all(|bearer| bearer.status().borrow().failures == 0));
}

#[derive(Clone, Debug)]
enum Act {
    Fetch(u64),
    Required(u64),
    Synchronous(u64),
    Fail,
    Park,
    Hang,
    Recover,
    Purge,
    Step(i64),
    Wait(u64),
    Stop,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..10u64).prop_map(Act::Fetch),
        2 => (0..10u64).prop_map(Act::Required),
        2 => (0..10u64).prop_map(Act::Synchronous),
        1 => Just(Act::Fail),
        1 => Just(Act::Park),
        1 => Just(Act::Hang),
        3 => Just(Act::Recover),
        1 => Just(Act::Purge),
        1 => (-4000..8000i64).prop_map(Act::Step),
        4 => (0..2000u64).prop_map(Act::Wait),
        1 => Just(Act::Stop),
    ]
}

/// Plays `acts`; every caller must end within his limit, with a token that is valid then or with an error.
async fn play(acts: Vec<Act>) -> (u32, u32) {
    let scene = Scene::new(Answer::token(60));
    let bearer = scene.bearer();
    let began = Instant::now();
    let mut calls = Vec::new();
    let mut asked_for = 0;
    for act in acts {
        let mut call = |options: FetchOptions, seconds: u64| {
            asked_for += 1;
            let (bearer, clock) = (bearer.clone(), Arc::clone(&scene.clock));
            calls.push(tokio::spawn(async move {
                let limit = Duration::from_secs(seconds);
                let called = Instant::now();
                let fetched = bearer.fetch(limit, &options).await;
                assert!(called.elapsed() <= limit + Duration::from_millis(5), "{options:?} took {:?} of {limit:?}", called.elapsed());
                if let Ok(token) = fetched {
                    assert!(!token.is_expired(clock.now()), "{options:?} was given an expired token");
                }
            }));
        };
        match act {
            Act::Fetch(seconds) => call(plain(), seconds),
            Act::Required(seconds) => call(required(), seconds),
            Act::Synchronous(seconds) => call(synchronous(), seconds),
            Act::Fail => scene.always(Answer::failure(Class::Temporary)),
            Act::Park => scene.always(Answer::failure(Class::Refused)),
            Act::Hang => scene.always(Answer::Silence),
            Act::Recover => scene.always(Answer::token(60)),
            Act::Purge => drop(scene.cache().remove()),
            Act::Step(seconds) => scene.clock.step(seconds),
            Act::Wait(millis) => sleep(Duration::from_millis(millis * 10)).await,
            Act::Stop => bearer.stop(),
        }
        tokio::task::yield_now().await;
    }
    for call in calls {
        call.await.expect("nobody hangs and nobody is given what he should not be");
    }
    let elapsed = u32::try_from(began.elapsed().as_secs()).expect("not that long");
    bearer.close(SECOND).await;
    // At most one attempt a second, but for those of callers' own.
    (scene.asked(), elapsed + asked_for + 2)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn nobody_hangs_and_nobody_gets_an_expired_token(acts in prop::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let (asked, allowed) = runtime.block_on(play(acts));
        prop_assert!(asked <= allowed, "{} requests where {} are allowed", asked, allowed);
    }
}
