//! What lies in a directory of ours, looked at before anybody needs it: what must not be used, what is damaged or of a newer program, and
//! what somebody who was killed left behind. Nothing is changed, and no secret of it leaves.

use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags};
use zeroize::Zeroizing;

use super::directory::{Directory, check_regular};
use super::entry::{Entry, Identity, Unreadable, future_version};
use super::{ASIDE, Cache, ENTRY, FAILURE, Failure, LARGEST_FILE, LOCK, LoginLook, Logins, SERVED, StorageError};
use crate::name::Name;

/// What the files of a directory come to.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Those that are not as they were written.
    pub flaws: Vec<Flaw>,
    /// Those that killed writers left behind.
    pub leftovers: Vec<PathBuf>,
    /// The damaged ones that were kept.
    pub damaged: Vec<PathBuf>,
}

/// A file that is not as it was written.
#[derive(Debug)]
pub struct Flaw {
    /// Where it is.
    pub path: PathBuf,
    /// Whose it is.
    pub name: Name,
    /// What it is to hold.
    pub content: Content,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What a file of ours holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A token.
    Token,
    /// A login.
    Login,
    /// The memory of a failure.
    Failure,
    /// Who was handed a token.
    Served,
    /// Nothing: it is locked.
    Lock,
}

/// What is wrong with a file of ours.
#[derive(Debug)]
pub enum Fault {
    /// It must not be used, or cannot be.
    Unusable(StorageError),
    /// It is not what was written.
    Damaged,
    /// It was written under another name.
    OtherName,
    /// It has a second name, and counts as missing.
    Linked,
}

impl Cache {
    /// What lies in its directory; nothing where there is none.
    ///
    /// # Errors
    /// [`StorageError`] where the directory must not be used, or cannot be listed.
    pub fn inventory(&self) -> Result<Inventory, StorageError> {
        let kept = [(ENTRY, Content::Token), (FAILURE, Content::Failure), (SERVED, Content::Served), (LOCK, Content::Lock)];
        inventory(self.path(), &kept)
    }
}

impl Logins {
    /// What lies in their directory; nothing where there is none.
    ///
    /// # Errors
    /// [`StorageError`] where the directory must not be used, or cannot be listed.
    pub fn inventory(&self) -> Result<Inventory, StorageError> {
        inventory(self.path(), &[(ENTRY, Content::Login)])
    }
}

fn inventory(path: &Path, kept: &[(&str, Content)]) -> Result<Inventory, StorageError> {
    let mut found = Inventory::default();
    let Some(directory) = Directory::open(path)? else { return Ok(found) };
    let mut files = directory.names()?;
    files.sort();
    for file in files {
        let of_kind = kept.iter().find_map(|(end, content)| Some((file.strip_suffix(end)?.parse::<Name>().ok()?, *content)));
        if let Some((name, content)) = of_kind {
            let fault = fault(&directory, &file, &name, content);
            found.flaws.extend(fault.map(|fault| Flaw { path: path.join(&file), name, content, fault }));
        } else if file.ends_with(ASIDE) {
            found.damaged.push(path.join(&file));
        } else if Directory::is_temporary(&file) {
            found.leftovers.push(path.join(&file));
        }
    }
    Ok(found)
}

/// What is wrong with a file, which may have gone by now.
fn fault(directory: &Directory, file: &str, name: &Name, content: Content) -> Option<Fault> {
    if matches!(content, Content::Lock | Content::Served) {
        let stat = fs::statat(directory.descriptor(), file, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        return check_regular(&directory.path_of(file), &stat).err().map(Fault::Unusable);
    }
    let (bytes, stat) = match directory.read_linked(file, LARGEST_FILE) {
        Ok(found) => found?,
        Err(error) => return Some(Fault::Unusable(error)),
    };
    // A login with a second name is one all the same.
    if stat.st_nlink > 1 && content != Content::Login {
        return Some(Fault::Linked);
    }
    Some(match unreadable(&Zeroizing::new(bytes), name, content)? {
        Unreadable::Damaged => Fault::Damaged,
        Unreadable::OtherName => Fault::OtherName,
        Unreadable::Version(version) => Fault::Unusable(StorageError::FutureVersion { path: directory.path_of(file), version }),
    })
}

fn unreadable(bytes: &[u8], name: &Name, content: Content) -> Option<Unreadable> {
    match content {
        Content::Token => Entry::parse(bytes, name).err(),
        Content::Login => LoginLook::parse(bytes, name, &Identity::new("", [])).err(),
        Content::Failure if Failure::parse(bytes, name).is_some() => None,
        Content::Failure => Some(future_version(bytes).map_or(Unreadable::Damaged, Unreadable::Version)),
        Content::Served | Content::Lock => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Place {
        _folder: tempfile::TempDir,
        path: PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().to_owned();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).expect("private");
            Self { _folder: folder, path }
        }

        fn put(&self, file: &str, text: &str, mode: u32) {
            std::fs::write(self.path.join(file), text).expect("written");
            std::fs::set_permissions(self.path.join(file), PermissionsExt::from_mode(mode)).expect("set");
        }

        fn cache(&self) -> Inventory {
            Cache::new(self.path.clone(), true).inventory().expect("a directory of ours")
        }
    }

    fn entry(name: &str) -> String {
        let token = Token::new("t".to_owned()).expect("a token");
        let entry = Entry { profile: name.parse().expect("a name"), identity: Identity::new("exec", []), token };
        entry.to_json().to_string()
    }

    /// What was found, each as its file and a word.
    fn said(inventory: &Inventory) -> Vec<(String, &'static str)> {
        let word = |fault: &Fault| match fault {
            Fault::Unusable(StorageError::FutureVersion { .. }) => "newer",
            Fault::Unusable(_) => "unusable",
            Fault::Damaged => "damaged",
            Fault::OtherName => "other name",
            Fault::Linked => "linked",
        };
        let file = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        inventory.flaws.iter().map(|flaw| (file(&flaw.path), word(&flaw.fault))).collect()
    }

    #[test]
    fn every_file_is_looked_at() {
        let place = Place::new();
        place.put("a.json", &entry("a"), 0o600);
        place.put("b.json", &entry("b"), 0o640);
        place.put("c.json", &entry("c")[1..], 0o600);
        place.put("d.json", &entry("a"), 0o600);
        place.put("e.json", "{\"version\":9}", 0o600);
        place.put("a.failure", "rubbish", 0o600);
        place.put("b.failure", "{\"version\":9}", 0o600);
        place.put("c.failure", "rubbish", 0o604);
        place.put("a.served", "rubbish", 0o600);
        place.put("a.lock", "", 0o600);
        place.put("notes.txt", "x", 0o644);
        symlink(place.path.join("a.json"), place.path.join("f.json")).expect("linked");
        let table = [
            ("a.failure", "damaged"),
            ("b.failure", "newer"),
            ("b.json", "unusable"),
            ("c.failure", "unusable"),
            ("c.json", "damaged"),
            ("d.json", "other name"),
            ("e.json", "newer"),
            ("f.json", "unusable"),
        ];
        assert_eq!(said(&place.cache()), table.map(|(file, word)| (file.to_owned(), word)));
        std::fs::hard_link(place.path.join("a.json"), place.path.join("copy")).expect("linked");
        assert!(said(&place.cache()).contains(&("a.json".to_owned(), "linked")));
    }

    #[test]
    fn a_login_is_looked_at_as_a_login() {
        let place = Place::new();
        place.put("a.json", &entry("a"), 0o600);
        place.put("b.json", "{\"version\":9}", 0o600);
        place.put("b.failure", "rubbish", 0o600);
        let found = Logins::new(place.path.clone()).inventory().expect("a directory of ours");
        assert_eq!(said(&found), [("a.json".to_owned(), "damaged"), ("b.json".to_owned(), "newer")]);
        assert!(found.flaws.iter().all(|flaw| flaw.content == Content::Login));
    }

    #[test]
    fn what_is_left_behind_is_told_apart() {
        let place = Place::new();
        for file in ["a.json.damaged", ".a.json.0123456789abcdef", ".a.json.swp"] {
            place.put(file, "x", 0o600);
        }
        let found = place.cache();
        assert!(found.flaws.is_empty(), "{found:?}");
        assert_eq!(found.damaged, [place.path.join("a.json.damaged")]);
        assert_eq!(found.leftovers, [place.path.join(".a.json.0123456789abcdef")]);
    }
}
