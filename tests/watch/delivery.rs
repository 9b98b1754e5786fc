//! Sinks and hooks at the renewals of the loop.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::home::mode;
use crate::support::{Issuer, Reply, Test, now, wait_until};
use crate::{Watcher, eager, shell};

fn read(test: &Test, path: &str) -> String {
    fs::read_to_string(test.path(path)).unwrap_or_default()
}

/// The time that `cached` tokens of a profile expire at, as hooks are told it.
fn expires_at(test: &Test) -> String {
    let expires_at = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds are told")]
    jiff::Timestamp::from_second(expires_at.floor() as i64).unwrap().to_string()
}

#[test]
fn each_renewal_replaces_the_sinks_and_runs_the_hook() {
    let issuer = Issuer::answering(Reply::token(2));
    let keys = "sink = [{ path = 'raw' }, { path = 'json', format = 'json', mode = '0640' }]\n".to_owned()
        + &shell("on_renew", "echo \"$TOKEN_PROFILE $TOKEN_EXPIRES_AT ${TOKEN-none} $(cat config/token/raw)\" >>told");
    let test = Test::configured(&(eager([("prod", &issuer)]) + &keys));
    let watcher = Watcher::start(&test, &[]);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Whoever reads finds a whole file at every moment.
        let reader = scope.spawn(|| {
            let sink = test.path("config/token/raw");
            wait_until("the sink", || sink.exists());
            let mut read = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                read.push(fs::read_to_string(&sink).unwrap());
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            read.dedup();
            read
        });
        wait_until("three renewals", || read(&test, "told").lines().count() >= 3);
        is_over.store(true, Ordering::Relaxed);
        let read = reader.join().unwrap();
        assert!(read.iter().all(|token| token.strip_prefix("token-").is_some_and(|number| number.parse::<u32>().is_ok())), "{read:?}");
        assert!(read.len() >= 3, "{read:?}");
    });
    assert_eq!((mode(&test.path("config/token/raw")), mode(&test.path("config/token/json"))), (0o600, 0o640));
    watcher.end();
    let told = read(&test, "told");
    for (number, line) in told.lines().enumerate().take(3) {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!((words[0], words[2]), ("prod", "none"), "{told}");
        let expires_at: jiff::Timestamp = words[1].parse().unwrap();
        let requested = issuer.requests()[number].at;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let life = expires_at.as_second() as f64 - requested;
        assert!((0.5..2.5).contains(&life), "{life}: {told}");
        assert_eq!(words[3], format!("token-{}", number + 1), "the sinks come first: {told}");
    }
}

#[test]
fn a_profile_that_parks_runs_on_error_once() {
    let issuer = Issuer::answering(Reply::oauth(401, "invalid_client"));
    issuer.script([Reply::token(4)]);
    let hook = shell("on_error", "echo \"$TOKEN_PROFILE ${TOKEN_EXPIRES_AT-none}\" >>told");
    let test = Test::configured(&(eager([("prod", &issuer)]) + &hook));
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("renewed", 1);
    let expected = format!("prod {}\n", expires_at(&test));
    watcher.wait_for("parked", 1);
    wait_until("the hook", || !read(&test, "told").is_empty());
    assert_eq!(read(&test, "told"), expected, "with the time of the token that is still valid");

    let other = Watcher::start(&test, &[]);
    other.wait_for("in the cache", 1);
    watcher.end();
    let expiry = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
    wait_until("the end of the token", || now() > expiry);
    other.wait_for("parked", 1);
    other.end();
    assert_eq!(issuer.count(), 2, "a refusal is remembered");
    assert_eq!(read(&test, "told"), expected, "and remembering it is no news");
}

#[test]
fn what_fails_of_it_is_told_and_costs_nothing() {
    let issuer = Issuer::answering(Reply::token(2));
    let keys = "sink = { path = 'nowhere/at/all' }\non_renew = ['/nowhere/hook']\n";
    let test = Test::configured(&(eager([("prod", &issuer)]) + keys));
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("renewed", 2);
    watcher.wait_for("on_renew", 1);
    watcher.wait_for("nowhere/at/all", 1);
    test.get().exits(0);
    watcher.end();
}

/// A hook that takes long holds up neither the renewals nor the other profiles.
#[test]
fn a_slow_hook_holds_up_nothing() {
    let [slow, other] = [Reply::token(2), Reply::token(2)].map(Issuer::answering);
    let test = Test::configured(&(eager([("other", &other), ("slow", &slow)]) + &shell("on_renew", "touch begun; sleep 29")));
    let watcher = Watcher::start(&test, &["--all"]);
    wait_until("the hook", || test.path("begun").exists());
    watcher.wait_for("slow: renewed", 3);
    watcher.wait_for("other: renewed", 3);
    watcher.end();
}
