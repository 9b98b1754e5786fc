//! `purge --revoke` (RFC 7009): the issuer is told, and what is here goes whatever he says.

use std::time::Duration;

use super::tells_of;
use crate::support::issuer::Request;
use crate::support::{Issuer, Outcome, QUICK, Reply, Reuse, SECRET, Test, cases, login_profile, now, profile, wait_until};

fn by_hand(issuer: &Issuer) -> String {
    format!("revocation_endpoint = \"{}/revoke\"\n", issuer.url())
}

fn config(issuer: &Issuer, more: &str) -> String {
    format!("{QUICK}{}{more}", login_profile("prod", &issuer.endpoint(), &issuer.seed()))
}

/// Logged in, with a revocation endpoint that is set by hand.
fn logged_in(issuer: &Issuer) -> Test {
    let test = Test::configured(&config(issuer, &by_hand(issuer)));
    test.get().gives("token-1");
    test
}

/// What was to be revoked, as what.
fn told(requests: &[Request]) -> Vec<(String, String)> {
    let told = |request: &Request| {
        let mut form = request.form();
        let field = |form: &mut std::collections::HashMap<String, String>, name: &str| form.remove(name).unwrap_or_default();
        (field(&mut form, "token_type_hint"), field(&mut form, "token"))
    };
    requests.iter().map(told).collect()
}

fn pair(kind: &str, token: &str) -> (String, String) {
    (kind.to_owned(), token.to_owned())
}

/// The refresh token first, because all that came of it goes with it; then the access token, which some issuers keep apart.
#[test]
fn both_tokens_are_revoked_and_gone() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = logged_in(&issuer);
    let login = test.refresh_token("prod");
    let outcome = test.run(&["purge", "--revoke"]);
    tells_of(&outcome, &["prod"]);
    outcome.mentions("revoked");
    assert_eq!(told(&issuer.revocations()), [pair("refresh_token", &login), pair("access_token", "token-1")]);
    assert_eq!((test.entry("prod"), test.state_files()), (None, Vec::new()));
    assert!(issuer.family().is_revoked);
}

/// RFC 7009 §2.1: a form with the token and its hint, the client's proof as at the token endpoint, and nothing of a grant.
#[test]
fn the_request_is_that_of_the_standard() {
    type Change = Box<dyn Fn(String) -> String>;
    let secret = format!("client_secret = \"{SECRET}\"\n");
    let variants: [(&str, Change, &[&str], bool); 3] = [
        ("basic", Box::new(|config| config), &["token", "token_type_hint"], true),
        (
            "post",
            Box::new(|config| config + "client_auth = \"post\"\n"),
            &["client_id", "client_secret", "token", "token_type_hint"],
            false,
        ),
        ("public", Box::new(move |config| config.replace(&secret, "")), &["client_id", "token", "token_type_hint"], false),
    ];
    for (name, change, fields, has_header) in variants {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let grant = "scope = [\"read\"]\naudience = \"api\"\nparams = { tenant = \"x\" }\n";
        let test = Test::configured(&change(config(&issuer, &(by_hand(&issuer) + grant)))).named(name);
        test.get().gives("token-1");
        tells_of(&test.run(&["purge", "--revoke"]), &["prod"]);
        assert_eq!(issuer.revocations().len(), 2, "{name}");
        for request in issuer.revocations() {
            let form = request.form();
            let mut names: Vec<_> = form.keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!((request.method.as_str(), names.as_slice()), ("POST", fields), "{name}");
            let header = request.header("authorization");
            assert_eq!(header.is_some_and(|value| value.starts_with("Basic ")), has_header, "{name}: {header:?}");
            assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"), "{name}");
            assert!(!request.path.contains('?'), "{name}: nothing in the address");
        }
    }
}

#[test]
fn the_endpoint_may_be_discovered() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    issuer.offers_revocation();
    let config =
        config(&issuer, "").replace(&format!("token_endpoint = \"{}\"", issuer.endpoint()), &format!("issuer = \"{}\"", issuer.url()));
    let test = Test::configured(&config);
    test.get().gives("token-1");
    let outcome = test.run(&["purge", "--revoke"]);
    tells_of(&outcome, &["prod"]);
    outcome.mentions("revoked");
    assert_eq!((issuer.revocations().len(), issuer.discovered()), (2, 2));
}

/// Any source that asks an issuer has tokens that can be revoked.
#[test]
fn an_access_token_alone_is_revoked() {
    let issuer = Issuer::start();
    let test = Test::configured(&(profile("prod", &issuer.endpoint()) + &by_hand(&issuer)));
    test.get().gives("token-1");
    issuer.script([Reply::json("")]);
    let outcome = test.run(&["purge", "--revoke"]);
    tells_of(&outcome, &["prod"]);
    outcome.mentions("revoked");
    assert_eq!(told(&issuer.revocations()), [pair("access_token", "token-1")]);
    assert!(issuer.revocations()[0].header("authorization").is_some_and(|value| value.starts_with("Basic ")));
}

#[test]
fn what_is_kept_or_over_is_not_revoked() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = logged_in(&issuer);
    tells_of(&test.run(&["purge", "--revoke", "--keep-login"]), &["prod"]);
    assert_eq!(told(&issuer.revocations()), [pair("access_token", "token-1")]);
    assert_eq!(test.status("prod")["login"], "present");
    test.run(&["get", "--renew"]).gives("token-2");

    let issuer = Issuer::rotating(Reuse::Revokes);
    issuer.lasting(2);
    let test = logged_in(&issuer);
    let login = test.refresh_token("prod");
    let expires_at = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
    wait_until("the token to expire", || now() > expires_at + 0.05);
    tells_of(&test.run(&["purge", "--revoke"]), &["prod"]);
    assert_eq!(told(&issuer.revocations()), [pair("refresh_token", &login)]);
}

#[test]
fn nobody_is_asked_for_what_stays() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = logged_in(&issuer);
    for args in [&["purge", "--revoke", "-n"][..], &["purge", "--revoke", "--expired"], &["purge", "--all", "--revoke", "--dry-run"]] {
        tells_of(&test.run(args), &["prod"]);
    }
    tells_of(&test.fed(&["purge", "--revoke", "--if-token-is", "-"], "token-0"), &["prod"]);
    assert_eq!(issuer.revocations().len(), 0);
    assert_eq!(test.status("prod")["login"], "present");
    test.run(&["purge"]).exits(0);
    tells_of(&test.run(&["purge", "--revoke"]), &["prod"]);
    assert_eq!(issuer.revocations().len(), 0, "nothing is nothing");
}

/// A login of another client, or one that is damaged, cannot be revoked: it goes, and what can be revoked is.
#[test]
fn a_login_that_cannot_be_read_is_not_sent_anywhere() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = logged_in(&issuer);
    let login = test.refresh_token("prod");
    std::fs::write(test.login_path("prod"), "rubbish").unwrap();
    let words = ["token and login", "the token revoked; the login, damaged or of another client, could not be"];
    let says = |outcome: &Outcome| {
        for words in words {
            outcome.mentions(words);
        }
    };
    says(test.run(&["purge", "--revoke", "--dry-run"]).exits(0));
    let outcome = test.run(&["purge", "--revoke"]);
    tells_of(&outcome, &["prod"]);
    says(&outcome);
    assert_eq!(told(&issuer.revocations()), [pair("access_token", "token-1")]);
    assert_eq!(test.state_files(), [""; 0]);

    let (issuer, other) = (Issuer::rotating(Reuse::Revokes), Issuer::start());
    let test = logged_in(&issuer);
    test.configure(&(config(&issuer, &by_hand(&issuer)).replace(&issuer.url(), &other.url())));
    test.run(&["purge", "--revoke"]).exits(0).prints("").is_polite();
    assert!(other.requests().iter().chain(&issuer.revocations()).all(|request| !request.body.contains(&login)), "S9");
    assert_eq!(test.state_files(), [""; 0]);
}

struct Refusal {
    name: &'static str,
    reply: fn() -> Reply,
    exit: i32,
}

const REFUSALS: [Refusal; 6] = [
    Refusal { name: "503", reply: || Reply::status(503), exit: 5 },
    Refusal { name: "reset", reply: Reply::reset, exit: 5 },
    Refusal { name: "429", reply: || Reply::status(429).header("Retry-After", "120"), exit: 5 },
    Refusal { name: "invalid_client", reply: || Reply::oauth(401, "invalid_client"), exit: 4 },
    Refusal { name: "404", reply: || Reply::status(404), exit: 4 },
    Refusal { name: "redirect", reply: || Reply::redirect(302, "https://example.com/"), exit: 4 },
];

/// What is on this machine goes whether or not the issuer can be told; that it could not is told.
#[test]
fn a_revocation_that_fails_keeps_nothing() {
    cases::each(
        &REFUSALS,
        |case| case.name,
        |case| {
            let issuer = Issuer::rotating(Reuse::Revokes);
            let test = logged_in(&issuer).named(case.name);
            issuer.script([(case.reply)()]);
            test.run(&["purge", "--revoke"]).fails(case.exit, "prod").mentions("not revoked");
            assert_eq!((test.entry("prod"), test.state_files()), (None, Vec::new()), "{}", case.name);
            assert_eq!(test.cache_files(), ["prod.lock"], "{}: it is not a failure of a renewal", case.name);
        },
    );
}

/// RFC 7009 §2.2.1: access tokens that APIs check by themselves cannot be taken back, and that is no failure.
#[test]
fn an_access_token_that_cannot_be_revoked_is_no_failure() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = logged_in(&issuer);
    issuer.script([Reply::json(""), Reply::oauth(400, "unsupported_token_type")]);
    tells_of(&test.run(&["purge", "--revoke"]), &["prod"]);
    assert_eq!(issuer.revocations().len(), 2);
}

/// R11: an issuer that says nothing holds nobody up.
#[test]
fn a_silent_issuer_ends_with_the_time_limit() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = logged_in(&issuer);
    issuer.script([Reply::silence()]);
    let limit = Duration::from_secs(1);
    test.run(&["purge", "--revoke", "--timeout", "1s"]).fails(5, "prod").mentions("not revoked").within(limit);
    assert_eq!((test.entry("prod"), test.state_files()), (None, Vec::new()));
}

#[test]
fn where_nobody_can_be_told_that_is_said() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let without = Test::logged_in(&issuer);
    let outcome = without.run(&["purge", "--revoke"]);
    tells_of(&outcome, &["prod"]);
    outcome.mentions("revoke");
    assert_eq!(without.state_files(), [""; 0]);

    let discovered = Issuer::rotating(Reuse::Revokes);
    let named = config(&discovered, "");
    let named = named.replace(&format!("token_endpoint = \"{}\"", discovered.endpoint()), &format!("issuer = \"{}\"", discovered.url()));
    let test = Test::configured(&named);
    test.get().gives("token-1");
    let outcome = test.run(&["purge", "--revoke"]);
    tells_of(&outcome, &["prod"]);
    outcome.mentions("nobody");

    let test = Test::bare();
    test.run(&["get", "--name", "mine", "--", "echo", "token-1"]).gives("token-1");
    let outcome = test.run(&["purge", "mine", "--revoke"]);
    tells_of(&outcome, &["mine"]);
    outcome.mentions("nobody");
}

/// Several at once: each is told of, and the worst is the exit status.
#[test]
fn one_that_fails_does_not_stop_the_others() {
    let (good, down) = (Issuer::rotating(Reuse::Revokes), Issuer::rotating(Reuse::Revokes));
    let both =
        [("a", &down), ("b", &good)].map(|(name, issuer)| login_profile(name, &issuer.endpoint(), &issuer.seed()) + &by_hand(issuer));
    let test = Test::configured(&both.concat());
    test.run(&["renew", "--all"]).exits(0);
    down.script([Reply::status(503)]);
    test.run(&["purge", "--all", "--revoke"]).exits(5).prints("").mentions("a: ").mentions("b: ").is_polite();
    assert_eq!((good.revocations().len(), test.state_files()), (2, Vec::new()));
}

/// What nobody could take back is not said to have been taken back.
#[test]
fn the_memory_of_a_failure_is_not_revoked() {
    let issuer = Issuer::answering(Reply::oauth(400, "invalid_client"));
    let test = Test::configured(&(profile("prod", &issuer.endpoint()) + &by_hand(&issuer)));
    test.get().fails(4, "prod");
    for args in [&["purge", "--revoke", "-n"][..], &["purge", "--revoke"]] {
        let outcome = test.run(args);
        tells_of(&outcome, &["prod"]);
        assert!(outcome.stderr.contains("the memory of a failure") && !outcome.stderr.contains("revoked"), "{outcome}");
    }
    assert_eq!(issuer.count(), 1, "nobody is told");
}
