//! A person at the machine: tmux is their terminal and bash their shell. What is typed is a line, and what it comes to is the screen.

use std::fs;
use std::time::Duration;

use super::eventually;
use super::machine::{Machine, done};

/// How long a line may take.
const PATIENCE: Duration = Duration::from_secs(60);

const SOCKET: &str = "/tmp/screen";
const STATUSES: &str = "/tmp/statuses";
const WIDTH: &str = "100";
const HEIGHT: &str = "60";

/// The terminal. It is gone with the machine.
pub struct Screen<'a> {
    machine: &'a Machine,
    lines: usize,
}

impl<'a> Screen<'a> {
    /// A shell with a bare prompt, which notes the status of each line.
    pub fn open(machine: &'a Machine) -> Self {
        let screen = Self { machine, lines: 0 };
        let mut command = machine.user("tmux", &["-u", "-S", SOCKET, "-f", "/dev/null", "new-session", "-d", "-x", WIDTH, "-y", HEIGHT]);
        command.args(["bash", "--noprofile", "--norc"]);
        done(command.env("PS1", "$ ").env("PROMPT_COMMAND", format!("echo $? >>{STATUSES}")));
        screen.wait_for_prompt(1);
        Self { lines: 1, ..screen }
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        done(&mut self.machine.user("tmux", &[&["-u", "-S", SOCKET], arguments].concat()))
    }

    fn statuses(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.machine.path(STATUSES)).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    #[track_caller]
    fn wait_for_prompt(&self, lines: usize) {
        eventually(&format!("the prompt\n{}", self.text_unless_closed()), PATIENCE, || (self.statuses().len() >= lines).then_some(()));
    }

    fn text_unless_closed(&self) -> String {
        let output = self.machine.user("tmux", &["-u", "-S", SOCKET, "capture-pane", "-p", "-J"]).output().expect("nsenter");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What is on it, a line that goes on below as one, without the empty lines at its end.
    pub fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J"]).trim_end().to_owned()
    }

    /// Types a line into whatever is running.
    pub fn answer(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.press("Enter");
    }

    pub fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Waits until this is shown.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let shown = || Some(self.text()).filter(|shown| shown.contains(text));
        eventually(&format!("{text:?} on the screen\n{}", self.text()), PATIENCE, shown);
    }

    /// On an empty screen, begins a line of the shell.
    pub fn begin(&self, line: &str) {
        self.press("C-l");
        self.wait_for_empty();
        self.tmux(&["clear-history"]);
        self.answer(line);
    }

    #[track_caller]
    fn wait_for_empty(&self) {
        eventually(&format!("an empty screen\n{}", self.text()), PATIENCE, || (self.text() == "$").then_some(()));
    }

    /// What the line that was begun came to, once it has ended with this status: the screen but for the next prompt.
    #[track_caller]
    pub fn end(&mut self, status: i32) -> String {
        self.wait_for_prompt(self.lines + 1);
        self.lines += 1;
        let shown = || Some(self.text()).filter(|shown| shown.ends_with("\n$")).map(|shown| shown.trim_end_matches('$').to_owned());
        let shown = eventually("the prompt on the screen", PATIENCE, shown);
        assert_eq!(self.statuses().last(), Some(&status), "{shown}");
        shown
    }

    /// A line from its beginning to its end.
    #[track_caller]
    pub fn line(&mut self, line: &str, status: i32) -> String {
        self.begin(line);
        self.end(status)
    }
}
