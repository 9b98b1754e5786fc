//! What servers, commands and browsers answer, as [`crate::fuzzing`] has it: a token that is fit for a header and has an end, or an error
//! that is fit to be shown and holds nothing of a secret.

use std::path::Path;

use url::Url;

use super::answer::{TokenResponse, object_without_duplicates};
use super::any::Configured as _;
use super::authorization_code::response::{Expected, Response};
use super::device_code::authorization::Authorization;
use super::endpoint::retry_after;
use super::exec::Exec;
use super::http::reading::Reading;
use super::jwt::key::PrivateKey;
use super::{SourceError, Ttl, discovery as discovered};
use crate::clock::Timestamp;
use crate::http_head::parse;
use crate::settings::{Context, Section};
use crate::token::{LONGEST_LIFE, LONGEST_TOKEN, Token};

/// When all of it happens: 2026-11-22T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);

/// What is shown to a person has nothing that steers a terminal.
#[track_caller]
pub(crate) fn assert_shown(text: &str) {
    assert!(!text.chars().any(|character| character.is_control() || crate::error::is_invisible(character)), "{text:?}");
}

fn assert_fit(token: &Token) {
    assert!((1..=LONGEST_TOKEN).contains(&token.expose().len()) && token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
    token.scope.as_deref().map(assert_shown).unwrap_or_default();
    assert_shown(&token.token_type);
}

fn assert_told(error: &SourceError) {
    assert_shown(&error.message);
    error.hint.as_deref().map(assert_shown).unwrap_or_default();
}

/// These lines of a profile.
fn with_section<T>(text: &str, read: impl FnOnce(&mut Section<'_>) -> Option<T>) -> Option<T> {
    read(&mut Section::parse(Context { text, folder: Path::new("/nowhere"), home: None }).ok()?)
}

/// The answer of a token endpoint, and what we print ourselves.
pub(crate) fn token_response(bytes: &[u8]) {
    for read in [|object| TokenResponse::read(object, NOW), TokenResponse::read_own] {
        let Ok(object) = object_without_duplicates(bytes) else { return };
        match read(object) {
            Ok(answer) => {
                assert_fit(&answer.token);
                assert!(answer.refresh_token.is_none_or(|token| token.expose().bytes().all(|byte| matches!(byte, b' '..=b'~'))));
            }
            Err(error) => assert_told(&error),
        }
    }
}

/// A discovery document, to an issuer elsewhere: none of its endpoints is on this machine, or anything but https.
pub(crate) fn discovery(bytes: &[u8]) {
    const ISSUER: &str = "https://login.example.com/realm";
    let (Ok(object), Ok(url)) = (object_without_duplicates(bytes), Url::parse(ISSUER)) else { return };
    match discovered::read(&object, ISSUER, &url) {
        Ok(metadata) => assert!(metadata.addresses().all(|address| address.scheme() == "https" && address.username().is_empty())),
        Err(error) => assert_told(&error),
    }
}

/// The answer of a device authorization endpoint: a person is sent to https elsewhere, with a code that can be shown.
pub(crate) fn device_authorization(bytes: &[u8]) {
    let (Ok(object), Ok(asked)) = (object_without_duplicates(bytes), Url::parse("https://login.example.com/device")) else { return };
    match Authorization::read(object, &asked) {
        Ok(authorization) => {
            assert_shown(&authorization.user_code);
            assert!(authorization.complete.iter().chain([&authorization.address]).all(|address| address.scheme() == "https"));
            assert!(!authorization.interval.is_zero() && authorization.interval < authorization.life);
        }
        Err(error) => assert_told(&error),
    }
}

/// The output of a command, in every format, with every kind of `ttl`: a token has an end unless the profile says otherwise.
pub(crate) fn exec_output(bytes: &[u8]) {
    for format in ["auto", "raw", "json", "exec-credential"] {
        for ttl in [None, Some(Ttl::Never), Some(Ttl::AtMost(std::time::Duration::from_secs(60)))] {
            let settings = format!("command = [\"mint\"]\nformat = \"{format}\"");
            let Some(exec) = with_section(&settings, |section| Exec::from_settings(section, ttl).ok()) else { continue };
            match exec.read(bytes, NOW) {
                Ok(token) => {
                    assert_fit(&token);
                    let is_dated = token.expires_at.is_some_and(|at| at > NOW && at <= NOW.after(LONGEST_LIFE));
                    assert!(is_dated || (token.expires_at.is_none() && ttl == Some(Ttl::Never)), "{:?}", token.expires_at);
                }
                Err(error) => assert_told(&error),
            }
        }
    }
}

/// The answer of any API, wherever the token is in it.
pub(crate) fn http_answer(bytes: &[u8]) {
    for keys in ["", "token = \"\"", "token = \"/a/0/~1b\"\nexpires_at = \"/c\"", "token = \"/a\"\nexpires_in = \"/c/d\""] {
        let reading = with_section(keys, |section| Reading::from_settings(section).ok());
        match reading.map(|reading| reading.read(bytes, NOW)) {
            Some(Ok((token, _))) => assert_fit(&token),
            Some(Err(error)) => assert_shown(&error.message),
            None => {}
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(retry_after(text, NOW).is_none_or(|wait| !wait.is_zero()));
    }
}

/// The head of a request to one of our servers: what is whole is so with whatever follows, and what is not has no beginning that is.
pub(crate) fn http_head(bytes: &[u8]) {
    let head = parse(bytes);
    if let Ok(Some(head)) = &head {
        assert!(!head.method.is_empty() && !head.target.bytes().any(|byte| byte <= b' '), "{head:?}");
        let followed = [bytes, b"GET /callback HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(parse(&followed), Ok(Some(head.clone())));
    } else if head == Ok(None) {
        let halves = bytes.split_at(bytes.len() / 2);
        assert_eq!(parse(halves.0), Ok(None), "a part of what may yet become one");
    }
}

/// A private key: it is one of an algorithm, or an error says what it is.
pub(crate) fn private_key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match PrivateKey::from_pem(text) {
        Ok(key) => assert!(key.sign(key.algorithm(), b"message").is_ok_and(|signature| !signature.is_empty())),
        Err(unfit) => assert_shown(&unfit.what),
    }
}

/// What comes back from a browser, at the port or pasted: nothing counts that does not know the `state`.
pub(crate) fn redirect(bytes: &[u8]) {
    const STATE: &str = "state-1";
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // An address that was pasted in lines is one without them (WHATWG URL §4.4).
    let joined = text.replace(['\t', '\r', '\n'], "");
    for names_itself in [true, false] {
        let redirect = "http://127.0.0.1:8000/callback".to_owned();
        let expected = Expected { redirect, state: STATE.to_owned(), issuer: Some("https://login.example.com".to_owned()), names_itself };
        for read in [expected.read(text), expected.read_address(text)] {
            match read {
                Ok(response) => {
                    let is_code = matches!(response, Response::Code(_));
                    let pairs = [text, &joined].map(|text| url::form_urlencoded::parse(text.as_bytes()));
                    let values: Vec<_> = pairs.into_iter().flatten().flat_map(|(key, value)| [key, value]).collect();
                    let says = |what: &str| values.iter().any(|value| value.contains(what));
                    assert!(says(STATE), "{response:?}");
                    assert!(!is_code || !names_itself || says("login.example.com"), "{response:?}");
                }
                Err(mismatch) => assert_shown(&mismatch.to_string()),
            }
        }
    }
}
