//! System calls as points of a run: which there are, and a run that is killed at one of them, or failed by it.

use std::collections::HashMap;
use std::fs;

use crate::support::{Outcome, Test};

/// One system call of a run: its name, and the how-manieth of that name it is for its thread, as strace counts.
#[derive(Clone, Debug)]
pub struct Step {
    pub call: String,
    pub number: usize,
    /// As strace shows it.
    line: String,
}

impl Step {
    pub fn name(&self) -> String {
        format!("{} #{}", self.call, self.number)
    }

    /// Whether it names a file at this place, or below.
    pub fn touches(&self, place: &str) -> bool {
        self.line.contains(place)
    }

    /// Whether it opens something to look at it.
    pub fn opens_to_read(&self) -> bool {
        self.call.starts_with("open") && !self.line.contains("O_CREAT")
    }

    /// Whether it concerns what is swept up, or what only saves requests.
    pub fn is_of_housekeeping(&self) -> bool {
        let of_temporary = self.call.starts_with("unlink") && self.line.contains("/.") | self.line.contains("\".");
        of_temporary || self.call == "getdents64" || self.line.contains("prod.failure") || self.line.contains("\".\"")
    }

    /// As strace shows it.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Runs the program until it makes this call, and kills it there: before the call has done anything. Those that touch no file are not
    /// made in the same number by each run: it depends on who is scheduled when, and the last of them may not come.
    #[track_caller]
    pub fn kill(&self, test: Test, args: &[&str]) -> (Test, Outcome) {
        let (call, number) = (&self.call, self.number);
        let (test, outcome) = under(test, &[&format!("trace={call}"), &format!("inject={call}:signal=KILL:when={number}")], args);
        let touches_a_file = self.touches(test.path("").to_str().unwrap());
        assert!(was_killed(&outcome) || !touches_a_file, "{}: it was not killed{outcome}", self.name());
        (test, outcome)
    }

    /// Runs the program and fails this call.
    pub fn fail(&self, test: Test, error: &str, args: &[&str]) -> (Test, Outcome) {
        let (call, number) = (&self.call, self.number);
        under(test, &[&format!("trace={call}"), &format!("inject={call}:error={error}:when={number}")], args)
    }
}

pub fn was_killed(outcome: &Outcome) -> bool {
    outcome.signal == Some(9) || outcome.code == Some(137)
}

/// Runs the program, its first thread and not its children, under strace with these expressions, and no longer after that.
pub fn under(test: Test, expressions: &[&str], args: &[&str]) -> (Test, Outcome) {
    let mut wrapper = vec!["strace", "-qq", "-o", "/dev/null"];
    wrapper.extend(expressions.iter().flat_map(|expression| ["-e", expression]));
    let test = test.wrapped(&wrapper);
    let outcome = test.run(args);
    (test.wrapped::<&str>(&[]), outcome)
}

/// All system calls of a run, in order, but for the one that begins it. They are those of its first thread: others look up names, read
/// standard input and print the answer, and touch nothing that outlives the process, which is looked at here.
#[track_caller]
pub fn of_run(test: Test, args: &[&str]) -> (Test, Outcome, Vec<Step>) {
    let log = test.path("strace.log");
    let test = test.wrapped(&["strace", "-f", "-yy", "-s", "64", "-o", log.to_str().unwrap()]);
    let outcome = test.run(args);
    let test = test.wrapped::<&str>(&[]);
    let log = fs::read_to_string(log).unwrap();
    let first = log.split(' ').next().unwrap();
    let mut seen = HashMap::<&str, usize>::new();
    let mut steps = Vec::new();
    let ours = [test.cache_dir(), test.state_dir()].map(|path| path.to_str().unwrap().to_owned());
    let threads = threads(&log, first);
    for line in log.lines() {
        let Some((thread, call)) = call_of(line) else { continue };
        if thread == first {
            let number = seen.entry(call).or_default();
            *number += 1;
            steps.push(Step { call: call.to_owned(), number: *number, line: line.to_owned() });
        } else if threads.contains(&thread) {
            let is_elsewhere = !ours.iter().any(|ours| line.contains(ours)) && !line.contains("<TCP:");
            assert!(is_elsewhere, "another thread than the first one: {line}");
        }
    }
    steps.retain(|step| step.call != "execve" || step.number > 1);
    (test, outcome, steps)
}

/// The other threads of the process: what it has cloned as such.
fn threads<'l>(log: &'l str, first: &str) -> Vec<&'l str> {
    let cloned = |line: &'l str| {
        let is_ours = line.starts_with(first) && line.contains("CLONE_THREAD");
        is_ours.then(|| line.rsplit(" = ").next())?
    };
    let resumed = |line: &'l str| {
        let is_clone = line.starts_with(first) && line.contains("<... clone3 resumed>") || line.contains("<... clone resumed>");
        is_clone.then(|| line.rsplit(" = ").next())?
    };
    log.lines().flat_map(|line| [cloned(line), resumed(line)]).flatten().map(|id| id.split('<').next().unwrap_or(id)).collect()
}

/// The thread and the name: `1234 openat(AT_FDCWD</>, …` is an `openat` of 1234. What is resumed has been there, signals and exits are
/// nothing.
pub fn call_of(line: &str) -> Option<(&str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (call, _) = rest.trim_start().split_once('(')?;
    let is_name = !call.is_empty() && call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((thread, call))
}
