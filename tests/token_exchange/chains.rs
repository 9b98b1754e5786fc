//! Profiles that need the tokens of others: each is asked for once, whoever needs it.

use std::sync::Mutex;

use crate::home::{exchange, fields, home, linked};
use crate::support::{Issuer, QUICK, RESTLESS, Reply, Running, SECRET, Test, now, profile, wait_until};

/// Tokens by which one can see whose they are.
fn issuing(token: &str) -> Issuer {
    Issuer::answering(reply(token))
}

fn reply(token: &str) -> Reply {
    Reply::json(format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#))
}

#[test]
fn the_subject_is_the_token_of_the_other_profile() {
    let (first, second) = (issuing("first"), issuing("second"));
    let test = Test::configured(&(profile("a", &first.endpoint()) + &linked("b", &second, "a")));
    test.run(&["get", "b"]).gives("second");
    assert_eq!(fields(&second.requests()[0], "subject_token"), ["first"]);
    test.run(&["get", "a"]).gives("first");
    test.run(&["get", "b"]).gives("second");
    assert_eq!((first.count(), second.count()), (1, 1), "each is cached");
    // A renewal of the one is none of the other, whose token is good for long.
    test.run(&["renew", "b"]).exits(0);
    assert_eq!((first.count(), second.count()), (1, 2));
}

#[test]
fn three_levels_are_one_request_each() {
    let issuers = ["one", "two", "three", "four"].map(issuing);
    let [one, two, three, four] = &issuers;
    let config = linked("d", four, "c") + &linked("b", two, "a") + &profile("a", &one.endpoint()) + &linked("c", three, "b");
    let test = Test::configured(&config);
    for _ in 0..2 {
        test.run(&["get", "d"]).gives("four");
    }
    let subjects: Vec<_> = issuers[1..].iter().flat_map(|issuer| fields(&issuer.requests()[0], "subject_token")).collect();
    assert_eq!(subjects, ["one", "two", "three"]);
    assert!(issuers.iter().all(|issuer| issuer.count() == 1));
    assert_eq!(test.leftovers(), [""; 0]);
}

#[test]
fn one_profile_may_be_needed_twice() {
    let (first, second) = (issuing("first"), issuing("second"));
    let both = "subject_token = { profile = \"a\" }\nactor_token = { profile = \"a\" }";
    let test = Test::configured(&(profile("a", &first.endpoint()) + &exchange("b", &second, both)));
    test.run(&["get", "b"]).gives("second");
    let request = &second.requests()[0];
    assert_eq!((fields(request, "subject_token"), fields(request, "actor_token")), (vec!["first".into()], vec!["first".into()]));
    assert_eq!(first.count(), 1);
}

/// Every process of a crowd is answered, and every issuer asked once.
static ONE_CROWD: Mutex<()> = Mutex::new(());

#[test]
fn a_crowd_that_needs_one_profile_asks_for_it_once() {
    let _turn = ONE_CROWD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let slow = |token| Issuer::answering(reply(token).after(std::time::Duration::from_millis(200)));
    let (base, issuers) = (slow("base"), ["one", "two", "three"].map(slow));
    let names = ["a", "b", "c"];
    let linked: String = names.iter().zip(&issuers).map(|(name, issuer)| linked(name, issuer, "base")).collect();
    let test = Test::configured(&(profile("base", &base.endpoint()) + &linked));
    let crowd: Vec<Running> = (0..50).map(|number| test.spawn(&["get", names[number % 3]])).collect();
    for (number, running) in crowd.into_iter().enumerate() {
        running.finish().gives(["one", "two", "three"][number % 3]);
    }
    assert_eq!(base.count(), 1);
    assert!(issuers.iter().all(|issuer| issuer.count() == 1));
}

#[test]
fn all_of_a_chain_are_renewed_together() {
    let (first, second, third) = (issuing("first"), issuing("second"), issuing("third"));
    let config = profile("a", &first.endpoint()) + &linked("b", &second, "a") + &linked("c", &third, "b");
    let test = Test::configured(&config);
    test.run(&["renew", "--all"]).exits(0);
    for (name, token) in [("a", "first"), ("b", "second"), ("c", "third")] {
        test.run(&["get", name, "--offline"]).gives(token);
    }
    assert_eq!([&first, &second, &third].map(Issuer::count), [1, 1, 1]);
    test.run(&["watch", "--all", "--once"]).exits(0);
    assert_eq!([&first, &second, &third].map(Issuer::count), [1, 1, 1], "nothing is due");
}

/// What is needed is fresh first: of two tokens near their expiry each is renewed, once.
#[test]
fn what_is_near_expiry_is_renewed_first() {
    let (first, second) = (Issuer::answering(Reply::token(600)), issuing("second"));
    let config = format!("{RESTLESS}{}{}", profile("a", &first.endpoint()), linked("b", &second, "a"));
    let test = Test::configured(&config);
    test.run(&["get", "b"]).gives("second");
    let issued_at = test.entry("b").unwrap()["issued_at"].as_f64().unwrap();
    wait_until("the tokens to near their expiry", || now() > issued_at + 4.0);
    test.run(&["get", "b"]).gives("second");
    assert_eq!((first.count(), second.count()), (2, 2));
    assert_eq!(fields(&second.requests()[1], "subject_token"), ["token-2"]);
}

/// S9: through any number of links.
#[test]
fn another_client_at_the_beginning_makes_other_tokens_to_the_end() {
    let (first, second, third) = (Issuer::start(), Issuer::start(), Issuer::start());
    let rest = linked("b", &second, "a") + &linked("c", &third, "b");
    let with_client =
        |client: &str| profile("a", &first.endpoint()).replace("client_id = \"ci\"", &format!("client_id = \"{client}\"")) + &rest;
    let test = Test::configured(&with_client("ci"));
    test.run(&["get", "c"]).gives("token-1");
    test.configure(&with_client("cd"));
    test.run(&["get", "c", "--offline"]).fails(5, "c");
    test.run(&["get", "c"]).gives("token-2");
    assert_eq!((first.count(), second.count(), third.count()), (2, 2, 2));
    // A secret is not who somebody is.
    test.configure(&with_client("cd").replace(SECRET, "another secret"));
    test.run(&["get", "c"]).gives("token-2");
}

#[test]
fn the_token_of_a_command_or_a_file_may_be_exchanged() {
    let issuer = Issuer::start();
    let sources = [
        ("exec", "source = \"exec\"\ncommand = [\"echo\", \"subject\"]"),
        ("file", "source = \"file\"\npath = \"~/subject\""),
        ("env", "source = \"env\"\nvariable = \"SUBJECT\""),
    ];
    for (kind, keys) in sources {
        let test = home(&issuer, "").env("SUBJECT", "subject").named(kind);
        std::fs::write(test.path("subject"), "subject\n").unwrap();
        test.configure(&format!("{QUICK}[profile.a]\n{keys}\n{}", linked("b", &issuer, "a")));
        test.run(&["get", "b"]).exits(0);
        assert_eq!(fields(issuer.requests().last().unwrap(), "subject_token"), ["subject"], "{kind}");
    }
}

#[test]
fn a_circle_is_a_mistake_of_the_configuration() {
    let issuer = Issuer::start();
    let plain = profile("plain", &issuer.endpoint());
    let lines = plain.lines().count();
    let exec = |to: &str| format!("[profile.e]\nsource = \"exec\"\ncommand = [\"true\"]\nenv = {{ SUBJECT = {{ profile = \"{to}\" }} }}\n");
    let http = |keys: &str| format!("[profile.h]\nsource = \"http\"\nurl = \"{}\"\n{keys}\n", issuer.endpoint());
    let table = [
        ("itself", linked("a", &issuer, "a"), 4, "a \u{2192} a"),
        ("two", linked("a", &issuer, "b") + &linked("b", &issuer, "a"), 8, "a \u{2192} b \u{2192} a"),
        (
            "three",
            linked("a", &issuer, "b") + &linked("b", &issuer, "c") + &linked("c", &issuer, "a"),
            12,
            "a \u{2192} b \u{2192} c \u{2192} a",
        ),
        (
            "a way into it",
            linked("a", &issuer, "b") + &linked("b", &issuer, "c") + &linked("c", &issuer, "b"),
            12,
            "b \u{2192} c \u{2192} b",
        ),
        ("by an environment", exec("b") + &linked("b", &issuer, "e"), 4, "b \u{2192} e \u{2192} b"),
        ("by an actor", exchange("a", &issuer, "subject_token = \"x\"\nactor_token = { profile = \"a\" }"), 5, "a \u{2192} a"),
        ("by a header", http("headers = { X = { profile = \"h\" } }"), 4, "h \u{2192} h"),
        ("by a body", http("body = { a = { profile = \"h\" } }"), 4, "h \u{2192} h"),
        ("by a bearer", http("bearer = { profile = \"h\" }"), 4, "h \u{2192} h"),
    ];
    for (name, config, line, circle) in table {
        let test = Test::configured(&(plain.clone() + &config)).named(name);
        // Whoever is asked for: nothing of such a configuration is taken.
        for args in [&["get", "plain"][..], &["renew", "--all"], &["status"]] {
            let place = format!("config.toml:{}", lines + line);
            test.run(args).fails(2, &place).mentions(&format!("this profile depends on itself: {circle}"));
        }
    }
    assert_eq!(issuer.count(), 0);
}

#[test]
fn a_profile_that_is_not_there_is_told_with_the_nearest() {
    let issuer = Issuer::start();
    let staff = profile("staff", &issuer.endpoint());
    let test = Test::configured(&(staff.clone() + &linked("b", &issuer, "stafff")));
    test.run(&["get", "staff"]).fails(2, "config.toml:9").mentions("there is no profile `stafff`").mentions("did you mean `staff`?");
    let test = Test::configured(&(staff + &linked("b", &issuer, "zzz")));
    test.run(&["get", "b"]).fails(2, "config.toml:9").mentions("there is no profile `zzz`").hides("did you mean");
    assert_eq!(issuer.count(), 0);
}
