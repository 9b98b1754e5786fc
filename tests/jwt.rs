//! JWTs that are signed on the spot: what they say, how they are presented, and that the key stays where it is.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "jwt/accounts.rs"]
mod accounts;
#[path = "jwt/bearer.rs"]
mod bearer;
#[path = "jwt/clients.rs"]
mod clients;
#[path = "jwt/keys.rs"]
mod keys;
#[path = "jwt/signed.rs"]
mod signed;
