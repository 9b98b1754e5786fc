//! The README does what it says: every command in it is run, in order, in the home of somebody who reads it from the top, and every
//! configuration in it is accepted.
//!
//! What stands for the rest of that person's world: the loopback issuer for `https://login.example.com`, and small scripts for programs
//! that a fresh machine may lack. Each block says behind its language what becomes of it; a block that does not is a fault.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Issuer, Outcome, Test};

const README: &str = include_str!("../README.md");

/// Blocks of commands that are not run: the tests, the installation, the watcher that runs until it is stopped, and the look at servers
/// that are nowhere.
const NOT_RUN: usize = 5;
/// Less than this, and the reader of blocks is at fault.
const LEAST_RUN: usize = 10;

/// How the README starts the program before it is installed.
const BY_CARGO: &str = "cargo run --release --locked --";
/// Whom the README asks.
const ISSUER: &str = "https://login.example.com/realms/main";
const ENDPOINT: &str = "https://login.example.com/oauth2/token";
/// Whose home the README shows.
const HOME: &str = "/home/me";

/// Programs of the reader's world, each a shell script. `curl` refuses the first token that it is asked for the status of.
const STAND_INS: [(&str, &str); 6] = [
    ("gcloud", "echo ya29.stand-in"),
    ("az", "echo stand-in"),
    ("pass", "echo stand-in"),
    ("openssl", concat!("test $1 = pkey || cp ", env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ed25519.pkcs8.pem ~/.secrets/ci.pem")),
    ("systemctl", "test \"$*\" = '--user reload app'"),
    (
        "curl",
        r#"header=$(cat)
        case $header in 'Authorization: Bearer token-'*) ;; *) exit 1 ;; esac
        case $* in
            *http_code*)
                test -e refused || printf %s "$header" >refused
                if [ "$header" = "$(cat refused)" ]; then printf 401; else printf 200; fi ;;
            *) echo '{"name": "ci"}' ;;
        esac"#,
    ),
];

/// What becomes of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    /// Commands that end with this status.
    Run(i32),
    /// Commands for people only.
    NotRun,
    /// What the commands before it print.
    Output,
    /// To be added to the configuration.
    Configuration,
    /// Measured elsewhere.
    Figures,
}

impl Mark {
    /// What stands behind the three backquotes; `None` where that is unknown.
    fn read(info: &str) -> Option<Self> {
        match info.split(' ').collect::<Vec<_>>()[..] {
            ["sh", "run"] => Some(Self::Run(0)),
            ["sh", "run", exits] => exits.strip_prefix("exits-")?.parse().ok().map(Self::Run),
            ["sh", "not-run"] => Some(Self::NotRun),
            ["text", "output"] => Some(Self::Output),
            ["text", "figures"] => Some(Self::Figures),
            ["toml"] => Some(Self::Configuration),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Block {
    line: usize,
    mark: Mark,
    text: String,
}

/// The fenced blocks of some Markdown.
fn blocks(markdown: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().zip(1..);
    while let Some((opening, line)) = lines.next() {
        let Some(info) = opening.trim_start().strip_prefix("```") else { continue };
        let mark = Mark::read(info).ok_or_else(|| format!("line {line}: the mark `{info}` is unknown"))?;
        let text = lines.by_ref().map(|(text, _)| text).take_while(|text| *text != "```").flat_map(|text| [text, "\n"]).collect();
        blocks.push(Block { line, mark, text });
    }
    Ok(blocks)
}

/// The home of somebody who reads the README.
struct Reader {
    test: Test,
    issuer: Issuer,
    configuration: String,
}

impl Reader {
    fn new() -> Self {
        let mut test = Test::bare();
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "TOKEN_CACHE_DIR", "TOKEN_STATE_DIR"] {
            test = test.without_env(variable);
        }
        let places = ["bin", ".local/bin"].map(|place| test.path(place).to_str().unwrap().to_owned());
        let path = format!("{}:{}", places.join(":"), std::env::var("PATH").unwrap());
        let reader = Self {
            test: test.env("PATH", path).env("STAGING_SECRET", "stand-in").named("README.md"),
            issuer: Issuer::start(),
            configuration: String::new(),
        };
        fs::create_dir_all(reader.test.path("bin")).unwrap();
        fs::create_dir_all(reader.test.path(".config/token")).unwrap();
        symlink(env!("CARGO_BIN_EXE_token"), reader.test.path("bin/token")).unwrap();
        for (name, script) in STAND_INS {
            program(&reader.test.path("bin").join(name), script);
        }
        reader
    }

    /// `text` with the loopback issuer in it instead of the one that the README names.
    fn at_loopback(&self, text: &str) -> String {
        let text = text.replace(ISSUER, &self.issuer.url()).replace(ENDPOINT, &self.issuer.endpoint());
        assert!(!text.contains("login.example.com"), "an address of the issuer that this test does not know: {text}");
        text
    }

    /// Adds to the configuration, which has to be right by itself and with what was there.
    fn configure(&mut self, block: &Block) {
        let text = self.at_loopback(&block.text);
        self.configuration += &text;
        for (case, text) in [("by itself", &text), ("with the rest", &self.configuration)] {
            fs::write(self.test.path(".config/token/config.toml"), text).unwrap();
            let outcome = self.test.run(&["status"]);
            assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "line {}, {case}{outcome}", block.line);
        }
    }

    /// Runs commands as their reader would, with both streams in one.
    fn run(&self, block: &Block) -> Outcome {
        let script = format!("exec 2>&1\n{}", self.at_loopback(&block.text.replace(BY_CARGO, "token")));
        let plain = self.test.command(&[]);
        let mut shell = Command::new("sh");
        shell.args(["-eu", "-c", &script]).env_clear();
        shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(self.test.path(""));
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.test.start(shell, &[&format!("(line {})", block.line)]).finish()
    }

    /// What was printed, as the README shows it.
    fn shown(&self, outcome: &Outcome) -> String {
        outcome.stdout().replace(self.test.path("").to_str().unwrap().trim_end_matches('/'), HOME)
    }
}

fn program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Text without what differs from one run to the next: durations, the numbers of times (of two digits, and of four and more; HTTP's have
/// three), and the width of columns.
fn lasting(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let mut words: Vec<String> =
            line.split_whitespace().map(|word| if is_duration(word) { "5s".into() } else { numbers(word) }).collect();
        words.dedup_by(|second, first| first == "5s" && second == "5s");
        words.join(" ")
    };
    text.lines().map(line).collect()
}

fn is_duration(word: &str) -> bool {
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    unit.len() < word.len() && ["ms", "s", "m", "h", "day", "days"].contains(&unit)
}

fn numbers(word: &str) -> String {
    let mut rest = word;
    let mut lasting = String::new();
    while let Some(first) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let length = if digits == 0 { first.len_utf8() } else { digits };
        lasting.push_str(if matches!(digits, 2 | 4..) { "00" } else { &rest[..length] });
        rest = &rest[length..];
    }
    lasting
}

#[test]
fn every_command_does_what_the_readme_says() {
    let blocks = blocks(README).unwrap_or_else(|error| panic!("README.md, {error}"));
    let mut reader = Reader::new();
    let mut last: Option<Outcome> = None;
    for block in &blocks {
        match block.mark {
            Mark::Configuration => reader.configure(block),
            Mark::Run(status) => {
                let outcome = reader.run(block);
                outcome.exits(status);
                last = Some(outcome);
            }
            Mark::Output => {
                let outcome = last.take().unwrap_or_else(|| panic!("README.md, line {}: nothing was run before it", block.line));
                let printed = reader.shown(&outcome);
                assert_eq!(lasting(&printed), lasting(&block.text), "README.md, line {}: it printed\n{printed}", block.line);
            }
            Mark::NotRun | Mark::Figures => {}
        }
    }
    let count = |wanted: fn(&Mark) -> bool| blocks.iter().filter(|block| wanted(&block.mark)).count();
    assert_eq!(count(|mark| *mark == Mark::NotRun), NOT_RUN, "blocks that nobody runs");
    assert!(count(|mark| matches!(mark, Mark::Run(_))) >= LEAST_RUN, "blocks that are run");
}

#[test]
fn a_block_without_a_mark_that_is_known_is_a_fault() {
    for info in ["", "sh", "sh ran", "sh run soon", "sh run exits-x", "bash run", "toml config", "text", "rust"] {
        assert!(blocks(&format!("text\n\n```{info}\ntoken get\n```\n")).is_err(), "{info}");
    }
    let found = blocks("```sh run exits-5\na\nb\n```\ntext\n```toml\n```\n").unwrap();
    let found: Vec<_> = found.iter().map(|block| (block.line, block.mark.clone(), block.text.as_str())).collect();
    assert_eq!(found, [(1, Mark::Run(5), "a\nb\n"), (6, Mark::Configuration, "")]);
}

#[test]
fn what_differs_from_run_to_run_is_left_out() {
    let table = [
        ("in 59m 59s  in 1h", "in 5m  in 53m 59s", true),
        ("token-1795356575", "token-1", false),
        ("token-1795356575\n", "token-1795356000", true),
        ("token-1", "token-2", false),
        ("HTTP 503", "HTTP 502", false),
        ("2026-11-22T12:00:00Z", "2027-01-01T09:30:59Z", true),
        ("in 0.9s", "in 1.1s", true),
        ("a b", "a  b", true),
        ("a\nb", "a b", false),
    ];
    for (one, other, equal) in table {
        assert_eq!(lasting(one) == lasting(other), equal, "{one:?} and {other:?}");
    }
}
