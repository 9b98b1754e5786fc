//! `token helper` as other tools meet it: the exact bytes, which hosts, what becomes of a token that was refused, and what a hostile or a
//! broken consumer gets. Tests against the tools themselves are in `real/`.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

#[path = "protocols/conversation.rs"]
mod conversation;
#[path = "protocols/crowd.rs"]
mod crowd;
#[path = "protocols/exact.rs"]
mod exact;
#[path = "protocols/failures.rs"]
mod failures;
#[path = "protocols/hostile.rs"]
mod hostile;
#[path = "protocols/hosts.rs"]
mod hosts;
#[path = "protocols/names.rs"]
mod names;
#[path = "protocols/people.rs"]
mod people;
#[path = "protocols/refusal.rs"]
mod refusal;
#[path = "protocols/warm.rs"]
mod warm;

use support::{Issuer, QUICK, Test, profile};

/// The hosts of `prod`.
const HOSTS: &str = r#"hosts = ["git.example.com", "registry.example.com:5000", "index.docker.io", "k8s.example.com:6443",
    "crates.example.com", "*.svc.example.com"]
"#;

/// A home where `prod` is for [`HOSTS`].
fn home(issuer: &Issuer) -> Test {
    Test::configured(&format!("{QUICK}{}{HOSTS}", profile("prod", &issuer.endpoint())))
}

/// Runs the program as the child of a shell, so that no two runs have the same parent.
fn shelled(test: Test) -> Test {
    test.in_shell("\"$@\"; exit $?")
}

/// What a run is told and is to say: `token helper` with these arguments and this input.
struct Asked {
    name: &'static str,
    args: &'static [&'static str],
    input: &'static str,
}

const GIT: &str = "protocol=https\nhost=git.example.com\n\n";
const CARGO: &str =
    "{\"v\":1,\"registry\":{\"index-url\":\"sparse+https://crates.example.com/\"},\"kind\":\"get\",\"operation\":\"read\"}\n";

/// Every tool, asking for the token of `prod`; AWS aside, whose token is another.
const EVERY_TOOL: [Asked; 10] = [
    Asked { name: "kubectl", args: &["helper", "kubectl", "--profile", "prod"], input: "" },
    Asked { name: "git", args: &["helper", "git", "get"], input: GIT },
    Asked { name: "docker", args: &["helper", "docker", "get"], input: "registry.example.com:5000\n" },
    Asked { name: "google", args: &["helper", "google", "--profile", "prod"], input: "" },
    Asked { name: "cargo", args: &["helper", "cargo", "--cargo-plugin"], input: CARGO },
    Asked { name: "keyring", args: &["helper", "keyring", "get", "https://pypi.svc.example.com/simple/", "me"], input: "" },
    Asked { name: "terraform", args: &["helper", "terraform", "get", "a.svc.example.com"], input: "" },
    Asked { name: "bazel", args: &["helper", "bazel", "get"], input: "{\"uri\":\"https://cache.svc.example.com/\"}" },
    Asked { name: "goauth", args: &["helper", "goauth", "--profile", "prod"], input: "" },
    Asked { name: "vault", args: &["helper", "vault", "--profile", "prod", "get"], input: "" },
];

fn tool_name(asked: &Asked) -> &str {
    asked.name
}
