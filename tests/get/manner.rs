//! How people and programs want to be spoken to: `-q`, `-v`, `--log-format json`, `--color`. The same for every command.

use crate::support::{Issuer, LEAK, Outcome, QUICK, Reply, Screen, Test, profile};

/// What colours are made of.
const ESCAPE: char = '\u{1b}';

/// `prod` works, `down` answers 503, `refused` is refused, `gone` is not there.
fn four(issuer: &Issuer, down: &Issuer, refused: &Issuer) -> Test {
    let nowhere = "http://127.0.0.1:9/token";
    let profiles = [("prod", issuer.endpoint()), ("down", down.endpoint()), ("refused", refused.endpoint()), ("gone", nowhere.into())];
    let profiles: String = profiles.iter().map(|(name, endpoint)| profile(name, endpoint)).collect();
    Test::configured(&format!("{QUICK}{profiles}"))
}

fn failing() -> (Issuer, Issuer) {
    (Issuer::answering(Reply::status(503)), Issuer::answering(Reply::oauth(401, "invalid_client")))
}

#[test]
fn quiet_says_only_what_went_wrong() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    let silent = |outcome: Outcome| assert_eq!(outcome.exits(0).stderr, "", "{outcome}");
    silent(test.run(&["-q", "renew", "prod"]));
    silent(test.run(&["renew", "prod", "--quiet"]));
    silent(test.run(&["-q", "get"]));
    silent(test.run(&["-q", "purge", "prod"]));
    silent(test.run(&["-q", "purge", "prod"]));
    issuer.answer(Reply::status(503));
    test.run(&["-q", "get"]).fails(5, "prod");
    test.run(&["-q", "renew"]).fails(5, "prod");
    test.run(&["-q", "get", "nobody"]).fails(2, "nobody");
}

#[test]
fn quiet_and_verbose_do_not_go_together() {
    let issuer = Issuer::start();
    Test::against(&issuer).run(&["-q", "-v", "get"]).exits(2).prints("");
}

#[test]
fn an_error_is_a_sentence_and_what_to_do_next() {
    let (down, refused) = failing();
    let test = four(&Issuer::start(), &down, &refused);
    for (name, exit) in [("down", 5), ("refused", 4), ("gone", 5)] {
        let outcome = test.run(&["get", name]);
        outcome.fails(exit, name).is_brief().hides(LEAK);
        assert!(outcome.stderr.lines().count() >= 2, "it says what to do next{outcome}");
        assert!(outcome.stderr.starts_with("error: "), "{outcome}");
    }
}

/// The cause of a failure, link by link; secrets at no level.
#[test]
fn verbose_adds_the_cause() {
    let (down, refused) = failing();
    for name in ["down", "refused", "gone"] {
        let plain = four(&Issuer::start(), &down, &refused).run(&["get", name]);
        for level in ["-v", "-vv", "-vvv"] {
            let outcome = four(&Issuer::start(), &down, &refused).run(&[level, "get", name]);
            outcome.exits(plain.code.unwrap()).prints("").is_polite();
            assert!(outcome.stderr.lines().count() > plain.stderr.lines().count(), "{level} adds something{outcome}");
        }
    }
    let outcome = four(&Issuer::start(), &down, &refused).run(&["-v", "get", "gone"]);
    outcome.mentions("refused");
    let causes = outcome.stderr.matches("caused by").count();
    assert!(causes >= 1, "the cause chain{outcome}");
}

#[test]
fn verbose_shows_no_token_and_no_secret_when_all_goes_well() {
    for level in ["-v", "-vv", "-vvv", "-vvvvvv"] {
        let issuer = Issuer::start();
        let test = Test::against(&issuer);
        test.run(&[level, "get"]).gives("token-1");
        test.run(&[level, "get"]).gives("token-1");
        test.run(&[level, "renew"]).exits(0).prints("").is_polite();
        test.run(&[level, "status"]).exits(0).is_polite();
        test.run(&[level, "run", "--", "true"]).exits(0).prints("").is_polite();
        test.run(&[level, "purge"]).exits(0).prints("").is_polite();
    }
}

/// Every line on stderr is a JSON object that says how bad it is, of which profile it tells, and what happened.
#[test]
fn messages_may_be_json() {
    let (down, refused) = failing();
    let test = four(&Issuer::start(), &down, &refused);
    let failures: [(&[&str], i32, Option<&str>); 6] = [
        (&["get", "down"], 5, Some("down")),
        (&["get", "refused"], 4, Some("refused")),
        (&["renew", "gone"], 5, Some("gone")),
        (&["get", "nobody"], 2, None),
        (&["get", "--offline", "prod"], 5, Some("prod")),
        (&["run", "down", "--", "true"], 5, Some("down")),
    ];
    for (args, exit, name) in failures {
        for manner in [&["--log-format", "json"][..], &["--log-format=json", "-vv"], &["--log-format=json", "--color=always"]] {
            let outcome = test.run(&[manner, args].concat());
            outcome.exits(exit).prints("").is_polite();
            let lines = outcome.json_messages();
            let error = lines.iter().find(|line| line["level"] == "error").unwrap_or_else(|| panic!("no error{outcome}"));
            assert_eq!(error.get("profile").and_then(|name| name.as_str()), name, "{outcome}");
            assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{outcome}");
        }
    }
}

#[test]
fn events_may_be_json() {
    let (issuer, (down, refused)) = (Issuer::start(), failing());
    let test = four(&issuer, &down, &refused);
    for args in [&["renew", "prod", "--log-format", "json"][..], &["purge", "prod", "-n", "--log-format", "json"]] {
        let outcome = test.run(args);
        outcome.exits(0).prints("").is_polite();
        let lines = outcome.json_messages();
        assert_eq!((lines.len(), &lines[0]["profile"]), (1, &"prod".into()), "{outcome}");
    }
    let worst = test.run(&["renew", "--all", "--log-format", "json"]);
    worst.exits(5).prints("").is_polite();
    let mut told: Vec<_> = worst.json_messages().iter().map(|line| line["profile"].as_str().unwrap().to_owned()).collect();
    told.sort();
    assert_eq!(told, ["down", "gone", "prod", "refused"], "one line a profile{worst}");
}

#[test]
fn a_warning_may_be_json() {
    let issuer = Issuer::start();
    let test = Test::near_expiry(&issuer);
    issuer.answer(Reply::status(503));
    let outcome = test.run(&["get", "--log-format", "json"]);
    outcome.gives("token-1");
    let lines = outcome.json_messages();
    assert_eq!((lines.len(), &lines[0]["level"], &lines[0]["profile"]), (1, &"warning".into(), &"prod".into()), "{outcome}");
}

#[test]
fn a_mistake_in_the_configuration_may_be_json() {
    let test = Test::configured("[profile.prod]\nsorce = \"env\"\n");
    let outcome = test.run(&["get", "--log-format", "json"]);
    outcome.exits(2).prints("").is_polite();
    let lines = outcome.json_messages();
    assert_eq!(lines.len(), 1, "{outcome}");
    assert!(lines[0]["message"].as_str().unwrap().contains("config.toml:2"), "{outcome}");
}

#[test]
fn on_a_pipe_there_is_colour_only_on_demand() {
    let (down, refused) = failing();
    let test = four(&Issuer::start(), &down, &refused);
    for args in [&["get", "refused"][..], &["get", "--color", "never", "refused"], &["get", "--color=auto", "refused"], &["get", "--bogus"]]
    {
        test.run(args).is_polite();
    }
    let coloured = test.run(&["--color", "always", "get", "refused"]);
    assert!(coloured.exits(4).stderr.contains(ESCAPE), "{coloured}");
    // What was asked for outright wins over what is usual here.
    let coloured = test.env("NO_COLOR", "1").run(&["--color=always", "get", "refused"]);
    assert!(coloured.stderr.contains(ESCAPE), "{coloured}");
}

#[test]
fn a_terminal_has_colours_unless_somebody_minds() {
    type Variable = Option<(&'static str, &'static str)>;
    let cases: [(&str, Variable, &[&str], bool); 8] = [
        ("auto", None, &[], true),
        ("never", None, &["--color", "never"], false),
        ("NO_COLOR", Some(("NO_COLOR", "1")), &[], false),
        ("an empty NO_COLOR is none", Some(("NO_COLOR", "")), &[], true),
        ("always", Some(("NO_COLOR", "1")), &["--color", "always"], true),
        ("a terminal that shows characters and no more", Some(("TERM", "dumb")), &[], false),
        ("always there, too", Some(("TERM", "dumb")), &["--color", "always"], true),
        ("JSON has none", None, &["--log-format", "json", "--color", "always"], false),
    ];
    let refused = Issuer::answering(Reply::oauth(401, "invalid_client"));
    for (name, variable, manner, expected) in cases {
        // One error of ours and one of the arguments: the same manner.
        for command in [&["get", "prod"][..], &["get", "--bogus"]] {
            if name.starts_with("JSON") && command.contains(&"--bogus") {
                continue;
            }
            let mut test = Test::against(&refused);
            if let Some((key, value)) = variable {
                test = test.env(key, value);
            }
            let outcome = test.on_terminal(&[manner, command].concat()).finish();
            let screen = Screen::after(&outcome.stdout);
            assert_eq!(screen.is_coloured, expected, "{name}: {command:?}{outcome}");
        }
    }
}

/// A terminal for messages does not make the answer coloured that goes to a file.
#[test]
fn an_answer_in_a_file_is_plain_though_messages_are_coloured() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    for args in [&["get"][..], &["get", "-o", "json"], &["status"], &["status", "--json"], &["--help"]] {
        let outcome = test.on_terminal(args).finish();
        outcome.exits(0);
        assert!(!test.answer().is_empty(), "{args:?}{outcome}");
        assert!(!test.answer().contains(ESCAPE), "{args:?}: {:?}", test.answer());
    }
}

#[test]
fn a_table_on_a_terminal_is_coloured() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    let screen = Screen::after(&test.all_on_terminal(&["status"]).finish().stdout);
    assert!(screen.is_coloured);
    let plain = Screen::after(&test.all_on_terminal(&["status", "--color=never"]).finish().stdout);
    assert!(!plain.is_coloured);
    assert_eq!(screen.text().lines().next(), plain.text().lines().next(), "colours do not move the columns");
}
