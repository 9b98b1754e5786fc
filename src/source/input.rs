//! A secret that the configuration names instead of holding: `{ env }`, `{ file }`, `{ command }`, or, less well, the text itself.

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::SourceError;
use super::child::Child;
use crate::error::{Class, reason};
use crate::secret::Secret;
use crate::settings::{Item, Mistake};

/// The most that is read of a file: more than the longest token, and enough for a bundle of certificates.
const LARGEST_FILE: u64 = 1 << 20;

/// Where a secret is.
#[derive(Clone, Debug)]
pub enum Input {
    /// In the configuration itself.
    Inline(Secret),
    /// In an environment variable.
    Env(String),
    /// In a private file.
    File(PathBuf),
    /// In the output of a command.
    Command(Vec<String>),
}

impl Input {
    /// Reads a string or one of the three tables.
    ///
    /// # Errors
    /// A [`Mistake`] where it is neither.
    pub fn from_setting(item: Item<'_>) -> Result<Self, Mistake> {
        if !item.is_table() {
            return item.string().map(Secret::new).map(Self::Inline);
        }
        let mut section = item.section()?;
        let forms = [
            section.optional("env", Item::string)?.map(Self::Env),
            section.optional("file", Item::path)?.map(Self::File),
            section.optional("command", Item::argv)?.map(Self::Command),
        ];
        let mut given = forms.into_iter().flatten();
        if let (Some(input), None) = (given.next(), given.next()) {
            return section.finish().map(|()| input);
        }
        let wrong = section.mistake("expected one of `env`, `file` and `command`", None);
        section.finish().and(Err(wrong))
    }

    /// Whether the secret stands in the configuration file.
    #[must_use]
    pub const fn is_inline(&self) -> bool {
        matches!(self, Self::Inline(_))
    }

    /// The secret, now. One trailing line end is not part of it.
    ///
    /// # Errors
    /// [`Class::Config`] where it is not there, others can read its file, or it is empty; what the command failed with.
    pub async fn read(&self) -> Result<Secret, SourceError> {
        match self {
            Self::Command(argv) => {
                let output = Child::new(argv.iter().map(Into::into).collect()).output().await?;
                let text = String::from_utf8(output.stdout.to_vec());
                let text = text.map_err(|_| SourceError::new(Class::Temporary, format!("`{}` printed no text", argv[0])))?;
                checked(trim_line_ends(text), &format!("the output of `{}`", argv[0]))
            }
            other => other.read_at_once().unwrap_or_else(|| Err(SourceError::new(Class::Config, "no secret"))),
        }
    }

    /// The secret where no command has to run for it; `None` where one has.
    #[must_use]
    pub fn read_at_once(&self) -> Option<Result<Secret, SourceError>> {
        Some(match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::Env(variable) => match std::env::var(variable) {
                Ok(text) => checked(text, &format!("the environment variable {variable}")),
                Err(std::env::VarError::NotPresent) => Err(missing(format!("the environment variable {variable} is not set"))),
                Err(std::env::VarError::NotUnicode(_)) => Err(missing(format!("the environment variable {variable} is not text"))),
            },
            Self::File(path) => read_private(path).and_then(|text| checked(trim_line_ends(text), &path.display().to_string())),
            Self::Command(_) => return None,
        })
    }
}

fn missing(message: String) -> SourceError {
    SourceError::new(Class::Config, message)
}

fn checked(text: String, whence: &str) -> Result<Secret, SourceError> {
    if text.is_empty() { Err(missing(format!("{whence} is empty"))) } else { Ok(Secret::new(text)) }
}

/// `text` without the line ends behind it.
pub(super) fn trim_line_ends(mut text: String) -> String {
    text.truncate(text.trim_end_matches('\n').len());
    text
}

pub(super) fn read_private(path: &Path) -> Result<String, SourceError> {
    let (text, mode) = read_file(path)?;
    if mode & 0o044 != 0 {
        let message = format!("the secret in {} can be read by others (mode {:04o})", path.display(), mode & 0o7777);
        return Err(missing(message).with_hint(format!("run `chmod 600 {}`", path.display())));
    }
    Ok(text)
}

/// A small text file and its mode. Never waits, whatever the path leads to.
pub(super) fn read_file(path: &Path) -> Result<(String, u32), SourceError> {
    let shown = path.display();
    let failed = |error: &std::io::Error| SourceError::new(Class::Config, format!("cannot read {shown}: {}", reason(error)));
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = std::fs::File::options().read(true).custom_flags(nonblocking).open(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(missing(format!("{shown} is not a regular file")));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| SourceError::new(Class::Temporary, format!("{shown} is not text")))?;
    Ok((text, metadata.mode()))
}
