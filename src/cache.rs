//! What is kept on this machine, one profile a file: the entry (`NAME.json`), its lock (`NAME.lock`), the memory of a failure
//! (`NAME.failure`), for some consumers who was handed the token (`NAME.served`) and, in a directory of its own, the login (`NAME.json`).
//! It promises that a file is old and whole or new and whole whatever kills us, that nobody else can read it, and that a damaged one harms
//! its own profile only. It refuses, and never repairs, what is a symlink, another user's or open to others.
//!
//! Readers take no lock and write nothing: a rename made every file whole.

mod checksum;
mod directory;
mod entry;
mod failure;
pub mod inventory;
mod lock;
mod login;
mod served;
mod throttled;
pub mod trial;

use std::path::{Path, PathBuf};

use crate::error::Class;
use crate::name::Name;

pub use directory::{Directory, Reserved, Stamp};
pub use entry::{Entry, Identity, Unreadable};
pub use failure::Failure;
pub use lock::{Generation, Lock, LockFailure};
pub use login::{LoginLook, Logins};
pub use served::{Asker, Note, Served, Span};
pub use throttled::{Seen, ThrottledTokenCache};

/// The largest file of ours that is read: a token of the longest kind, escaped, with its metadata.
const LARGEST_FILE: usize = 1 << 20;

/// A failure of local storage.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Something there is not ours to use.
    // Error 6 (StorageError): Tokens are kept in private files of one user; something at that path is not such a file.
    #[error("{} {why}", path.display())]
    Refused {
        /// The offender.
        path: PathBuf,
        /// What is wrong with it, to follow the path.
        why: String,
    },
    /// A directory of another user's, in which ours would have to be made.
    // Error 6: HOME, or a directory that is named, is that of another user, as of whoever called `sudo` or `su`.
    #[error("{} belongs to user {owner}: nothing of ours is put there", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// A newer program wrote it.
    // Error 6: Two versions of token share a directory. The file is left as it is.
    #[error("{} was written by a newer version of token (format {version})", path.display())]
    FutureVersion {
        /// The file, which is left alone.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// A login that cannot be read.
    // Error 6: The refresh token in the file cannot be trusted: a full disk, a crash of the machine, an editor.
    #[error("the login in {} is damaged", path.display())]
    DamagedLogin {
        /// The file, which is kept.
        path: PathBuf,
    },
    /// The directory of the logins is that of the cache, by another path.
    // Error 6: Links lead from both to one directory, where the token would overwrite the login. Nothing was asked.
    #[error("the cache and the logins cannot both be in {}, which has two paths: one would overwrite the other", path.display())]
    OneDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The system refused.
    // Error 6: The system refused: permissions, space, or a file system that is read-only.
    #[error("cannot {act} {}: {}", path.display(), describe(*errno))]
    System {
        /// What was tried, as a verb.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// The answer.
        errno: rustix::io::Errno,
    },
}

impl StorageError {
    fn system(act: &'static str, path: &Path) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.to_owned();
        move |errno| Self::System { act, path, errno }
    }

    /// Always [`Class::Storage`].
    #[must_use]
    pub const fn class(&self) -> Class {
        Class::Storage
    }

    /// What its reader can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Refused { .. } => "token uses only private files and directories of its own user; mend or remove it".to_owned(),
            Self::Foreign { .. } => {
                "set HOME, or TOKEN_CACHE_DIR and TOKEN_STATE_DIR, to directories of your own (`sudo -H` sets HOME)".to_owned()
            }
            Self::FutureVersion { path, .. } => format!("update token, or remove {} by hand", path.display()),
            Self::DamagedLogin { .. } => "restore it, or remove it with `token purge` and log in again".to_owned(),
            Self::OneDirectory { .. } => "set TOKEN_CACHE_DIR or TOKEN_STATE_DIR to another directory".to_owned(),
            Self::System { .. } => {
                "check the permissions and the space of that directory, or set TOKEN_CACHE_DIR or TOKEN_STATE_DIR to another".to_owned()
            }
        }
    }
}

fn describe(errno: rustix::io::Errno) -> String {
    crate::error::reason(&errno.into())
}

/// What a look at a cache file found.
#[derive(Debug)]
pub enum Look {
    /// No file.
    Missing,
    /// A file that holds no entry, and why not.
    Damaged(Unreadable),
    /// An entry, of whatever identity.
    Found(Entry),
}

/// The directory of the cache, by path: it is opened, and checked, anew for each operation, so that one that is removed or replaced
/// while a watcher runs is noticed.
#[derive(Clone, Debug)]
pub struct Cache {
    path: PathBuf,
    locking: bool,
}

impl Cache {
    /// The cache in the directory `path`, which need not exist yet. Without `locking`, processes do not wait for each other.
    #[must_use]
    pub const fn new(path: PathBuf, locking: bool) -> Self {
        Self { path, locking }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the entry `name`, with a stamp that changes whenever the file does.
    ///
    /// # Errors
    /// [`StorageError`] where the directory or the file must not be used.
    pub fn read(&self, name: &Name) -> Result<(Look, Stamp), StorageError> {
        let Some(directory) = Directory::open(&self.path)? else {
            return Ok((Look::Missing, Stamp::default()));
        };
        let file = entry_file(name);
        let Some((bytes, stamp)) = directory.read(&file, LARGEST_FILE)? else {
            return Ok((Look::Missing, Stamp::default()));
        };
        match Entry::parse(&bytes, name) {
            Ok(entry) => Ok((Look::Found(entry), stamp)),
            Err(Unreadable::Version(version)) => Err(StorageError::FutureVersion { path: self.path.join(file), version }),
            Err(damage) => Ok((Look::Damaged(damage), stamp)),
        }
    }

    /// The stamp of the entry `name`, which changes whenever the file does.
    ///
    /// # Errors
    /// [`StorageError`] where the directory must not be used.
    pub fn stamp(&self, name: &Name) -> Result<Stamp, StorageError> {
        match Directory::open(&self.path)? {
            Some(directory) => Ok(directory.stamp(&entry_file(name))),
            None => Ok(Stamp::default()),
        }
    }

    /// Stores an entry, whole or not at all.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be; what was there before is there still.
    pub fn write(&self, entry: &Entry) -> Result<(), StorageError> {
        let directory = Directory::create(&self.path)?;
        directory.replace(&entry_file(&entry.profile), entry.to_json().as_bytes())
    }

    /// Removes the entry `name` and says whether there was one. A file of a future version is left alone.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn remove(&self, name: &Name) -> Result<bool, StorageError> {
        self.read(name)?;
        match Directory::open(&self.path)? {
            Some(directory) => directory.remove(&entry_file(name)),
            None => Ok(false),
        }
    }

    /// Renames a damaged entry to `NAME.json.damaged`, for a person to look at, and says where it is now.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn set_aside(&self, name: &Name) -> Result<PathBuf, StorageError> {
        let aside = aside_file(name);
        if let Some(directory) = Directory::open(&self.path)? {
            directory.rename(&entry_file(name), &aside)?;
        }
        Ok(self.path.join(aside))
    }

    /// Whether [`set_aside`](Self::set_aside) kept something.
    #[must_use]
    pub fn has_aside(&self, name: &Name) -> bool {
        has_aside(&self.path, name)
    }

    /// Removes what [`set_aside`](Self::set_aside) kept and says whether there was something.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn remove_aside(&self, name: &Name) -> Result<bool, StorageError> {
        match Directory::open(&self.path)? {
            Some(directory) => directory.remove(&aside_file(name)),
            None => Ok(false),
        }
    }

    /// The remembered failure of `name`. One that cannot be read counts as none: it only saves requests.
    #[must_use]
    pub fn failure(&self, name: &Name) -> Option<Failure> {
        let directory = Directory::open(&self.path).ok()??;
        let (bytes, _) = directory.read(&failure_file(name), LARGEST_FILE).ok()??;
        Failure::parse(&bytes, name)
    }

    /// Remembers a failure for other processes. A file of a future version is left alone.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn remember(&self, name: &Name, failure: &Failure) -> Result<(), StorageError> {
        let directory = Directory::create(&self.path)?;
        spare_the_future(&directory, &failure_file(name))?;
        directory.replace(&failure_file(name), failure.to_json(name).as_bytes())
    }

    /// Forgets the failure of `name` and says whether there was one. A file of a future version is left alone.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn forget(&self, name: &Name) -> Result<bool, StorageError> {
        let Some(directory) = Directory::open(&self.path)? else { return Ok(false) };
        spare_the_future(&directory, &failure_file(name))?;
        directory.remove(&failure_file(name))
    }

    /// Opens the lock of `name`, to be taken.
    ///
    /// # Errors
    /// [`LockFailure`] tells a lock file that cannot be made from one that must not be used.
    pub fn lock(&self, name: &Name) -> Result<Lock, LockFailure> {
        if !self.locking {
            return Ok(Lock::none());
        }
        let directory = Directory::create(&self.path).map_err(LockFailure::from_storage)?;
        lock::open_lock(&directory, &lock_file(name))
    }

    /// Removes the temporary files of writers of `name` that were killed. Whoever does this holds the lock, so that none lives.
    pub fn sweep(&self, name: &Name) {
        if let Ok(Some(directory)) = Directory::open(&self.path) {
            directory.sweep(&[entry_file(name), failure_file(name), lock_file(name), served::served_file(name)]);
        }
    }

    /// The path of the lock of `name`, for messages.
    #[must_use]
    pub fn lock_path(&self, name: &Name) -> PathBuf {
        self.path.join(lock_file(name))
    }

    /// The names of all entries, failures included, in order.
    ///
    /// # Errors
    /// [`StorageError`] where the directory must not be used.
    pub fn names(&self) -> Result<Vec<Name>, StorageError> {
        let Some(directory) = Directory::open(&self.path)? else {
            return Ok(Vec::new());
        };
        names_in(&directory, &[ENTRY, FAILURE, ASIDE])
    }
}

/// Refuses to touch a file that a newer program wrote. What cannot be read is not known to be one.
fn spare_the_future(directory: &Directory, file: &str) -> Result<(), StorageError> {
    let found = directory.read(file, LARGEST_FILE).ok().flatten();
    match found.and_then(|(bytes, _)| entry::future_version(&bytes)) {
        Some(version) => Err(StorageError::FutureVersion { path: directory.path_of(file), version }),
        None => Ok(()),
    }
}

/// Whether a damaged file of `name` was kept in the directory `path`.
fn has_aside(path: &Path, name: &Name) -> bool {
    let directory = Directory::open(path).ok().flatten();
    directory.is_some_and(|directory| directory.stamp(&aside_file(name)) != Stamp::default())
}

/// The names that have a file with one of `suffixes`, in order.
fn names_in(directory: &Directory, suffixes: &[&str]) -> Result<Vec<Name>, StorageError> {
    let of_ours = |file: String| suffixes.iter().find_map(|suffix| file.strip_suffix(suffix))?.parse().ok();
    let names: std::collections::BTreeSet<Name> = directory.names()?.into_iter().filter_map(of_ours).collect();
    Ok(names.into_iter().collect())
}

const ENTRY: &str = ".json";
const FAILURE: &str = ".failure";
const ASIDE: &str = ".json.damaged";
const SERVED: &str = ".served";
const LOCK: &str = ".lock";

fn entry_file(name: &Name) -> String {
    format!("{name}{ENTRY}")
}

fn failure_file(name: &Name) -> String {
    format!("{name}{FAILURE}")
}

fn lock_file(name: &Name) -> String {
    format!("{name}{LOCK}")
}

fn aside_file(name: &Name) -> String {
    format!("{name}{ASIDE}")
}
