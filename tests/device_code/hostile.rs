//! What an issuer, or somebody in between, may say instead of a code.

use serde_json::{Value, json};

use crate::support::{Issuer, Reply, cases};
use crate::terminal::{Terminal, left};
use crate::{CODE, DEVICE, TOKEN, at, authorization, issuer};

/// What is on the screen of a login that ends with `exit` before anybody was asked anything.
#[track_caller]
fn refused(name: &str, issuer: &Issuer, exit: i32) -> String {
    let test = at(issuer).named(name);
    let outcome = Terminal::open(&test, &["renew"]).finish();
    outcome.exits(exit).mentions("prod").is_brief();
    let text = left(&outcome).text();
    assert!(!text.contains(CODE) && !text.contains("waiting") && text.lines().count() <= 6, "{name}:\n{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && !text.contains('\u{202e}'), "{name}: {text:?}");
    assert!(issuer.requests_at(TOKEN).is_empty(), "{name}");
    assert!(test.login("prod").is_none() && test.entry("prod").is_none(), "{name}");
    text
}

#[test]
fn nobody_is_sent_to_an_address_that_is_not_fit() {
    let addresses = [
        "http://login.example.com/device",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://login.example.com@evil.example/device",
        "https://",
        "/device",
        "https://login.example.com/\u{1b}[2J",
        "https://login.example.com/\u{202e}",
    ];
    cases::each(
        &addresses,
        |address| address,
        |address| {
            let issuer = issuer([]);
            issuer.script_at(DEVICE, [authorization(&issuer, json!({ "verification_uri": address }))]);
            let text = refused(address, &issuer, 4);
            assert!(text.contains("the address at which") && !text.contains("evil"), "{text}");
            assert_eq!(issuer.requests_at(DEVICE).len(), 1, "it is not asked again");
        },
    );
}

#[test]
fn an_answer_without_a_usable_code_is_no_answer() {
    let answers: [(&str, Value); 12] = [
        ("no device code", json!({ "device_code": null })),
        ("an empty device code", json!({ "device_code": "" })),
        ("a device code in two lines", json!({ "device_code": "a\nb" })),
        ("no code", json!({ "user_code": null })),
        ("a number", json!({ "user_code": 1234 })),
        ("a huge code", json!({ "user_code": "A".repeat(100_000) })),
        ("a code that clears the screen", json!({ "user_code": "\u{1b}[2J" })),
        ("a code that turns round", json!({ "user_code": "\u{202e}ABCD" })),
        ("no address", json!({ "verification_uri": null })),
        ("an expired code", json!({ "expires_in": 0 })),
        ("a code for no time", json!({ "expires_in": "soon" })),
        ("an interval that outlasts the code", json!({ "interval": 1e9 })),
    ];
    cases::each(
        &answers,
        |case| case.0,
        |(name, changes)| {
            let issuer = issuer([]);
            issuer.script_at(DEVICE, [authorization(&issuer, changes.clone())]);
            let text = refused(name, &issuer, 5);
            assert!(text.contains("is unusable"), "{text}");
        },
    );
}

#[test]
fn a_failure_of_the_endpoint_is_one() {
    let leak = crate::support::LEAK;
    let replies = [
        ("refused", Reply::oauth(401, "invalid_client"), 4),
        ("not allowed", Reply::oauth(400, "unauthorized_client"), 4),
        ("an error under 200", Reply::oauth(200, "invalid_scope"), 4),
        ("not there", Reply::status(404), 4),
        ("redirected", Reply::redirect(302, "http://127.0.0.1:1/device"), 4),
        ("failing", Reply::status(503), 5),
        ("no JSON", Reply::json(format!("<html>{leak}")), 5),
        ("a key twice", Reply::json(r#"{"device_code":"a","device_code":"b","user_code":"c","verification_uri":"https://x"}"#), 5),
        ("a list", Reply::json("[]"), 5),
        ("nothing", Reply::json(""), 5),
        ("huge", Reply::huge(5 << 20), 5),
        ("cut short", Reply::short(), 5),
        ("broken off", Reply::reset(), 5),
    ];
    cases::each(
        &replies,
        |case| case.0,
        |(name, reply, exit)| {
            let issuer = issuer([]);
            issuer.script_at(DEVICE, [reply.clone()]);
            let text = refused(name, &issuer, *exit);
            assert!(!text.contains(leak), "{text}");
        },
    );
}

/// The one that holds the code is a convenience: without it, all is as well.
#[test]
fn a_complete_address_that_is_not_fit_is_ignored() {
    let issuer = issuer([crate::granted(1)]);
    let changes = json!({ "verification_uri_complete": "javascript:alert(1)" });
    issuer.script_at(DEVICE, [authorization(&issuer, changes)]);
    let outcome = Terminal::open(&at(&issuer).env("LC_ALL", "C.UTF-8"), &["renew"]).finish();
    outcome.exits(0).mentions(CODE).hides("javascript").hides("█");
}
