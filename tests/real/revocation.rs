//! `purge --revoke` (RFC 7009): what is removed here is worth nothing there either, and nothing is revoked unasked.

use crate::support::issuer::{BASIC, KEEPER, REFRESH_GRANT};
use crate::support::{Home, Issuer};

const REVOCATION: &str = "/token/revocation";

/// A home with a login and a token, and all of both that the provider takes: the access token first.
fn logged_in(issuer: &Issuer) -> (Home, Vec<String>) {
    let keys = format!("client_secret = '{}'\nrefresh_token = {{ file = \"~/first\" }}\n", KEEPER.secret);
    let home = Home::new(&(issuer.profile_of("refresh-token", KEEPER.id) + &keys));
    home.write_private("first", &issuer.refresh_token(KEEPER));
    let mut tokens = vec![home.token(&["get"]).quiet_token()];
    tokens.extend(home.login());
    tokens.retain(|token| issuer.takes(token));
    assert_eq!(tokens.len(), 2, "an access token and a refresh token");
    (home, tokens)
}

fn taken(issuer: &Issuer, tokens: &[String]) -> Vec<bool> {
    tokens.iter().map(|token| issuer.takes(token)).collect()
}

#[test]
fn both_tokens_are_worth_nothing_afterwards() {
    let issuer = Issuer::start();
    let (home, tokens) = logged_in(&issuer);

    let outcome = home.token(&["purge", "--revoke", "prod"]).exits(0);

    assert!(outcome.stdout.is_empty(), "{outcome}");
    assert_eq!(taken(&issuer, &tokens), [false, false]);
    assert!(home.login().is_empty());
    home.token(&["get", "--offline"]).exits(5);
}

#[test]
fn a_token_without_a_login_is_revoked_too() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC));
    let token = home.token(&["get"]).quiet_token();
    assert!(issuer.takes(&token));

    home.token(&["purge", "--revoke"]).exits(0);

    assert!(!issuer.takes(&token));
    assert_eq!(issuer.seen().path(REVOCATION), 1);
    assert!(issuer.takes(&home.token(&["get"]).quiet_token()));
}

#[test]
fn nothing_is_revoked_unasked() {
    let issuer = Issuer::start();
    let (home, tokens) = logged_in(&issuer);

    home.token(&["purge", "--revoke", "--dry-run"]).exits(0);
    assert_eq!(home.token(&["get"]).quiet_token(), tokens[0]);
    home.token(&["purge"]).exits(0);

    assert_eq!((taken(&issuer, &tokens), issuer.seen().path(REVOCATION)), (vec![true, true], 0));
    assert!(home.login().is_empty());
}

/// RFC 7009 §2.1 lets a server revoke the refresh token along with the access token, and this one does.
#[test]
fn a_login_that_is_kept_here_may_end_there_with_its_token() {
    let issuer = Issuer::start();
    let (home, tokens) = logged_in(&issuer);

    home.token(&["purge", "--revoke", "--keep-login"]).exits(0);

    assert_eq!(taken(&issuer, &tokens), [false, false]);
    assert!(home.login().contains(&tokens[1]));
    let outcome = home.token(&["get"]).exits(4);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("invalid_grant"), "{outcome}");
    assert_eq!(issuer.seen().asked_and_granted(REFRESH_GRANT), (2, 1));
}

#[test]
fn what_is_here_goes_even_if_the_provider_cannot_be_told() {
    let mut issuer = Issuer::start();
    let (home, _) = logged_in(&issuer);
    issuer.go_away();

    let outcome = home.token(&["purge", "--revoke"]).exits(5);

    assert!(outcome.stderr.contains("prod") && outcome.stderr.contains("not revoked"), "{outcome}");
    assert!(home.login().is_empty());
    home.token(&["get", "--offline"]).exits(5);
}
