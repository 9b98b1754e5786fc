//! The bearers that are being watched, and what changes of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::events::Event;
use crate::bearer::{RenewableBearer, Status};
use crate::clock::SystemClock;
use crate::monitor::Snapshot;
use crate::name::Name;
use crate::profile::Profile;
use crate::source::AnySource;

/// One profile and its bearer.
struct Member {
    profile: Profile,
    bearer: RenewableBearer<Arc<AnySource>, SystemClock>,
    seen: Status,
    /// How many failures there had been in all at the last success.
    forgiven: u64,
}

/// Something that happened to a profile.
pub(super) struct Change {
    pub profile: Name,
    pub event: Event,
    /// What it is at; of its failures, those since the last success.
    pub status: Status,
}

/// Shows what one of them is at, whenever it is read.
#[derive(Debug)]
pub(super) struct Gauge {
    pub profile: Name,
    source: &'static str,
    status: watch::Receiver<Status>,
}

impl Gauge {
    pub fn read(&self) -> Snapshot {
        Snapshot { profile: self.profile.clone(), source: self.source, status: self.status.borrow().clone() }
    }
}

/// Any number of bearers, each with its loop.
pub(super) struct Fleet {
    members: Vec<Member>,
    changed: mpsc::UnboundedReceiver<usize>,
    forwarders: JoinSet<()>,
}

impl Fleet {
    /// Starts a loop for each of `profiles`.
    pub fn start(profiles: Vec<Profile>) -> Self {
        let (sender, changed) = mpsc::unbounded_channel();
        let mut forwarders = JoinSet::new();
        let mut members = Vec::with_capacity(profiles.len());
        for profile in profiles {
            let bearer = RenewableBearer::new(profile.bearer());
            let mut status = bearer.status();
            let seen = status.borrow_and_update().clone();
            let (number, sender) = (members.len(), sender.clone());
            forwarders.spawn(async move { while status.changed().await.is_ok() && sender.send(number).is_ok() {} });
            bearer.start();
            members.push(Member { profile, bearer, seen, forgiven: 0 });
        }
        Self { members, changed, forwarders }
    }

    /// What has happened, as soon as something has.
    pub async fn changes(&mut self) -> Vec<Change> {
        let Some(first) = self.changed.recv().await else { return std::future::pending().await };
        let mut changes = Vec::new();
        let mut next = Some(first);
        while let Some(member) = next.and_then(|number| self.members.get_mut(number)) {
            member.look(&mut changes);
            next = self.changed.try_recv().ok();
        }
        changes
    }

    /// Asks for a renewal of all.
    pub fn renew_all(&self) {
        self.members.iter().for_each(|member| member.bearer.request_renewal());
    }

    /// A gauge on each of them.
    pub fn gauges(&self) -> Vec<Gauge> {
        let gauge = |member: &Member| Gauge {
            profile: member.profile.name.clone(),
            source: member.profile.source.kind(),
            status: member.bearer.status(),
        };
        self.members.iter().map(gauge).collect()
    }

    /// Ends all of them, with what they started, within about `grace`.
    pub async fn close(mut self, grace: Duration) {
        join_all(self.members.iter().map(|member| member.bearer.close(grace))).await;
        self.forwarders.shutdown().await;
    }

    /// Ends the loops of all of them.
    pub fn stop(&self) {
        self.members.iter().for_each(|member| member.bearer.stop());
    }
}

impl Member {
    /// Takes note of what is new, and has it delivered to whoever learns of renewals.
    fn look(&mut self, changes: &mut Vec<Change>) {
        let status = self.bearer.status().borrow().clone();
        for event in Event::between(&self.seen, &status) {
            self.deliver(event, &status);
            let recent = Status { failures: status.failures.saturating_sub(self.forgiven), ..status.clone() };
            changes.push(Change { profile: self.profile.name.clone(), event, status: recent });
            if matches!(event, Event::Renewed | Event::Found) {
                self.forgiven = status.failures;
            }
        }
        self.seen = status;
    }

    fn deliver(&self, event: Event, status: &Status) {
        let (profile, token) = (self.profile.clone(), status.token.clone());
        // Whoever was refused has told; remembering it is no news.
        let is_news = status.last_error.as_ref().is_some_and(|error| error.attempts > 0);
        // Error: `watch` could not hand a renewed token on: to a sink, a hook, or the log. To do: mend what the message names.
        self.bearer.track("delivery", async move {
            let (cache, kind) = (profile.token_cache(), profile.source.kind());
            match (event, token) {
                (Event::Renewed, Some(token)) => profile.delivery.renewed(&cache, kind, &token, Duration::MAX).await,
                (Event::Found, Some(token)) => drop(profile.delivery.write(&cache, kind, &token)),
                (Event::Parked, _) if is_news => profile.delivery.parked(&cache, Duration::MAX).await,
                (Event::Parked | Event::Failed | Event::Renewed | Event::Found, _) => {}
            }
            Ok::<(), std::convert::Infallible>(())
        });
    }
}
