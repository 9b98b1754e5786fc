//! The port at which a login ends, and who else may come there.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use crate::provider::{Provider, ask, fields, get, log_in_at};
use crate::session::{Session, home, home_of, opened, port_of, text};

/// Asks 127.0.0.1 for this with this Host.
fn asked(port: u16, method: &str, target: &str, host: &str) -> String {
    let page = ask(port, &format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    page.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_is_not_the_answer_neither_ends_nor_completes_a_login() {
    let provider = Provider::start();
    let test = home_of(&provider);
    let session = Session::start(&test, &["get"]);
    let answer = log_in_at(&session.opened());
    let port = session.port();
    let ours = format!("127.0.0.1:{port}");
    let right = &answer[answer.find("/callback").unwrap()..];
    let wrong_state = right.replace("state=", "state=x");
    let table = [
        ("GET", "/callback?code=c", ours.as_str(), "400"),
        ("GET", &wrong_state, &ours, "400"),
        ("GET", &format!("{right}&code=d"), &ours, "400"),
        ("GET", &format!("{right}&iss=https://evil"), &ours, "400"),
        ("GET", "/callback?error=access_denied&state=x", &ours, "400"),
        ("GET", "/favicon.ico", &ours, "404"),
        ("GET", &right.replace("/callback", "/Callback"), &ours, "404"),
        ("GET", right, "evil.example", "404"),
        ("GET", right, &format!("localhost:{port}"), "404"),
        ("POST", right, &ours, "405"),
    ];
    for (method, target, host, status) in table {
        let line = asked(port, method, target, host);
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {target} {host}: {line}");
    }
    assert!(ask(port, "\u{16}\u{3}\u{1}\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert_eq!(provider.posts(), 0);

    assert!(get(&answer).starts_with("HTTP/1.1 200 "));
    session.finish().exits(0);
    assert_eq!((test.answer().as_str(), provider.posts()), ("token-1\n", 1));
}

#[test]
fn a_thousand_strangers_change_nothing() {
    let provider = Provider::start();
    let test = home_of(&provider);
    let session = Session::start(&test, &["get"]);
    let answer = log_in_at(&session.opened());
    let port = session.port();
    for number in 0..1000 {
        let line = asked(port, "GET", &format!("/callback?code=c&state={number}"), &format!("127.0.0.1:{port}"));
        assert!(line.starts_with("HTTP/1.1 400 "), "{number}: {line}");
    }
    // Those who say nothing, or not all of it, and stay.
    let mut silent = Vec::new();
    for number in 0..300 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        if number % 2 == 0 {
            // Whoever came first may have been let go.
            let _ = stream.write_all(b"GET /callback?code=");
        }
        silent.push(stream);
    }
    assert!(get(&answer).starts_with("HTTP/1.1 200 "));
    session.finish().exits(0).stays_small();
    assert_eq!((test.answer().as_str(), provider.posts()), ("token-1\n", 1));
}

/// RFC 9207: an issuer that always names itself has not given an answer without its name, nor one with another.
#[test]
fn an_answer_has_to_be_of_our_issuer() {
    for keeps_its_word in [true, false] {
        let provider = Provider::naming_itself(keeps_its_word);
        let test = home(&provider.discovered_profile("browser = [\"./browser\"]"));
        let session = Session::start(&test, &["get"]);
        let answer = log_in_at(&session.opened());
        assert_eq!(fields(&answer).get("iss"), keeps_its_word.then(|| provider.issuer.url()).as_ref());
        let bare = answer.split("&iss=").next().unwrap();
        for wrong in [bare, &format!("{bare}&iss=https%3A%2F%2Fevil.example"), &format!("{bare}&iss=")] {
            assert!(get(wrong).starts_with("HTTP/1.1 400 "), "{wrong}");
        }
        assert_eq!(provider.posts(), 0);
        let named = url::form_urlencoded::byte_serialize(provider.issuer.url().as_bytes()).collect::<String>();
        assert!(get(&format!("{bare}&iss={named}")).starts_with("HTTP/1.1 200 "));
        session.finish().exits(0);
        assert_eq!((test.answer().as_str(), provider.issuer.discovered()), ("token-1\n", 1));
    }
}

#[test]
fn a_configured_port_is_the_one() {
    let provider = Provider::start();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let test = home(&provider.profile(&format!("browser = [\"./browser\"]\nredirect_port = {port}")));
    // It is free again at once.
    for round in 1..=2 {
        let session = Session::start(&test, &["renew"]);
        assert_eq!(port_of(&fields(&session.opened())), port);
        session.log_in();
        session.finish().exits(0);
        provider.forget();
        test.run(&["purge"]).exits(0);
        assert_eq!(provider.visits(), round);
    }
}

#[test]
fn a_port_that_is_taken_is_found_out_before_anything_else() {
    let provider = Provider::naming_itself(true);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let test = home(&provider.discovered_profile(&format!("browser = [\"./browser\"]\nredirect_port = {port}")));
    let outcome = Session::start(&test, &["renew"]).finish();
    let expected = format!(
        "error: prod: the port {port} of `redirect_port` is taken by another program\n  \
         hint: end that program, or set `redirect_port` to another port that the issuer knows"
    );
    assert_eq!(text(outcome.exits(2)), expected, "{outcome}");
    assert_eq!((opened(&test), provider.issuer.count(), provider.issuer.discovered()), (None, 0, 0));
}
