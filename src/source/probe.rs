//! A look at a source that is not asked for a token: what on this machine keeps it from being asked, whom it would ask, and how those
//! answer.
//!
//! It promises that no secret leaves this machine, that nothing is asked which an issuer could count as an attempt, that no command is run
//! and that nobody is asked to log in. A request of these has no body, no credentials, no query, and of the configured headers only those
//! that hold no secret. A client certificate is shown where the profile has one: it is for these servers.

mod certificate;
mod proxy;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::DATE;
use reqwest::tls::TlsInfo;

use super::connection::{Connection, host, is_direct};
use super::discovery::{Endpoint, Issuer, Metadata, well_known};
use super::{AnySource, Input, Memory, Request, SourceError, Url};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::error::{Class, one_line};

pub use proxy::{Proxy, variables as proxy_variables};

/// Somewhere that a source sends requests to.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it is to the source.
    pub role: &'static str,
    /// The headers that are configured and not sent.
    pub withheld: Vec<String>,
    url: Url,
    connection: Connection,
}

/// What a visit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The status of the answer.
    pub status: u16,
    /// What it says of the time, whatever that is.
    pub date: Option<String>,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it was there.
    pub answered_at: Timestamp,
    /// Who gave it, be that a proxy.
    pub address: Option<SocketAddr>,
    /// Until when the certificate of the server holds, where it has one.
    pub certificate_until: Option<Timestamp>,
}

/// An issuer that says where its endpoints are.
#[derive(Clone, Debug)]
pub struct Discovery {
    issuer: Issuer,
    place: Place,
    /// Whether the source cannot do without.
    pub is_needed: bool,
}

impl Place {
    fn new(role: &'static str, url: &Url, connection: &Connection) -> Self {
        let (connection, withheld) = connection.without_secrets();
        let mut url = url.clone();
        url.set_query(None);
        Self { role, withheld, url, connection }
    }

    /// Its host, and its port where that is another than usual.
    #[must_use]
    pub fn host(&self) -> String {
        host(&self.url)
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        one_line(self.url.as_str())
    }

    /// Whether it is asked by TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether it is this machine, or one that is reached from this machine alone.
    #[must_use]
    pub fn is_near(&self) -> bool {
        is_direct(&self.url)
    }

    /// Whether it is the same as `other`, and reached in the same way.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.url == other.url && self.connection.has_route_of(&other.connection)
    }

    /// The proxy on the way to it.
    #[must_use]
    pub fn proxy(&self) -> Option<Proxy> {
        match self.connection.proxy().filter(|_| !self.is_near()) {
            Some(proxy) => Some(Proxy::of_profile(proxy)),
            None if self.is_near() => None,
            None => Proxy::of_environment(&self.url),
        }
    }

    /// Asks for its head.
    ///
    /// # Errors
    /// Why there was no answer within `limit`.
    pub async fn visit(&self, limit: Duration) -> Result<Visit, SourceError> {
        within(limit, &self.host(), async {
            let request = self.connection.client(&self.url, true)?.request(Method::HEAD, self.url.clone());
            let asked_at = SystemClock.now();
            let answer = request.send().await.map_err(|error| self.connection.unreachable(&self.url, error))?;
            let date = answer.headers().get(DATE).map(|value| one_line(&String::from_utf8_lossy(value.as_bytes())));
            let certificate = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
            Ok(Visit {
                status: answer.status().as_u16(),
                date,
                asked_at,
                answered_at: SystemClock.now(),
                address: answer.remote_addr(),
                certificate_until: certificate.and_then(certificate::not_after),
            })
        })
        .await
    }
}

impl Discovery {
    /// Where its document is looked for first.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it is the same issuer as that of `other`, and reached in the same way.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let is_alike = self.place.withheld == other.place.withheld && self.place.connection.has_route_of(&other.place.connection);
        self.issuer.name() == other.issuer.name() && is_alike
    }

    /// Reads its document.
    ///
    /// # Errors
    /// Why there was none within `limit`, or none that may be believed.
    pub async fn read(&self, limit: Duration) -> Result<Metadata, SourceError> {
        let (now, logins) = (SystemClock.now(), Memory::default());
        let request = Request { previous: None, now, limit, until: now.after(limit), insists: false, person: None, logins: &logins };
        within(limit, &self.place.host(), self.issuer.metadata(&self.place.connection, request)).await
    }
}

async fn within<T>(limit: Duration, peer: &str, work: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let limit = humantime::format_duration(Duration::from_millis(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)));
        // Error: `token doctor` waits 5s for each server unless told otherwise. To do: check that no firewall is in between, or give it
        // more time: --request-timeout.
        Err(SourceError::new(Class::Network, format!("{peer} did not answer within {limit}")))
    })
}

impl AnySource {
    /// Its issuer, where that is asked for its endpoints.
    #[must_use]
    pub fn discovery(&self) -> Option<Discovery> {
        let client = &self.grant()?.client;
        let issuer = client.issuer().clone();
        let [place, _] = well_known(issuer.address()?);
        let place = Place::new("discovery document", &place, client.connection());
        let is_needed = self.endpoints().any(|endpoint| !issuer.knows(endpoint));
        Some(Discovery { issuer, place, is_needed })
    }

    /// Whom it asks, where its issuer says this of itself, or said nothing; and what it cannot know without that.
    #[must_use]
    pub fn places(&self, metadata: Option<&Metadata>) -> Vec<Result<Place, SourceError>> {
        if let Self::Http(http) = self {
            let (url, connection) = http.target();
            let mut root = url.clone();
            root.set_path("/");
            return vec![Ok(Place::new("address", &root, connection))];
        }
        let Some(client) = self.grant().map(|grant| &grant.client) else { return Vec::new() };
        let (issuer, nothing) = (client.issuer(), Metadata::default());
        let find = |endpoint: Endpoint| {
            let url = match self.place_of_account() {
                Some(url) if endpoint == Endpoint::Token => Ok(url),
                _ => issuer.endpoint(endpoint, metadata.unwrap_or(&nothing)),
            };
            url.map(|url| Place::new(endpoint.described(), &url, client.connection()))
        };
        let is_known = |endpoint: &Endpoint| metadata.is_some() || issuer.knows(*endpoint);
        let needed = self.endpoints().filter(is_known).map(find);
        needed.chain(find(Endpoint::Revocation).ok().map(Ok)).collect()
    }

    /// What keeps it from being asked, of what is known at once. One that `has_login` does without the first of its refresh tokens.
    #[must_use]
    pub fn obstacles(&self, now: Timestamp, has_login: bool) -> Vec<SourceError> {
        let first = if let Self::RefreshToken(source) = self { Some(source.first()) } else { None };
        let needed = |input: &&Input| !(has_login && first.is_some_and(|first| std::ptr::eq(first, *input)));
        let inputs = self.inputs().into_iter().filter(needed).filter_map(|input| match input {
            Input::Jwt(jwt) => jwt.sign(now).err(),
            other => other.read_at_once()?.err(),
        });
        let mut places = self.places(None).into_iter().flatten().chain(self.discovery().map(|discovery| discovery.place));
        let connection = places.next().and_then(|place| place.connection.client(&place.url, true).err());
        inputs.chain(self.obstacle(now)).chain(connection).collect()
    }

    /// The programs that it starts.
    #[must_use]
    pub fn programs(&self) -> Vec<String> {
        let of_input = |input: &Input| if let Input::Command(argv) = input { argv.first().cloned() } else { None };
        self.program().into_iter().chain(self.inputs().into_iter().filter_map(of_input)).collect()
    }

    /// Where the key file of a service account says that tokens are had, if it has the word.
    fn place_of_account(&self) -> Option<Url> {
        if let Self::JwtBearer(source) = self { source.place() } else { None }
    }
}
