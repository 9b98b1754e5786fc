//! What some tests need of the machine. A test that cannot run says so, and passes only where it was told it may.

use std::path::Path;
use std::process::Command;

/// Whoever nobody is.
pub const NOBODY: u32 = 65534;

/// A user that does not exist.
pub const STRANGER: u32 = 12345;

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether to go on: true for root; false, with a line, where `TOKEN_TEST_UNPRIVILEGED=1` allows it; else a failure.
#[track_caller]
pub fn root_for(what: &str) -> bool {
    allowed(is_root(), &format!("root, for {what}"))
}

/// Whether `strace` is here and may trace.
#[track_caller]
pub fn strace_for(what: &str) -> bool {
    let works = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output().is_ok_and(|output| output.status.success());
    allowed(works, &format!("a working strace, for {what}"))
}

#[track_caller]
fn allowed(met: bool, need: &str) -> bool {
    if met {
        return true;
    }
    let excused = std::env::var_os("TOKEN_TEST_UNPRIVILEGED").is_some_and(|value| value == "1");
    assert!(excused, "this test needs {need}; TOKEN_TEST_UNPRIVILEGED=1 skips it");
    eprintln!("skipped: needs {need}");
    false
}

/// A tmpfs at `path` until dropped.
pub struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    pub fn tmpfs(path: &'a Path, options: &str) -> Self {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).status();
        assert!(done.unwrap().success(), "mount failed: this test needs CAP_SYS_ADMIN");
        Self(path)
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}
