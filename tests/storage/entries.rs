//! Cache entries that are not what we wrote: refused, or as if absent; never a wrong token.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::privilege::{STRANGER, root_for};
use crate::support::{Issuer, QUICK, Test, cases, profile};

pub fn make_fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

type Spoil = fn(&Path);

/// `prod` holds `token-1`, and then something happens to the entry.
fn spoiled(name: &str, issuer: &Issuer, spoil: Spoil) -> Test {
    let test = Test::against(issuer).named(name);
    test.get().gives("token-1");
    spoil(&test.entry_path("prod"));
    test
}

fn swap(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn entries_that_someone_else_may_have_made_are_refused() {
    let cases: [(&str, Spoil); 9] = [
        ("symlink", |path| {
            let aside = path.with_extension("aside");
            fs::rename(path, &aside).unwrap();
            symlink(aside, path).unwrap();
        }),
        ("dangling symlink", |path| {
            fs::remove_file(path).unwrap();
            symlink("/nowhere/at/all", path).unwrap();
        }),
        ("symlink to a device", |path| {
            fs::remove_file(path).unwrap();
            symlink("/dev/zero", path).unwrap();
        }),
        ("FIFO", |path| {
            fs::remove_file(path).unwrap();
            make_fifo(path);
        }),
        ("directory", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
        ("0644", |path| open_up(path, 0o644)),
        ("0640", |path| open_up(path, 0o640)),
        ("0602", |path| open_up(path, 0o602)),
        ("0666", |path| open_up(path, 0o666)),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, spoil)| {
            let issuer = Issuer::start();
            let test = spoiled(name, &issuer, *spoil);
            let entry = test.entry_path("prod");
            test.get().fails(6, "prod").mentions(entry.to_str().unwrap());
            test.run(&["get", "--offline"]).fails(6, "prod");
            assert!(entry.symlink_metadata().is_ok(), "{name}: it was removed");
        },
    );
}

fn open_up(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_entry_of_another_user_is_refused() {
    if root_for("an entry of another user") {
        let issuer = Issuer::start();
        let test = spoiled("another owner", &issuer, |path| {
            chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
        });
        test.get().fails(6, "prod");
        test.run(&["get", "--offline"]).fails(6, "prod");
    }
}

#[test]
fn a_future_version_is_refused_and_left_alone() {
    let issuer = Issuer::start();
    let test = spoiled("version 2", &issuer, |path| {
        swap(path, "\"version\":1", "\"version\":2");
    });
    let before = fs::read(test.entry_path("prod")).unwrap();
    test.get().fails(6, "prod");
    let _ = test.run(&["get", "--renew"]);
    let _ = test.run(&["renew", "prod"]);
    assert_eq!(fs::read(test.entry_path("prod")).unwrap(), before);
}

#[test]
fn damage_counts_as_absence_and_is_kept_aside() {
    let cases: [(&str, Spoil); 9] = [
        ("empty", |path| fs::write(path, "").unwrap()),
        ("NULs", |path| fs::write(path, [0; 300]).unwrap()),
        ("not UTF-8", |path| fs::write(path, [0xff; 300]).unwrap()),
        ("not JSON", |path| fs::write(path, "token-1\n").unwrap()),
        ("another token", |path| swap(path, "token-1", "token-8")),
        ("a longer life", |path| {
            swap(path, "\"expires_at\":1", "\"expires_at\":9");
        }),
        ("half of it", |path| {
            let whole = fs::read(path).unwrap();
            fs::write(path, &whole[..whole.len() / 2]).unwrap();
        }),
        ("twice itself", |path| {
            let once = fs::read(path).unwrap();
            fs::write(path, once.repeat(2)).unwrap();
        }),
        ("1 GB, sparse", |path| {
            File::options().write(true).open(path).unwrap().set_len(1 << 30).unwrap();
        }),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, spoil)| {
            let issuer = Issuer::start();
            let test = spoiled(name, &issuer, *spoil);
            let offline = test.run(&["get", "--offline"]);
            offline.fails(5, "prod").within(Duration::from_secs(1));
            test.get().gives_with_warning("token-2", "prod").within(Duration::from_secs(2));
            assert_eq!(test.leftovers(), ["prod.json.damaged"], "{name}");
            test.get().gives("token-2");
            assert_eq!(issuer.count(), 2, "{name}");
        },
    );
}

#[test]
fn a_sparse_gigabyte_is_not_read() {
    let issuer = Issuer::start();
    let test = spoiled("1 GB", &issuer, |path| {
        File::options().write(true).open(path).unwrap().set_len(1 << 30).unwrap();
    });
    test.get().gives_with_warning("token-2", "prod").stays_small();
}

#[test]
fn a_hard_linked_entry_is_replaced_and_the_other_name_keeps_its_content() {
    let issuer = Issuer::start();
    let test = spoiled("hard link", &issuer, |path| {
        fs::hard_link(path, path.with_extension("aside")).unwrap();
    });
    let aside = test.entry_path("prod").with_extension("aside");
    let before = fs::read(&aside).unwrap();
    test.get().exits(0).prints("token-2\n");
    assert_eq!(fs::read(&aside).unwrap(), before);
    test.get().gives("token-2");
}

#[test]
fn an_entry_of_another_name_or_identity_is_not_served() {
    let issuer = Issuer::start();
    let both = |scope: &str| {
        let prod = profile("prod", &issuer.endpoint()) + scope;
        format!("{QUICK}{prod}{}", profile("other", &issuer.endpoint()))
    };
    let test = Test::configured(&both(""));
    test.run(&["get", "other"]).gives("token-1");
    fs::copy(test.entry_path("other"), test.entry_path("prod")).unwrap();
    test.run(&["get", "prod", "--offline"]).exits(5).prints("");
    test.run(&["get", "prod"]).exits(0).prints("token-2\n");
    test.run(&["get", "other"]).gives("token-1");

    test.configure(&both("scope = [\"write\"]\n"));
    test.run(&["get", "prod", "--offline"]).exits(5).prints("");
    test.run(&["get", "prod"]).exits(0).prints("token-3\n");
}

/// R7: what is wrong with one profile's file is no other's trouble.
#[test]
fn a_sibling_s_damage_is_its_own() {
    let issuer = Issuer::start();
    let profiles = ["prod", "other"].map(|name| profile(name, &issuer.endpoint()));
    let test = Test::configured(&format!("{QUICK}{}", profiles.concat()));
    test.run(&["get", "prod"]).gives("token-1");
    test.run(&["get", "other"]).gives("token-2");
    fs::write(test.entry_path("other"), "rubbish").unwrap();
    let prod = test.run(&["get", "prod"]);
    prod.gives("token-1");
    assert_eq!(prod.stderr, "", "not a word about the other{prod}");
}

/// Every prefix of an entry, and every byte changed: the right token or none.
#[test]
fn no_byte_can_be_lost_or_changed_unnoticed() {
    let issuer = Issuer::start();
    let seeded = Test::against(&issuer);
    seeded.get().gives("token-1");
    let whole = fs::read(seeded.entry_path("prod")).unwrap();
    let variants = crate::bytes::variants(&whole);

    let lanes: Vec<_> = variants.chunks(variants.len().div_ceil(4)).collect();
    let endpoint = issuer.endpoint();
    cases::each(
        &lanes,
        |lane| &lane[0].0,
        |lane| {
            let test = Test::at(&endpoint);
            test.get().exits(0);
            lane.iter().for_each(|(name, bytes)| right_token_or_none(&test, name, bytes));
        },
    );
}

fn right_token_or_none(test: &Test, name: &str, bytes: &[u8]) {
    let path = test.entry_path("prod");
    fs::write(path, bytes).unwrap();
    let outcome = test.run(&["get", "--offline"]);
    match outcome.code {
        Some(0) => assert_eq!(outcome.stdout(), "token-1\n", "{name}{outcome}"),
        Some(5 | 6) => assert_eq!(outcome.stdout(), "", "{name}{outcome}"),
        _ => panic!("{name}{outcome}"),
    }
}
