//! What is made of an answer: a token and its expiry, a refusal, or a failure that may pass.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::home::home;
use crate::support::{Issuer, LEAK, PATIENT, Reply, SECRET, Test, cases, seconds};

struct Case {
    name: &'static str,
    keys: &'static str,
    reply: Reply,
    exit: i32,
    requests: RangeInclusive<usize>,
    says: &'static str,
}

fn check_all(cases: &[Case]) {
    cases::each(
        cases,
        |case| case.name,
        |case| {
            let server = Issuer::answering(case.reply.clone());
            let test = home(&server, case.keys).named(case.name);
            test.run(&["-vvv", "get"]).exits(case.exit).prints("").hides(LEAK).is_polite();
            assert!(case.requests.contains(&server.count()), "{}: {} requests", case.name, server.count());
            test.run(&["renew"]).fails(case.exit, "prod").mentions(case.says).hides(LEAK).is_brief();
            test.nothing_cached("prod");
        },
    );
}

#[test]
fn a_status_is_classed_as_a_token_endpoint_s_is() {
    let leaking = |status: u16| Reply::json(format!(r#"{{"message":"{LEAK}","errors":["{LEAK}"],"detail":"{LEAK}"}}"#)).with_status(status);
    let case = |name, reply, exit, requests, says| Case { name, keys: "", reply, exit, requests, says };
    check_all(&[
        case("400", leaking(400), 4, 1..=1, "refused (HTTP 400)"),
        case("401", leaking(401), 4, 1..=1, "check `bearer` and `headers`"),
        case("403 in HTML", Reply::status(403), 4, 1..=1, "refused (HTTP 403)"),
        case("404", leaking(404), 4, 1..=1, "check `url` and `method`"),
        case("405", leaking(405), 4, 1..=1, "check `url` and `method`"),
        case("422", leaking(422), 4, 1..=1, "check `url`, `headers` and `body`"),
        case("408", leaking(408), 5, 2..=2, "failed for now (HTTP 408)"),
        case("425", leaking(425), 5, 2..=2, "failed for now (HTTP 425)"),
        case("429", leaking(429), 5, 2..=2, "failed for now (HTTP 429)"),
        case("500", leaking(500), 5, 2..=2, "failed for now (HTTP 500)"),
        case("502 in HTML", Reply::status(502), 5, 2..=2, "failed for now (HTTP 502)"),
        case("503", leaking(503), 5, 2..=2, "failed for now (HTTP 503)"),
        case("an OAuth error", Reply::oauth(400, "invalid_request"), 4, 1..=1, "refused: invalid_request"),
        case("one that passes", Reply::oauth(400, "temporarily_unavailable"), 5, 2..=2, "failed for now: temporarily_unavailable"),
        case("an OAuth error with 200", Reply::oauth(200, "access_denied"), 4, 1..=1, "refused: access_denied"),
        case("a token with 403", Reply::token(3600).with_status(403), 4, 1..=1, "refused (HTTP 403)"),
    ]);
}

#[test]
fn what_cannot_be_used_is_told_by_its_pointer() {
    let text = |body: &str| Reply::bytes(body.replace("LEAK", LEAK));
    let case = |name, keys, reply, says| Case { name, keys, reply, exit: 5, requests: 2..=2, says };
    check_all(&[
        case(
            "nothing there",
            "token = \"/auth/client_token\"",
            text(r#"{"auth":{"token":"LEAK"}}"#),
            "`token` = `/auth/client_token` leads",
        ),
        case("an object there", "token = \"/auth\"", text(r#"{"auth":{"token":"LEAK"}}"#), "`token` = `/auth` leads to no string"),
        case("no life", "expires_in = \"/ttl\"", text(r#"{"access_token":"LEAK"}"#), "`expires_in` = `/ttl` leads nowhere"),
        case("no end", "expires_at = \"/until\"", text(r#"{"access_token":"LEAK","until":null}"#), "`expires_at` = `/until` leads nowhere"),
        case("a life of words", "expires_in = \"/ttl\"", text(r#"{"access_token":"LEAK","ttl":"LEAK"}"#), "is no number (at `/ttl`)"),
        case("no life left", "expires_in = \"/ttl\"", text(r#"{"access_token":"LEAK","ttl":0}"#), "expired"),
        case("an end of words", "expires_at = \"/until\"", text(r#"{"access_token":"LEAK","until":"LEAK"}"#), "is no time (at `/until`)"),
        case("an end in the past", "expires_at = \"/until\"", text(r#"{"access_token":"LEAK","until":1}"#), "expired already"),
        case("a token of two words", "", text(r#"{"access_token":"LEAK x"}"#), "character"),
        case("an empty token", "", text(r#"{"access_token":""}"#), "empty"),
        case("not JSON", "", text("LEAK"), "no JSON object"),
        case("a list", "", text(r#"[{"access_token":"LEAK"}]"#), "no JSON object"),
        case("a key twice", "", text(r#"{"access_token":"LEAK","access_token":"LEAK"}"#), "a key twice"),
        case("nothing", "", text("").with_status(204), "no JSON object"),
        case("HTML", "", Reply::status(200), "no JSON object"),
        case("a whole page", "token = \"\"", Reply::status(200), "HTML or XML"),
        case("a whole of nothing", "token = \"\"", text("\n"), "empty"),
        case("a whole of two lines", "token = \"\"", text("LEAK\nLEAK\n"), "character"),
        case("a broken document", "token = \"\"", text(r#"{"AccessKeyId":"LEAK","#), "no JSON object"),
        case("a document that has expired", "token = \"\"", text(r#"{"A":"LEAK","Expiration":"2020-01-01T00:00:00Z"}"#), "expired already"),
        case("100 KB", "token = \"\"", Reply::bytes("a".repeat(100_000)), "longer than 65536"),
    ]);
}

/// The seconds that the token holds, as the program says.
fn holds(outcome: &serde_json::Value) -> Option<i64> {
    outcome["expires_in"].as_i64()
}

#[test]
fn the_earliest_word_on_its_expiry_counts() {
    let now = seconds();
    let date = |seconds: i64| jiff::Timestamp::from_second(now + seconds).unwrap().to_string();
    let jwt = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{}}}", now + 1000)));
    let table: [(&str, &str, String, Option<i64>); 12] = [
        ("nothing: five minutes", "token = \"/t\"", r#"{"t":"T","expires_in":9}"#.to_owned(), Some(300)),
        ("nothing, and a ttl", "token = \"/t\"\nttl = \"20m\"", r#"{"t":"T"}"#.to_owned(), Some(1200)),
        ("nothing, and never", "token = \"/t\"\nttl = \"never\"", r#"{"t":"T"}"#.to_owned(), None),
        ("as a token endpoint says it", "", r#"{"access_token":"T","expires_in":3599}"#.to_owned(), Some(3599)),
        ("seconds as text", "expires_in = \"/a/0\"", r#"{"access_token":"T","a":["3600"]}"#.to_owned(), Some(3600)),
        ("a date", "expires_at = \"/x\"", format!(r#"{{"access_token":"T","x":"{}"}}"#, date(2000)), Some(2000)),
        ("Unix seconds as text", "expires_at = \"/x\"", format!(r#"{{"access_token":"T","x":"{}"}}"#, now + 2000), Some(2000)),
        ("both", "expires_in = \"/y\"\nexpires_at = \"/x\"", format!(r#"{{"access_token":"T","x":{},"y":500}}"#, now + 2000), Some(500)),
        ("a JWT's exp", "token = \"/t\"", format!(r#"{{"t":"{jwt}"}}"#), Some(1000)),
        ("a JWT's exp, the whole body", "token = \"\"", jwt.clone() + "\n", Some(1000)),
        ("ttl before all", "ttl = \"1m\"\nexpires_in = \"/y\"", r#"{"access_token":"T","y":500}"#.to_owned(), Some(60)),
        ("ten years at most", "expires_in = \"/y\"", r#"{"access_token":"T","y":1e18}"#.to_owned(), Some(315_360_000)),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, keys, body, expected)| {
            let server = Issuer::answering(Reply::json(body.clone()));
            let test = home(&server, keys).named(name);
            let found = holds(&test.run(&["get", "-o", "json"]).json());
            // The clock runs on while this test does.
            let is_near = |expected: i64| (expected - 20..=expected).contains(&found.unwrap_or_default());
            assert!(expected.map_or(found.is_none(), is_near), "{name}: {found:?}");
            test.get().exits(0);
            assert_eq!(server.count(), 1, "{name}: cached");
        },
    );
}

#[test]
fn the_whole_body_may_be_the_token() {
    let server = Issuer::answering(Reply::bytes("token-7\n").header("Content-Type", "text/plain"));
    home(&server, "token = \"\"").get().gives("token-7");
}

/// As AWS hands out credentials: a document, which is one line of visible characters in the end.
#[test]
fn a_document_is_a_token() {
    let until = jiff::Timestamp::from_second(seconds() + 3600).unwrap().to_string();
    let document = format!(
        "{{\n  \"Code\" : \"Success\",\n  \"AccessKeyId\" : \"ASIA\",\n  \"Expiration\" : \"{until}\",\n  \"Note\" : \"two words\"\n}}\n"
    );
    let expected = format!(r#"{{"Code":"Success","AccessKeyId":"ASIA","Expiration":"{until}","Note":"two\u0020words"}}"#);
    let server = Issuer::answering(Reply::bytes(document.clone()));
    let test = home(&server, "token = \"\"");
    test.get().gives(&expected);
    assert_eq!(test.run(&["get", "-o", "json"]).json()["expires_at"], until, "its own word");
    assert_eq!(server.count(), 1);

    let test = Test::configured("[profile.prod]\nsource = \"exec\"\nformat = \"raw\"\ncommand = [\"cat\", \"document\"]\n");
    test.put("document", &document, 0o600);
    test.get().gives(&expected);
    assert_eq!(test.run(&["get", "-o", "json"]).json()["expires_at"], until, "its own word");
}

#[test]
fn retry_after_is_honoured_and_shared() {
    for status in [429, 503] {
        let server = Issuer::answering(Reply::status(status).header("Retry-After", "120"));
        let test = home(&server, "");
        test.get().fails(5, "prod").mentions("try again in");
        test.get().fails(5, "prod");
        test.run(&["renew"]).fails(5, "prod");
        assert_eq!(server.count(), 1, "{status}: nobody came back early");
    }
}

#[test]
fn a_refusal_parks_and_an_old_token_is_served_meanwhile() {
    let server = Issuer::start();
    server.script([Reply::token(3600)]);
    let test = home(&server, "bearer = { file = \"~/secret\" }");
    test.put("secret", SECRET, 0o600);
    test.get().gives("token-1");
    server.answer(Reply::status(401));
    test.run(&["renew"]).fails(4, "prod");
    test.get().gives("token-1");
    std::fs::remove_file(test.entry_path("prod")).unwrap();
    for _ in 0..2 {
        test.get().fails(4, "prod");
    }
    assert_eq!(server.count(), 2, "it is parked");
    server.answer(Reply::token(3600));
    test.put("secret", "another", 0o600);
    test.get().gives("token-2");
}

#[test]
fn a_failure_is_tried_again() {
    let server = Issuer::start();
    server.script([Reply::status(503)]);
    let config = "bearer = { env = \"THE_SECRET\" }";
    home(&server, config).env("THE_SECRET", SECRET).get().gives("token-1");
    assert_eq!(server.count(), 2);

    let server = Issuer::answering(Reply::status(503));
    let test = Test::configured(&format!("{PATIENT}[profile.prod]\nsource = \"http\"\nurl = \"{}\"\n", server.endpoint()));
    test.run(&["get", "--timeout", "2s"]).fails(5, "prod");
    test.run(&["get", "--timeout", "2s"]).fails(5, "prod");
    assert_eq!(server.count(), 1, "its backoff is shared");
}

#[test]
fn a_mended_pointer_is_tried_at_once() {
    let server = Issuer::answering(Reply::json(r#"{"access_token":"token-1","lease":3600}"#));
    let url = format!("[profile.prod]\nsource = \"http\"\nurl = \"{}\"\n", server.endpoint());
    let test = Test::configured(&format!("{PATIENT}{url}expires_in = \"/laese\"\n"));
    for _ in 0..2 {
        test.run(&["get", "--timeout", "2s"]).fails(5, "prod").mentions("`/laese`");
    }
    assert_eq!(server.count(), 1, "it backs off");
    test.configure(&format!("{PATIENT}{url}expires_in = \"/lease\"\n"));
    test.get().gives("token-1");
}

/// S3, S4: whatever a server echoes of what it was sent, plain or encoded.
#[test]
fn an_echo_of_what_was_sent_is_censored() {
    let table = [
        ("bearer", "bearer = { file = \"~/secret\" }"),
        ("a header from a file", "headers = { X-Who = { file = \"~/secret\" } }"),
        ("a header from a command", "headers = { X-Who = { command = [\"cat\", \"secret\"] } }"),
        ("a header that is named so", "headers = { X-Api-Key = \"canary-s3cret-5f2b9c\" }"),
        ("a field", "body = { who = { command = [\"cat\", \"secret\"] } }"),
        ("a field that is named so", "body = { password = \"canary-s3cret-5f2b9c\" }"),
        ("a form", "body = \"user=ci&password=canary-s3cret-5f2b9c\""),
        ("JSON as text", "body = '{\"user\": \"ci\", \"password\": \"canary-s3cret-5f2b9c\"}'"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, keys)| {
            let encoded = base64::engine::general_purpose::STANDARD.encode(SECRET);
            let description = format!("not {SECRET}, nor {encoded}, nor \\u001b[31m\\u202e");
            let body = format!(r#"{{"error":"invalid_request","error_description":"{description}","message":"{SECRET}"}}"#);
            let server = Issuer::answering(Reply::json(body).with_status(400));
            let test = home(&server, keys).named(name);
            test.put("secret", SECRET, 0o600);
            let outcome = test.run(&["-vvv", "get"]);
            outcome.fails(4, "prod").mentions("invalid_request (not [secret], nor [secret]").hides(&encoded);
            let memo = std::fs::read_to_string(test.cache_dir().join("prod.failure")).unwrap();
            assert!(!memo.contains(SECRET) && !memo.contains(&encoded), "{name}: {memo}");
        },
    );
}
