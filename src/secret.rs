//! A secret is a type: it cannot be printed, only [exposed](Secret::expose), and it is wiped from memory when its last holder lets go.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE};
use zeroize::Zeroizing;

use crate::error::{one_line, visible};

/// Text that must not be shown. Cloning shares it; nothing copies the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes `text` into custody.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// The text itself: for the wire, the cache file and the answer, and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Adds `bytes` to `buffer`. Where that has to move to have room, what it leaves behind is wiped.
pub fn append(buffer: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    if buffer.capacity() - buffer.len() < bytes.len() {
        let mut roomier = Zeroizing::new(Vec::with_capacity((buffer.len() + bytes.len()) * 2));
        roomier.extend_from_slice(buffer);
        *buffer = roomier;
    }
    buffer.extend_from_slice(bytes);
}

/// Whether a header, a form field or a variable of this name is likely to hold a secret.
#[must_use]
pub fn is_named_as_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "cookie", "key", "token", "secret", "password", "passwd", "credential", "assertion"]
        .iter()
        .any(|word| name.contains(word))
}

/// What is wrapped up and still shorter than this would censor innocent words.
const SHORTEST_WRAPPED: usize = 4;

/// What stands in a message where a secret stood.
const CENSORED: &str = "[secret]";

/// What stands there until all are found: a character for private use, in which no secret is found.
const FOUND: &str = "\u{10fffd}";

/// `text`, as it is [shown](crate::error::one_line), without any of `secrets`, plain or encoded as a careless peer echoes them (base64,
/// percent-encoding, JSON, hexadecimal, and one of these in another). What is invisible is taken out first, so that it cannot hide a
/// secret.
#[must_use]
pub fn shown(text: &str, secrets: &[Secret]) -> String {
    Censor::of(secrets).shown(text)
}

/// `text` without any of `secrets`, plain or encoded.
#[must_use]
pub fn redact(text: &str, secrets: &[Secret]) -> String {
    Censor::of(secrets).redact(text)
}

/// Whoever knows in which forms some secrets may turn up: for more than one text.
pub struct Censor(Vec<Zeroizing<String>>);

impl Censor {
    /// One that looks for these.
    #[must_use]
    pub fn of(secrets: &[Secret]) -> Self {
        let mut forms: Vec<_> = secrets.iter().map(Secret::expose).filter(|text| !text.is_empty()).flat_map(encodings).collect();
        // What was found before is not looked into: a secret may be a part of the word for it.
        forms.push(Zeroizing::new(CENSORED.to_owned()));
        let is_part = |form: &str| CENSORED.contains(form);
        // A longer one may begin with a shorter one, whose end would be left.
        forms.sort_by(|one, other| {
            let by_length = is_part(one).cmp(&is_part(other)).then_with(|| other.len().cmp(&one.len()));
            by_length.then_with(|| one.cmp(other))
        });
        forms.dedup();
        Self(forms)
    }

    /// `text` on one line, without what is looked for.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        one_line(&self.visible(text))
    }

    /// The same without its bound, for who does not know every secret yet: one that is cut off is recognised no more.
    #[must_use]
    pub fn visible(&self, text: &str) -> String {
        self.redact(&visible(&self.redact(text)))
    }

    /// `text` without what is looked for.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for form in &self.0 {
            if clean.contains(form.as_str()) {
                clean = clean.replace(form.as_str(), FOUND);
            }
        }
        if clean.contains(FOUND) { clean.replace(FOUND, CENSORED) } else { clean }
    }
}

/// The forms of `secret` in which it can be read off: as it goes over the wire, and each of these wrapped up once more.
fn encodings(secret: &str) -> Vec<Zeroizing<String>> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let alphanumeric = |byte: u8| byte.is_ascii_alphanumeric();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    let mut plain = vec![secret.to_owned(), json.trim_matches('"').to_owned(), form.to_lowercase(), form];
    for case in [hex_lower, hex_upper] {
        plain.extend([percent(secret, unreserved, case), percent(secret, alphanumeric, case)]);
    }
    plain.sort();
    plain.dedup();
    let wrapped: Vec<String> = plain.iter().flat_map(|text| wrappings(text)).filter(|text| text.len() >= SHORTEST_WRAPPED).collect();
    plain.into_iter().chain(wrapped).map(Zeroizing::new).collect()
}

/// `text` within base64, hexadecimal digits or an address.
fn wrappings(text: &str) -> Vec<String> {
    let none = |_: u8| false;
    let digits = |case: fn(u8) -> String| text.bytes().map(case).collect::<String>();
    let mut wrapped: Vec<String> =
        [&STANDARD, &URL_SAFE].into_iter().flat_map(|engine| [0, 1, 2].map(|at| in_base64(engine, at, text))).collect();
    wrapped.extend([digits(hex_lower), digits(hex_upper), percent(text, none, hex_lower), percent(text, none, hex_upper)]);
    wrapped.push(url::form_urlencoded::byte_serialize(text.as_bytes()).collect());
    wrapped
}

/// What is the same in every base64 of something that holds `text` behind `at` bytes modulo three.
fn in_base64(engine: &GeneralPurpose, at: usize, text: &str) -> String {
    let whole = engine.encode([&[0; 2][..at], text.as_bytes()].concat());
    let whole = whole.trim_end_matches('=');
    // Six bits a character: those that share theirs with what stands before or behind are not the same.
    let first = (at * 8).div_ceil(6);
    let end = if (at + text.len()).is_multiple_of(3) { whole.len() } else { whole.len() - 1 };
    whole.get(first..end).unwrap_or_default().to_owned()
}

fn percent(text: &str, keeps: impl Fn(u8) -> bool, case: fn(u8) -> String) -> String {
    text.bytes().map(|byte| if keeps(byte) { char::from(byte).to_string() } else { format!("%{}", case(byte)) }).collect()
}

fn hex_lower(byte: u8) -> String {
    format!("{byte:02x}")
}

fn hex_upper(byte: u8) -> String {
    format!("{byte:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_censored() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".into())), "Secret(…)");
    }

    #[test]
    fn a_buffer_grows_and_keeps_what_it_holds() {
        let (mut buffer, mut expected) = (Zeroizing::new(Vec::new()), Vec::new());
        for length in 0..100_u8 {
            let more = vec![length; length.into()];
            append(&mut buffer, &more);
            expected.extend(more);
            assert_eq!(*buffer, expected);
        }
    }

    #[test]
    fn redaction_finds_every_encoding() {
        let secret = Secret::new("p&ss\"w ord".into());
        let echoes = [
            ("plain", "p&ss\"w ord"),
            ("a form", "p%26ss%22w+ord"),
            ("percent-encoded", "p%26ss%22w%20ord"),
            ("a form in a form", "p%2526ss%2522w%2Bord"),
            ("every byte", "%70%26%73%73%22%77%20%6f%72%64"),
            ("JSON", "p&ss\\\"w ord"),
            ("hexadecimal", "702673732277206f7264"),
            ("hexadecimal of a form", "702532367373253232772b6f7264"),
        ];
        for (case, echoed) in echoes {
            let clean = redact(&format!("no <{echoed}> here"), std::slice::from_ref(&secret));
            assert_eq!(clean, "no <[secret]> here", "{case}");
        }
    }

    #[test]
    fn what_was_censored_is_left_alone() {
        let table = [
            ("s", "no such client", "no [secret]uch client"),
            ("secret", "the secret: secret", "the [secret]: [secret]"),
            ("et]", "[secret] and et]", "[secret] and [secret]"),
            ("x[secret]y", "no x[secret]y", "no [secret]"),
            ("x[sec", "no x[secret]", "no [secret]ret]"),
        ];
        for (secret, given, expected) in table {
            let censor = Censor::of(&[Secret::new(secret.to_owned())]);
            let once = censor.redact(given);
            assert_eq!((once.as_str(), censor.redact(&once).as_str()), (expected, expected), "{secret}");
        }
    }

    /// Wherever it begins in what was encoded, and whatever stands around it: no more than an end of it is left.
    #[test]
    fn redaction_finds_it_amid_base64() {
        let secret = Secret::new("hunter2secret".into());
        for before in ["", "i", "id", "id:", "client:"] {
            for after in ["", "!", "!?", "?!?"] {
                for engine in [&STANDARD, &URL_SAFE] {
                    let whole = engine.encode(format!("{before}hunter2secret{after}"));
                    let clean = redact(&whole, std::slice::from_ref(&secret));
                    let left = whole.len() - (clean.len() - CENSORED.len());
                    assert!(clean.contains(CENSORED) && left >= 16, "{before}, {after}: {whole}, {clean}");
                }
            }
        }
    }

    #[test]
    fn what_is_invisible_does_not_hide_a_secret() {
        let secret = Secret::new("hunter2secret".into());
        for echoed in ["hunter\u{200b}2secret", "hunt\u{7}er2secret", "hunter2\u{1b}secret"] {
            assert_eq!(shown(&format!("no {echoed}"), std::slice::from_ref(&secret)), "no [secret]", "{echoed:?}");
        }
    }
}
