//! git's own judgement of its configuration, and where that is.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::surroundings::Surroundings;
use crate::hardening::in_the_users_name;
use crate::profile::ConfigError;
use crate::settings::Mistake;

/// The most of what git says that is listened to.
const MOST: u64 = 1 << 20;

/// The file of this user, or of the repository around.
pub(super) fn file(surroundings: &Surroundings, is_local: bool) -> Result<PathBuf, ConfigError> {
    if is_local {
        return repository();
    }
    // Of two, the usual one, unless only the other is there.
    let files = surroundings.git();
    let found = files.iter().find(|file| file.exists()).or(files.first()).cloned();
    Ok(found.unwrap_or_default())
}

fn repository() -> Result<PathBuf, ConfigError> {
    let mut command = Command::new("git");
    command.args(["rev-parse", "--git-path", "config"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let (status, said) = told(in_the_users_name(|| command.spawn()).map_err(|_| missing())?)?;
    let path = said.trim_end_matches('\n').to_owned();
    if !status.success() || path.is_empty() {
        // Error: `--local` changes the configuration of the repository you are in.
        let message = "this is no git repository".to_owned();
        return Err(ConfigError::new(message, Some("leave --local out, or go to one".to_owned())));
    }
    Ok(std::path::absolute(&path).unwrap_or_else(|_| path.into()))
}

/// Whether git can read `text`.
pub(super) fn check(text: &str) -> Result<(), Mistake> {
    let whole = |line: usize, what: &str| Mistake { line, key: String::new(), what: what.to_owned(), hint: None };
    let (status, told) = ask(&["--list"], Stream::Error, text).map_err(|error| whole(1, &error.message))?;
    if status.success() {
        return Ok(());
    }
    let line = told.split_once("line ").and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    Err(whole(line.unwrap_or(1), "git cannot read this"))
}

/// Whether git reads an empty helper and then ours, last of all, for each of these hosts.
pub(super) fn check_made(text: &str, hosts: &[String]) -> Result<(), ConfigError> {
    for host in hosts {
        let (_, helpers) = ask(&["--get-all", &format!("credential.https://{host}.helper")], Stream::Output, text)?;
        let lines: Vec<&str> = helpers.lines().collect();
        let is_read = matches!(lines.as_slice(), [.., "", ours] if ours.starts_with('!') && ours.contains(" helper git "));
        if !is_read {
            // Error: Something in git's configuration makes the change mean something else. Nothing was changed.
            let message = format!("git would not read the change for {host} as it is meant");
            return Err(ConfigError::new(message, Some("make it by hand: git config --edit".to_owned())));
        }
    }
    Ok(())
}

/// Which of what git says is listened to: one alone, so that neither is waited for while it waits for the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Output,
    Error,
}

impl Stream {
    fn heard_as(self, wanted: Self) -> Stdio {
        if self == wanted { Stdio::piped() } else { Stdio::null() }
    }
}

fn ask(question: &[&str], heard: Stream, text: &str) -> Result<(ExitStatus, String), ConfigError> {
    let mut command = Command::new("git");
    command.args(["config", "--file", "-"]).args(question).env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(heard.heard_as(Stream::Output)).stderr(heard.heard_as(Stream::Error));
    let mut child = in_the_users_name(|| command.spawn()).map_err(|_| missing())?;
    // git reads all of it before it answers, or ends early and says why.
    let _ = child.stdin.take().map(|mut input| input.write_all(text.as_bytes()));
    told(child)
}

/// How git ended and what it said.
fn told(mut child: Child) -> Result<(ExitStatus, String), ConfigError> {
    let mut bytes = Vec::new();
    let streams = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
    for stream in streams.into_iter().flatten() {
        // Closed behind the bound: whoever goes on writing ends by that.
        File::from(stream).take(MOST).read_to_end(&mut bytes).map_err(|_| missing())?;
    }
    let status = child.wait().map_err(|_| missing())?;
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

fn missing() -> ConfigError {
    // Error: git is asked where its configuration is.
    ConfigError::new("git cannot be run", Some("install git, or put it on PATH".to_owned()))
}
