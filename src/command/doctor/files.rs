//! The files of the cache and of the logins: what is damaged, must not be used, or is nobody's any more, told before its next use finds it
//! out. Those of a name that is no profile are in nobody's way for certain: a command may be wrapped under it.

use std::path::Path;

use super::Scene;
use super::commands::typed;
use crate::cache::StorageError;
use crate::cache::inventory::{Content, Fault, Flaw, Inventory};
use crate::error::Class;
use crate::name::Name;
use crate::ui::Finding;

const DAMAGED: &str = "storage.damaged";

pub(super) fn findings(scene: &Scene, inventory: &Inventory) -> Vec<Finding> {
    let is_asked_about = |flaw: &&Flaw| scene.is_whole || scene.asks_about(&flaw.name);
    let flaws = inventory.flaws.iter().filter(is_asked_about).map(|flaw| flawed(flaw, scene.knows(flaw.name.as_str())));
    let damaged = inventory.damaged.iter().map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let profile = name.strip_suffix(".json.damaged").and_then(|name| name.parse::<Name>().ok());
        let hint = format!("look at it, or run `rm {}`; a failing disk may be the cause", typed(path));
        let message = format!("{} was damaged, and is kept", path.display());
        Finding::warning(DAMAGED, Class::Storage, message, hint).of_all(profile.as_slice())
    });
    let leftovers = inventory.leftovers.first().map(|first| {
        let message = match inventory.leftovers.len() {
            1 => format!("{} is left of a process that was killed", first.display()),
            several => format!("{several} files are left of processes that were killed, as {}", first.display()),
        };
        Finding::note("storage.leftovers", message, "the next renewal of that profile removes them")
    });
    flaws.chain(damaged).chain(leftovers).collect()
}

fn flawed(flaw: &Flaw, is_of_profile: bool) -> Finding {
    let Flaw { path, name, content, fault } = flaw;
    let (id, message, hint) = match fault {
        Fault::Unusable(error) => ("storage.file", error.to_string(), advice(error)),
        Fault::Damaged => (DAMAGED, damage(path, *content), remedy(flaw)),
        Fault::OtherName => (DAMAGED, format!("{} was written for another profile, and is not used", path.display()), remedy(flaw)),
        Fault::Linked => (DAMAGED, format!("{} has a second name, and is not used", path.display()), format!("run `rm {}`", typed(path))),
    };
    let make = if is_of_profile && is_in_the_way(*content, fault) { Finding::problem } else { Finding::warning };
    make(id, Class::Storage, message, hint).of(name)
}

/// Whether no token is had because of it: what only saves requests counts as missing.
const fn is_in_the_way(content: Content, fault: &Fault) -> bool {
    match content {
        Content::Login => true,
        Content::Token | Content::Lock => matches!(fault, Fault::Unusable(_)),
        Content::Failure | Content::Served => false,
    }
}

fn damage(path: &Path, content: Content) -> String {
    let path = path.display();
    match content {
        Content::Login => format!("the login in {path} is damaged"),
        Content::Failure => format!("the memory of a failure in {path} is damaged, and counts for nothing"),
        Content::Token | Content::Served | Content::Lock => format!("the token in {path} is damaged: its next use asks for another"),
    }
}

/// What to do about a file that can be touched, and says nothing that could be believed.
fn remedy(Flaw { path, name, content, .. }: &Flaw) -> String {
    match content {
        Content::Login => format!("restore it, or run `token purge {name}` and begin with a new login"),
        Content::Token => format!("run `token purge {name} --keep-login`; a failing disk may be the cause"),
        Content::Failure | Content::Served | Content::Lock => format!("run `rm {}`; a failing disk may be the cause", typed(path)),
    }
}

/// What to do about a file, or a directory, that must not be used.
pub(super) fn advice(error: &StorageError) -> String {
    match error {
        StorageError::Refused { path, why } if why.starts_with("is open to others") => {
            let mode = if path.is_dir() { "700" } else { "600" };
            format!("run `chmod {mode} {}`", typed(path))
        }
        StorageError::Refused { path, .. } => removal(path),
        StorageError::FutureVersion { path, .. } => format!("update token, or run `rm {}`", typed(path)),
        StorageError::Foreign { .. }
        | StorageError::DamagedLogin { .. }
        | StorageError::OneDirectory { .. }
        | StorageError::System { .. } => error.hint(),
    }
}

/// What gets something out of the way that is not what it should be. It may be worth something to somebody.
fn removal(path: &Path) -> String {
    let in_the_way = path.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(path);
    let is_link = in_the_way.is_symlink();
    let in_the_way = typed(in_the_way);
    if is_link { format!("run `rm {in_the_way}`: it is a link") } else { format!("run `mv {in_the_way} {in_the_way}.old`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::findings::Verdict;

    #[test]
    fn every_flaw_has_its_verdict_and_its_way_out() {
        use Verdict::{Problem, Warning};
        let refused = || Fault::Unusable(StorageError::Refused { path: "/c/f".into(), why: "is a symbolic link".to_owned() });
        let newer = || Fault::Unusable(StorageError::FutureVersion { path: "/c/f".into(), version: 9 });
        let table = [
            (Content::Token, refused(), Problem, "run `mv "),
            (Content::Token, newer(), Problem, "update token, or run `rm /c/f`"),
            (Content::Token, Fault::Damaged, Warning, "`token purge prod --keep-login`"),
            (Content::Token, Fault::OtherName, Warning, "`token purge prod --keep-login`"),
            (Content::Token, Fault::Linked, Warning, "`rm /c/f`"),
            (Content::Login, newer(), Problem, "update token"),
            (Content::Login, Fault::Damaged, Problem, "`token purge prod`"),
            (Content::Login, Fault::OtherName, Problem, "`token purge prod`"),
            (Content::Failure, refused(), Warning, ""),
            (Content::Failure, newer(), Warning, "update token"),
            (Content::Failure, Fault::Damaged, Warning, "`rm /c/f`"),
            (Content::Lock, refused(), Problem, ""),
        ];
        for (content, fault, verdict, says) in table {
            let flaw = Flaw { path: "/c/f".into(), name: "prod".parse().expect("a name"), content, fault };
            let found = flawed(&flaw, true);
            assert_eq!(found.verdict, verdict, "{flaw:?}");
            assert!(found.hint().is_some_and(|hint| hint.contains(says)), "{found:?}");
            assert_eq!(flawed(&flaw, false).verdict, Warning, "nobody's: {flaw:?}");
        }
    }
}
