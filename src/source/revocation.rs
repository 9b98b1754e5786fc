//! Telling an issuer that tokens are not needed any more: RFC 7009.

use super::client::Client;
use super::discovery::Endpoint;
use super::endpoint::Form;
use super::{AnySource, Request, SourceError};
use crate::secret::Secret;

/// What became of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The issuer takes the tokens no longer.
    Done,
    /// There is nobody to be told.
    NotOffered,
}

/// The kind of a token that is revoked, as its hint (RFC 7009 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// A refresh token; most issuers revoke all that came of it, too.
    RefreshToken,
    /// An access token.
    AccessToken,
}

impl Revoked {
    const fn hint(self) -> &'static str {
        match self {
            Self::RefreshToken => "refresh_token",
            Self::AccessToken => "access_token",
        }
    }
}

impl AnySource {
    /// Has its issuer revoke `tokens`, in this order.
    ///
    /// # Errors
    /// [`SourceError`] where the issuer could not be told, or would not have it.
    pub async fn revoke(&self, tokens: &[(Revoked, Secret)], request: Request<'_>) -> Result<Revocation, SourceError> {
        let Some(client) = self.grant().map(|grant| &grant.client) else { return Ok(Revocation::NotOffered) };
        if !client.offers(Endpoint::Revocation, request).await? {
            return Ok(Revocation::NotOffered);
        }
        for (kind, token) in tokens {
            revoke(client, *kind, token, request).await?;
        }
        Ok(Revocation::Done)
    }
}

async fn revoke(client: &Client, kind: Revoked, token: &Secret, request: Request<'_>) -> Result<(), SourceError> {
    let form = Form::bare().with_secret("token", token.clone()).with("token_type_hint", kind.hint());
    match client.ask(Endpoint::Revocation, &form, request).await {
        // RFC 7009 §2.2.1: not every issuer can take back an access token that APIs check by themselves.
        Err(error) if kind == Revoked::AccessToken && error.code.as_deref() == Some("unsupported_token_type") => Ok(()),
        outcome => outcome.map(drop),
    }
}
