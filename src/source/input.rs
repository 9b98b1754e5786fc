//! A secret or a token that the configuration names instead of holding: `{ env }`, `{ file }`, `{ command }`, the token of another
//! profile, a JWT that is signed on the spot, or, less well, the text itself.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::child::{Child, refuse_recursion};
use super::jwt::{Claims, Jwt};
use super::{Link, Request, SourceError};
use crate::bounded;
use crate::error::{Class, reason};
use crate::secret::Secret;
use crate::settings::{Item, Mistake};
use crate::token::fingerprint;

/// The most that is read of a file: more than the longest token, and enough for a bundle of certificates.
const LARGEST_FILE: u64 = 1 << 20;

/// Where a secret or a token is.
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
    /// The token of another profile.
    Profile(Link),
    /// A JWT, signed when it is needed.
    Jwt(Box<Jwt>),
}

impl Input {
    /// Reads a string or one of the tables.
    ///
    /// # Errors
    /// A [`Mistake`] where it is neither.
    pub fn from_setting(item: Item<'_>) -> Result<Self, Mistake> {
        Self::with_claims(item, &Claims::default())
    }

    /// The same, where a JWT has these claims unless its table says otherwise.
    pub(super) fn with_claims(item: Item<'_>, claims: &Claims) -> Result<Self, Mistake> {
        if !item.is_table() {
            return item.string().map(Secret::new).map(Self::Inline);
        }
        let mut section = item.section()?;
        let forms = [
            section.optional("env", Item::string)?.map(Self::Env),
            section.optional("file", Item::path)?.map(Self::File),
            section.optional("command", Item::argv)?.map(Self::Command),
            section.optional("profile", Link::from_setting)?.map(Self::Profile),
            section.optional("jwt", |item| Jwt::from_setting(item, claims))?.map(|jwt| Self::Jwt(Box::new(jwt))),
        ];
        let mut given = forms.into_iter().flatten();
        if let (Some(input), None) = (given.next(), given.next()) {
            return section.finish().map(|()| input);
        }
        let wrong = section.mistake("expected one of `env`, `file`, `command`, `profile` and `jwt`", None);
        section.finish().and(Err(wrong))
    }

    /// Whether the secret stands in the configuration file.
    #[must_use]
    pub const fn is_inline(&self) -> bool {
        matches!(self, Self::Inline(_))
    }

    /// The other profile whose token it is.
    #[must_use]
    pub const fn link(&self) -> Option<&Link> {
        match self {
            Self::Profile(link) => Some(link),
            _ => None,
        }
    }

    /// Where it is from, without any secret: what decides whose token it is.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Inline(secret) => format!("inline {}", fingerprint(secret.expose())),
            Self::Env(variable) => format!("env {variable}"),
            Self::File(path) => format!("file {}", path.display()),
            Self::Command(argv) => format!("command {argv:?}"),
            Self::Profile(link) => format!("profile {}", link.name()),
            Self::Jwt(jwt) => format!("jwt {}", jwt.identity()),
        }
    }

    /// For a digest: changes when another secret may be found there, as far as that is known at once.
    #[must_use]
    pub fn stamp(&self) -> Option<Secret> {
        match self {
            Self::Jwt(jwt) => Some(jwt.credentials()),
            Self::Profile(link) => link.stamp(),
            other => other.read_at_once()?.ok(),
        }
    }

    /// How long the answers take that `inputs` wait for, at most, where a single one may take `single`. A profile has its own time.
    pub(super) fn time_limit(inputs: Vec<&Self>, single: Duration) -> Duration {
        let wait = |input: &Self| match input {
            Self::Command(_) => single,
            Self::Profile(link) => link.time_limit(),
            Self::Inline(_) | Self::Env(_) | Self::File(_) | Self::Jwt(_) => Duration::ZERO,
        };
        inputs.into_iter().map(wait).fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Whether it can be read at all, as far as that is known at once: not by a command that is being run for it.
    pub(super) fn check(&self) -> Result<(), SourceError> {
        match self {
            Self::Command(argv) => refuse_recursion(&ancestor(argv)),
            _ => Ok(()),
        }
    }

    /// The secret, now. Of what a file holds or a command prints, the line ends behind it, of Windows too, are no part of it.
    ///
    /// # Errors
    /// [`Class::Config`] where it is not there, others can read its file, or it is empty; what the command or the profile failed with.
    pub async fn read(&self, request: Request<'_>) -> Result<Secret, SourceError> {
        match self {
            Self::Command(argv) => {
                let child = Child::new(argv.iter().map(Into::into).collect()).known_as(&ancestor(argv));
                let output = child.output().await?;
                let text = str::from_utf8(&output.stdout);
                // Error: A secret is text. To do: run the command by hand.
                let text = text.map_err(|_| SourceError::new(Class::Temporary, format!("`{}` printed no text", argv[0])))?;
                checked(without_line_ends(text.to_owned()), &format!("the output of `{}`", argv[0]))
            }
            Self::Profile(link) => link.token(request).await,
            Self::Jwt(jwt) => jwt.sign(request.now),
            // Error: A bug. To do: report it.
            other => other.read_at_once().unwrap_or_else(|| Err(SourceError::new(Class::Config, "no secret"))),
        }
    }

    /// The secret where it takes nobody's answer; `None` where it does.
    #[must_use]
    pub fn read_at_once(&self) -> Option<Result<Secret, SourceError>> {
        Some(match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::Env(variable) => match std::env::var(variable) {
                Ok(text) => checked(text, &format!("the environment variable {variable}")),
                Err(std::env::VarError::NotPresent) => {
                    // Error: The variable of `{ env = … }` is missing where token runs.
                    Err(missing(format!("the environment variable {variable} is not set"))
                        .with_hint("set it where token is started, or change `env`"))
                }
                // Error: The variable of `{ env = … }` holds bytes that are no text. To do: set it to text.
                Err(std::env::VarError::NotUnicode(_)) => Err(missing(format!("the environment variable {variable} is not text"))),
            },
            Self::File(path) => read_private(path).and_then(|text| checked(without_line_ends(text), &path.display().to_string())),
            Self::Command(_) | Self::Profile(_) | Self::Jwt(_) => return None,
        })
    }
}

/// What names a command among the ancestors of what it starts.
fn ancestor(argv: &[String]) -> String {
    fingerprint(&argv.join("\0")).chars().take(16).collect()
}

fn missing(message: String) -> SourceError {
    SourceError::new(Class::Config, message)
}

fn checked(text: String, whence: &str) -> Result<Secret, SourceError> {
    // Error: A secret of no characters is a mistake. To do: see what writes it.
    if text.is_empty() { Err(missing(format!("{whence} is empty"))) } else { Ok(Secret::new(text)) }
}

/// A secret as it was meant by whoever saved it with an editor. A token is taken as it is: one with a CR is none.
fn without_line_ends(mut text: String) -> String {
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    text
}

/// `text` without the line ends behind it.
pub(super) fn trim_line_ends(mut text: String) -> String {
    text.truncate(text.trim_end_matches('\n').len());
    text
}

pub(super) fn read_private(path: &Path) -> Result<String, SourceError> {
    let (text, mode) = read_file(path)?;
    if mode & 0o044 != 0 {
        // Error: Others on this machine could read the secret.
        let message = format!("the secret in {} can be read by others (mode {:04o})", path.display(), mode & 0o7777);
        return Err(missing(message).with_hint(format!("run `chmod 600 {}`", path.display())));
    }
    Ok(text)
}

/// A small text file and its mode. Never waits, whatever the path leads to.
pub(super) fn read_file(path: &Path) -> Result<(String, u32), SourceError> {
    let shown = path.display();
    let failed = |error: &std::io::Error| {
        // Error: The file of a secret or of a token is not there, or not readable.
        SourceError::new(Class::Config, format!("cannot read {shown}: {}", reason(error)))
            .with_hint("check the path in the configuration, and that you can read the file")
    };
    let (mut bytes, metadata) = bounded::read(path, LARGEST_FILE).map_err(|error| match error.kind() {
        // Error: A directory or a device is no secret. To do: check the path.
        ErrorKind::InvalidInput => missing(format!("{shown} is not a regular file")),
        _ => failed(&error),
    })?;
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        // Error: A secret is text. To do: check the path.
        SourceError::new(Class::Temporary, format!("{shown} is not text"))
    })?;
    Ok((text, metadata.mode()))
}
