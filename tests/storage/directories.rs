//! Directories that are not ours alone are refused; those we make are.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use crate::support::home::{give_away, mode};
use crate::support::privilege::{NOBODY, STRANGER, is_root, root_for};
use crate::support::{Issuer, QUICK, Test, cases, profile};

fn refused(name: &str, spoil: impl Fn(&Test, &Path)) {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).named(name);
    let dir = test.cache_dir();
    spoil(&test, &dir);
    let outcome = test.get();
    outcome.fails(6, "prod").mentions(dir.to_str().unwrap());
    assert_eq!(issuer.count(), 0, "{name}: no token is asked for that has no place");
    assert!(!dir.join("prod.json").exists(), "{name}: a token was written");
}

fn private(path: &Path) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_symlink_is_refused() {
    refused("to a good directory", |test, dir| {
        private(&test.path("elsewhere"));
        symlink(test.path("elsewhere"), dir).unwrap();
    });
    refused("to nowhere", |test, dir| {
        symlink(test.path("nowhere"), dir).unwrap();
    });
}

#[test]
fn a_directory_open_to_others_is_refused_and_not_repaired() {
    let modes = [("0777", 0o777), ("0755", 0o755), ("0750", 0o750), ("0701", 0o701), ("0720", 0o720), ("1777", 0o1777)];
    cases::each(
        &modes,
        |case| case.0,
        |(name, bits)| {
            refused(name, |_, dir| {
                private(dir);
                fs::set_permissions(dir, Permissions::from_mode(*bits)).unwrap();
            });
            let test = Test::bare();
            private(&test.cache_dir());
            fs::set_permissions(test.cache_dir(), Permissions::from_mode(*bits)).unwrap();
            let _ = test.run(&["get", "--name", "cmd", "--", "echo", "token-1"]);
            assert_eq!(mode(&test.cache_dir()), *bits, "{name}: it was changed");
        },
    );
}

#[test]
fn a_directory_of_another_user_is_refused() {
    if root_for("a directory of another user") {
        refused("another owner", |_, dir| {
            private(dir);
            chown(dir, Some(STRANGER), Some(STRANGER)).unwrap();
        });
    }
}

#[test]
fn a_file_in_its_place_is_refused() {
    refused("a file", |_, dir| fs::write(dir, "").unwrap());
    refused("a FIFO", |_, dir| super::entries::make_fifo(dir));
}

#[test]
fn a_valid_token_in_a_directory_open_to_others_is_not_served() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    fs::set_permissions(test.cache_dir(), Permissions::from_mode(0o777)).unwrap();
    test.get().fails(6, "prod");
    test.run(&["get", "--offline"]).fails(6, "prod");
}

#[test]
fn what_we_make_is_private_whatever_the_umask() {
    for umask in ["0", "022", "0777"] {
        let issuer = Issuer::start();
        let mut test = Test::against(&issuer).named(umask);
        if is_root() {
            // Root may write where the mode says nobody may: only another user sees the umask's full effect.
            test = test.handed_to_nobody();
            test = under_umask_as_nobody(test, umask);
        } else {
            test = test.in_shell(&format!("umask {umask}; exec \"$@\""));
        }
        test.get().gives("token-1");
        test.run(&["get", "--renew"]).gives("token-2");
        assert_eq!(mode(&test.cache_dir()), 0o700, "umask {umask}");
        for name in test.cache_files() {
            assert_eq!(mode(&test.cache_dir().join(&name)), 0o600, "umask {umask}: {name}");
        }
        assert_eq!(test.cache_files(), ["prod.json", "prod.lock"], "umask {umask}");
    }
}

fn under_umask_as_nobody(test: Test, umask: &str) -> Test {
    let line = format!("umask {umask}; exec \"$@\"");
    test.wrapped(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", &line, "sh"])
}

#[test]
fn parents_are_made_and_private_too() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).without_env("TOKEN_CACHE_DIR").without_env("TOKEN_STATE_DIR").in_shell("umask 0; exec \"$@\"");
    test.get().gives("token-1");
    let dir = test.path("xdg-cache/token");
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&test.path("xdg-cache")), 0o700);
    assert_eq!(mode(&dir.join("prod.json")), 0o600);
}

#[test]
fn a_slash_at_the_end_of_its_name_changes_nothing() {
    for slash in ["/", "//", "/."] {
        let issuer = Issuer::start();
        let test = Test::against(&issuer).named(slash);
        let written = format!("{}{slash}", test.path("made/cache").display());
        let test = test.env("TOKEN_CACHE_DIR", written);
        assert_eq!(test.get().gives("token-1").stderr, "", "{slash}");
        test.get().gives("token-1");
        assert_eq!(mode(&test.path("made/cache")), 0o700, "{slash}");
        assert!(test.path("made/cache/prod.json").exists(), "{slash}");
    }
}

#[test]
fn another_user_s_home_is_refused_by_name() {
    if !root_for("a home of another user") {
        return;
    }
    let issuer = Issuer::start();
    let test = in_home(Test::bare(), "their");
    fs::create_dir_all(test.path("their/.cache/token")).unwrap();
    fs::set_permissions(test.path("their/.cache/token"), Permissions::from_mode(0o700)).unwrap();
    give_away(&test.path("their"), NOBODY);
    test.configure(&format!("{QUICK}{}", profile("prod", &issuer.endpoint())));
    test.get().fails(6, "prod").mentions(".cache/token").mentions(&NOBODY.to_string());
    assert_eq!(issuer.count(), 0);
}

/// As an ordinary user, in a home of root's: what is there, its mode, and whether the configuration lies in it.
#[test]
fn a_home_of_root_s_is_refused_by_name() {
    if !root_for("a home of another user") {
        return;
    }
    let table = [("an open one", 0o755, false), ("a closed one", 0o700, false), ("one with the configuration", 0o700, true)];
    cases::each(
        &table,
        |case| case.0,
        |(name, bits, holds_config)| {
            let issuer = Issuer::start();
            let config = format!("{QUICK}{}", profile("prod", &issuer.endpoint()));
            let test = in_home(Test::bare().named(name), "their");
            test.configure(&config);
            let mut test = test.handed_to_nobody();
            let home = test.path("their");
            fs::create_dir_all(home.join(".config/token")).unwrap();
            fs::write(home.join(".config/token/config.toml"), &config).unwrap();
            fs::set_permissions(&home, Permissions::from_mode(*bits)).unwrap();
            if *holds_config {
                test = test.without_env("XDG_CONFIG_HOME");
            }
            let outcome = test.get();
            outcome.fails(6, if *holds_config { "config.toml" } else { "prod" });
            outcome.mentions(&format!("{} belongs to user 0", home.display()));
            assert_eq!(issuer.count(), 0, "{name}");
        },
    );
}

/// Services run as users that have none: the lock and the cache are all that is missing (R8).
#[test]
fn a_home_that_is_missing_is_no_other_user_s() {
    if !root_for("another user than root") {
        return;
    }
    for home in ["/nonexistent", "/"] {
        let issuer = Issuer::start();
        let test = in_home(Test::bare().named(home), "their").env("HOME", home);
        test.configure(&format!("{QUICK}{}", profile("prod", &issuer.endpoint())));
        test.handed_to_nobody().get().gives("token-1").mentions("warning");
    }
}

/// With the cache and the logins below HOME.
fn in_home(test: Test, home: &str) -> Test {
    let home = test.path(home);
    let variables = ["TOKEN_CACHE_DIR", "TOKEN_STATE_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"];
    variables.into_iter().fold(test, Test::without_env).env("HOME", home)
}
