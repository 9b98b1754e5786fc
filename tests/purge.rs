//! `token purge`: what is stored on this machine is gone afterwards, and nothing else. That it wins over a renewal in flight is in
//! `contention.rs`.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "purge/logins.rs"]
mod logins;
#[path = "purge/revocation.rs"]
mod revocation;

use std::fs;
use std::time::Duration;

use serde_json::Value;

use support::{Issuer, Outcome, PATIENT, QUICK, Reply, Test, cases, fingerprint, profile, wait_until};

/// A home with a `token-1` each for `a` and `b`.
fn two(issuer: &Issuer) -> Test {
    let test = Test::configured(&format!("{QUICK}{}{}", profile("a", &issuer.endpoint()), profile("b", &issuer.endpoint())));
    test.run(&["renew", "--all"]).exits(0);
    test
}

/// One line on stderr for each of these, and nothing on stdout.
#[track_caller]
fn tells_of(outcome: &Outcome, names: &[&str]) {
    outcome.exits(0).prints("").is_polite();
    let mut told: Vec<&str> = outcome.stderr.lines().map(|line| line.split(':').next().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, names, "one line each{outcome}");
}

/// Everything in the cache directory with its content.
fn content(test: &Test) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), fs::read(test.cache_dir().join(name)).unwrap());
    test.cache_files().into_iter().map(read).collect()
}

#[test]
fn the_token_is_gone_and_the_lock_stays() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    tells_of(&test.run(&["purge", "prod"]), &["prod"]);
    assert_eq!(test.cache_files(), ["prod.lock"]);
    test.run(&["get", "--offline"]).fails(5, "prod");
    assert_eq!(test.status("prod")["state"], "missing");
    test.get().gives("token-2");
    assert_eq!(issuer.count(), 2, "a purge asks nobody");
}

#[test]
fn it_finds_its_profile_as_get_does() {
    let issuer = Issuer::start();
    let only = Test::against(&issuer);
    only.get().gives("token-1");
    tells_of(&only.run(&["purge"]), &["prod"]);
    assert!(only.entry("prod").is_none());

    let test = two(&issuer);
    test.run(&["purge"]).exits(2).prints("").is_polite();
    tells_of(&test.run(&["purge", "-p", "a"]), &["a"]);
    assert!(test.entry("a").is_none() && test.entry("b").is_some());
    tells_of(&test.env("TOKEN_PROFILE", "b").run(&["purge"]), &["b"]);
}

#[test]
fn it_takes_what_it_is_told_and_nothing_beside() {
    let issuer = Issuer::start();
    let test = two(&issuer);
    let b = content(&test).into_iter().filter(|(name, _)| name.starts_with("b.")).collect::<Vec<_>>();
    tells_of(&test.run(&["purge", "a"]), &["a"]);
    let left = content(&test).into_iter().filter(|(name, _)| name.starts_with("b.")).collect::<Vec<_>>();
    assert_eq!(left, b);
    assert!(test.entry("a").is_none());

    let test = two(&issuer);
    tells_of(&test.run(&["purge", "a", "b", "a"]), &["a", "b"]);
    assert_eq!(test.cache_files(), ["a.lock", "b.lock"]);
}

#[test]
fn a_name_that_is_none_stops_it_before_anything_is_done() {
    let issuer = Issuer::start();
    let test = two(&issuer);
    let before = content(&test);
    test.run(&["purge", "a", "nobody"]).fails(2, "nobody");
    assert_eq!(content(&test), before);
}

#[test]
fn nothing_to_purge_is_no_error() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    tells_of(&test.run(&["purge", "prod"]), &["prod"]);
    test.get().gives("token-1");
    for _ in 0..2 {
        tells_of(&test.run(&["purge", "prod"]), &["prod"]);
    }
}

#[test]
fn the_memory_of_a_failure_goes_too() {
    let refused = Issuer::answering(Reply::oauth(401, "invalid_client"));
    let down = Issuer::answering(Reply::status(503));
    for (name, issuer, exit) in [("parked", &refused, 4), ("backing-off", &down, 5)] {
        let test = Test::configured(&format!("{PATIENT}{}", profile("prod", &issuer.endpoint()))).named(name);
        test.get().fails(exit, "prod");
        assert_eq!(test.status("prod")["state"], name);
        tells_of(&test.run(&["purge", "prod"]), &["prod"]);
        let status = test.status("prod");
        assert_eq!((&status["state"], &status["last_error"]), (&"missing".into(), &Value::Null));
        issuer.script([Reply::token(3600)]);
        test.get().exits(0).is_polite();
        assert_eq!(issuer.count(), 2, "{name}: asked again");
    }
}

#[test]
fn a_dry_run_tells_and_touches_nothing() {
    let issuer = Issuer::start();
    let test = two(&issuer);
    let before = content(&test);
    for args in [&["purge", "-n", "a"][..], &["purge", "--dry-run", "a"], &["purge", "a", "-n", "--if-token-is", "-"]] {
        let token = test.entry("a").unwrap()["token"].as_str().unwrap().to_owned();
        tells_of(&test.fed(args, &token), &["a"]);
        assert_eq!(content(&test), before, "{args:?}");
    }
    tells_of(&test.run(&["purge", "--all", "--dry-run"]), &["a", "b"]);
    tells_of(&test.run(&["purge", "--all", "--expired", "--dry-run"]), &["a", "b"]);
    assert_eq!(content(&test), before);

    let empty = Test::against(&issuer);
    tells_of(&empty.run(&["purge", "-n"]), &["prod"]);
    assert!(!empty.cache_dir().exists(), "it makes nothing either");
}

/// What a dry run says differs where what would happen differs.
#[test]
fn a_dry_run_tells_what_would_go_from_what_would_stay() {
    let issuer = Issuer::start();
    let test = two(&issuer);
    test.run(&["purge", "b"]).exits(0);
    let outcome = test.run(&["purge", "--all", "-n"]);
    tells_of(&outcome, &["a", "b"]);
    let said = |name: &str| outcome.stderr.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    assert_ne!(said("a: "), said("b: "), "{outcome}");
    let real = test.run(&["purge", "a"]);
    assert_ne!(real.stderr, format!("a: {}\n", said("a: ")), "and it does not claim to have done it{outcome}");
}

#[test]
fn expired_takes_only_what_has_expired() {
    let issuer = Issuer::start();
    let config = format!("{QUICK}{}{}", profile("prod", &issuer.endpoint()), profile("fresh", &issuer.endpoint()));
    let test = Test::configured(&config);
    test.run(&["get", "fresh"]).gives("token-1");
    issuer.script([Reply::token(2)]);
    test.run(&["get", "prod"]).gives("token-2");
    let expires_at = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
    tells_of(&test.run(&["purge", "--expired", "fresh"]), &["fresh"]);
    assert!(test.entry("fresh").is_some());
    wait_until("the token to expire", || support::now() > expires_at + 0.05);
    tells_of(&test.run(&["purge", "--expired", "--all", "-n"]), &["fresh", "prod"]);
    assert!(test.entry("prod").is_some());
    tells_of(&test.run(&["purge", "--expired", "--all"]), &["fresh", "prod"]);
    assert!(test.entry("prod").is_none() && test.entry("fresh").is_some());
}

#[test]
fn if_token_is_takes_that_token_and_no_other() {
    let table = [
        ("the token", "token-1".to_owned(), true),
        ("the token and a line end", "token-1\n".to_owned(), true),
        ("its fingerprint", fingerprint("token-1"), true),
        ("another token", "token-0".to_owned(), false),
        ("another fingerprint", fingerprint("token-0"), false),
    ];
    for (name, input, goes) in table {
        let issuer = Issuer::start();
        let test = Test::against(&issuer).named(name);
        test.get().gives("token-1");
        tells_of(&test.fed(&["purge", "prod", "--if-token-is", "-"], &input), &["prod"]);
        assert_eq!(test.entry("prod").is_none(), goes, "{name}");
    }
}

#[test]
fn if_token_is_wants_a_token() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    test.fed(&["purge", "prod", "--if-token-is", "-"], "\n").exits(2).prints("").mentions("--if-token-is").is_polite();
    assert!(test.entry("prod").is_some());
}

#[test]
fn what_a_command_made_goes_by_its_name() {
    let test = Test::bare();
    test.run(&["get", "--name", "mine", "--", "echo", "token-1"]).gives("token-1");
    let derived = test.run(&["get", "-o", "json", "--", "echo", "token-2"]).json()["profile"].as_str().unwrap().to_owned();
    tells_of(&test.run(&["purge", "mine"]), &["mine"]);
    assert!(test.entry("mine").is_none() && test.entry(&derived).is_some());
    tells_of(&test.run(&["purge", &derived]), &[&derived]);
    assert!(test.entry(&derived).is_none());
    test.run(&["purge", "mine"]).exits(2).prints("").mentions("mine").is_polite();
}

#[test]
fn all_is_every_profile_and_every_entry() {
    let issuer = Issuer::start();
    let test = two(&issuer);
    test.run(&["get", "--name", "c", "--", "echo", "token-9"]).gives("token-9");
    tells_of(&test.run(&["purge", "--all"]), &["a", "b", "c"]);
    assert_eq!(test.cache_files(), ["a.lock", "b.lock", "c.lock"]);
}

#[test]
fn what_an_older_configuration_left_goes_too() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    let changed = profile("prod", &issuer.endpoint()).replace("\"ci\"", "\"other\"");
    test.configure(&changed);
    tells_of(&test.run(&["purge", "prod"]), &["prod"]);
    assert!(test.entry("prod").is_none());

    let test = two(&issuer);
    test.configure(&profile("a", &issuer.endpoint()));
    tells_of(&test.run(&["purge", "b"]), &["b"]);
    assert!(test.entry("b").is_none(), "a profile that is configured no more");
}

#[test]
fn a_file_of_a_future_version_is_left_alone() {
    let variants: [(&str, &[&str]); 5] = [
        ("plainly", &["purge", "a"]),
        ("--all", &["purge", "--all"]),
        ("--expired", &["purge", "a", "--expired"]),
        ("--if-token-is", &["purge", "a", "--if-token-is", "-"]),
        ("--dry-run", &["purge", "-n", "a"]),
    ];
    cases::each(
        &variants,
        |case| case.0,
        |(name, args)| {
            let issuer = Issuer::start();
            let test = two(&issuer).named(name);
            let path = test.entry_path("a");
            let future = fs::read_to_string(&path).unwrap().replacen("\"version\":1", "\"version\":2", 1);
            fs::write(&path, &future).unwrap();
            let outcome = test.fed(args, "token-1");
            outcome.exits(6).prints("").mentions("a: ").is_polite();
            assert_eq!(fs::read_to_string(&path).unwrap(), future, "{name}");
            assert_eq!(test.entry("b").is_none(), *name == "--all", "{name}: the others go");
        },
    );
}

#[test]
fn a_damaged_entry_goes_and_what_was_kept_aside_too() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    fs::write(test.entry_path("prod"), "rubbish").unwrap();
    test.get().gives("token-2");
    assert!(test.cache_files().contains(&"prod.json.damaged".to_owned()));
    fs::write(test.entry_path("prod"), "rubbish").unwrap();
    tells_of(&test.run(&["purge", "prod"]), &["prod"]);
    assert_eq!(test.cache_files(), ["prod.lock"]);
}

#[test]
fn what_is_not_ours_is_refused_and_left() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    let elsewhere = test.path("elsewhere");
    fs::rename(test.entry_path("prod"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, test.entry_path("prod")).unwrap();
    test.run(&["purge", "prod"]).fails(6, "prod").mentions("prod.json");
    assert!(elsewhere.exists());
}

#[test]
fn it_waits_for_a_renewal_no_longer_than_it_was_told() {
    let issuer = Issuer::answering(Reply::token(3600).held());
    let test = Test::against(&issuer);
    let holder = test.spawn(&["get"]);
    issuer.wait_for_requests(1);
    test.run(&["purge", "prod", "--timeout", "400ms"]).fails(7, "prod").mentions("prod.lock").within(Duration::from_millis(400));
    test.run(&["purge", "prod", "-n"]).exits(0).within(Duration::from_millis(100));
    issuer.release();
    holder.finish().gives("token-1");
    tells_of(&test.run(&["purge", "prod"]), &["prod"]);
}
