//! Killed at any step of writing a sink: it is old and whole or new and whole, and the next renewal mends what is to be mended.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use crate::delivering;
use crate::support::privilege::strace_for;
use crate::support::{Issuer, Test, cases, wait_until};

/// The system calls by which a sink changes.
const CALLS: &str = "open,openat,write,fsync,rename,renameat,renameat2,unlink,unlinkat,fchmod,fchmodat,chmod,mkdir,mkdirat";

/// A home with one sink, in a folder of its own that is not there yet.
fn scene(issuer: &Issuer) -> (Test, PathBuf) {
    let test = delivering(issuer, "sink = { path = 'made/sink' }");
    let sink = test.path("config/token/made/sink");
    (test, sink)
}

fn renew(test: &Test, times: usize) {
    for _ in 0..times {
        test.run(&["get", "--renew"]).exits(0);
    }
}

fn traced(test: Test, log: &Path, options: &[&str]) -> Test {
    let mut wrapper = vec!["strace", "-f", "-y", "-o", log.to_str().unwrap()];
    wrapper.extend(options);
    test.wrapped(&wrapper)
}

/// The calls of a renewal that touch the sink's folder: the name, and the how-manieth of that name and its thread it is, as strace counts.
fn steps(renewals_before: usize) -> Vec<(String, usize)> {
    let issuer = Issuer::start();
    let (test, sink) = scene(&issuer);
    renew(&test, renewals_before);
    let log = test.path("strace.log");
    let test = traced(test, &log, &["-e", &format!("trace={CALLS}")]);
    test.run(&["get", "--renew"]).exits(0);
    let folder = sink.parent().unwrap().to_str().unwrap();
    let mut seen = HashMap::<(String, String), usize>::new();
    let mut steps = Vec::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let parts = line.split_once(' ').and_then(|(thread, rest)| Some((thread, rest.trim_start().split_once('(')?.0)));
        let Some((thread, call)) = parts else { continue };
        let number = seen.entry((thread.to_owned(), call.to_owned())).or_default();
        *number += 1;
        if line.contains(folder) {
            steps.push((call.to_owned(), *number));
        }
    }
    steps
}

#[test]
fn killed_at_every_step() {
    if !strace_for("killing at every system call") {
        return;
    }
    let points: Vec<_> = [0, 1]
        .into_iter()
        .flat_map(|before| {
            steps(before).into_iter().map(move |(call, number)| (format!("{call} #{number}, {before} before"), before, call, number))
        })
        .collect();
    for needed in ["mkdir", "openat", "fchmod", "write", "fsync", "rename"] {
        assert!(points.iter().any(|point| point.2.starts_with(needed)), "no {needed}: {points:?}");
    }
    cases::each(&points, |point| &point.0, |(name, before, call, number)| kill_at(name, *before, call, *number));
}

fn kill_at(name: &str, before: usize, call: &str, number: usize) {
    let issuer = Issuer::start();
    let (test, sink) = scene(&issuer);
    renew(&test, before);
    let log = test.path("strace.log");
    let inject = format!("inject={call}:signal=KILL:when={number}");
    let test = traced(test, &log, &["-e", &format!("trace={call}"), "-e", &inject]);
    let killed = test.run(&["get", "--renew"]);
    assert!(killed.signal == Some(9) || killed.code == Some(137), "{name}: it was not killed{killed}");

    let (old, new) = ((before > 0).then_some("token-1"), Some(if before > 0 { "token-2" } else { "token-1" }));
    let held = fs::read_to_string(&sink).ok();
    assert!(held.as_deref() == old || held.as_deref() == new, "{name}: {held:?}");

    let test = test.wrapped::<&str>(&[]);
    age_leftovers(name, sink.parent().unwrap());
    let again = test.run(&["get", "--renew"]);
    again.exits(0).is_polite();
    assert_eq!(again.stderr, "", "{name}: words about a crash{again}");
    assert_eq!(fs::read(&sink).unwrap(), again.stdout.trim_ascii_end(), "{name}");
    let left: Vec<_> = fs::read_dir(sink.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["sink"], "{name}: not swept");
}

/// What a killed writer left is nobody else's to read, and goes once it is old.
fn age_leftovers(name: &str, folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.file_name().unwrap() != "sink") {
        let file = fs::File::open(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{name}: {}", path.display());
        file.set_modified(SystemTime::now() - Duration::from_mins(2)).unwrap();
    }
}

/// One process is held up just before its sink is replaced, and another one renews meanwhile: the newer token stays.
#[test]
fn a_slow_writer_does_not_bring_an_older_token_back() {
    if !strace_for("stopping at a system call") {
        return;
    }
    let issuer = Issuer::start();
    let (test, sink) = scene(&issuer);
    renew(&test, 1);
    let steps = steps(1);
    let (_, written) = steps.iter().find(|(call, _)| call == "fsync").unwrap();
    let (log, inject) = (test.path("strace.log"), format!("inject=fsync:signal=STOP:when={written}"));
    let test = traced(test, &log, &["-e", "trace=fsync", "-e", &inject]);
    let slow = test.spawn(&["get", "--renew"]);
    let stopped =
        || fs::read_to_string(&log).ok()?.lines().find_map(|line| line.split_once(" --- stopped by SIGSTOP")?.0.trim().parse().ok());
    wait_until("the slow one to stop", || stopped().is_some());

    let test = test.wrapped::<&str>(&[]);
    test.run(&["get", "--renew"]).gives("token-3");
    assert_eq!(fs::read_to_string(&sink).unwrap(), "token-3");
    kill_process(Pid::from_raw(stopped().unwrap()).unwrap(), Signal::CONT).unwrap();
    slow.finish().gives("token-2");
    assert_eq!(fs::read_to_string(&sink).unwrap(), "token-3");
}

#[test]
fn a_failed_call_costs_a_warning_and_keeps_the_old_sink() {
    if !strace_for("failing system calls") {
        return;
    }
    let failures = [("fsync", "EIO"), ("renameat", "ENOSPC"), ("renameat", "EACCES"), ("openat", "EMFILE")];
    let steps = steps(1);
    let points: Vec<_> = failures
        .into_iter()
        .map(|(call, errno)| {
            let (call, number) = steps.iter().find(|(known, _)| known.starts_with(call)).unwrap_or_else(|| panic!("no {call}: {steps:?}"));
            (format!("{call} {errno}"), format!("inject={call}:error={errno}:when={number}"))
        })
        .collect();
    cases::each(
        &points,
        |point| &point.0,
        |(name, inject)| {
            let issuer = Issuer::start();
            let (test, sink) = scene(&issuer);
            test.get().gives("token-1");
            let log = test.path("strace.log");
            let test = traced(test, &log, &["-e", inject]).named(name);
            test.run(&["get", "--renew"]).gives_with_warning("token-2", "prod").mentions(sink.to_str().unwrap());
            assert_eq!(fs::read_to_string(&sink).unwrap(), "token-1", "{name}");
            let left = fs::read_dir(sink.parent().unwrap()).unwrap().count();
            assert_eq!(left, 1, "{name}: something is left beside it");
            assert_eq!(test.entry("prod").unwrap()["token"], "token-2", "{name}");
        },
    );
}
