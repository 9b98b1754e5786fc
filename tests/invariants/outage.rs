//! How often an issuer is asked that fails for ten minutes, by one process and by two hundred, and what the backoff allows.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Issuer, Reply, Running, Test, profile};
use crate::{Figure, Scale, control};

/// The waits between attempts: the documented defaults, or a tenth of them.
#[derive(Clone, Copy)]
struct Backoff {
    initial: f64,
    exponent: f64,
    longest: f64,
    jitter: f64,
}

impl Backoff {
    /// The wait after so many failures, without what jitter takes off.
    fn wait(self, failures: i32) -> f64 {
        (self.initial * self.exponent.powi(failures - 1)).min(self.longest)
    }

    /// The most requests in so many seconds, where `part` of each wait is waited.
    fn requests(self, seconds: f64, part: f64) -> usize {
        let (mut at, mut requests) = (0.0, 0);
        while at <= seconds {
            requests += 1;
            at += self.wait(requests) * part;
        }
        usize::try_from(requests).unwrap()
    }

    fn toml(self) -> String {
        let Self { initial, exponent, longest, jitter } = self;
        let ms = |seconds: f64| format!("\"{:.0}ms\"", seconds * 1000.0);
        format!(
            "[renewal]\ninitial_retry_timeout = {}\nretry_timeout_exponent = {exponent}\nmax_retry_timeout = {}\njitter = {jitter}\n",
            ms(initial),
            ms(longest)
        )
    }
}

pub fn requests(scale: Scale) -> Vec<Figure> {
    let seconds = scale.of(40.0, 600.0);
    let tenth = scale.of(10.0, 1.0);
    let backoff = Backoff { initial: 1.0 / tenth, exponent: 1.5, longest: 60.0 / tenth, jitter: 0.05 };
    let limit = backoff.requests(seconds, 1.0 - backoff.jitter);
    let least = backoff.requests(seconds, 1.0).saturating_sub(2);
    thread::scope(|scope| {
        let few = scope.spawn(move || asked(backoff, seconds, 1, 0));
        let many = scope.spawn(move || asked(backoff, seconds, 100, 100));
        [(1, few.join().unwrap()), (200, many.join().unwrap())]
            .into_iter()
            .map(|(processes, count)| {
                control("the issuer was asked as often as the backoff lets it be", count >= least);
                let what = format!("requests in {seconds:.0} s of outage, {processes} process{}", if processes == 1 { "" } else { "es" });
                Figure::count(what, count, limit, format!("no fewer than {least}"))
            })
            .collect()
    })
}

/// So many watchers, and so many who come for a token every ten seconds, at an issuer that fails.
fn asked(backoff: Backoff, seconds: f64, watchers: usize, getters: usize) -> usize {
    let issuer = Issuer::answering(Reply::status(503));
    let test = Test::configured(&format!("{}{}", backoff.toml(), profile("prod", &issuer.endpoint()))).lasting(Duration::from_mins(30));
    let began = Instant::now();
    let watching: Vec<Running> = (0..watchers).map(|_| test.spawn(&["watch", "prod", "-q"])).collect();
    while began.elapsed().as_secs_f64() < seconds {
        let crowd: Vec<_> = (0..getters).map(|_| test.spawn(&["get"])).collect();
        for one in crowd {
            one.finish().exits(5);
        }
        let rest = seconds - began.elapsed().as_secs_f64();
        thread::sleep(Duration::from_secs_f64(rest.clamp(0.0, 10.0)));
    }
    let count = issuer.count();
    for one in watching {
        one.signal(Signal::TERM);
        one.finish().exits(143);
    }
    count
}
