//! The real binary against software nobody here wrote.
//!
//! What the hermetic tests say about OAuth is what their author thinks it says. Here the other side is a certified
//! `OpenID` provider, run by node on loopback, one for each test: it decides what a valid request is, signs the JWTs,
//! and counts what it was asked. `tests/run` installs it under `target/real` and runs this; by hand:
//! `cargo test --test real` (`TOKEN_REAL_DIR` names another place for the node modules).

mod client_credentials;
mod outage;
mod refusal;
mod support;
