//! Signals that do not end it: SIGHUP reads the configuration again, SIGUSR1 renews all now.

use std::fs;

use rustix::process::Signal;

use crate::support::{Issuer, Reply, Test, wait_until};
use crate::{SECOND, Watcher, eager, shell};

#[test]
fn hangup_takes_up_the_new_configuration() {
    let [old, kept, new] = [Reply::token(2), Reply::token(3600), Reply::token(2)].map(Issuer::answering);
    let test = Test::configured(&eager([("old", &old), ("kept", &kept)]));
    let watcher = Watcher::start(&test, &["--all"]);
    watcher.wait_for("old: renewed", 1);
    watcher.wait_for("kept: renewed", 1);
    test.configure(&eager([("kept", &kept), ("new", &new)]));
    watcher.signal(Signal::HUP);
    watcher.wait_for("the configuration was read again", 1);
    let before = old.count();
    watcher.wait_for("new: renewed", 3);
    assert_eq!(old.count(), before, "it is not watched any more");
    assert_eq!(kept.count(), 1, "what is fresh is not renewed");
    watcher.wait_for("kept: in the cache", 1);
    watcher.end();
}

#[test]
fn a_broken_configuration_is_told_of_and_the_old_one_stays() {
    let issuer = Issuer::answering(Reply::token(2));
    let good = eager([("prod", &issuer)]);
    let test = Test::configured(&good);
    let watcher = Watcher::start(&test, &["prod"]);
    watcher.wait_for("renewed", 1);
    let path = test.path("config/token/config.toml");
    let missing = || fs::remove_file(&path).unwrap();
    let breaks: [(&str, &dyn Fn()); 4] = [
        ("config.toml:1", &|| test.configure("surce = 1\n")),
        ("prod", &|| test.configure(&eager([("other", &issuer)]))),
        ("config.toml", &|| test.configure("[profile.prod\n")),
        ("config.toml", &missing),
    ];
    for (number, (told, break_it)) in breaks.iter().enumerate() {
        let (errors, stays) = (watcher.count("error: "), "the configuration that was read before stays");
        break_it();
        watcher.signal(Signal::HUP);
        watcher.wait_for(stays, number + 1);
        watcher.wait_for("error: ", errors + 1);
        let said = watcher.said();
        let error = said.lines().rev().find(|line| line.starts_with("error: ")).unwrap();
        assert!(error.contains(told), "{error:?} lacks {told:?}");
    }
    let before = issuer.count();
    issuer.wait_for_requests(before + 2);
    test.configure(&good);
    watcher.signal(Signal::HUP);
    watcher.wait_for("the configuration was read again", 1);
    let before = issuer.count();
    issuer.wait_for_requests(before + 1);
    watcher.end();
}

/// What is under way for the old configuration does not hold up the new one.
#[test]
fn hangup_during_a_request_does_not_wait_for_it() {
    let [silent, good] = [Reply::silence(), Reply::token(3600)].map(Issuer::answering);
    let test = Test::configured(&eager([("prod", &silent)]));
    let watcher = Watcher::start(&test, &[]);
    silent.wait_for_requests(1);
    test.configure(&eager([("prod", &good)]));
    let began = std::time::Instant::now();
    watcher.signal(Signal::HUP);
    watcher.wait_for("renewed", 1);
    assert!(began.elapsed() < 2 * SECOND, "{:?}", began.elapsed());
    watcher.end();
}

/// A hook that runs when the configuration is read again comes to its end.
#[test]
fn hangup_lets_a_hook_end() {
    let issuer = Issuer::answering(Reply::token(3600));
    let hook = shell("on_renew", "echo >begun; until test -e go; do sleep 0.05; done; echo >ended");
    let test = Test::configured(&(eager([("prod", &issuer)]) + &hook));
    let watcher = Watcher::start(&test, &[]);
    wait_until("the hook", || test.path("begun").exists());
    watcher.signal(Signal::HUP);
    watcher.wait_for("read again", 1);
    // Longer than what is cut off at the end of the watcher itself.
    std::thread::sleep(std::time::Duration::from_millis(700));
    fs::write(test.path("go"), "").unwrap();
    wait_until("the end of the hook", || test.path("ended").exists());
    watcher.end();
}

#[test]
fn many_hangups_do_no_harm() {
    let issuer = Issuer::start();
    let test = Test::configured(&eager([("prod", &issuer)]));
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("renewed", 1);
    for _ in 0..20 {
        watcher.signal(Signal::HUP);
        watcher.signal(Signal::USR1);
    }
    watcher.wait_for("the configuration was read again", 1);
    watcher.is_alive();
    watcher.end();
}

#[test]
fn user_signal_renews_all_now_the_parked_too() {
    let [fresh, parked] = [Reply::token(3600), Reply::oauth(401, "invalid_client")].map(Issuer::answering);
    let test = Test::configured(&eager([("fresh", &fresh), ("parked", &parked)]));
    let watcher = Watcher::start(&test, &["--all"]);
    watcher.wait_for("fresh: renewed", 1);
    watcher.wait_for("parked: parked", 1);
    watcher.signal(Signal::USR1);
    watcher.wait_for("fresh: renewed", 2);
    parked.wait_for_requests(2);
    parked.answer(Reply::token(3600));
    test.run(&["get", "parked"]).fails(4, "parked");
    assert_eq!(parked.count(), 2, "a plain `get` does not ask");
    watcher.signal(Signal::USR1);
    watcher.wait_for("parked: renewed", 1);
    watcher.wait_for("fresh: renewed", 3);
    assert_eq!((fresh.count(), parked.count()), (3, 3));
    test.run(&["get", "parked"]).gives("token-1");
    watcher.end();
}

/// As `nohup` does: what was ignored when it began stays ignored.
#[test]
fn an_ignored_hangup_stays_ignored() {
    let issuer = Issuer::answering(Reply::token(2));
    let test = Test::configured(&eager([("prod", &issuer)])).in_shell("trap '' HUP; exec \"$@\"");
    let watcher = Watcher::start(&test, &["--all"]);
    watcher.wait_for("renewed", 1);
    test.configure("nonsense");
    watcher.signal(Signal::HUP);
    watcher.wait_for("renewed", 3);
    watcher.end().hides("configuration");
}

/// A token that somebody else has renewed is taken as it is.
#[test]
fn a_renewal_by_another_process_is_noticed() {
    let issuer = Issuer::answering(Reply::token(4));
    let test = Test::configured(&eager([("prod", &issuer)]));
    let watcher = Watcher::start(&test, &[]);
    watcher.wait_for("renewed", 1);
    issuer.answer(Reply::token(3600));
    test.run(&["renew"]).exits(0);
    watcher.wait_for("in the cache", 1);
    wait_until("the new token", || test.get().stdout() == "token-2\n");
    watcher.end();
    assert_eq!(issuer.count(), 2);
}
