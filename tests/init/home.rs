//! An issuer that says what it offers, and a home without a configuration.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Issuer, Outcome, Reply, Test};

pub const DISCOVERY: &str = "/.well-known/openid-configuration";

/// The grants by their registered names.
pub const CODE_GRANT: &str = "authorization_code";
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub const CLIENT_GRANT: &str = "client_credentials";

/// An issuer that says this of itself, besides who it is and where tokens are had.
pub fn issuer(said: &Value) -> Issuer {
    let issuer = Issuer::start();
    describe(&issuer, said);
    issuer
}

/// From now on it says this.
pub fn describe(issuer: &Issuer, said: &Value) {
    let url = issuer.url();
    let mut document = json!({
        "issuer": url, "token_endpoint": format!("{url}/token"), "authorization_endpoint": format!("{url}/authorize"),
        "device_authorization_endpoint": format!("{url}/device"),
    });
    for (key, value) in said.as_object().unwrap() {
        document[key] = value.clone();
    }
    issuer.script_at(DISCOVERY, [Reply::json(document.to_string())]);
}

/// An issuer that offers these grants.
pub fn offering(grants: &[&str]) -> Issuer {
    issuer(&json!({ "grant_types_supported": grants }))
}

pub fn config_path(test: &Test) -> PathBuf {
    test.path("config/token/config.toml")
}

/// What is configured; nothing where there is no such file.
pub fn config(test: &Test) -> String {
    fs::read_to_string(config_path(test)).unwrap_or_default()
}

/// Runs `token init` without anybody there.
#[track_caller]
pub fn init(test: &Test, words: &[&str]) -> Outcome {
    let words: Vec<&str> = ["init"].into_iter().chain(words.iter().copied()).collect();
    let outcome = test.run(&words);
    outcome.is_polite().is_brief();
    outcome
}

/// Nothing was written, not even a directory.
#[track_caller]
pub fn nothing_written(test: &Test, outcome: &Outcome) {
    assert!(!test.path("config").exists(), "{:?}{outcome}", config(test));
    assert!(test.cache_files().is_empty() && test.state_files().is_empty(), "{outcome}");
}

/// The value of a key in the configuration, as it is written.
#[track_caller]
pub fn value(text: &str, key: &str) -> String {
    let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
    found.and_then(|rest| rest.split("  #").next()).unwrap_or_else(|| panic!("no `{key}` in\n{text}")).trim().to_owned()
}
