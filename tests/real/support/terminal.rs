//! The program on a terminal (what `script` provides), and what somebody in front of it reads while it runs.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::home::{Home, Outcome};
use super::{POLL, eventually};

/// How long the program may take to show something.
const SOON: Duration = Duration::from_secs(20);

/// How long it may take to end: a login is over soon after somebody has agreed.
const HANG: Duration = Duration::from_mins(1);

/// Where the program's standard output goes, in the home.
const ANSWER: &str = "answer";

/// The program, its standard input and error a terminal, its standard output a file. It is hung up on when this is dropped.
pub struct Terminal<'a> {
    child: Child,
    home: &'a Home,
    command: String,
    started: Instant,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Home {
    /// Starts the program on a terminal. Nothing is ever typed.
    pub fn on_terminal(&self, arguments: &[&str]) -> Terminal<'_> {
        let words = arguments.join(" ");
        let line = format!("stty cols 200 rows 60; exec '{}' {words} >{ANSWER}", env!("CARGO_BIN_EXE_token"));
        let mut command = self.command("script");
        command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]).current_dir(self.path());
        // Where the profile names no browser, one is opened that does nothing.
        command.env("TERM", "xterm").env("SHELL", "/bin/sh").env("BROWSER", "true");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("script");

        let mut shown = child.stdout.take().expect("a pipe");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = shown.read(&mut piece) {
                written.lock().expect("the screen").extend(&piece[..length]);
            }
        });
        Terminal { child, home: self, command: format!("token {words}"), started: Instant::now(), screen, reader: Some(reader) }
    }
}

impl Terminal<'_> {
    /// What has been shown so far, without what moves the cursor or colours.
    pub fn text(&self) -> String {
        plain(&String::from_utf8_lossy(&self.screen.lock().expect("the screen")))
    }

    /// Waits until a word is shown that is what somebody looks for.
    #[track_caller]
    pub fn word(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let is_around = |c: char| !c.is_ascii_alphanumeric() && c != '/';
        let start = Instant::now();
        loop {
            let text = self.text();
            let mut words = text.split_whitespace().map(|word| word.trim_matches(is_around));
            if let Some(word) = words.find(|word| is_it(word)) {
                return word.to_owned();
            }
            assert!(start.elapsed() < SOON, "{what}: not shown within {SOON:?}\n{text}");
            thread::sleep(POLL);
        }
    }

    /// Waits for its end; one that hangs fails the test. What was shown is the stderr of the outcome.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        let end = format!("the end of {}", self.command);
        let status = eventually(&end, HANG, || self.child.try_wait().expect("a child of ours"));
        self.reader.take().expect("a reader").join().expect("the reader");
        let answer = fs::read_to_string(self.home.path().join(ANSWER)).unwrap_or_default();
        Outcome::new(self.command.clone(), status.code(), self.started.elapsed(), answer, self.text())
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Text without escape sequences (ECMA-48: control sequences, and strings up to their terminator); a line that is written
/// over counts as another line.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown.chars();
    while let Some(character) = rest.next() {
        match (character, rest.clone().next()) {
            ('\u{1b}', Some('[')) => drop(rest.by_ref().skip(1).find(|c| ('@'..='~').contains(c))),
            ('\u{1b}', Some(']')) => drop(rest.by_ref().find(|c| matches!(c, '\u{7}' | '\\'))),
            ('\u{1b}', _) => drop(rest.next()),
            ('\r', Some('\n')) => {}
            ('\r', _) => text.push('\n'),
            (other, _) => text.push(other),
        }
    }
    text
}
