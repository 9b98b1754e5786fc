//! Issuers that are not talked to: what is wrong is told in our words, with the way out that init has.

use crate::authority::{Authority, TlsIssuer, certificate_for, demanding, expired, plain, self_signed};
use crate::home::{init, nothing_written};
use crate::support::{Test, cases};

#[test]
fn a_server_that_is_not_trusted_is_told_with_the_way_out() {
    const UNKNOWN: &str = "is not trusted: its certificate is of no authority that is known here";
    let ours = Authority::new();
    let table = [
        ("self-signed", self_signed(), false, UNKNOWN, "hint: if you trust it, name the certificate of its authority: --ca-file FILE"),
        (
            "another authority",
            self_signed(),
            true,
            "by the authority that is known here by that name",
            "hint: --ca-file has to name the certificate of its authority",
        ),
        ("expired", ours.sign(&expired()), true, "its certificate expired at 2020-02-01T", "hint: whoever runs the server"),
        ("another host", ours.sign(&certificate_for("example.com")), true, "is for another name: example.com", "hint: check the host"),
        ("a client certificate", demanding(&ours), true, "it wants to see a client certificate", "hint: `token init` has no client"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, serves, trusts_us, said, advised)| {
            let issuer = TlsIssuer::start(serves.clone());
            let test = Test::bare().named(name);
            std::fs::write(test.path("ca.pem"), ours.pem()).unwrap();
            let trusted: &[&str] = if *trusts_us { &["--ca-file", "ca.pem"] } else { &[] };
            let url = format!("https://{}", issuer.address);
            let outcome = init(&test, &[&[url.as_str(), "-p", "ci", "--client-id", "ci"], trusted].concat());
            outcome.fails(5, "ci: 127.0.0.1:").mentions(said).mentions(advised).hides("peer certificate");
            assert_eq!(issuer.requests().len(), 0);
            nothing_written(&test, &outcome);
        },
    );
}

#[test]
fn a_server_that_speaks_no_tls_is_one_at_another_port() {
    let test = Test::bare();
    let outcome = init(&test, &[&plain().to_string(), "-p", "ci", "--client-id", "ci"]);
    outcome.fails(5, "does not speak TLS").mentions("hint: check the port in the address");
    nothing_written(&test, &outcome);
}

#[test]
fn a_file_that_is_no_authority_s_is_told_as_such() {
    let test = Test::bare();
    std::fs::write(test.path("ca.pem"), "rubbish").unwrap();
    for (file, said) in [("ca.pem", "ca_file holds no PEM certificate"), ("none.pem", "ca_file cannot be used")] {
        let outcome = init(&test, &["https://127.0.0.1:1", "-p", "ci", "--client-id", "ci", "--ca-file", file]);
        outcome.fails(2, said).hides("is the address right?");
        nothing_written(&test, &outcome);
    }
}
