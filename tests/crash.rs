//! Killed at any moment, or failed by any system call: files are old and whole or new and whole (R6), siblings untouched.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "crash/failures.rs"]
mod failures;
#[path = "crash/kills.rs"]
mod kills;
#[path = "crash/locks.rs"]
mod locks;
#[path = "crash/points.rs"]
mod points;
#[path = "crash/random.rs"]
mod random;
#[path = "crash/rotation.rs"]
mod rotation;
#[path = "crash/scenes.rs"]
mod scenes;
#[path = "crash/snapshot.rs"]
mod snapshot;
