//! `source = "file"`: a token that something else puts into a file, such as a projected service account token. It is read again at
//! each renewal.

use std::path::PathBuf;

use super::expiry::{Ttl, dated};
use super::input::{read_file, trim_line_ends};
use super::{Configured, Request, Source, SourceError};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::settings::{Item, Mistake, Section};
use crate::token::Token;

/// A file that holds a token and nothing else but a line end.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    ttl: Option<Ttl>,
}

impl File {
    /// The token in the file `path`.
    #[must_use]
    pub const fn new(path: PathBuf, ttl: Option<Ttl>) -> Self {
        Self { path, ttl }
    }
}

impl Configured for File {
    const KIND: &'static str = "file";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        Ok(Self::new(section.required("path", Item::path)?, ttl))
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        vec![("path", self.path.display().to_string())]
    }

    fn asks(&self) -> String {
        self.path.display().to_string()
    }

    fn obstacle(&self, now: Timestamp) -> Option<SourceError> {
        self.read(now).err()
    }
}

impl Source for File {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        self.read(request.now)
    }
}

impl File {
    fn read(&self, now: Timestamp) -> Result<Token, SourceError> {
        let (text, _) = read_file(&self.path)?;
        let token = Token::new(trim_line_ends(text));
        // Error 5 (InvalidToken): What the file holds is no token. To do: see what writes it.
        let token = token.map_err(|error| SourceError::new(Class::Temporary, format!("{}: {error}", self.path.display())))?;
        dated(token, None, self.ttl, now)
    }
}
