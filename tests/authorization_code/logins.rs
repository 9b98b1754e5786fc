//! A login from its first page to the renewals that follow it without anybody.

use crate::provider::{Provider, fields};
use crate::session::{Session, home, home_of, keeps_secrets, opened, text};
use crate::support::home::mode;
use crate::support::{Test, seconds, wait_until};

/// The line below everything else, while somebody is waited for.
const PASTE: &str = "Where it ends at a page that cannot be reached, paste the address of that page here (it is not shown).";

#[test]
fn somebody_logs_in_with_the_browser_that_opens() {
    let provider = Provider::start();
    let test = home_of(&provider);
    let session = Session::start(&test, &["get"]);

    let shown = session.shown();
    session.sees("prod: waiting for you to log in, 4m ");
    let page = session.log_in();
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("go back to the terminal"), "{page}");

    let outcome = session.finish();
    outcome.exits(0);
    assert_eq!(test.answer(), "token-1\n");
    let expected = format!("prod: log in with the browser that opens, or at this address:\n\n{shown}\n\n{PASTE}");
    assert_eq!(text(&outcome), expected, "{outcome}");
    assert_eq!(opened(&test).unwrap(), format!("{shown}\n"), "one argument, and what is shown");
    keeps_secrets(&provider, &test, &outcome);
    assert_eq!((provider.visits(), provider.posts()), (1, 1));
}

/// RFC 6749 §4.1.1 and §4.1.3, 7636 §4.3, 8252 §7.3, 8707 §2.
#[test]
fn the_requests_are_what_the_standards_ask_for() {
    let provider = Provider::start();
    let url = provider.issuer.url();
    let test = home(&format!(
        "[profile.prod]\nsource = \"authorization-code\"\nclient_id = \"cli\"\nauthorization_endpoint = \"{url}/authorize?tenant=a%20b\"\n\
         token_endpoint = \"{url}/token\"\nbrowser = [\"./browser\"]\nscope = [\"read\", \"write all\"]\naudience = \"api\"\n\
         resource = [\"https://a\", \"https://b?c\"]\nparams = {{ prompt = \"login\", token_access_type = \"offline\", api_key = \"s3cret-param\" }}\n"
    ));
    let session = Session::start(&test, &["renew"]);
    let address = session.opened();
    session.log_in();
    session.finish().exits(0);

    assert!(address.starts_with(&format!("{url}/authorize?tenant=a%20b&response_type=code&client_id=cli&redirect_uri=")), "{address}");
    let asked = fields(&address);
    let expected = [("scope", "read write all"), ("audience", "api"), ("prompt", "login"), ("token_access_type", "offline")];
    for (key, value) in expected {
        assert_eq!(asked[key], value, "{address}");
    }
    assert!(address.contains("&resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb%3Fc"), "{address}");
    assert!(!address.contains("s3cret-param") && !address.contains("api_key"), "{address}");
    assert_eq!(asked["code_challenge_method"], "S256", "{address}");
    assert_eq!((asked["state"].len(), asked["code_challenge"].len()), (43, 43), "{address}");

    let posted = provider.issuer.requests_at("/token").remove(0).form();
    assert_eq!(posted["grant_type"], "authorization_code");
    assert_eq!(posted["redirect_uri"], asked["redirect_uri"]);
    assert_eq!((posted["code_verifier"].len(), posted["client_id"].as_str()), (43, "cli"));
    assert_eq!(posted["api_key"], "s3cret-param");
    assert!(!posted.contains_key("state") && !posted.contains_key("response_type"), "{posted:?}");
}

#[test]
fn every_login_has_a_port_and_secrets_of_its_own() {
    let provider = Provider::start();
    let asked = || {
        let test = home_of(&provider);
        let session = Session::start(&test, &["get"]);
        let asked = fields(&session.opened());
        session.log_in();
        session.finish().exits(0);
        asked
    };
    let (first, second) = (asked(), asked());
    for key in ["state", "code_challenge"] {
        assert_ne!(first[key], second[key], "{key}");
    }
}

#[test]
fn a_login_is_kept_and_nobody_is_needed_again() {
    let provider = Provider::start();
    let test = logged_in(&provider);

    assert_eq!((mode(&test.path("state/prod.json")), mode(&test.path("state"))), (0o600, 0o700));
    let kept = std::fs::read_to_string(test.path("state/prod.json")).unwrap();
    assert!(kept.contains("\"r3fresh-c4nary-1\""), "{kept}");
    test.get().gives("token-1");
    test.run(&["get", "--renew"]).gives("token-2");
    let outcome = Session::start(&test, &["renew"]).finish();
    assert!(text(outcome.exits(0)).starts_with("prod: renewed, expires in "), "{outcome}");
    test.get().gives("token-3");
    assert_eq!((provider.visits(), provider.posts(), opened(&test)), (1, 3, None));
}

/// A home whose `prod` holds `token-1` and the login of that.
fn logged_in(provider: &Provider) -> Test {
    let test = home_of(provider);
    let session = Session::start(&test, &["renew"]);
    session.log_in();
    session.finish().exits(0);
    std::fs::remove_file(test.path("opened")).unwrap();
    test
}

#[test]
fn a_login_that_is_refused_is_asked_for_again_where_somebody_is_there() {
    let provider = Provider::start();
    let test = logged_in(&provider);
    provider.forget();

    test.run(&["get", "--renew"]).fails(3, "prod").mentions("invalid_grant").mentions("token renew prod");
    assert_eq!(test.status("prod")["login"], "dead");
    let posts = provider.posts();
    test.run(&["renew"]).exits(3);
    assert_eq!((provider.posts(), opened(&test)), (posts, None), "a login that is dead is not sent again");

    let session = Session::start(&test, &["renew"]);
    session.log_in();
    assert!(text(session.finish().exits(0)).contains("prod: renewed, expires in "));
    test.get().gives("token-2");
    assert_eq!((provider.visits(), provider.posts()), (2, posts + 1));
}

#[test]
fn without_somebody_to_ask_nothing_opens() {
    let provider = Provider::start();
    let test = home_of(&provider);
    for args in [&["get"][..], &["get", "--renew"], &["renew"], &["watch", "--once"], &["run", "--", "true"]] {
        let outcome = test.run(args);
        outcome.exits(3).mentions("nobody is logged in").mentions("token renew prod");
        assert_eq!((provider.visits(), provider.posts(), opened(&test)), (0, 0, None), "{outcome}");
    }
    for args in [&["get", "--no-interactive"], &["renew", "--no-interactive"]] {
        let outcome = Session::start(&test, args).finish();
        assert!(text(outcome.exits(3)).contains("token renew prod"), "{outcome}");
        assert_eq!((provider.visits(), provider.posts(), opened(&test)), (0, 0, None), "{outcome}");
    }
    let unattended = test.env("TOKEN_NO_INTERACTIVE", "1");
    let outcome = Session::start(&unattended, &["renew"]).finish();
    outcome.exits(3);
    assert_eq!((provider.visits(), provider.posts(), opened(&unattended)), (0, 0, None), "{outcome}");
}

#[test]
fn the_minutes_of_a_login_are_not_taken_off_the_token() {
    let provider = Provider::start();
    let test = home_of(&provider);
    let session = Session::start(&test, &["get"]);
    session.opened();
    let opened_at = seconds();
    wait_until("somebody to make up their mind", || seconds() > opened_at + 2);
    session.log_in();
    session.finish().exits(0);
    let entry = test.entry("prod").unwrap();
    let (issued_at, expires_at) = (entry["issued_at"].as_i64().unwrap(), entry["expires_at"].as_i64().unwrap());
    assert!(issued_at > opened_at + 1, "issued at {issued_at}, opened at {opened_at}");
    assert_eq!(expires_at - issued_at, 3600);
}

#[test]
fn programs_that_look_on_are_told_in_json() {
    let provider = Provider::start();
    let test = home_of(&provider);
    let mut session = Session::start(&test, &["--log-format", "json", "renew"]);
    let address = session.opened();
    session.type_in("elsewhere\n");
    session.sees("leads elsewhere");
    session.log_in();
    let outcome = session.finish();
    let text = outcome.exits(0).stdout();
    let messages: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line.trim_end()).unwrap()).collect();
    let said: Vec<_> = messages.iter().map(|message| message["level"].as_str().unwrap()).collect();
    assert_eq!(said, ["info", "warning", "info"], "{outcome}");
    let first = &messages[0];
    assert_eq!((&first["event"], &first["profile"], &first["is_open"]), (&"open-browser".into(), &"prod".into(), &true.into()), "{first}");
    assert_eq!(first["address"], address.as_str(), "{first}");
}

#[test]
fn the_question_is_asked_of_whoever_wants_silence_too() {
    let provider = Provider::start();
    let test = home_of(&provider);
    let session = Session::start(&test, &["-q", "renew"]);
    let address = session.opened();
    session.sees(&address);
    session.log_in();
    let outcome = session.finish();
    assert!(text(outcome.exits(0)).ends_with(PASTE), "{outcome}");
}
