//! TLS that must not be trusted: refused with the reason, before a secret is sent. And servers that trust nobody without a certificate.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::support::issuer::read_request;
use crate::support::kinds::{KINDS, Kind, each_with};
use crate::support::{Issuer, QUICK, Test, cases};

/// A certificate authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    fn sign(&self, params: &CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        serving(certificate.der().clone(), &key)
    }
}

fn certificate_for(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

fn self_signed() -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let certificate = certificate_for("127.0.0.1").self_signed(&key).unwrap();
    serving(certificate.der().clone(), &key)
}

fn expired() -> CertificateParams {
    let mut params = certificate_for("127.0.0.1");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2020, 2, 1);
    params
}

fn serving(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
}

/// Serves only those who present a certificate of the same authority.
fn demanding(authority: &Authority) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.as_ref().der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = certificate_for("127.0.0.1").signed_by(&key, &authority.0).unwrap().der().clone();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    builder.with_client_cert_verifier(verifier).with_single_cert(vec![certificate], key).unwrap()
}

/// A client's certificate and its key, in PEM.
fn client_of(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = certificate_for("ci.example.com").signed_by(&key, &authority.0).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// Hands out `token-1` over TLS, and counts the requests that it could read.
struct TlsIssuer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl TlsIssuer {
    fn start(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &config, &counter);
            }
        });
        Self { address, requests }
    }

    fn test(&self, trusted: Option<&Authority>) -> Test {
        self.test_of(KINDS[0], trusted)
    }

    fn test_of(&self, kind: Kind, trusted: Option<&Authority>) -> Test {
        let test = Test::bare();
        let mut config = (kind.profile)(&format!("https://{}/token", self.address));
        if let Some(authority) = trusted {
            let path: PathBuf = test.path("ca.pem");
            std::fs::write(&path, authority.pem()).unwrap();
            config.extend(["ca_file = \"", path.to_str().unwrap(), "\"\n"]);
        }
        test.configure(&format!("{QUICK}{config}"));
        test
    }
}

fn serve(stream: TcpStream, config: &Arc<ServerConfig>, requests: &AtomicUsize) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    if read_request(&mut stream).is_none() {
        return;
    }
    requests.fetch_add(1, Ordering::SeqCst);
    let body = r#"{"access_token":"token-1","token_type":"Bearer","expires_in":3600}"#;
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let _ = stream.write_all((head + body).as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

struct Untrusted {
    name: &'static str,
    serves: ServerConfig,
    trusts_us: bool,
}

#[test]
fn certificates_that_do_not_hold_are_refused_before_a_secret_is_sent() {
    let ours = Authority::new();
    let case = |name, serves, trusts_us| Untrusted { name, serves, trusts_us };
    let cases = [
        case("self-signed", self_signed(), false),
        case("self-signed, another ca_file", self_signed(), true),
        case("an unknown authority", ours.sign(&certificate_for("127.0.0.1")), false),
        case("expired", ours.sign(&expired()), true),
        case("wrong host", ours.sign(&certificate_for("example.com")), true),
        case("wrong address", ours.sign(&certificate_for("127.0.0.2")), true),
    ];
    let pairs = each_with(&cases, |case| case.name);
    cases::each(
        &pairs,
        |pair| &pair.0,
        |(name, kind, case)| {
            let issuer = TlsIssuer::start(case.serves.clone());
            let test = issuer.test_of(*kind, case.trusts_us.then_some(&ours)).named(name);
            test.get().fails(5, "prod").mentions("certificate").is_brief();
            assert_eq!(issuer.requests.load(Ordering::SeqCst), 0, "{name}");
            test.nothing_cached("prod");
        },
    );
}

/// The positive control.
#[test]
fn a_certificate_of_the_configured_authority_is_trusted() {
    let ours = Authority::new();
    for kind in KINDS {
        let issuer = TlsIssuer::start(ours.sign(&certificate_for("127.0.0.1")));
        issuer.test_of(kind, Some(&ours)).get().gives("token-1");
        assert_eq!(issuer.requests.load(Ordering::SeqCst), 1, "{}", kind.name);
    }
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
    let issuer = Issuer::start();
    let test = Test::at(&issuer.endpoint().replace("http:", "https:"));
    test.run(&["get", "--request-timeout", "500ms"]).fails(5, "prod");
    assert_eq!(issuer.count(), 0);
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
    assert_eq!(issuer.requests.load(Ordering::SeqCst), 2);
}

#[test]
fn without_the_right_certificate_there_is_no_token() {
    type Pair<'a> = Option<(&'a str, &'a str)>;
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (foreign, own) = (client_of(&theirs), client_of(&ours));
    let other_key = client_of(&ours).1;
    let table: [(&str, Pair<'_>, u32, i32, &str); 7] = [
        ("none", None, 0o600, 5, "does not accept the connection (TLS alert CertificateRequired)"),
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
            assert_eq!(issuer.requests.load(Ordering::SeqCst), 0, "{name}");
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
