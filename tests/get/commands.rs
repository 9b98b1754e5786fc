//! `get -- COMMAND…`: a command as the source, without any configuration. What misbehaving commands do is in `faults/commands.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Issuer, Test, profile};

/// The names of the entries in the cache.
fn entries(test: &Test) -> BTreeSet<String> {
    test.cache_files().iter().filter_map(|file| file.strip_suffix(".json").map(str::to_owned)).collect()
}

fn life(test: &Test, name: &str) -> i64 {
    let entry = test.entry(name).unwrap();
    entry["expires_at"].as_i64().unwrap() - entry["issued_at"].as_i64().unwrap()
}

#[test]
fn it_needs_no_configuration() {
    let test = Test::bare();
    test.run(&["get", "--", "echo", "token-1"]).gives("token-1");
    test.run(&["get", "-o", "header", "--", "echo", "token-1"]).exits(0).prints("Authorization: Bearer token-1\n");
    let answer = test.run(&["get", "-o", "json", "--", "echo", "token-1"]).json();
    assert_eq!((&answer["source"], &answer["cached"]), (&"exec".into(), &true.into()));
    assert_eq!(entries(&test), BTreeSet::from([answer["profile"].as_str().unwrap().to_owned()]));
}

#[test]
fn its_output_is_for_us_alone() {
    let test = Test::bare();
    let outcome = test.run(&["get", "--", "sh", "-c", "echo chatter >&2; echo token-1"]);
    outcome.gives("token-1").hides("chatter");
}

#[test]
fn ttl_says_how_long_an_answer_holds_that_does_not_say_so_itself() {
    let own = r#"{"access_token":"token-1","expires_in":60}"#;
    let table: [(&str, &[&str], &str, i64); 5] = [
        ("default", &[], "token-1", 300),
        ("told", &["--ttl", "1h"], "token-1", 3600),
        ("in two units", &["--ttl=1m 30s"], "token-1", 90),
        ("its own word, earlier", &["--ttl", "1h"], own, 60),
        ("its own word, later", &["--ttl", "10s"], own, 10),
    ];
    for (name, ttl, output, expected) in table {
        let test = Test::bare().named(name);
        let args = [&["get", "--name", "cmd"], ttl, &["--", "printf", "%s\n", output]].concat();
        test.run(&args).gives("token-1");
        assert_eq!(life(&test, "cmd"), expected, "{name}");
    }
}

#[test]
fn its_answer_is_cached_by_name() {
    let test = Test::bare();
    let args = ["get", "--name", "mine", "--", "sh", "-c", "echo run >>runs; echo token-1"];
    for _ in 0..3 {
        test.run(&args).gives("token-1");
    }
    assert_eq!(fs::read_to_string(test.path("runs")).unwrap(), "run\n");
    assert_eq!(entries(&test), BTreeSet::from(["mine".to_owned()]));
    test.run(&["get", "--renew", "--name", "mine", "--", "sh", "-c", "echo run >>runs; echo token-1"]).gives("token-1");
    assert_eq!(fs::read_to_string(test.path("runs")).unwrap(), "run\nrun\n");
}

#[test]
fn a_derived_name_is_the_command_s_own() {
    let test = Test::bare();
    let commands: [&[&str]; 5] =
        [&["echo", "token-1"], &["echo", "token-2"], &["/bin/echo", "token-1"], &["printf", "%s", "token-1"], &["echo", "-n", "token-1"]];
    for (number, command) in commands.iter().enumerate() {
        for _ in 0..2 {
            test.run(&[&["get", "--"], *command].concat()).exits(0).is_polite();
        }
        assert_eq!(entries(&test).len(), number + 1, "{command:?}");
    }
    for name in entries(&test) {
        assert!(name.contains("echo") || name.contains("printf"), "{name} tells what it is");
        assert!(!name.contains("token"), "{name} holds no argument");
    }
}

#[test]
fn a_derived_name_is_a_name_whatever_the_program_is_called() {
    let test = Test::bare();
    let long = "x".repeat(200);
    for program in ["with space", "é-ü", ".hidden", "-dash", "a@b", &long] {
        let path = test.path(program);
        fs::write(&path, "#!/bin/sh\necho token-1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        test.run(&["get", "--", path.to_str().unwrap()]).gives("token-1");
    }
    let names = entries(&test);
    assert_eq!(names.len(), 6, "{names:?}");
    for name in names {
        let is_safe = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte));
        let begins_well = name.as_bytes()[0].is_ascii_alphanumeric();
        assert!(is_safe && begins_well && name.len() <= 100, "{name}");
    }
}

#[test]
fn a_program_beside_us_is_another_one_elsewhere() {
    let test = Test::bare();
    for (folder, token) in [("one", "token-1"), ("two", "token-2")] {
        fs::create_dir(test.path(folder)).unwrap();
        let path = test.path(folder).join("mint");
        fs::write(&path, format!("#!/bin/sh\necho {token}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    for _ in 0..2 {
        for (folder, token) in [("one", "token-1"), ("two", "token-2")] {
            let mut command = test.command(&["get", "--", "./mint"]);
            command.current_dir(test.path(folder));
            test.start(command, &["get", "--", "./mint"]).finish().gives(token);
        }
    }
}

#[test]
fn its_standard_input_is_empty_whatever_ours_holds() {
    let test = Test::bare();
    test.fed(&["get", "--", "sh", "-c", "cat; echo token-1"], "something of ours").gives("token-1");
}

#[test]
fn the_profile_that_is_usual_here_does_not_count() {
    let issuer = Issuer::start();
    let config = format!("default = \"prod\"\n{}", profile("prod", &issuer.endpoint()));
    let test = Test::configured(&config).env("TOKEN_PROFILE", "prod");
    test.run(&["get", "--", "echo", "token-9"]).gives("token-9");
    assert_eq!(issuer.count(), 0);
}

#[test]
fn a_name_is_checked() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    let long = "x".repeat(101);
    for name in ["../evil", "a/b", ".hidden", "-x", "", "a b", "é", &long] {
        let outcome = test.run(&["get", &format!("--name={name}"), "--", "echo", "token-1"]);
        outcome.exits(2).prints("").mentions("--name").is_polite();
    }
    test.run(&["get", "--name", "prod", "--", "echo", "token-1"]).fails(2, "prod");
    assert_eq!(test.cache_files(), [""; 0]);
    let longest = "x".repeat(100);
    test.run(&["get", "--name", &longest, "--", "echo", "token-1"]).gives("token-1");
    assert!(test.entry(&longest).is_some());
}

/// Our own JSON is one of the shapes a command may print: what it says of the token's life holds.
#[test]
fn our_own_answer_is_understood() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    let program = env!("CARGO_BIN_EXE_token");
    test.run(&["get", "--name", "outer", "--", program, "get", "prod", "-o", "json"]).gives("token-1");
    assert_eq!(test.entry("outer").unwrap()["expires_at"], test.entry("prod").unwrap()["expires_at"]);
    assert_eq!(issuer.count(), 1);
}

#[test]
fn a_command_that_fails_is_named_with_its_status() {
    let test = Test::bare();
    test.run(&["get", "--name", "cmd", "--max-retries", "1", "--", "sh", "-c", "exit 9"]).fails(5, "cmd").mentions("sh").mentions("9");
}
