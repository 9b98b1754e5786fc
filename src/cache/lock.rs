//! The lock of a profile: an empty file beside its entry, never removed, locked by whoever renews. This is the only user of fs4.
//! The lock goes when its holder lets go of it or dies.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use fs4::{FileExt, TryLockError};
use rustix::fs::{self, AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::{Errno, retry_on_intr};

use super::directory::{Directory, check_regular, refused};
use super::{Cache, StorageError};

/// The lock of a profile, open: to be taken, or held. Dropping it releases it.
#[derive(Debug)]
pub struct Lock {
    file: Option<(File, PathBuf)>,
}

impl Lock {
    /// The lock of those who do not lock: always theirs.
    #[must_use]
    pub const fn none() -> Self {
        Self { file: None }
    }

    /// That of a directory which is not ours alone, and in which no file of ours is to lie about: the directory is locked itself.
    ///
    /// # Errors
    /// The error of the system where it cannot be opened.
    pub fn of_directory(path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: Some((File::open(path)?, path.to_owned())) })
    }

    /// Which generation of tokens it guards: another one after each purge. It is kept as the time of the lock file's last change, which
    /// is empty and changed by nothing else.
    #[must_use]
    pub fn generation(&self) -> Generation {
        let stat = self.file.as_ref().and_then(|(file, _)| fs::fstat(file).ok());
        Generation(stat.map(|stat| (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or_default())))
    }

    /// Begins a new generation: whoever began to renew before this will not store what he gets.
    pub fn begin_generation(&self) {
        if let Some((file, _)) = &self.file {
            let now = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
            // Where that fails, nothing was waiting that could be told.
            let _ = retry_on_intr(|| fs::futimens(file, &Timestamps { last_access: now, last_modification: now }));
        }
    }

    /// Whether there is one, so that whoever has taken it is alone.
    #[must_use]
    pub const fn excludes(&self) -> bool {
        self.file.is_some()
    }

    /// Takes it if it is free, and says whether it is ours now.
    ///
    /// # Errors
    /// [`LockFailure`] where the file system cannot lock.
    pub fn try_take(&self) -> Result<bool, LockFailure> {
        let Some((file, path)) = &self.file else { return Ok(true) };
        try_lock(file, path)
    }
}

/// What distinguishes the time before a purge from the time after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(Option<(i64, i64)>);

/// Why a lock cannot be had, other than that somebody holds it.
#[derive(Debug, thiserror::Error)]
pub enum LockFailure {
    /// The file system does not lock.
    // Error 6: Some network file systems have no locks, and without one two processes could use one refresh token. To do: put `lock =
    // "none"` at the top of the configuration if only one process at a time uses it, or set TOKEN_CACHE_DIR to a local disk.
    #[error("the file system of {0} cannot lock")]
    Unsupported(PathBuf),
    /// The lock file cannot be made, or not be opened for want of a right or of space.
    #[error(transparent)]
    Unavailable(StorageError),
    /// The lock file, or its directory, must not be used.
    #[error(transparent)]
    Refused(StorageError),
}

impl LockFailure {
    pub(super) fn from_storage(error: StorageError) -> Self {
        match &error {
            StorageError::System { act: "create", .. }
            | StorageError::System {
                errno: Errno::ACCESS | Errno::PERM | Errno::NOSPC | Errno::DQUOT | Errno::ROFS | Errno::FBIG, ..
            } => Self::Unavailable(error),
            _ => Self::Refused(error),
        }
    }
}

impl Cache {
    /// Whether processes wait for each other.
    #[must_use]
    pub const fn locks(&self) -> bool {
        self.locking
    }
}

/// Whether a lock on a file by `one` descriptor keeps `another` from taking it. `path` is for messages.
pub(super) fn excludes(one: &File, another: &File, path: &Path) -> Result<bool, LockFailure> {
    Ok(try_lock(one, path)? && !try_lock(another, path)?)
}

fn try_lock(file: &File, path: &Path) -> Result<bool, LockFailure> {
    loop {
        match FileExt::try_lock(file) {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => match Errno::from_io_error(&error) {
                Some(Errno::INTR) => {}
                Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                    return Err(LockFailure::Unsupported(path.to_owned()));
                }
                errno => return Err(LockFailure::Refused(StorageError::system("lock", path)(errno.unwrap_or(Errno::IO)))),
            },
        }
    }
}

pub(super) fn open_lock(directory: &Directory, name: &str) -> Result<Lock, LockFailure> {
    let file = File::from(open(directory, name).map_err(LockFailure::from_storage)?);
    Ok(Lock { file: Some((file, directory.path_of(name))) })
}

fn open(directory: &Directory, name: &str) -> Result<OwnedFd, StorageError> {
    let path = directory.path_of(name);
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    for _ in 0..3 {
        match retry_on_intr(|| fs::openat(directory.descriptor(), name, flags, Mode::empty())) {
            Ok(descriptor) => {
                let stat = fs::fstat(&descriptor).map_err(StorageError::system("look at", &path))?;
                check_regular(&path, &stat)?;
                return Ok(descriptor);
            }
            Err(Errno::NOENT) => create(directory, name)?,
            Err(Errno::LOOP) => return Err(refused(&path, "is a symbolic link")),
            Err(errno) => return Err(StorageError::system("open", &path)(errno)),
        }
    }
    Err(StorageError::system("create", &path)(Errno::NOENT))
}

/// Makes the lock file appear with its mode: under a hostile umask, a file that is created and then opened up is closed to the
/// processes that come between.
fn create(directory: &Directory, name: &str) -> Result<(), StorageError> {
    let temporary = Directory::temporary(name);
    drop(directory.create_file(&temporary)?);
    let place = directory.descriptor();
    let linked = retry_on_intr(|| fs::linkat(place, &temporary, place, name, AtFlags::empty()));
    let _ = retry_on_intr(|| fs::unlinkat(place, &temporary, AtFlags::empty()));
    match linked {
        // Swept by whoever holds the lock meanwhile: then it is there.
        Ok(()) | Err(Errno::EXIST | Errno::NOENT) => Ok(()),
        // File systems without hard links.
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => match directory.create_file(name) {
            Err(StorageError::System { errno: Errno::EXIST, .. }) => Ok(()),
            outcome => outcome.map(drop),
        },
        Err(errno) => Err(StorageError::system("create", &directory.path_of(name))(errno)),
    }
}
