//! The form, to the field; what of an answer is taken; and which changes make another token.

use base64::Engine;
use serde_json::json;

use crate::home::{ACCESS_TOKEN, JWT, exchange, form, home};
use crate::support::{Issuer, QUICK, Reply, SECRET, Test, cases};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

struct Asked {
    name: &'static str,
    keys: &'static str,
    authorization: Option<String>,
    form: &'static [(&'static str, &'static str)],
}

#[test]
fn the_form_is_what_rfc_8693_asks_for() {
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("ci:{SECRET}")));
    let case = |name, keys, authorization, form| Asked { name, keys, authorization, form };
    let cases = [
        case(
            "impersonation, by nobody in particular",
            "subject_token = \"subject\"",
            None,
            &[("grant_type", GRANT), ("subject_token", "subject"), ("subject_token_type", ACCESS_TOKEN)],
        ),
        case(
            "a public client",
            "client_id = \"ci\"\nsubject_token = \"subject\"",
            None,
            &[("grant_type", GRANT), ("subject_token", "subject"), ("subject_token_type", ACCESS_TOKEN), ("client_id", "ci")],
        ),
        case(
            "a client with a secret",
            "client_id = \"ci\"\nclient_secret = \"canary-s3cret-5f2b9c\"\nsubject_token = \"subject\"",
            Some(basic),
            &[("grant_type", GRANT), ("subject_token", "subject"), ("subject_token_type", ACCESS_TOKEN)],
        ),
        case(
            "a secret in the form",
            "client_auth = \"post\"\nclient_id = \"ci\"\nclient_secret = \"canary-s3cret-5f2b9c\"\nsubject_token = \"subject\"",
            None,
            &[
                ("grant_type", GRANT),
                ("subject_token", "subject"),
                ("subject_token_type", ACCESS_TOKEN),
                ("client_id", "ci"),
                ("client_secret", SECRET),
            ],
        ),
        case(
            "delegation",
            "subject_token = \"subject\"\nactor_token = \"actor\"",
            None,
            &[
                ("grant_type", GRANT),
                ("subject_token", "subject"),
                ("subject_token_type", ACCESS_TOKEN),
                ("actor_token", "actor"),
                ("actor_token_type", ACCESS_TOKEN),
            ],
        ),
        case(
            "all that can be said",
            "scope = [\"read\", \"write\"]\naudience = [\"a\", \"b\"]\nresource = \"https://r.example.com/\"\n\
             params = { requested_subject = \"them\" }\nsubject_token = \"s&=+ x\"\nsubject_token_type = \"urn:ietf:params:oauth:token-type:saml2\"\n\
             actor_token = \"actor\"\nactor_token_type = \"urn:ietf:params:oauth:token-type:id_token\"\n\
             requested_token_type = \"urn:ietf:params:oauth:token-type:jwt\"",
            None,
            &[
                ("scope", "read write"),
                ("audience", "a"),
                ("audience", "b"),
                ("resource", "https://r.example.com/"),
                ("grant_type", GRANT),
                ("requested_token_type", JWT),
                ("subject_token", "s&=+ x"),
                ("subject_token_type", SAML2),
                ("actor_token", "actor"),
                ("actor_token_type", ID_TOKEN),
                ("requested_subject", "them"),
            ],
        ),
    ];
    cases::each(
        &cases,
        |case| case.name,
        |case| {
            let issuer = Issuer::start();
            home(&issuer, case.keys).named(case.name).run(&["-vvv", "get"]).gives("token-1");
            let requests = issuer.requests();
            let [request] = &requests[..] else { panic!("{}: {} requests", case.name, requests.len()) };
            assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/token"), "{}", case.name);
            assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"), "{}", case.name);
            assert_eq!(request.header("authorization"), case.authorization.as_deref(), "{}", case.name);
            let mut sent = form(request);
            let mut expected: Vec<_> = case.form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            sent.sort();
            expected.sort();
            assert_eq!(sent, expected, "{}", case.name);
        },
    );
}

/// RFC 8693 §2.2.1: what is issued may be no access token; then it has no type by which it is presented.
#[test]
fn what_is_issued_may_be_a_token_of_no_type() {
    let issued = |kind: &str, token_type: &str| {
        Reply::json(format!(r#"{{"access_token":"token-9","issued_token_type":"{kind}","token_type":"{token_type}","expires_in":600}}"#))
    };
    let keys = "subject_token = \"subject\"\nrequested_token_type = \"urn:ietf:params:oauth:token-type:id_token\"";
    for (spelled, taken) in [("N_A", "N_A"), ("n_a", "N_A"), ("bearer", "Bearer")] {
        let issuer = Issuer::answering(issued(ID_TOKEN, spelled));
        let test = home(&issuer, keys).named(spelled);
        test.get().gives("token-9");
        let answer = test.run(&["get", "-o", "json"]).json();
        assert_eq!((&answer["token_type"], &answer["cached"]), (&json!(taken), &json!(true)), "{spelled}");
        // There is one way to present a token that nobody has given another.
        test.run(&["get", "-o", "header"]).exits(0).prints("Authorization: Bearer token-9\n");
        assert_eq!(issuer.count(), 1, "{spelled}");
    }
    // Only an exchange can have issued such a token, and it says so.
    let issuer = Issuer::answering(Reply::json(r#"{"access_token":"token-9","token_type":"N_A","expires_in":600}"#));
    home(&issuer, keys).get().fails(4, "prod").mentions("only Bearer");
    let issuer = Issuer::answering(issued(ACCESS_TOKEN, "DPoP"));
    home(&issuer, keys).get().fails(4, "prod").mentions("`DPoP`");
}

#[test]
fn the_scope_is_what_was_granted_or_else_asked_for() {
    let keys = "subject_token = \"subject\"\nscope = [\"read\", \"write\"]";
    for (answer, scope) in [("", "read write"), (r#","scope":"read""#, "read")] {
        let issuer = Issuer::answering(Reply::json(format!(r#"{{"access_token":"token-1","token_type":"Bearer"{answer}}}"#)));
        let answer = home(&issuer, keys).run(&["get", "-o", "json"]).json();
        assert_eq!(answer["scope"], scope);
        let left = answer["expires_in"].as_i64().unwrap();
        assert!((280..=300).contains(&left), "{left}: never for ever");
    }
}

/// S9.
#[test]
fn another_exchange_makes_another_token() {
    let issuer = Issuer::start();
    let base = "subject_token = { env = \"SUBJECT\" }";
    let test = home(&issuer, base).env("SUBJECT", "subject").env("OTHER", "other");
    test.get().gives("token-1");
    let another = [
        "subject_token = { env = \"OTHER\" }".to_owned(),
        "subject_token = \"subject\"".to_owned(),
        format!("{base}\nsubject_token_type = \"{JWT}\""),
        format!("{base}\nactor_token = {{ env = \"OTHER\" }}"),
        format!("{base}\nactor_token = {{ env = \"OTHER\" }}\nactor_token_type = \"{JWT}\""),
        format!("{base}\nrequested_token_type = \"{JWT}\""),
        format!("{base}\naudience = \"a\""),
        format!("{base}\nresource = \"a:b\""),
        format!("{base}\nscope = \"a\""),
        format!("{base}\nclient_id = \"a\""),
        format!("{base}\nparams = {{ a = \"b\" }}"),
        format!("{base}\nheaders = {{ X-Tenant = \"a\" }}"),
    ];
    for (number, keys) in (2..).zip(&another) {
        test.configure(&(QUICK.to_owned() + &exchange("prod", &issuer, keys)));
        test.get().gives(&format!("token-{number}"));
        test.get().gives(&format!("token-{number}"));
    }
    let count = issuer.count();
    for keys in ["ttl = \"30m\"", "hosts = [\"api.example.com\"]", "ca_file = \"/nowhere\""] {
        test.configure(&(QUICK.to_owned() + &exchange("prod", &issuer, &format!("{}\n{keys}", another[11]))));
        test.get().gives("token-13");
    }
    assert_eq!(issuer.count(), count, "what does not decide it makes none");
}

#[test]
fn every_mistake_is_told_with_its_line_and_key() {
    let issuer = Issuer::start();
    let table = [
        ("", "config.toml:3", "`profile.prod.subject_token`: missing"),
        ("subject_token = \"x\"\nactor_token_type = \"y\"", "config.toml:3", "`profile.prod.actor_token`: missing"),
        ("subject_token = 7", "config.toml:6", "`profile.prod.subject_token`: expected a string"),
        ("subject_tokn = \"x\"", "config.toml:6", "did you mean `subject_token`?"),
        ("subject_token = \"x\"\nsubject_token_typ = \"y\"", "config.toml:7", "did you mean `subject_token_type`?"),
        ("subject_token = \"x\"\nclient_secret = \"y\"", "config.toml:3", "`profile.prod.client_id`: missing"),
        ("subject_token = \"x\"\nparams = { subject_token = \"y\" }", "config.toml:7", "not in `params`"),
        ("subject_token = { profile = \"a/b\" }", "config.toml:6", "`profile.prod.subject_token.profile`"),
        ("subject_token = { profile = [\"a\"] }", "config.toml:6", "expected a string"),
    ];
    for (keys, place, says) in table {
        home(&issuer, keys).named(keys).get().fails(2, place).mentions(says);
    }
    let neither = "[profile.prod]\nsource = \"token-exchange\"\nsubject_token = \"x\"\n";
    Test::configured(neither).get().fails(2, "config.toml:1").mentions("set `issuer` (or `token_endpoint`)");
    assert_eq!(issuer.count(), 0);
}
