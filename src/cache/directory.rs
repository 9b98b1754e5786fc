//! A private directory, opened once and used by descriptor, so that nobody can change under us what was checked. Files in it appear
//! whole: a temporary file with its mode at creation, fsync, rename, fsync of the directory.

mod reserved;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawMode, Stat};
use rustix::io::Errno;

use super::StorageError;
pub use reserved::Reserved;

const PRIVATE_DIRECTORY: Mode = Mode::RWXU;
pub(super) const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
/// The permissions of everybody but the owner.
const OTHERS: RawMode = 0o077;

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
    /// [`StorageError::Refused`] where it is not a private directory of ours.
    pub fn open(path: &Path) -> Result<Option<Self>, StorageError> {
        // Without the slash at its end, which would follow a symbolic link.
        let path = &path.components().collect::<PathBuf>();
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let descriptor = match fs::open(path, flags, Mode::empty()) {
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
        make_private(path)?;
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
        let descriptor = match fs::openat(&self.descriptor, file, flags, Mode::empty()) {
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
            let _ = fs::unlinkat(&self.descriptor, &temporary, AtFlags::empty());
        }
        written
    }

    fn write_new(&self, file: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let path = self.path_of(file);
        let descriptor = self.create_file(file)?;
        write_all(&descriptor, bytes).map_err(StorageError::system("write", &path))?;
        retry(|| fs::fsync(&descriptor)).map_err(StorageError::system("write", &path))
    }

    /// A new file of mode 0600 whatever the umask.
    pub(super) fn create_file(&self, file: &str) -> Result<OwnedFd, StorageError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.path_of(file);
        let descriptor = fs::openat(&self.descriptor, file, flags, PRIVATE_FILE).map_err(StorageError::system("create", &path))?;
        fs::fchmod(&descriptor, PRIVATE_FILE).map_err(StorageError::system("create", &path))?;
        Ok(descriptor)
    }

    /// A name for a temporary file that nobody else has: `.FILE.` and 16 hexadecimal digits.
    pub(super) fn temporary(file: &str) -> String {
        format!(".{file}.{:016x}", random())
    }

    /// Renames `from` to `to` and makes it last.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        let path = self.path_of(to);
        fs::renameat(&self.descriptor, from, &self.descriptor, to).map_err(StorageError::system("replace", &path))?;
        self.sync()
    }

    /// Removes a file and says whether it was there.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn remove(&self, file: &str) -> Result<bool, StorageError> {
        match fs::unlinkat(&self.descriptor, file, AtFlags::empty()) {
            Ok(()) => self.sync().map(|()| true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(StorageError::system("remove", &self.path_of(file))(errno)),
        }
    }

    fn sync(&self) -> Result<(), StorageError> {
        match retry(|| fs::fsync(&self.descriptor)) {
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
        let list = fs::Dir::read_from(&self.descriptor).map_err(StorageError::system("list", &self.path))?;
        let entries: Result<Vec<_>, _> = list.collect();
        let entries = entries.map_err(StorageError::system("list", &self.path))?;
        Ok(entries.iter().filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned)).collect())
    }

    /// Removes all temporary files of `files`. What cannot be removed does no harm.
    pub(super) fn sweep(&self, files: &[String]) {
        let is_temporary = |name: &&String| {
            name.strip_prefix('.').and_then(|rest| rest.rsplit_once('.')).is_some_and(|(file, random)| {
                files.iter().any(|known| known == file) && random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        };
        for name in self.names().unwrap_or_default().iter().filter(is_temporary) {
            let _ = fs::unlinkat(&self.descriptor, name.as_str(), AtFlags::empty());
        }
    }
}

fn make_private(path: &Path) -> Result<(), StorageError> {
    let mut missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    let deepest = path.ancestors().nth(missing.len()).filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    check_foundation(deepest)?;
    missing.reverse();
    for folder in missing {
        make_one(folder).map_err(StorageError::system("create", folder))?;
    }
    Ok(())
}

/// Makes a directory appear with its mode: the umask may take from the owner what is his, and then a directory that is made first and
/// opened up second is closed to the processes that come between.
fn make_one(folder: &Path) -> Result<(), Errno> {
    let mut name = folder.as_os_str().to_owned();
    name.push(format!(".{:016x}", random()));
    let temporary = PathBuf::from(name);
    fs::mkdir(&temporary, PRIVATE_DIRECTORY)?;
    let made = fs::chmod(&temporary, PRIVATE_DIRECTORY).and_then(|()| rename_new(&temporary, folder));
    if made.is_err() {
        let _ = fs::rmdir(&temporary);
    }
    match made {
        Err(Errno::EXIST | Errno::NOTEMPTY) => Ok(()),
        outcome => outcome,
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

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Refuses to build in another user's folder, as with a HOME that is not ours; what root owns is everybody's ground.
fn check_foundation(folder: &Path) -> Result<(), StorageError> {
    let metadata = std::fs::metadata(folder).map_err(|error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        StorageError::system("look at", folder)(errno)
    })?;
    let owner = metadata.uid();
    if owner == 0 || owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(refused(folder, &format!("belongs to user {owner}: nothing of ours is put there")))
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

/// A directory that cannot be opened may be another user's: then that is the better answer.
fn explain(path: &Path, error: StorageError) -> StorageError {
    match fs::lstat(path) {
        Ok(stat) => check_private(path, &stat).err().unwrap_or(error),
        Err(_) => error,
    }
}

pub(super) fn refused(path: &Path, why: &str) -> StorageError {
    StorageError::Refused { path: path.to_owned(), why: why.to_owned() }
}

fn write_all(descriptor: &OwnedFd, bytes: &[u8]) -> Result<(), Errno> {
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

fn retry(mut call: impl FnMut() -> Result<(), Errno>) -> Result<(), Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            outcome => return outcome,
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "only compared, never computed with")]
#[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "the types of these fields differ between systems")]
fn stamp(stat: &Stat) -> Stamp {
    Stamp { inode: stat.st_ino as u64, modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64), length: stat.st_size as u64 }
}
