//! `token renew`: a new token now, one line a profile, and, after a 401, once however many ask.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

use std::io::Write as _;
use std::time::Duration;

use serde_json::Value;

use support::{Issuer, Outcome, PATIENT, QUICK, RESTLESS, Reply, Running, Test, fingerprint, profile, wait_until};

const SECOND: Duration = Duration::from_secs(1);

/// A home with these profiles.
fn with(profiles: &[(&str, &Issuer)]) -> Test {
    let profiles: String = profiles.iter().map(|(name, issuer)| profile(name, &issuer.endpoint())).collect();
    Test::configured(&format!("{QUICK}{profiles}"))
}

/// The token in the cache.
fn cached(test: &Test, name: &str) -> Value {
    test.entry(name).map_or(Value::Null, |entry| entry["token"].clone())
}

/// One line on stderr for each of these profiles, in any order, and nothing on stdout.
#[track_caller]
fn tells_of(outcome: &Outcome, names: &[&str]) {
    outcome.prints("").is_polite();
    let mut told: Vec<&str> = outcome.stderr.lines().map(|line| line.split(':').next().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, names, "one line a profile{outcome}");
}

#[test]
fn it_renews_whatever_the_cache_holds() {
    let issuer = Issuer::start();
    let test = with(&[("prod", &issuer)]);
    for number in 1..=3 {
        tells_of(test.run(&["renew", "prod"]).exits(0), &["prod"]);
        test.get().gives(&format!("token-{number}"));
    }
    assert_eq!(issuer.count(), 3);
}

#[test]
fn it_finds_its_profile_as_get_does() {
    let (a, b) = (Issuer::start(), Issuer::start());
    let only = with(&[("a", &a)]);
    tells_of(only.run(&["renew"]).exits(0), &["a"]);

    let several = with(&[("a", &a), ("b", &b)]);
    several.run(&["renew"]).exits(2).prints("").mentions("a").mentions("b").is_polite();
    tells_of(several.run(&["renew", "-p", "b"]).exits(0), &["b"]);
    tells_of(several.run(&["renew", "b", "b"]).exits(0), &["b"]);
    tells_of(several.run(&["renew", "b", "a"]).exits(0), &["a", "b"]);
    tells_of(several.run(&["renew", "--all"]).exits(0), &["a", "b"]);
    let usual = several.env("TOKEN_PROFILE", "a");
    tells_of(usual.run(&["renew"]).exits(0), &["a"]);
    assert_eq!((a.count(), b.count()), (4, 4));
}

#[test]
fn several_profiles_are_renewed_at_once() {
    let issuers = [Issuer::start(), Issuer::start(), Issuer::start()];
    for issuer in &issuers {
        issuer.answer(Reply::token(3600).held());
    }
    let test = with(&[("a", &issuers[0]), ("b", &issuers[1]), ("c", &issuers[2])]);
    let renewing = test.spawn(&["renew", "--all"]);
    // Nobody is answered before everybody has asked.
    for issuer in &issuers {
        issuer.wait_for_requests(1);
    }
    for issuer in &issuers {
        issuer.release();
    }
    tells_of(renewing.finish().exits(0), &["a", "b", "c"]);
}

#[test]
fn the_worst_exit_status_counts_and_the_others_are_renewed() {
    let good = Issuer::start();
    let (down, refused) = (Issuer::answering(Reply::status(503)), Issuer::answering(Reply::oauth(401, "invalid_client")));
    for (name, other, exit) in [("temporary", &down, 5), ("refused", &refused, 4), ("fine", &good, 0)] {
        let test = with(&[("a", &good), ("b", other), ("c", &good)]).named(name);
        let outcome = test.run(&["renew", "--all", "--max-retries", "1"]);
        outcome.exits(exit).prints("").mentions("a: ").mentions("b: ").mentions("c: ").is_polite();
        assert!(cached(&test, "a").is_string() && cached(&test, "c").is_string(), "{name}: the others have tokens");
        assert_eq!(cached(&test, "b").is_string(), exit == 0, "{name}");
    }
}

#[test]
fn a_broken_secret_harms_its_profile_only() {
    let good = Issuer::start();
    let broken = profile("b", &good.endpoint()).replace(&format!("\"{}\"", support::SECRET), "{ env = \"NO_SUCH_VARIABLE\" }");
    let test = Test::configured(&(profile("a", &good.endpoint()) + &broken));
    test.run(&["renew", "--all"]).exits(2).prints("").mentions("NO_SUCH_VARIABLE").is_polite();
    assert_eq!(cached(&test, "a"), "token-1");
}

#[test]
fn a_name_that_is_none_stops_it_before_anything_is_done() {
    let issuer = Issuer::start();
    let test = with(&[("prod", &issuer)]);
    test.run(&["renew", "prod", "prd"]).fails(2, "prd").mentions("`prod`");
    assert_eq!(issuer.count(), 0);
}

#[test]
fn with_nothing_to_renew_it_says_so() {
    let outcome = Test::bare().run(&["renew", "--all"]);
    outcome.prints("").is_polite();
    assert!(!outcome.stderr.is_empty(), "a user who gets no token is told why{outcome}");
}

#[test]
fn a_failure_is_an_error_though_the_old_token_is_valid() {
    let issuer = Issuer::start();
    let test = with(&[("prod", &issuer)]);
    test.get().gives("token-1");
    issuer.answer(Reply::status(503));
    test.run(&["renew"]).fails(5, "prod");
    test.get().gives("token-1");
}

#[test]
fn it_asks_again_where_get_would_not() {
    let issuer = Issuer::answering(Reply::oauth(400, "invalid_client"));
    let test = with(&[("prod", &issuer)]);
    test.get().fails(4, "prod");
    test.get().fails(4, "prod");
    assert_eq!(issuer.count(), 1, "parked");
    test.run(&["renew"]).fails(4, "prod");
    assert_eq!(issuer.count(), 2, "asked for, so tried");
    issuer.answer(Reply::token(3600));
    tells_of(test.run(&["renew"]).exits(0), &["prod"]);
    test.get().gives("token-1");
    assert_eq!(test.status("prod")["last_error"], Value::Null);

    let issuer = Issuer::answering(Reply::status(503));
    let test = Test::configured(&format!("{PATIENT}{}", profile("prod", &issuer.endpoint())));
    test.get().fails(5, "prod");
    issuer.answer(Reply::token(3600));
    test.get().fails(5, "prod");
    tells_of(test.run(&["renew"]).exits(0), &["prod"]);
    assert_eq!(issuer.count(), 2);
}

#[test]
fn limits_are_flags_here_too() {
    let issuer = Issuer::answering(Reply::status(500));
    let test = with(&[("prod", &issuer)]);
    test.run(&["renew", "--max-retries", "3"]).fails(5, "prod");
    assert_eq!(issuer.count(), 3);
    issuer.answer(Reply::silence());
    test.run(&["renew", "--timeout", "400ms"]).fails(5, "prod").within(Duration::from_millis(400));
    test.run(&["renew", "--request-timeout", "200ms", "--max-retries", "1"]).fails(5, "prod").within(Duration::from_millis(200));
    issuer.answer(Reply::token(60));
    test.run(&["renew", "--min-ttl", "1h"]).fails(4, "prod");
}

#[test]
fn if_near_expiry_asks_only_where_it_is_due() {
    let issuer = Issuer::start();
    let config = format!("{RESTLESS}{}", profile("near", &issuer.endpoint()));
    let fresh = profile("fresh", &issuer.endpoint()) + "lifetime_safe_fraction = 0.9\n";
    let missing = profile("missing", &issuer.endpoint());
    let test = Test::configured(&(config + &fresh + &missing));
    test.run(&["renew", "fresh"]).exits(0);
    issuer.script([Reply::token(600)]);
    test.run(&["renew", "near"]).exits(0);
    let issued_at = test.entry("near").unwrap()["issued_at"].as_f64().unwrap();
    wait_until("the token to near its expiry", || support::now() > issued_at + 1.05);

    let outcome = test.run(&["renew", "--all", "--if-near-expiry"]);
    tells_of(outcome.exits(0), &["fresh", "missing", "near"]);
    assert_eq!(issuer.count(), 4, "the one near its expiry and the one that is missing");
    assert_eq!(cached(&test, "fresh"), "token-1");
    assert!(cached(&test, "missing").is_string());
}

#[test]
fn if_near_expiry_renews_what_has_expired() {
    let issuer = Issuer::start();
    let test = Test::expired(&issuer);
    tells_of(test.run(&["renew", "--if-near-expiry"]).exits(0), &["prod"]);
    tells_of(test.run(&["renew", "--if-near-expiry"]).exits(0), &["prod"]);
    assert_eq!(issuer.count(), 2);
    test.get().gives("token-2");
}

#[test]
fn if_token_is_renews_that_token_and_no_other() {
    let table = [
        ("the token", "token-1".to_owned(), true),
        ("the token and a line end", "token-1\n".to_owned(), true),
        ("the token and CR LF", "token-1\r\n".to_owned(), true),
        ("its fingerprint", fingerprint("token-1"), true),
        ("its fingerprint and a line end", fingerprint("token-1") + "\n", true),
        ("what sha256sum prints", fingerprint("token-1") + "  -\n", true),
        ("what sha256sum --binary prints", fingerprint("token-1") + " *token.txt\n", true),
        ("another token", "token-0".to_owned(), false),
        ("another fingerprint", fingerprint("token-0"), false),
        ("its fingerprint and more", fingerprint("token-1") + "0", false),
        ("a part of it", "token-".to_owned(), false),
        ("a longer one", "token-11".to_owned(), false),
        ("the fingerprint of its fingerprint", fingerprint(&fingerprint("token-1")), false),
        ("a very long one", "x".repeat(1 << 20), false),
    ];
    for (name, input, renews) in table {
        let issuer = Issuer::start();
        let test = with(&[("prod", &issuer)]).named(name);
        test.get().gives("token-1");
        let outcome = test.fed(&["renew", "prod", "--if-token-is", "-"], &input);
        tells_of(outcome.exits(0), &["prod"]);
        assert_eq!(issuer.count(), 1 + usize::from(renews), "{name}{outcome}");
        test.get().gives(if renews { "token-2" } else { "token-1" });
    }
}

#[test]
fn if_token_is_wants_a_token() {
    let issuer = Issuer::start();
    let test = with(&[("prod", &issuer)]);
    test.get().gives("token-1");
    for input in ["", "\n", "  \n", "Authorization: Bearer token-1\n", "token-1\ntoken-1\n"] {
        test.fed(&["renew", "prod", "--if-token-is", "-"], input).exits(2).prints("").mentions("--if-token-is").is_polite();
    }
    assert_eq!(issuer.count(), 1);
}

/// The time limit is for both: to read the token, and to replace it.
#[test]
fn if_token_is_has_less_time_left_the_longer_it_is_waited_for() {
    let issuer = Issuer::start();
    let test = with(&[("prod", &issuer)]);
    test.get().gives("token-1");
    issuer.answer(Reply::silence());
    let (reader, mut writer) = std::io::pipe().unwrap();
    let args = ["renew", "prod", "--if-token-is", "-", "--timeout", "2s", "--request-timeout", "1m"];
    let mut command = test.command(&args);
    command.stdin(reader);
    let running = test.start(command, &args);
    wait_until("most of the time to pass", || running.age() > Duration::from_millis(1500));
    writer.write_all(b"token-1").unwrap();
    drop(writer);
    running.finish().fails(5, "prod").within(2 * SECOND);
}

#[test]
fn if_token_is_does_nothing_where_nothing_is_cached() {
    let issuer = Issuer::start();
    let test = with(&[("prod", &issuer)]);
    tells_of(test.fed(&["renew", "prod", "--if-token-is", "-"], "token-1").exits(0), &["prod"]);
    assert_eq!(issuer.count(), 0);
}

#[test]
fn if_token_is_finds_the_profile_whose_token_it_is() {
    let (a, b) = (Issuer::start(), Issuer::start());
    b.script([Reply::json(r#"{"access_token":"beta","expires_in":3600}"#)]);
    let test = with(&[("a", &a), ("b", &b)]);
    test.run(&["renew", "--all"]).exits(0);
    tells_of(test.fed(&["renew", "--all", "--if-token-is", "-"], "beta").exits(0), &["a", "b"]);
    assert_eq!((a.count(), b.count()), (1, 2));
}

/// After a 401 everybody asks: the refused token is replaced once.
#[test]
fn thirty_who_were_refused_make_one_request() {
    let issuer = Issuer::start();
    let test = with(&[("prod", &issuer)]);
    test.get().gives("token-1");
    issuer.answer(Reply::token(3600).after(Duration::from_millis(300)));
    let ask = |number: usize| {
        let input = if number.is_multiple_of(2) { "token-1".to_owned() } else { fingerprint("token-1") };
        test.spawn_fed(&["renew", "prod", "--if-token-is", "-"], &input)
    };
    let asking: Vec<Running> = (0..30).map(ask).collect();
    for running in asking {
        tells_of(running.finish().exits(0), &["prod"]);
    }
    assert_eq!(issuer.count(), 2);
    test.get().gives("token-2");
    // Whoever is late was refused the old one still.
    tells_of(test.fed(&["renew", "prod", "--if-token-is", "-"], "token-1").exits(0), &["prod"]);
    assert_eq!(issuer.count(), 2);
}

#[test]
fn a_refused_token_that_cannot_be_replaced_is_an_error() {
    let issuer = Issuer::start();
    let test = with(&[("prod", &issuer)]);
    test.get().gives("token-1");
    issuer.answer(Reply::status(503));
    test.fed(&["renew", "prod", "--if-token-is", "-"], "token-1").fails(5, "prod").within(SECOND);
}
