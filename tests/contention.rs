//! Many processes, one profile: one request to the issuer, and nobody left behind.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "contention/rotation.rs"]
mod rotation;

use std::io::ErrorKind;
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::Signal;
use support::{Issuer, Outcome, PATIENT, Reply, Running, Test, profile, wait_until};

const CROWD: usize = 200;
const SECOND: Duration = Duration::from_secs(1);

/// What these tests count is requests, and a time limit that runs out makes another one: so none runs out because a test holds an answer
/// back, or because two hundred processes share a machine that has much else to do.
const UNHURRIED: &str = "[renewal]\ninitial_retry_timeout = \"50ms\"\nrefresh_request_timeout = \"2m\"\n";
const PATIENTLY: [&str; 2] = ["--timeout", "2m"];

/// One profile, `prod`, at this issuer, which is given all the time it wants.
fn unhurried(issuer: &Issuer) -> Test {
    Test::configured(&format!("{UNHURRIED}{}", profile("prod", &issuer.endpoint())))
}

/// Crowds take turns: two at once would measure each other.
static ONE_CROWD: Mutex<()> = Mutex::new(());

fn crowd(test: &Test, args: &[&str]) -> Vec<Running> {
    (0..CROWD).map(|_| test.spawn(&[args, &PATIENTLY].concat())).collect()
}

fn finish(crowd: Vec<Running>) -> Vec<Outcome> {
    crowd.into_iter().map(Running::finish).collect()
}

/// Runs the whole crowd to its end.
fn all(test: &Test, args: &[&str]) -> Vec<Outcome> {
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    finish(crowd(test, args))
}

#[test]
fn a_cold_crowd_makes_one_request() {
    let issuer = Issuer::answering(Reply::token(3600).after(Duration::from_millis(300)));
    let test = unhurried(&issuer);
    for outcome in all(&test, &["get"]) {
        outcome.gives("token-1");
    }
    assert_eq!(issuer.count(), 1);
    assert_eq!(test.cache_files(), ["prod.json", "prod.lock"]);
}

#[test]
fn a_crowd_at_expiry_makes_one_request() {
    let issuer = Issuer::answering(Reply::token(3600).after(Duration::from_millis(300)));
    let test = unhurried(&issuer);
    test.seed_expired(&issuer);
    for outcome in all(&test, &["get"]) {
        outcome.gives("token-2");
    }
    assert_eq!(issuer.count(), 2);
}

#[test]
fn a_crowd_near_expiry_makes_one_request_and_nobody_fails() {
    let issuer = Issuer::answering(Reply::token(3600).after(Duration::from_millis(300)));
    let test = Test::near_expiry(&issuer);
    // What is renewed now is fresh for long.
    test.configure(&format!("{UNHURRIED}{}", profile("prod", &issuer.endpoint())));
    let token_1 = |outcome: &Outcome| outcome.stdout == b"token-1\n";
    for outcome in all(&test, &["get"]) {
        outcome.gives(if token_1(&outcome) { "token-1" } else { "token-2" });
    }
    assert!(issuer.count() <= 2, "{} requests", issuer.count());
}

#[test]
fn a_crowd_before_a_failing_issuer_makes_few_requests() {
    for expired in [false, true] {
        let issuer = Issuer::answering(Reply::status(503));
        let config = format!("{PATIENT}refresh_request_timeout = \"2m\"\n{}", profile("prod", &issuer.endpoint()));
        let test = Test::configured(&config);
        if expired {
            test.seed_expired(&issuer);
        }
        let before = issuer.count();
        for outcome in all(&test, &["get"]) {
            outcome.fails(5, "prod");
        }
        let requests = issuer.count() - before;
        assert!((1..=2).contains(&requests), "{requests} requests, expired: {expired}");
    }
}

#[test]
fn a_crowd_before_a_refusing_issuer_makes_one_request() {
    let issuer = Issuer::answering(Reply::oauth(401, "invalid_client"));
    let test = unhurried(&issuer);
    for outcome in all(&test, &["get"]) {
        outcome.fails(4, "prod");
    }
    assert_eq!(issuer.count(), 1);
}

#[test]
fn a_crowd_that_asks_for_a_new_token_shares_it() {
    let issuer = Issuer::start();
    let test = unhurried(&issuer);
    test.get().gives("token-1");
    issuer.answer(Reply::token(3600).held());
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let crowd = crowd(&test, &["get", "--renew"]);
    wait_until("everyone at the lock", || crowd.iter().all(|one| has_lock_open(&test, one)));
    issuer.release();
    for outcome in finish(crowd) {
        outcome.gives("token-2");
    }
    assert_eq!(issuer.count(), 2);
}

/// Whoever has the lock file open has asked already.
fn has_lock_open(test: &Test, running: &Running) -> bool {
    let lock = test.cache_dir().join("prod.lock");
    let fds = format!("/proc/{}/fd", running.pid().as_raw_nonzero());
    let entries = match std::fs::read_dir(fds) {
        Ok(entries) => entries,
        // Only root may look into a process that is not traceable: give it time to get there.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return running.age() > 2 * SECOND;
        }
        Err(_) => return false,
    };
    let mut targets = entries.flatten().flat_map(|fd| std::fs::read_link(fd.path()));
    targets.any(|target| target == lock)
}

#[test]
fn whoever_asks_later_gets_a_newer_token() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    for number in 1..=3 {
        test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
    }
    assert_eq!(issuer.count(), 3);
}

#[test]
fn a_short_token_is_not_renewed_on_every_call() {
    let issuer = Issuer::answering(Reply::token(60));
    let test = Test::against(&issuer);
    for _ in 0..10 {
        test.get().gives("token-1");
    }
    assert_eq!(issuer.count(), 1);
}

#[test]
fn profiles_do_not_block_each_other() {
    let slow = Issuer::answering(Reply::token(3600).held());
    let quick = Issuer::start();
    let config = profile("slow", &slow.endpoint()) + &profile("quick", &quick.endpoint());
    let test = Test::configured(&config);
    let waiting = test.spawn(&["get", "slow"]);
    slow.wait_for_requests(1);
    test.run(&["get", "quick"]).gives("token-1").within(SECOND);
    slow.release();
    waiting.finish().gives("token-1");
}

/// None waits for another, and each makes its one request, though all have one issuer.
#[test]
fn two_hundred_profiles_at_once_are_one_request_each() {
    let issuer = Issuer::answering(Reply::token(3600).held());
    let names: Vec<String> = (0..CROWD).map(|number| format!("p{number}")).collect();
    let config: String = names.iter().map(|name| profile(name, &issuer.endpoint())).collect();
    let test = Test::configured(&format!("{UNHURRIED}{config}"));
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for command in [&["get"][..], &["get", "--renew"]] {
        let before = issuer.count();
        issuer.answer(Reply::token(3600).held());
        issuer.shut();
        let crowd: Vec<_> = names.iter().map(|name| test.spawn(&[command, &[name.as_str()], &PATIENTLY].concat())).collect();
        // All of them are on the way before anybody is answered.
        wait_until("a request of each", || issuer.count() == before + CROWD);
        issuer.release();
        for outcome in finish(crowd) {
            outcome.exits(0).is_polite();
        }
        assert_eq!(issuer.count(), before + CROWD);
    }
}

/// A `get` that has the lock, has asked the issuer, and will not go on until it is told to.
fn stopped_holder(test: &Test, issuer: &Issuer, args: &[&str]) -> Running {
    let before = issuer.count();
    issuer.answer(Reply::token(3600).held());
    let holder = test.spawn(args);
    issuer.wait_for_requests(before + 1);
    holder.signal(Signal::STOP);
    holder
}

#[test]
fn a_stopped_holder_costs_the_others_their_deadline_and_no_more() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    let holder = stopped_holder(&test, &issuer, &["get"]);
    let limit = Duration::from_secs(2);
    test.run(&["get", "--timeout", "2s"]).fails(7, "prod").mentions("prod.lock").within(limit).no_sooner_than(Duration::from_millis(1900));
    assert_eq!(issuer.count(), 1, "nobody asks without the lock");

    issuer.release();
    holder.signal(Signal::CONT);
    holder.finish().gives("token-1");
    test.get().gives("token-1");
    assert_eq!(issuer.count(), 1, "no double use");
}

#[test]
fn a_stopped_holder_costs_a_valid_token_nothing() {
    let issuer = Issuer::start();
    let test = Test::near_expiry(&issuer);
    let holder = stopped_holder(&test, &issuer, &["get"]);
    for args in [&["get"][..], &["get", "--timeout", "2s"], &["get", "--offline"]] {
        test.run(args).gives("token-1").within(Duration::from_millis(100));
    }
    assert_eq!(issuer.count(), 2, "one for the seed, one by the holder");
    holder.signal(Signal::CONT);
    issuer.release();
    holder.finish().gives("token-2");
}

#[test]
fn a_killed_holder_leaves_no_lock_behind() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    stopped_holder(&test, &issuer, &["get"]).kill();
    issuer.release();
    test.get().exits(0).within(SECOND);
}

#[test]
fn a_waiter_is_ended_by_a_signal() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    let holder = stopped_holder(&test, &issuer, &["get"]);
    for signal in [Signal::TERM, Signal::INT] {
        let waiter = test.spawn(&["get"]);
        wait_until("the waiter to wait", || has_lock_open(&test, &waiter));
        let signalled = std::time::Instant::now();
        waiter.signal(signal);
        waiter.finish().ended_by(signal.as_raw()).prints("");
        assert!(signalled.elapsed() < SECOND);
    }
    holder.kill();
}

/// R16: after `purge` has returned, the renewal that was in flight cannot bring the token back.
#[test]
fn a_purge_wins_over_a_renewal_in_flight() {
    for renewal in [&["renew", "prod"][..], &["get", "--renew"], &["get"]] {
        let issuer = Issuer::start();
        let test = unhurried(&issuer).named(&format!("{renewal:?}"));
        if renewal != ["get"] {
            test.get().gives("token-1");
        }
        purge_during(&test, &issuer, renewal);
        assert!(test.entry("prod").is_none(), "{renewal:?}: the token is back");
        test.run(&["get", "--offline"]).fails(5, "prod");
    }
}

fn purge_during(test: &Test, issuer: &Issuer, renewal: &[&str]) {
    let before = issuer.count();
    issuer.answer(Reply::token(3600).held());
    let renewing = test.spawn(renewal);
    issuer.wait_for_requests(before + 1);
    let purging = test.spawn(&["purge", "prod"]);
    // Whether it waits for the renewal or overrules it is its own affair: give it the time to do either.
    std::thread::sleep(Duration::from_millis(300));
    issuer.release();
    purging.finish().exits(0).prints("").is_polite();
    renewing.finish().is_polite();
    assert_eq!(issuer.count(), before + 1, "{renewal:?}: it asked again");
}
