//! What can be wrong with our directories, our files, the disk and the standard streams: never a wrong token, no hang.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "storage/bytes.rs"]
mod bytes;
#[path = "storage/directories.rs"]
mod directories;
#[path = "storage/entries.rs"]
mod entries;
#[path = "storage/limits.rs"]
mod limits;
#[path = "storage/logins.rs"]
mod logins;
#[path = "storage/neighbours.rs"]
mod neighbours;
#[path = "storage/streams.rs"]
mod streams;
