//! No refresh token is shown, logged, handed to a child or left in another file (S3, S4, S16).

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::support::privilege::strace_for;
use crate::support::{Issuer, Outcome, QUICK, REFRESH, Reply, Reuse, Test, login_profile};

/// The ways in which a canary may hide.
fn disguises() -> Vec<String> {
    let mut all = vec![REFRESH.to_owned(), REFRESH.replace('-', "%2D"), REFRESH.replace('-', "\\u002d")];
    for shift in 0..3 {
        let padded = " ".repeat(shift) + REFRESH;
        for text in [STANDARD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            // What stands before and behind it changes the ends.
            all.push(text.trim_end_matches('=')[4..text.len() - 4].to_owned());
        }
    }
    all
}

#[track_caller]
fn says_none(outcome: &Outcome) {
    for disguise in disguises() {
        assert!(!outcome.stderr.contains(&disguise) && !outcome.stdout().contains(&disguise), "{disguise}{outcome}");
    }
}

/// The files under `folder` that hold a canary.
fn holding(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path));
        } else if let Ok(bytes) = fs::read(&path)
            && disguises().iter().any(|disguise| bytes.windows(disguise.len()).any(|window| window == disguise.as_bytes()))
        {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

/// A profile whose seed is in a private file, with hooks and a sink that tell what they know.
fn scene(issuer: &Issuer) -> Test {
    let test = Test::bare();
    let hooks = "on_renew = [\"sh\", \"-c\", \"env >>hook-env; cat /proc/$$/cmdline >>hook-env\"]\n\
                 on_error = [\"sh\", \"-c\", \"env >>hook-env\"]\nsink = [{ path = \"~/sink.json\", format = \"json\" }]\n";
    let config = format!("{QUICK}{}{hooks}", login_profile("prod", &issuer.endpoint(), "{ command = [\"cat\", \"seed\"] }"));
    test.configure(&config);
    fs::write(test.path("seed"), issuer.first()).unwrap();
    test
}

#[test]
fn what_is_said_at_the_loudest_holds_none() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = scene(&issuer);
    let loud = [&["-vvv", "get", "--renew"][..], &["--log-format=json", "-vv", "renew"], &["-vv", "get", "-o", "json", "--renew"]];
    for args in loud {
        let outcome = test.run(args);
        outcome.exits(0);
        says_none(&outcome);
    }
    for args in [&["-vv", "status"][..], &["status", "--json"], &["-vv", "purge", "-n"], &["-vv", "get", "--offline"]] {
        let outcome = test.run(args);
        outcome.exits(0);
        says_none(&outcome);
    }
    issuer.hold();
    let cut_off = test.spawn(&["-vv", "get", "--renew"]);
    issuer.wait_for_requests(4);
    cut_off.signal(rustix::process::Signal::TERM);
    says_none(&cut_off.finish());
    issuer.release();
    for args in [&["-vvv", "get", "--renew"][..], &["-vv", "renew"], &["-vv", "get"], &["status"], &["status", "--json"], &["-vv", "purge"]]
    {
        says_none(&test.run(args));
    }
    // It is known where they are, and that they would be found.
    assert_eq!(holding(&test.path("")), ["seed"]);
}

#[test]
fn they_are_in_the_login_and_nowhere_else() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = scene(&issuer);
    for _ in 0..2 {
        test.run(&["renew"]).exits(0);
    }
    assert!(fs::read_to_string(test.path("hook-env")).unwrap().contains("TOKEN_PROFILE=prod"), "the hook ran");
    assert!(test.path("sink.json").exists());
    assert_eq!(holding(&test.path("")), ["prod.json", "seed"]);
    assert_eq!(holding(&test.state_dir()), ["prod.json"]);
    issuer.revoke();
    test.run(&["renew"]).fails(4, "prod");
    assert_eq!(holding(&test.path("")), ["prod.json", "seed"], "not in the memory of the failure");
}

/// A server that repeats what it was sent, in its error or where a token should be.
#[test]
fn what_a_server_repeats_is_taken_out() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    let sent = test.refresh_token("prod");
    let echoes = [
        format!("{{\"error\":\"invalid_request\",\"error_description\":\"what is {sent}?\"}}"),
        format!("{{\"error\":\"{sent}\"}}"),
        format!("{{\"error\":\"invalid_grant\",\"error_description\":\"{sent}{sent}\"}}"),
    ];
    for echo in echoes {
        issuer.script([Reply::json(echo).with_status(400)]);
        let outcome = test.run(&["-vvv", "renew"]);
        outcome.fails(4, "prod").is_brief();
        says_none(&outcome);
        says_none(&test.run(&["status"]));
        assert_eq!(holding(&test.cache_dir()), [""; 0]);
    }
}

/// What is called by its path or started by us carries none in its arguments or its environment.
#[test]
fn no_child_and_no_argument_has_one() {
    if !strace_for("the arguments of children") {
        return;
    }
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = scene(&issuer);
    let log = test.path("strace.log");
    let wrapper = ["strace", "-f", "-v", "-s", "100000", "-e", "trace=execve", "-o", log.to_str().unwrap()];
    let test = test.wrapped(&wrapper);
    test.run(&["renew"]).exits(0);
    let first = fs::read_to_string(&log).unwrap();
    assert!(first.matches("execve(").count() >= 3, "itself, the command and the hook: {first}");
    issuer.revoke();
    test.run(&["renew"]).exits(4);
    for text in [first, fs::read_to_string(&log).unwrap()] {
        for disguise in disguises() {
            assert!(!text.contains(&disguise), "{disguise}: {text}");
        }
    }
}

/// S16: a body without end is cut off, and the login survives it.
#[test]
fn a_hostile_body_costs_neither_memory_nor_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    for reply in [Reply::endless_chunks(), Reply::huge(64 << 20), Reply::gzip_bomb(64)] {
        issuer.script([reply]);
        let outcome = test.run(&["get", "--renew", "--max-retries", "1"]);
        outcome.fails(5, "prod").stays_small();
    }
    test.run(&["get", "--renew"]).gives("token-2");
    assert_eq!(issuer.family().reused, 0);
}
