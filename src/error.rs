//! The classes of failure, and how text from outside is made fit to be shown.
//!
//! Every error answers one question: try again, log in, or mend something? It is classed where it is born.

use serde::{Deserialize, Serialize};

/// What kind of failure this is, and so what its reader can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The issuer could not be reached.
    Network,
    /// The issuer, or a command, failed for now or answered something unusable.
    Temporary,
    /// The issuer refused, and will again.
    Refused,
    /// Someone has to log in.
    Login,
    /// Files of ours: permissions, space, damage.
    Storage,
    /// Usage or configuration.
    Config,
    /// Another process held the lock for too long.
    Lock,
}

impl Class {
    /// The exit status of a command that ends with such a failure.
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Config => 2,
            Self::Login => 3,
            Self::Refused => 4,
            Self::Network | Self::Temporary => 5,
            Self::Storage => 6,
            Self::Lock => 7,
        }
    }

    /// Whether trying again, with nothing changed, cannot help.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        matches!(self, Self::Refused | Self::Login | Self::Config)
    }

    /// Whether the source was asked and failed, so that other processes should know.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Network | Self::Temporary | Self::Refused | Self::Login)
    }
}

/// The longest text from a server or a child that is shown, in characters.
const LONGEST_LINE: usize = 200;

/// `text` on one line of at most 200 characters, without anything that steers a terminal or hides its meaning: C0, C1, DEL,
/// bidirectional controls, invisible characters, line and paragraph separators.
#[must_use]
pub fn one_line(text: &str) -> String {
    let line = visible(text);
    match line.char_indices().nth(LONGEST_LINE) {
        Some(_) => line.chars().take(LONGEST_LINE - 1).chain(['…']).collect(),
        None => line,
    }
}

/// The same without its bound.
#[must_use]
pub fn visible(text: &str) -> String {
    let shown = |character: char| !(character.is_control() || is_invisible(character)) || character.is_whitespace();
    let words = text.split(char::is_whitespace).map(|word| word.chars().filter(|c| shown(*c)).collect::<String>());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What an error of the system says, without its number.
#[must_use]
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    // Only the system's begin with a capital letter; ours may have one that is meant.
    if error.raw_os_error().is_some() { text.to_lowercase() } else { text.to_owned() }
}

pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_text_cannot_steer_a_terminal() {
        let table = [
            ("plain", "plain"),
            ("two\r\nlines", "two lines"),
            ("  spaces \t between ", "spaces between"),
            ("\u{1b}]52;c;aGk=\u{7}red\u{1b}[31m", "]52;c;aGk=red[31m"),
            ("a\u{202e}b\u{2066}c\u{2028}d\u{9b}e\u{7f}", "abc de"),
        ];
        for (given, shown) in table {
            assert_eq!(one_line(given), shown, "{given:?}");
        }
    }

    #[test]
    fn shown_text_is_short() {
        for length in [199, 200, 201, 1_000_000] {
            let shown = one_line(&"é".repeat(length)).chars().count();
            assert!(shown <= LONGEST_LINE, "{length} characters became {shown}");
        }
    }

    #[test]
    fn a_class_has_one_exit_status_and_one_answer() {
        use Class::{Config, Lock, Login, Network, Refused, Storage, Temporary};
        let table = [
            (Network, 5, false),
            (Temporary, 5, false),
            (Refused, 4, true),
            (Login, 3, true),
            (Storage, 6, false),
            (Config, 2, true),
            (Lock, 7, false),
        ];
        for (class, status, permanent) in table {
            assert_eq!((class.exit_status(), class.is_permanent()), (status, permanent), "{class:?}");
        }
    }
}
