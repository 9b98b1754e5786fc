//! Proxies in force: that of a profile, or the one that the environment names for an address, by the rules that the HTTP client goes by.
//! No password of theirs is ever shown.

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::Url;

/// What names proxies, in the order that counts, and an address that it is for.
const VARIABLES: [(&str, &str); 6] = [
    ("HTTPS_PROXY", "https://example.com"),
    ("https_proxy", "https://example.com"),
    ("HTTP_PROXY", "http://example.com"),
    ("http_proxy", "http://example.com"),
    ("ALL_PROXY", "https://example.com"),
    ("all_proxy", "https://example.com"),
];

/// A proxy on the way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its address, without user and password.
    pub address: String,
    /// What names it, for people.
    pub named_by: String,
    /// Whether it is one that can be asked.
    pub is_usable: bool,
}

impl Proxy {
    /// The one that a profile names.
    pub(super) fn of_profile(address: &str) -> Self {
        let shown = Url::parse(address).map(|url| bare(&url)).unwrap_or_default();
        Self { address: shown, named_by: "`proxy`".to_owned(), is_usable: true }
    }

    /// The one that the environment names for `url`.
    pub(super) fn of_environment(url: &Url) -> Option<Self> {
        let intercept = Matcher::from_env().intercept(&url.as_str().parse::<Uri>().ok()?)?;
        let variable = variables().into_iter().find(|(_, proxy)| proxy.as_ref().is_some_and(|proxy| proxy.address == shown(&intercept)));
        let named_by = variable.map_or_else(|| "the environment".to_owned(), |(name, _)| name.to_owned());
        Some(Self::of_intercept(&intercept, named_by))
    }

    fn of_intercept(intercept: &Intercept, named_by: String) -> Self {
        let is_usable = matches!(intercept.uri().scheme_str(), Some("http" | "https"));
        Self { address: shown(intercept), named_by, is_usable }
    }
}

/// The variables that are set to name proxies, each with the proxy; with none where it names nothing that is one.
#[must_use]
pub fn variables() -> Vec<(&'static str, Option<Proxy>)> {
    let read = |(name, target): (&'static str, &str)| {
        let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty())?;
        let matcher = Matcher::builder().all(value).build();
        let intercept = target.parse::<Uri>().ok().and_then(|uri| matcher.intercept(&uri));
        Some((name, intercept.map(|intercept| Proxy::of_intercept(&intercept, name.to_owned()))))
    };
    VARIABLES.into_iter().filter_map(read).collect()
}

fn shown(intercept: &Intercept) -> String {
    Url::parse(&intercept.uri().to_string()).map(|url| bare(&url)).unwrap_or_default()
}

fn bare(url: &Url) -> String {
    format!("{}://{}", url.scheme(), crate::error::one_line(&super::host(url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for address in ["http://me:hunter2@proxy.example.com:3128", "http://proxy.example.com:3128/", "http://me@proxy.example.com:3128"] {
            assert_eq!(Proxy::of_profile(address).address, "http://proxy.example.com:3128");
        }
        let matcher = Matcher::builder().all("socks5://me:hunter2@proxy.example.com").build();
        let intercept = matcher.intercept(&Uri::from_static("https://x.example.com")).expect("a proxy");
        let proxy = Proxy::of_intercept(&intercept, "ALL_PROXY".to_owned());
        assert_eq!((proxy.address.as_str(), proxy.is_usable), ("socks5://proxy.example.com", false));
    }
}
