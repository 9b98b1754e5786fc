//! A client that signs for itself (RFC 7523 §2.2): every algorithm, from the key files that people have, and the provider
//! checks signature, claims, and that no assertion comes twice.

use std::path::Path;

use crate::support::{Home, Issuer, Outcome};

/// Each algorithm with the files its key comes in.
const KEYS: [(&str, &str); 6] = [
    ("RS256", "RS256.pem"),
    ("RS256", "RS256.pkcs1.pem"),
    ("PS256", "PS256.pem"),
    ("PS256", "PS256.pkcs1.pem"),
    ("ES256", "ES256.pem"),
    ("EdDSA", "EdDSA.pem"),
];

/// A home where the client of this algorithm signs with that file.
fn signing(issuer: &Issuer, algorithm: &str, file: &str) -> Home {
    Home::new(&profile(issuer, algorithm, &issuer.keys().join(file), &issuer.url()))
}

fn profile(issuer: &Issuer, algorithm: &str, key: &Path, audience: &str) -> String {
    let client = format!("jwt-{algorithm}");
    issuer.profile_of("client-credentials", &client)
        + &format!(
            "client_auth = \"private-key-jwt\"\nclient_assertion = {{ jwt = {{ key_file = '{}', key_id = \"{algorithm}\", \
             algorithm = \"{algorithm}\", issuer = \"{client}\", subject = \"{client}\", audience = \"{audience}\", \
             ttl = \"1m\" }} }}\n",
            key.display()
        )
}

#[test]
fn every_algorithm_is_taken_from_every_kind_of_file() {
    let issuer = Issuer::with_signers();
    for (algorithm, file) in KEYS {
        let home = signing(&issuer, algorithm, file);

        let token = home.token(&["get"]).quiet_token();

        let said = issuer.introspect(&token);
        assert_eq!((&said["active"], &said["client_id"]), (&true.into(), &format!("jwt-{algorithm}").into()), "{file}: {said}");
    }
    assert_eq!(issuer.token_requests(), KEYS.len() as u64);
    assert_eq!(issuer.basic_requests(), 0);
}

#[test]
fn a_key_file_says_enough() {
    let issuer = Issuer::with_signers();
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let client = format!("jwt-{algorithm}");
        let key = issuer.keys().join(format!("{algorithm}.pem"));
        let assertion = format!("client_assertion = {{ jwt = {{ key_file = '{}' }} }}\n", key.display());
        let home = Home::new(&(issuer.profile_of("client-credentials", &client) + &assertion));

        let token = home.token(&["get"]).quiet_token();

        assert_eq!(issuer.introspect(&token)["client_id"], client);
    }
}

#[test]
fn each_request_carries_an_assertion_of_its_own() {
    let issuer = Issuer::with_signers();
    let home = signing(&issuer, "ES256", "ES256.pem");

    let first = home.token(&["get"]).quiet_token();
    let second = home.token(&["get", "--renew"]).quiet_token();

    assert_ne!(first, second);
    assert_eq!(issuer.seen().asked_and_granted("client_credentials"), (2, 2));
}

#[test]
fn the_token_endpoint_may_be_the_audience() {
    let issuer = Issuer::with_signers();
    let endpoint = format!("{}/token", issuer.url());
    let home = Home::new(&profile(&issuer, "EdDSA", &issuer.keys().join("EdDSA.pem"), &endpoint));

    let token = home.token(&["get"]).quiet_token();

    assert_eq!(issuer.introspect(&token)["client_id"], "jwt-EdDSA");
}

#[test]
fn another_key_is_refused_and_not_tried_again() {
    let issuer = Issuer::with_signers();
    let stranger = Issuer::with_signers();
    let home = Home::new(&profile(&issuer, "RS256", &stranger.keys().join("RS256.pem"), &issuer.url()));

    assert_refused(&home.token(&["get"]).exits(4));
    assert_refused(&home.token(&["get"]).exits(4));

    assert_eq!(issuer.seen().path("/token"), 1);
}

#[test]
fn an_assertion_for_another_audience_is_refused() {
    let issuer = Issuer::with_signers();
    let key = issuer.keys().join("PS256.pem");
    let home = Home::new(&profile(&issuer, "PS256", &key, "https://elsewhere.example"));

    assert_refused(&home.token(&["get"]).exits(4));
}

#[test]
fn no_key_and_no_assertion_is_in_any_output() {
    let issuer = Issuer::with_signers();
    let key = issuer.keys().join("ES256.pem");
    let home = Home::new(&profile(&issuer, "ES256", &key, "https://elsewhere.example"));
    let pem = std::fs::read_to_string(&key).expect("a key");
    let lines: Vec<_> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(!lines.is_empty());

    let outcome = home.token(&["get", "-vvv"]).exits(4);

    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    // A signed JWT begins with its header: `{"` in base64.
    assert!(!said.contains("eyJ") && lines.iter().all(|line| !said.contains(line)), "{outcome}");
}

#[track_caller]
fn assert_refused(outcome: &Outcome) {
    assert!(outcome.stdout.is_empty(), "{outcome}");
    assert!(outcome.stderr.contains("prod") && outcome.stderr.contains("invalid_client"), "{outcome}");
    assert!((1..=4).contains(&outcome.stderr.lines().count()), "{outcome}");
}
