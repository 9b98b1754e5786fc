//! What may stand where somebody is typing. Whatever goes wrong, there is nothing to be said: no message, no failure, no network, no
//! lock and no write.
//!
//! A line is a candidate, and behind a tab what it means; or, behind a tab at its beginning, what the shell itself knows better to
//! complete: `files`, `directories`, or the `command` behind `--`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, complete};

use super::super::shared;
use crate::cli::{Cli, Global};
use crate::name::Name;
use crate::profile::Configuration;
use crate::ui::manual;

const FILES: &str = "\tfiles";
const DIRECTORIES: &str = "\tdirectories";
const COMMAND: &str = "\tcommand";

/// The commands that take names of cache entries, too.
const OF_ENTRIES: [&str; 2] = ["purge", "status"];

/// The lines for what is `typed` behind the words `before`, the program's name aside.
pub(super) fn lines(global: &Global, before: &[OsString], typed: &OsStr) -> String {
    let plain = Cli::command();
    let current = addressed(&plain, before);
    if before.iter().any(|word| word == "--") {
        let line = format!("{COMMAND}\n");
        return if takes_command(current) { line } else { String::new() };
    }
    let configuration = configured(before).or_else(|| global.config.clone());
    let mut grammar = with_candidates(plain.clone(), configuration.as_deref());
    let words: Vec<OsString> = std::iter::once("token".into()).chain(before.iter().cloned()).chain([typed.to_owned()]).collect();
    let last = words.len() - 1;
    let found = complete(&mut grammar, words, last, None).unwrap_or_default();
    let mut lines: Vec<String> = found.iter().filter(|candidate| is_of_use(candidate, before, typed)).filter_map(line).collect();
    if takes_command(current) && "--".starts_with(&*typed.to_string_lossy()) && (lines.is_empty() || typed == "--") {
        lines.push("--\tthe command".to_owned());
    }
    lines.dedup();
    lines.into_iter().map(|line| line + "\n").collect()
}

/// The command that the words come to.
fn addressed<'c>(grammar: &'c Command, words: &[OsString]) -> &'c Command {
    let words = words.iter().take_while(|word| *word != "--");
    words.fold(grammar, |command, word| command.find_subcommand(word).unwrap_or(command))
}

/// Whether a command line follows `--`.
fn takes_command(command: &Command) -> bool {
    command.get_positionals().any(|argument| argument.is_last_set() && !argument.is_hide_set())
}

/// The file that an option among the words names.
fn configured(words: &[OsString]) -> Option<PathBuf> {
    let behind = words.windows(2).find(|pair| pair[0] == "--config").map(|pair| pair[1].clone());
    let joined = || words.iter().find_map(|word| Some(OsString::from(word.to_str()?.strip_prefix("--config=")?)));
    let path = PathBuf::from(behind.or_else(joined)?);
    // No shell has read it yet.
    match (path.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) => Some(home.join(rest)),
        _ => Some(path),
    }
}

/// The grammar, and what there is to be named in its places.
fn with_candidates(grammar: Command, configuration: Option<&Path>) -> Command {
    let has_entries = OF_ENTRIES.contains(&grammar.get_name());
    grammar
        .mut_args(|argument| with_values(argument, has_entries, configuration))
        .mut_subcommands(|command| with_candidates(command, configuration))
}

fn with_values(argument: Arg, has_entries: bool, configuration: Option<&Path>) -> Arg {
    let configuration = configuration.map(Path::to_owned);
    match (argument.get_id().as_str(), argument.get_value_hint()) {
        ("profile" | "profiles" | "global-profile", _) => {
            argument.add(ArgValueCandidates::new(move || names(configuration.clone(), has_entries)))
        }
        ("env", _) => argument.add(ArgValueCandidates::new(variables)),
        ("page", _) => argument.add(ArgValueCandidates::new(pages)),
        ("if_token_is", _) => argument.add(ArgValueCandidates::new(|| vec![CompletionCandidate::new("-")])),
        // Behind `--` alone.
        _ if argument.is_last_set() => argument.value_hint(ValueHint::Other),
        (_, ValueHint::DirPath) => left_to_the_shell(argument, DIRECTORIES),
        (_, ValueHint::AnyPath | ValueHint::FilePath | ValueHint::ExecutablePath) => left_to_the_shell(argument, FILES),
        _ => argument,
    }
}

fn left_to_the_shell(argument: Arg, what: &'static str) -> Arg {
    argument.add(ArgValueCompleter::new(move |_: &OsStr| vec![CompletionCandidate::new(what)]))
}

/// The names of profiles, and those of entries that belong to none where these are meant, too.
fn names(config: Option<PathBuf>, has_entries: bool) -> Vec<CompletionCandidate> {
    let Ok(configuration) = shared::configuration(&Global { config, ..Global::default() }) else { return Vec::new() };
    let profiles = || configuration.profiles().map(|profile| profile.name.clone()).collect();
    let names = if has_entries { shared::all_names(&configuration).unwrap_or_else(|_| profiles()) } else { profiles() };
    names.iter().map(|name| CompletionCandidate::new(name.as_str()).help(Some(described(&configuration, name).into()))).collect()
}

fn described(configuration: &Configuration, name: &Name) -> &'static str {
    configuration.get(name).map_or("a cache entry", |profile| profile.source.kind())
}

/// The pages of the manual by their shortest names.
fn pages() -> Vec<CompletionCandidate> {
    let short = |(name, _): (&'static str, _)| name.trim_start_matches("token-").trim_end_matches(".1");
    manual::pages().map(short).map(CompletionCandidate::new).collect()
}

/// The variables of the environment that can be named.
fn variables() -> Vec<CompletionCandidate> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).collect();
    names.sort();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// Whether somebody who typed this would want it: options only behind a dash, and nothing twice.
fn is_of_use(candidate: &CompletionCandidate, before: &[OsString], typed: &OsStr) -> bool {
    let value = candidate.get_value();
    let is_long = value.as_encoded_bytes().starts_with(b"--");
    let is_short = !is_long && value.len() > 1 && value.as_encoded_bytes().starts_with(b"-");
    let is_wanted = !(is_long || is_short) || typed.as_encoded_bytes().starts_with(b"-");
    // `-q` is `--quiet`, which is told by that name; `-ojson` is not told otherwise.
    let is_told = !is_short || typed.len() > 2;
    is_wanted && is_told && !(is_long && before.iter().any(|word| word == value))
}

fn line(candidate: &CompletionCandidate) -> Option<String> {
    let value = candidate.get_value().to_str()?;
    // What is left to the shell may stand behind the name of an option.
    if let Some((_, directive)) = value.split_once('\t') {
        return Some(format!("\t{directive}"));
    }
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    let help = help.lines().next().unwrap_or_default();
    Some(if help.is_empty() { value.to_owned() } else { format!("{value}\t{help}") })
}
