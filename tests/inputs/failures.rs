//! Inputs that are not there, open to others, or wrong: told before anybody is asked, wherever they stand.

use std::fs;

use crate::places::{PLACES, Place, put};
use crate::support::{Issuer, LEAK, SECRET, cases};

struct Missing {
    name: &'static str,
    input: &'static str,
    exit: i32,
    says: &'static str,
}

const MISSING: [Missing; 16] = [
    Missing { name: "no variable", input: "{ env = \"NO_SUCH\" }", exit: 2, says: "the environment variable NO_SUCH is not set" },
    Missing { name: "an empty variable", input: "{ env = \"EMPTY\" }", exit: 2, says: "the environment variable EMPTY is empty" },
    Missing { name: "no file", input: "{ file = \"~/no-such\" }", exit: 2, says: "no-such: no such file" },
    Missing { name: "an empty file", input: "{ file = \"~/empty\" }", exit: 2, says: "empty is empty" },
    Missing { name: "a line end", input: "{ file = \"~/blank\" }", exit: 2, says: "blank is empty" },
    Missing { name: "a folder", input: "{ file = \"~/folder\" }", exit: 2, says: "folder is not a regular file" },
    Missing { name: "open to others", input: "{ file = \"~/open\" }", exit: 2, says: "chmod 600" },
    Missing { name: "open to the group", input: "{ file = \"~/group\" }", exit: 2, says: "chmod 600" },
    Missing { name: "no program", input: "{ command = [\"no-such-program\"] }", exit: 2, says: "there is no program `no-such-program`" },
    Missing { name: "not a program", input: "{ command = [\"./empty\"] }", exit: 2, says: "`./empty` is not executable" },
    Missing {
        name: "a command that fails",
        input: "{ command = [\"sh\", \"-c\", \"echo leak-c4nary-71d0; exit 3\"] }",
        exit: 5,
        says: "`sh` failed",
    },
    Missing { name: "a command that complains", input: "{ command = [\"cat\", \"no-such\"] }", exit: 5, says: "`cat` failed" },
    Missing { name: "a command that says nothing", input: "{ command = [\"true\"] }", exit: 2, says: "the output of `true` is empty" },
    Missing {
        name: "a profile that fails",
        input: "{ profile = \"failing\" }",
        exit: 5,
        says: "the token of `failing` that it needs cannot be had: `false` failed",
    },
    Missing { name: "no key", input: "{ jwt = { key_file = \"~/no-such\", issuer = \"me\" } }", exit: 2, says: "no-such: no such file" },
    Missing { name: "no such key", input: "{ jwt = { key_file = \"~/secret\", issuer = \"me\" } }", exit: 2, says: "holds no private key" },
];

const FAILING: &str = "[profile.failing]\nsource = \"exec\"\ncommand = [\"false\"]\n";

#[test]
fn what_is_not_there_is_told_before_anybody_is_asked() {
    let cases: Vec<_> = PLACES.iter().flat_map(|place| MISSING.iter().map(move |missing| (place, missing))).collect();
    let names: Vec<String> = cases.iter().map(|(place, missing)| format!("{}: {}", place.name, missing.name)).collect();
    let cases: Vec<_> = names.iter().zip(cases).collect();
    cases::each(
        &cases,
        |case| case.0,
        |(name, (place, missing))| {
            let issuer = Issuer::start();
            let test = place.home(&issuer, missing.input, FAILING).named(name).env("EMPTY", "");
            for (file, content, mode) in
                [("empty", "", 0o600), ("blank", "\n", 0o600), ("open", SECRET, 0o644), ("group", SECRET, 0o640), ("secret", SECRET, 0o600)]
            {
                put(&test, file, content, mode);
            }
            fs::create_dir(test.path("folder")).unwrap();
            let outcome = test.run(&["get", "prod", "--max-retries", "1"]);
            outcome.fails(missing.exit, "prod").mentions(missing.says).hides(LEAK).is_brief();
            test.run(&["-vvv", "renew", "prod"]).exits(missing.exit).is_polite();
            assert!(!Place::was_reached(&test, &issuer), "{name}: somebody was asked");
            test.nothing_cached("prod");
        },
    );
}

/// What is mended is tried at once: nobody was asked, so nothing is remembered.
#[test]
fn what_is_mended_is_tried_at_once() {
    for place in &PLACES {
        let issuer = Issuer::start();
        let test = place.home(&issuer, "{ file = \"~/secret\" }", "").named(place.name);
        test.run(&["get", "prod"]).fails(2, "prod");
        put(&test, "secret", SECRET, 0o644);
        test.run(&["get", "prod"]).fails(2, "prod");
        put(&test, "secret", SECRET, 0o600);
        test.run(&["get", "prod"]).gives("token-1");
        assert_eq!(place.arrived(&test, &issuer), SECRET, "{}", place.name);
    }
}

#[test]
fn a_table_that_is_none_of_them_is_a_mistake() {
    let table = [
        ("two forms", "{ env = \"A\", file = \"/b\" }", "expected one of `env`, `file`, `command`, `profile` and `jwt`"),
        ("none", "{}", "expected one of `env`, `file`, `command`, `profile` and `jwt`"),
        ("misspelt", "{ flie = \"/a\" }", "did you mean `file`?"),
        ("one too many", "{ file = \"/a\", mode = \"0600\" }", "unknown key"),
        ("a number", "{ env = 7 }", "expected a string, found a number"),
        ("an empty name", "{ env = \"\" }", "empty"),
        ("an empty path", "{ file = \"\" }", "empty"),
        ("a shell line", "{ command = \"cat secret\" }", "expected a list of strings"),
        ("an empty command", "{ command = [] }", "expected a program and its arguments"),
        ("no name", "{ profile = \"../a\" }", "name"),
        ("no such profile", "{ profile = \"failling\" }", "did you mean `failing`?"),
        ("half a JWT", "{ jwt = { issuer = \"me\" } }", "key_file"),
        ("a JWT as text", "{ jwt = \"x\" }", "expected a table, found a string"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, input, says)| {
            for place in &PLACES {
                let issuer = Issuer::start();
                let test = place.home(&issuer, input, FAILING).named(&format!("{}: {name}", place.name));
                let path = test.path("config/token/config.toml");
                let config = fs::read_to_string(&path).unwrap();
                let line = 1 + config.lines().position(|line| line.contains(input)).unwrap();
                test.run(&["get", "prod"]).fails(2, &format!("config.toml:{line}")).mentions("`profile.prod.").mentions(says);
                assert!(!Place::was_reached(&test, &issuer));
            }
        },
    );
}

/// A command that asks for what it is needed for would wait for itself.
#[test]
fn a_command_that_needs_itself_is_found_out_at_once() {
    let program = env!("CARGO_BIN_EXE_token");
    let chain = "[profile.next]\nsource = \"exec\"\ncommand = [\"true\"]\nenv = { A = { profile = \"prod\" } }\n";
    for place in &PLACES {
        for asked in ["prod", "next"] {
            let issuer = Issuer::start();
            let input = format!("{{ command = [\"{program}\", \"get\", \"{asked}\"] }}");
            let test = place.home(&issuer, &input, chain).named(&format!("{}, by {asked}", place.name));
            let outcome = test.run(&["get", "prod"]);
            outcome.fails(2, "prod").mentions("it depends on itself");
            assert!(!Place::was_reached(&test, &issuer));
        }
    }
}
