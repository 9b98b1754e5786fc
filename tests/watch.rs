//! `token watch` as its users, systemd and Prometheus meet it: the real program, short-lived tokens, signals.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "watch/delivery.rs"]
mod delivery;
#[path = "watch/ending.rs"]
mod ending;
#[path = "watch/log.rs"]
mod log;
#[path = "watch/metrics.rs"]
mod metrics;
#[path = "watch/once.rs"]
mod once;
#[path = "watch/pictures.rs"]
mod pictures;
#[path = "watch/renewals.rs"]
mod renewals;
#[path = "watch/sharing.rs"]
mod sharing;
#[path = "watch/signals.rs"]
mod signals;
#[path = "watch/systemd.rs"]
mod systemd;
#[path = "watch/terminal.rs"]
mod terminal;

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use support::running::processes_with;
use support::{Issuer, Outcome, Running, Test, profile};

const SECOND: Duration = Duration::from_secs(1);

/// The loop renews after half of a token's life; a `get` would only in the last tenth of a second.
const EAGER: &str = "[renewal]\ninitial_retry_timeout = \"50ms\"\nlifetime_safe_fraction = 0.5\ninitial_safety_margin = \"100ms\"\n";

/// Under [`EAGER`], profiles of these names at these issuers.
fn eager<'a>(profiles: impl IntoIterator<Item = (&'a str, &'a Issuer)>) -> String {
    let profiles = profiles.into_iter().map(|(name, issuer)| profile(name, &issuer.endpoint()));
    EAGER.to_owned() + &profiles.collect::<String>()
}

/// `KEY = ["sh", "-c", SCRIPT]`, run in the home of the test.
fn shell(key: &str, script: &str) -> String {
    format!("{key} = [\"sh\", \"-c\", '''{script}''']\n")
}

/// Seconds that a `sleep` of one test alone sleeps: what it is found by among the processes.
fn mark() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("7{}.{}", NEXT.fetch_add(1, Ordering::Relaxed), std::process::id())
}

/// No process that was found by this mark is left: what was killed is gone at once.
#[track_caller]
fn nothing_is_left_of(mark: &str) {
    let started = Instant::now();
    while let left = processes_with(mark)
        && !left.is_empty()
    {
        assert!(started.elapsed() < SECOND, "left behind: {left:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A `token watch` that is killed when the test is over. Its log is a file, so that it can be read meanwhile.
struct Watcher {
    running: Option<Running>,
    log: PathBuf,
}

impl Watcher {
    /// `token watch` with these arguments.
    fn start(test: &Test, args: &[&str]) -> Self {
        Self::start_program(test, &[&["watch"], args].concat())
    }

    /// `token` with these arguments.
    fn start_program(test: &Test, args: &[&str]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let log = test.path(&format!("log-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let mut command = test.command(args);
        command.stderr(File::create(&log).unwrap());
        Self { running: Some(test.start(command, args)), log }
    }

    fn pid(&self) -> Pid {
        self.running.as_ref().unwrap().pid()
    }

    fn signal(&self, signal: Signal) {
        self.running.as_ref().unwrap().signal(signal);
    }

    /// What it has said so far.
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// How many of its lines hold `text`.
    fn count(&self, text: &str) -> usize {
        self.said().lines().filter(|line| line.contains(text)).count()
    }

    /// How many of its lines begin with `text`.
    fn count_starting(&self, text: &str) -> usize {
        self.said().lines().filter(|line| line.starts_with(text)).count()
    }

    /// Returns once so many of its lines hold `text`.
    #[track_caller]
    fn wait_for(&self, text: &str, count: usize) {
        let started = Instant::now();
        while self.count(text) < count {
            assert!(started.elapsed() < 20 * SECOND, "waited in vain for {count} × {text:?}; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn is_alive(&self) {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid().as_raw_nonzero())).unwrap_or_default();
        let state = stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next());
        assert!(state.is_some_and(|state| state != 'Z'), "it has ended; it said:\n{}", self.said());
    }

    /// Ends it by this signal: within a second, with the exit status that tells so, nothing on stdout and nothing secret in its log.
    #[track_caller]
    fn end_by(mut self, signal: Signal) -> Outcome {
        self.signal(signal);
        let signalled = Instant::now();
        let mut outcome = self.running.take().unwrap().finish();
        let took = signalled.elapsed();
        outcome.stderr = self.said();
        outcome.exits(128 + signal.as_raw()).prints("").is_polite();
        assert!(took < SECOND, "it took {took:?}{outcome}");
        outcome
    }

    #[track_caller]
    fn end(self) -> Outcome {
        self.end_by(Signal::TERM)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.signal(Signal::KILL);
        }
    }
}
