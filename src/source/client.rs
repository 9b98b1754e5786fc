//! A client of an issuer: how it proves who it is (RFC 6749 §2.3, RFC 7523 §2.2), and how it asks. Every OAuth grant asks through this.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::answer::TokenResponse;
use super::connection::Connection;
use super::discovery::{Endpoint, Issuer, Metadata};
use super::endpoint::{self, Form};
use super::input::Input;
use super::jwt::Claims;
use super::{Request, SourceError, Url};
use crate::error::Class;
use crate::secret::Secret;
use crate::settings::{Item, Mistake, Section};

/// What a JWT that authenticates a client is (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a client proves who it is (RFC 6749 §2.3, `OpenID` Connect Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// `client_secret_basic`: in the Authorization header.
    Basic,
    /// `client_secret_post`: in the form.
    Post,
    /// `private_key_jwt`: by a signed assertion.
    PrivateKeyJwt,
    /// `none`: a public client only names itself.
    None,
}

/// What a grant wants of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// That it proves who it is.
    Proof,
    /// That it says who it is.
    Name,
    /// Nothing: what it presents speaks for itself.
    Nothing,
}

/// A client of an issuer.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "`client_id` is the RFC's word")]
pub struct Client {
    issuer: Issuer,
    client_id: Option<String>,
    secret: Option<Input>,
    assertion: Option<Input>,
    method: Option<ClientAuth>,
    connection: Connection,
    metadata: Mutex<Option<Metadata>>,
}

impl Client {
    /// Reads the keys of issuer, client and connection from a profile.
    pub(super) fn from_settings(section: &mut Section<'_>, needed: &[Endpoint], demand: Demand) -> Result<Self, Mistake> {
        let issuer = Issuer::from_settings(section, needed)?;
        Self::of_issuer(issuer, section, demand)
    }

    /// The same where the issuer is known already.
    pub(super) fn of_issuer(issuer: Issuer, section: &mut Section<'_>, demand: Demand) -> Result<Self, Mistake> {
        const METHODS: [(&str, ClientAuth); 4] = [
            ("basic", ClientAuth::Basic),
            ("post", ClientAuth::Post),
            ("private-key-jwt", ClientAuth::PrivateKeyJwt),
            ("none", ClientAuth::None),
        ];
        let client_id = section.optional("client_id", Item::string)?;
        let secret = section.optional("client_secret", Input::from_setting)?;
        let audience = issuer.audience().into_iter().collect();
        let claims = Claims { issuer: client_id.clone(), subject: client_id.clone(), audience };
        let assertion = section.optional("client_assertion", |item| Input::with_claims(item, &claims))?;
        let method = section.optional("client_auth", |item| item.choice(&METHODS))?;
        let needs_name = demand != Demand::Nothing || secret.is_some() || assertion.is_some();
        match (method, &secret, &assertion) {
            _ if needs_name && client_id.is_none() => return Err(section.missing("client_id")),
            (_, Some(_), Some(_)) => return Err(section.mistake("`client_secret` and `client_assertion` exclude each other", None)),
            (Some(ClientAuth::PrivateKeyJwt), _, None) => return Err(section.missing("client_assertion")),
            (Some(ClientAuth::Basic | ClientAuth::Post), None, _) => return Err(section.missing("client_secret")),
            (None, None, None) if demand == Demand::Proof => return Err(section.missing("client_secret")),
            _ => {}
        }
        let connection = Connection::from_settings(section)?;
        Ok(Self { issuer, client_id, secret, assertion, method, connection, metadata: Mutex::default() })
    }

    /// What of it decides which token it is given.
    pub(super) fn identity(&self) -> Vec<(&'static str, String)> {
        let mut parts = self.login_identity();
        parts.extend(self.connection.identity());
        parts
    }

    /// What a refresh token is bound to (RFC 6749 §6): who gave it, and to whom.
    pub(super) fn login_identity(&self) -> Vec<(&'static str, String)> {
        let client_id = self.client_id.iter().map(|id| ("client_id", id.clone()));
        self.issuer.identity().into_iter().chain(client_id).collect()
    }

    pub(super) fn credentials(&self) -> Vec<Secret> {
        let method = Secret::new(format!("{:?}", self.method));
        std::iter::once(method).chain(self.connection.circumstances()).collect()
    }

    pub(super) fn inputs(&self) -> Vec<&Input> {
        self.secret.iter().chain(&self.assertion).chain(self.connection.inputs()).collect()
    }

    /// How long a request of it may take, with what it waits for before.
    fn time_limit(&self, single: Duration) -> Duration {
        Input::time_limit(self.inputs(), single).saturating_add(single)
    }

    pub(super) fn has_inline_secret(&self) -> bool {
        self.connection.has_inline_secret()
    }

    /// Whom a person sees us asking.
    pub(super) fn host(&self) -> String {
        self.issuer.host()
    }

    pub(super) const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// How it reaches its issuer.
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Who it says it is.
    pub(super) fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or_default()
    }

    /// Where the issuer is asked for this, by hand or by its own word.
    pub(super) async fn endpoint(&self, endpoint: Endpoint, request: Request<'_>) -> Result<Url, SourceError> {
        let metadata = if self.issuer.knows(endpoint) { Metadata::default() } else { self.metadata(request).await? };
        self.issuer.endpoint(endpoint, &metadata)
    }

    /// Whether the issuer can be asked for this at all.
    pub(super) async fn offers(&self, endpoint: Endpoint, request: Request<'_>) -> Result<bool, SourceError> {
        let metadata = if self.issuer.knows(endpoint) { Metadata::default() } else { self.metadata(request).await? };
        Ok(self.issuer.endpoint(endpoint, &metadata).is_ok())
    }

    /// What the issuer says of itself.
    pub(super) async fn metadata(&self, request: Request<'_>) -> Result<Metadata, SourceError> {
        let known = self.known().clone();
        if let Some(metadata) = known {
            return Ok(metadata);
        }
        let metadata = Box::pin(self.issuer.metadata(&self.connection, request)).await?;
        *self.known() = Some(metadata.clone());
        Ok(metadata)
    }

    /// The answer of the issuer that `asking` waits for. People take their time; an issuer has no more of it than at any renewal.
    pub(super) async fn answer<T>(
        &self,
        request: Request<'_>,
        asking: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let limit = self.time_limit(request.limit);
        tokio::time::timeout(limit, asking).await.unwrap_or_else(|_| {
            // Error: The issuer took longer than `refresh_request_timeout` to answer. To do: allow more with `--request-timeout` or
            // `refresh_request_timeout`.
            let message = format!("no answer of {} within {}", self.host(), humantime::format_duration(limit));
            Err(SourceError::new(Class::Network, message))
        })
    }

    fn known(&self) -> MutexGuard<'_, Option<Metadata>> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the token endpoint for what `form` describes.
    pub(super) async fn token(&self, form: &Form, request: Request<'_>) -> Result<TokenResponse, SourceError> {
        self.token_at(None, form, request).await
    }

    /// The same, at this `place` where the profile names none.
    pub(super) async fn token_at(&self, place: Option<Url>, form: &Form, request: Request<'_>) -> Result<TokenResponse, SourceError> {
        let place = place.filter(|_| !self.issuer.is_named());
        let post = self.authenticated(Endpoint::Token, place, form, request).await?;
        Box::pin(post.token(&self.connection, request)).await.inspect_err(|error| self.doubt(error))
    }

    /// Asks another endpoint, whose answer is a JSON object, or nothing.
    pub(super) async fn ask(&self, endpoint: Endpoint, form: &Form, request: Request<'_>) -> Result<Map<String, Value>, SourceError> {
        let post = self.authenticated(endpoint, None, form, request).await?;
        Box::pin(post.send(&self.connection, request)).await.inspect_err(|error| self.doubt(error))
    }

    /// An issuer that fails may have moved: the next attempt asks where it is. "Not yet" (RFC 8628 §3.5) is no failure.
    fn doubt(&self, error: &SourceError) {
        if !matches!(error.code.as_deref(), Some("authorization_pending" | "slow_down")) {
            *self.known() = None;
        }
    }

    /// The request of `form`, with the client's proof, to `place` or where the issuer has this endpoint.
    async fn authenticated(
        &self,
        endpoint: Endpoint,
        place: Option<Url>,
        form: &Form,
        request: Request<'_>,
    ) -> Result<endpoint::Post, SourceError> {
        let secret = match self.secret.as_ref().or(self.assertion.as_ref()) {
            Some(input) => Some(input.read(request).await?),
            None => None,
        };
        let url = match place {
            Some(place) => place,
            None => self.endpoint(endpoint, request).await?,
        };
        let mut post = form.post(url);
        let only_post = self.known().as_ref().is_some_and(|metadata| metadata.only_post);
        let usual = match (&self.assertion, only_post) {
            (Some(_), _) => ClientAuth::PrivateKeyJwt,
            (None, true) => ClientAuth::Post,
            (None, false) => ClientAuth::Basic,
        };
        match (self.method.unwrap_or(usual), secret, &self.client_id) {
            (ClientAuth::Basic, Some(secret), Some(id)) => post.basic(id, &secret),
            (ClientAuth::PrivateKeyJwt, Some(assertion), Some(id)) => {
                post.field("client_id", id);
                post.field("client_assertion_type", JWT_BEARER);
                post.secret("client_assertion", assertion);
            }
            (ClientAuth::Post, Some(secret), Some(id)) => {
                post.field("client_id", id);
                post.secret("client_secret", secret);
            }
            (_, _, Some(id)) => post.field("client_id", id),
            (_, _, None) => {}
        }
        Ok(post)
    }
}
