//! Killed at random moments, by commands of every kind: nothing is lost, and the next run works.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rustix::process::Signal;

use crate::points::was_killed;
use crate::scenes::{SCENES, Stage};
use crate::support::cases;

/// How many kills, here and in the rotation of a login together: `TOKEN_TEST_KILLS=10000` asks for more than one has time for every day.
pub fn kills() -> usize {
    std::env::var("TOKEN_TEST_KILLS").map_or(1000, |count| count.parse().expect("a number of kills"))
}

/// What the moments are chosen by: `TOKEN_TEST_SEED` chooses the same again.
pub fn seed() -> u64 {
    let seed = std::env::var("TOKEN_TEST_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    eprintln!("TOKEN_TEST_SEED={seed}");
    seed
}

#[test]
fn random_kills_lose_nothing() {
    let (started, seed, kills) = (Instant::now(), seed(), kills() * 6 / 10);
    let stages = SCENES.each_ref().map(Stage::set);
    let points: Vec<_> = (0..kills).map(|kill| (format!("kill {kill}, {}", stages[kill % stages.len()].scene.name), kill)).collect();
    let ended = AtomicUsize::new(0);
    cases::each(
        &points,
        |point| &point.0,
        |(point, kill)| {
            if !killed_at_random(point, &stages[kill % stages.len()], seed.wrapping_add(*kill as u64)) {
                ended.fetch_add(1, Ordering::Relaxed);
            }
        },
    );
    let ended = ended.into_inner();
    eprintln!("{kills} random kills in {:.1?}, {ended} of them too late: 0 entries lost", started.elapsed());
    assert!(ended * 2 <= kills, "{ended} of {kills} kills came too late: they say little");
}

/// Whether it was killed before it had ended.
fn killed_at_random(point: &str, stage: &Stage<'_>, seed: u64) -> bool {
    stage.play(|home| {
        let delay = stage.usual.mul_f64(fastrand::Rng::with_seed(seed).f64() * 1.2);
        let running = home.test.spawn(stage.scene.args);
        std::thread::sleep(delay);
        running.signal(Signal::KILL);
        let killed = running.finish();
        let point = format!("{point}, after {delay:?}");
        stage.is_old_or_new(&home, &point);
        stage.goes_on(&home, &point);
        (home, was_killed(&killed))
    })
}
