//! Mistakes in the configuration and around it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use crate::report::doctor;
use crate::support::Test;
use crate::support::privilege::{STRANGER, root_for};

const SOUND: &str = "[profile.prod]\nsource = \"env\"\nvariable = \"HOME\"\n";

fn set_mode(test: &Test, mode: u32) {
    fs::set_permissions(test.path("config/token/config.toml"), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn every_mistake_is_told_with_its_line_and_the_rest_is_looked_at() {
    let test = Test::configured(&format!(
        "defualt = \"prod\"\n[profile.one]\nsource = \"evn\"\n[profile.two]\nsource = \"env\"\nvariable = \"X\"\nmax_retrys = 3\n{SOUND}"
    ))
    .on_path();
    let report = doctor(&test, &["--offline"]);
    report.exits(2).finds("config.mistake", "problem", "config.toml:1: `defualt`").finds(
        "config.mistake",
        "problem",
        ":3: `profile.one.source`",
    );
    report.finds("config.mistake", "problem", ":7: `profile.two.max_retrys`").advises("config.mistake", "did you mean `max_retries`?");
    report.finds("profile.state", "ok", "no token yet");
    assert_eq!((report.of("config.mistake").len(), report.of("profile.state").len()), (3, 1), "{}", report.outcome);
    doctor(&test, &["--offline", "one"]).exits(2).finds("config.mistake", "problem", "profile.one");
}

#[test]
fn a_file_that_is_no_toml_does_not_end_it() {
    let test = Test::configured("[profile\n").on_path();
    let report = doctor(&test, &[]);
    report.exits(2).finds("config.mistake", "problem", "config.toml:1: ").finds("storage.cache", "ok", "");
}

#[test]
fn a_file_that_is_asked_for_has_to_be_there() {
    let test = Test::bare().on_path().env("TOKEN_CONFIG", "/no/such/file.toml");
    doctor(&test, &[]).exits(2).finds("config.mistake", "problem", "/no/such/file.toml").advises("config.mistake", "TOKEN_CONFIG");
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem() {
    let test = Test::configured(SOUND).on_path();
    fs::write(test.path("config/token/config.toml"), b"# \xff\n").unwrap();
    doctor(&test, &[]).exits(2).finds("config.mistake", "problem", "cannot read").advises("config.mistake", "UTF-8");
    fs::remove_file(test.path("config/token/config.toml")).unwrap();
    fs::create_dir(test.path("config/token/config.toml")).unwrap();
    doctor(&test, &[]).exits(2).finds("config.mistake", "problem", "cannot read").advises("config.mistake", "TOKEN_CONFIG");
    if !root_for("another user") {
        return;
    }
    let test = Test::configured(SOUND).handed_to_nobody();
    set_mode(&test, 0);
    doctor(&test, &[]).exits(2).finds("config.mistake", "problem", "permission denied").advises("config.mistake", "let this user read it");
}

#[test]
fn who_may_read_and_change_it_matters() {
    let secret = "[profile.prod]\nsource = \"refresh-token\"\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"x\"\nrefresh_token = \"x\"\n";
    let test = Test::configured(SOUND).on_path();
    for mode in [0o600, 0o644] {
        set_mode(&test, mode);
        doctor(&test, &["--offline"]).exits(0).is_well("config.mode");
    }
    set_mode(&test, 0o664);
    if root_for("a file of another group") {
        // Root's group is root's own.
        doctor(&test, &["--offline"]).exits(0).is_well("config.mode");
        chown(test.path("config/token/config.toml"), None, Some(STRANGER)).unwrap();
        doctor(&test, &["--offline"]).exits(2).finds("config.mode", "warning", "0664").advises("config.mode", "chmod g-w");
    }
    set_mode(&test, 0o666);
    doctor(&test, &["--offline"]).exits(2).finds("config.mistake", "problem", "0666").advises("config.mistake", "chmod o-w");
    test.configure(secret);
    set_mode(&test, 0o644);
    let report = doctor(&test, &["--offline"]);
    report.exits(2).finds("config.mistake", "problem", "holds a secret of the profile `prod`").advises("config.mistake", "chmod 600");
    set_mode(&test, 0o600);
    doctor(&test, &["--offline"]).exits(0);
}

#[test]
fn who_may_put_another_in_its_place_matters() {
    let test = Test::configured(SOUND).on_path();
    let (folder, above) = (test.path("config/token"), test.path("config"));
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let look = || doctor(&test, &["--offline"]);
    for (own, others, is_told) in
        [(0o700, 0o755, false), (0o755, 0o755, false), (0o777, 0o755, true), (0o755, 0o777, true), (0o755, 0o1777, false)]
    {
        mode(&folder, own);
        mode(&above, others);
        let report = look();
        assert_eq!(report.of("config.directory").len(), usize::from(is_told), "{own:o} {others:o}{}", report.outcome);
        if is_told {
            report.exits(2).finds("config.directory", "warning", "by anybody (mode 0777)");
            // What it says is done.
            report.follow("config.directory", &test);
            look().exits(0).is_well("config.directory");
        }
    }
    mode(&folder, 0o775);
    if root_for("a directory of another group") {
        look().exits(0).is_well("config.directory");
        chown(&folder, None, Some(STRANGER)).unwrap();
        look().exits(2).finds("config.directory", "warning", "by its group").advises("config.directory", "chmod g-w");
    }

    // A file elsewhere, to which a link leads.
    mode(&folder, 0o700);
    fs::create_dir(test.path("dotfiles")).unwrap();
    fs::rename(test.path("config/token/config.toml"), test.path("dotfiles/token.toml")).unwrap();
    symlink(test.path("dotfiles/token.toml"), test.path("config/token/config.toml")).unwrap();
    look().exits(0);
    mode(&test.path("dotfiles"), 0o777);
    look().exits(2).finds("config.directory", "warning", "dotfiles can be written to");
}

#[test]
fn variables_of_ours_are_looked_at() {
    let home = || Test::configured(SOUND).on_path();
    doctor(&home(), &["--offline"]).exits(0).is_well("environment.unknown");
    let report = doctor(&home().env("TOKEN_PROFIL", "x-value"), &["--offline"]);
    report.exits(2).finds("environment.unknown", "warning", "TOKEN_PROFIL").advises("environment.unknown", "TOKEN_PROFILE");
    assert!(!report.outcome.stdout().contains("x-value"));
    doctor(&home().env("TOKEN_PROFILE", "gone"), &["--offline"]).exits(2).finds("environment.profile", "problem", "`gone`");
    doctor(&home().env("TOKEN_PROFILE", "prod"), &["--offline"]).exits(0);
    doctor(&home().env("TOKEN_OF_OTHERS", "x"), &["--offline"]).exits(0);
    let report = doctor(&home().env("SSL_CERT_FILE", "/no/such.pem"), &["--offline"]);
    report.exits(2).finds("environment.authorities", "warning", "SSL_CERT_FILE");
    doctor(&home().env("RUST_BACKTRACE", "1"), &["--offline"]).exits(0).finds("environment.backtrace", "note", "RUST_BACKTRACE");
}

#[test]
fn cache_and_logins_in_one_place_are_refused() {
    let test = Test::configured(SOUND).on_path();
    let cache = test.path("cache");
    let report = doctor(&test.env("TOKEN_STATE_DIR", cache), &[]);
    report.exits(2).finds("config.mistake", "problem", "cannot both be in").advises("config.mistake", "TOKEN_STATE_DIR");
}

#[test]
fn processes_that_do_not_lock_are_noted() {
    let test = Test::configured(&format!("lock = \"none\"\n{SOUND}")).on_path();
    doctor(&test, &["--offline"]).exits(0).finds("config.lock", "note", "`lock` is \"none\"");
}
