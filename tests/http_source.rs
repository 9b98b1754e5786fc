//! `source = "http"`: what is sent, what is made of the answer, and the recipes of the README against servers that answer as the real
//! ones do.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "http_source/answers.rs"]
mod answers;
#[path = "http_source/bounds.rs"]
mod bounds;
#[path = "http_source/home.rs"]
mod home;
#[path = "http_source/mistakes.rs"]
mod mistakes;
#[path = "http_source/recipes.rs"]
mod recipes;
#[path = "http_source/requests.rs"]
mod requests;
