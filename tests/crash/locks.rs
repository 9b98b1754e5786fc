//! A file system that cannot lock: never silently unlocked, and a valid token is served all the same (R19).

use crate::points::under;
use crate::scenes::trusting_one;
use crate::support::privilege::strace_for;
use crate::support::{Issuer, QUICK, Reply, Test, cases, profile};

/// How it says so.
const CANNOT_LOCK: [&str; 3] = ["ENOLCK", "ENOSYS", "EOPNOTSUPP"];

/// Two profiles, of which `other` has a token.
fn home(top: &str) -> (Issuer, Test) {
    let issuer = Issuer::start();
    let profiles = ["prod", "other"].map(|name| profile(name, &issuer.endpoint()));
    let test = trusting_one(Test::configured(&format!("{top}{QUICK}{}", profiles.concat())));
    test.run(&["get", "other"]).gives("token-1");
    (issuer, test)
}

#[test]
fn it_is_named_with_the_way_out() {
    if !strace_for("failing system calls") {
        return;
    }
    cases::each(
        &CANNOT_LOCK,
        |error| error,
        |error| {
            let inject = format!("inject=flock:error={error}");
            let (issuer, test) = home("");
            let (test, outcome) = under(test, &[&inject], &["get", "prod"]);
            outcome.fails(6, "prod").mentions("lock = \"none\"");
            assert_eq!(issuer.count(), 1, "{error}: nobody asks unlocked");
            let (test, outcome) = under(test, &[&inject], &["get", "other"]);
            outcome.gives("token-1");
            let (test, outcome) = under(test, &[&inject], &["get", "other", "--renew"]);
            outcome.fails(6, "other");
            assert!(test.entry("prod").is_none() && test.leftovers().is_empty(), "{:?}", test.cache_files());

            let (_issuer, test) = home("lock = \"none\"\n");
            let (test, outcome) = under(test, &[&inject], &["get", "prod"]);
            outcome.gives("token-2");
            let again = test.run(&["get", "prod", "--renew"]);
            assert_eq!(again.gives("token-3").stderr, "", "{again}");
            assert_eq!(test.leftovers(), [""; 0], "{error}");
        },
    );
}

#[test]
fn a_near_expiry_token_is_served() {
    if !strace_for("failing system calls") {
        return;
    }
    let issuer = Issuer::answering(Reply::token(3600));
    let (_, outcome) = under(Test::near_expiry(&issuer), &["inject=flock:error=ENOLCK"], &["get"]);
    outcome.gives_with_warning("token-1", "prod");
}
