//! Refresh tokens (RFC 6749 §6) that the provider replaces at each use, and whose whole family it revokes when one of them
//! is used twice: nothing here may ever use one twice.

use std::iter;
use std::time::Duration;

use crate::support::issuer::{Client, DEVICE, KEEPER, REFRESH_GRANT};
use crate::support::{Home, Issuer, eventually};

/// A home whose profile starts with a refresh token from the file `~/first`.
fn home_with(issuer: &Issuer, client: Client, first: &str) -> Home {
    let Client { id, secret } = client;
    let keys = format!("client_secret = '{secret}'\nrefresh_token = {{ file = \"~/first\" }}\n");
    let home = Home::new(&(issuer.profile_of("refresh-token", id) + &keys));
    home.write_private("first", first);
    home
}

#[test]
fn each_renewal_replaces_the_refresh_token() {
    let issuer = Issuer::start();
    let first = issuer.refresh_token(KEEPER);
    let home = home_with(&issuer, KEEPER, &first);

    let mut token = home.token(&["get"]).quiet_token();
    for round in 1..=40 {
        let next = home.token(&["get", "--renew"]).quiet_token();
        assert_ne!(next, token, "round {round}");
        token = next;
    }

    assert_eq!(issuer.seen().asked_and_granted(REFRESH_GRANT), (41, 41));
    assert!(issuer.takes(&token));
    assert!(home.login().iter().any(|text| issuer.takes(text)), "the newest refresh token is kept");
}

#[test]
fn a_crowd_that_finds_no_token_makes_one_request_and_the_family_lives() {
    let issuer = Issuer::start();
    let home = home_with(&issuer, KEEPER, &issuer.refresh_token(KEEPER));
    for round in 1..=5 {
        home.token(&["purge", "--keep-login"]).exits(0);

        let crowd: Vec<_> = iter::repeat_with(|| home.start(&["get"])).take(20).collect();
        let tokens: Vec<_> = crowd.into_iter().map(|process| process.finish().quiet_token()).collect();

        assert!(tokens.iter().all(|token| *token == tokens[0]) && issuer.takes(&tokens[0]), "{tokens:?}");
        assert_eq!(issuer.seen().asked_and_granted(REFRESH_GRANT), (round, round));
    }
    assert!(issuer.takes(&home.token(&["get", "--renew"]).quiet_token()));
}

#[test]
fn a_crowd_that_wants_another_token_never_uses_a_refresh_token_twice() {
    let issuer = Issuer::start();
    let home = home_with(&issuer, KEEPER, &issuer.refresh_token(KEEPER));
    let old = home.token(&["get"]).quiet_token();

    let crowd: Vec<_> = iter::repeat_with(|| home.start(&["get", "--renew"])).take(20).collect();
    let tokens: Vec<_> = crowd.into_iter().map(|process| process.finish().quiet_token()).collect();

    assert!(tokens.iter().all(|token| *token != old), "{tokens:?}");
    let (asked, granted) = issuer.seen().asked_and_granted(REFRESH_GRANT);
    assert!(asked == granted && asked < 20, "{granted} of {asked}: whoever asked before a token was issued takes it");
    assert!(issuer.takes(&home.token(&["get", "--renew"]).quiet_token()));
}

#[test]
fn a_watcher_and_a_crowd_share_one_login() {
    let issuer = Issuer::start();
    let home = home_with(&issuer, KEEPER, &issuer.refresh_token(KEEPER));
    let watched = home.configuration() + "lifetime_safe_fraction = 0.001\ninitial_retry_timeout = \"50ms\"\n";
    home.configure(&watched);

    let watcher = home.start(&["watch"]);
    let mut rounds = 0;
    eventually("renewals of the watcher between those of crowds", Duration::from_secs(40), || {
        let crowd: Vec<_> = iter::repeat_with(|| home.start(&["get", "--renew"])).take(8).collect();
        for process in crowd {
            process.finish().token();
        }
        rounds += 1;
        (rounds > 3 && issuer.seen().asked_and_granted(REFRESH_GRANT).0 > rounds).then_some(())
    });
    watcher.end().exits(143);

    let (asked, granted) = issuer.seen().asked_and_granted(REFRESH_GRANT);
    assert_eq!(asked, granted);
    assert!(issuer.takes(&home.token(&["get", "--renew"]).quiet_token()));
}

#[test]
fn a_family_that_somebody_else_got_revoked_ends_with_4_until_there_is_another() {
    let issuer = Issuer::start();
    let first = issuer.refresh_token(KEEPER);
    let home = home_with(&issuer, KEEPER, &first);
    home.token(&["get"]).quiet_token();

    let answer = issuer.refresh(KEEPER, &first);
    assert_eq!(answer["error"], "invalid_grant", "{answer}");

    let outcome = home.token(&["get", "--renew"]).exits(4);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("invalid_grant"), "{outcome}");
    let requests = issuer.all_requests();
    home.token(&["purge", "--keep-login"]).exits(0);
    home.token(&["get"]).exits(4);
    assert_eq!(issuer.all_requests(), requests, "a dead login is not presented again");
    let status = home.token(&["status", "--json"]).json();
    assert_eq!(status["profiles"][0]["login"], "dead", "{status}");

    home.write_private("first", &issuer.refresh_token(KEEPER));
    assert!(issuer.takes(&home.token(&["get"]).quiet_token()));
}

#[test]
fn a_client_without_a_secret_gives_its_name_alone() {
    let issuer = Issuer::start();
    let first = issuer.refresh_token(Client { id: DEVICE, secret: "" });
    let home = Home::new(&(issuer.profile_of("refresh-token", DEVICE) + &format!("refresh_token = '{first}'\n")));

    let token = home.token(&["get"]).quiet_token();
    let next = home.token(&["get", "--renew"]).quiet_token();

    assert_eq!((&issuer.introspect(&next)["client_id"], next != token), (&DEVICE.into(), true));
    assert_eq!((issuer.seen().asked_and_granted(REFRESH_GRANT), issuer.basic_requests()), ((2, 2), 0));
}
