//! `token run`: a command with a valid token in its environment. Its exit status is the answer, its standard streams are ours, and
//! signals reach it once.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use support::{Issuer, QUICK, Reply, Running, Test, profile, wait_until};

/// A command that notes each of these signals in the file `heard`, touches `ready` once it listens, and ends with status 7 when it is
/// told to (see [`enough`]). It runs no command of its own that signals could reach too.
const LISTENER: &str = "
    for name in HUP INT QUIT TERM USR1 USR2 CONT; do trap \"echo $name >>heard\" $name; done
    mkfifo enough; exec 3<>enough
    touch ready
    until read line <&3; do :; done
    exit 7";

fn ready() -> (Issuer, Test) {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    (issuer, test)
}

/// `run prod -- sh -c SCRIPT`
fn shell(script: &str) -> [&str; 6] {
    ["run", "prod", "--", "sh", "-c", script]
}

fn executable(test: &Test, name: &str, content: &str, mode: u32) -> String {
    let path = test.path(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_token_is_in_the_environment() {
    let (issuer, test) = ready();
    test.run(&shell("printf %s \"$TOKEN\"")).exits(0).prints("token-1");
    test.run(&["run", "--", "sh", "-c", "printf %s \"$TOKEN\""]).exits(0).prints("token-1");
    let named = test.run(&["run", "--env", "GITHUB_TOKEN", "--", "sh", "-c", "printf %s \"${TOKEN-none} $GITHUB_TOKEN\""]);
    named.exits(0).prints("none token-1");
    assert_eq!(issuer.count(), 1, "one token serves them all");
}

#[test]
fn the_rest_of_the_environment_is_ours() {
    let (_issuer, test) = ready();
    let test = test.env("TOKEN", "the one that was there").env("OTHER", "kept");
    test.run(&shell("printf %s \"$TOKEN $OTHER\"")).exits(0).prints("token-1 kept");
    let other = ["run", "prod", "--env", "HERS", "--", "sh", "-c", "printf %s \"$TOKEN\""];
    test.run(&other).exits(0).prints("the one that was there");
}

#[test]
fn the_profile_is_found_as_get_finds_it() {
    let issuer = Issuer::start();
    let config = format!("default = \"b\"\n{}{}", profile("a", &issuer.endpoint()), profile("b", &issuer.endpoint()));
    let test = Test::configured(&config);
    test.run(&["run", "--", "true"]).exits(0);
    assert!(test.entry("b").is_some() && test.entry("a").is_none());
    test.run(&["run", "-p", "a", "--", "true"]).exits(0);
    assert!(test.entry("a").is_some());
    test.run(&["run", "c", "--", "true"]).fails(2, "c");
}

#[test]
fn the_command_s_status_is_ours() {
    let (_issuer, test) = ready();
    for status in [0, 1, 3, 42, 255] {
        let outcome = test.run(&shell(&format!("exit {status}")));
        outcome.exits(status).prints("");
        assert_eq!(outcome.stderr, "", "{outcome}");
    }
    for (name, number) in [("TERM", 15), ("KILL", 9), ("ABRT", 6)] {
        test.run(&shell(&format!("kill -{name} $$"))).exits(128 + number).prints("");
    }
}

#[test]
fn a_command_that_is_not_there_is_127() {
    let (_issuer, test) = ready();
    for program in ["no-such-program", "/nowhere/at/all", "./none"] {
        let outcome = test.run(&["run", "prod", "--", program]);
        outcome.exits(127).prints("").mentions(program).is_polite();
        assert!(outcome.stderr.lines().count() <= 4, "{outcome}");
    }
}

#[test]
fn a_command_that_cannot_be_executed_is_126() {
    let (_issuer, test) = ready();
    let plain = executable(&test, "plain", "#!/bin/sh\n", 0o600);
    let folder = test.path("folder");
    fs::create_dir(&folder).unwrap();
    for program in [plain.as_str(), folder.to_str().unwrap()] {
        let outcome = test.run(&["run", "prod", "--", program]);
        outcome.exits(126).prints("").mentions(program).is_polite();
        assert!(outcome.stderr.lines().count() <= 4, "{outcome}");
    }
}

/// What to do next is not to read the manual: the command line was right.
#[test]
fn a_missing_command_is_no_mistake_of_usage() {
    let (_issuer, test) = ready();
    test.run(&["run", "prod", "--", "no-such-program"]).hides("--help");
}

#[test]
fn arguments_arrive_as_they_are() {
    let (_issuer, test) = ready();
    let words = ["two words", "*", "$TOKEN", "`id`", "--env", "-v", "--", "", "é\n"];
    let line = [&["run", "prod", "--", "printf", "[%s]"], &words[..]].concat();
    test.run(&line).exits(0).prints(&format!("[{}]", words.join("][")));
}

#[test]
fn the_standard_streams_are_inherited() {
    let (_issuer, test) = ready();
    let outcome = test.fed(&shell("cat; echo said >&2; printf 'no line end'"), "from outside\n");
    outcome.exits(0).prints("from outside\nno line end");
    assert_eq!(outcome.stderr, "said\n", "{outcome}");
}

/// What goes in comes out as it comes, not when all of it is there.
#[test]
fn input_is_passed_through_at_once() {
    let (_issuer, test) = ready();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let args = shell("read line; echo \"$line\" >got; read line; echo \"$line\"");
    let mut command = test.command(&args);
    command.stdin(reader);
    let running = test.start(command, &args);
    writer.write_all(b"first\n").unwrap();
    wait_until("the first line", || fs::read(test.path("got")).is_ok_and(|text| text == b"first\n"));
    writer.write_all(b"second\n").unwrap();
    running.finish().exits(0).prints("second\n");
}

#[test]
fn a_terminal_stays_a_terminal() {
    let (_issuer, test) = ready();
    let outcome = test.all_on_terminal(&shell("test -t 0 && test -t 1 && test -t 2 && echo yes")).finish();
    assert_eq!(outcome.exits(0).stdout(), "yes\r\n", "{outcome}");
}

#[test]
fn without_a_token_nothing_is_run() {
    for (reply, exit) in [(Reply::status(503), 5), (Reply::oauth(401, "invalid_client"), 4)] {
        let issuer = Issuer::answering(reply);
        let test = Test::against(&issuer);
        test.run(&shell("touch ran")).fails(exit, "prod");
        assert!(!test.path("ran").exists());
    }
    let test = Test::bare();
    test.run(&["run", "--", "touch", "ran"]).exits(2).prints("").is_polite();
    assert!(!test.path("ran").exists());
}

#[test]
fn limits_are_flags_here_too() {
    let issuer = Issuer::answering(Reply::token(60));
    let test = Test::against(&issuer);
    test.run(&["run", "prod", "--min-ttl", "1h", "--", "touch", "ran"]).fails(4, "prod");
    issuer.answer(Reply::silence());
    let test = Test::against(&issuer);
    let limit = Duration::from_millis(300);
    test.run(&["run", "prod", "--timeout", "300ms", "--", "touch", "ran"]).fails(5, "prod").within(limit);
    test.run(&["run", "prod", "--request-timeout", "100ms", "--max-retries", "1", "--", "touch", "ran"]).fails(5, "prod").within(limit);
    assert!(!test.path("ran").exists());
}

#[test]
fn a_token_near_its_end_is_renewed_first() {
    let issuer = Issuer::start();
    let test = Test::near_expiry(&issuer);
    test.run(&shell("printf %s \"$TOKEN\"")).exits(0).prints("token-2");

    let issuer = Issuer::start();
    let test = Test::near_expiry(&issuer);
    issuer.answer(Reply::status(503));
    test.run(&shell("printf %s \"$TOKEN\"")).exits(0).prints("token-1").explains("prod");
}

#[test]
fn the_token_is_in_no_command_line() {
    let (_issuer, test) = ready();
    let script = "cat /proc/$$/cmdline /proc/$PPID/cmdline | tr '\\0' ' '; printf %s \"$TOKEN\" >given";
    let outcome = test.run(&shell(script));
    assert_eq!(fs::read_to_string(test.path("given")).unwrap(), "token-1");
    let lines = outcome.exits(0).stdout();
    assert!(lines.contains("run prod") && !lines.contains("token-1"), "{outcome}");
}

#[test]
fn a_variable_has_a_name() {
    let (issuer, test) = ready();
    for name in ["", "A=B", "=", "A=", "=B"] {
        test.run(&["run", "prod", &format!("--env={name}"), "--", "touch", "ran"]).exits(2).prints("").mentions("--env").is_polite();
    }
    assert!(!test.path("ran").exists());
    assert_eq!(issuer.count(), 0, "found out before anybody is asked");
}

/// The listener at work.
fn listening(test: &Test) -> Running {
    let running = test.spawn(&shell(LISTENER));
    wait_until("the command to listen", || test.path("ready").exists());
    running
}

/// Lets the listener go.
fn enough(test: &Test) {
    // For reading too: that never waits for a reader.
    let fifo = fs::File::options().read(true).write(true).open(test.path("enough"));
    fifo.unwrap().write_all(b"\n").unwrap();
}

fn heard(test: &Test) -> String {
    fs::read_to_string(test.path("heard")).unwrap_or_default()
}

#[test]
fn signals_are_passed_on_once() {
    let signals = [
        (Signal::TERM, "TERM\n"),
        (Signal::INT, "INT\n"),
        (Signal::USR1, "USR1\n"),
        (Signal::USR2, "USR2\n"),
        (Signal::HUP, "HUP\n"),
        (Signal::QUIT, "QUIT\n"),
    ];
    for (signal, name) in signals {
        let (_issuer, test) = ready();
        let running = listening(&test);
        running.signal(signal);
        wait_until(&format!("{name} to arrive"), || !heard(&test).is_empty());
        enough(&test);
        running.finish().exits(7).prints("");
        assert_eq!(heard(&test), name, "once");
    }
}

#[test]
fn a_signal_may_come_again() {
    let (_issuer, test) = ready();
    let running = listening(&test);
    for count in 1..=3 {
        running.signal(Signal::USR1);
        wait_until("the signal to arrive", || heard(&test).lines().count() >= count);
    }
    enough(&test);
    running.finish().exits(7);
    assert_eq!(heard(&test), "USR1\n".repeat(3));
}

/// A command that a signal ends, ends us with what a shell would say.
#[test]
fn a_command_ended_by_a_signal_tells_so() {
    for (signal, exit) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::USR1, 138)] {
        let (_issuer, test) = ready();
        let running = test.spawn(&shell("touch ready; exec sleep 10"));
        wait_until("the command to run", || test.path("ready").exists());
        let signalled = Instant::now();
        running.signal(signal);
        running.finish().exits(exit).prints("");
        assert!(signalled.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn a_signal_before_there_is_a_token_ends_us() {
    for (signal, exit) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let issuer = Issuer::answering(Reply::token(3600).held());
        let test = Test::against(&issuer);
        let running = test.spawn(&shell("touch ran"));
        issuer.wait_for_requests(1);
        let signalled = Instant::now();
        running.signal(signal);
        running.finish().exits(exit).prints("");
        assert!(signalled.elapsed() < Duration::from_secs(1));
        assert!(!test.path("ran").exists());
    }
}

/// Ctrl-C reaches the command from the terminal already: it must not hear of it twice.
#[test]
fn a_key_on_the_terminal_is_heard_once() {
    for (key, name) in [(b"\x03", "INT\n"), (b"\x1c", "QUIT\n")] {
        let (_issuer, test) = ready();
        let (keyboard, mut keys) = std::io::pipe().unwrap();
        let running = test.at_keyboard(&shell(LISTENER), keyboard);
        wait_until("the command to listen", || test.path("ready").exists());
        keys.write_all(key).unwrap();
        wait_until("the key to be heard", || !heard(&test).is_empty());
        std::thread::sleep(Duration::from_millis(200)); // in which a second one would arrive
        enough(&test);
        running.finish().exits(7);
        assert_eq!(heard(&test), name);
    }
}

#[test]
fn a_command_that_is_stopped_and_continued_goes_on() {
    let (_issuer, test) = ready();
    let running = listening(&test);
    running.signal(Signal::CONT);
    wait_until("the signal to arrive", || heard(&test) == "CONT\n");
    enough(&test);
    running.finish().exits(7);
}

#[test]
fn a_renewal_is_shared_by_those_who_start_at_once() {
    let issuer = Issuer::answering(Reply::token(3600).after(Duration::from_millis(200)));
    let test = Test::configured(&format!("{QUICK}{}", profile("prod", &issuer.endpoint())));
    let running: Vec<Running> = (0..10).map(|_| test.spawn(&shell("printf %s \"$TOKEN\""))).collect();
    for running in running {
        running.finish().exits(0).prints("token-1");
    }
    assert_eq!(issuer.count(), 1);
}
