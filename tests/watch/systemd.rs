//! What systemd hears, on a real datagram socket.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Issuer, Reply, Test};
use crate::{SECOND, Watcher, eager};

/// systemd's end.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    /// Listens at the place that [`notified`] names.
    fn of(test: &Test) -> Self {
        Self { socket: UnixDatagram::bind(test.path("notify")).unwrap(), heard: Vec::new() }
    }

    /// The next message, if one comes within `limit`.
    fn next(&mut self, limit: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(limit.max(Duration::from_millis(1)))).unwrap();
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).ok()?;
        let message = String::from_utf8(message[..length].to_vec()).unwrap();
        assert!(!message.contains("token-"), "{message:?}");
        self.heard.push(message.clone());
        Some(message)
    }

    /// What comes until a message begins so, and that message.
    #[track_caller]
    fn until(&mut self, beginning: &str) -> Vec<String> {
        let started = Instant::now();
        let mut messages = Vec::new();
        while started.elapsed() < 20 * SECOND {
            messages.extend(self.next(SECOND));
            if messages.last().is_some_and(|message| message.starts_with(beginning)) {
                return messages;
            }
        }
        panic!("never heard {beginning:?} but {:?}", self.heard);
    }

    /// What comes within `time`.
    fn during(&mut self, time: Duration) -> Vec<String> {
        let end = Instant::now() + time;
        std::iter::from_fn(|| self.next(end.saturating_duration_since(Instant::now()))).collect()
    }
}

fn notified(config: &str) -> Test {
    let test = Test::configured(config);
    let socket = test.path("notify");
    test.env("NOTIFY_SOCKET", socket)
}

fn is_ready(message: &str) -> bool {
    message.lines().any(|line| line == "READY=1")
}

#[test]
fn it_is_ready_once_every_profile_has_a_token_or_is_parked() {
    let [good, slow, refused] = [Reply::token(3600), Reply::token(3600).held(), Reply::oauth(401, "invalid_client")].map(Issuer::answering);
    let test = notified(&eager([("good", &good), ("slow", &slow), ("refused", &refused)]));
    let mut manager = Manager::of(&test);
    let watcher = Watcher::start(&test, &["--all"]);
    watcher.wait_for("good: renewed", 1);
    watcher.wait_for("refused: parked", 1);
    slow.wait_for_requests(1);
    let heard = manager.during(Duration::from_millis(300));
    assert!(heard.iter().any(|message| message.starts_with("STATUS=3 profiles: 1 fresh, 1 renewing, 1 parked")), "{heard:?}");
    assert!(!heard.iter().any(|message| is_ready(message)), "too early: {heard:?}");
    slow.release();
    let heard = manager.until("READY=1");
    assert!(heard.iter().any(|message| message.starts_with("STATUS=3 profiles: 2 fresh, 1 parked")), "{heard:?}");

    watcher.signal(Signal::USR1);
    watcher.wait_for("good: renewed", 2);
    assert!(!manager.during(Duration::from_millis(200)).iter().any(|message| is_ready(message)), "once is enough");
    watcher.end();
    manager.until("STOPPING=1");
    assert_eq!(manager.during(Duration::from_millis(50)), [""; 0], "the last word");
}

#[test]
fn a_reload_is_announced_and_told_to_be_over() {
    let issuer = Issuer::start();
    let good = eager([("prod", &issuer)]);
    let test = notified(&good);
    let mut manager = Manager::of(&test);
    let watcher = Watcher::start(&test, &["--all"]);
    manager.until("READY=1");
    for config in [good.as_str(), "nonsense", &eager([("other", &issuer)])] {
        test.configure(config);
        let before = monotonic_microseconds();
        watcher.signal(Signal::HUP);
        let announced = manager.until("RELOADING=1");
        let time = announced.last().unwrap().lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
        assert!((before..=monotonic_microseconds()).contains(&time.parse().unwrap()), "{announced:?}");
        manager.until("READY=1");
    }
    watcher.end();
    manager.until("STOPPING=1");
}

fn monotonic_microseconds() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

/// What is not ready yet does not become so by reading its configuration again.
#[test]
fn a_reload_before_it_is_ready_does_not_make_it_so() {
    let issuer = Issuer::answering(Reply::status(503));
    let config = eager([("prod", &issuer)]);
    let test = notified(&config);
    let mut manager = Manager::of(&test);
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("failed", 1);
    for (config, told) in [(config.as_str(), "read again"), ("nonsense", "stays")] {
        test.configure(config);
        watcher.signal(Signal::HUP);
        watcher.wait_for(told, 1);
    }
    let heard = manager.during(Duration::from_millis(300));
    assert!(!heard.iter().any(|message| is_ready(message)), "{heard:?}");
    issuer.answer(Reply::token(3600));
    watcher.signal(Signal::USR1);
    manager.until("READY=1");
    watcher.end();
}

#[test]
fn signs_of_life_are_given_twice_as_often_as_wanted() {
    for settled in [true, false] {
        let issuer = Issuer::answering(if settled { Reply::token(3600) } else { Reply::silence() });
        let test = notified(&eager([("prod", &issuer)])).env("WATCHDOG_USEC", "400000");
        let mut manager = Manager::of(&test);
        let watcher = Watcher::start(&test, &[]);
        issuer.wait_for_requests(1);
        manager.until("WATCHDOG=1");
        let heard = manager.during(Duration::from_millis(1200));
        let signs = heard.iter().filter(|message| *message == "WATCHDOG=1").count();
        assert!((3..=8).contains(&signs), "{signs} in 1.2 s: {heard:?}");
        watcher.end();
    }
}

#[test]
fn a_manager_that_is_not_there_is_no_reason_to_fail() {
    let issuer = Issuer::answering(Reply::token(2));
    let test = notified(&eager([("prod", &issuer)]));
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("renewed", 2);
    watcher.end();
}
