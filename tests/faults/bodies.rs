//! Bodies that are not what RFC 6749 §5 promises, and text that wants to be shown.

use serde_json::{Value, json};

use crate::support::{Issuer, LEAK, QUICK, Reply, SECRET, Test, cases, profile, seconds};

const OSC_52: &str = "\u{1b}]52;c;ZXZpbA==\u{7}";

struct Body {
    name: &'static str,
    reply: Reply,
}

fn refused(exit: i32, case: &Body) {
    let issuer = Issuer::answering(case.reply.clone());
    let test = Test::against(&issuer).named(case.name);
    test.get().fails(exit, "prod").hides(LEAK).is_brief();
    assert!((1..=2).contains(&issuer.count()), "{}", case.name);
    test.nothing_cached("prod");
}

fn taken(case: &Body) -> Test {
    let issuer = Issuer::answering(case.reply.clone());
    let test = Test::against(&issuer).named(case.name);
    test.get().gives("token-1");
    test.get().gives("token-1");
    assert_eq!(issuer.count(), 1, "{}: one request", case.name);
    test
}

fn body(name: &'static str, text: impl Into<Vec<u8>>) -> Body {
    let reply = Reply::bytes(text);
    Body { name, reply }
}

/// A good answer with one member set.
fn with(name: &'static str, member: &str, value: Value) -> Body {
    let mut answer = json!({"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600});
    answer[member] = value;
    body(name, answer.to_string())
}

/// A good answer with one member less.
fn without(name: &'static str, member: &str) -> Body {
    let mut answer = json!({"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600});
    answer.as_object_mut().unwrap().remove(member);
    body(name, answer.to_string())
}

#[test]
fn malformed_answers_are_refused_unseen() {
    let good = r#"{"access_token":"token-1","token_type":"Bearer","expires_in":3600}"#;
    let deep = format!(r#"{{"access_token":"token-1","deep":{}"#, "[".repeat(100_000));
    let closed = format!("{deep}{}}}", "]".repeat(100_000));
    let twice = format!(r#"{{"access_token":"token-1","access_token":"{LEAK}","expires_in":9}}"#);
    let cases = [
        body("not JSON", LEAK),
        body("HTML with 200", format!("<html>{LEAK}</html>")),
        Body { name: "HTML labelled as such", reply: Reply::status(200) },
        body("empty", ""),
        body("null", "null"),
        body("a string", format!("\"{LEAK}\"")),
        body("an array", format!("[{good}]")),
        body("truncated", &good[..good.len() - 1]),
        body("trailing text", format!("{good} {LEAK}")),
        body("BOM", format!("\u{feff}{good}")),
        body("not UTF-8", b"{\"access_token\":\"token-1\",\"x\":\"\xff\xfe\"}".to_vec()),
        body("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
        body("NULs", vec![0; 100]),
        body("deep nesting, open", deep),
        body("deep nesting, closed", closed),
        body("arrays all the way", "[".repeat(500_000)),
        body("duplicate keys", twice),
        body("form-encoded", "access_token=token-1&token_type=bearer"),
        without("no access_token", "access_token"),
        with("empty access_token", "access_token", json!("")),
        with("null access_token", "access_token", Value::Null),
        with("number access_token", "access_token", json!(12345)),
        with("object access_token", "access_token", json!({"token": "token-1"})),
    ];
    cases::each(&cases, |case| case.name, |case| refused(5, case));
}

#[test]
fn good_json_is_taken_whatever_its_label() {
    for label in ["text/html", "application/octet-stream", "", "garbage"] {
        let mut case = with("good JSON", "scope", json!("read"));
        case.reply = case.reply.header("Content-Type", label);
        taken(&case);
    }
}

#[test]
fn tokens_outside_the_alphabet_are_refused() {
    let token = |name, text: &str| with(name, "access_token", json!(text));
    let cases = [
        token("CR", "token\r1"),
        token("LF", "token\n1"),
        token("CRLF and a header", "token\r\nX-Evil: 1"),
        token("trailing LF", "token-1\n"),
        token("leading space", " token-1"),
        token("NUL", "token\u{0}1"),
        token("ESC", "token\u{1b}[31m"),
        token("space", "token 1"),
        token("tab", "token\t1"),
        token("DEL", "token\u{7f}"),
        token("é", "tokené"),
        token("bidi", "token\u{202e}"),
        token("100 KB", &"a".repeat(100_000)),
        token("one too long", &"a".repeat(65_537)),
    ];
    cases::each(&cases, |case| case.name, |case| refused(5, case));
}

#[test]
fn the_longest_token_and_every_character_are_taken() {
    let every: String = ('\u{21}'..='\u{7e}').collect();
    for token in ["a".repeat(65_536), every, "x".to_owned()] {
        let case = with("a token", "access_token", json!(token));
        let issuer = Issuer::answering(case.reply);
        let test = Test::against(&issuer);
        test.get().exits(0).prints(&format!("{token}\n"));
        test.get().exits(0).prints(&format!("{token}\n"));
        assert_eq!(issuer.count(), 1);
    }
}

#[test]
fn only_bearer_tokens_are_taken() {
    let kind = |name| with(name, "token_type", json!(name));
    let refusals = [kind("mac"), kind("DPoP"), kind("N_A"), kind("Bearer, or so")];
    cases::each(&refusals, |case| case.name, |case| refused(4, case));

    let bearers =
        [kind("Bearer"), kind("bearer"), kind("BEARER"), without("absent", "token_type"), with("null", "token_type", Value::Null)];
    cases::each(
        &bearers,
        |case| case.name,
        |case| {
            let test = taken(case);
            let header = test.run(&["get", "-o", "header"]);
            header.exits(0).prints("Authorization: Bearer token-1\n");
        },
    );
}

struct Expiry {
    name: &'static str,
    value: Value,
    ttl: Option<&'static str>,
    /// Seconds of life that the entry may tell.
    lives: std::ops::RangeInclusive<i64>,
}

#[test]
fn expires_in_is_read_with_care() {
    const YEAR: i64 = 366 * 86_400;
    let case = |name, value, ttl, lives| Expiry { name, value, ttl, lives };
    let cases = [
        case("a number", json!(3600), None, 3599..=3600),
        case("a string", json!("3600"), None, 3599..=3600),
        case("a fraction is floored", json!(3599.9), None, 3598..=3599),
        case("10¹⁸", json!(1_000_000_000_000_000_000_i64), None, 9 * YEAR..=10 * YEAR),
        case("past i64", json!(1e300), None, 9 * YEAR..=10 * YEAR),
        case("null, with a ttl", Value::Null, Some("10m"), 599..=600),
        case("null", Value::Null, None, 1..=YEAR),
        case("the earliest counts: ttl", json!(3600), Some("10m"), 599..=600),
        case("the earliest counts: answer", json!(60), Some("10m"), 59..=60),
    ];
    cases::each(&cases, |case| case.name, check_expiry);
}

fn check_expiry(case: &Expiry) {
    let reply = with(case.name, "expires_in", case.value.clone()).reply;
    let issuer = Issuer::answering(reply);
    let mut config = format!("{QUICK}{}", profile("prod", &issuer.endpoint()));
    if let Some(ttl) = case.ttl {
        config.extend(["ttl = \"", ttl, "\"\n"]);
    }
    let test = Test::configured(&config).named(case.name);
    let asked_at = seconds();
    test.get().gives("token-1");
    let entry = test.entry("prod").unwrap();
    let expires_at = entry["expires_at"].as_i64();
    let lives = expires_at.map(|at| at - asked_at);
    assert!(
        lives.is_some_and(|lives| (*case.lives.start()..=case.lives.end() + 1).contains(&lives)),
        "{}: lives {lives:?} s, not {:?}",
        case.name,
        case.lives
    );
    assert_eq!(issuer.count(), 1, "{}", case.name);
}

#[test]
fn an_absent_expiry_is_like_null() {
    let test = taken(&without("absent", "expires_in"));
    assert!(test.entry("prod").unwrap()["expires_at"].is_i64(), "never for ever");
}

#[test]
fn tokens_that_expire_on_arrival_are_refused_without_a_hot_loop() {
    let cases = [
        with("0", "expires_in", json!(0)),
        with("-1", "expires_in", json!(-1)),
        with("a string of 0", "expires_in", json!("0")),
        with("-10¹⁸", "expires_in", json!(-1_000_000_000_000_000_000_i64)),
        with("half a second", "expires_in", json!(0.5)),
    ];
    cases::each(&cases, |case| case.name, |case| refused(5, case));
}

/// An OAuth error with this description.
fn described(name: &'static str, description: &str) -> Body {
    let answer = json!({"error": "invalid_grant", "error_description": description});
    let reply = Reply::json(answer.to_string()).with_status(400);
    Body { name, reply }
}

#[test]
fn hostile_descriptions_are_shown_tame_or_not_at_all() {
    let lines = "one\ntwo\nthree\nfour\nfive\nsix";
    let cases = [
        described("colours", "\u{1b}[31mred\u{1b}[0m"),
        described("OSC 52", OSC_52),
        described("C1 CSI", "\u{9b}31m and \u{9d}52;c;\u{9c}"),
        described("a bell and DEL", "\u{7}\u{8}\u{8}\u{7f}"),
        described("bidi", "\u{202e}evil\u{202c}\u{2066}x\u{2069}\u{200f}"),
        described("line separators", "a\u{2028}error: b\u{2029}c\u{85}d"),
        described("many lines", lines),
        described("carriage returns", "fine\rerror: other: all is lost"),
        described("1 MB", &"A".repeat(1_000_000)),
        described("1 MB of escapes", &OSC_52.repeat(40_000)),
        described("wide characters", &"\u{1f600}".repeat(5_000)),
        Body { name: "a hostile code", reply: Reply::json(json!({"error": OSC_52.repeat(100)}).to_string()).with_status(400) },
        Body {
            name: "a hostile error_uri",
            reply: Reply::json(json!({"error": "invalid_grant", "error_uri": format!("https://x/{OSC_52}")}).to_string()).with_status(400),
        },
    ];
    cases::each(
        &cases,
        |case| case.name,
        |case| {
            refused(4, case);
            let issuer = Issuer::answering(case.reply.clone());
            let test = Test::against(&issuer).named(case.name);
            test.run(&["-vvv", "get"]).exits(4).prints("").is_polite().is_brief();
            let status = test.run(&["status", "prod"]);
            status.exits(0).is_polite();
            let unfit = status.stdout().chars().any(|c| c.is_control() && c != '\n');
            assert!(!unfit, "{}: status shows it{status}", case.name);
        },
    );
}

#[test]
fn a_secret_that_comes_back_is_not_shown() {
    let basic = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(format!("ci:{SECRET}"))
    };
    let cases = [
        (4, described("in the description", &format!("bad secret {SECRET}"))),
        (4, described("as basic credentials", &format!("bad header Basic {basic}"))),
        (4, Body { name: "as the code", reply: Reply::oauth(401, SECRET) }),
        (5, Body { name: "in a 500", reply: Reply::bytes(format!("client_secret={SECRET}")).with_status(500) }),
        (5, body("in a body that is not JSON", format!("client_secret={SECRET}"))),
        (5, with("in a member of the wrong type", "access_token", json!([SECRET]))),
    ];
    cases::each(
        &cases,
        |(_, case)| case.name,
        |(exit, case)| {
            refused(*exit, case);
            let issuer = Issuer::answering(case.reply.clone());
            let test = Test::against(&issuer).named(case.name);
            test.run(&["-vvv", "get"]).exits(*exit).prints("").is_polite();
            let sent = &issuer.requests()[0];
            let expected = format!("Basic {basic}");
            assert_eq!(sent.header("authorization"), Some(expected.as_str()), "it was sent");
            for file in test.cache_files() {
                let content = std::fs::read_to_string(test.cache_dir().join(&file)).unwrap();
                assert!(!content.contains(SECRET), "{}: the secret is in {file}", case.name);
            }
        },
    );
}
