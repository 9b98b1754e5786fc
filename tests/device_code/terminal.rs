//! The program at a terminal, and what it shows while it runs.

use std::fs::{self, File};
use std::io::{PipeWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::terminal::COLUMNS;
use crate::support::{Outcome, Running, Screen, Test, wait_until};

/// The program at a terminal of its own. Whatever it shows is kept.
pub struct Terminal {
    running: Running,
    shown: PathBuf,
    pid: PathBuf,
    keys: PipeWriter,
}

/// Runs the program as [`Terminal`] wants it: where its process is known.
pub fn known(test: Test) -> Test {
    test.in_shell("echo $$ >pid; exec \"$@\"")
}

/// Whether the program that was started last is there still.
pub fn is_running(test: &Test) -> bool {
    let pid = fs::read_to_string(test.path("pid")).unwrap();
    fs::exists(format!("/proc/{}", pid.trim())).unwrap()
}

impl Terminal {
    pub fn open(test: &Test, args: &[&str]) -> Self {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let shown = test.path(&format!("shown-{}", OPENED.fetch_add(1, Ordering::Relaxed)));
        let (keyboard, keys) = std::io::pipe().unwrap();
        let mut command = test.in_terminal(args, &format!(">{}", crate::support::terminal::ANSWER), keyboard);
        command.stdout(File::create(&shown).unwrap());
        Self { running: test.start(command, args), shown, pid: test.path("pid"), keys }
    }

    fn sent(&self) -> Vec<u8> {
        fs::read(&self.shown).unwrap()
    }

    /// What the terminal shows now; `None` in the middle of a character or a control sequence.
    fn screen(&self) -> Option<String> {
        let sent = self.sent();
        let is_letter = |byte: &u8| (b'@'..=b'~').contains(byte);
        let is_whole = sent.iter().rposition(|byte| *byte == 0x1b).is_none_or(|at| sent[at..].iter().skip(2).any(is_letter));
        (is_whole && std::str::from_utf8(&sent).is_ok()).then(|| Screen::of_columns(COLUMNS, &sent).text())
    }

    /// What it shows once it shows all of these.
    #[track_caller]
    pub fn wait_for(&self, texts: &[&str]) -> String {
        let started = Instant::now();
        loop {
            let screen = self.screen().unwrap_or_default();
            if texts.iter().all(|text| screen.contains(text)) {
                return screen;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "waited in vain for {texts:?}:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// The process of the program; only the one that was started last has a known one.
    #[track_caller]
    pub fn pid(&self) -> i32 {
        let pid = || fs::read_to_string(&self.pid).unwrap_or_default().trim().parse().ok();
        wait_until("the program to start", || pid().is_some());
        pid().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    /// Waits for the end: how it ended, with all that the terminal was sent as its standard error.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        let Self { running, shown, keys, .. } = self;
        let outcome = running.finish();
        drop(keys);
        let sent = fs::read_to_string(shown).unwrap();
        Outcome { stderr: sent, ..outcome }
    }
}

/// What is left on the screen of a terminal that was sent all this.
pub fn left(outcome: &Outcome) -> Screen {
    Screen::of_columns(COLUMNS, outcome.stderr.as_bytes())
}
