//! The device flow (RFC 8628) on a terminal: somebody reads the code off the screen and enters it on the provider's own
//! pages. From then on nobody is needed.

use std::time::Duration;

use crate::support::issuer::{DEVICE, DEVICE_GRANT, REFRESH_GRANT};
use crate::support::terminal::Terminal;
use crate::support::{Home, Issuer, Person};

/// How long a client waits between polls where the server names no interval (RFC 8628 §3.2).
const INTERVAL: Duration = Duration::from_secs(5);

fn home_of_a_device(issuer: &Issuer) -> Home {
    Home::new(&(issuer.profile_of("device-code", DEVICE) + "scope = [\"read\"]\n"))
}

/// The address and the code that the terminal shows, as in `http://…/device` and `ABCD-EFGH`.
#[track_caller]
fn shown(terminal: &Terminal, issuer: &Issuer) -> (String, String) {
    let address = terminal.word("an address", |word| word.starts_with(&format!("{}/device", issuer.url())));
    let is_code = |word: &str| {
        let halves = word.split_once('-');
        halves.is_some_and(|halves| [halves.0, halves.1].iter().all(|half| half.len() == 4 && half.bytes().all(|b| b.is_ascii_uppercase())))
    };
    (address, terminal.word("a code", is_code))
}

#[track_caller]
fn log_in(home: &Home, issuer: &Issuer) {
    let terminal = home.on_terminal(&["renew"]);
    let (address, code) = shown(&terminal, issuer);
    Person::approving().entering(&code).visit(&address);
    let outcome = terminal.finish().exits(0);
    assert!(outcome.stdout.is_empty(), "{outcome}");
}

#[test]
fn somebody_enters_the_code_once_and_nobody_is_needed_again() {
    let issuer = Issuer::start();
    let home = home_of_a_device(&issuer);

    log_in(&home, &issuer);
    let first = home.token(&["get"]).quiet_token();

    let said = issuer.introspect(&first);
    for (key, value) in [("client_id", DEVICE), ("sub", "ada"), ("scope", "read")] {
        assert_eq!(said[key], value, "{said}");
    }

    let second = home.token(&["get", "--renew"]).quiet_token();
    home.token(&["renew", "--no-interactive"]).exits(0);
    let third = home.token(&["get", "--no-interactive"]).quiet_token();

    assert!(first != second && second != third && issuer.takes(&third));
    let seen = issuer.seen();
    assert_eq!((seen.path("/device/auth"), seen.asked_and_granted(REFRESH_GRANT)), (1, (2, 2)));
}

#[test]
fn whoever_asks_while_somebody_logs_in_gets_that_token() {
    let issuer = Issuer::start();
    let home = home_of_a_device(&issuer);
    let terminal = home.on_terminal(&["renew"]);
    let (address, code) = shown(&terminal, &issuer);

    let scripts = [home.start(&["get"]), home.start(&["get"])];
    Person::approving().entering(&code).visit(&address);
    terminal.finish().exits(0);

    let token = home.token(&["get"]).quiet_token();
    for script in scripts {
        assert_eq!(script.finish().token(), token);
    }
    assert_eq!(issuer.seen().path("/device/auth"), 1);
}

#[test]
fn it_asks_no_faster_than_the_interval() {
    let issuer = Issuer::start();
    let home = home_of_a_device(&issuer);
    let terminal = home.on_terminal(&["renew"]);
    let (address, code) = shown(&terminal, &issuer);
    let polls = || issuer.seen().grants(DEVICE_GRANT);
    crate::support::eventually("a second poll", 5 * INTERVAL, || (polls().len() >= 2).then_some(()));
    Person::approving().entering(&code).visit(&address);
    terminal.finish().exits(0);

    let times = polls();
    let least = u64::try_from(INTERVAL.as_millis()).expect("a short time");
    // The provider takes down when it answered, and an answer may take a moment less than the one before.
    let slack = 500;
    assert!(times.len() >= 3 && times.windows(2).all(|pair| pair[1] - pair[0] >= least - slack), "{times:?}");
    assert_eq!(issuer.seen().asked_and_granted(DEVICE_GRANT).1, 1);
}

#[test]
fn somebody_who_says_no_is_taken_at_their_word() {
    let issuer = Issuer::start();
    let home = home_of_a_device(&issuer);
    let terminal = home.on_terminal(&["renew"]);
    let (address, code) = shown(&terminal, &issuer);

    Person::refusing().entering(&code).visit(&address);

    let outcome = terminal.finish().exits(4);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("prod"), "{outcome}");
    assert!(home.login().iter().all(|text| !issuer.takes(text)));
    home.token(&["get", "--offline"]).exits(5);
    assert_eq!(issuer.seen().asked_and_granted(DEVICE_GRANT).1, 0);
}

#[test]
fn no_one_is_asked_where_there_is_no_terminal() {
    let issuer = Issuer::start();
    let home = home_of_a_device(&issuer);

    for arguments in [&["get"][..], &["renew"], &["get", "--renew"]] {
        let outcome = home.token(arguments).exits(3);
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains("token renew prod"), "{outcome}");
    }

    let status = home.token(&["status", "--json"]).json();
    assert_eq!(status["profiles"][0]["state"], "login-required", "{status}");
    assert_eq!(issuer.seen().path("/device/auth"), 0);
}

#[test]
fn a_login_the_provider_forgot_is_dead_until_somebody_logs_in_again() {
    let mut issuer = Issuer::start();
    let home = home_of_a_device(&issuer);
    log_in(&home, &issuer);
    let status = home.token(&["status", "--json"]).json();
    assert_eq!(status["profiles"][0]["login"], "present", "{status}");
    issuer.go_away();
    issuer.come_back();

    let outcome = home.token(&["get", "--renew"]).exits(3);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("token renew prod"), "{outcome}");
    home.token(&["renew"]).exits(3);
    let status = home.token(&["status", "--json"]).json();
    let shown = &status["profiles"][0];
    assert_eq!((&shown["login"], &shown["state"]), (&"dead".into(), &"login-required".into()), "{status}");
    assert_eq!(issuer.seen().asked_and_granted(REFRESH_GRANT), (1, 0), "a dead login is not presented again");

    log_in(&home, &issuer);
    assert!(issuer.takes(&home.token(&["get"]).quiet_token()));
}
