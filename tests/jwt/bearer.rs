//! `jwt-bearer` with an `assertion`: the exact request, what it defaults to, and what becomes of a refusal.

use std::fs;

use serde_json::json;

use crate::signed::{ED25519_KEY, P256, P256_SEC1, RSA, RSA_PKCS1, bearer, field, form_without, home, keeps_to_itself, put, verified};
use crate::support::{Issuer, Reply, SECRET, Test, cases, seconds};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SIGNED: &str = "{ jwt = { key_file = \"~/key.pem\", issuer = \"me\" } }";

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn a_signed_assertion_is_posted_and_nothing_else() {
    let table = [
        ("RS256", RSA, ""),
        ("RS256", RSA_PKCS1, ""),
        ("PS256", RSA, "algorithm = \"PS256\", "),
        ("ES256", P256, ""),
        ("ES256", P256_SEC1, "algorithm = \"ES256\", "),
        ("EdDSA", ED25519_KEY, ""),
    ];
    for (algorithm, pem, more) in table {
        let issuer = Issuer::start();
        let jwt =
            format!("{{ jwt = {{ {more}key_file = \"~/key.pem\", key_id = \"k1\", issuer = \"me\", subject = \"you\", ttl = \"2m\" }} }}");
        let test = home(&(bearer(&issuer, &jwt) + "scope = [\"read\", \"write\"]\n"), pem).named(algorithm);
        let before = seconds();

        let outcome = test.run(&["-vvv", "get"]);

        outcome.gives("token-1");
        keeps_to_itself(&test, &outcome, pem);
        let request = &issuer.requests()[0];
        assert_eq!((request.method.as_str(), request.path.as_str(), request.header("authorization")), ("POST", "/token", None));
        let expected = [pair("assertion", "…"), pair("grant_type", GRANT), pair("scope", "read write")];
        assert_eq!(form_without(request, &["assertion"]), expected);

        let (header, mut claims) = verified(&field(request, "assertion"));
        assert_eq!(header, json!({"alg": algorithm, "typ": "JWT", "kid": "k1"}));
        let mut take = |name: &str| claims.as_object_mut().unwrap().remove(name).unwrap();
        let (issued_at, expires_at) = (take("iat").as_i64().unwrap(), take("exp").as_i64().unwrap());
        assert!((before - 12..=seconds() - 12).contains(&issued_at), "a clock that is a little behind takes it");
        assert_eq!(expires_at - issued_at, 120);
        assert_eq!(take("jti").as_str().unwrap().len(), 32);
        assert_eq!(claims, json!({"iss": "me", "sub": "you", "aud": issuer.endpoint()}));
    }
}

#[test]
fn what_the_table_leaves_out_is_the_client_and_the_issuer() {
    let issuer = Issuer::start();
    let keys = format!(
        "source = \"jwt-bearer\"\nissuer = \"{}\"\nclient_id = \"ci\"\nclient_secret = \"{SECRET}\"\n\
         assertion = {{ jwt = {{ key_file = \"~/key.pem\" }} }}\n",
        issuer.url()
    );
    home(&keys, P256).get().gives("token-1");
    let request = &issuer.requests()[0];
    assert!(request.header("authorization").unwrap().starts_with("Basic "));
    let (_, claims) = verified(&field(request, "assertion"));
    assert_eq!((&claims["iss"], &claims["sub"], &claims["aud"]), (&json!("ci"), &json!("ci"), &json!(issuer.url())));
}

#[test]
fn somebody_else_may_have_signed_it() {
    let table = [("a file", "{ file = \"~/assertion\" }"), ("a command", "{ command = [\"echo\", \"s1gned\"] }"), ("inline", "\"s1gned\"")];
    for (case, assertion) in table {
        let issuer = Issuer::start();
        let test = home(&bearer(&issuer, assertion), "").named(case);
        put(&test, "assertion", "s1gned\n", 0o600);
        test.get().gives("token-1").hides("s1gned");
        assert_eq!(field(&issuer.requests()[0], "assertion"), "s1gned", "{case}");
    }
}

#[test]
fn each_attempt_has_an_assertion_of_its_own() {
    let issuer = Issuer::start();
    issuer.script([Reply::status(503)]);
    home(&bearer(&issuer, SIGNED), P256).get().gives("token-1");
    let jtis: Vec<_> = issuer.requests().iter().map(|request| verified(&field(request, "assertion")).1["jti"].clone()).collect();
    assert_eq!(jtis.len(), 2);
    assert_ne!(jtis[0], jtis[1]);
}

#[test]
fn a_refusal_parks_until_the_key_is_another() {
    let issuer = Issuer::answering(Reply::oauth(400, "invalid_grant"));
    let test = home(&bearer(&issuer, SIGNED), RSA);
    for _ in 0..2 {
        let outcome = test.get();
        outcome.fails(4, "prod").mentions("invalid_grant").mentions("clock").is_brief();
        keeps_to_itself(&test, &outcome, RSA);
    }
    assert_eq!(issuer.count(), 1, "parked");
    issuer.answer(Reply::token(3600));
    put(&test, "key.pem", P256, 0o600);
    test.get().gives("token-1");
}

/// The issuer sends back what it was sent: none of it is shown.
#[test]
fn an_assertion_that_comes_back_is_not_shown() {
    let issuer =
        Issuer::answering(Reply::json("{\"error\":\"invalid_grant\",\"error_description\":\"s1gned-c4nary is no JWT\"}").with_status(400));
    let test = home(&bearer(&issuer, "{ file = \"~/assertion\" }"), "");
    put(&test, "assertion", "s1gned-c4nary", 0o600);
    test.run(&["-vvv", "get"]).exits(4).mentions("[secret] is no JWT").hides("c4nary");
}

#[test]
fn another_subject_audience_or_scope_is_another_token() {
    let table = [
        ("issuer", "issuer = \"me\"", "issuer = \"they\""),
        ("subject", "issuer = \"me\"", "issuer = \"me\", subject = \"you\""),
        ("audience", "issuer = \"me\"", "issuer = \"me\", audience = \"there\""),
        ("key", "~/key.pem", "~/other.pem"),
        ("scope", "[profile.prod]\n", "[profile.prod]\nscope = \"read\"\n"),
        ("resource", "[profile.prod]\n", "[profile.prod]\nresource = \"https://api.example.com\"\n"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(case, from, to)| {
            let issuer = Issuer::start();
            let test = home(&bearer(&issuer, SIGNED), P256).named(case);
            put(&test, "other.pem", RSA, 0o600);
            test.get().gives("token-1");
            test.get().gives("token-1");
            let config = fs::read_to_string(test.path("config/token/config.toml")).unwrap();
            assert!(config.contains(from), "{case}");
            test.configure(&config.replace(from, to));
            test.get().gives("token-2");
            test.get().gives("token-2");
            assert_eq!(issuer.count(), 2, "{case}");
        },
    );
}

#[test]
fn a_valid_token_needs_no_key() {
    let issuer = Issuer::start();
    let test = home(&bearer(&issuer, SIGNED), P256);
    test.get().gives("token-1");
    fs::remove_file(test.path("key.pem")).unwrap();
    let outcome = test.get();
    outcome.gives("token-1");
    assert_eq!(outcome.stderr, "", "{outcome}");
    test.run(&["get", "--renew"]).fails(2, "prod").mentions("key.pem");
}

#[test]
fn mistakes_are_told_where_they_are() {
    let at = "token_endpoint = \"https://login.example.com/token\"\n";
    let table = [
        ("neither", String::new(), "`key_file` of a service account"),
        ("both", "assertion = \"a\"\nkey_file = \"k\"\n".to_owned(), "exclude each other"),
        ("no issuer of the JWT", "assertion = { jwt = { key_file = \"k\" } }\n".to_owned(), "`profile.prod.assertion.jwt.issuer`: missing"),
        ("an unknown key of the JWT", "assertion = { jwt = { key_file = \"k\", isuer = \"me\" } }\n".to_owned(), "did you mean `issuer`?"),
        ("a long life", "assertion = { jwt = { key_file = \"k\", issuer = \"me\", ttl = \"1d\" } }\n".to_owned(), "must be from 10s to 1h"),
        ("a subject without an account", "assertion = \"a\"\nsubject = \"you\"\n".to_owned(), "`profile.prod.subject`: unknown key"),
        ("an assertion twice", "assertion = \"a\"\nparams = { assertion = \"b\" }\n".to_owned(), "is set by the key of that name"),
    ];
    for (case, keys, says) in table {
        let test = Test::configured(&format!("[profile.prod]\nsource = \"jwt-bearer\"\n{at}{keys}")).named(case);
        test.get().exits(2).prints("").mentions("config.toml:").mentions(says).is_polite();
    }
    let test = Test::configured("[profile.prod]\nsource = \"jwt-bearer\"\nassertion = \"a\"\n").named("no place");
    test.get().exits(2).mentions("set `issuer` (or `token_endpoint`)");
}
