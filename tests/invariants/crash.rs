//! Killed before every system call that concerns a file or the issuer, and at random moments: what is looked at afterwards is the entry, the
//! login, the sibling that has nothing to do with it, and whether the next run goes through.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Issuer, QUICK, REFRESH, Reuse, Test, cases, login_profile, profile};
use crate::{Figure, Scale, control};

/// The system calls by which files change, and those by which the issuer is spoken to.
const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,flock,fchmod,fchmodat,linkat,link,\
                     fallocate,ftruncate,mkdir,mkdirat,utimensat,socket,connect,sendto,sendmsg,writev,recvfrom,recvmsg,shutdown";

/// A run that is killed: what is there before it, and its arguments.
#[derive(Clone, Copy, Debug)]
struct Run {
    has_login: bool,
    is_cold: bool,
}

const RUNS: [Run; 4] = [
    Run { has_login: false, is_cold: true },
    Run { has_login: false, is_cold: false },
    Run { has_login: true, is_cold: true },
    Run { has_login: true, is_cold: false },
];

const RENEW: [&str; 3] = ["get", "prod", "--renew"];

/// A home with `prod` and `other`. An issuer that forgives the loss of an answer shows a login that we have damaged, not one that
/// nobody could have kept.
struct Home {
    _issuer: Issuer,
    test: Test,
    sibling: Vec<u8>,
}

impl Home {
    fn new(run: Run) -> Self {
        let issuer = Issuer::rotating(Reuse::IsForgiven);
        let prod =
            if run.has_login { login_profile("prod", &issuer.endpoint(), &issuer.seed()) } else { profile("prod", &issuer.endpoint()) };
        let test = Test::configured(&format!("{QUICK}{prod}{}", profile("other", &issuer.endpoint()))).named(&format!("{run:?}"));
        test.run(&["get", "other"]).exits(0);
        let sibling = fs::read(test.entry_path("other")).unwrap();
        let home = Self { _issuer: issuer, test, sibling };
        if !run.is_cold {
            home.test.run(&RENEW).exits(0);
        }
        home
    }

    fn token(&self) -> Option<String> {
        let bytes = fs::read(self.test.entry_path("prod")).ok()?;
        let entry: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        Some(entry["token"].as_str().unwrap_or("not whole").to_owned())
    }

    /// What is lost or damaged, if anything is, where this token was in the entry and there was a login or not.
    fn loss(&self, before: Option<&str>, had_login: bool) -> Option<String> {
        if fs::read(self.test.entry_path("other")).ok().as_ref() != Some(&self.sibling) {
            return Some("the sibling".to_owned());
        }
        let token = self.token();
        if before.is_some() && token.is_none() {
            return Some("the entry".to_owned());
        }
        let offline = self.test.run(&["get", "prod", "--offline"]);
        if token.is_some_and(|token| offline.stdout() != format!("{token}\n")) {
            return Some(format!("a whole entry{offline}"));
        }
        let login = fs::read(self.test.login_path("prod"))
            .ok()
            .map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap_or_default());
        let is_whole = |login: &serde_json::Value| login["refresh_token"].as_str().is_some_and(|kept| kept.starts_with(REFRESH));
        match login {
            None if had_login => return Some("the login".to_owned()),
            Some(login) if !is_whole(&login) => return Some(format!("a whole login: {login}")),
            _ => {}
        }
        let next = self.test.run(&RENEW);
        let goes_on = next.code == Some(0) && next.stderr.is_empty() && self.test.leftovers().is_empty();
        (!goes_on).then(|| format!("the next run, {:?}{next}", self.test.leftovers()))
    }
}

/// The calls of a run: the name, and the how-manieth of that name it is.
fn points(run: Run) -> Vec<(Run, String, usize)> {
    let home = Home::new(run);
    let log = home.test.path("strace.log");
    let ours = [home.test.cache_dir(), home.test.state_dir()].map(|path| path.to_str().unwrap().to_owned());
    let test = home.test.wrapped(&["strace", "-f", "-yy", "-qq", "-e", &format!("trace={CALLS}"), "-o", log.to_str().unwrap()]);
    test.run(&RENEW).exits(0);
    let (mut seen, mut points) = (HashMap::<String, usize>::new(), Vec::new());
    for line in fs::read_to_string(log).unwrap().lines() {
        let Some((call, _)) = line.split_once(' ').and_then(|(_, rest)| rest.trim_start().split_once('(')) else { continue };
        let number = seen.entry(call.to_owned()).or_default();
        *number += 1;
        if line.contains("TCP:") || call == "socket" || ours.iter().any(|ours| line.contains(ours)) {
            points.push((run, call.to_owned(), *number));
        }
    }
    points
}

/// Killed there, or not reached: the calls of several threads are not in the same order each time.
fn lost_at(run: Run, call: &str, number: usize) -> Option<String> {
    let mut home = Home::new(run);
    let before = home.token();
    let inject = format!("inject={call}:signal=KILL:when={number}");
    home.test = home.test.wrapped(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
    home.test.run(&RENEW);
    home.test = home.test.wrapped::<&str>(&[]);
    home.loss(before.as_deref(), run.has_login && !run.is_cold)
}

/// Again and again over the same files: how many entries or logins were lost.
fn lost_at_random(run: Run, kills: usize) -> usize {
    let home = Home::new(run);
    let usual = home.test.run(&RENEW).elapsed;
    let mut lost = 0;
    for _ in 0..kills {
        let before = home.token();
        let delay: Duration = usual.mul_f64(fastrand::f64() * 1.1);
        let running = home.test.spawn(&RENEW);
        std::thread::sleep(delay);
        running.signal(Signal::KILL);
        running.finish();
        if let Some(what) = home.loss(before.as_deref(), run.has_login) {
            eprintln!("lost after {delay:?}, {run:?}: {what}");
            lost += 1;
        }
    }
    lost
}

pub fn losses(scale: Scale) -> Vec<Figure> {
    let lost = AtomicUsize::new(0);
    let points: Vec<_> = if scale.is_quick { Vec::new() } else { RUNS.into_iter().flat_map(points).collect() };
    cases::each(
        &points,
        |point| &point.1,
        |(run, call, number)| {
            if let Some(what) = lost_at(*run, call, *number) {
                eprintln!("lost at {call} #{number}, {run:?}: {what}");
                lost.fetch_add(1, Ordering::Relaxed);
            }
        },
    );
    let kills = scale.of(25, 250);
    cases::each(&RUNS, |_| "kills at random", |run| _ = lost.fetch_add(lost_at_random(*run, kills), Ordering::Relaxed));
    let kills = format!("{} kills", kills * RUNS.len());
    let among = if points.is_empty() { kills } else { format!("{} points, {kills}", points.len()) };
    vec![Figure::none("entries and logins lost by a kill", lost.into_inner(), among, damaged())]
}

/// The control: what the same look makes of half an entry, half a login and a changed sibling.
fn damaged() -> String {
    let home = || Home::new(RUNS[3]);
    let halve = |path: std::path::PathBuf| {
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    };
    let places = [|test: &Test| test.entry_path("prod"), |test: &Test| test.login_path("prod"), |test: &Test| test.entry_path("other")];
    let seen = places.into_iter().filter(|place| {
        let home = home();
        let before = home.token();
        control("nothing is lost yet", home.loss(before.as_deref(), true).is_none());
        halve(place(&home.test));
        home.loss(before.as_deref(), true).is_some()
    });
    let seen = seen.count();
    control("three damaged files", seen == 3);
    format!("{seen} of 3 damaged files seen")
}
