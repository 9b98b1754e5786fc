//! Private keys to sign with: PEM (RFC 7468) around PKCS#8, PKCS#1 or SEC 1, of the kinds that [`Algorithm`] names. What is none of
//! these is told apart as far as it helps whoever has to mend it, and nothing of a key is ever part of what is told.

use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// `EdDSA` with Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm by its name.
    pub const ALL: [(&str, Self); 4] = [("RS256", Self::Rs256), ("PS256", Self::Ps256), ("ES256", Self::Es256), ("EdDSA", Self::EdDsa)];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A key to sign with.
pub enum PrivateKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why something cannot be signed with: `what` follows the name of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfit {
    pub what: String,
    pub hint: Option<&'static str>,
}

impl Unfit {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }
}

impl From<Unspecified> for Unfit {
    fn from(_: Unspecified) -> Self {
        Self::new("holds a key that does not sign")
    }
}

impl PrivateKey {
    /// Reads the first private key in `text`.
    pub fn from_pem(text: &str) -> Result<Self, Unfit> {
        let Some((label, body)) = section(text, |label| ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"].contains(&label)) else {
            return Err(other_than_private_key(text));
        };
        if body.contains("ENCRYPTED") {
            return Err(encrypted());
        }
        let base64: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        let der = Zeroizing::new(STANDARD.decode(base64.as_bytes()).map_err(|_| Unfit::new("holds a damaged key"))?);
        match label {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).map(Self::Rsa).map_err(|rejected| unknown(&rejected)),
            "EC PRIVATE KEY" => elliptic(&der),
            _ => any(&der),
        }
    }

    /// The algorithm that a key of this kind is for, where nobody says.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Signs `message`, in the form that RFC 7518 gives each signature.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Unfit> {
        match (self, algorithm) {
            (Self::Rsa(key), Algorithm::Rs256) => rsa(key, &RSA_PKCS1_SHA256, message),
            (Self::Rsa(key), Algorithm::Ps256) => rsa(key, &RSA_PSS_SHA256, message),
            (Self::P256(key), Algorithm::Es256) => Ok(key.sign(&SystemRandom::new(), message)?.as_ref().to_vec()),
            (Self::Ed25519(key), Algorithm::EdDsa) => Ok(key.try_sign(message)?.as_ref().to_vec()),
            (_, wanted) => {
                let what = format!("holds a key for {}, which cannot sign {}", self.algorithms(), wanted.name());
                Err(Unfit { what, hint: Some("leave `algorithm` out, or name another key") })
            }
        }
    }

    const fn algorithms(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256 and PS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }
}

fn rsa(key: &RsaKeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>, Unfit> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signature)?;
    Ok(signature)
}

/// A key in PKCS#8, which says of itself what it is.
fn any(der: &[u8]) -> Result<PrivateKey, Unfit> {
    match RsaKeyPair::from_pkcs8(der) {
        Ok(key) => Ok(PrivateKey::Rsa(key)),
        Err(rejected) if is_short(&rejected) => Err(unknown(&rejected)),
        Err(_) => Ed25519KeyPair::from_pkcs8(der).map(PrivateKey::Ed25519).or_else(|_| elliptic(der)),
    }
}

fn elliptic(der: &[u8]) -> Result<PrivateKey, Unfit> {
    const OTHERS: [(&EcdsaSigningAlgorithm, &str); 3] = [
        (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
        (&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
        (&ECDSA_P256K1_SHA256_FIXED_SIGNING, "secp256k1"),
    ];
    let on = |curve| EcdsaKeyPair::from_private_key_der(curve, der);
    on(&ECDSA_P256_SHA256_FIXED_SIGNING).map(PrivateKey::P256).map_err(|rejected| {
        match OTHERS.into_iter().find(|(curve, _)| on(curve).is_ok()) {
            Some((_, name)) => Unfit::new(format!("holds a key on the curve {name}; ES256 signs with P-256")),
            None => unknown(&rejected),
        }
    })
}

fn is_short(rejected: &KeyRejected) -> bool {
    rejected.to_string() == "TooSmall"
}

fn unknown(rejected: &KeyRejected) -> Unfit {
    Unfit::new(if is_short(rejected) {
        "holds an RSA key of less than 2048 bits"
    } else {
        "holds no RSA, P-256 or Ed25519 key, or a damaged one"
    })
}

fn encrypted() -> Unfit {
    let hint = Some("nobody is there to give its passphrase: store it without, by `openssl pkey -in OLD -out NEW`");
    Unfit { what: "holds an encrypted key".to_owned(), hint }
}

fn other_than_private_key(text: &str) -> Unfit {
    let has = |part: &str| section(text, |label| label.contains(part)).is_some();
    if has("ENCRYPTED PRIVATE KEY") {
        encrypted()
    } else if has("OPENSSH PRIVATE KEY") {
        let hint = Some("convert a copy by `ssh-keygen -p -m PKCS8 -f COPY`");
        Unfit { what: "holds a key in OpenSSH's own format".to_owned(), hint }
    } else if has("PUBLIC KEY") {
        Unfit::new("holds a public key, and no private one to sign with")
    } else {
        let hint = Some("wanted is a file that has the line `-----BEGIN PRIVATE KEY-----`");
        Unfit { what: "holds no private key in PEM".to_owned(), hint }
    }
}

/// The label and the body of the first section whose label `accept` accepts.
fn section(text: &str, accept: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
    text.split("-----BEGIN ").skip(1).find_map(|rest| {
        let (label, rest) = rest.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        accept(label).then_some((label, body))
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
    };

    use super::*;

    macro_rules! key {
        ($name:literal) => {
            include_str!(concat!("../../../tests/fixtures/keys/", $name, ".pem"))
        };
    }

    const RSA: &str = key!("rsa.public");
    const P256: &str = key!("p256.public");
    const ED25519_PUBLIC: &str = key!("ed25519.public");

    fn is_signature_of(public: &str, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verification: &dyn VerificationAlgorithm = match algorithm {
            Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
            Algorithm::EdDsa => &ED25519,
        };
        let (_, body) = section(public, |label| label == "PUBLIC KEY").expect("a public key");
        let der = STANDARD.decode(body.split_whitespace().collect::<String>()).expect("base64");
        // Ed25519 is verified with the bare key, which is the end of its structure.
        let der = if algorithm == Algorithm::EdDsa { &der[der.len() - 32..] } else { &der[..] };
        UnparsedPublicKey::new(verification, der).verify(message, signature).is_ok()
    }

    #[test]
    fn every_form_of_every_key_signs_what_its_public_key_verifies() {
        use Algorithm::{EdDsa, Es256, Ps256, Rs256};
        let windows = key!("rsa.pkcs8").replace('\n', "\r\n");
        let behind_others = [P256, key!("ed25519.pkcs8")].concat();
        let table: [(&str, &str, &[Algorithm], &str); 8] = [
            ("RSA in PKCS#8", key!("rsa.pkcs8"), &[Rs256, Ps256], RSA),
            ("RSA in PKCS#1", key!("rsa.pkcs1"), &[Rs256, Ps256], RSA),
            ("P-256 in PKCS#8", key!("p256.pkcs8"), &[Es256], P256),
            ("P-256 in SEC 1", key!("p256.sec1"), &[Es256], P256),
            ("P-256 behind its parameters", key!("p256.with-parameters"), &[Es256], P256),
            ("Ed25519 in PKCS#8", key!("ed25519.pkcs8"), &[EdDsa], ED25519_PUBLIC),
            ("lines that end as on Windows", &windows, &[Rs256, Ps256], RSA),
            ("behind a public key", &behind_others, &[EdDsa], ED25519_PUBLIC),
        ];
        for (case, pem, algorithms, public) in table {
            let key = PrivateKey::from_pem(pem).unwrap_or_else(|unfit| panic!("{case}: {unfit:?}"));
            assert_eq!(key.algorithm(), algorithms[0], "{case}: where nobody says");
            for (name, algorithm) in Algorithm::ALL {
                assert_eq!(algorithm.name(), name);
                let signature = key.sign(algorithm, b"message");
                assert_eq!(signature.is_ok(), algorithms.contains(&algorithm), "{case}: {name}");
                let Ok(signature) = signature else { continue };
                assert!(is_signature_of(public, algorithm, b"message", &signature), "{case}: {name}");
                assert!(!is_signature_of(public, algorithm, b"massage", &signature), "{case}: {name}: of any message");
            }
        }
    }

    #[test]
    fn what_is_no_key_for_it_is_told_apart() {
        let damaged = key!("p256.pkcs8").replace("AgEAMBM", "AgEA*MBM");
        let truncated = key!("p256.pkcs8").replacen("MIGHAgEAMBMG", "MIGH", 1);
        let cut = key!("rsa.pkcs8").split_at(700).0;
        let table = [
            ("encrypted, PKCS#8", key!("encrypted.pkcs8"), "holds an encrypted key"),
            ("encrypted, SEC 1", key!("encrypted.sec1"), "holds an encrypted key"),
            ("public", P256, "holds a public key, and no private one to sign with"),
            ("OpenSSH", key!("openssh"), "holds a key in OpenSSH's own format"),
            ("P-384", key!("p384.pkcs8"), "holds a key on the curve P-384; ES256 signs with P-256"),
            ("Ed448", key!("ed448.pkcs8"), "holds no RSA, P-256 or Ed25519 key, or a damaged one"),
            ("short", key!("rsa-1024.pkcs8"), "holds an RSA key of less than 2048 bits"),
            ("not base64", &damaged, "holds a damaged key"),
            ("not DER", &truncated, "holds no RSA, P-256 or Ed25519 key, or a damaged one"),
            ("without its end", cut, "holds no private key in PEM"),
            ("empty", "", "holds no private key in PEM"),
            ("rubbish", "canary-k3y", "holds no private key in PEM"),
        ];
        for (case, pem, what) in table {
            let unfit = PrivateKey::from_pem(pem).err().unwrap_or_else(|| panic!("{case}: a key"));
            assert_eq!(unfit.what, what, "{case}");
        }
    }

    #[test]
    fn a_key_that_cannot_sign_an_algorithm_says_which_it_can() {
        let key = PrivateKey::from_pem(key!("rsa.pkcs1")).expect("a key");
        let unfit = key.sign(Algorithm::Es256, b"").expect_err("another kind");
        assert_eq!(unfit.what, "holds a key for RS256 and PS256, which cannot sign ES256");
    }
}
