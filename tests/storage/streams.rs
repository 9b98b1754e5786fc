//! Standard streams that are full, closed or broken: a failure, no panic, and nothing in files of ours.

use std::process::Stdio;

use rustix::process::Signal;

use crate::support::{Issuer, Outcome, Reply, Reuse, Test, cases, profile};

/// Renewed after half of its life.
const EAGER: &str = "[renewal]\ninitial_retry_timeout = \"50ms\"\nlifetime_safe_fraction = 0.5\ninitial_safety_margin = \"100ms\"\n";

struct Stream {
    name: &'static str,
    line: &'static str,
}

const BROKEN_STDOUTS: [Stream; 4] = [
    Stream { name: "/dev/full", line: "exec \"$@\" >/dev/full" },
    Stream { name: "closed", line: "exec \"$@\" >&-" },
    Stream { name: "opened for reading only", line: "exec \"$@\" 1</dev/null" },
    Stream { name: "closed, with stdin and stderr", line: "exec \"$@\" <&- >&- 2>&-" },
];

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    cases::each(
        &BROKEN_STDOUTS,
        |case| case.name,
        |case| {
            for output in ["raw", "json", "header"] {
                check_cold_and_warm(case, output);
            }
        },
    );
}

fn check_cold_and_warm(case: &Stream, output: &str) {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).named(case.name).in_shell(case.line);
    for run in ["cold", "warm"] {
        let outcome = test.run(&["get", "-o", output]);
        outcome.exits(1).is_polite();
        assert!(outcome.stderr.lines().count() <= 4, "{run}{outcome}");
        nothing_strayed(&test, &outcome);
    }
    let test = test.in_shell("exec \"$@\"");
    test.get().gives("token-1");
    assert_eq!(issuer.count(), 1, "{}: the token was kept", case.name);
}

/// With a stream closed, the next file to be opened gets its number: what is said must not land there.
#[track_caller]
fn nothing_strayed(test: &Test, outcome: &Outcome) {
    assert!(test.entry("prod").is_some(), "the entry is whole{outcome}");
    let lock = std::fs::read(test.cache_dir().join("prod.lock")).unwrap();
    assert!(lock.is_empty(), "something is in the lock file{outcome}");
    assert_eq!(test.leftovers(), [""; 0], "{outcome}");
}

#[test]
fn a_reader_that_went_away_is_a_failure() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    for args in [&["get"][..], &["get"], &["get", "--renew"], &["status"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = test.command(args);
        command.stdout(Stdio::from(writer));
        let outcome = test.start(command, args).finish();
        outcome.exits(1).is_polite();
    }
    assert_eq!(test.leftovers(), [""; 0]);
    test.get().gives("token-2");
}

#[test]
fn a_closed_stdin_fails_only_what_reads_it() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).in_shell("exec \"$@\" <&-");
    test.get().gives("token-1");
    test.get().gives("token-1");
    test.run(&["renew", "prod"]).exits(0).prints("");
    test.run(&["status"]).exits(0);
    test.run(&["get", "--name", "cmd", "--", "sh", "-c", "cat; echo token-7"]).gives("token-7");
    let reads = test.run(&["renew", "prod", "--if-token-is", "-"]);
    assert_ne!(reads.code, Some(0), "it reads stdin{reads}");
    assert_eq!(issuer.count(), 2);
}

#[test]
fn a_closed_stderr_costs_nothing_but_the_words() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).in_shell("exec \"$@\" 2>&-");
    let cold = test.get();
    cold.gives("token-1");
    nothing_strayed(&test, &cold);
    std::fs::write(test.entry_path("prod"), "rubbish").unwrap();
    test.run(&["get", "--offline"]).exits(5).prints("");
    test.get().gives("token-2");
    assert!(test.entry("prod").is_some(), "the entry is whole");
    test.run(&["get", "nobody"]).exits(2).prints("");
}

#[test]
fn a_full_stderr_costs_nothing_but_the_words() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).in_shell("exec \"$@\" 2>/dev/full");
    test.run(&["-vv", "get"]).gives("token-1");
    test.run(&["get", "nobody"]).exits(2).prints("");
}

/// Commands, whether each has something to say on stdout, and what it comes to where that does not matter.
const COMMANDS: [(&[&str], bool, i32); 8] = [
    (&["get"], true, 0),
    (&["get", "--renew"], true, 0),
    (&["status"], true, 0),
    (&["status", "--json"], true, 0),
    (&["helper", "kubectl"], true, 0),
    (&["renew"], false, 0),
    (&["watch", "--once"], false, 0),
    (&["purge", "--keep-login"], false, 0),
];

#[test]
fn whatever_is_closed_lands_in_no_file_of_ours() {
    let lines = [
        ("stdin", "exec \"$@\" <&-"),
        ("stdout", "exec \"$@\" >&-"),
        ("stderr", "exec \"$@\" 2>&-"),
        ("stdin and stdout", "exec \"$@\" <&- >&-"),
        ("stdout and stderr", "exec \"$@\" >&- 2>&-"),
        ("all three", "exec \"$@\" <&- >&- 2>&-"),
    ];
    let table: Vec<_> =
        lines.iter().flat_map(|line| COMMANDS.map(|command| (format!("{}: {:?}", line.0, command.0), line, command))).collect();
    cases::each(
        &table,
        |case| &case.0,
        |(name, (closed, line), (args, speaks, exit))| {
            let issuer = Issuer::rotating(Reuse::Revokes);
            let test = Test::logged_in(&issuer).named(name);
            let test = test.in_shell(line);
            let outcome = test.run(args);
            outcome.exits(if *speaks && (closed.contains("stdout") || *closed == "all three") { 1 } else { *exit }).is_polite();
            assert!(outcome.stderr.lines().count() <= 4, "{name}{outcome}");
            assert_eq!(test.refresh_token("prod"), issuer.newest(), "the login is whole{outcome}");
            assert!(test.entry("prod").is_some() != args.contains(&"purge"), "{name}{outcome}");
            assert_eq!(std::fs::read(test.cache_dir().join("prod.lock")).unwrap(), b"", "{name}: something is in the lock{outcome}");
            assert_eq!((test.leftovers(), test.state_files()), (vec![], vec!["prod.json".to_owned()]), "{name}{outcome}");
        },
    );
}

#[test]
fn an_answer_for_nobody_is_a_failure_of_every_command() {
    for (args, speaks, exit) in COMMANDS {
        let issuer = Issuer::start();
        let test = Test::against(&issuer);
        test.get().gives("token-1");
        let full = test.in_shell("exec \"$@\" >/dev/full").run(args);
        full.exits(if speaks { 1 } else { exit }).is_polite();
        assert!(!speaks || full.stderr.lines().count() >= 1, "it says why{full}");
    }
}

/// A watcher has other listeners than a terminal.
#[test]
fn a_watcher_goes_on_though_nobody_hears_it() {
    for line in ["exec \"$@\" <&- >&- 2>&-", "exec \"$@\" 2>/dev/full", "exec \"$@\" >/dev/full 2>&1"] {
        let issuer = Issuer::answering(Reply::token(2));
        let test = Test::configured(&format!("{EAGER}{}", profile("prod", &issuer.endpoint()))).in_shell(line);
        let watcher = test.spawn(&["-vv", "watch"]);
        issuer.wait_for_requests(3);
        watcher.signal(Signal::TERM);
        watcher.finish().exits(143).prints("").is_polite();
        assert!(test.entry("prod").is_some(), "{line}");
        assert_eq!(test.leftovers(), [""; 0], "{line}");
    }
}

/// A file that may not grow takes no answer: a failure that is told, not a death (SIGXFSZ).
#[test]
fn a_file_that_may_not_grow_is_a_failure() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    let test = test.in_shell("ulimit -f 0; exec \"$@\" >answer");
    for args in [&["get"][..], &["get", "--renew"], &["status"], &["helper", "kubectl"]] {
        let outcome = test.run(args);
        outcome.exits(1).is_polite();
        assert!((1..=4).contains(&outcome.stderr.lines().count()), "{args:?}{outcome}");
        assert_eq!(std::fs::read(test.path("answer")).unwrap(), b"", "{args:?}");
    }
}
