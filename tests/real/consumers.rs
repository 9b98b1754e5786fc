//! The consumers themselves, as their makers ship them: each runs `token helper` (or reads what it is told to read) and then talks to
//! servers that see what arrives.
//!
//! Held for each, as far as its protocol has it: the host that is listed gets the token; a look-alike, another port, a name below it and
//! plain http get none, and the consumer goes on as if nobody helped it; an expired token is not used; a refused one is replaced once.
//!
//! docker and terraform are in no registry of packages: where they are not installed, their tests say so and hold nothing.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

pub mod authority;
pub mod internet;
pub mod scene;

mod aws;
mod cargo;
mod docker;
mod git;
mod goauth;
mod google;
mod keyring;
mod kubectl;
mod recipes;
mod setup;
mod terraform;
