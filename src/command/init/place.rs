//! The configuration as a file: looked at before anybody is asked, extended by whoever is alone with it, and whole at any time.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::interview::{Kept, Planned, draft};
use super::wrong;
use crate::bearer::RenewalError;
use crate::cache::Lock;
use crate::cli::{Global, Init};
use crate::command::files::Target;
use crate::error::Class;
use crate::name::Name;
use crate::profile::{Configuration, DraftOrigin, Extended, Places, extend};
use crate::ui::Failure;

/// For files that hold secrets, now or later.
const PRIVATE: u32 = 0o600;

/// How long another one may take to write, and between two looks whether it is done.
const LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// What a profile is to be added to.
pub(super) struct Ground {
    pub(super) configuration: Configuration,
    /// The text of it.
    pub(super) text: String,
    /// The name that the profile was given.
    pub(super) named: Option<Name>,
    /// The name that it has to have, because the default has it.
    pub(super) awaited: Option<Name>,
}

impl Ground {
    /// Looks whether a profile can be added, without adding one: nobody is asked for what could not be written.
    pub(super) fn survey(global: &Global, init: &Init, places: &Places) -> Result<Self, Failure> {
        let target = Target::open(&places.config)?;
        if !init.dry_run {
            target.check_writable()?;
        }
        let configuration = Configuration::load_to_extend(&Places { config_is_named: false, ..places.clone() })?;
        // Error (InvalidName): The name of a profile becomes the name of files. To do: choose another, as `-p prod`.
        let named = global.profile.as_deref().map(|name| name.parse::<Name>().map_err(|error| wrong(format!("-p: {error}"))));
        let awaited = configuration.absent_default().filter(|_| !init.default).cloned();
        let ground = Self { configuration, text: target.text, named: named.transpose()?, awaited };
        ground.check(init, places)?;
        Ok(ground)
    }

    /// Tries the text with any profile of that name.
    fn check(&self, init: &Init, places: &Places) -> Result<(), Failure> {
        let name = self.named.as_ref().or(self.awaited.as_ref()).cloned().or_else(|| self.free_name("new").parse().ok());
        let any = name.map(|name| draft(init, name, DraftOrigin::Command(vec!["any".to_owned()])));
        any.map(|any| extend(&self.text, places, &any, init.default)).transpose()?;
        Ok(())
    }

    pub(super) fn is_taken(&self, name: &Name) -> bool {
        self.configuration.get(name).is_some()
    }

    /// A name like this that nobody has.
    pub(super) fn free_name(&self, like: &str) -> String {
        let others = (2..).map(|number| format!("{like}-{number}"));
        let mut names = std::iter::once(like.to_owned()).chain(others);
        names.find(|name| name.parse().is_ok_and(|name| !self.is_taken(&name))).unwrap_or_default()
    }
}

/// Where a profile stands.
pub(super) struct Written {
    path: PathBuf,
    line: usize,
}

impl Written {
    /// At this line of the configuration.
    pub(super) fn at(places: &Places, line: usize) -> Self {
        Self { path: places.config.clone(), line }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

/// The configuration as it would be.
pub(super) fn check(places: &Places, planned: &Planned, is_default: bool) -> Result<Extended, Failure> {
    Ok(extend(&Target::open(&places.config)?.text, places, &planned.draft, is_default)?)
}

/// Makes it so. What was written since it was looked at stays.
pub(super) async fn write(places: &Places, planned: &Planned, is_default: bool) -> Result<Written, Failure> {
    let folder = Target::open(&places.config)?.make_folder()?.to_owned();
    let _lock = alone(&folder).await?;
    let target = Target::open(&places.config)?;
    let extended = extend(&target.text, places, &planned.draft, is_default)?;
    let secret = planned.kept.as_ref().map(keep).transpose()?;
    let written = target.write(&extended.text, PRIVATE);
    if let (Err(_), Some(path)) = (&written, &secret) {
        // The error that counts is the one before.
        let _ = std::fs::remove_file(path);
    }
    written?;
    Ok(Written::at(places, extended.line))
}

/// Keeps a secret in its file, which is not there yet.
fn keep(kept: &Kept) -> Result<&Path, Failure> {
    let target = Target::open(&kept.path)?;
    if target.exists() {
        // Error: Two of these ran at the same time. Nothing was written.
        let error = RenewalError::new(Class::Temporary, format!("{} has been written by somebody else meanwhile", kept.path.display()));
        return Err(Failure::Storage(error.with_hint("do it again")));
    }
    target.write(&format!("{}\n", kept.secret.expose()), PRIVATE)?;
    Ok(&kept.path)
}

/// The right to write in this directory. Where that cannot be had, whoever changes a file that was changed meanwhile is told.
async fn alone(folder: &Path) -> Result<Option<Lock>, Failure> {
    let Ok(lock) = Lock::of_directory(folder) else { return Ok(None) };
    let began = Instant::now();
    loop {
        match lock.try_take() {
            Ok(true) => return Ok(Some(lock)),
            Err(_) => return Ok(None),
            Ok(false) if began.elapsed() < LIMIT => tokio::time::sleep(POLL).await,
            Ok(false) => {
                // Error: Another `token init` writes to the configuration, or was stopped while it did. Nothing was written.
                let error = RenewalError::new(Class::Lock, format!("another process has kept {} locked", folder.display()));
                return Err(Failure::Storage(error.with_hint("do it again when that process has ended")));
            }
        }
    }
}
