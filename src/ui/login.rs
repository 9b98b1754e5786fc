//! Logging in at a terminal: the words, the code and its QR code, the countdown, and what is typed.

use std::future::Future;
use std::pin::Pin;

use super::Manner;
use crate::name::Name;
use crate::source::{Person, Step};

/// The person at our terminal.
#[derive(Debug)]
pub struct AtTerminal {
    manner: Manner,
    profile: Name,
}

impl AtTerminal {
    /// Asked on behalf of `profile`.
    #[must_use]
    pub fn new(manner: Manner, profile: &Name) -> Self {
        Self { manner, profile: profile.clone() }
    }
}

impl Person for AtTerminal {
    fn tell(&self, step: &Step<'_>) {
        super::tell_event(self.manner, &self.profile, &format!("{step:?}"));
    }

    fn line(&self) -> Pin<Box<dyn Future<Output = Option<String>> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}
