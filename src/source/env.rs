//! `source = "env"`: a token that something else puts into an environment variable, as CI systems do.

use super::expiry::{Ttl, dated};
use super::{Configured, Request, Source, SourceError};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::settings::{Item, Mistake, Section};
use crate::token::Token;

/// An environment variable that holds a token.
#[derive(Debug)]
pub struct Env {
    variable: String,
    ttl: Option<Ttl>,
}

impl Env {
    /// The token in the environment variable `variable`.
    #[must_use]
    pub const fn new(variable: String, ttl: Option<Ttl>) -> Self {
        Self { variable, ttl }
    }
}

fn variable_name(item: Item<'_>) -> Result<String, Mistake> {
    item.string_that("a variable's name has no `=` and no NUL", |name| !name.contains(['=', '\0']))
}

impl Configured for Env {
    const KIND: &'static str = "env";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        Ok(Self::new(section.required("variable", variable_name)?, ttl))
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        vec![("variable", self.variable.clone())]
    }

    fn asks(&self) -> String {
        format!("${}", self.variable)
    }

    fn obstacle(&self, now: Timestamp) -> Option<SourceError> {
        self.read(now).err()
    }
}

impl Source for Env {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        self.read(request.now)
    }
}

impl Env {
    fn read(&self, now: Timestamp) -> Result<Token, SourceError> {
        let variable = &self.variable;
        let Some(text) = std::env::var_os(variable) else {
            // Error: The variable that is the source of the profile is missing where token runs.
            let error = SourceError::new(Class::Config, format!("the environment variable {variable} is not set"));
            return Err(error.with_hint("set it where token is started, or change `variable`"));
        };
        let text = text.into_string().unwrap_or_else(|_| "\u{fffd}".to_owned());
        let token = Token::new(text);
        // Error 5 (InvalidToken): What the variable holds is no token. To do: see what sets it.
        let token = token.map_err(|error| SourceError::new(Class::Temporary, format!("the environment variable {variable}: {error}")))?;
        dated(token, None, self.ttl, now)
    }
}
