//! What every OAuth 2.0 grant of a profile has: a client that asks, the form of what it asks for, and the profile's word on how long the
//! answer holds.

use super::answer::TokenResponse;
use super::client::{Client, Demand};
use super::discovery::Endpoint;
use super::endpoint::Form;
use super::expiry::{Ttl, dated};
use super::{Input, SourceError};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::settings::{Mistake, Section};
use crate::token::Token;

/// A grant, less what is peculiar to its kind.
#[derive(Debug)]
pub struct Grant {
    pub(super) client: Client,
    pub(super) form: Form,
    ttl: Option<Ttl>,
}

impl Grant {
    /// Reads the keys of issuer, client and connection, and what any grant asks for.
    pub(super) fn from_settings(section: &mut Section<'_>, needed: &[Endpoint], demand: Demand, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        let client = Client::from_settings(section, needed, demand)?;
        Ok(Self::new(client, Form::from_settings(section)?, ttl))
    }

    pub(super) const fn new(client: Client, form: Form, ttl: Option<Ttl>) -> Self {
        Self { client, form, ttl }
    }

    /// The same with another form.
    #[must_use]
    pub(super) fn with_form(self, change: impl FnOnce(Form) -> Form) -> Self {
        Self { form: change(self.form), ..self }
    }

    pub(super) fn identity(&self) -> Vec<(&'static str, String)> {
        self.client.identity().into_iter().chain(self.form.identity()).collect()
    }

    pub(super) fn credentials(&self) -> Vec<Secret> {
        self.client.credentials()
    }

    pub(super) fn inputs(&self) -> Vec<&Input> {
        self.client.inputs()
    }

    pub(super) fn has_inline_secret(&self) -> bool {
        self.client.has_inline_secret() || self.form.has_inline_secret()
    }

    /// The token of an answer to what was asked at `asked_at`.
    pub(super) fn token(&self, answer: TokenResponse, asked_at: Timestamp) -> Result<Token, SourceError> {
        let mut token = answer.token;
        // RFC 6749 §5.1: left out where it is what was asked for.
        token.scope = token.scope.or_else(|| self.form.scope().map(str::to_owned));
        dated(token, answer.expires_at, self.ttl, asked_at)
    }
}
