//! `token watch` with a login that rotates: one request a renewal, and none of them lost to signals, restarts or a second watcher.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Issuer, Outcome, Reuse, Running, Test, login_profile, wait_until};

/// The loop renews after half of a token's life; a `get` would only in the last tenth of a second.
const EAGER: &str = "[renewal]\ninitial_retry_timeout = \"50ms\"\nlifetime_safe_fraction = 0.5\ninitial_safety_margin = \"100ms\"\n";

/// A `token watch` whose log can be read meanwhile. Killed when the test is over.
struct Watcher {
    running: Option<Running>,
    log: PathBuf,
}

impl Watcher {
    fn start(test: &Test) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let log = test.path(&format!("log-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let mut command = test.command(&["-vv", "watch"]);
        command.stderr(File::create(&log).unwrap());
        Self { running: Some(test.start(command, &["watch"])), log }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    #[track_caller]
    fn wait_for(&self, text: &str, count: usize) {
        wait_until(&format!("{count} × {text}"), || self.said().matches(text).count() >= count);
    }

    fn signal(&self, signal: Signal) {
        self.running.as_ref().unwrap().signal(signal);
    }

    fn kill(mut self) {
        self.running.take().unwrap().kill();
    }

    /// Ends it within a second, with nothing secret in its log.
    #[track_caller]
    fn end(mut self) -> Outcome {
        self.signal(Signal::TERM);
        let signalled = Instant::now();
        let mut outcome = self.running.take().unwrap().finish();
        let took = signalled.elapsed();
        outcome.stderr = self.said();
        outcome.exits(143).prints("").is_polite();
        assert!(took < Duration::from_secs(1), "it took {took:?}{outcome}");
        outcome
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.signal(Signal::KILL);
        }
    }
}

fn eager(issuer: &Issuer, seconds: u64) -> Test {
    issuer.lasting(seconds);
    Test::configured(&format!("{EAGER}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed())))
}

#[track_caller]
fn family_lives(issuer: &Issuer, test: &Test) {
    let family = issuer.family();
    assert_eq!((family.reused, family.is_revoked), (0, false), "{:?}", issuer.sent());
    assert_eq!(test.refresh_token("prod"), issuer.newest());
}

#[test]
fn each_renewal_is_one_request_with_the_newest() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = eager(&issuer, 2);
    let watcher = Watcher::start(&test);
    issuer.wait_for_requests(4);
    watcher.wait_for("renewed", 4);
    watcher.end();
    let sent = issuer.sent();
    let mut once = sent.clone();
    once.dedup();
    assert_eq!(sent, once);
    family_lives(&issuer, &test);
    assert_eq!(test.state_files(), ["prod.json"]);
}

/// Two watchers and scripts beside them: one of them renews, the others find it.
#[test]
fn two_watchers_share_a_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = eager(&issuer, 2);
    let watchers = [Watcher::start(&test), Watcher::start(&test)];
    while issuer.count() < 6 {
        test.get().exits(0).is_polite();
        test.run(&["renew", "--if-near-expiry"]).exits(0).is_polite();
    }
    for watcher in watchers {
        watcher.end();
    }
    family_lives(&issuer, &test);
}

/// R6: what is cut off between two renewals has lost nothing; what is cut off in one has, where the issuer is strict, and that is told.
#[test]
fn a_killed_watcher_is_followed_by_another() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = eager(&issuer, 2);
    for round in 1..=5 {
        let before = issuer.count();
        let watcher = Watcher::start(&test);
        issuer.wait_for_requests(before + 1);
        wait_until("the new login to be kept", || test.refresh_token("prod") == issuer.newest());
        watcher.kill();
        assert_eq!(issuer.family().reused, 0, "round {round}");
    }
    test.run(&["renew"]).exits(0).is_polite();
    family_lives(&issuer, &test);
}

/// USR1 asks for a renewal now: one that is under way is that renewal, or is followed by another, but is not thrown away.
#[test]
fn usr1_while_a_renewal_is_under_way_costs_no_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = eager(&issuer, 3600);
    issuer.hold();
    let watcher = Watcher::start(&test);
    issuer.wait_for_requests(1);
    for _ in 0..3 {
        watcher.signal(Signal::USR1);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(issuer.count(), 1, "nobody is asked while an answer is due");
    issuer.release();
    watcher.wait_for("renewed", 1);
    watcher.signal(Signal::USR1);
    watcher.wait_for("renewed", 2);
    watcher.end();
    family_lives(&issuer, &test);
}

#[test]
fn hup_while_a_renewal_is_under_way_costs_no_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = eager(&issuer, 3600);
    issuer.hold();
    let watcher = Watcher::start(&test);
    issuer.wait_for_requests(1);
    watcher.signal(Signal::HUP);
    std::thread::sleep(Duration::from_millis(200));
    issuer.release();
    wait_until("the new login to be kept", || test.refresh_token("prod") == issuer.newest());
    test.run(&["get", "--renew"]).exits(0).is_polite();
    watcher.end();
    family_lives(&issuer, &test);
}

/// R12 and R4: the end of a watcher waits a moment for an answer that is due, so that it is not lost.
#[test]
fn an_answer_that_comes_within_the_second_is_kept() {
    for command in [&["watch"][..], &["get", "--renew"], &["renew"], &["watch", "--once"]] {
        for signal in [Signal::TERM, Signal::INT] {
            let issuer = Issuer::rotating(Reuse::Revokes);
            let test = eager(&issuer, 3600).named(&format!("{command:?}"));
            issuer.hold();
            let running = test.spawn(command);
            issuer.wait_for_requests(1);
            running.signal(signal);
            std::thread::sleep(Duration::from_millis(100));
            issuer.release();
            let signalled = Instant::now();
            let outcome = running.finish();
            outcome.ended_by(signal.as_raw()).is_polite();
            assert!(signalled.elapsed() < Duration::from_secs(1), "{outcome}");
            assert_eq!(test.refresh_token("prod"), issuer.newest(), "the new login is lost{outcome}");
            test.run(&["get", "--renew"]).exits(0).is_polite();
            family_lives(&issuer, &test);
        }
    }
}

/// And where it does not come, it ends all the same, and the next run says what became of the login.
#[test]
fn an_answer_that_does_not_come_holds_nobody_up() {
    for command in [&["watch"][..], &["get", "--renew"], &["renew"]] {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = eager(&issuer, 3600).named(&format!("{command:?}"));
        issuer.hold();
        let running = test.spawn(command);
        issuer.wait_for_requests(1);
        let signalled = Instant::now();
        running.signal(Signal::TERM);
        let outcome = running.finish();
        outcome.ended_by(Signal::TERM.as_raw()).is_polite();
        assert!(signalled.elapsed() < Duration::from_secs(1), "{:?}{outcome}", signalled.elapsed());
        issuer.release();
        test.get().fails(4, "prod").mentions("cut off");
        assert_eq!(issuer.count(), 2, "{command:?}");
    }
}

/// A dead login parks the profile: no loop of requests; USR1 asks once more, and another configured one is taken up by itself.
#[test]
fn a_dead_login_parks_until_someone_asks() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = eager(&issuer, 2);
    let watcher = Watcher::start(&test);
    watcher.wait_for("renewed", 1);
    issuer.revoke();
    watcher.wait_for("invalid_grant", 1);
    let parked_at = issuer.count();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(issuer.count(), parked_at, "it loops: {}", watcher.said());
    assert_eq!(test.status("prod")["login"], "dead");
    watcher.signal(Signal::USR1);
    issuer.wait_for_requests(parked_at + 1);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(issuer.count(), parked_at + 1, "once: {}", watcher.said());
    issuer.pardon();
    watcher.signal(Signal::USR1);
    watcher.wait_for("renewed", 2);
    issuer.wait_for_requests(parked_at + 3);
    watcher.end();
    family_lives(&issuer, &test);
}

/// Someone else mends it (`renew` after the configured one was changed): the watcher that is told goes on with that.
#[test]
fn a_reload_takes_up_another_configured_one() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = eager(&issuer, 2);
    let watcher = Watcher::start(&test);
    watcher.wait_for("renewed", 1);
    issuer.revoke();
    watcher.wait_for("invalid_grant", 1);
    issuer.log_in_anew();
    test.configure(&format!("{EAGER}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed())));
    watcher.signal(Signal::HUP);
    watcher.wait_for("renewed", 3);
    watcher.end();
    family_lives(&issuer, &test);
}
