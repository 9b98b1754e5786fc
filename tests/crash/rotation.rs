//! Killed at any moment of a rotation, or failed by any system call: the login is the old one or the new one, whole (R4, R6, R8). Where
//! the issuer had rotated already and the answer was lost, one message says so, once, and nobody asks again and again.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::points::call_of;
use crate::random::{kills, seed};
use crate::scenes::trusting_one;
use crate::support::privilege::strace_for;
use crate::support::{Issuer, Outcome, QUICK, Reuse, Test, cases, login_profile};

/// The system calls by which files change, and those by which the issuer is spoken to.
const CALLS: &str = "open,openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,flock,fchmod,fchmodat,linkat,link,\
                     fallocate,ftruncate,mkdir,mkdirat,utimensat,socket,connect,sendto,sendmsg,writev,recvfrom,recvmsg,shutdown";

/// A login of an issuer that treats reuse so, and the program under strace where that is wanted.
struct Scene {
    issuer: Issuer,
    test: Test,
}

impl Scene {
    /// With a login and a cached token, or before there is either.
    fn new(reuse: Reuse, has_login: bool) -> Self {
        let issuer = Issuer::rotating(reuse);
        let test = trusting_one(Test::logging_in(&issuer));
        if has_login {
            test.get().gives("token-1");
        }
        Self { issuer, test }
    }

    fn log(&self) -> PathBuf {
        self.test.path("strace.log")
    }

    /// Runs `get --renew` under strace with these options, and no longer after that.
    fn traced(self, options: &[&str]) -> (Self, Outcome) {
        let log = self.log();
        let mut wrapper = vec!["strace", "-f", "-yy", "-s", "64", "-o", log.to_str().unwrap()];
        wrapper.extend(options);
        let test = self.test.wrapped(&wrapper);
        let outcome = test.run(&["get", "--renew"]);
        self.issuer.settle();
        (Self { test: test.wrapped::<&str>(&[]), issuer: self.issuer }, outcome)
    }

    /// Nothing is damaged: what is kept is one that the issuer gave, or there is nothing yet.
    #[track_caller]
    fn is_whole(&self, point: &str) {
        let kept = self.test.refresh_token("prod");
        let family = self.issuer.family();
        let known = (family.first..=family.newest).map(|number| format!("{}-{number}", crate::support::REFRESH));
        assert!(kept.is_empty() || known.into_iter().any(|token| token == kept), "{point}: {kept}");
        let status = self.test.status("prod");
        assert_ne!(status["login"], "dead", "{point}: nobody has refused it");
        assert_eq!(status["last_error"], serde_json::Value::Null, "{point}");
    }

    /// Whether the issuer's newest refresh token is one that we have.
    fn is_in_step(&self) -> bool {
        let kept = self.test.refresh_token("prod");
        self.issuer.newest() == if kept.is_empty() { self.issuer.first() } else { kept }
    }

    /// The next renewal works; or, where an answer was lost and the issuer is strict, it is the last, says so, and what to do.
    #[track_caller]
    fn goes_on(&self, point: &str) {
        let was_in_step = self.is_in_step();
        let before = self.issuer.count();
        let next = self.test.run(&["get", "--renew"]);
        next.is_polite();
        assert_eq!(self.issuer.count(), before + 1, "{point}: one request{next}");
        if was_in_step || self.issuer.family().reuse == Reuse::IsForgiven {
            next.exits(0);
            assert_eq!(next.stderr, "", "{point}: words about a crash{next}");
            assert!(self.is_in_step(), "{point}: the new login is not kept{next}");
            assert!(!self.issuer.family().is_revoked, "{point}");
        } else {
            next.fails(4, "prod").mentions("cut off").mentions("set `refresh_token` to a new one");
            for _ in 0..2 {
                self.test.forget("prod");
                self.test.get().fails(4, "prod");
            }
            assert_eq!(self.issuer.count(), before + 1, "{point}: it goes on asking");
            self.issuer.log_in_anew();
            self.test.configure(&format!("{QUICK}{}", login_profile("prod", &self.issuer.endpoint(), &self.issuer.seed())));
            self.test.get().exits(0).is_polite();
        }
        self.is_swept(point);
    }

    #[track_caller]
    fn is_swept(&self, point: &str) {
        assert_eq!(self.test.state_files(), ["prod.json"], "{point}: left behind");
        assert_eq!(self.test.leftovers(), [""; 0], "{point}: left behind");
    }
}

/// One system call of a run: its name, and the how-manieth of that name it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    call: String,
    number: usize,
}

impl Step {
    fn name(&self) -> String {
        format!("{} #{}", self.call, self.number)
    }
}

/// The calls of a run that touch our own files, or the issuer.
fn steps(has_login: bool) -> Vec<Step> {
    let (scene, outcome) = Scene::new(Reuse::Revokes, has_login).traced(&["-e", &format!("trace={CALLS}")]);
    outcome.exits(0);
    let ours = [scene.test.cache_dir(), scene.test.state_dir()].map(|path| path.to_str().unwrap().to_owned());
    let mut seen = HashMap::<String, usize>::new();
    let mut steps = Vec::new();
    for line in fs::read_to_string(scene.log()).unwrap().lines() {
        let Some((_, call)) = call_of(line) else { continue };
        let number = seen.entry(call.to_owned()).or_default();
        *number += 1;
        if line.contains("TCP:") || call == "socket" || ours.iter().any(|ours| line.contains(ours)) {
            steps.push(Step { call: call.to_owned(), number: *number });
        }
    }
    for needed in ["openat", "write", "fsync", "flock", "connect", "fallocate"] {
        assert!(steps.iter().any(|step| step.call == needed), "no {needed}: {steps:?}");
    }
    let renames = steps.iter().filter(|step| step.call.starts_with("rename")).count();
    assert!(renames >= 3, "the note, the login and the entry are renamed: {steps:?}");
    steps
}

#[test]
fn killed_at_every_step_of_a_rotation() {
    if !strace_for("killing at every system call") {
        return;
    }
    for has_login in [true, false] {
        let steps = steps(has_login);
        let points: Vec<_> = [Reuse::Revokes, Reuse::IsForgiven]
            .into_iter()
            .flat_map(|reuse| steps.iter().map(move |step| (format!("{}, {reuse:?}, {has_login}", step.name()), reuse, step)))
            .collect();
        cases::each(&points, |point| &point.0, |(point, reuse, step)| kill_at(point, *reuse, has_login, step));
        eprintln!("{} points of a rotation, {}", points.len(), if has_login { "with a login" } else { "the first" });
    }
}

fn kill_at(point: &str, reuse: Reuse, has_login: bool, step: &Step) {
    let scene = Scene::new(reuse, has_login);
    let before = (scene.issuer.count(), scene.test.refresh_token("prod"));
    let inject = format!("inject={}:signal=KILL:when={}", step.call, step.number);
    let (scene, killed) = scene.traced(&["-e", &format!("trace={}", step.call), "-e", &inject]);
    let was_killed = killed.signal == Some(9) || killed.code == Some(137);
    assert!(was_killed || killed.code == Some(0), "{point}: neither killed nor done{killed}");
    scene.is_whole(point);
    if scene.issuer.count() == before.0 {
        let kept = scene.test.refresh_token("prod");
        assert!(kept == before.1 || kept == scene.issuer.first(), "{point}: nobody gave another one");
    }
    if killed.stdout.starts_with(b"token-") {
        assert!(scene.is_in_step(), "{point}: shown before its login had lasted{killed}");
    }
    scene.goes_on(point);
}

/// Random moments, again and again over the same files.
#[test]
fn random_kills_damage_no_login() {
    let (started, seed, kills) = (Instant::now(), seed(), kills() * 4 / 10);
    let lanes: Vec<_> = [Reuse::Revokes, Reuse::IsForgiven, Reuse::Revokes, Reuse::IsForgiven]
        .into_iter()
        .enumerate()
        .map(|(lane, reuse)| (format!("lane {lane}, {reuse:?}"), reuse, seed.wrapping_add(lane as u64)))
        .collect();
    cases::each(&lanes, |lane| &lane.0, |(name, reuse, seed)| kill_again_and_again(name, *reuse, *seed, kills.div_ceil(4)));
    eprintln!("{kills} random kills of a rotation in {:.1?}: 0 logins damaged", started.elapsed());
}

fn kill_again_and_again(name: &str, reuse: Reuse, seed: u64, kills: usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = Scene::new(reuse, true);
    let started = Instant::now();
    for _ in 0..3 {
        scene.test.run(&["get", "--renew"]).exits(0);
    }
    let usual = started.elapsed() / 3;
    for kill in 0..kills {
        let delay: Duration = usual.mul_f64(random.f64() * 1.2);
        let running = scene.test.spawn(&["get", "--renew"]);
        std::thread::sleep(delay);
        running.kill();
        scene.issuer.settle();
        let point = format!("{name}, kill {kill} after {delay:?}");
        scene.is_whole(&point);
        scene.goes_on(&point);
    }
}

/// The calls by which files of ours change.
const WRITES: [&str; 9] = ["write", "fsync", "rename", "renameat", "renameat2", "fallocate", "ftruncate", "fchmod", "openat"];

/// One failure, wherever it falls: found out before the request, or overcome after it. No login is ever lost to it, and no token shown
/// whose login is not kept.
#[test]
fn one_failed_call_costs_no_login() {
    if !strace_for("failing system calls") {
        return;
    }
    for has_login in [true, false] {
        let steps = steps(has_login);
        let errors = |call: &str| if call == "fsync" { vec!["EIO", "ENOSPC"] } else { vec!["ENOSPC", "EIO"] };
        let points: Vec<_> = steps
            .iter()
            .filter(|step| WRITES.contains(&step.call.as_str()))
            .flat_map(|step| {
                errors(&step.call).into_iter().map(move |error| (format!("{}: {error}, {has_login}", step.name()), step, error))
            })
            .collect();
        cases::each(&points, |point| &point.0, |(point, step, error)| fail_at(point, has_login, step, error, ""));
        // The runtime wakes itself by `write`, which no disk can fail.
        let lasting: Vec<_> = points.iter().filter(|(_, step, _)| step.call != "write").collect();
        cases::each(&lasting, |point| &point.0, |(point, step, error)| fail_at(point, has_login, step, error, "+"));
        eprintln!("{} failures of a rotation that pass, {} that last", points.len(), lasting.len());
    }
}

/// With `onwards`, all calls of that name fail from that one on.
fn fail_at(point: &str, has_login: bool, step: &Step, error: &str, onwards: &str) {
    let scene = Scene::new(Reuse::Revokes, has_login);
    let before = scene.issuer.count();
    let inject = format!("inject={}:error={error}:when={}{onwards}", step.call, step.number);
    let (scene, outcome) = scene.traced(&["-e", &format!("trace={}", step.call), "-e", &inject]);
    outcome.is_polite();
    let (point, asked) = (format!("{point}{onwards}"), scene.issuer.count() - before);
    assert!(asked <= 1, "{point}: {asked} requests{outcome}");
    match outcome.code {
        Some(0) => {
            assert!(outcome.stdout.starts_with(b"token-"), "{point}{outcome}");
            assert!(scene.is_in_step(), "{point}: the token is shown and its login is lost{outcome}");
        }
        // Standard output, too, is written to by these calls.
        Some(1) => assert!(step.call == "write" && scene.is_in_step(), "{point}{outcome}"),
        _ => {
            let is_lost = asked == 1 && !scene.is_in_step();
            assert!(!is_lost || onwards == "+", "{point}: one failure cost the login{outcome}");
            outcome.fails(6, "prod");
        }
    }
    scene.goes_on(&point);
}
