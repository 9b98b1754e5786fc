//! A network that leads astray, stalls, breaks off or never stops.

use std::net::TcpListener;
use std::time::Duration;

use crate::support::{Issuer, QUICK, Reply, SECRET, Test, Trap, cases, profile};

const PROXY_VARIABLES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

#[test]
fn redirects_are_not_followed() {
    let statuses = [("301", 301), ("302", 302), ("303", 303), ("307", 307), ("308", 308)];
    cases::each(
        &statuses,
        |case| case.0,
        |(name, status)| {
            let trap = Trap::set();
            let issuer = Issuer::answering(Reply::redirect(*status, &trap.url()));
            let test = Test::against(&issuer).named(name);
            test.get().fails(4, "prod").is_brief();
            assert_eq!(trap.visits(), 0, "{name}: the other place saw a connection");
            assert_eq!(issuer.count(), 1, "{name}");
            test.nothing_cached("prod");
        },
    );
}

#[test]
fn a_redirect_to_itself_is_not_followed_either() {
    let issuer = Issuer::start();
    issuer.script([Reply::redirect(307, "/token")]);
    Test::against(&issuer).get().fails(4, "prod");
    assert_eq!(issuer.count(), 1);
}

#[test]
fn loopback_requests_ignore_proxies() {
    let trap = Trap::set();
    let issuer = Issuer::start();
    let test = through(Test::against(&issuer), &trap);
    test.get().gives("token-1");
    assert_eq!(trap.visits(), 0);
    assert_eq!(issuer.count(), 1);
}

/// The positive control: for a host elsewhere the same variables do lead to the trap.
#[test]
fn requests_elsewhere_go_through_the_proxy() {
    let trap = Trap::set();
    let test = through(Test::at("https://token.invalid/token"), &trap);
    test.run(&["get", "--request-timeout", "1s"]).fails(5, "prod");
    assert!(trap.visits() > 0);
}

fn through(test: Test, trap: &Trap) -> Test {
    PROXY_VARIABLES.iter().fold(test, |test, variable| test.env(variable, trap.url()))
}

struct Broken {
    name: &'static str,
    reply: Reply,
}

#[test]
fn broken_answers_end_within_the_deadline() {
    let case = |name, reply| Broken { name, reply };
    let cases = [
        case("reset mid body", Reply::reset()),
        case("short body", Reply::short()),
        case("silence", Reply::silence()),
        case("one byte a second", Reply::drip()),
        case("a late answer", Reply::token(3600).after(Duration::from_secs(9))),
        case("no answer before the end", Reply::raw(b"")),
        case("not HTTP", Reply::raw(b"220 mail.example.com ESMTP\r\n")),
    ];
    cases::each(
        &cases,
        |case| case.name,
        |case| {
            let issuer = Issuer::answering(case.reply.clone());
            let test = Test::against(&issuer).named(case.name);
            test.run(&["get", "--request-timeout", "500ms"]).fails(5, "prod").within(Duration::from_millis(1100));
            assert_eq!(issuer.count(), 2, "{}: tried again", case.name);
            test.nothing_cached("prod");
        },
    );
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
fn an_issuer_that_is_not_there_is_a_temporary_failure() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let [silent_at, gone_at] = [&silent, &gone].map(|socket| socket.local_addr().unwrap());
    drop(gone);
    let cases = [
        ("refused", format!("http://{gone_at}/token")),
        ("no accept", format!("http://{silent_at}/token")),
        ("unknown host", "https://token.invalid/token".to_owned()),
        ("a host that cannot be reached", "https://192.0.2.1/token".to_owned()),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, endpoint)| {
            let test = Test::at(endpoint).named(name);
            test.run(&["get", "--request-timeout", "1s", "--max-retries", "1"]).fails(5, "prod").within(Duration::from_secs(3));
            test.nothing_cached("prod");
            assert_eq!(test.status("prod")["last_error"]["class"], "network", "{name}");
        },
    );
}

#[test]
fn bodies_without_measure_are_refused_in_little_memory() {
    let case = |name, reply| Broken { name, reply };
    let cases = [
        case("200 MiB in one token", Reply::huge(200 << 20)),
        case("a length past u32", Reply::huge(5 << 30)),
        case("just over the limit", Reply::huge((1 << 20) + 20)),
        case("endless chunks", Reply::endless_chunks()),
        case("gzip bomb", Reply::gzip_bomb(200)),
        case("endless chunks with 500", Reply::endless_chunks().with_status(500)),
        case("huge body with 500", Reply::huge(200 << 20).with_status(500)),
    ];
    cases::each(
        &cases,
        |case| case.name,
        |case| {
            let issuer = Issuer::answering(case.reply.clone());
            let test = Test::against(&issuer).named(case.name);
            test.run(&["get", "--timeout", "10s"]).fails(5, "prod").is_brief().stays_small();
            test.nothing_cached("prod");
        },
    );
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
