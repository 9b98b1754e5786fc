//! The line of one profile: a pure function of what its loop is at, the time and the width of the terminal. It never takes more than
//! one line, and everything but the text of an error stands in the same column in every line and at every moment.

use std::time::Duration;

use crate::bearer::{Phase, Status};
use crate::clock::Timestamp;
use crate::error::visible;
use crate::monitor::Snapshot;
use crate::ui::{Manner, Paint};

/// Columns between two cells.
const GAP: usize = 2;

/// The longest word for a state.
const STATE: usize = "backing off".len();

/// An error that would get fewer columns pushes the expiry out: the bar tells that too.
const LEGIBLE: usize = 32;

/// An error that would get fewer columns is left to the messages above.
const LEAST: usize = 12;

/// A name gets a fifth of the line, but at least and at most this much of it; where even that is too much, the least.
const NAME: std::ops::RangeInclusive<usize> = 12..=32;
const SHORTEST_NAME: usize = 4;

/// What stands where: the same for all lines of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    columns: usize,
    name: usize,
    bar: usize,
    renewal: usize,
    expiry: usize,
    is_wordy: bool,
    is_unicode: bool,
}

impl Layout {
    /// For a terminal of so many columns and names of at most this length. What does not fit goes: first words, then the expiry, then
    /// the bar.
    pub fn new(columns: usize, longest_name: usize, is_unicode: bool) -> Self {
        let is_wordy = columns >= 80;
        let bar = match columns {
            ..52 => 0,
            52..100 => 8,
            100..120 => 12,
            120.. => 20,
        };
        let (renewal, expiry) = match columns {
            ..70 => (longest("renews "), 0),
            70..80 => (longest("renews "), longest("expires ")),
            80.. => (longest("renews in "), longest("expires in ")),
        };
        let fair = (columns / 5).clamp(*NAME.start(), *NAME.end());
        let others = [STATE, bar, renewal, expiry].into_iter().filter(|width| *width > 0).map(|width| width + GAP).sum();
        let room = columns.saturating_sub(others).clamp(SHORTEST_NAME, fair);
        Self { columns, name: longest_name.min(room), bar, renewal, expiry, is_wordy, is_unicode }
    }

    /// The same where nothing is renewed any more: the expiry has the place of the renewal.
    pub const fn without_renewal(self) -> Self {
        let expiry = if self.expiry == 0 { self.renewal + "expires ".len() - "renews ".len() } else { self.expiry };
        Self { renewal: 0, expiry, ..self }
    }

    /// What is left for an error behind the expiry and in its place.
    fn room(&self) -> (usize, usize) {
        let before = [self.name, STATE, self.bar, self.renewal].into_iter().filter(|width| *width > 0).map(|width| width + GAP).sum();
        let instead = self.columns.saturating_sub(before);
        (instead.saturating_sub(self.expiry + GAP), instead)
    }

    /// `text` in at most `width` columns, without its end where that is too much.
    pub fn cut(&self, text: &str, width: usize) -> String {
        if columns(text) <= width {
            return text.to_owned();
        }
        let room = width.saturating_sub(columns(self.ellipsis()));
        (head(text, room).trim_end().to_owned() + self.ellipsis()).chars().take(width).collect()
    }

    /// A name in its column, without its middle where it is too long: names that begin alike often end differently.
    fn cut_name(&self, name: &str) -> String {
        if name.len() <= self.name {
            return name.to_owned();
        }
        let room = self.name.saturating_sub(columns(self.ellipsis()));
        let tail = name.get(name.len() - room / 2..).unwrap_or_default();
        format!("{}{}{tail}", head(name, room.div_ceil(2)), self.ellipsis())
    }

    pub const fn ellipsis(&self) -> &'static str {
        if self.is_unicode { "…" } else { "..." }
    }
}

/// The longest that a countdown after these words is.
const fn longest(words: &str) -> usize {
    words.len() + "59m 59s".len()
}

/// What a loop is at, in a word. The first needs attention most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Parked,
    Expired,
    BackingOff,
    Renewing,
    Starting,
    Fresh,
    Stopped,
}

impl State {
    pub fn of(status: &Status, now: Timestamp) -> Self {
        match status.phase {
            Phase::Starting => Self::Starting,
            Phase::Waiting(_) if status.token.as_ref().is_some_and(|token| token.is_expired(now)) => Self::Expired,
            Phase::Waiting(_) => Self::Fresh,
            Phase::Renewing(_) => Self::Renewing,
            Phase::BackingOff(_) => Self::BackingOff,
            Phase::Parked => Self::Parked,
            Phase::Stopped => Self::Stopped,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Expired => "expired",
            Self::BackingOff => "backing off",
            Self::Renewing => "renewing",
            Self::Starting => "starting",
            Self::Fresh => "fresh",
            Self::Stopped => "stopped",
        }
    }

    /// Yellow while the old token still serves, red where a person must act or nobody gets a token.
    const fn paint(self, has_token: bool) -> Option<Paint> {
        match self {
            Self::BackingOff if has_token => Some(Paint::Odd),
            Self::Parked | Self::Expired | Self::BackingOff => Some(Paint::Bad),
            Self::Renewing | Self::Starting | Self::Fresh | Self::Stopped => None,
        }
    }
}

/// The line of `snapshot` at `now`.
pub(super) fn line(snapshot: &Snapshot, now: Timestamp, layout: &Layout, manner: Manner) -> String {
    let status = &snapshot.status;
    let state = State::of(status, now);
    let has_token = status.token.as_ref().is_some_and(|token| !token.is_expired(now));
    let mut row = Row { layout, manner, text: String::new(), used: 0, gap: 0 };
    row.cell(&layout.cut_name(snapshot.profile.as_str()), layout.name, None);
    row.cell(state.word(), STATE, state.paint(has_token));
    row.cell(&bar(status, now, layout), layout.bar, None);
    let renewal = renewal(status.phase, now, layout);
    let expiry = expiry(status, now, layout);
    let (behind, instead) = layout.room();
    match status.last_error.as_ref().map(|error| shown(&error.message, layout)) {
        Some(error) if behind >= LEGIBLE => {
            row.cell(&renewal, layout.renewal, None);
            row.cell(&expiry, layout.expiry, None);
            row.cell(&error, 0, None);
        }
        Some(error) if renewal.is_empty() => row.cell(&error, 0, None),
        Some(error) if instead >= LEAST => {
            row.cell(&renewal, layout.renewal, None);
            row.cell(&error, 0, None);
        }
        _ => {
            row.cell(&renewal, layout.renewal, None);
            row.cell(&expiry, layout.expiry, None);
        }
    }
    row.text
}

/// A line that is being written; what no longer fits is cut, and nothing but cells is written.
struct Row<'a> {
    layout: &'a Layout,
    manner: Manner,
    text: String,
    used: usize,
    gap: usize,
}

impl Row<'_> {
    fn cell(&mut self, text: &str, width: usize, paint: Option<Paint>) {
        let room = self.layout.columns.saturating_sub(self.used + self.gap);
        let text = self.layout.cut(text, room);
        let taken = columns(&text);
        if taken > 0 {
            self.text.extend(std::iter::repeat_n(' ', self.gap));
            self.text += &paint.map_or_else(|| text.clone(), |paint| self.manner.paint(paint, &text));
            self.used += self.gap + taken;
            self.gap = 0;
        }
        self.gap += width.saturating_sub(taken) + if width > 0 { GAP } else { 0 };
    }
}

/// What is left of the token's life, of the whole of it.
fn bar(status: &Status, now: Timestamp, layout: &Layout) -> String {
    let Some(token) = &status.token else { return String::new() };
    let filled = match (token.remaining(now), token.lifetime()) {
        (None, _) => layout.bar,
        (Some(_), None) => return String::new(),
        (Some(left), Some(life)) => {
            let cells = (left.as_millis() * layout.bar as u128).div_ceil(life.as_millis().max(1));
            usize::try_from(cells).unwrap_or(layout.bar).min(layout.bar)
        }
    };
    let (full, empty) = if layout.is_unicode { ("█", "░") } else { ("#", ".") };
    full.repeat(filled) + &empty.repeat(layout.bar - filled)
}

fn renewal(phase: Phase, now: Timestamp, layout: &Layout) -> String {
    let until = |verb: &str, at: Timestamp| match at.since(now) {
        left if left.is_zero() => format!("{verb} now"),
        left => within(verb, left, layout),
    };
    match phase {
        _ if layout.renewal == 0 => String::new(),
        Phase::Waiting(Some(at)) => until("renews", at),
        Phase::BackingOff(at) => until("retry", at),
        Phase::Renewing(since) if now.since(since) >= Duration::from_secs(1) => {
            format!("for {}", countdown(now.since(since).as_secs()))
        }
        Phase::Waiting(None) | Phase::Renewing(_) | Phase::Starting | Phase::Parked | Phase::Stopped => String::new(),
    }
}

fn expiry(status: &Status, now: Timestamp, layout: &Layout) -> String {
    match status.token.as_ref().map(|token| token.remaining(now)) {
        _ if layout.expiry == 0 => String::new(),
        None if status.phase == Phase::Starting => String::new(),
        None => "no token".to_owned(),
        Some(None) => "never expires".to_owned(),
        Some(Some(left)) if left.is_zero() => "expired".to_owned(),
        Some(Some(left)) => within("expires", left, layout),
    }
}

fn within(verb: &str, left: Duration, layout: &Layout) -> String {
    let seconds = left.as_millis().div_ceil(1000);
    let countdown = countdown(u64::try_from(seconds).unwrap_or(u64::MAX));
    if layout.is_wordy { format!("{verb} in {countdown}") } else { format!("{verb} {countdown}") }
}

/// A time in its two largest units, and both of them always: a countdown in which one comes and goes is not steady to look at.
fn countdown(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    const LONG: u64 = 100 * DAY;
    match seconds {
        ..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => format!("{}m {}s", seconds / MINUTE, seconds % MINUTE),
        HOUR..DAY => format!("{}h {}m", seconds / HOUR, seconds % HOUR / MINUTE),
        DAY..LONG => format!("{}d {}h", seconds / DAY, seconds % DAY / HOUR),
        LONG.. => format!("{}d", seconds / DAY),
    }
}

/// A message without what would break the line or what the terminal cannot show.
fn shown(message: &str, layout: &Layout) -> String {
    let line = visible(message);
    if layout.is_unicode { line } else { line.chars().map(|character| if character.is_ascii() { character } else { '?' }).collect() }
}

/// As much of the beginning of `text` as fits into so many columns.
fn head(text: &str, width: usize) -> &str {
    let mut taken = 0;
    let fits = |(_, character): &(usize, char)| {
        taken += column(*character);
        taken > width
    };
    text.char_indices().find(fits).map_or(text, |(end, _)| &text[..end])
}

fn columns(text: &str) -> usize {
    text.chars().map(column).sum()
}

/// The most columns that any terminal gives a character: too many cut a text early, too few would break a line.
const fn column(character: char) -> usize {
    match character {
        ..'\u{1100}' | '\u{1160}'..'\u{2300}' | '\u{2500}'..'\u{25f0}' => 1,
        _ => 2,
    }
}
