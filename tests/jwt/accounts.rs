//! The key files of service accounts: presented as Google's and as Nebius' own libraries do it.

use std::fs;

use serde_json::{Value, json};

use crate::signed::{P256, RSA, field, form_without, keeps_to_itself, put, verified};
use crate::support::{Issuer, QUICK, Reply, Test};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// As Google's console writes it, for this token endpoint.
fn google(endpoint: &str) -> Value {
    json!({
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "k1",
        "private_key": RSA,
        "client_email": "ci@project.iam.gserviceaccount.com",
        "client_id": "1234567890",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": endpoint,
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "universe_domain": "googleapis.com",
    })
}

/// As `nebius iam auth-public-key generate` writes it.
fn nebius() -> Value {
    let account = "serviceaccount-e00ci";
    json!({"subject-credentials": {
        "type": "JWT", "alg": "RS256", "private-key": RSA, "kid": "publickey-e00k1", "iss": account, "sub": account,
    }})
}

/// A home with a profile of these keys beside this key file.
fn home(keys: &str, file: &Value) -> Test {
    let test = Test::configured(&format!("{QUICK}[profile.prod]\nsource = \"jwt-bearer\"\nkey_file = \"~/account.json\"\n{keys}"));
    put(&test, "account.json", &serde_json::to_string_pretty(file).unwrap(), 0o600);
    test
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

#[track_caller]
fn without_times(mut claims: Value) -> Value {
    let claims_of = claims.as_object_mut().unwrap();
    let [issued_at, expires_at] = ["iat", "exp"].map(|name| claims_of.remove(name).unwrap().as_i64().unwrap());
    assert!((1..=3600).contains(&(expires_at - issued_at)), "Google takes an hour at most");
    claims_of.remove("jti").unwrap();
    claims
}

#[test]
fn a_google_account_says_its_scope_in_the_jwt() {
    let issuer = Issuer::start();
    let scopes = ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/drive"];
    let test = home(&format!("scope = {scopes:?}\n"), &google(&issuer.endpoint()));

    let outcome = test.run(&["-vvv", "get"]);

    outcome.gives("token-1");
    keeps_to_itself(&test, &outcome, RSA);
    let request = &issuer.requests()[0];
    assert_eq!((request.path.as_str(), request.header("authorization")), ("/token", None));
    assert_eq!(form_without(request, &["assertion"]), pairs([("assertion", "…"), ("grant_type", GRANT)]));
    let (header, claims) = verified(&field(request, "assertion"));
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    let expected = json!({"iss": "ci@project.iam.gserviceaccount.com", "aud": issuer.endpoint(), "scope": scopes.join(" ")});
    assert_eq!(without_times(claims), expected);
    assert_eq!(test.run(&["get", "-o", "json"]).json()["scope"], scopes.join(" "), "what was asked for, where the answer is silent");
}

#[test]
fn a_google_account_may_ask_for_a_user() {
    let issuer = Issuer::start();
    let test = home("scope = \"s\"\nsubject = \"user@example.com\"\n", &google(&issuer.endpoint()));
    test.get().gives("token-1");
    let (_, claims) = verified(&field(&issuer.requests()[0], "assertion"));
    assert_eq!(claims["sub"], "user@example.com");
}

#[test]
fn the_profile_may_say_where_and_for_whom() {
    let issuer = Issuer::start();
    let elsewhere = google("https://oauth2.googleapis.com/token");
    for (keys, audience) in [
        (format!("token_endpoint = \"{}\"\n", issuer.endpoint()), "https://oauth2.googleapis.com/token"),
        (format!("issuer = \"{}\"\n", issuer.url()), "https://oauth2.googleapis.com/token"),
        (format!("issuer = \"{}\"\naudience = \"https://there.example\"\n", issuer.url()), "https://there.example"),
    ] {
        home(&keys, &elsewhere).get().exits(0);
        let request = issuer.requests().pop().unwrap();
        assert_eq!(verified(&field(&request, "assertion")).1["aud"], audience, "{keys}");
        assert_eq!(form_without(&request, &["assertion"]), pairs([("assertion", "…"), ("grant_type", GRANT)]), "{keys}");
    }
    assert_eq!(issuer.count(), 3);
}

#[test]
fn a_nebius_account_exchanges_the_jwt() {
    let issuer = Issuer::start();
    let at = format!("token_endpoint = \"{}\"\n", issuer.endpoint());
    for (keys, audience, scope) in
        [("", "token-service.iam.new.nebiuscloud.net", None), ("audience = \"there\"\nscope = \"s\"\n", "there", Some("s"))]
    {
        let test = home(&format!("{at}{keys}"), &nebius());
        let outcome = test.run(&["-vvv", "get"]);
        outcome.exits(0);
        keeps_to_itself(&test, &outcome, RSA);
        let request = issuer.requests().pop().unwrap();
        assert_eq!(request.header("authorization"), None);
        let mut expected = pairs([
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", "…"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ]);
        expected.splice(2..2, scope.map(|scope| ("scope".to_owned(), scope.to_owned())));
        assert_eq!(form_without(&request, &["subject_token"]), expected);
        let (header, claims) = verified(&field(&request, "subject_token"));
        assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "publickey-e00k1"}));
        let account = "serviceaccount-e00ci";
        assert_eq!(without_times(claims), json!({"iss": account, "sub": account, "aud": audience}));
    }
}

#[test]
fn another_subject_audience_or_scope_is_another_token() {
    let issuer = Issuer::start();
    let test = home("", &google(&issuer.endpoint()));
    let config = fs::read_to_string(test.path("config/token/config.toml")).unwrap();
    for (number, keys) in ["", "subject = \"a\"\n", "audience = \"a\"\n", "scope = \"a\"\n", "scope = \"a b\"\n"].iter().enumerate() {
        test.configure(&format!("{config}{keys}"));
        for _ in 0..2 {
            test.get().gives(&format!("token-{}", number + 1));
        }
    }
    assert_eq!(issuer.count(), 5);
}

#[test]
fn a_key_file_that_does_not_serve_is_named_and_not_shown() {
    let issuer = Issuer::start();
    let endpoint = issuer.endpoint();
    let changed = |pointer: &str, value: Value| {
        let mut file = google(&endpoint);
        *file.pointer_mut(pointer).unwrap() = value;
        file
    };
    let table = [
        ("a user's login", json!({"type": "authorized_user", "refresh_token": "canary"}), "the login of a user"),
        ("no key", changed("/private_key", json!("canary")), "holds no private key in PEM"),
        ("a public key", changed("/private_key", json!(include_str!("../fixtures/keys/rsa.public.pem"))), "holds a public key"),
        ("no address", changed("/client_email", Value::Null), "has no `client_email`"),
        ("a token endpoint in the clear", changed("/token_uri", json!("http://x.example/token")), "must be https"),
        ("a bare key", json!(P256), "no JSON object"),
    ];
    for (case, file, says) in table {
        let test = home("", &file).named(case);
        for args in [&["get"][..], &["-vvv", "renew"]] {
            let outcome = test.run(args);
            outcome.fails(2, "prod").mentions("account.json").mentions(says).hides("canary");
            keeps_to_itself(&test, &outcome, RSA);
        }
    }
    let test = home("", &google(&endpoint));
    put(&test, "account.json", &google(&endpoint).to_string(), 0o640);
    test.get().fails(2, "prod").mentions("chmod 600");
    fs::remove_file(test.path("account.json")).unwrap();
    test.get().fails(2, "prod").mentions("account.json").mentions("no such file");
    assert_eq!(issuer.count(), 0);
}

#[test]
fn a_new_key_file_is_tried_at_once() {
    let issuer = Issuer::answering(Reply::oauth(400, "invalid_grant"));
    let test = home("", &google(&issuer.endpoint()));
    test.get().fails(4, "prod").mentions("invalid_grant");
    test.get().fails(4, "prod");
    assert_eq!(issuer.count(), 1, "parked");
    issuer.answer(Reply::token(3600));
    let mut renewed = google(&issuer.endpoint());
    renewed["private_key_id"] = json!("k2");
    put(&test, "account.json", &renewed.to_string(), 0o600);
    test.get().gives("token-1");
    assert_eq!(verified(&field(&issuer.requests()[1], "assertion")).0["kid"], "k2");
}
