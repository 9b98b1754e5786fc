//! `--metrics`: what Prometheus reads, and who asks whether it lives.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::support::{Issuer, Reply, SECRET, Test, wait_until};
use crate::{SECOND, Watcher, eager};

/// A port that was free a moment ago.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The answer to `GET path`; nothing where nobody listens.
fn asked(port: u16, path: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        stream.read_to_string(&mut answer).unwrap();
    }
    answer
}

/// The value of a metric of a profile.
fn value(page: &str, metric: &str, profile: &str) -> Option<f64> {
    let sample = format!("{metric}{{profile=\"{profile}\",");
    page.lines().find(|line| line.starts_with(&sample))?.rsplit(' ').next()?.parse().ok()
}

#[test]
fn the_page_tells_how_each_profile_fares() {
    let [good, refused] = [Reply::token(2), Reply::oauth(401, "invalid_client")].map(Issuer::answering);
    let test = Test::configured(&eager([("good", &good), ("refused", &refused)]));
    let port = port();
    let watcher = Watcher::start(&test, &["--all", "--metrics", &format!("127.0.0.1:{port}")]);
    watcher.wait_for("parked", 1);
    watcher.wait_for("renewed", 2);
    let page = asked(port, "/metrics");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("text/plain; version=0.0.4"), "{page}");
    assert!(value(&page, "token_renewals_total", "good") >= Some(2.0), "{page}");
    assert_eq!(value(&page, "token_renewals_total", "refused"), Some(0.0), "{page}");
    assert_eq!(value(&page, "token_renewal_failures_total", "refused"), Some(1.0), "{page}");
    assert_eq!(value(&page, "token_parked", "refused"), Some(1.0), "{page}");
    assert_eq!(value(&page, "token_parked", "good"), Some(0.0), "{page}");
    assert!(value(&page, "token_seconds_to_expiry", "good").is_some_and(|left| left > 0.0 && left <= 2.0), "{page}");
    assert!(value(&page, "token_last_success_timestamp_seconds", "good").is_some(), "{page}");
    assert!(!page.contains("token-") && !page.contains(SECRET), "{page}");
    let healthz = asked(port, "/healthz");
    assert!(healthz.starts_with("HTTP/1.1 200 "), "{healthz}");

    test.configure(&eager([("good", &good)]));
    watcher.signal(rustix::process::Signal::HUP);
    wait_until("the new profiles", || !asked(port, "/metrics").contains("refused"));
    assert!(asked(port, "/healthz").starts_with("HTTP/1.1 200 "));
    // Who connects and says nothing does not hold it up.
    let _idle = TcpStream::connect(("127.0.0.1", port)).unwrap();
    watcher.end();
    assert_eq!(asked(port, "/healthz"), "", "nobody listens any more");
}

/// Before anything is asked for: a wrong address is a mistake of the command line.
#[test]
fn an_address_that_will_not_do_is_refused() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (address, says) in [("nonsense", "--metrics"), ("127.0.0.1", "--metrics"), ("127.0.0.1:99999", "--metrics"), (&taken, &taken)] {
        test.run(&["watch", "--metrics", address]).exits(2).prints("").is_polite().mentions(says).within(SECOND);
    }
    assert_eq!(issuer.count(), 0);
}
