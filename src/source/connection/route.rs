//! The way to a server: whom TLS trusts there, which is never nobody, who we are to it, and which proxy is in between. No redirect is
//! followed. There is one client for all who go the same way, because making one parses the system's whole CA store.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

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

/// What changes when another file takes the place of one: its number, its length and when it was written. Nothing where there is none.
type Stamp = Option<(u64, u64, SystemTime)>;

/// A client, and what its files were before it was made of them.
struct Made {
    of: Vec<Stamp>,
    client: Client,
}

static CLIENTS: Mutex<Option<HashMap<Way, Made>>> = Mutex::new(None);

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
        let files = self.files().zip(self.stamps()).map(|(path, stamp)| format!("{} {stamp:?}", path.display()));
        files.chain(self.proxy.clone()).map(Secret::new).collect()
    }

    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.ca_file, &self.client_cert, &self.client_key].into_iter().flatten()
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.files().map(|path| stamp(path)).collect()
    }

    /// The client that goes this way, or straight to its end, and keeps the certificate of the server where it `watches`. It is made anew
    /// where one of its files is another one by now: a watcher outlives certificates.
    pub fn client(&self, is_direct: bool, watches: bool) -> Result<Client, SourceError> {
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = clients.get_or_insert_default();
        let (way, stamps) = ((self.clone(), is_direct, watches), self.stamps());
        if let Some(made) = clients.get(&way).filter(|made| made.of == stamps) {
            return Ok(made.client.clone());
        }
        let client = self.build(is_direct, watches)?;
        clients.insert(way, Made { of: stamps, client: client.clone() });
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

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.modified().ok()?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_replaced_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let route = Route { ca_file: Some(path.clone()), ..Route::default() };
        let certificate = || {
            let key = rcgen::KeyPair::generate().expect("a key");
            let parameters = rcgen::CertificateParams::new(["x.example.com".to_owned()]).expect("a name");
            parameters.self_signed(&key).expect("a certificate").pem()
        };
        let replace = |text: String| {
            std::fs::write(folder.path().join("new"), text).expect("written");
            std::fs::rename(folder.path().join("new"), &path).expect("replaced");
        };
        for (text, is_good) in [(certificate(), true), ("no certificate".to_owned(), false), (certificate(), true)] {
            replace(text);
            let before = route.circumstances();
            for _ in 0..2 {
                assert_eq!(route.client(false, false).is_ok(), is_good);
            }
            assert!(route.circumstances() == before, "nothing changed");
        }
    }
}
