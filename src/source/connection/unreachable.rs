//! Why a server gave no answer, in our own words, and what to do about it: the same for whoever asks, be it for a token or only to look.
//!
//! What TLS refuses is known by its type: the words of libraries are for those who wrote them, and are told with `-v` alone. Names in a
//! certificate that is not trusted are a stranger's text.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};
use url::Url;

use super::{Connection, SourceError, host};
use crate::clock::Timestamp;
use crate::error::{Class, one_line, reason};

/// The alerts about a certificate that was shown, or the lack of one (RFC 8446 §6.2).
const DISTRUST: [AlertDescription; 8] = [
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
    AlertDescription::AccessDenied,
    AlertDescription::DecryptError,
];

/// What is to be done about a certificate that does not hold.
const RENEW: &str = "whoever runs the server has to renew its certificate; check this machine's clock, too";
const CLOCK: &str = "check this machine's clock";
const OTHER: &str = "check the host in the address: the server is another one";
const MEND: &str = "whoever runs the server has to give it another certificate";

/// So many names of a certificate are told.
const MOST_NAMES: usize = 3;

impl Connection {
    /// Why `url` gave no answer, or not all of it.
    pub(in crate::source) fn unreachable(&self, url: &Url, error: reqwest::Error) -> SourceError {
        // The query of an address may hold a secret.
        let error = error.without_url();
        let told = match tls_error(&error) {
            Some(rustls::Error::InvalidCertificate(fault)) => self.distrusted(url, fault),
            Some(rustls::Error::AlertReceived(alert)) => self.turned_away(url, *alert),
            Some(tls) if error.is_connect() => without_tls(url, tls),
            _ => broken_off(url, &error),
        };
        let chain = std::iter::successors(Some(&error as &dyn Error), |error| Error::source(*error));
        let causes = chain.fold(String::new(), |causes, cause| causes + "caused by: " + &one_line(&cause.to_string()) + "\n");
        told.with_detail(&causes, &[])
    }

    /// The certificate of the server does not hold (RFC 5280 §6, RFC 9525).
    fn distrusted(&self, url: &Url, fault: &CertificateError) -> SourceError {
        use CertificateError as Fault;
        // Error: The certificate of the server does not hold, so nothing was sent. To do: as the hint says; for an authority of your own set
        // `ca_file`. Nothing turns verification off.
        let distrust = |what: &str| SourceError::new(Class::Network, format!("{} is not trusted: {what}", host(url)));
        match fault {
            Fault::UnknownIssuer => distrust("its certificate is of no authority that is known here").with_hint(self.way_to_trust()),
            Fault::ExpiredContext { not_after, .. } => {
                distrust(&format!("its certificate expired at {}", day(*not_after))).with_hint(RENEW)
            }
            Fault::Expired => distrust("its certificate has expired").with_hint(RENEW),
            Fault::NotValidYetContext { not_before, .. } => {
                distrust(&format!("its certificate does not hold before {}", day(*not_before))).with_hint(CLOCK)
            }
            Fault::NotValidYet => distrust("its certificate does not hold yet").with_hint(CLOCK),
            Fault::NotValidForNameContext { presented, .. } => {
                distrust(&format!("its certificate is for {}", names(presented))).with_hint(OTHER)
            }
            Fault::NotValidForName => distrust("its certificate is for another name").with_hint(OTHER),
            Fault::Revoked => distrust("its certificate has been revoked").with_hint(MEND),
            // An authority that was made anew has its old name.
            Fault::BadSignature => {
                distrust("its certificate is not signed by the authority that is known here by that name").with_hint(self.way_to_trust())
            }
            Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => {
                distrust("its certificate is not one of a server").with_hint(MEND)
            }
            // What RFC 5280 §4.2.1.9 calls `cA`; its type is known to the library of a library alone.
            Fault::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
                distrust("its certificate is one of an authority, not of a server (CA:TRUE)").with_hint(MEND)
            }
            other => distrust(&format!("its certificate cannot be verified ({other})")).with_hint(MEND),
        }
    }

    /// How somebody has an authority of their own trusted.
    fn way_to_trust(&self) -> String {
        match (self.is_typed, &self.route.ca_file) {
            (false, None) => "if you trust it, set `ca_file` to the certificate of its authority".to_owned(),
            (true, None) => "if you trust it, name the certificate of its authority: --ca-file FILE".to_owned(),
            (false, Some(_)) => "`ca_file` has to hold the certificate of its authority: what it holds is of another".to_owned(),
            (true, Some(_)) => "--ca-file has to name the certificate of its authority: that one is of another".to_owned(),
        }
    }

    /// The server ended it by an alert (RFC 8446 §6.2).
    fn turned_away(&self, url: &Url, alert: AlertDescription) -> SourceError {
        use AlertDescription as Alert;
        let name = registered(alert);
        // Error: The server ended the handshake: it wants a client certificate, or another one, or has no safe version of TLS. To do: as
        // the hint says, or ask whoever runs it, with the name of the alert (RFC 8446).
        let refusal =
            |why: &str| SourceError::new(Class::Network, format!("{} does not accept the connection: {why} (TLS alert {name})", host(url)));
        let certificate = match (self.is_typed, &self.route.client_cert) {
            (false, None) => "set `client_cert` and `client_key`",
            (true, _) => "`token init` has no client certificate: write the profile by hand, with `client_cert` and `client_key`",
            (false, Some(_)) => "it wants a certificate that it trusts: check `client_cert` and `client_key`",
        };
        match alert {
            Alert::CertificateRequired => refusal("it wants to see a client certificate").with_hint(certificate),
            other if DISTRUST.contains(&other) => refusal("it does not trust the client certificate").with_hint(certificate),
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
                refusal("it has no TLS in common with this program")
                    .with_hint("it has to offer TLS 1.2 or 1.3; some want a client certificate, too")
            }
            Alert::UnrecognisedName => refusal("it knows no host of that name").with_hint("check the host in the address"),
            _ => refusal("it gives no other reason"),
        }
    }
}

/// What answers there speaks another protocol, or no TLS that is safe.
fn without_tls(url: &Url, error: &rustls::Error) -> SourceError {
    const PORT: &str = "check the port in the address: what answers there is not https";
    match error {
        // Error: There is a server, but not one of https: another port, plain HTTP, a proxy. To do: check the port in the address.
        rustls::Error::InvalidMessage(_) => SourceError::new(Class::Network, format!("{} does not speak TLS", host(url))).with_hint(PORT),
        // Error: The server has no version of TLS from 1.2 on, or breaks its rules. To do: ask whoever runs it, with what `-v` adds.
        cause => SourceError::new(Class::Network, format!("{} has no TLS in common with this program: {cause}", host(url))),
    }
}

/// There is no connection, or no more.
fn broken_off(url: &Url, error: &reqwest::Error) -> SourceError {
    let cause = root_cause(error);
    let message = if error.is_connect() {
        format!("{} cannot be reached: {cause}", host(url))
    } else {
        format!("the exchange with {} broke off: {cause}", host(url))
    };
    // Error (src/source/resolve.rs): No connection: a name that does not resolve, a network that is down, a proxy, a firewall. To do: see
    // the reason, and try later.
    SourceError::new(Class::Network, message)
}

/// What TLS says, wherever in the chain of causes: an [`io::Error`] hides what it holds from [`Error::source`].
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let found = error.downcast_ref().or_else(|| tls_error(held?));
    found.or_else(|| tls_error(error.source()?))
}

/// The last of the causes. The system's own words begin with a capital letter.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = cause.downcast_ref::<io::Error>().map_or_else(|| cause.to_string(), reason);
    one_line(&text)
}

fn day(time: rustls::pki_types::UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_unix_seconds(seconds).rfc3339().unwrap_or_else(|| "a time beyond all calendars".to_owned())
}

/// Hosts and addresses among the names of a certificate, as rustls writes them.
fn names(presented: &[String]) -> String {
    let host = |name: &String| Some(name.strip_prefix("DnsName(\"")?.strip_suffix("\")")?.to_owned());
    let address = |name: &String| Some(name.strip_prefix("IpAddress(")?.strip_suffix(')')?.to_owned());
    let names: Vec<String> = presented.iter().filter_map(|name| host(name).or_else(|| address(name))).collect();
    match names.len() {
        0 => "no host".to_owned(),
        number @ ..=MOST_NAMES => format!("{}: {}", if number == 1 { "another name" } else { "other names" }, names.join(", ")),
        number => format!("other names: {} and {} more", names[..MOST_NAMES].join(", "), number - MOST_NAMES),
    }
}

/// The name of an alert in RFC 8446: `UnknownCA` is `unknown_ca`, and `UnrecognisedName` is written otherwise there.
fn registered(alert: AlertDescription) -> String {
    let name = format!("{alert:?}");
    let mut before = 'A';
    let mut registered = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && before.is_ascii_lowercase() {
            registered.push('_');
        }
        registered.push(character.to_ascii_lowercase());
        before = character;
    }
    registered.replace("unrecognised", "unrecognized")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use rustls::OtherError;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    /// Another who has an authority, or a client certificate, already.
    fn connection(is_typed: bool, ca_file: bool, client_cert: bool) -> Connection {
        let file = |is_there: bool| is_there.then(|| PathBuf::from("/x.pem"));
        let mut connection = Connection { is_typed, ..Connection::default() };
        (connection.route.ca_file, connection.route.client_cert) = (file(ca_file), file(client_cert));
        connection
    }

    fn server() -> Url {
        Url::parse("https://x.example/t").expect("an address")
    }

    fn for_names(presented: &[&str]) -> CertificateError {
        let expected = ServerName::try_from("x.example").expect("a name");
        CertificateError::NotValidForNameContext { expected, presented: presented.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn a_certificate_that_does_not_hold_is_told_with_the_way_out() {
        use CertificateError::{BadEncoding, BadSignature, Expired, ExpiredContext, NotValidYetContext, Other, Revoked, UnknownIssuer};
        let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let authority = Other(OtherError(Arc::new(io::Error::other("CaUsedAsEndEntity"))));
        let hostile = ["DnsName(\"a\u{1b}]52;c;aGk=\u{7}\u{202e}\")"];
        let many = ["DnsName(\"a\")", "IpAddress(10.0.0.1)", "DnsName(\"*.b\")", "DirectoryName", "DnsName(\"c\")", "DnsName(\"d\")"];
        let table = [
            (UnknownIssuer, "its certificate is of no authority that is known here", "if you trust it, set `ca_file`"),
            (Expired, "its certificate has expired", "renew its certificate; check this machine's clock"),
            (ExpiredContext { time: at(9), not_after: at(0) }, "its certificate expired at 1970-01-01T00:00:00Z", "renew"),
            (NotValidYetContext { time: at(0), not_before: at(86_400) }, "its certificate does not hold before 1970-01-02T", "clock"),
            (for_names(&["DnsName(\"a.example\")"]), "its certificate is for another name: a.example", "check the host in the address"),
            (for_names(&many), "its certificate is for other names: a, 10.0.0.1, *.b and 2 more", "host"),
            (for_names(&["Unsupported(0x81)"]), "its certificate is for no host", "host"),
            (for_names(&hostile), "its certificate is for another name: a]52;c;aGk=", "host"),
            (Revoked, "its certificate has been revoked", "another certificate"),
            (authority, "its certificate is one of an authority, not of a server (CA:TRUE)", "another certificate"),
            (BadSignature, "its certificate is not signed by the authority that is known here by that name", "`ca_file`"),
            (BadEncoding, "its certificate cannot be verified (BadEncoding)", "another certificate"),
        ];
        for (fault, said, advised) in table {
            let error = connection(false, false, false).distrusted(&server(), &fault);
            assert!(error.message.starts_with(&format!("x.example is not trusted: {said}")), "{}", error.message);
            assert!(error.hint.as_ref().is_some_and(|hint| hint.contains(advised)), "{fault:?}: {:?}", error.hint);
            assert_eq!(error.class, Class::Network);
        }
    }

    #[test]
    fn whoever_has_an_authority_is_told_that_it_is_another() {
        let table = [
            (false, false, "set `ca_file` to the certificate of its authority"),
            (false, true, "`ca_file` has to hold the certificate of its authority"),
            (true, false, "--ca-file FILE"),
            (true, true, "--ca-file has to name the certificate of its authority"),
        ];
        for (is_typed, has_file, advised) in table {
            let hint = connection(is_typed, has_file, false).distrusted(&server(), &CertificateError::UnknownIssuer).hint;
            assert!(hint.as_ref().is_some_and(|hint| hint.contains(advised)), "{hint:?}");
        }
    }

    #[test]
    fn an_alert_is_told_by_its_registered_name() {
        use AlertDescription::{AccessDenied, CertificateRequired, HandshakeFailure, InternalError, UnknownCA, UnrecognisedName};
        let table = [
            (CertificateRequired, false, "it wants to see a client certificate (TLS alert certificate_required)", "set `client_cert`"),
            (UnknownCA, true, "it does not trust the client certificate (TLS alert unknown_ca)", "check `client_cert`"),
            (AccessDenied, true, "(TLS alert access_denied)", "check `client_cert`"),
            (HandshakeFailure, false, "it has no TLS in common with this program (TLS alert handshake_failure)", "TLS 1.2 or 1.3"),
            (UnrecognisedName, false, "it knows no host of that name (TLS alert unrecognized_name)", "check the host"),
            (InternalError, false, "it gives no other reason (TLS alert internal_error)", ""),
        ];
        for (alert, has_certificate, said, advised) in table {
            let error = connection(false, false, has_certificate).turned_away(&server(), alert);
            assert!(
                error.message.starts_with("x.example does not accept the connection: ") && error.message.ends_with(said),
                "{}",
                error.message
            );
            assert!(error.hint.unwrap_or_default().contains(advised), "{alert:?}");
        }
        let hint = connection(true, false, false).turned_away(&server(), CertificateRequired).hint;
        assert!(hint.is_some_and(|hint| hint.starts_with("`token init` has no client certificate")));
    }

    #[test]
    fn what_tls_says_is_found_wherever_it_is_held() {
        let fault = || rustls::Error::InvalidCertificate(CertificateError::Revoked);
        let nested = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, fault()));
        assert_eq!(tls_error(&nested), Some(&fault()));
        assert_eq!(tls_error(&fault()), Some(&fault()));
        assert_eq!(tls_error(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }

    #[test]
    fn the_system_s_words_begin_small() {
        let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        assert_eq!(root_cause(&refused), "connection refused");
        assert_eq!(root_cause(&io::Error::other("TLS handshake eof")), "TLS handshake eof");
    }
}
