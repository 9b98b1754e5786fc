//! Logins go with the rest, unless they are to be kept.

use std::fs;

use serde_json::json;

use super::tells_of;
use crate::support::{Issuer, QUICK, Reuse, Test, cases, fingerprint, login_profile, now, profile, wait_until};

#[test]
fn the_login_goes_unless_it_is_to_be_kept() {
    let table: [(&[&str], bool); 6] = [
        (&["purge", "prod"], false),
        (&["purge", "--all"], false),
        (&["purge", "prod", "--keep-login"], true),
        (&["purge", "--all", "--keep-login"], true),
        (&["purge", "prod", "-n"], true),
        (&["purge", "prod", "--expired"], true),
    ];
    for (args, keeps) in table {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::logged_in(&issuer).named(&format!("{args:?}"));
        tells_of(&test.run(args), &["prod"]);
        assert_eq!(test.login_path("prod").exists(), keeps, "{args:?}");
        assert_eq!(test.status("prod")["login"], if keeps { "present" } else { "none" }, "{args:?}");
        assert_eq!(issuer.count(), 1, "{args:?}: nobody was to be asked");
        if keeps {
            test.run(&["get", "--renew"]).gives("token-2");
            assert_eq!(issuer.family().reused, 0, "{args:?}");
        }
    }
}

/// What is told is what went.
#[test]
fn it_says_what_went() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    test.run(&["purge", "-n"]).mentions("token and login would be purged");
    test.run(&["purge", "--keep-login"]).mentions("token purged").hides("login");
    test.run(&["purge"]).mentions("login purged").hides("token and");
    test.run(&["purge"]).mentions("nothing is stored");
}

#[test]
fn expired_takes_the_token_and_keeps_the_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    issuer.lasting(2);
    let test = Test::logged_in(&issuer);
    let expires_at = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
    wait_until("the token to expire", || now() > expires_at + 0.05);
    tells_of(&test.run(&["purge", "--expired", "--all"]), &["prod"]);
    assert!(test.entry("prod").is_none());
    assert_eq!(test.status("prod")["login"], "present");
    tells_of(&test.run(&["purge", "--expired"]), &["prod"]);
    test.get().gives("token-2");
    assert_eq!(issuer.family().reused, 0);
}

#[test]
fn if_token_is_spares_the_login_of_another_token() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    tells_of(&test.fed(&["purge", "--if-token-is", "-"], "token-0"), &["prod"]);
    assert_eq!(test.status("prod")["login"], "present");
    tells_of(&test.fed(&["purge", "--if-token-is", "-", "--keep-login"], &fingerprint("token-1")), &["prod"]);
    assert_eq!((test.entry("prod"), &test.status("prod")["login"]), (None, &json!("present")));
}

/// A dead login goes as any other, and then the configured one is the first again.
#[test]
fn a_dead_login_goes_too() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    issuer.revoke();
    test.run(&["renew"]).fails(4, "prod");
    tells_of(&test.run(&["purge"]), &["prod"]);
    let status = test.status("prod");
    assert_eq!((&status["login"], &status["state"]), (&json!("none"), &json!("missing")));
    issuer.pardon();
    issuer.log_in_anew();
    test.configure(&format!("{QUICK}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed())));
    test.get().gives("token-2");
}

/// Whatever a login is, it is not left behind.
#[test]
fn a_login_that_nobody_can_use_goes_too() {
    type Spoil = fn(&Test, &Issuer);
    let table: [(&str, Spoil); 6] = [
        ("damaged", |test, _| fs::write(test.login_path("prod"), "rubbish").unwrap()),
        ("empty", |test, _| fs::write(test.login_path("prod"), "").unwrap()),
        ("another client's", |test, issuer| {
            test.configure(&login_profile("prod", &issuer.endpoint(), &issuer.seed()).replace("\"ci\"", "\"another\""));
        }),
        ("another kind's", |test, issuer| test.configure(&profile("prod", &issuer.endpoint()))),
        ("of a profile that is gone", |test, issuer| test.configure(&profile("another", &issuer.endpoint()))),
        ("set aside", |test, _| fs::rename(test.login_path("prod"), test.state_dir().join("prod.json.damaged")).unwrap()),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, spoil)| {
            for args in [&["purge", "prod"][..], &["purge", "--all"]] {
                for has_token in [true, false] {
                    let issuer = Issuer::rotating(Reuse::Revokes);
                    let test = Test::logged_in(&issuer).named(name);
                    if !has_token {
                        test.forget("prod");
                    }
                    spoil(&test, &issuer);
                    let dry = test.run(&[args, &["-n"]].concat());
                    dry.exits(0).mentions("prod: ").mentions("would be purged").is_polite();
                    test.run(args).exits(0).prints("").mentions("prod: ").mentions("purged").is_polite();
                    assert_eq!(test.state_files(), [""; 0], "{name}, {args:?}, {has_token}");
                    assert!(test.entry("prod").is_none(), "{name}, {args:?}");
                    assert_eq!(issuer.count(), 1, "{name}");
                }
            }
        },
    );
}

/// What writers that were killed have left holds refresh tokens, too.
#[test]
fn leftovers_go_too() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    for name in [".prod.json.0123456789abcdef", ".prod.json.ffffffffffffffff"] {
        fs::copy(test.login_path("prod"), test.state_dir().join(name)).unwrap();
    }
    fs::write(test.state_dir().join(".other.json.0123456789abcdef"), "").unwrap();
    tells_of(&test.run(&["purge"]), &["prod"]);
    assert_eq!(test.state_files(), [".other.json.0123456789abcdef"]);

    // Where there is nothing else, as after the very first renewal was killed.
    fs::write(test.state_dir().join(".prod.json.0123456789abcdef"), "").unwrap();
    for args in [&["purge", "-n"][..], &["purge", "--expired"]] {
        tells_of(&test.run(args), &["prod"]);
        assert_eq!(test.state_files().len(), 2, "{args:?}");
    }
    tells_of(&test.run(&["purge"]), &["prod"]);
    assert_eq!(test.state_files(), [".other.json.0123456789abcdef"]);
}

#[test]
fn a_login_that_must_not_be_touched_is_left_and_told_of() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    let elsewhere = test.path("elsewhere");
    fs::rename(test.login_path("prod"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, test.login_path("prod")).unwrap();
    test.run(&["purge"]).fails(6, "prod").mentions("state/prod.json");
    assert!(elsewhere.exists());
    test.run(&["purge", "--keep-login"]).exits(0).is_polite();
    assert!(test.entry("prod").is_none(), "it is about the token alone");
}

/// R16: a renewal in flight ends first, and leaves neither token nor login.
#[test]
fn a_purge_wins_over_a_rotation_in_flight() {
    for renewal in [&["get", "--renew"][..], &["renew"], &["watch", "--once"]] {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::logged_in(&issuer).named(&format!("{renewal:?}"));
        if renewal[0] == "watch" {
            test.forget("prod");
        }
        issuer.hold();
        let renewing = test.spawn(renewal);
        issuer.wait_for_requests(2);
        let purging = test.spawn(&["purge"]);
        std::thread::sleep(std::time::Duration::from_millis(200));
        issuer.release();
        purging.finish().exits(0).prints("").is_polite();
        renewing.finish().is_polite();
        assert_eq!((test.entry("prod"), test.state_files()), (None, Vec::new()), "{renewal:?}");
        assert_eq!(issuer.count(), 2, "{renewal:?}");
    }
}

/// And so do those that began before the purge and are still waiting for their turn: nothing of the login comes back, and the configured
/// refresh token, used up long ago, is not sent once more in their name.
#[test]
fn a_purge_wins_over_those_who_wait_for_their_turn() {
    const QUEUE: usize = 12;
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    issuer.hold();
    let renewing = test.spawn(&["renew"]);
    issuer.wait_for_requests(2);
    // A purge that gets its turn among them: they ask for what the one in flight will not give them.
    let stopped: Vec<_> = (0..QUEUE).map(|_| test.spawn(&["get", "--renew", "--min-ttl", "2h"])).collect();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let purging = test.spawn(&["purge"]);
    std::thread::sleep(std::time::Duration::from_millis(200));
    issuer.release();
    purging.finish().exits(0).is_polite();
    renewing.finish().is_polite();
    for one in stopped {
        one.finish().is_polite();
    }
    assert_eq!((test.entry("prod"), test.state_files()), (None, Vec::new()));
    assert_eq!(issuer.family().reused, 0, "{:?}", issuer.sent());
}
