//! A spinner on a terminal, for what takes more than 300 ms. Messages go past it, and past the view of `token watch`.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Manner;
use super::watch::{Screen, to_line_start};

/// What takes less than this is not worth a word.
pub const PATIENCE: Duration = Duration::from_millis(300);
pub(super) const FRAME: Duration = Duration::from_millis(100);

static SHOWN: Mutex<Option<Shown>> = Mutex::new(None);

/// What is drawn over and over.
enum Shown {
    /// A line for each who waits, the first to come first.
    Spinner(ProgressBar, Vec<(u64, String)>),
    View(Arc<Screen>),
}

/// More than these are counted only.
const MOST_LINES: usize = 4;

/// Waits for `work` and, when that takes long, shows on a terminal that it is `waiting_for` something.
pub async fn while_waiting<T>(manner: Manner, waiting_for: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if !manner.is_terminal || manner.is_quiet || manner.is_json {
        return work.await;
    }
    if let Ok(outcome) = tokio::time::timeout(PATIENCE, &mut work).await {
        return outcome;
    }
    let Some(spinner) = Spinner::new(waiting_for) else { return work.await };
    let mut frames = tokio::time::interval(FRAME);
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            _ = frames.tick() => turn(spinner.line(), waiting_for),
        }
    }
}

/// Writes with what is drawn out of the way.
pub(super) fn suspended(write: impl FnOnce()) {
    match shown().as_ref() {
        Some(Shown::Spinner(bar, _)) => {
            bar.suspend(write);
            to_line_start();
        }
        Some(Shown::View(screen)) => screen.aside(write),
        None => write(),
    }
}

/// Messages go past `screen` from now on.
pub(super) fn set_aside_for(screen: &Arc<Screen>) {
    *shown() = Some(Shown::View(Arc::clone(screen)));
}

/// Messages need not go past `screen` any more.
pub(super) fn unset_aside_for(screen: &Arc<Screen>) {
    // A newer view stays.
    let mut shown = shown();
    if matches!(shown.as_ref(), Some(Shown::View(other)) if Arc::ptr_eq(other, screen)) {
        *shown = None;
    }
}

fn shown() -> MutexGuard<'static, Option<Shown>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all who wait say.
fn whole(lines: &[(u64, String)]) -> String {
    let mut shown: Vec<String> = lines.iter().take(MOST_LINES).map(|(_, line)| line.clone()).collect();
    if lines.len() > MOST_LINES {
        shown.push(format!("and {} more", lines.len() - MOST_LINES));
    }
    shown.join("\n  ")
}

/// A line of the spinner on the screen; it leaves no trace when dropped.
#[derive(Debug)]
pub(super) struct Spinner {
    number: u64,
}

impl Spinner {
    /// None beside a view. Beside others, it is a line more.
    pub fn new(message: &str) -> Option<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let mut shown = shown();
        match shown.as_mut() {
            Some(Shown::View(_)) => return None,
            Some(Shown::Spinner(bar, lines)) => {
                lines.push((number, message.to_owned()));
                bar.set_message(whole(lines));
            }
            None => {
                let style = ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
                let bar = ProgressBar::new_spinner().with_style(style).with_message(message.to_owned());
                *shown = Some(Shown::Spinner(bar, vec![(number, message.to_owned())]));
            }
        }
        Some(Self { number })
    }

    /// Its number, for [`turn`].
    pub const fn line(&self) -> u64 {
        self.number
    }
}

/// The next frame of the spinner on the screen, with what this line of it says now. Its first line has it turn.
pub(super) fn turn(line: u64, message: &str) {
    let mut shown = shown();
    let Some(Shown::Spinner(bar, lines)) = shown.as_mut() else { return };
    let is_first = lines.first().is_some_and(|(number, _)| *number == line);
    let Some((_, said)) = lines.iter_mut().find(|(number, _)| *number == line) else { return };
    // Either draws.
    if said != message {
        message.clone_into(said);
        bar.set_message(whole(lines));
    } else if is_first {
        bar.tick();
    }
    to_line_start();
}

impl Drop for Spinner {
    fn drop(&mut self) {
        let mut shown = shown();
        let Some(Shown::Spinner(bar, lines)) = shown.as_mut() else { return };
        lines.retain(|(number, _)| *number != self.number);
        if lines.is_empty() {
            bar.finish_and_clear();
            *shown = None;
        } else {
            bar.set_message(whole(lines));
        }
    }
}
