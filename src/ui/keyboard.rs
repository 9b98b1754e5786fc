//! What is typed at our terminal while we wait for something else.
//!
//! It promises to take exactly what it answers with, a line at a time, and to leave the terminal as it found it when it is dropped; to
//! hold up nothing, the end of the program least of all; and not to show what is typed, which may be a code, unless it is told to. It
//! refuses to read, or to change anything, while the terminal is another job's.
//!
//! The terminal is opened anew, because making standard input itself non-blocking would make it so for every program that shares it. What
//! is hidden comes as characters instead of lines, because a terminal cuts lines at 4095 characters and addresses may be longer.

use std::fmt;
use std::io;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr, ttyname};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{sleep, timeout};

/// The longest line, in bytes. What is longer is cut.
const LONGEST_LINE: usize = 64 << 10;

/// How often to look whether the terminal is ours, and as we want it: a job can be stopped, and go on in the background.
const PAUSE: Duration = Duration::from_secs(1);

/// What a terminal that hands out lines would have done itself: to delete a character, to delete all of them, to end the input.
const DELETE: [u8; 2] = [0x7f, 0x08];
const KILL: u8 = 0x15;
const END: u8 = 0x04;

/// One terminal has one reader: of two, each would restore what the other has set, and get lines that are meant for the other.
static TURN: Mutex<()> = Mutex::const_new(());

fn edit(line: &mut Vec<u8>, typed: u8) {
    match typed {
        typed if DELETE.contains(&typed) => drop(line.pop()),
        KILL => line.clear(),
        typed if line.len() < LONGEST_LINE => line.push(typed),
        _ => {}
    }
}

/// Our terminal, open for ourselves.
pub(super) struct Keyboard {
    terminal: AsyncFd<OwnedFd>,
    /// How it was when we came.
    found: Option<Termios>,
    /// Whether what is typed is shown, and edited by the terminal itself.
    is_shown: bool,
    _turn: MutexGuard<'static, ()>,
}

impl fmt::Debug for Keyboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyboard(…)")
    }
}

impl Keyboard {
    /// Once nobody else has it; `None` where there is none.
    pub async fn open() -> Option<Self> {
        let turn = TURN.lock().await;
        // In a container its name may lead nowhere.
        let path = ttyname(stdin(), Vec::new()).unwrap_or_else(|_| c"/dev/tty".into());
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let terminal = open(path, flags, Mode::empty()).ok()?;
        #[expect(unsafe_code, reason = "tokio cannot know that this is a descriptor and stays one")]
        // SAFETY: `OwnedFd` owns a valid descriptor, which nobody replaces or closes while it is in there.
        let terminal = unsafe { AsyncFd::register_with_interest(terminal, Interest::READABLE) }.ok()?;
        Some(Self { terminal, found: None, is_shown: false, _turn: turn })
    }

    /// Shows what is typed from now on, or shows it no more.
    pub fn show(&mut self, is_shown: bool) {
        self.is_shown = is_shown;
        if is_shown {
            self.restore();
        } else {
            self.prepare();
        }
    }

    /// The next line, without its end; `None` where there is none to come.
    pub async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            match self.next().await? {
                b'\n' | b'\r' => return Some(String::from_utf8_lossy(&line).into_owned()),
                END if line.is_empty() => return None,
                typed => edit(&mut line, typed),
            }
        }
    }

    /// The next character; `None` where the terminal has gone.
    async fn next(&mut self) -> Option<u8> {
        loop {
            self.prepare();
            let Ok(ready) = timeout(PAUSE, self.terminal.readable()).await else { continue };
            if !self.is_ours() {
                sleep(PAUSE).await;
                continue;
            }
            let mut byte = [0];
            match ready.ok()?.try_io(|terminal| rustix::io::read(terminal, &mut byte).map_err(io::Error::from)) {
                Ok(Ok(1)) => return Some(byte[0]),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => return None,
                // Somebody else has read it.
                Err(_) => {}
            }
        }
    }

    /// Whether we are the foreground job. Any other that reads or changes a terminal is stopped for it.
    fn is_ours(&self) -> bool {
        tcgetpgrp(&self.terminal).is_ok_and(|group| group == rustix::process::getpgrp())
    }

    /// Makes the terminal hand out characters and show none. Signals are still sent by Ctrl-C.
    fn prepare(&mut self) {
        const LINES: LocalModes = LocalModes::ICANON.union(LocalModes::ECHO);
        if self.is_shown {
            return;
        }
        let Ok(mut modes) = tcgetattr(&self.terminal) else { return };
        if !modes.local_modes.intersects(LINES) || !self.is_ours() {
            return;
        }
        self.found.get_or_insert_with(|| modes.clone());
        modes.local_modes.remove(LINES);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Where that fails, lines come instead of characters, and are shown.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &modes);
    }
}

impl Keyboard {
    /// Leaves the terminal as it was.
    fn restore(&mut self) {
        // In the background it is as somebody else wants it.
        if let Some(found) = self.found.as_ref().filter(|_| self.is_ours()) {
            // A terminal that has gone needs nothing.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, found);
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_as_terminals_do_it() {
        let table: [(&[u8], &[u8]); 5] =
            [(b"abc", b"abc"), (b"abx\x7fc", b"abc"), (b"\x08\x7fabc", b"abc"), (b"wrong\x15abc", b"abc"), (b"a\x04b", b"a\x04b")];
        for (typed, expected) in table {
            let mut line = Vec::new();
            for typed in typed {
                edit(&mut line, *typed);
            }
            assert_eq!(line, expected, "{typed:?}");
        }
        let mut line = vec![b'x'; LONGEST_LINE];
        edit(&mut line, b'y');
        assert_eq!(line.len(), LONGEST_LINE);
    }
}
