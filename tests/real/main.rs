//! The real binary against software nobody here wrote.
//!
//! What the hermetic tests say about OAuth is what their author thinks it says. Here the other side is a certified
//! `OpenID` provider (oidc-provider, in JavaScript) or Django OAuth Toolkit, run on loopback, one for each test: it decides
//! what a valid request is, signs the JWTs, shows the pages where people log in, and counts what it was asked. The
//! program runs on a terminal where it asks for somebody, who is a script, or Chromium. Or it is run itself, by kubectl, git
//! and the other consumers of tokens. `tests/run` installs what all that takes under `target/real` and runs this; by hand:
//! `cargo test --test real` (`TOKEN_REAL_DIR` names another place).

mod another;
mod authorization_code;
mod client_credentials;
mod consumers;
mod device;
mod doctor;
mod first_steps;
mod http;
mod init;
mod outage;
mod packages;
mod private_key_jwt;
mod refresh;
mod refusal;
mod revocation;
mod support;

/// The harness of the hermetic tests: a home for any program, and an issuer that can be scripted.
#[path = "../support/mod.rs"]
#[allow(clippy::unwrap_used, clippy::print_stderr, reason = "as where the hermetic tests use it")]
mod harness;
