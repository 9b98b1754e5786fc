//! What an issuer, or somebody in between, may say instead of a code.

use serde_json::{Value, json};

use crate::support::hostile;
use crate::support::{Issuer, LEAK, REFRESH, Reply, SECRET, Test, Trap, cases};
use crate::terminal::{Terminal, left};
use crate::{CODE, DEVICE, DEVICE_CODE, TOKEN, at, authorization, issuer, log_in};

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

/// A poll is answered by what no other source takes either: there is no token of it, no login, and nothing on the screen. What may pass is
/// asked about again for as long as the code holds, which here is a poll.
#[test]
fn no_poll_takes_what_is_no_token() {
    let trap = Trap::set();
    let answers = hostile::answers(&trap.url());
    cases::each(
        &answers,
        |answer| answer.name,
        |answer| {
            let issuer = issuer([answer.reply.clone()]);
            issuer.script_at(DEVICE, [authorization(&issuer, json!({ "expires_in": 2 }))]);
            let test = telling_a_secret(&issuer).named(answer.name);
            let outcome = Terminal::open(&test, &["get", "--max-retries", "1"]).finish();
            outcome.exits(answer.exit);
            shows_nothing_of_it(answer.name, &left(&outcome).text());
            assert!(test.login("prod").is_none() && test.answer().is_empty(), "{}{outcome}", answer.name);
            test.nothing_cached("prod");
        },
    );
    assert_eq!(trap.visits(), 0);
}

/// A client that proves who it is, so that there is a secret to come back.
fn telling_a_secret(issuer: &Issuer) -> Test {
    let profile = crate::profile(issuer).replace("\"cli\"", "\"ci\"");
    Test::configured(&format!("{profile}client_secret = \"{SECRET}\"\nrefresh_request_timeout = \"5s\"\n"))
}

#[track_caller]
fn shows_nothing_of_it(name: &str, text: &str) {
    // Two hundred characters of somebody else's are three lines of a terminal, and so wide ones five.
    assert!(text.lines().count() <= 14, "{name}:\n{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && !text.contains('\u{202e}'), "{name}: {text:?}");
    for secret in [LEAK, SECRET, REFRESH, DEVICE_CODE, "token-1"] {
        assert!(!text.contains(secret), "{name}: {secret}\n{text}");
    }
}

/// Nor does a renewal by the login that is kept, which only its own refusal costs.
#[test]
fn no_renewal_takes_what_is_no_token() {
    let trap = Trap::set();
    let answers = hostile::answers(&trap.url());
    cases::each(
        &answers,
        |answer| answer.name,
        |answer| {
            let issuer = issuer([]);
            let test = telling_a_secret(&issuer).named(answer.name);
            log_in(&test, &issuer, 1);
            test.forget("prod");
            issuer.script_at(TOKEN, [answer.reply.clone()]);
            let outcome = test.run(&["get", "--max-retries", "1", "--request-timeout", "5s"]);
            let is_about_the_login = answer.name == "invalid_grant";
            // What is refused to a login, somebody who logs in anew may get.
            outcome.fails(if answer.exit == 4 { 3 } else { answer.exit }, "prod").hides(LEAK).is_brief();
            assert_eq!(test.status("prod")["login"], if is_about_the_login { "dead" } else { "present" }, "{}", answer.name);
            assert_eq!(test.refresh_token("prod"), format!("{REFRESH}-1"), "{}", answer.name);
            test.nothing_cached("prod");
        },
    );
    assert_eq!(trap.visits(), 0);
}
