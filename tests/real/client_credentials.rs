//! The client-credentials grant (RFC 6749 §4.4) against the provider: every way for a client to say who it is, opaque
//! tokens and JWTs, and how often the provider is asked.

use std::iter;
use std::time::Duration;

use serde_json::Value;

use crate::support::issuer::{AWKWARD, BASIC, BRIEF, Client, POST};
use crate::support::{Home, Issuer, eventually};

/// How long the provider lets most tokens live, in seconds.
const LIFE: i64 = 600;

/// A life is counted from before the request was sent, so it may end this much sooner (on a busy machine), never later.
const SLACK: i64 = 10;

#[test]
fn discovery_finds_the_endpoint_and_the_token_is_active() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC));

    let token = home.token(&["get"]).quiet_token();

    let said = issuer.introspect(&token);
    assert_eq!((&said["active"], &said["client_id"]), (&Value::Bool(true), &Value::from(BASIC.id)), "{said}");
    assert_eq!((issuer.token_requests(), issuer.basic_requests()), (1, 1));
}

#[test]
fn a_token_endpoint_by_hand_needs_no_discovery() {
    let issuer = Issuer::start();
    let config =
        issuer.profile(BASIC).replace(&format!("issuer = \"{}\"", issuer.url()), &format!("token_endpoint = \"{}/token\"", issuer.url()));
    let home = Home::new(&config);

    let token = home.token(&["get", "prod"]).quiet_token();

    assert_eq!(issuer.all_requests(), 1);
    assert_eq!(issuer.introspect(&token)["active"], true);
}

#[test]
fn a_secret_goes_into_the_body_where_the_profile_says_so() {
    let issuer = Issuer::start();
    let home = Home::new(&(issuer.profile(POST) + "client_auth = \"post\"\n"));

    let token = home.token(&["get"]).quiet_token();

    assert_eq!(issuer.introspect(&token)["client_id"], POST.id);
    assert_eq!((issuer.token_requests(), issuer.basic_requests()), (1, 0));
}

#[test]
fn a_secret_goes_into_the_body_where_discovery_offers_only_that() {
    let issuer = Issuer::offering("client_secret_post");
    let home = Home::new(&issuer.profile(POST));

    let token = home.token(&["get"]).quiet_token();

    assert_eq!(issuer.introspect(&token)["client_id"], POST.id);
    assert_eq!((issuer.token_requests(), issuer.basic_requests()), (1, 0));
}

#[test]
fn a_client_without_a_secret_gives_its_name_alone() {
    let issuer = Issuer::start();
    let config = issuer.profile(Client { id: "public", secret: "" });
    let home = Home::new(&config.replace("client_secret = ''", "client_auth = \"none\""));

    let token = home.token(&["get"]).quiet_token();

    assert_eq!(issuer.introspect(&token)["client_id"], "public");
    assert_eq!((issuer.token_requests(), issuer.basic_requests()), (1, 0));
}

#[test]
fn an_awkward_id_and_secret_survive_both_encodings() {
    let issuer = Issuer::start();
    for method in ["basic", "post"] {
        let home = Home::new(&format!("{}client_auth = \"{method}\"\n", issuer.profile(AWKWARD)));

        let token = home.token(&["get"]).quiet_token();

        assert_eq!(issuer.introspect(&token)["client_id"], AWKWARD.id, "{method}");
    }
}

#[test]
fn an_opaque_token_lives_as_long_as_the_provider_says() {
    let issuer = Issuer::start();
    let home = Home::new(&(issuer.profile(BASIC) + "scope = [\"read\", \"write\"]\n"));

    let answer = home.token(&["get", "-o", "json"]).json();

    let said = issuer.introspect(answer["token"].as_str().expect("a token"));
    let start = said["iat"].as_i64().expect("iat");
    assert_between(seconds(&answer["expires_at"]), start + LIFE - SLACK, start + LIFE);
    assert_between(seconds(&answer["issued_at"]), start - SLACK, start);
    assert_between(answer["expires_in"].as_i64().expect("seconds"), LIFE - SLACK, LIFE);
    let expected = serde_json::json!({
        "version": 1, "profile": "prod", "token_type": "Bearer", "scope": "read write",
        "source": "client-credentials", "cached": false,
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&answer[key], value, "{key} of {answer}");
    }
}

#[test]
fn an_api_takes_the_jwt_and_both_agree_when_it_ends() {
    let issuer = Issuer::start();
    let home = Home::new(&(issuer.profile(BASIC) + "resource = \"urn:api\"\nscope = [\"read\", \"write\"]\n"));

    let answer = home.token(&["get", "-o", "json"]).json();

    let claims = issuer.claims_at_the_api(answer["token"].as_str().expect("a token"));
    let expected = serde_json::json!({ "client_id": "basic", "aud": "urn:api", "scope": "read write" });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&claims[key], value, "{key} of {claims}");
    }
    let end = claims["exp"].as_i64().expect("exp");
    assert_between(seconds(&answer["expires_at"]), end - SLACK, end);
    assert_eq!(answer["scope"], "read write");
}

#[test]
fn the_end_a_jwt_states_counts_where_it_is_the_earlier_one() {
    let issuer = Issuer::start();
    let home = Home::new(&(issuer.profile(BASIC) + "resource = \"urn:api:early\"\n"));

    let first = home.token(&["get", "-o", "json"]).json();
    let again = home.token(&["get", "-o", "json"]).json();

    let claims = issuer.claims_at_the_api(first["token"].as_str().expect("a token"));
    assert_eq!(seconds(&first["expires_at"]), claims["exp"].as_i64().expect("exp"));
    assert_eq!((&first["token"], &first["expires_at"]), (&again["token"], &again["expires_at"]));
    assert_eq!((&first["cached"], &again["cached"]), (&Value::Bool(false), &Value::Bool(true)));
}

#[test]
fn a_valid_token_is_served_without_a_request() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC));
    let token = home.token(&["get"]).quiet_token();
    let requests = issuer.all_requests();

    assert_eq!(home.token(&["get"]).quiet_token(), token);
    assert_eq!(home.token(&["get", "--offline"]).quiet_token(), token);
    let header = home.token(&["get", "-o", "header"]).exits(0);
    assert_eq!(header.stdout, format!("Authorization: Bearer {token}\n"));
    home.token(&["renew", "--if-near-expiry"]).exits(0);

    assert_eq!(issuer.all_requests(), requests);
}

#[test]
fn twenty_processes_that_find_no_token_make_one_request() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC));

    let running: Vec<_> = iter::repeat_with(|| home.start(&["get"])).take(20).collect();
    let tokens: Vec<_> = running.into_iter().map(|process| process.finish().quiet_token()).collect();

    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    assert_eq!(issuer.token_requests(), 1);
    assert_eq!(issuer.introspect(&tokens[0])["active"], true);
}

#[test]
fn a_renewal_that_is_asked_for_replaces_the_token() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC));
    let first = home.token(&["get"]).quiet_token();

    let second = home.token(&["get", "--renew"]).quiet_token();
    let renewed = home.token(&["renew"]).exits(0);
    let third = home.token(&["get"]).quiet_token();

    assert!(first != second && second != third && first != third, "{first} {second} {third}");
    assert!(renewed.stdout.is_empty() && renewed.stderr.lines().count() == 1, "{renewed}");
    assert_eq!(issuer.token_requests(), 3);
    assert_eq!(issuer.introspect(&third)["active"], true);
}

#[test]
fn a_token_near_its_end_is_renewed_before_it_gets_there() {
    let issuer = Issuer::start();
    // Near expiry: a second into the minute.
    let home = Home::new(&(issuer.profile(BRIEF) + "lifetime_safe_fraction = 0.02\n"));
    let first = home.token(&["get"]).quiet_token();

    let second = eventually("a renewal", Duration::from_secs(20), || {
        let token = home.token(&["get"]).quiet_token();
        (token != first).then_some(token)
    });

    let ends = |token: &str| issuer.introspect(token)["exp"].as_i64().expect("exp");
    // The provider counts whole seconds from when it got round to it, so both may end in the same one.
    assert!(ends(&second) >= ends(&first));
    assert_eq!(issuer.token_requests(), 2);
}

#[track_caller]
fn assert_between(value: i64, least: i64, most: i64) {
    assert!((least..=most).contains(&value), "{value} is not within {least}..={most}");
}

/// The Unix time of an RFC 3339 one, which has to be in UTC and in whole seconds.
#[track_caller]
fn seconds(time: &Value) -> i64 {
    let text = time.as_str().expect("a time");
    assert!(text.len() == "2026-01-01T00:00:00Z".len() && text.ends_with('Z'), "{text}");
    text.parse::<jiff::Timestamp>().expect("RFC 3339").as_second()
}
