//! Every form of an input, in every place: what it names arrives, and shows nowhere else.

use std::fs;

use crate::places::{PLACES, Place, put};
use crate::support::running::processes_with;
use crate::support::{Issuer, Reply, SECRET, cases, wait_until};

const KEY: &str = include_str!("../fixtures/keys/p256.pkcs8.pem");
/// A line of that key.
const INSIDE: &str = "MIGHAgEAMBMGByqGSM49";
const UPSTREAM: &str = "[profile.upstream]\nsource = \"exec\"\ncommand = [\"cat\", \"secret\"]\n";
const JWT: &str = "{ jwt = { key_file = \"~/key.pem\", issuer = \"me\", key_id = \"k1\" } }";

const FORMS: [(&str, &str); 6] = [
    ("text", "\"canary-s3cret-5f2b9c\""),
    ("env", "{ env = \"THE_SECRET\" }"),
    ("file", "{ file = \"~/secret\" }"),
    ("command", "{ command = [\"cat\", \"secret\"] }"),
    ("profile", "{ profile = \"upstream\" }"),
    ("jwt", JWT),
];

struct Case {
    name: String,
    place: &'static Place,
    form: &'static str,
    input: &'static str,
}

fn all() -> Vec<Case> {
    let cases = |place: &'static Place| FORMS.map(|(form, input)| Case { name: format!("{}: {form}", place.name), place, form, input });
    PLACES.iter().flat_map(cases).collect()
}

#[test]
fn what_is_named_arrives() {
    let cases = all();
    assert_eq!(cases.len(), 54);
    cases::each(
        &cases,
        |case| &case.name,
        |case| {
            let issuer = Issuer::start();
            let test = case.place.home(&issuer, case.input, UPSTREAM).named(&case.name).env("THE_SECRET", SECRET);
            put(&test, "secret", &format!("{SECRET}\n"), 0o600);
            put(&test, "key.pem", KEY, 0o600);
            test.run(&["-vvv", "get", "prod"]).gives("token-1").hides(INSIDE);
            let arrived = case.place.arrived(&test, &issuer);
            if case.form == "jwt" {
                assert_eq!(arrived.split('.').count(), 3, "{}: {arrived}", case.name);
            } else {
                assert_eq!(arrived, SECRET, "{}", case.name);
            }
            let entry = fs::read_to_string(test.entry_path("prod")).unwrap();
            assert!(!entry.contains(SECRET) && !entry.contains(INSIDE), "{}: it is in the cache", case.name);
            test.run(&["get", "prod"]).gives("token-1");
            assert!(issuer.count() <= 1, "{}: cached", case.name);
        },
    );
}

/// Who was refused for what it named asks again once that is something else.
#[test]
fn what_is_named_may_change() {
    let changes: [(&str, &str); 3] = [("file", "{ file = \"~/secret\" }"), ("env", "{ env = \"THE_SECRET\" }"), ("jwt", JWT)];
    let places: Vec<&Place> = PLACES.iter().filter(|place| !place.name.contains("command")).collect();
    let cases: Vec<_> =
        places.iter().flat_map(|place| changes.map(|(form, input)| (format!("{}: {form}", place.name), *place, form, input))).collect();
    cases::each(
        &cases,
        |case| &case.0,
        |(name, place, form, input)| {
            let issuer = Issuer::answering(Reply::oauth(401, "invalid_client"));
            let test = place.home(&issuer, input, "").named(name).env("THE_SECRET", "wrong");
            put(&test, "secret", "wrong", 0o600);
            put(&test, "key.pem", KEY, 0o600);
            for _ in 0..2 {
                test.run(&["get", "prod"]).fails(4, "prod");
            }
            assert_eq!(issuer.count(), 1, "{name}: parked");
            issuer.answer(Reply::token(3600));
            put(&test, "secret", SECRET, 0o600);
            put(&test, "key.pem", include_str!("../fixtures/keys/ed25519.pkcs8.pem"), 0o600);
            let test = test.env("THE_SECRET", SECRET);
            test.run(&["get", "prod"]).gives("token-1");
            let arrived = place.arrived(&test, &issuer);
            assert!(*form == "jwt" || arrived == SECRET, "{name}: {arrived}");
        },
    );
}

/// A line end is what an editor leaves, one of Windows two characters; all else is the secret's own.
#[test]
fn the_line_end_of_a_file_or_a_command_is_no_part_of_it() {
    let contents = ["a b\tc", "a b\tc\n", "a b\tc\n\n", "a b\tc\r\n"];
    for content in contents {
        for input in ["{ file = \"~/secret\" }", "{ command = [\"cat\", \"secret\"] }"] {
            let issuer = Issuer::start();
            let test = PLACES[0].home(&issuer, input, "");
            put(&test, "secret", content, 0o600);
            test.run(&["get", "prod"]).gives("token-1");
            assert_eq!(PLACES[0].arrived(&test, &issuer), "a b\tc", "{content:?}");
        }
    }
    let issuer = Issuer::start();
    let test = PLACES[0].home(&issuer, "{ env = \"THE_SECRET\" }", "").env("THE_SECRET", "a\n");
    test.run(&["get", "prod"]).gives("token-1");
    assert_eq!(PLACES[0].arrived(&test, &issuer), "a\n", "a variable is as it is");
}

/// A command that hangs costs the time of one answer, and leaves nobody behind.
#[test]
fn a_command_that_hangs_is_ended() {
    for place in &PLACES {
        let issuer = Issuer::start();
        let length = format!("61{}7", std::process::id());
        let input = format!("{{ command = [\"sh\", \"-c\", \"sleep {length} & wait\"] }}");
        let test = place.home(&issuer, &input, "").named(place.name);
        let outcome = test.run(&["get", "prod", "--request-timeout", "400ms", "--max-retries", "1"]);
        outcome.fails(5, "prod").mentions("no answer");
        assert!(!Place::was_reached(&test, &issuer), "{}", place.name);
        wait_until("its end", || processes_with(&format!("sleep {length}")).is_empty());
    }
}

#[test]
fn no_process_shows_what_is_named() {
    for (form, input) in FORMS.iter().filter(|(form, _)| !["env", "jwt"].contains(form)) {
        let issuer = Issuer::answering(Reply::token(3600).held());
        let test = PLACES[5].home(&issuer, input, UPSTREAM).named(form);
        put(&test, "secret", SECRET, 0o600);
        let running = test.spawn(&["get", "prod"]);
        issuer.wait_for_requests(1);
        let of = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", running.pid().as_raw_nonzero())).unwrap_or_default();
        assert!(!of("cmdline").contains(SECRET) && !of("environ").contains(SECRET), "{form}");
        issuer.release();
        running.finish().gives("token-1");
    }
}
