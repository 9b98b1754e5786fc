//! What an issuer offers to somebody who is about to configure a client of it: which grants, by which proofs of who the client is, and
//! which scopes that matter for a login. Found out by the same discovery, and under the same checks, as at any renewal.
//!
//! It promises that nothing of it steers a terminal or a file: of what a document says, only words that are known here and scope tokens
//! (RFC 6749 §3.3) are kept, and the issuer's own name, which is the one that was asked for but for a slash at its end.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::any::Configured as _;
use super::connection::{Connection, host};
use super::discovery::{Endpoint, document, read, secure_url, without_document};
use super::{AuthorizationCode, ClientAuth, ClientCredentials, DeviceCode, Memory, Request, SourceError, Url};
use crate::clock::Timestamp;
use crate::error::Class;

/// The longest name of a scope that is suggested to anybody.
const LONGEST_SCOPE: usize = 100;

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// A grant that a profile can be configured for by asking its issuer and, at most, a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// Somebody logs in with a browser (RFC 6749 §4.1).
    AuthorizationCode,
    /// Somebody logs in on another device (RFC 8628).
    DeviceCode,
    /// The client speaks for itself (RFC 6749 §4.4).
    ClientCredentials,
}

impl GrantType {
    /// All of them, as somebody at a terminal would rather have them.
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::DeviceCode, Self::ClientCredentials];

    /// The kind of source that it is in a configuration.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::AuthorizationCode => AuthorizationCode::KIND,
            Self::DeviceCode => DeviceCode::KIND,
            Self::ClientCredentials => ClientCredentials::KIND,
        }
    }

    /// What it is called in metadata (RFC 7591 §2).
    const fn registered(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// Whether a person logs in for it.
    #[must_use]
    pub const fn logs_in(self) -> bool {
        !matches!(self, Self::ClientCredentials)
    }

    const fn needed(self) -> &'static [Endpoint] {
        match self {
            Self::AuthorizationCode => &[Endpoint::Token, Endpoint::Authorization],
            Self::DeviceCode => &[Endpoint::Token, Endpoint::DeviceAuthorization],
            Self::ClientCredentials => &[Endpoint::Token],
        }
    }

    /// The keys of the endpoints that it asks.
    pub fn endpoints(self) -> impl Iterator<Item = &'static str> {
        self.needed().iter().map(|endpoint| endpoint.key())
    }
}

/// The address of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerAddress {
    text: String,
    url: Url,
}

impl IssuerAddress {
    /// Its host, with a port that is not the usual one.
    #[must_use]
    pub fn host(&self) -> String {
        host(&self.url)
    }
}

/// As people have it at hand: without `https://` perhaps, or as the address of the discovery document.
impl FromStr for IssuerAddress {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let typed = typed.trim();
        if typed.starts_with(['.', '/', '~']) || typed.contains(char::is_whitespace) {
            return Err("expected an address; a command goes behind `--`".to_owned());
        }
        if !typed.contains("://") && matches!(typed.split_once([':', '/']), Some(("http" | "https", _))) {
            return Err("expected :// behind https".to_owned());
        }
        let text = if typed.contains("://") { typed.to_owned() } else { format!("https://{typed}") };
        let text = match (text.strip_suffix(OPENID), text.split_once(OAUTH)) {
            (Some(issuer), _) => issuer.to_owned(),
            (None, Some((origin, path))) => format!("{origin}{path}"),
            (None, None) => text,
        };
        let url = secure_url(&text)?;
        Ok(Self { text, url })
    }
}

/// Whether a profile may send its secrets to the address `text`.
///
/// # Errors
/// A sentence that says what was wanted.
pub fn check_endpoint(text: &str) -> Result<(), String> {
    secure_url(text).map(drop)
}

/// What an issuer says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name, to the letter.
    pub issuer: String,
    /// The grants that it offers and that it says all of where they are asked for; those that it could have, where it does not say.
    pub grants: Vec<GrantType>,
    /// How clients may prove who they are, where it says so.
    pub methods: Option<Vec<ClientAuth>>,
    /// The scopes that it tells of.
    pub scopes: Vec<String>,
    endpoints: Vec<Endpoint>,
}

impl Offer {
    /// Asks the issuer at `address`, within `limit`; `None` where it says nothing of itself.
    ///
    /// # Errors
    /// [`SourceError`] where it cannot be asked, or what it says must not be believed.
    pub async fn of(
        address: &IssuerAddress,
        ca_file: Option<PathBuf>,
        now: Timestamp,
        limit: Duration,
    ) -> Result<Result<Self, SourceError>, SourceError> {
        let connection = Connection::trusting(ca_file);
        let logins = Memory::default();
        let request = Request { previous: None, now, limit, until: now.after(limit), insists: true, person: None, logins: &logins };
        let asked = tokio::time::timeout(limit, document(&address.url, &connection, request)).await;
        let silent = || {
            let message = format!("no answer of {} within {}", address.host(), humantime::format_duration(limit));
            SourceError::new(Class::Network, message)
        };
        match asked.map_err(|_| silent())?? {
            Ok(document) => Self::read(&document, address).map(Ok),
            Err(status) => Ok(Err(without_document(&address.url, status))),
        }
    }

    /// Reads the discovery document of the issuer at `address`.
    ///
    /// # Errors
    /// [`SourceError`] where it is another's, or names a place to which no secret may be sent.
    pub(super) fn read(document: &Map<String, Value>, address: &IssuerAddress) -> Result<Self, SourceError> {
        let metadata = read(document, &address.text, &address.url).map_err(|error| {
            let is_anothers = error.hint.is_some();
            if is_anothers { error.with_hint("give that address, if it is the right one") } else { error }
        })?;
        let issuer = document.get("issuer").and_then(Value::as_str).unwrap_or(&address.text).to_owned();
        let grants = words(document, "grant_types_supported");
        let offers = |grant: &GrantType| {
            let is_listed = grants.as_ref().is_none_or(|listed| listed.contains(&grant.registered()));
            is_listed && grant.needed().iter().all(|endpoint| metadata.names(*endpoint))
        };
        let methods = words(document, "token_endpoint_auth_methods_supported");
        let scopes = words(document, "scopes_supported").unwrap_or_default();
        Ok(Self {
            issuer,
            grants: GrantType::ALL.into_iter().filter(offers).collect(),
            methods: methods.map(|methods| methods.into_iter().filter_map(method).collect()),
            scopes: scopes.into_iter().filter(|scope| is_scope_token(scope)).map(str::to_owned).collect(),
            endpoints: Endpoint::ALL.into_iter().filter(|endpoint| metadata.names(*endpoint)).collect(),
        })
    }

    /// Whether it says where the endpoint of this key is.
    #[must_use]
    pub fn names(&self, key: &str) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.key() == key)
    }

    /// The scopes that a login is worth asking for: those by which it says who logged in, and lasts.
    #[must_use]
    pub fn login_scopes(&self) -> Vec<String> {
        let known = ["openid", "offline_access"].into_iter().filter(|wanted| self.scopes.iter().any(|scope| scope == wanted));
        known.map(str::to_owned).collect()
    }
}

fn words<'d>(document: &'d Map<String, Value>, key: &str) -> Option<Vec<&'d str>> {
    Some(document.get(key)?.as_array()?.iter().filter_map(Value::as_str).collect())
}

/// By its registered name (RFC 7591 §2, `OpenID` Connect Core §9).
fn method(name: &str) -> Option<ClientAuth> {
    match name {
        "client_secret_basic" => Some(ClientAuth::Basic),
        "client_secret_post" => Some(ClientAuth::Post),
        "private_key_jwt" => Some(ClientAuth::PrivateKeyJwt),
        "none" => Some(ClientAuth::None),
        _ => None,
    }
}

/// Whether `text` is the name of a scope (RFC 6749 §3.3).
#[must_use]
pub fn is_scope_token(text: &str) -> bool {
    let is_fit = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=LONGEST_SCOPE).contains(&text.len()) && text.bytes().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::super::answer::object_without_duplicates;
    use super::*;

    #[test]
    fn an_issuer_is_known_by_what_people_have_at_hand() {
        const COMMAND: &str = "expected an address; a command goes behind `--`";
        let table = [
            ("https://login.example.com", Ok("https://login.example.com")),
            (" login.example.com/realms/a \n", Ok("https://login.example.com/realms/a")),
            ("https://x.example/realms/a/.well-known/openid-configuration", Ok("https://x.example/realms/a")),
            ("x.example/.well-known/oauth-authorization-server/realms/a", Ok("https://x.example/realms/a")),
            ("http://127.0.0.1:8080/o", Ok("http://127.0.0.1:8080/o")),
            ("http://login.example.com", Err("must be https (http is for this machine only)")),
            ("https://me:secret@login.example.com", Err("an address holds no user or password")),
            ("", Err("expected an address such as \"https://login.example.com\"")),
            ("two words", Err(COMMAND)),
            ("./mint.sh", Err(COMMAND)),
            ("https//login.example.com", Err("expected :// behind https")),
            ("https:login.example.com", Err("expected :// behind https")),
        ];
        for (typed, expected) in table {
            let found = typed.parse::<IssuerAddress>().map(|address| address.text);
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{typed}");
        }
    }

    fn offer(keys: &str) -> Result<Offer, SourceError> {
        let json = format!(r#"{{"issuer":"https://x.example/","token_endpoint":"https://x.example/t"{keys}}}"#);
        Offer::read(&object_without_duplicates(json.as_bytes()).expect("an object"), &"x.example".parse().expect("an address"))
    }

    #[test]
    fn a_grant_is_offered_that_is_listed_and_has_its_endpoints() {
        use GrantType::{AuthorizationCode, ClientCredentials, DeviceCode};
        const BOTH: &str = r#","authorization_endpoint":"https://x.example/a","device_authorization_endpoint":"https://x.example/d""#;
        let listed = |grants: &str| format!(r#"{BOTH},"grant_types_supported":[{grants}]"#);
        let table: [(String, &[GrantType]); 6] = [
            (String::new(), &[ClientCredentials]),
            (BOTH.to_owned(), &[AuthorizationCode, DeviceCode, ClientCredentials]),
            (listed(r#""client_credentials","authorization_code","password",7"#), &[AuthorizationCode, ClientCredentials]),
            (listed(r#""urn:ietf:params:oauth:grant-type:device_code""#), &[DeviceCode]),
            (listed(""), &[]),
            (r#","grant_types_supported":["authorization_code"]"#.to_owned(), &[]),
        ];
        for (keys, expected) in table {
            let offer = offer(&keys).expect(&keys);
            assert_eq!(offer.grants, expected, "{keys}");
            assert!(offer.grants.iter().all(|grant| grant.endpoints().all(|key| offer.names(key))), "{keys}");
        }
    }

    #[test]
    fn nothing_is_kept_that_is_not_known_or_not_fit() {
        let keys = r#","token_endpoint_auth_methods_supported":["none","\u001b[31m","client_secret_post"],
            "scopes_supported":["openid","\u001b]52;c;aGk=\u0007","two words","offline_access","","a\"b","\u202e"]"#;
        let offer = offer(keys).expect("an offer");
        assert_eq!(
            (offer.issuer.as_str(), offer.scopes.as_slice()),
            ("https://x.example/", &["openid".to_owned(), "offline_access".to_owned()][..])
        );
        assert_eq!(offer.methods, Some(vec![ClientAuth::None, ClientAuth::Post]));
        assert_eq!(offer.login_scopes(), ["openid", "offline_access"]);
    }

    #[test]
    fn a_document_of_another_or_that_leads_astray_is_refused() {
        let another = r#"{"issuer":"https://evil.example","token_endpoint":"https://x.example/t"}"#;
        let another = Offer::read(&object_without_duplicates(another.as_bytes()).expect("an object"), &"x.example".parse().expect("one"));
        let error = another.expect_err("another's");
        assert!(error.message.contains("https://evil.example") && error.hint.is_some_and(|hint| !hint.contains('`')), "{}", error.message);
        for keys in [r#","authorization_endpoint":"http://x.example/a""#, r#","device_authorization_endpoint":"https://127.0.0.1/d""#] {
            assert_eq!(offer(keys).expect_err(keys).class, Class::Refused, "{keys}");
        }
    }
}
