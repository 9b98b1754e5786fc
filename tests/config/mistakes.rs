//! Every mistake: exit 2, with the file, the line, the key and the nearest one that would be right; and nothing is done.

use std::fs;

use crate::support::{Issuer, Test, cases, profile};

/// A profile that is right, on lines 1 to 3: keys of a mistake follow on line 4.
const RIGHT: &str = "[profile.good]\nsource = \"exec\"\ncommand = [\"echo\", \"x\"]\n";

struct Mistake {
    name: String,
    config: String,
    line: usize,
    key: String,
    /// What else the message says: the nearest right one, or what would be right.
    says: &'static str,
}

fn mistake(name: &str, config: impl Into<String>, line: usize, key: &str, says: &'static str) -> Mistake {
    Mistake { name: name.to_owned(), config: config.into(), line, key: key.to_owned(), says }
}

/// This line within a profile that is right but for it.
fn in_profile(line: &str, key: &str, says: &'static str) -> Mistake {
    mistake(line, format!("{RIGHT}{line}\n"), 4, key, says)
}

/// This line within `[renewal]`.
fn in_renewal(line: &str, key: &str, says: &'static str) -> Mistake {
    mistake(line, format!("{RIGHT}[renewal]\n\n{line}\n"), 6, key, says)
}

/// A client-credentials profile, this line instead of the one that sets the same key.
fn in_client(line: &str, key: &str, says: &'static str) -> Mistake {
    let mut lines = vec![
        "[profile.good]",
        "source = \"client-credentials\"",
        "token_endpoint = \"https://login.example.com/token\"",
        "client_id = \"ci\"",
        "client_secret = { env = \"SECRET\" }",
    ];
    let name = |line: &str| line.split(' ').next().map(str::to_owned);
    let at = lines.iter().position(|known| name(known) == name(line)).unwrap_or_else(|| {
        lines.push(line);
        lines.len() - 1
    });
    lines[at] = line;
    mistake(line, lines.join("\n") + "\n", at + 1, key, says)
}

fn check_all(mistakes: &[Mistake]) {
    cases::each(mistakes, |case| &case.name, check);
}

fn check(case: &Mistake) {
    let test = Test::configured(&case.config).named(&case.name).env("SECRET", "x");
    let path = test.path("config/token/config.toml");
    for args in [&["get", "good"][..], &["status"], &["purge", "--all"]] {
        let outcome = test.run(args);
        outcome.fails(2, &format!("{}:{}", path.display(), case.line)).mentions(&case.key).mentions(case.says).is_brief();
    }
    assert_eq!(test.cache_files(), [""; 0], "{}", case.name);
}

#[test]
fn unknown_keys_at_every_level() {
    check_all(&[
        mistake("top", format!("defualt = \"good\"\n{RIGHT}"), 1, "defualt", "`default`"),
        mistake("top, lock", format!("\nlok = \"none\"\n{RIGHT}"), 2, "lok", "`lock`"),
        mistake("top, table", format!("{RIGHT}[renewl]\njitter = 0\n"), 4, "renewl", "`renewal`"),
        mistake("top, profiles", "[profiles.good]\nsource = \"env\"\n", 1, "profiles", "`profile`"),
        in_renewal("max_retry = 3", "max_retry", "`max_retries`"),
        in_renewal("min_tll = \"1s\"", "renewal.min_tll", "`min_ttl`"),
        in_renewal("source = \"env\"", "renewal.source", ""),
        in_profile("max_retrys = 3", "profile.good.max_retrys", "`max_retries`"),
        in_profile("comand = [\"x\"]", "profile.good.comand", "`command`"),
        in_profile("host = [\"api.example.com\"]", "profile.good.host", "`hosts`"),
        in_profile("interactiv = true", "profile.good.interactiv", "`interactive`"),
        in_client("client_secert = \"x\"", "profile.good.client_secert", "`client_secret`"),
        in_client("scopes = [\"read\"]", "profile.good.scopes", "`scope`"),
        in_client("ca-file = \"/x\"", "profile.good.ca-file", "`ca_file`"),
        in_client("token_endpiont = \"https://x\"", "profile.good.token_endpiont", "`token_endpoint`"),
        in_client("client_secret = { fiel = \"/x\" }", "profile.good.client_secret.fiel", "`file`"),
        in_client("client_secret = { enviroment = \"X\" }", "profile.good.client_secret.enviroment", "`env`"),
        in_client("command = [\"x\"]", "profile.good.command", ""),
        in_profile("sink = [{ path = \"/x\", fromat = \"raw\" }]", "fromat", "`format`"),
        in_profile("on_renw = [\"true\"]", "profile.good.on_renw", "`on_renew`"),
    ]);
}

/// Where nothing is near, it says what there is.
#[test]
fn an_unknown_key_that_is_like_none_is_told_with_what_there_is() {
    check_all(&[
        mistake("top", format!("zzz = 1\n{RIGHT}"), 1, "zzz", "default"),
        in_profile("zzz = 1", "profile.good.zzz", "command"),
        in_renewal("zzz = 1", "renewal.zzz", "max_retries"),
        in_client("client_secret = { zzz = 1 }", "profile.good.client_secret.zzz", "env"),
    ]);
}

#[test]
fn wrong_types() {
    let a_duration = "duration";
    check_all(&[
        mistake("default", format!("default = 1\n{RIGHT}"), 1, "default", "string"),
        mistake("lock", format!("lock = true\n{RIGHT}"), 1, "lock", "string"),
        mistake("renewal", format!("renewal = 3\n{RIGHT}"), 1, "renewal", "table"),
        mistake("profile", "profile = \"x\"\n", 1, "profile", "table"),
        mistake("a profile", "\n[profile]\ngood = \"x\"\n", 3, "profile.good", "table"),
        mistake("an array of profiles", "[[profile]]\nsource = \"env\"\n", 1, "profile", "table"),
        mistake("source", "[profile.good]\nsource = [\"env\"]\n", 2, "profile.good.source", "string"),
        mistake("command", "[profile.good]\nsource = \"exec\"\ncommand = \"echo x\"\n", 3, "profile.good.command", "list"),
        mistake("a word of a command", "[profile.good]\nsource = \"exec\"\ncommand = [\"echo\", 1]\n", 3, "profile.good.command", "string"),
        mistake("no command", "[profile.good]\nsource = \"exec\"\ncommand = []\n", 3, "profile.good.command", ""),
        mistake("path", "[profile.good]\nsource = \"file\"\npath = [\"/x\"]\n", 3, "profile.good.path", "string"),
        mistake("variable", "[profile.good]\nsource = \"env\"\nvariable = 1\n", 3, "profile.good.variable", "string"),
        in_profile("max_retries = \"3\"", "profile.good.max_retries", "number"),
        in_profile("max_retries = 1.5", "profile.good.max_retries", "number"),
        in_profile("lifetime_safe_fraction = \"0.9\"", "profile.good.lifetime_safe_fraction", "number"),
        in_profile("jitter = true", "profile.good.jitter", "number"),
        in_profile("retry_timeout_exponent = []", "profile.good.retry_timeout_exponent", "number"),
        in_profile("min_ttl = 5", "profile.good.min_ttl", a_duration),
        in_profile("min_ttl = [\"5s\"]", "profile.good.min_ttl", a_duration),
        in_profile("ttl = 5", "profile.good.ttl", a_duration),
        in_profile("initial_safety_margin = 7200", "profile.good.initial_safety_margin", a_duration),
        in_renewal("initial_retry_timeout = 1", "renewal.initial_retry_timeout", a_duration),
        in_renewal("refresh_request_timeout = false", "renewal.refresh_request_timeout", a_duration),
        in_profile("hosts = \"api.example.com\"", "profile.good.hosts", "list"),
        in_profile("hosts = [1]", "profile.good.hosts", "string"),
        in_profile("username = 1", "profile.good.username", "string"),
        in_profile("env = \"A=B\"", "profile.good.env", "table"),
        in_profile("env = { A = 1 }", "profile.good.env.A", "string"),
        in_profile("interactive = \"yes\"", "profile.good.interactive", "true"),
        in_profile("on_renew = \"true\"", "profile.good.on_renew", "list"),
        in_profile("sink = \"/x\"", "profile.good.sink", "list"),
        in_client("client_id = 1", "profile.good.client_id", "string"),
        in_client("client_secret = 1", "profile.good.client_secret", "string"),
        in_client("client_secret = { env = 1 }", "profile.good.client_secret.env", "string"),
        in_client("client_secret = { command = \"pass show x\" }", "profile.good.client_secret.command", "list"),
        in_client("scope = 1", "profile.good.scope", "list"),
        in_client("params = [\"a\"]", "profile.good.params", "table"),
        in_client("headers = \"X: y\"", "profile.good.headers", "table"),
    ]);
}

#[test]
fn values_out_of_range() {
    check_all(&[
        mistake("a lock of no kind", format!("lock = \"non\"\n{RIGHT}"), 1, "lock", "`none`"),
        mistake(
            "a source of no kind",
            "\n[profile.good]\nsource = \"client-credential\"\n",
            3,
            "profile.good.source",
            "`client-credentials`",
        ),
        mistake("a source like none", "[profile.good]\nsource = \"zzz\"\n", 2, "profile.good.source", "exec"),
        mistake("an empty source", "[profile.good]\nsource = \"\"\n", 2, "profile.good.source", ""),
        mistake("a default that is none", format!("default = \"god\"\n{RIGHT}"), 1, "default", "`good`"),
        in_profile("max_retries = 0", "profile.good.max_retries", "1"),
        in_profile("max_retries = -1", "profile.good.max_retries", "1"),
        in_renewal("lifetime_safe_fraction = 0", "renewal.lifetime_safe_fraction", "0 and 1"),
        in_profile("lifetime_safe_fraction = 1.0", "profile.good.lifetime_safe_fraction", "0 and 1"),
        in_profile("lifetime_safe_fraction = nan", "profile.good.lifetime_safe_fraction", "0 and 1"),
        in_profile("retry_timeout_exponent = 0.5", "profile.good.retry_timeout_exponent", "1 or more"),
        in_profile("retry_timeout_exponent = inf", "profile.good.retry_timeout_exponent", ""),
        in_profile("jitter = 1", "profile.good.jitter", ""),
        in_profile("jitter = -0.1", "profile.good.jitter", ""),
        in_profile("min_ttl = \"-5s\"", "profile.good.min_ttl", "2h"),
        in_profile("min_ttl = \"5\"", "profile.good.min_ttl", "2h"),
        in_profile("min_ttl = \"none\"", "profile.good.min_ttl", "2h"),
        in_profile("initial_safety_margin = \"non\"", "profile.good.initial_safety_margin", "none"),
        in_profile("ttl = \"0s\"", "profile.good.ttl", ""),
        in_profile("ttl = \"nevr\"", "profile.good.ttl", "never"),
        in_profile("initial_retry_timeout = \"0s\"", "profile.good.initial_retry_timeout", "0s"),
        in_profile("hosts = [\"https://api.example.com\"]", "profile.good.hosts", "api.example.com"),
        in_profile("hosts = [\"a.example.com\", \"*\"]", "profile.good.hosts", ""),
        in_profile("hosts = [\"a.*.example.com\"]", "profile.good.hosts", "api.example.com"),
        in_profile("hosts = [\"a.example.com.\"]", "profile.good.hosts", "api.example.com"),
        in_profile("username = \"two words\"", "profile.good.username", ""),
        in_profile("username = \"me:word\"", "profile.good.username", "colon"),
        in_profile("format = \"jsn\"", "profile.good.format", "`json`"),
        in_profile("sink = [{ path = \"/x\", format = \"rwa\" }]", "format", "`raw`"),
        in_profile("sink = [{ path = \"/x\", mode = \"0999\" }]", "mode", ""),
        in_client("token_endpoint = \"login.example.com\"", "profile.good.token_endpoint", "https"),
        in_client("token_endpoint = \"http://login.example.com/token\"", "profile.good.token_endpoint", "https"),
        in_client("token_endpoint = \"ftp://login.example.com\"", "profile.good.token_endpoint", "https"),
        in_client("client_auth = \"psot\"", "profile.good.client_auth", "`post`"),
        in_client("client_secret = \"\"", "profile.good.client_secret", ""),
        in_client("client_secret = {}", "profile.good.client_secret", "env"),
        in_client("client_secret = { env = \"A\", file = \"/b\" }", "profile.good.client_secret", "one"),
        in_client("proxy = \"not a url\"", "profile.good.proxy", ""),
    ]);
}

/// What is missing has no line of its own: the header of its profile has.
#[test]
fn missing_keys() {
    let client = "source = \"client-credentials\"";
    let endpoint = "token_endpoint = \"https://login.example.com/token\"";
    check_all(&[
        mistake("source", "\n\n[profile.good]\nhosts = []\n", 3, "profile.good.source", "missing"),
        mistake("an empty profile", "[profile.good]\n", 1, "profile.good.source", "missing"),
        mistake("command", format!("{RIGHT}\n[profile.bad]\nttl = \"1h\"\nsource = \"exec\"\n"), 5, "profile.bad.command", "missing"),
        mistake("path", "# comment\n[profile.good]\nsource = \"file\"\n", 2, "profile.good.path", "missing"),
        mistake("variable", "\n[profile.good]\nsource = \"env\"\n", 2, "profile.good.variable", "missing"),
        mistake(
            "client_id",
            format!("[profile.good]\n{client}\n{endpoint}\nclient_secret = {{ env = \"A\" }}\n"),
            1,
            "profile.good.client_id",
            "missing",
        ),
        mistake("client_secret", format!("[profile.good]\n{client}\n{endpoint}\nclient_id = \"x\"\n"), 1, "client_secret", ""),
        mistake(
            "endpoint",
            format!("[profile.good]\n{client}\nclient_id = \"x\"\nclient_secret = {{ env = \"A\" }}\n"),
            1,
            "token_endpoint",
            "issuer",
        ),
        mistake("inline", "\n[profile]\ngood = { source = \"env\" }\n", 3, "profile.good.variable", "missing"),
        mistake("dotted", "profile.good.source = \"env\"\n", 1, "profile.good.variable", "missing"),
        mistake(
            "between others",
            format!("{RIGHT}[profile.bad]\nsource = \"env\"\n[profile.other]\nsource = \"env\"\nvariable = \"A\"\n"),
            4,
            "profile.bad.variable",
            "missing",
        ),
        mistake("misspelt", "[profile.good]\nsource = \"env\"\nvarable = \"A\"\n", 3, "profile.good.varable", "`variable`"),
        in_profile("sink = [{ format = \"raw\" }]", "path", "missing"),
        mistake(
            "half a certificate",
            format!("\n[profile.good]\n{client}\n{endpoint}\nclient_id = \"x\"\nclient_secret = {{ env = \"A\" }}\nclient_cert = \"/x\"\n"),
            2,
            "profile.good.client_key",
            "missing",
        ),
    ]);
}

#[test]
fn what_is_not_toml() {
    check_all(&[
        mistake("no value", format!("{RIGHT}ttl =\n"), 4, "", ""),
        mistake("no quote", "default = good\n", 1, "", ""),
        mistake("an open string", format!("{RIGHT}ttl = \"1h\n"), 4, "", ""),
        mistake("an open table", format!("{RIGHT}[profile.bad\nsource = \"env\"\n"), 4, "", ""),
        mistake("a key twice", format!("{RIGHT}command = [\"y\"]\n"), 4, "command", ""),
        mistake("a profile twice", format!("{RIGHT}\n{RIGHT}"), 5, "good", ""),
        mistake("JSON", "{\"profile\": {}}\n", 1, "", ""),
        mistake("INI", "[profile.good]\nsource: env\n", 2, "", ""),
    ]);
}

#[test]
fn names_of_profiles() {
    let long = "x".repeat(101);
    for name in ["../evil", "", ".hidden", "-x", "a b", "a/b", "é", "_x", &long] {
        let config = format!("\n[profile.\"{name}\"]\nsource = \"env\"\nvariable = \"A\"\n");
        let test = Test::configured(&config).named(name);
        test.run(&["get"]).fails(2, "config.toml:2").mentions("name");
    }
    let longest = "x".repeat(100);
    for name in ["me@example.com", "a.b_c-d", "0", &longest] {
        let test = Test::configured(&format!("[profile.\"{name}\"]\nsource = \"exec\"\ncommand = [\"echo\", \"token-1\"]\n"));
        test.run(&["get", name]).gives("token-1");
    }
}

/// The whole file is checked, whichever profile is asked for, and whether or not its token is there already.
#[test]
fn a_mistake_elsewhere_is_a_mistake() {
    let issuer = Issuer::start();
    let good = profile("good", &issuer.endpoint());
    let test = Test::configured(&good);
    test.run(&["get", "good"]).gives("token-1");
    for (bad, line) in [("[profile.bad]\nsorce = \"env\"\n", 8), ("[renewal]\njitter = 2\n", 8), ("[profile.bad]\nsource = \n", 8)] {
        test.configure(&format!("{good}\n{bad}"));
        for args in
            [&["get", "good"][..], &["get", "good", "--offline"], &["renew", "good"], &["status", "good"], &["run", "good", "--", "true"]]
        {
            test.run(args).fails(2, &format!("config.toml:{line}"));
        }
    }
    test.configure(&good);
    test.run(&["get", "good"]).gives("token-1");
    assert_eq!(issuer.count(), 1);
}

#[test]
fn the_first_mistake_is_told_and_one_is_enough() {
    let test = Test::configured("[renewal]\njiter = 0\nmax_retrys = 1\n[profile.a]\nsorce = 1\n");
    let outcome = test.run(&["get"]);
    outcome.fails(2, "config.toml:2").mentions("`jitter`");
    assert!(outcome.stderr.lines().count() <= 2, "{outcome}");
}

/// A key that somebody else wrote is shown tame, and the secret beside it not at all.
#[test]
fn a_message_holds_no_secret_and_nothing_that_a_terminal_obeys() {
    let issuer = Issuer::start();
    let good = profile("good", &issuer.endpoint());
    for line in ["\"a\\u001b[31m\\u202e\\nb\" = 1", "unknown = \"canary-s3cret-5f2b9c\"", "client_secret = \"canary-s3cret-5f2b9c\""] {
        let test = Test::configured(&format!("{good}{line}\n"));
        test.run(&["get"]).fails(2, "config.toml:6");
        test.run(&["-vvv", "get"]).exits(2).prints("").is_polite();
    }
    // The mistake is the secret itself, in the wrong place or broken off.
    for text in
        ["client_secret = canary-s3cret-5f2b9c", "client_secret = \"canary-s3cret-5f2b9c", "client_secret = [\"canary-s3cret-5f2b9c\"]"]
    {
        let broken = good.replace("client_secret = \"canary-s3cret-5f2b9c\"", text);
        Test::configured(&broken).run(&["-vvv", "get"]).exits(2).prints("").mentions("config.toml:5").is_polite();
    }
}

#[test]
fn what_is_no_text_is_refused() {
    let test = Test::configured("");
    let path = test.path("config/token/config.toml");
    let large = format!("# {}\n", "x".repeat(1 << 20)).repeat(9);
    for (name, bytes) in
        [("not UTF-8", b"default = \"\xff\"\n".to_vec()), ("NUL", b"default\0 = 1\n".to_vec()), ("huge", large.into_bytes())]
    {
        fs::write(&path, bytes).unwrap();
        let outcome = test.run(&["get"]);
        outcome.fails(2, path.to_str().unwrap());
        assert!(outcome.stderr.chars().count() < 600, "{name}{outcome}");
    }
}

#[test]
fn an_empty_file_configures_nothing() {
    for text in ["", "\n\n", "# only a comment\n", "[renewal]\n"] {
        let test = Test::configured(text);
        test.run(&["get"]).fails(2, "config.toml");
        test.run(&["status"]).exits(0);
        test.run(&["get", "--", "echo", "token-1"]).gives("token-1");
    }
}
