//! The terminal view of `token watch`: a line per profile, drawn in place, and messages above. Where there are more profiles than
//! lines, those that need attention come first, then those that are renewed next; the last line says what is not shown.

mod line;
mod screen;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use indicatif::ProgressDrawTarget;

use super::{Manner, is_terminal_able, spinner};
use crate::bearer::Phase;
use crate::clock::Timestamp;
use crate::monitor::Snapshot;
use crate::name::Name;
use line::{Layout, State, line};
pub(super) use screen::{Screen, Size, is_in_foreground, to_line_start};

/// Lines that stay free for messages.
const MESSAGES: usize = 3;

/// The view; it leaves no trace when dropped, but a last picture where it is [left](Self::leave).
#[derive(Debug)]
pub struct View {
    manner: Manner,
    /// Whether nobody renews any more.
    is_over: bool,
    longest_name: usize,
    is_unicode: bool,
    screen: Arc<Screen>,
}

impl View {
    /// Whether there is anything to draw on, and anybody who wants it: a terminal that can move its cursor, and neither `--quiet` nor
    /// JSON.
    #[must_use]
    pub fn is_wanted(manner: Manner) -> bool {
        manner.is_terminal && !manner.is_quiet && !manner.is_json && is_terminal_able()
    }

    /// A view of profiles with these names. It shows nothing before it is drawn, and never anything where it is not
    /// [wanted](Self::is_wanted).
    #[must_use]
    pub fn new(manner: Manner, names: &[Name]) -> Self {
        Self::on(if Self::is_wanted(manner) { ProgressDrawTarget::stderr } else { ProgressDrawTarget::hidden }, manner, names)
    }

    fn on(target: fn() -> ProgressDrawTarget, manner: Manner, names: &[Name]) -> Self {
        let screen = Arc::new(Screen::new(target));
        spinner::set_aside_for(&screen);
        let longest_name = names.iter().map(|name| name.as_str().len()).max().unwrap_or(0);
        Self { manner, is_over: false, longest_name, is_unicode: is_unicode(), screen }
    }

    /// Draws what the profiles are at; where nothing to be seen has changed, nothing is written. Cheap enough for every change, and
    /// meant to be called every second besides, for the countdowns.
    pub fn draw(&mut self, snapshots: &[Snapshot], now: Timestamp) {
        if !is_in_foreground() {
            // The terminal is somebody else's now, and what we drew is part of its history.
            return self.screen.forget();
        }
        let size = Size::of_terminal();
        let lines = self.lines(snapshots, now, size);
        self.screen.show(&lines, size);
    }

    /// Leaves behind what the profiles were at when it ended, without what would have happened next.
    pub fn leave(mut self, snapshots: &[Snapshot], now: Timestamp) {
        if !is_in_foreground() {
            return self.screen.forget();
        }
        self.is_over = true;
        let size = Size::of_terminal();
        let lines = self.lines(snapshots, now, size);
        self.screen.leave(&lines, size);
    }

    fn lines(&mut self, snapshots: &[Snapshot], now: Timestamp, size: Size) -> Vec<String> {
        let longest = snapshots.iter().map(|snapshot| snapshot.profile.as_str().len()).max().unwrap_or(0);
        self.longest_name = self.longest_name.max(longest);
        let layout = Layout::new(size.columns, self.longest_name, self.is_unicode);
        let layout = if self.is_over { layout.without_renewal() } else { layout };
        let line = |snapshot: &&Snapshot| line(snapshot, now, &layout, self.manner);
        let room = size.rows.saturating_sub(MESSAGES).max(1);
        if snapshots.len() <= room {
            return snapshots.iter().map(|snapshot| line(&snapshot)).collect();
        }
        let mut sorted: Vec<&Snapshot> = snapshots.iter().collect();
        sorted.sort_by_key(|snapshot| urgency(snapshot, now));
        let (shown, others) = sorted.split_at(room - 1);
        let summary = summary(others, now, layout.ellipsis());
        shown.iter().map(line).chain([layout.cut(&summary, size.columns)]).collect()
    }
}

impl Drop for View {
    fn drop(&mut self) {
        spinner::unset_aside_for(&self.screen);
        self.screen.clear();
    }
}

/// The most urgent profile comes first.
fn urgency(snapshot: &Snapshot, now: Timestamp) -> (State, i64, &Name) {
    let next = match snapshot.status.phase {
        Phase::Waiting(Some(at)) | Phase::BackingOff(at) | Phase::Renewing(at) => at.unix_millis(),
        Phase::Waiting(None) | Phase::Starting | Phase::Parked | Phase::Stopped => i64::MAX,
    };
    (State::of(&snapshot.status, now), next, &snapshot.profile)
}

/// What is said of those for whom there is no line.
fn summary(others: &[&Snapshot], now: Timestamp, ellipsis: &str) -> String {
    let mut counts: BTreeMap<State, usize> = BTreeMap::new();
    for other in others {
        *counts.entry(State::of(&other.status, now)).or_default() += 1;
    }
    let told: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {}", state.word())).collect();
    match counts.first_key_value() {
        Some((state, count)) if counts.len() == 1 && *count > 1 => format!("{ellipsis} and {count} more, all {}", state.word()),
        _ => format!("{ellipsis} and {} more: {}", others.len(), told.join(", ")),
    }
}

/// Whether the locale's characters are Unicode, by the order in which POSIX looks (XBD §8.2).
pub(super) fn is_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
    let locale = set.unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
