//! `source = "client-credentials"`: RFC 6749 §4.4, the grant of machines.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::connection::Connection;
use super::discovery::{Issuer, Metadata};
use super::endpoint::Form;
use super::expiry::{Ttl, dated};
use super::input::Input;
use super::{Request, Source, SourceError, Url};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::settings::{Item, Mistake, Section};
use crate::token::Token;

/// How a client proves who it is (RFC 6749 §2.3, `OpenID` Connect Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// `client_secret_basic`: in the Authorization header.
    Basic,
    /// `client_secret_post`: in the form.
    Post,
    /// `none`: a public client only names itself.
    None,
}

/// The client credentials grant.
#[derive(Debug)]
pub struct ClientCredentials {
    issuer: Issuer,
    client_id: String,
    client_secret: Option<Input>,
    client_auth: Option<ClientAuth>,
    grant: Form,
    ttl: Option<Ttl>,
    connection: Connection,
    metadata: Mutex<Option<Metadata>>,
}

impl ClientCredentials {
    pub(super) fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        const METHODS: [(&str, ClientAuth); 3] = [("basic", ClientAuth::Basic), ("post", ClientAuth::Post), ("none", ClientAuth::None)];
        let issuer = Issuer::from_settings(section)?;
        let client_id = section.required("client_id", Item::string)?;
        let client_secret = section.optional("client_secret", Input::from_setting)?;
        let client_auth = section.optional("client_auth", |item| item.choice(&METHODS))?;
        if client_secret.is_none() && client_auth != Some(ClientAuth::None) {
            return Err(section.missing("client_secret"));
        }
        let mut grant = Form::new("client_credentials");
        grant.add_settings(section)?;
        let connection = Connection::from_settings(section)?;
        Ok(Self { issuer, client_id, client_secret, client_auth, grant, ttl, connection, metadata: Mutex::default() })
    }

    pub(super) fn identity(&self) -> Vec<(&'static str, String)> {
        let mut parts = self.issuer.identity();
        parts.push(("client_id", self.client_id.clone()));
        parts.extend(self.grant.identity());
        parts.extend(self.connection.identity());
        parts
    }

    pub(super) fn credentials(&self) -> Vec<Secret> {
        let secret = self.client_secret.iter().filter_map(|input| input.read_at_once()?.ok());
        secret.chain([Secret::new(format!("{:?}", self.client_auth))]).chain(self.connection.circumstances()).collect()
    }

    pub(super) fn has_inline_secret(&self) -> bool {
        self.client_secret.as_ref().is_some_and(Input::is_inline) || self.grant.has_inline_secret() || self.connection.has_inline_secret()
    }

    pub(super) fn asks(&self) -> String {
        self.issuer.host()
    }

    /// Where to ask and how to prove who we are.
    async fn approach(&self, now: Timestamp) -> Result<(Url, ClientAuth), SourceError> {
        let known = self.metadata().clone();
        let metadata = match known {
            Some(metadata) => metadata,
            None => self.issuer.metadata(&self.connection, now).await?,
        };
        let method = self.client_auth.unwrap_or(if metadata.only_post { ClientAuth::Post } else { ClientAuth::Basic });
        let url = metadata.token_endpoint.clone();
        *self.metadata() = Some(metadata);
        Ok((url, method))
    }

    fn metadata(&self) -> MutexGuard<'_, Option<Metadata>> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for ClientCredentials {
    async fn issue(&self, Request { now, .. }: Request<'_>) -> Result<Token, SourceError> {
        let secret = match &self.client_secret {
            Some(input) => Some(input.read().await?),
            None => None,
        };
        let (url, method) = self.approach(now).await?;
        let mut request = self.grant.request(url);
        request.keep_secret(self.connection.secrets());
        match (method, secret) {
            (ClientAuth::Basic, Some(secret)) => request.basic(&self.client_id, &secret),
            (ClientAuth::Post, Some(secret)) => request.post(&self.client_id, secret),
            (ClientAuth::None, _) | (_, None) => request.field("client_id", &self.client_id),
        }
        // An issuer that fails may have moved: the next attempt asks where it is.
        let answer = request.send(&self.connection, now).await.inspect_err(|_| *self.metadata() = None)?;
        let mut token = answer.token;
        // RFC 6749 §5.1: left out where it is what was asked for.
        token.scope = token.scope.or_else(|| self.grant.scope().map(str::to_owned));
        dated(token, answer.expires_at, self.ttl, now)
    }

    fn peer(&self) -> Option<String> {
        Some(self.issuer.host())
    }
}
