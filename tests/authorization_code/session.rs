//! Somebody before a terminal while the program runs there: what they see, what they type, and the browser that they have.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::provider::{Fields, Provider, fields, get, log_in_at};
use crate::support::terminal::{ANSWER, COLUMNS};
use crate::support::{Outcome, Running, Screen, Test, wait_until};

/// Leaves its arguments, one a line, in the file `opened`, whole.
const BROWSER: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\" >opened.new\nmv opened.new opened\n";

/// A home with this configuration and a program `browser`.
pub fn home(config: &str) -> Test {
    let test = Test::configured(config);
    program(&test, "browser", BROWSER);
    test
}

/// A home with the profile `prod` of this provider, which opens `browser`.
pub fn home_of(provider: &Provider) -> Test {
    home(&provider.profile("browser = [\"./browser\"]"))
}

pub fn program(test: &Test, name: &str, script: &str) {
    fs::write(test.path(name), script).unwrap();
    fs::set_permissions(test.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

/// What was opened so far, if something was.
pub fn opened(test: &Test) -> Option<String> {
    fs::read_to_string(test.path("opened")).ok()
}

/// The program on a terminal.
pub struct Session<'a> {
    test: &'a Test,
    running: Running,
    keys: std::io::PipeWriter,
}

impl<'a> Session<'a> {
    /// Starts it.
    pub fn start(test: &'a Test, args: &[&str]) -> Self {
        Self::in_shell(test, args, "PROGRAM")
    }

    /// Starts a line of shell in which `PROGRAM` stands for it.
    pub fn in_shell(test: &'a Test, args: &[&str], line: &str) -> Self {
        for left in ["opened", "screen", "pid"] {
            // Of the session before, if there was one.
            let _ = fs::remove_file(test.path(left));
        }
        let (keyboard, keys) = std::io::pipe().unwrap();
        let plain = test.in_terminal(args, "", Stdio::null());
        let words = |command: &Command| command.get_args().map(|word| word.to_str().unwrap().to_owned()).collect::<Vec<_>>();
        let (size, program) = words(&plain)
            .iter()
            .find_map(|word| word.split_once("; exec "))
            .map(|(size, rest)| (size.to_owned(), rest.replace('\'', "")))
            .unwrap();
        let line = line.replace("PROGRAM", &format!("sh -c 'echo $$ >pid; exec {program} >{ANSWER}'"));
        // The shell hears what a terminal's signals say, and goes on.
        let line = format!("{size}; stty -a >before; tty >tty; trap : INT TERM HUP; {line}; status=$?; stty -a >after; exit $status");
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", &line]).arg(test.path("screen")).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(test.path(""));
        command.stdin(keyboard).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { test, running: test.start(command, args), keys }
    }

    /// Types this once it is waited for, and not shown.
    pub fn type_in(&mut self, text: &str) {
        wait_until("a terminal that shows nothing", || {
            let tty = fs::read_to_string(self.test.path("tty")).unwrap_or_default();
            let modes = Command::new("stty").args(["-a", "-F", tty.trim_end()]).output().unwrap();
            String::from_utf8_lossy(&modes.stdout).contains(" -echo ")
        });
        self.type_anyway(text);
    }

    /// Types this whoever reads it.
    pub fn type_anyway(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// What the terminal was sent so far, cursor movements aside.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.test.path("screen")).unwrap_or_default()).into_owned()
    }

    #[track_caller]
    pub fn sees(&self, text: &str) {
        wait_until(&format!("{text:?} on the screen"), || self.seen().contains(text));
    }

    /// The address on the screen, once it is waited for.
    #[track_caller]
    pub fn shown(&self) -> String {
        self.sees("(it is not shown)");
        let seen = self.seen();
        seen.lines().rfind(|line| line.starts_with("http")).expect("a line with an address").trim_end().to_owned()
    }

    /// The address that was opened, once it is.
    #[track_caller]
    pub fn opened(&self) -> String {
        wait_until("a browser", || opened(self.test).is_some());
        opened(self.test).unwrap().trim_end().to_owned()
    }

    /// Logs in with the browser that was opened: the last page.
    #[track_caller]
    pub fn log_in(&self) -> String {
        get(&log_in_at(&self.opened()))
    }

    /// The port at which the login ends.
    pub fn port(&self) -> u16 {
        port_of(&fields(&self.shown()))
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        let pid = fs::read_to_string(self.test.path("pid")).unwrap().trim().parse().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for the end. The terminal has to be as it was.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        let outcome = self.running.finish();
        let modes = |name: &str| fs::read_to_string(self.test.path(name)).unwrap_or_default();
        assert_eq!(modes("before"), modes("after"), "the terminal{outcome}");
        assert!(modes("after").contains(" echo "), "the terminal{outcome}");
        let screen = Screen::of_columns(COLUMNS, &outcome.stdout);
        assert!(!screen.cursor_is_hidden, "the cursor is gone{outcome}");
        assert!(!screen.text().contains("waiting"), "a trace is left{outcome}");
        outcome
    }
}

/// What stands on the screen in the end.
pub fn text(outcome: &Outcome) -> String {
    Screen::after(&outcome.stdout).text()
}

pub fn port_of(asked: &Fields) -> u16 {
    let redirect = &asked["redirect_uri"];
    let port = redirect.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.strip_suffix("/callback"));
    port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("the redirect URI is {redirect}"))
}

/// What has to stay between us and the provider is neither on the screen nor in any file but the login: not in what the browser was
/// started with, nor in the cache.
#[track_caller]
pub fn keeps_secrets(provider: &Provider, test: &Test, outcome: &Outcome) {
    let secrets = provider.secrets();
    assert!(secrets.len() > 1, "a code and more");
    let files = files_below(&test.path(""));
    assert!(files.contains(&test.path("screen")) && files.contains(&test.path("cache/prod.json")), "{files:?}");
    for secret in secrets {
        assert!(!outcome.stdout().contains(&secret), "{secret} is on the screen{outcome}");
        for file in files.iter().filter(|file| !file.starts_with(test.path("state"))) {
            let content = fs::read(file).unwrap();
            let is_there = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{secret} is in {}{outcome}", file.display());
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
