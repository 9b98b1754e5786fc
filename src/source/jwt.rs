//! JWTs signed on the spot (RFC 7515, 7519), as an assertion of who asks (RFC 7523 §3): a private key in a file instead of a secret that
//! travels. Each is signed for one request and never kept. The key's file must be private, and no message holds anything of it.

pub(super) mod key;

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use self::key::{PrivateKey, Unfit};
use super::SourceError;
use super::input::read_private;
use crate::clock::Timestamp;
use crate::error::Class;
use crate::secret::Secret;
use crate::settings::{Item, Mistake, parse_duration};
use crate::token::hex;

pub use self::key::Algorithm;

/// How long a JWT holds where its table does not say so.
const TTL: Duration = Duration::from_secs(5 * 60);

/// So short that it would expire on its way, and so long that somebody mistook it for the life of a token.
const SHORTEST_TTL: Duration = Duration::from_secs(10);
const LONGEST_TTL: Duration = Duration::from_secs(3600);

/// How far the issuer's clock may be behind ours, at most: a JWT from the future is refused.
const CLOCK_SLACK: Duration = Duration::from_secs(30);

/// What a JWT says and who signs it.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// What signs it.
    pub key: Key,
    /// `kid`: which of the issuer's keys for us this is.
    pub key_id: Option<String>,
    /// `alg`; without one, what the key is for.
    pub algorithm: Option<Algorithm>,
    /// Who says it, of whom, and to whom.
    pub claims: Claims,
    /// `scope`, which only some issuers look for in here.
    pub scope: Option<String>,
    /// How long it holds.
    pub ttl: Duration,
}

/// Who says something, of whom, and to whom (RFC 7519 §4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `iss`
    pub issuer: Option<String>,
    /// `sub`
    pub subject: Option<String>,
    /// `aud`
    pub audience: Vec<String>,
}

/// Where a private key is.
#[derive(Clone, Debug)]
pub enum Key {
    /// In a file of its own, read for each signature.
    File(PathBuf),
    /// In something that was read from `path` just now.
    Read {
        /// PEM.
        pem: Secret,
        /// Where it was.
        path: PathBuf,
    },
}

/// `alg`, `typ` and `kid` (RFC 7515 §4.1).
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

/// The claims and the times.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Audience<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    iat: i64,
    exp: i64,
    jti: String,
}

/// One is written as a string: some issuers take no list.
#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Several(&'a [String]),
}

impl Jwt {
    /// Reads the table behind `jwt`. Of the claims that it does not name, `defaults` stand.
    ///
    /// # Errors
    /// A [`Mistake`] where a key is wrong, unknown or missing.
    pub fn from_setting(item: Item<'_>, defaults: &Claims) -> Result<Self, Mistake> {
        let mut section = item.section()?;
        let key = Key::File(section.required("key_file", Item::path)?);
        let key_id = section.optional("key_id", Item::string)?;
        let algorithm = section.optional("algorithm", |item| item.choice(&Algorithm::ALL))?;
        let issuer = section.optional("issuer", Item::string)?.or_else(|| defaults.issuer.clone());
        let subject = section.optional("subject", Item::string)?.or_else(|| defaults.subject.clone());
        let audience = section.optional("audience", Item::one_or_more)?.unwrap_or_else(|| defaults.audience.clone());
        let ttl = section.optional("ttl", |item| item.parsed(parse_ttl))?.unwrap_or(TTL);
        if issuer.is_none() {
            return Err(section.missing("issuer"));
        }
        section.finish()?;
        let claims = Claims { issuer, subject, audience };
        Ok(Self { key, key_id, algorithm, claims, scope: None, ttl })
    }

    /// What decides whose token is had for it; nothing of it is secret.
    pub fn identity(&self) -> String {
        format!("{:?}", (self.key.path(), &self.key_id, &self.claims, &self.scope))
    }

    /// What else decides whether it is taken: for a digest, never for show.
    pub fn credentials(&self) -> Secret {
        let key = self.key.pem().map(|pem| pem.expose().to_owned()).unwrap_or_default();
        Secret::new(format!("{:?} {:?} {key}", self.algorithm, self.ttl))
    }

    /// Signs one that holds from `now` on. This takes the processor for a millisecond or two, and waits for nothing but the key's file.
    ///
    /// # Errors
    /// [`Class::Config`] where the key is not there, not private or of no use.
    pub fn sign(&self, now: Timestamp) -> Result<Secret, SourceError> {
        let pem = self.key.pem()?;
        let key = PrivateKey::from_pem(pem.expose()).map_err(|unfit| self.key.refused(&unfit))?;
        let algorithm = self.algorithm.unwrap_or(key.algorithm());
        let message = [part(&self.header(algorithm))?, part(&self.payload(now)?)?].join(".");
        let signature = key.sign(algorithm, message.as_bytes()).map_err(|unfit| self.key.refused(&unfit))?;
        Ok(Secret::new([message, URL_SAFE_NO_PAD.encode(signature)].join(".")))
    }

    fn header(&self, algorithm: Algorithm) -> Header<'_> {
        Header { alg: algorithm.name(), typ: "JWT", kid: self.key_id.as_deref() }
    }

    fn payload(&self, now: Timestamp) -> Result<Payload<'_>, SourceError> {
        let issued_at = now.before(CLOCK_SLACK.min(self.ttl / 10)).floor_to_second();
        Ok(Payload {
            iss: self.claims.issuer.as_deref(),
            sub: self.claims.subject.as_deref(),
            aud: match &self.claims.audience[..] {
                [] => None,
                [one] => Some(Audience::One(one)),
                several => Some(Audience::Several(several)),
            },
            scope: self.scope.as_deref(),
            iat: issued_at.unix_seconds(),
            exp: issued_at.after(self.ttl).unix_seconds(),
            jti: unique()?,
        })
    }
}

impl Key {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Read { path, .. } => path,
        }
    }

    fn pem(&self) -> Result<Secret, SourceError> {
        match self {
            // What cannot be read as text will not be text the next time either.
            Self::File(path) => read_private(path).map(Secret::new).map_err(|error| SourceError { class: Class::Config, ..error }),
            Self::Read { pem, .. } => Ok(pem.clone()),
        }
    }

    fn refused(&self, unfit: &Unfit) -> SourceError {
        // Error 2 (Unfit): The private key in `key_file` cannot sign. To do: name the file of a private key that the issuer knows the
        // public half of.
        let error = SourceError::new(Class::Config, format!("{} {}", self.path().display(), unfit.what));
        SourceError { hint: unfit.hint.map(str::to_owned), ..error }
    }
}

fn parse_ttl(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        ttl if (SHORTEST_TTL..=LONGEST_TTL).contains(&ttl) => Ok(ttl),
        _ => Err("must be from 10s to 1h: a JWT is signed for each request anew".to_owned()),
    }
}

fn part(object: &impl Serialize) -> Result<String, SourceError> {
    let json = serde_json::to_vec(object).map_err(|error| SourceError::new(Class::Config, error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// A `jti` that nobody guesses and no two JWTs share.
fn unique() -> Result<String, SourceError> {
    let mut bytes = [0; 16];
    let drawn = aws_lc_rs::rand::fill(&mut bytes);
    drawn.map_err(|_| SourceError::new(Class::Temporary, "the system gives no random numbers"))?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::{Value, json};

    use super::*;
    use crate::settings::{Context, Section};

    const NOW: i64 = 1_795_348_800;
    const KEY: &str = include_str!("../../tests/fixtures/keys/ed25519.pkcs8.pem");
    /// A line of that key.
    const INSIDE: &str = "MC4CAQAwBQYDK2VwBCIEI";

    fn read(table: &str, defaults: &Claims) -> Result<Jwt, Mistake> {
        let text = format!("jwt = {{ {table} }}");
        let context = Context { text: &text, folder: Path::new("/c"), home: None };
        Section::parse(context)?.required("jwt", |item| Jwt::from_setting(item, defaults))
    }

    /// Header and claims of a JWT that this table signs, without its `jti`.
    fn signed(table: &str, defaults: &Claims) -> (Value, Value) {
        let jwt =
            Jwt { key: Key::Read { pem: Secret::new(KEY.to_owned()), path: PathBuf::new() }, ..read(table, defaults).expect("a table") };
        let signed = jwt.sign(Timestamp::from_unix_seconds(NOW)).expect("a JWT");
        let parts: Vec<_> = signed.expose().split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url")).collect();
        let [header, payload, _] = parts.try_into().expect("three parts");
        let mut payload: Value = serde_json::from_slice(&payload).expect("JSON");
        let jti = payload.as_object_mut().and_then(|claims| claims.remove("jti")).expect("a jti");
        assert!(jti.as_str().is_some_and(|jti| jti.len() == 32 && jti.bytes().all(|byte| byte.is_ascii_hexdigit())), "{jti}");
        (serde_json::from_slice(&header).expect("JSON"), payload)
    }

    #[test]
    fn it_says_what_its_table_says_and_nothing_else() {
        let plain = json!({"alg": "EdDSA", "typ": "JWT"});
        let client = Claims { issuer: Some("ci".to_owned()), subject: Some("ci".to_owned()), audience: vec!["https://x".to_owned()] };
        let table = [
            ("issuer = 'me'", &Claims::default(), plain.clone(), json!({"iss": "me", "iat": NOW - 30, "exp": NOW + 270})),
            ("", &client, plain.clone(), json!({"iss": "ci", "sub": "ci", "aud": "https://x", "iat": NOW - 30, "exp": NOW + 270})),
            (
                "issuer = 'a', subject = 'b', audience = ['c', 'd'], key_id = 'k1', algorithm = 'EdDSA', ttl = '100s'",
                &client,
                json!({"alg": "EdDSA", "typ": "JWT", "kid": "k1"}),
                json!({"iss": "a", "sub": "b", "aud": ["c", "d"], "iat": NOW - 10, "exp": NOW + 90}),
            ),
            (
                "audience = 'one'",
                &client,
                plain.clone(),
                json!({"iss": "ci", "sub": "ci", "aud": "one", "iat": NOW - 30, "exp": NOW + 270}),
            ),
            ("ttl = '1h', audience = []", &client, plain, json!({"iss": "ci", "sub": "ci", "iat": NOW - 30, "exp": NOW + 3570})),
        ];
        for (text, defaults, header, payload) in table {
            let text = format!("key_file = '/k', {text}").trim_end_matches(", ").to_owned();
            assert_eq!(signed(&text, defaults), (header, payload), "{text}");
        }
    }

    #[test]
    fn its_table_is_checked() {
        let table = [
            ("issuer = 'me'", "jwt.key_file", "missing"),
            ("key_file = 'k'", "jwt.issuer", "missing"),
            ("key_file = 'k', issuer = 'me', key_ld = 'x'", "jwt.key_ld", "unknown key"),
            ("key_file = 'k', issuer = 'me', algorithm = 'HS256'", "jwt.algorithm", "`HS256` is not known here"),
            ("key_file = 'k', issuer = 'me', algorithm = 'none'", "jwt.algorithm", "`none` is not known here"),
            ("key_file = 'k', issuer = 'me', ttl = '9s'", "jwt.ttl", "must be from 10s to 1h: a JWT is signed for each request anew"),
            ("key_file = 'k', issuer = 'me', ttl = '2h'", "jwt.ttl", "must be from 10s to 1h: a JWT is signed for each request anew"),
            ("key_file = 'k', issuer = 'me', audience = 7", "jwt.audience", "expected a list of strings, found a number"),
        ];
        for (text, key, what) in table {
            let mistake = read(text, &Claims::default()).expect_err(text);
            assert_eq!((mistake.key.as_str(), mistake.what.as_str()), (key, what), "{text}");
        }
    }

    #[test]
    fn no_two_are_the_same() {
        let jwt = Jwt {
            key: Key::Read { pem: Secret::new(KEY.to_owned()), path: PathBuf::new() },
            ..read("key_file = 'k', issuer = 'me'", &Claims::default()).expect("a table")
        };
        let now = Timestamp::from_unix_seconds(NOW);
        let [first, second] = [jwt.sign(now), jwt.sign(now)].map(|signed| signed.expect("a JWT"));
        assert_ne!(first.expose(), second.expose());
    }

    #[test]
    fn a_file_that_does_not_serve_is_named_and_its_content_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        let jwt =
            read(&format!("key_file = '{}', issuer = 'me', algorithm = 'ES256'", path.display()), &Claims::default()).expect("a table");
        let latin1 = [b"\xe9 ", KEY.as_bytes()].concat();
        let damaged = KEY.replace("IEI", "I!EI");
        let table: [(Option<&[u8]>, u32, &str); 5] = [
            (None, 0o600, "cannot read"),
            (Some(KEY.as_bytes()), 0o640, "can be read by others"),
            (Some(KEY.as_bytes()), 0o600, "holds a key for EdDSA, which cannot sign ES256"),
            (Some(damaged.as_bytes()), 0o600, "holds a damaged key"),
            (Some(&latin1), 0o600, "is not text"),
        ];
        for (content, mode, what) in table {
            if let Some(content) = content {
                fs::write(&path, content).expect("a file");
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
            }
            let error = jwt.sign(Timestamp::from_unix_seconds(NOW)).expect_err(what);
            assert_eq!(error.class, Class::Config, "{what}");
            assert!(error.message.contains(what) && error.message.contains(&*path.to_string_lossy()), "{error:?}");
            assert!(KEY.contains(INSIDE) && !format!("{error:?} {jwt:?}").contains(INSIDE), "{error:?}");
        }
    }

    #[test]
    fn whose_token_it_is_and_whether_it_is_taken_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        let jwt = |more: &str| read(&format!("key_file = '{}', issuer = 'me'{more}", path.display()), &Claims::default()).expect("a table");
        let none = jwt("").credentials();
        fs::write(&path, KEY).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
        for more in [", subject = 'a'", ", audience = 'a'", ", key_id = 'a'"] {
            assert_ne!(jwt("").identity(), jwt(more).identity(), "{more}");
        }
        for more in [", ttl = '1m'", ", algorithm = 'EdDSA'"] {
            assert_eq!(jwt("").identity(), jwt(more).identity(), "{more}");
            assert_ne!(jwt("").credentials(), jwt(more).credentials(), "{more}");
        }
        assert_ne!(jwt("").credentials(), none, "another key");
        assert!(!jwt("").identity().contains(INSIDE));
    }
}
