//! What passes between a person, a browser and the issuer while somebody logs in: codes, verifiers and refresh tokens are for two of them.

use std::fs;

use serde_json::json;

use super::canary::{disguises, held, holders, secret};
use super::provider::{Provider, fields};
use super::session::{Session, home_of};
use crate::support::privilege::strace_for;
use crate::support::{Issuer, QUICK, Reply, Test};

/// As loud as it gets, with every program that is started written down in `strace`.
fn loud(test: Test) -> Test {
    let test = test.wrapped(&["strace", "-f", "--seccomp-bpf", "-v", "-s", "100000", "-e", "trace=execve", "-A", "-o", "strace"]);
    test.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full")
}

/// The files in this home that hold `text` in some disguise, by the first folder that they are in.
fn places(test: &Test, text: &str) -> Vec<String> {
    let listing = test.other("grep", &["-rlaF", &disguises(text).join("\n"), "."]).output().unwrap();
    let mut places: Vec<String> = String::from_utf8(listing.stdout).unwrap().lines().map(|path| path[2..].to_owned()).collect();
    places.sort();
    places
}

#[test]
fn a_browser_and_a_terminal_learn_no_more_than_they_have_to() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let provider = Provider::start();
    let test = loud(home_of(&provider));
    let session = Session::start(&test, &["-vvv", "renew"]);
    let address = session.opened();
    session.log_in();
    session.finish().exits(0);
    let asked = fields(&address);
    let [code, verifier, refresh] = &provider.secrets()[..] else { panic!("a code, a verifier and a refresh token") };
    assert_eq!(places(&test, code), [""; 0], "the code");
    assert_eq!(places(&test, verifier), [""; 0], "the verifier");
    assert_eq!(places(&test, refresh), ["state/prod.json"], "the refresh token");
    // What is in the address is for the browser; it also shows that the search finds what is there.
    for public in ["state", "code_challenge"] {
        assert_eq!(places(&test, &asked[public]), ["opened", "screen", "strace"], "{public}");
    }

    let posted = provider.issuer.requests_at("/token");
    assert!(!format!("{posted:?}").contains(&asked["state"]), "the state is not the token endpoint's");
}

#[test]
fn a_device_code_is_for_the_issuer_alone() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let issuer = Issuer::start();
    let (code, url) = (secret("DeviceCode"), issuer.url());
    let authorization = json!({
        "device_code": code, "user_code": "WDJB-MJHT", "verification_uri": format!("{url}/enter"), "expires_in": 600, "interval": 1,
    });
    issuer.script_at("/device", [Reply::json(authorization.to_string())]);
    let pending = json!({"error": "authorization_pending", "error_description": format!("{code} is pending")});
    let granted = json!({"access_token": secret("Access"), "expires_in": 3600, "refresh_token": secret("Rotated")});
    issuer.script_at("/token", [Reply::json(pending.to_string()).with_status(400), Reply::json(granted.to_string())]);
    let profile = format!(
        "{QUICK}[profile.prod]\nsource = \"device-code\"\ntoken_endpoint = \"{url}/token\"\n\
         device_authorization_endpoint = \"{url}/device\"\nclient_id = \"cli\"\n"
    );
    let test = loud(Test::configured(&profile));
    let outcome = test.on_terminal(&["-vvv", "renew"]).finish();
    outcome.exits(0);
    assert!(outcome.stdout().contains("WDJB-MJHT"), "what is to be typed is shown{outcome}");
    assert!(held(&outcome.stdout()).is_empty(), "on the terminal{outcome}");
    assert!(held(&fs::read_to_string(test.path("strace")).unwrap()).is_empty(), "in the arguments or the environment of a program");
    let expected = [("cache/prod.json", "Access"), ("state/prod.json", "Rotated")].map(|(path, kind)| (path.to_owned(), vec![kind]));
    assert_eq!(holders(&test.path("")), expected);
    assert_eq!(issuer.requests_at("/token").len(), 2);
    for request in issuer.requests_at("/token") {
        assert_eq!(request.form()["device_code"], code);
    }

    let refused = json!({"error": "access_denied", "error_description": format!("{code} was denied")});
    issuer.script_at("/token", [Reply::json(refused.to_string()).with_status(400)]);
    fs::remove_dir_all(test.state_dir()).unwrap();
    let outcome = test.on_terminal(&["-vvv", "renew"]).finish();
    outcome.exits(4);
    assert!(held(&outcome.stdout()).is_empty(), "on the terminal{outcome}");
}
