//! The directories of the cache and of the logins: whether they are private, can be written to and locked, have room, and whose files lie
//! in them. What is not there yet is judged by the directory in which it would be made.

use std::path::Path;

use super::commands::typed;
use super::{Scene, files};
use crate::cache::inventory::Inventory;
use crate::cache::trial::{self, Peculiarity};
use crate::cache::{Directory, LockFailure, StorageError};
use crate::error::Class;
use crate::name::Name;
use crate::ui::Finding;

/// Less room than this is soon none.
const LITTLE_ROOM: u64 = 16 << 20;
const FEW_FILES: u64 = 100;

/// A directory of ours.
#[derive(Clone, Copy)]
struct Store<'a> {
    id: &'static str,
    /// What is in it.
    called: &'static str,
    path: &'a Path,
    variable: &'static str,
    locking: bool,
}

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    let locking = scene.configuration().cache().locks();
    let (cache, state) = (&scene.places.cache, &scene.places.state);
    let cache = Store { id: "storage.cache", called: "cache", path: cache, variable: "TOKEN_CACHE_DIR", locking };
    let logins = Store { id: "storage.logins", called: "logins", path: state, variable: "TOKEN_STATE_DIR", locking: false };
    let mut findings = of_store(scene, cache, scene.configuration().cache().inventory());
    findings.extend(of_store(scene, logins, scene.configuration().logins().inventory()));
    findings.extend(orphans(scene));
    findings
}

fn of_store(scene: &Scene, store: Store<'_>, inventory: Result<Inventory, StorageError>) -> Vec<Finding> {
    let path = store.path;
    let ground = match Directory::open(path) {
        Ok(Some(_)) => path,
        Ok(None) => trial::ground(path),
        Err(error) => return vec![refused(&store, &error)],
    };
    let (is_there, is_ours) = (ground == path, trial::is_ours(ground));
    let mut findings = Vec::new();
    if !is_there && !is_ours && !rustix::process::geteuid().is_root() {
        let message = format!("{} is not there, and {} is another user's", path.display(), ground.display());
        let hint = format!("check HOME, or set {} to a directory of yours", store.variable);
        return vec![Finding::problem(store.id, Class::Storage, message, hint)];
    }
    findings.extend(trial::attempt(ground, store.locking).err().map(|failure| unusable(&store, &failure)));
    findings.extend(trial::room(ground).and_then(|room| narrow(&store, ground, room)));
    findings.extend(trial::peculiarity(ground).and_then(|kind| peculiar(&store, kind)));
    match inventory {
        Ok(inventory) => findings.extend(files::findings(scene, &inventory)),
        Err(error) => findings.push(refused(&store, &error)),
    }
    if findings.iter().all(|finding| finding.id != store.id) {
        findings.insert(0, sound(&store, is_there, ground));
    }
    findings
}

fn sound(store: &Store<'_>, is_there: bool, ground: &Path) -> Finding {
    let lock = if store.locking { ", and can be locked" } else { "" };
    let state = if is_there { format!("is private{lock}") } else { format!("is made when it is needed (in {})", ground.display()) };
    let finding = Finding::ok(store.id, format!("{}: {} {state}", store.called, store.path.display()));
    match trial::room(ground) {
        Some((bytes, _)) => finding.with_detail(format!("{} MB free", bytes >> 20)),
        None => finding,
    }
}

/// A directory that must not be used.
fn refused(store: &Store<'_>, error: &StorageError) -> Finding {
    let variable = store.variable;
    let hint = match error {
        StorageError::Refused { path, why } if why.starts_with("belongs to") => {
            format!("run `sudo chown -R \"$(id -u)\" {}`, or set {variable} to a directory of yours", typed(path))
        }
        StorageError::Refused { path, .. } if path.is_symlink() => {
            format!("run `rm {}`, or set {variable} to the directory that it leads to", typed(path))
        }
        other => files::advice(other),
    };
    Finding::problem(store.id, Class::Storage, error.to_string(), hint)
}

fn unusable(store: &Store<'_>, failure: &LockFailure) -> Finding {
    match failure {
        LockFailure::Unsupported(path) => {
            let message = format!("the file system of {} cannot lock", path.display());
            let hint = format!("set {} to a directory that can, or lock = \"none\" in the configuration", store.variable);
            Finding::problem(store.id, Class::Storage, message, hint)
        }
        LockFailure::Unavailable(error) | LockFailure::Refused(error) => {
            Finding::problem(store.id, Class::Storage, error.to_string(), error.hint())
        }
    }
}

fn narrow(store: &Store<'_>, ground: &Path, (bytes, files): (u64, Option<u64>)) -> Option<Finding> {
    let what = match (bytes, files) {
        (bytes, _) if bytes < LITTLE_ROOM => format!("{} KB", bytes >> 10),
        (_, Some(files)) if files < FEW_FILES => format!("room for {files} files"),
        _ => return None,
    };
    let message = format!("only {what} left where {} is", ground.display());
    let hint = format!("make room, or set {} to another directory", store.variable);
    Some(Finding::warning("storage.space", Class::Storage, message, hint))
}

fn peculiar(store: &Store<'_>, kind: Peculiarity) -> Option<Finding> {
    let (called, path) = (store.called, store.path.display());
    match kind {
        Peculiarity::Remote(kind) => {
            let message = format!("{called}: {path} is on {kind}: slower, and machines that share it share its files");
            let hint = format!("set {} to a directory of this machine, if that is not meant", store.variable);
            Some(Finding::note("storage.remote", message, hint))
        }
        // A cache may be lost.
        Peculiarity::InMemory if store.locking || store.called == "cache" => None,
        Peculiarity::InMemory => {
            let message = format!("{called}: {path} is in memory: they are gone with the next start of this machine");
            Some(Finding::note("storage.memory", message, format!("set {} to a directory on a disk", store.variable)))
        }
    }
}

/// What is kept for names that are no profiles; entries of commands are nobody's.
fn orphans(scene: &Scene) -> Option<Finding> {
    let configuration = scene.configuration();
    let stored = configuration.cache().names().unwrap_or_default();
    let names = stored.into_iter().filter(|name| !name.as_str().starts_with("exec-"));
    let mut names: Vec<Name> = names.chain(configuration.logins().names().unwrap_or_default()).collect();
    names.retain(|name| !scene.knows(name.as_str()));
    names.sort();
    names.dedup();
    // Without any profile, the configuration is likely to be another one than usual.
    let is_told = scene.is_whole && !names.is_empty() && configuration.profiles().next().is_some();
    let hint =
        || format!("run `token purge {}`, if that is not needed any more", names.iter().map(Name::as_str).collect::<Vec<_>>().join(" "));
    is_told.then(|| Finding::note("storage.orphans", "something is kept for it, and there is no such profile", hint()).of_all(&names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::findings::Verdict;

    fn store(called: &'static str, locking: bool) -> Store<'static> {
        Store { id: "storage.cache", called, path: Path::new("/x"), variable: "TOKEN_CACHE_DIR", locking }
    }

    #[test]
    fn little_room_is_told() {
        let table = [
            ((1 << 30, Some(1000)), None),
            ((1 << 30, None), None),
            ((1 << 20, Some(1000)), Some("1024 KB")),
            ((0, None), Some("0 KB")),
            ((1 << 30, Some(3)), Some("3 files")),
        ];
        for (room, says) in table {
            let found = narrow(&store("cache", true), Path::new("/x"), room);
            assert_eq!(found.is_some(), says.is_some(), "{room:?}");
            assert!(found.is_none_or(|finding| finding.message.contains(says.unwrap_or_default())), "{room:?}");
        }
    }

    #[test]
    fn a_file_system_that_is_not_usual_is_told() {
        let table = [
            ("cache", true, Peculiarity::Remote("NFS"), Some("storage.remote")),
            ("logins", false, Peculiarity::Remote("NFS"), Some("storage.remote")),
            ("cache", false, Peculiarity::InMemory, None),
            ("logins", false, Peculiarity::InMemory, Some("storage.memory")),
        ];
        for (called, locking, kind, expected) in table {
            let found = peculiar(&store(called, locking), kind);
            assert_eq!(found.as_ref().map(|finding| finding.id), expected, "{called} {kind:?}");
            assert!(found.is_none_or(|finding| finding.verdict == Verdict::Note));
        }
    }

    #[test]
    fn what_cannot_be_locked_has_a_way_out() {
        let found = unusable(&store("cache", true), &LockFailure::Unsupported("/x".into()));
        assert!(found.hint().is_some_and(|hint| hint.contains("lock = \"none\"") && hint.contains("TOKEN_CACHE_DIR")));
    }
}
