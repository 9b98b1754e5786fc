//! The arguments of a plain `token get` or `token helper`, read without building the whole grammar. It refuses, and leaves to clap,
//! whatever it is not sure of; what it accepts, clap reads alike (a property test holds them together).

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum as _;

use super::{Cli, Command, Get, Global, Helper, Output, Tool};
use crate::settings::{parse_duration, parse_positive_duration};

/// Reads the arguments behind the program's name, if they are those of a plain `token get` or `token helper`.
#[must_use]
pub fn parse(arguments: &[OsString]) -> Option<Cli> {
    let (command, words) = arguments.split_first()?;
    match command.to_str()? {
        "get" => parse_get(words),
        "helper" => parse_helper(words),
        _ => None,
    }
}

/// `[OPTIONS] TOOL [OPTIONS] ARGS…`: from the first of ARGS on, all are the tool's.
fn parse_helper(words: &[OsString]) -> Option<Cli> {
    let mut global = Global::default();
    let mut tool = None;
    let mut rest = words.iter();
    let mut arguments = Vec::new();
    while let Some(word) = rest.next() {
        match word.to_str()? {
            "-p" | "--profile" => once(&mut global.profile, value(rest.next())?.to_owned())?,
            "--config" => once(&mut global.config, PathBuf::from(value(rest.next())?))?,
            "--no-interactive" => flag(&mut global.no_interactive)?,
            "-q" | "--quiet" => flag(&mut global.quiet)?,
            plain if plain.is_empty() || plain.starts_with('-') => return None,
            "setup" => return None,
            plain if tool.is_none() => tool = Some(Tool::from_str(plain, false).ok()?),
            _ => {
                arguments = std::iter::once(word).chain(rest).cloned().collect();
                break;
            }
        }
    }
    Some(Cli { global, command: Command::Helper(Helper { act: None, tool: Some(tool?), arguments }) })
}

fn parse_get(words: &[OsString]) -> Option<Cli> {
    let mut words = words.iter();
    let mut global = Global::default();
    let mut get = Get::default();
    let mut output = None;
    while let Some(word) = words.next() {
        match word.to_str()? {
            "--" => {
                get.command = words.cloned().collect();
                if get.command.is_empty() {
                    return None;
                }
                break;
            }
            "-o" | "--output" => once(&mut output, parse_output(value(words.next())?)?)?,
            "-p" | "--profile" => once(&mut global.profile, value(words.next())?.to_owned())?,
            "--config" => once(&mut global.config, PathBuf::from(value(words.next())?))?,
            "--min-ttl" => once(&mut get.limits.min_ttl, parse_duration(value(words.next())?).ok()?)?,
            "--timeout" => once(&mut get.limits.timeout, parse_duration(value(words.next())?).ok()?)?,
            "--ttl" => once(&mut get.ttl, parse_positive_duration(value(words.next())?).ok()?)?,
            "--name" => once(&mut get.name, value(words.next())?.to_owned())?,
            "--offline" => flag(&mut get.offline)?,
            "--report-error" => flag(&mut get.report_error)?,
            "--no-interactive" => flag(&mut global.no_interactive)?,
            "-q" | "--quiet" => flag(&mut global.quiet)?,
            plain if !plain.starts_with('-') && !plain.is_empty() => once(&mut get.profile, plain.to_owned())?,
            _ => return None,
        }
    }
    let has_command = !get.command.is_empty();
    if (has_command && get.profile.is_some()) || (!has_command && (get.ttl.is_some() || get.name.is_some())) {
        return None;
    }
    get.output = output.unwrap_or_default();
    Some(Cli { global, command: Command::Get(get) })
}

fn value(word: Option<&OsString>) -> Option<&str> {
    word?.to_str().filter(|word| !word.is_empty() && !word.starts_with('-'))
}

fn parse_output(word: &str) -> Option<Output> {
    match word {
        "raw" => Some(Output::Raw),
        "json" => Some(Output::Json),
        "header" => Some(Output::Header),
        _ => None,
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn flag(place: &mut bool) -> Option<()> {
    (!std::mem::replace(place, true)).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use proptest::prelude::*;

    fn full(words: &[OsString]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once(OsString::from("token")).chain(words.iter().cloned()))
    }

    #[test]
    fn the_everyday_forms_are_fast() {
        let table: [&[&str]; 13] = [
            &["get"],
            &["get", "prod"],
            &["get", "prod", "-o", "json"],
            &["get", "-p", "prod", "--min-ttl", "10m", "-q"],
            &["get", "--offline", "--config", "x.toml"],
            &["get", "--", "sh", "-c", "echo x"],
            &["get", "--ttl", "1h", "--name", "n", "--", "mint"],
            &["helper", "kubectl"],
            &["helper", "git", "get"],
            &["helper", "git", "--profile", "prod", "get"],
            &["helper", "-q", "docker", "-p", "prod", "get"],
            &["helper", "keyring", "get", "pypi.example.com", "--mode", "creds"],
            &["helper", "terraform", "--config", "c.toml", "get", "--", "-p", "x"],
        ];
        for words in table {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(parse(&words), full(&words).ok(), "{words:?}");
            assert!(parse(&words).is_some(), "{words:?}");
        }
    }

    const FIRST: [&[&str]; 6] = [&["get"], &["get"], &["get"], &["helper"], &["helper", "git"], &[]];

    fn word() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "get",
            "renew",
            "helper",
            "git",
            "kubectl",
            "setup",
            "--write",
            "--cargo-plugin",
            "prod",
            "",
            "-",
            "--",
            "-o",
            "--output",
            "raw",
            "json",
            "header",
            "xml",
            "-p",
            "--profile",
            "--config",
            "c.toml",
            "--min-ttl",
            "--timeout",
            "--ttl",
            "--name",
            "10m",
            "5",
            "-5s",
            "--offline",
            "--renew",
            "--report-error",
            "--no-interactive",
            "-q",
            "--quiet",
            "-v",
            "-qv",
            "-ojson",
            "--output=json",
            "--offlin",
            "--help",
            "-h",
            "--version",
            "sh",
            "-c",
            "é",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_is_read_fast_is_read_alike(words in prop::collection::vec(word(), 0..7), first in prop::sample::select(FIRST.to_vec())) {
            let words: Vec<OsString> = first.iter().copied().chain(words).map(OsString::from).collect();
            if let Some(fast) = parse(&words) {
                prop_assert_eq!(Some(fast), full(&words).ok(), "{:?}", words);
            }
        }
    }
}
