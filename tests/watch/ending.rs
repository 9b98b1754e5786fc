//! SIGTERM and SIGINT end it within a second in every state, with whole files and without orphans.

use std::io::ErrorKind;

use rustix::process::{Pid, Signal};

use crate::support::running::processes_with;
use crate::support::{Issuer, PATIENT, Reply, Running, Test, cases, profile, wait_until};
use crate::{SECOND, Watcher, mark, nothing_is_left_of, shell};

/// A state to be ended in: what belongs to it, and when it is reached.
struct Stage {
    test: Test,
    issuer: Issuer,
    /// Holds the lock.
    holder: Option<Running>,
    /// Found in the command lines of what must not outlive it.
    mark: String,
    is_reached: fn(&Watcher, &Test, &Issuer) -> bool,
}

/// Makes one.
type State = fn() -> Stage;

fn stage(reply: Reply, keys: &str, is_reached: fn(&Watcher, &Test, &Issuer) -> bool) -> Stage {
    let issuer = Issuer::answering(reply);
    let test = Test::configured(&format!("{PATIENT}{}{keys}", profile("prod", &issuer.endpoint())));
    Stage { test, issuer, holder: None, mark: mark(), is_reached }
}

fn idle() -> Stage {
    stage(Reply::token(3600), "", |watcher, _, _| watcher.count("renewed") == 1)
}

fn in_flight() -> Stage {
    stage(Reply::silence(), "", |_, _, issuer| issuer.count() == 1)
}

fn half_answered() -> Stage {
    stage(Reply::drip(), "", |_, _, issuer| issuer.count() == 1)
}

fn backing_off() -> Stage {
    stage(Reply::status(503), "", |watcher, _, _| watcher.count("failed") == 1)
}

fn parked() -> Stage {
    stage(Reply::oauth(401, "invalid_client"), "", |watcher, _, _| watcher.count("parked") == 1)
}

fn waiting_for_the_lock() -> Stage {
    let stage = stage(Reply::silence(), "", |watcher, test, _| has_lock_open(test, watcher.pid()));
    let holder = stage.test.spawn(&["get"]);
    stage.issuer.wait_for_requests(1);
    holder.signal(Signal::STOP);
    Stage { holder: Some(holder), ..stage }
}

/// Who has the lock file open waits for it, where another process holds it. Only root may look.
fn has_lock_open(test: &Test, pid: Pid) -> bool {
    let lock = test.cache_dir().join("prod.lock");
    match std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())) {
        Ok(entries) => entries.flatten().flat_map(|fd| std::fs::read_link(fd.path())).any(|target| target == lock),
        Err(error) => {
            std::thread::sleep(SECOND);
            error.kind() == ErrorKind::PermissionDenied
        }
    }
}

/// A script that says that it has begun, and whose child outlives it unless somebody sees to it.
fn endless(mark: &str) -> String {
    format!("sleep {mark} & touch begun; wait")
}

fn hook_running() -> Stage {
    let mark = mark();
    let stage = stage(Reply::token(3600), &shell("on_renew", &endless(&mark)), |_, test, _| test.path("begun").exists());
    Stage { mark, ..stage }
}

fn error_hook_running() -> Stage {
    let mark = mark();
    let refusal = Reply::oauth(401, "invalid_client");
    let stage = stage(refusal, &shell("on_error", &endless(&mark)), |_, test, _| test.path("begun").exists());
    Stage { mark, ..stage }
}

/// Which does not end by itself when it is asked to.
fn stubborn_hook_running() -> Stage {
    let mark = mark();
    let script = format!("trap '' TERM INT; {}; sleep {mark}", endless(&mark));
    let stage = stage(Reply::token(3600), &shell("on_renew", &script), |_, test, _| test.path("begun").exists());
    Stage { mark, ..stage }
}

fn command_running() -> Stage {
    let stage = stage(Reply::silence(), "", |_, test, _| test.path("begun").exists());
    stage.test.configure(&format!("{PATIENT}[profile.prod]\nsource = \"exec\"\n{}", shell("command", &endless(&stage.mark))));
    stage
}

#[test]
fn a_signal_ends_it_in_every_state() {
    let states: [(&str, State); 10] = [
        ("idle", idle),
        ("request in flight", in_flight),
        ("answer half read", half_answered),
        ("backing off", backing_off),
        ("parked", parked),
        ("waiting for the lock", waiting_for_the_lock),
        ("hook running", hook_running),
        ("error hook running", error_hook_running),
        ("stubborn hook running", stubborn_hook_running),
        ("command running", command_running),
    ];
    let signals = [Signal::TERM, Signal::INT];
    let table: Vec<_> =
        states.iter().flat_map(|(name, state)| signals.map(|signal| (format!("{name}, {signal:?}"), state, signal))).collect();
    cases::each(&table, |case| &case.0, |(name, state, signal)| ends(name, state(), *signal));
}

fn ends(name: &str, stage: Stage, signal: Signal) {
    let Stage { test, issuer, holder, mark, is_reached } = stage;
    let watcher = Watcher::start(&test, &[]);
    wait_until(name, || is_reached(&watcher, &test, &issuer));
    let outcome = watcher.end_by(signal);
    nothing_is_left_of(&mark);
    assert_eq!(test.leftovers(), [""; 0], "{name}{outcome}");
    if let Some(holder) = holder {
        holder.kill();
    }
    // Whatever was written is whole, and the lock is free.
    test.entry("prod");
    issuer.answer(Reply::token(3600));
    if issuer.count() == 0 {
        return;
    }
    test.run(&["status", "--json"]).exits(0).is_polite();
    test.configure(&profile("prod", &issuer.endpoint()));
    test.run(&["get", "--renew"]).exits(0).is_polite();
}

/// Several at once, in several states.
#[test]
fn a_signal_ends_many_together() {
    let [good, silent] = [Reply::token(3600), Reply::silence()].map(Issuer::answering);
    let mark = mark();
    let mut config = PATIENT.to_owned();
    for number in 0..10 {
        config += &profile(&format!("good{number}"), &good.endpoint());
        config += &shell("on_renew", &format!("sleep {mark}"));
        config += &profile(&format!("silent{number}"), &silent.endpoint());
        config += "[profile.command";
        config += &number.to_string();
        config += "]\nsource = \"exec\"\n";
        config += &shell("command", &format!("sleep {mark}"));
    }
    let test = Test::configured(&config);
    let watcher = Watcher::start(&test, &["--all"]);
    watcher.wait_for("renewed", 10);
    silent.wait_for_requests(10);
    wait_until("hooks and commands", || processes_with(&mark).len() >= 20);
    watcher.end();
    nothing_is_left_of(&mark);
    assert_eq!(test.leftovers(), [""; 0]);
}
