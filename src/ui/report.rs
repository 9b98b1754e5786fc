//! How a command ends that did not reach its end: a sentence that names the profile and says what happened, and what to do next.

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
    #[error("ended by signal {0}")]
    Signal(u8),
}

impl Failure {
    /// A failure of the storage of a profile.
    #[must_use]
    pub fn storage(profile: &Name, error: StorageError) -> Self {
        Self::Renewal { profile: profile.clone(), error: error.into() }
    }

    /// The exit status of a command that ends so.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Renewal { error, .. } | Self::Storage(error) => error.class.exit_status(),
            Self::Config(_) | Self::Usage(_) => Class::Config.exit_status(),
            Self::Answer(_) | Self::Unforeseen(_) => 1,
            Self::Signal(number) => 128 + number,
        }
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
        (_, Retry::At(at)) => Some(format!("the next attempt is due {}", log::in_words(at, SystemClock.now()))),
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

impl color_eyre::section::PanicMessage for Bug {
    fn display(&self, info: &std::panic::PanicHookInfo<'_>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("error: token has met a bug of its own")?;
        match info.location().filter(|_| std::env::var_os("RUST_BACKTRACE").is_some()) {
            Some(location) => write!(f, " at {location}"),
            None => f.write_str("\n  hint: please report it, with what RUST_BACKTRACE=1 adds to this"),
        }
    }
}

/// Tells what is wrong with the arguments (status 2), or prints the help or the version that was asked for.
#[must_use]
pub fn usage(error: &clap::Error) -> u8 {
    let text = error.render().ansi().to_string();
    let plain = error.render().to_string();
    if error.use_stderr() {
        let coloured = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
        tell(if coloured { &text } else { &plain }.trim_end());
        return Class::Config.exit_status();
    }
    let coloured = std::io::IsTerminal::is_terminal(&std::io::stdout()) && std::env::var_os("NO_COLOR").is_none();
    match super::answer::print(&Secret::new(if coloured { text } else { plain })) {
        Ok(()) => 0,
        Err(error) => report(&Failure::from(error).into(), Manner::plain()),
    }
}

/// Tells what became of a profile.
pub fn tell_event(manner: Manner, profile: &Name, outcome: &str) {
    if manner.is_json {
        return tell(&log::json("info", Some(profile.as_str()), outcome, &[]));
    }
    tell(&format!("{profile}: {outcome}"));
}

/// Tells one failure of several.
pub fn tell_failure(failure: &Failure, manner: Manner) {
    let advice = failure.advice();
    if manner.is_json {
        let (profile, message, class) = match failure {
            Failure::Renewal { profile, error } => (Some(profile.as_str()), error.message.clone(), Some(error.class)),
            Failure::Storage(error) => (None, error.message.clone(), Some(error.class)),
            Failure::Config(_) | Failure::Usage(_) => (None, failure.to_string(), Some(Class::Config)),
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
