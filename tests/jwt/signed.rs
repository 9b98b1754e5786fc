//! What stands in a JWT, after its signature was verified with the public key.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::support::issuer::Request;
use crate::support::{Issuer, Outcome, QUICK, Test};

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../fixtures/keys/", $name, ".pem"))
    };
}

pub const RSA: &str = pem!("rsa.pkcs8");
pub const RSA_PKCS1: &str = pem!("rsa.pkcs1");
pub const P256: &str = pem!("p256.pkcs8");
pub const P256_SEC1: &str = pem!("p256.sec1");
pub const ED25519_KEY: &str = pem!("ed25519.pkcs8");

/// A home with the profile `prod` of these keys, and this key in `~/key.pem`.
pub fn home(keys: &str, pem: &str) -> Test {
    let test = Test::configured(&format!("{QUICK}[profile.prod]\n{keys}"));
    put(&test, "key.pem", pem, 0o600);
    test
}

/// The keys of a JWT bearer profile at this issuer whose assertion is this TOML.
pub fn bearer(issuer: &Issuer, assertion: &str) -> String {
    format!("source = \"jwt-bearer\"\ntoken_endpoint = \"{}\"\nassertion = {assertion}\n", issuer.endpoint())
}

pub fn put(test: &Test, name: &str, content: &str, mode: u32) {
    fs::write(test.path(name), content).unwrap();
    fs::set_permissions(test.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

/// The fields of a form, sorted.
pub fn form(request: &Request) -> Vec<(String, String)> {
    let mut fields: Vec<_> = url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    fields.sort();
    fields
}

/// The one field of this name.
#[track_caller]
pub fn field(request: &Request, name: &str) -> String {
    let form = form(request);
    let found: Vec<_> = form.iter().filter(|(known, _)| known == name).collect();
    assert_eq!(found.len(), 1, "{name} in {form:?}");
    found[0].1.clone()
}

/// The fields of a form but for the values of these.
pub fn form_without(request: &Request, names: &[&str]) -> Vec<(String, String)> {
    let hide = |(name, value): (String, String)| if names.contains(&name.as_str()) { (name, "…".to_owned()) } else { (name, value) };
    form(request).into_iter().map(hide).collect()
}

/// Header and claims of a JWT whose signature holds.
#[track_caller]
pub fn verified(jwt: &str) -> (Value, Value) {
    let (message, signature) = jwt.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let [header, claims] = [header, claims].map(|part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (public, algorithm): (_, &dyn VerificationAlgorithm) = match header["alg"].as_str().unwrap() {
        "RS256" => (pem!("rsa.public"), &RSA_PKCS1_2048_8192_SHA256),
        "PS256" => (pem!("rsa.public"), &RSA_PSS_2048_8192_SHA256),
        "ES256" => (pem!("p256.public"), &ECDSA_P256_SHA256_FIXED),
        "EdDSA" => (pem!("ed25519.public"), &ED25519),
        other => panic!("signed with {other}"),
    };
    let der = STANDARD.decode(public.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    // Ed25519 is verified with the bare key, which is the end of its structure.
    let key = if header["alg"] == "EdDSA" { &der[der.len() - 32..] } else { &der[..] };
    let verifies = |message: &str| UnparsedPublicKey::new(algorithm, key).verify(message.as_bytes(), &signature).is_ok();
    assert!(verifies(message), "{header}: a signature that does not hold");
    assert!(!verifies(&message.replace('e', "f")), "{header}: a signature that holds for anything");
    (header, claims)
}

/// Neither the key nor what was signed with it is on stderr or in the cache.
#[track_caller]
pub fn keeps_to_itself(test: &Test, outcome: &Outcome, pem: &str) {
    let cached: String = test.cache_files().iter().map(|file| fs::read_to_string(test.cache_dir().join(file)).unwrap()).collect();
    for text in [&outcome.stderr, &cached] {
        // A signed JWT begins with its header: `{"` in base64.
        assert!(!text.contains("eyJ"), "{outcome}");
        let lines = pem.lines().filter(|line| !line.starts_with('-') && line.len() > 8);
        assert!(lines.into_iter().all(|line| !text.contains(line)), "{outcome}");
    }
}
