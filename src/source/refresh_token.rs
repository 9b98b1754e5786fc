//! `source = "refresh-token"`: RFC 6749 §6. The configuration gives the first refresh token; those that the issuer gives after it are
//! ours to keep.

use super::client::Demand;
use super::expiry::Ttl;
use super::grant::Grant;
use super::input::Input;
use super::refresh::{INVALID_GRANT, refresh};
use super::{Configured, Request, Source, SourceError};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::login::Login;
use crate::secret::Secret;
use crate::settings::{Mistake, Section};
use crate::token::{Token, fingerprint};

const ADVICE: &str = "set `refresh_token` to a new one";

/// The refresh token grant.
#[derive(Debug)]
pub struct RefreshToken {
    grant: Grant,
    first: Input,
}

impl Configured for RefreshToken {
    const KIND: &'static str = "refresh-token";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        let first = section.required("refresh_token", Input::from_setting)?;
        Ok(Self { grant: Grant::from_settings(section, Self::ENDPOINTS, Demand::Name, ttl)?, first })
    }

    fn grant(&self) -> Option<&Grant> {
        Some(&self.grant)
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        let first = ("refresh_token", self.first.identity());
        self.grant.identity().into_iter().chain([first]).collect()
    }

    fn inputs(&self) -> Vec<&Input> {
        self.grant.inputs().into_iter().chain([&self.first]).collect()
    }

    fn login_identity(&self) -> Option<Vec<(&'static str, String)>> {
        Some(self.grant.client.login_identity())
    }
}

impl RefreshToken {
    /// The refresh token that the configuration gives.
    pub(super) const fn first(&self) -> &Input {
        &self.first
    }

    /// The login at hand; the configured one where there is none, or where another one is configured now.
    async fn login(&self, request: Request<'_>) -> Result<Login, SourceError> {
        let Some(kept) = request.logins.read()? else { return self.configured(request).await };
        let configured = match self.first.read_at_once() {
            Some(first) => first.ok(),
            // It takes a command: that is run once the login at hand has come to its end.
            None if kept.is_dead() => Some(self.first.read(request).await?),
            None => None,
        };
        let is_other = |first: &Secret| kept.origin.as_deref() != Some(fingerprint(first.expose()).as_str());
        match configured {
            Some(first) if is_other(&first) => Ok(first_login(first, request.now)),
            _ if kept.is_dead() && !request.insists => Err(dead(&kept)),
            _ => Ok(kept),
        }
    }

    async fn configured(&self, request: Request<'_>) -> Result<Login, SourceError> {
        Ok(first_login(self.first.read(request).await?, request.now))
    }
}

fn first_login(first: Secret, now: Timestamp) -> Login {
    Login { origin: Some(fingerprint(first.expose())), ..Login::new(first, now) }
}

fn dead(login: &Login) -> SourceError {
    let at = login.refused_at.and_then(Timestamp::rfc3339).unwrap_or_default();
    // Error: The issuer takes the refresh token no longer; it is not sent again.
    SourceError::new(Class::Refused, format!("its refresh token was refused at {at}")).with_hint(ADVICE)
}

impl Source for RefreshToken {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let login = self.login(request).await?;
        let answer = refresh(&self.grant, login, request).await.map_err(|error| match error.code.as_deref() {
            Some(INVALID_GRANT) => error.with_hint(ADVICE),
            _ => error,
        })?;
        self.grant.token(answer, request.now)
    }

    fn peer(&self) -> Option<String> {
        Some(self.grant.client.host())
    }
}
