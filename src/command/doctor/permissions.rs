//! Who besides its user can change the configuration: whoever can write it, or put another in its place, has anything run in that user's
//! name. That anybody can write the file itself, and what may be read of it, reading has found out.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::commands::typed;
use crate::error::Class;
use crate::ui::Finding;

/// Of a directory, that only owners of files can rename and remove them there.
const STICKY: u32 = 0o1000;
const GROUP: u32 = 0o020;
const ANYBODY: u32 = 0o002;

/// A file or a directory, and its permissions.
#[derive(Clone, Debug)]
struct Open {
    path: PathBuf,
    mode: u32,
    /// The permission of a group of others to write: none where the group is the user's own.
    group: u32,
}

/// What there is to say of the configuration at `path`, there or not.
pub(super) fn findings(path: &Path) -> Vec<Finding> {
    // The permissions of a terminal or a pipe are nobody's choice.
    let file = look(path).filter(|found| path.is_file() && found.mode & ANYBODY == 0 && found.mode & found.group != 0);
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // A link can be replaced, and so can what it leads to.
    let ways = [path.canonicalize().unwrap_or_else(|_| absolute.clone()), absolute];
    let folder = ways.iter().find_map(|way| exposed(&way.ancestors().skip(1).filter_map(look).collect::<Vec<_>>()));
    file.map(|file| of_file(&file)).into_iter().chain(folder.map(|folder| of_folder(&folder))).collect()
}

fn look(path: &Path) -> Option<Open> {
    let metadata = path.metadata().ok()?;
    // A group by the number of its user is his alone, as a rule: Debian, Fedora and others give everybody one, and a umask of 002.
    let group = if metadata.gid() == metadata.uid() { 0 } else { GROUP };
    Some(Open { path: path.to_owned(), mode: metadata.mode() & 0o7777, group })
}

/// The first of the directories that lead to a file, the nearest first, in which others can replace what leads there. That a group can
/// do so counts for the nearest alone: those above are often shared on purpose.
fn exposed(folders: &[Open]) -> Option<Open> {
    let is_open = |(at, folder): &(usize, &Open)| {
        let others = if *at == 0 { folder.group | ANYBODY } else { ANYBODY };
        folder.mode & others != 0 && folder.mode & STICKY == 0
    };
    folders.iter().enumerate().find(is_open).map(|(_, folder)| folder.clone())
}

fn of_file(Open { path, mode, .. }: &Open) -> Finding {
    let message = format!("{} can be changed by its group (mode {mode:04o})", path.display());
    Finding::warning("config.mode", Class::Config, message, format!("run `chmod g-w {}`", typed(path)))
}

fn of_folder(Open { path, mode, .. }: &Open) -> Finding {
    let (who, others) = if mode & ANYBODY != 0 { ("anybody", "go-w") } else { ("its group", "g-w") };
    let message = format!("{} can be written to by {who} (mode {mode:04o}), who can so replace the configuration", path.display());
    Finding::warning("config.directory", Class::Config, message, format!("run `chmod {others} {}`", typed(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modes from the directory of the file upwards, which of them is told, and what closes it.
    type Case = (&'static [u32], Option<(usize, &'static str)>);

    #[test]
    fn whoever_can_replace_the_configuration_is_told() {
        let table: [Case; 9] = [
            (&[0o700, 0o755, 0o755], None),
            (&[0o755, 0o755, 0o755], None),
            (&[0o777, 0o755, 0o755], Some((0, "go-w"))),
            (&[0o757, 0o755, 0o755], Some((0, "go-w"))),
            (&[0o775, 0o755, 0o755], Some((0, "g-w"))),
            (&[0o755, 0o775, 0o755], None),
            (&[0o755, 0o777, 0o755], Some((1, "go-w"))),
            (&[0o700, 0o1777, 0o755], None),
            (&[0o1777, 0o755, 0o755], None),
        ];
        for (modes, told) in table {
            let open = |(mode, at): (&u32, usize)| Open { path: format!("/{at}").into(), mode: *mode, group: GROUP };
            let folders: Vec<Open> = modes.iter().zip(0..).map(open).collect();
            let found = exposed(&folders).map(|folder| of_folder(&folder));
            assert_eq!(found.is_some(), told.is_some(), "{modes:?}: {found:?}");
            let hint = told.map(|(at, others)| format!("run `chmod {others} /{at}`"));
            assert_eq!(found.as_ref().and_then(Finding::hint), hint.as_deref(), "{modes:?}");
        }
    }
}
