//! A new profile is tried, as `token renew` does it.

use std::path::Path;
use std::time::Duration;

use super::place::Written;
use crate::bearer::{FetchOptions, Fetched};
use crate::cli::{Global, Limits};
use crate::clock::{Clock as _, SystemClock};
use crate::command::Outcome;
use crate::command::shared::{TIMEOUT, obtain, options, person};
use crate::error::Class;
use crate::name::Name;
use crate::profile::{Configuration, Places, Profile};
use crate::token::Token;
use crate::ui::{self, Failure, Manner};

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Tries the profile once and tells what came of it. `secret` is the file in which a secret that was typed is kept.
pub(super) async fn run(
    global: &Global,
    places: &Places,
    name: &Name,
    written: &Written,
    secret: Option<&Path>,
    manner: Manner,
) -> Outcome {
    let configuration = Configuration::load(places)?;
    // Error 1: Somebody took it out again in the same moment. To do: look into the configuration.
    let lost = || Failure::Unforeseen(format!("{name}: the profile that was written is not there"));
    let profile = configuration.get(name).ok_or_else(lost)?;
    let person = person(global, profile, manner);
    // One request as long as it was said to take at most; a person has longer anyway.
    let timeout = Some(TIMEOUT.max(profile.renewal.refresh_request_timeout.saturating_add(HALF_A_SECOND))).filter(|_| person.is_none());
    let limits = Limits { max_retries: Some(1), timeout, ..Limits::default() };
    let options = FetchOptions { renew_required: true, report_error: true, person, ..options(&limits) };
    let tell = |text: &str| {
        if !manner.is_quiet {
            ui::tell_event(manner, name, text);
        }
    };
    match obtain(profile, &limits, &options, manner).await {
        Ok(Fetched { token, .. }) => {
            tell(&works(profile, &token));
            tell(&format!("`token get {name}` prints it; `token helper setup TOOL -p {name}` has kubectl, git and others ask for it"));
            Ok(0)
        }
        Err(failure) => {
            ui::tell_failure(&failure, manner);
            if let Failure::Renewal { error, .. } = &failure
                && let Some(stays) = stays(error.class, written, secret)
            {
                tell(&format!("{stays}; `token renew {name}` tries it again"));
            }
            Ok(failure.exit_status())
        }
    }
}

/// Where a profile that was of no use stays, and whether that is the place to mend it; a login says by itself how it goes on.
fn stays(class: Class, written: &Written, secret: Option<&Path>) -> Option<String> {
    let secret = secret.map(|file| format!(" (the secret in {})", file.display())).filter(|_| class == Class::Refused).unwrap_or_default();
    match class {
        Class::Login => None,
        Class::Storage | Class::Lock => Some(format!("it stays at {written}")),
        Class::Refused | Class::Config | Class::Network | Class::Temporary => {
            Some(format!("it stays at {written}, to be corrected there{secret}"))
        }
    }
}

/// What was got, and for how long.
fn works(profile: &Profile, token: &Token) -> String {
    let holds =
        token.remaining(SystemClock.now()).map_or_else(|| "does not expire".to_owned(), |left| format!("expires in {}", ui::spoken(left)));
    match profile.source.printed() {
        None => format!("it works: a token that {holds}"),
        Some(printed) if printed.is_dated => format!("it works: the command printed {}, which {holds}", printed.shape),
        Some(printed) => {
            // The end of its life is a whole second, the beginning is not.
            let life = token.lifetime().map(|life| Duration::from_secs((life + HALF_A_SECOND).as_secs()));
            let again = life.map_or_else(|| "is never run again".to_owned(), |life| format!("is run again after {}", ui::spoken(life)));
            format!("it works: the command printed {}, which does not say how long it holds, so the command {again} (`ttl`)", printed.shape)
        }
    }
}
