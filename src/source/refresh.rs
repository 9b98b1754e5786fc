//! The refresh of a login (RFC 6749 §6), kept safe where the issuer replaces the refresh token at each use: room for the new one is
//! found and the request noted before it is sent; the new one has been stored when this returns; and a refusal is final only if what
//! was sent is still what is stored. Whoever calls this holds the lock of the profile, unless there is none; and whoever would break it
//! off asks first whether one [is under way](is_under_way).

use std::sync::atomic::{AtomicUsize, Ordering};

use super::answer::TokenResponse;
use super::discovery::Endpoint;
use super::grant::Grant;
use super::{Request, SourceError};
use crate::clock::Timestamp;
use crate::login::Login;

/// How often a login that was replaced meanwhile is taken up: without a lock, others may be at it.
const MOST_LOGINS: usize = 3;

/// The issuer's word that a refresh token, or whatever else was presented, is not good any more (RFC 6749 §5.2).
pub(super) const INVALID_GRANT: &str = "invalid_grant";

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Whether a refresh token has been sent whose successor has not been stored yet: breaking that off now may cost the login.
#[must_use]
pub fn is_under_way() -> bool {
    UNDER_WAY.load(Ordering::Relaxed) > 0
}

/// Counts a refresh that is under way.
struct UnderWay;

impl UnderWay {
    fn new() -> Self {
        UNDER_WAY.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks for a token by `login`, and keeps what becomes of that.
pub(super) async fn refresh(grant: &Grant, login: Login, request: Request<'_>) -> Result<TokenResponse, SourceError> {
    // Looked up before the request is noted as under way. Without a lock, the login may be replaced meanwhile.
    grant.client.endpoint(Endpoint::Token, request).await?;
    let mut login = replaced(&login, request.logins.read()?).unwrap_or(login);
    let mut logins = 1;
    loop {
        let error = match attempt(grant, &login, request).await {
            Err(error) if error.code.as_deref() == Some(INVALID_GRANT) => error,
            outcome => return outcome,
        };
        match replaced(&login, request.logins.read()?) {
            Some(newer) if logins < MOST_LOGINS => {
                logins += 1;
                login = newer;
            }
            _ => return Err(refused(login, error, request)),
        }
    }
}

/// The login that has taken the place of `login`, where that is another one of the same origin now: what descends from another
/// configured one may be somebody else's.
fn replaced(login: &Login, by: Option<Login>) -> Option<Login> {
    by.filter(|kept| kept.refresh_token != login.refresh_token && kept.origin == login.origin && !kept.is_dead())
}

async fn attempt(grant: &Grant, login: &Login, request: Request<'_>) -> Result<TokenResponse, SourceError> {
    request.logins.begin(Some(login), request.now)?;
    let form = grant.form.of_grant("refresh_token").with_secret("refresh_token", login.refresh_token.clone());
    let _under_way = UnderWay::new();
    let answer = grant.client.answer(request, grant.client.token(&form, request)).await;
    let settled = Login { in_flight: None, ..login.clone() };
    match answer {
        Ok(answer) => {
            match answer.refresh_token.clone() {
                Some(token) => keep(&succeeding(login, token, request), request)?,
                None => note(&Login { refused_at: None, ..settled }, request),
            }
            Ok(answer)
        }
        // Unusable but for the new login in it: the old one is void.
        Err(SourceError { successor: Some(token), class, message, .. }) => {
            keep(&succeeding(login, token, request), request)?;
            Err(SourceError::new(class, message))
        }
        Err(error) => {
            // An answer, and no new login in it: nothing is under way any more. What comes of `invalid_grant` is decided elsewhere.
            if error.code.as_deref().is_some_and(|code| code != INVALID_GRANT) {
                note(&settled, request);
            }
            Err(error)
        }
    }
}

fn succeeding(login: &Login, refresh_token: crate::secret::Secret, request: Request<'_>) -> Login {
    Login { origin: login.origin.clone(), ..Login::new(refresh_token, request.now) }
}

/// Stores a login that cannot be had again.
pub(super) fn keep(login: &Login, request: Request<'_>) -> Result<(), SourceError> {
    request.logins.write(login).map_err(|error| {
        // Error 6: The old refresh token is void, and the new one could not be kept. To do: mend the disk, then log in again, or set
        // `refresh_token` to a new one.
        let message = format!("the issuer gave a new login, which could not be stored: {}", error.message);
        SourceError { message: crate::error::one_line(&message), ..error }
    })
}

/// Notes what is known of a login that stays what it is: nothing is lost where that fails.
fn note(login: &Login, request: Request<'_>) {
    if let Err(error) = request.logins.note(login) {
        tracing::info!("{error}");
    }
}

/// The refusal of `login`, which is dead now, but kept.
fn refused(login: Login, error: SourceError, request: Request<'_>) -> SourceError {
    let cut_off = login.in_flight.and_then(Timestamp::rfc3339);
    let dead = Login { in_flight: None, refused_at: Some(request.now), ..login };
    if let Err(error) = request.logins.note(&dead) {
        return error;
    }
    match cut_off {
        // The attempt before this one: this one was answered.
        Some(at) => {
            // Error 3 or 4: The machine or the program ended in the middle of a renewal, after the issuer had replaced the refresh token
            // and before that was stored. To do: log in again, or set `refresh_token` to a new one.
            let message =
                format!("{}; a renewal at {at} was cut off, and what this refresh token may have brought it is lost", error.message);
            SourceError { message: crate::error::one_line(&message), ..error }
        }
        None => error,
    }
}
