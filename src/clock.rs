//! Time: the one place that asks the system for it, and the one that sleeps long.
//!
//! Token lifetimes are times of day ([`Timestamp`]), because that is what issuers state. A sleep until a time of day is cut into
//! slices of at most [`LONGEST_SLEEP`], after each of which the clock is looked at again: a suspended laptop and a stepped clock
//! stretch a timer, but not this.

#[cfg(target_os = "linux")]
mod metronome;

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest time between two looks at the clock (the promise of "right within 30 s").
pub const LONGEST_SLEEP: Duration = Duration::from_secs(30);

const MILLIS_PER_SECOND: i64 = 1000;

/// The longest that anybody waits, so that no time limit overflows the clock.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);

/// The end of a wait of `timeout` that begins now. A time limit is no time of day: setting the clock does not change it.
#[must_use]
pub fn deadline_in(timeout: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + timeout.min(LONGEST_TIMEOUT)
}

/// A time of day, in milliseconds since 1970-01-01T00:00:00Z. Arithmetic saturates: no expiry an issuer can name overflows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time `seconds` after the Unix epoch.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MILLIS_PER_SECOND))
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(MILLIS_PER_SECOND)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// The time `millis` after the Unix epoch.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// This time, rounded down to the second: what is written to files and shown to programs.
    #[must_use]
    pub const fn floor_to_second(self) -> Self {
        Self::from_unix_seconds(self.unix_seconds())
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The time `wait` later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(millis(wait)))
    }

    /// The time `lead` earlier.
    #[must_use]
    pub fn before(self, lead: Duration) -> Self {
        Self(self.0.saturating_sub(millis(lead)))
    }

    /// RFC 3339 in UTC with whole seconds and `Z`; `None` outside the years that notation has.
    #[must_use]
    pub fn rfc3339(self) -> Option<String> {
        jiff::Timestamp::from_second(self.unix_seconds()).ok().map(|t| t.to_string())
    }

    /// Reads an RFC 3339 time with any offset.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Where the time comes from; tests and library users bring their own.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Completes when it is time to look at the clock again: twice a minute, for all who wait at the same moment. It waits for a timer and
    /// not for a time of day: one that was set back would be hours away.
    fn tick(&self) -> impl Future<Output = ()> + Send {
        let now = self.now();
        tokio::time::sleep(next_tick(now).since(now))
    }

    /// Completes once [`now`](Self::now) has reached `deadline`.
    fn sleep_until(&self, deadline: Timestamp) -> impl Future<Output = ()> + Send {
        async move {
            loop {
                let left = deadline.since(self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            }
        }
    }
}

/// The next full half minute: the same for all, so that they wake the process together.
fn next_tick(now: Timestamp) -> Timestamp {
    let slice = millis(LONGEST_SLEEP);
    Timestamp(now.0.saturating_add(slice - now.0.rem_euclid(slice)))
}

/// How long the system has been running, suspended or not; `None` where it does not say.
#[must_use]
pub fn since_boot() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::Boottime)).ok();
    #[cfg(not(target_os = "linux"))]
    None
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    #[cfg(target_os = "linux")]
    async fn tick(&self) {
        if !metronome::tick(LONGEST_SLEEP).await {
            let now = self.now();
            tokio::time::sleep(next_tick(now).since(now)).await;
        }
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(millis(since)),
            Err(before) => Self(millis(before.duration()).saturating_neg()),
        }
    }
}

impl<C: Clock> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn tick(&self) -> impl Future<Output = ()> + Send {
        (**self).tick()
    }

    fn sleep_until(&self, deadline: Timestamp) -> impl Future<Output = ()> + Send {
        (**self).sleep_until(deadline)
    }
}

/// A clock that stands still until it is told to go: for tests.
#[cfg(test)]
#[derive(Debug)]
pub struct ManualClock(std::sync::atomic::AtomicI64);

#[cfg(test)]
impl ManualClock {
    /// Stopped at this time.
    #[must_use]
    pub const fn at(unix_seconds: i64) -> Self {
        Self(std::sync::atomic::AtomicI64::new(unix_seconds * MILLIS_PER_SECOND))
    }

    /// Lets it go on by this much.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(millis(by), std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }

    /// Sleeping makes it go.
    async fn sleep_until(&self, deadline: Timestamp) {
        self.advance(deadline.since(self.now()));
        tokio::task::yield_now().await;
    }
}

/// A clock that goes with tokio's, which tests pause, and can be set.
#[cfg(test)]
#[derive(Debug)]
pub struct VirtualClock {
    began: tokio::time::Instant,
    offset: std::sync::atomic::AtomicI64,
}

#[cfg(test)]
impl VirtualClock {
    /// Showing this time now.
    #[must_use]
    pub fn at(unix_seconds: i64) -> Self {
        Self { began: tokio::time::Instant::now(), offset: (unix_seconds * MILLIS_PER_SECOND).into() }
    }

    /// Sets it forward or back by this much, which no timer notices.
    pub fn step(&self, seconds: i64) {
        self.offset.fetch_add(seconds * MILLIS_PER_SECOND, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.offset.load(std::sync::atomic::Ordering::SeqCst).saturating_add(millis(self.began.elapsed())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp(i64::MAX);
        assert_eq!(end.after(Duration::MAX), end);
        assert_eq!(Timestamp(i64::MIN).since(end), Duration::ZERO);
        assert_eq!(Timestamp::from_unix_seconds(i64::MAX), end);
        assert_eq!(end.rfc3339(), None);
    }

    #[test]
    fn times_are_written_and_read() {
        let table =
            [("2026-11-22T12:00:00Z", 1_795_348_800), ("2026-11-22T13:00:00.250+01:00", 1_795_348_800), ("1969-12-31T23:59:59Z", -1)];
        for (text, seconds) in table {
            assert_eq!(Timestamp::parse_rfc3339(text).map(Timestamp::unix_seconds), Some(seconds), "{text}");
        }
        assert_eq!(Timestamp::from_unix_seconds(1_795_348_800).rfc3339().as_deref(), Some("2026-11-22T12:00:00Z"));
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }
}
