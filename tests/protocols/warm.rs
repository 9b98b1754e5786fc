//! A warm answer takes no lock, no network and no second thread, and writes nothing but the answer (R2). For kubectl alone it adds a line to
//! what is remembered of who was served.

use super::{Asked, EVERY_TOOL, home, tool_name};
use crate::support::cases::each;
use crate::support::privilege::strace_for;
use crate::support::{Issuer, Test};

/// What a warm answer has no use for.
const FORBIDDEN: [&str; 21] = [
    "socket(",
    "connect(",
    "sendto(",
    "bind(",
    "epoll_",
    "eventfd",
    "clone",
    "fork",
    "flock(",
    "F_SETLK",
    "F_OFD",
    "rename",
    "unlink",
    "mkdir",
    "link",
    "fsync",
    "fdatasync",
    "ftruncate",
    "chmod",
    "utimens",
    "O_CREAT",
];

/// The system calls of a run that was answered by the program, strace's own lines aside.
fn calls(test: &Test, asked: &Asked) -> Vec<String> {
    let log = test.path("strace.log");
    let wrapped = ["strace", "-f", "-y", "-o", log.to_str().unwrap(), env!("CARGO_BIN_EXE_token")];
    let mut command = std::process::Command::new(wrapped[0]);
    let plain = test.command(asked.args);
    command.args(&wrapped[1..]).args(asked.args).env_clear().current_dir(test.path(""));
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, asked.input.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    command.stdin(file).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let outcome = test.start(command, asked.args).finish();
    outcome.exits(0);
    assert!(outcome.stdout().contains("token-1"), "{outcome}");
    let log = std::fs::read_to_string(log).unwrap();
    log.lines().map(|line| line.split_once(' ').map_or(line, |(_, call)| call.trim_start()).to_owned()).collect()
}

fn is_forbidden(call: &str) -> bool {
    let name = call.split('(').next().unwrap_or_default();
    let is_named = |part: &&str| match part.strip_suffix('(') {
        Some(whole) => name == whole,
        None if part.starts_with(char::is_uppercase) => call.contains(*part),
        None => name.contains(*part) && name != "readlink",
    };
    FORBIDDEN.iter().any(is_named)
}

fn writes_elsewhere(call: &str) -> bool {
    let name = call.split('(').next().unwrap_or_default();
    ["write", "writev", "pwrite64", "sendmsg"].contains(&name) && !call.contains("(1<")
}

#[test]
fn a_warm_answer_does_what_it_needs_and_no_more() {
    if !strace_for("counting system calls") {
        return;
    }
    each(&EVERY_TOOL, tool_name, |asked| {
        let issuer = Issuer::start();
        let test = home(&issuer).named(asked.name);
        let before = calls(&test, asked);
        assert!(before.iter().any(|call| is_forbidden(call)), "{}: a cold answer takes more", asked.name);
        let calls = calls(&test, asked);
        let odd: Vec<&String> = calls.iter().filter(|call| is_forbidden(call) || writes_elsewhere(call)).collect();
        match asked.name {
            "kubectl" => {
                assert_eq!(odd.len(), 1, "{odd:#?}");
                assert!(odd[0].starts_with("write(") && odd[0].contains("prod.served>"), "{odd:#?}");
            }
            name => assert!(odd.is_empty(), "{name}: {odd:#?}"),
        }
        assert_eq!(issuer.count(), 1);
    });
}

/// Whatever the lock's holder, the disk or the issuer does.
#[test]
fn a_warm_answer_waits_for_nobody() {
    let issuer = Issuer::start();
    let test = super::shelled(home(&issuer));
    test.get().gives("token-1");
    issuer.answer(crate::support::Reply::token(3600).held());
    let renewing = test.spawn(&["renew", "prod"]);
    issuer.wait_for_requests(2);
    each(&EVERY_TOOL, tool_name, |asked| {
        let outcome = test.fed(asked.args, asked.input);
        outcome.exits(0).within(std::time::Duration::from_secs(1));
        assert!(outcome.stdout().contains("token-1"), "{outcome}");
    });
    issuer.release();
    renewing.finish().exits(0);
}
