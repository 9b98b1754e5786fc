//! `token get`: prints a valid token.

use super::{Outcome, chosen, configuration, obtain, overrides};
use crate::bearer::{FetchOptions, Freshness, Origin, RenewalError};
use crate::cli::{Get, Global, Limits};
use crate::clock::{Clock as _, SystemClock};
use crate::error::Class;
use crate::profile::Profile;
use crate::token::Token;
use crate::ui::{Answer, Failure, Manner};

/// Answers from the cache alone: one look, no lock, no wait. `None` where that is not enough; then nothing was done.
pub(super) fn warm(global: &Global, get: &Get) -> Option<u8> {
    let profile = profile(global, get).ok()?;
    let token = profile.token_cache().get().ok()??;
    if get.renew || profile.renewal.freshness(&token, SystemClock.now()) != Freshness::Fresh {
        return None;
    }
    match answer(get, &profile, &token, true) {
        Ok(status) => Some(status),
        Err(failure) => Some(crate::ui::report(&failure.into(), Manner::new(global))),
    }
}

/// Answers from the cache or by a renewal.
pub(super) async fn run(global: &Global, get: &Get, manner: Manner) -> Outcome {
    let profile = profile(global, get)?;
    if get.offline {
        return offline(get, &profile);
    }
    let options =
        FetchOptions { renew_required: get.renew, renew_synchronous: true, report_error: get.report_error, ..FetchOptions::default() };
    let fetched = obtain(&profile, &get.limits, &options, manner).await?;
    answer(get, &profile, &fetched.token, !matches!(fetched.origin, Origin::Renewed))
}

/// The profile that is meant: a configured one, or one made of a command.
fn profile(global: &Global, get: &Get) -> Result<Profile, Failure> {
    let configuration = configuration(global)?;
    let profile = if get.command.is_empty() {
        chosen(&configuration, global, get.profile.as_deref())?.clone()
    } else {
        configuration.of_command(get.command.clone(), get.name.as_deref(), get.ttl)?
    };
    Ok(profile.with(overrides(&get.limits)))
}

/// Answers with any token that is valid still, near expiry or not.
fn offline(get: &Get, profile: &Profile) -> Outcome {
    let token = profile.token_cache().get().map_err(|error| Failure::storage(&profile.name, error))?;
    let now = SystemClock.now();
    match token.filter(|token| profile.renewal.freshness(token, now) > Freshness::Unusable) {
        Some(token) => answer(get, profile, &token, true),
        None => {
            let wanted =
                if get.limits == Limits::default() { "no valid token is cached" } else { "no token is cached that lives long enough" };
            let error = RenewalError::new(Class::Temporary, wanted).with_hint("run it without `--offline`");
            Err(Failure::Renewal { profile: profile.name.clone(), error })
        }
    }
}

fn answer(get: &Get, profile: &Profile, token: &Token, cached: bool) -> Outcome {
    let (name, source, now) = (&profile.name, profile.source.kind(), SystemClock.now());
    Answer { profile: name, source, token, cached, now }.print(get.output)?;
    Ok(0)
}
