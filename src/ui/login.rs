//! Logging in at a terminal: one step a file. A line that turns shows that we wait, and for what.

mod browser;
mod device;
mod keyboard;
mod waiting;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use super::Manner;
use crate::name::Name;
use crate::source::{Person, Step};
use waiting::Waiting;

/// The person at our terminal.
#[derive(Debug)]
pub struct AtTerminal {
    manner: Manner,
    profile: Name,
    waiting: Mutex<Option<Waiting>>,
}

impl AtTerminal {
    /// Asked on behalf of `profile`.
    #[must_use]
    pub fn new(manner: Manner, profile: &Name) -> Self {
        Self { manner, profile: profile.clone(), waiting: Mutex::new(None) }
    }

    /// Shows `message`, asked for anew ten times a second, until the next step.
    fn wait(&self, message: impl Fn() -> String + Send + 'static) {
        self.wait_no_more();
        let waiting = Waiting::new(self.manner, message);
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }

    fn wait_no_more(&self) {
        drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Person for AtTerminal {
    fn tell(&self, step: &Step<'_>) {
        match step {
            Step::EnterCode { code, address, complete, expires_at } => {
                device::ask(self, device::Question { code, address, complete: *complete, expires_at: *expires_at });
            }
            Step::OpenBrowser { address, is_open, until } => browser::ask(self, address, *is_open, *until),
            Step::NotTheAnswer { reason } => browser::ask_again(self, reason),
            Step::Over => self.wait_no_more(),
        }
    }

    fn line(&self) -> Pin<Box<dyn Future<Output = Option<String>> + Send + '_>> {
        Box::pin(keyboard::line())
    }
}
