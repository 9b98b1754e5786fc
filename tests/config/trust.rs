//! A configuration says what is run in the user's name: not everybody may change it, and in the home of another nothing is run. And it is
//! waited for no longer than anything else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::fs::{CWD, FileType, mknodat};

use crate::support::home::give_away;
use crate::support::privilege::{STRANGER, root_for};
use crate::support::{Test, cases};

const CONFIG: &str = "[profile.prod]\nsource = \"exec\"\ncommand = [\"echo\", \"token-of-mine\"]\n";
const PLACE: &str = "config/token/config.toml";

#[test]
fn what_anybody_can_change_is_refused() {
    for (mode, is_refused) in [(0o600, false), (0o644, false), (0o664, false), (0o602, true), (0o646, true), (0o666, true), (0o777, true)] {
        let test = Test::configured(CONFIG).named(&format!("{mode:o}"));
        fs::set_permissions(test.path(PLACE), fs::Permissions::from_mode(mode)).unwrap();
        let outcome = test.get();
        if is_refused {
            outcome.fails(2, &format!("{mode:04o}")).mentions("config.toml").mentions("anybody can change it");
        } else {
            outcome.exits(0).prints("token-of-mine\n");
        }
    }
}

#[test]
fn nothing_is_run_in_the_home_of_another_user() {
    if !root_for("files of other users") {
        return;
    }
    for args in [&["get"][..], &["renew"], &["watch", "--once"], &["run", "--", "true"]] {
        let test = Test::configured("[profile.prod]\nsource = \"exec\"\ncommand = [\"touch\", \"has-run\"]\n").named(args[0]);
        give_away(&test.path(""), STRANGER);
        let outcome = test.run(args);
        outcome.fails(6, &format!("user {STRANGER}")).mentions(test.path("").to_str().unwrap().trim_end_matches('/'));
        assert!(!test.path("has-run").exists(), "{outcome}");
    }
}

/// What a shell's `<(…)` hands over, and what never comes.
#[test]
fn a_pipe_is_read_and_not_waited_for_for_ever() {
    let run_as = |case: &str, line: &str, args: &[&str]| {
        let test = Test::bare().named(case).in_shell(line);
        mknodat(CWD, test.path("fifo"), FileType::Fifo, 0o600.into(), 0).unwrap();
        fs::write(test.path("config.toml"), CONFIG).unwrap();
        test.run(args)
    };
    let run = |case: &str, line: &str| run_as(case, line, &["get"]);
    let read = [
        ("what comes late", "(sleep 0.3; cat config.toml >fifo) & exec \"$@\" --config fifo"),
        ("in pieces", "(head -c 20 config.toml; sleep 0.2; tail -c +21 config.toml) >fifo & exec \"$@\" --config fifo"),
        ("standard input", "exec \"$@\" --config /dev/stdin <config.toml"),
        ("a pipe", "cat config.toml | \"$@\" --config /dev/stdin"),
    ];
    cases::each(&read, |case| case.0, |(case, line)| _ = run(case, line).exits(0).prints("token-of-mine\n"));
    let never = [("nobody writes", "exec \"$@\" --config fifo"), ("nothing is written", "exec 3<>fifo; exec \"$@\" --config fifo")];
    cases::each(
        &never,
        |case| case.0,
        |(case, line)| _ = run(case, line).fails(2, "fifo").mentions("within the time limit").within(Duration::from_secs(5)),
    );
    for command in ["get", "renew", "run", "purge"] {
        let args = if command == "run" { vec![command, "--timeout", "300ms", "--", "true"] } else { vec![command, "--timeout", "300ms"] };
        let hurried = run_as(command, "TOKEN_CONFIG=fifo exec \"$@\"", &args);
        hurried.fails(2, "fifo").mentions("within the time limit").within(Duration::from_millis(300));
    }
    let more = [("a device", "exec \"$@\" --config /dev/zero"), ("a pipe", "yes '#' | \"$@\" --config /dev/stdin")];
    cases::each(&more, |case| case.0, |(case, line)| _ = run(case, line).fails(2, "4 MiB").stays_small());
    run("a folder", "exec \"$@\" --config .").fails(2, "cannot read");
    Test::bare().run(&["status", "--config", "/dev/null"]).exits(0);
}
