//! Secrets and tokens that a profile names instead of holding: from wherever they may come, wherever one is wanted.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "inputs/failures.rs"]
mod failures;
#[path = "inputs/places.rs"]
mod places;
#[path = "inputs/values.rs"]
mod values;
