//! What a consumer no longer wants: the token that was refused, or what it was told to forget. Whoever drops holds the lock, so that
//! nothing is dropped but what was looked at.

use crate::bearer::RenewalError;
use crate::clock::deadline_in;
use crate::command::purge;
use crate::command::shared::TIMEOUT;
use crate::profile::{Configuration, Profile};
use crate::protocol::Act;
use crate::secret::Secret;
use crate::token::Token;

/// Does to the token of `profile` what `act` wants.
pub(super) async fn dropped(configuration: &Configuration, profile: &Profile, act: &Act) -> Result<(), RenewalError> {
    match act {
        Act::Reject(secret) => rejected(profile, secret).await,
        Act::Forget => forgotten(profile).await,
        Act::Purge => purge::everything(configuration, &profile.name, deadline_in(TIMEOUT)).await,
        Act::Get | Act::Replace | Act::Accept | Act::Nothing => Ok(()),
    }
}

/// Drops the token if it is still this one. A renewal in flight is replacing it anyway, and is not undone.
async fn rejected(profile: &Profile, secret: &Secret) -> Result<(), RenewalError> {
    let token_cache = profile.token_cache();
    // What is no token was never ours, and another one is not meant: neither is worth a lock.
    let Ok(token) = Token::new(secret.expose().to_owned()) else { return Ok(()) };
    if token_cache.refresh()?.is_none_or(|cached| cached.expose() != token.expose()) {
        return Ok(());
    }
    let _lock = purge::locked(token_cache.cache(), &profile.name, deadline_in(TIMEOUT)).await?;
    token_cache.remove_if_equal(&token)?;
    Ok(())
}

/// Drops the token, whichever it is, and one that is on its way. The login stays.
async fn forgotten(profile: &Profile) -> Result<(), RenewalError> {
    let token_cache = profile.token_cache();
    let lock = purge::locked(token_cache.cache(), &profile.name, deadline_in(TIMEOUT)).await?;
    lock.begin_generation();
    token_cache.remove()?;
    Ok(())
}
