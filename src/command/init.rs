//! `token init`: somebody without a profile has one that works. What an issuer says of itself is not asked; what is missing is asked at a
//! terminal, and named all at once elsewhere.
//!
//! It promises that nothing is written before all of it is known to be read as it is meant, that nothing that was there is lost, and that
//! a secret is in no argument and on no screen.

mod client;
mod interview;
mod place;
mod proof;
mod trial;

use std::cell::OnceCell;

use super::Outcome;
use super::shared::print;
use super::signals::interruptible;
use crate::cli::{ClientOptions, Global, Init};
use crate::name::Name;
use crate::profile::{ConfigError, Places};
use crate::secret::Secret;
use crate::ui::{self, Failure, Manner};
use interview::Interview;
use place::{Ground, Written};

pub(super) async fn run(global: &Global, init: &Init, manner: Manner) -> Outcome {
    let stands = OnceCell::new();
    let outcome = interruptible(perform(global, init, manner, &stands)).await;
    if matches!(outcome, Err(Failure::Signal(_))) && !manner.is_quiet {
        broken_off(stands.get(), manner);
    }
    outcome
}

/// What there is to know for whoever broke it off.
fn broken_off(stands: Option<&(Name, Written)>, manner: Manner) {
    if manner.is_terminal && !manner.is_json {
        // Behind the ^C.
        ui::tell("");
    }
    match stands {
        Some((name, place)) => {
            ui::tell_event(manner, name, &format!("not tried to the end; it stays at {place}, and `token renew {name}` tries it"));
        }
        None => ui::tell_notice(manner, "nothing was written"),
    }
}

/// All of it; as soon as the profile stands somewhere, that is noted.
async fn perform(global: &Global, init: &Init, manner: Manner, stands: &OnceCell<(Name, Written)>) -> Outcome {
    if !init.command.is_empty() && init.client != ClientOptions::default() {
        // Error: A command is no client of an issuer, and has no secret. To do: leave either out.
        return Err(wrong("options of a client go with an issuer, not with a command").into());
    }
    proof::refuse_shown(&init.client)?;
    let found = Places::find(global.config.as_deref())?;
    let places = Places { config: std::path::absolute(&found.config).unwrap_or(found.config), ..found };
    let ground = Ground::survey(global, init, &places)?;
    let planned = Interview::begin(global, init, &places, ground, manner).await.profile().await?;
    let name = planned.draft.name.clone();
    let tell = |text: &str| {
        if !manner.is_quiet {
            ui::tell_event(manner, &name, text);
        }
    };
    let new = place::check(&places, &planned, init.default)?;
    if init.dry_run {
        if let Some(kept) = &planned.kept {
            tell(&format!("its secret would be kept in {}", kept.path.display()));
        }
        tell(&format!("would be written to {}", Written::at(&places, new.line)));
        print(Secret::new(new.added)).await?;
        return Ok(0);
    }
    let written = place::write(&places, &planned, init.default).await?;
    let (_, written) = stands.get_or_init(|| (name.clone(), written));
    if let Some(kept) = &planned.kept {
        tell(&format!("its secret is kept in {}", kept.path.display()));
    }
    tell(&format!("written to {written}"));
    if new.needs_names {
        tell("there are two profiles now and no default: name one, as in `token get NAME`, or set `default`");
    }
    if init.no_try {
        tell(&format!("`token renew {name}` tries it"));
        return Ok(0);
    }
    trial::run(global, &places, &name, written, planned.kept.as_ref().map(|kept| kept.path.as_path()), manner).await
}

/// Something in what was typed.
fn wrong(message: impl Into<String>) -> ConfigError {
    ConfigError::new(message, Some("`token init --help` shows how it is used".to_owned()))
}
