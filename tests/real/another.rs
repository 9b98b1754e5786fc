//! The same against another implementation (Django OAuth Toolkit, in Python): what holds against one provider alone may be
//! that provider's way. This one has an issuer with a path, RFC 8414's metadata alone, and leaves the endpoint of the
//! device flow and clients without a secret out of them.

use std::iter;
use std::thread;
use std::time::Instant;

use crate::support::issuer::{CODE_GRANT, DEVICE_GRANT, REFRESH_GRANT};
use crate::support::person::report_in;
use crate::support::toolkit::{MACHINE, WEB};
use crate::support::{Home, Person, Report, Toolkit};

/// A home where somebody has logged in with a browser.
fn logged_in(toolkit: &Toolkit) -> Home {
    let browser = Person::approving().as_browser();
    let home = Home::new(&(toolkit.profile_of("authorization-code", "native") + "scope = [\"read\", \"write\"]\n" + &browser));
    home.on_terminal(&["renew"]).finish().exits(0);
    home
}

#[test]
fn a_machine_gets_its_token() {
    let toolkit = Toolkit::start();
    let secret = format!("client_secret = '{}'\nscope = [\"write\"]\n", MACHINE.secret);
    let home = Home::new(&(toolkit.profile_of("client-credentials", MACHINE.id) + &secret));

    let token = home.token(&["get"]).quiet_token();

    let said = toolkit.introspect(&token);
    let expected = (true.into(), MACHINE.id.into(), "write".into());
    assert_eq!((&said["active"], &said["client_id"], &said["scope"]), (&expected.0, &expected.1, &expected.2), "{said}");
    assert_eq!(home.token(&["get"]).quiet_token(), token);
    assert_eq!(toolkit.seen().asked_and_granted("client_credentials"), (1, 1));
}

#[test]
fn somebody_logs_in_with_a_browser_and_the_token_is_renewed_many_times() {
    let toolkit = Toolkit::start();
    let home = logged_in(&toolkit);

    let mut token = home.token(&["get"]).quiet_token();
    let said = toolkit.introspect(&token);
    assert_eq!((&said["username"], &said["scope"]), (&"ada".into(), &"read write".into()), "{said}");
    for round in 1..=15 {
        let next = home.token(&["get", "--renew"]).quiet_token();
        assert_ne!(next, token, "round {round}");
        token = next;
    }

    assert_eq!(toolkit.introspect(&token)["active"], true);
    let seen = toolkit.seen();
    assert_eq!((seen.asked_and_granted(CODE_GRANT), seen.asked_and_granted(REFRESH_GRANT)), ((1, 1), (15, 15)));
}

#[test]
fn a_client_with_a_secret_logs_people_in_too() {
    let toolkit = Toolkit::start();
    let keys = format!("client_secret = '{}'\n{}", WEB.secret, Person::approving().as_browser());
    let home = Home::new(&(toolkit.profile_of("authorization-code", WEB.id) + &keys));

    home.on_terminal(&["renew"]).finish().exits(0);

    let token = home.token(&["get", "--renew"]).quiet_token();
    assert_eq!(toolkit.introspect(&token)["client_id"], WEB.id);
    assert_eq!(toolkit.seen().asked_and_granted(REFRESH_GRANT), (1, 1));
}

#[test]
fn chromium_goes_through_its_pages_as_well() {
    let toolkit = Toolkit::start();
    let home = Home::new("");
    let browser = Person::with_chromium(&home.path().join("chromium")).reporting(&report_in(home.path())).as_browser();
    home.configure(&(toolkit.profile_of("authorization-code", "native") + &browser));

    home.on_terminal(&["renew"]).finish().exits(0);

    let report = Report::of(&report_in(home.path()));
    let last = report.visited().pop().expect("an address");
    assert!(last.path() == "/callback" && !report.text().is_empty(), "{last}: {}", report.text());
    assert_eq!(toolkit.introspect(&home.token(&["get"]).quiet_token())["username"], "ada");
}

#[test]
fn somebody_enters_the_code_of_a_device() {
    let toolkit = Toolkit::start();
    let endpoint = format!("device_authorization_endpoint = \"{}/device-authorization/\"\n", toolkit.url());
    let home = Home::new(&(toolkit.profile_of("device-code", "device") + &endpoint));

    let terminal = home.on_terminal(&["renew"]);
    let address = terminal.word("an address", |word| word.starts_with(&format!("{}/device/", toolkit.url())));
    let is_code = |word: &str| word.len() == 8 && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    Person::approving().entering(&terminal.word("a code", is_code)).visit(&address);
    terminal.finish().exits(0);

    let first = home.token(&["get"]).quiet_token();
    let second = home.token(&["get", "--renew"]).quiet_token();
    assert!(first != second && toolkit.introspect(&second)["username"] == "ada");
    let seen = toolkit.seen();
    assert_eq!((seen.asked_and_granted(DEVICE_GRANT).1, seen.asked_and_granted(REFRESH_GRANT)), (1, (1, 1)));
}

#[test]
fn a_crowd_makes_one_request_and_the_family_lives() {
    let toolkit = Toolkit::start();
    let home = logged_in(&toolkit);
    for round in 1..=3 {
        home.token(&["purge", "--keep-login"]).exits(0);

        let crowd: Vec<_> = iter::repeat_with(|| home.start(&["get"])).take(20).collect();
        let tokens: Vec<_> = crowd.into_iter().map(|process| process.finish().quiet_token()).collect();

        assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
        assert_eq!(toolkit.seen().asked_and_granted(REFRESH_GRANT), (round, round));
    }
    assert_eq!(toolkit.introspect(&home.token(&["get", "--renew"]).quiet_token())["active"], true);
}

/// What a crash loses is the answer of the server, and this one gives it again.
#[test]
fn killed_renewals_cost_no_login_where_the_server_forgives() {
    let toolkit = Toolkit::forgiving(60);
    let home = logged_in(&toolkit);
    let start = Instant::now();
    home.token(&["renew"]).exits(0);
    let whole = start.elapsed();

    let rounds = 60;
    for round in 0..rounds {
        let renewal = home.start(&["renew"]);
        thread::sleep(whole * round / rounds);
        renewal.kill();
    }

    let (asked, granted) = toolkit.seen().asked_and_granted(REFRESH_GRANT);
    assert!(asked == granted && granted > 1, "{granted} of {asked}: a renewal was under way when it was killed");
    let token = home.token(&["get", "--renew", "--no-interactive"]).token();
    assert_eq!(toolkit.introspect(&token)["active"], true);
}

#[test]
fn a_refresh_token_that_somebody_else_used_twice_ends_the_login() {
    let toolkit = Toolkit::start();
    let home = logged_in(&toolkit);
    let login = home.login();
    home.token(&["renew"]).exits(0);

    // This presents the refresh token of the first login, among other things, and revokes its family.
    for text in login {
        assert_eq!(toolkit.refresh("native", &text)["error"], "invalid_grant");
    }

    home.token(&["get", "--renew"]).exits(3);
    let status = home.token(&["status", "--json"]).json();
    assert_eq!(status["profiles"][0]["login"], "dead", "{status}");
    home.on_terminal(&["renew"]).finish().exits(0);
    assert_eq!(toolkit.introspect(&home.token(&["get"]).quiet_token())["active"], true);
}

#[test]
fn a_purge_revokes_both_tokens_there() {
    let toolkit = Toolkit::start();
    let home = logged_in(&toolkit);
    let token = home.token(&["get"]).quiet_token();
    let login = home.login();

    home.token(&["purge", "--revoke", "prod"]).exits(0);

    assert_eq!(toolkit.introspect(&token)["active"], false);
    for text in login {
        assert_eq!(toolkit.refresh("native", &text)["error"], "invalid_grant");
    }
    assert_eq!(toolkit.seen().asked_and_granted(REFRESH_GRANT).1, 0);
}
