//! Logging in on another device (RFC 8628), as a person at a terminal and the issuer see it: the real program on a pseudo-terminal.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "device_code/ending.rs"]
mod ending;
#[path = "device_code/flow.rs"]
mod flow;
#[path = "device_code/hostile.rs"]
mod hostile;
#[path = "device_code/keeping.rs"]
mod keeping;
#[path = "device_code/manner.rs"]
mod manner;
#[path = "device_code/pace.rs"]
mod pace;
#[path = "device_code/terminal.rs"]
mod terminal;

use std::time::Duration;

use serde_json::{Value, json};

use support::{Issuer, QUICK, REFRESH, Reply, Test};
use terminal::Terminal;

const SECOND: Duration = Duration::from_secs(1);

/// Where the issuer is asked for a code, and where for a token.
const DEVICE: &str = "/device";
const TOKEN: &str = "/token";

/// What a person types, and what nobody may see.
const CODE: &str = "WDJB-MJHT";
const DEVICE_CODE: &str = "dev1ce-c4nary-a83f";

/// What the flow is called at the token endpoint.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An issuer that gives out a code, which it wants to be asked about once a second at most, and then answers so.
fn issuer(polls: impl IntoIterator<Item = Reply>) -> Issuer {
    let issuer = Issuer::start();
    issuer.script_at(DEVICE, [authorization(&issuer, json!({}))]);
    issuer.script_at(TOKEN, polls);
    issuer
}

/// A good answer of the device authorization endpoint, but for these keys.
fn authorization(issuer: &Issuer, changes: Value) -> Reply {
    let answer = json!({
        "device_code": DEVICE_CODE, "user_code": CODE, "verification_uri": address(issuer), "expires_in": 600, "interval": 1,
    });
    let (Value::Object(mut answer), Value::Object(changes)) = (answer, changes) else { unreachable!("they are objects") };
    answer.extend(changes);
    Reply::json(Value::Object(answer).to_string())
}

fn address(issuer: &Issuer) -> String {
    format!("{}/enter", issuer.url())
}

fn pending() -> Reply {
    Reply::oauth(400, "authorization_pending")
}

/// `token-N` with the refresh token of that number.
fn granted(number: u32) -> Reply {
    let answer = json!({ "access_token": format!("token-{number}"), "expires_in": 3600, "refresh_token": format!("{REFRESH}-{number}") });
    Reply::json(answer.to_string())
}

/// One profile, `prod`, at this issuer.
fn profile(issuer: &Issuer) -> String {
    format!(
        "[profile.prod]\nsource = \"device-code\"\ntoken_endpoint = \"{0}{TOKEN}\"\ndevice_authorization_endpoint = \"{0}{DEVICE}\"\n\
         client_id = \"cli\"\n",
        issuer.url()
    )
}

fn at(issuer: &Issuer) -> Test {
    Test::configured(&format!("{QUICK}{}", profile(issuer)))
}

/// Logs in, which takes a poll.
#[track_caller]
fn log_in(test: &Test, issuer: &Issuer, number: u32) {
    issuer.script_at(TOKEN, [granted(number)]);
    Terminal::open(test, &["renew"]).finish().exits(0);
}
