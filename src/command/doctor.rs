//! `token doctor`: looks at everything that tokens depend on, and says what to do where something is not well. It goes on behind each
//! finding, changes nothing, and ends in time.
//!
//! Each subject is a file: it looks, and decides by a function of what it saw.

mod commands;
mod configuration;
mod consumers;
mod environment;
mod files;
mod helpers;
mod hosts;
mod network;
mod permissions;
mod profiles;
mod proxies;
mod shell;
mod storage;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use super::Outcome;
use super::shared::{TIMEOUT, print};
use crate::cli::{Doctor, Global};
use crate::clock::{Clock as _, SystemClock, Timestamp, deadline_in};
use crate::error::Class;
use crate::name::Name;
use crate::profile::{Configuration, Places, Profile, Survey};
use crate::secret::Secret;
use crate::ui::findings::{Finding, Style, exit_status, json, render};
use crate::ui::{self, Failure, Manner};
use commands::Commands;

/// How long one server may take, where nobody says otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What is looked at.
struct Scene {
    places: Places,
    survey: Survey,
    /// The profiles that are asked about.
    profiles: Vec<Profile>,
    /// Whether those are all there are.
    is_whole: bool,
    commands: Commands,
    now: Timestamp,
}

impl Scene {
    fn configuration(&self) -> &Configuration {
        &self.survey.configuration
    }

    /// Whether a profile, sound or not, is one of those asked about.
    fn asks_about(&self, name: &Name) -> bool {
        self.is_whole || self.profiles.iter().any(|profile| profile.name == *name)
    }

    /// Whether there is a profile of this name, sound or not.
    fn knows(&self, name: &str) -> bool {
        let is_it = |known: &Name| known.as_str() == name;
        self.configuration().profiles().any(|profile| is_it(&profile.name)) || self.survey.broken.iter().any(is_it)
    }
}

pub(super) async fn run(global: &Global, doctor: &Doctor, manner: Manner) -> Outcome {
    let findings = match Places::find(global.config.as_deref()) {
        Ok(places) => examine(global, doctor, places, manner).await?,
        Err(error) => configuration::without_places(&error).into_iter().chain(environment::variables()).collect(),
    };
    let findings: Vec<Finding> = findings.into_iter().map(|finding| finding.with_hint_as(|hint| of_file(global, hint))).collect();
    let text = if doctor.json {
        json(&findings)
    } else {
        render(&findings, Style::new(manner.of_answer(global), std::io::stdout().is_terminal()))
    };
    print(Secret::new(text)).await?;
    Ok(exit_status(&findings))
}

/// A hint whose commands read the configuration that was named, as this one did.
fn of_file(global: &Global, hint: &str) -> String {
    let Some(file) = &global.config else { return hint.to_owned() };
    let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
    let named = format!("token --config {} ", commands::typed(&file));
    ["renew ", "purge ", "helper "].iter().fold(hint.to_owned(), |hint, command| {
        let (plain, whole) = (format!("token {command}"), format!("{named}{command}"));
        hint.replace(&plain, &whole)
    })
}

async fn examine(global: &Global, doctor: &Doctor, places: Places, manner: Manner) -> Result<Vec<Finding>, Failure> {
    let deadline = deadline_in(doctor.timeout.unwrap_or(TIMEOUT));
    let surveyed = places.clone();
    // Whoever waits for a file still hears a signal.
    let survey = spawn_blocking(move || Configuration::survey(&surveyed)).await;
    let survey = survey.map_err(|error| Failure::Unforeseen(error.to_string()))?;
    let scene = Arc::new(scene(global, doctor, places, survey)?);
    let limit = doctor.request_timeout.unwrap_or(REQUEST_TIMEOUT);
    let distant = async { if doctor.offline { vec![network::left_out()] } else { network::findings(&scene, limit, deadline).await } };
    let near = {
        let scene = Arc::clone(&scene);
        async move { timeout_at(deadline, spawn_blocking(move || nearby(&scene))).await }
    };
    let (near, distant) = ui::while_waiting(manner, "looking around", futures_util::future::join(near, distant)).await;
    let mut findings = match near {
        Ok(Ok(near)) => near,
        Ok(Err(error)) => return Err(Failure::Unforeseen(error.to_string())),
        Err(_) => vec![unfinished()],
    };
    // The network stands behind the profiles that need it.
    let behind = findings.iter().rposition(|finding| finding.subject() == "profile").map_or(findings.len(), |last| last + 1);
    findings.splice(behind..behind, distant);
    Ok(findings)
}

fn scene(global: &Global, doctor: &Doctor, places: Places, survey: Survey) -> Result<Scene, Failure> {
    let named: Vec<&str> = doctor.profiles.iter().chain(&global.profile).map(String::as_str).collect();
    let mut profiles = Vec::new();
    for name in &named {
        if !survey.broken.iter().any(|broken| broken.as_str() == *name) {
            profiles.push(survey.configuration.select(Some(name))?.clone());
        }
    }
    if named.is_empty() {
        profiles.extend(survey.configuration.profiles().cloned());
    }
    profiles.sort_by(|one, other| one.name.cmp(&other.name));
    profiles.dedup_by(|one, other| one.name == other.name);
    Ok(Scene { places, survey, profiles, is_whole: named.is_empty(), commands: Commands::find(), now: SystemClock.now() })
}

/// What is found on this machine.
fn nearby(scene: &Scene) -> Vec<Finding> {
    let mut findings = configuration::findings(scene);
    findings.extend(storage::findings(scene));
    findings.extend(profiles::findings(scene));
    findings.extend(hosts::findings(scene));
    findings.extend(proxies::findings(scene));
    findings.extend(helpers::findings(scene));
    findings.extend(consumers::findings(scene));
    findings.extend(shell::findings(scene));
    findings.extend(environment::findings(scene));
    findings
}

fn unfinished() -> Finding {
    let hint = "a file system that does not answer is the likely cause: look at what is mounted, or give it time (--timeout)";
    Finding::problem("storage.time", Class::Storage, "looking at the files of this machine took too long", hint)
}
