//! Links by which others find the program. One that leads elsewhere, or is no link, is refused, and never removed.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::surroundings::{Surroundings, is_same};
use crate::command::files::{again, failed};
use crate::profile::ConfigError;
use crate::ui::Failure;

/// A link to the program.
pub(super) struct Link {
    /// Where it is, or is to be.
    pub(super) path: PathBuf,
    /// What it says.
    says: PathBuf,
    is_there: bool,
}

/// Looks at the place of a link.
pub(super) fn look(path: &Path, surroundings: &Surroundings) -> Result<Link, ConfigError> {
    let program = &surroundings.program;
    let is_beside = path.parent() == program.parent() && path.parent().is_some();
    let says = program.file_name().filter(|_| is_beside).map_or_else(|| program.clone(), PathBuf::from);
    let is_there = match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() && is_same(path, program) => true,
        Ok(_) => {
            // Error: Tools find a helper by its name, and something else has that name.
            let message = format!("{} is there already, and does not lead to this program", path.display());
            return Err(ConfigError::new(message, Some("remove it, or choose another directory: --bin-dir DIR".to_owned())));
        }
        Err(_) => false,
    };
    Ok(Link { path: path.to_owned(), says, is_there })
}

impl Link {
    /// Whether it is there.
    pub(super) const fn is_there(&self) -> bool {
        self.is_there
    }

    pub(super) fn make(&self) -> Result<(), Failure> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let made = again(|| fs::create_dir_all(folder)).and_then(|()| again(|| symlink(&self.says, &self.path)));
        made.map_err(|error| failed("link", &self.path, &error))
    }

    pub(super) fn remove(&self) -> Result<(), Failure> {
        match again(|| fs::remove_file(&self.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &self.path, &error)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.path.display(), self.says.display())
    }
}
