//! The one test harness: the real binary, in a home of its own, against an issuer that misbehaves on script.
//!
//! Promises: no test sees another's files, environment or issuer, and none outlives its watchdog.
//! Refuses: to forge cache entries. They carry a check, so tests let the issuer hand out short-lived tokens instead.
#![allow(dead_code, unused_imports, reason = "every test crate compiles the whole harness and uses its own part")]

pub mod cases;
pub mod home;
pub mod hostile;
pub mod issuer;
pub mod kinds;
pub mod outcome;
pub mod privilege;
pub mod reply;
pub mod rotation;
pub mod running;
pub mod terminal;
pub mod tools;

pub use home::{Test, profile};
pub use issuer::{Issuer, Trap};
pub use outcome::Outcome;
pub use reply::Reply;
pub use rotation::{REFRESH, Reuse, login_profile};
pub use running::Running;
pub use terminal::Screen;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sha2::Digest;

/// The client secret of every test profile: must turn up in the request and nowhere else.
pub const SECRET: &str = "canary-s3cret-5f2b9c";

/// Text that a server or a child sends and that must not be shown.
pub const LEAK: &str = "leak-c4nary-71d0";

/// Failures back off by milliseconds, so that tests need not wait.
pub const QUICK: &str = "[renewal]\ninitial_retry_timeout = \"50ms\"\n";

/// One failure and the profile backs off for a minute.
pub const PATIENT: &str = "[renewal]\ninitial_retry_timeout = \"1m\"\n";

/// Every token is near expiry a second after it was issued.
pub const RESTLESS: &str = "[renewal]\ninitial_retry_timeout = \"50ms\"\nlifetime_safe_fraction = 0.001\n";

/// What a deadline may be overrun by: 250 ms by the contract, and what a loaded two-core machine adds in a debug build.
pub const SLACK: Duration = Duration::from_millis(900);

/// Seconds since 1970, with the fraction.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Whole seconds since 1970.
pub fn seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Lower-case hex SHA-256: what a script may name a token by.
pub fn fingerprint(token: &str) -> String {
    let digest = sha2::Sha256::digest(token);
    digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Waits until `ready` says so, and panics after a minute and a half: that is for what never comes, not for what is slow on a loaded machine.
#[track_caller]
pub fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < Duration::from_secs(90), "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
