//! The protocols of consumers, as `command/helper` holds a session: a token is offered only where the place is listed, and what is said
//! has no control character but the line ends that the protocol wants. Whether a place is listed is judged a second time, by `url`.
//!
//! Bytes are the arguments, with blanks between, up to the first NUL, and then standard input.

use serde_json::Value;
use url::Url;

use super::{NOW, halves};
use crate::protocol::{
    Act, Offer, Place, Protocol, Request, Target, aws as aws_wire, bazel as bazel_wire, cargo as cargo_wire, docker as docker_wire,
    git as git_wire, goauth as goauth_wire, google as google_wire, keyring as keyring_wire, kubectl as kubectl_wire,
    terraform as terraform_wire, vault as vault_wire,
};
use crate::token::Token;

const TOKEN: &str = "token-canary-1";
const HOSTS: [&str; 4] = ["api.example.com", "*.svc.example.com", "api.example.com:8443", "localhost:5000"];

fn words(arguments: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(arguments).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn hosts() -> Vec<String> {
    HOSTS.map(str::to_owned).into()
}

/// Whether a second reader takes the address for one that is listed.
fn is_listed(address: &str) -> bool {
    // What that reader cannot read leads nowhere.
    let Ok(url) = Url::parse(address) else { return true };
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
    match (url.scheme(), port) {
        ("https", Some(443)) => host == "api.example.com" || host.strip_suffix(".svc.example.com").is_some_and(|label| !label.is_empty()),
        ("https", Some(8443)) => host == "api.example.com",
        ("http" | "https", Some(5000)) => host == "localhost",
        _ => false,
    }
}

/// One session. `addresses` are those that the consumer may mean, read by somebody else.
fn session(protocol: &impl Protocol, addresses: &[String]) {
    let Ok(request) = protocol.request() else {
        return assert_said(protocol);
    };
    assert_said(protocol);
    let is_offered = matches!(request, Request { act: Act::Get | Act::Replace, .. })
        && match &request.place {
            Place::Unnamed => true,
            Place::Nowhere => false,
            Place::Host(target) => target.affinity(&hosts()).is_some(),
        };
    if !is_offered {
        return;
    }
    if request.place != Place::Unnamed {
        assert!(!addresses.is_empty() && addresses.iter().all(|address| is_listed(address)), "{:?} for {addresses:?}", request.place);
    }
    for (scheme, expires) in [(None, true), (Some("Bearer"), false), (Some("a\nb"), true)] {
        let Ok(mut token) = Token::new(TOKEN.to_owned()) else { return };
        token.expires_at = expires.then(|| NOW.after(std::time::Duration::from_secs(3600)));
        let hosts = hosts();
        let username = if expires { "oauth2" } else { "a\tb" };
        let offer = Offer { token: &token, username, scheme, hosts: &hosts, now: NOW };
        if let Ok(text) = protocol.token(&offer) {
            assert_plain(text.expose());
        }
    }
}

/// What is said without a token holds none, and nothing that steers.
fn assert_said(protocol: &impl Protocol) {
    let answers =
        [protocol.nothing(), protocol.failed("prod: it\r\n\u{1b}[2Jfailed", 5), protocol.unknown("what\0is\nthis?", 2), protocol.done()];
    for answer in answers {
        assert_plain(answer.text.expose());
        assert!(!answer.text.expose().contains(TOKEN));
    }
    if let Err(malformed) = protocol.request() {
        super::assert_shown(&malformed.to_string());
    }
    let _ = (protocol.has_stderr(), protocol.reads_stderr(), protocol.explains_nothing(), protocol.waits_for_people());
    assert!(protocol.patience().is_none_or(|patience| !patience.is_zero()));
}

#[track_caller]
fn assert_plain(text: &str) {
    assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text:?}");
}

fn string_at(json: &[u8], pointer: &str) -> Vec<String> {
    // What a parser has no need of, it may skip without finding that it is no text.
    let value: Value = serde_json::from_str(&String::from_utf8_lossy(json)).unwrap_or_default();
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned).into_iter().collect()
}

fn with_scheme(place: &str) -> String {
    if place.contains("://") { place.to_owned() } else { format!("https://{place}") }
}

/// `aws`: the token is the document that is put to it.
pub(super) fn aws(bytes: &[u8]) {
    session(&aws_wire::Process, &[]);
    let text: String = bytes.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
    let Ok(token) = Token::new(text) else { return };
    let offer = Offer { token: &token, username: "oauth2", scheme: None, hosts: &[], now: NOW };
    match aws_wire::Process.token(&offer) {
        Ok(document) => {
            assert_plain(document.expose());
            let value: Value = serde_json::from_str(document.expose()).unwrap_or_default();
            assert!(value["Version"] == 1 && value["AccessKeyId"].is_string() && value["SecretAccessKey"].is_string(), "{value}");
        }
        Err(unfit) => super::assert_shown(&unfit.to_string()),
    }
}

/// `bazel`
pub(super) fn bazel(bytes: &[u8]) {
    let (arguments, input) = halves(bytes);
    session(&bazel_wire::Exchange::new(&words(arguments), input), &string_at(input, "/uri"));
}

/// `cargo`, a line at a time, and `token-from-stdout`.
pub(super) fn cargo(bytes: &[u8]) {
    let bare = |index: &str| index.strip_prefix("sparse+").or_else(|| index.strip_prefix("registry+")).unwrap_or(index).to_owned();
    for line in bytes.split(|byte| *byte == b'\n') {
        let index: Vec<String> = string_at(line, "/registry/index-url").iter().map(|index| bare(index)).collect();
        session(&cargo_wire::Exchange::new(line), &index);
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let index = bare(&text);
    session(&cargo_wire::FromStdout(text), &[index]);
}

/// `docker`
pub(super) fn docker(bytes: &[u8]) {
    let (arguments, input) = halves(bytes);
    let server = String::from_utf8_lossy(input).trim_ascii().to_owned();
    let exchange = docker_wire::Exchange::new(&words(arguments), input);
    session(&exchange, &[with_scheme(&server)]);
    let hosts = hosts();
    let listed = docker_wire::listed([(hosts.as_slice(), server.as_str())].into_iter());
    assert_plain(listed.text.expose());
}

/// `git`: besides, no line of an answer is one that git was not told.
pub(super) fn git(bytes: &[u8]) {
    let (arguments, input) = halves(bytes);
    let text = String::from_utf8_lossy(input);
    let lines: Vec<&str> = text.split('\n').take_while(|line| !line.is_empty()).collect();
    let value = |key: &str| lines.iter().filter_map(|line| line.split_once('=')).find(|(known, _)| *known == key).map(|(_, value)| value);
    let address = value("protocol").zip(value("host")).map(|(protocol, host)| format!("{protocol}://{host}"));
    let _ = git_wire::is_whole(input);
    session(&git_wire::Exchange::new(&words(arguments), input), &address.into_iter().collect::<Vec<_>>());
}

/// `goauth`: besides, each prefix is one that is listed, or the one that is asked about.
pub(super) fn goauth(bytes: &[u8]) {
    let (arguments, input) = halves(bytes);
    let words = words(arguments);
    let _ = goauth_wire::is_whole(input);
    let exchange = goauth_wire::Exchange::new(&words, input);
    session(&exchange, words.last().map(std::slice::from_ref).unwrap_or_default());
    let is_for_us = exchange.request().is_ok_and(|request| match &request.place {
        Place::Host(target) => target.affinity(&hosts()).is_some(),
        place => *place == Place::Unnamed,
    });
    let Ok(token) = Token::new(TOKEN.to_owned()) else { return };
    let hosts = hosts();
    let offer = Offer { token: &token, username: "oauth2", scheme: None, hosts: &hosts, now: NOW };
    if let (true, Ok(text)) = (is_for_us, exchange.token(&offer)) {
        let prefixes = text.expose().split("\n\n").next().unwrap_or_default();
        assert!(prefixes.lines().all(|prefix| prefix.starts_with("https://") && is_listed(prefix)), "{prefixes}");
    }
}

/// `google`: its three variables, a line each.
pub(super) fn google(bytes: &[u8]) {
    let text = String::from_utf8_lossy(halves(bytes).0);
    let mut lines = text.split('\n').map(str::to_owned);
    let (token_type, interactive, revoke) = (lines.next(), lines.next(), lines.next());
    for has_output_file in [true, false] {
        let (token_type, interactive, revoke) = (token_type.clone(), interactive.clone(), revoke.clone());
        session(&google_wire::Exchange::new(google_wire::Environment { token_type, interactive, revoke, has_output_file }), &[]);
    }
}

/// Where an address leads, and whether that is listed.
pub(super) fn host(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (place, pattern) = text.split_once('\n').unwrap_or((text, "api.example.com"));
    let listed = |target: &Option<Target>| target.as_ref().is_some_and(|target| target.affinity(&hosts()).is_some());
    if listed(&Target::of_url(place)) {
        assert!(is_listed(place), "{place:?}");
    }
    let Some(target) = Target::of_place(place) else { return };
    assert!(!listed(&Some(target.clone())) || is_listed(&with_scheme(place)), "{place:?}");
    let written = target.to_string();
    assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written:?}");
    if let Some(origin) = target.origin() {
        assert_eq!(Target::of_url(&origin).as_ref(), Some(&target), "{origin} leads there, too");
        assert!(target.affinity(std::slice::from_ref(&written)).is_some(), "{written} lists itself");
    }
    let _ = target.affinity(&[pattern.to_owned()]);
}

/// `keyring`
pub(super) fn keyring(bytes: &[u8]) {
    let words = words(halves(bytes).0);
    let exchange = keyring_wire::Exchange::new(&words);
    // The service may be any of the words, as options may stand anywhere: the one that is meant is listed.
    let listed: Vec<String> = words.iter().map(|word| with_scheme(word)).filter(|address| Url::parse(address).is_ok()).collect();
    let meant: Vec<String> = listed.into_iter().filter(|address| is_listed(address)).collect();
    session(&exchange, &meant);
}

/// `kubectl`
pub(super) fn kubectl(bytes: &[u8]) {
    let text = String::from_utf8_lossy(halves(bytes).0);
    session(&kubectl_wire::Exchange::new(Some(&text)), &string_at(text.as_bytes(), "/spec/cluster/server"));
}

/// `terraform`
pub(super) fn terraform(bytes: &[u8]) {
    let words = words(halves(bytes).0);
    let address = words.last().map(|host| format!("https://{host}"));
    session(&terraform_wire::Exchange::new(&words), &address.into_iter().collect::<Vec<_>>());
}

/// `vault`
pub(super) fn vault(bytes: &[u8]) {
    session(&vault_wire::Exchange::new(&words(halves(bytes).0)), &[]);
}
