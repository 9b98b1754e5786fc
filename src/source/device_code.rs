//! `source = "device-code"`: RFC 8628, for machines without a browser. A person opens an address on any device and enters a code there,
//! while we ask the issuer, no faster than it wants, whether that is done. From then on the refresh token does it.
//!
//! It promises that nobody is asked who is not there, that the person is told when the wait is over however it ends, and that the device
//! code, which is worth a token, is shown to nobody.

mod authorization;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::authorization::Authorization;
use self::pace::{Pace, ended};
use super::answer::TokenResponse;
use super::client::{Client, Demand};
use super::discovery::Endpoint;
use super::endpoint::Form;
use super::expiry::{Ttl, dated};
use super::input::Input;
use super::interactive::{PATIENCE, answered, by_login, later};
use super::{Configured, Person, Request, Source, SourceError, Step};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::secret::Secret;
use crate::settings::{Mistake, Section};
use crate::token::Token;

/// RFC 8628 §3.4
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The device authorization grant.
#[derive(Debug)]
pub struct DeviceCode {
    client: Client,
    form: Form,
    ttl: Option<Ttl>,
}

impl Configured for DeviceCode {
    const KIND: &'static str = "device-code";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        let client = Client::from_settings(section, &[Endpoint::Token, Endpoint::DeviceAuthorization], Demand::Name)?;
        Ok(Self { client, form: Form::from_settings(section)?, ttl })
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

    fn login_identity(&self) -> Option<Vec<(&'static str, String)>> {
        Some(self.client.login_identity())
    }

    fn client(&self) -> Option<&Client> {
        Some(&self.client)
    }
}

impl Source for DeviceCode {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let began = Instant::now();
        let mut asked_at = request.now;
        let answer = by_login(&self.client, &self.form, request, self.log_in(request, began, &mut asked_at)).await?;
        let mut token = answer.token;
        token.scope = token.scope.or_else(|| self.form.scope().map(str::to_owned));
        dated(token, answer.expires_at, self.ttl, asked_at)
    }

    fn peer(&self) -> Option<String> {
        Some(self.client.host())
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }
}

impl DeviceCode {
    /// Asks the person of `request`, which began at `began`, and the issuer until it says what came of that. Notes when it was asked for
    /// the token.
    async fn log_in(&self, request: Request<'_>, began: Instant, asked_at: &mut Timestamp) -> Result<TokenResponse, SourceError> {
        let Some(person) = request.person else { return Err(SourceError::new(Class::Login, "nobody is there to log in")) };
        let sent = Instant::now();
        let authorization = self.authorize(later(request, began)).await?;
        let expires_at = later(request, began).now.after(authorization.life.saturating_sub(sent.elapsed()));
        let _question = Question::ask(person, &authorization, expires_at.min(request.until));
        let form = self.form.of_grant(GRANT_TYPE).with_secret("device_code", authorization.device_code.clone());
        let mut pace = Pace::new(authorization.interval);
        let mut wait = pace.first();
        loop {
            tokio::time::sleep(wait).await;
            let request = later(request, began);
            match answered(&self.client, request, self.client.token(&form, request)).await {
                Ok(answer) => {
                    *asked_at = request.now;
                    return Ok(answer);
                }
                Err(error) => match pace.after(&error, authorization.life.saturating_sub(sent.elapsed())) {
                    Some(next) => wait = next,
                    None => return Err(ended(error)),
                },
            }
        }
    }

    /// The device authorization request (RFC 8628 §3.1).
    async fn authorize(&self, request: Request<'_>) -> Result<Authorization, SourceError> {
        let endpoint = answered(&self.client, request, self.client.endpoint(Endpoint::DeviceAuthorization, request)).await?;
        let answer = answered(&self.client, request, self.client.ask(Endpoint::DeviceAuthorization, &self.form, request)).await?;
        Authorization::read(answer, &endpoint)
    }
}

/// What a person was asked: taken back when dropped, so also where a signal or a time limit ends the wait.
struct Question<'a>(&'a dyn Person);

impl<'a> Question<'a> {
    fn ask(person: &'a Arc<dyn Person>, authorization: &Authorization, expires_at: Timestamp) -> Self {
        let Authorization { user_code, address, complete, .. } = authorization;
        person.tell(&Step::EnterCode { code: user_code, address, complete: complete.as_ref(), expires_at });
        Self(&**person)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.0.tell(&Step::Over);
    }
}
