//! `source = "device-code"`: RFC 8628, for machines without a browser. A person opens an address on any device and enters a code there,
//! while we ask the issuer, no faster than it wants, whether that is done. From then on the refresh token does it.
//!
//! It promises that nobody is asked who is not there, that the person is told when the wait is over however it ends, and that the device
//! code, which is worth a token, is shown to nobody.

pub(super) mod authorization;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::authorization::Authorization;
use self::pace::{Pace, ended};
use super::answer::TokenResponse;
use super::client::Demand;
use super::discovery::Endpoint;
use super::expiry::Ttl;
use super::grant::Grant;
use super::interactive::{PATIENCE, by_login, later};
use super::{Configured, Person, Request, Source, SourceError, Step};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::settings::{Mistake, Section};
use crate::token::Token;

/// RFC 8628 §3.4
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The device authorization grant.
#[derive(Debug)]
pub struct DeviceCode {
    grant: Grant,
}

impl Configured for DeviceCode {
    const KIND: &'static str = "device-code";

    const ENDPOINTS: &'static [Endpoint] = &[Endpoint::Token, Endpoint::DeviceAuthorization];

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        Ok(Self { grant: Grant::from_settings(section, Self::ENDPOINTS, Demand::Name, ttl)? })
    }

    fn grant(&self) -> Option<&Grant> {
        Some(&self.grant)
    }

    fn login_identity(&self) -> Option<Vec<(&'static str, String)>> {
        Some(self.grant.client.login_identity())
    }
}

impl Source for DeviceCode {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let began = Instant::now();
        let mut asked_at = request.now;
        let answer = by_login(&self.grant, request, self.log_in(request, began, &mut asked_at)).await?;
        self.grant.token(answer, asked_at)
    }

    fn peer(&self) -> Option<String> {
        Some(self.grant.client.host())
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }
}

impl DeviceCode {
    /// Asks the person of `request`, which began at `began`, and the issuer until it says what came of that. Notes when it was asked for
    /// the token.
    async fn log_in(&self, request: Request<'_>, began: Instant, asked_at: &mut Timestamp) -> Result<TokenResponse, SourceError> {
        // Error: A person has to log in, and there is no terminal, or `--no-interactive` forbids it.
        let Some(person) = request.person else { return Err(SourceError::new(Class::Login, "nobody is there to log in")) };
        let sent = Instant::now();
        let authorization = self.authorize(later(request, began)).await?;
        let expires_at = later(request, began).now.after(authorization.life.saturating_sub(sent.elapsed()));
        let _question = Question::ask(person, &authorization, expires_at.min(request.until));
        let Grant { client, form, .. } = &self.grant;
        let form = form.of_grant(GRANT_TYPE).with_secret("device_code", authorization.device_code.clone());
        let mut pace = Pace::new(authorization.interval);
        let mut wait = pace.first();
        loop {
            tokio::time::sleep(wait).await;
            let request = later(request, began);
            match client.answer(request, client.token(&form, request)).await {
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
        let Grant { client, form, .. } = &self.grant;
        let endpoint = client.answer(request, client.endpoint(Endpoint::DeviceAuthorization, request)).await?;
        let answer = client.answer(request, client.ask(Endpoint::DeviceAuthorization, form, request)).await?;
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

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Mutex;

    use super::*;
    use crate::secret::Secret;
    use crate::source::Url;

    /// Notes what is told.
    #[derive(Debug, Default)]
    struct Listener(Mutex<Vec<String>>);

    impl Person for Listener {
        fn tell(&self, step: &Step<'_>) {
            let told = match step {
                Step::EnterCode { code, expires_at, .. } => format!("{code} until {}", expires_at.unix_seconds()),
                other => format!("{other:?}"),
            };
            self.0.lock().expect("unpoisoned").push(told);
        }

        fn line(&self) -> Pin<Box<dyn Future<Output = Option<String>> + Send + '_>> {
            Box::pin(std::future::pending())
        }
    }

    /// Also when the wait is given up in the middle.
    #[tokio::test]
    async fn a_question_is_taken_back_however_it_ends() {
        let listener = Arc::new(Listener::default());
        let person: Arc<dyn Person> = Arc::clone(&listener) as _;
        let authorization = Authorization {
            device_code: Secret::new("d".to_owned()),
            user_code: "ABCD-EFGH".to_owned(),
            address: Url::parse("https://x/device").expect("an address"),
            complete: None,
            life: PATIENCE,
            interval: PATIENCE,
        };
        let asking = async {
            let _question = Question::ask(&person, &authorization, Timestamp::from_unix_seconds(7));
            std::future::pending::<()>().await;
        };
        assert!(tokio::time::timeout(Duration::from_millis(1), asking).await.is_err());
        assert_eq!(*listener.0.lock().expect("unpoisoned"), ["ABCD-EFGH until 7", "Over"]);
    }
}
