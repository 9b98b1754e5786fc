//! Hooks: when they run, what they are told, and that nothing they do costs the token.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::delivering;
use crate::support::running::processes_with;
use crate::support::{Issuer, LEAK, PATIENT, RESTLESS, Reply, Test, cases, profile, wait_until};

/// `KEY = ["sh", "-c", SCRIPT]`, run in the home of the test.
fn hook(key: &str, script: &str) -> String {
    format!("{key} = [\"sh\", \"-c\", '''{script}''']\n")
}

fn told(test: &Test, name: &str) -> String {
    fs::read_to_string(test.path(name)).unwrap_or_default()
}

#[test]
fn it_runs_after_the_sinks_and_before_the_end_for_whoever_renews() {
    let issuer = Issuer::start();
    let keys = hook("on_renew", "cat config/token/sink >>seen; echo >>seen") + "sink = { path = 'sink' }";
    let test = delivering(&issuer, &keys);
    let runs: [(&[&str], &str); 7] = [
        (&["get"], "token-1\n"),
        (&["get"], ""),
        (&["get", "--renew"], "token-2\n"),
        (&["renew"], "token-3\n"),
        (&["renew", "--if-near-expiry"], ""),
        (&["run", "--", "true"], ""),
        (&["status"], ""),
    ];
    for (args, seen) in runs {
        test.run(args).exits(0);
        assert_eq!(told(&test, "seen"), seen, "{args:?}");
        let _ = fs::remove_file(test.path("seen"));
    }
}

#[test]
fn it_is_told_the_profile_and_the_time_and_never_the_token() {
    let issuer = Issuer::start();
    issuer.script([Reply::json(r#"{"access_token":"a-token-of-some-length","expires_in":3600}"#)]);
    let test = delivering(&issuer, &hook("on_renew", "env >env; cat >stdin; tr '\\0' ' ' </proc/$$/cmdline >argv"))
        .env("TOKEN", "the one before")
        .env("TOKEN_EXPIRES_AT", "1970-01-01T00:00:00Z")
        .env("HEADER", "Bearer a-token-of-some-length")
        .env("INHERITED", "as it is");
    test.get().exits(0).prints("a-token-of-some-length\n");
    let env = told(&test, "env");
    let value = |name: &str| env.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let expires_at = jiff::Timestamp::from_second(test.entry("prod").unwrap()["expires_at"].as_i64().unwrap()).unwrap();
    assert_eq!(value("TOKEN_PROFILE"), Some("prod"));
    assert_eq!(value("TOKEN_EXPIRES_AT"), Some(expires_at.to_string().as_str()));
    assert_eq!((value("INHERITED"), value("TOKEN"), value("HEADER")), (Some("as it is"), None, None));
    assert_eq!((told(&test, "stdin").as_str(), test.path("stdin").exists()), ("", true));
    assert!(!(env + &told(&test, "argv")).contains("a-token-of-some-length"));
}

/// `source = "env"`: the variable that holds the token is not handed on.
#[test]
fn a_token_from_the_environment_does_not_reach_it() {
    let config = "[profile.ci]\nsource = \"env\"\nvariable = \"CI\"\nttl = \"never\"\n".to_owned() + &hook("on_renew", "env >env");
    let test = Test::configured(&config).env("CI", "abc");
    test.get().exits(0).prints("abc\n");
    let env = told(&test, "env");
    assert!(env.contains("TOKEN_PROFILE=ci\n"), "{env}");
    assert!(!env.contains("CI=") && !env.contains("TOKEN_EXPIRES_AT"), "{env}");
}

#[test]
fn its_output_is_not_ours() {
    let issuer = Issuer::start();
    let script = format!("echo {LEAK}; echo odd-{LEAK}; printf '\\033[31m%s {LEAK} %s\\n' \"$(cat config/token/sink)\" tame >&2");
    let test = delivering(&issuer, &(hook("on_renew", &script) + "sink = { path = 'sink' }"));
    let outcome = test.get();
    outcome.gives("token-1");
    assert_eq!(outcome.stderr, "", "{outcome}");
    let verbose = test.run(&["-v", "get", "--renew"]);
    verbose.gives("token-2").mentions("on_renew: it said: ").mentions(LEAK).mentions("tame").hides(&format!("odd-{LEAK}"));
}

/// However long the token is, and wherever a line that holds it is cut.
#[test]
fn what_one_that_fails_says_of_the_token_is_not_shown() {
    let token = "k4nary".repeat(50);
    let issuer = Issuer::start();
    issuer.script([Reply::json(format!(r#"{{"access_token":"{token}","expires_in":3600}}"#))]);
    let script = "echo \"sent $(cat config/token/sink), was refused\" >&2; exit 3";
    let test = delivering(&issuer, &(hook("on_renew", script) + "sink = { path = 'sink' }"));
    let outcome = test.run(&["-v", "get"]);
    outcome.exits(0).prints(&format!("{token}\n")).mentions("on_renew: it said: sent [secret], was refused").hides("k4nary");
}

#[test]
fn a_failure_costs_a_warning() {
    let cases = [
        ("it fails", hook("on_renew", "exit 3"), "on_renew: `sh` failed (exit status: 3)"),
        ("it is killed", hook("on_renew", "kill -9 $$"), "on_renew: `sh` failed (signal: 9"),
        ("it is missing", "on_renew = [\"no-such-program\"]\n".to_owned(), "on_renew: there is no program `no-such-program`"),
        ("it is no program", "on_renew = [\"/etc/passwd\"]\n".to_owned(), "on_renew: `/etc/passwd` is not executable"),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, keys, warning)| {
            let issuer = Issuer::start();
            let test = delivering(&issuer, keys).named(name);
            test.get().gives_with_warning("token-1", "prod").mentions(warning);
            test.run(&["renew"]).exits(0).prints("").mentions(warning);
        },
    );
}

/// The time limit of a command is that of all it does. The token is there all the same.
#[test]
fn it_ends_with_the_time_limit_of_the_command() {
    let cases: [(&str, &[&str], i32); 4] = [
        ("on_renew", &["get", "--timeout", "1s"], 0),
        ("on_renew", &["renew", "--timeout", "1s"], 0),
        ("on_renew", &["run", "--timeout", "1s", "--", "true"], 0),
        ("on_error", &["get", "--timeout", "1s"], 4),
    ];
    for (key, args, exit) in cases {
        let issuer = if key == "on_error" { Issuer::answering(Reply::oauth(401, "invalid_client")) } else { Issuer::start() };
        let test = delivering(&issuer, &hook(key, "touch begun; sleep 7501")).named(&format!("{key}, {}", args[0]));
        let outcome = test.run(args);
        outcome
            .exits(exit)
            .mentions(&format!("{key}: it had not ended within the time limit and was killed"))
            .within(Duration::from_secs(1));
        assert!(test.path("begun").exists(), "it did not begin{outcome}");
        wait_until("the end of its child", || processes_with("sleep 7501").is_empty());
    }
}

#[test]
fn a_signal_ends_it_with_all_it_started() {
    for (signal, mark) in [(Signal::TERM, "7301"), (Signal::INT, "7302")] {
        let issuer = Issuer::start();
        let test = delivering(&issuer, &hook("on_renew", &format!("sleep {mark} & touch begun; wait")));
        let running = test.spawn(&["get"]);
        wait_until("the hook to begin", || test.path("begun").exists());
        let signalled = Instant::now();
        running.signal(signal);
        running.finish().ended_by(signal.as_raw()).prints("");
        assert!(signalled.elapsed() < Duration::from_secs(1), "{:?}", signalled.elapsed());
        wait_until("the end of its child", || processes_with(&format!("sleep {mark}")).is_empty());
        test.get().gives("token-1");
    }
}

/// It has a process group of its own, and what it leaves there ends with it.
#[test]
fn what_it_leaves_running_ends_with_it() {
    let issuer = Issuer::start();
    let test = delivering(&issuer, &hook("on_renew", "cut -d' ' -f5 /proc/$$/stat >group; echo $$ >pid; sleep 7401 &"));
    let outcome = test.get();
    outcome.gives("token-1").within(Duration::from_secs(1));
    assert_eq!(told(&test, "group").trim(), told(&test, "pid").trim());
    wait_until("the end of what it left", || processes_with("sleep 7401").is_empty());
}

#[test]
fn it_may_ask_for_its_own_token() {
    let issuer = Issuer::start();
    let program = env!("CARGO_BIN_EXE_token");
    let test = delivering(&issuer, &hook("on_renew", &format!("{program} get >got")));
    test.get().gives("token-1");
    assert_eq!((told(&test, "got").as_str(), issuer.count()), ("token-1\n", 1));
}

#[test]
fn one_that_renews_its_own_profile_does_not_go_on_for_ever() {
    let issuer = Issuer::start();
    let program = env!("CARGO_BIN_EXE_token");
    let test = delivering(&issuer, &(hook("on_renew", &format!("echo run >>runs; {program} renew prod")) + "sink = { path = 'sink' }"));
    test.get().gives("token-1");
    assert_eq!((told(&test, "runs").as_str(), issuer.count()), ("run\n", 2));
    assert_eq!(told(&test, "config/token/sink"), "token-2", "what it renewed is delivered");
    test.run(&["get", "--renew"]).exits(0);
    assert_eq!(told(&test, "runs"), "run\nrun\n", "and it runs the next time");
}

#[test]
fn on_error_runs_when_a_profile_parks_and_not_before() {
    let script = "echo \"$TOKEN_PROFILE ${TOKEN_EXPIRES_AT-none}\" >>errors";
    let keys = hook("on_error", script) + &hook("on_renew", "echo renewed >>errors");
    let issuer = Issuer::answering(Reply::status(503));
    let test = delivering(&issuer, &keys);
    test.get().fails(5, "prod");
    assert_eq!(told(&test, "errors"), "", "what passes by itself is no news");
    issuer.answer(Reply::oauth(400, "invalid_client"));
    test.run(&["get", "--renew"]).fails(4, "prod");
    assert_eq!(told(&test, "errors"), "prod none\n");
    test.get().fails(4, "prod");
    assert_eq!(told(&test, "errors"), "prod none\n", "remembered, not asked again");
    test.run(&["renew"]).exits(4);
    assert_eq!(told(&test, "errors"), "prod none\nprod none\n", "asked again, and parked again");
    issuer.answer(Reply::token(3600));
    test.run(&["renew"]).exits(0);
    assert_eq!(told(&test, "errors"), "prod none\nprod none\nrenewed\n");
}

/// There is time left to mend it: that is when a warning is worth most.
#[test]
fn on_error_runs_while_the_old_token_is_served() {
    let issuer = Issuer::answering(Reply::token(600));
    let keys = hook("on_error", "echo \"${TOKEN_EXPIRES_AT-none}\" >>errors");
    let test = Test::configured(&format!("{RESTLESS}{}{keys}", profile("prod", &issuer.endpoint())));
    test.get().gives("token-1");
    let entry = test.entry("prod").unwrap();
    let expires_at = jiff::Timestamp::from_second(entry["expires_at"].as_i64().unwrap()).unwrap();
    let issued_at = entry["issued_at"].as_f64().unwrap();
    wait_until("the token to near its expiry", || crate::support::now() > issued_at + 1.05);
    issuer.answer(Reply::oauth(400, "invalid_client"));
    for _ in 0..2 {
        test.get().gives_with_warning("token-1", "prod");
        assert_eq!(told(&test, "errors"), format!("{expires_at}\n"));
    }
}

#[test]
fn on_error_cannot_make_it_worse() {
    let issuer = Issuer::answering(Reply::oauth(400, "invalid_client"));
    let test = Test::configured(&format!("{PATIENT}{}{}", profile("prod", &issuer.endpoint()), hook("on_error", "exit 1")));
    test.get().fails(4, "prod").mentions("on_error: `sh` failed");
}
