//! `token status`: what is cached, until when, what happens next and what failed last; a table for people and JSON for programs, and
//! never a token.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::{Value, json};

use support::{Issuer, LEAK, Outcome, PATIENT, Reply, Reuse, Test, login_profile, profile, seconds};

const MEMBERS: [&str; 9] = ["profile", "source", "state", "expires_at", "expires_in", "issued_at", "renew_at", "login", "last_error"];
const MEMBERS_OF_ERROR: [&str; 5] = ["message", "class", "at", "retry_at", "failures"];
const STATES: [&str; 7] = ["fresh", "near-expiry", "expired", "missing", "backing-off", "parked", "login-required"];
const CLASSES: [&str; 7] = ["network", "temporary", "refused", "login", "storage", "config", "lock"];

/// The rows of `status --json`, each checked against the schema.
#[track_caller]
fn rows(test: &Test, names: &[&str]) -> Vec<Value> {
    let outcome = test.run(&[&["status", "--json"], names].concat());
    outcome.exits(0).is_polite();
    assert!(!outcome.stdout().contains("token-"), "never a token{outcome}");
    let report = outcome.json();
    assert_eq!(names_of(&report), ["profiles", "version"], "{outcome}");
    assert_eq!(report["version"], 1);
    let rows = report["profiles"].as_array().unwrap().clone();
    for row in &rows {
        is_row(row, &outcome);
    }
    rows
}

#[track_caller]
fn row(test: &Test, name: &str) -> Value {
    let rows = rows(test, &[name]);
    assert_eq!((rows.len(), &rows[0]["profile"]), (1, &json!(name)));
    rows[0].clone()
}

fn names_of(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn sorted<const N: usize>(mut names: [&str; N]) -> [&str; N] {
    names.sort_unstable();
    names
}

#[track_caller]
fn is_row(row: &Value, outcome: &Outcome) {
    assert_eq!(names_of(row), sorted(MEMBERS), "{outcome}");
    assert!(row["profile"].is_string() && row["source"].is_string(), "{outcome}");
    assert!(STATES.contains(&row["state"].as_str().unwrap()), "{outcome}");
    assert!(["none", "present", "dead"].contains(&row["login"].as_str().unwrap()), "{outcome}");
    assert!(row["expires_in"].is_null() || row["expires_in"].is_i64() || row["expires_in"].is_u64(), "{outcome}");
    for name in ["expires_at", "issued_at", "renew_at"] {
        assert!(row[name].is_null() || time(&row[name]).is_some(), "{name}{outcome}");
    }
    let error = &row["last_error"];
    if !error.is_null() {
        assert_eq!(names_of(error), sorted(MEMBERS_OF_ERROR), "{outcome}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{outcome}");
        assert!(CLASSES.contains(&error["class"].as_str().unwrap()), "{outcome}");
        assert!(time(&error["at"]).is_some() && (error["retry_at"].is_null() || time(&error["retry_at"]).is_some()), "{outcome}");
        assert!(error["failures"].as_u64().is_some_and(|failures| failures > 0), "{outcome}");
    }
}

/// Unix seconds of an RFC 3339 time in UTC with whole seconds and `Z`.
fn time(value: &Value) -> Option<i64> {
    let text = value.as_str().filter(|text| text.len() == "2026-11-22T12:00:00Z".len() && text.ends_with('Z'))?;
    Some(text.parse::<jiff::Timestamp>().ok()?.as_second())
}

#[test]
fn missing() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    let found = row(&test, "prod");
    let expected = json!({
        "profile": "prod", "source": "client-credentials", "state": "missing", "expires_at": null, "expires_in": null,
        "issued_at": null, "renew_at": null, "login": "none", "last_error": null,
    });
    assert_eq!(found, expected);
    assert_eq!(issuer.count(), 0, "it asks nobody");
    assert!(!test.cache_dir().exists(), "and makes nothing");
}

#[test]
fn fresh() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    let found = row(&test, "prod");
    assert_eq!((&found["state"], &found["login"], &found["last_error"]), (&json!("fresh"), &json!("none"), &Value::Null));
    let (issued, expires) = (time(&found["issued_at"]).unwrap(), time(&found["expires_at"]).unwrap());
    assert_eq!(expires - issued, 3600);
    assert!((0..=3).contains(&(seconds() - issued)));
    assert!((3595..=3600).contains(&found["expires_in"].as_i64().unwrap()));
    // `lifetime_safe_fraction` of its life, or a little earlier where jitter is taken off.
    let due = time(&found["renew_at"]).unwrap() - issued;
    assert!((3240 - 180..=3240).contains(&due), "due after {due} s");
    let entry = test.entry("prod").unwrap();
    assert_eq!((entry["issued_at"].as_i64(), entry["expires_at"].as_i64()), (Some(issued), Some(expires)));
}

#[test]
fn fresh_for_ever() {
    let test = Test::configured("[profile.eternal]\nsource = \"exec\"\ncommand = [\"echo\", \"token-1\"]\nttl = \"never\"\n");
    test.get().gives("token-1");
    let found = row(&test, "eternal");
    assert_eq!((&found["state"], &found["source"]), (&json!("fresh"), &json!("exec")));
    for name in ["expires_at", "expires_in", "renew_at"] {
        assert_eq!(found[name], Value::Null, "{name}");
    }
    assert!(time(&found["issued_at"]).is_some());
}

#[test]
fn near_expiry() {
    let issuer = Issuer::start();
    let test = Test::near_expiry(&issuer);
    let found = row(&test, "prod");
    assert_eq!(found["state"], "near-expiry");
    assert!(time(&found["renew_at"]).unwrap() <= seconds(), "a renewal is due{found}");
    assert!(found["expires_in"].as_i64().unwrap() > 500);
}

#[test]
fn expired() {
    let issuer = Issuer::start();
    let test = Test::expired(&issuer);
    let found = row(&test, "prod");
    assert_eq!(found["state"], "expired");
    assert!(time(&found["expires_at"]).unwrap() <= seconds());
    assert!(found["expires_in"].as_i64().unwrap() <= 0);
}

#[test]
fn backing_off() {
    let issuer = Issuer::answering(Reply::status(503));
    let test = Test::configured(&format!("{PATIENT}{}", profile("prod", &issuer.endpoint())));
    test.get().fails(5, "prod");
    let found = row(&test, "prod");
    assert_eq!((&found["state"], &found["last_error"]["class"]), (&json!("backing-off"), &json!("temporary")));
    let error = &found["last_error"];
    assert_eq!(error["failures"], 1);
    let (at, retry_at) = (time(&error["at"]).unwrap(), time(&error["retry_at"]).unwrap());
    assert!((56..=61).contains(&(retry_at - at)), "a minute, less the jitter: {error}");
    assert_eq!(time(&found["renew_at"]), Some(retry_at), "what happens next");
    assert!(!error["message"].as_str().unwrap().contains(LEAK));
}

/// A token that is good still, behind an issuer that fails.
#[test]
fn backing_off_with_a_token() {
    let issuer = Issuer::start();
    let test = Test::configured(&format!("{PATIENT}{}", profile("prod", &issuer.endpoint())));
    test.get().gives("token-1");
    issuer.answer(Reply::status(503));
    test.run(&["renew"]).fails(5, "prod");
    let found = row(&test, "prod");
    assert_eq!(found["state"], "backing-off");
    assert!(found["expires_in"].as_i64().unwrap() > 3500, "and the token that is good meanwhile");
    test.run(&["status"]).exits(0).is_polite();
}

#[test]
fn failures_are_counted_until_a_success() {
    let issuer = Issuer::answering(Reply::status(503));
    let test = Test::against(&issuer);
    for count in 1..=3 {
        test.run(&["renew", "--max-retries", "1"]).fails(5, "prod");
        assert_eq!(row(&test, "prod")["last_error"]["failures"], count);
    }
    issuer.answer(Reply::token(3600));
    test.run(&["renew"]).exits(0);
    let found = row(&test, "prod");
    assert_eq!((&found["state"], &found["last_error"]), (&json!("fresh"), &Value::Null));
}

#[test]
fn an_issuer_that_is_not_there_is_a_matter_of_the_network() {
    let test = Test::configured(&format!("{PATIENT}{}", profile("prod", "http://127.0.0.1:9/token")));
    test.get().fails(5, "prod");
    assert_eq!(row(&test, "prod")["last_error"]["class"], "network");
}

#[test]
fn parked() {
    let issuer = Issuer::answering(Reply::oauth(401, "invalid_client"));
    let test = Test::against(&issuer);
    test.get().fails(4, "prod");
    let found = row(&test, "prod");
    let error = &found["last_error"];
    assert_eq!((&found["state"], &error["class"], &error["failures"]), (&json!("parked"), &json!("refused"), &json!(1)));
    assert_eq!((&error["retry_at"], &found["renew_at"]), (&Value::Null, &Value::Null), "nothing happens by itself");
    // Another configuration is another matter.
    let config = fs::read_to_string(test.path("config/token/config.toml")).unwrap();
    test.configure(&config.replace("canary", "another"));
    assert_eq!(row(&test, "prod")["state"], "missing");
}

#[test]
fn parked_with_a_token() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    issuer.answer(Reply::oauth(400, "invalid_client"));
    test.run(&["renew"]).fails(4, "prod");
    let found = row(&test, "prod");
    assert_eq!(found["state"], "parked");
    assert!(found["expires_in"].as_i64().unwrap() > 3500);
}

#[test]
fn login_required() {
    let issuer = Issuer::start();
    let config = format!(
        "[profile.me]\nsource = \"device-code\"\ntoken_endpoint = \"{0}/token\"\ndevice_authorization_endpoint = \"{0}/device\"\n\
         client_id = \"ci\"\n",
        issuer.url()
    );
    let test = Test::configured(&config);
    test.run(&["get"]).fails(3, "me").mentions("token renew me");
    let found = row(&test, "me");
    assert_eq!((&found["state"], &found["login"]), (&json!("login-required"), &json!("none")));
    assert_eq!(issuer.count(), 0, "nobody is there to log in");
}

#[test]
fn a_login_is_present_until_it_is_dead() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logging_in(&issuer);
    assert_eq!(row(&test, "prod")["login"], "none");
    test.get().gives("token-1");
    assert_eq!(row(&test, "prod")["login"], "present");
    issuer.hold();
    let running = test.spawn(&["renew"]);
    issuer.wait_for_requests(2);
    assert_eq!(row(&test, "prod")["login"], "present");
    issuer.release();
    running.finish().exits(0);
    issuer.revoke();
    test.run(&["renew"]).fails(4, "prod");
    let found = row(&test, "prod");
    assert_eq!((&found["login"], &found["state"]), (&json!("dead"), &json!("parked")));
    let table = test.run(&["status"]);
    table.exits(0).is_polite();
    let text = table.stdout();
    assert!(text.contains("invalid_grant") && text.contains("  LOGIN  ") && text.contains("  dead   "), "{table}");
    is_aligned(&text);
    // One that is configured now and was not tried yet is not dead.
    test.configure(&login_profile("prod", &issuer.endpoint(), "\"another\"").replace("\"ci\"", "\"other\""));
    let found = row(&test, "prod");
    assert_eq!((&found["login"], &found["state"], &found["last_error"]), (&json!("none"), &json!("missing"), &Value::Null));
}

/// Who needs the token of a profile that has failed waits for it, whatever the length of the chain; who has a token does not.
#[test]
fn who_needs_the_token_of_a_profile_that_fails_shares_its_state() {
    let linked = |name: &str, issuer: &Issuer, to: &str| {
        format!("[profile.{name}]\nsource = \"http\"\nurl = \"{}\"\nbearer = {{ profile = \"{to}\" }}\n", issuer.endpoint())
    };
    let good = Issuer::start();
    for (reply, state, exit) in [(Reply::status(503), "backing-off", 5), (Reply::oauth(401, "invalid_client"), "parked", 4)] {
        let bad = Issuer::answering(reply);
        let config = profile("first", &bad.endpoint()) + &linked("second", &good, "first") + &linked("third", &good, "second");
        let test = Test::configured(&format!("{PATIENT}{config}"));
        assert_eq!(row(&test, "third")["state"], "missing", "nobody has asked");
        test.run(&["get", "third"]).fails(exit, "third");
        let found = rows(&test, &["first", "second", "third"]);
        for waiting in &found[1..] {
            assert_eq!((&waiting["state"], &waiting["renew_at"]), (&json!(state), &found[0]["renew_at"]), "{waiting}");
            let message = waiting["last_error"]["message"].as_str().unwrap();
            assert!(message.contains("`first`") && message.contains("cannot be had"), "{message}");
        }
        assert_eq!(found[0]["state"], state);
        let table = test.run(&["status", "third"]).stdout();
        assert!(table.contains("`second`") && !table.contains("missing"), "{table}");
    }
}

/// A look changes nothing, and a login that cannot be read is told of in its own row.
#[test]
fn a_login_that_cannot_be_read_harms_its_own_row_only() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let config = login_profile("a", &issuer.endpoint(), &issuer.seed()) + &profile("b", &Issuer::start().endpoint());
    let test = Test::configured(&config);
    test.run(&["get", "a"]).gives("token-1");
    fs::write(test.login_path("a"), "rubbish").unwrap();
    let outcome = test.run(&["status"]);
    outcome.exits(6).is_polite();
    let line = |name: &str| outcome.stdout().lines().find(|line| line.starts_with(name)).map(str::to_owned).unwrap_or_default();
    assert!(line("a ").contains("damaged") && line("b ").contains("missing"), "{outcome}");
    assert!(line("a ").contains("fresh"), "its token is served all the same{outcome}");
    assert_eq!(fs::read(test.login_path("a")).unwrap(), b"rubbish");
}

#[test]
fn every_profile_and_every_entry_has_its_row() {
    let issuer = Issuer::start();
    let test = Test::configured(&(profile("b", &issuer.endpoint()) + &profile("a", &issuer.endpoint())));
    test.run(&["get", "a"]).gives("token-1");
    test.run(&["get", "--name", "mine", "--", "echo", "token-9"]).gives("token-9");
    let named = |names: &[&str]| rows(&test, names).iter().map(|row| row["profile"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let mut all = named(&[]);
    all.sort();
    assert_eq!(all, ["a", "b", "mine"]);
    assert_eq!(named(&["mine"]), ["mine"]);
    let mut two = named(&["b", "mine"]);
    two.sort();
    assert_eq!(two, ["b", "mine"]);
    assert_eq!(row(&test, "mine")["state"], "fresh");
    test.run(&["status", "nobody"]).fails(2, "nobody");
}

#[test]
fn an_entry_of_another_configuration_does_not_count() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    test.configure(&profile("prod", &issuer.endpoint()).replace("\"ci\"", "\"other\""));
    assert_eq!(row(&test, "prod")["state"], "missing");
}

#[test]
fn nothing_at_all_is_an_answer_too() {
    let test = Test::bare();
    assert_eq!(test.run(&["status", "--json"]).exits(0).json(), json!({"version": 1, "profiles": []}));
    let table = test.run(&["status"]);
    table.exits(0).is_polite();
    assert!(!test.cache_dir().exists());
}

/// Each column begins where its title does, in every row, two spaces or more behind the one before.
#[track_caller]
fn is_aligned(table: &str) {
    let lines: Vec<Vec<char>> = table.lines().map(|line| line.chars().collect()).collect();
    let title = &lines[0];
    let begins = |at: &usize| title[*at] != ' ' && (*at == 0 || (title[*at - 1] == ' ' && (*at < 2 || title[*at - 2] == ' ')));
    let columns: Vec<usize> = (0..title.len()).filter(begins).collect();
    assert!(columns.len() >= 4, "{table}");
    for line in &lines[1..] {
        for column in columns.iter().filter(|column| **column < line.len()) {
            let gap = line[column.saturating_sub(2)..*column].iter().all(|character| *character == ' ');
            assert!(gap && line[*column] != ' ', "column {column} of {:?}\n{table}", line.iter().collect::<String>());
        }
        assert_ne!(line.last(), Some(&' '), "a line ends where its text does\n{table}");
    }
}

#[test]
fn the_table_is_aligned_and_tells_what_the_json_tells() {
    let (good, refused) = (Issuer::start(), Issuer::answering(Reply::oauth(401, "invalid_client")));
    let down = Issuer::answering(Reply::status(503));
    let long = "a-profile-with-a-name-that-is-rather-long@example.com";
    let profiles = [("p", &good), (long, &good), ("down", &down), ("refused", &refused), ("missing", &good)];
    let profiles: String = profiles.iter().map(|(name, issuer)| quoted(&profile(name, &issuer.endpoint()), name)).collect();
    let test = Test::configured(&format!("{PATIENT}{profiles}"));
    test.run(&["get", "p"]).gives("token-1");
    test.run(&["get", long]).gives("token-2");
    test.run(&["get", "down"]).fails(5, "down");
    test.run(&["get", "refused"]).fails(4, "refused");
    test.run(&["get", "--name", "mine", "--", "echo", "token-9"]).gives("token-9");

    let outcome = test.run(&["status"]);
    outcome.exits(0).is_polite();
    assert_eq!(outcome.stderr, "", "{outcome}");
    let table = outcome.stdout();
    assert!(!table.contains("token-") && !table.contains('\u{1b}'), "{table}");
    is_aligned(&table);
    let line = |name: &str| table.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap_or_else(|| panic!("{table}"));
    for (name, says) in
        [("p", "fresh"), (long, "fresh"), ("mine", "fresh"), ("down", "backing"), ("refused", "parked"), ("missing", "missing")]
    {
        assert!(line(name).contains(says), "{name}: {says}\n{table}");
    }
    assert!(line("p").contains("59m"), "how long it lives\n{table}");
    assert!(line("refused").contains("invalid_client"), "why\n{table}");
    is_aligned(&test.run(&["status", "p"]).stdout());
}

/// The profile under a quoted key: names may hold what bare keys may not.
fn quoted(profile: &str, name: &str) -> String {
    profile.replacen(&format!("[profile.{name}]"), &format!("[profile.\"{name}\"]"), 1)
}

#[test]
fn no_token_and_no_secret_whatever_is_asked() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    issuer.answer(Reply::oauth(401, "invalid_client"));
    test.run(&["renew"]).fails(4, "prod");
    for args in [&["status"][..], &["status", "--json"], &["-vvv", "status"], &["--log-format=json", "-vv", "status", "--json"]] {
        let outcome = test.run(args);
        outcome.exits(0).is_polite();
        let said = outcome.stdout();
        assert!(!said.contains("token-1") && !said.contains(support::SECRET), "{outcome}");
    }
}

#[test]
fn a_damaged_entry_is_none() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    fs::write(test.entry_path("prod"), "rubbish").unwrap();
    assert_eq!(row(&test, "prod")["state"], "missing");
    assert_eq!(fs::read(test.entry_path("prod")).unwrap(), b"rubbish", "looking changes nothing");
}

#[test]
fn where_it_may_not_look_it_fails() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    fs::set_permissions(test.cache_dir(), fs::Permissions::from_mode(0o755)).unwrap();
    for args in [&["status"][..], &["status", "--json"], &["status", "prod"]] {
        test.run(args).exits(6).prints("").mentions("cache").is_polite();
    }
}

/// What is wrong with one profile does not hide the others: those who look here look for what is wrong.
#[test]
fn a_file_that_may_not_be_used_harms_its_own_row_only() {
    let issuer = Issuer::start();
    let test = Test::configured(&(profile("a", &issuer.endpoint()) + &profile("b", &issuer.endpoint())));
    test.run(&["renew", "--all"]).exits(0);
    let path = test.entry_path("a");
    let future = fs::read_to_string(&path).unwrap().replacen("\"version\":1", "\"version\":2", 1);
    fs::write(&path, &future).unwrap();
    let outcome = test.run(&["status"]);
    outcome.is_polite();
    assert!(outcome.stdout().lines().any(|line| line.starts_with("b ") && line.contains("fresh")), "{outcome}");
    assert_eq!(fs::read_to_string(&path).unwrap(), future, "left alone");
}

#[test]
fn it_waits_for_nobody() {
    let issuer = Issuer::answering(Reply::token(3600).held());
    let test = Test::against(&issuer);
    let holder = test.spawn(&["get"]);
    issuer.wait_for_requests(1);
    test.run(&["status"]).exits(0).within(Duration::from_millis(100));
    issuer.release();
    holder.finish().gives("token-1");
}
