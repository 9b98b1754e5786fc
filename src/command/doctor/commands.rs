//! Commands: which files are found by their names, and whether they are this program.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::consumer::quoted;

/// PATH, and what is running.
pub(super) struct Commands {
    path: Vec<PathBuf>,
    running: Option<PathBuf>,
}

/// Where a command is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    At(PathBuf),
    /// A file that is not executable, or a link that leads nowhere.
    Unusable(PathBuf),
    Nowhere,
}

impl Commands {
    pub(super) fn find() -> Self {
        let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
        let path = env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
        Self { path, running: env::current_exe().and_then(std::fs::canonicalize).ok() }
    }

    /// The directories of PATH.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.path
    }

    /// The program that is running.
    pub(super) fn running(&self) -> Option<&Path> {
        self.running.as_deref()
    }

    /// What is run by this name or path.
    pub(super) fn look(&self, command: &str) -> Found {
        if command.contains('/') {
            return standing(Path::new(command));
        }
        let places = || self.path.iter().map(|folder| standing(&folder.join(command)));
        let usable = places().find(|found| matches!(found, Found::At(_)));
        usable.or_else(|| places().find(|found| *found != Found::Nowhere)).unwrap_or(Found::Nowhere)
    }

    /// Whether a file is the program that is running.
    pub(super) fn is_this(&self, file: &Path) -> bool {
        self.running.is_some() && file.canonicalize().ok() == self.running
    }
}

/// A path as it is typed into a shell.
pub(super) fn typed(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn standing(file: &Path) -> Found {
    if file.is_file() && rustix::fs::access(file, Access::EXEC_OK).is_ok() {
        return Found::At(file.to_owned());
    }
    if file.symlink_metadata().is_ok_and(|found| !found.is_dir()) { Found::Unusable(file.to_owned()) } else { Found::Nowhere }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_command_is_the_first_that_can_be_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        let put = |file: PathBuf, mode: u32| {
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(&file, "").expect("written");
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("set");
        };
        put(one.join("plain"), 0o644);
        put(two.join("plain"), 0o755);
        put(one.join("only"), 0o644);
        symlink("nowhere", one.join("broken")).expect("linked");
        let commands = Commands { path: vec![one.clone(), two.clone()], running: two.join("plain").canonicalize().ok() };
        let table = [
            ("plain", Found::At(two.join("plain"))),
            ("only", Found::Unusable(one.join("only"))),
            ("broken", Found::Unusable(one.join("broken"))),
            ("missing", Found::Nowhere),
        ];
        for (command, found) in table {
            assert_eq!(commands.look(command), found, "{command}");
        }
        assert_eq!(commands.look(two.join("plain").to_str().expect("text")), Found::At(two.join("plain")));
        assert!(commands.is_this(&two.join("plain")) && !commands.is_this(&one.join("plain")));
    }
}
