//! The authorization code with PKCE (RFC 6749 §4.1, 7636, 8252, 9207): the program opens a browser, the provider's own
//! pages are filled in there, and the answer comes back to a port of ours.

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;

use url::Url;

use crate::support::issuer::{CODE_GRANT, NATIVE, REFRESH_GRANT};
use crate::support::person::report_in;
use crate::support::server::unused_port;
use crate::support::{Home, Issuer, Person, Report};

/// A home where this person is the browser; more keys can follow.
fn home_of(issuer: &Issuer, person: impl FnOnce(&Home) -> Person, keys: &str) -> Home {
    let home = Home::new("");
    let browser = person(&home).reporting(&report_in(home.path())).as_browser();
    home.configure(&(issuer.profile_of("authorization-code", NATIVE) + "scope = [\"read\"]\n" + &browser + keys));
    home
}

fn approving(_: &Home) -> Person {
    Person::approving()
}

fn query(address: &Url) -> HashMap<String, String> {
    address.query_pairs().into_owned().collect()
}

#[test]
fn somebody_logs_in_once_and_nobody_is_needed_again() {
    let issuer = Issuer::start();
    let home = home_of(&issuer, approving, "");

    let outcome = home.on_terminal(&["renew"]).finish().exits(0);

    assert!(outcome.stdout.is_empty(), "{outcome}");
    let first = home.token(&["get"]).quiet_token();
    let said = issuer.introspect(&first);
    for (key, value) in [("client_id", NATIVE), ("sub", "ada"), ("scope", "read")] {
        assert_eq!(said[key], value, "{said}");
    }
    let second = home.token(&["get", "--renew"]).quiet_token();
    assert!(first != second && issuer.takes(&second));
    let seen = issuer.seen();
    assert_eq!((seen.path("/auth"), seen.asked_and_granted(CODE_GRANT), seen.asked_and_granted(REFRESH_GRANT)), (1, (1, 1), (1, 1)));
}

#[test]
fn whoever_gets_a_token_on_a_terminal_may_log_in_there_too() {
    let issuer = Issuer::start();
    let home = home_of(&issuer, approving, "");

    let token = home.on_terminal(&["get"]).finish().token();

    assert!(issuer.takes(&token));
    assert_eq!(home.token(&["get"]).quiet_token(), token);
}

#[test]
fn the_request_is_what_the_standards_ask_for_and_the_address_is_printed_too() {
    let issuer = Issuer::start();
    let home = home_of(&issuer, approving, "");

    let outcome = home.on_terminal(&["renew"]).finish().exits(0);

    let report = Report::of(&report_in(home.path()));
    let visited = report.visited();
    let (first, last) = (&visited[0], visited.last().expect("an address"));
    assert!(outcome.stderr.replace('\n', "").contains(first.as_str()), "{first} in {outcome}");
    let asked = query(first);
    for (key, value) in [("response_type", "code"), ("client_id", NATIVE), ("code_challenge_method", "S256"), ("scope", "read")] {
        assert_eq!(asked.get(key).map(String::as_str), Some(value), "{first}");
    }
    assert!(asked["code_challenge"].len() == 43 && asked["state"].len() >= 16, "{first}");
    let redirect: Url = asked["redirect_uri"].parse().expect("an address");
    assert_eq!((redirect.scheme(), redirect.host_str(), redirect.path()), ("http", Some("127.0.0.1"), "/callback"));
    assert_eq!((last.port(), last.path(), &query(last)["state"]), (redirect.port(), "/callback", &asked["state"]));
    assert!(!report.text().is_empty(), "the last page tells people that they are done");
}

/// `OpenID` Connect gives offline access only to who asks people for it; `params` is where one does.
#[test]
fn a_parameter_of_the_profile_reaches_the_authorization_endpoint() {
    let issuer = Issuer::start();
    let keys = "params = { prompt = \"consent\" }\n";
    let home = home_of(&issuer, approving, keys);
    home.configure(&home.configuration().replace("[\"read\"]", "[\"openid\", \"offline_access\"]"));

    home.on_terminal(&["renew"]).finish().exits(0);

    let asked = query(&Report::of(&report_in(home.path())).visited()[0]);
    assert_eq!(asked.get("prompt").map(String::as_str), Some("consent"));
    assert_eq!(home.token(&["get", "-o", "json"]).json()["scope"], "openid offline_access");
    assert!(issuer.takes(&home.token(&["get", "--renew"]).quiet_token()));
}

#[test]
fn every_login_has_secrets_of_its_own() {
    let issuer = Issuer::start();
    let home = home_of(&issuer, approving, "");
    let log_in = || {
        home.token(&["purge"]).exits(0);
        home.on_terminal(&["renew"]).finish().exits(0);
        let asked = query(&Report::of(&report_in(home.path())).visited()[0]);
        fs::remove_file(report_in(home.path())).expect("a report");
        asked
    };

    let (first, second) = (log_in(), log_in());

    for key in ["state", "code_challenge"] {
        assert_ne!(first[key], second[key], "{key}");
    }
}

#[test]
fn chromium_goes_through_the_real_pages() {
    let issuer = Issuer::start();
    let home = home_of(&issuer, |home| Person::with_chromium(&home.path().join("chromium")), "");

    home.on_terminal(&["renew"]).finish().exits(0);

    let report = Report::of(&report_in(home.path()));
    let last = report.visited().pop().expect("an address");
    assert!(last.path() == "/callback" && !report.text().is_empty(), "{last}: {}", report.text());
    assert_eq!(issuer.introspect(&home.token(&["get"]).quiet_token())["sub"], "ada");
    assert_eq!(issuer.seen().asked_and_granted(CODE_GRANT), (1, 1));
}

#[test]
fn somebody_who_says_no_is_taken_at_their_word() {
    let issuer = Issuer::start();
    let home = home_of(&issuer, |_| Person::refusing(), "");

    let outcome = home.on_terminal(&["renew"]).finish().exits(4);

    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("access_denied"), "{outcome}");
    assert!(!Report::of(&report_in(home.path())).text().is_empty());
    home.token(&["get", "--offline"]).exits(5);
    assert_eq!(issuer.seen().asked_and_granted(CODE_GRANT), (0, 0));
}

#[test]
fn a_port_by_hand_is_the_one_that_is_used_each_time() {
    let issuer = Issuer::start();
    let port = unused_port();
    let home = home_of(&issuer, approving, &format!("redirect_port = {port}\n"));

    for login in 1..=2 {
        home.token(&["purge"]).exits(0);
        home.on_terminal(&["renew"]).finish().exits(0);

        let last = Report::of(&report_in(home.path())).visited().pop().expect("an address");
        assert_eq!((last.port(), issuer.seen().asked_and_granted(CODE_GRANT)), (Some(port), (login, login)));
        fs::remove_file(report_in(home.path())).expect("a report");
    }
    assert!(issuer.takes(&home.token(&["get"]).quiet_token()));
}

#[test]
fn a_port_that_is_taken_is_found_out_before_a_browser_opens() {
    let issuer = Issuer::start();
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let home = home_of(&issuer, approving, &format!("redirect_port = {port}\n"));

    let outcome = home.on_terminal(&["renew"]).finish().exits(2);

    assert!(outcome.stderr.contains(&port.to_string()), "{outcome}");
    assert_eq!((issuer.seen().path("/auth"), report_in(home.path()).exists()), (0, false));
}

#[test]
fn no_browser_opens_where_there_is_no_terminal() {
    let issuer = Issuer::start();
    let home = home_of(&issuer, approving, "");

    for arguments in [&["get"][..], &["renew"], &["get", "--renew"]] {
        let outcome = home.token(arguments).exits(3);
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains("token renew prod"), "{outcome}");
    }
    home.on_terminal(&["renew", "--no-interactive"]).finish().exits(3);

    assert_eq!((issuer.seen().path("/auth"), report_in(home.path()).exists()), (0, false));
}

#[test]
fn a_login_the_provider_forgot_is_dead_until_somebody_logs_in_again() {
    let mut issuer = Issuer::start();
    let home = home_of(&issuer, approving, "");
    home.on_terminal(&["renew"]).finish().exits(0);
    issuer.go_away();
    issuer.come_back();

    home.token(&["get", "--renew"]).exits(3);
    let status = home.token(&["status", "--json"]).json();
    assert_eq!(status["profiles"][0]["login"], "dead", "{status}");

    home.on_terminal(&["renew"]).finish().exits(0);
    assert!(issuer.takes(&home.token(&["get"]).quiet_token()));
}
