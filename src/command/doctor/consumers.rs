//! The tools that are set up to ask for tokens here: whether what they call is there, and whom they ask for is configured.
//!
//! Their files are read where they have them, and where an earlier set-up put something.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::commands::{Commands, Found, typed};
use super::{Scene, hosts};
use crate::bounded;
use crate::command::setup::record;
use crate::command::setup::rehearsal::Rehearsal;
use crate::command::setup::surroundings::{Surroundings, is_same};
use crate::consumer::quoted;
use crate::consumer::reference::{Reference, Scope, references};
use crate::error::{Class, one_line};
use crate::ui::Finding;

/// The largest file of others that is read.
const LARGEST: u64 = 4 << 20;

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    let Ok(surroundings) = Surroundings::find(&scene.places, None) else { return Vec::new() };
    let mut files: BTreeSet<(String, PathBuf)> = surroundings.consumers().into_iter().map(|(tool, file)| (tool.to_owned(), file)).collect();
    files.extend(record::files(&surroundings.state));
    let mut seen = BTreeSet::new();
    // Two paths may lead to one file.
    files.retain(|(tool, file)| file.canonicalize().is_ok_and(|path| seen.insert((tool.clone(), path))));
    files.iter().flat_map(|(tool, file)| of_file(scene, &surroundings, tool, file)).collect()
}

fn of_file(scene: &Scene, surroundings: &Surroundings, tool: &str, file: &Path) -> Vec<Finding> {
    let Some(text) = text(file) else { return Vec::new() };
    let found = match references(tool, &text) {
        Ok(found) => found,
        Err(mistake) => {
            let place = format!("{}:{}", file.display(), mistake.line);
            let hint = format!("mend it, if {tool} is to ask for tokens: nothing in it could be looked at");
            return vec![Finding::note("consumer.file", format!("{tool}: {place}: {}", one_line(&mistake.what)), hint)];
        }
    };
    let told = Told { scene, surroundings, tool, file, text: &text };
    // One of a kind is enough.
    let mut known = BTreeSet::new();
    let kinds = found.iter().filter(|reference| known.insert((&reference.program, &reference.profile)));
    kinds.flat_map(|reference| told.of_kind(reference)).chain(told.of_hosts(&found)).collect()
}

/// A tool, and a file that tells it whom to call.
struct Told<'a> {
    scene: &'a Scene,
    surroundings: &'a Surroundings,
    tool: &'a str,
    file: &'a Path,
    text: &'a str,
}

impl Told<'_> {
    fn place(&self, reference: &Reference) -> String {
        format!("{}:{}", self.file.display(), reference.line)
    }

    fn of_kind(&self, reference: &Reference) -> Vec<Finding> {
        let (scene, place) = (self.scene, self.place(reference));
        let mut findings = vec![asks(self.tool, &place, &whom(scene, reference), || self.removal(reference))];
        let found = located(scene, self.surroundings, self.tool, &reference.program);
        findings.extend(program(self.tool, reference, &place, &found, &scene.commands, || self.repair(reference)));
        findings.extend(self.of_script(reference));
        findings
    }

    /// A script of ours stands between Vault and us.
    fn of_script(&self, reference: &Reference) -> Vec<Finding> {
        let file = Path::new(&reference.program);
        let Some(text) = text(file).filter(|_| self.tool == "vault") else { return Vec::new() };
        let told = Told { tool: "script", file, text: &text, ..*self };
        let calls = references(told.tool, told.text).unwrap_or_default();
        let commands = &self.scene.commands;
        let of_call =
            |call: &Reference| program(told.tool, call, &told.place(call), &commands.look(&call.program), commands, || told.repair(call));
        calls.iter().filter_map(of_call).collect()
    }

    fn rehearsal<'r>(&'r self, reference: &'r Reference) -> Rehearsal<'r> {
        let tool = if self.tool == "script" { "vault" } else { self.tool };
        let entry = if let Scope::Entry(entry) = &reference.scope { Some(entry.as_str()) } else { None };
        Rehearsal { surroundings: self.surroundings, tool, entry, file: self.file, text: self.text }
    }

    /// Whether a text has the tool call for the same just as before.
    fn is_still_in(&self, text: &str, reference: &Reference) -> bool {
        let is_it = |found: &Reference| {
            (&found.program, &found.profile, &found.scope) == (&reference.program, &reference.profile, &reference.scope)
        };
        references(self.tool, text).is_ok_and(|found| found.iter().any(is_it))
    }

    /// What has the tool ask for that no more: what set it up takes it back, where it was set up by that.
    fn removal(&self, reference: &Reference) -> String {
        let name = reference.profile.as_deref().and_then(|profile| profile.parse().ok());
        let undone = name.and_then(|name| self.rehearsal(reference).undone(&name));
        if let Some(undone) = undone.filter(|undone| !self.is_still_in(&undone.text, reference)) {
            return format!("run `{}`", undone.command);
        }
        match (&reference.scope, self.file.to_str()) {
            (Scope::Entry(user), Some(file)) if self.tool == "kubectl" => {
                format!("run `kubectl --kubeconfig {} config delete-user {}`", quoted(file), quoted(user))
            }
            _ => "take that line out".to_owned(),
        }
    }

    /// What has the tool call this program.
    fn repair(&self, reference: &Reference) -> String {
        let configuration = self.scene.configuration();
        let profile = configuration.select(reference.profile.as_deref()).ok();
        let made = profile.and_then(|profile| self.rehearsal(reference).made(profile, reference.profile.is_some()));
        match made.filter(|made| made.text == self.text || !self.is_still_in(&made.text, reference)) {
            Some(made) => format!("run `{}`", made.command),
            None => self.repair_by_hand(&reference.program),
        }
    }

    /// The same where setting up does not do it. Some tools find a helper by its name alone.
    fn repair_by_hand(&self, called: &str) -> String {
        let Surroundings { program, bin, .. } = self.surroundings;
        if called.contains('/') || called == "token" {
            return format!("write {} there", program.display());
        }
        format!("run `mkdir -p {} && ln -sf {} {}`", typed(bin), typed(program), typed(&bin.join(called)))
    }

    /// The hosts that nothing is handed out for.
    fn of_hosts(&self, found: &[Reference]) -> Vec<Finding> {
        let mut known = BTreeSet::new();
        let hosts = found.iter().filter(|reference| known.insert((&reference.profile, &reference.scope)));
        let hosts = hosts.filter(|reference| matches!(whom(self.scene, reference), Whom::Named(_) | Whom::ByHost));
        hosts.filter_map(|reference| hosts::refused(self.scene, self.tool, reference, &self.place(reference))).collect()
    }
}

fn text(file: &Path) -> Option<String> {
    let (bytes, _) = bounded::read(file, LARGEST).ok()?;
    String::from_utf8(bytes.to_vec()).ok()
}

/// What a tool finds by the name that it is told; Terraform has a directory of its own for that.
fn located(scene: &Scene, surroundings: &Surroundings, tool: &str, program: &str) -> Found {
    let plugin = surroundings.terraform_plugin();
    match plugin.to_str().filter(|_| tool == "terraform").map(|plugin| scene.commands.look(plugin)) {
        Some(found) if found != Found::Nowhere => found,
        _ => scene.commands.look(program),
    }
}

/// Whom a tool asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Whom {
    Named(String),
    /// Nobody has that name here.
    Unknown(String),
    /// The tool names a host, and that decides.
    ByHost,
    /// It names neither.
    Usual(String),
    /// And none is used then.
    Nobody,
    /// What it names is looked up in another configuration.
    Elsewhere(String),
}

fn whom(scene: &Scene, reference: &Reference) -> Whom {
    let is_ours = |config: &str| is_same(Path::new(config), &scene.places.config);
    match (&reference.config, &reference.profile) {
        (Some(config), _) if !is_ours(config) => Whom::Elsewhere(config.clone()),
        (_, Some(profile)) if scene.knows(profile) => Whom::Named(profile.clone()),
        (_, Some(profile)) => Whom::Unknown(profile.clone()),
        (_, None) if !reference.is_blind => Whom::ByHost,
        (_, None) => match scene.configuration().select(None) {
            Ok(usual) => Whom::Usual(usual.name.to_string()),
            // It may be a profile with a mistake, which is told.
            Err(_) if !scene.survey.mistakes.is_empty() => Whom::ByHost,
            Err(_) => Whom::Nobody,
        },
    }
}

fn asks(tool: &str, place: &str, whom: &Whom, removal: impl FnOnce() -> String) -> Finding {
    const ID: &str = "consumer.profile";
    match whom {
        Whom::Unknown(profile) => {
            let profile = one_line(profile);
            let hint = format!("configure [profile.{profile}], or {}", removal());
            Finding::problem(ID, Class::Config, format!("{tool} asks for `{profile}`, and there is no such profile ({place})"), hint)
        }
        Whom::Nobody => {
            let message = format!("{tool} names no profile, and there is none that is used then ({place})");
            Finding::problem(ID, Class::Config, message, "have it name one, by `--profile NAME`, or set `default` in the configuration")
        }
        Whom::Named(profile) => Finding::ok(ID, format!("{tool} asks for `{}` ({place})", one_line(profile))),
        Whom::Usual(profile) => Finding::ok(ID, format!("{tool} asks for whom is used where none is named, `{profile}` ({place})")),
        Whom::ByHost => Finding::ok(ID, format!("{tool} asks by its host ({place})")),
        Whom::Elsewhere(config) => Finding::ok(ID, format!("{tool} asks by another configuration, {} ({place})", one_line(config))),
    }
}

/// What a tool calls, where that is not this very program.
fn program(
    tool: &str,
    reference: &Reference,
    place: &str,
    found: &Found,
    commands: &Commands,
    repair: impl FnOnce() -> String,
) -> Option<Finding> {
    const ID: &str = "consumer.program";
    let called = one_line(&reference.program);
    let what = match found {
        Found::At(path) if tool == "vault" || commands.is_this(path) => return None,
        Found::At(path) => {
            let message = format!("{tool} calls {}, another program than this one ({place})", path.display());
            return Some(Finding::note(ID, message, format!("{}, if this one is meant", repair())));
        }
        Found::Unusable(path) => format!("{tool} calls {}, which leads nowhere or cannot be run ({place})", path.display()),
        Found::Nowhere if called.contains('/') => format!("{tool} calls {called}, which is not there ({place})"),
        Found::Nowhere => format!("{tool} calls `{called}`, which is not on PATH ({place})"),
    };
    Some(Finding::problem(ID, Class::Config, what, repair()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::findings::Verdict;

    #[test]
    fn a_tool_that_asks_in_vain_is_told() {
        let reference = Reference {
            line: 3,
            program: "/x/token".into(),
            profile: Some("prod".to_owned()),
            config: None,
            scope: Scope::Anything,
            is_blind: false,
        };
        let asks = |whom: &Whom| asks("git", "f:3", whom, String::new).verdict;
        let name = || "prod".to_owned();
        for whom in [Whom::Named(name()), Whom::ByHost, Whom::Usual(name()), Whom::Elsewhere(name())] {
            assert_eq!(asks(&whom), Verdict::Ok, "{whom:?}");
        }
        for whom in [Whom::Unknown(name()), Whom::Nobody] {
            assert_eq!(asks(&whom), Verdict::Problem, "{whom:?}");
        }
        let commands = Commands::find();
        let found = |found: Found| program("git", &reference, "f:3", &found, &commands, String::new).map(|finding| finding.verdict);
        assert_eq!(found(Found::Nowhere), Some(Verdict::Problem));
        assert_eq!(found(Found::Unusable("/x/token".into())), Some(Verdict::Problem));
        assert_eq!(found(Found::At("/bin/sh".into())), Some(Verdict::Note));
        assert_eq!(found(Found::At(std::env::current_exe().expect("a path"))), None);
    }
}
