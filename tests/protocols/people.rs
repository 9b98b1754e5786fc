//! A person is asked to log in where the consumer waits for that and the person can see it; standard input is the consumer's all the while.

use std::fs;

use serde_json::json;

use super::{Asked, EVERY_TOOL, GIT, HOSTS, tool_name};
use crate::support::cases::each;
use crate::support::terminal::ANSWER;
use crate::support::{Issuer, QUICK, Reply, Test};

const CODE: &str = "WDJB-MJHT";

/// An issuer that gives out a code, and then a token at once.
fn issuer() -> Issuer {
    let issuer = Issuer::start();
    let answer = json!({
        "device_code": "d", "user_code": CODE, "verification_uri": format!("{}/enter", issuer.url()), "expires_in": 600, "interval": 1,
    });
    issuer.script_at("/device", [Reply::json(answer.to_string())]);
    issuer
}

fn home(issuer: &Issuer) -> Test {
    Test::configured(&format!(
        "{QUICK}[profile.prod]\nsource = \"device-code\"\ntoken_endpoint = \"{0}/token\"\ndevice_authorization_endpoint = \"{0}/device\"\n\
         client_id = \"cli\"\n{HOSTS}",
        issuer.url()
    ))
}

/// Runs it with a terminal as its standard error alone.
fn on_terminal(test: &Test, args: &[&str], input: &str) -> crate::support::Outcome {
    fs::write(test.path("question"), input).unwrap();
    let command = test.in_terminal(args, &format!("<question >{ANSWER}"), std::process::Stdio::null());
    test.start(command, args).finish()
}

#[test]
fn a_person_logs_in_while_the_consumer_waits() {
    for (args, input, word) in [
        (&["helper", "git", "get"][..], GIT, "password=token-1\n"),
        (&["helper", "docker", "get"], "registry.example.com:5000", "\"Secret\":\"token-1\""),
        (&["helper", "terraform", "get", "git.example.com"], "", "{\"token\":\"token-1\"}\n"),
    ] {
        let issuer = issuer();
        let test = home(&issuer).named(&format!("{args:?}"));
        let outcome = on_terminal(&test, args, input);
        outcome.exits(0);
        assert!(outcome.stdout().contains(CODE), "the code is on the screen{outcome}");
        assert!(test.answer().contains(word) && !test.answer().contains(CODE), "{:?}{outcome}", test.answer());
    }
}

#[test]
fn who_does_not_wait_or_does_not_want_it_asks_nobody() {
    let issuer = issuer();
    let kubectl = "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{\"interactive\":false}}";
    let test = home(&issuer).env("KUBERNETES_EXEC_INFO", kubectl);
    for args in [
        &["helper", "bazel", "get"][..],
        &["helper", "goauth", "--profile", "prod"],
        &["helper", "google", "--profile", "prod"],
        &["helper", "kubectl", "--profile", "prod"],
        &["--no-interactive", "helper", "terraform", "get", "git.example.com"],
    ] {
        let outcome = on_terminal(&test, args, "{\"uri\":\"https://git.example.com\"}");
        assert!(!outcome.stdout().contains(CODE) && !test.answer().contains("token-"), "{outcome}");
        assert_eq!(issuer.requests_at("/device").len(), 0, "{args:?}");
    }
}

#[test]
fn without_a_terminal_somebody_has_to_log_in_elsewhere() {
    each(&EVERY_TOOL, tool_name, |Asked { name, args, input }| {
        let issuer = issuer();
        let outcome = home(&issuer).named(name).fed(args, input);
        outcome.exits(if ["google", "cargo"].contains(name) { 0 } else { 3 }).is_polite();
        let said = outcome.stdout() + &outcome.stderr;
        assert!(said.contains("token renew prod"), "{outcome}");
        assert_eq!(issuer.requests_at("/device").len(), 0);
    });
}
