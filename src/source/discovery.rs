//! Finding an issuer's endpoints: `OpenID` Connect Discovery 1.0 §4, then RFC 8414 §3.

use serde_json::{Map, Value};

use super::answer::object_without_duplicates;
use super::connection::{Connection, host, is_loopback};
use super::endpoint::retry_after;
use super::{Request, SourceError, Url};
use crate::error::Class;
use crate::settings::{Mistake, Section};

/// What an issuer can be asked for, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Authorization,
    DeviceAuthorization,
    Revocation,
    Token,
}

impl Endpoint {
    pub const ALL: [Self; 4] = [Self::Authorization, Self::DeviceAuthorization, Self::Revocation, Self::Token];

    /// Its key, in a configuration as in a discovery document.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Authorization => "authorization_endpoint",
            Self::DeviceAuthorization => "device_authorization_endpoint",
            Self::Revocation => "revocation_endpoint",
            Self::Token => "token_endpoint",
        }
    }

    /// In words.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Authorization => "authorization endpoint",
            Self::DeviceAuthorization => "device authorization endpoint",
            Self::Revocation => "revocation endpoint",
            Self::Token => "token endpoint",
        }
    }
}

/// Where a profile's issuer is: its endpoints by hand, or the issuer to be asked for them.
#[derive(Clone, Debug)]
pub(super) struct Issuer {
    /// As written: it is compared to the letter.
    issuer: Option<(String, Url)>,
    endpoints: Vec<(Endpoint, Url)>,
}

/// What an issuer says of itself.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    endpoints: Vec<(Endpoint, Url)>,
    /// Whether client secrets are taken in the form and not in the header.
    pub(super) only_post: bool,
    /// Whether its answers to a browser name it (RFC 9207 §3).
    pub(super) names_itself: bool,
}

impl Metadata {
    /// Whether it says where it is asked for this.
    pub(super) fn names(&self, endpoint: Endpoint) -> bool {
        self.endpoints.iter().any(|(known, _)| *known == endpoint)
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn addresses(&self) -> impl Iterator<Item = &Url> {
        self.endpoints.iter().map(|(_, url)| url)
    }
}

impl Issuer {
    /// Reads `issuer` and the keys of the endpoints that are `needed`, and of the revocation endpoint.
    pub fn from_settings(section: &mut Section<'_>, needed: &[Endpoint]) -> Result<Self, Mistake> {
        let issuer = Self::optional(section, needed)?;
        match needed.iter().find(|needed| issuer.issuer.is_none() && issuer.by_hand(**needed).is_none()) {
            None => Ok(issuer),
            Some(needed) => {
                let mut mistake = section.missing("issuer");
                mistake.hint.get_or_insert_with(|| format!("set `issuer` (or `{}`)", needed.key()));
                Err(mistake)
            }
        }
    }

    /// The same where something else knows what the profile does not say.
    pub fn optional(section: &mut Section<'_>, needed: &[Endpoint]) -> Result<Self, Mistake> {
        let issuer = section.optional("issuer", |item| item.parsed(|text| Ok((text.to_owned(), secure_url(text)?))))?;
        let mut endpoints = Vec::new();
        for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| *endpoint == Endpoint::Revocation || needed.contains(endpoint)) {
            let url = section.optional(endpoint.key(), |item| item.parsed(secure_url))?;
            endpoints.extend(url.map(|url| (endpoint, url)));
        }
        Ok(Self { issuer, endpoints })
    }

    fn by_hand(&self, endpoint: Endpoint) -> Option<&Url> {
        self.endpoints.iter().find(|(known, _)| *known == endpoint).map(|(_, url)| url)
    }

    /// What of it decides which token it gives.
    pub fn identity(&self) -> Vec<(&'static str, String)> {
        let issuer = self.issuer.as_ref().map(|(text, _)| ("issuer", text.clone()));
        let token_endpoint = self.by_hand(Endpoint::Token).map(|url| ("token_endpoint", url.to_string()));
        issuer.into_iter().chain(token_endpoint).collect()
    }

    /// Where it is, where it has a name.
    pub fn address(&self) -> Option<&Url> {
        self.issuer.as_ref().map(|(_, url)| url)
    }

    /// Its name, where it has one: to the letter.
    pub fn name(&self) -> Option<&str> {
        self.issuer.as_ref().map(|(text, _)| text.as_str())
    }

    /// Whether the profile says where tokens are had.
    pub fn is_named(&self) -> bool {
        self.issuer.is_some() || self.by_hand(Endpoint::Token).is_some()
    }

    /// Whom an assertion for it is meant for: itself (RFC 7523 §3), or its token endpoint where only that is known.
    pub fn audience(&self) -> Option<String> {
        self.name().map(str::to_owned).or_else(|| self.by_hand(Endpoint::Token).map(Url::to_string))
    }

    /// Whom a person sees us asking.
    pub fn host(&self) -> String {
        let url = self.by_hand(Endpoint::Token).or_else(|| self.issuer.as_ref().map(|(_, url)| url));
        url.map(host).unwrap_or_default()
    }

    /// Whether all there is to know of where it is was said by hand.
    pub fn knows(&self, endpoint: Endpoint) -> bool {
        self.by_hand(endpoint).is_some() || self.issuer.is_none()
    }

    /// Where it is asked for this.
    pub fn endpoint(&self, endpoint: Endpoint, metadata: &Metadata) -> Result<Url, SourceError> {
        let discovered = metadata.endpoints.iter().find(|(known, _)| *known == endpoint).map(|(_, url)| url);
        self.by_hand(endpoint).or(discovered).cloned().ok_or_else(|| {
            // Error: The issuer's discovery document does not have what this kind of source needs.
            let error = SourceError::new(Class::Refused, format!("{} names no {}", self.host(), endpoint.described()));
            error.with_hint(format!("set `{}`, if it has one", endpoint.key()))
        })
    }

    /// What it says of itself; nothing where there is nobody to be asked.
    pub async fn metadata(&self, connection: &Connection, request: Request<'_>) -> Result<Metadata, SourceError> {
        let Some((text, url)) = &self.issuer else { return Ok(Metadata::default()) };
        match document(url, connection, request).await? {
            Ok(document) => read(&document, text, url),
            Err(status) => Err(without_document(url, status).with_hint("check `issuer`, or set `token_endpoint`")),
        }
    }
}

/// The discovery document of `issuer`, or the HTTP status that says that it has none.
pub(super) async fn document(
    issuer: &Url,
    connection: &Connection,
    request: Request<'_>,
) -> Result<Result<Map<String, Value>, u16>, SourceError> {
    let mut refused = 0;
    for place in well_known(issuer) {
        let answer = connection.get(&place, request).await?;
        let status = answer.status.as_u16();
        match status {
            200 => {
                let object = object_without_duplicates(&answer.body);
                // Error (object_without_duplicates): Something else than the issuer answers there: a captive portal, a proxy, a wrong
                // address. To do: check `issuer`, or set `token_endpoint`.
                let unusable =
                    |what| SourceError::new(Class::Temporary, format!("the discovery document of {} is unusable: {what}", host(issuer)));
                return object.map(Ok).map_err(unusable);
            }
            408 | 425 | 429 | 500.. => {
                // Error: The issuer, or what stands before it, is overloaded or down. To do: nothing; it is tried again.
                let mut error = SourceError::new(Class::Temporary, format!("{} failed for now (HTTP {status})", host(issuer)));
                error.retry_after = answer.headers.get("retry-after").and_then(|value| retry_after(value.to_str().ok()?, request.now));
                return Err(error);
            }
            _ => refused = status,
        }
    }
    Ok(Err(refused))
}

pub(super) fn without_document(issuer: &Url, status: u16) -> SourceError {
    // Error: Neither `/.well-known/openid-configuration` nor `/.well-known/oauth-authorization-server` is there.
    // To do: check the address, or say where tokens are had (`token_endpoint`).
    SourceError::new(Class::Refused, format!("{} has no discovery document (HTTP {status})", host(issuer)))
}

/// An address to which a secret may be sent: https, or http to this machine.
pub(super) fn secure_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "expected an address such as \"https://login.example.com\"".to_owned())?;
    match url.scheme() {
        "https" | "http" if !url.has_host() => Err("expected an address with a host".to_owned()),
        "https" | "http" if !url.username().is_empty() || url.password().is_some() => {
            Err("an address holds no user or password".to_owned())
        }
        "https" | "http" if url.fragment().is_some() => Err("an address holds no fragment (#…)".to_owned()),
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err("must be https (http is for this machine only)".to_owned()),
    }
}

/// Appended for `OpenID` (Discovery 1.0 §4), inserted before the path for OAuth (RFC 8414 §3.1).
pub(super) fn well_known(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    [at(format!("{path}/.well-known/openid-configuration")), at(format!("/.well-known/oauth-authorization-server{path}"))]
}

pub(super) fn read(document: &Map<String, Value>, issuer: &str, url: &Url) -> Result<Metadata, SourceError> {
    let text = |key| document.get(key).and_then(Value::as_str);
    // Error: The document is not to be trusted with a secret: it speaks for another issuer, or leads to an address that is not safe. To
    // do: write `issuer` exactly as the document states it, or set the endpoints by hand.
    let refused = |what: &str| SourceError::new(Class::Refused, format!("the discovery document of {} {what}", host(url)));
    let stated = text("issuer").ok_or_else(|| refused("names no issuer"))?;
    if stated.trim_end_matches('/') != issuer.trim_end_matches('/') {
        return Err(refused(&format!("is of another issuer: {stated}")).with_hint("set `issuer` to that, if it is the right one"));
    }
    let mut endpoints = Vec::new();
    for endpoint in Endpoint::ALL {
        let Some(address) = text(endpoint.key()) else { continue };
        let described = endpoint.described();
        let address = secure_url(address).map_err(|_| refused(&format!("names a {described} that is not https")))?;
        if is_loopback(&address) && !is_loopback(url) {
            return Err(refused(&format!("names a {described} on this machine")));
        }
        endpoints.push((endpoint, address));
    }
    let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let offers = |name: &str| methods.is_some_and(|methods| methods.iter().any(|method| method == name));
    Ok(Metadata {
        endpoints,
        only_post: offers("client_secret_post") && !offers("client_secret_basic"),
        names_itself: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_keep_a_secret_are_taken() {
        let good = ["https://login.example.com", "https://x/y?z", "http://127.0.0.1:8080/t", "http://[::1]/", "http://localhost:1/"];
        let bad = [
            "http://login.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "ftp://x",
            "login.example.com",
            "https://u:p@x",
            "https://x/#f",
            "http://0.0.0.0/",
            "http://10.0.0.1/",
            "https://",
            "",
        ];
        for text in good {
            assert!(secure_url(text).is_ok(), "{text}");
        }
        for text in bad {
            assert!(secure_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn documents_are_looked_for_where_the_standards_say() {
        let at = |issuer: &str| well_known(&Url::parse(issuer).expect("an address")).map(|url| url.to_string());
        assert_eq!(
            at("https://x/realms/a/"),
            ["https://x/realms/a/.well-known/openid-configuration", "https://x/.well-known/oauth-authorization-server/realms/a"]
        );
        assert_eq!(at("https://x"), ["https://x/.well-known/openid-configuration", "https://x/.well-known/oauth-authorization-server"]);
    }

    #[test]
    fn a_document_must_be_its_issuers() {
        let url = Url::parse("https://x").expect("an address");
        let table = [
            (r#"{"issuer":"https://x","token_endpoint":"https://x/t"}"#, Ok(false)),
            (
                r#"{"issuer":"https://x/","token_endpoint":"https://y/t","token_endpoint_auth_methods_supported":["client_secret_post"]}"#,
                Ok(true),
            ),
            (
                r#"{"issuer":"https://x","token_endpoint":"https://x/t","token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]}"#,
                Ok(false),
            ),
            (r#"{"issuer":"https://evil","token_endpoint":"https://x/t"}"#, Err(Class::Refused)),
            (r#"{"token_endpoint":"https://x/t"}"#, Err(Class::Refused)),
            (r#"{"issuer":"https://x","revocation_endpoint":"http://y/r"}"#, Err(Class::Refused)),
            (r#"{"issuer":"https://x","token_endpoint":"http://x/t"}"#, Err(Class::Refused)),
            (r#"{"issuer":"https://x","token_endpoint":"http://127.0.0.1/t"}"#, Err(Class::Refused)),
        ];
        for (json, expected) in table {
            let document = object_without_duplicates(json.as_bytes()).expect("an object");
            let metadata = read(&document, "https://x", &url);
            assert_eq!(metadata.map(|metadata| metadata.only_post).map_err(|error| error.class), expected, "{json}");
        }
    }
}
