//! `token purge`: removes what is stored on this machine, and has the issuer take it back where that is wanted. It waits for a renewal
//! in flight, so that this cannot bring the token back.

mod stored;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::Outcome;
use super::shared::{TIMEOUT, all_names, chosen, configuration_within, fingerprint_asked_for};
use crate::bearer::RenewalError;
use crate::cache::{Cache, Lock, LockFailure};
use crate::cli::{Global, Purge};
use crate::clock::deadline_in;
use crate::error::Class;
use crate::name::Name;
use crate::profile::{ConfigError, Configuration};
use crate::source::{Revocation, SourceError};
use crate::ui::{self, Failure, Manner};
use stored::Stored;

const PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn run(global: &Global, purge: &Purge, manner: Manner) -> Outcome {
    let configuration = configuration_within(global, purge.timeout)?;
    let deadline = deadline_in(purge.timeout.unwrap_or(TIMEOUT));
    let wanted = fingerprint_asked_for(purge.if_token_is.as_deref(), purge.timeout).await?;
    let mut worst = 0;
    for name in names(&configuration, global, purge)? {
        let outcome = one(&configuration, &name, purge, wanted.as_deref(), deadline).await;
        match outcome {
            Ok(outcome) if !manner.is_quiet => ui::tell_event(manner, &name, &outcome),
            Ok(_) => {}
            Err(error) => {
                let failure = Failure::Renewal { profile: name, error };
                ui::tell_failure(&failure, manner);
                worst = worst.max(failure.exit_status());
            }
        }
    }
    Ok(worst)
}

/// What is to be purged: profiles, and entries that belong to none.
fn names(configuration: &Configuration, global: &Global, purge: &Purge) -> Result<Vec<Name>, Failure> {
    if purge.all {
        return all_names(configuration);
    }
    if purge.profiles.is_empty() {
        return Ok(vec![chosen(configuration, global, None)?.name.clone()]);
    }
    let known = all_names(configuration)?;
    let unique: BTreeSet<&str> = purge.profiles.iter().map(String::as_str).collect();
    let find = |name: &str| match known.iter().find(|known| known.as_str() == name) {
        Some(known) => Ok(known.clone()),
        None => Err(unknown(configuration, name)),
    };
    unique.into_iter().map(find).collect()
}

fn unknown(configuration: &Configuration, name: &str) -> Failure {
    match configuration.select(Some(name)) {
        Err(error) => error.into(),
        // Error: Nothing is configured or stored under that name. To do: `token status` lists what there is.
        Ok(profile) => ConfigError::new(format!("{}: nothing is known of it", profile.name), None).into(),
    }
}

/// Purges what is stored under `name` and says what became of it.
async fn one(
    configuration: &Configuration,
    name: &Name,
    purge: &Purge,
    wanted: Option<&str>,
    deadline: Instant,
) -> Result<String, RenewalError> {
    let lock = if purge.dry_run { Lock::none() } else { locked(configuration.cache(), name, deadline).await? };
    let stored = Stored::look(configuration, name, purge)?;
    if stored.is_nothing() {
        // But for what writers who were killed have left, and for renewals that have begun.
        if !purge.dry_run && !purge.expired && wanted.is_none() {
            stored.remove(configuration, &lock)?;
        }
        return Ok("nothing is stored".to_owned());
    }
    if let Some(reason) = stored.reason_to_keep(purge, wanted) {
        return Ok(reason.to_owned());
    }
    if purge.dry_run {
        let revoked = if purge.revoke && stored.is_revocable() { stored.described_revoked() } else { "" };
        return Ok(format!("{} would be purged{revoked}", stored.described()));
    }
    // While it is known what there is to be revoked; what is here goes whatever the issuer says.
    let revocation = if purge.revoke && stored.is_revocable() { Some(revoked(&stored, configuration, deadline).await) } else { None };
    stored.remove(configuration, &lock)?;
    told(&stored, revocation)
}

/// Has the issuer take back what it can, before `deadline`.
async fn revoked(stored: &Stored, configuration: &Configuration, deadline: Instant) -> Result<Revocation, SourceError> {
    let told = tokio::time::timeout_at(deadline, stored.revoke(configuration)).await;
    // Error: Everything here is purged; whether the issuer revoked it is not known. To do: revoke it in the issuer's console, or let it
    // expire.
    told.unwrap_or_else(|_| Err(SourceError::new(Class::Network, "its issuer did not answer within the time limit")))
}

fn told(stored: &Stored, revocation: Option<Result<Revocation, SourceError>>) -> Result<String, RenewalError> {
    let purged = format!("{} purged", stored.described());
    match revocation {
        None => Ok(purged),
        Some(Ok(Revocation::Done)) => Ok(purged + stored.described_revoked()),
        Some(Ok(Revocation::NotOffered)) => Ok(format!("{purged} here; nobody is known who could revoke it")),
        Some(Err(error)) => {
            let error = RenewalError::from(error);
            // Error 4 or 5: Everything here is purged, and the issuer refused to revoke it, or could not be asked. To do: revoke it in
            // the issuer's console, or let it expire.
            Err(RenewalError { message: format!("{purged} here, but not revoked: {}", error.message), attempts: 1, ..error })
        }
    }
}

/// Removes all that is stored here under `name`.
pub(super) async fn everything(configuration: &Configuration, name: &Name, deadline: Instant) -> Result<(), RenewalError> {
    let lock = locked(configuration.cache(), name, deadline).await?;
    Stored::look(configuration, name, &Purge::default())?.remove(configuration, &lock)?;
    Ok(())
}

/// The lock of `name`, once no renewal is in flight.
pub(super) async fn locked(cache: &Cache, name: &Name, deadline: Instant) -> Result<Lock, RenewalError> {
    let lock = match cache.lock(name) {
        Ok(lock) => lock,
        // Whoever cannot lock cannot renew under the lock either.
        Err(LockFailure::Unavailable(_) | LockFailure::Unsupported(_)) => return Ok(Lock::none()),
        Err(LockFailure::Refused(error)) => return Err(error.into()),
    };
    while !lock.try_take().or_else(unlocked)? {
        if Instant::now() >= deadline {
            return Err(RenewalError::locked_out(&cache.lock_path(name)));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(lock)
}

fn unlocked(failure: LockFailure) -> Result<bool, RenewalError> {
    match failure {
        LockFailure::Unavailable(_) | LockFailure::Unsupported(_) => Ok(true),
        LockFailure::Refused(error) => Err(error.into()),
    }
}
