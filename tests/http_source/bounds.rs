//! Where requests go and where they never go, and how much of an answer is taken.

use crate::home::{at, home};
use crate::support::{Issuer, Reply, Test, Trap, cases};

const PROXY_VARIABLES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

fn through(test: Test, trap: &Trap) -> Test {
    PROXY_VARIABLES.iter().fold(test, |test, variable| test.env(variable, trap.url()))
}

#[test]
fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let trap = Trap::set();
        let server = Issuer::answering(Reply::redirect(status, &trap.url()));
        let test = home(&server, "bearer = \"canary-s3cret-5f2b9c\"");
        test.get().fails(4, "prod").mentions("redirect").mentions("`url`").is_brief();
        assert_eq!((trap.visits(), server.count()), (0, 1), "{status}");
        test.nothing_cached("prod");
    }
}

#[test]
fn plain_http_is_for_loopback_and_metadata_only() {
    let refused = [
        "http://192.0.2.1/token",
        "http://vault.example.com:8200/",
        "http://localhost.example.com/",
        "http://metadata.google.internal.example.com/",
        "http://169.254.169.254@192.0.2.1/",
        "http://169.254.169.254:80@127.0.0.1/",
        "http://2852039166.example.com/",
        "ftp://127.0.0.1/token",
        "file:///etc/passwd",
        "127.0.0.1:80/token",
    ];
    for url in refused {
        at(url, "").named(url).get().fails(2, "config.toml:5").mentions("`profile.prod.url`");
    }
    for url in ["http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://metadata.google.internal/", "https://192.0.2.1/"] {
        at(url, "").named(url).run(&["status"]).exits(0);
    }
}

#[test]
fn loopback_ignores_every_proxy() {
    let (trap, server) = (Trap::set(), Issuer::start());
    for keys in [String::new(), format!("proxy = \"{}\"", trap.url())] {
        through(home(&server, &keys), &trap).run(&["get", "--renew"]).exits(0);
    }
    assert_eq!((trap.visits(), server.count()), (0, 2));
}

/// Nobody need be there: what counts is who is not asked.
#[test]
fn metadata_servers_are_never_asked_through_a_proxy() {
    let addresses = [
        "http://169.254.169.254/latest/api/token",
        "https://169.254.169.254/latest/api/token",
        "http://[fd00:ec2::254]/latest/api/token",
        "http://metadata.google.internal/computeMetadata/v1/",
    ];
    cases::each(
        &addresses,
        |address| address,
        |address| {
            let trap = Trap::set();
            for keys in [String::new(), format!("proxy = \"{}\"", trap.url())] {
                let test = through(at(address, &keys), &trap).named(address);
                test.run(&["get", "--request-timeout", "300ms", "--max-retries", "1", "--timeout", "2s"]);
            }
            assert_eq!(trap.visits(), 0, "{address}");
        },
    );
}

/// The positive control.
#[test]
fn other_hosts_are_asked_through_the_proxy() {
    let args = ["get", "--request-timeout", "1s", "--max-retries", "1"];
    let trap = Trap::set();
    through(at("https://vault.invalid/", ""), &trap).run(&args).fails(5, "prod");
    assert!(trap.visits() > 0, "by the environment");
    let trap = Trap::set();
    at("https://vault.invalid/", &format!("proxy = \"{}\"", trap.url())).run(&args).fails(5, "prod");
    assert!(trap.visits() > 0, "by the profile");
}

#[test]
fn answers_without_measure_are_refused_in_little_memory() {
    let table = [
        ("huge", "", Reply::huge(200 << 20)),
        ("huge, and all of it the token", "token = \"\"", Reply::huge(200 << 20)),
        ("endless", "token = \"\"", Reply::endless_chunks()),
        ("endless with 500", "", Reply::endless_chunks().with_status(500)),
        ("compressed", "", Reply::gzip_bomb(200)),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, keys, reply)| {
            let server = Issuer::answering(reply.clone());
            let test = home(&server, keys).named(name);
            test.run(&["get", "--timeout", "10s"]).fails(5, "prod").is_brief().stays_small();
            test.nothing_cached("prod");
        },
    );
}

/// What stands before a body, and behind it, has its bounds as well.
#[test]
fn heads_without_measure_are_refused_in_little_memory() {
    const MANY: usize = 32 << 20;
    let raw = |head: &str, more: &str| Reply::raw((head.to_owned() + &more.repeat(MANY / more.len())).as_bytes());
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let table = [
        ("a status line", raw("HTTP/1.1 200 ", "O")),
        ("a header", raw("HTTP/1.1 200 OK\r\nX: ", "y")),
        ("headers", raw("HTTP/1.1 200 OK\r\n", "X: y\r\n")),
        ("interim answers", raw("", "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n")),
        ("the length of a chunk", raw(chunked, "0")),
        ("the extension of a chunk", raw(&format!("{chunked}1;x="), "y")),
        ("trailers", raw(&format!("{chunked}0\r\n"), "X: y\r\n")),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(name, reply)| {
            let server = Issuer::answering(reply.clone());
            let test = home(&server, "").named(name);
            test.run(&["get", "--timeout", "10s", "--max-retries", "1"]).fails(5, "prod").is_brief().stays_small();
            test.nothing_cached("prod");
        },
    );
}

#[test]
fn broken_answers_end_at_the_time_limit() {
    let table = [("silence", Reply::silence()), ("drip", Reply::drip()), ("reset", Reply::reset()), ("short", Reply::short())];
    cases::each(
        &table,
        |case| case.0,
        |(name, reply)| {
            for keys in ["", "token = \"\""] {
                let server = Issuer::answering(reply.clone());
                let test = home(&server, keys).named(name);
                test.run(&["get", "--request-timeout", "500ms"]).fails(5, "prod");
                test.nothing_cached("prod");
            }
        },
    );
}

/// S3: an address may hold a key.
#[test]
fn no_message_shows_the_query_of_an_address() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Issuer::start();
    server.script([Reply::short(), Reply::status(503), Reply::redirect(302, "/")]);
    for url in [gone.to_string(), server.url().replace("http://", "")].map(|host| format!("http://{host}/api?api_key=canary-s3cret-5f2b9c"))
    {
        let test = at(&url, "").named(&url);
        for args in [["-vvv", "get"], ["-vvv", "renew"], ["-vvv", "status"]] {
            let outcome = test.run(&[&args[..], &["prod"]].concat());
            outcome.hides("canary");
        }
        let memo = std::fs::read_to_string(test.cache_dir().join("prod.failure")).unwrap_or_default();
        assert!(!memo.contains("canary"), "{memo}");
    }
}
