//! `invalid_grant` and what follows from it (R5): a login is dead only if the stored one was refused, it is kept, and nobody hammers.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{Issuer, PATIENT, QUICK, Reply, Reuse, Test, login_profile, wait_until};

/// Logged in, and then the issuer changed its mind; the cached token is gone.
fn refused(issuer: &Issuer) -> Test {
    let test = Test::logged_in(issuer);
    test.forget("prod");
    issuer.revoke();
    test
}

#[test]
fn a_refused_login_is_dead_and_kept_and_not_sent_again() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = refused(&issuer);
    let kept = test.refresh_token("prod");
    test.get().fails(4, "prod").mentions("invalid_grant").mentions("refresh_token");
    assert_eq!(issuer.count(), 2);
    let status = test.status("prod");
    assert_eq!((&status["login"], &status["state"]), (&json!("dead"), &json!("parked")));
    assert_eq!(status["last_error"]["class"], "refused");
    assert_eq!(test.refresh_token("prod"), kept, "dead, not deleted");
    for args in [&["get"][..], &["get"], &["get", "--report-error"], &["run", "--", "true"], &["renew", "--if-near-expiry"]] {
        test.run(args).fails(4, "prod").mentions("renew prod");
    }
    assert_eq!(issuer.count(), 2, "from memory");

    fs::remove_file(test.cache_dir().join("prod.failure")).unwrap();
    for _ in 0..2 {
        test.get().fails(4, "prod").mentions("refused");
    }
    fs::remove_dir_all(test.cache_dir()).unwrap();
    test.get().fails(4, "prod");
    assert_eq!(issuer.count(), 2, "the login itself remembers");
    assert_eq!(test.status("prod")["login"], "dead");
}

#[test]
fn who_insists_is_one_more_request() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = refused(&issuer);
    test.get().fails(4, "prod");
    for (number, args) in [&["renew", "prod"][..], &["get", "--renew"], &["renew", "--all"]].into_iter().enumerate() {
        test.run(args).fails(4, "prod");
        assert_eq!(issuer.count(), 3 + number, "{args:?}");
        test.get().fails(4, "prod");
        assert_eq!(test.status("prod")["login"], "dead", "{args:?}");
    }
    assert_eq!(issuer.count(), 5);
}

/// An issuer that was wrong, and says so to whoever insists: all is well again, with a successor or without.
#[test]
fn a_dead_login_that_is_taken_again_lives() {
    for reuse in [Reuse::Revokes, Reuse::IsUsual] {
        let issuer = Issuer::rotating(reuse);
        let test = refused(&issuer);
        test.get().fails(4, "prod");
        issuer.pardon();
        test.get().fails(4, "prod");
        test.run(&["renew", "prod"]).exits(0).is_polite();
        assert_eq!(test.status("prod")["login"], "present", "{reuse:?}");
        test.get().gives("token-2");
        test.forget("prod");
        test.get().gives("token-3");
        assert_eq!(issuer.family().reused, 0);
    }
}

/// Refused for another reason, a login is as good as before.
#[test]
fn only_invalid_grant_is_about_the_login() {
    for (status, code) in [(401, "invalid_client"), (400, "unauthorized_client"), (400, "invalid_request"), (400, "unsupported_grant_type")]
    {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::logged_in(&issuer);
        test.forget("prod");
        issuer.script([Reply::oauth(status, code)]);
        test.get().fails(4, "prod").mentions(code);
        assert_eq!(test.status("prod")["login"], "present", "{code}");
        assert_eq!(test.login("prod").unwrap()["in_flight"], json!(null), "{code}: it was answered");
        test.run(&["renew", "prod"]).exits(0).is_polite();
        assert_eq!(issuer.family().reused, 0, "{code}");
    }
}

/// An `invalid_grant` that is really an outage, or comes with 200, is what it says.
#[test]
fn the_word_counts_whatever_the_status() {
    for (status, is_dead) in [(400, true), (401, true), (200, true), (403, true)] {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::logged_in(&issuer);
        test.forget("prod");
        issuer.script([Reply::oauth(status, "invalid_grant")]);
        test.run(&["get", "--max-retries", "1"]).fails(4, "prod");
        assert_eq!(test.status("prod")["login"] == "dead", is_dead, "{status}");
    }
}

/// A login that the issuer refuses while the token it gave is still good costs that token nothing (R9).
#[test]
fn a_dead_login_does_not_withhold_a_valid_token() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    issuer.revoke();
    test.run(&["renew"]).fails(4, "prod");
    test.get().gives("token-1");
    let status = test.status("prod");
    assert_eq!((&status["login"], &status["state"]), (&json!("dead"), &json!("parked")));
}

/// Whoever configures another one means it: the dead one is not asked for first, and no memory stands in the way.
#[test]
fn another_configured_one_is_taken_up_at_once() {
    for form in ["inline", "env", "file"] {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::bare().named(form);
        let seed = test.path("seed");
        let configured = |test: Test, first: &str| {
            fs::write(&seed, first).unwrap();
            fs::set_permissions(&seed, fs::Permissions::from_mode(0o600)).unwrap();
            let value = match form {
                "inline" => format!("\"{first}\""),
                "env" => "{ env = \"SEED\" }".to_owned(),
                _ => "{ file = \"~/seed\" }".to_owned(),
            };
            test.configure(&format!("{PATIENT}{}", login_profile("prod", &issuer.endpoint(), &value)));
            test.env("SEED", first)
        };
        let test = configured(test, &issuer.first());
        test.get().gives("token-1");
        test.forget("prod");
        issuer.revoke();
        test.get().fails(4, "prod");
        test.get().fails(4, "prod");
        let test = configured(test, &issuer.log_in_anew());
        test.get().gives("token-2");
        assert_eq!(issuer.count(), 3, "{form}");
        assert_eq!(test.refresh_token("prod"), issuer.newest(), "{form}");
        assert_eq!(test.status("prod")["login"], "present", "{form}");
        test.run(&["get", "--renew"]).gives("token-3");
        assert_eq!(issuer.family().reused, 0, "{form}");
    }
}

/// A command is not run at every renewal, but once the login at hand has come to its end and somebody asks.
#[test]
fn a_command_is_asked_again_once_the_login_is_dead() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::bare();
    let (seed, runs) = (test.path("seed"), test.path("runs"));
    fs::write(&seed, issuer.first()).unwrap();
    let command = format!("{{ command = [\"sh\", \"-c\", \"echo >>{}; cat {}\"] }}", runs.display(), seed.display());
    test.configure(&format!("{QUICK}{}", login_profile("prod", &issuer.endpoint(), &command)));
    let count = || fs::read_to_string(&runs).unwrap().len();
    for number in 1..=3 {
        test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
    }
    assert_eq!(count(), 1, "one login, one run");
    issuer.revoke();
    test.run(&["renew"]).fails(4, "prod");
    fs::write(&seed, issuer.log_in_anew()).unwrap();
    test.run(&["renew"]).exits(0).is_polite();
    test.get().gives("token-4");
    assert_eq!((count(), issuer.family().reused), (2, 0));
}

/// Another one while the login at hand is alive: whoever changes it has reason to.
#[test]
fn another_configured_one_replaces_a_login_that_is_alive() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    issuer.log_in_anew();
    test.configure(&format!("{QUICK}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed())));
    test.run(&["get", "--renew"]).gives("token-2");
    assert_eq!(issuer.sent().last(), Some(&issuer.first()));
}

/// A watcher of yesterday has yesterday's variable: what it is told by that must not cost today's login its place.
#[test]
fn who_knows_only_an_older_one_does_not_undo_the_newer_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let config = format!("{QUICK}{}", login_profile("prod", &issuer.endpoint(), "{ env = \"SEED\" }"));
    let older = issuer.first();
    let test = Test::configured(&config).env("SEED", &older);
    test.get().gives("token-1");
    let newer = issuer.log_in_anew();
    let mut test = test.env("SEED", &newer);
    test.run(&["get", "--renew"]).gives("token-2");
    for number in 3..=5 {
        test = test.env("SEED", &older);
        test.run(&["get", "--renew"]).fails(4, "prod").mentions("refresh_token");
        test = test.env("SEED", &newer);
        test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
        assert_eq!((test.refresh_token("prod"), issuer.family().reused), (issuer.newest(), 0));
    }
}

/// One with a slip in it is refused, and not replaced by a login of somebody else, perhaps; put right, that is as good as ever.
#[test]
fn another_configured_one_that_is_refused_costs_no_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    let usual = fs::read_to_string(test.path("config/token/config.toml")).unwrap();
    test.configure(&usual.replace(&issuer.seed(), "\"mistyped\""));
    for _ in 0..2 {
        test.get().fails(4, "prod").mentions("refresh_token");
    }
    test.run(&["renew"]).fails(4, "prod");
    assert_eq!(issuer.sent()[1..], ["mistyped"; 2], "nothing else in its place");
    test.configure(&usual);
    test.get().gives("token-1");
    test.run(&["get", "--renew"]).gives("token-2");
    assert_eq!((test.refresh_token("prod"), issuer.family().reused), (issuer.newest(), 0));
}

/// R5: without locks, another process's login is found where one's own was refused, and is used.
#[test]
fn a_newer_login_of_another_process_is_taken_up() {
    let issuer = Issuer::rotating(Reuse::IsRefused);
    let config = format!("lock = \"none\"\n{QUICK}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed()));
    let test = Test::configured(&config);
    test.get().gives("token-1");
    test.forget("prod");
    // The first one's request is on its way while the second one's is answered.
    issuer.script([Reply::oauth(400, "invalid_grant").held()]);
    let slow = test.spawn(&["get"]);
    issuer.wait_for_requests(2);
    test.get().gives("token-2");
    let newer = test.refresh_token("prod");
    issuer.release();
    slow.finish().gives("token-3");
    assert_eq!(issuer.sent()[1..], [issuer.sent()[1].clone(), issuer.sent()[1].clone(), newer]);
    assert_eq!(test.refresh_token("prod"), issuer.newest());
    assert_eq!(test.status("prod")["login"], "present");
    test.run(&["get", "--renew"]).gives("token-4");
}

/// And where the newer one is refused as well, that one is dead: no loop.
#[test]
fn a_newer_login_that_is_refused_too_is_the_end() {
    let issuer = Issuer::rotating(Reuse::IsRefused);
    let config = format!("lock = \"none\"\n{QUICK}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed()));
    let test = Test::configured(&config);
    test.get().gives("token-1");
    issuer.script([Reply::oauth(400, "invalid_grant").held()]);
    let slow = test.spawn(&["get", "--renew"]);
    issuer.wait_for_requests(2);
    test.run(&["get", "--renew"]).gives("token-2");
    issuer.revoke();
    issuer.release();
    slow.finish().fails(4, "prod");
    assert_eq!(issuer.count(), 4);
    assert_eq!(test.status("prod")["login"], "dead");
    assert_eq!(test.refresh_token("prod"), issuer.newest(), "it is the newer one that is kept");
}

/// Without locks, whoever finds a newer login when his turn comes does not put his own in its place.
#[test]
fn a_slow_starter_does_not_undo_a_newer_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    // The discovery document is what the slow one waits for, after it has looked at the login.
    let config = login_profile("prod", "", &issuer.seed()).replace("token_endpoint = \"\"", &format!("issuer = \"{}\"", issuer.url()));
    let test = Test::configured(&format!("lock = \"none\"\n{QUICK}{config}"));
    test.get().gives("token-1");
    issuer.hold_discovery();
    let slow = test.spawn(&["get", "--renew"]);
    wait_until("the slow one to ask where", || issuer.discovered() == 2);
    issuer.answer_discovery();
    test.run(&["get", "--renew"]).gives("token-2");
    issuer.release();
    slow.finish().exits(0).is_polite();
    assert_eq!(issuer.family().reused, 0, "it sent one that was superseded");
    assert_eq!(test.refresh_token("prod"), issuer.newest());
}

/// A renewal that was cut off and then a refusal: one message says both, and what to do.
#[test]
fn a_request_that_was_cut_off_is_told_of_once_it_matters() {
    for (reuse, exit) in [(Reuse::Revokes, 4), (Reuse::IsRefused, 4), (Reuse::IsForgiven, 0)] {
        let issuer = Issuer::rotating(reuse);
        let test = Test::logged_in(&issuer);
        test.forget("prod");
        issuer.hold();
        let cut_off = test.spawn(&["get"]);
        issuer.wait_for_requests(2);
        cut_off.kill();
        issuer.release();
        let next = test.get();
        if exit == 0 {
            next.gives("token-3");
            assert_eq!(next.stderr, "", "all is well{next}");
        } else {
            next.fails(4, "prod").mentions("cut off").mentions("set `refresh_token`");
            assert_eq!(test.status("prod")["login"], "dead");
        }
        assert_eq!(issuer.count(), 3, "{reuse:?}");
    }
}

/// Nobody who was never reached, or who failed, is said to have swallowed a login.
#[test]
fn an_outage_is_not_taken_for_a_loss() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    test.forget("prod");
    for reply in [Reply::status(503), Reply::status(500)] {
        issuer.script([reply]);
        test.run(&["get", "--max-retries", "1"]).fails(5, "prod");
    }
    test.run(&["get", "--renew"]).gives("token-2");
    let gone = test.refresh_token("prod");
    issuer.revoke();
    test.run(&["renew"]).fails(4, "prod").hides("cut off");
    assert_eq!(test.refresh_token("prod"), gone);
}
