//! Signals: what ends a command, and what it passes on. What was ignored when it began (as with nohup) stays ignored.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{sleep, timeout};

use crate::source::is_refreshing;
use crate::ui::Failure;

/// How long the answer to a refresh token may take to come, and to be stored, after a signal: it cannot be had again.
const GRACE: Duration = Duration::from_millis(700);
/// Between two looks whether it has come.
const POLL: Duration = Duration::from_millis(5);

/// `work`, given up (with all that belongs to it) when a signal asks for that.
pub(super) async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut work = std::pin::pin!(work);
    let number = tokio::select! {
        biased;
        number = asked_to_end() => number,
        outcome = &mut work => return outcome,
    };
    let refreshed = async {
        while is_refreshing() {
            tokio::select! {
                biased;
                _ = &mut work => return,
                () = sleep(POLL) => {}
            }
        }
    };
    // What has not come by then may be lost, as the note of the request says.
    let _ = timeout(GRACE, refreshed).await;
    Err(Failure::Signal(number))
}

/// Completes with the number of the signal that asks for the end.
async fn asked_to_end() -> u8 {
    let [mut interrupt, mut terminate, mut hangup] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].map(listener);
    tokio::select! {
        () = heard(&mut interrupt) => 2,
        () = heard(&mut terminate) => 15,
        () = heard(&mut hangup) => 1,
    }
}

/// Hears the signal `number` from now on, unless it was ignored.
pub(super) fn listener(number: i32) -> Option<Signal> {
    if is_ignored(number) { None } else { signal(SignalKind::from_raw(number)).ok() }
}

/// Completes when the signal comes; never where nobody listens.
pub(super) async fn heard(listener: &mut Option<Signal>) {
    match listener {
        Some(listener) => drop(listener.recv().await),
        None => std::future::pending().await,
    }
}

fn is_ignored(number: i32) -> bool {
    let mut disposition = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    #[expect(unsafe_code, reason = "neither std nor rustix reads a signal's disposition")]
    // SAFETY: only reads the disposition into memory of its type, which is looked at only after success.
    unsafe {
        libc::sigaction(number, std::ptr::null(), disposition.as_mut_ptr()) == 0 && disposition.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
