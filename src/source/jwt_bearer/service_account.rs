//! The key file of a service account, as Google's and Nebius' consoles hand it out: who the account is, its private key, and where that
//! is presented. The file must be private, is read anew for each token, and none of its content is ever shown.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::super::SourceError;
use super::super::answer::object_without_duplicates;
use super::super::connection::host;
use super::super::discovery::secure_url;
use super::super::endpoint::Form;
use super::super::input::read_private;
use super::super::jwt::{Algorithm, Claims, Jwt, Key};
use super::GRANT;
use crate::clock::Timestamp;
use crate::error::Class;
use crate::secret::Secret;
use crate::settings::{Item, Mistake, Section};

/// How long the JWT holds: Google takes one hour at most, and each serves for one request.
const TTL: Duration = Duration::from_secs(5 * 60);

/// Whom a JWT is meant for that is presented to Nebius, and where it is presented (the README of nebius/api, Service Account
/// Authentication).
const NEBIUS_AUDIENCE: &str = "token-service.iam.new.nebiuscloud.net";
const NEBIUS_ENDPOINT: &str = "https://auth.eu.nebius.com/oauth2/token/exchange";

/// What a profile says of its service account.
#[derive(Debug)]
pub struct ServiceAccount {
    key_file: PathBuf,
    /// For whom it asks: a user of a Google Workspace that delegates to it.
    subject: Option<String>,
    audience: Vec<String>,
    scope: Option<String>,
}

/// What its key file says.
#[derive(Debug)]
struct Account {
    vendor: Vendor,
    jwt: Jwt,
    token_endpoint: Url,
}

/// Whose service account it is, which decides how the JWT is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vendor {
    Google,
    Nebius,
}

impl ServiceAccount {
    /// Reads the keys beside `key_file`. Scope and audience go into the JWT or the form, as the vendor of the account has it.
    pub fn from_settings(key_file: PathBuf, section: &mut Section<'_>) -> Result<Self, Mistake> {
        let scope = section.optional("scope", Item::one_or_more)?.filter(|scope| !scope.is_empty());
        Ok(Self {
            key_file,
            subject: section.optional("subject", Item::string)?,
            audience: section.optional("audience", Item::one_or_more)?.unwrap_or_default(),
            scope: scope.map(|scope| scope.join(" ")),
        })
    }

    /// The scope that is asked for.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    pub fn identity(&self) -> Vec<(&'static str, String)> {
        let key_file = ("key_file", self.key_file.display().to_string());
        let audience = self.audience.iter().map(|audience| ("audience", audience.clone()));
        let others =
            [("subject", &self.subject), ("scope", &self.scope)].into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        [key_file].into_iter().chain(audience).chain(others).collect()
    }

    /// The content of the key file, for a digest.
    pub fn credentials(&self) -> Option<Secret> {
        read_private(&self.key_file).map(Secret::new).ok()
    }

    /// Where the key file says that it is presented, as far as it can be read.
    pub fn host(&self) -> Option<String> {
        self.token_endpoint().as_ref().map(host)
    }

    /// The same as an address.
    pub fn token_endpoint(&self) -> Option<Url> {
        self.read().ok().map(|account| account.token_endpoint)
    }

    /// The path of the key file.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// A JWT in the form that presents it, and where its key file says to.
    ///
    /// # Errors
    /// [`Class::Config`] where the file is not there, not private or no key file of a service account.
    pub fn present(&self, form: &Form, now: Timestamp) -> Result<(Form, Url), SourceError> {
        let account = self.read()?;
        let signed = account.jwt.sign(now)?;
        let form = match account.vendor {
            Vendor::Google => form.of_grant(GRANT).with_secret("assertion", signed),
            Vendor::Nebius => exchanged(form, signed, self.scope()),
        };
        Ok((form, account.token_endpoint))
    }

    fn read(&self) -> Result<Account, SourceError> {
        // What is not text now will not be text the next time either.
        let text = read_private(&self.key_file).map_err(|error| SourceError { class: Class::Config, ..error })?;
        let text = Secret::new(text);
        let object = object_without_duplicates(text.expose().as_bytes()).map_err(|what| self.unfit(&what))?;
        match object.get("subject-credentials") {
            Some(Value::Object(credentials)) => self.nebius(credentials),
            _ => self.google(&object),
        }
    }

    /// `{"type": "service_account", …}`.
    fn google(&self, object: &Map<String, Value>) -> Result<Account, SourceError> {
        match object.get("type").and_then(Value::as_str) {
            Some("service_account") => {}
            Some("authorized_user") => return Err(self.unfit("it holds the login of a user")),
            Some("external_account" | "external_account_authorized_user" | "impersonated_service_account") => {
                return Err(self.unfit("it holds no key, but says where a token of another issuer is had"));
            }
            _ => return Err(self.unfit("it is neither of Google's form nor of Nebius'")),
        }
        let token_uri = self.text(object, "token_uri")?;
        let token_endpoint = secure_url(token_uri).map_err(|what| self.unfit(&format!("`token_uri` {what}")))?;
        let claims = Claims {
            issuer: Some(self.text(object, "client_email")?.to_owned()),
            subject: self.subject.clone(),
            audience: self.audience_or(token_uri),
        };
        let key_id = object.get("private_key_id").and_then(Value::as_str).map(str::to_owned);
        let key = self.key(object, "private_key")?;
        let jwt = Jwt { key, key_id, algorithm: None, claims, scope: self.scope.clone(), ttl: TTL };
        Ok(Account { vendor: Vendor::Google, jwt, token_endpoint })
    }

    /// `{"subject-credentials": {"alg": …, "private-key": …, "kid": …, "iss": …, "sub": …}}`.
    fn nebius(&self, object: &Map<String, Value>) -> Result<Account, SourceError> {
        let algorithm = self.text(object, "alg")?;
        let Some((_, algorithm)) = Algorithm::ALL.into_iter().find(|(name, _)| *name == algorithm) else {
            return Err(self.unfit("its `alg` is not known here"));
        };
        let claims = Claims {
            issuer: Some(self.text(object, "iss")?.to_owned()),
            subject: Some(self.subject.as_deref().map_or_else(|| self.text(object, "sub"), Ok)?.to_owned()),
            audience: self.audience_or(NEBIUS_AUDIENCE),
        };
        let key_id = Some(self.text(object, "kid")?.to_owned());
        let key = self.key(object, "private-key")?;
        let jwt = Jwt { key, key_id, algorithm: Some(algorithm), claims, scope: None, ttl: TTL };
        let token_endpoint = secure_url(NEBIUS_ENDPOINT).map_err(|what| self.unfit(&what))?;
        Ok(Account { vendor: Vendor::Nebius, jwt, token_endpoint })
    }

    fn audience_or(&self, default: &str) -> Vec<String> {
        if self.audience.is_empty() { vec![default.to_owned()] } else { self.audience.clone() }
    }

    fn key(&self, object: &Map<String, Value>, key: &str) -> Result<Key, SourceError> {
        Ok(Key::Read { pem: Secret::new(self.text(object, key)?.to_owned()), path: self.key_file.clone() })
    }

    fn text<'a>(&self, object: &'a Map<String, Value>, key: &str) -> Result<&'a str, SourceError> {
        let text = object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| self.unfit(&format!("it has no `{key}`")))
    }

    fn unfit(&self, what: &str) -> SourceError {
        // Error (secure_url): The file is JSON of something else: the login of a user, or the description of a federation.
        let error = SourceError::new(Class::Config, format!("{} is no key file of a service account: {what}", self.key_file.display()));
        error.with_hint("`key_file` takes the JSON file that the console makes with a new key")
    }
}

/// Nebius has a token exchange (RFC 8693) where Google has the grant of RFC 7523.
fn exchanged(form: &Form, signed: Secret, scope: Option<&str>) -> Form {
    let form = form
        .of_grant("urn:ietf:params:oauth:grant-type:token-exchange")
        .with_secret("subject_token", signed)
        .with("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
        .with("requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
    match scope {
        Some(scope) => form.with("scope", scope),
        None => form,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;

    const KEY: &str = include_str!("../../../tests/fixtures/keys/rsa.pkcs8.pem");
    /// The beginning of what that key encodes.
    const INSIDE: &str = "MIIEv";

    /// What becomes of a key file with this content.
    fn presented(content: &Value) -> Result<(Vec<String>, String), SourceError> {
        let folder = tempfile::tempdir().expect("a folder");
        let key_file = folder.path().join("account.json");
        fs::write(&key_file, content.to_string()).expect("a file");
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).expect("its mode");
        let account = ServiceAccount { key_file, subject: None, audience: Vec::new(), scope: Some("a b".to_owned()) };
        let (form, place) = account.present(&Form::bare(), Timestamp::from_unix_seconds(1_795_348_800))?;
        let fields = form.identity().into_iter().map(|(_, field)| field.split('.').next().unwrap_or_default().to_owned());
        Ok((fields.filter(|field| !field.contains("=eyJ")).collect(), place.to_string()))
    }

    fn google() -> Value {
        json!({
            "type": "service_account", "project_id": "p", "private_key_id": "k1", "private_key": KEY, "client_email": "me@p.example",
            "client_id": "1", "token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com",
        })
    }

    fn nebius() -> Value {
        json!({"subject-credentials": {"alg": "RS256", "private-key": KEY, "kid": "publickey-1", "iss": "sa-1", "sub": "sa-1"}})
    }

    #[test]
    fn each_is_presented_as_its_vendor_has_it() {
        let (fields, place) = presented(&google()).expect("a form");
        assert_eq!(fields, ["grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer"]);
        assert_eq!(place, "https://oauth2.googleapis.com/token");
        let (fields, place) = presented(&nebius()).expect("a form");
        let expected = [
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type=urn:ietf:params:oauth:token-type:jwt",
            "requested_token_type=urn:ietf:params:oauth:token-type:access_token",
            "scope=a b",
        ];
        assert_eq!(fields, expected);
        assert_eq!(place, "https://auth.eu.nebius.com/oauth2/token/exchange");
    }

    #[test]
    fn what_is_no_key_file_says_what_it_lacks() {
        let with = |mut file: Value, pointer: &str, value: Value| {
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
            file.pointer_mut(parent).expect("its place")[key] = value;
            file
        };
        let table = [
            (json!([]), "no JSON object"),
            (json!({}), "neither of Google's form nor of Nebius'"),
            (json!({"type": "canary-typ3"}), "neither of Google's form nor of Nebius'"),
            (json!({"type": "authorized_user"}), "the login of a user"),
            (json!({"type": "external_account"}), "a token of another issuer"),
            (with(google(), "/client_email", Value::Null), "has no `client_email`"),
            (with(google(), "/private_key", json!("")), "has no `private_key`"),
            (with(google(), "/token_uri", json!(7)), "has no `token_uri`"),
            (with(google(), "/token_uri", json!("http://x.example/")), "`token_uri` must be https"),
            (with(google(), "/private_key", json!("canary-k3y")), "holds no private key in PEM"),
            (with(nebius(), "/subject-credentials/alg", json!("HS256")), "its `alg` is not known here"),
            (with(nebius(), "/subject-credentials/alg", json!("ES256")), "which cannot sign ES256"),
            (with(nebius(), "/subject-credentials/kid", Value::Null), "has no `kid`"),
            (with(nebius(), "/subject-credentials/iss", Value::Null), "has no `iss`"),
            (with(nebius(), "/subject-credentials/sub", Value::Null), "has no `sub`"),
        ];
        for (content, what) in table {
            let error = presented(&content).expect_err(what);
            assert_eq!(error.class, Class::Config, "{what}");
            assert!(error.message.contains(what) && error.message.contains("account.json"), "{what}: {error:?}");
            let shown = format!("{error:?}");
            assert!(!shown.contains("canary") && KEY.contains(INSIDE) && !shown.contains(INSIDE), "{error:?}");
        }
    }
}
