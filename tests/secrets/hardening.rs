//! S15: no core, no debugger of the same user; and nobody else's limits changed.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::privilege::{root_for, strace_for};
use crate::support::{Issuer, QUICK, Reply, Test, profile, wait_until};

/// As whom the program is run, to look at by others of the same user.
const AS_NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// The program, in the middle of a renewal.
fn caught(test: &Test, issuer: &Issuer) -> Child {
    issuer.answer(Reply::token(3600).held());
    let child = test.command(&["get", "prod"]).spawn().unwrap();
    issuer.wait_for_requests(1);
    child
}

fn end(mut child: Child, signal: Signal) -> std::process::ExitStatus {
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait().unwrap()
}

/// Something that has no secrets and takes no care, in the same circumstances.
fn bystander(test: &Test) -> Child {
    let words: Vec<_> = {
        let command = test.command(&[]);
        let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(ToOwned::to_owned).collect();
        words[..words.len() - 1].to_vec()
    };
    let mut command = test.other(&words[0], &[]);
    let child = command.args(&words[1..]).args(["sleep", "600"]).spawn().unwrap();
    let name = format!("/proc/{}/comm", child.id());
    wait_until("the bystander", || fs::read_to_string(&name).is_ok_and(|name| name.trim() == "sleep"));
    child
}

#[test]
fn a_crash_leaves_no_core() {
    for signal in [Signal::SEGV, Signal::ABORT, Signal::QUIT] {
        let issuer = Issuer::start();
        let test = Test::against(&issuer).in_shell("ulimit -c unlimited && exec \"$@\"");
        let child = caught(&test, &issuer);
        // What it makes of SIGQUIT by itself is its own affair.
        let status = end(child, signal);
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
        assert!(!status.core_dumped(), "{signal:?}: a core of the program");
        let status = end(bystander(&test), signal);
        assert!(status.core_dumped(), "{signal:?}: this test needs a system that dumps cores, and has seen none of a bystander: {status}");
    }
}

/// `/proc/PID/limits` of the program: the soft limit is none, the hard one is the user's.
#[test]
fn its_own_limit_is_no_core() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).in_shell("ulimit -c 4096 && exec \"$@\"");
    let limit = |child: &Child| {
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        line.split_whitespace().skip(4).take(2).map(|word| word.parse().unwrap()).collect::<Vec<u64>>()
    };
    let child = caught(&test, &issuer);
    let found = limit(&child);
    assert_eq!(found[0], 0);
    assert!(found[1] > 0);
    end(child, Signal::KILL);
    let child = bystander(&test);
    assert_eq!(limit(&child), [found[1]; 2], "the user's");
    end(child, Signal::KILL);
}

/// What is run in the user's name has the user's limit, whatever that is and whoever the user is.
#[test]
fn children_keep_the_users_limit() {
    const TELL: &str = "ulimit -S -c; ulimit -H -c";
    if !root_for("running as another user") {
        return;
    }
    let limits = [("soft", "ulimit -S -c 1234"), ("both", "ulimit -H -c 2345 && ulimit -S -c 1234"), ("none", "ulimit -c 0")];
    for (case, limit) in limits {
        for is_nobody in [false, true] {
            let issuer = Issuer::start();
            let hook = format!("on_renew = [\"sh\", \"-c\", \"{{ {TELL}; }} >hook\"]\n");
            let secret = format!("client_secret = {{ command = [\"sh\", \"-c\", \"{{ {TELL}; }} >secret; echo s\"] }}");
            let plain = profile("prod", &issuer.endpoint());
            let line = plain.lines().find(|line| line.starts_with("client_secret")).unwrap().to_owned();
            let test = Test::configured(&format!("{QUICK}{}{hook}", plain.replace(&line, &secret)));
            let test = if is_nobody { test.handed_to_nobody() } else { test };
            let words = if is_nobody { &AS_NOBODY[..] } else { &["env"] };
            let test = test.wrapped(&[&["sh", "-c", &format!("{limit} && exec \"$@\""), "sh"], words].concat());
            let expected = {
                let mut shell = test.other("sh", &["-c", &format!("{limit} && {TELL}")]);
                String::from_utf8(shell.output().unwrap().stdout).unwrap()
            };
            assert_eq!(expected.lines().count(), 2, "{case}: {expected}");
            let outcome = test.run(&["run", "prod", "--", "sh", "-c", TELL]);
            outcome.exits(0).prints(&expected);
            for file in ["hook", "secret"] {
                assert_eq!(fs::read_to_string(test.path(file)).unwrap(), expected, "{case}: {file}, as nobody: {is_nobody}");
            }
            test.run(&["get", "--name", "x", "--", "sh", "-c", &format!("{{ {TELL}; }} | tr '\\n' /")])
                .exits(0)
                .prints(&(expected.replace('\n', "/") + "\n"));
        }
    }
}

/// Another process of the same user: no debugger gets hold of it, and `/proc` hands out neither its memory nor its environment.
#[test]
fn another_process_of_the_same_user_cannot_look_into_it() {
    if !root_for("running as another user") || !strace_for("a debugger") {
        return;
    }
    let issuer = Issuer::start();
    let test = Test::against(&issuer).handed_to_nobody();
    let child = caught(&test, &issuer);
    let said = strace(child.id(), |_| {});
    assert!(said.contains("Operation not permitted"), "strace: {said}");
    for file in ["environ", "mem", "maps", "fd/0"] {
        assert!(!is_open_to_nobody(child.id(), file), "{file} of the program");
    }
    end(child, Signal::KILL);

    let other = bystander(&test);
    let id = other.id();
    let said =
        strace(id, |said| wait_until("strace to get hold of the bystander", || fs::read_to_string(said).unwrap().contains("attached")));
    assert!(said.contains("attached"), "strace: {said}");
    for file in ["environ", "mem", "maps", "fd/0"] {
        assert!(is_open_to_nobody(id, file), "{file} of the bystander");
    }
    end(other, Signal::KILL);
}

/// What strace, run by nobody, says of this process. Where it gets hold of it, `then` is done before it has to let go.
fn strace(process: u32, then: impl FnOnce(&std::path::Path)) -> String {
    let said = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(AS_NOBODY[0]);
    command.args(&AS_NOBODY[1..]).args(["strace", "-e", "trace=none", "-p", &process.to_string()]).stdin(Stdio::null());
    let mut strace = command.stdout(Stdio::null()).stderr(said.reopen().unwrap()).spawn().unwrap();
    then(said.path());
    // Gone by itself, as a rule, where it was refused.
    wait_until("strace's word", || fs::read_to_string(said.path()).unwrap().contains('\n'));
    let _ = kill_process(Pid::from_child(&strace), Signal::TERM);
    strace.wait().unwrap();
    fs::read_to_string(said.path()).unwrap()
}

fn is_open_to_nobody(process: u32, file: &str) -> bool {
    let path = format!("/proc/{process}/{file}");
    let mut command = Command::new(AS_NOBODY[0]);
    // Opening it is the question; what is in there is no text.
    let line = if file.contains('/') { "readlink \"$0\" >/dev/null" } else { "exec 3<\"$0\"" };
    command.args(&AS_NOBODY[1..]).args(["sh", "-c", line, &path]).stderr(Stdio::null()).status().unwrap().success()
}
