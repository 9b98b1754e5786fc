//! What is sent, and which changes of it make another token.

use serde_json::{Value, json};

use crate::home::{config, home};
use crate::support::{Issuer, Reply, SECRET, cases};

struct Sent {
    name: &'static str,
    keys: &'static str,
    method: &'static str,
    content_type: Option<&'static str>,
    body: &'static str,
}

#[test]
fn the_profile_says_what_is_sent() {
    let case = |name, keys, method, content_type, body| Sent { name, keys, method, content_type, body };
    let json = Some("application/json");
    let cases = [
        case("nothing but the address", "", "GET", None, ""),
        case("a text", "body = \"a=b c&d\"", "POST", None, "a=b c&d"),
        case("a text of a kind", "body = \"a=b\"\nheaders = { Content-Type = \"text/x\" }", "POST", Some("text/x"), "a=b"),
        case("a table", "body = { role = \"ci\" }", "POST", json, r#"{"role":"ci"}"#),
        case("an empty table", "body = {}", "POST", json, "{}"),
        case(
            "a table of a kind",
            "body = { a = 1 }\nheaders = { content-type = \"application/x+json\" }",
            "POST",
            Some("application/x+json"),
            r#"{"a":1}"#,
        ),
        case("a table, put", "method = \"PUT\"\nbody = { a = true }", "PUT", json, r#"{"a":true}"#),
        case("a method", "method = \"PATCH\"", "PATCH", None, ""),
        case("got, with a body", "method = \"GET\"\nbody = \"x\"", "GET", None, "x"),
    ];
    cases::each(
        &cases,
        |case| case.name,
        |case| {
            let server = Issuer::start();
            home(&server, case.keys).named(case.name).get().gives("token-1");
            let requests = server.requests();
            let [request] = &requests[..] else { panic!("{}: {} requests", case.name, requests.len()) };
            assert_eq!((request.method.as_str(), request.path.as_str()), (case.method, "/api"), "{}", case.name);
            assert_eq!((request.header("content-type"), request.body.as_str()), (case.content_type, case.body), "{}", case.name);
            assert_eq!((request.header("authorization"), request.header("accept")), (None, json), "{}", case.name);
        },
    );
}

/// Servers of some kinds refuse a POST that does not say that it is empty.
#[test]
fn a_post_of_nothing_says_so() {
    let server = Issuer::start();
    home(&server, "method = \"POST\"").get().gives("token-1");
    assert_eq!(server.requests()[0].header("content-length"), Some("0"));
}

#[test]
fn the_values_of_a_table_keep_their_types() {
    let server = Issuer::start();
    let keys = "
        [profile.prod.body]
        text = \"a \\\"b\\\" \u{e9}\"
        empty = \"\"
        hex = 0x10
        less = -9007199254740993
        half = 0.5
        no = false
        file = { file = \"~/secret\" }
        env = { env = \"THE_SECRET\" }
        command = { command = [\"echo\", \"printed\"] }";
    let test = home(&server, keys).env("THE_SECRET", "a\"b\\c\n");
    test.put("secret", "canary-s3cret-5f2b9c\n", 0o600);
    test.get().gives("token-1");
    let sent: Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    let expected = json!({
        "text": "a \"b\" \u{e9}", "empty": "", "hex": 16, "less": -9_007_199_254_740_993_i64, "half": 0.5, "no": false,
        "file": SECRET, "env": "a\"b\\c\n", "command": "printed",
    });
    assert_eq!(sent, expected);
}

#[test]
fn a_configured_header_wins_over_ours() {
    let server = Issuer::start();
    let keys = "headers = { Accept = \"application/vnd.github+json\", User-Agent = \"ours\", X-Version = \"2022-11-28\" }";
    home(&server, keys).get().gives("token-1");
    let request = &server.requests()[0];
    for (name, value) in [("accept", "application/vnd.github+json"), ("user-agent", "ours"), ("x-version", "2022-11-28")] {
        let found: Vec<_> = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert_eq!(found[0].1, value);
    }
}

#[test]
fn a_bearer_goes_into_its_header() {
    let server = Issuer::start();
    let test = home(&server, "bearer = { file = \"~/secret\" }");
    test.put("secret", &format!("{SECRET}\n"), 0o600);
    test.run(&["-vvv", "get"]).gives("token-1");
    assert_eq!(server.requests()[0].header("authorization"), Some(&*format!("Bearer {SECRET}")));
    assert!(!std::fs::read_to_string(test.entry_path("prod")).unwrap().contains(SECRET), "it is in the cache");
}

/// A secret with a line end in it would end the header.
#[test]
fn what_does_not_fit_a_header_is_not_sent() {
    let server = Issuer::start();
    for keys in ["bearer = { env = \"THE_SECRET\" }", "headers = { X-Key = { env = \"THE_SECRET\" } }"] {
        let test = home(&server, keys).env("THE_SECRET", format!("{SECRET}\r\nX-Other: 1"));
        test.get().fails(2, "prod").mentions("header").is_brief();
    }
    assert_eq!(server.count(), 0);
}

/// S9: what decides which token it is, and what does not.
#[test]
fn another_request_makes_another_token() {
    let server = Issuer::start();
    let url = format!("{}/api", server.url());
    let base = "body = { role = \"ci\", id = { env = \"ID\" } }\nheaders = { X-Key = { env = \"ID\" } }";
    let test = home(&server, base).env("ID", "id");
    test.get().gives("token-1");
    let other = |url: &str, keys: &str| (config(url, keys), "another");
    let same = |keys: &str| (config(&url, keys), "the same");
    let table = [
        same(&format!("{base}\nttl = \"50m\"\nhosts = [\"api.example.com\"]")),
        same(&format!("{base}\nexpires_in = \"/expires_in\"")),
        other(&format!("{url}?audience=x"), base),
        other(&url, &format!("{base}\nmethod = \"PUT\"")),
        other(&url, &base.replace("\"ci\"", "\"cd\"")),
        other(&url, &base.replace("id = { env = \"ID\" }", "id = { env = \"HOME\" }")),
        other(&url, &base.replace("X-Key = { env = \"ID\" }", "X-Key = { env = \"HOME\" }")),
        other(&url, &format!("{base}\nbearer = {{ env = \"ID\" }}")),
        other(&url, "body = '{\"role\": \"ci\"}'"),
        other(&url, "body = '{\"role\": \"cd\"}'"),
    ];
    for (config, which) in table {
        let before = server.count();
        test.configure(&config);
        test.get().exits(0);
        assert_eq!(server.count() > before, which == "another", "{config}");
        let seed = server.count();
        test.configure(&self::config(&url, base));
        if which == "another" {
            test.get().exits(0);
            assert_eq!(server.count(), seed + 1, "and back");
        }
    }
    server.answer(Reply::json(r#"{"access_token":"token-a","token":"token-b"}"#));
    for (pointer, token) in [("/access_token", "token-a"), ("/token", "token-b")] {
        test.configure(&self::config(&url, &format!("method = \"PATCH\"\ntoken = \"{pointer}\"")));
        test.get().gives(token);
    }
}

#[test]
fn no_process_shows_what_is_sent() {
    let server = Issuer::answering(Reply::token(3600).held());
    let test = home(&server, "body = { secret_id = { file = \"~/secret\" } }\nbearer = { command = [\"cat\", \"secret\"] }");
    test.put("secret", SECRET, 0o600);
    let running = test.spawn(&["-vvv", "get"]);
    server.wait_for_requests(1);
    let of = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", running.pid().as_raw_nonzero())).unwrap_or_default();
    assert!(!of("cmdline").contains(SECRET) && !of("environ").contains(SECRET));
    server.release();
    running.finish().gives("token-1");
}
