//! What other tools find by name: this program, and links to it.

use std::collections::BTreeSet;

use super::Scene;
use super::commands::{Commands, Found, typed};
use crate::cli::{DOCKER_WITH_PROFILE, helper_names};
use crate::error::Class;
use crate::ui::Finding;

const PROGRAM: &str = "token";
/// Others have programs of this name, and good ones.
const OF_MANY: &str = "keyring";

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    let commands = &scene.commands;
    let running = commands.running().map(|path| path.display().to_string()).unwrap_or_default();
    let own = program(&commands.look(PROGRAM), |path| commands.is_this(path), &running);
    let links = helper_names().map(str::to_owned).chain(of_profiles(commands));
    let links = links.filter_map(|name| {
        let found = commands.look(&name);
        let is_this = matches!(&found, Found::At(path) if commands.is_this(path));
        link(&name, &found, is_this)
    });
    let strays = of_profiles(commands).into_iter().filter_map(|name| {
        let profile = name.strip_prefix(DOCKER_WITH_PROFILE).filter(|profile| !scene.knows(profile))?;
        let message = format!("`{name}` is for a profile `{profile}`, which there is not");
        let hint = match &commands.look(&name) {
            Found::At(path) | Found::Unusable(path) => format!("run `rm {}`, or configure [profile.{profile}]", typed(path)),
            Found::Nowhere => format!("configure [profile.{profile}]"),
        };
        Some(Finding::warning("helper.profile", Class::Config, message, hint))
    });
    [own].into_iter().chain(links).chain(strays).collect()
}

/// The links of docker's that name a profile.
fn of_profiles(commands: &Commands) -> BTreeSet<String> {
    let entries = commands.folders().iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with(DOCKER_WITH_PROFILE)).collect()
}

fn program(found: &Found, is_this: impl Fn(&std::path::Path) -> bool, running: &str) -> Finding {
    const ID: &str = "helper.program";
    match found {
        Found::At(path) if is_this(path) => Finding::ok(ID, format!("`{PROGRAM}` is {}", path.display())),
        Found::At(path) => {
            let message = format!("`{PROGRAM}` is {}, another program than this one ({running})", path.display());
            Finding::warning(ID, Class::Config, message, "remove one of the two, or change their order in PATH")
        }
        Found::Unusable(path) => {
            let message = format!("`{PROGRAM}` is {}, which cannot be run", path.display());
            Finding::warning(ID, Class::Config, message, format!("run `rm {}`, or install the program again", typed(path)))
        }
        Found::Nowhere => {
            let folder = running.rsplit_once('/').map_or("", |(folder, _)| folder);
            let message = format!("`{PROGRAM}` is not on PATH: tools have to be told {running}");
            Finding::note(ID, message, format!("run `export PATH=\"{folder}:$PATH\"`, and put that into the start-up file of your shell"))
        }
    }
}

fn link(name: &str, found: &Found, is_this: bool) -> Option<Finding> {
    const ID: &str = "helper.link";
    let odd = |message: String, hint: String| Some(Finding::warning(ID, Class::Config, message, hint));
    match found {
        Found::At(path) if is_this => Some(Finding::ok(ID, format!("`{name}` is this program ({})", path.display()))),
        Found::At(path) if name != OF_MANY => {
            let hint = "remove it, or put a link to this program before it on PATH".to_owned();
            odd(format!("`{name}` is {}, another program than this one", path.display()), hint)
        }
        Found::Unusable(path) if name != OF_MANY => {
            let message = format!("`{name}` is {}, which leads nowhere or cannot be run", path.display());
            odd(message, format!("run `rm {}`; where a tool needs it, `token helper setup TOOL --write` links it again", typed(path)))
        }
        // Others have programs of that name.
        Found::At(_) | Found::Unusable(_) | Found::Nowhere => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::findings::Verdict;

    #[test]
    fn a_name_that_leads_elsewhere_is_told() {
        let at = || Found::At("/bin/x".into());
        let table = [
            ("git-credential-token", at(), true, Some(Verdict::Ok)),
            ("git-credential-token", at(), false, Some(Verdict::Warning)),
            ("git-credential-token", Found::Unusable("/bin/x".into()), false, Some(Verdict::Warning)),
            ("git-credential-token", Found::Nowhere, false, None),
            ("keyring", at(), true, Some(Verdict::Ok)),
            ("keyring", at(), false, None),
        ];
        for (name, found, is_this, verdict) in table {
            assert_eq!(link(name, &found, is_this).map(|finding| finding.verdict), verdict, "{name} {found:?}");
        }
        assert_eq!(program(&at(), |_| true, "/bin/x").verdict, Verdict::Ok);
        assert_eq!(program(&at(), |_| false, "/opt/x").verdict, Verdict::Warning);
        assert_eq!(program(&Found::Nowhere, |_| false, "/opt/x").verdict, Verdict::Note);
    }
}
