//! `token init`: what it finds out, what it asks, what it writes, and that nothing that was there is lost.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "support/tls.rs"]
#[allow(dead_code, reason = "every test crate uses its own part")]
mod authority;
#[path = "init/commands.rs"]
mod commands;
#[path = "init/dialogue.rs"]
mod dialogue;
#[path = "init/files.rs"]
mod files;
#[path = "init/home.rs"]
mod home;
#[path = "init/issuers.rs"]
mod issuers;
#[path = "init/mistakes.rs"]
mod mistakes;
#[path = "init/servers.rs"]
mod servers;
#[path = "device_code/terminal.rs"]
#[allow(dead_code, reason = "made for logins, of which this is a part")]
mod terminal;
