//! A spinner on a terminal, for what takes more than 300 ms. Messages go past it.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Manner;

const PATIENCE: Duration = Duration::from_millis(300);
const FRAME: Duration = Duration::from_millis(100);

static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Waits for `work` and, when that takes long, shows on a terminal that it is `waiting_for` something.
pub async fn while_waiting<T>(manner: Manner, waiting_for: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if !manner.is_terminal || manner.is_quiet || manner.is_json {
        return work.await;
    }
    if let Ok(outcome) = tokio::time::timeout(PATIENCE, &mut work).await {
        return outcome;
    }
    let _shown = Shown::new(waiting_for);
    let mut frames = tokio::time::interval(FRAME);
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            _ = frames.tick() => {
                if let Some(bar) = shown().as_ref() {
                    bar.tick();
                }
            }
        }
    }
}

/// Writes with the spinner out of the way.
pub(super) fn suspended(write: impl FnOnce()) {
    match shown().as_ref() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn shown() -> std::sync::MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The spinner on the screen; it leaves no trace when dropped.
struct Shown;

impl Shown {
    fn new(message: &str) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(message.to_owned());
        *shown() = Some(bar);
        Self
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = shown().take() {
            bar.finish_and_clear();
        }
    }
}
