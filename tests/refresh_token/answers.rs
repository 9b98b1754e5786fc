//! Answers that are no use as a token and yet carry the next refresh token: that one must not be lost (RFC 6749 §6).

use std::time::Duration;

use crate::support::{Issuer, Reply, Reuse, Test, cases};

struct Unusable {
    name: &'static str,
    /// With `NEXT` for the new refresh token.
    body: &'static str,
    exit: i32,
}

const UNUSABLE: [Unusable; 10] = [
    Unusable { name: "expired already", body: r#"{"access_token":"token-90","expires_in":-1,"refresh_token":"NEXT"}"#, exit: 5 },
    Unusable { name: "lives for no time", body: r#"{"access_token":"token-90","expires_in":0,"refresh_token":"NEXT"}"#, exit: 5 },
    Unusable { name: "of another type", body: r#"{"access_token":"token-90","token_type":"mac","refresh_token":"NEXT"}"#, exit: 4 },
    Unusable { name: "a type that is none", body: r#"{"access_token":"token-90","token_type":7,"refresh_token":"NEXT"}"#, exit: 4 },
    Unusable { name: "with a space", body: r#"{"access_token":"token- 90","expires_in":60,"refresh_token":"NEXT"}"#, exit: 5 },
    Unusable { name: "with a line end", body: r#"{"access_token":"token-90\n","expires_in":60,"refresh_token":"NEXT"}"#, exit: 5 },
    Unusable { name: "empty", body: r#"{"access_token":"","expires_in":60,"refresh_token":"NEXT"}"#, exit: 5 },
    Unusable { name: "null", body: r#"{"access_token":null,"expires_in":60,"refresh_token":"NEXT"}"#, exit: 5 },
    Unusable { name: "none at all", body: r#"{"expires_in":60,"refresh_token":"NEXT"}"#, exit: 5 },
    Unusable { name: "a time that is none", body: r#"{"access_token":"token-90","expires_in":"soon","refresh_token":"NEXT"}"#, exit: 5 },
];

#[test]
fn what_is_no_token_may_still_bring_the_next_login() {
    cases::each(
        &UNUSABLE,
        |case| case.name,
        |case| {
            let issuer = Issuer::rotating(Reuse::Revokes);
            let test = Test::logged_in(&issuer).named(case.name);
            test.forget("prod");
            issuer.script([Reply::json(case.body.replace("NEXT", &issuer.rotate()))]);
            test.run(&["get", "--max-retries", "1"]).fails(case.exit, "prod");
            assert_eq!(test.refresh_token("prod"), issuer.newest(), "{}: the new refresh token is lost", case.name);
            assert!(test.entry("prod").is_none(), "{}: cached", case.name);
            assert_eq!(test.status("prod")["login"], "present", "{}", case.name);
            test.run(&["get", "--renew"]).exits(0).is_polite();
            assert_eq!(issuer.family().reused, 0, "{}", case.name);
        },
    );
}

/// And within one `get`: the second attempt goes on where the first one left off.
#[test]
fn the_next_attempt_sends_the_new_one() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    test.forget("prod");
    issuer.script([Reply::json(UNUSABLE[0].body.replace("NEXT", &issuer.rotate()))]);
    test.get().gives("token-2");
    let family = issuer.family();
    assert_eq!((family.newest, family.reused), (4, 0));
}

/// Answers that carry none change nothing, and the token at hand is tried again.
#[test]
fn what_carries_no_login_costs_none() {
    let answers = [
        ("500", Reply::status(500), 5),
        ("503 of a proxy", Reply::status(503), 5),
        ("400 without a code", Reply::status(400), 4),
        ("HTML with 200", Reply::bytes("<html>"), 5),
        ("half a body", Reply::short(), 5),
        ("reset", Reply::reset(), 5),
        ("invalid_client", Reply::oauth(401, "invalid_client"), 4),
        ("invalid_scope", Reply::oauth(400, "invalid_scope"), 4),
        ("temporarily_unavailable", Reply::oauth(400, "temporarily_unavailable"), 5),
        ("redirect", Reply::redirect(302, "https://example.com/"), 4),
        ("a refresh token that is none", Reply::json(r#"{"access_token":"token-90","refresh_token":7}"#), 5),
        ("a refresh token with a line end", Reply::json(r#"{"access_token":"token-90","refresh_token":"a\nb"}"#), 5),
    ];
    cases::each(
        &answers,
        |case| case.0,
        |(name, reply, exit)| {
            let issuer = Issuer::rotating(Reuse::Revokes);
            let test = Test::logged_in(&issuer).named(name);
            test.forget("prod");
            let before = test.refresh_token("prod");
            issuer.script([reply.clone()]);
            test.run(&["get", "--max-retries", "1"]).fails(*exit, "prod");
            assert_eq!(test.refresh_token("prod"), before, "{name}");
            assert_eq!(test.status("prod")["login"], "present", "{name}: it was not the login that was refused");
            test.run(&["get", "--renew"]).gives("token-2");
            assert_eq!(issuer.family().reused, 0, "{name}");
        },
    );
}

/// Rotated, and then the answer broke off: the old one is tried once more, which some issuers allow, and where they do not, that is told.
#[test]
fn an_answer_that_breaks_off_is_asked_for_once_more() {
    for (name, reply) in [("reset", Reply::reset()), ("short", Reply::short()), ("nothing", Reply::raw(b""))] {
        for reuse in [Reuse::Revokes, Reuse::IsRefused, Reuse::IsForgiven] {
            let issuer = Issuer::rotating(reuse);
            let test = Test::logged_in(&issuer).named(name);
            test.forget("prod");
            issuer.rotate();
            issuer.script([reply.clone()]);
            let outcome = test.get();
            if reuse == Reuse::IsForgiven {
                outcome.gives("token-2");
                assert_eq!(test.refresh_token("prod"), issuer.newest(), "{name}");
            } else {
                outcome.fails(4, "prod").mentions("cut off").mentions("set `refresh_token`");
                assert_eq!(test.status("prod")["login"], "dead", "{name}");
                test.get().fails(4, "prod");
            }
            assert_eq!(issuer.count(), 3, "{name}, {reuse:?}");
        }
    }
}

/// R11: whatever is at stake, a time limit is one; the note of the request stays, and the next run has it.
#[test]
fn a_time_limit_holds_while_a_login_is_at_stake() {
    for args in [&["get", "--renew", "--timeout", "500ms"][..], &["get", "--renew", "--request-timeout", "500ms", "--max-retries", "1"]] {
        let issuer = Issuer::rotating(Reuse::IsForgiven);
        let test = Test::logged_in(&issuer);
        issuer.script([Reply::silence()]);
        test.run(args).fails(5, "prod").within(Duration::from_millis(500));
        assert!(test.login("prod").unwrap()["in_flight"].is_i64(), "{args:?}");
        test.run(&["get", "--renew"]).gives("token-2");
        assert!(test.login("prod").unwrap()["in_flight"].is_null(), "{args:?}");
    }
}

/// Some issuers repeat the refresh token in every answer.
#[test]
fn the_same_refresh_token_again_is_as_good_as_none() {
    let issuer = Issuer::rotating(Reuse::IsUsual);
    let test = Test::logging_in(&issuer);
    for number in 1..=3 {
        let answer = format!("{{\"access_token\":\"token-{number}\",\"expires_in\":60,\"refresh_token\":\"{}\"}}", issuer.first());
        issuer.script([Reply::json(answer)]);
        test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
    }
    assert_eq!(issuer.sent(), vec![issuer.first(); 3]);
}

/// The longest refresh token that there is comes and goes whole.
#[test]
fn a_long_refresh_token_is_kept_whole() {
    let issuer = Issuer::start();
    let test = Test::configured(&crate::support::login_profile("prod", &issuer.endpoint(), "\"short\""));
    for (number, length) in [9_000, 65_536, 20].into_iter().enumerate() {
        let long = "r".repeat(length);
        issuer.script([Reply::json(format!("{{\"access_token\":\"token-{number}\",\"expires_in\":60,\"refresh_token\":\"{long}\"}}"))]);
        test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
        assert_eq!(test.refresh_token("prod"), long, "{length}");
    }
    let odd = r#"a \"b\\ c~!"#;
    issuer.script([Reply::json(format!("{{\"access_token\":\"token-8\",\"expires_in\":60,\"refresh_token\":\"{odd}\"}}"))]);
    test.run(&["get", "--renew"]).gives("token-8");
    test.run(&["get", "--renew"]).gives("token-1");
    assert_eq!(issuer.sent().last().unwrap(), r#"a "b\ c~!"#);
}
