//! A client that signs for itself (RFC 7523 §2.2) instead of sending a secret.

use serde_json::json;

use crate::signed::{ED25519_KEY, P256, field, form_without, home, keeps_to_itself, put, verified};
use crate::support::{Issuer, Reply};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const METHOD: &str = "client_auth = \"private-key-jwt\"\n";

fn keys(place: &str, more: &str) -> String {
    format!(
        "source = \"client-credentials\"\n{place}\nclient_id = \"ci\"\n\
         client_assertion = {{ jwt = {{ key_file = \"~/key.pem\", key_id = \"k1\" }} }}\n{more}"
    )
}

fn by_endpoint(issuer: &Issuer) -> String {
    format!("token_endpoint = \"{}\"", issuer.endpoint())
}

#[test]
fn an_assertion_stands_for_the_secret() {
    let table = [("an endpoint is the audience", false, ""), ("an issuer is the audience", true, ""), ("by its name", false, METHOD)];
    for (case, by_issuer, more) in table {
        let issuer = Issuer::start();
        let audience = if by_issuer { issuer.url() } else { issuer.endpoint() };
        let place = if by_issuer { format!("issuer = \"{audience}\"") } else { by_endpoint(&issuer) };
        let test = home(&keys(&place, more), P256).named(case);
        let outcome = test.run(&["-vvv", "get"]);
        outcome.gives("token-1");
        keeps_to_itself(&test, &outcome, P256);
        let request = &issuer.requests()[0];
        assert_eq!(request.header("authorization"), None, "{case}");
        let expected =
            [("client_assertion", "…"), ("client_assertion_type", TYPE), ("client_id", "ci"), ("grant_type", "client_credentials")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form_without(request, &["client_assertion"]), expected, "{case}");
        let (header, claims) = verified(&field(request, "client_assertion"));
        assert_eq!(header, json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}), "{case}");
        let said = (&claims["iss"], &claims["sub"], &claims["aud"]);
        assert_eq!(said, (&json!("ci"), &json!("ci"), &json!(audience)), "{case}");
    }
}

#[test]
fn each_attempt_is_signed_anew() {
    let issuer = Issuer::start();
    issuer.script([Reply::status(503)]);
    let test = home(&keys(&by_endpoint(&issuer), ""), ED25519_KEY);
    test.get().gives("token-1");
    test.run(&["get", "--renew"]).gives("token-2");
    let mut jtis: Vec<_> =
        issuer.requests().iter().map(|request| verified(&field(request, "client_assertion")).1["jti"].to_string()).collect();
    assert_eq!(jtis.len(), 3);
    jtis.sort();
    jtis.dedup();
    assert_eq!(jtis.len(), 3, "one came twice");
}

/// A new key of the same client is no other token, and a reason to ask again after a refusal.
#[test]
fn a_new_key_is_tried_at_once_and_changes_no_token() {
    let issuer = Issuer::answering(Reply::oauth(401, "invalid_client"));
    let test = home(&keys(&by_endpoint(&issuer), ""), P256);
    test.get().fails(4, "prod");
    test.get().fails(4, "prod");
    assert_eq!(issuer.count(), 1, "parked");
    issuer.answer(Reply::token(3600));
    put(&test, "key.pem", ED25519_KEY, 0o600);
    test.get().gives("token-1");
    put(&test, "key.pem", P256, 0o600);
    test.get().gives("token-1");
    assert_eq!(issuer.count(), 2);
}
