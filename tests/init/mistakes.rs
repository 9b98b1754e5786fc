//! What is missing is named at once, what is wrong by its option, and nothing is written.

use serde_json::json;

use crate::home::{CLIENT_GRANT, CODE_GRANT, DEVICE_GRANT, init, issuer, nothing_written, offering};
use crate::support::{SECRET, Test};

#[test]
fn all_that_is_missing_is_named_at_once() {
    let secret = "--client-secret-file FILE (or -env, -command, -stdin)";
    let machine = offering(&[CLIENT_GRANT]);
    let people = issuer(&json!({ "grant_types_supported": [CODE_GRANT, DEVICE_GRANT] }));
    let other = issuer(&json!({ "grant_types_supported": ["password"] }));
    let (machine, people, other) = (machine.url(), people.url(), other.url());
    let table: [(&[&str], String); 7] = [
        (&[], "ISSUER (or -- COMMAND), --client-id ID".to_owned()),
        (&["--source", "client-credentials"], format!("ISSUER (or -- COMMAND), --client-id ID, {secret}")),
        (&[&machine], format!("--client-id ID, {secret}")),
        (&[&machine, "--client-id", "x"], secret.to_owned()),
        (&[&people], "--source KIND, --client-id ID".to_owned()),
        (&[&other, "--client-id", "x"], "--source KIND".to_owned()),
        (&["--token-endpoint", "https://x/t", "--source", "device-code"], "--device-authorization-endpoint URL, --client-id ID".to_owned()),
    ];
    for (words, missing) in table {
        let test = Test::bare();
        let outcome = init(&test, words);
        outcome.fails(2, &format!("nobody is there to be asked for {missing}\n"));
        nothing_written(&test, &outcome);
    }
}

#[test]
fn what_is_wrong_is_told_by_its_option() {
    let machine = offering(&[CLIENT_GRANT]);
    let url = machine.url();
    let with = |words: &[&'static str]| -> Vec<String> {
        let usual = [url.as_str(), "--client-id", "x", "--client-secret-env", "S"];
        usual.iter().chain(words).map(|word| (*word).to_owned()).collect()
    };
    let only = |words: &[&'static str]| -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() };
    let table = [
        (with(&["-p", "a/b"]), "-p: a name has 1 to 100"),
        (with(&["--hosts", "https://a.example"]), "--hosts: expected a host"),
        (with(&["--scope", "a\"b"]), "--scope: names, with spaces between"),
        (with(&["--revocation-endpoint", "http://a.example"]), "--revocation-endpoint: must be https"),
        (with(&["--client-auth", "private-key-jwt"]), "--client-assertion: missing"),
        (with(&["--ttl", "0s"]), "must be more than 0s"),
        (with(&["--ttl", "soon"]), "is not a duration"),
        (with(&["--redirect-port", "0"]), "--redirect-port"),
        (with(&["--redirect-port", "80"]), "--redirect-port: unknown key"),
        (with(&["--client-secret-file", "x"]), "cannot be used with"),
        (with(&["--", "echo"]), "cannot be used with"),
        (only(&["--client-id", "x", "--", "echo"]), "options of a client go with an issuer, not with a command"),
        (only(&["http://login.example.com"]), "ISSUER: must be https"),
        (only(&["./mint-token.sh"]), "a command goes behind `--`"),
        (only(&["https://me:pw@login.example.com"]), "ISSUER: an address holds no user or password"),
        (only(&["--token-endpoint", "http://x.example/t", "--client-id", "x"]), "--token-endpoint: must be https"),
    ];
    for (words, said) in table {
        let test = Test::bare();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let outcome = init(&test, &words);
        outcome.exits(2).prints("").mentions(said);
        nothing_written(&test, &outcome);
    }
    let outcome = init(&Test::bare(), &[&url, "--client-id", "x", "--client-secret-command", "pass 'show"]);
    outcome.fails(2, "--client-secret-command: it has no end");
}

/// There is no option that takes a secret, and one that somebody tries all the same is not repeated.
#[test]
fn no_argument_is_a_secret() {
    let words = format!("--client-secret={SECRET}");
    for words in [vec!["https://x.example", "--client-secret", SECRET], vec!["https://x.example", words.as_str()]] {
        init(&Test::bare(), &words).exits(2).prints("").hides(SECRET).mentions("--client-secret");
    }
    let outcome =
        Test::bare().fed(&["init", "--token-endpoint", "https://x/", "-p", "a", "--client-id", "a", "--client-secret-stdin"], "\n");
    outcome.exits(2).mentions("--client-secret-stdin: there is not one line with a secret");
    let outcome =
        Test::bare().fed(&["init", "--token-endpoint", "https://x/", "-p", "a", "--client-id", "a", "--client-secret-stdin"], "a\nb\n");
    outcome.exits(2);
}

#[test]
fn the_help_fits_the_screen() {
    let test = Test::bare().env("COLUMNS", "80");
    let help = test.run(&["init", "--help"]);
    let text = help.exits(0).stdout();
    assert!(text.lines().all(|line| line.chars().count() <= 80) && text.contains("Examples:\n  token init "), "{text}");
}
