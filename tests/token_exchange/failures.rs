//! What becomes of a profile whose issuer refuses, and of one that needs the token of a profile that has none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::home::{exchange, fields, home, linked};
use crate::support::{Issuer, PATIENT, QUICK, RESTLESS, Reply, SECRET, Test, cases, now, profile, wait_until};

#[test]
fn a_refusal_is_told_and_parks() {
    let table = [
        ("invalid_request", 4, 1, ""),
        ("invalid_grant", 4, 1, ""),
        ("invalid_target", 4, 1, "check `resource` and `audience`"),
        ("invalid_client", 4, 1, "check `client_id`"),
        ("unauthorized_client", 4, 1, "must allow this client this grant"),
        ("temporarily_unavailable", 5, 2, ""),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(code, exit, requests, says)| {
            let issuer = Issuer::answering(Reply::oauth(400, code));
            let test = home(&issuer, "subject_token = \"canary-s3cret-5f2b9c\"").named(code);
            test.get().fails(*exit, "prod").mentions(code).mentions(says);
            assert_eq!(issuer.count(), *requests, "{code}");
            test.nothing_cached("prod");
        },
    );
}

#[test]
fn an_echo_of_either_token_is_censored() {
    let keys = "subject_token = { file = \"~/subject\" }\nactor_token = { command = [\"cat\", \"subject\"] }";
    let body = format!(r#"{{"error":"invalid_request","error_description":"the subject_token {SECRET} is not good"}}"#);
    let issuer = Issuer::answering(Reply::json(body).with_status(400));
    let test = home(&issuer, keys);
    fs::write(test.path("subject"), SECRET).unwrap();
    fs::set_permissions(test.path("subject"), fs::Permissions::from_mode(0o600)).unwrap();
    test.run(&["-vvv", "get"]).fails(4, "prod").mentions("the subject_token [secret] is not good");

    issuer.answer(Reply::json(format!(r#"{{"access_token":"token-1","token_type":"{SECRET}"}}"#)));
    test.run(&["-vvv", "renew"]).fails(4, "prod").mentions("of type `[secret]`");
}

/// RFC 8693 §2.2.2: the token that was handed over may be void, and only its own profile can mend that.
#[test]
fn a_token_that_is_not_taken_is_renewed_first() {
    let (first, second) = (Issuer::start(), Issuer::start());
    let test = Test::configured(&format!("{QUICK}{}{}", profile("a", &first.endpoint()), linked("b", &second, "a")));
    second.answer(Reply::oauth(400, "invalid_grant"));
    test.run(&["get", "b"]).fails(4, "b").mentions("`token renew a`");
    assert_eq!((first.count(), second.count()), (1, 1));
    test.run(&["get", "b"]).fails(4, "b");
    assert_eq!((first.count(), second.count()), (1, 1), "it is parked");
    second.answer(Reply::token(3600));
    test.run(&["renew", "a"]).exits(0);
    test.run(&["get", "b"]).gives("token-1");
    assert_eq!(fields(&second.requests()[1], "subject_token"), ["token-2"], "another token, another try");
}

fn chained(first: &Issuer, second: &Issuer) -> String {
    profile("a", &first.endpoint()) + &linked("b", second, "a")
}

#[test]
fn whoever_needs_a_token_fails_as_its_profile_does() {
    let table = [
        ("a server that fails", Reply::status(503), 5, "failed for now (HTTP 503)"),
        ("a refusal", Reply::oauth(401, "invalid_client"), 4, "refused: invalid_client"),
        ("a redirect", Reply::redirect(302, "/"), 4, "redirect"),
        ("rubbish", Reply::json("[]"), 5, "unusable"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, reply, exit, says)| {
            let (first, second) = (Issuer::answering(reply.clone()), Issuer::start());
            let test = Test::configured(&format!("{PATIENT}{}", chained(&first, &second))).named(name);
            for _ in 0..3 {
                let outcome = test.run(&["get", "b", "--timeout", "5s"]);
                outcome.fails(*exit, "b").mentions("the token of `a` that it needs cannot be had").mentions(says).is_brief();
            }
            test.run(&["get", "a", "--timeout", "5s"]).fails(*exit, "a").mentions(says).hides("the token of");
            assert_eq!((first.count(), second.count()), (1, 0), "{name}: remembered, once");
            assert!(test.cache_files().contains(&"a.failure".to_owned()), "{name}");
            assert!(!test.cache_files().contains(&"b.failure".to_owned()), "{name}: it is the other one's failure");
        },
    );
}

/// What failed is the other profile: once that is mended, nobody has to mend this one.
#[test]
fn a_profile_is_not_parked_for_another_one() {
    let (first, second) = (Issuer::answering(Reply::oauth(401, "invalid_client")), Issuer::start());
    let config = format!("{QUICK}{}", chained(&first, &second)).replace(&format!("\"{SECRET}\""), "{ file = \"~/secret\" }");
    let test = Test::configured(&config);
    let put = |secret: &str| {
        fs::write(test.path("secret"), secret).unwrap();
        fs::set_permissions(test.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    };
    test.run(&["get", "b"]).fails(2, "b").mentions("secret");
    put("wrong");
    test.run(&["get", "b"]).fails(4, "b");
    test.run(&["get", "b"]).fails(4, "b");
    assert_eq!(first.count(), 1);
    first.answer(Reply::token(3600));
    put(SECRET);
    test.run(&["get", "b"]).gives("token-1");

    let (first, second) = (Issuer::answering(Reply::oauth(401, "invalid_client")), Issuer::start());
    let test = Test::configured(&format!("{QUICK}{}", chained(&first, &second)));
    test.run(&["get", "b"]).fails(4, "b");
    first.answer(Reply::token(3600));
    test.run(&["renew", "a"]).exits(0);
    test.run(&["get", "b"]).gives("token-1");
}

/// Who asks for a renewal asks for what it takes.
#[test]
fn a_renewal_asks_the_parked_one_that_it_needs() {
    let (first, second) = (Issuer::answering(Reply::oauth(401, "invalid_client")), Issuer::start());
    let test = Test::configured(&format!("{QUICK}{}", chained(&first, &second)));
    test.run(&["get", "b"]).fails(4, "b").mentions("`token renew b`");
    first.answer(Reply::token(3600));
    test.run(&["get", "b"]).fails(4, "b");
    assert_eq!(first.count(), 1);
    test.run(&["renew", "b"]).exits(0);
    assert_eq!((first.count(), second.count()), (2, 1));
    test.run(&["renew", "b"]).exits(0);
    assert_eq!((first.count(), second.count()), (2, 2), "what is good is not asked for again");
}

/// The issuer's word on when to come back holds for whoever needs its token.
#[test]
fn retry_after_holds_through_a_chain() {
    let (first, second) = (Issuer::answering(Reply::status(429).header("Retry-After", "90")), Issuer::start());
    let test = Test::configured(&format!("{QUICK}{}", chained(&first, &second)));
    for args in [["get", "b"], ["get", "b"], ["renew", "b"]] {
        let outcome = test.run(&args);
        outcome.fails(5, "b");
        let told = outcome.stderr.contains("try again in 1m") || outcome.stderr.contains("try again in 8");
        assert!(told, "the other one's time{outcome}");
    }
    assert_eq!((first.count(), second.count()), (1, 0));
}

#[test]
fn a_failure_is_tried_again_through_a_chain() {
    let (first, second) = (Issuer::start(), Issuer::start());
    first.script([Reply::status(503)]);
    let test = Test::configured(&format!("{QUICK}{}", chained(&first, &second)));
    test.run(&["get", "b"]).gives("token-1");
    assert_eq!((first.count(), second.count()), (2, 1));

    let (first, second) = (Issuer::answering(Reply::status(503)), Issuer::start());
    let test = Test::configured(&format!("{QUICK}{}", chained(&first, &second)));
    test.run(&["get", "b"]).fails(5, "b");
    assert_eq!((first.count(), second.count()), (2, 0), "as often as anybody would");
}

/// R9, R2: a token that is valid serves, whoever fails, and says so.
#[test]
fn an_old_token_serves_while_what_it_needs_fails() {
    let (first, second) = (Issuer::answering(Reply::token(600)), Issuer::answering(Reply::token(600)));
    let test = Test::configured(&format!("{RESTLESS}{}", chained(&first, &second)));
    test.run(&["get", "b"]).gives("token-1");
    let issued_at = test.entry("b").unwrap()["issued_at"].as_f64().unwrap();
    wait_until("the tokens to near their expiry", || now() > issued_at + 1.05);
    first.answer(Reply::status(503));
    // The old token of the one is good enough to be exchanged.
    test.run(&["get", "b"]).gives_with_warning("token-2", "a: ");
    assert_eq!(fields(&second.requests()[1], "subject_token"), ["token-1"]);

    fs::remove_file(test.entry_path("a")).unwrap();
    let issued_at = test.entry("b").unwrap()["issued_at"].as_f64().unwrap();
    wait_until("the token to near its expiry", || now() > issued_at + 1.05);
    test.run(&["get", "b"]).gives_with_warning("token-2", "b: ").mentions("the token of `a` that it needs");
    test.run(&["get", "b", "--report-error"]).fails(5, "b").mentions("the token of `a` that it needs");
}

/// A chain has the time of all its links.
#[test]
fn each_link_has_its_own_time_limit() {
    let slow = || Issuer::answering(Reply::token(3600).after(Duration::from_millis(700)));
    let (first, second, third) = (slow(), slow(), slow());
    let config = chained(&first, &second) + &linked("c", &third, "b");
    let test = Test::configured(&config);
    test.run(&["get", "c", "--request-timeout", "1500ms"]).gives("token-1");
    assert_eq!((first.count(), second.count(), third.count()), (1, 1, 1));

    let silent = Issuer::answering(Reply::silence());
    let impatient = chained(&silent, &second).replace("[profile.b]", "refresh_request_timeout = \"500ms\"\n[profile.b]");
    let test = Test::configured(&format!("{QUICK}{impatient}"));
    let outcome = test.run(&["get", "b", "--max-retries", "1"]);
    outcome.fails(5, "b").mentions("no answer within 500ms").mentions("refresh_request_timeout");
    assert_eq!(silent.count(), 1);
}

/// A slow login script may be waited for as its own profile says.
#[test]
fn a_link_may_be_slower_than_who_needs_it() {
    let issuer = Issuer::start();
    let slow = "[profile.a]\nsource = \"exec\"\ncommand = [\"sh\", \"-c\", \"sleep 2; echo subject\"]\nrefresh_request_timeout = \"20s\"\n";
    let quick = exchange("b", &issuer, "subject_token = { profile = \"a\" }\nrefresh_request_timeout = \"700ms\"");
    let test = Test::configured(&format!("{QUICK}{slow}{quick}"));
    test.run(&["get", "b"]).gives("token-1");
}
