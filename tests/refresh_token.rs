//! `source = "refresh-token"` as its users meet it: the first refresh token is theirs, those that follow are ours to keep, and none is
//! lost, sent twice or shown.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "refresh_token/answers.rs"]
mod answers;
#[path = "refresh_token/identity.rs"]
mod identity;
#[path = "refresh_token/refusals.rs"]
mod refusals;
#[path = "refresh_token/rotation.rs"]
mod rotation;
#[path = "refresh_token/secrets.rs"]
mod secrets;
#[path = "refresh_token/watch.rs"]
mod watch;
