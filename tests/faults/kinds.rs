//! What no kind of source may take from anybody, and how each ends: one table an answer's family, before every kind that asks over HTTP
//! by itself. (Those that ask a person are put before the same answers in `device_code` and `authorization_code`.)

use std::net::TcpListener;
use std::time::Duration;

use crate::support::hostile::{self, Hostile};
use crate::support::kinds::{KINDS, Kind, each_with};
use crate::support::{Issuer, LEAK, Outcome, Reply, Reuse, Test, Trap, cases};

/// Time enough on any machine.
const PATIENTLY: [&str; 5] = ["get", "--request-timeout", "20s", "--timeout", "50s"];
const BRIEFLY: [&str; 3] = ["get", "--request-timeout", "3s"];

/// Nothing is printed, cached or shown of it; it is tried again where that may help, and not otherwise.
fn is_refused(name: &str, kind: Kind, answer: &Hostile, args: &[&str]) -> Outcome {
    let issuer = Issuer::answering(answer.reply.clone());
    let test = kind.at(&issuer.endpoint()).named(name);
    let outcome = test.run(args);
    outcome.fails(answer.exit, "prod").hides(LEAK).is_brief();
    assert_eq!(issuer.count(), if answer.exit == 5 { 2 } else { 1 }, "{name}: requests{outcome}");
    test.nothing_cached("prod");
    assert_ne!(test.status("prod")["state"], "fresh", "{name}");
    outcome
}

fn are_refused(answers: &[Hostile]) {
    let pairs = each_with(answers, |answer| answer.name);
    cases::each(&pairs, |pair| &pair.0, |(name, kind, answer)| drop(is_refused(name, *kind, answer, &PATIENTLY)));
}

#[test]
fn failures_are_tried_again_within_bounds() {
    are_refused(&hostile::failures());
}

#[test]
fn refusals_are_final() {
    are_refused(&hostile::refusals());
}

#[test]
fn malformed_answers_are_refused_unseen() {
    are_refused(&hostile::malformed());
}

#[test]
fn tokens_outside_the_alphabet_are_refused() {
    are_refused(&hostile::unfit_tokens());
}

#[test]
fn tokens_of_another_type_are_refused() {
    are_refused(&hostile::other_types());
}

#[test]
fn tokens_that_expire_on_arrival_are_refused_without_a_hot_loop() {
    are_refused(&hostile::expired());
}

#[test]
fn broken_answers_end_within_the_deadline() {
    let broken = hostile::broken();
    let pairs = each_with(&broken, |answer| answer.name);
    // Two attempts, and a short wait between them.
    let limit = Duration::from_millis(6100);
    cases::each(&pairs, |pair| &pair.0, |(name, kind, answer)| _ = is_refused(name, *kind, answer, &BRIEFLY).within(limit));
}

#[test]
fn bodies_without_measure_are_refused_in_little_memory() {
    let measureless = hostile::measureless();
    let pairs = each_with(&measureless, |answer| answer.name);
    cases::each(&pairs, |pair| &pair.0, |(name, kind, answer)| _ = is_refused(name, *kind, answer, &PATIENTLY).stays_small());
}

#[test]
fn hostile_text_and_echoes_are_tame() {
    are_refused(&[hostile::descriptions(), hostile::echoes()].concat());
}

#[test]
fn redirects_are_not_followed() {
    let trap = Trap::set();
    are_refused(&hostile::redirects(&trap.url()));
    assert_eq!(trap.visits(), 0, "the other place saw a connection");
}

/// The positive control: what is refused above is refused for what is wrong with it.
#[test]
fn a_good_answer_is_taken() {
    for kind in KINDS {
        let issuer = Issuer::start();
        let test = kind.at(&issuer.endpoint());
        for _ in 0..2 {
            test.get().gives("token-1");
        }
        assert_eq!(issuer.count(), 1, "{}", kind.name);
    }
}

/// What every kind forgives: JSON under another label, and a type that is absent or written otherwise.
#[test]
fn what_is_good_under_another_label_is_taken() {
    use serde_json::{Value, json};
    let good = [
        ("as HTML", hostile::with("scope", json!("read")).header("Content-Type", "text/html")),
        ("as bytes", hostile::with("scope", json!("read")).header("Content-Type", "application/octet-stream")),
        ("no label", hostile::with("scope", json!("read")).header("Content-Type", "")),
        ("bearer", hostile::with("token_type", json!("bearer"))),
        ("BEARER", hostile::with("token_type", json!("BEARER"))),
        ("no type", hostile::without("token_type")),
        ("a null type", hostile::with("token_type", Value::Null)),
        ("an error that is null", hostile::with("error", Value::Null)),
        ("a life as text", hostile::with("expires_in", json!("3600"))),
        ("a life with a fraction", hostile::with("expires_in", json!(3599.9))),
        ("no life", hostile::without("expires_in")),
        ("an endless life", hostile::with("expires_in", json!(1_000_000_000_000_000_000_i64))),
        ("201", hostile::with("scope", json!("read")).with_status(201)),
    ];
    let pairs = each_with(&good, |case| case.0);
    cases::each(
        &pairs,
        |pair| &pair.0,
        |(name, kind, (_, reply))| {
            let issuer = Issuer::answering(reply.clone());
            let test = kind.at(&issuer.endpoint()).named(name);
            test.get().gives("token-1");
            test.run(&["get", "-o", "header"]).exits(0).prints("Authorization: Bearer token-1\n");
            assert_eq!(issuer.count(), 1, "{name}: one request");
            let life = test.run(&["get", "-o", "json"]).json()["expires_in"].as_i64();
            assert!(life.is_some_and(|life| (1..=10 * 366 * 86_400).contains(&life)), "{name}: it lives {life:?} s, never for ever");
        },
    );
}

#[test]
fn an_issuer_that_is_not_there_is_a_temporary_failure() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let [silent_at, gone_at] = [&silent, &gone].map(|socket| socket.local_addr().unwrap());
    drop(gone);
    let places = [
        ("refused", format!("http://{gone_at}/token")),
        ("no accept", format!("http://{silent_at}/token")),
        ("unknown host", "https://token.invalid/token".to_owned()),
        ("a host that cannot be reached", "https://192.0.2.1/token".to_owned()),
        ("a handshake that stalls", format!("https://{silent_at}/token")),
    ];
    let pairs = each_with(&places, |place| place.0);
    cases::each(
        &pairs,
        |pair| &pair.0,
        |(name, kind, (_, endpoint))| {
            let test = kind.at(endpoint).named(name);
            let args = ["get", "--request-timeout", "1s", "--max-retries", "1"];
            test.run(&args).fails(5, "prod").is_brief().within(Duration::from_secs(3));
            test.nothing_cached("prod");
            assert_eq!(test.status("prod")["last_error"]["class"], "network", "{name}");
        },
    );
}

/// A login is worth more than a token: no answer costs it but a refusal of that very login.
#[test]
fn no_answer_costs_a_login_but_its_refusal() {
    let trap = Trap::set();
    let mut answers = hostile::answers(&trap.url());
    answers.retain(|answer| answer.name != "invalid_grant");
    cases::each(
        &answers,
        |answer| answer.name,
        |answer| {
            let issuer = Issuer::rotating(Reuse::Revokes);
            let test = Test::logged_in(&issuer).named(answer.name);
            test.forget("prod");
            let before = test.refresh_token("prod");
            issuer.script([answer.reply.clone()]);
            let outcome = test.run(&["get", "--max-retries", "1", "--request-timeout", "5s"]);
            outcome.fails(answer.exit, "prod").hides(LEAK).is_brief();
            assert_eq!(test.refresh_token("prod"), before, "{}", answer.name);
            assert_eq!(test.status("prod")["login"], "present", "{}", answer.name);
            // One that was a token in all but its status or its life counted as one.
            test.run(&["get", "--renew"]).exits(0).is_polite();
            assert_eq!((issuer.family().reused, test.refresh_token("prod")), (0, issuer.newest()), "{}", answer.name);
        },
    );
    assert_eq!(trap.visits(), 0);
}

#[test]
fn loopback_ignores_every_proxy() {
    let trap = Trap::set();
    for kind in KINDS {
        let issuer = Issuer::start();
        through(kind.at(&issuer.endpoint()), &trap).get().gives("token-1");
        assert_eq!(issuer.count(), 1, "{}", kind.name);
    }
    assert_eq!(trap.visits(), 0);
}

/// The positive control: for a host elsewhere the same variables do lead to the trap.
#[test]
fn other_hosts_are_asked_through_the_proxy() {
    for kind in KINDS {
        let trap = Trap::set();
        let test = through(kind.at("https://token.invalid/token"), &trap);
        test.run(&["get", "--request-timeout", "1s"]).fails(5, "prod");
        assert!(trap.visits() > 0, "{}", kind.name);
    }
}

fn through(test: Test, trap: &Trap) -> Test {
    const VARIABLES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    VARIABLES.iter().fold(test, |test, variable| test.env(variable, trap.url()))
}

/// A document that tells where tokens are had is believed no more than a token endpoint: S6, and never in plain text elsewhere.
#[test]
fn a_discovery_document_is_not_believed_either() {
    type Document = Box<dyn Fn(&Issuer) -> Reply + Sync>;
    let of = |issuer: &Issuer, keys: &str| Reply::json(format!(r#"{{"issuer":"{}","token_endpoint":{keys}}}"#, issuer.url()));
    let table: Vec<(&str, Document)> = vec![
        ("not JSON", Box::new(|_| Reply::json(LEAK))),
        ("HTML", Box::new(|_| Reply::status(200))),
        ("a list", Box::new(|_| Reply::json("[]"))),
        ("a key twice", Box::new(move |issuer| of(issuer, r#""https://a.example.com/","token_endpoint":"https://b.example.com/""#))),
        ("plain http elsewhere", Box::new(move |issuer| of(issuer, r#""http://login.example.com/token""#))),
        ("a number", Box::new(move |issuer| of(issuer, "7"))),
        ("no address", Box::new(move |issuer| of(issuer, r#""token""#))),
        ("a name and password", Box::new(move |issuer| of(issuer, r#""https://a:b@login.example.com/token""#))),
        ("null", Box::new(move |issuer| of(issuer, "null"))),
        (
            "another issuer",
            Box::new(|_| Reply::json(r#"{"issuer":"https://evil.example.com","token_endpoint":"https://evil.example.com/"}"#)),
        ),
        ("huge", Box::new(|_| Reply::huge(200 << 20))),
        ("endless", Box::new(|_| Reply::endless_chunks())),
        ("short", Box::new(|_| Reply::short())),
        ("reset", Box::new(|_| Reply::reset())),
        ("silence", Box::new(|_| Reply::silence())),
        ("redirect", Box::new(|_| Reply::redirect(302, "http://127.0.0.1:1/"))),
        ("503", Box::new(|_| Reply::status(503))),
        ("500", Box::new(|_| Reply::status(500))),
        ("404", Box::new(|_| Reply::status(404))),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, document)| {
            let issuer = Issuer::start();
            for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
                issuer.script_at(path, [document(&issuer)]);
            }
            let profile =
                (KINDS[0].profile)("ENDPOINT").replace("token_endpoint = \"ENDPOINT\"", &format!("issuer = \"{}\"", issuer.url()));
            let test = Test::configured(&format!("{}{profile}", crate::support::QUICK)).named(name);
            let outcome = test.run(&BRIEFLY);
            assert!(matches!(outcome.code, Some(4 | 5)), "{name}{outcome}");
            outcome.prints("").explains("prod").hides(LEAK).is_brief().within(Duration::from_secs(9));
            assert_eq!(issuer.count(), 0, "{name}: no secret was sent");
            test.nothing_cached("prod");
        },
    );
}
