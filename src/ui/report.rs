//! How a command ends that did not reach its end: a sentence that names the profile and says what happened, and what to do next.

use std::ffi::OsString;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::panic::PanicHookInfo;

use clap::error::{ContextKind, ContextValue};
use color_eyre::config::HookBuilder;
use color_eyre::section::PanicMessage;

use super::{AnswerError, Manner, Paint, log, tell};
use crate::bearer::{RenewalError, Retry};
use crate::cache::StorageError;
use crate::clock::{Clock as _, SystemClock};
use crate::error::Class;
use crate::name::Name;
use crate::profile::ConfigError;
use crate::secret::Secret;

/// Why a command failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// A profile has no token.
    #[error("{profile}: {error}")]
    Renewal {
        /// Which.
        profile: Name,
        /// Why.
        error: RenewalError,
    },
    /// Usage or configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Usage that clap could not know to be wrong.
    #[error("{0}")]
    Usage(String),
    /// The cache as a whole.
    #[error("{0}")]
    Storage(RenewalError),
    /// Something that should not happen.
    #[error("{0}")]
    Unforeseen(String),
    /// Standard output took less than the answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// A signal ended it.
    // Error 130 or 143: SIGINT or SIGTERM ended it. Files are whole. It is told with `-v` only. To do: nothing.
    #[error("ended by signal {0}")]
    Signal(u8),
}

impl Failure {
    /// A failure of the storage of a profile.
    #[must_use]
    pub fn storage(profile: &Name, error: StorageError) -> Self {
        Self::Renewal { profile: profile.clone(), error: error.into() }
    }

    /// Work on another thread that met a bug, which has been told of; what it said may hold a secret.
    #[must_use]
    pub fn lost() -> Self {
        // Error: a bug of token's own, told of in the line before. To do: report it, with what `RUST_BACKTRACE=1` adds.
        Self::Unforeseen("a part of the work was lost".to_owned())
    }

    /// The exit status of a command that ends so.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Renewal { error, .. } | Self::Storage(error) => error.class.exit_status(),
            Self::Config(error) => error.class.exit_status(),
            Self::Usage(_) => Class::Config.exit_status(),
            Self::Answer(_) | Self::Unforeseen(_) => 1,
            Self::Signal(number) => 128 + number,
        }
    }

    /// All of it in one line, for where there are no more.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        std::iter::once(self.to_string()).chain(self.advice()).collect::<Vec<_>>().join("; ")
    }

    fn advice(&self) -> Vec<String> {
        match self {
            Self::Renewal { profile, error } => error.hint.clone().into_iter().chain(next_step(profile, error)).collect(),
            Self::Storage(error) => error.hint.clone().into_iter().collect(),
            Self::Config(error) => error.hint.clone().into_iter().collect(),
            Self::Usage(_) => vec!["`token --help` shows how it is used".to_owned()],
            Self::Answer(_) | Self::Unforeseen(_) | Self::Signal(_) => Vec::new(),
        }
    }
}

fn next_step(profile: &Name, error: &RenewalError) -> Option<String> {
    match (error.class, error.retry) {
        (Class::Login, _) => Some(format!("run `token renew {profile}` in a terminal")),
        (Class::Refused, Retry::Parked) => {
            Some(format!("it is not asked again until the configuration changes or you run `token renew {profile}`"))
        }
        // What is wrong on the disk is not mended by waiting: its own hint says what is to be done.
        (Class::Storage, _) => None,
        (_, Retry::At(at)) => {
            let remembered = if error.attempts == 0 { "that was a moment ago, and nobody was asked again; " } else { "" };
            Some(format!("{remembered}try again {}", log::in_words(at, SystemClock.now())))
        }
        _ => None,
    }
}

/// Tells why a command failed and says with which status it ends.
#[must_use]
pub fn report(error: &color_eyre::Report, manner: Manner) -> u8 {
    let Some(failure) = error.downcast_ref::<Failure>() else {
        tell(&format!("{} {error}", manner.paint(Paint::Bad, "error:")));
        return 1;
    };
    let is_signal = matches!(failure, Failure::Signal(_));
    if !is_signal || manner.verbosity > 0 {
        tell_failure(failure, manner);
    }
    failure.exit_status()
}

/// What is said of a panic: no more of it, because what it says may hold a secret.
#[derive(Clone, Copy, Debug)]
pub struct Bug;

impl Bug {
    /// From now on, no panic says what it is about, nor where but for who asks for that: what a command needs until
    /// [`install`](Self::install).
    pub fn keep_quiet() {
        std::panic::set_hook(Box::new(|info| {
            // Not past a spinner, whose lock may be what was held: where nobody reads this, nobody does.
            let _ = writeln!(std::io::stderr(), "{}", Self::words(info));
        }));
    }

    /// The same, with a backtrace for who asks for one.
    pub fn install() {
        // A second installation can only fail because there was a first.
        let _ = HookBuilder::default().display_env_section(false).panic_message(Self).install();
    }

    fn words(info: &PanicHookInfo<'_>) -> String {
        let what = "error: token has met a bug of its own";
        match info.location().filter(|_| std::env::var_os("RUST_BACKTRACE").is_some()) {
            Some(location) => format!("{what} at {location}"),
            None => format!("{what}\n  hint: please report it, with what RUST_BACKTRACE=1 adds to this"),
        }
    }
}

impl PanicMessage for Bug {
    fn display(&self, info: &PanicHookInfo<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::words(info))
    }
}

/// Tells what is wrong with the arguments (status 2), or prints the help or the version that was asked for.
#[must_use]
pub fn usage(mut error: clap::Error, arguments: &[OsString]) -> u8 {
    // "use `-- --flag`" would run it.
    error.remove(ContextKind::Suggested);
    if let Some(meant) = meant(&error) {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::String(meant.to_owned()));
    }
    let render = |is_coloured: bool| if is_coloured { error.render().ansi().to_string() } else { error.render().to_string() };
    let may_colour = |is_terminal: bool| asked_for_colour(arguments).unwrap_or_else(|| super::may_colour(is_terminal));
    if error.use_stderr() {
        tell(render(may_colour(std::io::stderr().is_terminal())).trim_end());
        return Class::Config.exit_status();
    }
    match super::answer::print(&Secret::new(render(may_colour(std::io::stdout().is_terminal())))) {
        Ok(()) => 0,
        Err(error) => report(&Failure::from(error).into(), Manner::plain()),
    }
}

/// The command that does what others call by another name.
fn meant(error: &clap::Error) -> Option<&'static str> {
    match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(name) => match name.as_str() {
            "login" | "refresh" => Some("renew"),
            "logout" | "revoke" => Some("purge"),
            "print" | "show" => Some("get"),
            "list" | "ls" => Some("status"),
            _ => None,
        },
        _ => None,
    }
}

/// What `--color` says among arguments that could not be read as a whole.
fn asked_for_colour(arguments: &[OsString]) -> Option<bool> {
    let words = arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>();
    let after = words.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1].to_string());
    let value = after.or_else(|| words.iter().find_map(|word| word.strip_prefix("--color=").map(str::to_owned)))?;
    match value.as_str() {
        "always" => Some(true),
        "never" => Some(false),
        _ => None,
    }
}

/// Tells what became of a profile.
pub fn tell_event(manner: Manner, profile: &Name, outcome: &str) {
    if manner.is_json {
        return tell(&log::json("info", Some(profile.as_str()), outcome, &[]));
    }
    tell(&format!("{profile}: {outcome}"));
}

/// How much a line of a log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Info,
    /// Something failed and is tried again.
    Warning,
    /// Something failed and stays so.
    Error,
}

/// Tells what happened to a profile, in a line of a log; `fields` are for programs.
pub fn tell_log(manner: Manner, level: Level, profile: &Name, text: &str, fields: Vec<(&'static str, serde_json::Value)>) {
    let (word, paint) = match level {
        Level::Info | Level::Warning if manner.is_quiet => return,
        Level::Info => ("info", None),
        Level::Warning => ("warning", Some(Paint::Odd)),
        Level::Error => ("error", Some(Paint::Bad)),
    };
    if manner.is_json {
        return tell(&log::json_with(word, Some(profile.as_str()), text, fields));
    }
    let prefix = paint.map(|paint| manner.paint(paint, &format!("{word}:")) + " ").unwrap_or_default();
    tell(&format!("{prefix}{profile}: {text}"));
}

/// Tells something that concerns no profile.
pub fn tell_notice(manner: Manner, text: &str) {
    match (manner.is_quiet, manner.is_json) {
        (true, _) => {}
        (false, true) => tell(&log::json("info", None, text, &[])),
        (false, false) => tell(text),
    }
}

/// Tells one failure of several.
pub fn tell_failure(failure: &Failure, manner: Manner) {
    let advice = failure.advice();
    if manner.is_json {
        let (profile, message, class) = match failure {
            Failure::Renewal { profile, error } => (Some(profile.as_str()), error.message.clone(), Some(error.class)),
            Failure::Storage(error) => (None, error.message.clone(), Some(error.class)),
            Failure::Config(error) => (None, error.message.clone(), Some(error.class)),
            Failure::Usage(_) => (None, failure.to_string(), Some(Class::Config)),
            Failure::Answer(_) | Failure::Unforeseen(_) | Failure::Signal(_) => (None, failure.to_string(), None),
        };
        let class = class.and_then(|class| serde_json::to_value(class).ok()?.as_str().map(str::to_owned));
        let hint = Some(advice.join("; ")).filter(|hint| !hint.is_empty());
        let more = [("class", class), ("hint", hint)];
        let more: Vec<(&str, &str)> = more.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))).collect();
        return tell(&log::json("error", profile, &message, &more));
    }
    tell(&format!("{} {failure}", manner.paint(Paint::Bad, "error:")));
    for line in advice {
        tell(&format!("  {} {line}", manner.paint(Paint::Faint, "hint:")));
    }
}
