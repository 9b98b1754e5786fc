//! A hostile issuer, a broken network, a misbehaving command: a table a family, after FAULTS.md.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "support/tls.rs"]
mod authority;

#[path = "faults/answers.rs"]
mod answers;
#[path = "faults/bodies.rs"]
mod bodies;
#[path = "faults/commands.rs"]
mod commands;
#[path = "faults/files.rs"]
mod files;
#[path = "faults/kinds.rs"]
mod kinds;
#[path = "faults/network.rs"]
mod network;
#[path = "faults/stale.rs"]
mod stale;
#[path = "faults/tls.rs"]
mod tls;
