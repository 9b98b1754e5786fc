//! One fetch, step by step: its turn, its attempts, and what is kept of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::login::LoginFile;
use crate::bearer::decision::{Decision, Glance, Wanted};
use crate::bearer::{FetchOptions, Fetched, Freshness, Origin, RenewalError, Retry};
use crate::cache::{Cache, Failure, Generation, Lock, LockFailure, StorageError};
use crate::clock::{Clock, Timestamp};
use crate::error::Class;
use crate::secret::Censor;
use crate::source::{Request, Source, SourceError};
use crate::token::Token;

/// Between two looks at a lock that another process holds: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A request that was cut off before this says nothing about the source: it is not remembered.
const MEANINGFUL_WAIT: Duration = Duration::from_secs(1);

/// What waiting for a turn came to.
#[derive(Debug)]
enum Turn {
    Served(Fetched),
    Ours(Opportunity),
}

/// The source may be asked, under this lock.
#[derive(Debug)]
struct Opportunity {
    lock: Lock,
    /// What was seen under the lock.
    glance: Glance,
    /// What may serve if asking fails.
    fallback: Option<Arc<Token>>,
}

impl<S: Source, C: Clock> Shared<S, C> {
    pub(super) async fn fetch(&self, deadline: Instant, options: &FetchOptions) -> Result<Fetched, RenewalError> {
        let source = self.source.wrapped().check();
        let mut baseline = self.glance()?;
        match (self.decide(&baseline, None, options), source) {
            (Decision::Serve(fetched), Ok(())) => return Ok(fetched),
            (Decision::Fail(error), Ok(())) => return Err(error),
            (Decision::Renew(_), Ok(())) => {}
            (_, Err(error)) => return Err(error.into()),
        }
        let most = options.max_retries.unwrap_or(self.renewal.max_retries).max(1);
        let mut generation = None;
        let mut attempts = 0;
        loop {
            let turn = self.turn(&baseline, &mut generation, deadline, options).await;
            let Opportunity { lock, glance, fallback } = match turn.or_else(|error| self.spare(error, &baseline, options))? {
                Turn::Served(fetched) => return Ok(fetched),
                Turn::Ours(opportunity) => opportunity,
            };
            if self.is_logged_out(generation, &lock) {
                // Error: `token purge` ran while this waited for another process.
                return Err(RenewalError::new(Class::Temporary, "it was purged while this waited for its turn").with_hint("ask again"));
            }
            attempts += 1;
            // Nobody is asked to log in while there is a token that will do.
            let spared =
                FetchOptions { person: options.person.clone().filter(|_| fallback.is_none() || options.renew_required), ..options.clone() };
            let attempt = self.attempt(&lock, generation, &glance, deadline, &spared).await;
            drop(lock);
            let error = match attempt {
                Ok(token) => return self.accepted(token, options),
                Err(error) => RenewalError { attempts, ..error },
            };
            if let Some(token) = fallback.filter(|_| !options.report_error) {
                return Ok(Fetched { token, origin: Origin::Stale(error) });
            }
            let Retry::At(retry_at) = error.retry else { return Err(error) };
            if attempts >= most || !self.wait_until(retry_at, deadline).await {
                return Err(error);
            }
            baseline.failure = self.failure();
        }
    }

    fn glance(&self) -> Result<Glance, StorageError> {
        let seen = self.cache.look()?;
        Ok(Glance { seen, failure: self.failure() })
    }

    fn failure(&self) -> Option<Failure> {
        self.cache.cache().failure(self.cache.name())
    }

    fn wanted<'a>(&'a self, options: &'a FetchOptions) -> Wanted<'a> {
        let now = self.cache.clock().now();
        Wanted { renewal: &self.renewal, options, identity: self.cache.identity(), settings: &*self.settings.0, now }
    }

    fn decide(&self, glance: &Glance, baseline: Option<&Glance>, options: &FetchOptions) -> Decision {
        self.wanted(options).decide(glance, baseline)
    }

    /// Waits until it is this fetch's turn to ask the source, or until somebody else's attempt answers it. Notes the generation of tokens
    /// in which the fetch first came to the lock.
    async fn turn(
        &self,
        baseline: &Glance,
        generation: &mut Option<Generation>,
        deadline: Instant,
        options: &FetchOptions,
    ) -> Result<Turn, RenewalError> {
        let opened = self.cache.cache().lock(self.cache.name());
        if let (Ok(lock), None) = (&opened, &generation) {
            *generation = Some(lock.generation());
        }
        let mut pause = FIRST_PAUSE;
        loop {
            let taken = opened.as_ref().map(Lock::try_take);
            let glance = self.glance()?;
            let fallback = match self.decide(&glance, Some(baseline), options) {
                Decision::Serve(fetched) => return Ok(Turn::Served(fetched)),
                Decision::Fail(error) => return Err(error),
                Decision::Renew(fallback) => fallback,
            };
            let refused = match taken {
                Ok(Ok(true)) => return Ok(Turn::Ours(Opportunity { lock: opened.unwrap_or(Lock::none()), glance, fallback })),
                Err(failure @ LockFailure::Unavailable(_)) if self.logins.file().is_some() => Some(unlockable(failure)),
                Err(LockFailure::Unavailable(error)) => {
                    // Error 0: The lock file cannot be made, so processes may ask the issuer side by side. To do: mend what the message
                    // names.
                    self.warn(&format!("{error}; going on without the lock"));
                    return Ok(Turn::Ours(Opportunity { lock: Lock::none(), glance, fallback }));
                }
                Ok(Ok(false)) => None,
                Ok(Err(failure)) => Some(unlockable(&failure)),
                Err(failure) => Some(unlockable(failure)),
            };
            // Somebody is renewing it, or nobody can: a token that is valid is not withheld for that.
            if let Some(token) = fallback.filter(|_| !options.report_error) {
                return Ok(Turn::Served(Fetched { token, origin: refused.map_or(Origin::Cache, Origin::Stale) }));
            }
            if let Some(error) = refused {
                return Err(error);
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return Err(self.locked_out());
            };
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A disk that fails between two looks withholds no token that the first one saw and that will do.
    fn spare(&self, error: RenewalError, baseline: &Glance, options: &FetchOptions) -> Result<Turn, RenewalError> {
        match self.decide(baseline, None, options) {
            Decision::Renew(Some(token)) if error.class == Class::Storage && !options.report_error => {
                Ok(Turn::Served(Fetched { token, origin: Origin::Stale(error) }))
            }
            _ => Err(error),
        }
    }

    /// Whether a purge since `began` took the login: to begin another one would bring back what was purged.
    fn is_logged_out(&self, began: Option<Generation>, lock: &Lock) -> bool {
        began.is_some_and(|began| began != lock.generation()) && self.logins.file().is_some_and(LoginFile::is_missing)
    }

    /// Asks the source once and keeps what it says: the token, or the failure.
    async fn attempt(
        &self,
        lock: &Lock,
        generation: Option<Generation>,
        glance: &Glance,
        deadline: Instant,
        options: &FetchOptions,
    ) -> Result<Arc<Token>, RenewalError> {
        if lock.excludes() {
            self.cache.cache().sweep(self.cache.name());
            self.logins.file().inspect(|file| file.sweep());
        }
        if glance.seen.damaged {
            self.set_aside();
        }
        let source = self.source.wrapped();
        let single = options.renew_request_timeout.unwrap_or(self.renewal.refresh_request_timeout);
        let own = self.patience(options).unwrap_or(source.time_limit(single));
        let limit = own.min(deadline.saturating_duration_since(Instant::now()));
        let now = self.cache.clock().now();
        let request = Request {
            previous: glance.seen.token.as_deref(),
            now,
            limit: single,
            until: now.after(limit),
            insists: options.renew_required,
            person: options.person.as_ref(),
            logins: self.logins.store(),
        };
        tracing::info!(profile = %self.cache.name(), "asking the source");
        let issued = tokio::time::timeout(limit, source.issue(request)).await;
        self.logins.file().inspect(|file| file.release());
        let now = self.cache.clock().now();
        match issued {
            Ok(Ok(token)) if token.is_expired(now) => {
                // Error: The answer took longer than the token in it lives. To do: ask the issuer for tokens with a longer life.
                let late = SourceError::new(Class::Temporary, "the token had expired when it arrived");
                Err(self.failed(glance, &late, now, true))
            }
            // After a purge, no renewal that began before it brings a token back; whoever asked for it gets it all the same.
            Ok(Ok(token)) if generation.is_some_and(|began| began != lock.generation()) => Ok(Arc::new(token)),
            Ok(Ok(token)) => Ok(self.store(token)),
            Ok(Err(error)) => Err(self.failed(glance, &error, now, true)),
            Err(_) if limit == own && self.patience(options).is_some() => Err(self.failed(glance, &unattended(limit), now, true)),
            Err(_) => {
                let is_cut_short = limit < own;
                Err(self.failed(glance, &unanswered(limit, is_cut_short), now, limit >= own.min(MEANINGFUL_WAIT)))
            }
        }
    }

    /// The time limit of the one request, where a person may be asked and nobody says otherwise.
    fn patience(&self, options: &FetchOptions) -> Option<Duration> {
        let is_asked = options.person.is_some() && options.renew_request_timeout.is_none();
        self.source.wrapped().patience().filter(|_| is_asked)
    }

    /// Why the lock could not be had in time: perhaps somebody is logging in.
    fn locked_out(&self) -> RenewalError {
        let awaits_login = self.source.wrapped().patience().is_some() && self.logins.file().is_some_and(|file| !file.is_alive());
        if awaits_login {
            // Error: Another terminal is in the middle of the login. To do: finish it there, or wait longer with `--timeout`.
            return RenewalError::new(Class::Login, "somebody is logging in for it, and was not done within the time limit");
        }
        RenewalError::locked_out(&self.cache.cache().lock_path(self.cache.name()))
    }

    /// Forgets the failure, seen or not, before it stores the token: killed in between, the next renewal asks once more than it had to,
    /// and no healthy profile stays parked.
    fn store(&self, token: Token) -> Arc<Token> {
        let token = Arc::new(token);
        self.keep(|cache| cache.forget(self.cache.name()).map(drop));
        if let Err(error) = self.cache.set(Arc::clone(&token)) {
            // Error 0: The token was printed, and the next call has to renew again. To do: mend what the message names: space or
            // permissions.
            self.warn(&format!("the token is valid but was not stored: {error}"));
        }
        token
    }

    /// The error of a failed attempt, after it was remembered for others, where it is to be.
    fn failed(&self, glance: &Glance, error: &SourceError, now: Timestamp, is_meaningful: bool) -> RenewalError {
        let known: Vec<_> = glance.seen.token.iter().map(|token| token.secret().clone()).collect();
        let censor = Censor::of(&known);
        for line in &error.detail {
            tracing::info!(profile = %self.cache.name(), "{}", censor.shown(line));
        }
        let before = glance.failure.as_ref().filter(|failure| failure.concerns(self.cache.identity(), &self.settings.0(), now));
        let failures = before.map_or(0, |failure| failure.failures).saturating_add(1);
        let is_transient = !error.class.is_permanent();
        let retry_at = is_transient.then(|| self.renewal.retry_at(failures, error.retry_after, now, fastrand::f64()));
        let failure = Failure {
            identity: self.cache.identity().clone(),
            settings: self.settings.0(),
            class: error.class,
            message: error.message.clone(),
            hint: error.hint.clone(),
            failures,
            at: now,
            retry_at,
            told: is_transient && error.retry_after.is_some(),
        };
        if failure.class.is_shared() && is_meaningful && !error.is_known_elsewhere {
            self.keep(|cache| cache.remember(self.cache.name(), &failure));
        }
        RenewalError::from(&failure)
    }

    /// A new token, unless its life is too short to be handed out.
    fn accepted(&self, token: Arc<Token>, options: &FetchOptions) -> Result<Fetched, RenewalError> {
        let wanted = self.wanted(options);
        match self.renewal.freshness(&token, wanted.now) {
            Freshness::Unusable => Err(wanted.refusal(&token)),
            _ => Ok(Fetched { token, origin: Origin::Renewed }),
        }
    }

    /// Sleeps until `at`; false, at once, where that is beyond the deadline.
    async fn wait_until(&self, at: Timestamp, deadline: Instant) -> bool {
        let clock = self.cache.clock();
        let left = deadline.saturating_duration_since(Instant::now());
        if at.since(clock.now()) >= left {
            return false;
        }
        tokio::time::timeout_at(deadline, clock.sleep_until(at)).await.is_ok()
    }

    fn set_aside(&self) {
        match self.cache.cache().set_aside(self.cache.name()) {
            // Error 0: The file did not end as it was written: a full disk, a crash of the machine, an editor. To do: nothing; the token
            // was renewed.
            Ok(path) => self.warn(&format!("its cache entry is damaged and was kept aside as {}", path.display())),
            // Error 0: The same, and the file could not be kept aside. To do: mend what the message names.
            Err(error) => self.warn(&format!("its cache entry is damaged: {error}")),
        }
    }

    /// What only saves requests may fail.
    fn keep(&self, write: impl FnOnce(&Cache) -> Result<(), StorageError>) {
        if let Err(error) = write(self.cache.cache()) {
            tracing::info!(profile = %self.cache.name(), "{error}");
        }
    }

    pub(super) fn warn(&self, message: &str) {
        tracing::warn!(profile = %self.cache.name(), "{message}");
    }
}

/// No answer came within `limit`, which may be what the time limit of the whole fetch had left.
fn unanswered(limit: Duration, is_cut_short: bool) -> SourceError {
    if is_cut_short {
        // Error: What `--timeout` had left was over before the issuer, or the command, answered.
        return SourceError::new(Class::Network, "no answer within the time limit").with_hint("allow more with `--timeout`");
    }
    // Error: The issuer, or the command, took longer than one request may take.
    let error = SourceError::new(Class::Network, format!("no answer within {}", humantime::format_duration(limit)));
    error.with_hint("allow more with `--request-timeout` or `refresh_request_timeout`")
}

/// Whoever was asked to log in has not done so: asking again at once would find nobody either.
fn unattended(limit: Duration) -> SourceError {
    // Error: Whoever was asked to log in did not do it in time.
    SourceError::new(Class::Login, format!("nobody logged in within {}", humantime::format_duration(limit)))
        .with_hint("allow more with `--request-timeout`")
}

fn unlockable(failure: &LockFailure) -> RenewalError {
    let error = RenewalError::new(Class::Storage, failure.to_string());
    match failure {
        LockFailure::Unsupported(_) => {
            error.with_hint("put `lock = \"none\"` at the top of the configuration, or the cache (TOKEN_CACHE_DIR) elsewhere")
        }
        LockFailure::Unavailable(storage) | LockFailure::Refused(storage) => error.with_hint(storage.hint()),
    }
}
