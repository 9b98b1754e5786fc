//! Which file is read, and which profile is meant.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Issuer, Outcome, Test, profile};

/// A profile of this name whose token is its name.
fn echo(name: &str) -> String {
    format!("[profile.{name}]\nsource = \"exec\"\ncommand = [\"echo\", \"{name}\"]\n")
}

#[track_caller]
fn is(outcome: &Outcome, token: &str) {
    outcome.exits(0).prints(&format!("{token}\n"));
}

#[test]
fn the_flag_the_variable_and_the_usual_place_in_this_order() {
    let test = Test::configured(&echo("usual"));
    let (flag, variable) = (test.put("flag.toml", &echo("flag"), 0o644), test.put("variable.toml", &echo("variable"), 0o644));
    let flag = flag.to_str().unwrap();
    is(&test.get(), "usual");
    is(&test.run(&["get", "--config", flag]), "flag");
    is(&test.run(&["--config", flag, "get"]), "flag");
    let test = test.env("TOKEN_CONFIG", variable);
    is(&test.get(), "variable");
    is(&test.run(&["get", "--config", flag]), "flag");
    let test = test.env("TOKEN_CONFIG", "");
    is(&test.get(), "usual");
}

#[test]
fn the_usual_place_is_in_the_xdg_directory_or_below_home() {
    let test = Test::configured(&echo("xdg"));
    test.put(".config/token/config.toml", &echo("home"), 0o644);
    is(&test.get(), "xdg");
    let test = test.env("XDG_CONFIG_HOME", "relative/paths/do/not/count");
    is(&test.get(), "home");
    let test = test.without_env("XDG_CONFIG_HOME");
    is(&test.get(), "home");
}

#[test]
fn a_file_is_named_from_where_the_user_stands() {
    let test = Test::bare();
    test.put("here.toml", &echo("here"), 0o644);
    is(&test.run(&["get", "--config", "here.toml"]), "here");
    is(&test.run(&["get", "--config", "./here.toml"]), "here");
}

#[test]
fn a_file_that_was_asked_for_has_to_be_there() {
    let test = Test::configured(&echo("usual"));
    test.run(&["get", "--config", "/nowhere/my.toml"]).fails(2, "/nowhere/my.toml");
    test.run(&["status", "--config", "/nowhere/my.toml"]).fails(2, "/nowhere/my.toml");
    let folder = test.path("config");
    test.run(&["get", "--config", folder.to_str().unwrap()]).fails(2, folder.to_str().unwrap());
    let test = test.env("TOKEN_CONFIG", "/nowhere/variable.toml");
    test.get().fails(2, "/nowhere/variable.toml");
    test.run(&["get", "--", "echo", "x"]).fails(2, "/nowhere/variable.toml");
}

#[test]
fn without_any_file_it_says_where_one_would_be() {
    let test = Test::bare();
    let usual = test.path("config/token/config.toml");
    for args in [&["get"][..], &["renew"], &["get", "prod"], &["run", "--", "true"]] {
        let outcome = test.run(args);
        outcome.exits(2).prints("").mentions(usual.to_str().unwrap()).is_polite();
        assert!(outcome.stderr.lines().count() <= 4, "{outcome}");
    }
}

#[test]
fn without_a_home_it_says_what_to_set() {
    let test = Test::bare().without_env("HOME").without_env("XDG_CONFIG_HOME");
    // The user database may know a home; then this is as good as any other.
    let outcome = test.run(&["get", "prod"]);
    outcome.exits(2).prints("").is_polite();
}

#[test]
fn the_argument_the_flag_the_variable_the_default_and_the_only_one_in_this_order() {
    let all: String = ["a", "b", "c", "d"].map(echo).concat();
    let test = Test::configured(&format!("default = \"d\"\n{all}"));
    is(&test.get(), "d");
    let test = test.env("TOKEN_PROFILE", "c");
    is(&test.get(), "c");
    is(&test.run(&["get", "-p", "b"]), "b");
    is(&test.run(&["-p", "b", "get"]), "b");
    is(&test.run(&["get", "--profile=b"]), "b");
    is(&test.run(&["get", "a"]), "a");
    is(&test.run(&["run", "-p", "b", "--", "sh", "-c", "echo $TOKEN"]), "b");
    is(&test.run(&["run", "a", "--", "sh", "-c", "echo $TOKEN"]), "a");
    let test = test.env("TOKEN_PROFILE", "");
    is(&test.get(), "d");
    test.configure(&echo("only"));
    is(&test.get(), "only");
}

#[test]
fn which_of_several_is_asked_with_their_names() {
    let test = Test::configured(&(echo("alpha") + &echo("beta")));
    for args in [&["get"][..], &["renew"], &["purge"], &["run", "--", "true"]] {
        test.run(args).fails(2, "alpha").mentions("beta").mentions("TOKEN_PROFILE");
    }
    assert_eq!(test.cache_files(), [""; 0]);
}

#[test]
fn a_variable_that_names_no_profile_is_named() {
    let test = Test::configured(&(echo("alpha") + &echo("beta"))).env("TOKEN_PROFILE", "alhpa");
    test.get().fails(2, "alhpa").mentions("`alpha`");
    is(&test.run(&["get", "beta"]), "beta");
}

#[test]
fn flags_win_over_the_profile() {
    let issuer = Issuer::start();
    let test = Test::configured(&(profile("prod", &issuer.endpoint()) + "min_ttl = \"2h\"\n"));
    test.get().fails(4, "prod");
    test.run(&["get", "--min-ttl", "0s"]).exits(0).is_polite();
}

#[test]
fn a_file_without_a_secret_may_be_read_by_others() {
    let test = Test::configured(&echo("open"));
    for mode in [0o600, 0o644, 0o664, 0o400] {
        fs::set_permissions(test.path("config/token/config.toml"), fs::Permissions::from_mode(mode)).unwrap();
        is(&test.get(), "open");
    }
}

#[test]
fn a_link_to_a_file_is_as_good_as_the_file() {
    let test = Test::configured(&echo("linked"));
    let (path, elsewhere) = (test.path("config/token/config.toml"), test.path("dotfiles.toml"));
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    is(&test.get(), "linked");
}
