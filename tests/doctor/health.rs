//! A machine where all is well, and how the list looks.

use std::fs;

use rustix::process::Signal;

use crate::report::{discovering, doctor, issuer};
use crate::support::{Issuer, Reply, Test, profile, wait_until};

#[test]
fn where_all_is_well_that_is_said() {
    let issuer = issuer();
    let test = Test::configured(&discovering("prod", &issuer)).on_path();
    let report = doctor(&test, &[]);
    report.exits(0).finds("config.file", "ok", "1 profile").finds("storage.cache", "ok", "is made when it is needed");
    report.finds("network.discovery", "ok", "").finds("network.server", "ok", "answers").finds("clock.difference", "ok", "agrees");
    report.finds("helper.program", "ok", "bin/token").finds("proxy.use", "ok", "no proxy").finds("profile.state", "ok", "no token yet");

    issuer.script([Reply::token(3600)]);
    test.run(&["get"]).gives("token-1");
    let report = doctor(&test, &[]);
    report.exits(0).finds("storage.cache", "ok", "is private, and can be locked").finds("profile.state", "ok", "fresh");
}

#[test]
fn nothing_is_changed() {
    let issuer = issuer();
    let test = Test::configured(&discovering("prod", &issuer)).on_path();
    let everything = |test: &Test| {
        let mut found = Vec::new();
        let mut left = vec![test.path("")];
        while let Some(path) = left.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                found.push((path, Vec::new()));
            } else {
                found.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
        found.sort();
        found
    };
    let before = everything(&test);
    doctor(&test, &[]).exits(0);
    assert_eq!(everything(&test), before, "with nothing there");
    issuer.script([Reply::token(3600)]);
    test.run(&["get"]).gives("token-1");
    let before = everything(&test);
    doctor(&test, &[]).exits(0);
    assert_eq!(everything(&test), before, "with a token");
}

#[test]
fn the_list_is_for_people() {
    let issuer = issuer();
    let test = Test::configured(&format!("{}on_renew = [\"no-such-program\"]\n", discovering("prod", &issuer))).on_path();
    let usual = test.run(&["doctor"]);
    usual.exits(2).is_polite();
    let text = usual.stdout();
    assert!(text.starts_with("config\n  ok       ") && text.contains("\nstorage\n  ok       "), "{usual}");
    assert!(text.contains("  warning  prod: on_renew: `no-such-program` is not on PATH\n           hint: "), "{usual}");
    assert!(text.contains("\n\n1 warning (") && !text.contains('\u{1b}') && !text.contains("HTTP 405"), "{usual}");
    assert_eq!(usual.stderr, "", "{usual}");

    let quiet = test.run(&["doctor", "-q"]);
    assert!(quiet.exits(2).stdout().starts_with("profile\n  warning  ") && quiet.stdout().lines().count() == 3, "{quiet}");
    let verbose = test.run(&["doctor", "-v"]);
    assert!(verbose.exits(2).stdout().contains("HTTP 405 to HEAD"), "{verbose}");
    let coloured = test.run(&["doctor", "--color", "always"]);
    assert!(coloured.exits(2).stdout().contains("\u{1b}[33mwarning\u{1b}[0m"), "{coloured}");

    test.configure(&discovering("prod", &issuer));
    test.run(&["doctor", "-q"]).exits(0).prints("").is_polite();
    let well = test.run(&["doctor"]);
    assert!(well.exits(0).stdout().contains("\n\nall is well"), "{well}");
}

#[test]
fn some_profiles_can_be_asked_about() {
    let (issuer, other) = (issuer(), issuer());
    let closed = profile("broken", "http://127.0.0.1:1/token");
    let test = Test::configured(&format!("{}{}{closed}", discovering("prod", &issuer), discovering("other", &other))).on_path();
    doctor(&test, &["prod"]).exits(0);
    assert_eq!((other.discovered(), issuer.discovered()), (0, 1));
    doctor(&test, &["-p", "other"]).exits(0);
    assert_eq!((other.discovered(), issuer.discovered()), (1, 1));
    doctor(&test, &["prod", "other", "broken"]).exits(5);
    test.run(&["doctor", "prdo"]).fails(2, "prdo").mentions("did you mean `prod`?");
}

#[test]
fn what_several_profiles_share_is_asked_once() {
    let issuer = issuer();
    let config: String = ["a", "b", "c", "d", "e"].map(|name| discovering(name, &issuer)).concat();
    let test = Test::configured(&config).on_path();
    let report = doctor(&test, &[]);
    report.exits(0);
    assert_eq!((issuer.discovered(), issuer.count()), (1, 1), "{}", report.outcome);
    assert_eq!(report.of("network.server")[0]["profiles"].as_array().unwrap().len(), 5);
    assert!(test.run(&["doctor"]).stdout().contains("a, b, c and 2 more: "));
}

#[test]
fn without_any_configuration_the_rest_is_looked_at() {
    let test = Test::bare().on_path();
    let report = doctor(&test, &[]);
    report.exits(0).finds("config.file", "note", "no profile is configured").finds("storage.cache", "ok", "");
    let report = doctor(&Test::bare().on_path().without_env("HOME").without_env("XDG_CONFIG_HOME"), &[]);
    assert!(report.outcome.code == Some(0) || !report.of("config.mistake").is_empty(), "{}", report.outcome);
}

#[test]
fn a_signal_ends_it_at_once() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let issuer = Issuer::answering(Reply::silence());
        let test = Test::configured(&profile("prod", &issuer.endpoint()));
        let running = test.spawn(&["doctor"]);
        wait_until("the request", || issuer.count() > 0);
        let age = running.age();
        running.signal(signal);
        let outcome = running.finish();
        outcome.exits(status).prints("").within(age + std::time::Duration::from_millis(100));
        assert_eq!(test.cache_files(), [""; 0]);
    }
}
