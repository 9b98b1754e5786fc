//! `token doctor`: each thing that can be wrong is made wrong on purpose and found, and not found where it is well; nothing is changed,
//! nothing secret leaves, and it ends in time.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "support/tls.rs"]
#[allow(dead_code, reason = "other test crates use the rest")]
mod authority;

#[path = "doctor/configuration.rs"]
mod configuration;
#[path = "doctor/health.rs"]
mod health;
#[path = "doctor/network.rs"]
mod network;
#[path = "doctor/profiles.rs"]
mod profiles;
#[path = "doctor/report.rs"]
mod report;
#[path = "doctor/secrecy.rs"]
mod secrecy;
#[path = "doctor/storage.rs"]
mod storage;
#[path = "doctor/tools.rs"]
mod tools;
