//! A terminal for the program: what `script` provides, and the screen that a person sees on it.

use std::process::{Command, Stdio};

use super::home::Test;
use super::running::Running;

/// Where the program's standard output goes while a terminal shows its standard error.
pub const ANSWER: &str = "answer";

/// How wide that terminal is.
pub const COLUMNS: usize = 80;

impl Test {
    /// Starts the program with a terminal as its standard error; its standard output goes to the file [`ANSWER`]. What the
    /// terminal was sent is the stdout of the outcome.
    pub fn on_terminal(&self, args: &[&str]) -> Running {
        self.at_keyboard(args, Stdio::null())
    }

    /// The same, with what is typed.
    pub fn at_keyboard(&self, args: &[&str], keyboard: impl Into<Stdio>) -> Running {
        self.start(self.in_terminal(args, &format!(">{ANSWER}"), keyboard), args)
    }

    /// The same, with standard output on the terminal too.
    pub fn all_on_terminal(&self, args: &[&str]) -> Running {
        self.start(self.in_terminal(args, "", Stdio::null()), args)
    }

    /// The command that does all that.
    pub fn in_terminal(&self, args: &[&str], redirection: &str, keyboard: impl Into<Stdio>) -> Command {
        self.in_recorded_terminal(args, redirection, keyboard, "/dev/null")
    }

    /// The same, with what the terminal is sent in a file of this home as well, at once.
    pub fn in_recorded_terminal(&self, args: &[&str], redirection: &str, keyboard: impl Into<Stdio>, record: &str) -> Command {
        let plain = self.command(args);
        let words = std::iter::once(plain.get_program()).chain(plain.get_args());
        let words: Vec<String> = words.map(|word| quoted(word.to_str().unwrap())).collect();
        let line = format!("stty cols {COLUMNS} rows 24; exec {} {redirection}", words.join(" "));
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", &line, record]).env_clear();
        command.env("TERM", "xterm").envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("SHELL", "/bin/sh").current_dir(self.path(""));
        command.stdin(keyboard).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What the program wrote to its standard output while a terminal showed its standard error.
    pub fn answer(&self) -> String {
        std::fs::read_to_string(self.path(ANSWER)).unwrap_or_default()
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a terminal shows.
#[derive(Default)]
pub struct Screen {
    rows: Vec<Vec<(char, u8)>>,
    /// How what comes next is painted (ECMA-48 §8.3.117): 0 as usual.
    paint: u8,
    row: usize,
    column: usize,
    columns: usize,
    pub cursor_is_hidden: bool,
    pub is_coloured: bool,
}

impl Screen {
    /// The screen after these bytes, wide enough for every line.
    pub fn after(bytes: &[u8]) -> Self {
        Self::of_columns(usize::MAX, bytes)
    }

    /// The same where a full line goes on in the next one, as soon as there is more to show.
    pub fn of_columns(columns: usize, bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("a terminal is sent text");
        let mut screen = Self { columns, ..Self::default() };
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\u{1b}' => screen.obey(&mut rest),
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                '\u{8}' => screen.column = screen.column.saturating_sub(1),
                other => screen.show(other),
            }
        }
        screen
    }

    /// The lines, without spaces at their ends and without empty lines after the last.
    pub fn text(&self) -> String {
        let lines: Vec<String> =
            self.rows.iter().map(|row| row.iter().map(|(shown, _)| shown).collect::<String>().trim_end().to_owned()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// Every character with how it is painted.
    pub fn painted(&self) -> &[Vec<(char, u8)>] {
        &self.rows
    }

    fn show(&mut self, character: char) {
        if self.column == self.columns {
            (self.row, self.column) = (self.row + 1, 0);
        }
        let (column, paint) = (self.column, self.paint);
        let row = self.line();
        row.resize(row.len().max(column + 1), (' ', 0));
        row[column] = (character, paint);
        self.column += 1;
    }

    fn line(&mut self) -> &mut Vec<(char, u8)> {
        self.rows.resize(self.rows.len().max(self.row + 1), Vec::new());
        &mut self.rows[self.row]
    }

    /// One control sequence (ECMA-48 §5.4), of those that progress bars use.
    fn obey(&mut self, rest: &mut std::str::Chars<'_>) {
        assert_eq!(rest.next(), Some('['), "only control sequences are known here");
        let mut parameter = String::new();
        let letter = loop {
            match rest.next().expect("a whole control sequence") {
                letter @ '@'..='~' => break letter,
                other => parameter.push(other),
            }
        };
        let count = parameter.parse::<usize>().unwrap_or(1);
        let column = self.column;
        match letter {
            'K' if parameter == "2" => self.line().clear(),
            'K' if parameter.is_empty() || parameter == "0" => self.line().truncate(column),
            'J' => {
                let row = self.row;
                self.line().truncate(column);
                self.rows.truncate(row + 1);
            }
            'A' => self.row = self.row.saturating_sub(count),
            'B' => self.row += count,
            'C' => self.column += count,
            'D' => self.column = column.saturating_sub(count),
            'G' => self.column = count.saturating_sub(1),
            'm' => {
                self.paint = parameter.rsplit(';').next().and_then(|code| code.parse().ok()).unwrap_or(0);
                self.is_coloured |= self.paint != 0;
            }
            'h' | 'l' if parameter == "?25" => self.cursor_is_hidden = letter == 'l',
            'h' | 'l' => {}
            other => panic!("the control sequence {parameter}{other} is not known here"),
        }
    }
}
