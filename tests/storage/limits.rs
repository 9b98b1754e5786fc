//! Disks that are full, limited or read-only: the token is printed with a warning, and nothing else is harmed (R8).

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::privilege::{Mounted, root_for};
use crate::support::{Issuer, QUICK, Test, cases, profile};

fn two_profiles(issuer: &Issuer) -> String {
    let profiles = ["prod", "other"].map(|name| profile(name, &issuer.endpoint()));
    format!("{QUICK}{}", profiles.concat())
}

fn make_cache_dir(test: &Test) {
    fs::create_dir(test.cache_dir()).unwrap();
    fs::set_permissions(test.cache_dir(), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_file_size_limit_costs_the_entry_not_the_token() {
    let limits = [("nothing", "--fsize=0"), ("half an entry", "--fsize=100")];
    cases::each(
        &limits,
        |case| case.0,
        |(name, limit)| {
            let issuer = Issuer::start();
            let test = Test::configured(&two_profiles(&issuer)).named(name);
            test.run(&["get", "other"]).gives("token-1");
            let sibling = fs::read(test.entry_path("other")).unwrap();

            let test = test.wrapped(&["prlimit", limit]);
            test.run(&["get", "prod"]).gives_with_warning("token-2", "prod");
            assert!(test.entry("prod").is_none(), "{name}: half an entry");
            assert_eq!(test.leftovers(), [""; 0], "{name}");
            assert_eq!(fs::read(test.entry_path("other")).unwrap(), sibling);
            test.run(&["get", "other"]).gives("token-1");
        },
    );
}

#[test]
fn a_limit_keeps_the_old_entry_whole() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    let old = fs::read(test.entry_path("prod")).unwrap();
    let test = test.wrapped(&["prlimit", "--fsize=100"]);
    test.run(&["get", "--renew"]).gives_with_warning("token-2", "prod");
    assert_eq!(fs::read(test.entry_path("prod")).unwrap(), old);
}

#[test]
fn a_full_disk_costs_the_entry_not_the_token() {
    if !root_for("mounting a tmpfs of 16 KiB") {
        return;
    }
    let issuer = Issuer::start();
    let test = Test::configured(&two_profiles(&issuer));
    make_cache_dir(&test);
    let dir = test.cache_dir();
    let _mounted = Mounted::tmpfs(&dir, "size=16k,mode=0700");
    test.run(&["get", "other"]).gives("token-1");
    let sibling = fs::read(test.entry_path("other")).unwrap();
    fill(&dir.join("other.ballast"));

    test.run(&["get", "prod"]).gives_with_warning("token-2", "prod");
    assert!(test.entry("prod").is_none(), "half an entry");
    assert_eq!(test.leftovers(), ["other.ballast"]);
    assert_eq!(fs::read(test.entry_path("other")).unwrap(), sibling);

    test.run(&["get", "other", "--renew"]).gives_with_warning("token-3", "other");
    assert_eq!(fs::read(test.entry_path("other")).unwrap(), sibling);
    test.run(&["get", "other"]).gives("token-1");
}

fn fill(path: &Path) {
    let mut ballast = fs::File::create(path).unwrap();
    while ballast.write_all(&[0; 512]).is_ok() {}
}

#[test]
fn a_disk_without_room_for_the_lock_costs_a_warning() {
    if !root_for("mounting a tmpfs without inodes") {
        return;
    }
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    make_cache_dir(&test);
    let dir = test.cache_dir();
    let _mounted = Mounted::tmpfs(&dir, "size=16k,nr_inodes=1,mode=0700");
    test.get().gives_with_warning("token-1", "prod");
    assert_eq!(test.cache_files(), [""; 0]);
}

#[test]
fn a_read_only_file_system_costs_a_warning() {
    if !root_for("mounting a read-only tmpfs") {
        return;
    }
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    make_cache_dir(&test);
    let dir = test.cache_dir();
    let _mounted = Mounted::tmpfs(&dir, "size=16k,ro,mode=0700");
    test.get().gives_with_warning("token-1", "prod");
}

#[test]
fn a_directory_that_cannot_be_written_costs_a_warning() {
    if !root_for("becoming another user") {
        return;
    }
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    make_cache_dir(&test);
    let test = test.handed_to_nobody();
    fs::set_permissions(test.cache_dir(), Permissions::from_mode(0o500)).unwrap();
    test.get().gives_with_warning("token-1", "prod");
    assert_eq!(issuer.count(), 1);
    assert_eq!(test.cache_files(), [""; 0]);
}

/// A valid token needs no write: the directory may be as read-only as it likes.
#[test]
fn a_valid_token_in_a_read_only_directory_is_served_in_silence() {
    if !root_for("becoming another user") {
        return;
    }
    let issuer = Issuer::start();
    let test = Test::against(&issuer).handed_to_nobody();
    test.get().gives("token-1");
    fs::set_permissions(test.cache_dir(), Permissions::from_mode(0o500)).unwrap();
    let warm = test.get();
    warm.gives("token-1");
    assert_eq!(warm.stderr, "", "nothing to say{warm}");
}

#[test]
fn a_parent_that_cannot_be_written_costs_a_warning() {
    if !root_for("becoming another user") {
        return;
    }
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    fs::create_dir(test.path("closed")).unwrap();
    let dir = test.path("closed/cache");
    let test = test.env("TOKEN_CACHE_DIR", dir).handed_to_nobody();
    fs::set_permissions(test.path("closed"), Permissions::from_mode(0o500)).unwrap();
    test.get().gives_with_warning("token-1", "prod");
}
