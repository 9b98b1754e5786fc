//! The tools that are set up to ask for tokens here: whether what they call is there, and whom they ask for is configured.
//!
//! Their files are read where they have them, and where an earlier set-up put something.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Scene;
use super::commands::{Commands, Found};
use crate::bounded;
use crate::command::setup::record;
use crate::command::setup::surroundings::{Surroundings, is_same};
use crate::consumer::reference::{Reference, references};
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
    let mut found = match references(tool, &text) {
        Ok(found) => found,
        Err(mistake) => {
            let place = format!("{}:{}", file.display(), mistake.line);
            let hint = format!("mend it, if {tool} is to ask for tokens: nothing in it could be looked at");
            return vec![Finding::note("consumer.file", format!("{tool}: {place}: {}", one_line(&mistake.what)), hint)];
        }
    };
    // One of a kind is enough.
    let mut known = BTreeSet::new();
    found.retain(|reference| known.insert((reference.program.clone(), reference.profile.clone())));
    let of_reference = |reference: &Reference| {
        let place = format!("{}:{}", file.display(), reference.line);
        let mut findings = vec![asks(tool, &place, &whom(scene, reference))];
        findings.extend(program(tool, reference, &place, &located(scene, surroundings, tool, &reference.program), &scene.commands));
        findings.extend(of_script(scene, tool, reference));
        findings
    };
    found.iter().flat_map(of_reference).collect()
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

/// A script of ours stands between Vault and us.
fn of_script(scene: &Scene, tool: &str, reference: &Reference) -> Vec<Finding> {
    let script = Path::new(&reference.program);
    let Some(text) = text(script).filter(|_| tool == "vault") else { return Vec::new() };
    let calls = references("script", &text).unwrap_or_default();
    let of_call = |call: &Reference| {
        let place = format!("{}:{}", script.display(), call.line);
        program("script", call, &place, &scene.commands.look(&call.program), &scene.commands)
    };
    calls.iter().filter_map(of_call).collect()
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

fn asks(tool: &str, place: &str, whom: &Whom) -> Finding {
    const ID: &str = "consumer.profile";
    match whom {
        Whom::Unknown(profile) => {
            let profile = one_line(profile);
            let hint = format!("configure [profile.{profile}], or `token helper setup {tool} --profile {profile} --undo --write`");
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
fn program(tool: &str, reference: &Reference, place: &str, found: &Found, commands: &Commands) -> Option<Finding> {
    const ID: &str = "consumer.program";
    let called = one_line(&reference.program);
    let what = match found {
        Found::At(path) if tool == "vault" || commands.is_this(path) => return None,
        Found::At(path) => {
            let message = format!("{tool} calls {}, another program than this one ({place})", path.display());
            let this = commands.running().map(|path| path.display().to_string()).unwrap_or_default();
            return Some(Finding::note(ID, message, format!("write {this} there, if this one is meant")));
        }
        Found::Unusable(path) => format!("{tool} calls {}, which leads nowhere or cannot be run ({place})", path.display()),
        Found::Nowhere if called.contains('/') => format!("{tool} calls {called}, which is not there ({place})"),
        Found::Nowhere => format!("{tool} calls `{called}`, which is not on PATH ({place})"),
    };
    let profile = reference.profile.as_deref().map(|profile| format!(" --profile {}", one_line(profile))).unwrap_or_default();
    let tool = if tool == "script" { "vault" } else { tool };
    Some(Finding::problem(ID, Class::Config, what, format!("run `token helper setup {tool}{profile} --write`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::reference::Scope;
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
        let asks = |whom: &Whom| asks("git", "f:3", whom).verdict;
        let name = || "prod".to_owned();
        for whom in [Whom::Named(name()), Whom::ByHost, Whom::Usual(name()), Whom::Elsewhere(name())] {
            assert_eq!(asks(&whom), Verdict::Ok, "{whom:?}");
        }
        for whom in [Whom::Unknown(name()), Whom::Nobody] {
            assert_eq!(asks(&whom), Verdict::Problem, "{whom:?}");
        }
        let commands = Commands::find();
        let found = |found: Found| program("git", &reference, "f:3", &found, &commands).map(|finding| finding.verdict);
        assert_eq!(found(Found::Nowhere), Some(Verdict::Problem));
        assert_eq!(found(Found::Unusable("/x/token".into())), Some(Verdict::Problem));
        assert_eq!(found(Found::At("/bin/sh".into())), Some(Verdict::Note));
        assert_eq!(found(Found::At(std::env::current_exe().expect("a path"))), None);
    }
}
