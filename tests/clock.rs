//! Clocks that are wrong, are set, or stand still for some (R1, R13): whoever asks gets no expired token, whoever watches knows within
//! thirty seconds, and the issuer is asked once for each step and not more.
//!
//! A bearer of the library is given a clock that is set while timers go on. The program has the system's, which no test may set: there, all
//! that is stored is shifted instead, which to the next process is the same as a clock that was set the other way.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "clock/bearers.rs"]
mod bearers;
#[path = "clock/program.rs"]
mod program;
