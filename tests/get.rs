//! `token get` as a user or a script meets it: what it prints, its limits, its mistakes, its manner. The faults behind it are in
//! `faults.rs`.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "get/arguments.rs"]
mod arguments;
#[path = "get/commands.rs"]
mod commands;
#[path = "get/limits.rs"]
mod limits;
#[path = "get/manner.rs"]
mod manner;
#[path = "get/output.rs"]
mod output;
#[path = "get/terminal.rs"]
mod terminal;
