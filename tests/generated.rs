//! What is made from the program is what the program makes: the parts of the manual that `src/cli.rs` says, and its pages that are made as
//! a whole. `UPDATE=1 cargo test --test generated` rewrites them. And what is printed is what the files hold.
//!
//! A page of `man/` is written by hand, but for what stands between `.\" begin PART` and `.\" end PART`; `PARTS` says what makes it.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod generated {
    mod errors;
    mod references;
    mod roff;

    pub use errors::page as errors;
    pub use references::references;
    pub use roff::{commands, options, page};
}
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use support::Test;
use token::cli::Cli;

/// What makes a page as a whole.
type MakePage = fn() -> String;

/// What makes a part of a page, of the command that the page is about.
type MakePart = fn(&Command) -> String;

/// The pages that are made as a whole.
const WHOLE: [(&str, MakePage); 1] = [("token-errors.7", generated::errors)];

/// The parts of the other pages.
const PARTS: [(&str, MakePart); 2] = [("options", generated::options), ("commands", generated::commands)];

/// What completes our command lines: a shell, and the file as those who pack the program expect it.
const COMPLETIONS: [(&str, &str); 5] =
    [("bash", "token.bash"), ("elvish", "token.elv"), ("fish", "token.fish"), ("powershell", "_token.ps1"), ("zsh", "_token")];

fn place(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn files(folder: &str) -> BTreeSet<String> {
    let names = fs::read_dir(place(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Every command that has a page of its own: its words and the name of the page.
fn pages_of_commands() -> Vec<(Vec<String>, String)> {
    let mut grammar = Cli::command();
    grammar.build();
    let mut found = vec![(Vec::new(), "token.1".to_owned())];
    let named = |words: &[&str]| (words.iter().map(ToString::to_string).collect(), format!("token-{}.1", words.join("-")));
    for command in grammar.get_subcommands().filter(|command| command.get_name() != "help") {
        found.push(named(&[command.get_name()]));
        // The tools behind `helper setup` are in its page.
        found.extend(command.get_subcommands().map(|inner| named(&[command.get_name(), inner.get_name()])));
    }
    found
}

fn command(words: &[String]) -> Command {
    let mut grammar = Cli::command();
    grammar.build();
    words.iter().fold(grammar, |command, word| command.find_subcommand(word).unwrap().clone())
}

/// The page with its parts made anew.
fn renewed(page: &str, command: &Command) -> String {
    let mut lines = page.lines();
    let mut renewed = String::new();
    while let Some(line) = lines.next() {
        renewed += line;
        renewed.push('\n');
        let Some(part) = line.strip_prefix(".\\\" begin ") else { continue };
        let (_, make) = PARTS.iter().find(|(name, _)| *name == part).unwrap_or_else(|| panic!("nothing makes a part `{part}`"));
        renewed += &make(command);
        let end = format!(".\\\" end {part}");
        assert!(lines.any(|line| line == end), "`{end}` is missing");
        renewed += &(end + "\n");
    }
    renewed
}

/// What is rewritten is not in the program that was built before.
fn is_rewriting() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// The file has this text; or gets it, where somebody asks for that.
fn holds(relative: &str, text: &str) -> Result<(), String> {
    let path = place(relative);
    if fs::read_to_string(&path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    if is_rewriting() {
        fs::write(&path, text).unwrap();
        return Ok(());
    }
    Err(format!("{relative} is stale: `UPDATE=1 cargo test --test generated` rewrites it"))
}

#[track_caller]
fn all_hold(checks: impl Iterator<Item = Result<(), String>>) {
    let faults: Vec<String> = checks.filter_map(Result::err).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_command_has_a_page_that_is_up_to_date() {
    all_hold(pages_of_commands().into_iter().map(|(words, name)| {
        let (relative, command) = (format!("man/{name}"), command(&words));
        let written = fs::read_to_string(place(&relative)).ok().filter(|text| !text.is_empty());
        let page = written.unwrap_or_else(|| generated::page(&words, &command));
        for part in [".\\\" begin options\n", ".Sh NAME\n", ".Sh SYNOPSIS\n", ".Sh DESCRIPTION\n", ".Sh EXAMPLES\n", ".Sh SEE ALSO\n"] {
            assert!(page.contains(part), "{relative} lacks `{}`", part.trim_end());
        }
        holds(&relative, &renewed(&page, &command))
    }));
}

#[test]
fn every_page_that_is_made_is_up_to_date() {
    all_hold(WHOLE.iter().map(|(name, make)| holds(&format!("man/{name}"), &make())));
}

#[test]
fn the_program_prints_its_manual() {
    if is_rewriting() {
        return;
    }
    let test = Test::bare();
    let list = test.run(&["man", "--list"]).exits(0).stdout();
    let listed: BTreeSet<String> = list.lines().map(str::to_owned).collect();
    assert_eq!(listed, files("man"), "src/ui/manual.rs lists the pages");
    for name in &listed {
        let text = fs::read_to_string(place(&format!("man/{name}"))).unwrap();
        test.run(&["man", name]).exits(0).prints(&text);
        if let Some(bare) = name.strip_suffix(".1") {
            test.run(&["man", bare]).exits(0).prints(&text);
            test.run(&["man", bare.strip_prefix("token-").unwrap_or(bare)]).exits(0).prints(&text);
        }
    }
    let config = fs::read_to_string(place("man/token-config.5")).unwrap();
    test.run(&["man", "config"]).exits(0).prints(&config);
    test.run(&["man"]).exits(0).prints(&fs::read_to_string(place("man/token.1")).unwrap());
    for asked in ["gte", "", "1", "token-", "../token.1"] {
        test.run(&["man", asked]).fails(2, asked).mentions("token-config.5");
    }
}

#[test]
fn the_program_prints_its_completions() {
    let test = Test::bare();
    let held: BTreeSet<String> = COMPLETIONS.iter().map(|(_, file)| (*file).to_owned()).collect();
    assert_eq!(files("completions"), held);
    for (shell, file) in COMPLETIONS {
        let text = fs::read_to_string(place(&format!("completions/{file}"))).unwrap();
        test.run(&["completions", shell]).exits(0).prints(&text);
    }
    test.run(&["completions"]).exits(2);
    test.run(&["completions", "csh"]).exits(2).mentions("bash");
}

/// Every page of ours that a page or the README mentions is there.
#[test]
fn every_page_that_is_mentioned_exists() {
    if is_rewriting() {
        return;
    }
    let pages = files("man");
    let readme = ["README.md", "CONTRIBUTING.md"].map(str::to_owned);
    let mut count = 0;
    for relative in pages.iter().map(|name| format!("man/{name}")).chain(readme) {
        let text = fs::read_to_string(place(&relative)).unwrap();
        for name in generated::references(&text) {
            assert!(pages.contains(&name), "{relative} mentions {name}, and there is no such page");
            count += 1;
        }
    }
    assert!(count > pages.len(), "only {count} mentions were found");
}
