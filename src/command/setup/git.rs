//! git's own judgement of its configuration, and where that is.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::surroundings::Surroundings;
use crate::profile::ConfigError;
use crate::settings::Mistake;

/// The file of this user, or of the repository around.
pub(super) fn file(surroundings: &Surroundings, is_local: bool) -> Result<PathBuf, ConfigError> {
    if is_local {
        return repository();
    }
    if let Some(named) = surroundings.named("GIT_CONFIG_GLOBAL") {
        return Ok(named);
    }
    let (usual, other) = (surroundings.home.join(".gitconfig"), surroundings.config().join("git/config"));
    Ok(if !usual.exists() && other.exists() { other } else { usual })
}

fn repository() -> Result<PathBuf, ConfigError> {
    let output = Command::new("git").args(["rev-parse", "--git-path", "config"]).stdin(Stdio::null()).output().map_err(|_| missing())?;
    let path = String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned();
    if !output.status.success() || path.is_empty() {
        // Error: `--local` changes the configuration of the repository you are in.
        let message = "this is no git repository".to_owned();
        return Err(ConfigError { message, hint: Some("leave --local out, or go to one".to_owned()) });
    }
    Ok(std::path::absolute(&path).unwrap_or_else(|_| path.into()))
}

/// Whether git can read `text`.
pub(super) fn check(text: &str) -> Result<(), Mistake> {
    let whole = |line: usize, what: &str| Mistake { line, key: String::new(), what: what.to_owned(), hint: None };
    let output = ask(&["--list"], Stdio::null(), text).map_err(|error| whole(1, &error.message))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let line = told.split_once("line ").and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    Err(whole(line.unwrap_or(1), "git cannot read this"))
}

/// Whether git reads an empty helper and then ours, last of all, for each of these hosts.
pub(super) fn check_made(text: &str, hosts: &[String]) -> Result<(), ConfigError> {
    for host in hosts {
        let output = ask(&["--get-all", &format!("credential.https://{host}.helper")], Stdio::piped(), text)?;
        let helpers = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = helpers.lines().collect();
        let is_read = matches!(lines.as_slice(), [.., "", ours] if ours.starts_with('!') && ours.contains(" helper git "));
        if !is_read {
            // Error: Something in git's configuration makes the change mean something else. Nothing was changed.
            let message = format!("git would not read the change for {host} as it is meant");
            return Err(ConfigError { message, hint: Some("make it by hand: git config --edit".to_owned()) });
        }
    }
    Ok(())
}

fn ask(question: &[&str], answer: Stdio, text: &str) -> Result<Output, ConfigError> {
    let mut command = Command::new("git");
    command.args(["config", "--file", "-"]).args(question).env("LC_ALL", "C");
    let mut child = command.stdin(Stdio::piped()).stdout(answer).stderr(Stdio::piped()).spawn().map_err(|_| missing())?;
    // git reads all of it before it answers, or ends early and says why.
    let _ = child.stdin.take().map(|mut input| input.write_all(text.as_bytes()));
    child.wait_with_output().map_err(|_| missing())
}

fn missing() -> ConfigError {
    // Error: git is asked where its configuration is.
    ConfigError { message: "git cannot be run".to_owned(), hint: Some("install git, or put it on PATH".to_owned()) }
}
