//! What is right is taken: the example of the contract, every kind of source, every parameter.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Issuer, Test, cases, profile};

/// §5 of the contract, to the letter.
const EXAMPLE: &str = r#"default = "prod"

[renewal]                        # §3.1, for every profile
lifetime_safe_fraction = 0.9

[profile.prod]
source = "client-credentials"
issuer = "https://login.example.com"     # discovery; or token_endpoint = "…"
client_id = "ci"
client_secret = { file = "~/.secrets/prod" }   # or { env = "…" } or { command = ["pass", "show", "prod"] } or "inline"
scope = ["read", "write"]
hosts = ["api.example.com", "*.svc.example.com"]  # front ends hand the token to these hosts only
sink = [{ path = "~/.run/prod.token", format = "raw", mode = "0600" }]
on_renew = ["systemctl", "--user", "reload", "app"]
"#;

#[test]
fn the_example_is_right() {
    let test = Test::configured(EXAMPLE);
    fs::create_dir(test.path(".secrets")).unwrap();
    fs::write(test.path(".secrets/prod"), "secret\n").unwrap();
    fs::set_permissions(test.path(".secrets/prod"), fs::Permissions::from_mode(0o600)).unwrap();
    let outcome = test.run(&["status"]);
    outcome.exits(0).is_polite();
    assert!(outcome.stdout().contains("prod"), "{outcome}");
}

/// Every kind with all the keys the contract gives it.
#[test]
fn every_kind_of_source_takes_its_keys() {
    const SERVER: &str = "token_endpoint = \"https://login.example.com/token\"\nclient_id = \"ci\"\n";
    const SECRET: &str = "client_secret = { env = \"SECRET\" }\n";
    const COMMON: &str = "scope = [\"read\"]\naudience = \"api\"\nresource = \"https://api.example.com\"\nparams = { tenant = \"x\" }\n";
    let kinds = [
        ("client-credentials", format!("{SERVER}{SECRET}{COMMON}client_auth = \"post\"\n")),
        ("client-credentials", format!("{SERVER}client_assertion = {{ env = \"SECRET\" }}\nclient_auth = \"private-key-jwt\"\n")),
        ("refresh-token", format!("{SERVER}{SECRET}refresh_token = {{ env = \"SECRET\" }}\n{COMMON}")),
        (
            "refresh-token",
            format!(
                "{SERVER}refresh_token = {{ file = \"~/seed\" }}\nclient_auth = \"none\"\nrevocation_endpoint = \"https://login.example.com/revoke\"\n"
            ),
        ),
        (
            "refresh-token",
            "issuer = \"https://login.example.com\"\nclient_id = \"ci\"\nrefresh_token = { command = [\"pass\", \"show\", \"prod\"] }\n"
                .to_owned(),
        ),
        ("device-code", format!("{SERVER}device_authorization_endpoint = \"https://login.example.com/device\"\n{COMMON}")),
        (
            "authorization-code",
            format!(
                "{SERVER}authorization_endpoint = \"https://login.example.com/authorize\"\nredirect_port = 8123\n\
                 browser = [\"firefox\"]\n{COMMON}"
            ),
        ),
        (
            "token-exchange",
            format!(
                "{SERVER}{SECRET}subject_token = {{ file = \"~/subject\" }}\nactor_token = {{ env = \"SECRET\" }}\n\
                 subject_token_type = \"urn:ietf:params:oauth:token-type:jwt\"\nactor_token_type = \"urn:ietf:params:oauth:token-type:jwt\"\n\
                 requested_token_type = \"urn:ietf:params:oauth:token-type:access_token\"\n"
            ),
        ),
        (
            "token-exchange",
            format!("{SERVER}subject_token = {{ profile = \"other\" }}\nsubject_token_type = \"urn:ietf:params:oauth:token-type:jwt\"\n"),
        ),
        ("jwt-bearer", format!("{SERVER}assertion = {{ env = \"SECRET\" }}\n")),
        (
            "http",
            "url = \"https://vault.example.com/token\"\nmethod = \"POST\"\nheaders = { X-Vault = \"1\" }\nbody = \"{}\"\n\
             bearer = { env = \"SECRET\" }\ntoken = \"/auth/client_token\"\nexpires_in = \"/auth/lease_duration\"\n"
                .to_owned(),
        ),
        ("exec", "command = [\"mint\"]\nenv = { A = \"b\" }\nformat = \"auto\"\nttl = \"1h\"\ninteractive = false\n".to_owned()),
        ("file", "path = \"/var/run/secrets/token\"\n".to_owned()),
        ("env", "variable = \"GITHUB_TOKEN\"\nttl = \"never\"\n".to_owned()),
    ];
    let named: Vec<_> = kinds.iter().enumerate().map(|(number, kind)| (format!("{number}: {}", kind.0), kind)).collect();
    cases::each(
        &named,
        |case| &case.0,
        |(name, (kind, keys))| {
            let other = "[profile.other]\nsource = \"env\"\nvariable = \"A\"\n";
            let test = Test::configured(&format!("{other}[profile.prod]\nsource = \"{kind}\"\n{keys}")).named(name);
            let outcome = test.run(&["status", "--json", "prod"]);
            outcome.exits(0).is_polite();
            assert_eq!(outcome.json()["profiles"][0]["source"], *kind, "{outcome}");
        },
    );
}

#[test]
fn every_parameter_is_a_key_of_renewal_and_of_a_profile() {
    let keys = [
        "max_retries = 3",
        "initial_safety_margin = \"none\"",
        "initial_safety_margin = \"10m\"",
        "retry_safety_margin = \"1h 30m\"",
        "lifetime_safe_fraction = 0.5",
        "initial_retry_timeout = \"2s\"",
        "max_retry_timeout = \"5m\"",
        "retry_timeout_exponent = 2",
        "refresh_request_timeout = \"10s\"",
        "file_cache_throttle = \"0s\"",
        "jitter = 0",
        "min_ttl = \"1s\"",
    ];
    let right = "[profile.a]\nsource = \"exec\"\ncommand = [\"echo\", \"token-1\"]\n";
    for key in keys {
        Test::configured(&format!("{right}{key}\n")).named(key).run(&["status"]).exits(0).is_polite();
        Test::configured(&format!("{right}[renewal]\n{key}\n")).named(key).run(&["status"]).exits(0).is_polite();
    }
}

#[test]
fn keys_of_every_profile_are_taken() {
    let keys = [
        "hosts = [\"api.example.com\", \"*.example.com\", \"localhost:8443\", \"127.0.0.1\", \"[::1]:80\"]",
        "username = \"x-access-token\"",
        "scheme = \"Bearer\"",
        "ttl = \"1h\"",
        "ttl = \"never\"",
        "sink = [{ path = \"~/x\" }, { path = \"~/y\", format = \"json\" }]",
        "on_renew = [\"true\"]",
        "on_error = [\"true\"]",
    ];
    for key in keys {
        let config = format!("[profile.a]\nsource = \"exec\"\ncommand = [\"echo\", \"token-1\"]\n{key}\n");
        Test::configured(&config).named(key).run(&["status"]).exits(0).is_polite();
    }
}

#[test]
fn a_scope_is_a_list_or_a_word_and_goes_out_with_spaces() {
    for (scope, sent) in
        [("[\"read\", \"write\"]", "scope=read+write"), ("[\"read\"]", "scope=read"), ("\"read write\"", "scope=read+write")]
    {
        let issuer = Issuer::start();
        let test = Test::configured(&format!("{}scope = {scope}\n", profile("prod", &issuer.endpoint())));
        test.get().gives("token-1");
        let body = issuer.requests()[0].body.clone();
        assert!(body.split('&').any(|field| field == sent || field == sent.replace('+', "%20")), "{scope}: {body}");
    }
}

#[test]
fn a_profile_wins_over_renewal_and_renewal_over_the_default() {
    let failing = || Issuer::answering(crate::support::Reply::status(500));
    let quick = "[renewal]\ninitial_retry_timeout = \"20ms\"\n";
    for (renewal, key, attempts) in [("", "", 2), ("max_retries = 3\n", "", 3), ("max_retries = 3\n", "max_retries = 1\n", 1)] {
        let issuer = failing();
        let config = format!("{quick}{renewal}{}{key}", profile("prod", &issuer.endpoint()));
        Test::configured(&config).get().fails(5, "prod");
        assert_eq!(issuer.count(), attempts, "{renewal:?} {key:?}");
    }
}

/// Another client, scope or endpoint is another token; another name for a limit is not.
#[test]
fn a_changed_profile_never_gets_the_old_token() {
    let issuer = Issuer::start();
    let usual = profile("prod", &issuer.endpoint());
    let test = Test::configured(&usual);
    test.get().gives("token-1");
    test.configure(&format!("{usual}max_retries = 7\nhosts = [\"api.example.com\"]\n"));
    test.get().gives("token-1");
    let changes = [
        usual.replace("\"ci\"", "\"other\""),
        format!("{usual}scope = [\"read\"]\n"),
        format!("{usual}audience = \"api\"\n"),
        format!("{usual}resource = \"https://api.example.com\"\n"),
        format!("{usual}params = {{ tenant = \"x\" }}\n"),
        usual.replace("/token\"", "/other\""),
    ];
    for (number, changed) in changes.iter().enumerate() {
        test.configure(changed);
        test.get().gives(&format!("token-{}", number + 2));
    }
}

#[test]
fn without_locks_it_works_too() {
    let issuer = Issuer::start();
    let test = Test::configured(&format!("lock = \"none\"\n{}", profile("prod", &issuer.endpoint())));
    test.get().gives("token-1");
    test.run(&["renew"]).exits(0);
    assert_eq!(test.cache_files(), ["prod.json"]);
    test.run(&["purge"]).exits(0);
    assert_eq!(test.cache_files(), [""; 0]);
}

/// What only some kinds take is a mistake in others, and what a kind needs is named.
#[test]
fn a_refresh_token_profile_takes_its_own_keys_only() {
    let right = "[profile.prod]\nsource = \"refresh-token\"\ntoken_endpoint = \"https://login.example.com/token\"\nclient_id = \"ci\"\n\
                 refresh_token = { env = \"SEED\" }\n";
    let wrong = [
        (right.replace("refresh_token = { env = \"SEED\" }\n", ""), "refresh_token"),
        (right.replace("client_id = \"ci\"\n", ""), "client_id"),
        (right.replace("token_endpoint = \"https://login.example.com/token\"\n", ""), "token_endpoint"),
        (right.replace("https:", "http:"), "https"),
        (right.replace("{ env = \"SEED\" }", "7"), "refresh_token"),
        (right.replace("{ env = \"SEED\" }", "{ env = \"SEED\", file = \"x\" }"), "refresh_token"),
        (format!("{right}params = {{ refresh_token = \"x\" }}\n"), "refresh_token"),
        (format!("{right}subject_token = \"x\"\n"), "subject_token"),
        (format!("{right}device_authorization_endpoint = \"https://login.example.com/device\"\n"), "device_authorization_endpoint"),
        (format!("{right}revocation_endpoint = \"http://login.example.com/revoke\"\n"), "revocation_endpoint"),
    ];
    Test::configured(right).run(&["status"]).exits(0).is_polite();
    for (config, names) in wrong {
        let outcome = Test::configured(&config).named(names).run(&["status"]);
        outcome.exits(2).prints("").mentions(names).mentions("config.toml").is_polite();
    }
}

/// An inline refresh token is a secret: a file that others can read must not hold one.
#[test]
fn an_inline_refresh_token_wants_a_private_file() {
    let issuer = Issuer::start();
    for (first, exit) in [("\"inline\"", 2), ("{ env = \"SEED\" }", 0)] {
        let public = crate::support::login_profile("prod", &issuer.endpoint(), first);
        let config = public.replace(&format!("client_secret = \"{}\"\n", crate::support::SECRET), "");
        let test = Test::configured(&config).env("SEED", "seed");
        fs::set_permissions(test.path("config/token/config.toml"), fs::Permissions::from_mode(0o644)).unwrap();
        test.run(&["get"]).exits(exit).is_polite();
    }
    assert_eq!(issuer.count(), 1);
}

#[test]
fn the_directories_are_where_they_are_said_to_be() {
    let issuer = Issuer::start();
    let test = Test::against(&issuer);
    test.get().gives("token-1");
    assert!(test.path("cache/prod.json").exists());

    let test = Test::against(&issuer).without_env("TOKEN_CACHE_DIR");
    test.get().exits(0);
    assert!(test.path("xdg-cache/token/prod.json").exists());

    let test = Test::against(&issuer).without_env("TOKEN_CACHE_DIR").without_env("XDG_CACHE_HOME");
    test.get().exits(0);
    assert!(test.path(".cache/token/prod.json").exists());
}
