//! From an issuer's address, without anybody there: what it says of itself is not to be given, and what comes of it works.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::home::{CLIENT_GRANT, CODE_GRANT, DEVICE_GRANT, DISCOVERY, config, describe, init, issuer, nothing_written, offering, value};
use crate::support::home::mode;
use crate::support::{Issuer, LEAK, Reply, SECRET, Test, cases};

/// A file with the secret, and the words that name it.
fn secret_file(test: &Test) -> String {
    let path = test.path("s3");
    fs::write(&path, format!("{SECRET}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_client_s_profile_is_written_tried_and_works() {
    let issuer = offering(&[CLIENT_GRANT, "password"]);
    let test = Test::bare();
    let file = secret_file(&test);
    let outcome = init(&test, &[&issuer.url(), "-p", "ci", "--client-id", "ci", "--client-secret-file", &file, "--scope", "read write"]);

    outcome
        .exits(0)
        .prints("")
        .mentions(" offers client-credentials\n")
        .mentions("config.toml:5\n")
        .mentions("it works: a token that expires in ");
    outcome.mentions("`token get ci` prints it");
    let request = &issuer.requests()[0];
    assert_eq!(request.body, "scope=read+write&grant_type=client_credentials");
    assert!(request.header("authorization").is_some_and(|header| header.starts_with("Basic ")));
    test.run(&["get"]).gives("token-1");
    assert_eq!(issuer.count(), 1, "tried once, and the token is there");

    let text = config(&test);
    assert_eq!(value(&text, "issuer"), format!("{:?}", issuer.url()));
    assert_eq!(value(&text, "client_secret"), "{ file = \"~/s3\" }");
    assert_eq!(value(&text, "scope"), "[\"read\", \"write\"]");
    assert!(text.lines().nth(4) == Some("[profile.ci]") && text.contains("man token-config"), "{text}");
}

#[test]
fn a_secret_is_referred_to_where_it_is() {
    let issuer = offering(&[CLIENT_GRANT]);
    let command = format!("sh -c \"echo '{SECRET}'\"");
    let table: [(&str, &[&str], &str); 3] = [
        ("env", &["--client-secret-env", "S3"], "{ env = \"S3\" }"),
        ("command", &["--client-secret-command", "cat 's 3'"], "{ command = [\"cat\", \"s 3\"] }"),
        ("stdin", &["--client-secret-stdin"], "{ file = \"ci.secret\" }"),
    ];
    assert!(command.contains(SECRET));
    for (case, words, expected) in table {
        let test = Test::bare().named(case).env("S3", SECRET);
        fs::write(test.path("s 3"), SECRET).unwrap();
        let url = issuer.url();
        let words: Vec<&str> = ["init", &url, "-p", "ci", "--client-id", "ci"].iter().chain(words).copied().collect();
        let outcome = test.fed(&words, &format!("{SECRET}\n"));
        outcome.exits(0).prints("").is_polite();
        assert_eq!(value(&config(&test), "client_secret"), expected, "{case}");
        assert!(!config(&test).contains(SECRET), "{case}");
        let sent = issuer.requests().pop().unwrap();
        assert_eq!(sent.header("authorization"), issuer.requests()[0].header("authorization"), "{case}: the same secret arrives");
        let kept = test.path("config/token/ci.secret");
        assert_eq!(kept.exists(), case == "stdin");
        if kept.exists() {
            assert_eq!((fs::read_to_string(&kept).unwrap(), mode(&kept)), (format!("{SECRET}\n"), 0o600));
            outcome.mentions("its secret is kept in ");
        }
    }
}

#[test]
fn a_secret_that_is_kept_replaces_no_other() {
    let issuer = offering(&[CLIENT_GRANT]);
    let test = Test::configured("");
    let other = test.path("config/token/ci.secret");
    fs::write(&other, "another").unwrap();
    let url = issuer.url();
    test.fed(&["init", &url, "-p", "ci", "--client-id", "ci", "--client-secret-stdin"], SECRET).exits(0);
    assert_eq!(fs::read_to_string(&other).unwrap(), "another");
    assert_eq!(value(&config(&test), "client_secret"), "{ file = \"ci-2.secret\" }");
}

#[test]
fn the_issuer_is_named_as_it_names_itself() {
    let issuer = Issuer::start();
    let named = format!("{}/", issuer.url());
    describe(&issuer, &json!({ "issuer": named }));
    let test = Test::bare().env("S3", SECRET);
    let address = format!("{}{DISCOVERY}", issuer.url());
    init(&test, &[&address, "--client-id", "ci", "--client-secret-env", "S3"]).exits(0);
    assert_eq!(value(&config(&test), "issuer"), format!("{named:?}"));
    test.run(&["get"]).gives("token-1");
}

#[test]
fn how_the_client_proves_itself_is_found_out() {
    let url_of = |methods: &[&str]| issuer(&json!({ "token_endpoint_auth_methods_supported": methods }));
    let test = Test::bare().env("S3", SECRET);
    let issuer = url_of(&["client_secret_post", "private_key_jwt"]);
    init(&test, &[&issuer.url(), "--source", "client-credentials", "--client-id", "ci", "--client-secret-env", "S3"]).exits(0);
    let request = &issuer.requests()[0];
    assert!(request.header("authorization").is_none() && request.body.contains(&format!("client_secret={SECRET}")));

    let issuer = url_of(&["private_key_jwt"]);
    let outcome = init(&Test::bare(), &[&issuer.url(), "--source", "client-credentials", "--client-id", "ci"]);
    outcome.exits(2).mentions("--client-key-file FILE").hides("--client-secret");

    let test = Test::bare();
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ed25519.pkcs8.pem");
    fs::copy(key, test.path("k.pem")).unwrap();
    fs::set_permissions(test.path("k.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    init(&test, &[&issuer.url(), "--source", "client-credentials", "--client-id", "ci", "--client-key-file", "k.pem"]).exits(0);
    assert_eq!(value(&config(&test), "client_assertion"), "{ jwt = { key_file = \"~/k.pem\" } }");
    assert!(issuer.requests()[0].body.contains("client_assertion=eyJ"));
}

#[test]
fn of_several_grants_the_one_that_needs_nobody_is_taken() {
    let issuer = offering(&[CODE_GRANT, DEVICE_GRANT, CLIENT_GRANT]);
    let test = Test::bare().env("S3", SECRET);
    let outcome = init(&test, &[&issuer.url(), "--client-id", "ci", "--client-secret-env", "S3"]);
    outcome.exits(0).mentions("offers authorization-code, device-code, client-credentials");
    assert_eq!(value(&config(&test), "source"), "\"client-credentials\"");
}

/// Nobody logs in where nobody is; the profile stays, and says what to do.
#[test]
fn a_login_is_left_to_somebody_at_a_terminal() {
    let table: [(&str, &[&str], i32); 3] =
        [("tried", &[], 3), ("not tried", &["--no-try"], 0), ("of several", &["--source", "authorization-code"], 3)];
    for (case, words, code) in table {
        let issuer = issuer(
            &json!({ "grant_types_supported": [DEVICE_GRANT, CODE_GRANT], "scopes_supported": ["openid", "read", "offline_access"] }),
        );
        let test = Test::bare().named(case);
        let url = issuer.url();
        let source: &[&str] = if case == "of several" { &[] } else { &["--source", "device-code"] };
        let words: Vec<&str> = [url.as_str(), "-p", "me", "--client-id", "cli"].iter().chain(source).chain(words).copied().collect();
        init(&test, &words).exits(code).prints("").mentions("token renew me");
        let text = config(&test);
        assert_eq!(value(&text, "scope"), "[\"openid\", \"offline_access\"]", "{case}");
        assert!(!text.contains("client_secret") && issuer.count() == 0, "{case}: {text}");
    }
}

#[test]
fn an_issuer_that_says_nothing_of_itself_is_given_by_hand() {
    let issuer = Issuer::start();
    issuer.script_at(DISCOVERY, [Reply::status(404)]);
    let test = Test::bare().env("S3", SECRET);
    let (url, endpoint) = (issuer.url(), issuer.endpoint());
    let outcome = init(&test, &[&url, "--client-id", "ci", "--client-secret-env", "S3"]);
    outcome.fails(4, "has no discovery document (HTTP 404)").mentions("--token-endpoint").hides(LEAK);
    nothing_written(&test, &outcome);

    for words in [&[url.as_str()][..], &[]] {
        let test = Test::bare().env("S3", SECRET);
        let words: Vec<&str> = words
            .iter()
            .chain(&["-p", "ci", "--token-endpoint", &endpoint, "--client-id", "ci", "--client-secret-env", "S3"])
            .copied()
            .collect();
        init(&test, &words).exits(0);
        let text = config(&test);
        assert!(value(&text, "token_endpoint") == format!("{endpoint:?}") && !text.contains("issuer ="), "{text}");
        assert_eq!(value(&text, "source"), "\"client-credentials\"");
    }

    let device = format!("{url}/device");
    let outcome = init(&test, &["--token-endpoint", &endpoint, "--device-authorization-endpoint", &device, "--client-id", "c", "--no-try"]);
    outcome.exits(0);
    assert_eq!(
        (value(&config(&test), "source"), value(&config(&test), "device_authorization_endpoint")),
        ("\"device-code\"".to_owned(), format!("{device:?}"))
    );
}

#[test]
fn what_must_not_be_believed_ends_it_before_anything_is_written() {
    let hostile = "https://evil.example/\\u001b]52;c;aGk=\\u0007\\u202e";
    let table = [
        ("another's", format!(r#"{{"issuer":"{hostile}","token_endpoint":"https://x/t"}}"#), 4),
        ("no https", r#"{"issuer":"URL","token_endpoint":"http://evil.example/t"}"#.to_owned(), 4),
        ("no issuer", "{}".to_owned(), 4),
        ("no JSON", format!("<html>{LEAK}"), 5),
        ("no object", format!("[\"{LEAK}\"]"), 5),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(_, document, code)| {
            let issuer = Issuer::start();
            issuer.script_at(DISCOVERY, [Reply::json(document.replace("URL", &issuer.url()))]);
            let test = Test::bare().env("S3", SECRET);
            let outcome = init(&test, &[&issuer.url(), "-p", "ci", "--client-id", "ci", "--client-secret-env", "S3"]);
            outcome.fails(*code, "error: ci: ").hides(LEAK);
            assert_eq!(issuer.count(), 0, "nothing was asked{outcome}");
            nothing_written(&test, &outcome);
        },
    );
    let hostile = json!({ "scopes_supported": ["openid", "\u{1b}[31m", "a b"], "grant_types_supported": [CODE_GRANT, "\u{1b}[31m"] });
    let issuer = issuer(&hostile);
    let test = Test::bare();
    init(&test, &[&issuer.url(), "--client-id", "ci", "--no-try"]).exits(0);
    assert_eq!(value(&config(&test), "scope"), "[\"openid\"]");
}

#[test]
fn who_cannot_be_reached_is_no_issuer() {
    let test = Test::bare();
    let outcome = init(&test, &["http://127.0.0.1:1", "-p", "ci", "--client-id", "ci", "--client-secret-env", "S3"]);
    outcome.fails(5, "ci: 127.0.0.1:1 cannot be reached: connection refused").mentions("hint: is the address right?");
    nothing_written(&test, &outcome);
    for status in [500, 503, 429] {
        let issuer = Issuer::start();
        issuer.script_at(DISCOVERY, [Reply::status(status)]);
        let outcome = init(&test, &[&issuer.url(), "-p", "ci", "--client-id", "ci", "--client-secret-env", "S3"]);
        outcome.fails(5, &format!("failed for now (HTTP {status})"));
        nothing_written(&test, &outcome);
    }
}

#[test]
fn a_profile_that_does_not_work_stays_to_be_corrected() {
    let issuer = offering(&[CLIENT_GRANT]);
    issuer.answer(Reply::oauth(401, "invalid_client"));
    let test = Test::bare().env("S3", SECRET);
    let outcome = init(&test, &[&issuer.url(), "-p", "ci", "--client-id", "ci", "--client-secret-env", "S3"]);
    outcome.exits(4).prints("").mentions("error: ci: ").mentions("invalid_client").mentions("check `client_id`");
    outcome.mentions(&format!(
        "ci: it stays at {}:5, to be corrected there; `token renew ci` tries it again",
        test.path("config/token/config.toml").display()
    ));
    assert_eq!(issuer.count(), 1, "tried once");
    issuer.answer(Reply::token(600));
    test.run(&["renew", "ci"]).exits(0);

    issuer.answer(Reply::status(503));
    let outcome = init(&test, &[&issuer.url(), "-p", "more", "--client-id", "ci", "--client-secret-env", "S3"]);
    outcome.exits(5).mentions("it stays at ");
    assert_eq!(issuer.count(), 3, "tried once");
}

/// What was typed was not seen, so it is what is most often wrong.
#[test]
fn a_secret_that_is_refused_is_corrected_in_its_file() {
    let issuer = offering(&[CLIENT_GRANT]);
    issuer.answer(Reply::oauth(401, "invalid_client"));
    let test = Test::bare();
    let outcome = test.fed(&["init", &issuer.url(), "-p", "ci", "--client-id", "ci", "--client-secret-stdin"], "mistyped");
    let file = test.path("config/token/ci.secret");
    outcome.exits(4).mentions(&format!("to be corrected there (the secret in {}); `token renew ci`", file.display()));
    std::fs::write(file, SECRET).unwrap();
    issuer.answer(Reply::token(600));
    test.run(&["renew", "ci"]).exits(0);
}

#[test]
fn a_dry_run_prints_the_profile_and_writes_nothing() {
    let issuer = offering(&[CLIENT_GRANT]);
    let test = Test::bare();
    let url = issuer.url();
    let outcome = test.fed(&["init", "-n", &url, "-p", "ci", "--client-id", "ci", "--client-secret-stdin"], SECRET);
    outcome.exits(0).is_polite().mentions("its secret would be kept in ");
    nothing_written(&test, &outcome);
    assert_eq!(issuer.count(), 0);
    outcome.mentions(&format!("ci: would be written to {}:5", test.path("config/token/config.toml").display()));
    let text = outcome.stdout();
    assert!(text.contains("\ndefault = \"ci\" ") && text.contains("\n[profile.ci]\n") && !text.contains(SECRET), "{text}");
    test.fed(&["init", &url, "-p", "ci", "--client-id", "ci", "--client-secret-stdin"], SECRET).exits(0);
    assert_eq!(config(&test), text);
    let outcome = init(&test, &["-n", &url, "-p", "ci", "--client-id", "ci", "--client-secret-env", "S3"]);
    outcome.exits(2).prints("").mentions("there is such a profile already");
}

#[test]
fn all_options_of_a_client_find_their_keys() {
    let issuer = offering(&[CODE_GRANT]);
    let test = Test::bare();
    fs::write(test.path("ca.pem"), fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ed25519.pkcs8.pem")).unwrap())
        .unwrap();
    let (url, revoke) = (issuer.url(), format!("{}/revoke", issuer.url()));
    let words = [
        &url,
        "--client-id",
        "c\"\\",
        "--client-auth",
        "none",
        "--scope",
        "a",
        "--scope",
        "b c",
        "--audience",
        "x",
        "--audience",
        "y",
        "--redirect-port",
        "8400",
        "--revocation-endpoint",
        &revoke,
        "--hosts",
        "a.example,*.b.example",
        "--ttl",
        "10m",
        "--request-timeout",
        "9s",
        "--no-try",
        "-p",
        "web",
    ];
    init(&test, &words).exits(0);
    let text = config(&test);
    let expected = [
        ("client_id", "\"c\\\"\\\\\""),
        ("client_auth", "\"none\""),
        ("scope", "[\"a\", \"b\", \"c\"]"),
        ("audience", "[\"x\", \"y\"]"),
        ("redirect_port", "8400"),
        ("hosts", "[\"a.example\", \"*.b.example\"]"),
        ("ttl", "\"10m\""),
        ("refresh_request_timeout", "\"9s\""),
    ];
    for (key, written) in expected {
        assert_eq!(value(&text, key), written);
    }
    assert_eq!(value(&text, "revocation_endpoint"), format!("{revoke:?}"));
}
