//! Renewals ahead of expiry, of one profile and of many, through outages and purges.

use std::fs;
use std::time::Duration;

use crate::support::{Issuer, Reply, Test, now, profile, wait_until};
use crate::{EAGER, SECOND, Watcher, eager};

#[test]
fn it_renews_ahead_of_expiry_and_who_gets_beside_it_asks_nobody() {
    let issuer = Issuer::answering(Reply::token(3));
    let test = Test::configured(&eager([("prod", &issuer)]));
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("renewed", 1);
    let mut printed = Vec::new();
    while issuer.count() < 5 {
        let outcome = test.get();
        outcome.exits(0).is_polite();
        assert_eq!(outcome.stderr, "", "{outcome}");
        printed.push(outcome.stdout());
    }
    watcher.wait_for("renewed", 5);
    assert_eq!(watcher.count("in the cache"), 0, "a `get` renewed: {}", watcher.said());
    printed.dedup();
    assert!(printed.len() >= 4 && printed.is_sorted(), "{printed:?}");
    let at: Vec<f64> = issuer.requests().iter().map(|request| request.at).collect();
    for pair in at.windows(2) {
        let life = pair[1] - pair[0];
        // Times are kept in whole seconds.
        assert!((0.4..1.9).contains(&life), "half of three seconds, less jitter, and never too late: {life}");
    }
    watcher.end();
}

/// A token that is in the cache already is watched, not replaced.
#[test]
fn a_fresh_token_is_left_alone() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("in the cache", 1);
    test.get().gives("token-1");
    watcher.end();
    assert_eq!(issuer.count(), 1);
}

#[test]
fn one_process_watches_many_and_asks_one_host_by_sixteen_at_most() {
    const PROFILES: usize = 40;
    let issuer = Issuer::answering(Reply::token(3600).held());
    let names: Vec<String> = (0..PROFILES).map(|number| format!("p{number}")).collect();
    let test = Test::configured(&eager(names.iter().map(|name| (name.as_str(), &issuer))));
    let watcher = Watcher::start(&test, &["--all"]);
    issuer.wait_for_requests(16);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(issuer.count(), 16);
    issuer.release();
    watcher.wait_for("renewed", PROFILES);
    for name in &names {
        assert_eq!(watcher.count_starting(&format!("{name}: renewed")), 1, "{name}: {}", watcher.said());
        assert!(test.entry(name).is_some(), "{name}");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", watcher.pid().as_raw_nonzero())).unwrap();
    let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap().trim().parse::<u32>().unwrap();
    assert_eq!(threads, 1, "all on one thread");
    watcher.end();
    assert_eq!(issuer.count(), PROFILES);
}

/// Without `--all`, those that are named.
#[test]
fn those_that_are_named_are_watched() {
    let issuer = Issuer::start();
    let test = Test::configured(&eager(["a", "b", "c"].map(|name| (name, &issuer))));
    let watcher = Watcher::start(&test, &["a", "c", "a"]);
    watcher.wait_for("renewed", 2);
    watcher.end();
    assert_eq!(["a", "b", "c"].map(|name| test.entry(name).is_some()), [true, false, true]);
    test.run(&["watch"]).exits(2).prints("").is_polite();
    test.run(&["watch", "d"]).fails(2, "d");
    Test::configured("").run(&["watch", "--all"]).exits(2).prints("").is_polite();
}

/// How many attempts the backoff formula allows within `seconds`: 100 ms, by 1.5, up to a second, 5 % of jitter.
fn attempts_within(seconds: f64) -> usize {
    let (mut attempts, mut at, mut wait) = (0, 0.0, 0.1_f64);
    while at <= seconds {
        attempts += 1;
        at += wait * 0.95;
        wait = (wait * 1.5).min(1.0);
    }
    attempts
}

#[test]
fn an_outage_costs_what_the_formula_says_and_ends_within_one_step() {
    const BACKOFF: &str = "[renewal]\ninitial_retry_timeout = \"100ms\"\nmax_retry_timeout = \"1s\"\nlifetime_safe_fraction = 0.5\n";
    let issuer = Issuer::answering(Reply::token(2));
    let test = Test::configured(&(BACKOFF.to_owned() + &profile("prod", &issuer.endpoint())));
    let watchers = [Watcher::start(&test, &[]), Watcher::start(&test, &[])];
    wait_until("a token", || test.entry("prod").is_some());
    issuer.answer(Reply::status(503));
    let before = issuer.count();
    issuer.wait_for_requests(before + 1);
    let began = issuer.requests()[before].at;
    std::thread::sleep(4 * SECOND);
    let ended = now();
    issuer.answer(Reply::token(3600));
    let asked = issuer.count() - before;
    let allowed = attempts_within(ended - began);
    assert!(asked <= allowed, "{asked} requests of two watchers, {allowed} are allowed: {}", watchers[0].said());
    assert!(asked + 3 >= allowed, "only {asked} requests of {allowed}: they gave up");
    issuer.wait_for_requests(before + asked + 1);
    let recovered = issuer.requests()[before + asked].at - ended;
    assert!(recovered < 1.5, "within one step, which is a second: {recovered}");
    wait_until("the token", || test.status("prod")["state"] == "fresh");
    assert_eq!(issuer.count(), before + asked + 1, "one request for both");
    for watcher in watchers {
        watcher.end();
    }
}

/// R9: while the old token is valid, nobody is worse off.
#[test]
fn an_outage_costs_a_valid_token_nothing() {
    let issuer = Issuer::answering(Reply::token(4));
    let test = Test::configured(&eager([("prod", &issuer)]));
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("renewed", 1);
    issuer.answer(Reply::status(503));
    watcher.wait_for("failed", 2);
    test.get().gives("token-1");
    issuer.answer(Reply::token(3600));
    watcher.wait_for("renewed", 2);
    test.get().gives("token-2");
    watcher.end();
}

#[test]
fn a_purge_does_not_disturb_it() {
    let issuer = Issuer::answering(Reply::token(2));
    let test = Test::configured(&eager([("prod", &issuer)]));
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("renewed", 1);
    for purge in [&["purge"][..], &["purge", "--all"], &["purge"]] {
        test.run(purge).exits(0).is_polite();
        std::thread::sleep(Duration::from_millis(100));
    }
    watcher.is_alive();
    watcher.wait_for("renewed", 3);
    fs::remove_dir_all(test.cache_dir()).unwrap();
    watcher.wait_for("renewed", 5);
    watcher.end();
}

/// A cache that cannot be used is told of, and taken up again once it can be.
#[test]
fn a_cache_that_is_refused_does_not_end_it() {
    let issuer = Issuer::answering(Reply::token(2));
    let test = Test::configured(&(EAGER.to_owned() + &profile("prod", &issuer.endpoint())));
    fs::write(test.cache_dir(), "a file").unwrap();
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("failed", 2);
    fs::remove_file(test.cache_dir()).unwrap();
    watcher.wait_for("renewed", 2);
    watcher.end();
}
