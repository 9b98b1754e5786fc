//! The program, where all that it has stored is of another time.

use token::cache::{Cache, Failure, Look};
use token::clock::Timestamp;

use crate::support::{Issuer, PATIENT, Reply, Test, cases, now, profile, seconds, wait_until};

const HOUR: i64 = 3600;

fn shifted(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(time.unix_millis() + seconds * 1000)
}

/// Sets the clock by so many seconds, as far as the next process can tell: what is stored is that much older.
fn set_clock(test: &Test, by: i64) {
    let (cache, name) = (Cache::new(test.cache_dir(), true), "prod".parse().unwrap());
    if let (Look::Found(mut entry), _) = cache.read(&name).unwrap() {
        entry.token.issued_at = entry.token.issued_at.map(|at| shifted(at, -by));
        entry.token.expires_at = entry.token.expires_at.map(|at| shifted(at, -by));
        cache.write(&entry).unwrap();
    }
    if let Some(failure) = cache.failure(&name) {
        let retry_at = failure.retry_at.map(|at| shifted(at, -by));
        cache.remember(&name, &Failure { at: shifted(failure.at, -by), retry_at, ..failure }).unwrap();
    }
}

/// `prod` holds `token-1`, of an hour, which was issued just now.
fn home(issuer: &Issuer, case: &str) -> Test {
    let test = Test::configured(&(PATIENT.to_owned() + &profile("prod", &issuer.endpoint()))).named(case);
    test.get().gives("token-1");
    test
}

/// How long the whole of a run may take here before a second is no second any more.
fn is_timely(began: f64) -> bool {
    now() - began < 1.5
}

#[test]
fn around_the_margin_and_around_expiry() {
    // Two seconds on either side: a run takes a part of one.
    let table = [
        ("before the margin", 3600 - 362, "token-1", Some("token-1")),
        ("past the margin", 3600 - 358, "token-2", Some("token-1")),
        ("before expiry", 3600 - 2, "token-2", Some("token-1")),
        ("at expiry", 3600, "token-2", None),
        ("past expiry", 3600 + 2, "token-2", None),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(case, age, up, down)| {
            for is_down in [false, true] {
                // Where the machine was too busy to be on time, the case is made anew.
                let outcome = loop {
                    let issuer = Issuer::start();
                    let test = home(&issuer, case);
                    issuer.answer(if is_down { Reply::status(503) } else { Reply::token(3600) });
                    let issued_at = test.entry("prod").unwrap()["issued_at"].as_i64().unwrap();
                    set_clock(&test, age - (seconds() - issued_at));
                    let began = now();
                    let outcome = test.run(&["get", "--max-retries", "1"]);
                    if is_timely(began) {
                        break outcome;
                    }
                };
                match (is_down, down) {
                    (false, _) => drop(outcome.gives(up)),
                    (true, Some(token)) => drop(outcome.exits(0).prints(&format!("{token}\n"))),
                    (true, None) => drop(outcome.fails(5, "prod")),
                }
            }
        },
    );
}

#[test]
fn a_step_costs_one_request_however_far_it_goes() {
    let now = seconds();
    let table = [("two hours ahead", 2 * HOUR), ("two hours back", -2 * HOUR), ("to 1970", -now), ("to 2100", 4_102_444_800 - now)];
    cases::each(
        &table,
        |case| case.0,
        |(case, step)| {
            let issuer = Issuer::start();
            let test = home(&issuer, case);
            set_clock(&test, *step);
            for _ in 0..10 {
                test.get().gives("token-2");
            }
            test.run(&["renew", "--if-near-expiry"]).exits(0);
            test.run(&["watch", "--once"]).exits(0);
            assert_eq!(issuer.count(), 2, "{case}: one request more");
            let expires_in = test.run(&["get", "-o", "json"]).json()["expires_in"].as_i64().unwrap();
            assert!((3000..=3600).contains(&expires_in), "{case}: {expires_in}");
        },
    );
}

#[test]
fn there_and_back_is_a_request_a_step() {
    let issuer = Issuer::start();
    let test = home(&issuer, "oscillating");
    for step in 0..6 {
        set_clock(&test, if step % 2 == 0 { -2 * HOUR } else { 2 * HOUR });
        for _ in 0..3 {
            test.get().exits(0);
        }
    }
    assert!(issuer.count() <= 7, "{} requests for six steps", issuer.count());
}

/// A failure of before the clock was set back is not in force until the clock is there again.
#[test]
fn a_remembered_failure_is_not_believed_from_the_future() {
    let table = [("an hour", -HOUR), ("years", -seconds()), ("ahead", HOUR)];
    cases::each(
        &table,
        |case| case.0,
        |(case, step)| {
            let issuer = Issuer::answering(Reply::status(503));
            let test = Test::configured(&(PATIENT.to_owned() + &profile("prod", &issuer.endpoint()))).named(case);
            test.run(&["get", "--max-retries", "1"]).fails(5, "prod");
            test.run(&["get", "--max-retries", "1"]).fails(5, "prod");
            assert_eq!(issuer.count(), 1, "it is remembered");
            issuer.answer(Reply::token(3600));
            set_clock(&test, *step);
            test.get().gives("token-1");
        },
    );
}

/// The issuer is down and the clock was set back: what is there serves, and nobody is asked at every call.
#[test]
fn a_token_from_the_future_serves_while_the_issuer_is_down() {
    let issuer = Issuer::start();
    let test = home(&issuer, "down");
    issuer.answer(Reply::status(503));
    set_clock(&test, -2 * HOUR);
    test.get().gives_with_warning("token-1", "prod");
    for _ in 0..5 {
        test.get().exits(0).prints("token-1\n");
    }
    assert_eq!(issuer.count(), 2, "one failure for all");
}

/// A token that the issuer gives a moment is renewed to the second, and never printed past it.
#[test]
fn the_last_second_is_the_issuers() {
    let issuer = Issuer::answering(Reply::token(3));
    let test = Test::configured(&format!("[renewal]\ninitial_safety_margin = \"none\"\n{}", profile("prod", &issuer.endpoint())));
    test.get().exits(0);
    let expires_at = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
    wait_until("the token to expire", || {
        let (began, outcome) = (now(), test.get());
        outcome.exits(0);
        // Whatever was printed was good when it was, or a new one.
        let is_first = outcome.stdout() == "token-1\n";
        assert!(!is_first || began < expires_at, "printed {} s after its end{outcome}", began - expires_at);
        !is_first
    });
    assert!(now() + 0.05 >= expires_at, "used to its end");
}
