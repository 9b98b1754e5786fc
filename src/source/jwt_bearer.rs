//! `source = "jwt-bearer"`: RFC 7523 §2.1, the grant of those whom a signed JWT speaks for. The JWT is whatever `assertion` names, or is
//! signed with the `key_file` of a service account, in the way of whoever the account is with.

mod service_account;

use self::service_account::ServiceAccount;
use super::client::{Client, Demand};
use super::discovery::Issuer;
use super::endpoint::Form;
use super::expiry::Ttl;
use super::grant::Grant;
use super::input::Input;
use super::jwt::Claims;
use super::{Configured, Request, Source, SourceError, Url};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::settings::{Item, Mistake, Section};
use crate::token::Token;

/// The grant of a signed JWT.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The JWT bearer grant.
#[derive(Debug)]
pub struct JwtBearer {
    grant: Grant,
    assertion: Assertion,
}

/// Where the JWT is from.
#[derive(Debug)]
enum Assertion {
    /// Somebody hands it over, or it is signed as the profile says.
    Input(Input),
    /// It is signed as a service account.
    ServiceAccount(ServiceAccount),
}

impl Configured for JwtBearer {
    const KIND: &'static str = "jwt-bearer";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        match (section.take("assertion"), section.optional("key_file", Item::path)?) {
            (Some(assertion), None) => {
                let client = Client::from_settings(section, Self::ENDPOINTS, Demand::Nothing)?;
                let assertion = Assertion::Input(Input::with_claims(assertion, &claims(&client))?);
                let form = Form::from_settings(section)?.of_grant(GRANT);
                Ok(Self { grant: Grant::new(client, form, ttl), assertion })
            }
            (None, Some(key_file)) => {
                let client = Client::of_issuer(Issuer::optional(section, Self::ENDPOINTS)?, section, Demand::Nothing)?;
                let assertion = Assertion::ServiceAccount(ServiceAccount::from_settings(key_file, section)?);
                let form = Form::from_settings(section)?;
                Ok(Self { grant: Grant::new(client, form, ttl), assertion })
            }
            (Some(_), Some(_)) => Err(section.mistake("`assertion` and `key_file` exclude each other", None)),
            (None, None) => {
                let mut mistake = section.missing("assertion");
                mistake.hint.get_or_insert_with(|| "set `assertion`, or the `key_file` of a service account".to_owned());
                Err(mistake)
            }
        }
    }

    fn grant(&self) -> Option<&Grant> {
        Some(&self.grant)
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        let assertion = match &self.assertion {
            Assertion::Input(input) => vec![("assertion", input.identity())],
            Assertion::ServiceAccount(account) => account.identity(),
        };
        self.grant.identity().into_iter().chain(assertion).collect()
    }

    fn asks(&self) -> String {
        match &self.assertion {
            Assertion::ServiceAccount(account) => self.peer().unwrap_or_else(|| account.key_file().display().to_string()),
            Assertion::Input(_) => self.grant.client.host(),
        }
    }

    fn credentials(&self) -> Vec<Secret> {
        let key = match &self.assertion {
            Assertion::Input(_) => None,
            Assertion::ServiceAccount(account) => account.credentials(),
        };
        self.grant.credentials().into_iter().chain(key).collect()
    }

    fn inputs(&self) -> Vec<&Input> {
        let input = match &self.assertion {
            Assertion::Input(input) => Some(input),
            Assertion::ServiceAccount(_) => None,
        };
        self.grant.inputs().into_iter().chain(input).collect()
    }

    /// A key file that cannot be signed with.
    fn obstacle(&self, now: Timestamp) -> Option<SourceError> {
        match &self.assertion {
            Assertion::ServiceAccount(account) => account.present(&self.grant.form, now).err(),
            Assertion::Input(_) => None,
        }
    }
}

impl Source for JwtBearer {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let (form, place) = match &self.assertion {
            Assertion::Input(input) => (self.grant.form.clone().with_secret("assertion", input.read(request).await?), None),
            Assertion::ServiceAccount(account) => {
                let (form, place) = account.present(&self.grant.form, request.now)?;
                (form, Some(place))
            }
        };
        let answer = self.grant.client.token_at(place, &form, request).await.map_err(advised)?;
        let mut token = self.grant.token(answer, request.now)?;
        token.scope = token.scope.or_else(|| self.scope().map(str::to_owned));
        Ok(token)
    }

    fn peer(&self) -> Option<String> {
        match &self.assertion {
            Assertion::ServiceAccount(account) if !self.grant.client.issuer().is_named() => account.host(),
            _ => Some(self.grant.client.host()),
        }
    }
}

impl JwtBearer {
    /// Where the key file of its service account says that tokens are had, where the profile does not.
    pub(super) fn place(&self) -> Option<Url> {
        match &self.assertion {
            Assertion::ServiceAccount(account) if !self.grant.client.issuer().is_named() => account.token_endpoint(),
            _ => None,
        }
    }

    fn scope(&self) -> Option<&str> {
        match &self.assertion {
            Assertion::Input(_) => self.grant.form.scope(),
            Assertion::ServiceAccount(account) => account.scope(),
        }
    }
}

/// What a JWT says that is signed for this profile, where its table says nothing else (RFC 7523 §3).
fn claims(client: &Client) -> Claims {
    let client_id = Some(client.client_id()).filter(|id| !id.is_empty()).map(str::to_owned);
    Claims { issuer: client_id.clone(), subject: client_id, audience: client.issuer().audience().into_iter().collect() }
}

/// RFC 7523 §3.1: a JWT that is not good is `invalid_grant`.
fn advised(error: SourceError) -> SourceError {
    match error.code.as_deref() {
        Some("invalid_grant") => {
            error.with_hint("check that the issuer still knows the key, what the JWT claims, and this machine's clock")
        }
        _ => error,
    }
}
