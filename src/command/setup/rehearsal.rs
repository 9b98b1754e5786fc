//! What setting up would do, and by which command: one that does nothing is not worth advising. Nothing is changed for this.

use std::path::Path;

use super::steps::{self, FileStep};
use super::surroundings::{Surroundings, is_same};
use crate::cli::{Aws, Cargo, Consumer, Git, Kubectl, Setup};
use crate::consumer::{self, quoted};
use crate::name::Name;
use crate::profile::Profile;

/// A change of a tool's configuration that somebody may want.
pub(in crate::command) struct Rehearsal<'a> {
    pub(in crate::command) surroundings: &'a Surroundings,
    pub(in crate::command) tool: &'a str,
    /// The name of the entry that it is about, where the tool has entries.
    pub(in crate::command) entry: Option<&'a str>,
    /// Where it is.
    pub(in crate::command) file: &'a Path,
    /// What that says.
    pub(in crate::command) text: &'a str,
}

/// The command that makes a change, and what the file says then.
pub(in crate::command) struct Rehearsed {
    pub(in crate::command) command: String,
    pub(in crate::command) text: String,
}

impl Rehearsal<'_> {
    /// What takes the change for `name` back; nothing where it would stay.
    pub(in crate::command) fn undone(&self, name: &Name) -> Option<Rehearsed> {
        let step = self.step(name, &[], true, true)?;
        let text = consumer::take_back(step.change.as_ref(), self.text, &[]).ok().filter(|left| left != self.text)?;
        Some(Rehearsed { command: self.command(&step, Some(name), name, true)?, text })
    }

    /// What makes the change for a profile, which the command names if `is_named`; nothing where it would be refused.
    pub(in crate::command) fn made(&self, profile: &Profile, is_named: bool) -> Option<Rehearsed> {
        let step = self.step(&profile.name, &profile.hosts, is_named, false)?;
        let made = consumer::make(step.change.as_ref(), self.text, &[]).ok()?;
        let named = Some(&profile.name).filter(|_| is_named);
        let command = self.command(&step, named, &profile.name, false)?;
        Some(Rehearsed { command, text: made.map_or_else(|| self.text.to_owned(), |made| made.text) })
    }

    /// The step that changes the file, or would if the tool had it in its usual place.
    fn step(&self, name: &Name, hosts: &[String], is_named: bool, undo: bool) -> Option<FileStep> {
        let setup = Setup { consumer: self.consumer()?, write: false, undo, bin_dir: None };
        let plan = steps::plan(&setup, self.surroundings, is_named, name, hosts).ok()?;
        let mut files = plan.files;
        let at = files.iter().position(|step| is_same(&step.path, self.file)).or(files.len().checked_sub(1))?;
        Some(files.swap_remove(at))
    }

    fn consumer(&self) -> Option<Consumer> {
        let entry = self.entry.map(str::to_owned);
        Some(match self.tool {
            "kubectl" => Consumer::Kubectl(Kubectl { user: entry, ..Kubectl::default() }),
            "git" => Consumer::Git(Git::default()),
            "docker" => Consumer::Docker,
            "aws" => Consumer::Aws(Aws { aws_profile: entry }),
            "cargo" => Consumer::Cargo(Cargo::default()),
            "terraform" => Consumer::Terraform,
            "bazel" => Consumer::Bazel,
            "goauth" => Consumer::Goauth,
            "vault" => Consumer::Vault,
            _ => return None,
        })
    }

    fn command(&self, step: &FileStep, named: Option<&Name>, name: &Name, undo: bool) -> Option<String> {
        let variable = if is_same(&step.path, self.file) { String::new() } else { self.variable()? };
        let program = quoted(&self.surroundings.command);
        let profile = named.map(|name| format!(" --profile {name}")).unwrap_or_default();
        let entry = match (self.tool, self.entry) {
            ("kubectl", Some(entry)) if entry != format!("token-{name}") => format!(" --user {}", quoted(entry)),
            ("aws", Some(entry)) if entry != name.as_str() => format!(" --aws-profile {}", quoted(entry)),
            _ => String::new(),
        };
        let undo = if undo { " --undo" } else { "" };
        Some(format!("{variable}{program} helper setup {}{profile}{entry}{undo} --write", self.tool))
    }

    /// What has the tool, and us, look for its configuration in the file.
    fn variable(&self) -> Option<String> {
        let (variable, place) = match self.tool {
            "kubectl" => ("KUBECONFIG", self.file),
            "git" => ("GIT_CONFIG_GLOBAL", self.file),
            "docker" => ("DOCKER_CONFIG", self.file.parent()?),
            "aws" => ("AWS_CONFIG_FILE", self.file),
            "cargo" => ("CARGO_HOME", self.file.parent()?),
            "terraform" => ("TF_CLI_CONFIG_FILE", self.file),
            "goauth" => ("GOENV", self.file),
            "vault" => ("VAULT_CONFIG_PATH", self.file),
            _ => return None,
        };
        Some(format!("{variable}={} ", quoted(place.to_str()?)))
    }
}
