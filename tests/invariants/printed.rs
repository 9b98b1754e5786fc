//! What is printed, looked at by somebody who knows which tokens there are and until when.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::kinds::Kind;
use crate::support::{Issuer, QUICK, Reply, Test, Trap, cases, hostile, now, profile, wait_until};
use crate::{Figure, Scale, control};

/// How long the tokens live, in seconds.
const LIFE: u32 = 2;

/// The end of each token that was given.
type Ends = Arc<Mutex<HashMap<String, f64>>>;

/// Whether these bytes are something else than nothing or one token, as the issuer gave it, that was valid when the program was started.
fn is_bad(printed: &[u8], ends: &Ends, started: f64) -> bool {
    let Some(token) = printed.strip_suffix(b"\n") else { return !printed.is_empty() };
    let token = String::from_utf8_lossy(token);
    ends.lock().unwrap().get(&*token).is_none_or(|end| *end < started)
}

pub fn printed(scale: Scale) -> Vec<Figure> {
    let (refused, malformed) = of_hostile_answers(scale.kinds());
    let (looked_at, expired, control) = of_short_lives(Duration::from_secs(scale.of(8, 60)));
    let among = format!("{} answers", refused + looked_at);
    vec![Figure::none("expired or malformed tokens printed", malformed + expired, among, control)]
}

/// How many answers that are no token were put before how many kinds of source, and how many brought something to standard output.
fn of_hostile_answers(kinds: &[Kind]) -> (usize, usize) {
    let (trap, none) = (Trap::set(), Ends::default());
    let answers = hostile::answers(&trap.url());
    let pairs: Vec<_> = kinds.iter().flat_map(|kind| answers.iter().map(move |answer| (kind, answer))).collect();
    let bad = AtomicUsize::new(0);
    cases::each(
        &pairs,
        |(_, answer)| answer.name,
        |(kind, answer)| {
            let issuer = Issuer::answering(answer.reply.clone());
            let outcome = kind.at(&issuer.endpoint()).run(&["get", "--request-timeout", "500ms", "--max-retries", "1"]);
            if is_bad(&outcome.stdout, &none, 0.0) {
                eprintln!("{}, {}{outcome}", kind.name, answer.name);
                bad.fetch_add(1, Ordering::Relaxed);
            }
        },
    );
    (pairs.len(), bad.into_inner())
}

/// Tokens of two seconds from an issuer that fails every third time, and eight who ask for them all the while.
fn of_short_lives(duration: Duration) -> (usize, usize, String) {
    let ends = Ends::default();
    let (kept, count) = (Arc::clone(&ends), Mutex::new(0));
    let issuer = Issuer::judging(move |request| {
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count % 3 == 0 {
            return Reply::status(503);
        }
        let token = format!("token-{count}");
        kept.lock().unwrap().insert(token.clone(), request.at + f64::from(LIFE));
        Reply::json(format!(r#"{{"access_token":"{token}","expires_in":{LIFE}}}"#))
    });
    let test = Test::configured(&format!("{QUICK}{}", profile("prod", &issuer.endpoint())));
    let counts = Mutex::new((0, 0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while began.elapsed() < duration {
                    let started = now();
                    let outcome = test.get();
                    let mut counts = counts.lock().unwrap();
                    counts.0 += 1;
                    counts.1 += usize::from(is_bad(&outcome.stdout, &ends, started));
                }
            });
        }
    });
    let (looked_at, bad) = *counts.lock().unwrap();
    assert!(ends.lock().unwrap().len() > 2, "the tokens expired meanwhile");
    (looked_at, bad, late(&ends, &test))
}

/// The control: the last token, looked at once it has ended, and a token with a space.
fn late(ends: &Ends, test: &Test) -> String {
    let token = test.entry("prod").unwrap()["token"].as_str().unwrap().to_owned();
    let end = ends.lock().unwrap()[&token];
    let line = format!("{token}\n");
    control("a good token is none", !is_bad(line.as_bytes(), ends, end - 0.5));
    wait_until("its end", || now() > end);
    let seen = [line.clone(), line.replace('-', " "), token].into_iter().filter(|text| is_bad(text.as_bytes(), ends, now())).count();
    control("an old token, and two malformed ones", seen == 3);
    format!("{seen} of 3 bad ones seen")
}
