//! `source = "client-credentials"`: RFC 6749 §4.4, the grant of machines.

use super::client::Demand;
use super::expiry::Ttl;
use super::grant::Grant;
use super::{Configured, Request, Source, SourceError};
use crate::settings::{Mistake, Section};
use crate::token::Token;

/// The client credentials grant.
#[derive(Debug)]
pub struct ClientCredentials {
    grant: Grant,
}

impl Configured for ClientCredentials {
    const KIND: &'static str = "client-credentials";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        let grant = Grant::from_settings(section, Self::ENDPOINTS, Demand::Proof, ttl)?;
        Ok(Self { grant: grant.with_form(|form| form.of_grant("client_credentials")) })
    }

    fn grant(&self) -> Option<&Grant> {
        Some(&self.grant)
    }
}

impl Source for ClientCredentials {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let answer = self.grant.client.token(&self.grant.form, request).await?;
        self.grant.token(answer, request.now)
    }

    fn peer(&self) -> Option<String> {
        Some(self.grant.client.host())
    }
}
