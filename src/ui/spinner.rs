//! A spinner on a terminal, for what takes more than 300 ms. Messages go past it, and past the view of `token watch`.

use std::future::Future;
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
    Spinner(ProgressBar),
    View(Arc<Screen>),
}

/// Waits for `work` and, when that takes long, shows on a terminal that it is `waiting_for` something.
pub async fn while_waiting<T>(manner: Manner, waiting_for: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if !manner.is_terminal || manner.is_quiet || manner.is_json {
        return work.await;
    }
    if let Ok(outcome) = tokio::time::timeout(PATIENCE, &mut work).await {
        return outcome;
    }
    let Some(_spinner) = Spinner::new(waiting_for) else { return work.await };
    let mut frames = tokio::time::interval(FRAME);
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            _ = frames.tick() => turn(waiting_for),
        }
    }
}

/// The next frame of the spinner on the screen, with what it says now.
pub(super) fn turn(message: &str) {
    if let Some(Shown::Spinner(bar)) = shown().as_ref() {
        // Either draws.
        if bar.message() == message {
            bar.tick();
        } else {
            bar.set_message(message.to_owned());
        }
        to_line_start();
    }
}

/// Writes with what is drawn out of the way.
pub(super) fn suspended(write: impl FnOnce()) {
    match shown().as_ref() {
        Some(Shown::Spinner(bar)) => {
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

/// The spinner on the screen; it leaves no trace when dropped.
#[derive(Debug)]
pub(super) struct Spinner;

impl Spinner {
    /// None beside a view, nor beside another.
    pub fn new(message: &str) -> Option<Self> {
        let mut shown = shown();
        if shown.is_some() {
            return None;
        }
        let style = ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(message.to_owned());
        *shown = Some(Shown::Spinner(bar));
        Some(Self)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        let mut shown = shown();
        if let Some(Shown::Spinner(bar)) = shown.take_if(|shown| matches!(shown, Shown::Spinner(_))) {
            bar.finish_and_clear();
        }
    }
}
