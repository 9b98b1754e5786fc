//! One timer for all who look at the clock twice a minute. A timer of the kernel wakes the process once a tick, where tokio's wheel wakes
//! it three times; and it goes on while the machine is suspended, so that the first look comes right after.

use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// The timer, as long as the runtime lives in which it was first waited for.
struct Metronome {
    timer: AsyncFd<OwnedFd>,
    ticks: watch::Sender<()>,
}

static METRONOME: OnceLock<Option<Metronome>> = OnceLock::new();

/// Waits for the next tick; false, at once, where there is no such timer.
pub(super) async fn tick(period: Duration) -> bool {
    match METRONOME.get_or_init(|| Metronome::new(period)) {
        Some(metronome) => metronome.tick().await,
        None => false,
    }
}

impl Metronome {
    fn new(period: Duration) -> Option<Self> {
        let period = Timespec { tv_sec: i64::try_from(period.as_secs()).ok()?, tv_nsec: 0 };
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK).ok()?;
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: period, it_value: period }).ok()?;
        #[expect(unsafe_code, reason = "tokio has no safe way to wait for a descriptor")]
        // SAFETY: an `OwnedFd` names the same open descriptor until it is dropped, which `AsyncFd` alone does.
        let timer = unsafe { AsyncFd::register(timer) };
        Some(Self { timer: timer.ok()?, ticks: watch::Sender::new(()) })
    }

    /// Whoever sees the timer first tells the others.
    async fn tick(&self) -> bool {
        let mut ticks = self.ticks.subscribe();
        tokio::select! {
            biased;
            told = ticks.changed() => told.is_ok(),
            ready = self.timer.readable() => {
                let Ok(mut ready) = ready else { return false };
                let mut expirations = [0; 8];
                // What counts is that it was read, not how often it had expired.
                let _ = rustix::io::read(&self.timer, &mut expirations);
                ready.clear_ready();
                self.ticks.send_replace(());
                true
            }
        }
    }
}
