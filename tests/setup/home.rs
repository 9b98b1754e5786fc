//! A home with a profile, a program on the path, and what a tool keeps there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Outcome, Test};

/// Two profiles; only one has hosts.
pub const CONFIG: &str = "default = \"prod\"\n\
    [profile.prod]\nsource = \"env\"\nvariable = \"UNSET\"\nhosts = [\"git.example.com\", \"*.example.org\"]\n\
    [profile.bare]\nsource = \"env\"\nvariable = \"UNSET\"\n\
    [profile.other]\nsource = \"env\"\nvariable = \"UNSET\"\nhosts = [\"other.example.com\"]\n";

/// The program is `token` in a directory of its own on the path.
pub fn home() -> Test {
    Test::configured(CONFIG).on_path()
}

/// Runs `token helper setup` with these words.
#[track_caller]
pub fn setup(test: &Test, words: &str) -> Outcome {
    let words: Vec<&str> = ["helper", "setup"].into_iter().chain(words.split(' ')).collect();
    let outcome = test.run(&words);
    outcome.is_polite().is_brief();
    outcome
}

/// What a file says; nothing where there is none.
pub fn says(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Puts a script in the place of the program, which notes how it is called and says this.
pub fn impersonate(test: &Test, says: &str) -> PathBuf {
    let (program, log) = (test.path("bin/token"), test.path("calls"));
    let script = format!("#!/bin/sh\ncat > /dev/null &\necho \"${{0##*/}} $*\" >> {}\n{says}\n", log.display());
    fs::remove_file(&program).unwrap();
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    log
}
