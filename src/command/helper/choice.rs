//! Whose token: the profile that is named, if it lists the host asked for, or the one that lists it most closely.

use crate::error::one_line;
use crate::profile::{ConfigError, Configuration, Profile};
use crate::protocol::{Affinity, Place, Target};

/// The profile for `place`; `None` where nothing is for it.
pub(in crate::command) fn profile<'c>(
    configuration: &'c Configuration,
    named: Option<&str>,
    place: &Place,
) -> Result<Option<&'c Profile>, ConfigError> {
    match (named, place) {
        (_, Place::Unnamed) => configuration.select(named).map(Some),
        (Some(_), place) => configuration.select(named).map(|profile| Some(profile).filter(|profile| lists(profile, place))),
        (None, Place::Host(target)) => closest(configuration, target),
        (None, Place::Nowhere) => Ok(None),
    }
}

fn lists(profile: &Profile, place: &Place) -> bool {
    matches!(place, Place::Host(target) if target.affinity(&profile.hosts).is_some())
}

/// Whether `profile` lists `place` by its very name, and not by a pattern.
pub(super) fn names(profile: &Profile, place: &Place) -> bool {
    matches!(place, Place::Host(target) if target.affinity(&profile.hosts).is_some_and(Affinity::is_exact))
}

/// The profiles whose `hosts` fit best, all alike.
pub(in crate::command) fn fitting<'c>(configuration: &'c Configuration, target: &Target) -> Vec<&'c Profile> {
    let fitting = || configuration.profiles().filter_map(|profile| Some((target.affinity(&profile.hosts)?, profile)));
    let best = fitting().map(|(affinity, _)| affinity).max();
    fitting().filter(|(affinity, _)| Some(*affinity) == best).map(|(_, profile)| profile).collect()
}

/// The profile whose `hosts` fit best. Of several that fit alike, the one that is used where none is named; else none is guessed.
fn closest<'c>(configuration: &'c Configuration, target: &Target) -> Result<Option<&'c Profile>, ConfigError> {
    let closest = fitting(configuration, target);
    let usual = || configuration.select(None).ok().filter(|usual| closest.iter().any(|profile| profile.name == usual.name));
    match closest.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        _ => usual().map(Some).ok_or_else(|| ambiguous(&closest)),
    }
}

/// Why nothing is for `place`.
pub(super) fn refused(named: Option<&str>, place: &Place) -> ConfigError {
    let Place::Host(target) = place else {
        // Error: The tool asked for a host by http, where anybody on the way can read the token. To do: give the tool the https address.
        return ConfigError::new("a token goes to https only, and this is something else", None);
    };
    // Error: A token is handed to the hosts of its profile only, and this is none of them.
    let message = match named {
        Some(name) => format!("{}: its `hosts` does not list {target}", one_line(name)),
        None => format!("no profile lists {target} in its `hosts`"),
    };
    ConfigError::new(message, Some(format!("if a token is to go there, put `hosts = [\"{target}\"]` into its profile")))
}

fn ambiguous(profiles: &[&Profile]) -> ConfigError {
    let names = profiles.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", ");
    // Error: Two profiles fit the host that the tool asks for equally well.
    let hint = "name one with --profile, or let only one of them list it".to_owned();
    ConfigError::new(format!("several profiles list this host: {names}"), Some(hint))
}
