//! Killed at every system call of every command that changes something: no file is ever half of what it was or is to be (R6), nobody
//! else's is touched, and the next run works and sweeps up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::points::{Step, was_killed};
use crate::scenes::{Home, SCENES, Stage};
use crate::support::cases;
use crate::support::privilege::strace_for;

#[test]
fn killed_at_every_system_call() {
    if !strace_for("killing at every system call") {
        return;
    }
    let started = Instant::now();
    let stages: Vec<_> = SCENES.iter().map(|scene| (Stage::set(scene), AtomicUsize::new(0))).collect();
    let point = |stage: &Stage<'_>, step: &Step| format!("{}, {}", stage.scene.name, step.name());
    let points: Vec<_> =
        stages.iter().flat_map(|(stage, kills)| stage.steps.iter().map(move |step| (point(stage, step), stage, step, kills))).collect();
    cases::each(
        &points,
        |point| &point.0,
        |(point, stage, step, kills)| {
            if kill_at(point, stage, step) {
                kills.fetch_add(1, Ordering::Relaxed);
            }
        },
    );
    let count = points.len();
    for (Stage { scene, steps, .. }, kills) in stages {
        let (kills, steps) = (kills.into_inner(), steps.len());
        eprintln!("{}: killed at {kills} of {steps} system calls", scene.name);
        assert!(kills * 100 >= steps * 95, "{}: only {kills} kills at {steps} system calls", scene.name);
    }
    eprintln!("killed at {count} system calls in {:.1?}", started.elapsed());
}

/// Whether it was killed.
fn kill_at(point: &str, stage: &Stage<'_>, step: &Step) -> bool {
    stage.play(|home| {
        let (test, killed) = step.kill(home.test, stage.scene.args);
        let home = Home { test, ..home };
        assert!(killed.stdout.is_empty() || killed.stdout.ends_with(b"\n"), "{point}: half an answer{killed}");
        stage.is_old_or_new(&home, point);
        stage.goes_on(&home, point);
        (home, was_killed(&killed))
    })
}
