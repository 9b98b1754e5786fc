//! How a login ends that comes to nothing.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::provider::Provider;
use crate::session::{Session, home, home_of, keeps_secrets, text};
use crate::support::{LEAK, Reply, SECRET, SLACK, Test, Trap, cases, hostile};

/// Nothing is kept, and nobody can come to the port any more.
#[track_caller]
fn came_to_nothing(test: &Test, port: u16) {
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is open");
    let kept: Vec<_> = std::fs::read_dir(test.path("state")).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    assert!(kept.is_empty(), "{kept:?}");
    test.nothing_cached("prod");
    assert_eq!(test.answer(), "");
}

#[test]
fn a_signal_ends_it_and_leaves_nothing() {
    let signals =
        [("typed", None, 130), ("INT", Some(Signal::INT), 130), ("TERM", Some(Signal::TERM), 143), ("HUP", Some(Signal::HUP), 129)];
    for (name, signal, status) in signals {
        let provider = Provider::start();
        let test = home_of(&provider);
        let mut session = Session::start(&test, &["get"]);
        let port = session.port();
        session.opened();
        let told = Instant::now();
        match signal {
            Some(signal) => session.signal(signal),
            None => session.type_in("half a li\u{3}"),
        }
        let outcome = session.finish();
        outcome.exits(status);
        assert!(told.elapsed() < Duration::from_secs(1) + SLACK, "{name}: {:?}{outcome}", told.elapsed());
        assert!(!text(&outcome).contains("error"), "{name}{outcome}");
        came_to_nothing(&test, port);
        assert_eq!(provider.posts(), 0, "{name}");
        // Nobody else is told that it failed.
        assert!(!test.cache_files().contains(&"prod.failure".to_owned()), "{name}");
    }
}

#[test]
fn a_signal_ends_it_while_the_token_is_on_its_way() {
    let provider = Provider::start();
    provider.issuer.script_at("/token", [Reply::json("{}").held()]);
    let test = home_of(&provider);
    let session = Session::start(&test, &["get"]);
    let port = session.port();
    session.log_in();
    crate::support::wait_until("the request", || provider.posts() == 1);
    session.signal(Signal::TERM);
    session.finish().exits(143);
    came_to_nothing(&test, port);
}

#[test]
fn a_refusal_is_final_and_shown_fit_for_a_terminal() {
    let provider = Provider::refusing("access_denied", "not \u{1b}[31mtoday\u{7}\r\nor \u{202e}ever");
    let test = home_of(&provider);
    let session = Session::start(&test, &["get"]);
    let port = session.port();
    let page = session.log_in();
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("Nobody was logged in") && !page.contains("today"), "{page}");

    let outcome = session.finish();
    let shown = text(outcome.exits(4));
    let host = provider.issuer.url().replace("http://", "");
    assert!(shown.contains(&format!("error: prod: {host} refused: access_denied (not [31mtoday or ever)\n  hint: ")), "{shown}");
    came_to_nothing(&test, port);
    assert_eq!(provider.posts(), 0);
    // Nor does it ask again by itself, even of somebody who is there.
    let again = Session::start(&test, &["get"]).finish();
    assert!(text(again.exits(4)).contains("token renew prod"), "{again}");
    assert_eq!(provider.visits(), 1);
}

#[test]
fn an_issuer_that_fails_for_now_is_asked_again_later() {
    let provider = Provider::refusing("temporarily_unavailable", "");
    let test = home_of(&provider);
    let session = Session::start(&test, &["get", "--max-retries", "1"]);
    session.log_in();
    let outcome = session.finish();
    assert!(text(outcome.exits(5)).contains("failed for now: temporarily_unavailable\n"), "{outcome}");
}

/// A code is answered by what no other source takes either: there is no token of it, no login, and nothing on the screen.
#[test]
fn no_code_is_redeemed_for_what_is_no_token() {
    let trap = Trap::set();
    let answers = hostile::answers(&trap.url());
    cases::each(
        &answers,
        |answer| answer.name,
        |answer| {
            let provider = Provider::start();
            provider.issuer.script_at("/token", [answer.reply.clone()]);
            let keys = format!("browser = [\"./browser\"]\nrefresh_request_timeout = \"5s\"\nclient_secret = \"{SECRET}\"");
            let test = home(&provider.profile(&keys).replace("\"cli\"", "\"ci\"")).named(answer.name);
            let session = Session::start(&test, &["get", "--max-retries", "1"]);
            let port = session.port();
            session.log_in();
            let outcome = session.finish();
            let shown = text(outcome.exits(answer.exit));
            assert!(shown.chars().all(|c| c == '\n' || !c.is_control()) && !shown.contains('\u{202e}'), "{}: {shown:?}", answer.name);
            for secret in provider.secrets().iter().map(String::as_str).chain([LEAK, SECRET, "token-1"]) {
                assert!(!shown.contains(secret), "{}: {secret}\n{shown}", answer.name);
            }
            assert_eq!(provider.posts(), 1, "{}: a code is good for one request", answer.name);
            came_to_nothing(&test, port);
        },
    );
    assert_eq!(trap.visits(), 0);
}

#[test]
fn a_code_that_is_not_taken_is_told_of() {
    let table = [
        (Reply::oauth(400, "invalid_grant"), 4, "refused: invalid_grant"),
        (Reply::status(503), 5, "failed for now (HTTP 503)"),
        (Reply::redirect(302, "http://127.0.0.1:9/"), 4, "redirect (302)"),
        (Reply::json("{}"), 5, "unusable"),
    ];
    for (reply, status, said) in table {
        let provider = Provider::start();
        provider.issuer.script_at("/token", [reply]);
        let test = home_of(&provider);
        let session = Session::start(&test, &["get", "--max-retries", "1"]);
        session.log_in();
        let outcome = session.finish();
        assert!(text(outcome.exits(status)).contains(said), "{said}{outcome}");
    }
}

/// What comes back of an issuer that repeats what it was sent.
#[test]
fn nothing_that_is_said_tells_a_secret() {
    let provider = Provider::start();
    let test = home(&format!("{}client_secret = \"{}\"\n", provider.profile("browser = [\"./browser\"]"), crate::support::SECRET));
    let session = Session::start(&test, &["get", "-vvv"]);
    session.log_in();
    let outcome = session.finish();
    outcome.exits(0);
    keeps_secrets(&provider, &test, &outcome);
    assert!(!outcome.stdout().contains(crate::support::SECRET) && !outcome.stdout().contains("token-1"), "{outcome}");
    assert!(text(&outcome).contains("asking the source"), "it says more{outcome}");
}

#[test]
fn nobody_who_comes_in_time_is_a_login_that_is_missing() {
    let provider = Provider::start();
    let test = home_of(&provider);
    let session = Session::start(&test, &["get", "--timeout", "1s"]);
    let port = session.port();
    let outcome = session.finish();
    assert!(text(outcome.exits(5)).contains("no answer within the time limit"), "{outcome}");
    outcome.no_sooner_than(Duration::from_secs(1));
    came_to_nothing(&test, port);
}
