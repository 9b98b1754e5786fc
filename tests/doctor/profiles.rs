//! What profiles need of this machine, and how they stand.

use std::fs;

use crate::report::doctor;
use crate::support::{Issuer, PATIENT, Reply, Reuse, SECRET, Test, profile};

/// A client whose secret is an input like this.
fn with_secret(input: &str) -> Test {
    let config = profile("prod", "http://127.0.0.1:1/token").replace(&format!("\"{SECRET}\""), input);
    Test::configured(&config).on_path()
}

#[test]
fn a_secret_has_to_be_there_and_private() {
    let test = with_secret("{ file = \"~/secret\" }");
    doctor(&test, &["--offline"]).exits(2).finds("profile.secret", "problem", "no such file");
    test.put("secret", SECRET, 0o644);
    doctor(&test, &["--offline"]).exits(2).finds("profile.secret", "problem", "read by others").advises("profile.secret", "chmod 600");
    test.put("secret", "", 0o600);
    doctor(&test, &["--offline"]).exits(2).finds("profile.secret", "problem", "empty");
    test.put("secret", SECRET, 0o600);
    doctor(&test, &["--offline"]).exits(0).is_well("profile.secret");

    let test = with_secret("{ env = \"CI_SECRET\" }");
    doctor(&test, &["--offline"]).exits(2).finds("profile.secret", "problem", "CI_SECRET is not set");
    doctor(&test.env("CI_SECRET", SECRET), &["--offline"]).exits(0);
}

#[test]
fn a_key_has_to_sign() {
    let key = "[profile.prod]\nsource = \"jwt-bearer\"\ntoken_endpoint = \"http://127.0.0.1:1/token\"\n\
               assertion = { jwt = { key_file = \"~/key.pem\", issuer = \"x\" } }\n";
    let test = Test::configured(key).on_path();
    doctor(&test, &["--offline"]).exits(2).finds("profile.secret", "problem", "key.pem");
    test.put("key.pem", "rubbish", 0o600);
    doctor(&test, &["--offline"]).exits(2).finds("profile.secret", "problem", "key.pem");
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    test.put("key.pem", &pem, 0o600);
    let report = doctor(&test, &["--offline"]);
    report.exits(0);
    assert!(!report.outcome.stdout().contains(pem.lines().nth(1).unwrap()));
}

#[test]
fn programs_have_to_be_there_and_are_not_run() {
    let config = "[profile.one]\nsource = \"exec\"\ncommand = [\"mint-it\"]\non_renew = [\"tell-it\"]\non_error = [\"tell-it\"]\n\
                  [profile.two]\nsource = \"client-credentials\"\ntoken_endpoint = \"http://127.0.0.1:1/\"\nclient_id = \"x\"\n\
                  client_secret = { command = [\"pass-it\", \"show\"] }\n\
                  [profile.three]\nsource = \"authorization-code\"\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"x\"\nbrowser = [\"browse-it\"]\n";
    let test = Test::configured(config).on_path();
    let report = doctor(&test, &["--offline"]);
    report.finds("profile.command", "problem", "`mint-it`").finds("profile.command", "problem", "`pass-it`");
    report.finds("profile.command", "problem", "`browse-it`");
    report.finds("profile.hook", "warning", "on_renew: `tell-it`").finds("profile.hook", "warning", "on_error: `tell-it`");
    for program in ["mint-it", "tell-it", "pass-it", "browse-it"] {
        test.put(&format!("bin/{program}"), "#!/bin/sh\ntouch \"$HOME/ran\"\n", 0o755);
    }
    doctor(&test, &["--offline"]).is_well("profile.command").is_well("profile.hook");
    doctor(&test, &["--offline", "one"]).exits(0);
    assert!(!test.path("ran").exists(), "a command was run");
    test.put("bin/mint-it", "", 0o644);
    doctor(&test, &["--offline"]).finds("profile.command", "problem", "bin/mint-it` cannot be run");
}

#[test]
fn sources_that_are_here_have_to_be() {
    let config = "[profile.f]\nsource = \"file\"\npath = \"~/projected\"\n[profile.e]\nsource = \"env\"\nvariable = \"CI_TOKEN\"\n";
    let test = Test::configured(config).on_path();
    let report = doctor(&test, &[]);
    report.exits(2).finds("profile.source", "problem", "projected").finds("profile.source", "problem", "CI_TOKEN is not set");
    test.put("projected", "token-1\n", 0o644);
    let report = doctor(&test.env("CI_TOKEN", "token-2"), &[]);
    report.exits(0);
    assert!(!report.outcome.stdout().contains("token-1") && !report.outcome.stdout().contains("token-2"));
}

#[test]
fn sinks_have_to_have_a_place() {
    let sink = |keys: &str| {
        Test::configured(&format!("[profile.prod]\nsource = \"env\"\nvariable = \"HOME\"\nsink = {{ path = \"~/a/b\"{keys} }}\n")).on_path()
    };
    let test = sink("");
    doctor(&test, &[]).exits(0).is_well("profile.sink");
    fs::create_dir_all(test.path("a/b")).unwrap();
    doctor(&test, &[]).exits(6).finds("profile.sink", "warning", "it is a directory");
    let test = Test::configured("[profile.prod]\nsource = \"env\"\nvariable = \"HOME\"\nsink = { path = \"~/x/y/z\" }\n").on_path();
    doctor(&test, &[]).exits(6).finds("profile.sink", "warning", "there is no directory").advises("profile.sink", "mkdir -p");
    let test = sink(", mode = \"0644\"");
    doctor(&test, &[]).exits(0).finds("profile.sink", "note", "0644");
}

#[test]
fn a_profile_that_is_parked_is_a_problem() {
    let issuer = Issuer::answering(Reply::oauth(401, "invalid_client"));
    let test = Test::against(&issuer).on_path();
    test.run(&["get"]).fails(4, "prod");
    let asked = issuer.count();
    let report = doctor(&test, &["--offline"]);
    report.exits(4).finds("profile.state", "problem", "parked since 20").finds("profile.state", "problem", "invalid_client");
    report.advises("profile.state", "check `client_id`").advises("profile.state", "then run `token renew prod`");
    assert_eq!(issuer.count(), asked);
    issuer.answer(Reply::token(3600));
    test.run(&["renew", "prod"]).exits(0);
    doctor(&test, &["--offline"]).exits(0).finds("profile.state", "ok", "fresh");
}

#[test]
fn a_profile_that_backs_off_is_not_well() {
    let issuer = Issuer::answering(Reply::status(503));
    let test = Test::configured(&format!("{PATIENT}{}", profile("prod", &issuer.endpoint()))).on_path();
    test.run(&["get"]).fails(5, "prod");
    let report = doctor(&test, &["--offline"]);
    report.exits(5).finds("profile.state", "warning", "backing off since 20").finds("profile.state", "warning", "is due in");
}

#[test]
fn somebody_has_to_log_in() {
    let config = "[profile.prod]\nsource = \"device-code\"\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"x\"\n";
    let test = Test::configured(config).on_path();
    let report = doctor(&test, &["--offline"]);
    report.exits(3).finds("profile.state", "problem", "nobody is logged in").advises("profile.state", "`token renew prod` in a terminal");
}

#[test]
fn a_login_that_is_dead_is_told() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer).on_path();
    doctor(&test, &["--offline"]).exits(0);
    issuer.revoke();
    test.run(&["get", "--renew"]).exits(4);
    let report = doctor(&test, &["--offline"]);
    report.exits(4).finds("profile.state", "problem", "parked");

    fs::write(test.login_path("prod"), "{}").unwrap();
    let report = doctor(&test, &["--offline"]);
    report.exits(6).finds("storage.damaged", "problem", "the login in").advises("storage.damaged", "token purge prod");
    report.is_well("profile.state").is_well("profile.login");
}

#[test]
fn a_host_that_several_profiles_list_alike_is_told() {
    let config = |one: &str, other: &str, default: &str| {
        let profile = |name: &str, hosts: &str| format!("[profile.{name}]\nsource = \"env\"\nvariable = \"HOME\"\nhosts = [{hosts}]\n");
        Test::configured(&format!("{default}{}{}", profile("a", one), profile("b", other))).on_path()
    };
    let ask = |test: &Test, host: &str| test.fed(&["helper", "docker", "get"], host);
    let same = [
        ("\"api.example.com\"", "\"x.example.com\", \"API.example.com:443\"", "api.example.com"),
        ("\"*.example.com\"", "\"*.example.com\"", "x.example.com"),
        ("\"bücher.example\"", "\"xn--bcher-kva.example\"", "xn--bcher-kva.example"),
    ];
    for (one, other, host) in same {
        let test = config(one, other, "");
        let report = doctor(&test, &["--offline"]);
        report.exits(2).finds("profile.hosts", "warning", "gets no token for it").advises("profile.hosts", "--profile a");
        assert_eq!(report.of("profile.hosts")[0]["profiles"], serde_json::json!(["a", "b"]), "{}", report.outcome);
        assert!(ask(&test, host).stdout().contains("several profiles list this host: a, b"), "the helper refuses it");
        doctor(&test, &["--offline", "b"]).exits(2);

        let test = config(one, other, "default = \"b\"\n");
        doctor(&test, &["--offline"]).exits(0).finds("profile.hosts", "note", "gets the token of `b`");
        ask(&test, host).exits(0);
    }
    for (one, other) in [("\"a.example.com\"", "\"b.example.com\""), ("\"a.example.com\"", "\"*.example.com\""), ("\"a:1\"", "\"a:2\"")] {
        assert!(doctor(&config(one, other, ""), &["--offline"]).exits(0).of("profile.hosts").is_empty(), "{one} {other}");
    }
}
