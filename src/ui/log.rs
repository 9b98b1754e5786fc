//! Messages of the library, as lines for people or as JSON. Only our own events are shown: what HTTP and TLS libraries trace may hold
//! secrets.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::{Manner, Paint, tell};
use crate::clock::{Clock as _, SystemClock, Timestamp};

/// Shows messages in this manner from now on.
pub fn install(manner: Manner) {
    let log = Log { manner, level: level(manner) };
    // A second call changes nothing, which is as good.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log));
}

const fn level(manner: Manner) -> Level {
    match (manner.is_quiet, manner.verbosity) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::WARN,
        (false, _) => Level::INFO,
    }
}

struct Log {
    manner: Manner,
    level: Level,
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level && metadata.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        tell(&line.render(*event.metadata().level(), self.manner));
    }
}

#[derive(Default)]
struct Line {
    profile: Option<String>,
    message: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "profile" => self.profile = Some(format!("{value:?}")),
            "message" => self.message = format!("{value:?}"),
            // What else an event carries is not for these lines.
            _ => {}
        }
    }
}

impl Line {
    fn render(&self, level: Level, manner: Manner) -> String {
        let (word, paint) = match level {
            Level::ERROR => ("error", Paint::Bad),
            Level::WARN => ("warning", Paint::Odd),
            Level::INFO => ("info", Paint::Faint),
            _ => ("debug", Paint::Faint),
        };
        if manner.is_json {
            return json(word, self.profile.as_deref(), &self.message, &[]);
        }
        let mut line = manner.paint(paint, &format!("{word}:"));
        if let Some(profile) = &self.profile {
            let _ = write!(line, " {profile}:");
        }
        let _ = write!(line, " {}", self.message);
        line
    }
}

/// A message as one JSON object.
pub(super) fn json(level: &str, profile: Option<&str>, message: &str, more: &[(&str, &str)]) -> String {
    json_with(level, profile, message, more.iter().map(|(key, value)| (*key, (*value).into())))
}

/// The same with fields of any type.
pub(super) fn json_with<'k>(
    level: &str,
    profile: Option<&str>,
    message: &str,
    more: impl IntoIterator<Item = (&'k str, serde_json::Value)>,
) -> String {
    let mut object = serde_json::Map::new();
    let time = SystemClock.now().rfc3339();
    let profile = profile.map(str::to_owned);
    for (key, value) in [("time", time), ("level", Some(level.to_owned())), ("profile", profile), ("message", Some(message.to_owned()))] {
        object.insert(key.to_owned(), value.into());
    }
    object.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    serde_json::Value::Object(object).to_string()
}

/// When `at` is, seen from `now`.
#[must_use]
pub fn in_words(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", super::spoken(at.since(now))) } else { "now".to_owned() }
}
