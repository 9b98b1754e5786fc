//! What is remembered of changes made: which file was ours from the start, and what stood where something of ours stands now. It is
//! believed only where the file itself bears it out; without it, a change is still recognised by what it says.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cache::{Directory, StorageError};
use crate::consumer::Edit;
use crate::name::Name;
use crate::token::hex;
use crate::ui::Failure;

const VERSION: u64 = 1;

/// The largest record that is read.
const LARGEST: usize = 1 << 20;

/// What is remembered of one file.
pub(super) struct Record {
    /// Whether there was no such file before.
    pub(super) is_created: bool,
    changes: Vec<Kept>,
    folder: PathBuf,
    name: String,
    file: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    profile: String,
    /// What tells it from others for the same profile.
    subject: String,
    edits: Vec<Edit>,
}

impl Kept {
    fn is(&self, profile: &Name, subject: &str) -> bool {
        self.profile == profile.as_str() && self.subject == subject
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u64,
    file: String,
    created: bool,
    changes: Vec<Kept>,
}

/// What every version says of itself.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

/// The files that changes are remembered of, each with its tool.
pub(in crate::command) fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(Some(directory)) = Directory::open(folder) else { return Vec::new() };
    let names = directory.names().unwrap_or_default();
    let stored = names.iter().filter_map(|name| {
        let (tool, _) = name.strip_suffix(".json")?.rsplit_once('-')?;
        let (bytes, _) = directory.read(name, LARGEST).ok()??;
        let stored: Stored = serde_json::from_slice(&bytes).ok().filter(|stored: &Stored| stored.version == VERSION)?;
        Some((tool.to_owned(), PathBuf::from(stored.file)))
    });
    stored.collect()
}

impl Record {
    /// What is remembered of this file, unless a newer program wrote it; nothing where what is stored cannot be read.
    pub(super) fn read(folder: &Path, tool: &str, file: &Path) -> Result<Self, Failure> {
        let file = file.to_string_lossy().into_owned();
        let digest = hex(&Sha256::digest(&file));
        let name = format!("{tool}-{}.json", digest.get(..16).unwrap_or_default());
        let stored = match Directory::open(folder).map_err(explained)? {
            Some(directory) => directory.read(&name, LARGEST).map_err(explained)?,
            None => None,
        };
        let stored = stored.map(|(bytes, _)| bytes).unwrap_or_default();
        if let Some(Versioned { version }) = serde_json::from_slice(&stored).ok().filter(|found: &Versioned| found.version > VERSION) {
            return Err(explained(StorageError::FutureVersion { path: folder.join(name), version }));
        }
        let stored: Option<Stored> = serde_json::from_slice(&stored).ok();
        let stored = stored.filter(|stored| stored.version == VERSION && stored.file == file);
        let (is_created, changes) = stored.map_or((false, Vec::new()), |stored| (stored.created, stored.changes));
        Ok(Self { is_created, changes, folder: folder.to_owned(), name, file })
    }

    /// What the change for this profile did.
    pub(super) fn edits(&self, profile: &Name, subject: &str) -> &[Edit] {
        self.changes.iter().find(|kept| kept.is(profile, subject)).map_or(&[], |kept| kept.edits.as_slice())
    }

    /// Whether there are changes besides.
    pub(super) fn has_others(&self, profile: &Name, subject: &str) -> bool {
        self.changes.iter().any(|kept| !kept.is(profile, subject))
    }

    pub(super) fn remember(&mut self, profile: &Name, subject: &str, edits: Vec<Edit>, is_new: bool) {
        self.forget(profile, subject);
        self.is_created |= is_new;
        self.changes.push(Kept { profile: profile.to_string(), subject: subject.to_owned(), edits });
    }

    pub(super) fn forget(&mut self, profile: &Name, subject: &str) {
        self.changes.retain(|kept| !kept.is(profile, subject));
    }

    /// Whether there is anything to remember of this change.
    pub(super) fn knows(&self, profile: &Name, subject: &str) -> bool {
        self.changes.iter().any(|kept| kept.is(profile, subject))
    }

    /// Keeps what there is to remember.
    pub(super) fn store(&self) -> Result<(), Failure> {
        if self.changes.is_empty() {
            let Some(directory) = Directory::open(&self.folder).map_err(explained)? else { return Ok(()) };
            directory.remove(&self.name).map_err(explained)?;
            directory.sweep_old(&self.name);
            return Ok(());
        }
        let stored = Stored { version: VERSION, file: self.file.clone(), created: self.is_created, changes: self.changes.clone() };
        let bytes = serde_json::to_vec(&stored).map_err(|error| Failure::Unforeseen(error.to_string()))?;
        let directory = Directory::create(&self.folder).map_err(explained)?;
        directory.replace(&self.name, &bytes).map_err(explained)?;
        directory.sweep_old(&self.name);
        Ok(())
    }
}

fn explained(error: StorageError) -> Failure {
    Failure::Storage(error.into())
}
