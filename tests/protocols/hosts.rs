//! A token goes to the hosts that are listed, by https, and nobody else hears of it (S13).

use super::home;
use crate::support::cases::each;
use crate::support::{Issuer, QUICK, Test, profile};

/// What each tool says of a host that nobody lists: the exit status and the whole of standard output.
const NOTHING: [(&str, i32, &str); 8] = [
    ("git", 0, ""),
    ("docker", 1, "credentials not found in native keychain\n"),
    ("cargo", 0, "{\"v\":[1]}\n{\"Err\":{\"kind\":\"url-not-supported\"}}\n"),
    ("keyring", 1, ""),
    ("terraform", 0, "{}\n"),
    ("bazel", 0, "{}\n"),
    ("goauth", 0, ""),
    ("kubectl", 2, ""),
];

/// Asks on behalf of this URL in the way of this tool.
fn ask(test: &Test, tool: &str, url: &str, named: Option<&str>) -> crate::support::Outcome {
    let (scheme, place) = url.split_once("://").unwrap();
    let host = place.split('/').next().unwrap();
    let words: Vec<&str> = ["helper", tool].into_iter().chain(named.into_iter().flat_map(|name| ["--profile", name])).collect();
    let with = |more: &[&str], input: &str| test.fed(&[&words[..], more].concat(), input);
    match tool {
        "git" => with(&["get"], &format!("protocol={scheme}\nhost={host}\n\n")),
        "docker" => with(&["get"], url),
        "cargo" => with(&[], &format!("{{\"v\":1,\"registry\":{{\"index-url\":\"sparse+{url}\"}},\"kind\":\"get\"}}\n")),
        "keyring" => with(&["get", url, "me"], ""),
        "terraform" => with(&["get", if scheme == "https" { host } else { url }], ""),
        "bazel" => with(&["get"], &format!("{{\"uri\":\"{url}\"}}")),
        "goauth" => with(&[url], "HTTP/1.1 404 Not Found\r\n\r\n"),
        "kubectl" => {
            let spec = format!("{{\"cluster\":{{\"server\":\"{url}\"}}}}");
            let information = format!("{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{spec}}}");
            let mut command = test.command(&words);
            command.env("KUBERNETES_EXEC_INFO", information);
            test.start(command, &words).finish()
        }
        _ => panic!("{tool}"),
    }
}

const ELSEWHERE: [&str; 11] = [
    "https://git.example.com.evil.com/",
    "https://evil-git.example.com/",
    "https://sub.git.example.com/",
    "https://example.com/",
    "https://git.example.com:8443/",
    "https://registry.example.com/",
    "https://svc.example.com/",
    "https://evilsvc.example.com/",
    "http://git.example.com/",
    "http://a.svc.example.com:443/",
    "https://git.example.com./",
];

#[test]
fn who_is_not_listed_gets_nothing() {
    each(
        &NOTHING,
        |(tool, ..)| tool,
        |(tool, status, stdout)| {
            let issuer = Issuer::start();
            let test = home(&issuer).named(tool);
            // There is a token: it is not for want of one.
            test.get().gives("token-1");
            for url in ELSEWHERE {
                for named in [None, Some("prod")] {
                    let outcome = ask(&test, tool, url, named);
                    outcome.exits(*status).prints(stdout).is_polite();
                    assert_eq!(outcome.stderr.is_empty(), *tool != "kubectl", "{url}{outcome}");
                }
            }
            assert_eq!(issuer.count(), 1);
            assert_eq!(test.cache_files(), ["prod.json", "prod.lock"]);
        },
    );
}

#[test]
fn who_is_listed_gets_the_token() {
    each(
        &NOTHING,
        |(tool, ..)| tool,
        |(tool, ..)| {
            let issuer = Issuer::start();
            let test = super::shelled(home(&issuer)).named(tool);
            for url in [
                "https://git.example.com/",
                "https://GIT.example.com:443/",
                "https://registry.example.com:5000/",
                "https://b.a.svc.example.com/",
            ] {
                for named in [None, Some("prod")] {
                    let outcome = ask(&test, tool, url, named);
                    outcome.exits(0).is_polite();
                    assert!(outcome.stdout().contains("token-1"), "{url}{outcome}");
                }
            }
        },
    );
}

#[test]
fn this_machine_may_speak_http() {
    let issuer = Issuer::start();
    let test = Test::configured(&format!("{QUICK}{}hosts = [\"127.0.0.1:3000\", \"localhost\"]\n", profile("prod", &issuer.endpoint())));
    for (url, served) in
        [("http://127.0.0.1:3000/", true), ("http://localhost/", true), ("http://localhost:3000/", false), ("http://127.0.0.1/", false)]
    {
        assert_eq!(ask(&test, "git", url, None).exits(0).stdout().contains("token-1"), served, "{url}");
    }
}

/// Three profiles, each with an issuer of its own.
fn several(issuers: &[Issuer; 3], default: &str) -> Test {
    let of = |name: &str, issuer: &Issuer, hosts: &str| profile(name, &issuer.endpoint()) + "hosts = [" + hosts + "]\n";
    let [wide, narrow, other] = issuers;
    Test::configured(
        &[
            default,
            QUICK,
            &of("wide", wide, "\"*.example.com\""),
            &of("narrow", narrow, "\"*.svc.example.com\", \"git.example.com\""),
            &of("other", other, "\"git.example.com\""),
        ]
        .concat(),
    )
}

#[test]
fn the_closest_profile_is_asked_and_no_other() {
    let issuers = [Issuer::start(), Issuer::start(), Issuer::start()];
    let test = several(&issuers, "");
    for (url, counts) in
        [("https://a.example.com/", [1, 0, 0]), ("https://a.svc.example.com/", [1, 1, 0]), ("https://svc.example.com/", [1, 1, 0])]
    {
        assert!(ask(&test, "git", url, None).exits(0).stdout().contains("token-1"), "{url}");
        assert_eq!(issuers.each_ref().map(Issuer::count), counts, "{url}");
    }
    // The variable says which profile is usual, not whose host it is.
    let test = test.env("TOKEN_PROFILE", "other");
    ask(&test, "git", "https://a.example.com/", None).exits(0);
    assert_eq!(issuers[2].count(), 0);
}

#[test]
fn of_profiles_that_fit_alike_none_is_guessed() {
    let issuers = [Issuer::start(), Issuer::start(), Issuer::start()];
    let test = several(&issuers, "");
    let outcome = ask(&test, "git", "https://git.example.com/", None);
    outcome.exits(2).prints("").explains("narrow, other");
    assert_eq!(issuers.each_ref().map(Issuer::count), [0, 0, 0]);
    ask(&test, "git", "https://git.example.com/", Some("other")).exits(0);
    assert_eq!(issuers.each_ref().map(Issuer::count), [0, 0, 1]);
    let test = several(&issuers, "default = \"narrow\"\n");
    ask(&test, "git", "https://git.example.com/", None).exits(0);
    assert_eq!(issuers.each_ref().map(Issuer::count), [0, 1, 1]);
}

#[test]
fn without_hosts_only_who_names_none_is_served() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    for tool in ["kubectl", "google", "aws"] {
        let outcome = test.run(&["helper", tool]);
        assert_eq!(outcome.stdout().contains("token-1"), tool != "aws", "{outcome}");
    }
    test.run(&["helper", "vault", "get"]).exits(0).prints("token-1");
    for (tool, status, _) in NOTHING {
        let outcome = ask(&test, tool, "https://git.example.com/", Some("prod"));
        outcome.exits(status);
        assert!(!outcome.stdout().contains("token-"), "{outcome}");
    }
    // Go asks first for all there is: nowhere.
    test.run(&["helper", "goauth"]).exits(0).prints("");
    assert_eq!(issuer.count(), 1);
}
