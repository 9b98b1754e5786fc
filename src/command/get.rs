//! `token get`: prints a valid token.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::Outcome;
use super::shared::{chosen, configuration_within, obtain, options, person, print};
use crate::bearer::{FetchOptions, Freshness, Origin, RenewalError};
use crate::cli::{Get, Global, Limits};
use crate::clock::{Clock as _, SystemClock};
use crate::error::Class;
use crate::profile::{Configuration, Places, Profile};
use crate::secret::Secret;
use crate::source::ANCESTORS;
use crate::token::Token;
use crate::ui::{Answer, Failure, Manner};

/// Answers from the cache alone: one look, no lock, no wait. `None` where that is not enough; then nothing was done.
pub(super) fn warm(global: &Global, get: &Get) -> Option<u8> {
    // The process ends with the answer: taking the configuration apart would be the longer part of the way there.
    let configuration = ManuallyDrop::new(warm_configuration(global)?);
    let profile = ManuallyDrop::new(profile(&configuration, global, get).ok()?);
    let token = profile.token_cache().get().ok()??;
    if get.renew || profile.renewal.freshness(&token, SystemClock.now()) != Freshness::Fresh {
        return None;
    }
    match crate::ui::answer::print(&answer(get, &profile, &token, true)) {
        Ok(()) => Some(0),
        Err(error) => Some(crate::ui::report(&Failure::from(error).into(), Manner::new(global))),
    }
}

/// The configuration, if reading it now and perhaps once more is all the same, and nobody is being run by a command of ours.
fn warm_configuration(global: &Global) -> Option<Configuration> {
    let places = Places::find(global.config.as_deref()).ok()?;
    let is_lasting = !places.config_is_named || places.config.is_file();
    let is_descendant = std::env::var_os(ANCESTORS).is_some();
    if is_lasting && !is_descendant { Configuration::load(&places).ok() } else { None }
}

/// Answers from the cache or by a renewal.
pub(super) async fn run(global: &Global, get: &Get, manner: Manner) -> Outcome {
    let profile = profile(&configuration_within(global, get.limits.timeout)?, global, get)?;
    let (token, is_cached) = if get.offline {
        (offline(get, &profile)?, true)
    } else {
        let person = person(global, &profile, manner);
        let options = FetchOptions { renew_required: get.renew, report_error: get.report_error, person, ..options(&get.limits) };
        let fetched = obtain(&profile, &get.limits, &options, manner).await?;
        (fetched.token, !matches!(fetched.origin, Origin::Renewed))
    };
    print(answer(get, &profile, &token, is_cached)).await?;
    Ok(0)
}

/// The profile that is meant: a configured one, or one made of a command.
fn profile(configuration: &Configuration, global: &Global, get: &Get) -> Result<Profile, Failure> {
    if get.command.is_empty() && (get.ttl.is_some() || get.name.is_some()) {
        // Error: They describe a command, and a profile has `ttl` and its name. To do: `token get --ttl 10m -- COMMAND`, or leave them
        // out.
        return Err(Failure::Usage("--ttl and --name go with a command: token get -- COMMAND".to_owned()));
    }
    if !get.command.is_empty() && global.profile.is_some() {
        // Error: What follows `--` is where the token comes from, and so is a profile. To do: leave one of them out; `--name` names the
        // cache entry.
        return Err(Failure::Usage("-p names a profile and `--` a command: only one of them can be meant".to_owned()));
    }
    let profile = if get.command.is_empty() {
        chosen(configuration, global, get.profile.as_deref())?.clone()
    } else {
        configuration.of_command(get.command.clone(), get.name.as_deref(), get.ttl)?
    };
    Ok(profile.with_min_ttl(get.limits.min_ttl))
}

/// Any token that is valid still, near expiry or not.
fn offline(get: &Get, profile: &Profile) -> Result<Arc<Token>, Failure> {
    let token = profile.token_cache().get().map_err(|error| Failure::storage(&profile.name, error))?;
    let now = SystemClock.now();
    if let Some(token) = token.filter(|token| profile.renewal.freshness(token, now) > Freshness::Unusable) {
        Ok(token)
    } else {
        // Error: With `--offline` nobody is asked, and what is cached does not do.
        let wanted = if get.limits == Limits::default() { "no valid token is cached" } else { "no token is cached that lives long enough" };
        let error = RenewalError::new(Class::Temporary, wanted).with_hint("run it without `--offline`");
        Err(Failure::Renewal { profile: profile.name.clone(), error })
    }
}

fn answer(get: &Get, profile: &Profile, token: &Token, cached: bool) -> Secret {
    let (name, source, now) = (&profile.name, profile.source.kind(), SystemClock.now());
    Answer { profile: name, source, token, cached, now }.text(get.output)
}
