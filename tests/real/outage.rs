//! A provider that goes away and comes back: what is served meanwhile, and that nobody has to help.

use std::time::Duration;

use crate::support::issuer::{BASIC, BRIEF, SHORT};
use crate::support::{Home, Issuer, Outcome, eventually};

/// Far more than one backoff after a first failure (1 s).
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_valid_token_is_served_while_the_provider_is_away() {
    let mut issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC));
    let token = home.token(&["get"]).quiet_token();

    issuer.go_away();

    assert_eq!(home.token(&["get"]).quiet_token(), token);
    home.token(&["renew"]).exits(5);
    assert_eq!(home.token(&["get"]).token(), token, "a failed renewal keeps the old token");
    home.token(&["get", "--renew"]).exits(5);
}

#[test]
fn a_token_near_its_end_is_served_with_a_warning_while_the_provider_is_away() {
    let mut issuer = Issuer::start();
    // Near expiry: a second into the minute.
    let home = Home::new(&(issuer.profile(BRIEF) + "lifetime_safe_fraction = 0.02\n"));
    let token = home.token(&["get"]).quiet_token();

    issuer.go_away();

    let warned = eventually("a warning", SOON, || {
        let outcome = home.token(&["get"]).exits(0);
        (!outcome.stderr.is_empty()).then_some(outcome)
    });
    assert!(warned.stderr.contains("prod") && warned.stderr.lines().count() <= 4, "{warned}");
    assert_eq!(warned.token(), token);

    issuer.come_back();
    let fresh = eventually("a new token", SOON, || Some(home.token(&["get"]).token()).filter(|new| *new != token));
    assert_eq!(issuer.introspect(&fresh)["active"], true);
}

#[test]
fn an_expired_token_is_withheld_and_replaced_when_the_provider_is_back() {
    let mut issuer = Issuer::start();
    let home = Home::new(&issuer.profile(SHORT));
    home.token(&["get"]).quiet_token();
    issuer.go_away();
    eventually("the end of a token's life", SOON, || (!home.token(&["get", "--offline"]).succeeded()).then_some(()));

    let outcome = home.token(&["get", "--offline"]).exits(5);
    assert!(outcome.stdout.is_empty(), "{outcome}");
    let outcome = home.token(&["get"]).exits(5);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("prod"), "{outcome}");
    assert!(outcome.took < Duration::from_secs(10), "two attempts, a second apart: {outcome}");

    issuer.come_back();
    let token = eventually("recovery", SOON, || Some(home.token(&["get"])).filter(Outcome::succeeded)).token();
    assert_eq!(issuer.introspect(&token)["active"], true);
    assert_eq!(issuer.token_requests(), 1);
}

#[test]
fn a_provider_that_was_never_there_is_found_when_it_comes() {
    let mut issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC));
    issuer.go_away();

    let outcome = home.token(&["get"]).exits(5);
    assert!(outcome.stdout.is_empty() && (1..=4).contains(&outcome.stderr.lines().count()), "{outcome}");

    issuer.come_back();
    let token = eventually("recovery", SOON, || Some(home.token(&["get"])).filter(Outcome::succeeded)).quiet_token();
    assert_eq!(issuer.introspect(&token)["active"], true);
    assert_eq!(home.token(&["get"]).quiet_token(), token);
    assert_eq!(issuer.token_requests(), 1);
}
