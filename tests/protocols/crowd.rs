//! Many at once: one request, however many ask, and one renewal, however many were refused.

use std::time::Duration;

use super::{EVERY_TOOL, home, tool_name};
use crate::support::cases::each;
use crate::support::{Issuer, Reply, Running};

const CROWD: usize = 50;

/// Words that no other test says: calls of one parent by the same words that overlap count as one.
const REFUSED: [&str; 5] = ["--color=never", "helper", "kubectl", "--profile", "prod"];

fn token(outcome: &crate::support::Outcome) -> String {
    outcome.exits(0).is_polite();
    outcome.json()["status"]["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_cold_crowd_of_kubectls_makes_one_request() {
    let issuer = Issuer::answering(Reply::token(3600).held());
    let test = home(&issuer);
    let crowd: Vec<Running> = (0..CROWD).map(|_| test.spawn(&["helper", "kubectl", "--profile", "prod"])).collect();
    issuer.wait_for_requests(1);
    issuer.release();
    for one in crowd {
        assert_eq!(token(&one.finish()), "token-1");
    }
    assert_eq!(issuer.count(), 1);
}

#[test]
fn a_refused_crowd_of_kubectls_makes_one_renewal() {
    let issuer = Issuer::answering(Reply::token(3600).after(Duration::from_millis(300)));
    let test = home(&issuer);
    assert_eq!(token(&test.run(&REFUSED)), "token-1");
    let crowd: Vec<Running> = (0..CROWD).map(|_| test.spawn(&REFUSED)).collect();
    for one in crowd {
        assert_eq!(token(&one.finish()), "token-2");
    }
    assert_eq!(issuer.count(), 2);
    assert_eq!(test.cache_files(), ["prod.json", "prod.lock", "prod.served"]);
}

#[test]
fn all_tools_share_one_token() {
    let issuer = Issuer::answering(Reply::token(3600).after(Duration::from_millis(100)));
    let test = home(&issuer);
    each(&EVERY_TOOL, tool_name, |asked| {
        let outcome = test.fed(asked.args, asked.input);
        outcome.exits(0);
        assert!(outcome.stdout().contains("token-1"), "{outcome}");
    });
    assert_eq!(issuer.count(), 1);
}
