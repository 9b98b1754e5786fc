//! Bodies that are not what RFC 6749 §5 promises, and text that wants to be shown.

use base64::Engine;
use serde_json::{Value, json};

use crate::support::{Issuer, QUICK, Reply, SECRET, Test, cases, hostile, profile, seconds};

struct Body {
    name: &'static str,
    reply: Reply,
}

fn taken(case: &Body) -> Test {
    let issuer = Issuer::answering(case.reply.clone());
    let test = Test::against(&issuer).named(case.name);
    test.get().gives("token-1");
    test.get().gives("token-1");
    assert_eq!(issuer.count(), 1, "{}: one request", case.name);
    test
}

/// A good answer with one member set.
fn with(name: &'static str, member: &str, value: Value) -> Body {
    Body { name, reply: hostile::with(member, value) }
}

/// A good answer with one member less.
fn without(name: &'static str, member: &str) -> Body {
    Body { name, reply: hostile::without(member) }
}

#[test]
fn good_json_is_taken_whatever_its_label() {
    for label in ["text/html", "application/octet-stream", "", "garbage"] {
        let mut case = with("good JSON", "scope", json!("read"));
        case.reply = case.reply.header("Content-Type", label);
        taken(&case);
    }
}

#[test]
fn the_longest_token_and_every_character_are_taken() {
    let every: String = ('\u{21}'..='\u{7e}').collect();
    for token in ["a".repeat(65_536), every, "x".to_owned()] {
        let case = with("a token", "access_token", json!(token));
        let issuer = Issuer::answering(case.reply);
        let test = Test::against(&issuer);
        test.get().exits(0).prints(&format!("{token}\n"));
        test.get().exits(0).prints(&format!("{token}\n"));
        assert_eq!(issuer.count(), 1);
    }
}

#[test]
fn a_bearer_token_may_be_spelt_otherwise() {
    let kind = |name| with(name, "token_type", json!(name));
    let bearers =
        [kind("Bearer"), kind("bearer"), kind("BEARER"), without("absent", "token_type"), with("null", "token_type", Value::Null)];
    cases::each(
        &bearers,
        |case| case.name,
        |case| {
            let test = taken(case);
            let header = test.run(&["get", "-o", "header"]);
            header.exits(0).prints("Authorization: Bearer token-1\n");
        },
    );
}

struct Expiry {
    name: &'static str,
    value: Value,
    ttl: Option<&'static str>,
    /// Seconds of life that the entry may tell.
    lives: std::ops::RangeInclusive<i64>,
}

#[test]
fn expires_in_is_read_with_care() {
    const YEAR: i64 = 366 * 86_400;
    let case = |name, value, ttl, lives| Expiry { name, value, ttl, lives };
    let cases = [
        case("a number", json!(3600), None, 3599..=3600),
        case("a string", json!("3600"), None, 3599..=3600),
        case("a fraction is floored", json!(3599.9), None, 3598..=3599),
        case("10¹⁸", json!(1_000_000_000_000_000_000_i64), None, 9 * YEAR..=10 * YEAR),
        case("past i64", json!(1e300), None, 9 * YEAR..=10 * YEAR),
        case("null, with a ttl", Value::Null, Some("10m"), 599..=600),
        case("null", Value::Null, None, 1..=YEAR),
        case("the earliest counts: ttl", json!(3600), Some("10m"), 599..=600),
        case("the earliest counts: answer", json!(60), Some("10m"), 59..=60),
    ];
    cases::each(&cases, |case| case.name, check_expiry);
}

fn check_expiry(case: &Expiry) {
    let reply = with(case.name, "expires_in", case.value.clone()).reply;
    let issuer = Issuer::answering(reply);
    let mut config = format!("{QUICK}{}", profile("prod", &issuer.endpoint()));
    if let Some(ttl) = case.ttl {
        config.extend(["ttl = \"", ttl, "\"\n"]);
    }
    let test = Test::configured(&config).named(case.name);
    let asked_at = seconds();
    test.get().gives("token-1");
    let entry = test.entry("prod").unwrap();
    let expires_at = entry["expires_at"].as_i64();
    let lives = expires_at.map(|at| at - asked_at);
    assert!(
        lives.is_some_and(|lives| (*case.lives.start()..=case.lives.end() + 1).contains(&lives)),
        "{}: lives {lives:?} s, not {:?}",
        case.name,
        case.lives
    );
    assert_eq!(issuer.count(), 1, "{}", case.name);
}

#[test]
fn an_absent_expiry_is_like_null() {
    let test = taken(&without("absent", "expires_in"));
    assert!(test.entry("prod").unwrap()["expires_at"].is_i64(), "never for ever");
}

/// At the loudest, and when it is told of later. (That it is refused, `kinds` holds.)
#[test]
fn hostile_text_stays_tame_at_the_loudest_and_in_memory() {
    let answers = [hostile::descriptions(), hostile::echoes()].concat();
    cases::each(
        &answers,
        |case| case.name,
        |case| {
            let issuer = Issuer::answering(case.reply.clone());
            let test = Test::against(&issuer).named(case.name);
            test.run(&["-vvv", "get"]).exits(case.exit).prints("").is_polite().is_brief();
            let status = test.run(&["status", "prod"]);
            status.exits(0).is_polite();
            let unfit = status.stdout().chars().any(|c| c.is_control() && c != '\n');
            assert!(!unfit, "{}: status shows it{status}", case.name);
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("ci:{SECRET}"));
            assert_eq!(issuer.requests()[0].header("authorization"), Some(format!("Basic {basic}").as_str()), "it was sent");
            for file in test.cache_files() {
                let content = std::fs::read_to_string(test.cache_dir().join(&file)).unwrap();
                assert!(!content.contains(SECRET) && !content.contains(&basic), "{}: the secret is in {file}", case.name);
            }
        },
    );
}
