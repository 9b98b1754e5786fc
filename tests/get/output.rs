//! `-o raw|json|header`, to the byte.

use serde_json::{Value, json};

use crate::support::{Issuer, Reply, Test, cases, seconds};

/// The members of `-o json`, in the order of the contract.
const MEMBERS: [&str; 10] =
    ["version", "profile", "token", "token_type", "expires_at", "expires_in", "issued_at", "scope", "source", "cached"];

/// RFC 3339, UTC, whole seconds, with `Z`.
fn time(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    assert!(text.len() == "2026-11-22T12:00:00Z".len() && text.ends_with('Z'), "{text:?}: whole seconds with Z");
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

fn members(text: &str) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = MEMBERS.iter().filter_map(|name| Some((text.find(&format!("\"{name}\":"))?, *name))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, name)| name.to_owned()).collect()
}

#[test]
fn each_format_is_exact_cold_and_warm() {
    let formats: [(&str, &[&str], &str); 5] = [
        ("none named", &[], "token-1\n"),
        ("raw", &["-o", "raw"], "token-1\n"),
        ("raw, long", &["--output=raw"], "token-1\n"),
        ("header", &["-o", "header"], "Authorization: Bearer token-1\n"),
        ("header, long", &["--output", "header"], "Authorization: Bearer token-1\n"),
    ];
    cases::each(
        &formats,
        |case| case.0,
        |(name, format, text)| {
            let issuer = Issuer::start();
            let test = Test::against(&issuer).named(name);
            let args = [&["get", "prod"], *format].concat();
            for _ in 0..2 {
                let outcome = test.run(&args);
                outcome.exits(0).prints(text);
                assert_eq!(outcome.stderr, "", "success has nothing to say{outcome}");
            }
            assert_eq!(issuer.count(), 1);
        },
    );
}

#[test]
fn the_header_says_bearer_however_the_issuer_spells_it() {
    for spelling in ["bearer", "BEARER"] {
        let issuer = Issuer::answering(Reply::json(format!(r#"{{"access_token":"token-1","token_type":"{spelling}","expires_in":60}}"#)));
        let test = Test::against(&issuer).named(spelling);
        for _ in 0..2 {
            test.run(&["get", "-o", "header"]).exits(0).prints("Authorization: Bearer token-1\n");
        }
        assert_eq!(test.run(&["get", "-o", "json"]).json()["token_type"], "Bearer");
    }
}

#[test]
fn json_holds_all_that_is_known() {
    let answer = r#"{"access_token":"token-1","token_type":"Bearer","expires_in":3600,"scope":"read write"}"#;
    let issuer = Issuer::answering(Reply::json(answer));
    let test = Test::against(&issuer);
    for cached in [false, true] {
        let outcome = test.run(&["get", "-o", "json"]);
        outcome.exits(0).is_polite();
        let found = outcome.json();
        assert_eq!(members(&outcome.stdout()), MEMBERS, "{outcome}");
        assert_eq!(found.as_object().unwrap().len(), MEMBERS.len(), "and nothing else{outcome}");
        for (name, value) in [
            ("version", json!(1)),
            ("profile", json!("prod")),
            ("token", json!("token-1")),
            ("token_type", json!("Bearer")),
            ("scope", json!("read write")),
            ("source", json!("client-credentials")),
            ("cached", json!(cached)),
        ] {
            assert_eq!(found[name], value, "{name}{outcome}");
        }
        let (issued, expires) = (time(&found["issued_at"]), time(&found["expires_at"]));
        assert!((0..=3).contains(&(seconds() - issued)), "issued now{outcome}");
        assert_eq!(expires - issued, 3600, "{outcome}");
        let left = found["expires_in"].as_i64().unwrap();
        assert!((3595..=3600).contains(&left), "{outcome}");
        let entry = test.entry("prod").unwrap();
        assert_eq!((entry["issued_at"].as_i64(), entry["expires_at"].as_i64()), (Some(issued), Some(expires)));
    }
}

#[test]
fn what_is_not_known_is_null() {
    let test = Test::configured("[profile.eternal]\nsource = \"exec\"\ncommand = [\"echo\", \"token-1\"]\nttl = \"never\"\n");
    for cached in [false, true] {
        let outcome = test.run(&["get", "-o", "json"]);
        let found = outcome.exits(0).json();
        for name in ["expires_at", "expires_in", "scope"] {
            assert_eq!(found.get(name), Some(&Value::Null), "{name}{outcome}");
        }
        assert_eq!((&found["source"], &found["cached"]), (&json!("exec"), &json!(cached)), "{outcome}");
    }
}

/// What the quick way through the program prints, the long way prints too.
#[test]
fn a_warm_answer_is_the_same_however_the_arguments_are_put() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    let forms: [&[&str]; 9] = [
        &["get", "prod"],
        &["get", "-p", "prod"],
        &["get", "--profile=prod"],
        &["--profile", "prod", "get"],
        &["get", "--log-format", "text"],
        &["-q", "get"],
        &["-v", "get"],
        &["--no-interactive", "get", "prod", "--min-ttl=1m", "--timeout=1s"],
        &["get", "--color=never", "-oraw"],
    ];
    for args in forms {
        let outcome = test.run(args);
        outcome.gives("token-1");
        assert_eq!(outcome.stderr, "", "a warm answer has nothing to say{outcome}");
    }
    let short = test.run(&["get", "-o", "json"]).json();
    let long = test.run(&["--log-format", "json", "get", "--output=json"]).json();
    for name in MEMBERS.into_iter().filter(|name| *name != "expires_in") {
        assert_eq!(short[name], long[name], "{name}");
    }
    assert_eq!(issuer.count(), 1);
}

#[test]
fn a_format_that_is_none_is_a_mistake() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    for format in ["yaml", "RAW", ""] {
        let outcome = test.run(&["get", "-o", format]);
        outcome.exits(2).prints("");
        for known in ["raw", "json", "header"] {
            outcome.mentions(known);
        }
    }
    assert_eq!(issuer.count(), 0);
}
