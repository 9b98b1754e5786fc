//! A configuration says what is run in the user's name: it is the user's, or root's, and nobody else's to change. And it is waited for no
//! longer than anything else.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use rustix::fs::{CWD, FileType, mknodat};

use crate::support::home::give_away;
use crate::support::privilege::{NOBODY, STRANGER, root_for};
use crate::support::{Test, cases};

const CONFIG: &str = "[profile.prod]\nsource = \"exec\"\ncommand = [\"echo\", \"token-of-mine\"]\n";
const PLACE: &str = "config/token/config.toml";

#[test]
fn what_anybody_can_change_is_refused() {
    for (mode, is_refused) in [(0o600, false), (0o644, false), (0o664, false), (0o602, true), (0o646, true), (0o666, true), (0o777, true)] {
        let test = Test::configured(CONFIG).named(&format!("{mode:o}"));
        fs::set_permissions(test.path(PLACE), fs::Permissions::from_mode(mode)).unwrap();
        let outcome = test.get();
        if is_refused {
            outcome.fails(2, &format!("{mode:04o}")).mentions("config.toml").mentions("anybody can change it");
        } else {
            outcome.exits(0).prints("token-of-mine\n");
        }
    }
}

#[test]
fn what_another_user_can_change_is_refused_whoever_asks() {
    if !root_for("files of other users") {
        return;
    }
    for (owner, as_nobody, is_refused) in
        [(0, false, false), (STRANGER, false, true), (NOBODY, true, false), (0, true, false), (STRANGER, true, true)]
    {
        let test = Test::configured(CONFIG).named(&format!("of {owner}, as nobody: {as_nobody}"));
        let test = if as_nobody { test.handed_to_nobody() } else { test };
        chown(test.path(PLACE), Some(owner), None).unwrap();
        fs::set_permissions(test.path(PLACE), fs::Permissions::from_mode(0o644)).unwrap();
        for args in [&["get"][..], &["renew"], &["status"], &["watch", "--once"]] {
            let outcome = test.run(args);
            if is_refused {
                outcome.fails(2, &format!("user {owner}")).mentions("config.toml");
            } else {
                outcome.exits(0);
            }
        }
    }
}

/// Where root cannot be told from others, as in a unit of systemd with `PrivateUsers=`, what may be root's is taken for that.
#[test]
fn what_root_owns_is_trusted_where_root_is_not_known() {
    const HIDDEN: [&str; 7] = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "unshare", "--user", "--map-current-user"];
    if !root_for("running as another user") {
        return;
    }
    let test = Test::configured(CONFIG).handed_to_nobody();
    give_away(&test.path(""), 65533);
    chown(test.path(PLACE), Some(0), None).unwrap();
    fs::set_permissions(test.path(PLACE), fs::Permissions::from_mode(0o644)).unwrap();
    let test = test.wrapped(&HIDDEN);
    let mut look = test.other(HIDDEN[0], &HIDDEN[1..]);
    let seen = look.args(["stat", "--format=%u", PLACE]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&seen.stdout), "65534\n", "this test needs user namespaces: {seen:?}");
    test.get().exits(0).prints("token-of-mine\n");
    // Where everybody is known, nobody is somebody.
    chown(test.path(PLACE), Some(NOBODY), None).unwrap();
    test.wrapped(&HIDDEN[..4]).get().fails(2, "user 65534");
}

/// What a shell's `<(…)` hands over, and what never comes.
#[test]
fn a_pipe_is_read_and_not_waited_for_for_ever() {
    let run = |case: &str, line: &str| {
        let test = Test::bare().named(case).in_shell(line);
        mknodat(CWD, test.path("fifo"), FileType::Fifo, 0o600.into(), 0).unwrap();
        fs::write(test.path("config.toml"), CONFIG).unwrap();
        test.run(&["get"])
    };
    let read = [
        ("what comes late", "(sleep 0.3; cat config.toml >fifo) & exec \"$@\" --config fifo"),
        ("in pieces", "(head -c 20 config.toml; sleep 0.2; tail -c +21 config.toml) >fifo & exec \"$@\" --config fifo"),
        ("standard input", "exec \"$@\" --config /dev/stdin <config.toml"),
        ("a pipe", "cat config.toml | \"$@\" --config /dev/stdin"),
    ];
    cases::each(&read, |case| case.0, |(case, line)| _ = run(case, line).exits(0).prints("token-of-mine\n"));
    let never = [("nobody writes", "exec \"$@\" --config fifo"), ("nothing is written", "exec 3<>fifo; exec \"$@\" --config fifo")];
    cases::each(
        &never,
        |case| case.0,
        |(case, line)| _ = run(case, line).fails(2, "fifo").mentions("within the time limit").within(Duration::from_secs(5)),
    );
    let more = [("a device", "exec \"$@\" --config /dev/zero"), ("a pipe", "yes '#' | \"$@\" --config /dev/stdin")];
    cases::each(&more, |case| case.0, |(case, line)| _ = run(case, line).fails(2, "4 MiB").stays_small());
    run("a folder", "exec \"$@\" --config .").fails(2, "cannot read");
    Test::bare().run(&["status", "--config", "/dev/null"]).exits(0);
}
