//! TLS that must not be trusted: refused with the reason, before a secret is sent. And servers that trust nobody without a certificate.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustls::ServerConfig;

use crate::authority::{
    Authority, TlsIssuer, certificate_for, client_of, demanding, expired, not_yet_valid, of_an_authority, plain, self_signed,
};
use crate::support::kinds::each_with;
use crate::support::{Test, cases};

struct Untrusted {
    name: &'static str,
    serves: ServerConfig,
    trusts_us: bool,
    said: &'static str,
    advised: &'static str,
}

#[test]
fn certificates_that_do_not_hold_are_refused_before_a_secret_is_sent() {
    const UNKNOWN: &str = "is not trusted: its certificate is of no authority that is known here";
    const SET: &str = "hint: if you trust it, set `ca_file` to the certificate of its authority";
    const HOST: &str = "hint: check the host in the address";
    const RENEW: &str = "hint: whoever runs the server has to renew its certificate; check this machine's clock";
    let ours = Authority::new();
    let case = |name, serves, said, advised| Untrusted { name, serves, trusts_us: true, said, advised };
    let signed = |params| ours.sign(&params);
    let cases = [
        Untrusted { trusts_us: false, ..case("self-signed", self_signed(), UNKNOWN, SET) },
        case(
            "self-signed, another ca_file",
            self_signed(),
            "by the authority that is known here by that name",
            "hint: `ca_file` has to hold the certificate of its authority",
        ),
        Untrusted { trusts_us: false, ..case("an unknown authority", signed(certificate_for("127.0.0.1")), UNKNOWN, SET) },
        case("expired", signed(expired()), "its certificate expired at 2020-02-01T00:00:00Z", RENEW),
        case(
            "not valid yet",
            signed(not_yet_valid()),
            "its certificate does not hold before 2999-01-01T",
            "hint: check this machine's clock",
        ),
        case("wrong host", signed(certificate_for("example.com")), "its certificate is for another name: example.com", HOST),
        case("wrong address", signed(certificate_for("127.0.0.2")), "its certificate is for another name: 127.0.0.2", HOST),
        case("an authority", signed(of_an_authority()), "one of an authority, not of a server", "hint: whoever runs the server"),
    ];
    let pairs = each_with(&cases, |case| case.name);
    cases::each(
        &pairs,
        |pair| &pair.0,
        |(name, kind, case)| {
            let issuer = TlsIssuer::start(case.serves.clone());
            let test = issuer.test_of(*kind, case.trusts_us.then_some(&ours)).named(name);
            for command in ["get", "renew"] {
                let outcome = test.run(&[command]);
                outcome.fails(5, "prod").mentions(case.said).mentions(case.advised).is_brief();
            }
            assert_eq!(issuer.requests().len(), 0, "{}", case.name);
            test.nothing_cached("prod");
        },
    );
}

/// The positive control.
#[test]
fn a_certificate_of_the_configured_authority_is_trusted() {
    let ours = Authority::new();
    let issuer = TlsIssuer::start(ours.sign(&certificate_for("127.0.0.1")));
    issuer.test(Some(&ours)).get().gives("token-1");
    assert_eq!(issuer.requests().len(), 1);
}

#[test]
fn a_handshake_that_stalls_ends_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let test = Test::at(&format!("https://{address}/token"));
    test.run(&["get", "--request-timeout", "500ms"]).fails(5, "prod").within(Duration::from_millis(1100));
    test.nothing_cached("prod");
}

#[test]
fn plain_text_where_tls_should_be_is_refused() {
    let test = Test::at(&format!("https://{}/token", plain()));
    test.get().fails(5, "does not speak TLS").mentions("hint: check the port in the address");
    test.nothing_cached("prod");
}

/// Puts a file into a home and names it in the profile that its config ends with.
fn add(test: &Test, key: &str, content: &str, mode: u32) {
    let (config, path) = (test.path("config/token/config.toml"), test.path(&format!("{key}.pem")));
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let keys = format!("{key} = \"{}\"\n", path.display());
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + &keys).unwrap();
}

#[test]
fn a_server_that_demands_a_certificate_gets_the_client_s() {
    let ours = Authority::new();
    let (certificate, key) = client_of(&ours);
    let issuer = TlsIssuer::start(demanding(&ours));
    let test = issuer.test(Some(&ours));
    add(&test, "client_cert", &certificate, 0o644);
    add(&test, "client_key", &key, 0o600);
    test.run(&["-vvv", "get"]).gives("token-1").hides("BEGIN").hides(key.lines().nth(1).unwrap());

    // Of another kind of source, and with both in each file.
    let test = issuer.test(Some(&ours)).named("http");
    let ca_file = test.path("ca.pem");
    let url = format!("https://{}/api", issuer.address);
    test.configure(&format!("[profile.prod]\nsource = \"http\"\nurl = \"{url}\"\nca_file = \"{}\"\n", ca_file.display()));
    add(&test, "client_cert", &(certificate.clone() + &ours.pem()), 0o644);
    add(&test, "client_key", &key, 0o400);
    test.get().gives("token-1");
    assert_eq!(issuer.requests().len(), 2);
}

#[test]
fn without_the_right_certificate_there_is_no_token() {
    type Pair<'a> = Option<(&'a str, &'a str)>;
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (foreign, own) = (client_of(&theirs), client_of(&ours));
    let other_key = client_of(&ours).1;
    let table: [(&str, Pair<'_>, u32, i32, &str); 7] = [
        ("none", None, 0o600, 5, "it wants to see a client certificate (TLS alert certificate_required)"),
        ("of another authority", Some((&foreign.0, &foreign.1)), 0o600, 5, "check `client_cert` and `client_key`"),
        ("with another key", Some((&own.0, &other_key)), 0o600, 2, "client_cert and client_key do not belong together"),
        ("with a key that others can read", Some((&own.0, &own.1)), 0o640, 2, "chmod 600"),
        ("with no key in its file", Some((&own.0, &own.0)), 0o600, 2, "client_key"),
        ("with no certificate in its file", Some(("rubbish", &own.1)), 0o600, 2, "client_cert"),
        ("with an empty key file", Some((&own.0, "")), 0o600, 2, "client_key"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, pair, mode, exit, says)| {
            let issuer = TlsIssuer::start(demanding(&ours));
            let test = issuer.test(Some(&ours)).named(name);
            if let Some((certificate, key)) = pair {
                add(&test, "client_cert", certificate, 0o644);
                add(&test, "client_key", key, *mode);
            }
            let outcome = test.run(&["-vvv", "get"]);
            outcome.exits(*exit).prints("").mentions("prod").mentions(says).is_polite().hides("BEGIN");
            assert_eq!(issuer.requests().len(), 0, "{name}");
            test.nothing_cached("prod");
        },
    );
}

#[test]
fn an_authority_s_file_is_a_bundle_or_a_mistake() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let bundle = theirs.pem() + &ours.pem();
    let table: [(&str, Option<&str>, i32, &str); 5] = [
        ("a bundle", Some(&bundle), 0, ""),
        ("another authority's", Some(&theirs.pem()), 5, "not trusted"),
        ("no certificate", Some("rubbish"), 2, "ca_file holds no PEM certificate"),
        ("nothing", Some(""), 2, "ca_file holds no PEM certificate"),
        ("no file", None, 2, "ca_file cannot be used"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, content, exit, says)| {
            let issuer = TlsIssuer::start(ours.sign(&certificate_for("127.0.0.1")));
            let test = issuer.test(None).named(name);
            add(&test, "ca_file", content.unwrap_or_default(), 0o644);
            if content.is_none() {
                std::fs::remove_file(test.path("ca_file.pem")).unwrap();
            }
            test.get().exits(*exit).mentions(says).is_polite();
        },
    );
}
