//! SIGTERM, SIGINT and SIGHUP in every state that lasts: the end within a second, without orphans, with whole files and the terminal as it
//! was. What `watch` makes of them is in `tests/watch`, and what logins do in `tests/device_code` and `tests/authorization_code`.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "signals/children.rs"]
mod children;
#[path = "signals/ending.rs"]
mod ending;
#[path = "signals/states.rs"]
mod states;
#[path = "signals/terminal.rs"]
mod terminal;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use support::running::processes_with;

const SECOND: Duration = Duration::from_secs(1);

/// What asks for the end, and the exit status that tells so.
const ENDING: [(Signal, i32); 3] = [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)];

/// Seconds that a `sleep` of one test alone sleeps: what it is found by among the processes.
fn mark() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("6{:03}.{}", NEXT.fetch_add(1, Ordering::Relaxed), std::process::id())
}

/// A line of shell that says that it has begun, and whose child outlives it unless somebody sees to it.
fn endless(mark: &str) -> String {
    format!("sleep {mark} & touch begun; wait")
}

/// `KEY = ["sh", "-c", SCRIPT]`, run in the home of the test.
fn shell(key: &str, script: &str) -> String {
    format!("{key} = [\"sh\", \"-c\", '''{script}''']\n")
}

/// No process that is found by this mark is left.
#[track_caller]
fn nothing_is_left_of(mark: &str) {
    let started = Instant::now();
    while let left = processes_with(mark)
        && !left.is_empty()
    {
        assert!(started.elapsed() < 5 * SECOND, "left behind: {left:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
