//! A token that was refused is replaced, once, and not served again; one that was not is left alone (R15).

use super::{GIT, home, shelled};
use crate::support::{Issuer, Reply, Test};

fn erase(test: &Test, secret: &str) {
    let input = format!("protocol=https\nhost=git.example.com\nusername=oauth2\n{secret}\n\n");
    test.fed(&["helper", "git", "erase"], &input).exits(0).prints("").is_polite();
}

fn password(test: &Test) -> String {
    let outcome = test.fed(&["helper", "git", "get"], GIT);
    outcome.exits(0);
    let stdout = outcome.stdout();
    stdout.lines().find_map(|line| line.strip_prefix("password=")).unwrap_or_else(|| panic!("no password{outcome}")).to_owned()
}

#[test]
fn git_erases_what_it_was_given_and_nothing_else() {
    for key in ["password", "credential"] {
        let issuer = Issuer::start();
        let test = home(&issuer);
        assert_eq!(password(&test), "token-1");
        for other in ["password=token-2", "password=", "credential=token-10", "oauth_refresh_token=token-1"] {
            erase(&test, other);
            assert_eq!(password(&test), "token-1", "{other}");
        }
        erase(&test, &format!("{key}=token-1"));
        assert!(test.entry("prod").is_none());
        assert_eq!(password(&test), "token-2");
        // A second git that was refused the first token comes late.
        erase(&test, &format!("{key}=token-1"));
        assert_eq!(password(&test), "token-2");
        assert_eq!(issuer.count(), 2);
    }
}

#[test]
fn who_is_not_listed_erases_nothing() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    test.get().gives("token-1");
    for input in ["protocol=https\nhost=evil.com\npassword=token-1\n\n", "protocol=http\nhost=git.example.com\npassword=token-1\n\n"] {
        test.fed(&["helper", "git", "erase"], input).exits(0).prints("");
    }
    test.fed(&["helper", "docker", "erase"], "evil.com").exits(0).prints("");
    test.run(&["helper", "terraform", "forget", "evil.com"]).exits(0).prints("");
    test.get().gives("token-1");
}

#[test]
fn docker_and_terraform_drop_the_token() {
    for (args, input) in [
        (&["helper", "docker", "erase"][..], "registry.example.com:5000"),
        (&["helper", "docker", "erase"], "http://registry.example.com:5000"),
        (&["helper", "docker", "erase"], "https://registry.example.com:5000"),
        (&["helper", "terraform", "forget", "git.example.com"], ""),
        (&["helper", "vault", "--profile", "prod", "erase"], ""),
    ] {
        let issuer = Issuer::start();
        let test = home(&issuer).named(&format!("{args:?}"));
        test.get().gives("token-1");
        for _ in ["there is one", "there is none"] {
            test.fed(args, input).exits(0).prints("").is_polite();
            assert!(test.entry("prod").is_none());
        }
        test.get().gives("token-2");
    }
    let issuer = Issuer::start();
    let test = home(&issuer);
    test.get().gives("token-1");
    let logout = "{\"v\":1,\"registry\":{\"index-url\":\"sparse+https://crates.example.com/\"},\"kind\":\"logout\"}\n";
    test.fed(&["helper", "cargo", "--cargo-plugin"], logout).exits(0).prints("{\"v\":[1]}\n{\"Ok\":{\"kind\":\"logout\"}}\n");
    assert!(test.entry("prod").is_none());
}

fn goauth(test: &Test, status: &str) -> String {
    let response = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    let outcome = test.fed(&["helper", "goauth", "https://git.example.com/x?go-get=1"], &response);
    outcome.exits(0).is_polite();
    outcome.stdout()
}

#[test]
fn go_says_that_it_was_refused() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    for status in ["404 Not Found", "403 Forbidden", "400 Bad Request"] {
        assert!(goauth(&test, status).contains("Bearer token-1\n"), "{status}");
    }
    assert!(goauth(&test, "401 Unauthorized").contains("Bearer token-2\n"));
    // The next ones were refused the first token too, or the second: neither is worth another request so soon.
    assert!(goauth(&test, "401 Unauthorized").contains("Bearer token-2\n"));
    assert_eq!(issuer.count(), 2);
}

/// go is told beforehand for which hosts there is a token. A host that only a pattern lists is none of those: there, the first request goes
/// without, and its 401 is no word on the token.
#[test]
fn go_was_refused_nothing_where_it_had_nothing() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    test.get().gives("token-1");
    for _ in 0..2 {
        let outcome = test.fed(&["helper", "goauth", "https://go.svc.example.com/x"], "HTTP/1.1 401 Unauthorized\r\n\r\n");
        assert!(outcome.exits(0).stdout().contains("Bearer token-1\n"), "{outcome}");
    }
    assert_eq!(issuer.count(), 1);
}

#[test]
fn go_is_not_given_the_refused_token_again() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    test.get().gives("token-1");
    issuer.answer(Reply::status(503));
    let response = "HTTP/1.1 401 Unauthorized\r\n\r\n";
    test.fed(&["helper", "goauth", "https://git.example.com/x"], response).fails(5, "prod");
    // It is not known to be bad elsewhere.
    test.get().gives("token-1");
}

const KUBECTL: [&str; 4] = ["helper", "kubectl", "--profile", "prod"];

fn kubectl(test: &Test) -> String {
    let outcome = test.run(&KUBECTL);
    outcome.exits(0).is_polite();
    outcome.json()["status"]["token"].as_str().unwrap().to_owned()
}

#[test]
fn who_asks_again_was_refused() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    // All of these have one parent: this process.
    assert_eq!(kubectl(&test), "token-1");
    assert_eq!(kubectl(&test), "token-2");
    // Not again within ten seconds, whoever refuses.
    assert_eq!(kubectl(&test), "token-2");
    assert_eq!(kubectl(&test), "token-2");
    assert_eq!(issuer.count(), 2);
    assert_eq!(test.cache_files(), ["prod.json", "prod.lock", "prod.served"]);
}

#[test]
fn what_was_served_to_others_was_not_refused() {
    let issuer = Issuer::start();
    let test = shelled(home(&issuer));
    for _ in 0..3 {
        assert_eq!(kubectl(&test), "token-1", "another parent each time");
    }
}

/// One process, three clusters: none of them has asked before, and they share one token.
#[test]
fn another_cluster_has_not_asked_before() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    for server in ["https://k8s.example.com:6443", "https://a.svc.example.com", "https://b.svc.example.com"] {
        let spec = format!("{{\"cluster\":{{\"server\":\"{server}\"}}}}");
        let mut command = test.command(&KUBECTL);
        command.env("KUBERNETES_EXEC_INFO", format!("{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{spec}}}"));
        assert_eq!(test.start(command, &KUBECTL).finish().json()["status"]["token"], "token-1", "{server}");
    }
    assert_eq!(issuer.count(), 1);
}

/// Others replaced it meanwhile: what is cached is not what was refused.
#[test]
fn only_the_token_that_was_served_is_replaced() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    assert_eq!(kubectl(&test), "token-1");
    test.run(&["renew", "prod"]).exits(0);
    assert_eq!(kubectl(&test), "token-2");
    assert_eq!(issuer.count(), 2);
}

/// It is only a guess: where there is no other token, the one that is good still serves.
#[test]
fn a_guess_costs_nobody_a_good_token() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    assert_eq!(kubectl(&test), "token-1");
    issuer.answer(Reply::oauth(401, "invalid_client"));
    for _ in ["asked", "remembered"] {
        let outcome = test.run(&KUBECTL);
        outcome.exits(0).mentions("warning: prod: ").is_polite();
        assert_eq!(outcome.json()["status"]["token"], "token-1");
    }
    assert_eq!(issuer.count(), 2, "one attempt, which all remember");
}

#[test]
fn scripts_and_aws_may_ask_as_often_as_they_like() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    let keyring = ["helper", "keyring", "get", "https://git.example.com/simple/", "me"];
    for args in [&["get"][..], &["helper", "vault", "--profile", "prod", "get"], &keyring] {
        for _ in 0..3 {
            assert_eq!(test.run(args).exits(0).stdout().trim_end(), "token-1");
        }
    }
    assert_eq!(issuer.count(), 1);
    assert_eq!(test.cache_files(), ["prod.json", "prod.lock"], "nobody is remembered");
}

#[test]
fn a_purge_forgets_who_was_served() {
    let issuer = Issuer::start();
    let test = home(&issuer);
    assert_eq!(kubectl(&test), "token-1");
    test.run(&["purge", "prod"]).exits(0);
    assert_eq!(test.cache_files(), ["prod.lock"]);
}
