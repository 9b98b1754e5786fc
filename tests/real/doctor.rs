//! `token doctor` against the provider: all is well with one that is, what is not is found, and the provider counts no attempt.

use serde_json::Value;

use crate::support::issuer::{BASIC, DEVICE};
use crate::support::{Home, Issuer};

/// The findings of this kind, each as its level and what it says.
fn found(report: &Value, id: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().expect("findings").iter().filter(|finding| finding["id"] == id);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    findings.map(|finding| (text(&finding["level"]), text(&finding["message"]))).collect()
}

fn doctor(home: &Home, status: i32) -> Value {
    let outcome = home.token(&["doctor", "--json"]).exits(status);
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

#[test]
fn all_is_well_with_a_provider_that_is() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC));

    let report = doctor(&home, 0);

    assert_eq!(report["ok"], true, "{report}");
    assert!(found(&report, "network.discovery").iter().all(|(level, _)| level == "ok"), "{report}");
    let servers = found(&report, "network.server");
    assert!(!servers.is_empty() && servers.iter().all(|(level, _)| level == "ok"), "{report}");
    assert!(found(&report, "clock.difference").iter().all(|(level, says)| level == "ok" && says.contains("agrees")), "{report}");
    assert_eq!(issuer.basic_requests(), 0, "nobody has shown a secret");
    assert!(!home.token(&["doctor", "-v"]).exits(0).stdout.contains(BASIC.secret));
    assert!(!home.token(&["get"]).quiet_token().is_empty());
    doctor(&home, 0);
}

#[test]
fn an_issuer_by_another_name_is_found_out() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC).replace("127.0.0.1", "localhost"));

    let report = doctor(&home, 4);

    let [(level, says)] = &found(&report, "network.discovery")[..] else { panic!("{report}") };
    assert!(level == "problem" && says.contains("is of another issuer: http://127.0.0.1"), "{report}");
}

#[test]
fn somebody_who_is_not_logged_in_is_told_so() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile_of("device-code", DEVICE));

    let report = doctor(&home, 3);

    assert!(found(&report, "network.server").iter().any(|(_, says)| says.contains("device authorization endpoint")), "{report}");
    let said = found(&report, "profile.state");
    assert!(said.iter().any(|(level, says)| level == "problem" && says.contains("nobody is logged in")), "{report}");
}

#[test]
fn a_provider_that_is_gone_is_found_out() {
    let mut issuer = Issuer::start();
    let home = Home::new(&issuer.profile(BASIC));
    issuer.go_away();

    let report = doctor(&home, 5);

    let [(level, says)] = &found(&report, "network.discovery")[..] else { panic!("{report}") };
    assert!(level == "problem" && says.contains("cannot be reached"), "{report}");
}
