//! What becomes of the login: shared between processes, used while it is good, kept when it is not.

use serde_json::json;

use crate::support::{REFRESH, Reply, Test, wait_until};
use crate::terminal::{Terminal, known, left};
use crate::{CODE, DEVICE, TOKEN, at, granted, issuer, log_in, pending, profile};

#[test]
fn a_login_that_is_refused_is_dead_until_somebody_logs_in_again() {
    let issuer = issuer([]);
    let test = at(&issuer);
    log_in(&test, &issuer, 1);
    assert_eq!(test.status("prod")["login"], "present");

    issuer.script_at(TOKEN, [Reply::oauth(400, "invalid_grant")]);
    let refused = test.run(&["get", "--renew"]);
    refused.fails(3, "prod").mentions("`token renew prod`");
    assert_eq!(test.refresh_token("prod"), format!("{REFRESH}-1"), "it is kept");
    let status = test.status("prod");
    assert_eq!((&status["login"], &status["state"]), (&json!("dead"), &json!("login-required")));

    let asked = issuer.requests_at(TOKEN).len();
    for args in [&["renew"][..], &["get", "--renew"], &["renew", "--all"]] {
        test.run(args).exits(3);
    }
    assert_eq!(issuer.requests_at(TOKEN).len(), asked, "a dead login is not presented again");

    log_in(&test, &issuer, 2);
    test.get().gives("token-2");
    assert_eq!((test.refresh_token("prod"), issuer.requests_at(DEVICE).len()), (format!("{REFRESH}-2"), 2));
}

/// Somebody who is there is asked at once when the login turns out to be dead.
#[test]
fn renew_asks_again_where_the_login_is_refused() {
    let issuer = issuer([]);
    let test = at(&issuer);
    log_in(&test, &issuer, 1);
    issuer.script_at(TOKEN, [Reply::oauth(400, "invalid_grant"), granted(2)]);
    Terminal::open(&test, &["renew"]).finish().exits(0).mentions(CODE);
    test.get().gives("token-2");
    assert_eq!(issuer.requests_at(DEVICE).len(), 2);
}

/// Nobody is asked while the login does it, even who is there.
#[test]
fn nobody_is_asked_while_the_login_is_good() {
    let issuer = issuer([]);
    let test = at(&issuer);
    log_in(&test, &issuer, 1);
    issuer.script_at(TOKEN, [granted(2)]);
    Terminal::open(&test, &["renew"]).finish().exits(0).hides(CODE);
    issuer.script_at(TOKEN, [Reply::status(503)]);
    Terminal::open(&test, &["renew"]).finish().exits(5).hides(CODE);
    assert_eq!(issuer.requests_at(DEVICE).len(), 1);
}

#[test]
fn of_two_who_log_in_at_once_one_is_asked_and_both_are_served() {
    let issuer = issuer([pending()]);
    let test = known(at(&issuer));
    let first = Terminal::open(&test, &["renew"]);
    first.wait_for(&[CODE]);
    let earlier = first.pid();
    let second = Terminal::open(&test, &["renew"]);
    wait_until("the second to start", || second.pid() != earlier);
    second.wait_for(&["prod: waiting for 127.0.0.1"]);
    issuer.wait_for_requests(issuer.count() + 3);
    issuer.script_at(TOKEN, [granted(1)]);
    first.finish().exits(0).mentions("prod: renewed, ");
    second.finish().exits(0).mentions("prod: renewed by another process").hides(CODE);
    assert_eq!(issuer.requests_at(DEVICE).len(), 1);
}

/// Two who are asked for at once each have their countdown, until each is done.
#[test]
fn two_logins_at_once_have_a_countdown_each() {
    let (one, other) = (issuer([pending()]), issuer([pending()]));
    let test = Test::configured(&(profile(&one) + &profile(&other).replace("prod", "work")));
    let terminal = Terminal::open(&test, &["renew", "--all"]);
    terminal.wait_for(&["prod: waiting for you to confirm, 4m ", "work: waiting for you to confirm, 4m "]);
    one.script_at(TOKEN, [granted(1)]);
    let shown = terminal.wait_for(&["prod: renewed, ", "work: waiting for you to confirm, "]);
    assert!(!shown.contains("prod: waiting"), "{shown}");
    other.script_at(TOKEN, [granted(2)]);
    let outcome = terminal.finish();
    let text = left(outcome.exits(0)).text();
    assert!(text.contains("work: renewed, ") && !text.contains("waiting"), "{text}");
}

/// A login is bound to its issuer and client: of another one it is none.
#[test]
fn another_client_has_no_login() {
    let issuer = issuer([]);
    let test = at(&issuer);
    log_in(&test, &issuer, 1);
    test.configure(&crate::profile(&issuer).replace("\"cli\"", "\"another\""));
    let asked = issuer.count();
    test.get().fails(3, "prod").mentions("nobody is logged in");
    assert_eq!(issuer.count(), asked);
}
