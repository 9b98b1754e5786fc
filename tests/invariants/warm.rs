//! What the kernel is asked for by a `get` that has its answer in the cache.

use std::fs;

use crate::support::{Issuer, Test};
use crate::{Figure, Scale, control};

const NETWORK: [&str; 14] = [
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept4",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "sendmmsg",
    "shutdown",
    "getsockname",
    "setsockopt",
];
const WRITES: [&str; 24] = [
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "sendfile",
    "fallocate",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "chmod",
    "fchmod",
    "fchmodat",
    "utimensat",
    "creat",
];

/// How many calls of a run are of the network, of a lock, or write anything but the answer.
fn counts(test: Test, args: &[&str]) -> (Test, [usize; 3], usize) {
    let log = test.path("strace.log");
    let test = test.wrapped(&["strace", "-f", "-qq", "-o", log.to_str().unwrap()]);
    test.run(args).exits(0);
    let (mut counts, mut all) = ([0; 3], 0);
    for line in fs::read_to_string(log).unwrap().lines() {
        let Some((name, rest)) = line.split_once(' ').and_then(|(_, call)| call.trim_start().split_once('(')) else { continue };
        all += 1;
        let is_lock = name == "flock" || (name == "fcntl" && rest.contains("SETLK"));
        let opens_to_write = name.starts_with("open") && ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| rest.contains(flag));
        counts[0] += usize::from(NETWORK.contains(&name));
        counts[1] += usize::from(is_lock);
        counts[2] += usize::from(opens_to_write || (WRITES.contains(&name) && !(name == "write" && rest.starts_with("1,"))));
    }
    (test.wrapped::<&str>(&[]), counts, all)
}

pub fn system_calls(scale: Scale) -> Vec<Figure> {
    let issuer = Issuer::start();
    let (mut test, cold, _) = counts(Test::against(&issuer), &["get"]);
    control("network, locks and writes of a cold get", cold.iter().all(|count| *count > 0));
    let (mut found, mut all) = (0, 0);
    for _ in 0..scale.of(5, 50) {
        let (back, warm, calls) = counts(test, &["get"]);
        test = back;
        found += warm.iter().sum::<usize>();
        all += calls;
    }
    let control = format!("a cold get: {}, {}, {}", cold[0], cold[1], cold[2]);
    vec![Figure::none("warm get: network, lock, write calls", found, format!("{all} system calls"), control)]
}
