//! Two hundred processes that want a token at once.

use std::time::Duration;

use crate::support::{Issuer, Outcome, Reply, Reuse, Running, Test, login_profile, now, profile, wait_until};
use crate::{Figure, Scale, control};

const CROWD: usize = 200;

/// No time limit runs out, which would be another request.
const UNHURRIED: &str = "[renewal]\ninitial_retry_timeout = \"50ms\"\nrefresh_request_timeout = \"2m\"\n";
const GET: [&str; 3] = ["get", "--timeout", "2m"];

fn finish(crowd: Vec<Running>) -> Vec<Outcome> {
    crowd.into_iter().map(Running::finish).collect()
}

/// Requests per expiry: all of them start when the token has just expired.
pub fn requests(scale: Scale) -> Vec<Figure> {
    let expiries = scale.of(2, 20);
    let issuer = Issuer::start();
    let test = Test::configured(&format!("{UNHURRIED}{}", profile("prod", &issuer.endpoint())));
    let mut most = 0;
    for _ in 0..expiries {
        issuer.answer(Reply::token(2));
        test.run(&["get", "--renew"]).exits(0);
        let expires_at = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
        wait_until("the token to expire", || now() > expires_at + 0.01);
        issuer.answer(Reply::token(3600).after(Duration::from_millis(100)));
        let before = issuer.count();
        let outcomes = finish((0..CROWD).map(|_| test.spawn(&GET)).collect());
        assert!(outcomes.iter().all(|one| one.code == Some(0) && one.stdout == outcomes[0].stdout), "{}", outcomes[0]);
        most = most.max(issuer.count() - before);
    }
    let alone = without_a_lock();
    let what = format!("requests an expiry, {CROWD} processes");
    vec![Figure::count(what, most, 1, format!("20 without a lock: {alone}")).telling(&format!(" ({expiries} expiries)"))]
}

/// The control: where nobody waits for anybody, each asks.
fn without_a_lock() -> usize {
    let issuer = Issuer::answering(Reply::token(3600).held());
    let test = Test::configured(&format!("lock = \"none\"\n{UNHURRIED}{}", profile("prod", &issuer.endpoint())));
    let crowd: Vec<_> = (0..20).map(|_| test.spawn(&GET)).collect();
    issuer.wait_for_requests(20);
    issuer.release();
    for one in finish(crowd) {
        one.exits(0);
    }
    control("a request of each", issuer.count() > 1);
    issuer.count()
}

/// Each round some of them renew, some insist on a new token and some find that theirs is gone; the issuer takes a refresh token that it
/// sees twice for a theft.
pub fn families(scale: Scale) -> Vec<Figure> {
    const COMMANDS: [&[&str]; 3] =
        [&["renew", "prod", "--timeout", "2m"], &["get", "--renew", "--timeout", "2m"], &["get", "--timeout", "2m"]];
    let rounds = scale.of(3, 100);
    let (mut lost, mut rotations) = (0, 0);
    let (issuer, test) = rotating();
    for _ in 0..rounds {
        test.forget("prod");
        let before = issuer.count();
        let outcomes = finish((0..CROWD).map(|number| test.spawn(COMMANDS[number % COMMANDS.len()])).collect());
        rotations += issuer.count() - before;
        let family = issuer.family();
        let is_alive =
            outcomes.iter().all(|one| one.code == Some(0)) && !family.is_revoked && test.refresh_token("prod") == issuer.newest();
        if !is_alive {
            lost += 1;
            issuer.log_in_anew();
            test.configure(&config(&issuer));
        }
    }
    let what = format!("logins lost, rounds of {CROWD} processes");
    vec![Figure::none(what, lost, format!("{rounds} ({rotations} rotations)"), copied())]
}

fn config(issuer: &Issuer) -> String {
    format!("{UNHURRIED}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed()))
}

fn rotating() -> (Issuer, Test) {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::configured(&config(&issuer));
    (issuer, test)
}

/// The control: two homes with one login, which nothing keeps apart.
fn copied() -> String {
    let (issuer, test) = rotating();
    let other = Test::configured(&config(&issuer));
    test.get().exits(0);
    other.run(&["get", "--max-retries", "1"]);
    control("a login that is used twice", issuer.family().is_revoked);
    "a copied login: lost".to_owned()
}
