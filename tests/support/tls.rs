//! A certificate authority of the tests' own, and an issuer behind TLS. For the test crates that name this file: the others do without
//! what it takes to build.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::support::issuer::{Request, read_request};
use crate::support::kinds::{KINDS, Kind};
use crate::support::{QUICK, Test};

/// A certificate authority of the test's own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    pub fn sign(&self, params: &CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        serving(certificate.der().clone(), &key)
    }
}

pub fn certificate_for(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

pub fn self_signed() -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let certificate = certificate_for("127.0.0.1").self_signed(&key).unwrap();
    serving(certificate.der().clone(), &key)
}

pub fn expired() -> CertificateParams {
    let mut params = certificate_for("127.0.0.1");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2020, 2, 1);
    params
}

pub fn not_yet_valid() -> CertificateParams {
    let mut params = certificate_for("127.0.0.1");
    params.not_before = date_time_ymd(2999, 1, 1);
    params.not_after = date_time_ymd(2999, 2, 1);
    params
}

/// What `openssl req -x509` makes unless told otherwise.
pub fn of_an_authority() -> CertificateParams {
    let mut params = certificate_for("127.0.0.1");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn serving(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
}

/// Serves only those who present a certificate of the same authority.
pub fn demanding(authority: &Authority) -> ServerConfig {
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
pub fn client_of(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = certificate_for("ci.example.com").signed_by(&key, &authority.0).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// Answers as servers do that are asked by TLS and speak HTTP.
pub fn plain() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut hello = [0; 1024];
            let _ = stream.read(&mut hello).and_then(|_| stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
        }
    });
    address
}

/// Hands out `token-1` over TLS, and records the requests that it could read.
pub struct TlsIssuer {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl TlsIssuer {
    pub fn start(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &config, &record);
            }
        });
        Self { address, seen }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub fn test(&self, trusted: Option<&Authority>) -> Test {
        self.test_of(KINDS[0], trusted)
    }

    pub fn test_of(&self, kind: Kind, trusted: Option<&Authority>) -> Test {
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

fn serve(stream: TcpStream, config: &Arc<ServerConfig>, seen: &Mutex<Vec<Request>>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let Some(request) = read_request(&mut stream) else { return };
    seen.lock().unwrap().push(request);
    let body = r#"{"access_token":"token-1","token_type":"Bearer","expires_in":3600}"#;
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let _ = stream.write_all((head + body).as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}
