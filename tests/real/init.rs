//! `token init` at real issuers: from an address to a token that they take, with nothing given that they say of themselves.

use crate::support::issuer::{BASIC, DEVICE, NATIVE, POST};
use crate::support::terminal::Terminal;
use crate::support::toolkit::MACHINE;
use crate::support::{Home, Issuer, Person, Toolkit};

/// Runs `token init` with nobody there, for a client whose secret is in a file.
#[track_caller]
fn init(home: &Home, url: &str, client: (&str, &str)) {
    let file = home.write_private("s3", client.1);
    let words = ["init", url, "-p", "prod", "--source", "client-credentials", "--client-id", client.0, "--client-secret-file"];
    let words: Vec<&str> = words.into_iter().chain([file.to_str().expect("a path")]).collect();
    let outcome = home.token(&words).exits(0);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("it works: a token that expires in"), "{outcome}");
}

/// The address of `place` that a terminal shows.
#[track_caller]
fn shown(terminal: &Terminal, place: &str) -> String {
    terminal.word("an address", |word| word.starts_with(place))
}

#[test]
fn a_machine_has_its_profile() {
    let issuer = Issuer::start();
    let home = Home::new("");
    init(&home, &issuer.url(), (BASIC.id, BASIC.secret));
    let token = home.token(&["get"]).quiet_token();
    assert!(issuer.takes(&token));
    assert_eq!(issuer.token_requests(), 1, "tried once, and the token is there");
}

#[test]
fn the_way_to_send_a_secret_is_found_out() {
    let issuer = Issuer::offering("client_secret_post");
    let home = Home::new("");
    init(&home, &issuer.url(), (POST.id, POST.secret));
    assert!(issuer.takes(&home.token(&["get"]).quiet_token()));
    assert_eq!(issuer.basic_requests(), 0);
}

/// It has a path and RFC 8414's metadata alone.
#[test]
fn another_issuer_has_another_way_of_saying_it() {
    let toolkit = Toolkit::start();
    let home = Home::new("# mine\n");
    init(&home, &toolkit.url(), (MACHINE.id, MACHINE.secret));
    let said = toolkit.introspect(&home.token(&["get", "prod"]).quiet_token());
    assert_eq!((&said["active"], &said["client_id"]), (&true.into(), &MACHINE.id.into()), "{said}");
    assert!(home.configuration().starts_with("# mine\n\n[profile.prod]\n"), "{}", home.configuration());
}

#[test]
fn somebody_is_logged_in_with_a_browser_on_the_way() {
    let issuer = Issuer::start();
    let home = Home::new("");
    let words = [
        "init",
        &issuer.url(),
        "-p",
        "prod",
        "--source",
        "authorization-code",
        "--client-id",
        NATIVE,
        "--client-auth",
        "none",
        "--scope",
        "read",
    ];
    let terminal = home.on_terminal(&words);
    Person::approving().visit(&shown(&terminal, &format!("{}/auth?", issuer.url())));
    let outcome = terminal.finish().exits(0);
    assert!(outcome.stderr.contains("prod: it works"), "{outcome}");

    let said = issuer.introspect(&home.token(&["get"]).quiet_token());
    assert_eq!((&said["sub"], &said["scope"]), (&"ada".into(), &"read".into()), "{said}");
    home.token(&["renew", "--no-interactive"]).exits(0);
}

#[test]
fn somebody_is_logged_in_on_another_device_on_the_way() {
    let issuer = Issuer::start();
    let home = Home::new("");
    let words =
        ["init", &issuer.url(), "-p", "prod", "--source", "device-code", "--client-id", DEVICE, "--client-auth", "none", "--scope", "read"];
    let terminal = home.on_terminal(&words);
    let address = shown(&terminal, &format!("{}/device", issuer.url()));
    let is_code = |word: &str| word.len() == 9 && word.as_bytes()[4] == b'-' && word.bytes().all(|b| b == b'-' || b.is_ascii_uppercase());
    let code = terminal.word("a code", is_code);
    Person::approving().entering(&code).visit(&address);
    terminal.finish().exits(0);
    assert!(issuer.takes(&home.token(&["get"]).quiet_token()));
    assert!(issuer.takes(&home.token(&["get", "--renew", "--no-interactive"]).quiet_token()));
}
