//! From a command: it is run once, and told how it was taken.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::home::{config, init, value};
use crate::support::{LEAK, Test, cases};

#[test]
fn what_it_prints_is_told_and_is_the_token() {
    let table = [
        ("bare", "token-1", "a bare token, which does not say how long it holds, so the command is run again after 5m (`ttl`)"),
        ("response", r#"{"access_token":"token-1","expires_in":600}"#, "a token response, which expires in 9m 59s"),
        (
            "ours",
            r#"{"version":1,"token":"token-1","expires_at":"2999-01-01T00:00:00Z"}"#,
            "what `token get -o json` prints, which expires in ",
        ),
        ("kubectl", r#"{"kind":"ExecCredential","status":{"token":"token-1"}}"#, "an ExecCredential, which does not say"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(_, output, told)| {
            let test = Test::bare();
            let script = format!("echo run >>runs; echo '{output}'");
            let outcome = init(&test, &["-p", "mint", "--", "sh", "-c", &script]);
            outcome.exits(0).prints("").mentions(&format!("mint: it works: the command printed {told}"));
            test.run(&["get"]).gives("token-1");
            assert_eq!(fs::read_to_string(test.path("runs")).unwrap(), "run\n", "once");
        },
    );
}

#[test]
fn the_name_is_that_of_the_program_and_the_program_is_found_again() {
    let test = Test::bare();
    let script = test.path("mint-token.sh");
    fs::write(&script, "#!/bin/sh\necho token-1\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    init(&test, &["--ttl", "10m", "--", "./mint-token.sh", "--all", "two words"]).exits(0).mentions("run again after 10m");
    let text = config(&test);
    assert!(text.contains("[profile.mint-token]"), "{text}");
    assert_eq!(value(&text, "default"), "\"mint-token\"");
    assert_eq!(value(&text, "command"), format!("[{:?}, \"--all\", \"two words\"]", script.to_str().unwrap()));
    test.in_shell("cd / && exec \"$@\"").run(&["get", "mint-token"]).gives("token-1");
}

#[test]
fn it_may_take_for_ever() {
    let test = Test::bare();
    init(&test, &["-p", "a", "--request-timeout", "18446744073709551615s 600ms", "--", "echo", "token-1"]).exits(0);
    test.run(&["get", "--renew"]).gives("token-1");
}

#[test]
fn the_environment_may_name_it() {
    let test = Test::bare().env("TOKEN_PROFILE", "mine");
    init(&test, &["--", "echo", "token-1"]).exits(0);
    init(&test, &["--", "echo", "token-2"]).exits(0);
    let text = config(&test);
    assert!(text.contains("[profile.mine]") && text.contains("[profile.echo]"), "{text}");
}

#[test]
fn one_that_fails_is_told_and_stays() {
    let table = [
        ("fails", "echo leak-c4nary-71d0 >&2; exit 3", 5, "failed (exit status: 3)"),
        ("no token", "echo two words", 5, "is unusable"),
        ("none", "", 5, "is unusable"),
    ];
    for (case, script, code, said) in table {
        let test = Test::bare().named(case);
        let outcome = init(&test, &["-p", "mint", "--", "sh", "-c", script]);
        outcome.exits(code).prints("").mentions(said).mentions("mint: it stays at ").hides(LEAK);
        assert!(config(&test).contains("[profile.mint]"));
    }
    let test = Test::bare();
    init(&test, &["--", "there-is-no-such-program"]).exits(2).mentions("there is no program").mentions("it stays at ");
}

/// What is wrong is not in the configuration.
#[test]
fn where_nothing_can_be_kept_it_stays_all_the_same() {
    let test = Test::bare();
    fs::create_dir(test.path("elsewhere")).unwrap();
    symlink(test.path("elsewhere"), test.cache_dir()).unwrap();
    let outcome = init(&test, &["-p", "mint", "--", "echo", "token-1"]);
    outcome.exits(6).mentions("mint: it stays at ").mentions("config.toml:5; `token renew mint` tries it again");
    fs::remove_file(test.cache_dir()).unwrap();
    test.run(&["renew", "mint"]).exits(0);
}

#[test]
fn more_profiles_need_names_and_that_is_said() {
    let test = Test::configured("[profile.a]\nsource = \"env\"\nvariable = \"A\"\n");
    init(&test, &["-p", "b", "--", "echo", "token-1"]).exits(0).mentions("there are two profiles now and no default");
    init(&test, &["-p", "c", "--", "echo", "token-1"]).exits(0).hides("no default");
    init(&test, &["-p", "d", "--default", "--", "echo", "token-4"]).exits(0).hides("no default");
    assert!(config(&test).starts_with("default = \"d\"\n\n[profile.a]\n"), "{}", config(&test));
    test.run(&["get"]).gives("token-4");
}

#[test]
fn in_json_and_in_silence() {
    let test = Test::bare();
    let told = init(&test, &["--log-format", "json", "-p", "a", "--", "echo", "token-1"]);
    let messages = told.exits(0).json_messages();
    assert!(messages.len() == 3 && messages.iter().all(|message| message["profile"] == "a"), "{told}");
    let told = init(&test, &["-q", "-p", "b", "--", "echo", "token-1"]);
    assert_eq!((told.exits(0).stderr.as_str(), told.stdout().as_str()), ("", ""));
    init(&test, &["-q", "-p", "c", "--", "false"]).fails(5, "error: c: ");
}
