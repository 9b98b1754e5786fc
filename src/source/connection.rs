//! How servers are reached: TLS that is always verified, no redirect, no proxy to loopback, bounded answers, and one client for all
//! who connect alike, because making one parses the system's whole CA store.

mod stranger;
mod unreachable;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Method, Proxy, StatusCode, redirect, retry};
use url::Url;
use zeroize::Zeroizing;

use super::input::Input;
use super::resolve::Resolver;
use super::{Request, SourceError};
use crate::error::{Class, one_line};
use crate::secret::{Secret, append, is_named_as_secret};
use crate::settings::{Item, Mistake, Section};

/// The most that is read of an answer.
const LARGEST_ANSWER: usize = 1 << 20;

/// The connection keys of a profile.
#[derive(Clone, Default)]
pub struct Connection {
    route: Route,
    headers: Vec<(String, Input)>,
    /// Whether it is nobody's profile yet, but what was typed.
    is_typed: bool,
}

/// What decides which client can be shared.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Route {
    ca_file: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
    proxy: Option<String>,
}

/// Shows nothing: headers and the address of a proxy may hold secrets.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(…)")
    }
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Zeroizing<Vec<u8>>,
    /// The secrets in the headers of the request, which a peer may echo.
    pub sent: Vec<Secret>,
}

/// A route, whether it goes straight to its end, and whether the certificate of the server is kept.
type Way = (Route, bool, bool);

static CLIENTS: Mutex<Option<HashMap<Way, Client>>> = Mutex::new(None);

impl Connection {
    pub(super) fn from_settings(section: &mut Section<'_>) -> Result<Self, Mistake> {
        let route = Route {
            ca_file: section.optional("ca_file", Item::path)?,
            client_cert: section.optional("client_cert", Item::path)?,
            client_key: section.optional("client_key", Item::path)?,
            proxy: section.optional("proxy", proxy)?,
        };
        let headers = section.optional("headers", headers)?.unwrap_or_default();
        match (&route.client_cert, &route.client_key) {
            (Some(_), None) => Err(section.missing("client_key")),
            (None, Some(_)) => Err(section.missing("client_cert")),
            _ => Ok(Self { route, headers, is_typed: false }),
        }
    }

    /// One that trusts these certificates, which somebody has typed, too, and has nothing else that is particular.
    pub(super) fn trusting(ca_file: Option<PathBuf>) -> Self {
        Self { route: Route { ca_file, ..Route::default() }, headers: Vec::new(), is_typed: true }
    }

    /// Headers whose values are secrets that are somewhere else.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.headers.iter().map(|(_, value)| value).filter(|value| !value.is_inline())
    }

    /// Headers may carry API keys, and a proxy's address its password.
    pub(super) fn has_inline_secret(&self) -> bool {
        let is_secret = |(name, value): &(String, Input)| value.is_inline() && is_named_as_secret(name);
        self.headers.iter().any(is_secret) || self.route.proxy.as_deref().is_some_and(|proxy| proxy.contains('@'))
    }

    /// Whether the profile sets this header itself.
    pub(super) fn has_header(&self, wanted: &HeaderName) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted.as_str()))
    }

    /// What of it decides which token an issuer gives: who asks, and what he says beside the form.
    pub(super) fn identity(&self) -> Vec<(&'static str, String)> {
        let certificate = self.route.client_cert.iter().map(|path| ("client_cert", path.display().to_string()));
        let header = |(name, value): &(String, Input)| match value {
            Input::Inline(value) => ("header", format!("{name}: {}", value.expose())),
            other => ("header", format!("{name} from {}", other.identity())),
        };
        certificate.chain(self.headers.iter().map(header)).collect()
    }

    /// What else decides whether a server answers.
    pub(super) fn circumstances(&self) -> Vec<Secret> {
        let paths = [&self.route.ca_file, &self.route.client_cert, &self.route.client_key].into_iter().flatten();
        let stamp = |path: &PathBuf| format!("{} {:?}", path.display(), std::fs::metadata(path).and_then(|file| file.modified()).ok());
        paths.map(stamp).chain(self.route.proxy.clone()).map(Secret::new).collect()
    }

    /// Fetches `url`.
    pub(super) async fn get(&self, url: &Url, request: Request<'_>) -> Result<Answer, SourceError> {
        self.send(url, Method::GET, Zeroizing::default(), HeaderMap::new(), request).await
    }

    /// Posts a form to `url`, with the value of an Authorization header.
    pub(super) async fn post(
        &self,
        url: &Url,
        form: Zeroizing<String>,
        authorization: Option<HeaderValue>,
        request: Request<'_>,
    ) -> Result<Answer, SourceError> {
        let mut own = HeaderMap::new();
        own.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        own.extend(authorization.map(|value| (AUTHORIZATION, value)));
        self.send(url, Method::POST, form, own, request).await
    }

    /// Sends with the configured headers, of which `own` ones win.
    pub(super) async fn send(
        &self,
        url: &Url,
        method: Method,
        body: Zeroizing<String>,
        own: HeaderMap,
        request: Request<'_>,
    ) -> Result<Answer, SourceError> {
        let failed = |error: reqwest::Error| self.unreachable(url, error);
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let mut sent = Vec::new();
        for (name, input) in &self.headers {
            let value = input.read(request).await?;
            let (field, content) = header(name, &value)?;
            headers.insert(field, content);
            sent.extend(Some(value).filter(|_| is_named_as_secret(name) || !input.is_inline()));
        }
        headers.extend(own);
        // Some servers refuse what could have a body and does not say that it has none (RFC 9110 §8.6).
        if body.is_empty() && method != Method::GET {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let mut sending = self.client(url, false)?.request(method, url.clone()).headers(headers);
        if !body.is_empty() {
            // Wiped once it has been sent; what the connection made of it is not ours.
            sending = sending.body(Bytes::from_owner(body));
        }
        let mut response = sending.send().await.map_err(failed)?;
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                // Error: No token endpoint answers with that much: a captive portal, a proxy, a wrong address. To do: check `issuer`,
                // `token_endpoint` or `url`.
                return Err(SourceError::new(Class::Temporary, format!("{} answered with more than 1 MiB", host(url))));
            }
            append(&mut body, &chunk);
        }
        Ok(Answer { status: response.status(), headers: std::mem::take(response.headers_mut()), body, sent })
    }

    /// The client for `url`, which tells the certificate of the server where it `watches`.
    pub(super) fn client(&self, url: &Url, watches: bool) -> Result<Client, SourceError> {
        let direct = is_direct(url);
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = clients.get_or_insert_default();
        let key = (self.route.clone(), direct, watches);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = self.route.build(direct, watches)?;
        clients.insert(key, client.clone());
        Ok(client)
    }
}

impl Route {
    fn build(&self, direct: bool, watches: bool) -> Result<Client, SourceError> {
        let mut builder = Client::builder()
            .tls_info(watches)
            .user_agent(concat!("token/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .pool_max_idle_per_host(0)
            .dns_resolver(Resolver);
        if direct {
            builder = builder.no_proxy();
        } else if let Some(proxy) = &self.proxy {
            // Error: `proxy` cannot be used as an address. To do: write it as "http://proxy.example.com:3128".
            builder = builder.proxy(Proxy::all(proxy).map_err(|_| unusable("proxy", "is no address of one"))?);
        }
        if let Some(path) = &self.ca_file {
            let certificates = Certificate::from_pem_bundle(&read("ca_file", path)?).ok().filter(|bundle| !bundle.is_empty());
            // Error: The file has no `-----BEGIN CERTIFICATE-----`. To do: name the file of the authority that signed the issuer's
            // certificate.
            let certificates = certificates.ok_or_else(|| unusable("ca_file", "holds no PEM certificate"))?;
            builder = certificates.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        if let (Some(certificate), Some(key)) = (&self.client_cert, &self.client_key) {
            let (mut pem, key) = (Zeroizing::new(read("client_cert", certificate)?), Zeroizing::new(super::input::read_private(key)?));
            append(&mut pem, key.as_bytes());
            // Error: The certificate of the client, or its key, is not PEM. To do: convert it by `openssl x509` or `openssl pkey`.
            let identity = reqwest::Identity::from_pem(&pem).map_err(|_| unusable("client_cert", "and client_key are no PEM pair"))?;
            builder = builder.identity(identity);
        }
        builder.build().map_err(|error| match unreachable::root_cause(&error) {
            // Error: The key is of another certificate. To do: name the key that the certificate was made for.
            cause if cause.contains("KeyMismatch") => unusable("client_cert", "and client_key do not belong together"),
            // Error: The certificates of the system or of the profile cannot be used. To do: install the system's CA certificates, or set
            // `ca_file`.
            cause => SourceError::new(Class::Config, format!("TLS cannot be set up: {cause}"))
                .with_hint("install the system's CA certificates (ca-certificates), or check SSL_CERT_FILE, SSL_CERT_DIR and `ca_file`"),
        })
    }
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, SourceError> {
    match super::input::read_file(path) {
        Ok((text, _)) => Ok(text.into_bytes()),
        // Error 2: The file of `ca_file`, `client_cert` or `client_key` cannot be read. To do: check its path and permissions.
        Err(error) => Err(unusable(key, &format!("cannot be used: {}", error.message))),
    }
}

fn unusable(key: &str, what: &str) -> SourceError {
    SourceError::new(Class::Config, format!("{key} {what}"))
}

fn proxy(item: Item<'_>) -> Result<String, Mistake> {
    item.parsed(|text| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        _ => Err("expected the address of a proxy, as \"http://proxy.example.com:3128\"".to_owned()),
    })
}

fn headers(item: Item<'_>) -> Result<Vec<(String, Input)>, Mistake> {
    let read = |(name, item): (String, Item<'_>)| {
        let mistake = item.mistake("is no header");
        let value = Input::from_setting(item)?;
        let is_header = |value: &Input| match value {
            Input::Inline(value) => HeaderValue::try_from(value.expose()).is_ok(),
            _ => true,
        };
        if HeaderName::try_from(&name).is_ok() && is_header(&value) { Ok((name, value)) } else { Err(mistake) }
    };
    item.section()?.take_rest().into_iter().map(read).collect()
}

/// A header whose value is never shown.
pub(super) fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), SourceError> {
    let unfit =
        // Error: A header's value has no control characters; a line end at the end of a secret is left out. To do: mend the secret or the
        // value.
        |()| SourceError::new(Class::Config, format!("the value of the header {} has characters that no header has", one_line(name)));
    let mut value = HeaderValue::try_from(value.expose()).map_err(|_| ()).map_err(unfit)?;
    value.set_sensitive(true);
    Ok((HeaderName::try_from(name).map_err(|_| ()).map_err(unfit)?, value))
}

/// Whether `url` leads to the metadata server of a cloud: plain http by its nature, and never asked through a proxy.
pub(super) fn is_metadata(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_link_local(),
        Some(url::Host::Ipv6(address)) => address.is_unicast_link_local() || address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
        Some(url::Host::Domain(domain)) => domain == "metadata.google.internal",
        None => false,
    }
}

/// Whether `url` leads to this machine: requests to it may be plain http, and never go through a proxy.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(domain)) => domain == "localhost",
        None => false,
    }
}

/// Host and port of `url`, for people.
pub(super) fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.to_string(),
    }
}

/// Whether `url` is asked without any proxy.
pub(super) fn is_direct(url: &Url) -> bool {
    is_loopback(url) || is_metadata(url)
}
