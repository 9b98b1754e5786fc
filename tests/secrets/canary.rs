//! What is looked for, and in which disguises. A canary is a secret with a core that stands nowhere else, and with an end that every
//! encoding has to change.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// The kinds of secrets; what each is called is in its core.
pub const KINDS: [&str; 25] = [
    "Inline",
    "Environment",
    "File",
    "Command",
    "KeyFile",
    "FirstRefresh",
    "Rotated",
    "Subject",
    "Actor",
    "HeaderInline",
    "HeaderFile",
    "Body",
    "Bearer",
    "ExecEnv",
    "ExecOutput",
    "ExecError",
    "Proxy",
    "ProxyVariable",
    "Access",
    "IfTokenIs",
    "HelperInput",
    "Sealed",
    "DeviceCode",
    "Typed",
    "Planted",
];

/// What follows every core: nothing that a header, a token or a shell's single quotes cannot hold.
const END: &str = "&\"+/%41";

/// The part of the canary of this kind that is looked for.
pub fn core(kind: &str) -> String {
    format!("Canary{kind}7f3a9c")
}

/// The secret of this kind.
pub fn secret(kind: &str) -> String {
    assert!(KINDS.contains(&kind), "{kind} is looked for");
    core(kind) + END
}

pub fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

/// Every byte of `text`, behind `mark`.
pub fn spelt(text: &str, mark: &str) -> String {
    text.bytes().fold(String::new(), |mut spelt, byte| {
        write!(spelt, "{mark}{byte:02x}").unwrap();
        spelt
    })
}

/// The ways in which `text` may hide.
pub fn disguises(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned(), text.chars().rev().collect(), hex(text), hex(text).to_uppercase()];
    for mark in ["%", "\\u00", "\\x"] {
        all.extend([spelt(text, mark), spelt(text, mark).to_uppercase().replace("\\U", "\\u").replace("\\X", "\\x")]);
    }
    for shift in 0..3 {
        let padded = " ".repeat(shift) + text;
        for encoded in [STANDARD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            // What stands before and behind it changes the ends.
            all.push(encoded.trim_end_matches('=')[4..encoded.trim_end_matches('=').len() - 3].to_owned());
        }
    }
    all
}

/// The kinds whose canaries `text` holds, in whatever disguise.
pub fn held(text: &str) -> BTreeSet<&'static str> {
    KINDS.into_iter().filter(|kind| disguises(&core(kind)).iter().any(|disguise| text.contains(disguise))).collect()
}

/// The files under `folder` that hold one, by their place in it, each with what it holds.
pub fn holders(folder: &Path) -> Vec<(String, Vec<&'static str>)> {
    let mut found = Vec::new();
    for path in files(folder) {
        let kinds = held(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
        if !kinds.is_empty() {
            found.push((path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), kinds.into_iter().collect()));
        }
    }
    found.sort();
    found
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).filter(|path| path.is_file()).collect()
}

#[test]
fn every_disguise_is_seen_through() {
    let text = secret("Planted");
    let plain = |text: &str| text.to_owned();
    let encoded = [
        plain(&text),
        hex(&text),
        spelt(&text, "%"),
        spelt(&text, "\\u00"),
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        serde_json::Value::from(text.as_str()).to_string(),
        STANDARD.encode(&text),
        STANDARD.encode(format!("id:{text}")),
        STANDARD.encode(format!("client:{text}")),
        STANDARD.encode(format!("{text}:ci")),
        URL_SAFE_NO_PAD.encode(format!("?{text}?")),
        text.chars().rev().collect(),
    ];
    for text in encoded {
        assert_eq!(held(&format!("what is <{text}>?")), BTreeSet::from(["Planted"]), "{text}");
    }
    assert_eq!(held("Canary7f3a9c"), BTreeSet::new());
}
