//! `token watch`: keeps tokens fresh in the foreground, any number of them on one thread, until it is stopped.

mod events;
mod fleet;
mod footprint;
mod observers;

use std::net::TcpListener;
use std::time::Duration;

use futures_util::future::join_all;

use super::Outcome;
use super::shared::{chosen_many, configuration, obtain, options};
use super::signals::{heard, interruptible, listener};
use crate::bearer::Origin;
use crate::cli::{Global, Limits, Watch};
use crate::monitor::metrics;
use crate::profile::Profile;
use crate::ui::{self, Failure, Manner};
use fleet::Fleet;
use observers::Observers;

/// How long the deliveries of a fleet that was replaced may take: more than a hook may.
const LONGEST_DELIVERY: Duration = Duration::from_secs(60);

/// How long what runs may take to end once a signal has come.
const GRACE: Duration = Duration::from_millis(500);

pub(super) async fn run(global: &Global, watch: &Watch, manner: Manner) -> Outcome {
    let profiles = profiles(global, watch)?;
    if watch.once {
        return interruptible(once(profiles, manner)).await;
    }
    let metrics = watch.metrics.as_deref().map(listen).transpose()?;
    let [mut interrupt, mut terminate, mut hangup, mut user] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1].map(listener);
    let mut fleet = Fleet::start(profiles);
    let mut observers = Observers::new(manner, &fleet, metrics);
    let number = loop {
        tokio::select! {
            biased;
            () = heard(&mut interrupt) => break 2,
            () = heard(&mut terminate) => break 15,
            () = heard(&mut hangup) => reload(global, watch, manner, &mut fleet, &mut observers),
            () = heard(&mut user) => fleet.renew_all(),
            changes = fleet.changes() => {
                observers.saw(changes);
                footprint::give_back_code();
            }
            () = observers.moment() => observers.look(),
        }
    };
    observers.stopping();
    fleet.close(GRACE).await;
    Err(Failure::Signal(number))
}

fn profiles(global: &Global, watch: &Watch) -> Result<Vec<Profile>, Failure> {
    let configuration = configuration(global)?;
    let profiles = chosen_many(&configuration, global, &watch.profiles, watch.all)?;
    if profiles.is_empty() { Err(configuration.without_profiles().into()) } else { Ok(profiles) }
}

fn listen(address: &str) -> Result<TcpListener, Failure> {
    let wrong = |what: String| Failure::Usage(format!("--metrics: {what}"));
    let address = metrics::parse_address(address).map_err(wrong)?;
    // Error (parse_address): The port is taken, or is not ours to take. To do: choose another port, or end what has it.
    TcpListener::bind(address).map_err(|error| wrong(format!("cannot listen on {address}: {}", crate::error::reason(&error))))
}

/// Reads the configuration again; a bad one is reported and the old one stays.
fn reload(global: &Global, watch: &Watch, manner: Manner, fleet: &mut Fleet, observers: &mut Observers) {
    observers.reloading();
    match profiles(global, watch) {
        Ok(profiles) => {
            let retired = std::mem::replace(fleet, Fleet::start(profiles));
            retired.stop();
            // What it delivers goes on to its end, which hooks have a limit for.
            tokio::spawn(async move { retired.close(LONGEST_DELIVERY).await });
            observers.reloaded(fleet);
        }
        Err(failure) => {
            ui::tell_failure(&failure, manner);
            observers.kept();
        }
    }
}

/// Renews what is due, writes the sinks, and is done.
async fn once(profiles: Vec<Profile>, manner: Manner) -> Outcome {
    let statuses = join_all(profiles.iter().map(|profile| one(profile, manner))).await;
    Ok(statuses.into_iter().max().unwrap_or(0))
}

async fn one(profile: &Profile, manner: Manner) -> u8 {
    let limits = Limits::default();
    match obtain(profile, &limits, &options(&limits), manner).await {
        Ok(fetched) => {
            if !matches!(fetched.origin, Origin::Renewed) {
                profile.delivery.write(&profile.token_cache(), profile.source.kind(), &fetched.token);
            }
            if !manner.is_quiet {
                ui::tell_event(manner, &profile.name, &events::described(&fetched));
            }
            0
        }
        Err(failure) => {
            ui::tell_failure(&failure, manner);
            failure.exit_status()
        }
    }
}
