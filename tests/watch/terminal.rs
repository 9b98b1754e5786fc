//! The view: a line per profile, drawn in place, and afterwards what each was at last.

use std::fs::{self, File};
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::terminal::COLUMNS;
use crate::support::{Issuer, Reply, Running, Screen, Test};
use crate::{SECOND, eager};

/// `token watch --all` on a terminal.
struct Shown<'a> {
    test: &'a Test,
    running: Running,
}

impl<'a> Shown<'a> {
    fn start(test: &'a Test) -> Self {
        Self::start_at(test, Stdio::null())
    }

    fn start_at(test: &'a Test, keyboard: impl Into<Stdio>) -> Self {
        let mut command = test.in_terminal(&["watch", "--all"], "", keyboard);
        command.stdout(File::create(test.path("shown")).unwrap());
        Self { test, running: test.start(command, &["watch", "--all"]) }
    }

    fn sent(&self) -> Vec<u8> {
        fs::read(self.test.path("shown")).unwrap()
    }

    /// What the terminal shows now; `None` in the middle of a control sequence.
    fn screen(&self) -> Option<String> {
        let sent = self.sent();
        let whole = sent.iter().rposition(|byte| *byte == 0x1b).is_none_or(|at| sent[at..].iter().skip(2).any(u8::is_ascii_alphabetic));
        (whole && std::str::from_utf8(&sent).is_ok()).then(|| Screen::of_columns(COLUMNS, &sent).text())
    }

    #[track_caller]
    fn wait_for(&self, what: &str, is_shown: impl Fn(&str) -> bool) -> String {
        let mut shown = String::new();
        let started = Instant::now();
        while !is_shown(&shown) {
            assert!(started.elapsed() < 20 * SECOND, "waited in vain for {what}:\n{shown}\n{:?}", String::from_utf8_lossy(&self.sent()));
            std::thread::sleep(Duration::from_millis(10));
            shown = self.screen().unwrap_or_default();
        }
        shown
    }

    fn signal(&self, signal: Signal) {
        let pid = fs::read_to_string(self.test.path("pid")).unwrap();
        kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), signal).unwrap();
    }
}

fn on_terminal(config: &str) -> Test {
    Test::configured(config).in_shell("echo $$ >pid; exec \"$@\"")
}

#[test]
fn each_profile_has_a_line_and_the_last_of_it_stays() {
    let [good, refused] = [Reply::token(3600), Reply::oauth(401, "invalid_client")].map(Issuer::answering);
    let test = on_terminal(&eager([("alpha", &good), ("beta", &good), ("gamma", &refused)]));
    let shown = Shown::start(&test);
    let is_settled = |text: &str| text.matches("fresh").count() == 2 && text.lines().last().is_some_and(|line| line.contains("parked"));
    let text = shown.wait_for("the view", is_settled);
    let lines: Vec<&str> = text.lines().collect();
    let (messages, view) = lines.split_at(lines.len() - 3);
    for (line, name) in view.iter().zip(["alpha", "beta", "gamma"]) {
        assert!(line.starts_with(name) && line.chars().count() <= 80, "{text}");
    }
    let message: String = messages.concat();
    assert!(message.starts_with("error: gamma: parked: ") && message.ends_with(')'), "a message of what is wrong, above:\n{text}");

    shown.signal(Signal::USR1);
    good.wait_for_requests(4);
    let running_on = shown.wait_for("the view again", is_settled);
    assert_eq!(running_on.matches("alpha").count(), 1, "in place:\n{running_on}");

    shown.signal(Signal::TERM);
    let sent = test.path("shown");
    let outcome = shown.running.finish();
    outcome.exits(143);
    let bytes = fs::read(sent).unwrap();
    let screen = Screen::of_columns(COLUMNS, &bytes);
    let left = screen.text();
    let lines: Vec<&str> = left.lines().collect();
    let (messages, view) = lines.split_at(lines.len() - 3);
    assert_eq!(messages.concat(), message, "the message stays:\n{left}");
    for (line, name) in view.iter().zip(["alpha", "beta", "gamma"]) {
        assert!(line.starts_with(name) && !line.contains("renews"), "what was, and not what would have been:\n{left}");
    }
    assert!(!screen.cursor_is_hidden && String::from_utf8_lossy(&bytes).ends_with('\n'), "on a line of its own:\n{left}");
    assert!(!String::from_utf8_lossy(&bytes).contains("token-1"));
}

/// The terminal shows `^C` where the cursor stands.
#[test]
fn ctrl_c_is_not_seen_in_what_stays() {
    let issuer = Issuer::start();
    let test = on_terminal(&eager([("alpha", &issuer), ("beta", &issuer)]));
    let (keyboard, mut typed) = std::io::pipe().unwrap();
    let shown = Shown::start_at(&test, keyboard);
    shown.wait_for("two lines", |text| text.matches("fresh").count() == 2);
    typed.write_all(b"\x03").unwrap();
    shown.running.finish().exits(130);
    let left = Screen::of_columns(COLUMNS, &fs::read(test.path("shown")).unwrap()).text();
    let names: Vec<&str> = left.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["alpha", "beta"], "{left}");
}

#[test]
fn a_reload_redraws_it() {
    let issuer = Issuer::start();
    let test = on_terminal(&eager([("alpha", &issuer), ("beta", &issuer)]));
    let shown = Shown::start(&test);
    shown.wait_for("two lines", |text| text.matches("fresh").count() == 2);
    test.configure(&eager([("beta", &issuer)]));
    shown.signal(Signal::HUP);
    let text = shown.wait_for("one line", |text| text.matches("fresh").count() == 1 && text.lines().count() == 2);
    assert!(text.lines().next().unwrap().contains("read again") && text.lines().last().unwrap().starts_with("beta"), "{text}");
    shown.signal(Signal::INT);
    shown.running.finish().exits(130);
}
