//! Two watchers and twenty scripts on one token.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Watcher;
use crate::support::{Issuer, QUICK, Reply, Test, now, profile, wait_until};

const LOOPS: usize = 20;
const LIFE: u32 = 4;
const RUN: Duration = Duration::from_secs(12);

/// A `get`: when it began and what it printed.
type Got = (f64, String);

#[test]
fn two_watchers_and_twenty_loops_make_one_request_a_renewal() {
    let issuer = Issuer::answering(Reply::token(LIFE.into()));
    let test = Test::configured(&(QUICK.to_owned() + &profile("prod", &issuer.endpoint())));
    let watchers = [Watcher::start(&test, &[]), Watcher::start(&test, &[])];
    wait_until("the first token", || test.entry("prod").is_some());
    let is_over = AtomicBool::new(false);
    let script = || {
        let mut got: Vec<Got> = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let began = now();
            let outcome = test.get();
            outcome.exits(0).is_polite();
            assert_eq!(outcome.stderr, "", "{outcome}");
            got.push((began, outcome.stdout()));
            std::thread::sleep(Duration::from_millis(150));
        }
        got
    };
    let got: Vec<Got> = std::thread::scope(|scope| {
        let loops: Vec<_> = (0..LOOPS).map(|_| scope.spawn(script)).collect();
        std::thread::sleep(RUN);
        is_over.store(true, Ordering::Relaxed);
        loops.into_iter().flat_map(|script| script.join().expect("no `get` fails")).collect()
    });
    let [first, second] = watchers.map(Watcher::end);
    let asked: Vec<f64> = issuer.requests().iter().map(|request| request.at).collect();
    for pair in asked.windows(2) {
        let life = pair[1] - pair[0];
        // A twentieth is jitter; times are kept in whole seconds.
        let earliest = f64::from(LIFE) * 0.9 * 0.95 - 1.0;
        assert!((earliest..f64::from(LIFE)).contains(&life), "renewed after {life} s: {asked:?}{first}{second}");
    }
    assert!(asked.len() >= 4, "{asked:?}");
    for (began, printed) in &got {
        let number: usize = printed.trim_end().strip_prefix("token-").unwrap().parse().unwrap();
        let expiry = asked[number - 1] + f64::from(LIFE);
        assert!(*began < expiry, "{printed:?} was printed {} s after its end", began - expiry);
    }
    assert!(got.len() > 10 * LOOPS, "only {} were had", got.len());
}
