//! Hosts that several profiles list alike: a tool that names no profile gets the token of the one that is used where none is named, or
//! of none at all.

use std::collections::{BTreeMap, BTreeSet};

use super::Scene;
use crate::command::helper::choice;
use crate::error::Class;
use crate::name::Name;
use crate::protocol::Target;
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
