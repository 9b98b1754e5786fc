//! A network that leads astray, stalls, breaks off or never stops.

use std::time::Duration;

use crate::support::{Issuer, QUICK, Reply, SECRET, Test, cases, profile};

#[test]
fn a_late_answer_is_not_waited_for() {
    let issuer = Issuer::answering(Reply::token(3600).after(Duration::from_secs(9)));
    let test = Test::against(&issuer);
    test.run(&["get", "--request-timeout", "500ms"]).fails(5, "prod").within(Duration::from_millis(1100));
    assert!(issuer.count() <= 2, "no storm");
    test.nothing_cached("prod");
}

#[test]
fn the_command_s_deadline_cuts_a_request_short() {
    for reply in [Reply::silence(), Reply::drip(), Reply::endless_chunks()] {
        let issuer = Issuer::answering(reply);
        let test = Test::against(&issuer);
        test.run(&["get", "--timeout", "1s"]).fails(5, "prod").within(Duration::from_secs(1));
    }
}

#[test]
fn plain_http_is_for_loopback_only() {
    let cases = [
        "http://192.0.2.1/token",
        "http://login.example.com/token",
        "http://localhost.example.com/token",
        "http://127.0.0.1.example.com/token",
        "http://127.0.0.1@192.0.2.1/token",
        "ftp://127.0.0.1/token",
        "file:///etc/passwd",
        "127.0.0.1:80/token",
    ];
    cases::each(
        &cases,
        |case| case,
        |endpoint| {
            Test::at(endpoint).named(endpoint).get().fails(2, "prod");
        },
    );
}

fn discovering(issuer: &Issuer, name: &str) -> Test {
    let endpoint = format!("token_endpoint = \"{}\"", issuer.endpoint());
    let config = profile("prod", &issuer.endpoint()).replace(&endpoint, &format!("issuer = \"{name}\""));
    Test::configured(&format!("{QUICK}{config}"))
}

#[test]
fn discovery_finds_the_token_endpoint() {
    let issuer = Issuer::start();
    let test = discovering(&issuer, &issuer.url());
    test.get().gives("token-1");
    test.get().gives("token-1");
    assert_eq!((issuer.count(), issuer.discovered()), (1, 1));
    assert_eq!(issuer.requests()[0].path, "/token");
}

#[test]
fn a_document_of_another_issuer_is_refused() {
    let issuer = Issuer::start();
    let elsewhere = issuer.url().replace("127.0.0.1", "localhost");
    let outcome = discovering(&issuer, &elsewhere).get();
    outcome.prints("").explains("prod");
    assert!(matches!(outcome.code, Some(2 | 4 | 5)), "{outcome}");
    assert_eq!(issuer.count(), 0, "no secret was sent{outcome}");
}

#[test]
fn the_request_is_what_rfc_6749_asks_for() {
    let issuer = Issuer::start();
    let config = profile("prod", &issuer.endpoint()) + "scope = [\"read\", \"write\"]\n";
    Test::configured(&config).get().gives("token-1");
    let request = issuer.requests().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/token"));
    let kind = request.header("content-type").unwrap();
    assert!(kind.starts_with("application/x-www-form-urlencoded"), "{kind}");
    assert!(request.body.contains("grant_type=client_credentials"));
    assert!(request.body.contains("scope=read+write"));
    assert!(!request.body.contains(SECRET), "the secret is in the header");
}
