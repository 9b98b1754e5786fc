//! The way to a server: whom TLS trusts there, which is never nobody, who we are to it, and which proxy is in between. No redirect is
//! followed. There is one client for all who go the same way, because making one parses the system's whole CA store.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use reqwest::{Certificate, Client, Proxy, redirect, retry};
use url::Url;
use zeroize::Zeroizing;

use super::unreachable::root_cause;
use crate::error::Class;
use crate::secret::{Secret, append};
use crate::settings::{Item, Mistake, Section};
use crate::source::SourceError;
use crate::source::input::{read_file, read_private};
use crate::source::resolve::Resolver;

/// The keys of a profile that decide which client can be shared.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Route {
    pub ca_file: Option<PathBuf>,
    pub client_cert: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
    pub proxy: Option<String>,
}

/// A route, whether it goes straight to its end, and whether the certificate of the server is kept.
type Way = (Route, bool, bool);

static CLIENTS: Mutex<Option<HashMap<Way, Client>>> = Mutex::new(None);

impl Route {
    pub fn from_settings(section: &mut Section<'_>) -> Result<Self, Mistake> {
        let route = Self {
            ca_file: section.optional("ca_file", Item::path)?,
            client_cert: section.optional("client_cert", Item::path)?,
            client_key: section.optional("client_key", Item::path)?,
            proxy: section.optional("proxy", proxy)?,
        };
        match (&route.client_cert, &route.client_key) {
            (Some(_), None) => Err(section.missing("client_key")),
            (None, Some(_)) => Err(section.missing("client_cert")),
            _ => Ok(route),
        }
    }

    /// What decides whether a server answers, beside the keys.
    pub fn circumstances(&self) -> Vec<Secret> {
        let paths = [&self.ca_file, &self.client_cert, &self.client_key].into_iter().flatten();
        let stamp = |path: &PathBuf| format!("{} {:?}", path.display(), std::fs::metadata(path).and_then(|file| file.modified()).ok());
        paths.map(stamp).chain(self.proxy.clone()).map(Secret::new).collect()
    }

    /// The client that goes this way, or straight to its end, and keeps the certificate of the server where it `watches`.
    pub fn client(&self, is_direct: bool, watches: bool) -> Result<Client, SourceError> {
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = clients.get_or_insert_default();
        let key = (self.clone(), is_direct, watches);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = self.build(is_direct, watches)?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    fn build(&self, is_direct: bool, watches: bool) -> Result<Client, SourceError> {
        let mut builder = Client::builder()
            .tls_info(watches)
            .user_agent(concat!("token/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .pool_max_idle_per_host(0)
            .dns_resolver(Resolver);
        if is_direct {
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
            let (mut pem, key) = (Zeroizing::new(read("client_cert", certificate)?), Zeroizing::new(read_private(key)?));
            append(&mut pem, key.as_bytes());
            // Error: The certificate of the client, or its key, is not PEM. To do: convert it by `openssl x509` or `openssl pkey`.
            let identity = reqwest::Identity::from_pem(&pem).map_err(|_| unusable("client_cert", "and client_key are no PEM pair"))?;
            builder = builder.identity(identity);
        }
        builder.build().map_err(|error| match root_cause(&error) {
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
    match read_file(path) {
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
