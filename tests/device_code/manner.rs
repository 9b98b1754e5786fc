//! How it asks: whom, how loudly, with how much of a picture; and whom it never asks.

use serde_json::{Value, json};

use crate::support::{Test, cases};
use crate::terminal::{Terminal, left};
use crate::{CODE, DEVICE, address, at, authorization, granted, issuer, pending};

#[test]
fn nobody_is_asked_who_is_not_there() {
    let issuer = issuer([granted(1)]);
    let test = at(&issuer);
    for args in [&["get"][..], &["renew"], &["get", "--renew"], &["run", "--", "true"]] {
        test.run(args).fails(3, "prod").mentions("`token renew prod`").hides(CODE);
    }
    let status = test.status("prod");
    assert_eq!((&status["login"], &status["state"]), (&json!("none"), &json!("login-required")));
    assert_eq!(issuer.count(), 0, "nor is the issuer");
}

#[test]
fn nobody_is_asked_who_does_not_want_to_be() {
    let issuer = issuer([granted(1)]);
    let table: [(&[&str], Option<&str>); 3] =
        [(&["renew", "--no-interactive"], None), (&["renew"], Some("1")), (&["--no-interactive", "get"], None)];
    for (args, variable) in table {
        let test = at(&issuer);
        let test = variable.map_or_else(|| at(&issuer), |value| test.env("TOKEN_NO_INTERACTIVE", value));
        Terminal::open(&test, args).finish().exits(3).mentions("`token renew prod`").hides(CODE);
    }
    assert_eq!(issuer.count(), 0);
}

/// Silence is for chatter, and this is a question.
#[test]
fn who_wants_silence_sees_address_and_code() {
    let issuer = issuer([pending(), granted(1)]);
    let test = at(&issuer).env("LC_ALL", "C.UTF-8");
    issuer.script_at(DEVICE, [authorization(&issuer, complete(&issuer))]);
    let outcome = Terminal::open(&test, &["-q", "renew"]).finish();
    outcome.exits(0).mentions(&address(&issuer)).mentions(CODE).hides("waiting").hides("█").hides("renewed");
}

#[test]
fn programs_read_one_line_of_json() {
    let issuer = issuer([pending(), granted(1)]);
    issuer.script_at(DEVICE, [authorization(&issuer, complete(&issuer))]);
    let outcome = Terminal::open(&at(&issuer), &["--log-format", "json", "-q", "renew"]).finish();
    let text = left(outcome.exits(0).hides("waiting")).text().replace('\n', "");
    let line: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let expected = [
        ("profile", json!("prod")),
        ("level", json!("info")),
        ("event", json!("enter-code")),
        ("address", json!(address(&issuer))),
        ("code", json!(CODE)),
        ("complete_address", complete(&issuer)["verification_uri_complete"].clone()),
    ];
    for (key, value) in expected {
        assert_eq!(line[key], value, "{line}");
    }
    assert!(line["expires_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
}

/// What else there is to say goes past what waits.
#[test]
fn messages_do_not_get_into_its_way() {
    let issuer = issuer([pending(), granted(1)]);
    let outcome = Terminal::open(&at(&issuer), &["-v", "renew"]).finish();
    let text = left(outcome.exits(0)).text();
    assert!(text.starts_with("info: prod: asking the source\n") && !text.contains("waiting"), "{text}");
    assert!(text.lines().any(|line| line.trim() == CODE), "{text}");
}

/// Each has its own question, whoever is first.
#[test]
fn two_profiles_ask_two_questions() {
    let (one, other) = (issuer([pending(), granted(1)]), issuer([pending(), granted(2)]));
    other.script_at(DEVICE, [authorization(&other, json!({ "user_code": "QQQQ-ZZZZ" }))]);
    let config = crate::profile(&one) + &crate::profile(&other).replace("profile.prod", "profile.stage");
    let test = Test::configured(&config);
    let outcome = Terminal::open(&test, &["renew", "--all"]).finish();
    let text = left(outcome.exits(0)).text();
    let is_shown = |wanted: &str| text.lines().any(|line| line.trim() == wanted);
    assert!([CODE, "QQQQ-ZZZZ", &address(&one), &address(&other)].into_iter().all(is_shown), "{text}");
    assert!(!text.contains("waiting") && text.contains("prod: renewed") && text.contains("stage: renewed"), "{text}");
}

/// A line that the terminal breaks is one line to whoever copies it.
#[test]
fn a_long_address_is_not_cut() {
    let issuer = issuer([granted(1)]);
    let long = format!("{}/{}", address(&issuer), "long/".repeat(40));
    issuer.script_at(DEVICE, [authorization(&issuer, json!({ "verification_uri": long }))]);
    let outcome = Terminal::open(&at(&issuer), &["renew"]).finish();
    outcome.exits(0).mentions(&format!("\n  {long}\r\n"));
}

#[test]
fn what_a_profile_lacks_is_named() {
    let table = [
        ("client_id", "issuer = \"https://login.example.com\"", "client_id"),
        ("an issuer", "client_id = \"cli\"", "issuer"),
        ("the other endpoint", "client_id = \"cli\"\ntoken_endpoint = \"https://x/t\"", "device_authorization_endpoint"),
        ("https", "client_id = \"cli\"\ntoken_endpoint = \"https://x/t\"\ndevice_authorization_endpoint = \"http://x/d\"", "https"),
    ];
    for (name, keys, named) in table {
        let test = Test::configured(&format!("[profile.prod]\nsource = \"device-code\"\n{keys}\n")).named(name);
        test.get().fails(2, "prod").mentions(named);
    }
}

fn complete(issuer: &crate::support::Issuer) -> Value {
    json!({ "verification_uri_complete": format!("{}?c={CODE}", address(issuer)) })
}

#[test]
fn a_camera_gets_a_picture_where_it_can_be_read() {
    let with = |[locale, no_colour]: [&str; 2], is_complete: bool| {
        let issuer = issuer([granted(1)]);
        let changes = if is_complete { complete(&issuer) } else { json!({}) };
        issuer.script_at(DEVICE, [authorization(&issuer, changes)]);
        let test = at(&issuer).env("LC_ALL", locale).env("NO_COLOR", no_colour);
        let outcome = Terminal::open(&test, &["renew"]).finish();
        left(outcome.exits(0).mentions(CODE)).text()
    };
    // `NO_COLOR` counts unless it is empty.
    let table = [
        ("there is room", ["C.UTF-8", ""], true, true),
        ("no address holds the code", ["C.UTF-8", ""], false, false),
        ("the terminal knows ASCII only", ["C", ""], true, false),
        ("colours are unwanted", ["C.UTF-8", "1"], true, false),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, variables, is_complete, is_drawn)| {
            let text = with(*variables, *is_complete);
            assert_eq!((text.contains('█'), text.contains("scan")), (*is_drawn, *is_drawn), "{name}:\n{text}");
            let rows = text.lines().take_while(|line| !line.contains("renewed")).count();
            assert!(rows < 24, "{name}: it does not fit:\n{text}");
        },
    );
}
