//! Commands as sources: `get -- sh -c …` and `source = "exec"`, when the command misbehaves.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::running::processes_with;
use crate::support::{Issuer, LEAK, QUICK, SECRET, Test, cases, profile, wait_until};

const SECOND: Duration = Duration::from_secs(1);

/// `get --name cmd -- sh -c SCRIPT`
fn asking(script: &str) -> Vec<&str> {
    vec!["get", "--name", "cmd", "--request-timeout", "1s", "--max-retries", "1", "--", "sh", "-c", script]
}

#[test]
fn a_command_s_answer_is_printed_and_cached() {
    let test = Test::bare();
    let script = "echo called >>calls; echo token-1";
    for _ in 0..3 {
        test.run(&asking(script)).gives("token-1");
    }
    assert_eq!(std::fs::read_to_string(test.path("calls")).unwrap(), "called\n");
    let entry = test.entry("cmd").unwrap();
    let life = entry["expires_at"].as_i64().unwrap() - entry["issued_at"].as_i64().unwrap();
    assert_eq!(life, 300, "five minutes unless told otherwise");
}

#[test]
fn another_command_is_another_token() {
    let test = Test::bare();
    test.run(&asking("echo token-1")).gives("token-1");
    test.run(&asking("echo token-2")).gives("token-2");
}

#[test]
fn answers_that_are_no_tokens_are_refused() {
    let cases = [
        ("nothing", "true"),
        ("an empty line", "echo"),
        ("space", "printf 'a b'"),
        ("CR", r"printf 'token\rone'"),
        ("LF", r"printf 'token\none\n'"),
        ("NUL", r"printf 'token\0one'"),
        ("ESC", r"printf 'token\033[31m'"),
        ("é", "printf 'tokené'"),
        ("not UTF-8", r"printf 'token\377'"),
        ("100 KB", "head -c 100000 /dev/zero | tr '\\0' a"),
        ("JSON without a token", "echo '{}'"),
        ("JSON with a bad token", r#"echo '{"access_token":"a b"}'"#),
        ("JSON broken off", r#"echo '{"access_token":"token-1"'"#),
        ("exit 1 after a token", "echo token-1; exit 1"),
        ("killed after a token", "echo token-1; kill -9 $$"),
        ("output without end", "yes"),
        ("output without end or line", "cat /dev/zero"),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, script)| {
            let test = Test::bare().named(name);
            let outcome = test.run(&asking(script));
            outcome.fails(5, "cmd").is_brief().within(3 * SECOND);
            test.nothing_cached("cmd");
        },
    );
}

#[test]
fn a_gigabyte_of_output_is_not_kept() {
    let cases =
        [("on stdout", "head -c 1000000000 /dev/zero | tr '\\0' a", 5), ("on stderr", "head -c 100000000 /dev/zero >&2; exit 1", 5)];
    cases::each(
        &cases,
        |case| case.0,
        |(name, script, exit)| {
            let test = Test::bare().named(name);
            let args = ["get", "--name", "cmd", "--max-retries", "1", "--", "sh", "-c", script];
            test.run(&args).fails(*exit, "cmd").stays_small();
        },
    );
}

#[test]
fn a_talkative_command_still_answers() {
    let test = Test::bare();
    let script = "head -c 10000000 /dev/zero | tr '\\0' x >&2; echo token-1";
    test.run(&["get", "--name", "cmd", "--", "sh", "-c", script]).gives("token-1");
}

#[test]
fn a_command_that_hangs_is_killed_with_its_children() {
    // The odd durations mark the processes of each case.
    let cases = [
        ("it hangs", "6101", "sleep 6101"),
        ("its child hangs", "6102", "sleep 6102 & wait"),
        ("it ignores SIGTERM", "6103", "trap '' TERM; sleep 6103"),
        ("it hangs after its answer", "6104", "echo token-1; sleep 6104"),
        ("it closes its pipes", "6105", "exec sleep 6105 >&- 2>&-"),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, mark, script)| {
            let test = Test::bare().named(name);
            test.run(&asking(script)).fails(5, "cmd").within(SECOND);
            is_gone(name, &format!("sleep {mark}"));
            test.nothing_cached("cmd");
        },
    );
}

#[test]
fn a_grandchild_that_keeps_the_pipe_holds_nobody_up() {
    let test = Test::bare();
    let outcome = test.run(&asking("sleep 6201 & echo token-1"));
    outcome.within(SECOND);
    match outcome.code {
        Some(0) => outcome.gives("token-1"),
        _ => outcome.fails(5, "cmd"),
    };
    is_gone("a grandchild", "sleep 6201");
}

fn is_gone(name: &str, mark: &str) {
    wait_until(&format!("{name}: the end of {mark}"), || processes_with(mark).iter().all(|line| line.contains("token")));
}

#[test]
fn a_signal_ends_the_command_too() {
    for (signal, mark) in [(Signal::TERM, "6301"), (Signal::INT, "6302")] {
        let test = Test::bare();
        let script = format!("touch begun; sleep {mark}");
        let running = test.spawn(&["get", "--name", "cmd", "--", "sh", "-c", &script]);
        wait_until("the command to begin", || test.path("begun").exists());
        let signalled = std::time::Instant::now();
        running.signal(signal);
        running.finish().ended_by(signal.as_raw()).prints("");
        assert!(signalled.elapsed() < SECOND, "{:?}", signalled.elapsed());
        is_gone("after a signal", &format!("sleep {mark}"));
    }
}

#[test]
fn stderr_is_shown_only_on_request_and_tame() {
    let script = format!("printf '{LEAK} \\033]52;c;ZXZpbA==\\a \\033[31m\\n' >&2; exit 1");
    let test = Test::bare();
    test.run(&asking(&script)).fails(5, "cmd").hides(LEAK);
    let mut verbose = vec!["-v"];
    verbose.extend(asking(&script));
    let outcome = Test::bare().run(&verbose);
    outcome.exits(5).prints("").mentions(LEAK).is_polite();
}

#[test]
fn known_tokens_are_redacted_in_what_a_command_says() {
    let test = Test::bare();
    std::fs::write(test.path("answer"), "token-1").unwrap();
    let script = "cat answer; sed 's/^/trouble with /' answer >&2; test ! -e broken";
    let args = |extra: &[&'static str]| {
        let mut args = vec!["-vvv", "get", "--name", "cmd", "--max-retries", "1"];
        args.extend(extra);
        args.extend(["--", "sh", "-c", script]);
        args
    };
    test.run(&args(&[])).gives("token-1");
    std::fs::write(test.path("broken"), "").unwrap();
    test.run(&args(&["--renew"])).exits(5).prints("").is_polite();
}

/// A secret of which a part was cut off is still one.
#[test]
fn what_is_cut_off_gives_nothing_away() {
    let cases = [
        (
            "a line, of the token that was cached",
            "test ! -e answer || { echo \"sent $(cat answer)\" >&2; exit 1; }; echo $canary | tee answer",
        ),
        ("all but the end of what it said", "echo $canary; { echo $canary$canary; yes innocent | head -n 1800; } >&2; exit 1"),
        ("what stands behind many words", "yes word | head -n 300; echo $canary; echo \"sent $canary\" >&2; exit 1"),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, script)| {
            let test = Test::bare().named(name).env("canary", "k4nary".repeat(50));
            let args = ["-v", "get", "--renew", "--name", "cmd", "--max-retries", "1", "--", "sh", "-c", script];
            test.run(&args).hides("k4nary");
            test.run(&args).exits(5).prints("").mentions("it said: ").hides("k4nary");
        },
    );
}

#[test]
fn what_a_command_was_told_is_redacted_in_what_it_says() {
    let command = "command = [\"sh\", \"-c\", 'echo \"with $PASSWORD in $LANG\" >&2; exit 1']";
    let env = "env = { PASSWORD = { env = \"GIVEN\" }, LANG = \"C.UTF-8\" }";
    let test = Test::configured(&format!("[profile.cmd]\nsource = \"exec\"\n{command}\n{env}\n")).env("GIVEN", SECRET);
    let outcome = test.run(&["-v", "get", "cmd", "--max-retries", "1"]);
    outcome.exits(5).hides(SECRET).mentions("it said: with [secret] in C.UTF-8");
}

#[test]
fn a_missing_program_is_a_mistake_in_the_command() {
    let cases = [
        ("missing", "no-such-program-anywhere"),
        ("missing, by path", "/nowhere/at/all"),
        ("a directory", "/"),
        ("not executable", "/etc/passwd"),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, program)| {
            let test = Test::bare().named(name);
            test.run(&["get", "--name", "cmd", "--", program]).fails(2, "cmd").mentions(program);
        },
    );
}

#[test]
fn the_command_s_stdin_is_empty() {
    let test = Test::bare();
    test.run(&asking("cat; echo token-1")).gives("token-1");
}

#[test]
fn there_is_no_shell_of_ours() {
    let test = Test::bare();
    test.run(&["get", "--name", "cmd", "--", "printf", "%s", "$HOME;`x`"]).gives("$HOME;`x`");
}

/// The command of `profile` is `token get PROFILE`, through the real binary.
fn calling_itself(profiles: &[(&str, &str)]) -> Test {
    let program = env!("CARGO_BIN_EXE_token");
    let tables = profiles
        .iter()
        .map(|(name, asks)| format!("[profile.{name}]\nsource = \"exec\"\ncommand = [\"{program}\", \"get\", \"{asks}\"]\n"));
    Test::configured(&format!("{QUICK}{}", tables.collect::<String>()))
}

#[test]
fn a_profile_that_asks_for_itself_is_found_out_at_once() {
    let cases =
        [("itself", calling_itself(&[("alpha", "alpha")])), ("by way of another", calling_itself(&[("alpha", "beta"), ("beta", "alpha")]))];
    cases::each(
        &cases,
        |case| case.0,
        |(name, test)| {
            let outcome = test.run(&["get", "alpha"]);
            outcome.prints("").explains("alpha").within(Duration::from_secs(2));
            assert!(matches!(outcome.code, Some(2 | 4 | 5)), "{name}{outcome}");
            let said = outcome.stderr.to_lowercase();
            let names_it = ["itself", "recurs", "cycle", "loop"].iter().any(|word| said.contains(word));
            assert!(names_it, "{name}: it does not say why{outcome}");
        },
    );
}

#[test]
fn a_profile_may_ask_for_another() {
    let issuer = Issuer::start();
    let test = calling_itself(&[("outer", "prod")]);
    let config = std::fs::read_to_string(test.path("config/token/config.toml")).unwrap();
    test.configure(&(config + &profile("prod", &issuer.endpoint())));
    test.run(&["get", "outer"]).gives("token-1");
    assert!(test.entry("prod").is_some() && test.entry("outer").is_some());
}
