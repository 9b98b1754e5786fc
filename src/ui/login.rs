//! Logging in at a terminal: one step a file. A line that turns shows that we wait, and for what.

mod browser;
mod device;
mod waiting;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Manner;
use super::keyboard::Keyboard;
use crate::name::Name;
use crate::source::{Person, Step};
use waiting::Waiting;

/// The person at our terminal.
#[derive(Debug)]
pub struct AtTerminal {
    manner: Manner,
    profile: Name,
    waiting: Mutex<Option<Waiting>>,
    /// From the first line that is asked for until the login is over.
    keyboard: Mutex<Option<Keyboard>>,
}

impl AtTerminal {
    /// Asked on behalf of `profile`.
    #[must_use]
    pub fn new(manner: Manner, profile: &Name) -> Self {
        Self { manner, profile: profile.clone(), waiting: Mutex::default(), keyboard: Mutex::default() }
    }

    /// Shows `message`, asked for anew ten times a second, until the next step.
    fn wait(&self, message: impl Fn() -> String + Send + 'static) {
        self.wait_no_more();
        let waiting = Waiting::new(self.manner, message);
        *unpoisoned(&self.waiting) = waiting;
    }

    /// Shows that we wait for `whom`, unless that is told already.
    fn wait_for(&self, whom: &str) {
        let is_told = unpoisoned(&self.waiting).is_some();
        if !is_told {
            let message = format!("{}: waiting for {whom}", self.profile);
            self.wait(move || message.clone());
        }
    }

    fn wait_no_more(&self) {
        drop(unpoisoned(&self.waiting).take());
    }

    async fn next_line(&self) -> Option<String> {
        let kept = unpoisoned(&self.keyboard).take();
        let mut keyboard = match kept {
            Some(keyboard) => keyboard,
            None => Keyboard::open().await?,
        };
        let line = keyboard.line().await;
        *unpoisoned(&self.keyboard) = Some(keyboard);
        line
    }
}

impl Person for AtTerminal {
    fn tell(&self, step: &Step<'_>) {
        match step {
            Step::Wait { whom } => self.wait_for(whom),
            Step::EnterCode { code, address, complete, expires_at } => {
                device::ask(self, device::Question { code, address, complete: *complete, expires_at: *expires_at });
            }
            Step::OpenBrowser { address, is_open, until } => browser::ask(self, address, *is_open, *until),
            Step::NotTheAnswer { reason } => browser::ask_again(self, reason),
            Step::Over => {
                self.wait_no_more();
                drop(unpoisoned(&self.keyboard).take());
            }
        }
    }

    fn line(&self) -> Pin<Box<dyn Future<Output = Option<String>> + Send + '_>> {
        Box::pin(self.next_line())
    }
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
