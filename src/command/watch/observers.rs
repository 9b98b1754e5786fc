//! Who is told what a watcher does: people by the view or a log, systemd, and Prometheus.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::events::Event;
use super::fleet::{Change, Fleet, Gauge};
use crate::bearer::Phase;
use crate::clock::{Clock as _, SystemClock};
use crate::monitor::systemd::{Notifier, status_text};
use crate::monitor::{Snapshot, metrics};
use crate::ui::{self, Manner, View};

/// How often countdowns on a terminal go on.
const SECOND: Duration = Duration::from_secs(1);

/// Everybody who is told.
pub(super) struct Observers {
    manner: Manner,
    view: Option<View>,
    systemd: Notifier,
    is_ready: bool,
    moments: Option<Interval>,
    gauges: Gauges,
    server: Option<JoinHandle<()>>,
}

/// What is read of the fleet, by the server of the metrics too.
type Gauges = Arc<Mutex<Vec<Gauge>>>;

impl Observers {
    pub fn new(manner: Manner, fleet: &Fleet, listener: Option<TcpListener>) -> Self {
        let systemd = Notifier::from_env();
        let view = view(manner, fleet);
        let period = if view.is_some() { Some(SECOND) } else { systemd.watchdog_interval() };
        let moments = period.map(|period| {
            let mut moments = interval_at(Instant::now() + period, period);
            moments.set_missed_tick_behavior(MissedTickBehavior::Skip);
            moments
        });
        let gauges = Gauges::new(Mutex::new(fleet.gauges()));
        let server = listener.map(|listener| tokio::spawn(serve(listener, Arc::clone(&gauges))));
        Self { manner, view, systemd, is_ready: false, moments, gauges, server }
    }

    /// The next time to look without anything having changed; never where nobody needs that.
    pub async fn moment(&mut self) {
        match &mut self.moments {
            Some(moments) => drop(moments.tick().await),
            None => std::future::pending().await,
        }
    }

    /// Tells what has happened.
    pub fn saw(&mut self, changes: Vec<Change>) {
        for Change { profile, event, status } in changes {
            let is_seen_anyway = self.view.is_some() && !matches!(event, Event::Failed | Event::Parked);
            if !is_seen_anyway {
                event.tell(&profile, &status, self.manner);
            }
        }
        self.look();
    }

    /// Shows what all are at, to those who want to see it.
    pub fn look(&mut self) {
        if self.view.is_none() && !self.systemd.is_wanted() {
            return;
        }
        let (snapshots, now) = (snapshots(&self.gauges), SystemClock.now());
        if let Some(view) = &mut self.view {
            view.draw(&snapshots, now);
        }
        self.systemd.watchdog();
        self.systemd.status(&status_text(&snapshots, now));
        if !self.is_ready && snapshots.iter().all(|snapshot| snapshot.is_settled(now)) {
            self.is_ready = true;
            self.systemd.ready();
        }
    }

    pub fn reloading(&self) {
        self.systemd.reloading();
    }

    /// The configuration was read again, and these are its profiles.
    pub fn reloaded(&mut self, fleet: &Fleet) {
        ui::tell_notice(self.manner, "the configuration was read again");
        *locked(&self.gauges) = fleet.gauges();
        self.view = None;
        self.view = view(self.manner, fleet);
        self.is_ready = false;
        self.look();
    }

    /// The configuration was read again and is not taken.
    pub fn kept(&self) {
        ui::tell_notice(self.manner, "the configuration that was read before stays");
        if self.is_ready {
            self.systemd.ready();
        }
    }

    pub fn stopping(&mut self) {
        self.systemd.stopping();
        if let Some(view) = self.view.take() {
            view.leave(&snapshots(&self.gauges), SystemClock.now());
        }
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn serve(listener: TcpListener, gauges: Gauges) {
    let is_alive = || snapshots(&gauges).iter().all(|snapshot| snapshot.status.phase != Phase::Stopped);
    if let Err(error) = metrics::serve(listener, || snapshots(&gauges), is_alive, SystemClock).await {
        // Error 0: The page of metrics is not served any more; renewals go on. To do: start the watcher again.
        tracing::error!("metrics: {}", crate::error::reason(&error));
    }
}

fn snapshots(gauges: &Gauges) -> Vec<Snapshot> {
    locked(gauges).iter().map(Gauge::read).collect()
}

fn locked(gauges: &Gauges) -> MutexGuard<'_, Vec<Gauge>> {
    gauges.lock().unwrap_or_else(PoisonError::into_inner)
}

fn view(manner: Manner, fleet: &Fleet) -> Option<View> {
    let names: Vec<_> = fleet.gauges().into_iter().map(|gauge| gauge.profile).collect();
    View::is_wanted(manner).then(|| View::new(manner, &names))
}
