//! Files that people write too, other tools' and our own configuration: read whole, and replaced whole with their mode, behind whatever
//! links lead to them. One that somebody else owns, that may not be written to, that is no text, or that has changed since it was read is
//! refused.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::bearer::RenewalError;
use crate::bounded;
use crate::error::{Class, reason};
use crate::profile::ConfigError;
use crate::ui::{self, Failure, Manner};

/// The largest file that is read.
const LARGEST: u64 = 4 << 20;

/// What the name of a temporary file begins with; sixteen hexadecimal digits follow.
const TEMPORARY: &str = ".token-write.";

/// A temporary file that is older than the last change beside it by this belongs to nobody any more.
const STALE: Duration = Duration::from_secs(60);

/// The most links that lead to a file.
const MOST_LINKS: usize = 40;

/// Such a file, or the place of one.
pub(super) struct Target {
    /// Where it is, links followed.
    pub(super) path: PathBuf,
    /// What it says; nothing where there is none.
    pub(super) text: String,
    metadata: Option<Metadata>,
}

impl Target {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let path = followed(path)?;
        Ok(match read(&path)? {
            Some((text, metadata)) => Self { path, text, metadata: Some(metadata) },
            None => Self { path, text: String::new(), metadata: None },
        })
    }

    pub(super) const fn exists(&self) -> bool {
        self.metadata.is_some()
    }

    /// What would change, by a diff.
    pub(super) fn diff(&self, manner: Manner, new: Option<&str>) -> String {
        let name = self.path.display().to_string();
        let before = if self.exists() { name.as_str() } else { "/dev/null" };
        let after = if new.is_some() { name.as_str() } else { "/dev/null" };
        ui::unified(manner, (before, after), &self.text, new.unwrap_or_default())
    }

    /// Puts `text` in its place; a new file gets `mode`.
    pub(super) fn write(&self, text: &str, mode: u32) -> Result<(), Failure> {
        self.check()?;
        let folder = self.make_folder()?;
        let temporary = self.temporary();
        let written = self.write_new(&temporary, text, mode).and_then(|()| {
            self.check_unchanged()?;
            again(|| fs::rename(&temporary, &self.path)).map_err(|error| failed("replace", &self.path, &error))
        });
        if written.is_err() {
            // The error that counts is the one before.
            let _ = again(|| fs::remove_file(&temporary));
        }
        written?;
        sweep(folder);
        // Some file systems cannot sync a directory; theirs is the order of things then.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// Refuses a place that cannot be written to, as far as that can be told without writing.
    pub(super) fn check_writable(&self) -> Result<(), Failure> {
        self.check()?;
        let folder = self.path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        let may_write = accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS);
        may_write.map_err(|error| failed("write", folder, &error.into()))
    }

    /// The directory that it is in, which is there from now on.
    pub(super) fn make_folder(&self) -> Result<&Path, Failure> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let made = again(|| DirBuilder::new().recursive(true).mode(0o700).create(folder));
        made.map_err(|error| failed("create", folder, &error))?;
        Ok(folder)
    }

    pub(super) fn remove(&self) -> Result<(), Failure> {
        self.check()?;
        self.check_unchanged()?;
        again(|| fs::remove_file(&self.path)).map_err(|error| failed("remove", &self.path, &error))?;
        sweep(self.path.parent().unwrap_or(Path::new("/")));
        Ok(())
    }

    fn temporary(&self) -> PathBuf {
        self.path.with_file_name(format!("{TEMPORARY}{:016x}", fastrand::u64(..)))
    }

    fn write_new(&self, path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
        let explain = |error| failed("write", path, &error);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(explain)?;
        file.write_all(text.as_bytes()).map_err(explain)?;
        let mode = self.metadata.as_ref().map_or(mode, |metadata| metadata.mode() & 0o7777);
        let group = self.metadata.as_ref().map(Metadata::gid);
        // A group that may not be given may not be let in either.
        let is_given = group.is_none() || again(|| chown(path, None, group)).is_ok();
        let mode = if is_given { mode } else { mode & 0o7707 };
        file.set_permissions(Permissions::from_mode(mode)).and_then(|()| file.sync_all()).map_err(explain)
    }

    /// Refuses a file that is not this user's to write.
    fn check(&self) -> Result<(), Failure> {
        let Some(metadata) = &self.metadata else { return Ok(()) };
        let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner != user {
            // Error 6: Another user's file is not written to. To do: run it as that user, or change the owner.
            return Err(refused(&self.path, &format!("belongs to user {owner}, not to {user}")));
        }
        if metadata.mode() & 0o200 == 0 {
            // Error 6: Whoever made it read-only did not want it changed. To do: `chmod u+w FILE`, or make the change by hand.
            return Err(refused(&self.path, "is read-only"));
        }
        Ok(())
    }

    fn check_unchanged(&self) -> Result<(), Failure> {
        let now = read(&self.path)?;
        if now.is_some() == self.exists() && now.map(|(text, _)| text).unwrap_or_default() == self.text {
            return Ok(());
        }
        // Error 5: An editor or the tool itself wrote the file at the same time. Nothing was changed.
        let error = RenewalError::new(Class::Temporary, format!("{} was changed by somebody else meanwhile", self.path.display()));
        Err(Failure::Storage(error.with_hint("do it again")))
    }
}

/// Removes what writers that were killed have left in `folder`, where something has just changed.
fn sweep(folder: &Path) {
    let modified = |metadata: io::Result<Metadata>| metadata.and_then(|metadata| metadata.modified()).ok();
    let Some(now) = modified(fs::metadata(folder)) else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_temporary = entry.file_name().to_str().is_some_and(is_temporary);
        let age = modified(entry.metadata()).and_then(|then| now.duration_since(then).ok());
        if is_temporary && age.is_some_and(|age| age > STALE) {
            let _ = again(|| fs::remove_file(entry.path()));
        }
    }
}

/// Makes a call that was interrupted again: std does so only where it has to be expected.
pub(super) fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn is_temporary(name: &str) -> bool {
    let digits = name.strip_prefix(TEMPORARY).unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What a file says, and what the system knows of just that one; `None` where there is none.
fn read(path: &Path) -> Result<Option<(String, Metadata)>, Failure> {
    let (mut bytes, metadata) = match bounded::read(path, LARGEST) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Error 6: A tool's configuration is a directory, a device or a pipe. To do: move it away, or set the tool up by hand.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(refused(path, "is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(unfit(path, 1, &error.to_string())),
        Err(error) => return Err(failed("read", path, &error)),
    };
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Some((text, metadata))),
        Err(error) => {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            // Error 2: The file is in another encoding. Nothing was changed. To do: save it as UTF-8.
            Err(unfit(path, 1 + String::from_utf8_lossy(before).matches('\n').count(), "this is no UTF-8"))
        }
    }
}

/// Where the links at the end of a path lead; what they lead to need not be there.
fn followed(path: &Path) -> Result<PathBuf, Failure> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("/")).join(next);
    }
    // Error 6: Symbolic links that lead in a circle have no file at their end. To do: remove the link.
    Err(refused(&path, "is a link that leads to itself"))
}

fn unfit(path: &Path, line: usize, what: &str) -> Failure {
    // Error 2 (consumer::Mistake, unfit): The tool's own configuration cannot be read or changed safely. Nothing was changed. To do: mend
    // the line, or make the change by hand as `token helper setup TOOL` shows it.
    ConfigError::new(format!("{}:{line}: {what}", path.display()), None).into()
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::Storage(RenewalError::new(Class::Storage, format!("{} {why}", path.display())))
}

pub(super) fn failed(act: &str, path: &Path, error: &io::Error) -> Failure {
    // Error: The system refused: permissions, space, or a file system that is read-only. To do: mend that, or make the change by hand.
    Failure::Storage(RenewalError::new(Class::Storage, format!("cannot {act} {}: {}", path.display(), reason(error))))
}
