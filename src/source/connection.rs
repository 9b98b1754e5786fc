//! How servers are asked: by a [`Route`] that is always verified, without a proxy to this machine, with the headers of the profile, and
//! for an answer that has its bound.

mod route;
mod stranger;
mod unreachable;

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use url::Url;
use zeroize::Zeroizing;

use self::route::Route;
use super::input::Input;
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

impl Connection {
    pub(super) fn from_settings(section: &mut Section<'_>) -> Result<Self, Mistake> {
        let route = Route::from_settings(section)?;
        Ok(Self { route, headers: section.optional("headers", headers)?.unwrap_or_default(), is_typed: false })
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
        self.route.circumstances()
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
        self.route.client(is_direct(url), watches)
    }
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
