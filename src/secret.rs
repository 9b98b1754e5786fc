//! A secret is a type: it cannot be printed, only [exposed](Secret::expose), and it is wiped from memory when its last holder lets go.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

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

/// What stands in a message where a secret stood.
const CENSORED: &str = "[secret]";

/// `text` without any of `secrets`, plain or encoded as a careless peer echoes them (base64, percent-encoding, JSON).
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
    let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![secret.to_owned(), percent, json.trim_matches('"').to_owned()];
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
        for echoed in ["p&ss\"w ord", "p%26ss%22w+ord", "p&ss\\\"w ord", "cCZzcyJ3IG9yZA==", "cCZzcyJ3IG9yZA"] {
            let clean = redact(&format!("no <{echoed}> here"), std::slice::from_ref(&secret));
            assert_eq!(clean, "no <[secret]> here", "{echoed}");
        }
    }
}
