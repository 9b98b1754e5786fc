//! Tells systemd how the watcher fares, by the protocol of `sd_notify(3)`. Without `NOTIFY_SOCKET` it does nothing.
//!
//! It promises to hold nothing up: a message that cannot be sent within a fifth of a second is lost, and logged. It refuses sockets of
//! virtual machines (`vsock:`). The sd-notify crate does not know abstract sockets, which the protocol has, and asks the environment at
//! every message.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use super::{Snapshot, State};
use crate::clock::Timestamp;
use crate::error::one_line;

const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG_USEC: &str = "WATCHDOG_USEC";
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// How long a message may wait for room in systemd's queue.
const LONGEST_SEND: Duration = Duration::from_millis(200);

/// A time of day further away than this is shown with its date.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The way to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    manager: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// The one that the environment names.
    #[must_use]
    pub fn from_env() -> Self {
        Self::named_by(|name| std::env::var_os(name), std::process::id())
    }

    fn named_by(variable: impl Fn(&str) -> Option<OsString>, process: u32) -> Self {
        let manager = variable(NOTIFY_SOCKET).filter(|socket| !socket.is_empty()).and_then(|socket| {
            connect(socket.as_bytes())
                // Error 0: systemd is not told that the watcher is ready. To do: start it by a unit of `Type=notify`, or unset
                // NOTIFY_SOCKET.
                .inspect_err(|error| tracing::warn!("systemd: {NOTIFY_SOCKET} names no socket that could be used: {error}"))
                .ok()
        });
        Self { manager, watchdog: watchdog(&variable, process) }
    }

    /// Whether anybody is there to be told.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        self.manager.is_some()
    }

    /// Every profile has a token, or is parked; or the configuration was read again.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// What a person sees in `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", one_line(text)));
    }

    /// The configuration is being read again; [`ready`](Self::ready) is to follow. The time is for `Type=notify-reload`.
    pub fn reloading(&self) {
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// The loop lives.
    pub fn watchdog(&self) {
        self.send("WATCHDOG=1");
    }

    /// How often to call [`watchdog`](Self::watchdog): twice as often as systemd wants; `None` where it does not.
    #[must_use]
    pub const fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog
    }

    fn send(&self, message: &str) {
        let Some((socket, manager)) = &self.manager else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), manager) {
            tracing::info!("systemd: cannot tell it {message:?}: {error}");
        }
    }
}

/// A socket, and the address of the manager's. It is not connected, so that a manager that has begun anew is found again.
fn connect(address: &[u8]) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match address {
        [b'@', name @ ..] => abstract_address(name)?,
        [b'/', ..] => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(address))?,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither an absolute path nor an abstract name")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(LONGEST_SEND))?;
    Ok((socket, address))
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Half of what systemd waits for a sign of life, where it wants one from this process (`sd_watchdog_enabled(3)`).
fn watchdog(variable: impl Fn(&str) -> Option<OsString>, process: u32) -> Option<Duration> {
    let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
    let is_ours = variable(WATCHDOG_PID).is_none() || number(WATCHDOG_PID) == Some(process.into());
    let limit = number(WATCHDOG_USEC).filter(|limit| is_ours && *limit > 0)?;
    Some(Duration::from_micros(limit) / 2)
}

/// `CLOCK_MONOTONIC`, which systemd compares with when it asked for the reload.
fn monotonic_microseconds() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

/// How `snapshots` fare at `now`: `5 profiles: 4 fresh, 1 parked; next renewal 14:05:10Z`.
#[must_use]
pub fn status_text(snapshots: &[Snapshot], now: Timestamp) -> String {
    let profiles = match snapshots.len() {
        0 => return "no profiles".to_owned(),
        1 => "1 profile".to_owned(),
        count => format!("{count} profiles"),
    };
    let states: Vec<State> = snapshots.iter().map(|snapshot| snapshot.state(now)).collect();
    let count = |state| match states.iter().filter(|found| **found == state).count() {
        0 => None,
        count => Some(format!("{count} {state}")),
    };
    let counts: Vec<String> = State::ALL.into_iter().filter_map(count).collect();
    let next = snapshots.iter().filter_map(Snapshot::next_attempt).min();
    let next = next.and_then(|at| time(at, now)).map(|at| format!("; next renewal {at}")).unwrap_or_default();
    format!("{profiles}: {}{next}", counts.join(", "))
}

/// A time of day, with its date where it would be taken for another day's.
fn time(at: Timestamp, now: Timestamp) -> Option<String> {
    if at <= now {
        return Some("now".to_owned());
    }
    let text = at.rfc3339()?;
    match text.split_once('T') {
        Some((_, time)) if at.since(now) < DAY => Some(time.to_owned()),
        _ => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::snapshot;
    use super::*;
    use crate::bearer::{Phase, Retry};
    use crate::error::Class;

    const PROCESS: u32 = 4321;

    /// Names and values.
    type Variables<'a> = &'a [(&'a str, &'a str)];

    fn notifier(variables: Variables<'_>) -> Notifier {
        let variable = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.into());
        Notifier::named_by(variable, PROCESS)
    }

    fn received(manager: &UnixDatagram) -> String {
        let mut message = [0; 4096];
        let length = manager.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).into_owned()
    }

    /// Everything that can be said, as the manager hears it.
    fn converse(manager: &UnixDatagram, notifier: &Notifier) {
        manager.set_read_timeout(Some(Duration::from_secs(5))).expect("a time limit");
        notifier.ready();
        assert_eq!(received(manager), "READY=1");
        notifier.status("1 profile: 1 fresh\nREADY=1");
        assert_eq!(received(manager), "STATUS=1 profile: 1 fresh READY=1", "on one line");
        notifier.watchdog();
        assert_eq!(received(manager), "WATCHDOG=1");
        let before = monotonic_microseconds();
        notifier.reloading();
        let message = received(manager);
        let time = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|time| time.parse::<i64>().ok());
        assert!(time.is_some_and(|time| (before..=monotonic_microseconds()).contains(&time)), "{message:?}");
        notifier.stopping();
        assert_eq!(received(manager), "STOPPING=1");
    }

    #[test]
    fn systemd_is_told_by_a_socket_with_a_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).expect("a socket");
        let notifier = notifier(&[(NOTIFY_SOCKET, path.to_str().expect("a path"))]);
        converse(&manager, &notifier);
        drop(manager);
        std::fs::remove_file(&path).expect("removed");
        notifier.ready();
        let anew = UnixDatagram::bind(&path).expect("a socket");
        converse(&anew, &notifier);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn systemd_is_told_by_an_abstract_socket() {
        let name = format!("token-test-{}", std::process::id());
        let address = abstract_address(name.as_bytes()).expect("an address");
        let manager = UnixDatagram::bind_addr(&address).expect("a socket");
        converse(&manager, &notifier(&[(NOTIFY_SOCKET, &format!("@{name}"))]));
    }

    #[test]
    fn a_manager_that_does_not_listen_holds_nothing_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).expect("a socket");
        let notifier = notifier(&[(NOTIFY_SOCKET, path.to_str().expect("a path"))]);
        let (socket, address) = notifier.manager.as_ref().expect("a manager");
        while socket.send_to_addr(b"X=1", address).is_ok() {}
        let began = std::time::Instant::now();
        notifier.stopping();
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        drop(manager);
    }

    #[test]
    fn without_a_manager_nothing_is_said() {
        for variables in [&[][..], &[(NOTIFY_SOCKET, "")], &[(NOTIFY_SOCKET, "relative")], &[(NOTIFY_SOCKET, "vsock:2:1234")]] {
            let notifier = notifier(variables);
            assert!(notifier.manager.is_none(), "{variables:?}");
            notifier.ready();
        }
        notifier(&[(NOTIFY_SOCKET, "/nowhere/notify")]).ready();
    }

    #[test]
    fn a_sign_of_life_is_given_twice_as_often_as_it_is_wanted() {
        let ours = PROCESS.to_string();
        let table: [(Variables<'_>, Option<u64>); 7] = [
            (&[], None),
            (&[(WATCHDOG_USEC, "90000000")], Some(45_000)),
            (&[(WATCHDOG_USEC, "90000000"), (WATCHDOG_PID, &ours)], Some(45_000)),
            (&[(WATCHDOG_USEC, "90000000"), (WATCHDOG_PID, "1")], None),
            (&[(WATCHDOG_USEC, "90000000"), (WATCHDOG_PID, "x")], None),
            (&[(WATCHDOG_USEC, "0")], None),
            (&[(WATCHDOG_USEC, "soon")], None),
        ];
        for (variables, expected) in table {
            assert_eq!(notifier(variables).watchdog_interval(), expected.map(Duration::from_millis), "{variables:?}");
        }
    }

    #[test]
    fn the_status_is_a_line_for_people() {
        let at = |text: &str| Timestamp::parse_rfc3339(text).expect("a time");
        let now = at("2026-11-22T14:00:00Z");
        let fresh = |next: &str| snapshot("a", Phase::Waiting(Some(at(next))), Some(0), None);
        let parked = snapshot("b", Phase::Parked, None, Some((Class::Refused, Retry::Parked)));
        let login = snapshot("c", Phase::Parked, None, Some((Class::Login, Retry::Parked)));
        let failed = snapshot("d", Phase::BackingOff(at("2026-11-22T14:00:05Z")), None, None);
        let (soon, late) = ("2026-11-22T14:05:10.9Z", "2026-11-23T09:00:00Z");
        let table = [
            (vec![], "no profiles"),
            (vec![snapshot("a", Phase::Starting, None, None)], "1 profile: 1 missing"),
            (vec![fresh(soon)], "1 profile: 1 fresh; next renewal 14:05:10Z"),
            (vec![fresh(late)], "1 profile: 1 fresh; next renewal 09:00:00Z"),
            (vec![fresh("2026-11-23T14:00:00Z")], "1 profile: 1 fresh; next renewal 2026-11-23T14:00:00Z"),
            (vec![fresh("2026-11-22T14:00:00Z")], "1 profile: 1 fresh; next renewal now"),
            (vec![snapshot("a", Phase::Waiting(None), Some(0), None)], "1 profile: 1 fresh"),
            (vec![parked.clone(), fresh(late), fresh(soon)], "3 profiles: 2 fresh, 1 parked; next renewal 14:05:10Z"),
            (vec![login, failed, parked], "3 profiles: 1 backing off, 1 parked, 1 login required; next renewal 14:00:05Z"),
        ];
        for (snapshots, expected) in table {
            assert_eq!(status_text(&snapshots, now), expected);
        }
    }
}
