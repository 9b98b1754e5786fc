//! What was handed to whom: for consumers that do not say that a token was refused, but merely ask again. It holds digests, neither tokens
//! nor who asked, and counts for nothing where it cannot be read: then nobody is taken to have asked before.
//!
//! A note is one line, added by one write: no lock, no renaming, and a line that is not whole is no note. The file is written anew, whole,
//! when it has grown large.

use std::os::fd::OwnedFd;

use crc::{CRC_32_ISO_HDLC, Crc};
use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::directory::{Directory, check_regular, refused};
use super::{Cache, LARGEST_FILE, SERVED, StorageError};
use crate::clock::Timestamp;
use crate::name::Name;
use crate::token::{Token, hex};

const VERSION: &str = "1";

/// From this size on, in bytes, only the newer half of the notes is kept.
const LARGE: usize = 64 << 10;

/// Somebody who asks: the same one where all that is known of him is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker(String);

impl Asker {
    /// Whoever these traits describe; their order counts.
    #[must_use]
    pub fn new<'t>(traits: impl IntoIterator<Item = &'t [u8]>) -> Self {
        Self(digest(traits))
    }
}

/// Something to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    kind: Kind,
    digest: String,
    span: Span,
}

/// From when to when something was going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Handed,
    Replaced,
}

impl Kind {
    const ALL: [(&'static str, Self); 2] = [("handed", Self::Handed), ("replaced", Self::Replaced)];

    const fn word(self) -> &'static str {
        match self {
            Self::Handed => "handed",
            Self::Replaced => "replaced",
        }
    }
}

impl Note {
    /// `token` was handed to `asker`, from his asking to his having it.
    #[must_use]
    pub fn handed(asker: &Asker, token: &Token, span: Span) -> Self {
        Self { kind: Kind::Handed, digest: pair(asker, token), span }
    }

    /// `token` is being replaced because it was refused.
    #[must_use]
    pub fn replaced(token: &Token, at: Timestamp) -> Self {
        Self { kind: Kind::Replaced, digest: digest([token.expose().as_bytes()]), span: Span { since: at, until: at } }
    }

    fn line(&self) -> String {
        let Span { since, until } = self.span;
        let text = format!("{VERSION} {} {} {} {}", self.kind.word(), self.digest, since.unix_millis(), until.unix_millis());
        format!("{text} {}\n", checksum(&text))
    }

    fn parse(line: &str) -> Option<Self> {
        let (text, _) = line.rsplit_once(' ').filter(|(text, check)| checksum(text) == *check)?;
        let mut words = text.split(' ');
        let (version, kind, digest) = (words.next()?, words.next()?, words.next()?);
        let mut time = || Some(Timestamp::from_unix_millis(words.next()?.parse().ok()?));
        let span = Span { since: time()?, until: time()? };
        let (_, kind) = Kind::ALL.into_iter().find(|(word, _)| *word == kind && version == VERSION)?;
        Some(Self { kind, digest: digest.to_owned(), span })
    }
}

/// All that is remembered of a profile, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served(Vec<Note>);

impl FromIterator<Note> for Served {
    fn from_iter<I: IntoIterator<Item = Note>>(notes: I) -> Self {
        Self(notes.into_iter().collect())
    }
}

impl Served {
    /// Each time that `token` was handed to `asker`.
    #[must_use]
    pub fn handed(&self, asker: &Asker, token: &Token) -> Vec<Span> {
        let digest = pair(asker, token);
        self.0.iter().filter(|note| note.kind == Kind::Handed && note.digest == digest).map(|note| note.span).collect()
    }

    /// When a token was last replaced because it was refused, and whether that was `token`.
    #[must_use]
    pub fn last_replaced(&self, token: &Token) -> Option<(Timestamp, bool)> {
        let last = self.last_replacement()?;
        Some((last.span.until, last.digest == digest([token.expose().as_bytes()])))
    }

    fn last_replacement(&self) -> Option<&Note> {
        self.0.iter().rfind(|note| note.kind == Kind::Replaced)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        String::from_utf8_lossy(bytes).lines().filter_map(Note::parse).collect()
    }

    /// The newer half, and the last replacement.
    fn newer_half(&self) -> String {
        let (older, newer) = self.0.split_at(self.0.len() / 2);
        let is_among_older = newer.iter().all(|note| note.kind != Kind::Replaced) && !older.is_empty();
        let last = self.last_replacement().filter(|_| is_among_older);
        last.into_iter().chain(newer).map(Note::line).collect()
    }
}

impl Cache {
    /// What is remembered of who was handed the token of `name`.
    #[must_use]
    pub fn served(&self, name: &Name) -> Served {
        let read = || Directory::open(&self.path).ok()??.read(&served_file(name), LARGEST_FILE).ok()?;
        read().map(|(bytes, _)| Served::parse(&bytes)).unwrap_or_default()
    }

    /// Remembers something of the token of `name`. It need not last: nothing waits for the disk.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn note(&self, name: &Name, note: &Note) -> Result<(), StorageError> {
        let (directory, file) = (Directory::create(&self.path)?, served_file(name));
        // What comes before it may lack its end.
        let length = append(&directory, &file, format!("\n{}", note.line()).as_bytes())?;
        if length > LARGE { directory.replace(&file, self.served(name).newer_half().as_bytes()) } else { Ok(()) }
    }

    /// Forgets who was handed the token of `name`, and says whether anything was known of that.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn forget_served(&self, name: &Name) -> Result<bool, StorageError> {
        match Directory::open(&self.path)? {
            Some(directory) => directory.remove(&served_file(name)),
            None => Ok(false),
        }
    }
}

pub(super) fn served_file(name: &Name) -> String {
    format!("{name}{SERVED}")
}

/// Adds `bytes` to a private file of ours, which need not exist yet, and says how long that was before.
fn append(directory: &Directory, file: &str, bytes: &[u8]) -> Result<usize, StorageError> {
    let path = directory.path_of(file);
    let descriptor = open_to_append(directory, file)?;
    let stat = fs::fstat(&descriptor).map_err(StorageError::system("look at", &path))?;
    check_regular(&path, &stat)?;
    if stat.st_nlink > 1 {
        // Its other name is not ours to write to.
        return directory.replace(file, bytes).map(|()| bytes.len());
    }
    rustix::io::retry_on_intr(|| rustix::io::write(&descriptor, bytes)).map_err(StorageError::system("write", &path))?;
    Ok(usize::try_from(stat.st_size).unwrap_or(usize::MAX))
}

fn open_to_append(directory: &Directory, file: &str) -> Result<OwnedFd, StorageError> {
    let path = directory.path_of(file);
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    for _ in 0..3 {
        match fs::openat(directory.descriptor(), file, flags, Mode::empty()) {
            Ok(descriptor) => return Ok(descriptor),
            Err(Errno::LOOP) => return Err(refused(&path, "is a symbolic link")),
            Err(Errno::NOENT) => match directory.create_file(file) {
                Ok(_) | Err(StorageError::System { errno: Errno::EXIST, .. }) => {}
                Err(error) => return Err(error),
            },
            Err(errno) => return Err(StorageError::system("open", &path)(errno)),
        }
    }
    Err(StorageError::system("create", &path)(Errno::NOENT))
}

fn pair(asker: &Asker, token: &Token) -> String {
    digest([asker.0.as_bytes(), token.expose().as_bytes()])
}

/// 128 bits are plenty for what is compared within one file.
fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex(digest.finalize().get(..16).unwrap_or_default())
}

fn checksum(text: &str) -> String {
    const CRC_32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
    format!("{:08x}", CRC_32.checksum(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn handed(asker: &Asker, text: &str, seconds: i64) -> Note {
        Note::handed(asker, &token(text), Span { since: at(seconds - 1), until: at(seconds) })
    }

    fn token(text: &str) -> Token {
        Token::new(text.to_owned()).expect("a token")
    }

    fn asker(name: &str) -> Asker {
        Asker::new([name.as_bytes()])
    }

    struct Place {
        _folder: tempfile::TempDir,
        cache: Cache,
        name: Name,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().join("cache"), true);
        Place { _folder: folder, cache, name: "prod".parse().expect("a name") }
    }

    #[test]
    fn what_was_noted_is_known() {
        let Place { cache, name, .. } = &place();
        assert_eq!(cache.served(name), Served::default());
        let (mine, other) = (asker("me"), asker("other"));
        cache.note(name, &handed(&mine, "a", 100)).expect("noted");
        cache.note(name, &handed(&mine, "a", 101)).expect("noted");
        cache.note(name, &Note::replaced(&token("a"), at(102))).expect("noted");
        let served = cache.served(name);
        let twice = [Span { since: at(99), until: at(100) }, Span { since: at(100), until: at(101) }];
        assert_eq!(served.handed(&mine, &token("a")), twice);
        assert_eq!(served.handed(&mine, &token("b")), []);
        assert_eq!(served.handed(&other, &token("a")), []);
        assert_eq!(served.last_replaced(&token("a")), Some((at(102), true)));
        assert_eq!(served.last_replaced(&token("b")), Some((at(102), false)));
        let path = cache.path().join("prod.served");
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert!(cache.forget_served(name).expect("removed"));
        assert_eq!(cache.served(name), Served::default());
    }

    #[test]
    fn a_line_that_is_not_whole_is_no_note() {
        let good = handed(&asker("me"), "a", 100);
        let line = good.line();
        assert_eq!(Note::parse(line.trim_end()), Some(good.clone()));
        for end in 0..line.trim_end().len() {
            assert_eq!(Note::parse(&line[..end]), None, "cut at {end}");
        }
        for position in 0..line.trim_end().len() {
            let mut flipped = line.trim_end().as_bytes().to_vec();
            flipped[position] ^= 1;
            assert_eq!(Note::parse(&String::from_utf8_lossy(&flipped)), None, "flipped at {position}");
        }
        let torn = format!("{}\n{line}", &line[..30]);
        assert_eq!(Served::parse(torn.as_bytes()), Served(vec![good]), "what follows counts");
        assert_eq!(Served::parse(b"\xff\0\n"), Served::default());
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let Place { cache, name, .. } = &place();
        cache.note(name, &Note::replaced(&token("a"), at(1))).expect("noted");
        for number in 0..2000_i64 {
            cache.note(name, &handed(&asker(&number.to_string()), "a", number)).expect("noted");
        }
        let length = std::fs::metadata(cache.path().join("prod.served")).expect("a file").len();
        assert!(length < 100_000, "{length} bytes");
        let served = cache.served(name);
        assert_eq!(served.last_replaced(&token("a")), Some((at(1), true)), "kept");
        assert_eq!(served.handed(&asker("1999"), &token("a")).len(), 1, "the newest is kept");
        assert_eq!(served.handed(&asker("0"), &token("a")), []);
    }

    #[test]
    fn what_is_not_a_private_file_is_not_written_to() {
        let Place { cache, name, .. } = &place();
        let note = Note::replaced(&token("a"), at(1));
        cache.note(name, &note).expect("noted");
        let (path, elsewhere) = (cache.path().join("prod.served"), cache.path().join("elsewhere"));
        std::fs::hard_link(&path, &elsewhere).expect("linked");
        cache.note(name, &note).expect("noted");
        assert_eq!(std::fs::read(&elsewhere).expect("readable").len(), std::fs::read(&path).expect("readable").len(), "left alone");
        std::fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink(&elsewhere, &path).expect("linked");
        assert!(cache.note(name, &note).is_err());
        assert_eq!(cache.served(name), Served::default());
    }
}
