//! `source = "token-exchange"` (RFC 8693): what is sent and what is taken, and profiles that need the tokens of others.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "token_exchange/chains.rs"]
mod chains;
#[path = "token_exchange/failures.rs"]
mod failures;
#[path = "token_exchange/home.rs"]
mod home;
#[path = "token_exchange/requests.rs"]
mod requests;
