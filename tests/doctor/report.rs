//! A run of `token doctor --json`, held to its schema, and questions to it.

use serde_json::Value;

use crate::support::{Issuer, Outcome, Reply, SECRET, Test};

const MEMBERS: [&str; 9] = ["class", "details", "hint", "id", "level", "message", "profile", "profiles", "subject"];
const SUBJECTS: [&str; 10] = ["config", "storage", "profile", "proxy", "network", "clock", "helper", "consumer", "shell", "environment"];

pub struct Report {
    pub findings: Vec<Value>,
    pub outcome: Outcome,
}

/// Runs `token doctor --json` with these words.
#[track_caller]
pub fn doctor(test: &Test, words: &[&str]) -> Report {
    let outcome = test.run(&[&["doctor", "--json"], words].concat());
    outcome.is_polite();
    let report = outcome.json();
    assert_eq!(names_of(&report), ["findings", "ok", "version"], "{outcome}");
    assert_eq!(report["version"], 1);
    let findings = report["findings"].as_array().unwrap().clone();
    for finding in &findings {
        is_finding(finding, &outcome);
    }
    let is_well = |finding: &Value| ["ok", "note"].contains(&finding["level"].as_str().unwrap());
    assert_eq!(report["ok"], findings.iter().all(is_well), "{outcome}");
    assert_eq!(outcome.code == Some(0), findings.iter().all(is_well), "{outcome}");
    assert!(!outcome.stdout().contains(SECRET), "{outcome}");
    Report { findings, outcome }
}

fn names_of(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[track_caller]
fn is_finding(finding: &Value, outcome: &Outcome) {
    assert_eq!(names_of(finding), MEMBERS, "{outcome}");
    let (id, subject) = (finding["id"].as_str().unwrap(), finding["subject"].as_str().unwrap());
    assert!(SUBJECTS.contains(&subject) && id.starts_with(&format!("{subject}.")), "{id}{outcome}");
    let level = finding["level"].as_str().unwrap();
    assert!(["ok", "note", "warning", "problem"].contains(&level), "{level}{outcome}");
    let is_fault = ["warning", "problem"].contains(&level);
    assert_eq!(finding["class"].is_string(), is_fault, "{finding}{outcome}");
    // Whatever is not well, there is something to be done about it.
    let is_advised = finding["hint"].as_str().is_some_and(|hint| !hint.is_empty());
    assert_eq!(is_advised, level != "ok", "{finding}{outcome}");
    let texts = finding["details"].as_array().unwrap().iter().chain([&finding["message"]]);
    let is_plain = |text: &Value| text.as_str().is_some_and(|text| !text.is_empty() && !text.contains(char::is_control));
    assert!(texts.into_iter().all(is_plain), "{finding}{outcome}");
    let profiles = finding["profiles"].as_array().unwrap();
    assert_eq!(finding["profile"].is_string(), profiles.len() == 1, "{finding}{outcome}");
}

impl Report {
    /// The findings of this kind.
    pub fn of(&self, id: &str) -> Vec<&Value> {
        self.findings.iter().filter(|finding| finding["id"] == id).collect()
    }

    /// There is a finding of this kind and level that says this.
    #[track_caller]
    pub fn finds(&self, id: &str, level: &str, says: &str) -> &Self {
        let is_it = |finding: &&Value| finding["level"] == level && finding["message"].as_str().unwrap().contains(says);
        assert!(self.of(id).iter().any(is_it), "no {level} {id} that says {says:?}{}", self.outcome);
        self
    }

    /// The same with what to do.
    #[track_caller]
    pub fn advises(&self, id: &str, hint: &str) -> &Self {
        let is_it = |finding: &&Value| finding["hint"].as_str().is_some_and(|text| text.contains(hint));
        assert!(self.of(id).iter().any(is_it), "no {id} that advises {hint:?}{}", self.outcome);
        self
    }

    /// The first command that a finding of this kind advises, as it stands there.
    #[track_caller]
    pub fn command(&self, id: &str) -> String {
        let of_hint = |finding: &Value| Some(finding["hint"].as_str()?.split('`').nth(1)?.to_owned());
        let found = self.of(id).iter().find_map(|finding| of_hint(finding));
        found.unwrap_or_else(|| panic!("no {id} that advises a command{}", self.outcome))
    }

    /// Types that command into a shell in this home.
    #[track_caller]
    pub fn follow(&self, id: &str, test: &Test) {
        let line = self.command(id);
        let output = test.other("sh", &["-c", &line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Nothing of this kind is not well.
    #[track_caller]
    pub fn is_well(&self, id: &str) -> &Self {
        let is_fault = |finding: &&Value| ["warning", "problem"].contains(&finding["level"].as_str().unwrap());
        assert!(!self.of(id).iter().any(is_fault), "{id} is not well{}", self.outcome);
        self
    }

    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        self.outcome.exits(code);
        self
    }
}

/// An issuer whose clock is right.
pub fn issuer() -> Issuer {
    Issuer::answering(Reply::status(405).header("Date", &date(0)))
}

/// The TOML of a profile that finds this issuer's endpoints by discovery.
pub fn discovering(name: &str, issuer: &Issuer) -> String {
    format!(
        "[profile.{name}]\nsource = \"client-credentials\"\nissuer = \"{}\"\nclient_id = \"ci\"\nclient_secret = \"{SECRET}\"\n",
        issuer.url()
    )
}

/// The time as a server says it, so many seconds off.
pub fn date(off: i64) -> String {
    let now = std::time::SystemTime::now();
    let offset = std::time::Duration::from_secs(off.unsigned_abs());
    httpdate::fmt_http_date(if off < 0 { now - offset } else { now + offset })
}
