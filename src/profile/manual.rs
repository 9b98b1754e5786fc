//! `token-config(5)` and the program have the same keys, and the same defaults.

#![cfg(test)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::{Places, USERNAME, read};
use crate::bearer::Renewal;
use crate::settings::{ASKED_FOR, Context};
use crate::source::Kind;

const PAGE: &str = include_str!("../../man/token-config.5");

/// The text of the displays, and what kinds of sources it has to show.
fn displays() -> Vec<String> {
    let pieces = PAGE.split(".\\\" toml\n.Bd -literal -offset indent\n").skip(1);
    pieces.map(|piece| plain(piece.split(".Ed\n").next().unwrap_or_default())).collect()
}

fn plain(roff: &str) -> String {
    roff.replace("\\-", "-").replace("\\(ti", "~")
}

/// The keys that are items of a list, with the line of each.
fn items() -> Vec<(usize, String)> {
    let lines = PAGE.lines().enumerate().filter_map(|(at, line)| Some((at, line.strip_prefix(".It Ic ")?)));
    lines.flat_map(|(at, keys)| keys.split(" , ").map(move |key| (at, key.to_owned()))).collect()
}

/// The sentence with the default behind the item of this key in the section on renewal.
fn default_of(key: &str) -> Option<&'static str> {
    let (_, section) = PAGE.split_once(".Sh RENEWAL\n")?;
    let (section, _) = section.split_once(".Sh SECRETS\n")?;
    let (_, item) = section.split_once(&format!(".It Ic {key}\n"))?;
    let item = item.split(".It ").next()?;
    item.split_once("The default is ")?.1.split_once(".\n").map(|(default, _)| default)
}

#[test]
fn every_key_is_in_the_manual_and_no_other() {
    let home = Path::new("/home/me");
    let places = Places {
        config: home.join("config.toml"),
        config_is_named: false,
        cache: home.join("cache"),
        state: home.join("state"),
        home: Some(home.to_owned()),
        patience: std::time::Duration::ZERO,
    };
    let shown = displays();
    for text in &shown {
        let context = Context { text, folder: home, home: Some(home) };
        assert!(read::read(context, &places).is_ok_and(|read| !read.profiles.is_empty() || text.starts_with("[renewal]")), "{text}");
    }
    for (kind, _) in Kind::ALL {
        assert!(shown.iter().any(|text| text.contains(&format!("source = \"{kind}\""))), "no profile of the kind {kind}");
    }
    let known: BTreeSet<String> = ASKED_FOR.with_borrow(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
    let told: BTreeSet<String> = items().into_iter().map(|(_, key)| key).collect();
    assert_eq!(known.difference(&told).collect::<Vec<_>>(), [""; 0], "keys that the manual does not tell");
    assert_eq!(told.difference(&known).collect::<Vec<_>>(), [""; 0], "keys that there are not");
    assert!(known.len() > 60, "{known:?}");
}

/// What is shown is shown with each of its keys.
#[test]
fn every_key_stands_in_an_example() {
    let shown = displays().concat();
    for (at, key) in items() {
        let stands = [format!("{key} = "), format!("[{key}"), format!("{{ {key} = ")].iter().any(|form| shown.contains(form));
        assert!(stands, "line {}: `{key}` is in no example", at + 1);
    }
}

#[test]
fn defaults_are_those_of_the_program() {
    let renewal = Renewal::default();
    let spoken = |duration: Duration| humantime::format_duration(duration).to_string();
    let margin = |margin: Option<Duration>| margin.map_or_else(|| "none".to_owned(), spoken);
    let table = [
        ("max_retries", renewal.max_retries.to_string()),
        ("initial_safety_margin", margin(renewal.initial_safety_margin)),
        ("retry_safety_margin", margin(renewal.retry_safety_margin)),
        ("lifetime_safe_fraction", renewal.lifetime_safe_fraction.to_string()),
        ("initial_retry_timeout", spoken(renewal.initial_retry_timeout)),
        ("max_retry_timeout", spoken(renewal.max_retry_timeout)),
        ("retry_timeout_exponent", renewal.retry_timeout_exponent.to_string()),
        ("refresh_request_timeout", spoken(renewal.refresh_request_timeout)),
        ("file_cache_throttle", spoken(renewal.file_cache_throttle)),
        ("jitter", renewal.jitter.to_string()),
        ("min_ttl", spoken(renewal.min_ttl)),
    ];
    let of_renewal = displays().into_iter().find(|text| text.starts_with("[renewal]")).unwrap_or_default();
    assert_eq!(of_renewal.lines().count(), 1 + table.len(), "the keys of RENEWAL");
    for (key, default) in table {
        assert_eq!(default_of(key), Some(default.as_str()), "{key}");
    }
    assert!(PAGE.contains(&format!("For tools that need one.\nThe default is\n.Ql {USERNAME} .\n")));
}
