//! `source = "authorization-code"`: logging in with a browser, on a terminal, as a person and their issuer meet it.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "authorization_code/browsers.rs"]
mod browsers;
#[path = "authorization_code/endings.rs"]
mod endings;
#[path = "authorization_code/keys.rs"]
mod keys;
#[path = "authorization_code/logins.rs"]
mod logins;
#[path = "authorization_code/pasting.rs"]
mod pasting;
#[path = "authorization_code/provider.rs"]
mod provider;
#[path = "authorization_code/redirect.rs"]
mod redirect;
#[path = "authorization_code/session.rs"]
mod session;
