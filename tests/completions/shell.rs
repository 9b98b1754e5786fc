//! A shell on a terminal, and somebody who presses Tab in it.
//!
//! What a line has become is seen from what the program is called with when it is entered: a stand-in notes that, and hands on to the
//! program only what asks for candidates.

use std::fs;
use std::io::{PipeWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::support::{Outcome, Running, Test, wait_until};

/// What the terminal was sent.
const RECORD: &str = "record";

const PROGRAM: &str = env!("CARGO_BIN_EXE_token");

/// A shell that is set up as a package or a person sets it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// bash alone, which reads the file at its start.
    Bash,
    /// bash with bash-completion, which loads the file when it is needed.
    BashCompletion,
    Zsh,
    Fish,
    Elvish,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Bash, Self::BashCompletion, Self::Zsh, Self::Fish, Self::Elvish];

    const fn name(self) -> &'static str {
        match self {
            Self::Bash | Self::BashCompletion => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Elvish => "elvish",
        }
    }

    /// The file that the shell reads first, what it says, and where the completions are.
    fn set_up(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Bash => {
                (".rc", "PS1='> '; PROMPT_COMMAND='echo >>$HOME/prompts'; bind 'set bell-style none'; . ~/token.bash\n", "token.bash")
            }
            Self::BashCompletion => (
                ".rc",
                "PS1='> '; PROMPT_COMMAND='echo >>$HOME/prompts'; . /usr/share/bash-completion/bash_completion\n",
                "data/bash-completion/completions/token",
            ),
            Self::Zsh => (
                ".zshrc",
                "fpath=(~/functions $fpath); autoload -Uz compinit; compinit -u -D; PS1='> '; precmd() { echo >>~/prompts }\n",
                "functions/_token",
            ),
            Self::Fish => (
                "config/fish/config.fish",
                "set fish_greeting\nfunction fish_prompt; echo >>~/prompts; echo '> '; end\n",
                "config/fish/completions/token.fish",
            ),
            Self::Elvish => (
                "config/elvish/rc.elv",
                "use token-completion\nset edit:before-readline = [$@edit:before-readline { print \"\\n\" >>~/prompts }]\nset edit:prompt = { put '> ' }\n",
                "config/elvish/lib/token-completion.elv",
            ),
        }
    }

    fn words(self, rc: &Path) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Bash | Self::BashCompletion => &["--noprofile", "--rcfile", rc.to_str().unwrap(), "-i"],
            Self::Zsh => &["--no-globalrcs", "-i"],
            Self::Fish => &["--interactive"],
            Self::Elvish => &[],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}

/// A shell that runs.
pub struct Shell {
    test: Test,
    running: Running,
    keyboard: PipeWriter,
    kind: Kind,
    entered: usize,
}

impl Shell {
    /// Starts one in this home.
    pub fn start(kind: Kind, test: Test) -> Self {
        let program = find(kind.name());
        let (rc, said, completions) = kind.set_up();
        test.put(rc, said, 0o600);
        let shell = if kind == Kind::BashCompletion { "bash" } else { kind.name() };
        test.put(completions, &test.run(&["completions", shell]).exits(0).stdout(), 0o600);
        let stand_in = format!(
            "#!/bin/sh\ncase $2 in --candidates=*) exec {PROGRAM} \"$@\" ;; esac\nline=\nfor word; do line=\"$line$word|\"; done\n\
             printf '%s\\n' \"$line\" >>~/called\n"
        );
        test.put("bin/token", &stand_in, 0o700);
        let path = std::env::join_paths([test.path("bin"), "/usr/bin".into(), "/bin".into()]).unwrap();
        let words = kind.words(&test.path(rc));
        let data = test.path("data");
        let test = test.named(&format!("{kind:?}")).env("PATH", path).env("XDG_DATA_HOME", data).calling(program);
        let (reader, keyboard) = std::io::pipe().unwrap();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let running = test.start(test.in_recorded_terminal(&words, "", reader, RECORD), &words);
        let shell = Self { test, running, keyboard, kind, entered: 0 };
        shell.wait();
        shell
    }

    /// Types these keys and Enter, and says what the program was called with: each word with a `|` behind it.
    #[track_caller]
    pub fn enter(&mut self, keys: &str) -> String {
        let before = self.called().lines().count();
        self.press(&format!("{keys}\r"));
        let kind = self.kind;
        wait_until(&format!("{kind:?} to call the program for {keys:?}"), || self.called().lines().count() > before);
        self.entered += 1;
        self.wait();
        self.called().lines().last().unwrap_or_default().to_owned()
    }

    /// Types these keys, and waits until the terminal has shown each of these words since.
    #[track_caller]
    pub fn lists(&mut self, keys: &str, words: &[&str]) {
        let record = || String::from_utf8_lossy(&fs::read(self.test.path(RECORD)).unwrap_or_default()).into_owned();
        let before = record().len();
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        let shows = |word: &&str| record().get(before..).is_some_and(|shown| shown.contains(*word));
        let kind = self.kind;
        wait_until(&format!("{kind:?} to list {words:?} for {keys:?}"), || words.iter().all(shows));
    }

    /// Types these keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Ends the shell, whatever it is at.
    pub fn kill(self) {
        self.running.kill();
    }

    /// Ends the shell and says what was on the terminal.
    pub fn end(mut self) -> Outcome {
        self.press("exit\r");
        drop(self.keyboard);
        self.running.finish()
    }

    fn called(&self) -> String {
        fs::read_to_string(self.test.path("called")).unwrap_or_default()
    }

    /// Waits until it waits for a line.
    fn wait(&self) {
        let prompts = || fs::read_to_string(self.test.path("prompts")).unwrap_or_default().lines().count();
        wait_until(&format!("{:?} to ask for a line", self.kind), || prompts() > self.entered);
    }
}

fn find(shell: &str) -> PathBuf {
    let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(shell)).into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{shell} is missing: install it (tests/run does)"))
}
