//! Every word for people, and the one way to give an answer. People are spoken to on standard error; standard output carries the
//! answer and nothing else.

pub mod answer;
mod dialogue;
mod diff;
pub mod findings;
mod keyboard;
mod log;
mod login;
pub mod manual;
mod report;
mod spinner;
mod table;
mod watch;

use std::io::IsTerminal as _;
use std::time::Duration;

pub use answer::{Answer, AnswerError};
pub use dialogue::{Dialogue, Question};
pub use diff::unified;
pub use findings::Finding;
pub use log::{in_words as relative, install as install_log};
pub use login::AtTerminal;
pub use report::{Bug, Failure, Level, report, tell_event, tell_failure, tell_log, tell_notice, usage};
pub use spinner::{PATIENCE, while_waiting};
pub use table::Table;
pub use watch::View;

use crate::cli::{Color, Global, LogFormat};

/// How people want to be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Whether messages are coloured.
    pub is_coloured: bool,
    /// Whether messages are JSON.
    pub is_json: bool,
    /// Say only what went wrong.
    pub is_quiet: bool,
    /// Say more.
    pub verbosity: u8,
    /// Whether standard error is a terminal.
    pub is_terminal: bool,
}

impl Manner {
    /// What the options, `NO_COLOR` and the terminal say.
    #[must_use]
    pub fn new(global: &Global) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let is_json = global.log_format == LogFormat::Json;
        let is_coloured = wants_colour(global, is_terminal) && !is_json;
        Self { is_coloured, is_json, is_quiet: global.quiet, verbosity: global.verbose, is_terminal }
    }

    /// The same for an answer on standard output that people read.
    #[must_use]
    pub fn of_answer(self, global: &Global) -> Self {
        Self { is_coloured: wants_colour(global, std::io::stdout().is_terminal()), ..self }
    }

    /// Without colour, for a terminal or not.
    #[must_use]
    pub const fn plain() -> Self {
        Self { is_coloured: false, is_json: false, is_quiet: false, verbosity: 0, is_terminal: false }
    }

    /// `text` in `colour`, if messages are coloured.
    #[must_use]
    pub fn paint(self, colour: Paint, text: &str) -> String {
        if self.is_coloured { format!("\u{1b}[{}m{text}\u{1b}[0m", colour.code()) } else { text.to_owned() }
    }
}

fn wants_colour(global: &Global, is_terminal: bool) -> bool {
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => may_colour(is_terminal),
    }
}

/// Whether there is colour where nobody says.
fn may_colour(is_terminal: bool) -> bool {
    is_terminal && is_terminal_able() && !is_colour_unwanted()
}

/// Whether `NO_COLOR` is set, by the convention of that name.
fn is_colour_unwanted() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether the terminal does more than show characters, by what `TERM` says: an editor's often does not.
fn is_terminal_able() -> bool {
    std::env::var_os("TERM").is_some_and(|terminal| !terminal.is_empty() && terminal != "dumb")
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// It failed.
    Bad,
    /// Something is not as it should be.
    Odd,
    /// As it should be.
    Good,
    /// Beside the point.
    Faint,
}

impl Paint {
    const fn code(self) -> &'static str {
        match self {
            Self::Bad => "1;31",
            Self::Odd => "33",
            Self::Good => "32",
            Self::Faint => "2",
        }
    }
}

/// Writes a line for people.
pub fn tell(line: &str) {
    use std::io::Write as _;
    spinner::suspended(|| {
        // Nobody is left to be told that nobody can be told.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    });
}

/// A duration as people say it: its two largest units, and below ten seconds its tenths.
#[must_use]
pub fn spoken(duration: Duration) -> String {
    if duration < Duration::from_secs(10) && duration.subsec_millis() >= 100 {
        return format!("{:.1}s", duration.as_secs_f64());
    }
    let text = humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spoken() {
        let table =
            [(0, "0s"), (950, "0.9s"), (1500, "1.5s"), (59_999, "59s"), (3_600_000, "1h"), (3_661_000, "1h 1m"), (90_061_000, "1day 1h")];
        for (millis, text) in table {
            assert_eq!(spoken(Duration::from_millis(millis)), text);
        }
    }
}
