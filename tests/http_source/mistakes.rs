//! Mistakes in the keys of such a profile, and secrets that stand where others can read them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::home::at;
use crate::support::{Test, cases};

const URL: &str = "https://vault.example.com/";

#[test]
fn every_mistake_is_told_with_its_line_and_key() {
    let table: [(&str, &str, &str); 18] = [
        ("method = \"get\"", "profile.prod.method", "\"GET\", \"POST\", \"PUT\" or \"PATCH\""),
        ("method = \"DELETE\"", "profile.prod.method", "\"GET\""),
        ("token = \"access_token\"", "profile.prod.token", "JSON pointer (RFC 6901)"),
        ("token = \"/a~2\"", "profile.prod.token", "JSON pointer"),
        ("token = [\"a\"]", "profile.prod.token", "expected a string"),
        ("expires_in = \"\"", "profile.prod.expires_in", "JSON pointer"),
        ("expires_in = 3600", "profile.prod.expires_in", "expected a string"),
        ("expires_at = \"expires_at\"", "profile.prod.expires_at", "JSON pointer"),
        ("expires = \"/x\"", "profile.prod.expires", "did you mean `expires_"),
        ("tokn = \"/x\"", "profile.prod.tokn", "did you mean `token`?"),
        ("body = 7", "profile.prod.body", "expected a string"),
        ("body = \"\"", "profile.prod.body", "empty"),
        ("body = { a = [1] }", "profile.prod.body.a", "found a list"),
        ("body = { a = { b = 1 } }", "profile.prod.body.a", "unknown key"),
        ("body = { a = { file = \"/a\", env = \"B\" } }", "profile.prod.body.a", "expected one of"),
        ("bearer = { flie = \"/a\" }", "profile.prod.bearer.flie", "did you mean `file`?"),
        ("headers = { \"a b\" = \"x\" }", "profile.prod.headers.a b", "is no header"),
        ("client_id = \"x\"", "profile.prod.client_id", "unknown key"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(line, key, says)| {
            at(URL, line).named(line).get().fails(2, "config.toml:6").mentions(&format!("`{key}")).mentions(says);
        },
    );
}

#[test]
fn what_is_missing_or_too_much_is_told_at_the_profile() {
    Test::configured("\n[profile.prod]\nsource = \"http\"\n").get().fails(2, "config.toml:2").mentions("`profile.prod.url`: missing");
    let both = at(URL, "bearer = { env = \"A\" }\nheaders = { authorization = { env = \"B\" } }");
    both.get().fails(2, "config.toml:3").mentions("`bearer`").mentions("`Authorization`");
}

#[test]
fn an_inline_secret_in_a_file_that_others_can_read_is_refused() {
    let table = [
        ("in the address", "https://api.example.com/?api_key=canary-s3cret-5f2b9c", ""),
        ("bearer", URL, "bearer = \"canary-s3cret-5f2b9c\""),
        ("a header", URL, "headers = { X-Vault-Token = \"canary-s3cret-5f2b9c\" }"),
        ("a field", URL, "body = { secret_id = \"canary-s3cret-5f2b9c\" }"),
        ("a form", URL, "body = \"client_secret=canary-s3cret-5f2b9c\""),
    ];
    for (name, url, keys) in table {
        let test = at(url, keys).named(name);
        test.run(&["status"]).exits(0).is_polite();
        fs::set_permissions(test.path("config/token/config.toml"), fs::Permissions::from_mode(0o644)).unwrap();
        test.get().fails(2, "prod").mentions("chmod 600");
    }
    let harmless =
        at(URL, "headers = { Metadata = \"true\" }\nbody = { role = \"ci\", secret_id = { env = \"A\" } }\nbearer = { env = \"B\" }");
    fs::set_permissions(harmless.path("config/token/config.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    harmless.run(&["status"]).exits(0);
}
