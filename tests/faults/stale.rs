//! Stale-ok: while the old token is valid, whatever fails behind it is a warning.

use std::time::Duration;

use crate::support::kinds::each_with;
use crate::support::{Issuer, Reply, Test, Trap, cases};

struct Fault {
    name: &'static str,
    reply: Reply,
    /// How `get` ends where there is no valid token.
    exit: i32,
}

fn faults(trap: &Trap) -> Vec<Fault> {
    let fault = |name, reply, exit| Fault { name, reply, exit };
    vec![
        fault("500", Reply::status(500), 5),
        fault("503", Reply::status(503), 5),
        fault("429 with Retry-After", Reply::status(429).header("Retry-After", "600"), 5),
        fault("invalid_grant", Reply::oauth(400, "invalid_grant"), 4),
        fault("invalid_client", Reply::oauth(401, "invalid_client"), 4),
        fault("200 with error", Reply::oauth(200, "invalid_client"), 4),
        fault("reset mid body", Reply::reset(), 5),
        fault("short body", Reply::short(), 5),
        fault("silence", Reply::silence(), 5),
        fault("one byte a second", Reply::drip(), 5),
        fault("not JSON", Reply::json("hello"), 5),
        fault("a token of the wrong kind", wrong_kind(), 4),
        fault("a token with a space", Reply::json(r#"{"access_token":"a b"}"#), 5),
        fault("huge body", Reply::huge(100 << 20), 5),
        fault("redirect", Reply::redirect(307, &trap.url()), 4),
    ]
}

fn wrong_kind() -> Reply {
    Reply::json(r#"{"access_token":"token-9","token_type":"mac","expires_in":60}"#)
}

const GET: [&str; 3] = ["get", "--request-timeout", "3s"];

#[test]
fn a_valid_token_is_served_through_every_fault() {
    let trap = Trap::set();
    let faults = faults(&trap);
    let pairs = each_with(&faults, |case| case.name);
    cases::each(
        &pairs,
        |pair| &pair.0,
        |(name, kind, case)| {
            let issuer = Issuer::answering(case.reply.clone());
            let test = Test::near_expiry_of(&issuer, &(kind.profile)(&issuer.endpoint())).named(name);
            let entry = test.entry("prod");
            test.run(&GET).gives_with_warning("token-1", "prod");
            assert!((2..=3).contains(&issuer.count()), "{name}: it tried");
            test.run(&GET).gives("token-1");
            test.run(&["get", "--offline"]).gives("token-1");
            assert_eq!(test.entry("prod"), entry, "{name}: the old entry stays");
        },
    );
    assert_eq!(trap.visits(), 0);
}

#[test]
fn who_wants_to_know_is_told() {
    let trap = Trap::set();
    let faults = faults(&trap);
    cases::each(
        &faults,
        |case| case.name,
        |case| {
            let issuer = Issuer::answering(case.reply.clone());
            let test = Test::near_expiry(&issuer).named(case.name);
            let entry = test.entry("prod");
            test.run(&["get", "--report-error", "--request-timeout", "1s"]).fails(case.exit, "prod");
            test.run(&["get", "--renew", "--request-timeout", "1s"]).fails(case.exit, "prod");
            assert_eq!(test.entry("prod"), entry, "{}: the old entry stays", case.name);
        },
    );
}

#[test]
fn an_expired_token_is_never_served() {
    let trap = Trap::set();
    let faults = faults(&trap);
    cases::each(
        &faults,
        |case| case.name,
        |case| {
            let issuer = Issuer::answering(case.reply.clone());
            let test = Test::expired(&issuer).named(case.name);
            test.run(&GET).fails(case.exit, "prod").within(Duration::from_secs(7));
            test.run(&["get", "--offline"]).fails(5, "prod");
        },
    );
}

#[test]
fn a_dead_issuer_costs_a_valid_token_nothing() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    drop(issuer);
    let warm = test.get();
    warm.gives("token-1").within(Duration::from_millis(200));
    assert_eq!(warm.stderr, "", "nothing to say{warm}");
}

#[test]
fn a_near_expiry_token_outlives_its_issuer() {
    let issuer = Issuer::start();
    let test = Test::near_expiry(&issuer);
    drop(issuer);
    test.get().gives_with_warning("token-1", "prod");
    test.run(&["get", "--renew"]).fails(5, "prod");
    test.run(&["get", "--offline"]).gives("token-1");
}

#[test]
fn min_ttl_is_not_met_by_a_stale_token() {
    let issuer = Issuer::answering(Reply::status(503));
    let test = Test::near_expiry(&issuer);
    test.run(&["get", "--min-ttl", "1h"]).fails(5, "prod");
}

#[test]
fn a_min_ttl_that_no_token_can_meet_is_a_refusal() {
    let issuer = Issuer::answering(Reply::token(60));
    let test = Test::against(&issuer);
    test.run(&["get", "--min-ttl", "1h"]).fails(4, "prod");
    assert!(issuer.count() <= 2, "no storm: {} requests", issuer.count());
}
