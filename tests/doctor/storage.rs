//! Directories and files that are not as they should be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::report::{Report, doctor};
use crate::support::home::give_away;
use crate::support::privilege::{Mounted, STRANGER, root_for, strace_for};
use crate::support::{Issuer, Reuse, Test};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A home with a token in the cache.
fn home() -> Test {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).on_path();
    test.run(&["get"]).gives("token-1");
    test
}

#[track_caller]
fn look(test: &Test) -> Report {
    doctor(test, &["--offline"])
}

#[test]
fn a_directory_that_is_not_private_is_a_problem() {
    let test = home();
    look(&test).exits(0).finds("storage.cache", "ok", "private");
    mode(&test.cache_dir(), 0o755);
    let report = look(&test);
    report.exits(6).finds("storage.cache", "problem", "is open to others (mode 0755)").advises("storage.cache", "chmod 700");
    assert_eq!(report.of("profile.state").len(), 0, "told once{}", report.outcome);
    mode(&test.cache_dir(), 0o700);
    fs::rename(test.cache_dir(), test.path("elsewhere")).unwrap();
    symlink(test.path("elsewhere"), test.cache_dir()).unwrap();
    look(&test).exits(6).finds("storage.cache", "problem", "symbolic link");
    fs::remove_file(test.cache_dir()).unwrap();
    fs::write(test.cache_dir(), "").unwrap();
    look(&test).exits(6).finds("storage.cache", "problem", "is not a directory");
    fs::remove_file(test.cache_dir()).unwrap();
    fs::create_dir(test.state_dir()).unwrap();
    mode(&test.state_dir(), 0o750);
    look(&test).exits(6).finds("storage.logins", "problem", "0750").is_well("storage.cache");
}

#[test]
fn every_file_in_it_is_looked_at() {
    let test = home();
    mode(&test.entry_path("prod"), 0o640);
    look(&test).exits(6).finds("storage.file", "problem", "prod.json is open to others").advises("storage.file", "chmod 600");
    mode(&test.entry_path("prod"), 0o600);
    let lock = test.cache_dir().join("prod.lock");
    fs::remove_file(&lock).unwrap();
    symlink("/dev/null", &lock).unwrap();
    look(&test).exits(6).finds("storage.file", "problem", "prod.lock");
    fs::remove_file(&lock).unwrap();
    look(&test).exits(0);

    fs::write(test.cache_dir().join("prod.json.damaged"), "x").unwrap();
    look(&test).exits(6).finds("storage.damaged", "warning", "prod.json.damaged").advises("storage.damaged", "rm ");
    fs::remove_file(test.cache_dir().join("prod.json.damaged")).unwrap();
    fs::write(test.cache_dir().join(".prod.json.0123456789abcdef"), "x").unwrap();
    look(&test).exits(0).finds("storage.leftovers", "note", "is left of a process that was killed");
}

#[test]
fn what_a_newer_program_wrote_is_told() {
    let test = home();
    let text = fs::read_to_string(test.entry_path("prod")).unwrap();
    fs::write(test.entry_path("prod"), text.replace("\"version\":1", "\"version\":9")).unwrap();
    let report = look(&test);
    report.exits(6).finds("storage.file", "problem", "newer version").advises("storage.file", "update token");
    assert_eq!(report.of("profile.state").len(), 0, "told once{}", report.outcome);
    report.follow("storage.file", &test);
    look(&test).exits(0).finds("profile.state", "ok", "no token yet");
}

/// What is written into a file of `prod`, the finding that tells of it, and what it says.
type Damage = (&'static str, &'static str, &'static str, &'static str, &'static str);

#[test]
fn what_is_damaged_is_told_before_its_next_use() {
    let table: [Damage; 9] = [
        ("cache/prod.json", "{}", "storage.damaged", "warning", "the token in"),
        ("cache/prod.json", "{\"version\":9}", "storage.file", "problem", "newer version"),
        ("cache/prod.failure", "{}", "storage.damaged", "warning", "the memory of a failure in"),
        ("cache/prod.failure", "{\"version\":9}", "storage.file", "warning", "newer version"),
        ("state/prod.json", "{}", "storage.damaged", "problem", "the login in"),
        ("state/prod.json", "{\"version\":9}", "storage.file", "problem", "newer version"),
        // Of names that are no profiles.
        ("cache/exec-x-0123456789ab.json", "{}", "storage.damaged", "warning", "the token in"),
        ("cache/gone.json", "{\"version\":9}", "storage.file", "warning", "newer version"),
        ("state/gone.json", "{}", "storage.damaged", "warning", "the login in"),
    ];
    for (file, text, id, level, says) in table {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::logged_in(&issuer).named(file).on_path();
        look(&test).exits(0);
        test.put(file, text, 0o600);
        let report = look(&test);
        report.exits(6).finds(id, level, says).finds(id, level, file);
        // What it advises mends it.
        report.follow(id, &test);
        let left = look(&test);
        assert!(left.of(id).is_empty(), "{file}{}", left.outcome);
        assert!(file.contains("state") || test.login("prod").is_some(), "{file}: the login is kept");
    }
}

/// What is put in the place of a file, and how.
type Obstacle = (&'static str, fn(&Path));

#[test]
fn what_is_in_the_place_of_a_file_is_got_out_of_the_way_as_it_says() {
    let table: [Obstacle; 4] = [
        ("a link", |path| symlink("/dev/null", path).unwrap()),
        ("a directory", |path| fs::create_dir(path).unwrap()),
        ("a pipe", |path| rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR).unwrap()),
        ("open to others", |path| {
            fs::write(path, "").unwrap();
            mode(path, 0o666);
        }),
    ];
    for (case, make) in table {
        for file in ["cache/prod.json", "cache/prod.lock", "state/prod.json"] {
            let issuer = Issuer::rotating(Reuse::Revokes);
            let test = Test::logged_in(&issuer).named(case).on_path();
            fs::remove_file(test.path(file)).unwrap();
            make(&test.path(file));
            let report = look(&test);
            report.exits(6).finds("storage.file", "problem", file);
            report.follow("storage.file", &test);
            assert!(look(&test).of("storage.file").is_empty(), "{case} {file}{}", report.outcome);
        }
    }
}

#[test]
fn what_it_advises_is_about_the_configuration_that_it_read() {
    let test = home();
    fs::rename(test.path("config/token/config.toml"), test.path("my token.toml")).unwrap();
    test.put("cache/prod.json", "{}", 0o600);
    let look = || doctor(&test, &["--offline", "--config", "my token.toml"]);
    let report = look();
    report.exits(6).advises("storage.damaged", "token --config '").follow("storage.damaged", &test);
    look().exits(0);
}

#[test]
fn a_path_with_blanks_is_typed_as_one() {
    let test = home();
    fs::rename(test.cache_dir(), test.path("my cache")).unwrap();
    let cache = test.path("my cache");
    let test = test.env("TOKEN_CACHE_DIR", &cache);
    mode(&cache, 0o755);
    look(&test).exits(6).finds("storage.cache", "problem", "is open to others").follow("storage.cache", &test);
    mode(&cache.join("prod.json"), 0o644);
    look(&test).exits(6).finds("storage.file", "problem", "is open to others").follow("storage.file", &test);
    look(&test).exits(0);
}

#[test]
fn a_file_with_a_second_name_is_told() {
    let test = home();
    fs::hard_link(test.entry_path("prod"), test.path("copy")).unwrap();
    let report = look(&test);
    report.exits(6).finds("storage.damaged", "warning", "has a second name");
    report.follow("storage.damaged", &test);
    look(&test).exits(0);
}

#[test]
fn the_files_of_others_are_left_out_where_one_is_asked_about() {
    let test = home();
    let config = fs::read_to_string(test.path("config/token/config.toml")).unwrap();
    test.configure(&format!("{config}[profile.other]\nsource = \"env\"\nvariable = \"HOME\"\n"));
    test.put("cache/other.json", "{}", 0o600);
    doctor(&test, &["--offline", "prod"]).exits(0);
    doctor(&test, &["--offline", "other"]).exits(6).finds("storage.damaged", "warning", "other.json");
    look(&test).exits(6);
}

#[test]
fn what_belongs_to_no_profile_is_noted() {
    let test = home();
    test.configure("[profile.new]\nsource = \"env\"\nvariable = \"HOME\"\n");
    look(&test).exits(0).finds("storage.orphans", "note", "no such profile").advises("storage.orphans", "token purge prod");
    test.run(&["get", "--", "echo", "x"]).exits(0);
    test.run(&["purge", "prod"]).exits(0);
    assert_eq!(look(&test).of("storage.orphans").len(), 0, "a command's entry is nobody's");
}

#[test]
fn a_file_system_that_cannot_lock_is_found_out() {
    if !strace_for("a file system without locks") {
        return;
    }
    for error in ["ENOLCK", "EOPNOTSUPP"] {
        let test = home().wrapped(&["strace", "-f", "-o", "/dev/null", "-e", "trace=flock", "-e", &format!("inject=flock:error={error}")]);
        let report = look(&test);
        report.exits(6).finds("storage.cache", "problem", "cannot lock").advises("storage.cache", "lock = \"none\"");
    }
    let test = home();
    let config = fs::read_to_string(test.path("config/token/config.toml")).unwrap();
    test.configure(&format!("lock = \"none\"\n{config}"));
    let test = test.wrapped(&["strace", "-f", "-o", "/dev/null", "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"]);
    look(&test).exits(0).is_well("storage.cache");
}

#[test]
fn a_full_directory_is_found_out() {
    if !root_for("a tmpfs") {
        return;
    }
    let test = Test::configured("[profile.prod]\nsource = \"env\"\nvariable = \"HOME\"\n").on_path();
    fs::create_dir(test.cache_dir()).unwrap();
    let cache = test.cache_dir();
    let mounted = Mounted::tmpfs(&cache, "size=16k,mode=0700");
    look(&test).exits(6).finds("storage.space", "warning", "16 KB left");
    fs::write(cache.join("full"), vec![0; 16 << 10]).unwrap();
    look(&test).exits(6).finds("storage.cache", "problem", "no space left").finds("storage.space", "warning", "0 KB");
    drop(mounted);
    mode(&cache, 0o700);
    look(&test).exits(0);
}

#[test]
fn another_user_s_directory_is_a_problem() {
    if !root_for("other users") {
        return;
    }
    let test = home();
    give_away(&test.cache_dir(), STRANGER);
    look(&test).exits(6).finds("storage.cache", "problem", "belongs to user 12345");

    let test = Test::configured("[profile.prod]\nsource = \"env\"\nvariable = \"HOME\"\n").handed_to_nobody();
    look(&test).exits(0);
    fs::create_dir(test.path("foreign")).unwrap();
    mode(&test.path("foreign"), 0o755);
    let foreign = test.path("foreign/cache");
    let test = test.env("TOKEN_CACHE_DIR", foreign);
    look(&test).exits(6).finds("storage.cache", "problem", "is another user's").advises("storage.cache", "TOKEN_CACHE_DIR");
}

#[test]
fn a_directory_that_cannot_be_written_to_is_a_problem() {
    if !root_for("another user") {
        return;
    }
    let test = Test::configured("[profile.prod]\nsource = \"env\"\nvariable = \"HOME\"\n").on_path();
    fs::create_dir(test.cache_dir()).unwrap();
    mode(&test.cache_dir(), 0o500);
    look(&test.handed_to_nobody()).exits(6).finds("storage.cache", "problem", "permission denied");
}
