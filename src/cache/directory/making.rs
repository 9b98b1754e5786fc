//! Private directories appear with their mode, in places where they may be, and what a maker who was killed has left goes.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs;
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;

use super::{PRIVATE_DIRECTORY, is_random, random};
use crate::cache::StorageError;

const ROOT: u32 = 0;

/// Makes `path`, and what leads to it, but not in another user's directory, as with a HOME that is not ours. What root owns is
/// everybody's ground where it lets us build.
pub(super) fn make_private(path: &Path) -> Result<(), StorageError> {
    let mut missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    let deepest = path.ancestors().nth(missing.len()).filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let owner = owner(deepest)?;
    if owner != ROOT && owner != geteuid().as_raw() {
        return Err(foreign(deepest, owner));
    }
    missing.reverse();
    for folder in missing {
        make_one(folder).map_err(|errno| match errno {
            Errno::ACCESS | Errno::PERM if is_closed_by(deepest, owner) => foreign(deepest, owner),
            _ => StorageError::system("create", folder)(errno),
        })?;
    }
    Ok(())
}

/// Makes a directory appear with its mode: the umask may take from the owner what is his, and then a directory that is made first and
/// opened up second is closed to the processes that come between.
fn make_one(folder: &Path) -> Result<(), Errno> {
    let mut name = folder.as_os_str().to_owned();
    name.push(format!(".{:016x}", random()));
    let temporary = PathBuf::from(name);
    retry_on_intr(|| fs::mkdir(&temporary, PRIVATE_DIRECTORY))?;
    let made = retry_on_intr(|| fs::chmod(&temporary, PRIVATE_DIRECTORY)).and_then(|()| retry_on_intr(|| rename_new(&temporary, folder)));
    if made.is_err() {
        let _ = fs::rmdir(&temporary);
    }
    sweep_beside(folder);
    match made {
        Err(Errno::EXIST | Errno::NOTEMPTY) => Ok(()),
        // Swept by whoever was faster.
        Err(Errno::NOENT) if folder.is_dir() => Ok(()),
        outcome => outcome,
    }
}

/// Removes the empty directories of those who were killed while they made `folder`. Whoever lives finds `folder` made.
fn sweep_beside(folder: &Path) {
    let (Some(name), Some(parent)) = (folder.file_name().and_then(OsStr::to_str), folder.parent()) else { return };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let is_left = |entry: &std::fs::DirEntry| {
        let found = entry.file_name();
        found.to_str().and_then(|found| found.strip_prefix(name)?.strip_prefix('.')).is_some_and(is_random)
    };
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten().filter(is_left) {
        let _ = fs::rmdir(entry.path());
    }
}

/// Renames, unless there is something of that name already.
fn rename_new(from: &Path, to: &Path) -> Result<(), Errno> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    match fs::renameat_with(fs::CWD, from, fs::CWD, to, fs::RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        outcome => return outcome,
    }
    // File systems without that: an empty directory of the same making may be replaced, which does no harm to who opens it anew.
    fs::rename(from, to)
}

fn owner(folder: &Path) -> Result<u32, StorageError> {
    let metadata = std::fs::metadata(folder).map_err(|error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        StorageError::system("look at", folder)(errno)
    })?;
    Ok(metadata.uid())
}

/// The refusal where `path` cannot be looked at because it lies in what is another user's.
pub(super) fn in_foreign(path: &Path) -> Option<StorageError> {
    let (folder, owner) = path.ancestors().find_map(|folder| Some((folder, owner(folder).ok()?)))?;
    is_closed_by(folder, owner).then(|| foreign(folder, owner))
}

/// Whether what is denied in `folder` is denied because it is another user's. The root directory is nobody's home: there, a home is
/// merely missing.
fn is_closed_by(folder: &Path, owner: u32) -> bool {
    owner != geteuid().as_raw() && folder != Path::new("/")
}

fn foreign(folder: &Path, owner: u32) -> StorageError {
    StorageError::Foreign { path: folder.to_owned(), owner }
}
