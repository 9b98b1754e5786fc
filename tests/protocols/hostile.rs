//! Whatever a consumer, or somebody in its place, sends: an answer of the protocol, never a panic, a token or prose on standard output.

use std::process::Stdio;

use super::{EVERY_TOOL, home};
use crate::support::cases::each;
use crate::support::{Issuer, Outcome};

/// Tools that read their input, and the words they are called with.
const READERS: [(&str, &[&str]); 5] = [
    ("git", &["helper", "git", "get"]),
    ("docker", &["helper", "docker", "get"]),
    ("bazel", &["helper", "bazel", "get"]),
    ("cargo", &["helper", "cargo", "--cargo-plugin"]),
    ("goauth", &["helper", "goauth", "https://elsewhere.example.com/"]),
];

fn inputs() -> Vec<Vec<u8>> {
    let long = "x".repeat(65_536);
    let texts = [
        String::new(),
        "\n".to_owned(),
        "\0".to_owned(),
        "\r\n".to_owned(),
        "protocol=https\nhost=git.example.com\r\n\r\n".to_owned(),
        "protocol=https\nhost=git.example.com\0.evil.com\n\n".to_owned(),
        "protocol=https\nhost=git.example.com\nhost=evil.com\n\n".to_owned(),
        format!("protocol=https\nhost={long}\n\n"),
        format!("https://{long}/"),
        "registry.example.com:5000\0".to_owned(),
        "registry.example.com:5000\nevil.com".to_owned(),
        "{".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "{\"uri\":null}".to_owned(),
        "{\"uri\":\"https://git.example.com\\u0000\"}".to_owned(),
        "{\"uri\":\"https://git.example.com\",\"uri\":\"https://evil.com\"}".to_owned(),
        format!("{{\"uri\":\"https://{long}\"}}"),
        "[".repeat(100_000),
        "{\"v\":1}\n".to_owned(),
        "{\"v\":9,\"kind\":\"get\",\"registry\":{\"index-url\":\"sparse+https://crates.example.com\"}}\n".to_owned(),
        format!("{{\"v\":1,\"kind\":\"get\",\"registry\":{{\"index-url\":\"{long}\"}}}}\n"),
        "HTTP/1.1 401 \0\n".to_owned(),
        "x".repeat(2 << 20),
    ];
    texts.into_iter().map(String::into_bytes).chain([vec![0xff, 0xfe, b'\n']]).collect()
}

/// What was said is of the protocol, and holds no token.
#[track_caller]
fn is_of_protocol(tool: &str, outcome: &Outcome) {
    let stdout = outcome.stdout();
    assert!(outcome.code.is_some_and(|code| code <= 2), "{outcome}");
    outcome.is_polite();
    assert!(!stdout.contains("token-1"), "{outcome}");
    let is_fit = match tool {
        "docker" => stdout == "credentials not found in native keychain\n" && outcome.code == Some(1),
        "cargo" => stdout.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()) && outcome.code == Some(0),
        "bazel" => (stdout == "{}\n" && outcome.code == Some(0)) || (stdout.is_empty() && outcome.code == Some(2)),
        _ => stdout.is_empty() && outcome.code == Some(0),
    };
    assert!(is_fit, "{outcome}");
}

#[test]
fn no_input_gets_more_than_the_protocol_has() {
    each(
        &READERS,
        |(tool, _)| tool,
        |(tool, args)| {
            let issuer = Issuer::start();
            let test = home(&issuer).named(tool);
            for input in inputs() {
                let mut file = tempfile::tempfile().unwrap();
                std::io::Write::write_all(&mut file, &input).unwrap();
                std::io::Seek::rewind(&mut file).unwrap();
                let mut command = test.command(args);
                command.stdin(file);
                is_of_protocol(tool, &test.start(command, args).finish());
            }
            assert_eq!(issuer.count(), 0);
        },
    );
}

#[test]
fn a_stdin_that_cannot_be_read_is_an_error() {
    each(
        &READERS,
        |(tool, _)| tool,
        |(tool, args)| {
            let issuer = Issuer::start();
            // The second is a folder.
            for (line, why) in [("exec \"$@\" <&-", "bad file descriptor"), ("exec \"$@\" < .", "is a directory")] {
                let outcome = home(&issuer).named(tool).in_shell(line).run(args);
                outcome.exits(2).is_polite().mentions("standard input").mentions(why);
                assert!(!outcome.stdout().contains("token-1"), "{outcome}");
            }
            assert_eq!(issuer.count(), 0);
        },
    );
}

/// What is in the environment is no better than what is sent.
#[test]
fn the_environment_is_not_trusted() {
    let cases = [
        ("kubectl", "KUBERNETES_EXEC_INFO", "{"),
        ("kubectl", "KUBERNETES_EXEC_INFO", "{\"apiVersion\":\"client.authentication.k8s.io/v9\"}"),
        (
            "kubectl",
            "KUBERNETES_EXEC_INFO",
            "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{\"cluster\":{\"server\":\"\\u0000\"}}}",
        ),
        ("google", "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", "\u{1b}[31m\"}"),
        ("cargo", "CARGO_REGISTRY_INDEX_URL", "\r\nhttps://crates.example.com"),
    ];
    let issuer = Issuer::start();
    for (tool, name, value) in cases {
        let test = home(&issuer).named(tool).env(name, value);
        let outcome = test.run(&["helper", tool, "--profile", "prod"]);
        outcome.is_polite();
        assert!(!outcome.stdout().contains("token-"), "{outcome}");
        assert!(!outcome.stdout().trim_end().contains(char::is_control), "{outcome}");
        assert_eq!(outcome.code == Some(0), tool == "google", "{outcome}");
        if tool == "google" {
            assert_eq!(outcome.json()["success"], false);
            outcome.exits(0);
            assert_eq!(outcome.stderr, "");
        }
    }
}

#[test]
fn wrong_words_are_refused() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    for args in [
        &["helper"][..],
        &["helper", "gitt", "get"],
        &["helper", "git"],
        &["helper", "bazel", "list"],
        &["helper", "bazel"],
        &["helper", "terraform", "get"],
        &["helper", "terraform", "list", "git.example.com"],
        &["helper", "vault", "--profile", "prod"],
        &["helper", "keyring", "del", "git.example.com", "me"],
        &["helper", "git", "--profile", "nobody", "get"],
    ] {
        let outcome = test.fed(args, super::GIT);
        outcome.exits(2).prints("").is_polite();
        assert!(!outcome.stderr.is_empty(), "{outcome}");
    }
    // To docker all is said on standard output.
    let outcome = test.run(&["helper", "docker", "frobnicate"]);
    outcome.exits(2).is_polite();
    assert!(outcome.stdout().starts_with("Unknown credential action `frobnicate`"), "{outcome}");
    assert_eq!(issuer.count(), 0);
}

/// A consumer that does not end its input ends no more than its own call.
#[test]
fn git_need_not_close_its_end() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    let mut command = test.command(&["helper", "git", "get"]);
    let (reader, mut writer) = std::io::pipe().unwrap();
    command.stdin(Stdio::from(reader));
    std::io::Write::write_all(&mut writer, super::GIT.as_bytes()).unwrap();
    let outcome = test.start(command, &["helper", "git", "get"]).finish();
    outcome.exits(0);
    assert!(outcome.stdout().contains("password=token-1"), "{outcome}");
    drop(writer);
}

/// A control character in what is configured cannot get this far; one in what is obtained neither.
#[test]
fn a_token_that_would_end_a_line_is_no_token() {
    each(&EVERY_TOOL, super::tool_name, |asked| {
        let issuer = Issuer::answering(crate::support::Reply::json("{\"access_token\":\"token-1\\nhost=evil.com\",\"expires_in\":3600}"));
        let outcome = home(&issuer).named(asked.name).fed(asked.args, asked.input);
        assert!(!outcome.stdout().contains("evil"), "{outcome}");
        outcome.is_polite();
    });
}
