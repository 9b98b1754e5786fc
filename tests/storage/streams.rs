//! Standard streams that are full, closed or broken: a failure, no panic, and nothing in files of ours.

use std::process::Stdio;

use crate::support::{Issuer, Outcome, Test, cases};

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
