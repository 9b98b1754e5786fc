//! Killed at any moment, or failed by any system call: files are old and whole or new and whole (R6), siblings untouched.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "crash/rotation.rs"]
mod rotation;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use support::privilege::strace_for;
use support::{Issuer, Outcome, QUICK, Reply, Test, cases, profile};

/// Two profiles; `other` holds `token-1` and must never notice what befalls `prod`.
struct Scene {
    issuer: Issuer,
    test: Test,
    sibling: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        Self::with_config("")
    }

    fn with_config(top: &str) -> Self {
        let issuer = Issuer::start();
        let profiles = ["prod", "other"].map(|name| profile(name, &issuer.endpoint()));
        let test = Test::configured(&format!("{top}{QUICK}{}", profiles.concat()));
        test.run(&["get", "other"]).gives("token-1");
        let sibling = fs::read(test.entry_path("other")).unwrap();
        Self { issuer, test, sibling }
    }

    /// The same scene, with the program under strace.
    fn traced(mut self, options: &[&str], log: &Path) -> Self {
        let mut wrapper = vec!["strace", "-f", "-y", "-o", log.to_str().unwrap()];
        wrapper.extend(options);
        self.test = self.test.wrapped(&wrapper);
        self
    }

    fn untraced(mut self) -> Self {
        self.test = self.test.wrapped::<&str>(&[]);
        self
    }

    /// The entry of `prod` is `before`, or another whole one, or, where there was none, still absent.
    fn is_old_or_new(&self, point: &str, before: Option<&[u8]>) {
        assert!(fs::read(self.test.entry_path("other")).unwrap() == self.sibling, "{point}: the sibling changed");
        let entry = fs::read(self.test.entry_path("prod")).ok();
        if entry.as_deref() == before {
            return;
        }
        assert!(entry.is_some(), "{point}: the old entry is lost");
        let offline = self.test.run(&["get", "prod", "--offline"]);
        offline.exits(0).is_polite();
        assert!(offline.stdout.starts_with(b"token-"), "{point}{offline}");
        self.nothing_damaged(point);
    }

    fn nothing_damaged(&self, point: &str) {
        let files = self.test.cache_files();
        let damaged = files.iter().any(|name| name.ends_with(".damaged"));
        assert!(!damaged, "{point}: {files:?}");
    }

    /// The next `get` works, silently, and sweeps up.
    fn works_again(&self, point: &str) {
        let outcome = self.test.run(&["get", "prod", "--renew"]);
        outcome.exits(0).is_polite();
        assert_eq!(outcome.stderr, "", "{point}: words about a crash{outcome}");
        assert_eq!(self.test.leftovers(), [""; 0], "{point}: not swept");
        self.nothing_damaged(point);
    }

    fn forget_prod(&self) {
        let _ = fs::remove_file(self.test.entry_path("prod"));
    }
}

#[test]
fn two_hundred_random_kills_lose_nothing() {
    let seed = std::env::var("TOKEN_TEST_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    eprintln!("TOKEN_TEST_SEED={seed}");
    let lanes: Vec<_> = (0..4).map(|lane| (format!("lane {lane}"), seed + lane)).collect();
    cases::each(&lanes, |lane| &lane.0, |(_, seed)| kill_fifty_times(*seed));
}

fn kill_fifty_times(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = Scene::new();
    let whole_run = usual_time(&scene);
    for kill in 0..50 {
        let cold = kill % 2 == 0;
        if cold {
            scene.forget_prod();
        } else {
            scene.works_again("before a kill");
        }
        let before = fs::read(scene.test.entry_path("prod")).ok();
        let delay = whole_run.mul_f64(random.f64() * 1.1);
        let running = scene.test.spawn(&["get", "prod", "--renew"]);
        std::thread::sleep(delay);
        running.kill();
        let point = format!("kill {kill} after {delay:?}");
        scene.is_old_or_new(&point, before.as_deref());
        scene.works_again(&point);
    }
}

fn usual_time(scene: &Scene) -> Duration {
    let started = Instant::now();
    for _ in 0..5 {
        scene.test.run(&["get", "prod", "--renew"]).exits(0);
    }
    started.elapsed() / 5
}

/// The system calls by which files change.
const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,\
                     flock,fchmod,fchmodat,linkat,link,ftruncate,mkdir,mkdirat,symlinkat,fcntl";

/// One system call of a run: its name, and the how-manieth of that name it is.
#[derive(Debug, PartialEq)]
struct Step {
    call: String,
    number: usize,
}

/// The steps of a cold `get` that touch our own files.
fn steps() -> Vec<Step> {
    let scene = Scene::new();
    let log = scene.test.path("strace.log");
    let scene = scene.traced(&["-e", &format!("trace={CALLS}")], &log);
    scene.test.run(&["get", "prod"]).exits(0);
    let ours = scene.test.cache_dir();
    let log = fs::read_to_string(log).unwrap();
    let mut seen = std::collections::HashMap::<String, usize>::new();
    let mut steps = Vec::new();
    for line in log.lines() {
        let Some(call) = call_of(line) else { continue };
        let number = seen.entry(call.to_owned()).or_default();
        *number += 1;
        if line.contains(ours.to_str().unwrap()) {
            steps.push(Step { call: call.to_owned(), number: *number });
        }
    }
    steps
}

/// `1234 openat(AT_FDCWD</>, …` is an `openat`; resumed calls, signals and exits are nothing.
fn call_of(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(' ')?;
    let (call, _) = rest.trim_start().split_once('(')?;
    let is_name = call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !call.is_empty()).then_some(call)
}

#[test]
fn killed_at_every_step_of_a_cold_get() {
    if !strace_for("killing at every system call") {
        return;
    }
    let steps = steps();
    for needed in ["openat", "write", "fsync", "flock"] {
        let found = steps.iter().any(|step| step.call == needed);
        assert!(found, "a cold get makes no {needed} of its own files: {steps:?}");
    }
    let renames = steps.iter().any(|step| step.call.starts_with("rename"));
    assert!(renames, "a cold get renames nothing: {steps:?}");
    let points: Vec<_> = steps.iter().map(|step| (format!("{} #{}", step.call, step.number), step)).collect();
    cases::each(
        &points,
        |point| &point.0,
        |(name, step)| {
            kill_at(name, step, None);
            kill_at(name, step, Some("--renew"));
        },
    );
}

/// With `again`, the same step of a renewal over an old entry.
fn kill_at(name: &str, step: &Step, again: Option<&'static str>) {
    let scene = Scene::new();
    let mut args = vec!["get", "prod"];
    if let Some(flag) = again {
        scene.test.run(&["get", "prod"]).exits(0);
        args.push(flag);
    }
    let before = fs::read(scene.test.entry_path("prod")).ok();
    let log = scene.test.path("strace.log");
    let inject = format!("inject={}:signal=KILL:when={}", step.call, step.number);
    let scene = scene.traced(&["-e", &format!("trace={}", step.call), "-e", &inject], &log);
    let killed = scene.test.run(&args);
    let point = format!("{name}, {args:?}");
    assert!(killed.signal == Some(9) || killed.code == Some(137) || again.is_some(), "{point}: it was not killed{killed}");
    let scene = scene.untraced();
    scene.is_old_or_new(&point, before.as_deref());
    scene.works_again(&point);
}

struct Injection {
    name: &'static str,
    inject: &'static str,
}

fn under(scene: Scene, inject: &str, args: &[&str]) -> (Scene, Outcome) {
    let log = scene.test.path("strace.log");
    let scene = scene.traced(&["-e", inject], &log);
    let outcome = scene.test.run(args);
    (scene.untraced(), outcome)
}

const FAILED_WRITES: [Injection; 6] = [
    Injection { name: "fsync EIO", inject: "inject=fsync,fdatasync:error=EIO" },
    Injection { name: "rename ENOSPC", inject: "inject=rename,renameat,renameat2:error=ENOSPC" },
    Injection { name: "rename EACCES", inject: "inject=rename,renameat,renameat2:error=EACCES" },
    Injection { name: "rename EROFS", inject: "inject=rename,renameat,renameat2:error=EROFS" },
    Injection { name: "rename EIO", inject: "inject=rename,renameat,renameat2:error=EIO" },
    Injection { name: "fsync ENOSPC", inject: "inject=fsync,fdatasync:error=ENOSPC" },
];

#[test]
fn a_failed_cache_write_still_prints_the_token() {
    if !strace_for("failing system calls") {
        return;
    }
    cases::each(
        &FAILED_WRITES,
        |case| case.name,
        |case| {
            let (scene, outcome) = under(Scene::new(), case.inject, &["get", "prod"]);
            outcome.gives_with_warning("token-2", "prod");
            scene.is_old_or_new(case.name, None);
            assert_eq!(scene.test.leftovers(), [""; 0], "{}", case.name);

            scene.test.run(&["get", "prod"]).exits(0);
            let old = fs::read(scene.test.entry_path("prod")).unwrap();
            let (scene, outcome) = under(scene, case.inject, &["get", "prod", "--renew"]);
            outcome.exits(0).explains("prod");
            scene.is_old_or_new(case.name, Some(&old));
            scene.works_again(case.name);
        },
    );
}

const CANNOT_LOCK: [Injection; 3] = [
    Injection { name: "flock ENOLCK", inject: "inject=flock:error=ENOLCK" },
    Injection { name: "flock ENOSYS", inject: "inject=flock:error=ENOSYS" },
    Injection { name: "flock EOPNOTSUPP", inject: "inject=flock:error=EOPNOTSUPP" },
];

/// R19: never silently unlocked, and a valid token is served all the same.
#[test]
fn a_file_system_that_cannot_lock_is_named_with_the_way_out() {
    if !strace_for("failing system calls") {
        return;
    }
    cases::each(
        &CANNOT_LOCK,
        |case| case.name,
        |case| {
            let (scene, outcome) = under(Scene::new(), case.inject, &["get", "prod"]);
            outcome.fails(6, "prod").mentions("lock = \"none\"");
            assert_eq!(scene.issuer.count(), 1, "{}: nobody asks unlocked", case.name);
            let (scene, outcome) = under(scene, case.inject, &["get", "other"]);
            outcome.gives("token-1");
            let (scene, outcome) = under(scene, case.inject, &["get", "other", "--renew"]);
            outcome.fails(6, "other");
            scene.is_old_or_new(case.name, None);

            let unlocked = Scene::with_config("lock = \"none\"\n");
            let (scene, outcome) = under(unlocked, case.inject, &["get", "prod"]);
            outcome.gives("token-2");
            scene.works_again(case.name);
        },
    );
}

#[test]
fn a_near_expiry_token_is_served_where_nothing_locks() {
    if !strace_for("failing system calls") {
        return;
    }
    let issuer = Issuer::answering(Reply::token(3600));
    let test = Test::near_expiry(&issuer).wrapped(&["strace", "-f", "-o", "/dev/null", "-e", "inject=flock:error=ENOLCK"]);
    test.get().gives_with_warning("token-1", "prod");
}

#[test]
fn an_interrupted_call_is_made_again() {
    if !strace_for("interrupting system calls") {
        return;
    }
    let cases = [
        ("flock", "inject=flock:error=EINTR:when=1"),
        ("fsync", "inject=fsync:error=EINTR:when=1"),
        ("rename", "inject=rename,renameat,renameat2:error=EINTR:when=1"),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, inject)| {
            let (scene, outcome) = under(Scene::new(), inject, &["get", "prod"]);
            outcome.exits(0).prints("token-2\n").is_polite();
            scene.works_again(name);
        },
    );
}
