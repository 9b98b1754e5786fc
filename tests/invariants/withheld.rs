//! Tokens that are valid and due to be renewed, while whatever a renewal needs goes wrong: each is served all the same.

use std::fs;

use rustix::process::Signal;

use crate::support::{Issuer, Reply, Test, Trap, hostile, profile};
use crate::{Figure, Scale, control};

/// What a disk, and a file system that cannot lock, say instead of doing it.
const FAILURES: [&str; 9] = [
    "inject=flock:error=ENOLCK",
    "inject=flock:error=EOPNOTSUPP",
    "inject=flock:error=EIO",
    "inject=fsync,fdatasync:error=EIO",
    "inject=fsync,fdatasync:error=ENOSPC",
    "inject=rename,renameat,renameat2:error=ENOSPC",
    "inject=rename,renameat,renameat2:error=EROFS",
    "inject=fallocate,ftruncate:error=ENOSPC",
    "inject=connect:error=ENETUNREACH",
];

const GET: [&str; 4] = ["get", "prod", "--request-timeout", "500ms"];

/// Looks whether the one valid token is served, by a profile that has forgotten what failed before.
#[derive(Default)]
struct Count {
    looked: usize,
    withheld: usize,
}

impl Count {
    fn look(&mut self, test: &Test, args: &[&str]) {
        let _ = fs::remove_file(test.cache_dir().join("prod.failure"));
        let outcome = test.run(args);
        self.looked += 1;
        if outcome.code != Some(0) || outcome.stdout != b"token-1\n" {
            eprintln!("withheld{outcome}");
            self.withheld += 1;
        }
    }
}

pub fn withheld(scale: Scale) -> Vec<Figure> {
    let mut count = Count::default();
    for kind in scale.kinds() {
        by_the_issuer(&mut count, kind.profile);
    }
    for _ in 0..scale.of(2, 10) {
        by_the_lock(&mut count);
        by_the_disk(&mut count);
    }
    let among = format!("{} gets", count.looked);
    vec![Figure::none("valid tokens withheld: issuer, lock, disk", count.withheld, among, expired())]
}

fn by_the_issuer(count: &mut Count, profile: fn(&str) -> String) {
    let (issuer, trap) = (Issuer::start(), Trap::set());
    let test = Test::near_expiry_of(&issuer, &profile(&issuer.endpoint()));
    for answer in hostile::answers(&trap.url()) {
        issuer.answer(answer.reply);
        count.look(&test, &GET);
    }
    drop(issuer);
    count.look(&test, &GET);
    count.look(&test, &["get", "prod", "--offline"]);
}

fn by_the_lock(count: &mut Count) {
    let issuer = Issuer::start();
    let test = Test::near_expiry(&issuer);
    issuer.answer(Reply::silence());
    let holder = test.spawn(&["get", "--timeout", "5m"]);
    issuer.wait_for_requests(2);
    holder.signal(Signal::STOP);
    count.look(&test, &GET);
    count.look(&test, &["get", "prod", "--offline"]);
    holder.kill();
}

/// The answer that could not be kept is printed (R8): here the issuer fails too, and the old one is all there is.
fn by_the_disk(count: &mut Count) {
    let issuer = Issuer::start();
    let mut test = Test::near_expiry(&issuer);
    issuer.answer(Reply::status(503));
    for failure in FAILURES {
        test = test.wrapped(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", failure]);
        count.look(&test, &GET);
    }
}

/// The control: the same look at one that has expired.
fn expired() -> String {
    let issuer = Issuer::start();
    let test = Test::configured(&format!("{}{}", crate::support::QUICK, profile("prod", &issuer.endpoint())));
    test.seed_expired(&issuer);
    issuer.answer(Reply::status(503));
    let outcome = test.run(&GET);
    control("an expired token", outcome.code == Some(5) && outcome.stdout.is_empty());
    "an expired one is withheld".to_owned()
}
