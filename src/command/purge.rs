//! `token purge`: removes what is stored on this machine. It waits for a renewal in flight, so that this cannot bring the token back.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::Outcome;
use super::shared::{TIMEOUT, all_names, chosen, configuration, fingerprint_asked_for};
use crate::bearer::RenewalError;
use crate::cache::{Cache, Lock, LockFailure, Look, StorageError};
use crate::cli::{Global, Purge};
use crate::clock::{Clock as _, SystemClock, deadline_in};
use crate::name::Name;
use crate::profile::{ConfigError, Configuration};
use crate::ui::{self, Failure, Manner};

const PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn run(global: &Global, purge: &Purge, manner: Manner) -> Outcome {
    let configuration = configuration(global)?;
    let deadline = deadline_in(purge.timeout.unwrap_or(TIMEOUT));
    let wanted = fingerprint_asked_for(purge.if_token_is.as_deref(), purge.timeout).await?;
    let mut worst = 0;
    for name in names(&configuration, global, purge)? {
        match one(configuration.cache(), &name, purge, wanted.as_deref(), deadline).await {
            Ok(outcome) if !manner.is_quiet => ui::tell_event(manner, &name, outcome),
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
        Ok(profile) => ConfigError { message: format!("{}: nothing is known of it", profile.name), hint: None }.into(),
    }
}

async fn one(cache: &Cache, name: &Name, purge: &Purge, wanted: Option<&str>, deadline: Instant) -> Result<&'static str, RenewalError> {
    let lock = if purge.dry_run { Lock::none() } else { locked(cache, name, deadline).await? };
    let (look, _) = cache.read(name)?;
    if !is_meant(&look, purge, wanted) {
        return Ok(match look {
            Look::Missing => "nothing is stored",
            _ if wanted.is_some() => "that is not the cached token; kept",
            _ => "not expired; kept",
        });
    }
    if purge.dry_run {
        let has_something = !matches!(look, Look::Missing) || cache.failure(name).is_some();
        return Ok(if has_something { "would be purged" } else { "nothing is stored" });
    }
    Ok(if remove(cache, name, &lock)? { "purged" } else { "nothing is stored" })
}

fn is_meant(look: &Look, purge: &Purge, wanted: Option<&str>) -> bool {
    let token = match look {
        Look::Found(entry) => Some(&entry.token),
        Look::Missing | Look::Damaged(_) => None,
    };
    let is_wanted = wanted.is_none_or(|wanted| token.is_some_and(|token| token.fingerprint() == wanted));
    let is_over = !purge.expired || token.is_some_and(|token| token.is_expired(SystemClock.now()));
    is_wanted && is_over
}

fn remove(cache: &Cache, name: &Name, lock: &Lock) -> Result<bool, StorageError> {
    lock.begin_generation();
    if lock.excludes() {
        cache.sweep(name);
    }
    let removed = [cache.remove(name)?, cache.forget(name)?, cache.remove_aside(name)?];
    Ok(removed.contains(&true))
}

/// The lock of `name`, once no renewal is in flight.
async fn locked(cache: &Cache, name: &Name, deadline: Instant) -> Result<Lock, RenewalError> {
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
