//! A certificate authority for the tests of this process: every name has a certificate from it, and only who is told so trusts it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

static AUTHORITY: LazyLock<CertifiedIssuer<'static, KeyPair>> = LazyLock::new(|| {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "tests of token");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
});

static CONFIGURATIONS: LazyLock<Mutex<HashMap<String, Arc<ServerConfig>>>> = LazyLock::new(Mutex::default);

/// What a consumer is given to trust.
pub fn pem() -> String {
    AUTHORITY.as_ref().pem()
}

/// What a server of this name, or address, shows.
pub fn configuration(host: &str) -> Arc<ServerConfig> {
    let mut known = CONFIGURATIONS.lock().unwrap();
    Arc::clone(known.entry(host.to_owned()).or_insert_with(|| Arc::new(issued(host))))
}

fn issued(host: &str) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &*AUTHORITY).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap()
}
