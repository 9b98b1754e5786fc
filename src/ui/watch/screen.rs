//! The part of the terminal that is drawn over and over: some lines at the bottom, and messages above. A drawing is one write over
//! the old one, so that nothing flickers, and none where nothing has changed. Nothing here ticks, and nothing fails: a terminal that
//! has gone away is no reason to stop renewing.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How large the terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) struct Size {
    pub rows: usize,
    pub columns: usize,
}

impl Size {
    /// Of the terminal at standard error; where it does not say, what terminals always had.
    pub fn of_terminal() -> Self {
        let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr()).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0);
        size.map_or(Self { rows: 24, columns: 80 }, |size| Self { rows: size.ws_row.into(), columns: size.ws_col.into() })
    }
}

/// Lines at the bottom of the terminal.
#[derive(Debug)]
pub(in crate::ui) struct Screen {
    target: fn() -> ProgressDrawTarget,
    lines: MultiProgress,
    /// All lines as one, because each drawing of one of several bars draws them all.
    block: ProgressBar,
    text: Arc<Mutex<String>>,
    drawn: Mutex<Option<Drawn>>,
}

/// What stands there.
#[derive(Clone, Copy, Debug)]
struct Drawn {
    lines: usize,
    columns: usize,
}

impl Drawn {
    /// How many rows of so many columns stand above the one in which the last line begins, which is where the cursor is. The lines are as
    /// wide as the terminal was and follow each other without an end, so that one row may hold several of them.
    const fn rows_above(self, columns: usize) -> usize {
        self.lines.saturating_sub(1) * self.columns / columns
    }
}

impl Screen {
    /// On what `target` makes, with nothing on it.
    pub fn new(target: fn() -> ProgressDrawTarget) -> Self {
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let text = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&text);
        let write = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A text takes all that is written to it.
            let _ = out.write_str(&unpoisoned(&written));
        };
        let style = ProgressStyle::with_template("{lines}").unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("lines", write);
        let block = lines.add(ProgressBar::no_length());
        block.set_style(style);
        let screen = Self { target, lines, block, text, drawn: Mutex::new(None) };
        screen.forget();
        screen
    }

    /// Shows these lines, none of them wider than the terminal, instead of what stands there.
    pub fn show(&self, lines: &[String], size: Size) {
        let now = Drawn { lines: lines.len(), columns: size.columns };
        let before = unpoisoned(&self.drawn).replace(now);
        match before {
            Some(before) if before.columns != now.columns => self.wipe(before, size),
            // A drawing goes over the old one, and must not leave its last lines.
            Some(before) if before.lines > now.lines => self.clear(),
            _ => {}
        }
        let text = lines.join("\n");
        let is_new = before.is_none_or(|before| before.columns != now.columns) || *unpoisoned(&self.text) != text;
        if is_new {
            *unpoisoned(&self.text) = text;
            *unpoisoned(&self.drawn) = Some(now);
            self.draw();
        }
    }

    /// Writes a message above the lines.
    pub fn aside(&self, write: impl FnOnce()) {
        let size = Size::of_terminal();
        let drawn = *unpoisoned(&self.drawn);
        match drawn {
            None => write(),
            Some(drawn) if drawn.columns != size.columns => {
                self.wipe(drawn, size);
                write();
            }
            Some(_) => {
                // Not `suspend`, which panics when the terminal has gone.
                self.clear();
                write();
                self.draw();
            }
        }
    }

    fn draw(&self) {
        self.block.force_draw();
        if !self.lines.is_hidden() {
            to_line_start();
        }
    }

    /// Takes the lines away.
    pub fn clear(&self) {
        // Where that fails, nobody sees what stands there.
        let _ = self.lines.clear();
    }

    /// Shows these lines for the last time, and goes on below them.
    pub fn leave(&self, lines: &[String], size: Size) {
        if self.lines.is_hidden() {
            return;
        }
        // Even where nothing is new: the terminal may have written `^C` over it.
        unpoisoned(&self.text).clear();
        self.show(lines, size);
        // As in `to_line_start`.
        let _ = std::io::stderr().lock().write_all(b"\n");
        self.forget();
    }

    /// Goes on below what stands there, and draws nothing before it is asked to.
    pub fn forget(&self) {
        *unpoisoned(&self.drawn) = None;
        self.lines.set_draw_target((self.target)());
        self.lines.set_move_cursor(true);
    }

    /// Takes the lines away after a change of the terminal's width. They were written without line ends, and most terminals have now
    /// broken them anew.
    fn wipe(&self, before: Drawn, size: Size) {
        if self.lines.is_hidden() {
            return;
        }
        let above = before.rows_above(size.columns).min(size.rows.saturating_sub(1));
        let mut sequence = "\r".to_owned();
        if above > 0 {
            let _ = write!(sequence, "\u{1b}[{above}A");
        }
        // As above.
        let _ = std::io::stderr().lock().write_all((sequence + "\u{1b}[J").as_bytes());
        self.forget();
    }
}

/// Puts the cursor, which a drawing leaves at the right edge, where a `^C` that the terminal shows goes into the last line, and is cleared
/// away with it, instead of below.
pub(in crate::ui) fn to_line_start() {
    // Where that fails, nobody sees the cursor.
    let _ = std::io::stderr().lock().write_all(b"\r");
}

/// Whether the terminal is ours to draw on: a background job's is not.
pub(in crate::ui) fn is_in_foreground() -> bool {
    rustix::termios::tcgetpgrp(rustix::stdio::stderr()).map_or(true, |group| group == rustix::process::getpgrp())
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_wiped_than_was_drawn() {
        let table = [(1, 80, 40, 0), (3, 80, 40, 4), (3, 80, 50, 3), (2, 80, 100, 0), (3, 80, 100, 1), (3, 40, 200, 0), (6, 40, 100, 2)];
        for (lines, before, now, above) in table {
            assert_eq!(Drawn { lines, columns: before }.rows_above(now), above, "{lines} lines, {before} to {now} columns");
        }
    }
}
