//! What a run of the program came to, and what every run must look like.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::time::Duration;

use base64::Engine;
use serde_json::{Map, Value};

use super::{REFRESH, SECRET, SLACK};

/// S16's limit on memory, in KiB.
const MOST_RSS_KIB: u64 = 64 * 1024;

pub struct Outcome {
    pub label: String,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub elapsed: Duration,
    pub peak_rss_kib: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| text.chars().take(2000).collect::<String>();
        write!(
            f,
            "\n  run: {}\n  exit: {:?}, signal: {:?}, after {:?}, peak {} KiB\n  stdout: {:?}\n  stderr: {:?}",
            self.label,
            self.code,
            self.signal,
            self.elapsed,
            self.peak_rss_kib,
            shown(&String::from_utf8_lossy(&self.stdout)),
            shown(&self.stderr)
        )
    }
}

impl Outcome {
    pub(super) fn new(label: String, output: Output, elapsed: Duration, peak_rss_kib: u64) -> Self {
        Self {
            label,
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            elapsed,
            peak_rss_kib,
        }
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The one line of JSON on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        let text = self.stdout();
        assert!(text.ends_with('\n') && text.lines().count() == 1, "stdout is not one line{self}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("stdout is not JSON: {error}{self}"))
    }

    /// The lines of stderr, each a JSON object.
    #[track_caller]
    pub fn json_messages(&self) -> Vec<Map<String, Value>> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?} is no JSON object: {error}{self}"));
        self.stderr.lines().map(read).collect()
    }

    /// The token on stdout, and nothing that looks like trouble.
    #[track_caller]
    pub fn gives(&self, token: &str) -> &Self {
        self.exits(0).prints(&format!("{token}\n")).is_polite()
    }

    /// The token on stdout, and a word on stderr about what went wrong behind it.
    #[track_caller]
    pub fn gives_with_warning(&self, token: &str, profile: &str) -> &Self {
        self.gives(token).explains(profile)
    }

    /// Nothing on stdout, and a sentence or two on stderr.
    #[track_caller]
    pub fn fails(&self, code: i32, profile: &str) -> &Self {
        self.exits(code).prints("").explains(profile)
    }

    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "exit status{self}");
        self
    }

    /// Ended by this signal, or with the exit status by which a shell tells so.
    #[track_caller]
    pub fn ended_by(&self, signal: i32) -> &Self {
        let told = self.code == Some(128 + signal) || self.signal == Some(signal);
        assert!(told, "not ended by signal {signal}{self}");
        self
    }

    #[track_caller]
    pub fn prints(&self, text: &str) -> &Self {
        assert!(self.stdout == text.as_bytes(), "stdout is not {text:?}{self}");
        self
    }

    /// One to four lines that name the profile.
    #[track_caller]
    pub fn explains(&self, profile: &str) -> &Self {
        let lines = self.stderr.lines().count();
        assert!((1..=4).contains(&lines), "{lines} lines on stderr{self}");
        self.mentions(profile).is_polite()
    }

    #[track_caller]
    pub fn mentions(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "stderr lacks {text:?}{self}");
        self
    }

    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        assert!(!self.stderr.contains(text), "stderr holds {text:?}{self}");
        self
    }

    /// Neither secrets, nor tokens, nor what a terminal would obey, nor the traces of a panic.
    #[track_caller]
    pub fn is_polite(&self) -> &Self {
        self.hides(SECRET).hides(REFRESH);
        for part in ["panicked", "RUST_BACKTRACE", "src/"] {
            self.hides(part);
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("ci:{SECRET}"));
        self.hides(&encoded);
        for digit in '0'..='9' {
            self.hides(&format!("token-{digit}"));
        }
        let unfit = self.stderr.chars().find(|c| *c != '\n' && obeyed(*c));
        assert!(unfit.is_none(), "stderr holds {unfit:?}{self}");
        self
    }

    /// No line goes on for ever: 200 characters of foreign text, and our own words around it.
    #[track_caller]
    pub fn is_brief(&self) -> &Self {
        let longest = self.stderr.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(400), "a line of {longest:?} characters{self}");
        self
    }

    #[track_caller]
    pub fn within(&self, limit: Duration) -> &Self {
        assert!(self.elapsed <= limit + SLACK, "took longer than {limit:?}{self}");
        self
    }

    #[track_caller]
    pub fn no_sooner_than(&self, least: Duration) -> &Self {
        assert!(self.elapsed >= least, "took less than {least:?}{self}");
        self
    }

    #[track_caller]
    pub fn stays_small(&self) -> &Self {
        assert!(self.peak_rss_kib > 0, "its memory was not seen{self}");
        assert!(self.peak_rss_kib < MOST_RSS_KIB, "too much memory{self}");
        self
    }
}

/// C0, C1, DEL, bidi controls and line separators.
fn obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
