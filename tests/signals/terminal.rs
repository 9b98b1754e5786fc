//! On a terminal: what a signal leaves of it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::terminal::COLUMNS;
use crate::support::{Issuer, Reply, Running, SLACK, Screen, Test, cases, wait_until};
use crate::{ENDING, SECOND, mark, nothing_is_left_of, shell};

/// The program in a shell that looks at the terminal before it and after it, and hears none of the signals itself.
fn on_terminal(test: &Test, args: &[&str]) -> Running {
    let program = env!("CARGO_BIN_EXE_token");
    let line = format!(
        "stty cols {COLUMNS}; stty -a >before; trap : INT TERM HUP; sh -c 'echo $$ >pid.new; mv pid.new pid; exec \"$@\"' sh {program} {} >answer; \
         status=$?; stty -a >after; exit $status",
        args.join(" ")
    );
    let plain = test.command(args);
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm").env("SHELL", "/bin/sh");
    command.current_dir(test.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (keyboard, keys) = std::io::pipe().unwrap();
    command.stdin(keyboard);
    // Nobody types anything, and nobody hangs up.
    std::mem::forget(keys);
    test.start(command, args)
}

fn signal(test: &Test, signal: Signal) {
    wait_until("the program", || test.path("pid").exists());
    let pid = fs::read_to_string(test.path("pid")).unwrap();
    kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), signal).unwrap();
}

#[track_caller]
fn is_restored(name: &str, test: &Test, running: Running, exit: i32) {
    let signalled = Instant::now();
    let outcome = running.finish();
    outcome.exits(exit);
    assert!(signalled.elapsed() < SECOND + SLACK, "{name}: {:?}{outcome}", signalled.elapsed());
    let [before, after] = ["before", "after"].map(|file| fs::read_to_string(test.path(file)).unwrap());
    assert!(before.contains(" echo ") && before.contains(" icanon "), "{before}");
    assert_eq!(after, before, "{name}{outcome}");
    let screen = Screen::of_columns(COLUMNS, &outcome.stdout);
    assert!(!screen.cursor_is_hidden, "{name}: the cursor is gone{outcome}");
    assert!(!screen.text().contains("waiting"), "{name}: a trace is left{outcome}");
    assert_eq!(test.answer(), "", "{name}");
}

#[test]
fn a_wait_leaves_no_trace() {
    cases::each(
        &ENDING,
        |(signal, _)| if *signal == Signal::TERM { "TERM" } else { "INT or HUP" },
        |(number, exit)| {
            let issuer = Issuer::answering(Reply::silence());
            let test = Test::against(&issuer);
            let running = on_terminal(&test, &["get"]);
            issuer.wait_for_requests(1);
            std::thread::sleep(SECOND / 2); // the spinner is on the screen
            signal(&test, *number);
            is_restored("get", &test, running, *exit);
        },
    );
}

/// A command that asks for a password is killed before it can make the terminal show again what is typed.
#[test]
fn what_a_command_did_to_the_terminal_is_undone() {
    cases::each(
        &ENDING,
        |(signal, _)| if *signal == Signal::TERM { "TERM" } else { "INT or HUP" },
        |(number, exit)| {
            let mark = mark();
            let script = format!("stty -echo -icanon </dev/tty; touch begun; exec sleep {mark}");
            let config = format!("[profile.prod]\nsource = \"exec\"\ninteractive = true\n{}", shell("command", &script));
            let test = Test::configured(&config);
            let running = on_terminal(&test, &["get"]);
            wait_until("the command", || test.path("begun").exists());
            signal(&test, *number);
            is_restored("an interactive command", &test, running, *exit);
            nothing_is_left_of(&mark);
        },
    );
}
