//! How long, how often and how good: `--min-ttl`, `--renew`, `--offline`, `--timeout`, `--request-timeout`, `--max-retries`.

use std::time::Duration;

use crate::support::{Issuer, QUICK, Reply, SECRET, Test, cases, now, profile, wait_until};

const SECOND: Duration = Duration::from_secs(1);

/// A home whose profile has these keys besides.
fn with_keys(issuer: &Issuer, keys: &str) -> Test {
    Test::configured(&format!("{QUICK}{}{keys}\n", profile("prod", &issuer.endpoint())))
}

/// Waits until the cached token of `prod` has lived for this long.
fn age(test: &Test, seconds: f64) {
    let issued_at = test.entry("prod").unwrap()["issued_at"].as_f64().unwrap();
    wait_until("the token to age", || now() > issued_at + seconds);
}

#[test]
fn a_min_ttl_that_the_cached_token_meets_asks_nobody() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    for wanted in ["0s", "30m", "59m"] {
        test.run(&["get", "--min-ttl", wanted]).gives("token-1");
    }
    assert_eq!(issuer.count(), 1);
}

#[test]
fn a_min_ttl_that_the_cached_token_misses_is_met_by_a_new_one() {
    let issuer = Issuer::start();
    issuer.script([Reply::token(4)]);
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    age(&test, 1.05);
    test.get().gives("token-1");
    test.run(&["get", "--min-ttl", "3s"]).gives("token-2");
    test.run(&["get", "--min-ttl", "3s"]).gives("token-2");
    assert_eq!(issuer.count(), 2);
}

/// As long as the cached token is as good as new, a new one would not help.
#[test]
fn a_min_ttl_that_no_token_meets_is_refused_without_a_storm() {
    let issuer = Issuer::answering(Reply::token(60));
    let test = Test::against(&issuer);
    for _ in 0..5 {
        test.run(&["get", "--min-ttl", "1h"]).fails(4, "prod").mentions("1h");
    }
    assert!(issuer.count() <= 2, "{} requests", issuer.count());
    test.get().exits(0).is_polite();
    test.run(&["get", "--min-ttl", "50s"]).exits(0).is_polite();
    assert!(issuer.count() <= 2, "what was obtained was kept");
}

#[test]
fn an_unmeetable_min_ttl_parks_nobody_else() {
    let issuer = Issuer::answering(Reply::token(60));
    let test = Test::against(&issuer);
    test.run(&["get", "--min-ttl", "1h"]).fails(4, "prod");
    assert_eq!(test.status("prod")["state"], "fresh");
    test.run(&["get", "--min-ttl", "1h", "--offline"]).fails(5, "prod");
}

#[test]
fn the_profile_s_min_ttl_holds_unless_a_flag_says_otherwise() {
    let issuer = Issuer::start();
    let test = with_keys(&issuer, "min_ttl = \"2h\"");
    test.get().fails(4, "prod");
    test.run(&["get", "--min-ttl", "1m"]).exits(0).is_polite();

    let global = format!("[renewal]\nmin_ttl = \"2h\"\n{}", profile("prod", &issuer.endpoint()));
    Test::configured(&global).get().fails(4, "prod");
    Test::configured(&(global + "min_ttl = \"1m\"\n")).get().exits(0).is_polite();
}

#[test]
fn renew_never_gives_the_old_token() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    for number in 1..=3 {
        test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
    }
    test.get().gives("token-3");
    assert_eq!(test.run(&["get", "--renew", "-o", "json"]).json()["cached"], false);
    issuer.answer(Reply::status(503));
    test.run(&["get", "--renew"]).fails(5, "prod");
    test.get().gives("token-4");
}

#[test]
fn offline_asks_nobody() {
    let issuer = Issuer::answering(Reply::status(503));
    let test = Test::against(&issuer);
    test.run(&["get", "--offline"]).fails(5, "prod");
    assert_eq!(test.cache_files(), [""; 0], "and leaves nothing behind");

    issuer.script([Reply::token(3600)]);
    test.get().gives("token-1");
    test.run(&["get", "--offline"]).gives("token-1");
    test.run(&["get", "--offline", "--min-ttl", "30m"]).gives("token-1");
    test.run(&["get", "--offline", "--min-ttl", "2h"]).fails(5, "prod");
    assert_eq!(issuer.count(), 1);
    drop(issuer);
    test.run(&["get", "--offline"]).gives("token-1");
}

#[test]
fn offline_takes_a_token_near_expiry() {
    let issuer = Issuer::start();
    Test::near_expiry(&issuer).run(&["get", "--offline"]).gives("token-1");
    assert_eq!(issuer.count(), 1);
}

#[test]
fn offline_takes_no_expired_token() {
    let issuer = Issuer::start();
    Test::expired(&issuer).run(&["get", "--offline"]).fails(5, "prod");
    assert_eq!(issuer.count(), 1);
}

#[test]
fn the_timeout_is_for_the_whole_command() {
    let issuer = Issuer::answering(Reply::status(503));
    let test = with_keys(&issuer, "initial_retry_timeout = \"1m\"\nmax_retries = 9");
    // The next attempt would be due after the end: no use waiting for that.
    test.run(&["get", "--timeout", "1s"]).fails(5, "prod").within(SECOND);
    assert_eq!(issuer.count(), 1);

    let silent = Issuer::answering(Reply::silence());
    let test = with_keys(&silent, "max_retries = 9");
    test.run(&["get", "--timeout", "500ms"]).fails(5, "prod").within(SECOND / 2);
}

#[test]
fn a_request_timeout_ends_one_request_not_the_command() {
    let limits: [(&str, &str, &[&str]); 3] = [
        ("flag", "", &["get", "--request-timeout", "700ms"]),
        ("key", "refresh_request_timeout = \"700ms\"", &["get"]),
        ("flag over key", "refresh_request_timeout = \"20s\"", &["get", "--request-timeout", "700ms"]),
    ];
    cases::each(
        &limits,
        |case| case.0,
        |(name, keys, args)| {
            let issuer = Issuer::start();
            issuer.script([Reply::silence()]);
            let test = with_keys(&issuer, keys).named(name);
            test.run(args).gives("token-1").within(SECOND).no_sooner_than(Duration::from_millis(700));
            assert_eq!(issuer.count(), 2, "{name}");
        },
    );
}

#[test]
fn max_retries_counts_the_attempts() {
    let flags: [(&str, &[&str], usize); 6] = [
        ("", &["get"], 2),
        ("", &["get", "--max-retries", "1"], 1),
        ("", &["get", "--max-retries", "4"], 4),
        ("max_retries = 3", &["get"], 3),
        ("max_retries = 3", &["get", "--max-retries", "1"], 1),
        ("max_retries = 1", &["get", "--max-retries=2"], 2),
    ];
    for (keys, args, attempts) in flags {
        let issuer = Issuer::answering(Reply::status(500));
        let test = with_keys(&issuer, keys);
        test.run(args).fails(5, "prod");
        assert_eq!(issuer.count(), attempts, "{keys:?} {args:?}");
    }
}

#[test]
fn report_error_is_about_a_renewal_that_failed() {
    let issuer = Issuer::start();
    let test = Test::near_expiry(&issuer);
    issuer.answer(Reply::status(503));
    test.run(&["get", "--report-error"]).fails(5, "prod");

    let issuer = Issuer::start();
    Test::near_expiry(&issuer).run(&["get", "--report-error"]).gives("token-2");

    let issuer = Issuer::start();
    let fresh = Test::against(&issuer);
    fresh.get().gives("token-1");
    fresh.run(&["get", "--report-error"]).gives("token-1");
    assert_eq!(issuer.count(), 1);
}

#[test]
fn no_margin_means_until_it_expires() {
    let issuer = Issuer::start();
    issuer.script([Reply::token(600)]);
    let config = format!("[renewal]\nlifetime_safe_fraction = 0.001\n{}", profile("prod", &issuer.endpoint()));
    let test = Test::configured(&(config + "initial_safety_margin = \"none\"\n"));
    test.get().gives("token-1");
    age(&test, 1.05);
    test.get().gives("token-1");
    assert_eq!(issuer.count(), 1);
    test.run(&["get", "-o", "header"]).hides(SECRET);
}
