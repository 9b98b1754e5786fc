//! `token status`: what is cached, until when, what happens next, what failed last. Never a token.

use serde::Serialize;

use super::Outcome;
use super::shared::{all_names, configuration, print};
use crate::bearer::Freshness;
use crate::cache::{Cache, Failure as Remembered, Look, StorageError};
use crate::cli::{Global, Status};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::error::Class;
use crate::name::Name;
use crate::profile::{Configuration, Profile};
use crate::secret::Secret;
use crate::source::{SourceError, waiting_for};
use crate::token::Token;
use crate::ui::{self, Failure, Manner, Paint, Table};

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    version: u32,
    profiles: Vec<Row>,
}

#[derive(Serialize)]
pub(super) struct Row {
    pub(super) profile: String,
    pub(super) source: &'static str,
    pub(super) state: State,
    pub(super) expires_at: Option<String>,
    pub(super) expires_in: Option<u64>,
    pub(super) issued_at: Option<String>,
    pub(super) renew_at: Option<String>,
    pub(super) login: LoginState,
    pub(super) last_error: Option<LastError>,
    /// Whether a token may be handed out.
    #[serde(skip)]
    pub(super) is_usable: bool,
}

#[derive(Serialize)]
pub(super) struct LastError {
    pub(super) message: String,
    pub(super) class: Class,
    pub(super) at: Option<String>,
    pub(super) retry_at: Option<String>,
    pub(super) failures: u32,
    /// What was advised then.
    #[serde(skip)]
    pub(super) hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Fresh,
    NearExpiry,
    Expired,
    Missing,
    BackingOff,
    Parked,
    LoginRequired,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LoginState {
    #[default]
    None,
    Present,
    Dead,
}

pub(super) async fn run(global: &Global, status: &Status, manner: Manner) -> Outcome {
    let configuration = configuration(global)?;
    let now = SystemClock.now();
    let names = names(&configuration, status)?;
    let looked = names.iter().map(|name| (name, row(&configuration, name, now)));
    let rows: Vec<Row> = looked.map(|(name, row)| row.unwrap_or_else(|error| unreadable(&configuration, name, &error, now))).collect();
    let is_unreadable = |row: &Row| row.last_error.as_ref().is_some_and(|error| error.class == Class::Storage);
    let exit_status = if rows.iter().any(is_unreadable) { Class::Storage.exit_status() } else { 0 };
    let text = if status.json {
        let report = Report { version: 1, profiles: rows };
        serde_json::to_string(&report).unwrap_or_default() + "\n"
    } else {
        table(&rows, manner.of_answer(global), now)
    };
    print(Secret::new(text)).await?;
    Ok(exit_status)
}

fn names(configuration: &Configuration, status: &Status) -> Result<Vec<Name>, Failure> {
    let known = all_names(configuration)?;
    if status.profiles.is_empty() {
        return Ok(known);
    }
    let find = |name: &String| match known.iter().find(|known| known.as_str() == name) {
        Some(known) => Ok(known.clone()),
        None => Ok(configuration.select(Some(name))?.name.clone()),
    };
    status.profiles.iter().map(find).collect()
}

pub(super) fn row(configuration: &Configuration, name: &Name, now: Timestamp) -> Result<Row, StorageError> {
    let profile = configuration.get(name);
    let (token, failure) = stored(configuration.cache(), profile, name, now)?;
    let (login, unreadable) = match profile.map(login).transpose() {
        Ok(login) => (login.unwrap_or_default(), None),
        // The token has nothing to do with that.
        Err(error) => (LoginState::None, Some(storage_error(&error, now))),
    };
    let renewal = profile.map(|profile| profile.renewal.clone()).unwrap_or_default();
    let freshness = token.as_ref().map(|token| renewal.freshness(token, now));
    let is_usable = freshness.is_some_and(|freshness| freshness > Freshness::Unusable);
    let wants_login = profile.is_some_and(|profile| profile.source.is_logged_in_to()) && login != LoginState::Present && !is_usable;
    let renew_at = match (&failure, &token) {
        (Some(failure), _) => failure.retry_at.filter(|at| now < *at),
        (None, token) => token.as_ref().and_then(|token| renewal.near_expiry_at(token)),
    };
    let row = Row {
        profile: name.to_string(),
        source: kind(profile, name),
        state: state(failure.as_ref(), freshness, wants_login, now),
        expires_at: token.as_ref().and_then(|token| token.expires_at?.rfc3339()),
        expires_in: token.as_ref().and_then(|token| token.remaining(now)).map(|left| left.as_secs()),
        issued_at: token.as_ref().and_then(|token| token.issued_at?.rfc3339()),
        renew_at: renew_at.and_then(Timestamp::rfc3339),
        login,
        last_error: unreadable.or_else(|| failure.map(last_error)),
        is_usable,
    };
    Ok(match profile {
        Some(profile) if row.last_error.is_none() && matches!(row.state, State::Missing | State::Expired) => {
            waiting(row, configuration, profile, now)
        }
        _ => row,
    })
}

fn state(failure: Option<&Remembered>, freshness: Option<Freshness>, wants_login: bool, now: Timestamp) -> State {
    match (failure, freshness) {
        (Some(failure), _) if failure.class == Class::Login => State::LoginRequired,
        (Some(failure), _) if failure.retry_at.is_none() => State::Parked,
        (Some(failure), _) if failure.retry_at.is_some_and(|at| now < at) => State::BackingOff,
        _ if wants_login => State::LoginRequired,
        (_, None) => State::Missing,
        (_, Some(Freshness::Fresh)) => State::Fresh,
        (_, Some(Freshness::NearExpiry)) => State::NearExpiry,
        (_, Some(Freshness::Unusable)) => State::Expired,
    }
}

/// The row of a profile that has no token: where it needs that of another, which has failed, it shares its state.
fn waiting(row: Row, configuration: &Configuration, profile: &Profile, now: Timestamp) -> Row {
    let fails = |needed: &Row| !needed.is_usable && matches!(needed.state, State::BackingOff | State::Parked | State::LoginRequired);
    let mut needed = profile.needs().filter_map(|name| Some((name, self::row(configuration, name, now).ok()?)));
    let Some((name, Row { state, renew_at, last_error, .. })) = needed.find(|(_, needed)| fails(needed)) else { return row };
    let last_error =
        last_error.map(|error| LastError { message: waiting_for(name, SourceError::new(error.class, &error.message)).message, ..error });
    Row { state, renew_at, last_error, ..row }
}

fn login(profile: &Profile) -> Result<LoginState, StorageError> {
    Ok(match profile.login()? {
        None => LoginState::None,
        Some(login) if login.is_dead() => LoginState::Dead,
        Some(_) => LoginState::Present,
    })
}

/// An entry without a profile is that of a command, unless its profile is gone.
fn kind(profile: Option<&Profile>, name: &Name) -> &'static str {
    match profile {
        Some(profile) => profile.source.kind(),
        None if name.as_str().starts_with("exec-") => "exec",
        None => "unknown",
    }
}

/// The row of what must not be looked at.
fn unreadable(configuration: &Configuration, name: &Name, error: &StorageError, now: Timestamp) -> Row {
    Row {
        profile: name.to_string(),
        source: kind(configuration.get(name), name),
        state: State::Missing,
        expires_at: None,
        expires_in: None,
        issued_at: None,
        renew_at: None,
        login: LoginState::None,
        last_error: Some(storage_error(error, now)),
        is_usable: false,
    }
}

fn storage_error(error: &StorageError, now: Timestamp) -> LastError {
    let message = crate::error::one_line(&error.to_string());
    LastError { message, class: error.class(), at: now.rfc3339(), retry_at: None, failures: 1, hint: Some(error.hint()) }
}

fn last_error(failure: Remembered) -> LastError {
    LastError {
        message: failure.message,
        class: failure.class,
        at: failure.at.rfc3339(),
        retry_at: failure.retry_at.and_then(Timestamp::rfc3339),
        failures: failure.failures,
        hint: failure.hint,
    }
}

/// The token and the failure that speak for the profile as it is configured now.
fn stored(
    cache: &Cache,
    profile: Option<&Profile>,
    name: &Name,
    now: Timestamp,
) -> Result<(Option<Token>, Option<Remembered>), StorageError> {
    let (look, _) = cache.read(name)?;
    let failure = cache.failure(name);
    let entry = match look {
        Look::Found(entry) => Some(entry),
        Look::Missing | Look::Damaged(_) => None,
    };
    let Some(profile) = profile else {
        return Ok((entry.map(|entry| entry.token), failure));
    };
    let (identity, settings) = (profile.identity(), profile.settings());
    let token = entry.filter(|entry| entry.identity == identity).map(|entry| entry.token);
    Ok((token, failure.filter(|failure| failure.concerns(&identity, &settings, now))))
}

fn table(rows: &[Row], manner: Manner, now: Timestamp) -> String {
    if rows.is_empty() {
        ui::tell("nothing is configured and nothing is cached; `token init` writes a profile, `token get -- COMMAND` wraps a command");
        return String::new();
    }
    let has_logins = rows.iter().any(|row| row.login != LoginState::None);
    let titles = ["PROFILE", "SOURCE", "STATE", "LOGIN", "EXPIRES", "RENEWAL", "LAST ERROR"];
    let titles: Vec<&str> = titles.into_iter().filter(|title| has_logins || *title != "LOGIN").collect();
    let mut table = Table::new(&titles);
    for row in rows {
        let relative = |time: &Option<String>| time.as_deref().and_then(Timestamp::parse_rfc3339).map(|at| ui::relative(at, now));
        let (state, paint) = row.state.shown();
        let expires = relative(&row.expires_at).unwrap_or_else(|| if row.state == State::Fresh { "never".into() } else { "-".into() });
        let renewal = relative(&row.renew_at).unwrap_or_else(|| "-".into());
        let error = row.last_error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
        let plain = |text: &str| (text.to_owned(), None);
        let mut cells = vec![plain(&row.profile), plain(row.source), (state.to_owned(), Some(paint))];
        cells.extend(has_logins.then(|| row.login.shown()));
        cells.extend([plain(&expires), plain(&renewal), plain(&error)]);
        table.row(cells);
    }
    table.render(manner)
}

impl LoginState {
    fn shown(self) -> (String, Option<Paint>) {
        let (text, paint) = match self {
            Self::None => ("-", None),
            Self::Present => ("present", None),
            Self::Dead => ("dead", Some(Paint::Bad)),
        };
        (text.to_owned(), paint)
    }

    /// As `--json` has it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Present => "present",
            Self::Dead => "dead",
        }
    }
}

impl State {
    const fn shown(self) -> (&'static str, Paint) {
        match self {
            Self::Fresh => ("fresh", Paint::Good),
            Self::NearExpiry => ("near expiry", Paint::Odd),
            Self::Expired => ("expired", Paint::Odd),
            Self::Missing => ("missing", Paint::Faint),
            Self::BackingOff => ("backing off", Paint::Bad),
            Self::Parked => ("parked", Paint::Bad),
            Self::LoginRequired => ("login required", Paint::Bad),
        }
    }
}
