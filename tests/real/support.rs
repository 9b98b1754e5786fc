//! What these tests share: a home nobody has used, a terminal, the servers, the little HTTP it takes to question them, and
//! somebody who logs in.

pub mod home;
pub mod http;
pub mod issuer;
pub mod machine;
pub mod person;
pub mod screen;
pub mod server;
pub mod terminal;
pub mod toolkit;

use std::thread;
use std::time::{Duration, Instant};

pub use home::{Home, Outcome};
pub use issuer::Issuer;
pub use person::{Person, Report};
pub use toolkit::Toolkit;

/// How often a condition is looked at that only time can make true.
pub const POLL: Duration = Duration::from_millis(50);

/// Waits until `look` finds something, and panics with `what` when it has not after `limit`.
#[track_caller]
pub fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        thread::sleep(POLL);
    }
}
