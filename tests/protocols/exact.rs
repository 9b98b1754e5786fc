//! The exact bytes of each consumer, from `tests/fixtures/protocols`: a folder a case, with `arguments` (one a line), `stdin`,
//! `environment`, `stdout` and `status`. `@UNIX@` and `@RFC3339@` stand for when the token expires, told ten seconds early.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{HOSTS, shelled};
use crate::support::cases::each;
use crate::support::{Issuer, QUICK, Test, profile};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/protocols");

const DOCUMENT: &str =
    r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"s/+=","SessionToken":"t","Expiration":"2096-11-22T13:00:00Z"}"#;

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<_> = fs::read_dir(FIXTURES).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn part(case: &Path, name: &str) -> String {
    fs::read_to_string(case.join(name)).unwrap_or_default()
}

/// A home with a profile for every case. Each issuer begins with `token-1`.
fn test(case: &Path, issuer: &Issuer) -> Test {
    let endpoint = issuer.endpoint();
    let config = [
        QUICK.to_owned(),
        profile("prod", &endpoint) + HOSTS,
        profile("mod", &endpoint) + "hosts = [\"go.example.com\", \"*.mods.example.com\", \"go.example.com:8443\"]\n",
        profile("schemed", &endpoint) + "hosts = [\"*.schemes.example.com\"]\nscheme = \"Bearer\"\n",
        "[profile.cloud]\nsource = \"env\"\nvariable = \"DOCUMENT\"\n".to_owned(),
    ];
    let test = Test::configured(&config.concat()).named(&case.file_name().unwrap().to_string_lossy()).env("DOCUMENT", DOCUMENT);
    let environment = part(case, "environment");
    let set = |test: Test, line: &str| {
        let (name, value) = line.split_once('=').unwrap();
        test.env(name, value)
    };
    shelled(environment.lines().fold(test, set))
}

#[test]
fn every_consumer_gets_its_bytes_cold_and_warm() {
    let cases = cases();
    assert!(cases.len() > 40, "fixtures are missing");
    each(
        &cases,
        |case| case.file_name().unwrap().to_str().unwrap(),
        |case| {
            let issuer = Issuer::start();
            let test = test(case, &issuer);
            let (arguments, stdin) = (part(case, "arguments"), part(case, "stdin"));
            let arguments: Vec<&str> = ["helper"].into_iter().chain(arguments.lines()).collect();
            let status = part(case, "status").trim().parse().unwrap_or(0);
            let requests = usize::from(part(case, "stdout").contains("token-1"));
            for _ in ["cold", "warm"] {
                let outcome = test.fed(&arguments, &stdin);
                outcome.exits(status).prints(&expected(case, &test)).is_polite();
                assert_eq!(issuer.count(), requests, "requests{outcome}");
                let speaks =
                    status != 0 && ["kubectl-", "bazel-"].iter().any(|tool| case.file_name().unwrap().to_str().unwrap().starts_with(tool));
                assert_eq!(outcome.stderr.is_empty(), !speaks, "stderr{outcome}");
            }
        },
    );
}

fn expected(case: &Path, test: &Test) -> String {
    let entry = ["prod", "mod", "schemed"].into_iter().find_map(|name| test.entry(name));
    let expires_at = entry.map_or(0, |entry| entry["expires_at"].as_i64().unwrap() - 10);
    let written = Timestamp::from_second(expires_at).unwrap().to_string();
    part(case, "stdout").replace("@UNIX@", &expires_at.to_string()).replace("@RFC3339@", &written)
}
