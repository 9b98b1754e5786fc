//! `source = "token-exchange"`: RFC 8693, one token for another. The subject may be the token of another profile, so that profiles chain;
//! with an actor it is delegation, without one impersonation.

use super::client::Demand;
use super::expiry::Ttl;
use super::grant::Grant;
use super::input::Input;
use super::{Configured, Request, Source, SourceError};
use crate::settings::{Item, Mistake, Section};
use crate::token::Token;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The token exchange grant.
#[derive(Debug)]
pub struct TokenExchange {
    grant: Grant,
    subject: Party,
    actor: Option<Party>,
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
        let grant = Grant::from_settings(section, Self::ENDPOINTS, Demand::Nothing, ttl)?.with_form(|form| form.of_grant(GRANT));
        let subject = section.required("subject_token", Input::from_setting)?;
        let subject = Party::new(subject, section.optional("subject_token_type", Item::string)?);
        let actor = section.optional("actor_token", Input::from_setting)?;
        let actor_type = section.optional("actor_token_type", Item::string)?;
        if actor.is_none() && actor_type.is_some() {
            return Err(section.missing("actor_token"));
        }
        let requested = section.optional("requested_token_type", Item::string)?;
        let grant = grant.with_form(|form| requested.iter().fold(form, |form, requested| form.with("requested_token_type", requested)));
        Ok(Self { grant, subject, actor: actor.map(|token| Party::new(token, actor_type)) })
    }

    fn grant(&self) -> Option<&Grant> {
        Some(&self.grant)
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        let actor = self.actor.iter().map(|actor| actor.identity("actor_token"));
        let parties = std::iter::once(self.subject.identity("subject_token")).chain(actor);
        self.grant.identity().into_iter().chain(parties).collect()
    }

    fn inputs(&self) -> Vec<&Input> {
        let parties = std::iter::once(&self.subject).chain(&self.actor).map(|party| &party.token);
        self.grant.inputs().into_iter().chain(parties).collect()
    }
}

impl Source for TokenExchange {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let subject = self.subject.token.read(request).await?;
        let form = self.grant.form.clone().with_secret("subject_token", subject).with("subject_token_type", &self.subject.token_type);
        let form = match &self.actor {
            None => form,
            Some(actor) => {
                let token = actor.token.read(request).await?;
                form.with_secret("actor_token", token).with("actor_token_type", &actor.token_type)
            }
        };
        let answer = self.grant.client.token(&form, request).await.map_err(|error| self.advised(error))?;
        self.grant.token(answer, request.now)
    }

    fn peer(&self) -> Option<String> {
        Some(self.grant.client.host())
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
