//! Which browser opens, with what, and what happens where none does.

use rustix::process::{Pid, test_kill_process};

use crate::provider::{Provider, get, log_in_at};
use crate::session::{Session, home, opened, program};
use crate::support::{Test, wait_until};

const OPEN: &str = "log in with the browser that opens";
const BY_HAND: &str = "open this address in a browser and log in";

/// Leaves its arguments, one a line, in the file that is named first.
const NAMED: &str = "#!/bin/sh\nfile=$1\nshift\nprintf '%s\\n' \"$@\" >\"$file.new\"\nmv \"$file.new\" \"$file\"\n";

/// A home without a browser of its own, where the system's would be this one.
fn home_with_system_browser(provider: &Provider, keys: &str) -> Test {
    let test = home(&provider.profile(keys));
    std::fs::create_dir(test.path("bin")).unwrap();
    program(&test, "bin/xdg-open", "#!/bin/sh\nprintf '%s\\n' \"$@\" >opened.new\nmv opened.new opened\n");
    let path = format!("{}:{}", test.path("bin").display(), std::env::var("PATH").unwrap());
    test.env("PATH", path)
}

#[test]
fn the_system_opens_one_where_somebody_sits_before_its_screen() {
    let table: [(&[(&str, &str)], bool); 4] = [
        (&[("DISPLAY", ":7")], true),
        (&[("WAYLAND_DISPLAY", "wayland-0")], true),
        (&[], false),
        (&[("DISPLAY", ":7"), ("SSH_CONNECTION", "::1 1 ::1 22")], false),
    ];
    for (environment, opens) in table {
        let provider = Provider::start();
        let mut test = home_with_system_browser(&provider, "");
        for (name, value) in environment {
            test = test.env(name, value);
        }
        let session = Session::start(&test, &["get"]);
        let address = session.shown();
        assert!(session.seen().contains(if opens { OPEN } else { BY_HAND }), "{environment:?}");
        if opens {
            assert_eq!(session.opened(), address);
        }
        get(&log_in_at(&address));
        session.finish().exits(0);
        assert_eq!(opened(&test).is_some(), opens, "{environment:?}");
    }
}

#[test]
fn the_environment_names_one_and_the_profile_overrules_it() {
    let provider = Provider::start();
    let test = home_with_system_browser(&provider, "").env("DISPLAY", ":7").env("BROWSER", "./missing --x:./named arguments -a --url=%s");
    program(&test, "named", NAMED);
    let session = Session::start(&test, &["get"]);
    let address = session.shown();
    wait_until("its arguments", || test.path("arguments").exists());
    assert_eq!(read(&test, "arguments"), format!("-a\n--url={address}\n"));
    get(&log_in_at(&address));
    session.finish().exits(0);
    assert_eq!(opened(&test), None, "the system was not asked");

    let test = test.env("BROWSER", "./named arguments");
    test.configure(&provider.profile("browser = [\"./named\", \"mine\", \"-b c\"]"));
    test.run(&["purge"]).exits(0);
    let session = Session::start(&test, &["get"]);
    let address = session.shown();
    wait_until("its arguments", || test.path("mine").exists());
    assert_eq!(read(&test, "mine"), format!("-b c\n{address}\n"));
    get(&log_in_at(&address));
    session.finish().exits(0);
}

fn read(test: &Test, name: &str) -> String {
    std::fs::read_to_string(test.path(name)).unwrap_or_default()
}

#[test]
fn one_that_cannot_be_started_or_fails_leaves_it_to_the_person() {
    for browser in ["[\"./missing\"]", "[\"false\"]"] {
        let provider = Provider::start();
        let test = home(&provider.profile(&format!("browser = {browser}")));
        let session = Session::start(&test, &["get"]);
        session.sees(BY_HAND);
        get(&log_in_at(&session.shown()));
        session.finish().exits(0);
        assert_eq!(test.answer(), "token-1\n", "{browser}");
    }
}

/// It is no child that dies with us, has no part of our terminal, and Ctrl-C is not meant for it.
#[test]
fn one_that_is_open_stays_open() {
    for key in ["\u{3}", ""] {
        let provider = Provider::start();
        let test = home(&provider.profile("browser = [\"./stays\"]"));
        program(
            &test,
            "stays",
            "#!/bin/sh\nls -l /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 >streams 2>&1\necho $$ >stays.pid\nexec sleep 20\n",
        );
        let mut session = Session::start(&test, &["get"]);
        let address = session.shown();
        wait_until("the browser", || read(&test, "stays.pid").ends_with('\n'));
        if key.is_empty() {
            get(&log_in_at(&address));
        } else {
            session.type_in(key);
        }
        session.finish().exits(if key.is_empty() { 0 } else { 130 });

        let pid = Pid::from_raw(read(&test, "stays.pid").trim().parse().unwrap()).unwrap();
        assert!(test_kill_process(pid).is_ok(), "it has gone");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let streams = read(&test, "streams");
        assert!(!streams.contains("/dev/pts") && !streams.contains("/dev/tty") && streams.contains("/dev/null"), "{streams}");
    }
}
