//! Mistakes on the command line: exit 2, nothing on stdout, at most eight lines that name the culprit, and nothing done.

use crate::support::{Issuer, Outcome, Test, cases};

struct Mistake {
    args: &'static [&'static str],
    names: &'static str,
}

const fn mistake(args: &'static [&'static str], names: &'static str) -> Mistake {
    Mistake { args, names }
}

const MISTAKES: [Mistake; 38] = [
    mistake(&["--bogus"], "--bogus"),
    mistake(&["gte"], "gte"),
    mistake(&["login", "prod"], "'renew'"),
    mistake(&["logout"], "'purge'"),
    mistake(&["get", "--bogus"], "--bogus"),
    mistake(&["get", "-Z"], "-Z"),
    mistake(&["get", "--min-tll", "1m"], "--min-ttl"),
    mistake(&["get", "one", "two"], "two"),
    mistake(&["get", "prod", "--", "echo", "x"], "COMMAND"),
    mistake(&["get", "--"], "`--`"),
    mistake(&["get", "prod", "--"], "`--`"),
    mistake(&["get", "--ttl", "1h"], "COMMAND"),
    mistake(&["get", "prod", "--ttl", "1h"], "COMMAND"),
    mistake(&["get", "--name", "x"], "COMMAND"),
    mistake(&["get", "--renew", "--offline"], "--offline"),
    mistake(&["get", "--min-ttl", "soon"], "--min-ttl"),
    mistake(&["get", "--min-ttl", "5"], "--min-ttl"),
    mistake(&["get", "--min-ttl"], "--min-ttl"),
    mistake(&["get", "--timeout", "-5s"], "-5"),
    mistake(&["get", "--timeout", "1 parsec"], "--timeout"),
    mistake(&["get", "--request-timeout", ""], "--request-timeout"),
    mistake(&["get", "--max-retries", "many"], "--max-retries"),
    mistake(&["get", "--max-retries", "-1"], "-1"),
    mistake(&["get", "--max-retries", "1.5"], "--max-retries"),
    mistake(&["get", "-o", "yaml"], "yaml"),
    mistake(&["get", "--ttl", "never ever", "--", "echo", "x"], "--ttl"),
    mistake(&["--color", "sometimes", "get"], "--color"),
    mistake(&["--log-format", "xml", "get"], "--log-format"),
    mistake(&["get", "--profile"], "--profile"),
    mistake(&["renew", "prod", "--all"], "--all"),
    mistake(&["renew", "--if-token-is"], "--if-token-is"),
    mistake(&["purge", "prod", "--all"], "--all"),
    mistake(&["purge", "--dry-rum"], "--dry-run"),
    mistake(&["status", "--yaml"], "--yaml"),
    mistake(&["run", "prod"], "COMMAND"),
    mistake(&["run"], "COMMAND"),
    mistake(&["run", "prod", "true"], "true"),
    mistake(&["run", "--env", "A=B", "--", "true"], "--env"),
];

fn is_usage(outcome: &Outcome, names: &str) {
    outcome.exits(2).prints("").mentions(names).is_polite().is_brief();
    let lines = outcome.stderr.lines().count();
    assert!((1..=8).contains(&lines), "{lines} lines{outcome}");
}

#[test]
fn a_mistake_is_told_in_a_few_lines_and_nothing_is_done() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    let named = MISTAKES.map(|case| (case.args.join(" "), case));
    cases::each(&named, |(line, _)| line, |(_, case)| is_usage(&test.run(case.args), case.names));
    assert_eq!(issuer.count(), 0);
    assert_eq!(test.cache_files(), [""; 0]);
}

/// A person who tries `token get --renw` must not be told to run it as a command.
#[test]
fn no_tip_leads_astray() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.run(&["get", "--bogus"]).exits(2).hides("-- --bogus");
}

#[test]
fn a_profile_that_is_not_there_is_told_with_the_nearest() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    let forms: [&[&str]; 7] = [
        &["get", "prd"],
        &["get", "-p", "prd"],
        &["--profile=prd", "get"],
        &["renew", "prd"],
        &["purge", "prd"],
        &["status", "prd"],
        &["run", "prd", "--", "true"],
    ];
    for args in forms {
        test.run(args).fails(2, "prd").mentions("`prod`");
    }
    // Nothing is like it: what there is.
    test.run(&["get", "zzz"]).fails(2, "zzz").mentions("prod");
    // What is no name at all is shown tame.
    test.run(&["get", "a\u{1b}[31m\nb"]).fails(2, "a");
    assert_eq!(issuer.count(), 0);
}

#[test]
fn two_profiles_at_once_are_a_mistake() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.run(&["get", "prod", "-p", "prod"]).gives("token-1");
    let outcome = test.run(&["get", "prod", "-p", "other"]);
    is_usage(&outcome, "other");
}

#[test]
fn without_a_command_there_is_nothing_to_do() {
    let outcome = Test::bare().run(&[]);
    outcome.exits(2).prints("").mentions("Usage").mentions("get").is_polite();
}

#[test]
fn help_and_version_are_answers() {
    let test = Test::bare();
    for args in
        [&["--help"][..], &["-h"], &["get", "--help"], &["renew", "--help"], &["purge", "-h"], &["status", "-h"], &["run", "--help"]]
    {
        let outcome = test.run(args);
        outcome.exits(0).is_polite();
        assert!(outcome.stdout().contains("Usage: token"), "{outcome}");
        assert_eq!(outcome.stderr, "", "{outcome}");
        assert!(!outcome.stdout().contains('\u{1b}'), "no colour on a pipe{outcome}");
    }
    for args in [&["--version"][..], &["-V"]] {
        test.run(args).exits(0).prints(&format!("token {}\n", env!("CARGO_PKG_VERSION")));
    }
}

/// What stands behind a flag that wants `-` may well be a token.
#[test]
fn a_token_in_the_wrong_place_is_not_repeated() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    for command in ["renew", "purge"] {
        test.run(&[command, "prod", "--if-token-is", "token-1"]).exits(2).prints("").mentions("--if-token-is").is_polite();
    }
}
