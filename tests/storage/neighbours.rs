//! What lies beside an entry, the lock and the memory of a failure, may be anything: a valid token is served at once, nothing that is not
//! ours is followed or changed, and nobody is held up.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::Duration;

use crate::entries::make_fifo;
use crate::support::privilege::{STRANGER, root_for};
use crate::support::{Issuer, Outcome, Test, cases};

struct Neighbour {
    name: &'static str,
    put: fn(&Path),
    needs_root: bool,
}

const fn neighbour(name: &'static str, put: fn(&Path)) -> Neighbour {
    Neighbour { name, put, needs_root: false }
}

fn private(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// Somebody else's file, at the end of a link.
fn foreign(path: &Path) -> std::path::PathBuf {
    path.parent().unwrap().with_file_name("foreign")
}

const ANYTHING: [Neighbour; 13] = [
    neighbour("a symbolic link", |path| {
        private(&foreign(path), b"foreign");
        symlink(foreign(path), path).unwrap();
    }),
    neighbour("a symbolic link to nowhere", |path| symlink(foreign(path), path).unwrap()),
    neighbour("a second name of another file", |path| {
        private(&foreign(path), b"foreign");
        fs::hard_link(foreign(path), path).unwrap();
    }),
    neighbour("a FIFO", make_fifo),
    neighbour("a directory", |path| fs::create_dir(path).unwrap()),
    Neighbour {
        name: "another user's",
        put: |path| {
            private(path, b"");
            chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
        },
        needs_root: true,
    },
    neighbour("open to others", |path| {
        private(path, b"");
        fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
    }),
    neighbour("empty", |path| private(path, b"")),
    neighbour("NULs", |path| private(path, &[0; 300])),
    neighbour("no text", |path| private(path, &[0xff; 300])),
    neighbour("of another shape", |path| private(path, b"{\"version\":1}")),
    neighbour("of a future version", |path| private(path, b"{\"version\":2}")),
    neighbour("a sparse gigabyte", |path| {
        private(path, b"");
        File::options().write(true).open(path).unwrap().set_len(1 << 30).unwrap();
    }),
];

/// What a renewal comes to beside `file`, which is that.
fn renewed(neighbour: &Neighbour, file: &str) -> (Test, Issuer, Outcome) {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).named(neighbour.name);
    test.get().gives("token-1");
    let path = test.cache_dir().join(file);
    let _ = fs::remove_file(&path);
    (neighbour.put)(&path);
    let warm = test.get();
    assert_eq!(warm.gives("token-1").within(Duration::from_millis(100)).stderr, "", "{warm}");
    let renewed = test.run(&["get", "--renew", "--timeout", "3s"]);
    renewed.is_polite().within(Duration::from_secs(2));
    if neighbour.name == "a sparse gigabyte" {
        renewed.stays_small();
    }
    if let Ok(text) = fs::read(test.path("foreign")) {
        assert_eq!(text, b"foreign", "{}: what it leads to has changed", neighbour.name);
    }
    test.run(&["get", "--offline"]).exits(0);
    (test, issuer, renewed)
}

/// Whoever could have put that in the place of a lock could make us go on without one, or wait for ever.
#[test]
fn a_lock_may_be_anything() {
    cases::each(
        &ANYTHING,
        |case| case.name,
        |case| {
            if case.needs_root && !root_for(case.name) {
                return;
            }
            let (test, issuer, renewed) = renewed(case, "prod.lock");
            let is_file = test.cache_dir().join("prod.lock").symlink_metadata().unwrap().is_file();
            if is_file && !matches!(case.name, "another user's" | "open to others") {
                renewed.gives("token-2");
                return;
            }
            renewed.fails(6, "prod").mentions("prod.lock");
            assert_eq!(issuer.count(), 1, "nobody asks without the lock");
            test.get().gives("token-1");
        },
    );
}

#[test]
fn a_memory_of_a_failure_may_be_anything() {
    cases::each(
        &ANYTHING,
        |case| case.name,
        |case| {
            if case.needs_root && !root_for(case.name) {
                return;
            }
            let (test, issuer, renewed) = renewed(case, "prod.failure");
            renewed.gives("token-2");
            assert_eq!(issuer.count(), 2);
            let left = fs::read(test.cache_dir().join("prod.failure")).unwrap_or_default();
            // R18: what a newer program wrote is left alone.
            assert_eq!(left, if case.name == "of a future version" { b"{\"version\":2}".to_vec() } else { left.clone() });
            assert!(case.name != "of a future version" || !left.is_empty(), "{}: it is gone", case.name);
        },
    );
}
