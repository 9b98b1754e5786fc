//! A private directory, opened once and used by descriptor, so that nobody can change under us what was checked. Files in it appear
//! whole: a temporary file with its mode at creation, fsync, rename, fsync of the directory.

mod making;
mod reserved;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawMode, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::StorageError;
pub use reserved::Reserved;

const PRIVATE_DIRECTORY: Mode = Mode::RWXU;
pub(super) const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
/// The permissions of everybody but the owner.
const OTHERS: RawMode = 0o077;

/// Seconds after which a temporary file belongs to nobody any more, where no lock says so.
const STALE: i64 = 60;

/// Changes whenever a file is replaced; the default is that of no file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    modified: (i64, u64),
    length: u64,
}

/// An open directory that is ours and closed to others.
#[derive(Debug)]
pub struct Directory {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens `path`; `None` where it does not exist.
    ///
    /// # Errors
    /// [`StorageError::Refused`] where it is not a private directory of ours, and [`StorageError::Foreign`] where it would be in another
    /// user's.
    pub fn open(path: &Path) -> Result<Option<Self>, StorageError> {
        let path = &bare(path);
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let descriptor = match retry_on_intr(|| fs::open(path, flags, Mode::empty())) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(refused(path, "is not a directory (or is a symbolic link)")),
            Err(errno) => return Err(explain(path, StorageError::system("open", path)(errno))),
        };
        let stat = fs::fstat(&descriptor).map_err(StorageError::system("look at", path))?;
        check_private(path, &stat)?;
        Ok(Some(Self { descriptor, path: path.to_owned() }))
    }

    /// Opens `path` and makes it, and what leads to it, where it does not exist.
    ///
    /// # Errors
    /// As [`open`](Self::open), and where it cannot or must not be made.
    pub fn create(path: &Path) -> Result<Self, StorageError> {
        if let Some(directory) = Self::open(path)? {
            return Ok(directory);
        }
        making::make_private(&bare(path))?;
        Self::open(path)?.ok_or_else(|| StorageError::system("create", path)(Errno::NOENT))
    }

    pub(super) const fn descriptor(&self) -> &OwnedFd {
        &self.descriptor
    }

    pub(super) fn path_of(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Reads a file of ours; `None` where it does not exist. One larger than `limit` is cut off behind the byte that is too many, so
    /// that no checksum holds; one with a second name counts as one that does not exist.
    ///
    /// # Errors
    /// [`StorageError::Refused`] where it is no regular private file of ours.
    pub fn read(&self, file: &str, limit: usize) -> Result<Option<(Vec<u8>, Stamp)>, StorageError> {
        let found = self.read_linked(file, limit)?;
        Ok(found.filter(|(_, stat)| stat.st_nlink <= 1).map(|(bytes, stat)| (bytes, stamp(&stat))))
    }

    /// The same for a file that may have other names as well.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn read_linked(&self, file: &str, limit: usize) -> Result<Option<(Vec<u8>, Stat)>, StorageError> {
        let path = self.path_of(file);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let descriptor = match retry_on_intr(|| fs::openat(&self.descriptor, file, flags, Mode::empty())) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(refused(&path, "is a symbolic link")),
            Err(errno) => return Err(StorageError::system("open", &path)(errno)),
        };
        let stat = fs::fstat(&descriptor).map_err(StorageError::system("look at", &path))?;
        check_regular(&path, &stat)?;
        let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(limit).min(limit) + 1);
        while bytes.len() <= limit {
            let room = bytes.capacity().max(bytes.len() + 512) - bytes.len();
            bytes.reserve(room);
            match rustix::io::read(&descriptor, rustix::buffer::spare_capacity(&mut bytes)) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(StorageError::system("read", &path)(errno)),
            }
        }
        bytes.truncate(limit + 1);
        Ok(Some((bytes, stat)))
    }

    /// The stamp of a file; that of no file where it cannot be looked at.
    #[must_use]
    pub fn stamp(&self, file: &str) -> Stamp {
        fs::statat(&self.descriptor, file, AtFlags::SYMLINK_NOFOLLOW).map(|stat| stamp(&stat)).unwrap_or_default()
    }

    /// Puts `bytes` in the place of `file`, whole or not at all.
    ///
    /// # Errors
    /// [`StorageError`] where a step failed; then `file` is what it was.
    pub fn replace(&self, file: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let temporary = Self::temporary(file);
        let written = self.write_new(&temporary, bytes).and_then(|()| self.rename(&temporary, file));
        if written.is_err() {
            // The error that counts is the one before; what cannot be removed now is swept by the next renewal.
            let _ = retry_on_intr(|| fs::unlinkat(&self.descriptor, &temporary, AtFlags::empty()));
        }
        written
    }

    fn write_new(&self, file: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let path = self.path_of(file);
        let descriptor = self.create_file(file)?;
        write_all(&descriptor, bytes).map_err(StorageError::system("write", &path))?;
        retry_on_intr(|| fs::fsync(&descriptor)).map_err(StorageError::system("write", &path))
    }

    /// A new file of mode 0600 whatever the umask.
    pub(super) fn create_file(&self, file: &str) -> Result<OwnedFd, StorageError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.path_of(file);
        let opened = retry_on_intr(|| fs::openat(&self.descriptor, file, flags, PRIVATE_FILE));
        let descriptor = opened.map_err(StorageError::system("create", &path))?;
        match retry_on_intr(|| fs::fchmod(&descriptor, PRIVATE_FILE)) {
            Ok(()) => Ok(descriptor),
            Err(errno) => {
                let _ = retry_on_intr(|| fs::unlinkat(&self.descriptor, file, AtFlags::empty()));
                Err(StorageError::system("create", &path)(errno))
            }
        }
    }

    /// A name for a temporary file that nobody else has: `.FILE.` and 16 hexadecimal digits.
    pub(super) fn temporary(file: &str) -> String {
        format!(".{file}.{:016x}", random())
    }

    /// Whether a file of this name is a temporary one.
    pub(super) fn is_temporary(name: &str) -> bool {
        let parts = name.strip_prefix('.').and_then(|rest| rest.rsplit_once('.'));
        parts.is_some_and(|(_, random)| is_random(random))
    }

    /// Renames `from` to `to` and makes it last.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        let path = self.path_of(to);
        let renamed = retry_on_intr(|| fs::renameat(&self.descriptor, from, &self.descriptor, to));
        renamed.map_err(StorageError::system("replace", &path))?;
        self.sync()
    }

    /// Removes a file and says whether it was there.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn remove(&self, file: &str) -> Result<bool, StorageError> {
        match retry_on_intr(|| fs::unlinkat(&self.descriptor, file, AtFlags::empty())) {
            Ok(()) => self.sync().map(|()| true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(StorageError::system("remove", &self.path_of(file))(errno)),
        }
    }

    fn sync(&self) -> Result<(), StorageError> {
        match retry_on_intr(|| fs::fsync(&self.descriptor)) {
            // Some file systems cannot sync a directory; theirs is the order of things then.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(errno) => Err(StorageError::system("write", &self.path)(errno)),
        }
    }

    /// The names of the files in it that are text.
    ///
    /// # Errors
    /// [`StorageError`] where it cannot be listed.
    pub fn names(&self) -> Result<Vec<String>, StorageError> {
        let entries = retry_on_intr(|| fs::Dir::read_from(&self.descriptor)?.collect::<Result<Vec<_>, _>>());
        let entries = entries.map_err(StorageError::system("list", &self.path))?;
        Ok(entries.iter().filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned)).collect())
    }

    /// Removes all temporary files of `files`. What cannot be removed does no harm.
    pub(super) fn sweep(&self, files: &[String]) {
        self.remove_temporary(files, |_| true);
    }

    /// Removes the temporary files of `file` that are older by a minute than what has just changed here: for who holds no lock.
    pub fn sweep_old(&self, file: &str) {
        let Ok(now) = fs::fstat(&self.descriptor).map(|here| stamp(&here).modified.0) else { return };
        self.remove_temporary(&[file.to_owned()], |name| self.stamp(name).modified.0 < now - STALE);
    }

    fn remove_temporary(&self, files: &[String], is_over: impl Fn(&str) -> bool) {
        let is_temporary = |name: &&String| {
            name.strip_prefix('.')
                .and_then(|rest| rest.rsplit_once('.'))
                .is_some_and(|(file, random)| files.iter().any(|known| known == file) && is_random(random))
        };
        for name in self.names().unwrap_or_default().iter().filter(is_temporary).filter(|name| is_over(name)) {
            let _ = retry_on_intr(|| fs::unlinkat(&self.descriptor, name.as_str(), AtFlags::empty()));
        }
    }
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Whether a name may end so because of [`random`].
fn is_random(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The path without the slashes at its end: they would have a symbolic link followed, and make a name beside it one within it.
fn bare(path: &Path) -> PathBuf {
    path.components().collect()
}

fn check_private(path: &Path, stat: &Stat) -> Result<(), StorageError> {
    let (user, mode) = (rustix::process::geteuid().as_raw(), stat.st_mode & 0o7777);
    if stat.st_uid != user {
        return Err(refused(path, &format!("belongs to user {}, not to {user}", stat.st_uid)));
    }
    if mode & OTHERS != 0 {
        return Err(refused(path, &format!("is open to others (mode {mode:04o})")));
    }
    Ok(())
}

pub(super) fn check_regular(path: &Path, stat: &Stat) -> Result<(), StorageError> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(refused(path, "is not a regular file"));
    }
    check_private(path, stat)
}

/// A directory that cannot be opened may be another user's, or lie in what is closed by one: then that is the better answer.
fn explain(path: &Path, error: StorageError) -> StorageError {
    match fs::lstat(path) {
        Ok(stat) => check_private(path, &stat).err().unwrap_or(error),
        Err(_) => making::in_foreign(path).unwrap_or(error),
    }
}

pub(super) fn refused(path: &Path, why: &str) -> StorageError {
    StorageError::Refused { path: path.to_owned(), why: why.to_owned() }
}

pub(super) fn write_all(descriptor: &OwnedFd, bytes: &[u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(descriptor, rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[expect(clippy::cast_sign_loss, reason = "only compared, never computed with")]
#[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "the types of these fields differ between systems")]
fn stamp(stat: &Stat) -> Stamp {
    Stamp { inode: stat.st_ino as u64, modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64), length: stat.st_size as u64 }
}
