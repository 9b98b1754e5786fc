//! `token renew`: renews now, whatever the cache holds. One line a profile.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::Outcome;
use super::shared::{TIMEOUT, chosen_many, configuration_within, fingerprint_asked_for, obtain, options, person};
use crate::bearer::{FetchOptions, Fetched, Origin};
use crate::cli::{Global, Limits, Renew};
use crate::clock::{Clock as _, SystemClock};
use crate::profile::Profile;
use crate::ui::{self, Failure, Manner};

pub(super) async fn run(global: &Global, renew: &Renew, manner: Manner) -> Outcome {
    let configuration = configuration_within(global, renew.limits.timeout)?;
    let profiles = chosen_many(&configuration, global, &renew.profiles, renew.all)?;
    let began = Instant::now();
    let replaces = fingerprint_asked_for(renew.if_token_is.as_deref(), renew.limits.timeout).await?;
    let renew = &remaining(renew, began.elapsed());
    if profiles.is_empty() {
        ui::tell("no profile is configured, so there is nothing to renew; `token init` writes one");
    }
    let options = FetchOptions { renew_required: !renew.if_near_expiry, report_error: true, replaces, ..options(&renew.limits) };
    let statuses = join_all(profiles.into_iter().map(|profile| one(global, profile, renew, &options, manner))).await;
    Ok(statuses.into_iter().max().unwrap_or(0))
}

/// The same with the time that is left when it took this long to read a token: the time limit is for both.
fn remaining(renew: &Renew, taken: Duration) -> Renew {
    let timeout = match renew.if_token_is {
        Some(_) => Some(renew.limits.timeout.unwrap_or(TIMEOUT).saturating_sub(taken)),
        None => renew.limits.timeout,
    };
    Renew { limits: Limits { timeout, ..renew.limits.clone() }, ..renew.clone() }
}

/// Renews one profile and tells how that went.
async fn one(global: &Global, profile: Profile, renew: &Renew, options: &FetchOptions, manner: Manner) -> u8 {
    let profile = profile.with_min_ttl(renew.limits.min_ttl);
    let options = FetchOptions { person: person(global, &profile, manner), ..options.clone() };
    match renewed(&profile, renew, &options, manner).await {
        Ok(outcome) => {
            if !manner.is_quiet {
                ui::tell_event(manner, &profile.name, &outcome);
            }
            0
        }
        Err(failure) => {
            ui::tell_failure(&failure, manner);
            failure.exit_status()
        }
    }
}

/// What became of the token, in words.
async fn renewed(profile: &Profile, renew: &Renew, options: &FetchOptions, manner: Manner) -> Result<String, Failure> {
    if let Some(fingerprint) = &options.replaces {
        let cached = profile.token_cache().get().map_err(|error| Failure::storage(&profile.name, error))?;
        if cached.is_none_or(|token| token.fingerprint() != *fingerprint) {
            return Ok("that is not the cached token; nothing to do".to_owned());
        }
    }
    let Fetched { token, origin } = obtain(profile, &renew.limits, options, manner).await?;
    let life =
        token.remaining(SystemClock.now()).map_or_else(|| "does not expire".to_owned(), |left| format!("expires in {}", ui::spoken(left)));
    Ok(match origin {
        Origin::Renewed => format!("renewed, {life}"),
        Origin::Cache if renew.if_near_expiry => format!("not near expiry, {life}"),
        Origin::Cache | Origin::Stale(_) => format!("renewed by another process, {life}"),
    })
}
