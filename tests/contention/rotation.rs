//! Crowds at a login that rotates, whose reuse revokes it: one request a round, and the family lives (R3, R4).

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{CROWD, ONE_CROWD, has_lock_open};
use crate::support::{Issuer, Outcome, QUICK, Reuse, Running, Test, login_profile, now, wait_until};

/// A third of each crowd: `renew`, `get --renew`, and `get` a token that is gone.
const COMMANDS: [&[&str]; 3] = [&["renew", "prod", "--timeout", "2m"], &["get", "--renew", "--timeout", "2m"], &["get", "--timeout", "2m"]];

/// Rounds, and processes in each. `TOKEN_TEST_ROTATIONS=100x50` asks for more than one has time for every day.
fn rounds() -> (usize, usize) {
    let asked = std::env::var("TOKEN_TEST_ROTATIONS").unwrap_or_else(|_| "12x50".to_owned());
    let (rounds, processes) = asked.split_once('x').expect("rounds, x, processes");
    (rounds.parse().unwrap(), processes.parse().unwrap())
}

/// Requests may take long: the answer to the first of a crowd is held until the last of it has come.
fn scene() -> (Issuer, Test) {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let config = format!("{QUICK}refresh_request_timeout = \"2m\"\n{}", login_profile("prod", &issuer.endpoint(), &issuer.seed()));
    (issuer, Test::configured(&config))
}

#[track_caller]
fn family_lives(issuer: &Issuer, test: &Test) {
    let family = issuer.family();
    assert_eq!((family.reused, family.is_revoked), (0, false), "{:?}", issuer.sent());
    assert_eq!(test.refresh_token("prod"), issuer.newest());
}

fn finish(crowd: Vec<Running>) -> Vec<Outcome> {
    crowd.into_iter().map(Running::finish).collect()
}

/// A hundred rounds are `TOKEN_TEST_ROTATIONS=100x50 cargo test --test contention rotating -- --nocapture`, which prints the figures.
#[test]
fn crowds_at_a_rotating_login_make_one_request_each() {
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (issuer, test) = scene();
    let ((rounds, processes), started) = (rounds(), Instant::now());
    for round in 1..=rounds {
        test.forget("prod");
        issuer.hold();
        let crowd: Vec<_> = (0..processes).map(|number| test.spawn(COMMANDS[number % COMMANDS.len()])).collect();
        wait_until("everyone at the lock", || crowd.iter().all(|one| has_lock_open(&test, one)));
        issuer.release();
        for outcome in finish(crowd) {
            outcome.exits(0).is_polite();
            let is_get = outcome.stdout() == format!("token-{round}\n");
            assert!(is_get || outcome.stdout().is_empty(), "another token{outcome}");
        }
        assert_eq!(issuer.count(), round, "requests");
        family_lives(&issuer, &test);
    }
    let family = issuer.family();
    eprintln!(
        "{rounds} rounds of {processes} processes in {:.1?}: {} requests, {} reused, family {}",
        started.elapsed(),
        issuer.count(),
        family.reused,
        if family.is_revoked { "lost" } else { "alive" }
    );
}

/// The same where nobody holds anything back: who comes later may ask for a newer one, but never with an old one.
#[test]
fn a_crowd_without_order_loses_nothing() {
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (issuer, test) = scene();
    for _ in 0..3 {
        let crowd = (0..CROWD).map(|number| test.spawn(COMMANDS[number % COMMANDS.len()])).collect();
        for outcome in finish(crowd) {
            outcome.exits(0).is_polite();
        }
        family_lives(&issuer, &test);
    }
    eprintln!("3 rounds of {CROWD} processes without order: {} requests", issuer.count());
}

/// R3: at the very expiry, with a token that is still in the cache.
#[test]
fn a_crowd_at_expiry_makes_one_request() {
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (issuer, test) = scene();
    issuer.lasting(2);
    test.get().gives("token-1");
    let expires_at = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
    wait_until("the token to expire", || now() > expires_at + 0.05);
    issuer.lasting(3600);
    issuer.hold();
    let crowd: Vec<_> = (0..CROWD).map(|_| test.spawn(COMMANDS[2])).collect();
    wait_until("everyone at the lock", || crowd.iter().all(|one| has_lock_open(&test, one)));
    issuer.release();
    for outcome in finish(crowd) {
        outcome.gives("token-2");
    }
    assert_eq!(issuer.count(), 2);
    family_lives(&issuer, &test);
}

/// A dead login is one request for all of them, and none for those who come later.
#[test]
fn a_crowd_before_a_dead_login_makes_one_request() {
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (issuer, test) = scene();
    test.get().gives("token-1");
    test.forget("prod");
    issuer.revoke();
    for _ in 0..2 {
        let crowd = (0..CROWD).map(|_| test.spawn(COMMANDS[2])).collect();
        for outcome in finish(crowd) {
            outcome.fails(4, "prod");
        }
        assert_eq!(issuer.count(), 2);
    }
    assert_eq!(test.status("prod")["login"], "dead");
}

/// One of them is stopped with its request on the way: nobody sends the same in its name, whatever they are told.
#[test]
fn a_stopped_holder_does_not_lose_the_login() {
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (issuer, test) = scene();
    test.get().gives("token-1");
    issuer.hold();
    let holder = test.spawn(&["renew", "prod"]);
    issuer.wait_for_requests(2);
    holder.signal(Signal::STOP);
    for args in [&["get", "--renew", "--timeout", "500ms"][..], &["renew", "--timeout", "500ms"]] {
        test.run(args).fails(7, "prod").no_sooner_than(Duration::from_millis(400));
    }
    test.get().gives("token-1");
    issuer.release();
    holder.signal(Signal::CONT);
    holder.finish().exits(0);
    assert_eq!(issuer.count(), 2);
    family_lives(&issuer, &test);
}

/// Readers of every kind beside a rotation see one whole login or another, never none.
#[test]
fn whoever_looks_meanwhile_sees_a_login() {
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (issuer, test) = scene();
    test.get().gives("token-1");
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            for _ in 0..20 {
                test.run(&["renew"]).exits(0);
            }
        });
        while !renewing.is_finished() {
            assert_eq!(test.status("prod")["login"], "present");
            test.get().exits(0).is_polite();
        }
    });
    assert_eq!(issuer.count(), 21);
    family_lives(&issuer, &test);
}
