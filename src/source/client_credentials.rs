//! `source = "client-credentials"`: RFC 6749 §4.4, the grant of machines.

use super::client::{Client, Demand};
use super::discovery::Endpoint;
use super::endpoint::Form;
use super::expiry::{Ttl, dated};
use super::input::Input;
use super::{Configured, Request, Source, SourceError};
use crate::secret::Secret;
use crate::settings::{Mistake, Section};
use crate::token::Token;

/// The client credentials grant.
#[derive(Debug)]
pub struct ClientCredentials {
    client: Client,
    form: Form,
    ttl: Option<Ttl>,
}

impl Configured for ClientCredentials {
    const KIND: &'static str = "client-credentials";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        let client = Client::from_settings(section, &[Endpoint::Token], Demand::Proof)?;
        let form = Form::from_settings(section)?.of_grant("client_credentials");
        Ok(Self { client, form, ttl })
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        self.client.identity().into_iter().chain(self.form.identity()).collect()
    }

    fn asks(&self) -> String {
        self.client.host()
    }

    fn credentials(&self) -> Vec<Secret> {
        self.client.credentials()
    }

    fn inputs(&self) -> Vec<&Input> {
        self.client.inputs()
    }

    fn has_inline_secret(&self) -> bool {
        self.client.has_inline_secret() || self.form.has_inline_secret()
    }

    fn client(&self) -> Option<&Client> {
        Some(&self.client)
    }
}

impl Source for ClientCredentials {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let answer = self.client.token(&self.form, request).await?;
        let mut token = answer.token;
        // RFC 6749 §5.1: left out where it is what was asked for.
        token.scope = token.scope.or_else(|| self.form.scope().map(str::to_owned));
        dated(token, answer.expires_at, self.ttl, request.now)
    }

    fn peer(&self) -> Option<String> {
        Some(self.client.host())
    }
}
