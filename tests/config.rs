//! The configuration: which file, which profile, every mistake in it, and the secrets it names.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "config/choice.rs"]
mod choice;
#[path = "config/mistakes.rs"]
mod mistakes;
#[path = "config/secrets.rs"]
mod secrets;
#[path = "config/trust.rs"]
mod trust;
#[path = "config/values.rs"]
mod values;
