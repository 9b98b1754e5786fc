//! A token that is kept fresh ahead of expiry, for whoever shares this bearer and, through the cache, for everybody else.
//!
//! It promises that every caller, synchronous or not, before, during and after a renewal, a stop or a close, gets a token or a typed
//! error within his time limit; that the loop asks the source no more often than its policy allows; and that a failure backs off
//! together with all other processes. It renews by [`CachedBearer`] and has no second way.
//!
//! ```
//! use std::time::Duration;
//! use token::bearer::{Bearer as _, CachedBearer, FetchOptions, NamedBearer, Receiver as _, Renewal, RenewableBearer};
//! use token::cache::{Cache, Identity, ThrottledTokenCache};
//! use token::clock::SystemClock;
//! use token::source::{Env, Ttl};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir().join(format!("token-example-{}", std::process::id()));
//! let source = NamedBearer::new("ci".parse()?, Env::new("PATH".to_owned(), Some(Ttl::Never)), SystemClock);
//! let cache = Cache::new(folder.clone(), true);
//! let cache = ThrottledTokenCache::new(cache, "ci".parse()?, Identity::new("env", []), Duration::from_secs(300), SystemClock);
//! let bearer = RenewableBearer::new(CachedBearer::new(source, cache, String::new, Renewal::default()));
//!
//! let mut receiver = bearer.receiver();
//! let token = receiver.fetch(Duration::from_secs(5), &FetchOptions::default()).await?;
//! assert!(!token.expose().is_empty());
//! bearer.close(Duration::from_secs(1)).await;
//! # std::fs::remove_dir_all(folder)?;
//! # Ok(())
//! # }
//! ```

mod cycle;
mod peers;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::policy::Freshness;
use super::{Bearer, CachedBearer, FetchOptions, Receiver, RenewalError};
use crate::clock::{Clock, Timestamp, deadline_in};
use crate::error::Class;
use crate::source::Source;
use crate::token::Token;

/// A bearer with a loop in the background. Cloning it shares it.
#[derive(Debug)]
pub struct RenewableBearer<S, C>(Arc<Shared<S, C>>);

impl<S, C> Clone for RenewableBearer<S, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shared<S, C> {
    cached: CachedBearer<S, C>,
    demand: Mutex<Demand>,
    /// Something was demanded.
    wake: Notify,
    /// A newer synchronous caller wants the attempt in flight broken off.
    break_off: Notify,
    outcome: watch::Sender<Outcome>,
    status: watch::Sender<Status>,
    stopped: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
    has_started: AtomicBool,
    has_served: AtomicBool,
}

/// What callers have asked for.
#[derive(Debug, Default)]
struct Demand {
    /// How many renewals have been requested in all: each request is known by its number.
    requested: u64,
    /// How many of them have been answered.
    answered: u64,
    /// Somebody asks in spite of an earlier failure.
    is_insistent: bool,
    /// The newest synchronous request that no attempt was made for yet.
    synchronous: Option<Synchronous>,
}

/// A synchronous caller's own attempt.
#[derive(Clone, Copy, Debug)]
struct Synchronous {
    limit: Option<Duration>,
}

/// How the newest finished attempt ended.
#[derive(Clone, Debug, Default)]
struct Outcome {
    /// The requests up to this number have it for an answer.
    covers: u64,
    /// Counts attempts, so that a waiter tells a new failure from the one he has seen.
    serial: u64,
    result: Option<Result<Arc<Token>, RenewalError>>,
}

/// What the loop is at, for those who watch it.
#[derive(Clone, Debug)]
pub struct Status {
    /// The token that it keeps.
    pub token: Option<Arc<Token>>,
    /// What it does now.
    pub phase: Phase,
    /// Tokens issued to it.
    pub renewals: u64,
    /// Failed attempts in all.
    pub failures: u64,
    /// The failure since the last success.
    pub last_error: Option<RenewalError>,
    /// When a token was issued to it last.
    pub last_success: Option<Timestamp>,
}

/// What the loop does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has not looked yet.
    Starting,
    /// It waits for this time, or for ever.
    Waiting(Option<Timestamp>),
    /// It asks, since this time.
    Renewing(Timestamp),
    /// It has failed and waits for this time.
    BackingOff(Timestamp),
    /// It has failed in a way that only a change can mend.
    Parked,
    /// It has ended.
    Stopped,
}

impl<S: Source + 'static, C: Clock + 'static> RenewableBearer<S, C> {
    /// `cached`, kept fresh once it is first used, or [started](Self::start).
    #[must_use]
    pub fn new(cached: CachedBearer<S, C>) -> Self {
        let status = Status { token: None, phase: Phase::Starting, renewals: 0, failures: 0, last_error: None, last_success: None };
        Self(Arc::new(Shared {
            cached,
            demand: Mutex::default(),
            wake: Notify::new(),
            break_off: Notify::new(),
            outcome: watch::Sender::default(),
            status: watch::Sender::new(status),
            stopped: watch::Sender::new(false),
            tasks: Mutex::default(),
            has_started: AtomicBool::new(false),
            has_served: AtomicBool::new(false),
        }))
    }

    /// The bearer without its loop.
    #[must_use]
    pub fn wrapped(&self) -> &CachedBearer<S, C> {
        &self.0.cached
    }

    /// What the loop is at, now and at every change.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.status.subscribe()
    }

    /// Starts the loop, if none runs. Must be called within a runtime.
    pub fn start(&self) {
        if !self.0.has_started.swap(true, Ordering::Relaxed) {
            let shared = Arc::clone(&self.0);
            self.0.tasks().spawn(cycle::run(shared));
        }
    }

    /// A token within `timeout`.
    ///
    /// # Errors
    /// [`RenewalError`] where there is none that may be handed out.
    pub async fn fetch(&self, timeout: Duration, options: &FetchOptions) -> Result<Arc<Token>, RenewalError> {
        if let Some(token) = self.0.ready(options)? {
            self.0.has_served.store(true, Ordering::Relaxed);
            if !self.0.has_started.load(Ordering::Relaxed) {
                self.start();
            }
            return Ok(token);
        }
        let deadline = deadline_in(timeout);
        let outcomes = self.0.outcome.subscribe();
        let number = self.0.request(options)?;
        self.start();
        let token = self.0.answer(number, outcomes, deadline, options).await?;
        self.0.has_served.store(true, Ordering::Relaxed);
        Ok(token)
    }

    /// Wakes the loop to renew now. Ignored after [`stop`](Self::stop).
    pub fn request_renewal(&self) {
        if self.0.request(&FetchOptions { renew_required: true, ..FetchOptions::default() }).is_ok() {
            self.start();
        }
    }

    /// Whether a renewal was requested that has not been answered yet, or there is no token that may be handed out.
    #[must_use]
    pub fn is_renewal_required(&self) -> bool {
        let demand = self.0.demand();
        demand.answered < demand.requested || !matches!(self.0.ready(&FetchOptions::default()), Ok(Some(_)))
    }

    /// Ends the loop and breaks off its attempt. Every present and later caller that would have to wait gets an error at once.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Stops, closes the source, waits for what still runs, cancels what is left after `grace`, and returns when nothing of it runs any
    /// more.
    pub async fn close(&self, grace: Duration) {
        self.stop();
        let mut tasks = std::mem::take(&mut *self.0.tasks());
        let deadline = deadline_in(grace);
        // What does not close in time is given up like everything else.
        let _ = timeout_at(deadline, self.0.cached.wrapped().wrapped().close()).await;
        while let Ok(Some(_)) = timeout_at(deadline, tasks.join_next()).await {}
        tasks.shutdown().await;
    }

    /// Runs `work` beside the loop; its failure is logged under the name `what`, and [`close`](Self::close) waits for it.
    pub fn track<E: Display>(&self, what: &'static str, work: impl Future<Output = Result<(), E>> + Send + 'static) {
        let name = self.name().unwrap_or_default().to_owned();
        let mut tasks = self.0.tasks();
        // What has ended needs no more room.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            if let Err(error) = work.await {
                tracing::warn!(profile = %name, "{what}: {error}");
            }
        });
    }
}

impl<S: Source, C: Clock> Shared<S, C> {
    fn demand(&self) -> MutexGuard<'_, Demand> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.stopped.send_replace(true);
        self.status.send_modify(|status| status.phase = Phase::Stopped);
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// The token at hand, if it will do: on the first fetch a fresh one, later any that is valid, because the loop renews ahead.
    fn ready(&self, options: &FetchOptions) -> Result<Option<Arc<Token>>, RenewalError> {
        let Some(token) = self.cached.held()? else { return Ok(None) };
        let must_go = match &options.replaces {
            Some(fingerprint) => token.fingerprint() == *fingerprint,
            None => options.renew_required,
        };
        let least = if self.has_served.load(Ordering::Relaxed) { Freshness::NearExpiry } else { Freshness::Fresh };
        let will_do = !must_go && self.cached.freshness(&token) >= least;
        Ok(Some(token).filter(|_| will_do))
    }

    /// Asks the loop for a renewal and says by which number.
    fn request(&self, options: &FetchOptions) -> Result<u64, RenewalError> {
        if self.is_stopped() {
            return Err(stopped());
        }
        let mut demand = self.demand();
        demand.requested += 1;
        demand.is_insistent |= options.renew_required;
        if options.renew_synchronous {
            demand.synchronous = Some(Synchronous { limit: options.renew_request_timeout });
            self.break_off.notify_one();
        }
        self.wake.notify_one();
        Ok(demand.requested)
    }

    /// Waits for the answer to the request `number`.
    async fn answer(
        &self,
        number: u64,
        mut outcomes: watch::Receiver<Outcome>,
        deadline: Instant,
        options: &FetchOptions,
    ) -> Result<Arc<Token>, RenewalError> {
        let mut stops = self.stopped.subscribe();
        // Error: No attempt of the background loop ended in time. To do: allow more time, and see what the last attempt said.
        let mut error = RenewalError::new(Class::Temporary, "there was no token within the time limit");
        let mut seen = 0;
        loop {
            let outcome = outcomes.borrow_and_update().clone();
            if outcome.covers >= number && outcome.serial > seen {
                seen = outcome.serial;
                match outcome.result {
                    Some(Ok(token)) => return Ok(token),
                    Some(Err(failure)) => {
                        error.attempts += 1;
                        error = RenewalError { attempts: error.attempts, ..failure };
                        let is_enough = options.max_retries.is_some_and(|most| error.attempts >= most);
                        if is_enough || options.report_error || error.class.is_permanent() {
                            return self.instead(error, options);
                        }
                    }
                    None => {}
                }
            }
            tokio::select! {
                biased;
                _ = stops.wait_for(|stopped| *stopped) => return self.instead(stopped(), options),
                changed = outcomes.changed() => if changed.is_err() { return self.instead(stopped(), options) },
                () = tokio::time::sleep_until(deadline) => return self.instead(error, options),
            }
        }
    }

    /// The token at hand instead of an error, where it has not expired and the caller takes it.
    fn instead(&self, error: RenewalError, options: &FetchOptions) -> Result<Arc<Token>, RenewalError> {
        let takes_old = !options.renew_required && options.replaces.is_none() && !options.report_error;
        let token = self.cached.held().ok().flatten().filter(|token| self.cached.freshness(token) > Freshness::Unusable);
        match token.filter(|_| takes_old) {
            Some(token) => {
                // Error 0: The same, in a program that lives long. To do: nothing; it is tried again.
                tracing::warn!(profile = %self.cached.token_name(), "{error}; the cached token serves until it expires");
                Ok(token)
            }
            None => Err(error),
        }
    }
}

fn stopped() -> RenewalError {
    // Error: A program asked after it had ended its bearer. To do: ask before, or make a new one.
    RenewalError::new(Class::Temporary, "the bearer is stopped")
}

impl<S: Source + 'static, C: Clock + 'static> Bearer for RenewableBearer<S, C> {
    type Receiver = RenewableReceiver<S, C>;

    fn receiver(&self) -> Self::Receiver {
        RenewableReceiver { bearer: self.clone(), latest: None, fetches: 0 }
    }

    fn name(&self) -> Option<&str> {
        Some(self.0.cached.token_name().as_str())
    }
}

/// A receiver of a token that is kept fresh.
#[derive(Debug)]
pub struct RenewableReceiver<S, C> {
    bearer: RenewableBearer<S, C>,
    latest: Option<Arc<Token>>,
    fetches: u32,
}

impl<S: Source + 'static, C: Clock + 'static> Receiver for RenewableReceiver<S, C> {
    async fn fetch(&mut self, timeout: Duration, options: &FetchOptions) -> Result<Arc<Token>, RenewalError> {
        self.fetches += 1;
        let token = self.bearer.fetch(timeout, options).await?;
        self.latest = Some(Arc::clone(&token));
        Ok(token)
    }

    fn latest(&self) -> Option<Arc<Token>> {
        self.latest.clone()
    }

    /// Asks the loop for a renewal, too, unless the caller will make his own.
    fn can_retry(&mut self, options: &FetchOptions) -> bool {
        let most = options.max_retries.unwrap_or(self.bearer.0.cached.renewal().max_retries);
        let can = self.fetches < most && !self.bearer.0.is_stopped();
        if can && !options.renew_synchronous {
            self.bearer.request_renewal();
        }
        can
    }
}
