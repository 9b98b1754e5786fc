//! The login of a profile: `NAME.json` in the directory of the state, with the promises of the cache, and two more. Room for its successor
//! is reserved before the issuer is asked to replace it; and a damaged one is no login, but never taken for none.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::checksum::Checksum;
use super::directory::{Directory, Reserved};
use super::entry::{Identity, Unreadable, future_version};
use super::{LARGEST_FILE, StorageError, aside_file, entry_file};
use crate::clock::Timestamp;
use crate::login::Login;
use crate::name::Name;
use crate::secret::Secret;

const VERSION: u64 = 1;

/// Room for a login of an ordinary size; where the one at hand is longer, for twice that.
const USUAL_SIZE: u64 = 8 << 10;

/// The directory of the logins, by path.
#[derive(Clone, Debug)]
pub struct Logins {
    path: PathBuf,
}

/// What a look at a login found.
#[derive(Clone, Debug)]
pub enum LoginLook {
    /// None.
    Missing,
    /// One of another issuer or client.
    Foreign,
    /// This one.
    Found(Login),
}

#[derive(Serialize, Deserialize)]
struct Record {
    version: u64,
    profile: String,
    identity: String,
    refresh_token: Zeroizing<String>,
    origin: Option<String>,
    /// Unix time in seconds, as the next two.
    obtained_at: i64,
    in_flight: Option<i64>,
    refused_at: Option<i64>,
    check: String,
}

impl Record {
    fn new(login: &Login, name: &Name, identity: &Identity) -> Self {
        let mut record = Self {
            version: VERSION,
            profile: name.to_string(),
            identity: identity.as_str().to_owned(),
            refresh_token: Zeroizing::new(login.refresh_token.expose().to_owned()),
            origin: login.origin.clone(),
            obtained_at: login.obtained_at.unix_seconds(),
            in_flight: login.in_flight.map(Timestamp::unix_seconds),
            refused_at: login.refused_at.map(Timestamp::unix_seconds),
            check: String::new(),
        };
        record.check = record.checksum();
        record
    }

    fn checksum(&self) -> String {
        let mut checksum = Checksum::new();
        for text in [&self.profile, &self.identity, &*self.refresh_token] {
            checksum.text(text);
        }
        checksum.optional_text(self.origin.as_deref());
        for number in [Some(self.obtained_at), self.in_flight, self.refused_at] {
            checksum.number(number);
        }
        checksum.finish()
    }

    fn into_login(self) -> Login {
        Login {
            refresh_token: Secret::new(self.refresh_token.to_string()),
            origin: self.origin,
            obtained_at: Timestamp::from_unix_seconds(self.obtained_at),
            in_flight: self.in_flight.map(Timestamp::from_unix_seconds),
            refused_at: self.refused_at.map(Timestamp::from_unix_seconds),
        }
    }
}

impl LoginLook {
    /// What the bytes of a file say to `name` and `identity`.
    pub(crate) fn parse(bytes: &[u8], name: &Name, identity: &Identity) -> Result<Self, Unreadable> {
        let Ok(record) = serde_json::from_slice::<Record>(bytes) else {
            return Err(future_version(bytes).map_or(Unreadable::Damaged, Unreadable::Version));
        };
        match record {
            Record { version, .. } if version > VERSION => Err(Unreadable::Version(version)),
            record if record.version != VERSION || record.check != record.checksum() => Err(Unreadable::Damaged),
            record if record.profile != name.as_str() => Err(Unreadable::OtherName),
            record if record.identity != identity.as_str() => Ok(Self::Foreign),
            record => Ok(Self::Found(record.into_login())),
        }
    }
}

impl Logins {
    /// The logins in the directory `path`, which need not exist yet.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where they are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the login `name` of the issuer and client that `identity` stands for.
    ///
    /// # Errors
    /// [`StorageError`] where it must not be used, or is damaged: then it is neither a login nor none.
    pub fn read(&self, name: &Name, identity: &Identity) -> Result<LoginLook, StorageError> {
        let Some(directory) = Directory::open(&self.path)? else { return Ok(LoginLook::Missing) };
        let file = entry_file(name);
        // A snapshot may have given it another name: it is a login all the same, and replacing it leaves the snapshot as it is.
        let Some((bytes, _)) = directory.read_linked(&file, LARGEST_FILE)? else { return Ok(LoginLook::Missing) };
        LoginLook::parse(&Zeroizing::new(bytes), name, identity).map_err(|unreadable| match unreadable {
            Unreadable::Version(version) => StorageError::FutureVersion { path: self.path.join(&file), version },
            Unreadable::Damaged | Unreadable::OtherName => StorageError::DamagedLogin { path: self.path.join(&file) },
        })
    }

    /// Whether there is a login under this name, of whomever: a damaged one counts as one that nobody can use.
    ///
    /// # Errors
    /// [`StorageError`] where it must not be touched.
    pub fn look(&self, name: &Name) -> Result<LoginLook, StorageError> {
        match self.read(name, &Identity::new("", [])) {
            Err(StorageError::DamagedLogin { .. }) => Ok(LoginLook::Foreign),
            outcome => outcome,
        }
    }

    /// Reserves room for the successor of `login`, found to be missing now and not when that has come.
    ///
    /// # Errors
    /// [`StorageError`] where nothing can be stored.
    pub fn reserve(&self, name: &Name, login: Option<&Login>) -> Result<Reserved, StorageError> {
        let length = login.map_or(0, |login| login.refresh_token.expose().len());
        let size = USUAL_SIZE.max(u64::try_from(length * 2).unwrap_or(u64::MAX));
        Directory::create(&self.path)?.reserve(&entry_file(name), size)
    }

    /// Makes sure that the logins are in another directory than `cache`, wherever links lead.
    ///
    /// # Errors
    /// [`StorageError::OneDirectory`] where they are not.
    pub fn are_apart_from(&self, cache: &Path) -> Result<(), StorageError> {
        let place = |path: &Path| std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
        let is_one = place(&self.path).is_some_and(|here| place(cache) == Some(here));
        if is_one { Err(StorageError::OneDirectory { path: self.path.clone() }) } else { Ok(()) }
    }

    /// Stores a login, whole or not at all, in the room `reserved` for it.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be; what was there before is there still.
    pub fn write(&self, name: &Name, identity: &Identity, login: &Login, reserved: Option<Reserved>) -> Result<(), StorageError> {
        let json = Zeroizing::new(serde_json::to_string(&Record::new(login, name, identity)).unwrap_or_default() + "\n");
        let anew = || Directory::create(&self.path)?.replace(&entry_file(name), json.as_bytes());
        match reserved.map(|reserved| reserved.replace(&entry_file(name), json.as_bytes())) {
            Some(Ok(())) => Ok(()),
            // A login that cannot be had again is worth a second try.
            Some(Err(_)) | None => anew(),
        }
    }

    /// Removes the login `name`, and what was kept of a damaged one, and says whether there was something. A file of a future version is
    /// left alone.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn remove(&self, name: &Name) -> Result<bool, StorageError> {
        self.look(name)?;
        let Some(directory) = Directory::open(&self.path)? else { return Ok(false) };
        Ok([directory.remove(&entry_file(name))?, directory.remove(&aside_file(name))?].contains(&true))
    }

    /// Renames a damaged login to `NAME.json.damaged`, for a person to look at, and says where it is now.
    ///
    /// # Errors
    /// [`StorageError`] where it could not be.
    pub fn set_aside(&self, name: &Name) -> Result<PathBuf, StorageError> {
        if let Some(directory) = Directory::open(&self.path)? {
            directory.rename(&entry_file(name), &aside_file(name))?;
        }
        Ok(self.path.join(aside_file(name)))
    }

    /// Whether [`set_aside`](Self::set_aside) kept something.
    #[must_use]
    pub fn has_aside(&self, name: &Name) -> bool {
        super::has_aside(&self.path, name)
    }

    /// Removes the temporary files of writers of `name` that were killed. Whoever does this holds the lock, so that none lives.
    pub fn sweep(&self, name: &Name) {
        if let Ok(Some(directory)) = Directory::open(&self.path) {
            directory.sweep(&[entry_file(name)]);
        }
    }

    /// The names of all logins, in order.
    ///
    /// # Errors
    /// [`StorageError`] where the directory must not be used.
    pub fn names(&self) -> Result<Vec<Name>, StorageError> {
        let Some(directory) = Directory::open(&self.path)? else { return Ok(Vec::new()) };
        super::names_in(&directory, &[super::ENTRY, super::ASIDE])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting() -> (tempfile::TempDir, Logins, Name, Identity) {
        let folder = tempfile::tempdir().expect("a folder");
        let logins = Logins::new(folder.path().join("state"));
        (folder, logins, "prod".parse().expect("a name"), Identity::new("login", [("issuer", "https://x")]))
    }

    fn login() -> Login {
        let at = Timestamp::from_unix_seconds(1_790_000_000);
        Login { origin: Some("f".into()), in_flight: Some(at), ..Login::new(Secret::new("r\"efresh".into()), at) }
    }

    #[test]
    fn what_was_written_is_read_and_by_nobody_else() {
        let (_folder, logins, name, identity) = setting();
        assert!(matches!(logins.read(&name, &identity), Ok(LoginLook::Missing)));
        logins.write(&name, &identity, &login(), None).expect("written");
        assert!(matches!(logins.read(&name, &identity), Ok(LoginLook::Found(found)) if found == login()));
        assert!(matches!(logins.read(&name, &Identity::new("login", [])), Ok(LoginLook::Foreign)));
        assert_eq!(logins.names().expect("names"), std::slice::from_ref(&name));
        assert!(logins.remove(&name).expect("removed"));
        assert!(!logins.remove(&name).expect("removed"));
    }

    #[test]
    fn room_is_reserved_and_given_back() {
        let (_folder, logins, name, identity) = setting();
        let reserved = logins.reserve(&name, None).expect("room");
        let files = || std::fs::read_dir(logins.path()).expect("a folder").count();
        assert_eq!(files(), 1);
        drop(reserved);
        assert_eq!(files(), 0);
        let reserved = logins.reserve(&name, Some(&login())).expect("room");
        logins.write(&name, &identity, &login(), Some(reserved)).expect("written");
        assert!(matches!(logins.read(&name, &identity), Ok(LoginLook::Found(found)) if found == login()));
        assert_eq!(files(), 1);
    }

    #[test]
    fn no_cut_and_no_flip_yields_another_login() {
        let (_folder, logins, name, identity) = setting();
        logins.write(&name, &identity, &login(), None).expect("written");
        let path = logins.path().join("prod.json");
        let whole = std::fs::read(&path).expect("a file");
        let same = |look: Result<LoginLook, StorageError>| match look {
            Ok(LoginLook::Found(found)) => found == login(),
            Ok(LoginLook::Missing | LoginLook::Foreign) => false,
            Err(_) => true,
        };
        for end in 0..whole.len() - 1 {
            std::fs::write(&path, &whole[..end]).expect("written");
            assert!(same(logins.read(&name, &identity)), "cut at {end}");
        }
        for (position, bit) in (0..whole.len()).flat_map(|position| (0..8).map(move |bit| (position, bit))) {
            let mut flipped = whole.clone();
            flipped[position] ^= 1 << bit;
            std::fs::write(&path, &flipped).expect("written");
            assert!(same(logins.read(&name, &identity)), "bit {bit} of byte {position}");
        }
    }

    #[test]
    fn a_future_version_is_left_alone() {
        let (_folder, logins, name, identity) = setting();
        logins.write(&name, &identity, &login(), None).expect("written");
        std::fs::write(logins.path().join("prod.json"), "{\"version\":2,\"shape\":\"new\"}").expect("written");
        assert!(matches!(logins.read(&name, &identity), Err(StorageError::FutureVersion { version: 2, .. })));
        assert!(matches!(logins.remove(&name), Err(StorageError::FutureVersion { .. })));
        assert!(matches!(logins.set_aside(&"other".parse().expect("a name")), Err(StorageError::System { .. })));
    }
}
