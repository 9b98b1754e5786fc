//! Finding an issuer's endpoints: `OpenID` Connect Discovery 1.0 §4, then RFC 8414 §3.

use serde_json::{Map, Value};

use super::answer::object_without_duplicates;
use super::connection::{Connection, host, is_loopback};
use super::endpoint::retry_after;
use super::{SourceError, Url};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::settings::{Mistake, Section};

/// Where a profile's issuer is: its token endpoint by hand, or the issuer to be asked for it.
#[derive(Clone, Debug)]
pub(super) struct Issuer {
    /// As written: it is compared to the letter.
    issuer: Option<(String, Url)>,
    token_endpoint: Option<Url>,
}

/// What is known of an issuer.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub token_endpoint: Url,
    /// Whether client secrets are taken in the form and not in the header.
    pub only_post: bool,
}

impl Issuer {
    pub fn from_settings(section: &mut Section<'_>) -> Result<Self, Mistake> {
        let issuer = section.optional("issuer", |item| item.parsed(|text| Ok((text.to_owned(), secure_url(text)?))))?;
        let token_endpoint = section.optional("token_endpoint", |item| item.parsed(secure_url))?;
        if issuer.is_none() && token_endpoint.is_none() {
            let mut mistake = section.missing("issuer");
            mistake.hint.get_or_insert_with(|| "set `issuer` (or `token_endpoint`)".to_owned());
            return Err(mistake);
        }
        Ok(Self { issuer, token_endpoint })
    }

    pub fn identity(&self) -> Vec<(&'static str, String)> {
        let issuer = self.issuer.as_ref().map(|(text, _)| ("issuer", text.clone()));
        let token_endpoint = self.token_endpoint.as_ref().map(|url| ("token_endpoint", url.to_string()));
        issuer.into_iter().chain(token_endpoint).collect()
    }

    /// Whom a person sees us asking.
    pub fn host(&self) -> String {
        let url = self.token_endpoint.as_ref().or_else(|| self.issuer.as_ref().map(|(_, url)| url));
        url.map(host).unwrap_or_default()
    }

    /// What is known of it, asking it only for what the configuration does not say.
    pub async fn metadata(&self, connection: &Connection, now: Timestamp) -> Result<Metadata, SourceError> {
        let (text, url) = match (&self.token_endpoint, &self.issuer) {
            (Some(token_endpoint), _) => return Ok(Metadata { token_endpoint: token_endpoint.clone(), only_post: false }),
            (None, Some(issuer)) => issuer,
            (None, None) => return Err(SourceError::new(Class::Config, "no `issuer`")),
        };
        let mut refused = None;
        for place in well_known(url) {
            let answer = connection.get(&place).await?;
            let status = answer.status.as_u16();
            match status {
                200 => {
                    let object = object_without_duplicates(&answer.body);
                    let unusable =
                        |what| SourceError::new(Class::Temporary, format!("the discovery document of {} is unusable: {what}", host(url)));
                    return read(&object.map_err(unusable)?, text, url);
                }
                408 | 425 | 429 | 500.. => {
                    let mut error = SourceError::new(Class::Temporary, format!("{} failed for now (HTTP {status})", host(url)));
                    error.retry_after = answer.headers.get("retry-after").and_then(|value| retry_after(value.to_str().ok()?, now));
                    return Err(error);
                }
                _ => refused = Some(status),
            }
        }
        let message = format!("{} has no discovery document (HTTP {})", host(url), refused.unwrap_or_default());
        Err(SourceError::new(Class::Refused, message).with_hint("check `issuer`, or set `token_endpoint`"))
    }
}

/// An address to which a secret may be sent: https, or http to this machine.
fn secure_url(text: &str) -> Result<Url, String> {
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
fn well_known(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    [at(format!("{path}/.well-known/openid-configuration")), at(format!("/.well-known/oauth-authorization-server{path}"))]
}

fn read(document: &Map<String, Value>, issuer: &str, url: &Url) -> Result<Metadata, SourceError> {
    let text = |key| document.get(key).and_then(Value::as_str);
    let refused = |what: &str| SourceError::new(Class::Refused, format!("the discovery document of {} {what}", host(url)));
    let stated = text("issuer").ok_or_else(|| refused("names no issuer"))?;
    if stated.trim_end_matches('/') != issuer.trim_end_matches('/') {
        return Err(refused(&format!("is of another issuer: {stated}")).with_hint("set `issuer` to that, if it is the right one"));
    }
    let endpoint = text("token_endpoint").ok_or_else(|| refused("names no token endpoint"))?;
    let token_endpoint = secure_url(endpoint).map_err(|_| refused("names a token endpoint that is not https"))?;
    if is_loopback(&token_endpoint) && !is_loopback(url) {
        return Err(refused("names a token endpoint on this machine"));
    }
    let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let offers = |name: &str| methods.is_some_and(|methods| methods.iter().any(|method| method == name));
    Ok(Metadata { token_endpoint, only_post: offers("client_secret_post") && !offers("client_secret_basic") })
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
            (r#"{"issuer":"https://x"}"#, Err(Class::Refused)),
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
