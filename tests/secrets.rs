//! Nobody is let in: what is secret stays where it is meant to be (S3, S4, S15), and what SECURITY.md says is held is held.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "secrets/hardening.rs"]
mod hardening;
#[path = "secrets/panics.rs"]
mod panics;
