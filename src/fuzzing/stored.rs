//! What we stored ourselves, and what people configure: read again, or refused with a line that is there.

use std::path::Path;

use super::{NOW, assert_shown, halves};
use crate::cache::{Entry, Failure, Identity, LoginLook, Served};
use crate::clock::Timestamp;
use crate::name::Name;
use crate::profile::{Configuration, Draft, DraftOrigin, Places, extend, read, read_to_extend};
use crate::settings::{Context, Mistake};
use crate::token::Token;

fn name() -> Option<Name> {
    "prod".parse().ok()
}

/// An entry that is read is written and read alike, and its token is fit for a header.
pub(super) fn entry(bytes: &[u8]) {
    let Some(name) = name() else { return };
    match Entry::parse(bytes, &name) {
        Ok(entry) => {
            // A time that is too far away for milliseconds loses some of its last second.
            let said = |entry: &Entry| {
                let Token { token_type, scope, issued_at, expires_at, .. } = entry.token.clone();
                let times = [issued_at, expires_at].map(|at| at.map(Timestamp::unix_seconds));
                (entry.token.expose().to_owned(), token_type, scope, times, entry.identity.clone())
            };
            assert_eq!(Entry::parse(entry.to_json().as_bytes(), &name).as_ref().map(said), Ok(said(&entry)));
            assert!(entry.token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
            let _ = (entry.token.is_expired(NOW), entry.token.lifetime(), entry.token.remaining(NOW));
        }
        Err(unreadable) => assert_shown(&unreadable.to_string()),
    }
}

/// A memory of a failure is fit to be shown, and is written and read alike.
pub(super) fn failure(bytes: &[u8]) {
    let Some((name, failure)) = name().and_then(|name| Some((name.clone(), Failure::parse(bytes, &name)?))) else { return };
    assert_shown(&failure.message);
    failure.hint.as_deref().map(assert_shown).unwrap_or_default();
    assert_eq!(Failure::parse(failure.to_json(&name).as_bytes(), &name).as_ref(), Some(&failure));
    if failure.is_in_force(&failure.identity, &failure.settings, NOW) {
        let is_bounded = failure.retry_at.is_none_or(|at| at.since(NOW) <= std::time::Duration::from_secs(24 * 3600 + 2));
        assert!(is_bounded, "nobody waits for longer than a day: {failure:?}");
    }
}

/// A login is this one or none.
pub(super) fn login(bytes: &[u8]) {
    let Some(name) = name() else { return };
    match LoginLook::parse(bytes, &name, &Identity::new("login", [("issuer", "https://x")])) {
        Ok(LoginLook::Found(login)) => {
            let secret = login.refresh_token.expose();
            // A short one may stand in a date by chance.
            assert!(secret.len() < 20 || !format!("{login:?}").contains(secret), "a login shows its secret");
        }
        Ok(LoginLook::Missing) => panic!("a file is there"),
        Ok(LoginLook::Foreign) => {}
        Err(unreadable) => assert_shown(&unreadable.to_string()),
    }
}

/// Notes of who was handed what are read as far as they are whole.
pub(super) fn served(bytes: &[u8]) {
    let served = Served::parse(bytes);
    let doubled = Served::parse(&[bytes, b"\n", bytes].concat());
    assert!(served == Served::default() || doubled != served, "each line counts for itself");
}

/// Where nobody has a configuration.
fn places() -> Places {
    Places {
        config: "/nowhere/config/config.toml".into(),
        config_is_named: true,
        cache: "/nowhere/cache".into(),
        state: "/nowhere/state".into(),
        home: Some("/nowhere/home".into()),
        patience: std::time::Duration::ZERO,
    }
}

fn context<'a>(text: &'a str, places: &'a Places) -> Context<'a> {
    Context { text, folder: Path::new("/nowhere/config"), home: places.home.as_deref() }
}

fn read_at(text: &str, places: &Places) -> Result<Configuration, Mistake> {
    read(context(text, places), places)
}

/// A configuration is taken, or a mistake has a line of it. The folder and the home are such as nobody has.
pub(super) fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(halves(bytes).0) else { return };
    match read_at(text, &places()) {
        Ok(configuration) => {
            for profile in configuration.profiles() {
                assert!(!profile.username.chars().any(char::is_control));
                assert!(!profile.scheme.iter().flat_map(|scheme| scheme.chars()).any(char::is_control));
                assert!(profile.renewal.lifetime_safe_fraction > 0.0 && profile.renewal.lifetime_safe_fraction < 1.0);
            }
        }
        Err(mistake) => assert_told(&mistake, text),
    }
}

/// A configuration that gets one profile more, with words in it that may be anything, keeps all that it has and can be read.
pub(super) fn extension(bytes: &[u8]) {
    let (text, words) = halves(bytes);
    let (Ok(text), Ok(words), Some(name)) = (std::str::from_utf8(text), std::str::from_utf8(words), name()) else { return };
    let origin = DraftOrigin::Command(words.split('\n').map(str::to_owned).collect());
    let draft = Draft { name: name.clone(), origin, hosts: Vec::new(), ttl: None, request_timeout: None };
    let places = places();
    for is_default in [false, true] {
        match extend(text, &places, &draft, is_default) {
            Ok(new) => {
                assert!(is_default || new.text.starts_with(text), "something is lost");
                let shown = |read: Result<Configuration, Mistake>| {
                    let read = read.unwrap_or_else(|mistake| panic!("it cannot be read: {mistake:?}"));
                    read.profiles().map(|profile| format!("{profile:?}")).collect::<Vec<_>>()
                };
                // A default that was not there before may be there now.
                let before = shown(read_to_extend(context(text, &places), &places));
                let after = shown(read_at(&new.text, &places));
                assert_eq!(after.iter().filter(|profile| !before.contains(profile)).count(), 1);
                assert_eq!(after.len(), before.len() + 1);
                assert!(extend(&new.text, &places, &draft, is_default).is_err(), "a profile is overwritten");
            }
            Err(error) => assert_shown(&error.message),
        }
    }
}

/// A mistake is at a line that is there, and fit to be shown.
#[track_caller]
pub(super) fn assert_told(mistake: &Mistake, text: &str) {
    let lines = 1 + text.matches('\n').count();
    assert!((1..=lines).contains(&mistake.line), "{mistake:?}: there are {lines} lines");
    assert_shown(&mistake.key);
    assert_shown(&mistake.what);
    mistake.hint.as_deref().map(assert_shown).unwrap_or_default();
}
