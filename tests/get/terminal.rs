//! What a person sees who waits at a terminal: a spinner after 300 ms, and no trace of it afterwards.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::{Issuer, Reply, Screen, Test, cases, profile};

/// Long enough for a spinner to appear and turn.
const LONG: Duration = Duration::from_millis(600);

fn slow() -> Issuer {
    Issuer::answering(Reply::token(3600).after(LONG))
}

#[test]
fn who_waits_sees_something_and_nothing_of_it_stays() {
    let commands: [(&str, &[&str]); 3] = [("get", &["get"]), ("get as JSON", &["get", "-o", "json"]), ("run", &["run", "--", "true"])];
    cases::each(
        &commands,
        |case| case.0,
        |(_, args)| {
            let issuer = slow();
            let test = Test::against(&issuer);
            let outcome = test.on_terminal(args).finish();
            outcome.exits(0).no_sooner_than(LONG);
            let sent = outcome.stdout();
            assert!(sent.contains("prod"), "a spinner that says what is waited for{outcome}");
            assert!(!sent.contains("token-1"), "{outcome}");
            let screen = Screen::after(&outcome.stdout);
            assert_eq!(screen.text(), "", "a trace is left{outcome}");
            assert!(!screen.cursor_is_hidden, "the cursor is gone{outcome}");
        },
    );
}

#[test]
fn the_answer_is_apart_from_the_spinner() {
    let issuer = slow();
    let test = Test::against(&issuer);
    test.on_terminal(&["get"]).finish().exits(0);
    assert_eq!(test.answer(), "token-1\n");

    let test = Test::against(&issuer);
    let outcome = test.all_on_terminal(&["get"]).finish();
    assert_eq!(Screen::after(&outcome.exits(0).stdout).text(), "token-2", "{outcome}");
}

#[test]
fn renew_shows_its_line_where_the_spinner_was() {
    let issuer = slow();
    let outcome = Test::against(&issuer).on_terminal(&["renew"]).finish();
    let text = Screen::after(&outcome.exits(0).stdout).text();
    assert!(text.starts_with("prod: ") && text.lines().count() == 1, "{text:?}{outcome}");
}

/// Several profiles wait at once: each line whole, and nothing else on the screen.
#[test]
fn several_waits_do_not_get_into_each_other_s_way() {
    let (first, second) = (slow(), Issuer::answering(Reply::token(3600).after(LONG / 2)));
    let config = profile("a", &first.endpoint()) + &profile("b", &second.endpoint());
    let outcome = Test::configured(&config).on_terminal(&["renew", "--all"]).finish();
    let screen = Screen::after(&outcome.exits(0).stdout);
    let text = screen.text();
    let mut lines: Vec<_> = text.lines().map(|line| line.split(':').next().unwrap()).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b"], "{text:?}{outcome}");
    assert!(!screen.cursor_is_hidden);
}

#[test]
fn an_error_stands_where_the_spinner_was() {
    let issuer = Issuer::answering(Reply::oauth(401, "invalid_client").after(LONG));
    let outcome = Test::against(&issuer).on_terminal(&["get"]).finish();
    let text = Screen::after(&outcome.exits(4).stdout).text();
    assert!(text.starts_with("error: prod: ") && !text.contains("waiting"), "{text:?}{outcome}");
}

#[test]
fn what_is_quick_shows_nothing() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    for _ in 0..2 {
        let outcome = test.on_terminal(&["get"]).finish();
        assert_eq!(outcome.exits(0).stdout(), "", "{outcome}");
    }
}

#[test]
fn nobody_sees_it_who_asked_for_silence_or_for_json() {
    let manners: [(&str, &[&str]); 2] = [("quiet", &["-q", "get"]), ("JSON", &["--log-format", "json", "get"])];
    cases::each(
        &manners,
        |case| case.0,
        |(_, args)| {
            let issuer = slow();
            let outcome = Test::against(&issuer).on_terminal(args).finish();
            assert_eq!(outcome.exits(0).stdout(), "", "{outcome}");
        },
    );
}

#[test]
fn there_is_none_without_a_terminal() {
    let manners: [(&str, &[&str]); 3] = [("usual", &["get"]), ("coloured", &["get", "--color", "always"]), ("verbose", &["-v", "get"])];
    cases::each(
        &manners,
        |case| case.0,
        |(_, args)| {
            let issuer = slow();
            let outcome = Test::against(&issuer).run(args);
            outcome.gives("token-1").hides("waiting").hides("\r");
        },
    );
}

#[test]
fn ctrl_c_clears_it_away() {
    let issuer = Issuer::answering(Reply::token(3600).held());
    let test = Test::against(&issuer);
    let (keyboard, mut keys) = std::io::pipe().unwrap();
    let running = test.at_keyboard(&["get"], keyboard);
    issuer.wait_for_requests(1);
    std::thread::sleep(Duration::from_millis(500)); // the spinner is on the screen
    keys.write_all(b"\x03").unwrap();
    let typed = Instant::now();
    let outcome = running.finish();
    outcome.exits(130);
    assert!(typed.elapsed() < Duration::from_secs(1), "{outcome}");
    let screen = Screen::after(&outcome.stdout);
    let left = screen.text();
    assert!(!left.contains("waiting") && !screen.cursor_is_hidden, "{left:?}{outcome}");
    assert_eq!(test.answer(), "");
}
