//! `token run`: a command with a valid token in its environment. Its exit status is the answer, and signals are passed on to it.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::sync::mpsc;

use super::Outcome;
use super::shared::{chosen, configuration_within, obtain, options};
use super::signals::{interruptible, listener};
use crate::cli::{Global, Run};
use crate::hardening::in_the_users_name;
use crate::ui::{self, Failure, Manner};

/// What is passed on. SIGINT, SIGQUIT and SIGTSTP from a terminal reach the command by themselves.
const PASSED_ON: [Signal; 9] =
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2, Signal::ALARM, Signal::WINCH, Signal::CONT];

pub(super) async fn run(global: &Global, run: &Run, manner: Manner) -> Outcome {
    if run.env.is_empty() || run.env.contains(['=', '\0']) {
        // Error: The name of a variable has letters, digits and `_`, and begins with no digit. To do: choose another, as `--env
        // API_TOKEN`.
        return Err(Failure::Usage(format!("--env: `{}` is no name of a variable", crate::error::one_line(&run.env))));
    }
    let configuration = configuration_within(global, run.limits.timeout)?;
    let profile = chosen(&configuration, global, run.profile.as_deref())?.clone().with_min_ttl(run.limits.min_ttl);
    let options = options(&run.limits);
    let fetched = interruptible(obtain(&profile, &run.limits, &options, manner)).await?;
    let mut signals = listen();
    let mut words = run.command.iter();
    let mut command = tokio::process::Command::new(words.next().cloned().unwrap_or_default());
    command.args(words).env(&run.env, fetched.token.expose());
    match in_the_users_name(|| command.spawn()) {
        Ok(child) => Ok(attended(child, &mut signals).await),
        Err(error) => Ok(not_started(run, &error, manner)),
    }
}

fn not_started(run: &Run, error: &std::io::Error, manner: Manner) -> u8 {
    let program = run.command.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
    let program = crate::error::one_line(&program);
    let (what, status) = match error.kind() {
        // Error 126 or 127: What follows `--` is no program that can be started: 127 where there is none, 126 where it cannot be
        // executed. To do: check its name, PATH and its permissions.
        std::io::ErrorKind::NotFound => (format!("there is no program `{program}`"), 127),
        _ => (format!("`{program}` cannot be executed: {}", crate::error::reason(error)), 126),
    };
    ui::tell_failure(&Failure::Unforeseen(what), manner);
    status
}

/// Hears every signal that is passed on, from now on.
fn listen() -> mpsc::UnboundedReceiver<Signal> {
    let (sender, receiver) = mpsc::unbounded_channel();
    for kind in PASSED_ON {
        let Some(mut heard) = listener(kind.as_raw()) else { continue };
        let sender = sender.clone();
        tokio::spawn(async move { while heard.recv().await.is_some() && sender.send(kind).is_ok() {} });
    }
    receiver
}

/// Passes signals on until the command has ended.
async fn attended(mut child: Child, signals: &mut mpsc::UnboundedReceiver<Signal>) -> u8 {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    loop {
        tokio::select! {
            status = child.wait() => return status.map_or(1, answer),
            Some(signal) = signals.recv() => {
                if let Some(pid) = pid.filter(|_| !comes_from_the_terminal(signal)) {
                    // A command that has just ended needs no signal.
                    let _ = kill_process(pid, signal);
                }
            }
        }
    }
}

/// The terminal sends its signals to the whole foreground group: to us and to the command, which must not get them twice.
fn comes_from_the_terminal(signal: Signal) -> bool {
    let is_of_keys = matches!(signal, Signal::INT | Signal::QUIT | Signal::WINCH);
    let foreground = [rustix::termios::tcgetpgrp(rustix::stdio::stdin()), rustix::termios::tcgetpgrp(rustix::stdio::stderr())];
    is_of_keys && foreground.into_iter().any(|group| group.is_ok_and(|group| group == rustix::process::getpgrp()))
}

fn answer(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|number| 128 + number));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
