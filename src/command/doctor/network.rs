//! The servers that the profiles ask: whether each can be reached, is trusted, says where its endpoints are, and agrees on the time.
//!
//! What is the same for several profiles is looked at once, all of it at the same time, and nothing longer than it may.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::Scene;
use crate::clock::Timestamp;
use crate::error::{Class, one_line};
use crate::name::Name;
use crate::source::{Discovery, Metadata, Place, Proxy, SourceError, Visit};
use crate::ui::{self, Finding};

/// So many servers are asked at a time.
const AT_ONCE: usize = 32;
/// A certificate that ends so soon should have been renewed.
const ENDS_SOON: Duration = Duration::from_secs(7 * 24 * 3600);
/// A clock that is further off than this is wrong, and than that in the way.
const WRONG: u64 = 30;
const FAR_OFF: u64 = 300;

/// Something to be asked, and for whom.
#[derive(Clone)]
struct Shared<T> {
    what: T,
    profiles: Vec<Name>,
}

pub(super) fn left_out() -> Finding {
    Finding::note("network.offline", "no server was asked (--offline)", "leave --offline out to ask them")
}

pub(super) async fn findings(scene: &Scene, limit: Duration, deadline: Instant) -> Vec<Finding> {
    let left = || limit.min(deadline.saturating_duration_since(Instant::now()));
    let mut findings = Vec::new();
    let mut discoveries: Vec<Shared<Discovery>> = Vec::new();
    for profile in &scene.profiles {
        if let Some(discovery) = profile.source.discovery() {
            share(&mut discoveries, discovery, &profile.name, Discovery::is_same);
        }
    }
    let reading = discoveries.iter().map(|shared| async move { (shared, shared.what.read(left()).await) });
    let read: Vec<_> = stream::iter(reading).buffered(AT_ONCE).collect().await;
    findings.extend(read.iter().filter_map(|(shared, outcome)| document(shared, outcome.as_ref().err())));

    let mut places: Vec<Shared<Place>> = Vec::new();
    for profile in &scene.profiles {
        let metadata =
            read.iter().find(|(shared, _)| shared.profiles.contains(&profile.name)).and_then(|(_, outcome)| outcome.as_ref().ok());
        findings.extend(visited(scene, &mut places, &profile.name, metadata));
    }
    for (shared, _) in read.iter().filter(|(_, outcome)| outcome.is_ok()) {
        // Its host has its own certificate and its own clock, where it is another than that of its endpoints.
        if places.iter().all(|place| place.what.host() != shared.what.place().host()) {
            places.push(Shared { what: shared.what.place().clone(), profiles: shared.profiles.clone() });
        }
    }
    let visiting = places.iter().map(|shared| async move { (shared, shared.what.visit(left()).await) });
    let visits: Vec<_> = stream::iter(visiting).buffered(AT_ONCE).collect().await;
    findings.extend(visits.iter().flat_map(|(shared, outcome)| of_visit(shared, outcome.as_ref(), scene.now)));
    findings.extend(clocks(&visits));
    findings
}

/// Adds `what` for `profile`, unless it is there for others already: then it is for this one, too.
fn share<T>(shared: &mut Vec<Shared<T>>, what: T, profile: &Name, is_same: impl Fn(&T, &T) -> bool) {
    match shared.iter_mut().find(|known| is_same(&known.what, &what)) {
        Some(known) if known.profiles.contains(profile) => {}
        Some(known) => known.profiles.push(profile.clone()),
        None => shared.push(Shared { what, profiles: vec![profile.clone()] }),
    }
}

/// Adds the places of a profile; what it cannot know where it should is a finding.
fn visited(scene: &Scene, places: &mut Vec<Shared<Place>>, name: &Name, metadata: Option<&Metadata>) -> Vec<Finding> {
    let found = scene.profiles.iter().filter(|profile| profile.name == *name).flat_map(|profile| profile.source.places(metadata));
    let mut findings = Vec::new();
    for place in found {
        match place {
            Ok(place) => share(places, place, name, Place::is_same),
            Err(error) => {
                let finding = Finding::problem("network.endpoint", error.class, &error.message, told(&error, None));
                findings.push(detailed(finding, &error).of(name));
            }
        }
    }
    findings
}

/// What to do about a failure: what is said where it is born, or else what its words suggest.
fn told(error: &SourceError, proxy: Option<&Proxy>) -> String {
    error.hint.clone().unwrap_or_else(|| advice(&error.message, proxy))
}

fn detailed(finding: Finding, error: &SourceError) -> Finding {
    finding.with_details(error.detail.iter().map(|line| one_line(line)).collect())
}

/// What came of asking an issuer where its endpoints are.
fn document(Shared { what, profiles }: &Shared<Discovery>, error: Option<&SourceError>) -> Option<Finding> {
    const ID: &str = "network.discovery";
    let (place, host) = (what.place(), what.place().host());
    let finding = match error {
        None => Finding::ok(ID, format!("{host} says where its endpoints are")).with_detail(place.address()),
        // The profile's own mistake is told with the profile.
        Some(error) if error.class == Class::Config => return None,
        Some(error) if error.class == Class::Refused && !place.withheld.is_empty() => {
            let names = one_line(&place.withheld.join(", "));
            let message = format!("{} to a request without the headers that hold secrets ({names})", error.message);
            let renew = profiles.first().map(|name| format!("run `token renew {name}`: that sends them"));
            Finding::note(ID, message, renew.unwrap_or_default())
        }
        Some(error) if !what.is_needed => {
            let message = format!("{}; its endpoints are known, but for where tokens are revoked", error.message);
            detailed(Finding::note(ID, message, "set `revocation_endpoint`, if `token purge --revoke` is to tell the issuer"), error)
        }
        Some(error) => detailed(Finding::problem(ID, error.class, &error.message, told(error, place.proxy().as_ref())), error),
    };
    Some(finding.of_all(profiles))
}

/// What came of asking a server for the head of an endpoint.
fn of_visit(Shared { what, profiles }: &Shared<Place>, outcome: Result<&Visit, &SourceError>, now: Timestamp) -> Vec<Finding> {
    const ID: &str = "network.server";
    let (host, role, proxy) = (what.host(), what.role, what.proxy());
    let main = match outcome {
        Err(error) if error.class == Class::Config => return Vec::new(),
        Err(error) => {
            let message = format!("{} ({role})", error.message);
            vec![detailed(Finding::problem(ID, error.class, message, told(error, proxy.as_ref())), error)]
        }
        Ok(Visit { status: 407, .. }) => {
            let message = format!("the proxy on the way to {host} wants to know who asks (HTTP 407)");
            vec![Finding::problem(ID, Class::Network, message, "write the user and the password into the address of the proxy")]
        }
        Ok(Visit { status: status @ 500.., .. }) => {
            let message = format!("{host} fails for now (HTTP {status}, {role})");
            let hint = advice(&message, proxy.as_ref());
            vec![Finding::warning(ID, Class::Temporary, message, hint)]
        }
        Ok(visit) => {
            let encrypted = if what.is_encrypted() { ", and is trusted" } else { "" };
            let finding = Finding::ok(ID, format!("{host} answers{encrypted} ({role})"));
            let details = [Some(what.address()), Some(format!("HTTP {} to HEAD", visit.status))].into_iter().flatten();
            let address = visit.address.map(|address| format!("at {address}"));
            let certificate = visit.certificate_until.and_then(Timestamp::rfc3339).map(|until| format!("certificate until {until}"));
            let proxy = proxy.map(|proxy| format!("through {} ({})", proxy.address, proxy.named_by));
            let details = details.chain(address).chain(certificate).chain(proxy).collect();
            vec![finding.with_details(details)]
        }
    };
    let certificate = outcome.ok().and_then(|visit| expiring(&host, visit.certificate_until?, now));
    main.into_iter().chain(certificate).map(|finding| finding.of_all(profiles)).collect()
}

fn expiring(host: &str, until: Timestamp, now: Timestamp) -> Option<Finding> {
    if until > now.after(ENDS_SOON) {
        return None;
    }
    let message = format!("the certificate of {host} ends {}", ui::relative(until, now));
    Some(Finding::warning("network.certificate", Class::Network, message, "whoever runs the server has to renew it"))
}

/// What to do about a server that cannot be reached, by the words of a failure that has no advice of its own.
fn advice(message: &str, proxy: Option<&Proxy>) -> String {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let hint = if says(&["for now"]) {
        "try later; if it stays so, tell whoever runs it"
    } else if says(&["unusable"]) {
        "check `issuer`: something else answers there"
    } else if let Some(Proxy { address, named_by, .. }) = proxy {
        // NO_PROXY is about those of the environment.
        let instead = if named_by.starts_with('`') { "leave it out of the profile" } else { "list the host in NO_PROXY" };
        return format!("it is asked through {address} ({named_by}): check that proxy, or {instead}");
    } else if says(&["lookup", "resolve"]) {
        "check the name of the host, and that this machine can look up names"
    } else if says(&["did not answer"]) {
        "check that no firewall is in between, or give it more time: --request-timeout"
    } else if says(&["cannot be reached", "broke off"]) {
        "check the address and its port, and that no firewall is in between"
    } else {
        "check the address in the profile; if it is right, ask whoever runs the server"
    };
    hint.to_owned()
}

/// How far this machine's clock is from that of each server.
fn clocks(visits: &[(&Shared<Place>, Result<Visit, SourceError>)]) -> Vec<Finding> {
    let mut hosts: Vec<String> = Vec::new();
    let mut findings = Vec::new();
    for (shared, outcome) in visits {
        let (Ok(visit), host) = (outcome, shared.what.host()) else { continue };
        if !hosts.contains(&host) {
            findings.push(clock(&host, visit).of_all(&shared.profiles));
            hosts.push(host);
        }
    }
    findings
}

fn clock(host: &str, visit: &Visit) -> Finding {
    const ID: &str = "clock.difference";
    let told = |message: String| Finding::note(ID, message, "compare this machine's clock with another one: `date -u`");
    let Some(date) = &visit.date else { return told(format!("{host} does not say what time it is")) };
    let Ok(theirs) = httpdate::parse_http_date(date) else {
        return told(format!("{host} says a time that is none: {}", one_line(date)));
    };
    let theirs = Timestamp::from(theirs);
    // It is given in whole seconds, and was true at some time between the question and the answer.
    let (behind, ahead) = (theirs.since(visit.answered_at), visit.asked_at.since(theirs.after(Duration::from_secs(1))));
    let (off, way) = if behind > ahead { (behind, "behind") } else { (ahead, "ahead of") };
    let message = format!("this machine's clock is {} {way} that of {host}", ui::spoken(Duration::from_secs(off.as_secs())));
    let hint = "set it, as with `timedatectl set-ntp true`; tokens seem to expire early or late otherwise";
    let finding = match off.as_secs() {
        seconds if seconds > FAR_OFF => Finding::problem(ID, Class::Config, message, hint),
        seconds if seconds > WRONG => Finding::warning(ID, Class::Config, message, hint),
        _ => Finding::ok(ID, format!("this machine's clock agrees with that of {host}")),
    };
    finding.with_detail(format!("there it was {date}, {} s apart", off.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::findings::Verdict;

    const NOON: i64 = 1_795_348_800;

    fn visit(date: Option<&str>) -> Visit {
        let at = |millis: i64| Timestamp::from_unix_millis(NOON * 1000 + millis);
        let date = date.map(str::to_owned);
        Visit { status: 200, date, asked_at: at(0), answered_at: at(400), address: None, certificate_until: None }
    }

    #[test]
    fn a_clock_that_is_off_is_told() {
        let table = [
            (Some("Sun, 22 Nov 2026 12:00:00 GMT"), Verdict::Ok, "agrees"),
            (Some("Sun, 22 Nov 2026 11:59:59 GMT"), Verdict::Ok, "agrees"),
            (Some("Sun, 22 Nov 2026 12:00:30 GMT"), Verdict::Ok, "agrees"),
            (Some("Sun, 22 Nov 2026 12:00:32 GMT"), Verdict::Warning, "31s behind"),
            (Some("Sun, 22 Nov 2026 11:59:28 GMT"), Verdict::Warning, "31s ahead of"),
            (Some("Sun, 22 Nov 2026 12:05:02 GMT"), Verdict::Problem, "5m 1s behind"),
            (Some("Sun, 22 Nov 2026 11:00:00 GMT"), Verdict::Problem, "59m 59s ahead of"),
            (Some("Fri, 31 Dec 9999 23:59:59 GMT"), Verdict::Problem, "behind"),
            (Some("yester\u{1b}[31mday"), Verdict::Note, "none: yester[31mday"),
            (Some(""), Verdict::Note, "none"),
            (None, Verdict::Note, "does not say"),
        ];
        for (date, verdict, says) in table {
            let finding = clock("x", &visit(date));
            assert_eq!(finding.verdict, verdict, "{date:?}: {finding:?}");
            assert!(finding.message.contains(says), "{date:?}: {finding:?}");
        }
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told() {
        let now = Timestamp::from_unix_seconds(NOON);
        for (days, is_told) in [(0, true), (6, true), (8, false), (90, false)] {
            let until = now.after(Duration::from_secs(days * 24 * 3600));
            assert_eq!(expiring("x", until, now).is_some(), is_told, "{days} days");
        }
    }

    #[test]
    fn every_failure_has_its_advice() {
        let proxy = Proxy { address: "http://p:3128".into(), named_by: "HTTPS_PROXY".into(), is_usable: true };
        let own = Proxy { named_by: "`proxy`".into(), ..proxy.clone() };
        let table = [
            ("x cannot be reached: failed to lookup address information", None, "look up"),
            ("x cannot be reached: connection refused", None, "port"),
            ("x cannot be reached: connection refused", Some(&proxy), "HTTPS_PROXY"),
            ("x cannot be reached: connection refused", Some(&own), "out of the profile"),
            ("x did not answer within 5s", None, "--request-timeout"),
            ("x failed for now (HTTP 503)", Some(&proxy), "later"),
            ("the discovery document of x is unusable: it is no JSON object", None, "`issuer`"),
            ("x did what nobody has heard of", None, "the address in the profile"),
        ];
        for (message, proxy, says) in table {
            assert!(advice(message, proxy).contains(says), "{message}");
        }
    }
}
