//! Statuses, OAuth errors and Retry-After: what is tried again, what is final, what is remembered.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::support::hostile::{self, Hostile};
use crate::support::kinds::{Kind, each_with};
use crate::support::{Issuer, PATIENT, Reply, Test, cases, profile, seconds};

#[test]
fn a_refusal_is_remembered_until_somebody_asks() {
    let refusals = hostile::refusals();
    cases::each(&refusals, |case| case.name, a_second_get_asks_nobody);
}

fn a_second_get_asks_nobody(case: &Hostile) {
    let issuer = Issuer::answering(case.reply.clone());
    let test = Test::against(&issuer).named(case.name);
    test.get().fails(4, "prod");
    test.get().fails(4, "prod").within(Duration::from_secs(1));
    assert_eq!(issuer.count(), 1, "{}: parked", case.name);
    assert_eq!(test.status("prod")["state"], "parked", "{}", case.name);

    issuer.answer(Reply::json(r#"{"access_token":"token-1","expires_in":3600}"#));
    test.run(&["get", "--renew"]).gives("token-1");
    assert_eq!(issuer.count(), 2, "{}: someone asked", case.name);
    assert_eq!(test.status("prod")["state"], "fresh", "{}", case.name);
}

#[test]
fn a_refusal_names_its_code() {
    let issuer = Issuer::answering(Reply::oauth(400, "invalid_grant"));
    let test = Test::against(&issuer);
    test.get().fails(4, "prod").mentions("invalid_grant");
}

#[test]
fn parked_until_the_config_changes() {
    let issuer = Issuer::answering(Reply::oauth(401, "invalid_client"));
    let test = Test::against(&issuer);
    test.get().fails(4, "prod");
    issuer.answer(Reply::token(3600));
    let config = profile("prod", &issuer.endpoint()).replace("\"ci\"", "\"ci-2\"");
    test.configure(&config);
    test.get().gives("token-1");
}

#[test]
fn the_second_attempt_may_succeed() {
    let issuer = Issuer::start();
    issuer.script([Reply::status(503)]);
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    assert_eq!(issuer.count(), 2);
    assert_eq!(test.cache_files(), ["prod.json", "prod.lock"]);
}

#[test]
fn max_retries_counts_attempts() {
    for attempts in [1, 2, 4] {
        let issuer = Issuer::answering(Reply::status(503));
        let test = Test::against(&issuer);
        test.run(&["get", "--max-retries", &attempts.to_string()]).fails(5, "prod");
        assert_eq!(issuer.count(), attempts);
    }
}

#[test]
fn a_failure_is_remembered_until_its_next_try() {
    let issuer = Issuer::answering(Reply::status(503));
    let config = format!("{PATIENT}{}", profile("prod", &issuer.endpoint()));
    let test = Test::configured(&config);
    let first = test.run(&["get", "--max-retries", "1"]);
    first.fails(5, "prod");
    for _ in 0..3 {
        test.get().fails(5, "prod").within(Duration::from_secs(1));
    }
    assert_eq!(issuer.count(), 1, "plain gets ask the memo, not the issuer");
    let status = test.status("prod");
    assert_eq!(status["state"], "backing-off");
    assert_eq!(status["last_error"]["class"], "temporary");

    issuer.answer(Reply::token(3600));
    test.run(&["get", "--renew"]).gives("token-1");
    assert_eq!(test.cache_files(), ["prod.json", "prod.lock"]);
}

struct RetryAfter {
    name: &'static str,
    value: String,
    requests: usize,
    /// Seconds until the next try, as `status` tells them.
    remembered: Option<RangeInclusive<i64>>,
}

#[test]
fn retry_after_is_honoured_capped_and_remembered() {
    let in_half_an_hour = jiff::Timestamp::from_second(seconds() + 1800).unwrap();
    let date = in_half_an_hour.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let case = |name, value: &str, requests, remembered| RetryAfter { name, value: value.to_owned(), requests, remembered };
    let cases = [
        case("seconds", "600", 1, Some(590..=601)),
        case("a date", &date.to_string(), 1, Some(1780..=1801)),
        case("a far date", "Fri, 31 Dec 2100 23:59:59 GMT", 1, Some(3590..=3601)),
        case("10⁹", "1000000000", 1, Some(3590..=3601)),
        case("past u64", "99999999999999999999999", 1, None),
        case("a past date", "Wed, 21 Oct 2015 07:28:00 GMT", 2, None),
        case("zero", "0", 2, None),
        case("negative", "-5", 2, None),
        case("junk", "soon\u{2014}ish", 2, None),
        case("empty", "", 2, None),
    ];
    let pairs = each_with(&cases, |case| case.name);
    cases::each(
        &pairs,
        |pair| &pair.0,
        |(name, kind, case)| {
            for status in [429, 503] {
                check_retry_after(&format!("{name}, {status}"), *kind, case, status);
            }
        },
    );
}

fn check_retry_after(name: &str, kind: Kind, case: &RetryAfter, status: u16) {
    let issuer = Issuer::answering(Reply::status(status).header("Retry-After", &case.value));
    let test = kind.at(&issuer.endpoint()).named(name);
    let limit = Duration::from_secs(8);
    test.run(&["get", "--timeout", "8s"]).fails(5, "prod").within(limit);
    if case.name == "past u64" {
        // Too large for any integer: junk or an hour, as the parser sees it. Neither asks more than twice.
        assert!(issuer.count() <= 2, "{name}");
        return;
    }
    assert_eq!(issuer.count(), case.requests, "{name}");
    let Some(remembered) = &case.remembered else {
        return;
    };
    let status = test.status("prod");
    let retry_at: jiff::Timestamp = status["last_error"]["retry_at"].as_str().unwrap().parse().unwrap();
    let wait = retry_at.as_second() - seconds();
    assert!(remembered.contains(&wait), "{name}: next try in {wait} s");
    test.get().fails(5, "prod").within(Duration::from_secs(1));
    test.run(&["get", "--renew", "--timeout", "3s"]).fails(5, "prod").within(Duration::from_secs(3));
    assert_eq!(issuer.count(), 1, "{name}: not even --renew asks earlier");
}

#[test]
fn a_short_retry_after_is_waited_for_in_full() {
    let issuer = Issuer::start();
    issuer.script([Reply::status(429).header("Retry-After", "1")]);
    let test = Test::against(&issuer);
    test.get().gives("token-1").no_sooner_than(Duration::from_secs(1)).within(Duration::from_secs(2));
    assert_eq!(issuer.count(), 2);
}
