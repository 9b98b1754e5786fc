//! A fresh home directory, and the program run in it with nothing else in its environment.

use std::env;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// No run of the program may take longer: its own limit for a command is half of this.
const HANG: Duration = Duration::from_mins(1);

/// Its configuration file, in the home.
const CONFIGURATION: &str = ".config/token/config.toml";

/// What the program keeps of a login between renewals, in the home.
const LOGIN: &str = ".local/state/token/prod.json";

/// A home directory (mode 0700) with a configuration file (mode 0600) in it, removed when it is dropped.
pub struct Home {
    dir: TempDir,
}

impl Home {
    pub fn new(config: &str) -> Self {
        let home = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        home.configure(config);
        home
    }

    /// Replaces the configuration file.
    pub fn configure(&self, config: &str) {
        let dir = self.path().join(".config/token");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).expect("the configuration directory");
        self.write_private(CONFIGURATION, config);
    }

    /// What the configuration file says.
    pub fn configuration(&self) -> String {
        fs::read_to_string(self.path().join(CONFIGURATION)).expect("the configuration file")
    }

    /// Writes a file that only its owner can read, at a path relative to the home, and returns where it is.
    pub fn write_private(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&path).expect("a file in the home");
        file.write_all(text.as_bytes()).expect("a write into the home");
        path
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Every text in the login that is kept for `prod`: its tokens are among them, wherever it has them.
    pub fn login(&self) -> Vec<String> {
        let Ok(text) = fs::read_to_string(self.path().join(LOGIN)) else { return Vec::new() };
        let mut found = Vec::new();
        let mut left = vec![serde_json::from_str::<Value>(&text).expect("a login in JSON")];
        while let Some(value) = left.pop() {
            match value {
                Value::String(text) => found.push(text),
                Value::Array(values) => left.extend(values),
                Value::Object(map) => left.extend(map.into_iter().map(|(_, value)| value)),
                _ => {}
            }
        }
        found
    }

    /// A command in this home, with nothing else in its environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.path()).env("PATH", env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Runs the program to its end.
    pub fn token(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).finish()
    }

    /// Starts the program and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let child = self
            .command(env!("CARGO_BIN_EXE_token"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        Running { child, command: format!("token {}", arguments.join(" ")), started: Instant::now() }
    }
}

/// The program on its way.
pub struct Running {
    child: Child,
    command: String,
    started: Instant,
}

impl Running {
    /// Ends it wherever it is (SIGKILL), unless it has ended.
    pub fn kill(mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }

    /// Asks it to end (SIGTERM).
    pub fn end(self) -> Outcome {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a child of ours");
        self.finish()
    }

    /// Waits for its end; one that hangs is killed and fails the test.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        while self.child.try_wait().expect("a child of ours").is_none() {
            if self.started.elapsed() > HANG {
                self.child.kill().expect("a child of ours");
                panic!("{} was still running after {HANG:?}", self.command);
            }
            thread::sleep(Duration::from_millis(2));
        }
        let took = self.started.elapsed();
        let output = self.child.wait_with_output().expect("a child of ours");
        let stdout = String::from_utf8(output.stdout).expect("UTF-8 on stdout");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8 on stderr");
        Outcome::new(self.command, output.status.code(), took, stdout, stderr)
    }
}

/// What a run of the program came to.
pub struct Outcome {
    command: String,
    code: Option<i32>,
    pub took: Duration,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub(super) fn new(command: String, code: Option<i32>, took: Duration, stdout: String, stderr: String) -> Self {
        Self { command, code, took, stdout, stderr }
    }

    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Panics with everything that was printed unless the exit status is `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// It succeeded, without a word to people, and printed exactly a line: the token.
    #[track_caller]
    pub fn quiet_token(self) -> String {
        assert!(self.stderr.is_empty(), "{self}");
        self.token()
    }

    /// It succeeded and printed exactly a line: the token.
    #[track_caller]
    pub fn token(self) -> String {
        let this = self.exits(0);
        match this.stdout.strip_suffix('\n') {
            Some(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => token.to_owned(),
            _ => panic!("not a token and a newline\n{this}"),
        }
    }

    /// It succeeded and printed a JSON value.
    #[track_caller]
    pub fn json(self) -> Value {
        let this = self.exits(0);
        serde_json::from_str(&this.stdout).unwrap_or_else(|error| panic!("{error}\n{this}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}", self.command)?;
        writeln!(f, "exit {:?} after {:?}", self.code, self.took)?;
        write!(f, "stdout: {}\nstderr: {}", self.stdout, self.stderr)
    }
}
