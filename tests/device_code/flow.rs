//! From the question to the token, and on without anybody.

use serde_json::json;

use crate::support::home::mode;
use crate::support::issuer::Request;
use crate::support::{Issuer, QUICK, REFRESH, Test};
use crate::terminal::{Terminal, left};
use crate::{CODE, DEVICE, DEVICE_CODE, GRANT, TOKEN, address, at, authorization, granted, issuer, pending, profile};

#[test]
fn a_person_enters_the_code_and_nobody_is_needed_again() {
    let issuer = issuer([pending(), granted(1), granted(2), granted(3)]);
    let test = at(&issuer);

    let terminal = Terminal::open(&test, &["renew"]);
    let address = address(&issuer);
    let shown = terminal.wait_for(&[&address, CODE, "waiting for you to confirm, 4m ", "left"]);
    for wanted in [address.as_str(), CODE] {
        assert_eq!(shown.lines().filter(|line| line.trim() == wanted).count(), 1, "{wanted} alone in its line:\n{shown}");
    }
    let outcome = terminal.finish();
    outcome.exits(0);
    let screen = left(&outcome);
    let text = screen.text();
    assert!(text.contains("\nprod: renewed, expires in 59m ") && !text.contains("waiting"), "{text}");
    assert!(!screen.cursor_is_hidden, "{outcome}");
    assert_eq!(test.answer(), "");

    test.get().gives("token-1");
    assert_eq!(mode(&test.login_path("prod")), 0o600);
    assert_eq!(mode(&test.state_dir()), 0o700);
    assert_eq!(test.refresh_token("prod"), format!("{REFRESH}-1"));

    test.run(&["get", "--renew"]).gives("token-2");
    test.run(&["renew", "--no-interactive"]).exits(0).is_polite();
    test.get().gives("token-3");
    assert_eq!(test.refresh_token("prod"), format!("{REFRESH}-3"));
    let grants: Vec<_> = issuer.requests_at(TOKEN).iter().map(|request| request.form()["grant_type"].clone()).collect();
    assert_eq!(grants, [GRANT, GRANT, "refresh_token", "refresh_token"]);
    assert_eq!(issuer.requests_at(DEVICE).len(), 1);
}

#[test]
fn get_asks_too_where_somebody_is() {
    let issuer = issuer([granted(1)]);
    let test = at(&issuer);
    let outcome = Terminal::open(&test, &["get"]).finish();
    let text = left(outcome.exits(0)).text();
    assert!(text.contains(CODE) && !text.contains("waiting") && !text.contains("token-1"), "{text}");
    assert_eq!(test.answer(), "token-1\n");
}

#[test]
fn the_issuer_is_told_what_is_asked_for() {
    let issuer = issuer([pending(), granted(1)]);
    let keys = "scope = [\"read\", \"write\"]\naudience = \"https://api.example.com\"\nresource = \"https://api.example.com/v1\"\n\
                params = { acr_values = \"high\" }\n";
    let test = Test::configured(&(profile(&issuer) + keys));
    Terminal::open(&test, &["renew"]).finish().exits(0);
    let asked = issuer.requests_at(DEVICE)[0].form();
    let polls: Vec<_> = issuer.requests_at(TOKEN).iter().map(Request::form).collect();
    for form in polls.iter().chain([&asked]) {
        let told = ["client_id", "scope", "audience", "resource", "acr_values"].map(|name| form[name].as_str());
        assert_eq!(told, ["cli", "read write", "https://api.example.com", "https://api.example.com/v1", "high"]);
    }
    assert!(!asked.contains_key("grant_type") && !asked.contains_key("device_code"), "{asked:?}");
    for poll in polls {
        assert_eq!((poll["grant_type"].as_str(), poll["device_code"].as_str()), (GRANT, DEVICE_CODE));
    }
    let said = test.run(&["get", "-o", "json"]).json();
    assert_eq!((&said["scope"], &said["source"]), (&json!("read write"), &json!("device-code")));
}

/// However often it asks for the token, it asks once where.
#[test]
fn the_endpoints_are_found_by_discovery() {
    let issuer = issuer([pending(), pending(), granted(1)]);
    let url = issuer.url();
    let document = json!({
        "issuer": url, "token_endpoint": format!("{url}{TOKEN}"), "device_authorization_endpoint": format!("{url}{DEVICE}"),
    });
    issuer.script_at("/.well-known/openid-configuration", [crate::Reply::json(document.to_string())]);
    let config = format!("{QUICK}[profile.prod]\nsource = \"device-code\"\nissuer = \"{url}\"\nclient_id = \"cli\"\n");
    let test = Test::configured(&config);
    Terminal::open(&test, &["renew"]).finish().exits(0);
    test.get().gives("token-1");
    assert_eq!((issuer.discovered(), issuer.requests_at(TOKEN).len()), (1, 3));
}

#[test]
fn an_issuer_without_an_endpoint_for_it_is_named() {
    let issuer = Issuer::start();
    let test = Test::configured(&format!("[profile.prod]\nsource = \"device-code\"\nissuer = \"{}\"\nclient_id = \"cli\"\n", issuer.url()));
    let outcome = Terminal::open(&test, &["renew"]).finish();
    outcome.exits(4).mentions("names no device authorization endpoint").mentions("set `device_authorization_endpoint`");
    assert_eq!(issuer.count(), 0);
}

/// What a person takes to log in is not taken off the token's life.
#[test]
fn the_life_of_the_token_counts_from_the_poll_that_brought_it() {
    let issuer = issuer([pending(), pending(), granted(1)]);
    let test = at(&issuer);
    Terminal::open(&test, &["renew"]).finish().exits(0);
    let (asked, polls) = (issuer.requests_at(DEVICE)[0].at, issuer.requests_at(TOKEN));
    let entry = test.entry("prod").unwrap();
    let issued_at = entry["issued_at"].as_f64().unwrap();
    let life = entry["expires_at"].as_u64().unwrap() - entry["issued_at"].as_u64().unwrap();
    assert!(issued_at > asked + 1.0 && issued_at <= polls[2].at, "{asked} {issued_at} {}", polls[2].at);
    assert_eq!(life, 3600);
}

/// The person at the terminal may be shown the code and nothing else, however much they want to see.
#[test]
fn no_secret_reaches_the_screen() {
    let echo = format!(r#"{{"error":"slow_down_not","error_description":"{DEVICE_CODE} is unknown"}}"#);
    let endings = [vec![pending(), granted(1)], vec![crate::Reply::json(echo).with_status(400)]];
    for polls in endings {
        let issuer = issuer(polls);
        let test = at(&issuer);
        let outcome = Terminal::open(&test, &["renew", "-vv"]).finish();
        outcome.mentions(CODE).hides(DEVICE_CODE).hides(REFRESH).hides("token-1");
    }
}

#[test]
fn a_client_with_a_secret_proves_who_it_is_at_both_endpoints() {
    let issuer = issuer([granted(1)]);
    let test = Test::configured(&(profile(&issuer) + "client_secret = \"" + crate::support::SECRET + "\"\n"));
    Terminal::open(&test, &["renew"]).finish().exits(0).hides(crate::support::SECRET);
    for request in issuer.requests() {
        assert!(request.header("authorization").unwrap().starts_with("Basic "), "{}", request.path);
        assert!(!request.body.contains(crate::support::SECRET), "{}", request.path);
    }
}

/// What an issuer gives without a refresh token holds as long as it holds; then somebody is needed again.
#[test]
fn without_a_refresh_token_nothing_is_kept() {
    let issuer = issuer([crate::Reply::token(3600)]);
    issuer.script_at(DEVICE, [authorization(&issuer, json!({ "interval": 0 }))]);
    let test = at(&issuer);
    Terminal::open(&test, &["renew"]).finish().exits(0);
    test.get().gives("token-1");
    assert!(test.login("prod").is_none());
    test.run(&["get", "--renew"]).fails(3, "prod").mentions("token renew prod");
}
