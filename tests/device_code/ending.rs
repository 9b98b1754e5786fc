//! Every other way out: a refusal, the end of the code, a signal, a time limit. The terminal is as it was, and nothing is kept.

use std::time::Instant;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Issuer, Outcome, Reply, Test, cases};
use crate::terminal::{Terminal, is_running, known, left};
use crate::{CODE, DEVICE, SECOND, TOKEN, at, authorization, issuer, pending};

#[track_caller]
fn leaves_nothing(test: &Test, outcome: &Outcome) {
    let screen = left(outcome);
    let text = screen.text();
    assert!(!text.contains("waiting") && !screen.cursor_is_hidden, "{text}{outcome}");
    assert_eq!((test.answer().as_str(), test.state_files()), ("", vec![]), "{outcome}");
    test.nothing_cached("prod");
}

/// What is left on the screen of a login that ends so, in one line; it is not tried twice.
#[track_caller]
fn ends(issuer: &Issuer, exit: i32) -> String {
    let test = at(issuer);
    let outcome = Terminal::open(&test, &["renew"]).finish();
    outcome.exits(exit).mentions(CODE);
    leaves_nothing(&test, &outcome);
    assert_eq!(issuer.requests_at(DEVICE).len(), 1, "{outcome}");
    left(&outcome).text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_person_who_says_no_is_taken_at_their_word() {
    let issuer = issuer([pending(), Reply::oauth(400, "access_denied")]);
    let text = ends(&issuer, 4);
    assert!(text.contains("error: prod: the login was denied hint: ") && text.contains("`token renew prod`"), "{text}");
    assert_eq!(issuer.requests_at(TOKEN).len(), 2);
}

#[test]
fn a_code_that_the_issuer_calls_expired_is_over() {
    let text = ends(&issuer([pending(), Reply::oauth(400, "expired_token")]), 4);
    assert!(text.contains("error: prod: the code expired ") && text.contains("`token renew prod`"), "{text}");
}

#[test]
fn a_code_is_not_asked_about_once_it_has_expired() {
    let issuer = issuer([pending()]);
    issuer.script_at(DEVICE, [authorization(&issuer, json!({ "expires_in": 3 }))]);
    let text = ends(&issuer, 4);
    assert!(text.contains("error: prod: the code expired ") && text.contains("`token renew prod`"), "{text}");
    let (asked, polls) = (issuer.requests_at(DEVICE)[0].at, issuer.requests_at(TOKEN));
    assert!((1..=2).contains(&polls.len()) && polls.iter().all(|poll| poll.at < asked + 3.0), "{} polls", polls.len());
}

#[test]
fn any_other_refusal_is_shown_as_it_is() {
    let body = r#"{"error":"invalid_grant","error_description":"no \u001b]52;c;aGk=\u0007such\u202e code"}"#;
    let text = ends(&issuer([Reply::json(body).with_status(400)]), 4);
    assert!(text.contains("refused: invalid_grant (no ]52;c;aGk=such code)"), "{text}");
}

#[test]
fn it_stays_refused_until_somebody_asks() {
    let issuer = issuer([Reply::oauth(400, "access_denied")]);
    let test = at(&issuer);
    Terminal::open(&test, &["renew"]).finish().exits(4);
    test.get().fails(4, "prod").mentions("denied");
    Terminal::open(&test, &["get"]).finish().exits(4);
    assert_eq!(issuer.requests_at(DEVICE).len(), 1);
    crate::log_in(&test, &issuer, 1);
    test.get().gives("token-1");
}

#[test]
fn a_signal_ends_it_at_once() {
    cases::each(
        &[("SIGINT", Signal::INT, 130), ("SIGTERM", Signal::TERM, 143), ("SIGHUP", Signal::HUP, 129)],
        |case| case.0,
        |(_, signal, exit)| {
            let issuer = issuer([pending()]);
            let test = known(at(&issuer));
            let terminal = Terminal::open(&test, &["renew"]);
            terminal.wait_for(&[CODE, "waiting"]);
            let sent = Instant::now();
            terminal.signal(*signal);
            let outcome = terminal.finish();
            assert!(sent.elapsed() < SECOND, "{:?}{outcome}", sent.elapsed());
            outcome.exits(*exit);
            leaves_nothing(&test, &outcome);
            assert!(!is_running(&test), "it runs on{outcome}");
        },
    );
}

#[test]
fn ctrl_c_ends_it_at_once() {
    let issuer = issuer([pending()]);
    let test = at(&issuer);
    let mut terminal = Terminal::open(&test, &["get"]);
    terminal.wait_for(&[CODE, "waiting"]);
    issuer.wait_for_requests(2);
    let typed = Instant::now();
    terminal.types("\x03");
    let outcome = terminal.finish();
    assert!(typed.elapsed() < SECOND, "{:?}{outcome}", typed.elapsed());
    outcome.exits(130);
    leaves_nothing(&test, &outcome);
}

#[test]
fn a_time_limit_bounds_all_of_it() {
    cases::each(
        &["--timeout", "--request-timeout"],
        |limit| limit,
        |limit| {
            let issuer = issuer([pending()]);
            let test = at(&issuer);
            let outcome = Terminal::open(&test, &["get", limit, "2s", "--max-retries", "1"]).finish();
            outcome.exits(5).within(2 * SECOND).mentions(limit).hides("4m ");
            leaves_nothing(&test, &outcome);
        },
    );
}
