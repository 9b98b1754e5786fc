//! Signals: what ends a command, and what it passes on. What was ignored when it began (as with nohup) stays ignored.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::ui::Failure;

/// Makes a write beyond `RLIMIT_FSIZE` an error instead of a death: a token that cannot be stored can be printed still.
pub(super) fn survive_file_size_limits() {
    let _ = signal(SignalKind::from_raw(libc::SIGXFSZ));
}

/// `work`, given up (with all that belongs to it) when a signal asks for that.
pub(super) async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        number = asked_to_end() => Err(Failure::Signal(number)),
        outcome = work => outcome,
    }
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
