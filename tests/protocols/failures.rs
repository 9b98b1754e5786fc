//! A failure is put as each protocol puts it: the exit status, what is on standard output, and whether anything is on standard error.

use super::{Asked, EVERY_TOOL, HOSTS, tool_name};
use crate::support::cases::each;
use crate::support::{Issuer, PATIENT, Reply, Test, profile};

/// How a tool is told that the issuer refused, which is exit status 4, and why.
fn refused(tool: &str) -> (i32, String, bool) {
    const WHY: &str = "prod: 127.0.0.1:";
    match tool {
        "git" => (4, "quit=1\n".to_owned(), true),
        "docker" => (4, WHY.to_owned(), false),
        "google" => (0, format!("{{\"version\":1,\"success\":false,\"code\":\"TOKEN_4\",\"message\":\"{WHY}"), false),
        "cargo" => (0, format!("{{\"v\":[1]}}\n{{\"Err\":{{\"kind\":\"other\",\"message\":\"{WHY}"), false),
        _ => (4, String::new(), true),
    }
}

#[test]
fn a_refusal_is_told_in_the_words_of_each() {
    each(&EVERY_TOOL, tool_name, |Asked { name, args, input }| {
        let issuer = Issuer::answering(Reply::oauth(401, "invalid_client"));
        let test = Test::configured(&format!("{PATIENT}{}{HOSTS}", profile("prod", &issuer.endpoint()))).named(name);
        let (status, beginning, has_stderr) = refused(name);
        for _ in ["asked", "remembered"] {
            let outcome = test.fed(args, input);
            outcome.exits(status).is_polite();
            let stdout = outcome.stdout();
            assert!(stdout.starts_with(&beginning) && stdout.is_empty() == beginning.is_empty(), "{outcome}");
            let told = if has_stderr { &outcome.stderr } else { &stdout };
            assert!(told.contains("invalid_client") && told.contains("`token renew prod`"), "why, and what to do: all of it{outcome}");
            assert_eq!(!outcome.stderr.is_empty(), has_stderr, "stderr{outcome}");
            if has_stderr {
                outcome.explains("prod");
            }
        }
        assert_eq!(issuer.count(), 1);
    });
}

/// Whether a broken configuration concerns this host, nobody knows: git asks others.
#[test]
fn a_broken_configuration_is_no_answer() {
    each(&EVERY_TOOL, tool_name, |Asked { name, args, input }| {
        let test = Test::configured("profil = 1\n").named(name);
        let outcome = test.fed(args, input);
        let (status, stdout) = match *name {
            "google" | "cargo" => (0, true),
            "docker" => (2, true),
            _ => (2, false),
        };
        outcome.exits(status).is_polite();
        assert_eq!(!outcome.stdout.is_empty(), stdout, "{outcome}");
        assert!(!outcome.stdout().contains("quit"), "{outcome}");
        assert!(outcome.stdout().contains("config.toml:1") || outcome.stderr.contains("config.toml:1"), "{outcome}");
    });
}

#[test]
fn a_token_that_is_good_still_is_handed_over_whatever_fails() {
    each(&EVERY_TOOL, tool_name, |Asked { name, args, input }| {
        let issuer = Issuer::start();
        let config = format!("[renewal]\nlifetime_safe_fraction = 0.001\n{}{HOSTS}", profile("prod", &issuer.endpoint()));
        let test = super::shelled(Test::configured(&config)).named(name);
        issuer.script([Reply::token(600)]);
        test.get().gives("token-1");
        issuer.answer(Reply::status(503));
        crate::support::wait_until("the token to near its expiry", || {
            let issued_at = test.entry("prod").unwrap()["issued_at"].as_f64().unwrap();
            crate::support::now() > issued_at + 1.05
        });
        let outcome = test.fed(args, input);
        outcome.exits(0).is_polite();
        assert!(outcome.stdout().contains("token-1"), "{outcome}");
        let is_silent = *name == "google";
        assert_eq!(outcome.stderr.is_empty(), is_silent, "a warning, where it does no harm{outcome}");
        assert_eq!(issuer.count(), 2);
    });
}

#[test]
fn a_closed_stdout_is_a_failure() {
    each(&EVERY_TOOL, tool_name, |Asked { name, args, input }| {
        let issuer = Issuer::start();
        let test = super::home(&issuer).named(name).in_shell("exec \"$@\" >&-");
        for _ in ["cold", "warm"] {
            test.fed(args, input).exits(1).prints("");
        }
        let test = test.in_shell("exec \"$@\" >/dev/full");
        test.fed(args, input).exits(1);
    });
}
