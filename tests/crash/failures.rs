//! One system call on files of ours fails: what is there stays whole, nobody else's is touched, the token is printed all the same where
//! only keeping it failed (R8), and nothing that was not done is told as done. One that is merely interrupted is made again.

use std::fs;
use std::time::Instant;

use crate::points::{Step, under};
use crate::scenes::{Home, SCENES, Scene, Stage, is_done};
use crate::support::privilege::strace_for;
use crate::support::{Outcome, cases};

/// How the system may answer what is not interrupted: with one error of each kind that we tell apart.
fn answers(call: &str, creates: bool) -> &'static [&'static str] {
    match call {
        "open" | "openat" if creates => &["EMFILE", "EACCES", "ENOSPC"],
        "open" | "openat" => &["EMFILE", "EACCES"],
        "write" | "fsync" | "mkdir" | "mkdirat" | "link" | "linkat" | "symlink" | "symlinkat" => &["ENOSPC", "EIO"],
        "rename" | "renameat" | "renameat2" => &["ENOSPC", "EACCES"],
        "unlink" | "unlinkat" | "utimensat" | "fchmod" | "fchmodat" | "chmod" | "chown" | "fallocate" | "ftruncate" => &["EACCES", "EIO"],
        "read" | "getdents64" | "fstat" | "newfstatat" | "statx" | "flock" | "readlink" => &["EIO"],
        _ => &[],
    }
}

/// What may be interrupted. The kernel interrupts no look at a file's properties on any file system, and what has been closed is closed.
fn is_interruptible(call: &str) -> bool {
    !answers(call, false).is_empty() && !matches!(call, "fstat" | "newfstatat" | "statx" | "readlink")
}

/// A call that only looks: where that fails, nobody knows what is there.
fn is_look(step: &Step) -> bool {
    matches!(step.call.as_str(), "read" | "fstat" | "newfstatat" | "statx" | "flock" | "readlink") || step.opens_to_read()
}

const OURS: [&str; 4] = ["/cache", "/state", "/sinks", "/.docker"];

struct Point<'s> {
    name: String,
    stage: &'s Stage<'s>,
    step: &'s Step,
    error: &'static str,
}

fn points<'s>(stages: &'s [Stage<'s>], errors: impl Fn(&Step) -> &'static [&'static str]) -> Vec<Point<'s>> {
    let mut points = Vec::new();
    for stage in stages {
        let places = OURS.map(|place| stage.root() + place);
        for step in stage.steps.iter().filter(|step| places.iter().any(|place| step.touches(place))) {
            let name = |error| format!("{}, {}: {error}", stage.scene.name, step.name());
            points.extend(errors(step).iter().map(|error| Point { name: name(error), stage, step, error }));
        }
    }
    points
}

#[test]
fn one_failed_call_costs_no_file() {
    if !strace_for("failing system calls") {
        return;
    }
    let started = Instant::now();
    let stages = SCENES.each_ref().map(Stage::set);
    let points = points(&stages, |step| answers(&step.call, !step.opens_to_read()));
    cases::each(&points, |point| &point.name, fails_at);
    eprintln!("{} failed system calls in {:.1?}", points.len(), started.elapsed());
}

fn fails_at(point: &Point<'_>) {
    let Point { name, stage, step, error } = point;
    stage.play(|home| {
        let (test, outcome) = step.fail(home.test, error, stage.scene.args);
        let home = Home { test, ..home };
        is_told(name, stage.scene, step, &outcome);
        stage.is_old_or_new(&home, name);
        // What is told as done is done, but for what lies about.
        if outcome.code == Some(stage.scene.exit) && !outcome.stderr.contains("warning: ") && !step.is_of_housekeeping() && !is_look(step) {
            is_done(&home, name, &outcome);
        }
        stage.goes_on_with_less(&home, name, step.call.starts_with("unlink"));
        (home, ())
    });
}

/// What keeps a token from being printed is what keeps us from knowing which there is.
#[track_caller]
fn is_told(name: &str, scene: &Scene, step: &Step, outcome: &Outcome) {
    outcome.is_polite().is_brief();
    assert!(outcome.stderr.lines().count() <= scene.lines + 4, "{name}{outcome}");
    if outcome.code == Some(scene.exit) {
        return;
    }
    let may_fail = scene.args[0] != "get" || is_look(step);
    assert!(may_fail, "{name}: the token is withheld{outcome}");
    // Another tool's file is its own affair, and a list of all that there is concerns no one profile.
    let whose = if scene.args[0] == "get" || scene.args[0] == "renew" { "prod" } else { "/" };
    outcome.fails(6, whose);
}

#[test]
fn an_interrupted_call_is_made_again() {
    if !strace_for("interrupting system calls") {
        return;
    }
    let started = Instant::now();
    let stages = SCENES.each_ref().map(Stage::set);
    let points = points(&stages, |step| if is_interruptible(&step.call) { &["EINTR"] } else { &[] });
    cases::each(
        &points,
        |point| &point.name,
        |Point { name, stage, step, error }| {
            stage.play(|home| {
                let (test, outcome) = step.fail(home.test, error, stage.scene.args);
                let home = Home { test, ..home };
                let is_silent = outcome.code == Some(stage.scene.exit) && outcome.stderr.lines().count() <= stage.scene.lines;
                assert!(is_silent, "{name} [{}]{outcome}", step.line());
                is_done(&home, name, &outcome);
                (home, ())
            });
        },
    );
    eprintln!("{} interrupted system calls in {:.1?}", points.len(), started.elapsed());
}

/// Those that fail every time they are made.
const LASTING: [&str; 7] = [
    "fsync,fdatasync:error=EIO",
    "fsync,fdatasync:error=ENOSPC",
    "rename,renameat,renameat2:error=ENOSPC",
    "rename,renameat,renameat2:error=EACCES",
    "rename,renameat,renameat2:error=EROFS",
    "rename,renameat,renameat2:error=EIO",
    "unlink,unlinkat:error=EACCES",
];

#[test]
fn a_disk_that_takes_nothing_withholds_no_token() {
    if !strace_for("failing system calls") {
        return;
    }
    let stages: Vec<_> = SCENES.iter().filter(|scene| scene.args == ["get", "prod"]).map(Stage::set).collect();
    let points: Vec<_> = stages
        .iter()
        .flat_map(|stage| LASTING.map(|failure| (format!("{}, {failure}", stage.scene.name), stage, format!("inject={failure}"))))
        .collect();
    cases::each(
        &points,
        |point| &point.0,
        |(name, stage, inject)| {
            stage.play(|home| {
                let (test, outcome) = under(home.test, &[inject], stage.scene.args);
                let home = Home { test, ..home };
                outcome.exits(0).is_polite().is_brief();
                let entry = fs::read_to_string(home.test.entry_path("prod")).unwrap_or_default();
                let kept = entry.contains(&format!("\"{}\"", outcome.stdout().trim_end()));
                assert!(outcome.stdout.starts_with(b"token-"), "{name}: the token is withheld{outcome}");
                assert!(kept || outcome.stderr.contains("warning: prod: "), "{name}: not kept, and nothing is said{outcome}");
                stage.is_old_or_new(&home, name);
                stage.goes_on_with_less(&home, name, inject.contains("unlink"));
                (home, ())
            });
        },
    );
    eprintln!("{} lasting failures", points.len());
}
