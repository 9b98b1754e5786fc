//! What somebody else writes, read so that it neither holds us up nor fills our memory: each read has its bound in bytes, and none waits
//! for a writer longer than it was told to.

use std::fs::{File, Metadata};
use std::io::{self, Error, ErrorKind, Read as _};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

const BLOCK: usize = 8 << 10;

/// Opens a file, whatever it is, without waiting for whoever writes to it.
///
/// # Errors
/// What the system says.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default();
    File::options().read(true).custom_flags(flags).open(path)
}

/// The whole of a regular file, with what the system knows of just that one.
///
/// # Errors
/// What the system says, and where it is no regular file or has more than `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<(Zeroizing<Vec<u8>>, Metadata)> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    // All at once, as a rule: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len().min(most)).unwrap_or_default() + 1));
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok((bytes, metadata)) }
}

/// No more than the first `most` bytes of a file, as of one in `/proc`; nothing where it cannot be read.
#[must_use]
pub fn beginning(path: &str, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before an error counts as all that there is.
    let _ = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    bytes
}

/// All that comes until the end of a pipe or a terminal, within `limit`.
///
/// # Errors
/// What the system says, and where it is more than `most` bytes or takes too long.
pub fn stream(from: impl AsFd, most: u64, limit: Duration) -> io::Result<Zeroizing<Vec<u8>>> {
    let deadline = Instant::now() + limit;
    let mut bytes = Zeroizing::new(Vec::with_capacity(BLOCK));
    loop {
        match block(&from, &mut bytes, deadline.saturating_duration_since(Instant::now()))? {
            0 => return Ok(bytes),
            _ if bytes.len() as u64 > most => return Err(too_large(most)),
            _ => {}
        }
    }
}

/// Adds what there is within `limit` and says how much; 0 at the end.
///
/// # Errors
/// What the system says, and where nothing comes.
pub fn block(from: impl AsFd, into: &mut Vec<u8>, limit: Duration) -> io::Result<usize> {
    loop {
        let timeout = (limit < Duration::MAX).then(|| Timespec::try_from(limit).ok()).flatten();
        match poll(&mut [PollFd::new(&from, PollFlags::IN)], timeout.as_ref()) {
            Ok(0) => return Err(Error::new(ErrorKind::TimedOut, "nothing was written to it within the time limit")),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        into.reserve(BLOCK);
        match rustix::io::read(&from, rustix::buffer::spare_capacity(into)) {
            Ok(count) => return Ok(count),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn too_large(most: u64) -> Error {
    Error::new(ErrorKind::FileTooLarge, format!("it is larger than {} MiB", most >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 1 << 20;

    #[test]
    fn a_file_is_read_to_its_bound_and_no_further() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        for (length, fits) in [(0, true), (1, true), (MOST, true), (MOST + 1, false), (1 << 40, false)] {
            File::create(&path).and_then(|file| file.set_len(length)).expect("a sparse file");
            let read = read(&path, MOST);
            assert_eq!(read.as_ref().map(|(bytes, _)| bytes.len() as u64).ok(), fits.then_some(length), "{length}");
        }
        assert_eq!(beginning(path.to_str().expect("text"), 7), [0; 7]);
        assert!(read(folder.path(), MOST).is_err(), "a folder");
        assert!(read(Path::new("/dev/zero"), MOST).is_err(), "a device");
        assert_eq!(beginning("/nowhere/at/all", 7), [0; 0]);
    }

    #[test]
    fn a_pipe_is_waited_for_and_not_for_ever() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let limit = Duration::from_millis(20);
        assert_eq!(stream(&reader, MOST, limit).expect_err("nobody writes").kind(), ErrorKind::TimedOut);
        io::Write::write_all(&mut &writer, b"one").expect("room");
        drop(writer);
        assert_eq!(stream(&reader, MOST, limit).expect("an end").as_slice(), b"one");
        let endless = File::open("/dev/zero").expect("a device");
        assert!(stream(&endless, MOST, Duration::from_secs(20)).is_err());
    }
}
