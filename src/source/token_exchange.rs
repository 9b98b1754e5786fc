//! `source = "token-exchange"`: RFC 8693, one token for another. The subject may be the token of another profile, so that profiles chain;
//! with an actor it is delegation, without one impersonation.

use super::client::{Client, Demand};
use super::discovery::Endpoint;
use super::endpoint::Form;
use super::expiry::{Ttl, dated};
use super::input::Input;
use super::{Configured, Request, Source, SourceError};
use crate::secret::Secret;
use crate::settings::{Item, Mistake, Section};
use crate::token::Token;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The token exchange grant.
#[derive(Debug)]
pub struct TokenExchange {
    client: Client,
    form: Form,
    subject: Party,
    actor: Option<Party>,
    ttl: Option<Ttl>,
}

/// A token that stands for somebody, and what kind of token that is.
#[derive(Debug)]
struct Party {
    token: Input,
    token_type: String,
}

impl Party {
    fn new(token: Input, token_type: Option<String>) -> Self {
        let usual = if matches!(token, Input::Jwt(_)) { JWT } else { ACCESS_TOKEN };
        Self { token_type: token_type.unwrap_or_else(|| usual.to_owned()), token }
    }

    fn identity(&self, key: &'static str) -> (&'static str, String) {
        (key, format!("{} {}", self.token_type, self.token.identity()))
    }
}

impl Configured for TokenExchange {
    const KIND: &'static str = "token-exchange";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        let client = Client::from_settings(section, &[Endpoint::Token], Demand::Nothing)?;
        let form = Form::from_settings(section)?.of_grant(GRANT);
        let subject = section.required("subject_token", Input::from_setting)?;
        let subject = Party::new(subject, section.optional("subject_token_type", Item::string)?);
        let actor = section.optional("actor_token", Input::from_setting)?;
        let actor_type = section.optional("actor_token_type", Item::string)?;
        if actor.is_none() && actor_type.is_some() {
            return Err(section.missing("actor_token"));
        }
        let requested = section.optional("requested_token_type", Item::string)?;
        let form = requested.iter().fold(form, |form, requested| form.with("requested_token_type", requested));
        Ok(Self { client, form, subject, actor: actor.map(|token| Party::new(token, actor_type)), ttl })
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        let actor = self.actor.iter().map(|actor| actor.identity("actor_token"));
        let parties = std::iter::once(self.subject.identity("subject_token")).chain(actor);
        self.client.identity().into_iter().chain(self.form.identity()).chain(parties).collect()
    }

    fn asks(&self) -> String {
        self.client.host()
    }

    fn credentials(&self) -> Vec<Secret> {
        self.client.credentials()
    }

    fn inputs(&self) -> Vec<&Input> {
        let parties = std::iter::once(&self.subject).chain(&self.actor).map(|party| &party.token);
        self.client.inputs().into_iter().chain(parties).collect()
    }

    fn has_inline_secret(&self) -> bool {
        self.client.has_inline_secret() || self.form.has_inline_secret()
    }

    fn client(&self) -> Option<&Client> {
        Some(&self.client)
    }
}

impl Source for TokenExchange {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let subject = self.subject.token.read(request).await?;
        let form = self.form.clone().with_secret("subject_token", subject).with("subject_token_type", &self.subject.token_type);
        let form = match &self.actor {
            None => form,
            Some(actor) => {
                let token = actor.token.read(request).await?;
                form.with_secret("actor_token", token).with("actor_token_type", &actor.token_type)
            }
        };
        let answer = self.client.token(&form, request).await.map_err(|error| self.advised(error))?;
        let mut token = answer.token;
        token.scope = token.scope.or_else(|| self.form.scope().map(str::to_owned));
        dated(token, answer.expires_at, self.ttl, request.now)
    }

    fn peer(&self) -> Option<String> {
        Some(self.client.host())
    }
}

impl TokenExchange {
    /// RFC 8693 §2.2.2: a token that is not good is `invalid_request`; many say `invalid_grant`.
    fn advised(&self, error: SourceError) -> SourceError {
        let is_about_tokens = matches!(error.code.as_deref(), Some("invalid_request" | "invalid_grant"));
        match self.subject.token.link().filter(|_| is_about_tokens) {
            Some(link) => {
                let hint = format!("if its token was revoked, renew that first: `token renew {}`", link.name());
                error.with_hint(hint)
            }
            None => error,
        }
    }
}
