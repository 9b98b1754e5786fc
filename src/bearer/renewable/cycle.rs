//! The loop: waits for a request, a stop or the next renewal time, whichever comes first; renews; computes the next time.
//!
//! Times of day decide. Twice a minute, at the same moment for all loops of a process, it looks at the clock and at the file: after a
//! suspend, a step of the clock, or another process's renewal or purge, it knows within 30 s.

use std::sync::Arc;
use std::time::Duration;

use super::peers::permit;
use super::{Outcome, Phase, Shared};
use crate::bearer::{FetchOptions, Fetched, Origin, RenewalError, Retry};
use crate::clock::{Clock, LONGEST_SLEEP, Timestamp};
use crate::source::Source;
use crate::token::Token;

/// How much longer than one request an attempt may take: the lock may be another's for that long.
const PATIENCE_WITH_OTHERS: Duration = Duration::from_secs(60);

/// How far the clock may go back before it counts as set: a system that keeps its time corrects it by less.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// Between two looks whether an attempt can be broken off.
const POLL: Duration = Duration::from_millis(5);

/// What the loop knows between two attempts.
#[derive(Debug)]
struct Plan {
    /// When the next attempt is due; `None`: not before something happens.
    due: Option<Timestamp>,
    /// No attempt before this, but a synchronous caller's.
    earliest: Timestamp,
    /// Failures in a row that no file remembers.
    failures: u32,
    /// Whether only a change can mend it: then every look at the clock is a look for that change as well.
    is_parked: bool,
    /// What the clock showed last.
    seen: Timestamp,
}

impl Plan {
    /// Takes note of the time. Where the clock was set back, what was planned by it is planned anew: the token at hand may be of a time
    /// that is yet to come, and then nobody knows how long it holds. `least` is to be between two attempts.
    fn see(&mut self, now: Timestamp, least: Duration) {
        if self.seen > now.after(CLOCK_SLACK) {
            self.due = self.due.map(|due| due.min(now));
            self.earliest = self.earliest.min(now.after(least));
        }
        self.seen = now;
    }
}

/// What a wait ended with.
enum Event {
    Stop,
    Due,
}

/// Stops the bearer when the loop ends, however it ends: nobody waits for a loop that is no more.
struct Ending<'a, S: Source, C: Clock>(&'a Shared<S, C>);

impl<S: Source, C: Clock> Drop for Ending<'_, S, C> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Runs until it is stopped.
pub(super) async fn run<S: Source, C: Clock>(shared: Arc<Shared<S, C>>) {
    let _ending = Ending(&shared);
    let now = shared.cached.clock().now();
    let mut plan = Plan { due: Some(now), earliest: now, failures: 0, is_parked: false, seen: now };
    if let Ok(Some(token)) = shared.cached.look() {
        plan.due = shared.cached.renewal().first_renewal_at(&token, now, fastrand::f64());
        shared.waits(&plan, Some(token));
    }
    while let Event::Due = shared.wait(&mut plan).await {
        let Some(result) = shared.attempt().await else { break };
        shared.learn(&mut plan, result);
    }
}

impl<S: Source, C: Clock> Shared<S, C> {
    /// Waits until an attempt is due.
    async fn wait(&self, plan: &mut Plan) -> Event {
        let mut stops = self.stopped.subscribe();
        loop {
            let now = self.cached.clock().now();
            if self.is_stopped() {
                return Event::Stop;
            }
            plan.see(now, self.cached.renewal().initial_retry_timeout);
            let due = self.due(plan, now);
            if due.is_some_and(|due| due <= now) {
                return Event::Due;
            }
            // What is due later than the next look is seen to then: a long timer would wake the process just to be wound up again.
            let soon = due.filter(|due| due.since(now) <= LONGEST_SLEEP);
            let is_due = async {
                match soon {
                    Some(due) => self.cached.clock().sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = stops.wait_for(|stopped| *stopped) => return Event::Stop,
                () = self.wake.notified() => {}
                () = is_due => {}
                () = self.cached.clock().tick() => self.look_again(plan),
            }
        }
    }

    /// When the next attempt is due, what callers demand included.
    fn due(&self, plan: &Plan, now: Timestamp) -> Option<Timestamp> {
        let demand = self.demand();
        if demand.synchronous.is_some() {
            return Some(now);
        }
        let is_wanted = demand.answered < demand.requested;
        let backs_off = plan.failures > 0 || self.status.borrow().last_error.is_some();
        match plan.due {
            // Who waits for a token waits for the backoff, unless he insists.
            _ if is_wanted && (demand.is_insistent || !backs_off) => Some(plan.earliest),
            due => due.map(|due| due.max(plan.earliest)),
        }
    }

    /// Takes note of what another process did to the file.
    fn look_again(&self, plan: &mut Plan) {
        let now = self.cached.clock().now();
        if plan.is_parked {
            plan.due = Some(now);
        }
        let Ok(true) = self.cached.has_changed() else { return };
        let held = self.status.borrow().token.clone();
        match self.cached.look() {
            Ok(Some(token)) if held.as_ref() != Some(&token) => {
                plan.due = self.cached.renewal().renew_at(&token, now, fastrand::f64());
                plan.failures = 0;
                plan.is_parked = false;
                self.waits(plan, Some(token));
            }
            Ok(Some(_)) | Err(_) => {}
            // Purged: what is kept fresh is had again.
            Ok(None) => plan.due = Some(now),
        }
    }

    /// Asks once, by the one way to renew. A newer synchronous caller breaks the attempt off and gets his own; `None`: stopped. What
    /// cannot be had again is waited for first.
    async fn attempt(&self) -> Option<Result<Fetched, RenewalError>> {
        let mut stops = self.stopped.subscribe();
        loop {
            let (options, limit) = self.take_demand();
            let now = self.cached.clock().now();
            self.status.send_modify(|status| status.phase = Phase::Renewing(now));
            let source = self.cached.wrapped().wrapped();
            let mut attempt = std::pin::pin!(async {
                let _permit = permit(source.peer()).await;
                self.cached.fetch(limit, &options).await
            });
            let broken_off = async {
                while self.demand().synchronous.is_none() {
                    self.break_off.notified().await;
                }
            };
            tokio::select! {
                biased;
                () = async { drop(stops.wait_for(|stopped| *stopped).await) } => {
                    settled(source, attempt).await;
                    return None;
                }
                () = broken_off => settled(source, attempt).await,
                result = &mut attempt => return Some(result),
            }
        }
    }

    /// What the next attempt is to be like, and how long it may take.
    fn take_demand(&self) -> (FetchOptions, Duration) {
        let held = self.status.borrow().token.clone();
        let mut demand = self.demand();
        let synchronous = demand.synchronous.take();
        let renewal = self.cached.renewal();
        let request_timeout = synchronous.and_then(|synchronous| synchronous.limit);
        let options = FetchOptions {
            renew_required: std::mem::take(&mut demand.is_insistent),
            renew_synchronous: true,
            report_error: true,
            renew_request_timeout: request_timeout,
            max_retries: Some(1),
            replaces: held.map(|token| token.fingerprint()),
            person: None,
        };
        let single = request_timeout.unwrap_or(renewal.refresh_request_timeout);
        (options, self.cached.wrapped().wrapped().time_limit(single).saturating_add(PATIENCE_WITH_OTHERS))
    }

    /// Draws the consequences of an attempt and tells everybody.
    fn learn(&self, plan: &mut Plan, result: Result<Fetched, RenewalError>) {
        let now = self.cached.clock().now();
        let renewal = self.cached.renewal();
        plan.earliest = now.after(renewal.initial_retry_timeout);
        let told = match result {
            Ok(fetched) => {
                plan.due = renewal.renew_at(&fetched.token, now, fastrand::f64());
                plan.failures = 0;
                plan.is_parked = false;
                self.succeeded(plan, &fetched, now);
                Ok(fetched.token)
            }
            Err(error) => {
                plan.failures = plan.failures.saturating_add(1);
                let was_parked = std::mem::replace(&mut plan.is_parked, error.retry == Retry::Parked);
                plan.due = match error.retry {
                    Retry::At(at) => Some(at),
                    Retry::Parked => None,
                    Retry::AnyTime => Some(renewal.retry_at(plan.failures, None, now, fastrand::f64())),
                };
                self.failed(plan, &error, was_parked);
                Err(error)
            }
        };
        let covers = {
            let mut demand = self.demand();
            // A synchronous caller who came at the very end waits for his own attempt.
            demand.answered = demand.requested - u64::from(demand.synchronous.is_some());
            demand.answered
        };
        self.outcome.send_modify(|outcome| *outcome = Outcome { covers, serial: outcome.serial + 1, result: Some(told) });
    }

    fn succeeded(&self, plan: &Plan, fetched: &Fetched, now: Timestamp) {
        let is_issued = matches!(fetched.origin, Origin::Renewed);
        self.status.send_modify(|status| {
            status.token = Some(Arc::clone(&fetched.token));
            status.phase = Phase::Waiting(plan.due);
            status.last_error = None;
            status.renewals += u64::from(is_issued);
            status.last_success = if is_issued { Some(now) } else { status.last_success };
        });
    }

    /// A failure is logged once; looking whether a parked profile was mended, and finding that it was not, is none.
    fn failed(&self, plan: &Plan, error: &RenewalError, was_parked: bool) {
        let is_known = was_parked && plan.is_parked;
        self.status.send_modify(|status| {
            status.phase = plan.due.map_or(Phase::Parked, Phase::BackingOff);
            status.failures += u64::from(!is_known);
            status.last_error = Some(error.clone());
        });
    }

    fn waits(&self, plan: &Plan, token: Option<Arc<Token>>) {
        self.status.send_modify(|status| {
            status.token = token;
            status.phase = Phase::Waiting(plan.due);
            status.last_error = None;
        });
    }
}

/// Lets `attempt` go on for as long as `source` waits for what cannot be had again.
async fn settled<S: Source>(source: &S, mut attempt: impl Future<Output = Result<Fetched, RenewalError>> + Unpin) {
    while source.is_committed() {
        tokio::select! {
            biased;
            _ = &mut attempt => return,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}
