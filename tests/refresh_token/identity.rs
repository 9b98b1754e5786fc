//! Whose login it is (S9): another issuer or client is never sent it, another scope is.

use crate::support::{Issuer, QUICK, Reply, Reuse, SECRET, Test, cases, login_profile};

fn usual(issuer: &Issuer) -> String {
    format!("{QUICK}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed()))
}

/// What is asked for may change; who asks whom does not.
#[test]
fn another_scope_or_audience_keeps_the_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let usual = usual(&issuer);
    let test = Test::configured(&usual);
    test.get().gives("token-1");
    let changes = [
        format!("{usual}scope = [\"read\"]\n"),
        format!("{usual}scope = [\"read\", \"write\"]\n"),
        format!("{usual}audience = \"api\"\n"),
        format!("{usual}resource = \"https://api.example.com\"\n"),
        format!("{usual}params = {{ tenant = \"x\" }}\n"),
        format!("{usual}headers = {{ X-Tenant = \"x\" }}\n"),
        usual.replace(SECRET, "another-secret"),
        usual.replace("client_id = \"ci\"\n", "client_id = \"ci\"\nclient_auth = \"post\"\n"),
        usual.clone(),
    ];
    for (number, config) in changes.iter().enumerate() {
        test.configure(config);
        test.run(&["get", "--renew"]).gives(&format!("token-{}", number + 2));
        assert_eq!(test.refresh_token("prod"), issuer.newest(), "{config}");
    }
    assert_eq!(issuer.family().reused, 0);
}

#[test]
fn another_issuer_or_client_is_not_sent_it() {
    type Change = fn(&str, &Issuer, &Issuer) -> String;
    let changes: [(&str, Change); 5] = [
        ("endpoint", |usual, issuer, other| usual.replace(&issuer.url(), &other.url())),
        ("path", |usual, _, _| usual.replace("/token\"", "/elsewhere\"")),
        ("issuer", |usual, issuer, other| {
            usual.replace(&format!("token_endpoint = \"{}\"", issuer.endpoint()), &format!("issuer = \"{}\"", other.url()))
        }),
        ("issuer beside the endpoint", |usual, _, other| format!("{usual}issuer = \"{}\"\n", other.url())),
        ("client", |usual, _, _| usual.replace("\"ci\"", "\"another\"")),
    ];
    cases::each(
        &changes,
        |case| case.0,
        |(name, change)| {
            let issuer = Issuer::rotating(Reuse::IsRefused);
            let other = Issuer::answering(Reply::oauth(400, "invalid_grant"));
            let usual = usual(&issuer);
            let test = Test::configured(&usual).named(name);
            test.get().gives("token-1");
            let kept = test.refresh_token("prod");
            test.configure(&change(&usual, &issuer, &other));
            assert_eq!(test.status("prod")["login"], "none", "{name}: it is not that one's");
            test.run(&["get", "--max-retries", "1"]).fails(4, "prod");
            let asked: Vec<_> = issuer.requests().into_iter().skip(1).chain(other.requests()).collect();
            assert_eq!(asked.len(), 1, "{name}");
            assert!(!asked[0].body.contains(&kept), "{name}: it was sent {}", asked[0].path);
            assert_eq!(asked[0].form()["refresh_token"], issuer.first(), "{name}: the configured one is its own");
        },
    );
}

/// A slip in the configuration must not cost the login: put right again, all is as it was.
#[test]
fn a_slip_of_the_pen_costs_no_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let other = Issuer::answering(Reply::oauth(401, "invalid_client"));
    let usual = usual(&issuer);
    let test = Test::configured(&usual);
    test.get().gives("token-1");
    for error in ["invalid_client", "invalid_grant", "unauthorized_client"] {
        other.answer(Reply::oauth(400, error));
        test.configure(&usual.replace(&issuer.url(), &other.url()));
        test.get().fails(4, "prod");
        test.run(&["renew"]).fails(4, "prod");
        other.answer(Reply::status(503));
        test.run(&["renew"]).fails(5, "prod");
        test.configure(&usual);
        test.run(&["get", "--renew"]).exits(0).is_polite();
        assert_eq!(issuer.family().reused, 0, "{error}");
    }
}

/// But where the other one gives a token, his login is the one from then on.
#[test]
fn another_issuer_that_gives_a_token_has_the_place() {
    let (issuer, other) = (Issuer::rotating(Reuse::Revokes), Issuer::rotating(Reuse::Revokes));
    let usual = usual(&issuer);
    let test = Test::configured(&usual);
    test.get().gives("token-1");
    test.run(&["get", "--renew"]).gives("token-2");
    test.configure(&usual.replace(&issuer.url(), &other.url()));
    for number in 1..=3 {
        test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
    }
    assert_eq!(test.refresh_token("prod"), other.newest());
    assert_eq!((other.family().reused, issuer.count()), (0, 2));
}

/// Two profiles of one issuer have a login each.
#[test]
fn profiles_share_no_login() {
    let (one, two) = (Issuer::rotating(Reuse::Revokes), Issuer::rotating(Reuse::Revokes));
    let config = login_profile("a", &one.endpoint(), &one.seed()) + &login_profile("b", &two.endpoint(), &two.seed());
    let test = Test::configured(&config);
    for _ in 0..3 {
        test.run(&["renew", "--all"]).exits(0).is_polite();
    }
    assert_eq!(test.state_files(), ["a.json", "b.json"]);
    for (name, issuer) in [("a", &one), ("b", &two)] {
        assert_eq!((test.refresh_token(name), issuer.family().reused), (issuer.newest(), 0), "{name}");
    }
    // A file under another name is nobody's login.
    std::fs::rename(test.login_path("a"), test.login_path("b")).unwrap();
    let before = two.count();
    test.run(&["renew", "b"]).fails(6, "b");
    assert_eq!(two.count(), before);
}

/// Another profile's token as an input: its login is renewed by the same core, once, and kept.
#[test]
fn a_profile_that_feeds_another_keeps_its_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let exchange = Issuer::start();
    let chained = format!(
        "[profile.x]\nsource = \"token-exchange\"\ntoken_endpoint = \"{}\"\nclient_id = \"ci\"\n\
         subject_token = {{ profile = \"prod\" }}\nsubject_token_type = \"urn:ietf:params:oauth:token-type:access_token\"\n",
        exchange.endpoint()
    );
    let test = Test::configured(&(usual(&issuer) + &chained));
    for number in 1..=3 {
        test.run(&["get", "x", "--renew"]).gives(&format!("token-{number}"));
        test.forget("prod");
    }
    assert_eq!(test.refresh_token("prod"), issuer.newest());
    assert_eq!(issuer.family().reused, 0);
    assert_eq!(test.state_files(), ["prod.json"]);
}
