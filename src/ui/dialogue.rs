//! Questions at our terminal, one after another. A question stands on standard error with what Enter would answer in brackets; an answer
//! that will not do is asked for again, with the reason.
//!
//! It promises that a secret is not shown, that the terminal is left as it was found, and that a question which is given up leaves the
//! next line to whoever comes then.

use std::io::Write as _;

use super::keyboard::Keyboard;
use super::{Manner, Paint, tell};
use crate::error::one_line;

/// Something to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What is wanted.
    pub what: &'a str,
    /// What it is where nothing is typed.
    pub suggestion: Option<&'a str>,
    /// Whether nobody may see what is typed.
    pub is_secret: bool,
}

impl<'a> Question<'a> {
    /// What is wanted, and nothing suggested.
    #[must_use]
    pub const fn new(what: &'a str) -> Self {
        Self { what, suggestion: None, is_secret: false }
    }

    /// The same with a suggestion, if there is one.
    #[must_use]
    pub const fn suggesting(self, suggestion: Option<&'a str>) -> Self {
        Self { suggestion, ..self }
    }

    fn prompt(&self) -> String {
        match self.suggestion {
            Some(suggestion) => format!("{} [{}]: ", self.what, one_line(suggestion)),
            None => format!("{}: ", self.what),
        }
    }
}

/// A person at our terminal who is asked.
#[derive(Debug)]
pub struct Dialogue {
    manner: Manner,
    keyboard: Keyboard,
}

impl Dialogue {
    /// With the person there; `None` where there is no terminal.
    pub async fn open(manner: Manner) -> Option<Self> {
        Some(Self { manner, keyboard: Keyboard::open().await? })
    }

    /// The answer that `read` takes; `None` where there is none to come.
    pub async fn ask<T>(&mut self, question: Question<'_>, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        loop {
            self.keyboard.show(!question.is_secret);
            let mut line = Line::begin(&question.prompt());
            let typed = zeroize::Zeroizing::new(self.keyboard.line().await?);
            line.is_ended = !question.is_secret;
            drop(line);
            let typed = if question.is_secret { typed.as_str() } else { typed.trim() };
            let answer = if typed.is_empty() { question.suggestion.unwrap_or_default() } else { typed };
            match read(answer) {
                Ok(answer) => return Some(answer),
                Err(reason) => tell(&self.manner.paint(Paint::Odd, &format!("  {reason}"))),
            }
        }
    }
}

/// A line on the screen that is not at its end: what is typed and shown ends it, else we do.
struct Line {
    is_ended: bool,
}

impl Line {
    fn begin(prompt: &str) -> Self {
        // Nobody is left to be asked where this fails, and then there is no answer either.
        let _ = write!(std::io::stderr().lock(), "{prompt}");
        Self { is_ended: false }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.is_ended {
            let _ = writeln!(std::io::stderr().lock());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_says_what_enter_answers() {
        let table = [
            (Question::new("client id"), "client id: "),
            (Question::new("profile").suggesting(Some("example")), "profile [example]: "),
            (Question::new("scope").suggesting(Some("a\u{1b}[31mb\nc")), "scope [a[31mb c]: "),
        ];
        for (question, prompt) in table {
            assert_eq!(question.prompt(), prompt);
        }
    }
}
