//! A panic of our own says that there is a bug, and not what it is about: that may be a secret.

use std::process::Command;

use token::ui::Bug;

const CANARY: &str = "canary4Panic7c1e0b";

/// The processes of this test are runs of this test: what panics in them, and after what.
const ACT: &str = "TOKEN_TEST_PANIC";

#[test]
fn a_panic_does_not_say_what_it_is_about() {
    if let Some(act) = std::env::var_os(ACT) {
        return act_out(act.to_str().unwrap());
    }
    for backtrace in ["0", "1", "full"] {
        for act in ["quiet", "whole", "thread"] {
            let said = said(act, backtrace);
            assert!(!said.contains(CANARY), "{act}, {backtrace}: {said}");
            assert!(said.contains("error: token has met a bug of its own"), "{act}, {backtrace}: {said}");
        }
        let said = said("plain", backtrace);
        assert!(said.contains(CANARY), "the search finds it where it is: {said}");
    }
}

/// What a process says on standard error that panics so.
fn said(act: &str, backtrace: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "panics::a_panic_does_not_say_what_it_is_about", "--nocapture", "--test-threads=1"]);
    let output = command.env(ACT, act).env("RUST_BACKTRACE", backtrace).output().unwrap();
    assert!(!output.status.success(), "it panicked");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(out.contains("running 1 test"), "{out}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn act_out(act: &str) {
    match act {
        "quiet" => Bug::keep_quiet(),
        "whole" | "thread" => Bug::install(),
        _ => {}
    }
    if act == "thread" {
        let panicked = std::thread::spawn(|| trip(CANARY)).join();
        assert!(panicked.is_err());
        std::process::exit(1);
    }
    trip(CANARY);
}

/// As a bug would: what is sliced in the wrong place is repeated by the panic.
fn trip(secret: &str) {
    let secret = format!("é{secret}");
    assert!(secret[1..].is_empty());
}
