//! What several commands do alike: choosing profiles, fetching a token, reading one from standard input, printing the answer.

use std::collections::BTreeSet;
use std::future::Future;
use std::io::{IsTerminal as _, Read as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::bearer::{FetchOptions, Fetched};
use crate::cli::{Global, Limits};
use crate::name::Name;
use crate::profile::{Configuration, Places, Profile, never_asks};
use crate::secret::Secret;
use crate::source::{Person, Source as _, Step};
use crate::token::{LONGEST_TOKEN, fingerprint};
use crate::ui::{self, Failure, Manner};

/// How long a command may take where nobody says otherwise, and while a person is asked.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
const TIMEOUT_OF_PEOPLE: Duration = Duration::from_secs(600);

/// All that is configured, by these options and the environment.
pub(super) fn configuration(global: &Global) -> Result<Configuration, Failure> {
    configuration_within(global, None)
}

/// The same for a command that has this time for all that it does.
pub(super) fn configuration_within(global: &Global, timeout: Option<Duration>) -> Result<Configuration, Failure> {
    Ok(Configuration::load(&Places::find(global.config.as_deref())?.within(timeout))?)
}

/// The profile that an argument or the option `-p` names.
pub(super) fn chosen<'c>(configuration: &'c Configuration, global: &Global, named: Option<&str>) -> Result<&'c Profile, Failure> {
    match (named, global.profile.as_deref()) {
        // Error: A profile was given as an argument and another by `-p`. To do: leave one of them out.
        (Some(named), Some(other)) if named != other => Err(Failure::Usage(format!("two profiles are named: `{named}` and `{other}`"))),
        (named, other) => Ok(configuration.select(named.or(other))?),
    }
}

/// The profiles that the arguments name, each once: `all`, or those, or the one of [`chosen`].
pub(super) fn chosen_many(configuration: &Configuration, global: &Global, named: &[String], all: bool) -> Result<Vec<Profile>, Failure> {
    if all {
        return Ok(configuration.profiles().cloned().collect());
    }
    if named.is_empty() {
        return Ok(vec![chosen(configuration, global, None)?.clone()]);
    }
    let unique: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    unique.into_iter().map(|name| Ok(configuration.select(Some(name))?.clone())).collect()
}

/// Names of profiles and of entries that belong to none.
pub(super) fn all_names(configuration: &Configuration) -> Result<Vec<Name>, Failure> {
    let stored = configuration.cache().names().map_err(|error| Failure::Storage(error.into()))?;
    let logins = configuration.logins().names().map_err(|error| Failure::Storage(error.into()))?;
    let configured = configuration.profiles().map(|profile| profile.name.clone());
    let names: BTreeSet<Name> = configured.chain(stored).chain(logins).collect();
    Ok(names.into_iter().collect())
}

/// What these options ask of a fetch.
pub(super) fn options(limits: &Limits) -> FetchOptions {
    FetchOptions {
        renew_synchronous: true,
        renew_request_timeout: limits.request_timeout,
        max_retries: limits.max_retries,
        ..FetchOptions::default()
    }
}

/// The person at the terminal who may be asked to log in for `profile`, if there is one who wants to be.
pub(super) fn person(global: &Global, profile: &Profile, manner: Manner) -> Option<Arc<dyn Person>> {
    if std::io::stdin().is_terminal() { onlooker(global, profile, manner) } else { None }
}

/// The same where standard input is somebody else's: he reads, and need not be able to type.
pub(super) fn onlooker(global: &Global, profile: &Profile, manner: Manner) -> Option<Arc<dyn Person>> {
    let is_asked = std::io::stderr().is_terminal() && may_ask(global) && profile.source.patience().is_some();
    is_asked.then(|| Arc::new(ui::AtTerminal::new(manner, &profile.name)) as Arc<dyn Person>)
}

/// Whether anybody may be asked anything, if somebody is there.
pub(super) fn may_ask(global: &Global) -> bool {
    !global.no_interactive && !never_asks()
}

/// A token of `profile` within the limits, delivered to whoever learns of renewals.
pub(super) async fn obtain(profile: &Profile, limits: &Limits, options: &FetchOptions, manner: Manner) -> Result<Fetched, Failure> {
    let usual = if options.person.is_some() { TIMEOUT_OF_PEOPLE } else { TIMEOUT };
    let fetch = profile.fetch(limits.timeout.unwrap_or(usual), options);
    let whom = profile.source.asks();
    let fetched = match &options.person {
        Some(person) => while_asking(&**person, &whom, fetch).await,
        None => ui::while_waiting(manner, &format!("{}: waiting for {whom}", profile.name), fetch).await,
    };
    fetched.map_err(|error| Failure::Renewal { profile: profile.name.clone(), error })
}

/// Waits for `work`, which may ask `person` something, and when it takes long tells that it waits for `whom`, or for others at it.
async fn while_asking<T>(person: &dyn Person, whom: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if let Ok(outcome) = tokio::time::timeout(ui::PATIENCE, &mut work).await {
        return outcome;
    }
    person.tell(&Step::Wait { whom });
    let outcome = work.await;
    person.tell(&Step::Over);
    outcome
}

/// The fingerprint of the token on standard input, which may be one itself, where `--if-token-is` says that there is one.
pub(super) async fn fingerprint_asked_for(if_token_is: Option<&str>, timeout: Option<Duration>) -> Result<Option<String>, Failure> {
    match if_token_is {
        None => Ok(None),
        Some("-") => fingerprint_from_stdin(timeout).await.map(Some),
        // What stands there may be a token: it is not repeated.
        // Error: In the arguments every process on the machine could read it. To do: `printf %s "$TOKEN" | token renew NAME --if-token-is
        // -`.
        Some(_) => Err(Failure::Usage("--if-token-is takes only `-`: the token comes on standard input, where nobody sees it".to_owned())),
    }
}

async fn fingerprint_from_stdin(timeout: Option<Duration>) -> Result<String, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("--if-token-is: {what}"));
    let text = from_stdin(timeout).await.map_err(|what| wrong(&what))?;
    let word = text.trim();
    if word.is_empty() {
        // Error: The input was empty, as of an unset variable. To do: write the refused token, or its fingerprint, to it.
        return Err(wrong("there is no token on standard input"));
    }
    match stated_fingerprint(word) {
        Some(digest) => Ok(digest.to_owned()),
        // Error: No token has blanks in it: the input is a whole header, or something else. To do: write the token alone.
        None if word.contains(char::is_whitespace) => Err(wrong("there is more than a token on standard input")),
        None => Ok(fingerprint(word)),
    }
}

/// The fingerprint that `text` is, alone or as `sha256sum` prints it, with the name of a file behind it.
fn stated_fingerprint(text: &str) -> Option<&str> {
    let (digest, rest) = text.split_at_checked(64)?;
    let is_digest = digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_digest && (rest.is_empty() || rest.starts_with("  ") || rest.starts_with(" *"))).then_some(digest)
}

/// All of standard input, which is no longer than a token, or what is wrong with it.
pub(super) async fn from_stdin(timeout: Option<Duration>) -> Result<Zeroizing<String>, String> {
    match tokio::time::timeout(timeout.unwrap_or(TIMEOUT), spawn_blocking(read_stdin)).await {
        Ok(Ok(Ok(text))) => Ok(text),
        // Error 2: Standard input is closed or broken. To do: write the token, or the secret, to it.
        Ok(Ok(Err(error))) => Err(format!("standard input: {}", crate::error::reason(&error))),
        // Error 2: Whoever writes to it keeps the pipe open. To do: end the input, as `printf %s "$TOKEN" |` does.
        Ok(Err(_)) | Err(_) => Err("standard input has not ended within the time limit".to_owned()),
    }
}

fn read_stdin() -> std::io::Result<Zeroizing<String>> {
    let limit = u64::try_from(LONGEST_TOKEN).unwrap_or(u64::MAX) + 2;
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// Prints the answer. Where nobody takes it, a signal still ends the wait.
pub(super) async fn print(text: Secret) -> Result<(), Failure> {
    match spawn_blocking(move || ui::answer::print(&text)).await {
        Ok(printed) => Ok(printed?),
        Err(_) => Err(Failure::lost()),
    }
}
