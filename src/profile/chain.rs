//! Profiles whose sources need the token of another profile: each is told which one that is, and a chain that comes back to where it
//! began is a mistake.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::Profile;
use crate::bearer::{FetchOptions, RenewalError, Retry};
use crate::clock::{Clock as _, SystemClock};
use crate::name::Name;
use crate::secret::Secret;
use crate::settings::{Mistake, nearest};
use crate::source::{Input, Link, Request, Source as _, SourceError, Upstream};

/// A link that cannot be followed.
pub(super) struct Fault {
    /// The profile that has it.
    pub(super) profile: Name,
    /// Where it should lead, if that is what is missing.
    pub(super) missing: Option<Name>,
    pub(super) mistake: Mistake,
}

/// Connects every link, once all of them are sound.
pub(super) fn connect(profiles: &BTreeMap<Name, Profile>) -> Result<(), Box<Fault>> {
    let mut found = Vec::new();
    for profile in profiles.values() {
        for link in links(profile) {
            found.push((link, profiles.get(link.name()).ok_or_else(|| Box::new(unknown(&profile.name, link, profiles)))?));
        }
    }
    profiles.values().try_for_each(|profile| refuse_cycle(profile, profiles))?;
    for (link, upstream) in found {
        link.connect(Arc::new(upstream.clone()));
    }
    Ok(())
}

fn links(profile: &Profile) -> Vec<&Link> {
    profile.source.inputs().into_iter().filter_map(Input::link).collect()
}

impl Profile {
    /// The profiles whose tokens its source needs.
    pub fn needs(&self) -> impl Iterator<Item = &Name> {
        links(self).into_iter().map(Link::name)
    }
}

fn unknown(profile: &Name, link: &Link, profiles: &BTreeMap<Name, Profile>) -> Fault {
    let near = nearest(link.name().as_str(), profiles.keys().map(Name::as_str));
    let mistake = link.mistake(format!("there is no profile `{}`", link.name()), near.map(|near| format!("did you mean `{near}`?")));
    Fault { profile: profile.clone(), missing: Some(link.name().clone()), mistake }
}

/// Follows every chain from `start`, which must not come back to it. One that comes back to another profile is found from there.
fn refuse_cycle(start: &Profile, profiles: &BTreeMap<Name, Profile>) -> Result<(), Box<Fault>> {
    let mut trails: Vec<(Vec<&Name>, &Link)> = links(start).into_iter().map(|link| (vec![&start.name], link)).collect();
    while let Some((mut trail, link)) = trails.pop() {
        if *link.name() == start.name {
            let names: Vec<&str> = trail.iter().map(|name| name.as_str()).chain([start.name.as_str()]).collect();
            let mistake = link.mistake(format!("this profile depends on itself: {}", names.join(" \u{2192} ")), None);
            return Err(Box::new(Fault { profile: start.name.clone(), missing: None, mistake }));
        }
        if let Some(next) = profiles.get(link.name()).filter(|next| !trail.contains(&&next.name)) {
            trail.push(&next.name);
            trails.extend(links(next).into_iter().map(|link| (trail.clone(), link)));
        }
    }
    Ok(())
}

/// The failure of another profile: it is remembered there, and whoever needs its token tries again when that one does.
fn known_elsewhere(error: RenewalError) -> SourceError {
    let retry_after = match error.retry {
        Retry::At(at) => Some(at.since(SystemClock.now())),
        Retry::Parked | Retry::AnyTime => None,
    };
    SourceError { hint: error.hint, retry_after, is_known_elsewhere: true, ..SourceError::new(error.class, error.message) }
}

impl Upstream for Profile {
    fn identity(&self) -> String {
        Self::identity(self).as_str().to_owned()
    }

    fn token<'a>(&'a self, request: Request<'a>) -> Pin<Box<dyn Future<Output = Result<Secret, SourceError>> + Send + 'a>> {
        Box::pin(async move {
            let options = FetchOptions {
                renew_synchronous: true,
                // Who asks for a renewal has what is parked asked again. What is valid is not renewed for that: it has a fingerprint.
                renew_required: request.insists,
                replaces: request.insists.then(String::new),
                // Whoever needs its token tries again by himself.
                max_retries: Some(1),
                person: request.person.cloned(),
                ..FetchOptions::default()
            };
            // Its own time, and then some: who breaks off an attempt should be the one who knows why.
            let own = || self.time_limit().saturating_add(request.limit);
            let limit = request.person.and_then(|_| self.source.patience()).unwrap_or_else(own);
            let fetched = self.fetch(limit, &options).await;
            fetched.map(|fetched| fetched.token.secret().clone()).map_err(known_elsewhere)
        })
    }

    fn stamp(&self) -> Option<Secret> {
        self.token_cache().get().ok().flatten().map(|token| token.secret().clone())
    }

    fn patience(&self) -> Option<Duration> {
        self.source.patience()
    }

    fn time_limit(&self) -> Duration {
        self.source.time_limit(self.renewal.refresh_request_timeout)
    }
}
