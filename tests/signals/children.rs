//! What signals mean to the programs that we run: what they mean to every program.

use std::fs;

use rustix::process::Signal;

use crate::shell;
use crate::support::{Issuer, Test, cases, profile};

/// Writes which signals it would not hear.
const LOOK: &str = "grep -E 'Sig(Ign|Blk)' /proc/self/status >heard";

/// A program that writes into a pipe that nobody reads any more has to end, as everywhere; ours tells so instead.
#[test]
fn no_child_is_deaf() {
    let issuer = Issuer::start();
    let prod = profile("prod", &issuer.endpoint());
    let exec = format!("[profile.prod]\nsource = \"exec\"\n{}", shell("command", &format!("{LOOK}; echo token-1")));
    let interactive = format!("{exec}interactive = true\n");
    let secret = format!("client_secret = {{ command = [\"sh\", \"-c\", '''{LOOK}; echo secret'''] }}");
    let look = ["run", "--", "sh", "-c", LOOK];
    let cases: [(&str, String, &[&str]); 5] = [
        ("run", prod.clone(), &look),
        ("a command", exec, &["get"]),
        ("an interactive command", interactive, &["get"]),
        ("a command for a secret", prod.replace(&format!("client_secret = \"{}\"", crate::support::SECRET), &secret), &["get"]),
        ("a hook", prod + &shell("on_renew", LOOK), &["get"]),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, config, args)| {
            let test = Test::configured(config).named(name);
            test.run(args).exits(0);
            let heard = fs::read_to_string(test.path("heard")).unwrap();
            let masks: Vec<_> =
                heard.lines().map(|line| u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap()).collect();
            let deaf = [Signal::PIPE, Signal::XFSZ, Signal::TERM, Signal::INT, Signal::HUP].map(|signal| 1u64 << (signal.as_raw() - 1));
            assert_eq!(masks.len(), 2, "{heard}");
            assert!(deaf.iter().all(|signal| masks.iter().all(|mask| mask & signal == 0)), "{name}: {heard}");
        },
    );
}

/// What `nohup` asked for reaches them all the same.
#[test]
fn what_was_ignored_stays_ignored() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer).in_shell("trap '' HUP; exec \"$@\"");
    test.run(&["run", "--", "sh", "-c", LOOK]).exits(0);
    let heard = fs::read_to_string(test.path("heard")).unwrap();
    let ignored = heard.lines().find(|line| line.starts_with("SigIgn")).unwrap().split_whitespace().last().unwrap().to_owned();
    assert_eq!(u64::from_str_radix(&ignored, 16).unwrap() & 1, 1, "{heard}");
}
