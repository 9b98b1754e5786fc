//! Commands that print secrets: no shell, no input, a process group of their own that dies with whoever waits for it, bounded output.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{ChildStderr, ChildStdout, Command};
use zeroize::Zeroizing;

use super::SourceError;
use crate::error::Class;
use crate::hardening::in_the_users_name;
use crate::secret::{Secret, append};

/// Names the tokens whose commands are being run, by the beginning of their identity, one after another between slashes: how a command
/// that asks `token` for the very token it is to provide is found out.
pub const ANCESTORS: &str = "TOKEN_ANCESTORS";

/// What a command says whose output depends on itself; how its caller recognises that among what it prints.
const RECURSION: &str = "its command asks for the very token it is to provide: it depends on itself";

/// The most that a command may print.
const LARGEST_OUTPUT: usize = 1 << 20;
/// The most of its complaints that is kept.
const LARGEST_COMPLAINT: usize = 16 << 10;
/// How long a pipe is still listened to after the command has ended: what it printed is in there already.
const AFTERMATH: Duration = Duration::from_millis(500);

/// A command to be run.
#[derive(Debug)]
pub struct Child {
    argv: Vec<OsString>,
    env: Vec<(String, String)>,
    without: Vec<OsString>,
    interactive: bool,
    mute: bool,
}

/// What a command that succeeded printed.
#[derive(Debug)]
pub struct Output {
    /// Its standard output.
    pub stdout: Zeroizing<Vec<u8>>,
    /// The end of its standard error.
    pub stderr: Zeroizing<String>,
}

/// Kills a process group when dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // A group that has ended already needs no more.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Our terminal as it was, and is again when this is dropped: whoever is killed while he asks for a password leaves it silent.
struct Modes(Option<(BorrowedFd<'static>, Termios)>);

impl Modes {
    fn found() -> Self {
        let terminals = [rustix::stdio::stdin(), rustix::stdio::stderr()];
        Self(terminals.into_iter().find_map(|terminal| Some((terminal, tcgetattr(terminal).ok()?))))
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        // In the background it is as somebody else wants it.
        let is_ours = |terminal| tcgetpgrp(terminal).is_ok_and(|group| group == rustix::process::getpgrp());
        if let Some((terminal, modes)) = self.0.take().filter(|(terminal, _)| is_ours(*terminal)) {
            // A terminal that has gone needs nothing.
            let _ = tcsetattr(terminal, OptionalActions::Now, &modes);
        }
    }
}

impl Child {
    /// The command `argv`, which has at least a program.
    pub const fn new(argv: Vec<OsString>) -> Self {
        Self { argv, env: Vec::new(), without: Vec::new(), interactive: false, mute: false }
    }

    /// With these variables in its environment.
    pub fn env(mut self, env: impl IntoIterator<Item = (String, String)>) -> Self {
        self.env.extend(env);
        self
    }

    /// Known to all that it starts, so that one that would need it again is found out.
    pub fn known_as(self, name: &str) -> Self {
        let ancestors = std::env::var(ANCESTORS).unwrap_or_default();
        self.env([(ANCESTORS.to_owned(), format!("{ancestors}/{name}"))])
    }

    /// Without these variables of ours in its environment.
    pub fn without(mut self, variables: impl IntoIterator<Item = OsString>) -> Self {
        self.without.extend(variables);
        self
    }

    /// With nobody to read its standard output.
    pub const fn mute(mut self) -> Self {
        self.mute = true;
        self
    }

    /// With the terminal at hand: its input, and its standard error shown as it comes.
    pub const fn interactive(mut self, interactive: bool) -> Self {
        self.interactive = interactive;
        self
    }

    fn program(&self) -> String {
        self.argv.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Runs it and waits for its end. Dropping the future kills it and all it started.
    ///
    /// # Errors
    /// [`Class::Config`] where it cannot be started, [`Class::Temporary`] where it fails or prints too much.
    pub async fn output(&self) -> Result<Output, SourceError> {
        let mut modes = if self.interactive { Modes::found() } else { Modes(None) };
        let mut child = in_the_users_name(|| self.command().spawn()).map_err(|error| self.not_started(&error))?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = Group(pid.filter(|_| !self.interactive));
        let mut pipes = Pipes::of(&mut child);
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                () = pipes.read_some() => {}
            }
            if pipes.stdout.is_full() {
                // Error: A token has at most 64 KiB. To do: run the command by hand and see what it prints.
                return Err(SourceError::new(Class::Temporary, format!("`{}` printed more than 1 MiB", self.program())));
            }
        };
        // How it leaves the terminal by itself is its own affair.
        modes.0 = None;
        // What it left running must not keep the pipes open.
        drop(group);
        let _ = tokio::time::timeout(AFTERMATH, pipes.read_the_rest()).await;
        self.ended(status, pipes.output())
    }

    /// What came of it.
    fn ended(&self, status: std::io::Result<ExitStatus>, output: Output) -> Result<Output, SourceError> {
        match status {
            Ok(status) if status.success() => Ok(output),
            Ok(status) => {
                // Error: The command ended with another status than 0. To do: `token renew NAME -v` shows what it said.
                let error = SourceError::new(Class::Temporary, format!("`{}` failed ({status})", self.program()));
                let error = if output.stderr.trim().is_empty() {
                    error
                } else {
                    error.with_hint("`-v` with `renew` or `--renew` shows what it said")
                };
                let error = with_words(error, &output);
                let is_recursion = error.detail.iter().any(|line| line.contains(RECURSION));
                Err(if is_recursion { recursion() } else { error })
            }
            // Error: The system does not tell how the command ended. To do: try again.
            Err(error) => Err(SourceError::new(Class::Temporary, format!("`{}` was lost: {error}", self.program()))),
        }
    }

    fn command(&self) -> Command {
        let mut argv = self.argv.iter();
        let mut command = Command::new(argv.next().cloned().unwrap_or_default());
        for variable in &self.without {
            command.env_remove(variable);
        }
        command.args(argv).envs(self.env.iter().map(|(name, value)| (name, value))).kill_on_drop(true);
        command.stdout(if self.mute { Stdio::null() } else { Stdio::piped() });
        if self.interactive {
            command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            command.stdin(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        }
        command
    }

    fn not_started(&self, error: &std::io::Error) -> SourceError {
        let program = self.program();
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                // Error: Its program is neither on PATH nor a path; no shell reads it, so `~` and `$VARIABLE` mean nothing.
                SourceError::new(Class::Config, format!("there is no program `{program}`")).with_hint("check the command and PATH")
            }
            // Error: The file is there and may not be executed. To do: `chmod +x` it, or see whether its file system allows programs.
            std::io::ErrorKind::PermissionDenied => SourceError::new(Class::Config, format!("`{program}` is not executable")),
            // Error: The system is out of memory or processes, or the file is no program. To do: run it by hand.
            _ => SourceError::new(Class::Temporary, format!("`{program}` cannot be started: {error}")),
        }
    }
}

/// Refuses a command that is [known as](Child::known_as) `name` and runs already, for whoever asks here.
pub(super) fn refuse_recursion(name: &str) -> Result<(), SourceError> {
    let ancestors = std::env::var(ANCESTORS).unwrap_or_default();
    if ancestors.split('/').any(|ancestor| ancestor == name) { Err(recursion()) } else { Ok(()) }
}

fn recursion() -> SourceError {
    // Error: The command calls `token` for the profile that it is the source of.
    SourceError::new(Class::Config, RECURSION).with_hint("let the command get it from somewhere else")
}

/// What a command printed as its answer is secret, whatever became of it: each of its words. `None` where they are too many to be
/// looked for in anything.
pub(super) fn known_secrets(stdout: &[u8]) -> Option<Vec<Secret>> {
    const MOST: usize = 64;
    let text = String::from_utf8_lossy(stdout);
    let mut unique = BTreeSet::new();
    for word in text.split(|c: char| c.is_whitespace() || c == '"').filter(|word| word.len() >= 4) {
        unique.insert(word);
        if unique.len() > MOST {
            return None;
        }
    }
    Some(unique.into_iter().map(|word| Secret::new(word.to_owned())).collect())
}

/// `error` with what the command said on its standard error, without what it printed as its answer.
pub(super) fn with_words(error: SourceError, output: &Output) -> SourceError {
    if output.stderr.trim().is_empty() {
        return error;
    }
    let said = output.stderr.lines().fold(String::new(), |said, line| said + "it said: " + line + "\n");
    match known_secrets(&output.stdout) {
        Some(secrets) => error.with_detail(&said, &secrets),
        None => error.with_detail("it said something, which may hold parts of its long answer and is not shown", &[]),
    }
}

/// What a command writes to.
struct Pipes {
    stdout: Drain<ChildStdout>,
    stderr: Drain<ChildStderr>,
}

impl Pipes {
    fn of(child: &mut tokio::process::Child) -> Self {
        Self { stdout: Drain::new(child.stdout.take(), LARGEST_OUTPUT), stderr: Drain::new(child.stderr.take(), usize::MAX) }
    }

    /// Reads what comes next in either.
    async fn read_some(&mut self) {
        tokio::select! {
            () = self.stdout.read_some() => {}
            () = self.stderr.read_some() => {}
        }
    }

    async fn read_the_rest(&mut self) {
        while !(self.stdout.is_full() || self.stdout.ended && self.stderr.ended) {
            self.read_some().await;
        }
    }

    fn output(self) -> Output {
        let said = String::from_utf8_lossy(self.stderr.whole_lines()).into_owned();
        Output { stderr: Zeroizing::new(said), stdout: self.stdout.bytes }
    }
}

/// A pipe that is read to its end, or to a limit.
struct Drain<R> {
    pipe: Option<R>,
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
    ended: bool,
    /// Whether its beginning was let go.
    is_cut: bool,
}

impl<R: AsyncRead + Unpin> Drain<R> {
    fn new(pipe: Option<R>, limit: usize) -> Self {
        let ended = pipe.is_none();
        Self { pipe, bytes: Zeroizing::new(Vec::new()), limit, ended, is_cut: false }
    }

    fn is_full(&self) -> bool {
        self.bytes.len() > self.limit
    }

    /// Reads what comes next; never completes once the pipe has ended.
    async fn read_some(&mut self) {
        let Some(pipe) = self.pipe.as_mut().filter(|_| !self.ended) else {
            return std::future::pending().await;
        };
        let mut chunk = Zeroizing::new(vec![0; 8192]);
        match pipe.read(chunk.as_mut_slice()).await {
            Ok(0) | Err(_) => self.ended = true,
            Ok(length) => append(&mut self.bytes, chunk.get(..length).unwrap_or_default()),
        }
        if self.limit == usize::MAX && self.bytes.len() > LARGEST_COMPLAINT {
            let surplus = self.bytes.len() - LARGEST_COMPLAINT;
            self.bytes.drain(..surplus);
            self.is_cut = true;
        }
    }

    /// What is there, without a line that has lost its beginning: a secret in it would not be recognised.
    fn whole_lines(&self) -> &[u8] {
        let first = self.bytes.iter().position(|byte| *byte == b'\n').map_or(self.bytes.len(), |end| end + 1);
        self.bytes.get(if self.is_cut { first } else { 0 }..).unwrap_or_default()
    }
}
