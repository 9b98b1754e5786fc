//! The commands, one file each: recipes of calls. No HTTP and no paths here.

mod get;
mod purge;
mod renew;
mod run;
mod status;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::future::Future;
use std::io::Read as _;
use std::time::Duration;

use clap::Parser as _;
use color_eyre::config::HookBuilder;
use tokio::signal::unix::{SignalKind, signal};

use crate::bearer::{FetchOptions, Fetched, Origin};
use crate::cli::{Cli, Command, Global, Limits, parse_fast};
use crate::name::Name;
use crate::profile::{Configuration, Overrides, Places, Profile};
use crate::token::{LONGEST_TOKEN, fingerprint};
use crate::ui::{self, Failure, Manner};

/// How long a command may take where nobody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The outcome of a command: its exit status, or why it has none of its own.
type Outcome = Result<u8, Failure>;

/// A `token get` that a fresh token in the cache answers: its exit status. `None` where it takes more, and nothing was done.
#[must_use]
pub fn warm(arguments: &[OsString]) -> Option<u8> {
    let cli = parse_fast(arguments)?;
    match &cli.command {
        Command::Get(get) => get::warm(&cli.global, get),
        _ => None,
    }
}

/// Any command: its exit status.
#[must_use]
pub fn run(arguments: &[OsString]) -> u8 {
    let program = std::iter::once(OsString::from("token"));
    let cli = match Cli::try_parse_from(program.chain(arguments.iter().cloned())) {
        Ok(cli) => cli,
        Err(error) => return ui::usage(&error),
    };
    let manner = Manner::new(&cli.global);
    ui::install_log(manner);
    // A second installation can only fail because there was a first.
    let _ = HookBuilder::default().display_env_section(false).panic_message(ui::Bug).install();
    match perform(&cli, manner) {
        Ok(status) => status,
        Err(failure) => ui::report(&failure.into(), manner),
    }
}

fn perform(cli: &Cli, manner: Manner) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Usage(format!("the system gives no resources to start with: {error}")))?;
    let outcome = runtime.block_on(async {
        survive_file_size_limits();
        match &cli.command {
            Command::Run(run) => run::run(&cli.global, run, manner).await,
            Command::Get(get) => interruptible(get::run(&cli.global, get, manner)).await,
            Command::Renew(renew) => interruptible(renew::run(&cli.global, renew, manner)).await,
            Command::Purge(purge) => interruptible(purge::run(&cli.global, purge, manner)).await,
            Command::Status(status) => status::run(&cli.global, status, manner),
        }
    });
    // A name that is still being looked up must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Makes a write beyond RLIMIT_FSIZE an error instead of a death: a token that cannot be stored can be printed still.
fn survive_file_size_limits() {
    let _ = signal(SignalKind::from_raw(libc::SIGXFSZ));
}

/// `work`, given up (with all that belongs to it) when a signal asks for that.
async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        number = asked_to_end() => Err(Failure::Signal(number)),
        outcome = work => outcome,
    }
}

/// Completes with the number of the signal that asks for the end.
async fn asked_to_end() -> u8 {
    let listen = |kind| signal(kind).ok();
    let (mut interrupt, mut terminate, mut hangup) =
        (listen(SignalKind::interrupt()), listen(SignalKind::terminate()), listen(SignalKind::hangup()));
    async fn next(listener: &mut Option<tokio::signal::unix::Signal>) {
        match listener {
            Some(listener) => drop(listener.recv().await),
            None => std::future::pending().await,
        }
    }
    tokio::select! {
        () = next(&mut interrupt) => 2,
        () = next(&mut terminate) => 15,
        () = next(&mut hangup) => 1,
    }
}

/// All that is configured, by these options and the environment.
fn configuration(global: &Global) -> Result<Configuration, Failure> {
    Ok(Configuration::load(&Places::find(global.config.as_deref())?)?)
}

/// The profile that an argument or the option `-p` names.
fn chosen<'c>(configuration: &'c Configuration, global: &Global, named: Option<&str>) -> Result<&'c Profile, Failure> {
    match (named, global.profile.as_deref()) {
        (Some(named), Some(other)) if named != other => Err(Failure::Usage(format!("two profiles are named: `{named}` and `{other}`"))),
        (named, other) => Ok(configuration.select(named.or(other))?),
    }
}

/// The profiles that the arguments name, each once: `all`, or those, or the one of [`chosen`].
fn chosen_many(configuration: &Configuration, global: &Global, named: &[String], all: bool) -> Result<Vec<Profile>, Failure> {
    if all {
        return Ok(configuration.profiles().cloned().collect());
    }
    if named.is_empty() {
        return Ok(vec![chosen(configuration, global, None)?.clone()]);
    }
    let unique: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    unique.into_iter().map(|name| Ok(configuration.select(Some(name))?.clone())).collect()
}

fn overrides(limits: &Limits) -> Overrides {
    Overrides { min_ttl: limits.min_ttl, request_timeout: limits.request_timeout, max_retries: limits.max_retries }
}

/// A token of `profile` within the limits, delivered to whoever learns of renewals.
async fn obtain(profile: &Profile, limits: &Limits, options: &FetchOptions, manner: Manner) -> Result<Fetched, Failure> {
    let waiting_for = format!("{}: waiting for {}", profile.name, profile.source.asks());
    let bearer = profile.bearer();
    let fetch = bearer.fetch(limits.timeout.unwrap_or(TIMEOUT), options);
    match ui::while_waiting(manner, &waiting_for, fetch).await {
        Ok(fetched) => {
            if matches!(fetched.origin, Origin::Renewed) {
                profile.delivery.renewed(&profile.name, profile.source.kind(), &fetched.token).await;
            }
            Ok(fetched)
        }
        Err(error) => {
            if error.attempts > 0 && error.class.is_permanent() {
                profile.delivery.parked(&profile.name).await;
            }
            Err(Failure::Renewal { profile: profile.name.clone(), error })
        }
    }
}

/// The fingerprint of the token on standard input, which may be one itself.
fn fingerprint_from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let limit = u64::try_from(LONGEST_TOKEN).unwrap_or(u64::MAX) + 2;
    std::io::stdin()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Usage(format!("--if-token-is: standard input: {error}")))?;
    let text = zeroize::Zeroizing::new(text);
    let word = text.trim();
    if word.is_empty() {
        return Err(Failure::Usage("--if-token-is: there is no token on standard input".to_owned()));
    }
    let is_fingerprint = word.len() == 64 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    Ok(if is_fingerprint { word.to_owned() } else { fingerprint(word) })
}

/// Names of profiles and of entries that belong to none.
fn all_names(configuration: &Configuration) -> Result<Vec<Name>, Failure> {
    let stored = configuration.cache().names().map_err(|error| Failure::Storage(error.into()))?;
    let names: BTreeSet<Name> = configuration.profiles().map(|profile| profile.name.clone()).chain(stored).collect();
    Ok(names.into_iter().collect())
}
