//! Somebody presses Tab: in a real bash, zsh, fish and elvish, and as each of them asks the program. PowerShell is in no package of Debian's: that its
//! file is printed is all that is held.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod completions {
    pub mod shell;
}
mod support;

use std::fs;

use completions::shell::{Kind, Shell};
use support::Test;

const SOURCE: &str = "source = \"env\"\nvariable = \"WHATEVER\"\n";

/// What is typed, up to Enter, and what the program is called with. `\t` is Tab.
const LINES: [(&str, &str); 28] = [
    ("token stat\t", "status|"),
    ("token get pro\t", "get|prod|"),
    ("token get v1.\t", "get|v1.2|"),
    ("token get me\t", "get|me@example.com|"),
    ("token get me@ex\t", "get|me@example.com|"),
    ("token renew prod me@\t", "renew|prod|me@example.com|"),
    ("token -p stag\t status", "-p|staging|status|"),
    ("token --profile=stag\t status", "--profile=staging|status|"),
    ("token get --off\t", "get|--offline|"),
    ("token get prod -o j\t", "get|prod|-o|json|"),
    ("token get prod --output=h\t", "get|prod|--output=header|"),
    ("token --config oth\t status", "--config|other.toml|status|"),
    ("token --config=oth\t status", "--config=other.toml|status|"),
    ("token --config other.toml get else\t", "--config|other.toml|get|elsewhere|"),
    ("token --config=other.toml get else\t", "--config=other.toml|get|elsewhere|"),
    ("token purge kep\t", "purge|kept-entry|"),
    ("token status kep\t", "status|kept-entry|"),
    ("token get kep\t", "get|kep|"),
    ("token helper terr\t", "helper|terraform|"),
    ("token helper setup kube\t --conte\t work", "helper|setup|kubectl|--context|work|"),
    ("token helper setup git --bin-dir unus\t", "helper|setup|git|--bin-dir|unusual-folder|"),
    ("token run --env UNLIKELY_\t x -- true", "run|--env|UNLIKELY_NAME|x|--|true|"),
    ("token run prod -- my-log\t", "run|prod|--|my-login-script|"),
    ("token get -- cat oth\t", "get|--|cat|other.toml|"),
    ("token completions pow\t", "completions|powershell|"),
    ("token man conf\t", "man|config.5|"),
    ("token help rene\t", "help|renew|"),
    ("token get nobody\t", "get|nobody|"),
];

/// Somebody with a few profiles, a cache entry that belongs to none, and some files.
fn home() -> Test {
    let profiles = ["prod", "staging", "\"me@example.com\"", "\"v1.2\"", "unseen"];
    let config: String = profiles.iter().flat_map(|name| ["[profile.", name, "]\n", SOURCE]).collect();
    let test = Test::configured(&config).env("UNLIKELY_NAME", "x");
    test.put("other.toml", &format!("[profile.elsewhere]\n{SOURCE}"), 0o600);
    test.put("bin/my-login-script", "#!/bin/sh\n", 0o700);
    fs::create_dir(test.path("unusual-folder")).unwrap();
    test.run(&["get", "--name", "kept-entry", "--", "echo", "kept"]).exits(0);
    test
}

fn complete_in(kind: Kind) {
    let mut shell = Shell::start(kind, home());
    for (keys, called) in LINES.iter().filter(|(keys, _)| kind != Kind::Elvish || !has_an_option_of_one_word(keys)) {
        // zsh takes the slash of a directory back when the line is entered.
        assert_eq!(shell.enter(keys).replace("/|", "|"), *called, "{kind:?}: {keys:?}");
    }
    // All that there is to choose from.
    shell.lists("token get \t\t", &["unseen", "staging", "v1.2", "me@example.com", "prod"]);
    shell.kill();
}

/// elvish puts such a word in quotes, and then wants Enter twice.
fn has_an_option_of_one_word(keys: &str) -> bool {
    keys.split_once('\t').is_some_and(|(before, _)| before.split(' ').next_back().is_some_and(|word| word.contains('=')))
}

#[test]
fn bash_completes() {
    complete_in(Kind::Bash);
}

#[test]
fn bash_completes_with_bash_completion() {
    complete_in(Kind::BashCompletion);
}

#[test]
fn zsh_completes() {
    complete_in(Kind::Zsh);
}

#[test]
fn fish_completes() {
    complete_in(Kind::Fish);
}

#[test]
fn elvish_completes() {
    complete_in(Kind::Elvish);
}

/// It completes no names, and says nothing into the line.
#[test]
fn a_broken_configuration_is_silent() {
    for kind in Kind::ALL {
        let test = home();
        test.configure("[profile.prod]\nsource = \"nothing\"\n$(touch ruined)");
        let mut shell = Shell::start(kind, test);
        assert_eq!(shell.enter("token get pro\t"), "get|pro|", "{kind:?}");
        assert_eq!(shell.enter("token stat\t"), "status|", "{kind:?}");
        let shown = shell.end();
        for word in ["hint", "config.toml", "nothing", "ruined"] {
            assert!(!shown.stdout().contains(word), "{kind:?} says {word}{shown}");
        }
    }
}

/// What a shell asks: it says something only to that, and it touches nothing.
#[test]
fn asking_for_candidates_leaves_no_trace() {
    let test = home();
    let log = test.path("calls");
    let strace = ["strace", "-f", "-o", log.to_str().unwrap(), "-e", "trace=%network,%file,flock,fcntl,ftruncate,fork,vfork,clone,clone3"];
    let test = test.wrapped(&strace);
    for typed in ["", "kep"] {
        let outcome = test.run(&["completions", &format!("--candidates={typed}"), "--", "purge"]);
        outcome.exits(0);
        assert!(outcome.stdout().contains("kept-entry\t") && outcome.stderr.is_empty(), "{outcome}");
        let calls = fs::read_to_string(&log).unwrap();
        assert!(calls.contains("openat("), "nothing was seen: {calls}");
        let is_trace = |call: &&str| {
            ["O_WRONLY", "O_RDWR", "O_CREAT", "F_SETLK", "F_OFD"].iter().any(|flag| call.contains(flag))
                || !["open", "stat", "newfstatat", "access", "readlink", "execve", "getcwd", "fcntl", "+++", "statx"]
                    .iter()
                    .any(|name| call.split_once(' ').is_some_and(|(_, call)| call.trim_start().starts_with(name)))
        };
        let traces: Vec<&str> = calls.lines().filter(is_trace).collect();
        assert!(traces.is_empty(), "{traces:#?}");
    }
}

/// No variable of the environment, whatever others use it for, makes a script's `get` one that completes.
#[test]
fn no_variable_turns_a_command_into_a_question() {
    let test = home().env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "1").env("TOKEN_COMPLETE", "bash").env("WHATEVER", "the-answer");
    test.run(&["get", "prod"]).gives("the-answer");
    test.run(&["completions", "--candidates=x", "get"]).exits(2);
    test.run(&["completions", "--", "get"]).exits(2);
    assert!(!test.run(&["completions", "--help"]).exits(0).stdout().contains("candidates"));
}
