//! What a watcher counts, as Prometheus text (exposition format 0.0.4). Never a token.
//!
//! Written by hand: the loops count already, and a scrape only has to print what they hold. The prometheus-client crate would keep
//! counters of its own, bring seven crates, and write `OpenMetrics` only. A value that is not known is absent, never 0.

mod server;

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Snapshot;
use crate::clock::Timestamp;

pub use server::serve;

/// What [`render`] writes.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One metric of every profile.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&Snapshot, Timestamp) -> Option<Number>,
}

/// A value of a metric.
enum Number {
    Count(u64),
    /// Shown in seconds.
    Millis(i64),
}

const FAMILIES: [Family; 9] = [
    Family {
        name: "token_renewals_total",
        kind: "counter",
        help: "Tokens issued to this process.",
        value: |snapshot, _| Some(Number::Count(snapshot.status.renewals)),
    },
    Family {
        name: "token_renewal_failures_total",
        kind: "counter",
        help: "Attempts to renew that failed.",
        value: |snapshot, _| Some(Number::Count(snapshot.status.failures)),
    },
    Family {
        name: "token_valid",
        kind: "gauge",
        help: "Whether there is a token that has not expired.",
        value: |snapshot, now| Some(Number::from(snapshot.has_valid_token(now))),
    },
    Family {
        name: "token_expiry_timestamp_seconds",
        kind: "gauge",
        help: "When the token expires, in Unix time; absent where there is none or it does not expire.",
        value: |snapshot, _| expires_at(snapshot).map(Number::from),
    },
    Family {
        name: "token_seconds_to_expiry",
        kind: "gauge",
        help: "How long the token is still valid, below 0 once it has expired; absent where there is none or it does not expire.",
        value: |snapshot, now| Some(Number::Millis(expires_at(snapshot)?.unix_millis().saturating_sub(now.unix_millis()))),
    },
    Family {
        name: "token_last_success_timestamp_seconds",
        kind: "gauge",
        help: "When a token was issued to this process last, in Unix time; absent before the first.",
        value: |snapshot, _| snapshot.status.last_success.map(Number::from),
    },
    Family {
        name: "token_next_attempt_timestamp_seconds",
        kind: "gauge",
        help: "When the next renewal is due, in Unix time; absent where none is.",
        value: |snapshot, _| snapshot.next_attempt().map(Number::from),
    },
    Family {
        name: "token_failing",
        kind: "gauge",
        help: "Whether the last attempt failed.",
        value: |snapshot, _| Some(Number::from(snapshot.status.last_error.is_some())),
    },
    Family {
        name: "token_parked",
        kind: "gauge",
        help: "Whether renewals have stopped until something is mended.",
        value: |snapshot, _| Some(Number::from(snapshot.is_parked())),
    },
];

/// What is known of `snapshots` at `now`, in Prometheus text format.
#[must_use]
pub fn render(snapshots: &[Snapshot], now: Timestamp) -> String {
    let mut page = String::new();
    open(&mut page, "token_info", "gauge", "The program that is watching.");
    let _ = writeln!(page, "token_info{{version=\"{}\"}} 1", escaped(env!("CARGO_PKG_VERSION")));
    for family in &FAMILIES {
        open(&mut page, family.name, family.kind, family.help);
        for snapshot in snapshots {
            let Some(value) = (family.value)(snapshot, now) else { continue };
            let (profile, source) = (escaped(snapshot.profile.as_str()), escaped(snapshot.source));
            let _ = writeln!(page, "{}{{profile=\"{profile}\",source=\"{source}\"}} {value}", family.name);
        }
    }
    page
}

fn open(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn expires_at(snapshot: &Snapshot) -> Option<Timestamp> {
    snapshot.status.token.as_ref()?.expires_at
}

/// A label's value: names need no escape today, and no later kind of name breaks the page.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

impl From<bool> for Number {
    fn from(holds: bool) -> Self {
        Self::Count(holds.into())
    }
}

impl From<Timestamp> for Number {
    fn from(at: Timestamp) -> Self {
        Self::Millis(at.unix_millis())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Millis(millis) => {
                let (sign, size) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
                write!(f, "{sign}{}", size / 1000)?;
                if size.is_multiple_of(1000) { Ok(()) } else { write!(f, ".{:03}", size % 1000) }
            }
        }
    }
}

/// The address that `ADDR:PORT` means. Without an address, and for `localhost`, it is 127.0.0.1; any other is taken as told.
///
/// # Errors
/// A sentence's end that says what is wrong and what would do.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    const ADVICE: &str = "write ADDR:PORT, such as 127.0.0.1:9464, [::1]:9464 or 9464 alone";
    let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if host.is_empty() || host.eq_ignore_ascii_case("localhost") => ("", port),
        Some((host, port)) => (host, port),
        None => ("", text),
    };
    match port.parse() {
        // A number's sign is no part of a port.
        Ok(port) if host.is_empty() && text.ends_with(|last: char| last.is_ascii_digit()) && !text.contains('+') => Ok(loopback(port)),
        Ok(_) if !host.is_empty() => Err(format!("`{text}` does not begin with an IP address; {ADVICE}")),
        _ => Err(format!("`{text}` has no port from 0 to 65535; {ADVICE}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::snapshot;
    use super::*;
    use crate::bearer::{Phase, Retry};
    use crate::error::Class;

    /// The samples of `page`, without what explains them.
    fn samples(page: &str) -> Vec<&str> {
        page.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn what_is_known_is_written_and_nothing_else() {
        let now = Timestamp::from_unix_millis(1_000_250);
        let snapshots = [
            snapshot("prod", Phase::Waiting(Some(Timestamp::from_unix_seconds(1900))), Some(2000), None),
            snapshot("never", Phase::Waiting(None), Some(0), None),
            snapshot("ci", Phase::Parked, None, Some((Class::Refused, Retry::Parked))),
        ];
        let page = render(&snapshots, now);
        let version = format!("token_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        let expected = [
            version.as_str(),
            r#"token_renewals_total{profile="prod",source="exec"} 3"#,
            r#"token_renewals_total{profile="never",source="exec"} 3"#,
            r#"token_renewals_total{profile="ci",source="exec"} 3"#,
            r#"token_renewal_failures_total{profile="prod",source="exec"} 2"#,
            r#"token_renewal_failures_total{profile="never",source="exec"} 2"#,
            r#"token_renewal_failures_total{profile="ci",source="exec"} 2"#,
            r#"token_valid{profile="prod",source="exec"} 1"#,
            r#"token_valid{profile="never",source="exec"} 1"#,
            r#"token_valid{profile="ci",source="exec"} 0"#,
            r#"token_expiry_timestamp_seconds{profile="prod",source="exec"} 2000"#,
            r#"token_seconds_to_expiry{profile="prod",source="exec"} 999.750"#,
            r#"token_last_success_timestamp_seconds{profile="prod",source="exec"} 500"#,
            r#"token_last_success_timestamp_seconds{profile="never",source="exec"} 500"#,
            r#"token_next_attempt_timestamp_seconds{profile="prod",source="exec"} 1900"#,
            r#"token_failing{profile="prod",source="exec"} 0"#,
            r#"token_failing{profile="never",source="exec"} 0"#,
            r#"token_failing{profile="ci",source="exec"} 1"#,
            r#"token_parked{profile="prod",source="exec"} 0"#,
            r#"token_parked{profile="never",source="exec"} 0"#,
            r#"token_parked{profile="ci",source="exec"} 1"#,
        ];
        assert_eq!(samples(&page), expected);
        assert!(!page.contains("canary"), "{page}");
    }

    #[test]
    fn every_metric_is_explained_once() {
        let page = render(&[snapshot("a", Phase::Starting, Some(2000), None)], Timestamp::from_unix_seconds(1000));
        assert!(page.ends_with('\n') && !page.contains("\n\n"), "{page}");
        for family in &FAMILIES {
            let (help, kind) = (format!("# HELP {} ", family.name), format!("# TYPE {} {}\n", family.name, family.kind));
            assert_eq!((page.matches(&help).count(), page.matches(&kind).count()), (1, 1), "{}", family.name);
            assert_eq!(family.name.ends_with("_total"), family.kind == "counter", "{}", family.name);
        }
        assert_eq!(samples(&render(&[], Timestamp::from_unix_seconds(0))).len(), 1, "nothing is watched");
    }

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        for (value, shown) in [("plain", "plain"), ("a\"b", "a\\\"b"), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb"), ("\\\"\n", "\\\\\\\"\\n")] {
            assert_eq!(escaped(value), shown);
        }
    }

    #[test]
    fn times_are_shown_in_seconds() {
        let table = [(0, "0"), (1000, "1"), (1, "0.001"), (-1, "-0.001"), (-1500, "-1.500"), (i64::MIN, "-9223372036854775.808")];
        for (millis, shown) in table {
            assert_eq!(Number::Millis(millis).to_string(), shown);
        }
    }

    #[test]
    fn an_address_is_loopback_unless_told_otherwise() {
        let table = [
            ("9464", Some("127.0.0.1:9464")),
            (":9464", Some("127.0.0.1:9464")),
            ("0", Some("127.0.0.1:0")),
            ("localhost:9464", Some("127.0.0.1:9464")),
            ("LocalHost:9464", Some("127.0.0.1:9464")),
            ("127.0.0.1:9464", Some("127.0.0.1:9464")),
            ("[::1]:9464", Some("[::1]:9464")),
            ("0.0.0.0:9464", Some("0.0.0.0:9464")),
            ("192.0.2.7:1", Some("192.0.2.7:1")),
            ("[::]:9464", Some("[::]:9464")),
            ("", None),
            (":", None),
            ("localhost", None),
            ("127.0.0.1", None),
            ("127.0.0.1:", None),
            ("127.0.0.1:65536", None),
            ("+1", None),
            (":+1", None),
            ("-1", None),
            (" 9464", None),
            ("65536", None),
            ("*:9464", None),
            ("::1:9464", None),
            ("[::1]", None),
            ("example.com:9464", None),
            ("http://127.0.0.1:9464", None),
        ];
        for (text, expected) in table {
            let parsed = parse_address(text).ok().map(|address| address.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text:?}");
        }
        for (text, says) in [("*:9464", "does not begin with an IP address"), ("127.0.0.1", "has no port")] {
            assert!(parse_address(text).is_err_and(|error| error.contains(says) && error.contains("127.0.0.1:9464")), "{text}");
        }
    }
}
