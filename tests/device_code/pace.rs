//! How fast it asks: never faster than it may. What is longer is no matter.

use serde_json::json;

use crate::support::issuer::{Issuer, Request};
use crate::support::{Reply, cases};
use crate::terminal::Terminal;
use crate::{DEVICE, TOKEN, at, authorization, granted, issuer, pending};

/// The seconds between the requests, from the one for a code on.
fn gaps(issuer: &Issuer) -> Vec<f64> {
    let times: Vec<f64> = [DEVICE, TOKEN].iter().flat_map(|path| issuer.requests_at(path)).map(|request: Request| request.at).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[track_caller]
fn no_faster_than(issuer: &Issuer, least: &[f64]) {
    let gaps = gaps(issuer);
    let is_slow = gaps.len() == least.len() && gaps.iter().zip(least).all(|(gap, least)| gap >= least);
    assert!(is_slow, "{gaps:?} instead of at least {least:?}");
}

#[test]
fn it_waits_for_the_interval_from_the_first_poll_on() {
    let issuer = issuer([pending(), pending(), granted(1)]);
    issuer.script_at(DEVICE, [authorization(&issuer, json!({ "interval": "2" }))]);
    Terminal::open(&at(&issuer), &["renew"]).finish().exits(0);
    no_faster_than(&issuer, &[2.0, 2.0, 2.0]);
}

/// A code so short that it is a part of the issuer's words does not change what they mean.
#[test]
fn a_short_device_code_is_one() {
    let issuer = issuer([pending(), granted(1)]);
    issuer.script_at(DEVICE, [authorization(&issuer, json!({ "device_code": "d" }))]);
    let outcome = Terminal::open(&at(&issuer), &["renew"]).finish();
    outcome.exits(0);
    assert_eq!(issuer.requests_at(TOKEN).len(), 2, "{outcome}");
}

#[test]
fn where_the_issuer_names_no_interval_it_is_five_seconds() {
    let issuer = issuer([granted(1)]);
    issuer.script_at(DEVICE, [authorization(&issuer, json!({ "interval": null }))]);
    Terminal::open(&at(&issuer), &["renew"]).finish().exits(0);
    no_faster_than(&issuer, &[5.0]);
}

#[test]
fn it_slows_down_for_good_when_told_to() {
    let issuer = issuer([Reply::oauth(400, "slow_down"), pending(), granted(1)]);
    Terminal::open(&at(&issuer), &["renew"]).finish().exits(0);
    no_faster_than(&issuer, &[1.0, 6.0, 6.0]);
}

#[test]
fn an_issuer_that_fails_is_asked_again_after_a_longer_wait() {
    let table = [
        ("503", Reply::status(503), 2.0),
        ("broken off", Reply::reset(), 2.0),
        ("429", Reply::status(429).header("Retry-After", "3"), 3.0),
        ("no JSON", Reply::json("<html>"), 2.0),
        ("unavailable", Reply::oauth(400, "temporarily_unavailable"), 2.0),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(_, reply, wait)| {
            let issuer = issuer([reply.clone(), pending(), granted(1)]);
            let test = at(&issuer);
            Terminal::open(&test, &["renew"]).finish().exits(0);
            test.get().gives("token-1");
            no_faster_than(&issuer, &[1.0, *wait, 1.0]);
        },
    );
}

/// One silent connection costs the time limit of one request, not that of the person.
#[test]
fn a_poll_without_an_answer_is_given_up() {
    let issuer = issuer([Reply::silence(), granted(1)]);
    let test = crate::Test::configured(&(crate::profile(&issuer) + "refresh_request_timeout = \"1s\"\n"));
    Terminal::open(&test, &["renew"]).finish().exits(0);
    // The limit runs from before the request reaches the issuer.
    no_faster_than(&issuer, &[1.0, 2.9]);
}
