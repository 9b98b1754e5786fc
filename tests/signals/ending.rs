//! Each signal in each state.

use std::time::Instant;

use crate::states::{STATES, State};
use crate::support::{Reply, SLACK, cases};
use crate::{ENDING, SECOND, nothing_is_left_of};

#[test]
fn a_signal_ends_it_in_every_state() {
    let points: Vec<_> =
        STATES.iter().flat_map(|(name, state)| ENDING.map(|(signal, exit)| (format!("{name}, {signal:?}"), state, signal, exit))).collect();
    cases::each(&points, |point| &point.0, |(name, state, signal, exit)| ends(name, **state, *signal, *exit));
    eprintln!("{} states, {} signals: each ended within a second", STATES.len(), ENDING.len());
}

fn ends(name: &str, state: State, signal: rustix::process::Signal, exit: i32) {
    let mut stage = state();
    let running = stage.enter(name);
    running.signal(signal);
    let signalled = Instant::now();
    let outcome = running.finish();
    let took = signalled.elapsed();
    assert!(took < SECOND + SLACK, "{name}: it took {took:?}{outcome}");
    outcome.ended_by(signal.as_raw()).is_polite();
    assert_eq!(exit, 128 + signal.as_raw());
    assert!(!outcome.stderr.contains("error"), "{name}: it was asked to end, and nothing is wrong{outcome}");
    nothing_is_left_of(&stage.mark);
    assert_eq!(stage.test.leftovers(), [""; 0], "{name}{outcome}");
    stage.leave();

    // Whatever was written is whole, the lock is free, and nobody else is told that anything failed.
    stage.test.entry("prod");
    stage.issuer.answer_discovery();
    stage.issuer.answer(Reply::token(3600));
    stage.test.configure(&crate::support::profile("prod", &stage.issuer.endpoint()));
    let next = stage.test.run(&["get", "prod", "--renew"]);
    assert_eq!(next.exits(0).stderr, "", "{name}{next}");
}
