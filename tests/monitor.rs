//! The unit for systemd, as systemd itself reads it.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

const UNIT: &str = ".packaging/token-watch.service";

/// What systemd says of a unit with this text; `None` where there is no systemd.
fn verified(unit: &str) -> Option<Output> {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("token-watch.service");
    fs::write(&file, unit).unwrap();
    let mut verify = Command::new("systemd-analyze");
    // The manual is looked for among those installed, where ours is not yet.
    verify.args(["verify", "--user", "--man=no"]).arg(&file);
    match verify.env("HOME", home.path()).env("XDG_RUNTIME_DIR", home.path()).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("systemd-analyze: {error}"),
    }
}

fn unit() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(UNIT)).unwrap()
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let Some(output) = verified(&unit()) else { return eprintln!("not run: there is no systemd-analyze") };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{}: {told}", output.status);
}

/// The test above can fail.
#[test]
fn systemd_finds_what_is_wrong_with_a_unit() {
    for (right, wrong) in [("NoNewPrivileges=", "NoNewPrivilege="), ("/bin/sh", "/bin/no-shell"), ("WatchdogSec=90", "WatchdogSec=x")] {
        let text = unit();
        assert!(text.contains(right), "{right}");
        let Some(output) = verified(&text.replace(right, wrong)) else { return eprintln!("not run: there is no systemd-analyze") };
        assert!(!output.status.success() || !output.stderr.is_empty(), "{wrong}");
    }
}
