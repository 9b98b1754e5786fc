//! What the sources that a person logs in for have in common: the login is used as long as the issuer takes it, and asked for again only
//! where somebody is there to be asked. At any other time the answer is that someone has to log in.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::TokenResponse;
use super::grant::Grant;
use super::refresh::{keep, refresh};
use super::{Request, SourceError};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::login::Login;

/// How long a person may take, where nobody says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// A token by the login at hand, or by `log_in`, which asks the person of `request` and is not begun without one.
pub(super) async fn by_login(
    grant: &Grant,
    request: Request<'_>,
    log_in: impl Future<Output = Result<TokenResponse, SourceError>> + Send,
) -> Result<TokenResponse, SourceError> {
    let problem = match request.logins.read() {
        Ok(Some(login)) if login.is_dead() => refused_before(&login),
        Ok(Some(login)) => match Box::pin(refresh(grant, login, request)).await {
            Err(error) if error.class == Class::Refused => SourceError { class: Class::Login, ..error },
            outcome => return outcome,
        },
        // Error: No login is stored for the profile, or it was purged.
        Ok(None) => SourceError::new(Class::Login, "nobody is logged in"),
        Err(error) => error,
    };
    if request.person.is_none() {
        return Err(problem);
    }
    if problem.class == Class::Storage {
        // Damaged: kept for a person to look at. What must not be touched at all is in the way still, and says so again.
        request.logins.set_aside()?;
    }
    request.logins.begin(None, request.now)?;
    let answer = log_in.await;
    let refresh_token = match &answer {
        Ok(answer) => &answer.refresh_token,
        Err(error) => &error.successor,
    };
    if let Some(refresh_token) = refresh_token {
        keep(&Login::new(refresh_token.clone(), request.now), request)?;
    }
    answer
}

/// `request` as it is now, when it began at `began`: a login takes minutes, which are not part of the life of the token that comes of it.
pub(super) fn later(request: Request<'_>, began: Instant) -> Request<'_> {
    Request { now: request.now.after(began.elapsed()), ..request }
}

fn refused_before(login: &Login) -> SourceError {
    let at = login.refused_at.and_then(Timestamp::rfc3339).unwrap_or_default();
    // Error: The issuer refused the refresh token, as it does when a session ends, a password changes or an administrator says so.
    SourceError::new(Class::Login, format!("its login was refused at {at}"))
}
