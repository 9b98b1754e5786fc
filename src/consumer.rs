//! The configuration of the programs that take tokens: what of it makes them ask us, and how that gets in and out again.
//!
//! All of this is text to text. A [`Change`] says whether a text has it, which [`Edit`]s put it there, and which take it back. It promises
//! that comments, order and whatever it does not know stay as they are, and that an edit touches nothing but what it is about. It refuses
//! what its parser does not understand, and what somebody else has set up in the same place: a [`Mistake`] says where.

pub mod aws;
pub mod bazel;
pub mod cargo;
pub mod docker;
mod edit;
pub mod git;
pub mod goauth;
pub mod google;
mod hcl;
mod ini;
pub mod kubectl;
mod program;
pub mod reference;
pub mod terraform;
mod tree;
pub mod vault;

pub use edit::{Edit, apply, revert};
pub use program::{Program, quoted};

use crate::settings::Mistake;

/// What a consumer's file has to hold.
pub trait Change {
    /// Whether `text` has all of it.
    ///
    /// # Errors
    /// A [`Mistake`] where that cannot be told.
    fn is_made(&self, text: &str) -> Result<bool, Mistake>;

    /// What puts it into a text that has no part of it.
    ///
    /// # Errors
    /// A [`Mistake`] where there is no place for it.
    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake>;

    /// What takes it out again, recognised by what it says; no edits where there is nothing of it.
    ///
    /// # Errors
    /// A [`Mistake`] where that cannot be told.
    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake>;

    /// Whether `text` says nothing any more.
    fn is_blank(&self, text: &str) -> bool {
        text.trim().is_empty()
    }

    /// What there is to say about a text that it was taken out of.
    fn remark(&self, _text: &str) -> Option<String> {
        None
    }
}

/// A text with a change in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The text.
    pub text: String,
    /// What takes it from a text without any part of the change to this one.
    pub edits: Vec<Edit>,
}

/// `text` with `change` in it; `None` where it has it already. `remembered` is what an earlier change of the same purpose did.
///
/// # Errors
/// A [`Mistake`] where the change has no place there, or would not be what it should.
pub fn make(change: &dyn Change, text: &str, remembered: &[Edit]) -> Result<Option<Made>, Mistake> {
    if change.is_made(text)? {
        return Ok(None);
    }
    let base = take_back(change, text, remembered)?;
    let edits = change.make(&base)?;
    let made = apply(&base, &edits);
    let edits = edit::settled(&base, edits);
    // Whatever the edits were meant to do: this is what they did.
    let is_sound = change.is_made(&made).unwrap_or(false) && revert(&made, &edits) == base;
    if is_sound {
        return Ok(Some(Made { text: made, edits }));
    }
    let line = edits.first().map_or(1, |edit| edit::line_of(&base, edit.at.min(base.trim_end().len())));
    Err(mistake(line, "this is written in a way that cannot be added to safely", Some("make the change by hand")))
}

/// `text` without `change`: as it was before, as far as what is remembered of that still fits, and without what else is recognised.
///
/// # Errors
/// A [`Mistake`] where that cannot be told.
pub fn take_back(change: &dyn Change, text: &str, remembered: &[Edit]) -> Result<String, Mistake> {
    if change.take_back(text)?.is_empty() {
        return Ok(text.to_owned());
    }
    without(change, &revert(text, remembered)).or_else(|_| without(change, text))
}

/// `text` without what is recognised, and what is recognised only when that is gone: it may stand there twice.
fn without(change: &dyn Change, text: &str) -> Result<String, Mistake> {
    let mut recognised = change.take_back(text)?;
    let mut text = text.to_owned();
    while !recognised.is_empty() {
        let left = apply(&text, &recognised);
        let is_less = left.len() < text.len();
        text = left;
        recognised = if is_less { change.take_back(&text).unwrap_or_default() } else { Vec::new() };
    }
    Ok(text)
}

fn mistake(line: usize, what: impl Into<String>, hint: Option<&str>) -> Mistake {
    Mistake { line, key: String::new(), what: what.into(), hint: hint.map(str::to_owned) }
}

#[cfg(test)]
mod tests;
