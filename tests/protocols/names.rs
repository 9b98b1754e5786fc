//! Called by the name under which a consumer looks for its helper, the program is that helper.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::{CARGO, GIT, home};
use crate::support::cases::each;
use crate::support::{Issuer, Test};

struct Named {
    name: &'static str,
    args: &'static [&'static str],
    input: &'static str,
    begins: &'static str,
}

/// The program under this name, in a folder of the test.
fn called(test: &Test, name: &str) -> PathBuf {
    let path = test.path(name);
    symlink(env!("CARGO_BIN_EXE_token"), &path).unwrap();
    path
}

#[test]
fn a_name_stands_for_a_helper() {
    const DOCKER: &str = "{\"ServerURL\":\"registry.example.com:5000\",\"Username\":\"oauth2\",\"Secret\":\"token-1\"}\n";
    let cases = [
        Named { name: "git-credential-token", args: &["get"], input: GIT, begins: "username=oauth2\npassword=token-1\n" },
        Named { name: "git-credential-token", args: &["--profile", "prod", "get"], input: GIT, begins: "username=oauth2\n" },
        Named { name: "docker-credential-token", args: &["get"], input: "registry.example.com:5000", begins: DOCKER },
        Named { name: "docker-credential-token-prod", args: &["get"], input: "registry.example.com:5000", begins: DOCKER },
        Named { name: "cargo-credential-token", args: &["--cargo-plugin"], input: CARGO, begins: "{\"v\":[1]}\n{\"Ok\":{\"kind\":\"get\"" },
        Named { name: "token", args: &["--cargo-plugin"], input: CARGO, begins: "{\"v\":[1]}\n{\"Ok\":{\"kind\":\"get\"" },
        Named { name: "terraform-credentials-token", args: &["get", "git.example.com"], input: "", begins: "{\"token\":\"token-1\"}\n" },
        Named { name: "keyring", args: &["get", "https://git.example.com/simple", "me"], input: "", begins: "token-1\n" },
        Named { name: "bazel-credential-token", args: &["get"], input: "{\"uri\":\"https://git.example.com\"}", begins: "{\"headers\":" },
        Named { name: "token", args: &["get"], input: "", begins: "token-1\n" },
    ];
    each(
        &cases,
        |case| case.name,
        |case| {
            let issuer = Issuer::start();
            let test = home(&issuer).named(case.name);
            let program = called(&test, case.name);
            let test = test.calling(program);
            for _ in ["cold", "warm"] {
                let outcome = test.fed(case.args, case.input);
                outcome.exits(0).is_polite();
                assert!(outcome.stdout().starts_with(case.begins), "{outcome}");
            }
            assert_eq!(issuer.count(), 1);
        },
    );
}

#[test]
fn a_profile_in_the_name_is_the_only_one_asked() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    let program = called(&test, "docker-credential-token-other");
    let outcome = test.calling(program).fed(&["get"], "registry.example.com:5000");
    outcome.exits(2).is_polite();
    assert!(outcome.stdout().starts_with("other: there is no such profile"), "{outcome}");
    assert_eq!(issuer.count(), 0);
}
