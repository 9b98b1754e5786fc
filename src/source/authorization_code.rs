//! `source = "authorization-code"`: somebody logs in with a browser (RFC 6749 §4.1), as programs on people's machines are to do it
//! (RFC 8252): the browser ends at a port of ours on 127.0.0.1, and whoever else sees the code can do nothing with it (RFC 7636).
//!
//! It promises to find out before a browser opens whatever can be found out before, and to close its port however the login ends. Without
//! somebody who may be asked it opens nothing. Where the browser cannot reach the port (it runs on another machine), the address at which
//! it ends can be pasted.

mod browser;
mod redirect;
pub(super) mod response;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;

use super::answer::TokenResponse;
use super::client::Demand;
use super::discovery::{Endpoint, Metadata};
use super::expiry::Ttl;
use super::grant::Grant;
use super::interactive::{PATIENCE, by_login, later};
use super::person::{Person, Step};
use super::{Configured, Request, Source, SourceError, Url};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::secret::Secret;
use crate::settings::{Item, Mistake, Section};
use crate::token::Token;
use browser::Browser;
use redirect::Redirect;
use response::{Expected, Response};

/// The authorization code grant with PKCE.
#[derive(Debug)]
pub struct AuthorizationCode {
    grant: Grant,
    redirect_port: Option<u16>,
    browser: Option<Vec<String>>,
}

impl Configured for AuthorizationCode {
    const KIND: &'static str = "authorization-code";

    const ENDPOINTS: &'static [Endpoint] = &[Endpoint::Authorization, Endpoint::Token];

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        let grant = Grant::from_settings(section, Self::ENDPOINTS, Demand::Name, ttl)?;
        let redirect_port = section.optional("redirect_port", |item| item.integer(1..=u16::MAX.into()))?;
        let browser = section.optional("browser", Item::argv)?;
        let redirect_port = redirect_port.and_then(|port| u16::try_from(port).ok());
        Ok(Self { grant, redirect_port, browser })
    }

    fn grant(&self) -> Option<&Grant> {
        Some(&self.grant)
    }

    fn login_identity(&self) -> Option<Vec<(&'static str, String)>> {
        Some(self.grant.client.login_identity())
    }

    /// What opens addresses, where the profile says so.
    fn program(&self) -> Option<String> {
        self.browser.as_ref()?.first().cloned()
    }
}

impl Source for AuthorizationCode {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let answer = by_login(&self.grant, request, self.log_in(request)).await?;
        let asked_at = answer.token.issued_at.unwrap_or(request.now);
        self.grant.token(answer, asked_at)
    }

    fn peer(&self) -> Option<String> {
        Some(self.grant.client.host())
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }
}

impl AuthorizationCode {
    /// Asks the person of `request` to log in, and the issuer for the token.
    async fn log_in(&self, request: Request<'_>) -> Result<TokenResponse, SourceError> {
        let began = Instant::now();
        // Error: A person has to log in, and there is no terminal, or `--no-interactive` forbids it.
        let Some(person) = request.person else { return Err(SourceError::new(Class::Login, "nobody is there to log in")) };
        let redirect = Redirect::bind(self.redirect_port).await?;
        let (address, metadata) = self.grant.client.answer(request, self.look_up(request)).await?;
        let (state, verifier) = (drawn()?, drawn()?);
        let issuer = self.grant.client.issuer().name().map(str::to_owned);
        let expected = Expected { redirect: redirect.uri(), state: state.expose().to_owned(), issuer, names_itself: metadata.names_itself };
        let address = self.asking(address, &expected, &verifier);
        let (sender, receiver) = channel(1);
        let exchanging = async {
            let code = self.code(person, &Login { address: &address, until: request.until, expected: &expected }, receiver).await?;
            let form = self.grant.form.of_grant("authorization_code").with_secret("code", code);
            let form = form.with("redirect_uri", &expected.redirect).with_secret("code_verifier", verifier.clone());
            let request = later(request, began);
            let mut answer = self.grant.client.answer(request, self.grant.client.token(&form, request)).await?;
            answer.token.issued_at = Some(request.now);
            Ok(answer)
        };
        // The page reaches the browser while the issuer is asked.
        tokio::select! {
            answer = exchanging => answer,
            never = redirect.serve(&expected, sender) => match never {},
        }
    }

    /// Where a person is sent, and what the issuer says of itself.
    async fn look_up(&self, request: Request<'_>) -> Result<(Url, Metadata), SourceError> {
        let is_known = Self::ENDPOINTS.iter().all(|endpoint| self.grant.client.issuer().knows(*endpoint));
        let metadata = if is_known { Metadata::default() } else { self.grant.client.metadata(request).await? };
        self.grant.client.endpoint(Endpoint::Token, request).await?;
        Ok((self.grant.client.endpoint(Endpoint::Authorization, request).await?, metadata))
    }

    /// The authorization request (RFC 6749 §4.1.1, 7636 §4.3) to `endpoint`, whose own query stays.
    fn asking(&self, mut endpoint: Url, expected: &Expected, verifier: &Secret) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()));
        let own = [
            ("response_type", "code"),
            ("client_id", self.grant.client.client_id()),
            ("redirect_uri", &expected.redirect),
            ("state", &expected.state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        endpoint.query_pairs_mut().extend_pairs(own).extend_pairs(self.grant.form.query());
        endpoint
    }

    /// The code that comes of it when the `person` logs in.
    async fn code(&self, person: &Arc<dyn Person>, login: &Login<'_>, answers: Receiver<Response>) -> Result<Secret, SourceError> {
        let _end = End(person);
        let mut browser = Browser::find(self.browser.as_deref(), login.address);
        let is_open = browser.start();
        person.tell(&login.step(is_open));
        match login.response(person, answers, browser).await {
            Response::Code(code) => Ok(code),
            Response::Error { code, description } => Err(self.refusal(&code, description.as_deref())),
        }
    }

    /// What an error in place of a code means (RFC 6749 §4.1.2.1).
    fn refusal(&self, code: &str, description: Option<&str>) -> SourceError {
        let host = self.grant.client.host();
        let described = match description.filter(|description| !description.trim().is_empty()) {
            Some(description) => format!("{code} ({description})"),
            None => code.to_owned(),
        };
        let mut error = match code {
            // Error: The browser came back with an error that may pass. To do: log in again.
            "server_error" | "temporarily_unavailable" => SourceError::new(Class::Temporary, format!("{host} failed for now: {described}")),
            // Error: The browser came back with an error: you declined, or the client may not do this. To do: `token renew NAME` to try
            // again; else see the client's settings at the issuer.
            _ => SourceError::new(Class::Refused, format!("{host} refused: {described}")),
        };
        error.hint = match code {
            "invalid_scope" => Some("check `scope`".to_owned()),
            "unauthorized_client" | "unsupported_response_type" => Some("the issuer must allow this client this grant".to_owned()),
            _ => None,
        };
        error
    }
}

/// A login that is waited for.
struct Login<'a> {
    address: &'a Url,
    until: Timestamp,
    expected: &'a Expected,
}

impl Login<'_> {
    fn step(&self, is_open: bool) -> Step<'_> {
        Step::OpenBrowser { address: self.address, is_open, until: self.until }
    }

    /// Whatever comes first of what comes to our port and what is pasted.
    async fn response(&self, person: &Arc<dyn Person>, mut answers: Receiver<Response>, mut browser: Browser) -> Response {
        let mut line = person.line();
        let mut is_typing = true;
        loop {
            tokio::select! {
                biased;
                Some(response) = answers.recv() => return response,
                typed = &mut line, if is_typing => {
                    is_typing = typed.is_some();
                    let typed = typed.unwrap_or_default();
                    match self.expected.read_address(&typed) {
                        Ok(response) => return response,
                        Err(_) if typed.trim().is_empty() => {}
                        Err(mismatch) => person.tell(&Step::NotTheAnswer { reason: &mismatch.to_string() }),
                    }
                    line = person.line();
                }
                () = browser.failed() => person.tell(&self.step(false)),
            }
        }
    }
}

/// 256 bits that nobody guesses, as text (RFC 7636 §4.1).
fn drawn() -> Result<Secret, SourceError> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    let drawn = aws_lc_rs::rand::fill(bytes.as_mut_slice());
    // Error: The system could not give what keys and states are made of. To do: try again.
    drawn.map_err(|_| SourceError::new(Class::Temporary, "the system gives no random numbers"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// Tells the person that it is over, however it ends.
struct End<'a>(&'a Arc<dyn Person>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.tell(&Step::Over);
    }
}
