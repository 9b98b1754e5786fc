//! `token helper setup`: what it shows, writes and takes back in the configuration of other tools, and that these read it as it is meant.
//! The texts themselves are in `src/consumer/tests.rs`.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "setup/files.rs"]
mod files;
#[path = "setup/home.rs"]
mod home;
#[path = "setup/links.rs"]
mod links;
#[path = "setup/tools.rs"]
mod tools;
#[path = "setup/words.rs"]
mod words;
