//! A process under watch: it ends by itself within its limit, or the test fails.

use std::process::{Child, Output};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::outcome::Outcome;

const POLL: Duration = Duration::from_millis(5);

/// A started program. Its output is collected until every holder of its pipes is gone, as a shell's `$(…)` would.
pub struct Running {
    label: String,
    pid: Pid,
    started: Instant,
    limit: Duration,
    output: Receiver<(std::io::Result<Output>, Duration)>,
}

impl Running {
    pub(super) fn watch(child: Child, started: Instant, label: String, limit: Duration) -> Self {
        let pid = Pid::from_child(&child);
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let output = child.wait_with_output();
            let _ = sender.send((output, started.elapsed()));
        });
        Self { label, pid, started, limit, output }
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Sends a signal; a process that has gone already is none the worse.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    /// Waits for the end and hands over what was said.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        let mut peak_rss_kib = 0;
        loop {
            match self.output.recv_timeout(POLL) {
                Ok((output, elapsed)) => {
                    return Outcome::new(self.label, output.unwrap(), elapsed, peak_rss_kib);
                }
                Err(RecvTimeoutError::Timeout) => {
                    peak_rss_kib = peak_rss_kib.max(peak_rss(self.pid));
                    self.enforce_limit();
                }
                Err(RecvTimeoutError::Disconnected) => panic!("{}: lost its output", self.label),
            }
        }
    }

    /// Ends it and waits until it has gone.
    pub fn kill(self) {
        self.signal(Signal::KILL);
        let _ = self.output.recv_timeout(self.limit);
    }

    #[track_caller]
    fn enforce_limit(&self) {
        if self.started.elapsed() > self.limit {
            self.signal(Signal::KILL);
            panic!("{}: still running, or its pipes still held, after {:?}", self.label, self.limit);
        }
    }
}

/// The most memory the process has held so far, in KiB; 0 once it has gone.
fn peak_rss(pid: Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The processes whose command line holds `text`, zombies aside.
pub fn processes_with(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}
