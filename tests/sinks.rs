//! Sinks and hooks: who learns of a renewal, and that it costs nobody the token.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "sinks/crash.rs"]
mod crash;
#[path = "sinks/files.rs"]
mod files;
#[path = "sinks/hooks.rs"]
mod hooks;

use support::{Issuer, QUICK, Test, profile};

/// One profile, `prod`, at this issuer, with these keys too.
fn delivering(issuer: &Issuer, keys: &str) -> Test {
    Test::configured(&format!("{QUICK}{}{keys}\n", profile("prod", &issuer.endpoint())))
}
