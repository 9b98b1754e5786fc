//! A secret is a type: it cannot be printed, only [exposed](Secret::expose), and it is wiped from memory when its last holder lets go.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
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

/// Whether a header, a form field or a variable of this name is likely to hold a secret.
#[must_use]
pub fn is_named_as_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "cookie", "key", "token", "secret", "password", "passwd", "credential", "assertion"]
        .iter()
        .any(|word| name.contains(word))
}

/// What stands in a message where a secret stood.
const CENSORED: &str = "[secret]";

/// `text`, as it is [shown](crate::error::one_line), without any of `secrets`, plain or encoded as a careless peer echoes them (base64,
/// percent-encoding, JSON). What is invisible is taken out first, so that it cannot hide a secret.
#[must_use]
pub fn shown(text: &str, secrets: &[Secret]) -> String {
    one_line(&redact(&visible(&redact(text, secrets)), secrets))
}

/// `text` without any of `secrets`, plain or encoded.
#[must_use]
pub fn redact(text: &str, secrets: &[Secret]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.iter().filter(|s| !s.expose().is_empty()) {
        for form in encodings(secret.expose()) {
            if clean.contains(form.as_str()) {
                clean = clean.replace(form.as_str(), CENSORED);
            }
        }
    }
    clean
}

fn encodings(secret: &str) -> Vec<Zeroizing<String>> {
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![secret.to_owned(), json.trim_matches('"').to_owned(), form.to_lowercase(), form];
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    for keeps in [unreserved, |byte: u8| byte.is_ascii_alphanumeric()] {
        forms.push(secret.bytes().map(|byte| if keeps(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect());
        forms.push(secret.bytes().map(|byte| if keeps(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") }).collect());
    }
    // Two characters or fewer encode to something so short that it would censor innocent words.
    if secret.len() > 2 {
        forms.extend([&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].map(|engine| engine.encode(secret)));
    }
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms.into_iter().map(Zeroizing::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_censored() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".into())), "Secret(…)");
    }

    #[test]
    fn redaction_finds_every_encoding() {
        let secret = Secret::new("p&ss\"w ord".into());
        for echoed in
            ["p&ss\"w ord", "p%26ss%22w+ord", "p%26ss%22w%20ord", "p%26ss%22w%20ord", "p&ss\\\"w ord", "cCZzcyJ3IG9yZA==", "cCZzcyJ3IG9yZA"]
        {
            let clean = redact(&format!("no <{echoed}> here"), std::slice::from_ref(&secret));
            assert_eq!(clean, "no <[secret]> here", "{echoed}");
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
