//! What `-h` and `--help` print, word for word, on 80 columns: `UPDATE=1 cargo test --test help` writes it anew. And what is held of all of
//! it: no line is longer, and each screen of a command ends with examples, of which each is one.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use support::Test;
use token::cli::Cli;

/// The widest line, whatever the terminal.
const COLUMNS: usize = 80;
const FEW_COLUMNS: usize = 60;

/// The words of every command, `help` aside.
fn commands() -> Vec<Vec<String>> {
    fn add(command: &Command, words: &[String], found: &mut Vec<Vec<String>>) {
        found.push(words.to_vec());
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            add(inner, &[words, &[inner.get_name().to_owned()]].concat(), found);
        }
    }
    let mut found = Vec::new();
    add(&Cli::command(), &[], &mut found);
    found
}

fn screen(words: &[String], flag: &str, columns: usize) -> String {
    let test = Test::bare().env("COLUMNS", columns.to_string());
    let words: Vec<&str> = words.iter().map(String::as_str).chain([flag]).collect();
    let outcome = test.run(&words);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    outcome.stdout()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/help").join(name)
}

#[test]
fn every_screen_is_as_it_was_agreed_on() {
    let (mut stale, mut held) = (Vec::new(), BTreeSet::new());
    for words in commands() {
        let name = std::iter::once("token").chain(words.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
        for (flag, form) in [("-h", "short"), ("--help", "long")] {
            let (file, shown) = (format!("{name}.{form}.txt"), screen(&words, flag, COLUMNS));
            held.insert(file.clone());
            if std::env::var_os("UPDATE").is_some() {
                fs::write(fixture(&file), shown).unwrap();
            } else if fs::read_to_string(fixture(&file)).ok() != Some(shown) {
                stale.push(file);
            }
        }
    }
    let there: BTreeSet<String> =
        fs::read_dir(fixture("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, held, "files of tests/fixtures/help");
    assert!(stale.is_empty(), "stale: {stale:?}; read what `UPDATE=1 cargo test --test help` makes of them");
}

#[test]
fn no_line_is_longer_than_a_terminal() {
    for words in commands() {
        for flag in ["-h", "--help"] {
            for (columns, widest) in [(FEW_COLUMNS, None), (COLUMNS, Some(COLUMNS)), (200, Some(COLUMNS))] {
                let shown = screen(&words, flag, columns);
                let longest = shown.lines().map(|line| line.chars().count()).max();
                assert!(widest.is_none() || longest <= widest, "token {} {flag} at {columns}: {longest:?}\n{shown}", words.join(" "));
                assert!(shown.contains("Usage: token"), "token {} {flag} at {columns}\n{shown}", words.join(" "));
            }
        }
    }
}

/// Their lines are not broken: what is copied from them is whole.
#[test]
fn every_screen_has_examples_that_are_whole() {
    for words in commands().into_iter().filter(|words| !words.starts_with(&["helper".into(), "setup".into()]) || words.len() == 2) {
        for flag in ["-h", "--help"] {
            let shown = screen(&words, flag, COLUMNS);
            let examples = shown.split_once("\nExamples:\n").unwrap_or_else(|| panic!("token {}: no examples", words.join(" "))).1;
            let lines: Vec<&str> = examples.lines().take_while(|line| !line.is_empty()).collect();
            assert!(lines.len() > 1, "{examples}");
            for (at, line) in lines.iter().enumerate() {
                let goes_on = at > 0 && lines[at - 1].ends_with('\\');
                let begins = line.starts_with("  ") && line.contains("token ");
                assert!(begins || goes_on, "token {}: a broken line: {line:?}", words.join(" "));
            }
        }
    }
}

#[test]
fn help_is_asked_for_as_elsewhere() {
    let test = Test::bare();
    for (asked, same) in [("help", "--help"), ("help get", "get --help"), ("help helper setup git", "helper setup git --help")] {
        let [asked, same] = [asked, same].map(|line| line.split(' ').collect::<Vec<_>>());
        test.run(&asked).exits(0).prints(&test.run(&same).exits(0).stdout());
    }
    test.run(&["help", "nothing"]).exits(2);
    test.run(&["--version"]).exits(0).prints("token 0.1.0\n");
    // `help` in the place of a tool is no question.
    test.run(&["helper", "help"]).exits(2);
}

/// What stands in brackets at the end of a line stands there in the same way everywhere.
#[test]
fn defaults_and_variables_are_told_alike() {
    for words in commands() {
        let text = screen(&words, "-h", COLUMNS).split_whitespace().collect::<Vec<_>>().join(" ");
        for (at, _) in text.match_indices('[') {
            let inside = text[at + 1..].split(']').next().unwrap();
            if inside.is_empty() {
                continue; // of a program's input, as in `.findings[]`
            }
            let known = ["default: ", "env: ", "possible values: "].iter().any(|known| inside.starts_with(known));
            let is_usage = inside.chars().next().is_some_and(char::is_uppercase) || inside.starts_with("--") || inside.starts_with('-');
            assert!(known || is_usage, "token {}: [{inside}]", words.join(" "));
        }
        assert!(!text.contains("(default"), "token {}: {text}", words.join(" "));
    }
}
