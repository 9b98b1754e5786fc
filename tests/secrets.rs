//! Nobody is let in: what is secret stays where it is meant to be (S3, S4, S15), and what SECURITY.md says is held is held.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "secrets/canary.rs"]
mod canary;
#[path = "secrets/echo.rs"]
mod echo;
#[path = "secrets/everywhere.rs"]
mod everywhere;
#[path = "secrets/hardening.rs"]
mod hardening;
#[path = "secrets/logins.rs"]
mod logins;
#[path = "secrets/panics.rs"]
mod panics;
#[path = "authorization_code/provider.rs"]
#[allow(dead_code, reason = "it is another test's, which uses all of it")]
mod provider;
#[path = "secrets/scene.rs"]
mod scene;
#[path = "authorization_code/session.rs"]
#[allow(dead_code, reason = "it is another test's, which uses all of it")]
mod session;
