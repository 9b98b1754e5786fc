//! Where a secret may be, what is refused, and that it turns up in the request and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use base64::Engine;

use crate::support::{Issuer, SECRET, Test, cases, profile, wait_until};

/// A profile whose `client_secret` is this TOML.
fn with(issuer: &Issuer, secret: &str) -> Test {
    Test::configured(&profile("prod", &issuer.endpoint()).replace(&format!("\"{SECRET}\""), secret))
}

/// The secret that the issuer was sent.
#[track_caller]
fn sent(issuer: &Issuer) -> String {
    let requests = issuer.requests();
    let header = requests.last().unwrap().header("authorization").unwrap();
    let basic = base64::engine::general_purpose::STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
    String::from_utf8(basic).unwrap().strip_prefix("ci:").unwrap().to_owned()
}

#[test]
fn a_secret_may_be_in_the_file_a_variable_another_file_or_a_command() {
    let line = format!("{SECRET}\n");
    let table: [(&str, &str, &str); 9] = [
        ("inline", &format!("\"{SECRET}\""), ""),
        ("env", "{ env = \"THE_SECRET\" }", ""),
        ("file below home", "{ file = \"~/secrets/prod\" }", SECRET),
        ("file with a line end", "{ file = \"~/secrets/prod\" }", &line),
        ("file by its path", "{ file = \"ROOT/secrets/prod\" }", SECRET),
        ("a command", "{ command = [\"printf\", \"%s\", \"canary-s3cret-5f2b9c\"] }", ""),
        ("a command with a line end", "{ command = [\"echo\", \"canary-s3cret-5f2b9c\"] }", ""),
        ("a command that reads a file", "{ command = [\"cat\", \"ROOT/secrets/prod\"] }", &line),
        ("a command that talks", "{ command = [\"sh\", \"-c\", \"echo noise >&2; echo canary-s3cret-5f2b9c\"] }", ""),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, secret, content)| {
            let issuer = Issuer::start();
            let test = with(&issuer, secret).named(name).env("THE_SECRET", SECRET);
            let root = test.path("");
            let root = root.to_str().unwrap().trim_end_matches('/');
            let config = fs::read_to_string(test.path("config/token/config.toml")).unwrap();
            test.configure(&config.replace("ROOT", root));
            test.put("secrets/prod", content, 0o600);
            test.run(&["-vvv", "get"]).gives("token-1").hides("noise");
            assert_eq!(sent(&issuer), SECRET, "{name}");
            let cached: String = test.cache_files().iter().map(|file| fs::read_to_string(test.cache_dir().join(file)).unwrap()).collect();
            assert!(!cached.contains(SECRET), "{name}: it is in the cache");
        },
    );
}

#[test]
fn a_secret_file_that_others_can_read_is_refused() {
    for mode in [0o644, 0o640, 0o604, 0o660, 0o666, 0o444] {
        let issuer = Issuer::start();
        let test = with(&issuer, "{ file = \"~/secret\" }").named(&format!("{mode:o}"));
        let path = test.put("secret", SECRET, mode);
        for args in [&["get"][..], &["-vvv", "renew"], &["run", "--", "true"]] {
            let outcome = test.run(args);
            outcome.exits(2).prints("").mentions("prod").mentions(path.to_str().unwrap()).mentions("chmod 600").is_polite();
        }
        assert_eq!(issuer.count(), 0);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        test.get().gives("token-1");
    }
}

#[test]
fn a_private_secret_file_is_good_under_any_private_mode() {
    for mode in [0o600, 0o400, 0o700] {
        let issuer = Issuer::start();
        let test = with(&issuer, "{ file = \"~/secret\" }");
        test.put("secret", SECRET, mode);
        test.get().gives("token-1");
    }
}

#[test]
fn an_inline_secret_in_a_file_that_others_can_read_is_refused() {
    let issuer = Issuer::start();
    for mode in [0o644, 0o640, 0o604] {
        let test = Test::against(&issuer).named(&format!("{mode:o}"));
        let path = test.path("config/token/config.toml");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for args in [&["get"][..], &["renew"], &["status"]] {
            test.run(args).fails(2, path.to_str().unwrap()).mentions("chmod 600").mentions("prod");
        }
    }
    assert_eq!(issuer.count(), 0);
}

/// Whichever profile is asked for: the secret is open to others all the same.
#[test]
fn an_open_inline_secret_of_another_profile_is_refused_too() {
    let issuer = Issuer::start();
    let harmless = "[profile.a]\nsource = \"exec\"\ncommand = [\"echo\", \"token-1\"]\n";
    let test = Test::configured(&(harmless.to_owned() + &profile("b", &issuer.endpoint())));
    fs::set_permissions(test.path("config/token/config.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    test.run(&["get", "a"]).exits(2).prints("").mentions("`b`").is_polite();
}

#[test]
fn a_secret_that_is_not_there_is_named() {
    let table: [(&str, &str, &str); 8] = [
        ("no variable", "{ env = \"NO_SUCH_SECRET\" }", "NO_SUCH_SECRET"),
        ("an empty variable", "{ env = \"EMPTY_SECRET\" }", "EMPTY_SECRET"),
        ("no file", "{ file = \"~/nowhere/secret\" }", "nowhere/secret"),
        ("an empty file", "{ file = \"~/empty\" }", "empty"),
        ("a file with nothing but a line end", "{ file = \"~/blank\" }", "blank"),
        ("a directory", "{ file = \"~/folder\" }", "folder"),
        ("a FIFO", "{ file = \"~/fifo\" }", "fifo"),
        ("no such command", "{ command = [\"no-such-program\"] }", "no-such-program"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, secret, says)| {
            let issuer = Issuer::start();
            let test = with(&issuer, secret).named(name).env("EMPTY_SECRET", "");
            test.put("empty", "", 0o600);
            test.put("blank", "\n", 0o600);
            fs::create_dir(test.path("folder")).unwrap();
            rustix::fs::mknodat(rustix::fs::CWD, test.path("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
            for args in [&["get"][..], &["renew"]] {
                test.run(args).fails(2, "prod").mentions(says).within(Duration::from_secs(1));
            }
            assert_eq!(issuer.count(), 0, "{name}: nobody was asked");
        },
    );
}

/// What failed is the command, for now: it says so, and what it printed stays where it was.
#[test]
fn a_command_that_gives_no_secret_is_named() {
    for script in ["echo leak-c4nary-71d0; exit 3", "echo leak-c4nary-71d0 >&2; exit 3", "true"] {
        let issuer = Issuer::start();
        let test = with(&issuer, &format!("{{ command = [\"sh\", \"-c\", \"{script}\"] }}"));
        let outcome = test.run(&["get", "--max-retries", "1"]);
        outcome.prints("").explains("prod").mentions("sh").hides("leak-c4nary-71d0");
        assert!(matches!(outcome.code, Some(2 | 5)), "{outcome}");
        assert_eq!(issuer.count(), 0);
    }
}

/// It is read when it is needed: a cached token needs none.
#[test]
fn a_valid_token_needs_no_secret() {
    let issuer = Issuer::start();
    let test = with(&issuer, "{ file = \"~/secret\" }");
    let path = test.put("secret", SECRET, 0o600);
    test.get().gives("token-1");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    test.get().gives("token-1");
    fs::remove_file(&path).unwrap();
    let outcome = test.get();
    outcome.gives("token-1");
    assert_eq!(outcome.stderr, "", "{outcome}");
    test.run(&["get", "--renew"]).fails(2, "prod");
}

/// A secret command runs for a renewal and not for a warm answer.
#[test]
fn a_command_runs_only_when_its_secret_is_needed() {
    let issuer = Issuer::start();
    let test = with(&issuer, "{ command = [\"sh\", \"-c\", \"echo run >>runs; echo canary-s3cret-5f2b9c\"] }");
    for _ in 0..3 {
        test.get().gives("token-1");
        test.run(&["status"]).exits(0);
    }
    assert_eq!(fs::read_to_string(test.path("runs")).unwrap(), "run\n");
}

/// Who was refused for a wrong secret asks again once it is another.
#[test]
fn a_new_secret_is_tried_at_once() {
    let refused = crate::support::Reply::oauth(401, "invalid_client");
    let issuer = Issuer::answering(refused.clone());
    let test = with(&issuer, "{ file = \"~/secret\" }");
    test.put("secret", "wrong", 0o600);
    test.get().fails(4, "prod");
    test.get().fails(4, "prod");
    assert_eq!(issuer.count(), 1, "parked");
    test.put("secret", SECRET, 0o600);
    issuer.answer(crate::support::Reply::token(3600));
    test.get().gives("token-1");
    assert_eq!(sent(&issuer), SECRET);

    let issuer = Issuer::answering(refused);
    let test = with(&issuer, "{ env = \"THE_SECRET\" }").env("THE_SECRET", "wrong");
    test.get().fails(4, "prod");
    issuer.answer(crate::support::Reply::token(3600));
    test.env("THE_SECRET", SECRET).get().gives("token-1");
}

#[test]
fn no_process_shows_the_secret() {
    let issuer = Issuer::answering(crate::support::Reply::token(3600).held());
    let test = with(&issuer, "{ file = \"~/secret\" }");
    test.put("secret", SECRET, 0o600);
    let running = test.spawn(&["get"]);
    issuer.wait_for_requests(1);
    let of = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", running.pid().as_raw_nonzero())).unwrap_or_default();
    assert!(!of("cmdline").contains(SECRET) && !of("environ").contains(SECRET));
    issuer.release();
    running.finish().gives("token-1");
}

/// A command that is the source gets what its profile names, and not the secrets of others.
#[test]
fn a_child_gets_what_its_profile_names() {
    let config = "[profile.a]\nsource = \"exec\"\ncommand = [\"sh\", \"-c\", \"env >seen; echo token-1\"]\nenv = { GIVEN = \"this\" }\n";
    let test = Test::configured(config);
    test.get().gives("token-1");
    wait_until("the environment", || test.path("seen").exists());
    let seen = fs::read_to_string(test.path("seen")).unwrap();
    assert!(seen.lines().any(|line| line == "GIVEN=this"), "{seen}");
}
