//! Puts a file whole into a directory that need not be ours alone: a temporary file beside it, fsync, rename, fsync of the directory.
//!
//! Whoever reads the path finds the old file or the new one, whatever kills us. The directory is opened once and used by its
//! descriptor, so that nobody can exchange it in between. A symbolic link at the path is replaced, not followed; a directory, a device,
//! a pipe or a socket is refused.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

/// What the name of a temporary file begins with; sixteen hexadecimal digits follow.
const TEMPORARY: &str = ".token-sink.";
/// A temporary file that is older than the one just written by this many seconds belongs to nobody any more.
const STALE: i64 = 60;

/// Why a file was not replaced.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReplaced {
    /// Something stands at the path that is no file.
    #[error("it is {0}")]
    NoFile(&'static str),
    /// More than the last directory on the way to it is missing.
    #[error("there is no directory {}", .0.display())]
    NoDirectory(PathBuf),
    /// The system refused.
    #[error("cannot {act}: {}", crate::error::reason(&(*errno).into()))]
    System {
        /// What was tried.
        act: &'static str,
        /// The answer.
        errno: Errno,
    },
}

fn system(act: &'static str) -> impl FnOnce(Errno) -> NotReplaced {
    move |errno| NotReplaced::System { act, errno }
}

/// Puts `bytes` in the place of the file `path`, which then has `mode` whatever the umask.
///
/// # Errors
/// [`NotReplaced`] where a step failed; then the file is what it was.
pub(super) fn replace(path: &Path, mode: Mode, bytes: &[u8]) -> Result<(), NotReplaced> {
    let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else {
        return Err(NotReplaced::NoFile("a directory"));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let directory = open_or_make(folder)?;
    refuse_what_is_no_file(&directory, file)?;
    let temporary = format!("{TEMPORARY}{:016x}", fastrand::u64(..));
    let written = write_new(&directory, &temporary, mode, bytes).and_then(|stat| {
        retry_on_intr(|| fs::renameat(&directory, &temporary, &directory, file)).map_err(system("replace it"))?;
        Ok(stat)
    });
    let stat = written.inspect_err(|_| {
        // The error that counts is the one before; what cannot be removed now is swept by a later renewal.
        let _ = retry_on_intr(|| fs::unlinkat(&directory, &temporary, AtFlags::empty()));
    })?;
    sweep(&directory, &stat);
    match retry_on_intr(|| fs::fsync(&directory)) {
        // Some file systems cannot sync a directory; theirs is the order of things then.
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(errno) => Err(system("make sure that it lasts")(errno)),
    }
}

/// Opens a directory, and makes it, for us alone, where only it is missing: what lies in a runtime directory goes with every boot.
fn open_or_make(folder: &Path) -> Result<OwnedFd, NotReplaced> {
    let open = || retry_on_intr(|| fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()));
    match open() {
        Err(Errno::NOENT) => {}
        opened => return opened.map_err(system("open its directory")),
    }
    match retry_on_intr(|| fs::mkdir(folder, Mode::RWXU)) {
        // The umask may have taken from the owner what is his.
        Ok(()) => retry_on_intr(|| fs::chmod(folder, Mode::RWXU)).map_err(system("make its directory"))?,
        Err(Errno::EXIST) => {}
        Err(Errno::NOENT) => return Err(NotReplaced::NoDirectory(folder.to_owned())),
        Err(errno) => return Err(system("make its directory")(errno)),
    }
    open().map_err(system("open its directory"))
}

/// A rename would put a file in the place of a device or a pipe: whoever wrote /dev/null did not mean that.
fn refuse_what_is_no_file(directory: &OwnedFd, file: &OsStr) -> Result<(), NotReplaced> {
    let stat = match fs::statat(directory, file, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(system("look at it")(errno)),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Symlink => Ok(()),
        FileType::Directory => Err(NotReplaced::NoFile("a directory")),
        _ => Err(NotReplaced::NoFile("no regular file")),
    }
}

/// Writes a file that nobody else has, and says what it is.
fn write_new(directory: &OwnedFd, file: &str, mode: Mode, bytes: &[u8]) -> Result<Stat, NotReplaced> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let descriptor = retry_on_intr(|| fs::openat(directory, file, flags, mode)).map_err(system("make a file beside it"))?;
    retry_on_intr(|| fs::fchmod(&descriptor, mode)).map_err(system("set the mode of a file beside it"))?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = retry_on_intr(|| rustix::io::write(&descriptor, rest)).map_err(system("write a file beside it"))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    retry_on_intr(|| fs::fsync(&descriptor)).map_err(system("write a file beside it"))?;
    fs::fstat(&descriptor).map_err(system("look at a file beside it"))
}

/// Removes the temporary files of writers that were killed, judged by their age: no lock tells which live. What cannot be removed does
/// no harm.
fn sweep(directory: &OwnedFd, written: &Stat) {
    let Ok(entries) = retry_on_intr(|| fs::Dir::read_from(directory)) else { return };
    let names = entries.flatten().filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
    let is_stale = |found: &Stat| {
        let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        is_file && found.st_uid == written.st_uid && found.st_mtime < written.st_mtime - STALE
    };
    for name in names.filter(|name| is_temporary(name)) {
        if fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| is_stale(&found)) {
            let _ = retry_on_intr(|| fs::unlinkat(directory, &name, AtFlags::empty()));
        }
    }
}

fn is_temporary(name: &str) -> bool {
    let digits = name.strip_prefix(TEMPORARY).unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = std::fs::read_dir(folder).expect("a folder").map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_with_its_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sink");
        for (mode, text) in [(0o600, "one"), (0o644, "two"), (0o400, ""), (0o640, "a longer one")] {
            let mode = Mode::from_raw_mode(mode);
            replace(&path, mode, text.as_bytes()).expect("replaced");
            let found = Mode::from_raw_mode(fs::stat(&path).expect("a file").st_mode);
            assert_eq!((std::fs::read_to_string(&path).expect("text").as_str(), found), (text, mode));
        }
        assert_eq!(names(folder.path()), ["sink"]);
    }

    #[test]
    fn only_a_file_or_a_link_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        std::fs::create_dir(place("directory")).expect("made");
        let _socket = std::os::unix::net::UnixListener::bind(place("socket")).expect("bound");
        std::fs::write(place("target"), "untouched").expect("written");
        std::os::unix::fs::symlink("target", place("link")).expect("linked");
        std::os::unix::fs::symlink("nowhere", place("dangling")).expect("linked");
        let table = [
            ("directory", Some("it is a directory".to_owned())),
            ("socket", Some("it is no regular file".to_owned())),
            ("link", None),
            ("dangling", None),
            ("new/sink", None),
            ("a/b/sink", Some(format!("there is no directory {}", place("a/b").display()))),
            ("target/sink", Some("cannot open its directory: not a directory".to_owned())),
        ];
        for (name, error) in table {
            let refused = replace(&place(name), PRIVATE, b"token").err().map(|error| error.to_string());
            assert_eq!(refused, error, "{name}");
        }
        assert_eq!(std::fs::read_to_string(place("target")).expect("text"), "untouched");
        assert!(!place("link").is_symlink() && !place("dangling").is_symlink());
        let made = std::fs::metadata(place("new")).expect("a directory").permissions().mode();
        assert_eq!(made & 0o7777, 0o700);
        assert_eq!(names(folder.path()), ["dangling", "directory", "link", "new", "socket", "target"]);
    }

    #[test]
    fn what_killed_writers_left_is_swept_once_it_is_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let left = [
            (".token-sink.0123456789abcdef", 3600, false),
            (".token-sink.fedcba9876543210", 5, true),
            (".token-sink.mine", 3600, true),
            ("notes.0123456789abcdef", 3600, true),
        ];
        for (name, age, _) in left {
            let file = std::fs::File::create(folder.path().join(name)).expect("made");
            let made = file.metadata().and_then(|metadata| metadata.modified()).expect("a time");
            file.set_modified(made - Duration::from_secs(age)).expect("aged");
        }
        replace(&folder.path().join("sink"), PRIVATE, b"token").expect("replaced");
        for (name, _, stays) in left {
            assert_eq!(folder.path().join(name).exists(), stays, "{name}");
        }
    }
}
