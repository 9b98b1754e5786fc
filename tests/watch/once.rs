//! `--once`: renews what is due, writes the sinks, ends.

use std::fs;

use rustix::process::Signal;

use crate::support::{Issuer, QUICK, Reply, Test, profile, wait_until};
use crate::{SECOND, mark, nothing_is_left_of, shell};

const ONCE: [&str; 3] = ["watch", "--once", "--all"];

#[test]
fn what_is_due_is_renewed_and_the_sinks_are_written() {
    let issuer = Issuer::start();
    let keys = |name: &str| format!("sink = {{ path = '{name}' }}\n{}", shell("on_renew", &format!("echo >>hooks-{name}")));
    let config = ["due", "fresh"].map(|name| profile(name, &issuer.endpoint()) + &keys(name)).concat();
    let test = Test::configured(&(QUICK.to_owned() + &config));
    let sink = |name: &str| fs::read_to_string(test.path("config/token").join(name)).unwrap_or_default();
    let hooks = |name: &str| fs::read_to_string(test.path(&format!("hooks-{name}"))).unwrap_or_default().len();
    test.run(&["get", "fresh"]).gives("token-1");
    fs::remove_file(test.path("config/token/fresh")).unwrap();

    test.run(&ONCE).exits(0).prints("").is_polite().mentions("due: renewed").mentions("fresh: not due");
    assert_eq!((sink("due").as_str(), sink("fresh").as_str()), ("token-2", "token-1"));
    assert_eq!((hooks("due"), hooks("fresh"), issuer.count()), (1, 1, 2), "hooks run at renewals");

    let outcome = test.run(&["-q", "watch", "--once", "--all"]);
    assert_eq!(outcome.exits(0).prints("").stderr, "");
    assert_eq!(issuer.count(), 2, "nothing is due");
}

#[test]
fn it_ends_with_the_worst() {
    let [good, down, refused] = [Reply::token(3600), Reply::status(503), Reply::oauth(401, "invalid_client")].map(Issuer::answering);
    let [good, down, refused] =
        [("good", &good), ("down", &down), ("refused", &refused)].map(|(name, issuer)| profile(name, &issuer.endpoint()));
    let table = [(vec![&good], 0), (vec![&good, &refused], 4), (vec![&good, &down], 5), (vec![&good, &refused, &down], 5)];
    for (profiles, status) in table {
        let config: String = profiles.iter().map(|profile| profile.as_str()).collect();
        let test = Test::configured(&(QUICK.to_owned() + &config));
        test.run(&ONCE).exits(status).prints("").is_polite().mentions("good: renewed");
        assert!(test.entry("good").is_some(), "the others' failures cost it nothing");
    }
    Test::configured("").run(&ONCE).exits(2).prints("");
}

#[test]
fn it_does_not_serve_metrics() {
    Test::configured("").run(&["watch", "--once", "--metrics", "0"]).exits(2).prints("").mentions("--metrics");
}

#[test]
fn a_signal_ends_it() {
    let mark = mark();
    let test = Test::configured(&format!("[profile.prod]\nsource = \"exec\"\n{}", shell("command", &format!("touch begun; sleep {mark}"))));
    for signal in [Signal::TERM, Signal::INT] {
        let running = test.spawn(&ONCE);
        wait_until("the command", || test.path("begun").exists());
        let signalled = std::time::Instant::now();
        running.signal(signal);
        running.finish().exits(128 + signal.as_raw()).prints("");
        assert!(signalled.elapsed() < SECOND);
        nothing_is_left_of(&mark);
        fs::remove_file(test.path("begun")).unwrap();
    }
}
