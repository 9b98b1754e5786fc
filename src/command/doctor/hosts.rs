//! Hosts, as the helpers see them. Of those that several profiles list alike, a tool that names no profile gets the token of the one that
//! is used where none is named, or none at all; for those that nobody lists it gets nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::Scene;
use crate::command::helper::choice;
use crate::consumer::reference::{Reference, Scope};
use crate::error::{Class, one_line};
use crate::name::Name;
use crate::protocol::{Place, Protocol as _, Target, docker};
use crate::ui::Finding;

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    let configuration = scene.configuration();
    let mut shared: BTreeMap<Vec<Name>, BTreeSet<&str>> = BTreeMap::new();
    for host in configuration.profiles().flat_map(|profile| &profile.hosts) {
        let fitting = Target::in_pattern(host).map(|target| choice::fitting(configuration, &target)).unwrap_or_default();
        if fitting.len() > 1 {
            let names = fitting.iter().map(|profile| profile.name.clone()).collect();
            shared.entry(names).or_default().insert(host);
        }
    }
    let shared = shared.into_iter().filter(|(names, _)| names.iter().any(|name| scene.asks_about(name)));
    let usual = configuration.select(None).ok().map(|profile| &profile.name);
    shared.map(|(names, hosts)| of_hosts(&names, &hosts, usual.filter(|usual| names.contains(usual)))).collect()
}

fn of_hosts(names: &[Name], hosts: &BTreeSet<&str>, usual: Option<&Name>) -> Finding {
    const ID: &str = "profile.hosts";
    let hosts = hosts.iter().copied().collect::<Vec<_>>().join(", ");
    let finding = if let Some(usual) = usual {
        let message = format!("each lists {hosts}: a tool that names none of them gets the token of `{usual}`");
        Finding::note(ID, message, "let only one of them list it, if that is not meant")
    } else {
        let named = names.first().map_or("NAME", Name::as_str);
        let message = format!("each lists {hosts}: a tool that names none of them gets no token for it");
        let hint = format!("let only one of them list it, set `default = \"{named}\"`, or have the tool name one: --profile {named}");
        Finding::warning(ID, Class::Config, message, hint)
    };
    finding.of_all(names)
}

/// What there is to say of a tool that asks for a host, if it gets nothing for that.
pub(super) fn refused(scene: &Scene, tool: &str, reference: &Reference, place: &str) -> Option<Finding> {
    const ID: &str = "consumer.host";
    let Scope::Host(asked) = &reference.scope else { return None };
    let (configuration, named) = (scene.configuration(), reference.profile.as_deref());
    // A profile with a mistake may list it.
    let is_sound =
        named.map_or(scene.survey.broken.is_empty(), |name| configuration.profiles().any(|profile| profile.name.as_str() == name));
    let target = match of_tool(tool, asked).filter(|_| is_sound)? {
        Place::Host(target) => target,
        Place::Nowhere | Place::Unnamed => {
            let message = format!("{tool} asks for {}, and a token goes to https only ({place})", one_line(asked));
            return asked.contains("://").then(|| Finding::problem(ID, Class::Config, message, "write https:// there, or take it out"));
        }
    };
    let place_asked = Place::Host(target);
    let is_listed = choice::profile(configuration, named, &place_asked).map_or(true, |found| found.is_some());
    if is_listed || is_partly_listed(scene, named, asked) {
        return None;
    }
    let (who, whose) = match named.map(one_line) {
        Some(name) => (format!("`{name}` does not list"), format!("[profile.{name}]")),
        None => ("no profile lists".to_owned(), "a profile".to_owned()),
    };
    let entry = entry(asked);
    let message = format!("{tool} asks for {entry}, which {who} in its `hosts`: it gets nothing ({place})");
    let hint = format!("add \"{entry}\" to the `hosts` of {whose}, or take it out there");
    Some(Finding::problem(ID, Class::Config, message, hint))
}

/// The place that a tool means by a host in its configuration.
fn of_tool(tool: &str, host: &str) -> Option<Place> {
    match tool {
        "docker" => Some(docker::Exchange::new(&["get".to_owned()], host.as_bytes()).request().ok()?.place),
        _ if host.contains('*') => Target::in_pattern(&entry(host)).map(Place::Host),
        _ => Some(Place::of(Target::of_place(host))),
    }
}

/// The same as an entry of `hosts`.
fn entry(host: &str) -> String {
    let rest = host.split_once("://").map_or(host, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    one_line(authority.rsplit('@').next().unwrap_or_default())
}

/// Whether some of what a tool's pattern stands for is listed.
fn is_partly_listed(scene: &Scene, named: Option<&str>, asked: &str) -> bool {
    let profiles = scene.configuration().profiles().filter(|profile| named.is_none_or(|name| profile.name.as_str() == name));
    let mut places = profiles.flat_map(|profile| &profile.hosts).filter_map(|host| Target::in_pattern(host));
    asked.contains('*') && places.any(|place| place.affinity(&[entry(asked)]).is_some())
}
