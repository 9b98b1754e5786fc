//! What these tests share: a home nobody has used, the provider, and the little HTTP it takes to question it.

pub mod home;
pub mod http;
pub mod issuer;

use std::thread;
use std::time::{Duration, Instant};

pub use home::{Home, Outcome};
pub use issuer::Issuer;

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
