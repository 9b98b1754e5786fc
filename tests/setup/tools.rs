//! The tools themselves read what was written, and call the program by it.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::home::{home, impersonate, says, setup};
use crate::support::Test;

/// Runs a tool in the home with this input, and returns what it says on standard output.
#[track_caller]
fn told(test: &Test, program: &str, words: &[&str], input: &str) -> String {
    let environment = test.command(&[]);
    let variables = environment.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    let mut command = Command::new(program);
    command.args(words).env_clear().envs(variables).env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1");
    command.current_dir(test.path("")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn git_asks_us_and_nobody_else() {
    let test = home();
    test.put(".gitconfig", "[credential]\n\thelper = \"!echo username=wrong; echo password=wrong; :\"\n", 0o644);
    setup(&test, "git --write").exits(0);
    let log = impersonate(&test, "echo username=oauth2; echo password=ours");
    let ask = |host: &str| told(&test, "git", &["credential", "fill"], &format!("protocol=https\nhost={host}\n\n"));
    for host in ["git.example.com", "a.example.org"] {
        assert!(ask(host).contains("password=ours\n"), "{host}: {}", ask(host));
    }
    assert!(ask("else.example.com").contains("password=wrong\n"));
    assert!(says(&log).lines().all(|call| call == "token helper git --profile prod get"), "{}", says(&log));
}

/// What was written, the links and the script lead to the program as each tool calls it, and it has a token for them.
#[test]
fn what_is_written_gets_a_token() {
    let table: [(&str, &str, &[&str], &str, &str); 8] = [
        ("git", "git", &["credential", "fill"], "protocol=https\nhost=git.example.com\n\n", "password=canary-token\n"),
        ("docker", "docker-credential-token", &["get"], "git.example.com", "\"Secret\":\"canary-token\""),
        ("docker -p prod", "docker-credential-token-prod", &["get"], "git.example.com", "\"Secret\":\"canary-token\""),
        ("keyring", "keyring", &["get", "https://git.example.com/simple/", "oauth2"], "", "canary-token\n"),
        ("bazel", "bazel-credential-token", &["get"], "{\"uri\":\"https://git.example.com/x\"}", "\"Bearer canary-token\""),
        ("vault", "vault-credential-token-prod", &["get"], "", "canary-token"),
        (
            "terraform",
            "../.terraform.d/plugins/terraform-credentials-token",
            &["--profile", "prod", "get", "git.example.com"],
            "",
            "canary-token",
        ),
        (
            "cargo",
            "cargo-credential-token",
            &["--cargo-plugin"],
            "{\"v\":1,\"registry\":{\"index-url\":\"sparse+https://git.example.com/\"},\"kind\":\"get\",\"operation\":\"read\",\"args\":[\"--profile\",\"prod\"]}\n",
            "\"token\":\"canary-token\"",
        ),
    ];
    for (tool, program, words, input, expected) in table {
        let test = home().env("UNSET", "canary-token");
        setup(&test, &format!("{tool} --write")).exits(0);
        let program = if program == "git" { program.into() } else { test.path("bin").join(program) };
        let answer = told(&test, program.to_str().unwrap(), words, input);
        assert!(answer.contains(expected), "{tool}: {answer:?}");
    }
}

/// The commands that go into files, as a shell and as the tool's own splitting run them.
#[test]
fn the_commands_that_are_written_are_ours() {
    let test = home().env("UNSET", "canary-token");
    setup(&test, "aws --write").exits(0);
    let line = says(&test.path(".aws/config"));
    let command = line.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap();
    assert_eq!(command, "token helper aws --profile prod");
    setup(&test, "kubectl --write").exits(0);
    let answer = told(&test, "token", &["helper", "kubectl", "--profile", "prod"], "");
    assert!(answer.contains("\"token\":\"canary-token\""), "{answer}");
    setup(&test, "goauth --write").exits(0);
    let answer = told(&test, "token", &["helper", "goauth", "--profile", "prod"], "");
    assert!(answer.contains("Authorization: Bearer canary-token"), "{answer}");
}

#[test]
fn git_asks_us_for_one_repository() {
    let test = home();
    told(&test, "git", &["init", "-q", "repository"], "");
    let path = test.path("repository/.git/config");
    let before = says(&path);
    let mut command = test.command(&["helper", "setup", "git", "--local", "--write"]);
    command.current_dir(test.path("repository"));
    test.start(command, &["helper", "setup", "git", "--local"]).finish().exits(0);
    assert!(says(&path).starts_with(&before) && says(&path).len() > before.len());
    assert!(!test.path(".gitconfig").exists());
}

#[test]
fn cargo_asks_us_for_its_registry() {
    let test = home();
    let root = std::env::var_os("RUSTUP_HOME").or_else(|| Some(std::env::home_dir()?.join(".rustup").into()));
    let test = test.env("RUSTUP_HOME", root.unwrap());
    test.put(".cargo/config.toml", "[registries.mine]\nindex = \"sparse+https://git.example.com/index/\"\n", 0o644);
    setup(&test, "cargo --write").exits(0);
    impersonate(&test, "echo '{\"v\":[1]}'; read request; echo \"$request\" > request; echo '{\"Ok\":{\"kind\":\"logout\"}}'");
    fs::remove_file(test.path("calls")).unwrap_or_default();
    told(&test, env!("CARGO"), &["logout", "--registry", "mine"], "");
    let request = says(&test.path("request"));
    assert!(request.contains("\"args\":[\"--profile\",\"prod\"]") && request.contains("git.example.com/index"), "{request:?}");
    assert_eq!(says(&test.path("calls")), "cargo-credential-token --cargo-plugin\n");
}
