//! Servers that cannot be reached, are not trusted, say the wrong thing or nothing; clocks; proxies.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rcgen::date_time_ymd;

use crate::authority::{Authority, TlsIssuer, certificate_for, client_of, demanding, expired, self_signed};
use crate::report::{date, discovering, doctor, issuer};
use crate::support::{Issuer, Reply, SECRET, Test, cases, profile};

const DOCUMENT: &str = "/.well-known/openid-configuration";

fn at(endpoint: &str) -> Test {
    Test::configured(&profile("prod", endpoint)).on_path()
}

#[test]
fn a_server_that_is_not_there_is_a_problem() {
    let test = at("http://127.0.0.1:1/token");
    let report = doctor(&test, &[]);
    report.exits(5).finds("network.server", "problem", "127.0.0.1:1 cannot be reached").advises("network.server", "port");
    let test = at("https://no-such-host.invalid/token");
    let report = doctor(&test, &[]);
    report.exits(5).finds("network.server", "problem", "no-such-host.invalid").advises("network.server", "look up names");
}

#[test]
fn a_server_that_fails_for_now_is_not_well() {
    let issuer = Issuer::answering(Reply::status(503).header("Date", &date(0)));
    doctor(&at(&issuer.endpoint()), &[]).exits(5).finds("network.server", "warning", "HTTP 503");
    for status in [200, 302, 400, 401, 404, 405] {
        issuer.answer(Reply::status(status).header("Date", &date(0)));
        doctor(&at(&issuer.endpoint()), &[]).exits(0).finds("network.server", "ok", "answers");
    }
}

#[test]
fn certificates_are_judged_as_those_of_a_renewal_are() {
    let ours = Authority::new();
    let table = [
        ("self-signed", self_signed(), false, "`ca_file`"),
        ("an unknown authority", ours.sign(&certificate_for("127.0.0.1")), false, "`ca_file`"),
        ("expired", ours.sign(&expired()), true, "renew its certificate"),
        ("wrong host", ours.sign(&certificate_for("example.com")), true, "another one"),
        ("another authority", self_signed(), true, "`ca_file` has to hold"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, serves, trusts_us, hint)| {
            let issuer = TlsIssuer::start(serves.clone());
            let test = issuer.test(trusts_us.then_some(&ours)).named(name).on_path();
            let report = doctor(&test, &[]);
            report.exits(5).finds("network.server", "problem", "is not trusted").advises("network.server", hint);
            assert_eq!(issuer.requests().len(), 0, "{name}");
        },
    );
    let issuer = TlsIssuer::start(ours.sign(&certificate_for("127.0.0.1")));
    let test = issuer.test(Some(&ours)).on_path();
    let report = doctor(&test, &[]);
    report.exits(0).finds("network.server", "ok", "answers, and is trusted").finds("clock.difference", "note", "does not say what time");
    assert!(report.of("network.server")[0]["details"].to_string().contains("certificate until 4096-01-01T00:00:00Z"), "{}", report.outcome);
}

#[test]
fn a_certificate_that_ends_soon_is_told() {
    let ours = Authority::new();
    let soon = jiff::Timestamp::now().saturating_add(jiff::SignedDuration::from_hours(72)).unwrap();
    let soon = soon.to_zoned(jiff::tz::TimeZone::UTC);
    let mut params = certificate_for("127.0.0.1");
    params.not_after = date_time_ymd(soon.year().into(), soon.month().try_into().unwrap(), soon.day().try_into().unwrap());
    let issuer = TlsIssuer::start(ours.sign(&params));
    let test = issuer.test(Some(&ours)).on_path();
    doctor(&test, &[]).exits(5).finds("network.certificate", "warning", "ends in 2days");
}

#[test]
fn a_server_that_demands_a_certificate_gets_the_client_s() {
    let ours = Authority::new();
    let issuer = TlsIssuer::start(demanding(&ours));
    let test = issuer.test(Some(&ours)).on_path();
    let report = doctor(&test, &[]);
    report.exits(5).finds("network.server", "problem", "certificate_required").advises("network.server", "`client_cert`");

    let (certificate, key) = client_of(&ours);
    let config = std::fs::read_to_string(test.path("config/token/config.toml")).unwrap();
    for (name, text) in [("cert.pem", &certificate), ("key.pem", &key)] {
        std::fs::write(test.path(name), text).unwrap();
        std::fs::set_permissions(test.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    test.configure(&format!("{config}client_cert = \"~/cert.pem\"\nclient_key = \"~/key.pem\"\n"));
    let report = doctor(&test, &[]);
    report.exits(0);
    assert!(!report.outcome.stdout().contains(key.lines().nth(1).unwrap()));
    std::fs::remove_file(test.path("key.pem")).unwrap();
    let report = doctor(&test, &[]);
    report.exits(2).finds("profile.secret", "problem", "key.pem");
    assert_eq!(report.of("network.server").len(), 0, "told once{}", report.outcome);
}

#[test]
fn a_discovery_document_has_to_be_its_issuer_s() {
    let json = |issuer: &Issuer, name: &str, endpoint: &str| {
        Reply::json(format!(r#"{{"issuer":"{name}","token_endpoint":"{endpoint}","x":"{}"}}"#, issuer.url()))
    };
    let table: [(&str, Option<&str>, i32, &str, &str); 6] = [
        ("another issuer", Some("https://evil.example.com"), 4, "network.discovery", "is of another issuer: https://evil.example.com"),
        (
            "with escapes",
            Some("https://e\\u001b]52;c;x\\u0007vil\\u202e"),
            4,
            "network.discovery",
            "is of another issuer: https://e]52;c;xvil",
        ),
        ("not found", None, 4, "network.discovery", "has no discovery document"),
        ("fails for now", None, 5, "network.discovery", "failed for now (HTTP 503)"),
        ("no document", None, 5, "network.discovery", "is unusable"),
        ("no endpoint", None, 4, "network.endpoint", "names no token endpoint"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, stated, status, id, says)| {
            let issuer = issuer();
            let reply = match (*name, stated) {
                (_, Some(stated)) => json(&issuer, stated, &issuer.endpoint()),
                ("not found", _) => Reply::status(404),
                ("fails for now", _) => Reply::status(503),
                ("no document", _) => Reply::bytes("<html>"),
                _ => Reply::json(format!(r#"{{"issuer":"{}"}}"#, issuer.url())),
            };
            issuer.script_at(DOCUMENT, [reply]);
            let test = Test::configured(&discovering("prod", &issuer)).named(name).on_path();
            doctor(&test, &[]).exits(*status).finds(id, "problem", says);
        },
    );
}

#[test]
fn every_endpoint_that_a_profile_needs_is_asked() {
    let issuer = issuer();
    let (url, other) = (issuer.url(), self::issuer());
    let document = format!(
        r#"{{"issuer":"{url}","token_endpoint":"{url}/t","device_authorization_endpoint":"{}/d","revocation_endpoint":"{url}/r","authorization_endpoint":"http://127.0.0.1:1/a"}}"#,
        other.url()
    );
    issuer.script_at(DOCUMENT, [Reply::json(document)]);
    let config = format!("[profile.prod]\nsource = \"device-code\"\nissuer = \"{url}\"\nclient_id = \"x\"\n");
    let test = Test::configured(&config).on_path();
    doctor(&test, &[]).exits(3).is_well("network.server").is_well("network.discovery");
    assert_eq!((issuer.requests_at("/t").len(), issuer.requests_at("/r").len(), other.requests_at("/d").len()), (1, 1, 1));
    let config = format!("[profile.prod]\nsource = \"authorization-code\"\nissuer = \"{url}\"\nclient_id = \"x\"\n");
    test.configure(&config);
    doctor(&test, &[]).exits(5).finds("network.server", "problem", "127.0.0.1:1 cannot be reached").finds(
        "network.server",
        "problem",
        "(authorization endpoint)",
    );
}

#[test]
fn a_clock_that_is_off_is_found_out() {
    let table: [(&str, Option<String>, i32, &str, &str); 7] = [
        ("right", Some(date(0)), 0, "ok", "agrees"),
        ("a little off", Some(date(20)), 0, "ok", "agrees"),
        ("a minute behind", Some(date(90)), 2, "warning", "1m 2"),
        ("a minute ahead", Some(date(-90)), 2, "warning", "ahead of"),
        ("an hour behind", Some(date(3600)), 2, "problem", "59m"),
        ("hostile", Some("\u{1b}]0;x\u{7}1 Jan 99999999999".to_owned()), 0, "note", "says a time that is none"),
        ("not told", None, 0, "note", "does not say"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, date, status, level, says)| {
            let reply = Reply::status(405);
            let reply = match date {
                // A control character is no part of a header, so the client sees none.
                Some(date) => reply.header("Date", &date.replace(['\u{1b}', '\u{7}'], "")),
                None => reply,
            };
            let issuer = Issuer::answering(reply);
            doctor(&at(&issuer.endpoint()).named(name), &[]).exits(*status).finds("clock.difference", level, says);
        },
    );
}

#[test]
fn silent_servers_do_not_hold_it_up() {
    let silent: Vec<TcpListener> = (0..40).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let config: String = silent
        .iter()
        .enumerate()
        .map(|(number, silent)| profile(&format!("p{number}"), &format!("http://{}/token", silent.local_addr().unwrap())))
        .collect();
    let test = Test::configured(&config).on_path();
    let report = doctor(&test, &["--request-timeout", "300ms"]);
    report.exits(5).finds("network.server", "problem", "did not answer within 300ms").advises("network.server", "--request-timeout");
    // Some of them have to wait for their turn.
    report.outcome.within(Duration::from_millis(1200));
    assert_eq!(report.of("network.server").len(), 40);
    let report = doctor(&test, &["--timeout", "500ms"]);
    report.exits(5).outcome.within(Duration::from_millis(1000));
    assert_eq!(report.of("network.server").len(), 40, "each is told");
}

#[test]
fn offline_nobody_is_asked() {
    let issuer = issuer();
    let test = Test::configured(&discovering("prod", &issuer)).on_path();
    doctor(&test, &["--offline"]).exits(0).finds("network.offline", "note", "--offline");
    assert_eq!((issuer.count(), issuer.discovered()), (0, 0));
}

#[test]
fn proxies_are_told_without_their_passwords() {
    let proxy = Issuer::answering(Reply::status(502));
    let address = proxy.url().replace("http://", "http://me:pr0xy-canary@");
    let test = at("https://login.example.com/token").env("HTTPS_PROXY", &address);
    let report = doctor(&test, &[]);
    let says = format!("asked through {} (HTTPS_PROXY)", proxy.url());
    report.exits(5).finds("proxy.use", "note", &says).finds("network.server", "problem", "login.example.com");
    report.advises("network.server", "HTTPS_PROXY");
    let verbose = test.run(&["doctor", "-v"]);
    for outcome in [&report.outcome, &verbose] {
        assert!(!outcome.stdout().contains("pr0xy-canary"), "{outcome}");
    }
    let asked = proxy.requests();
    assert!(!asked.is_empty() && asked.iter().all(|request| request.method == "CONNECT" && request.body.is_empty()), "{asked:?}");
    assert!(asked.iter().all(|request| !format!("{:?}", request.headers).contains(SECRET)));

    let direct = test.env("NO_PROXY", "example.com");
    doctor(&direct, &["--offline"]).exits(0).finds("proxy.use", "ok", "no profile is asked through it");
    let own = format!("{}proxy = \"{address}\"\n", profile("prod", "https://login.example.com/token"));
    let report = doctor(&Test::configured(&own).on_path(), &["--offline"]);
    report.exits(0).finds("proxy.use", "note", "(`proxy`)");
    assert!(!report.outcome.stdout().contains("pr0xy-canary"));
}

#[test]
fn what_is_no_proxy_is_told() {
    let test = || at("https://login.example.com/token");
    let report = doctor(&test().env("HTTPS_PROXY", "http://"), &["--offline"]);
    report.exits(2).finds("proxy.address", "warning", "HTTPS_PROXY is not the address of a proxy");
    let report = doctor(&test().env("ALL_PROXY", "socks5://me:pr0xy-canary@127.0.0.1:1080"), &["--offline"]);
    report.exits(5).finds("proxy.kind", "problem", "socks5://127.0.0.1:1080 (ALL_PROXY)").advises("proxy.kind", "unset ALL_PROXY");
    assert!(!report.outcome.stdout().contains("pr0xy-canary"));
}
