//! All that lies below a directory, so that it can be compared, and put back as often as somebody is killed in it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Something that has a name.
#[derive(Clone, PartialEq, Eq)]
pub enum Thing {
    Directory(u32),
    File(u32, Vec<u8>),
    Link(PathBuf),
}

impl fmt::Debug for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(mode) => write!(f, "a directory of mode {mode:o}"),
            Self::File(mode, bytes) => write!(f, "a file of mode {mode:o}: {:?}", String::from_utf8_lossy(bytes)),
            Self::Link(target) => write!(f, "a link to {}", target.display()),
        }
    }
}

/// Everything below a directory, by its path from there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(pub BTreeMap<String, Thing>);

impl Snapshot {
    pub fn of(root: &Path) -> Self {
        let mut things = BTreeMap::new();
        add(root, "", &mut things);
        Self(things)
    }

    /// Makes it so again.
    pub fn put_back(&self, root: &Path) {
        for path in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        // In this order a directory comes before what is in it.
        for (name, thing) in &self.0 {
            let path = root.join(name);
            match thing {
                Thing::Directory(mode) => {
                    fs::create_dir(&path).unwrap();
                    fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
                }
                Thing::File(mode, bytes) => {
                    fs::write(&path, bytes).unwrap();
                    fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
                }
                Thing::Link(target) => symlink(target, &path).unwrap(),
            }
        }
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The names that end in sixteen hexadecimal digits: what is there until it gets its own name.
    pub fn temporary(&self) -> Vec<&str> {
        self.names().into_iter().filter(|name| is_temporary(name)).collect()
    }
}

pub fn is_temporary(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn add(root: &Path, below: &str, things: &mut BTreeMap<String, Thing>) {
    for entry in fs::read_dir(root.join(below)).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        let (path, found) = (entry.path(), entry.metadata().unwrap());
        let mode = found.permissions().mode() & 0o7777;
        if found.is_symlink() {
            things.insert(name, Thing::Link(fs::read_link(path).unwrap()));
        } else if found.is_dir() {
            things.insert(name.clone(), Thing::Directory(mode));
            add(root, &name, things);
        } else {
            things.insert(name, Thing::File(mode, fs::read(path).unwrap()));
        }
    }
}

/// Puts what somebody who was killed has left two minutes back.
pub fn age(root: &Path) {
    for name in Snapshot::of(root).temporary() {
        let file = fs::File::open(root.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_mins(2)).unwrap();
    }
}
