//! A provider that says no: what people and programs are told, and that it is not asked again for nothing.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

use crate::support::issuer::{BASIC, Client};
use crate::support::{Home, Issuer, Outcome};

const WRONG: Client = Client { id: BASIC.id, secret: "wrong/secret+X9 &=" };

#[test]
fn a_wrong_secret_ends_with_4_and_is_not_tried_again() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(WRONG));

    let first = home.token(&["get"]).exits(4);
    assert_told(&first, "invalid_client");
    assert_eq!(issuer.token_requests(), 1);

    let requests = issuer.all_requests();
    let second = home.token(&["get"]).exits(4);
    assert_told(&second, "invalid_client");
    assert_eq!(issuer.all_requests(), requests, "a parked profile asks nothing");

    assert_told(&home.token(&["renew"]).exits(4), "invalid_client");
    assert_eq!(issuer.token_requests(), 2, "a renewal that is asked for does ask");
}

#[test]
fn the_secret_is_in_no_output_however_much_is_logged() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(WRONG));

    for arguments in [&["get", "-vvv"][..], &["renew", "-vvv", "--log-format", "json"]] {
        let outcome = home.token(arguments).exits(4);
        assert_no_secret(&outcome);
    }
}

#[test]
fn a_parked_profile_is_shown_and_mended_by_its_configuration() {
    let issuer = Issuer::start();
    let home = Home::new(&issuer.profile(WRONG));
    home.token(&["get"]).exits(4);

    let status = home.token(&["status", "--json"]).json();
    let shown = &status["profiles"][0];
    assert_eq!((&shown["profile"], &shown["state"]), (&"prod".into(), &"parked".into()), "{status}");
    assert_eq!(shown["last_error"]["class"], "refused", "{status}");

    home.configure(&issuer.profile(BASIC));
    let token = home.token(&["get"]).quiet_token();
    assert_eq!(issuer.introspect(&token)["active"], true);
    assert_eq!(issuer.token_requests(), 2);
}

#[test]
fn a_parked_profile_is_mended_by_the_file_its_secret_is_in() {
    let issuer = Issuer::start();
    let config = issuer.profile(BASIC).replace(&format!("client_secret = '{}'", BASIC.secret), "client_secret = { file = \"~/secret\" }");
    let home = Home::new(&config);
    home.write_private("secret", WRONG.secret);
    home.token(&["get"]).exits(4);
    home.token(&["get"]).exits(4);
    assert_eq!(issuer.token_requests(), 1);

    home.write_private("secret", &format!("{}\n", BASIC.secret));
    let token = home.token(&["get"]).quiet_token();
    assert_eq!(issuer.introspect(&token)["active"], true);
}

#[test]
fn a_refusal_for_another_reason_says_that_reason() {
    let issuer = Issuer::start();
    let home = Home::new(&(issuer.profile(BASIC) + "resource = \"urn:nobody\"\n"));

    let outcome = home.token(&["get"]).exits(4);

    assert_told(&outcome, "invalid_target");
    assert_eq!(issuer.token_requests(), 1);
}

/// One to four lines for people that name the profile, the provider's reason and what to do; nothing on stdout.
#[track_caller]
fn assert_told(outcome: &Outcome, reason: &str) {
    assert!(outcome.stdout.is_empty(), "{outcome}");
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert!((1..=4).contains(&lines.len()), "{outcome}");
    assert!(lines[0].contains("prod") && outcome.stderr.contains(reason), "{outcome}");
    assert!(lines.iter().any(|line| line.contains("hint:")), "{outcome}");
    assert_no_secret(outcome);
}

#[track_caller]
fn assert_no_secret(outcome: &Outcome) {
    let secret = WRONG.secret;
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let pair = format!("{}:{form}", WRONG.id);
    let forms = [secret.to_owned(), BASE64_STANDARD.encode(&pair), BASE64_STANDARD_NO_PAD.encode(secret), form.replace('+', "%20"), form];
    for form in &forms {
        assert!(!outcome.stderr.contains(form) && !outcome.stdout.contains(form), "{form} in\n{outcome}");
    }
}
