//! An examination of a directory of ours, or of where one would be made: whether files can be written there and locked, found out with a
//! file of its own, which has no name any more by the time anything is done with it; what room there is, and on what kind of file system.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{self, AtFlags, Mode, OFlags};

use super::StorageError;
use super::directory::{Directory, PRIVATE_FILE, write_all};
use super::lock::{LockFailure, excludes};

/// As much as an ordinary entry takes.
const USUAL_SIZE: usize = 4 << 10;

/// The nearest directory to `path` that is there: itself, or one that leads to it.
#[must_use]
pub fn ground(path: &Path) -> &Path {
    let missing = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).count();
    path.ancestors().nth(missing).filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether what leads to `path` is ours to build on.
#[must_use]
pub fn is_ours(ground: &Path) -> bool {
    std::fs::metadata(ground).is_ok_and(|metadata| metadata.uid() == rustix::process::geteuid().as_raw())
}

/// Writes a file in `folder`, which nobody else sees, and locks it if `locking`.
///
/// # Errors
/// [`LockFailure`] says what failed.
pub fn attempt(folder: &Path, locking: bool) -> Result<(), LockFailure> {
    let path = folder.join(Directory::temporary("token-doctor"));
    let failed = |act| {
        let path = folder.to_owned();
        move |errno| LockFailure::Unavailable(StorageError::system(act, &path)(errno))
    };
    let place = fs::open(folder, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(failed("open"))?;
    let name = path.file_name().unwrap_or_default();
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = fs::openat(&place, name, flags | OFlags::CREATE | OFlags::EXCL, PRIVATE_FILE).map_err(failed("write in"))?;
    fs::fchmod(&file, PRIVATE_FILE).map_err(failed("write in"))?;
    let again = fs::openat(&place, name, flags, Mode::empty());
    fs::unlinkat(&place, name, AtFlags::empty()).map_err(failed("remove a file from"))?;
    write_all(&file, &[0; USUAL_SIZE]).and_then(|()| fs::fsync(&file)).map_err(failed("write in"))?;
    if !locking {
        return Ok(());
    }
    let again = again.map_err(failed("open a file in"))?;
    if excludes(&File::from(file), &File::from(again), folder)? { Ok(()) } else { Err(LockFailure::Unsupported(folder.to_owned())) }
}

/// The room that is left where `path` is, in bytes and in files; `None` where that cannot be told.
#[must_use]
pub fn room(path: &Path) -> Option<(u64, Option<u64>)> {
    // One without any room at all is not one for files.
    let space = fs::statvfs(path).ok().filter(|space| space.f_blocks > 0)?;
    // Some file systems count no files.
    let files = (space.f_files > 0).then_some(space.f_favail);
    Some((space.f_bavail.saturating_mul(space.f_frsize), files))
}

/// What kind of file system `path` is on, where that is one to know of: whether it is on another machine, and whether it is gone with the
/// next start.
#[must_use]
pub fn peculiarity(path: &Path) -> Option<Peculiarity> {
    #[cfg(target_os = "linux")]
    return of_magic(u64::try_from(fs::statfs(path).ok()?.f_type).ok()?);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        None
    }
}

/// What sets a file system apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peculiarity {
    /// Its files are on another machine, or another program answers for them.
    Remote(&'static str),
    /// Its files are in memory.
    InMemory,
}

#[cfg(target_os = "linux")]
const fn of_magic(magic: u64) -> Option<Peculiarity> {
    Some(Peculiarity::Remote(match magic & 0xffff_ffff {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9P",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x00c3_6400 => "Ceph",
        0x0bd0_0bd0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x0102_1994 | 0x8584_58f6 => return Some(Peculiarity::InMemory),
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        for locking in [true, false] {
            attempt(folder.path(), locking).expect("written and locked");
            assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        }
        assert!(matches!(attempt(&folder.path().join("missing"), true), Err(LockFailure::Unavailable(_))));
        #[cfg(target_os = "linux")]
        assert!(attempt(Path::new("/proc/self"), true).is_err(), "nobody writes there");
    }

    #[test]
    fn the_ground_is_what_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(ground(&folder.path().join("a/b")), folder.path());
        assert_eq!(ground(folder.path()), folder.path());
        assert_eq!(ground(Path::new("no-such-folder/x")), Path::new("."));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn file_systems_are_told_apart() {
        assert_eq!(of_magic(0x6969), Some(Peculiarity::Remote("NFS")));
        assert_eq!(of_magic(0xffff_ffff_ff53_4d42), Some(Peculiarity::Remote("SMB")));
        assert_eq!(of_magic(0x0102_1994), Some(Peculiarity::InMemory));
        assert_eq!(of_magic(0xef53), None);
    }
}
