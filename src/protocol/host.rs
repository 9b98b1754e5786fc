//! Where a token may go: https, or this machine, and only what a profile lists in its `hosts`.
//!
//! What consumers send is read strictly: whatever two programs might read differently (a backslash, an escape, a second `@`, a name that is
//! not ASCII, an empty label, an empty port) is no place at all. Names are compared as text, without case. A port counts: one that is not
//! the scheme's own has to be listed with its host.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

const HTTPS: u16 = 443;
const HTTP: u16 = 80;

/// The longest name of a host (RFC 1035 §2.3.4).
const LONGEST_HOST: usize = 253;

/// A place that a token may go to, if a profile lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    /// The port that goes without saying.
    usual_port: u16,
}

/// How closely an entry of `hosts` fits: the greater, the closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Affinity {
    is_exact: bool,
    length: usize,
}

impl Affinity {
    /// Whether the host is listed by its very name.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        self.is_exact
    }
}

impl Target {
    /// What a URL leads to; `None` where that is neither https nor http to this machine.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        Self::of(scheme, authority_of(url, rest)?)
    }

    /// What a scheme and `host[:port]` lead to, on the same terms.
    #[must_use]
    pub fn of(scheme: &str, authority: &str) -> Option<Self> {
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let usual_port = if is_https { HTTPS } else { HTTP };
        let (host, port) = host_and_port(authority)?;
        let target = Self { host, port: port.unwrap_or(usual_port), usual_port };
        (is_https || target.is_loopback()).then_some(target)
    }

    /// What `host[:port][/path]` leads to by https, or a URL.
    #[must_use]
    pub fn of_place(place: &str) -> Option<Self> {
        if place.contains("://") {
            return Self::of_url(place);
        }
        Self::of("https", authority_of(place, place)?)
    }

    /// A place that an entry of `hosts` is for, by https: of those below a domain, one that nobody has a name for.
    #[must_use]
    pub fn in_pattern(pattern: &str) -> Option<Self> {
        match pattern.strip_prefix("*.") {
            Some(domain) => Self::of("https", &format!("_any_.{}", ascii(domain))),
            None => Self::of("https", &ascii(pattern)),
        }
    }

    /// How closely the entry of `hosts` that fits best does; `None` where none does.
    #[must_use]
    pub fn affinity(&self, hosts: &[String]) -> Option<Affinity> {
        hosts.iter().filter_map(|pattern| self.affinity_to(pattern)).max()
    }

    fn affinity_to(&self, pattern: &str) -> Option<Affinity> {
        let (is_exact, name, port) = listed(pattern)?;
        let fits = if is_exact { self.host == name } else { self.is_below(&name) };
        (fits && self.port == port.unwrap_or(self.usual_port)).then_some(Affinity { is_exact, length: name.len() })
    }

    /// Whether it has at least one label more than `domain`.
    fn is_below(&self, domain: &str) -> bool {
        !is_address(&self.host) && self.host.strip_suffix(domain).is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
    }

    /// Whether it is this machine. The names below `localhost` count as others': who resolves them is not sure to know better.
    fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost"
            || address.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }

    /// `https://host[:port]`; `None` where it is not https.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        (self.usual_port == HTTPS).then(|| format!("https://{self}"))
    }
}

/// Whether an entry of `hosts` means any place at all.
#[must_use]
pub fn can_be_listed(pattern: &str) -> bool {
    listed(pattern).is_some_and(|(is_exact, name, _)| is_exact || !is_address(&name))
}

/// Whether an entry of `hosts` is no pattern, its name and its port.
fn listed(pattern: &str) -> Option<(bool, String, Option<u16>)> {
    let (is_exact, name) = pattern.strip_prefix("*.").map_or((true, pattern), |name| (false, name));
    let (name, port) = host_and_port(&ascii(name))?;
    Some((is_exact, name, port))
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// As it is listed: `host[:port]`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if self.port == self.usual_port { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// `host[:port]` at the beginning of `rest`, which is what follows the scheme in `whole`, without whom it is meant for.
fn authority_of<'t>(whole: &str, rest: &'t str) -> Option<&'t str> {
    if whole.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, authority) = authority.split_once('@').unwrap_or(("", authority));
    (!user.contains('[') && !authority.contains('@')).then_some(authority)
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let end_of_address = authority.find(']').map_or(0, |end| end + 1);
    let (host, port) = match authority.get(end_of_address..)?.find(':') {
        Some(colon) => authority.split_at_checked(end_of_address + colon)?,
        None => (authority, ""),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => Some(port_number(digits)?),
        None => None,
    };
    Some((host_name(host)?, port))
}

fn port_number(digits: &str) -> Option<u16> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port > 0)
}

/// A name or an address, in the one way that it is written here.
fn host_name(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (host.len() <= LONGEST_HOST && host.split('.').all(is_label)).then(|| host.to_ascii_lowercase())
}

/// What is configured may be written in any script; on the wire, names are ASCII (RFC 5891).
fn ascii(pattern: &str) -> std::borrow::Cow<'_, str> {
    if pattern.is_ascii() {
        return pattern.into();
    }
    let (name, port) = pattern.rsplit_once(':').map_or((pattern, String::new()), |(name, port)| (name, format!(":{port}")));
    match url::Host::parse(name) {
        Ok(host) => format!("{host}{port}").into(),
        Err(_) => pattern.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_listed(url: &str, hosts: &[&str]) -> bool {
        let hosts: Vec<String> = hosts.iter().copied().map(str::to_owned).collect();
        Target::of_place(url).is_some_and(|target| target.affinity(&hosts).is_some())
    }

    #[test]
    fn only_what_is_listed_is_meant() {
        const API: &str = "api.example.com";
        const BELOW: &str = "*.svc.example.com";
        let table = [
            ("https://api.example.com", API, true),
            ("https://API.Example.COM/path?query#part", API, true),
            ("https://api.example.com:443/", API, true),
            ("https://user@api.example.com/", API, true),
            ("https://user:word@api.example.com/", API, true),
            ("HTTPS://api.example.com", API, true),
            ("api.example.com", API, true),
            ("api.example.com:443/simple", API, true),
            ("https://api.example.com:8443", "api.example.com:8443", true),
            ("https://api.example.com", "api.example.com:443", true),
            ("https://a.svc.example.com", BELOW, true),
            ("https://b.a.svc.example.com", BELOW, true),
            ("https://a.svc.example.com:8443", "*.svc.example.com:8443", true),
            ("https://[2001:db8::1]", "[2001:DB8:0::1]", true),
            ("https://xn--bcher-kva.example", "bücher.example", true),
            ("https://xn--bcher-kva.example:8443", "*.example:8443", true),
            // Other ports.
            ("https://api.example.com:8443", API, false),
            ("https://api.example.com", "api.example.com:8443", false),
            ("https://api.example.com:80", API, false),
            ("https://a.svc.example.com:8443", BELOW, false),
            // Other schemes.
            ("http://api.example.com", API, false),
            ("http://api.example.com:443", API, false),
            ("ftp://api.example.com", API, false),
            ("ssh://api.example.com", API, false),
            ("://api.example.com", API, false),
            // Look-alikes.
            ("https://api.example.com.evil.com", API, false),
            ("https://evil-api.example.com", API, false),
            ("https://example.com", API, false),
            ("https://x.api.example.com", API, false),
            ("https://api.example.com.", API, false),
            ("https://api.example.co", API, false),
            ("https://apiXexample.com", API, false),
            ("https://svc.example.com", BELOW, false),
            ("https://.svc.example.com", BELOW, false),
            ("https://a..svc.example.com", BELOW, false),
            ("https://evilsvc.example.com", BELOW, false),
            ("https://ａpi.example.com", API, false),
            ("https://bücher.example", "bücher.example", false),
            ("https://1.0.0.1", "*.0.0.1", false),
            // Tricks.
            ("https://api.example.com@evil.com", API, false),
            ("https://api.example.com:443@evil.com", API, false),
            ("https://evil.com#@api.example.com", API, false),
            ("https://evil.com?@api.example.com", API, false),
            ("https://evil.com/@api.example.com", API, false),
            ("https://evil.com\\@api.example.com", API, false),
            ("https://api.example.com\\@evil.com", API, false),
            ("https://a@b@api.example.com", API, false),
            ("https://api.example.com%2eevil.com", API, false),
            ("https://api.example.com%00.evil.com", API, false),
            ("https://api.example.com\0", API, false),
            ("https://api.example.com\n", API, false),
            ("https://api.example.com\r\nhost: x", API, false),
            (" https://api.example.com", API, false),
            ("https://api.example.com:", API, false),
            ("https://api.example.com:0", API, false),
            ("https://api.example.com:+443", API, false),
            ("https://api.example.com:65979", API, false),
            ("https://api.example.com:443:443", API, false),
            ("https:///api.example.com", API, false),
            ("https:api.example.com", API, false),
            ("https://", API, false),
            ("", API, false),
            ("*.svc.example.com", BELOW, false),
            ("https://[::1", "[::1]", false),
            ("https://[::1%25eth0]", "[::1]", false),
            ("https://::1", "[::1]", false),
            ("https://api.example.com", "", false),
            ("https://api.example.com", "*", false),
            ("https://api.example.com", "*.", false),
        ];
        for (url, pattern, listed) in table {
            assert_eq!(is_listed(url, &[pattern]), listed, "{url:?} in {pattern:?}");
        }
        assert!(!is_listed("https://api.example.com", &[]), "nothing is listed");
    }

    #[test]
    fn this_machine_may_speak_http() {
        let table = [
            ("http://localhost", "localhost", true),
            ("http://localhost:5000", "localhost:5000", true),
            ("http://127.0.0.1:5000/v2/", "127.0.0.1:5000", true),
            ("http://127.9.9.9", "127.9.9.9", true),
            ("http://[::1]:80", "[::1]", true),
            ("http://[0:0::1]", "[::1]", true),
            ("http://localhost:5000", "localhost", false),
            ("http://a.localhost", "a.localhost", false),
            ("http://localhost.example.com", "localhost.example.com", false),
            ("http://127.0.0.1.example.com", "127.0.0.1.example.com", false),
            ("http://2130706433", "2130706433", false),
            ("http://0.0.0.0", "0.0.0.0", false),
            ("http://10.0.0.1", "10.0.0.1", false),
            ("http://[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", false),
        ];
        for (url, pattern, listed) in table {
            assert_eq!(is_listed(url, &[pattern]), listed, "{url:?} in {pattern:?}");
        }
    }

    #[test]
    fn what_means_no_place_cannot_be_listed() {
        for pattern in
            ["api.example.com", "*.example.com", "*.example.com:8443", "localhost", "10.0.0.1", "[::1]:80", "b\u{fc}cher.example", "x_y"]
        {
            assert!(can_be_listed(pattern), "{pattern}");
        }
        for pattern in [
            "",
            "*",
            "*.",
            "a.*.com",
            "*.*.com",
            "*a.com",
            "api.example.com.",
            "api..com",
            ".com",
            "api.example.com:0",
            "api.example.com:",
            "api.example.com:65536",
            "https://api.example.com",
            "api.example.com/",
            "me@api.example.com",
            "a b",
            "::1",
            "[::1",
            "*.10.0.0.1",
        ] {
            assert!(!can_be_listed(pattern), "{pattern}");
        }
    }

    #[test]
    fn the_closest_entry_counts() {
        let target = Target::of_url("https://b.a.example.com").expect("a target");
        let affinity = |pattern: &str| target.affinity(&[pattern.to_owned()]);
        let order = ["*.b.example.com", "*.com", "*.example.com", "*.a.example.com", "b.a.example.com"].map(affinity);
        assert!(order.is_sorted() && order[0].is_none() && order[1].is_some(), "{order:?}");
    }

    #[test]
    fn each_entry_has_a_place() {
        for pattern in [
            "api.example.com",
            "api.example.com:8443",
            "*.example.com",
            "*.example.com:8443",
            "bücher.example",
            "*.bücher.example",
            "[::1]",
        ] {
            let target = Target::in_pattern(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert!(target.affinity(&[pattern.to_owned()]).is_some(), "{pattern}");
        }
        assert_eq!(Target::in_pattern("api.example.com:0"), None);
    }

    #[test]
    fn an_origin_is_https() {
        let table = [
            ("https://Api.example.com/x", Some("https://api.example.com")),
            ("https://api.example.com:8443", Some("https://api.example.com:8443")),
            ("http://localhost", None),
        ];
        for (url, origin) in table {
            assert_eq!(Target::of_url(url).and_then(|target| target.origin()).as_deref(), origin, "{url}");
        }
    }
}
