//! Nothing secret leaves this machine, and nothing is asked that an issuer could count.

use crate::report::{date, doctor, issuer};
use crate::support::issuer::Request;
use crate::support::{Issuer, REFRESH, Reply, SECRET, Test, Trap, login_profile};

/// Every request here is one of a stranger: it shows nothing, and asks for nothing.
#[track_caller]
fn are_anonymous(requests: &[Request]) {
    for request in requests {
        assert!(["GET", "HEAD"].contains(&request.method.as_str()), "{request:?}");
        assert!(request.body.is_empty() && request.header("authorization").is_none() && request.header("cookie").is_none(), "{request:?}");
        let whole = format!("{request:?}");
        for secret in [SECRET, REFRESH, "canary", "c4nary"] {
            assert!(!whole.contains(secret), "{secret}: {request:?}");
        }
    }
}

/// Profiles of every kind that asks somebody, with secrets wherever they can be.
fn config(issuer: &Issuer) -> String {
    let url = issuer.url();
    let client = format!(
        "client_id = \"x\"\nclient_secret = \"{SECRET}\"\nheaders = {{ X-Api-Key = \"{SECRET}\", X-From = {{ env = \"CANARY\" }}, X-Plain = \"seen\" }}\n"
    );
    let issued = format!("issuer = \"{url}\"\n{client}params = {{ api_token = \"{SECRET}\" }}\n");
    [
        format!("[profile.a]\nsource = \"client-credentials\"\n{issued}"),
        format!("[profile.b]\nsource = \"token-exchange\"\n{issued}subject_token = \"{SECRET}\"\n"),
        format!("[profile.c]\nsource = \"jwt-bearer\"\n{issued}assertion = {{ command = [\"sh\", \"-c\", \"touch ran\"] }}\n"),
        format!("[profile.d]\nsource = \"device-code\"\nissuer = \"{url}\"\nclient_id = \"x\"\ndevice_authorization_endpoint = \"{url}/device\"\n"),
        format!("[profile.e]\nsource = \"http\"\nurl = \"{url}/api/mint?api_key={SECRET}\"\nbearer = \"{SECRET}\"\nbody = {{ json = {{ password = \"{SECRET}\" }} }}\nmethod = \"POST\"\n"),
        "[profile.f]\nsource = \"exec\"\ncommand = [\"sh\", \"-c\", \"touch ran\"]\n".to_owned(),
        format!("[profile.g]\nsource = \"authorization-code\"\nissuer = \"{url}\"\nauthorization_endpoint = \"{url}/authorize\"\nclient_id = \"x\"\nbrowser = [\"sh\", \"-c\", \"touch ran\"]\n"),
        format!("[profile.i]\nsource = \"client-credentials\"\ntoken_endpoint = \"{url}/t?key={SECRET}\"\n{client}"),
        login_profile("h", &issuer.endpoint(), &issuer.seed()),
    ]
    .concat()
}

#[test]
fn no_secret_is_sent_to_anybody() {
    let issuer = Issuer::rotating(crate::support::Reuse::Revokes);
    issuer.offers_revocation();
    let trap = Trap::set();
    let test = Test::configured(&config(&issuer))
        .on_path()
        .env("CANARY", format!("{SECRET}-env"))
        .env("HTTP_PROXY", trap.url())
        .env("ALL_PROXY", trap.url());
    let report = doctor(&test, &[]);
    let asked = [issuer.requests(), issuer.discoveries()].concat();
    assert!(asked.len() >= 6, "{asked:?}{}", report.outcome);
    are_anonymous(&asked);
    assert!(asked.iter().any(|request| request.header("x-plain") == Some("seen")) || issuer.discovered() > 0);
    assert!(issuer.requests_at("/api/mint").is_empty(), "the API was called");
    assert_eq!(trap.visits(), 0, "loopback goes through no proxy");
    assert!(!test.path("ran").exists(), "a command was run");
    let verbose = test.run(&["doctor", "-vvv"]);
    verbose.is_polite();
    assert!(!verbose.stdout().contains(SECRET) && !verbose.stdout().contains(REFRESH), "{verbose}");
    assert!(test.login("h").is_none() && test.cache_files().is_empty(), "nothing is kept");
}

#[test]
fn a_stored_login_is_not_used() {
    let issuer = Issuer::rotating(crate::support::Reuse::Revokes);
    let test = Test::logged_in(&issuer).on_path();
    let (kept, sent) = (test.refresh_token("prod"), issuer.count());
    doctor(&test, &[]).exits(0);
    assert_eq!(test.refresh_token("prod"), kept);
    are_anonymous(&issuer.requests()[sent..]);
    test.forget("prod");
    test.run(&["get"]).exits(0).is_polite();
}

#[test]
fn no_redirect_is_followed() {
    let elsewhere = Trap::set();
    let issuer = Issuer::answering(Reply::redirect(302, &elsewhere.url()).header("Date", &date(0)));
    issuer.script_at("/.well-known/openid-configuration", [Reply::redirect(302, &elsewhere.url())]);
    let test = Test::configured(&crate::report::discovering("prod", &issuer)).on_path();
    doctor(&test, &[]).exits(4);
    let test = Test::at(&issuer.endpoint()).on_path();
    doctor(&test, &[]).exits(0);
    assert_eq!(elsewhere.visits(), 0);
}

#[test]
fn an_issuer_that_wants_a_key_first_is_no_problem() {
    let issuer = issuer();
    for place in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        issuer.script_at(place, [Reply::status(403)]);
    }
    let config = format!("{}headers = {{ X-Api-Key = \"{SECRET}\" }}\n", crate::report::discovering("prod", &issuer));
    let report = doctor(&Test::configured(&config).on_path(), &[]);
    report.exits(0).finds("network.discovery", "note", "without the headers that hold secrets (X-Api-Key)");
}
