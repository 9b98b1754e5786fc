//! Proxies: which are in force for whom, and what names one that is none. This machine and metadata servers are never asked through any.

use super::Scene;
use crate::error::Class;
use crate::name::Name;
use crate::source::{Place, Proxy, proxy_variables};
use crate::ui::Finding;

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    let mut ways: Vec<(Proxy, Vec<Name>)> = Vec::new();
    for profile in &scene.profiles {
        let discovery = profile.source.discovery();
        let places = profile.source.places(None).into_iter().flatten().chain(discovery.map(|discovery| discovery.place().clone()));
        for proxy in places.filter_map(|place: Place| place.proxy()) {
            match ways.iter_mut().find(|(known, _)| *known == proxy) {
                Some((_, names)) if names.contains(&profile.name) => {}
                Some((_, names)) => names.push(profile.name.clone()),
                None => ways.push((proxy, vec![profile.name.clone()])),
            }
        }
    }
    judged(&ways, &proxy_variables())
}

/// Decides by whose way leads through which proxy, and by the variables that are set.
fn judged(ways: &[(Proxy, Vec<Name>)], variables: &[(&'static str, Option<Proxy>)]) -> Vec<Finding> {
    const ID: &str = "proxy.use";
    let used = ways.iter().map(|(proxy, names)| {
        let Proxy { address, named_by, is_usable } = proxy;
        if *is_usable {
            let hint = match named_by.strip_prefix('`') {
                Some(_) => "leave `proxy` out of the profile, if they are to be asked directly",
                None => "list hosts in NO_PROXY, if they are to be asked directly",
            };
            return Finding::note(ID, format!("its servers are asked through {address} ({named_by})"), hint).of_all(names);
        }
        let message = format!("{address} ({named_by}) is no http or https proxy");
        let is_variable = named_by.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        let hint =
            if is_variable { format!("run `unset {named_by}`, or set it to one that is") } else { "name one that is, or none".to_owned() };
        Finding::problem("proxy.kind", Class::Network, message, hint).of_all(names)
    });
    let odd = variables.iter().filter(|(_, proxy)| proxy.is_none()).map(|(name, _)| {
        let hint = format!("set {name} to an address as http://proxy.example.com:3128, or run `unset {name}`");
        Finding::warning("proxy.address", Class::Config, format!("{name} is not the address of a proxy, and is not used"), hint)
    });
    let is_used = |name: &str| ways.iter().any(|(proxy, _)| proxy.named_by == name);
    let idle = variables.iter().filter_map(|(name, proxy)| Some((name, proxy.as_ref()?))).filter(|(name, _)| !is_used(name));
    let idle = idle.map(|(name, proxy)| Finding::ok(ID, format!("{name} names {}, and no profile is asked through it", proxy.address)));
    let mut findings: Vec<Finding> = used.chain(odd).chain(idle).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(ID, "no proxy is in force"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::findings::Verdict;

    #[test]
    fn proxies_are_told_with_those_they_concern() {
        let proxy = |is_usable| Proxy { address: "http://p:3128".into(), named_by: "HTTPS_PROXY".into(), is_usable };
        let names: Vec<Name> = vec!["prod".parse().expect("a name")];
        let said = |ways: &[(Proxy, Vec<Name>)], variables: &[(&'static str, Option<Proxy>)]| {
            judged(ways, variables).iter().map(|finding| (finding.id, finding.verdict, finding.profiles.len())).collect::<Vec<_>>()
        };
        let set = [("HTTPS_PROXY", Some(proxy(true)))];
        assert_eq!(said(&[], &[]), [("proxy.use", Verdict::Ok, 0)]);
        assert_eq!(said(&[], &set), [("proxy.use", Verdict::Ok, 0)]);
        assert_eq!(said(&[(proxy(true), names.clone())], &set), [("proxy.use", Verdict::Note, 1)]);
        assert_eq!(said(&[(proxy(false), names)], &set), [("proxy.kind", Verdict::Problem, 1)]);
        assert_eq!(said(&[], &[("HTTP_PROXY", None)]), [("proxy.address", Verdict::Warning, 0)]);
    }
}
