//! Logins on disks and in directories that are at fault (R7, R8, S8): that a new one could not be kept is found out before the issuer is
//! asked for it, a token that is valid is served all the same, and none is shown whose login was lost.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use crate::support::home::give_away;
use crate::support::privilege::{Mounted, NOBODY, STRANGER, root_for};
use crate::support::{Issuer, QUICK, Reuse, Test, cases, login_profile, profile};

/// Another profile beside the login, of whom nothing is at fault.
fn config(issuer: &Issuer, other: &Issuer) -> String {
    format!("{QUICK}{}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed()), profile("other", &other.endpoint()))
}

fn private(path: &Path) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
}

/// A directory that cannot or must not be used, with a login in it or before there is one.
struct Fault {
    name: &'static str,
    /// Spoils what is there: the directory of the logins exists, and has one where that is to be.
    spoil: fn(&Test),
    needs_root: bool,
}

const REFUSED: [Fault; 10] = [
    Fault {
        name: "a directory that is a symlink",
        spoil: |test| {
            fs::rename(test.state_dir(), test.path("elsewhere")).unwrap();
            symlink(test.path("elsewhere"), test.state_dir()).unwrap();
        },
        needs_root: false,
    },
    Fault { name: "a directory open to all", spoil: |test| mode_of(&test.state_dir(), 0o777), needs_root: false },
    Fault { name: "a directory open to the group", spoil: |test| mode_of(&test.state_dir(), 0o750), needs_root: false },
    Fault {
        name: "a directory of another user",
        spoil: |test| chown(test.state_dir(), Some(STRANGER), Some(STRANGER)).unwrap(),
        needs_root: true,
    },
    Fault {
        name: "a file in its place",
        spoil: |test| {
            fs::remove_dir_all(test.state_dir()).unwrap();
            fs::write(test.state_dir(), "").unwrap();
        },
        needs_root: false,
    },
    Fault {
        name: "a login that is a symlink",
        spoil: |test| {
            let elsewhere = test.path("elsewhere");
            if fs::rename(test.login_path("prod"), &elsewhere).is_err() {
                fs::write(&elsewhere, "").unwrap();
            }
            symlink(&elsewhere, test.login_path("prod")).unwrap();
        },
        needs_root: false,
    },
    Fault {
        name: "a login that is a directory",
        spoil: |test| {
            let _ = fs::remove_file(test.login_path("prod"));
            private(&test.login_path("prod"));
        },
        needs_root: false,
    },
    Fault {
        name: "a login that is a FIFO",
        spoil: |test| {
            let _ = fs::remove_file(test.login_path("prod"));
            super::entries::make_fifo(&test.login_path("prod"));
        },
        needs_root: false,
    },
    Fault {
        name: "a login of another user",
        spoil: |test| {
            fs::File::options().create(true).append(true).open(test.login_path("prod")).unwrap();
            mode_of(&test.login_path("prod"), 0o600);
            chown(test.login_path("prod"), Some(STRANGER), Some(STRANGER)).unwrap();
        },
        needs_root: true,
    },
    Fault {
        name: "a login that others can read",
        spoil: |test| {
            fs::File::options().create(true).append(true).open(test.login_path("prod")).unwrap();
            mode_of(&test.login_path("prod"), 0o644);
        },
        needs_root: false,
    },
];

fn mode_of(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_must_not_be_used_is_found_out_before_the_request() {
    let with_login = [false, true];
    let table: Vec<_> = REFUSED.iter().flat_map(|fault| with_login.map(|has_login| (fault, has_login))).collect();
    cases::each(
        &table,
        |case| case.0.name,
        |(fault, has_login)| {
            if fault.needs_root && !root_for(fault.name) {
                return;
            }
            let (issuer, other) = (Issuer::rotating(Reuse::Revokes), Issuer::start());
            let test = Test::configured(&config(&issuer, &other)).named(fault.name);
            if *has_login {
                test.run(&["get", "prod"]).gives("token-1");
            } else {
                private(&test.state_dir());
            }
            (fault.spoil)(&test);
            let before = issuer.count();
            test.run(&["get", "prod", "--renew"]).fails(6, "prod").mentions("state");
            test.run(&["renew", "prod"]).fails(6, "prod");
            assert_eq!(issuer.count(), before, "{}: a login is asked for that has no place", fault.name);
            if *has_login {
                test.run(&["get", "prod"]).gives("token-1");
            }
            test.run(&["get", "other"]).gives("token-1");
        },
    );
}

/// One that has a second name (a snapshot made of hard links, say) is a login all the same.
#[test]
fn a_login_with_a_second_name_is_not_taken_for_none() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    test.run(&["get", "--renew"]).gives("token-2");
    fs::hard_link(test.login_path("prod"), test.path("snapshot")).unwrap();
    let then = fs::read(test.path("snapshot")).unwrap();
    test.run(&["get", "--renew"]).gives("token-3");
    assert_eq!((issuer.family().reused, test.refresh_token("prod")), (0, issuer.newest()));
    assert_eq!(fs::read(test.path("snapshot")).unwrap(), then, "a snapshot stays what it is");
}

/// No request at all, not even a second try: whoever is told that the disk is full can wait.
#[track_caller]
fn cannot_renew(test: &Test, issuer: &Issuer, had: Option<&str>) {
    let before = (issuer.count(), fs::read(test.login_path("prod")).ok(), test.state_files());
    test.run(&["get", "prod", "--renew"]).fails(6, "prod");
    test.run(&["renew", "prod"]).fails(6, "prod");
    let plain = test.run(&["get", "prod"]);
    match had {
        // R2: nothing of that is needed to serve a token that is valid.
        Some(token) => plain.gives(token),
        None => plain.fails(6, "prod"),
    };
    assert_eq!(issuer.count(), before.0, "it was asked for a login that has no place");
    assert_eq!((fs::read(test.login_path("prod")).ok(), test.state_files()), (before.1, before.2), "and nothing has changed");
}

#[test]
fn a_directory_that_cannot_be_written_is_found_out_before_the_request() {
    if !root_for("becoming another user") {
        return;
    }
    for has_login in [false, true] {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::logging_in(&issuer);
        private(&test.state_dir());
        let test = test.handed_to_nobody();
        if has_login {
            test.get().gives("token-1");
        }
        mode_of(&test.state_dir(), 0o500);
        cannot_renew(&test, &issuer, has_login.then_some("token-1"));
        mode_of(&test.state_dir(), 0o700);
        test.run(&["get", "--renew"]).exits(0).is_polite();
        assert_eq!((issuer.family().reused, test.refresh_token("prod")), (0, issuer.newest()));
    }
}

#[test]
fn a_parent_that_cannot_be_written_is_found_out_before_the_request() {
    if !root_for("becoming another user") {
        return;
    }
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logging_in(&issuer);
    fs::create_dir(test.path("closed")).unwrap();
    let dir = test.path("closed/state");
    let test = test.env("TOKEN_STATE_DIR", dir).handed_to_nobody();
    mode_of(&test.path("closed"), 0o500);
    test.get().fails(6, "prod").mentions("closed/state");
    assert_eq!(issuer.count(), 0);
}

#[test]
fn another_user_s_home_is_refused() {
    if !root_for("a home of another user") {
        return;
    }
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logging_in(&issuer);
    fs::create_dir_all(test.path("their/.local/state")).unwrap();
    give_away(&test.path("their"), NOBODY);
    let dir = test.path("their/.local/state/token");
    let test = test.env("TOKEN_STATE_DIR", dir);
    test.get().fails(6, "prod").mentions(&NOBODY.to_string());
    assert_eq!(issuer.count(), 0);
}

fn fill(path: &Path) {
    let mut ballast = fs::File::create(path).unwrap();
    while ballast.write_all(&[0; 512]).is_ok() {}
}

#[test]
fn a_full_disk_is_found_out_before_the_request() {
    if !root_for("mounting a tmpfs of 16 KiB") {
        return;
    }
    for has_login in [false, true] {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::logging_in(&issuer);
        private(&test.state_dir());
        let dir = test.state_dir();
        let _mounted = Mounted::tmpfs(&dir, "size=16k,mode=0700");
        if has_login {
            // That much is enough for as many renewals as one likes.
            for number in 1..=3 {
                test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
            }
        }
        fill(&dir.join("ballast"));
        cannot_renew(&test, &issuer, has_login.then_some("token-3"));
        fs::remove_file(dir.join("ballast")).unwrap();
        test.run(&["get", "--renew"]).exits(0).is_polite();
        assert_eq!((issuer.family().reused, test.refresh_token("prod")), (0, issuer.newest()));
        assert_eq!(test.state_files(), ["prod.json"]);
    }
}

#[test]
fn a_read_only_file_system_is_found_out_before_the_request() {
    if !root_for("mounting a read-only tmpfs") {
        return;
    }
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logging_in(&issuer);
    private(&test.state_dir());
    let dir = test.state_dir();
    let _mounted = Mounted::tmpfs(&dir, "size=16k,ro,mode=0700");
    test.get().fails(6, "prod").mentions("state");
    assert_eq!(issuer.count(), 0);
}

#[test]
fn no_inode_is_found_out_before_the_request() {
    if !root_for("mounting a tmpfs without inodes") {
        return;
    }
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logging_in(&issuer);
    private(&test.state_dir());
    let dir = test.state_dir();
    // The directory itself is the first.
    for inodes in 1..=2 {
        let _mounted = Mounted::tmpfs(&dir, &format!("size=64k,nr_inodes={inodes},mode=0700"));
        test.get().fails(6, "prod").mentions("state");
        assert_eq!(test.state_files(), [""; 0]);
    }
    assert_eq!(issuer.count(), 0);
}

#[test]
fn a_file_size_limit_is_found_out_before_the_request() {
    for limit in ["--fsize=0", "--fsize=100", "--fsize=1000"] {
        for has_login in [false, true] {
            let issuer = Issuer::rotating(Reuse::Revokes);
            let test = Test::logging_in(&issuer).named(limit);
            if has_login {
                test.get().gives("token-1");
            }
            let test = test.wrapped(&["prlimit", limit]);
            cannot_renew(&test, &issuer, has_login.then_some("token-1"));
        }
    }
}

/// R8: without the lock, two could send the same refresh token: then nobody asks.
#[test]
fn without_a_lock_file_no_login_is_renewed() {
    if !root_for("becoming another user") {
        return;
    }
    let (issuer, other) = (Issuer::rotating(Reuse::Revokes), Issuer::start());
    let test = Test::configured(&config(&issuer, &other));
    private(&test.cache_dir());
    let test = test.handed_to_nobody();
    mode_of(&test.cache_dir(), 0o500);
    test.run(&["get", "prod"]).fails(6, "prod").mentions("prod.lock");
    test.run(&["renew", "prod"]).fails(6, "prod");
    assert_eq!(issuer.count(), 0);
    test.run(&["get", "other"]).gives_with_warning("token-1", "other");
}

/// And a token that is near its expiry is served instead.
#[test]
fn without_a_lock_file_a_valid_token_is_served() {
    if !root_for("becoming another user") {
        return;
    }
    let issuer = Issuer::rotating(Reuse::Revokes);
    issuer.lasting(600);
    let restless = format!("{}{}", crate::support::RESTLESS, login_profile("prod", &issuer.endpoint(), &issuer.seed()));
    let test = Test::configured(&restless).handed_to_nobody();
    test.get().gives("token-1");
    let issued_at = test.entry("prod").unwrap()["issued_at"].as_f64().unwrap();
    crate::support::wait_until("the token to near its expiry", || crate::support::now() > issued_at + 1.05);
    fs::remove_file(test.cache_dir().join("prod.lock")).unwrap();
    mode_of(&test.cache_dir(), 0o500);
    test.get().gives_with_warning("token-1", "prod");
    assert_eq!(issuer.count(), 1);
}

/// A cache that takes no entry costs a warning, as ever: the login is in order, and the token is shown (R8).
#[test]
fn a_cache_that_is_full_costs_the_entry_not_the_login() {
    if !root_for("mounting a tmpfs of 16 KiB") {
        return;
    }
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logging_in(&issuer);
    private(&test.cache_dir());
    let dir = test.cache_dir();
    let _mounted = Mounted::tmpfs(&dir, "size=16k,mode=0700");
    test.get().gives("token-1");
    fill(&dir.join("ballast"));
    for number in 2..=3 {
        test.run(&["get", "--renew"]).gives_with_warning(&format!("token-{number}"), "prod");
        assert_eq!((issuer.family().reused, test.refresh_token("prod")), (0, issuer.newest()));
    }
}

/// Every way in which a login can be damaged, seen from outside; that no cut and no flip yields another one is a test of its own.
#[test]
fn a_damaged_login_is_neither_used_nor_taken_for_none() {
    type Damage = fn(Vec<u8>) -> Vec<u8>;
    let damages: [(&str, Damage); 13] = [
        ("empty", |_| Vec::new()),
        ("cut at the first byte", |bytes| bytes[..1].to_vec()),
        ("cut in half", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("cut by one byte", |bytes| bytes[..bytes.len() - 2].to_vec()),
        ("zeros", |bytes| vec![0; bytes.len()]),
        ("not text", |bytes| bytes.iter().map(|byte| byte | 0x80).collect()),
        ("rubbish", |_| b"rubbish".to_vec()),
        ("another refresh token", |bytes| replaced(&bytes, "c4nary-2", "c4nary-3")),
        ("another identity", |bytes| replaced(&bytes, "\"identity\":\"", "\"identity\":\"0")),
        ("another profile", |bytes| replaced(&bytes, "\"prod\"", "\"test\"")),
        ("not refused any more", |bytes| replaced(&bytes, "\"refused_at\":null", "\"refused_at\":1")),
        ("without its check", |bytes| replaced(&bytes, "\"check\":\"", "\"check\":\"0")),
        ("another shape", |_| b"{\"version\":1}".to_vec()),
    ];
    cases::each(
        &damages,
        |case| case.0,
        |(name, damage)| {
            let (issuer, other) = (Issuer::rotating(Reuse::Revokes), Issuer::start());
            let test = Test::configured(&config(&issuer, &other)).named(name);
            test.run(&["get", "prod"]).gives("token-1");
            let whole = fs::read(test.login_path("prod")).unwrap();
            let damaged = damage(whole.clone());
            assert_ne!(damaged, whole, "{name}");
            fs::write(test.login_path("prod"), &damaged).unwrap();
            for args in [&["get", "prod", "--renew"][..], &["renew", "prod"]] {
                test.run(args).fails(6, "prod").mentions("prod.json").mentions("damaged").mentions("purge").hides("try again");
            }
            test.run(&["get", "prod"]).gives("token-1");
            test.forget("prod");
            test.run(&["get", "prod"]).fails(6, "prod");
            assert_eq!((issuer.count(), fs::read(test.login_path("prod")).unwrap()), (1, damaged), "{name}: kept for who looks at it");
            test.run(&["get", "other"]).gives("token-1");
            // Put back, it is as good as ever.
            fs::write(test.login_path("prod"), &whole).unwrap();
            test.run(&["get", "prod"]).gives("token-2");
            assert_eq!((issuer.family().reused, test.state_files()), (0, vec!["prod.json".to_owned()]), "{name}");
        },
    );
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1).into_bytes()
}

/// R7 for what is damaged beyond repair: its profile only, in every command, and `purge` is the way out.
#[test]
fn a_damaged_login_harms_its_profile_only() {
    let (issuer, other) = (Issuer::rotating(Reuse::Revokes), Issuer::start());
    let test = Test::configured(&config(&issuer, &other));
    test.run(&["renew", "--all"]).exits(0);
    fs::write(test.login_path("prod"), "rubbish").unwrap();
    let both = test.run(&["renew", "--all"]);
    both.exits(6).prints("").mentions("prod: ").is_polite();
    assert_eq!(other.count(), 2, "the other one was renewed{both}");
    let status = test.run(&["status"]);
    assert!(status.stdout().lines().any(|line| line.starts_with("other") && line.contains("fresh")), "{status}");
    test.run(&["purge", "prod"]).exits(0).is_polite();
    assert_eq!(test.state_files(), [""; 0]);
    issuer.log_in_anew();
    test.configure(&config(&issuer, &other));
    test.run(&["get", "prod"]).gives("token-2");
}

/// R18.
#[test]
fn a_login_of_a_future_version_is_left_alone() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    let future = fs::read_to_string(test.login_path("prod")).unwrap().replacen("\"version\":1", "\"version\":2", 1);
    fs::write(test.login_path("prod"), &future).unwrap();
    for args in [&["get", "--renew"][..], &["renew"], &["purge"]] {
        test.run(args).fails(6, "prod").mentions("newer version");
    }
    assert_eq!((fs::read_to_string(test.login_path("prod")).unwrap(), issuer.count()), (future, 1));
}

/// A sparse file of a gigabyte, and one that grows: read no further than is sensible.
#[test]
fn a_huge_login_is_damaged_not_swallowed() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    fs::File::options().write(true).open(test.login_path("prod")).unwrap().set_len(1 << 30).unwrap();
    test.run(&["get", "--renew"]).fails(6, "prod").stays_small();
    assert_eq!(issuer.count(), 1);
}
