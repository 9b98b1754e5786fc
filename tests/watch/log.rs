//! One line per event, for people and for programs; never a token.

use std::fs::File;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Issuer, Reply, Test, wait_until};
use crate::{Watcher, eager};

/// Issuers of a profile that does well, of one that fails for a while, and of one that is refused.
fn fates() -> [Issuer; 3] {
    [Reply::token(2), Reply::status(503), Reply::oauth(401, "invalid_client")].map(Issuer::answering)
}

fn configured([good, flaky, refused]: &[Issuer; 3]) -> Test {
    Test::configured(&eager([("good", good), ("flaky", flaky), ("refused", refused)]))
}

fn wait_for_all(watcher: &Watcher) {
    watcher.wait_for("renewed", 2);
    watcher.wait_for("failed", 2);
    watcher.wait_for("parked", 1);
}

#[test]
fn a_line_for_people_tells_each_event() {
    let issuers = fates();
    let test = configured(&issuers);
    let watcher = Watcher::start(&test, &["--all"]);
    wait_for_all(&watcher);
    issuers[1].answer(Reply::token(3600));
    watcher.wait_for("flaky: renewed", 1);
    let outcome = watcher.end();
    outcome.is_brief().mentions("good: renewed, expires 20").mentions(", next renewal 20").mentions("flaky: attempt 1 failed: ");
    outcome.mentions("; next attempt in ").mentions("refused: parked: ").mentions("invalid_client");
    let parked = outcome.stderr.lines().filter(|line| line.contains("parked")).count();
    assert_eq!(parked, 1, "told once{outcome}");
    assert_eq!(issuers[2].count(), 1, "and asked once{outcome}");
    for line in outcome.stderr.lines() {
        let names_one = ["good: ", "flaky: ", "refused: "].iter().filter(|name| line.contains(*name)).count();
        assert_eq!(names_one, 1, "{line:?}{outcome}");
    }
}

#[test]
fn a_line_for_programs_is_json_with_fields() {
    let issuers = fates();
    let test = configured(&issuers);
    let watcher = Watcher::start_program(&test, &["--log-format", "json", "watch", "--all"]);
    wait_for_all(&watcher);
    issuers[1].answer(Reply::token(3600));
    watcher.wait_for("\"renewed\"", 4);
    test.configure("nonsense");
    watcher.signal(Signal::HUP);
    watcher.wait_for("stays", 1);
    let outcome = watcher.end();
    let messages = outcome.json_messages();
    let mut events: Vec<(&str, &str)> = Vec::new();
    for message in &messages {
        let text = |key: &str| message.get(key).and_then(Value::as_str);
        let Some(event) = text("event") else { continue };
        let profile = text("profile").unwrap();
        events.push((event, profile));
        for key in ["expires_at", "next"] {
            let is_time = text(key).is_none_or(|time| time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok());
            assert!(message.contains_key(key) && is_time, "{key} of {message:?}");
        }
        let has = |key: &str| !message[key].is_null();
        let expected = match event {
            "renewed" => (true, true, false, false),
            "failed" => (false, true, true, true),
            "parked" => (false, false, true, true),
            other => panic!("an event {other:?}{outcome}"),
        };
        assert_eq!((has("expires_at"), has("next"), has("attempt"), has("error")), expected, "{message:?}");
        assert!(!has("attempt") || message["attempt"].as_u64() >= Some(1), "{message:?}");
    }
    for (event, profile) in [("renewed", "good"), ("failed", "flaky"), ("renewed", "flaky"), ("parked", "refused")] {
        assert!(events.contains(&(event, profile)), "{event} {profile}{outcome}");
    }
    let attempts: Vec<_> =
        messages.iter().filter(|m| m.get("event").is_some_and(|event| event == "failed")).map(|m| m["attempt"].as_u64()).collect();
    assert!(attempts.len() >= 2 && attempts.is_sorted() && attempts[0] == Some(1), "{attempts:?}");
    assert!(messages.iter().any(|message| message["level"] == "error" && message["message"].as_str().unwrap().contains("config.toml")));
}

/// After a success the count begins anew: it says how often in a row.
#[test]
fn attempts_are_counted_from_the_last_success() {
    let issuer = Issuer::answering(Reply::token(3600));
    issuer.script([Reply::status(503), Reply::status(503), Reply::token(2), Reply::status(503)]);
    let test = Test::configured(&eager([("prod", &issuer)]));
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("renewed", 2);
    let outcome = watcher.end();
    let told = |text: &str| outcome.stderr.lines().filter(|line| line.contains(text)).count();
    assert_eq!((told("attempt 1 failed"), told("attempt 2 failed"), told("failed")), (2, 1, 3), "{outcome}");
}

#[test]
fn quiet_says_only_what_somebody_must_mend() {
    let issuers = fates();
    let test = configured(&issuers);
    let watcher = Watcher::start_program(&test, &["-q", "watch", "--all"]);
    watcher.wait_for("parked", 1);
    issuers[0].wait_for_requests(2);
    issuers[1].wait_for_requests(3);
    let outcome = watcher.end();
    outcome.hides("renewed").hides("good").hides("flaky");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
}

#[test]
fn nobody_who_reads_the_log_does_not_end_it() {
    let issuer = Issuer::answering(Reply::token(2));
    let closed = Test::configured(&eager([("prod", &issuer)])).in_shell("exec \"$@\" 2>&-");
    let running = closed.spawn(&["watch"]);
    issuer.wait_for_requests(3);
    running.signal(Signal::TERM);
    running.finish().exits(143);

    for full in [false, true] {
        let issuer = Issuer::answering(Reply::token(2));
        let test = Test::configured(&eager([("prod", &issuer)]));
        let mut command = test.command(&["watch"]);
        if full {
            command.stderr(File::options().write(true).open("/dev/full").unwrap());
        } else {
            // The reader is gone before the first line.
            command.stderr(std::io::pipe().unwrap().1);
        }
        let running = test.start(command, &["watch"]);
        issuer.wait_for_requests(3);
        wait_until("the token", || test.entry("prod").is_some());
        running.signal(Signal::TERM);
        running.finish().exits(143);
    }
}
