//! Sinks: what they hold, who writes them when, and what stands in their way.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::delivering;
use crate::support::home::mode;
use crate::support::privilege::root_for;
use crate::support::{Issuer, Reply, Test, cases};

/// Everything in the folder of the config, where sinks with relative paths lie.
fn folder(test: &Test) -> Vec<String> {
    let entries = fs::read_dir(test.path("config/token")).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn sink(test: &Test, name: &str) -> String {
    fs::read_to_string(test.path("config/token").join(name)).unwrap()
}

#[test]
fn each_format_is_written_to_the_byte() {
    let issuer = Issuer::start();
    let keys = r#"
        hosts = ["api.example.com", "*.svc.example.com", "[::1]:8443"]
        sink = [
            { path = "default" },
            { path = "raw", format = "raw" },
            { path = "json", format = "json", mode = "0644" },
            { path = "header", format = "header", mode = "640" },
            { path = "env", format = "env" },
            { path = "named.env", format = "env", variable = "API_TOKEN", mode = "0400" },
            { path = "netrc", format = "netrc" },
            { path = "template", format = "template", template = "{{{profile}}}: {token_type} {token} {scope}\n" },
        ]
    "#;
    let test = delivering(&issuer, keys);
    let answer = r#"{"access_token":"it's-$HOME","expires_in":3600,"scope":"a b"}"#;
    issuer.script([Reply::json(answer)]);
    test.get().exits(0).prints("it's-$HOME\n");
    let table = [
        ("default", 0o600, "it's-$HOME"),
        ("raw", 0o600, "it's-$HOME"),
        ("header", 0o640, "Authorization: Bearer it's-$HOME\n"),
        ("env", 0o600, "TOKEN='it'\\''s-$HOME'\n"),
        ("named.env", 0o400, "API_TOKEN='it'\\''s-$HOME'\n"),
        (
            "netrc",
            0o600,
            "machine api.example.com login oauth2 password \"it's-$HOME\"\nmachine ::1 login oauth2 password \"it's-$HOME\"\n",
        ),
        ("template", 0o600, "{prod}: Bearer it's-$HOME a b\n"),
    ];
    for (name, permissions, text) in table {
        assert_eq!(sink(&test, name), text, "{name}");
        assert_eq!(mode(&test.path("config/token").join(name)), permissions, "{name}");
    }
    let json: Value = serde_json::from_str(&sink(&test, "json")).unwrap();
    let told = test.run(&["get", "-o", "json"]);
    let mut told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((json["cached"].as_bool(), told["cached"].as_bool()), (Some(false), Some(true)));
    told["cached"] = false.into();
    told["expires_in"] = json["expires_in"].clone();
    assert_eq!(json, told);
    assert_eq!(folder(&test), ["config.toml", "default", "env", "header", "json", "named.env", "netrc", "raw", "template"]);
}

#[test]
fn a_shell_understands_odd_tokens() {
    let issuer = Issuer::start();
    let test = delivering(&issuer, "sink = [{ path = 'env', format = 'env' }]");
    let token = r#"'"\$`!;&|<>*?{}~#"#;
    issuer.script([Reply::json(serde_json::json!({"access_token": token, "expires_in": 60}).to_string())]);
    test.get().exits(0);
    let script = format!(". '{}'; printf %s \"$TOKEN\"", test.path("config/token/env").display());
    let shell = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&shell.stdout), token);
}

#[test]
fn whoever_renews_writes_and_nobody_else() {
    let issuer = Issuer::start();
    let test = delivering(&issuer, "sink = { path = 'sink' }");
    let path = test.path("config/token/sink");
    let renewals: [&[&str]; 4] = [&["get"], &["get", "--renew"], &["renew"], &["renew", "--all"]];
    for (number, args) in (1..).zip(renewals) {
        test.run(args).exits(0).is_polite();
        assert_eq!(sink(&test, "sink"), format!("token-{number}"), "{args:?}");
    }
    fs::remove_file(&path).unwrap();
    let others: [&[&str]; 4] = [&["get"], &["get", "--offline"], &["run", "--", "true"], &["renew", "--if-near-expiry"]];
    for args in others {
        test.run(args).exits(0);
        assert!(!path.exists(), "{args:?} wrote the sink");
    }
    test.run(&["purge"]).exits(0);
    test.run(&["run", "--", "true"]).exits(0);
    assert_eq!(sink(&test, "sink"), "token-5", "run renews, too");
}

#[test]
fn a_failed_renewal_leaves_the_sink_alone() {
    let issuer = Issuer::start();
    let test = delivering(&issuer, "sink = { path = 'sink' }");
    test.get().gives("token-1");
    issuer.answer(Reply::status(503));
    test.run(&["get", "--renew"]).fails(5, "prod");
    assert_eq!(sink(&test, "sink"), "token-1");
}

#[test]
fn the_mode_is_exact_whatever_the_umask() {
    let cases = [("umask 0", "umask 0; exec \"$@\""), ("umask 0777", "umask 0777; exec \"$@\"")];
    cases::each(
        &cases,
        |case| case.0,
        |(name, line)| {
            let issuer = Issuer::start();
            let keys = "sink = [{ path = 'made/sink' }, { path = 'made/open', mode = '0644' }, { path = 'made/none', mode = '0' }]";
            let test = delivering(&issuer, keys).named(name);
            fs::create_dir(test.cache_dir()).unwrap();
            fs::set_permissions(test.cache_dir(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
            let test = test.in_shell(line);
            test.get().gives("token-1");
            let modes = ["made", "made/sink", "made/open", "made/none"].map(|name| mode(&test.path("config/token").join(name)));
            assert_eq!(modes, [0o700, 0o600, 0o644, 0], "{name}");
        },
    );
}

#[test]
fn a_link_is_replaced_and_its_target_left_alone() {
    let issuer = Issuer::start();
    let test = delivering(&issuer, "sink = [{ path = 'link' }, { path = 'dangling' }, { path = 'folder/sink' }]");
    let place = |name: &str| test.path("config/token").join(name);
    fs::write(place("target"), "untouched").unwrap();
    symlink("target", place("link")).unwrap();
    symlink("nowhere", place("dangling")).unwrap();
    fs::create_dir(test.path("elsewhere")).unwrap();
    symlink(test.path("elsewhere"), place("folder")).unwrap();
    test.get().gives("token-1");
    assert_eq!(sink(&test, "target"), "untouched");
    for name in ["link", "dangling"] {
        assert!(!place(name).is_symlink(), "{name}");
        assert_eq!(sink(&test, name), "token-1", "{name}");
    }
    assert!(place("folder").is_symlink(), "a folder may be a link");
    assert_eq!(fs::read_to_string(test.path("elsewhere/sink")).unwrap(), "token-1");
}

#[test]
fn what_stands_in_the_way_costs_a_warning() {
    type Obstacle = fn(&Path);
    let cases: [(&str, Obstacle, &str); 6] = [
        ("a directory", |path| fs::create_dir(path).unwrap(), "it is a directory"),
        ("a pipe", make_fifo, "it is no regular file"),
        ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()), "it is no regular file"),
        ("no folder", |path| fs::remove_dir_all(path.parent().unwrap().parent().unwrap()).unwrap(), "there is no directory"),
        ("a file as folder", |path| replace_folder(path, |folder| fs::write(folder, "").unwrap()), "not a directory"),
        ("a loop of links", |path| replace_folder(path, |folder| symlink(folder, folder).unwrap()), "cannot open its directory"),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, obstacle, reason)| {
            let issuer = Issuer::start();
            let test = delivering(&issuer, "sink = [{ path = 'a/b/sink' }, { path = 'other' }]").named(name);
            let path = test.path("config/token/a/b/sink");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            obstacle(&path);
            let outcome = test.get();
            outcome.gives_with_warning("token-1", "prod").mentions(path.to_str().unwrap()).mentions(reason);
            assert_eq!(sink(&test, "other"), "token-1", "{name}: one sink does not harm another");
            test.run(&["renew"]).exits(0).explains("prod").mentions(reason);
            test.get().gives("token-2");
        },
    );
}

fn make_fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn replace_folder(path: &Path, put: impl Fn(&Path)) {
    let folder = path.parent().unwrap();
    fs::remove_dir(folder).unwrap();
    put(folder);
}

#[test]
fn a_folder_that_cannot_be_written_costs_a_warning() {
    if !root_for("becoming another user") {
        return;
    }
    let issuer = Issuer::start();
    let test = delivering(&issuer, "sink = { path = 'closed/sink' }");
    let closed = test.path("config/token/closed");
    fs::create_dir(&closed).unwrap();
    fs::write(closed.join("sink"), "old").unwrap();
    let test = test.handed_to_nobody();
    fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    test.get().gives_with_warning("token-1", "prod").mentions("permission denied");
    assert_eq!(sink(&test, "closed/sink"), "old");
}

#[test]
fn a_full_disk_keeps_the_old_sink() {
    let issuer = Issuer::start();
    let test = delivering(
        &issuer,
        "sink = { path = 'sink', format = 'template', template = '{token} padded beyond the limit of one hundred bytes, which the file size limit of this test is: a cache entry is larger still' }",
    );
    test.get().gives("token-1");
    let old = sink(&test, "sink");
    let test = test.wrapped(&["prlimit", "--fsize=100"]);
    test.run(&["get", "--renew"]).gives_with_warning("token-2", "prod").mentions("sink");
    assert_eq!(sink(&test, "sink"), old);
    assert_eq!(folder(&test), ["config.toml", "sink"], "nothing is left beside it");
}

#[test]
fn mistakes_are_told_with_line_and_key() {
    let cases = [
        ("placeholder", "sink = { path = 'a', format = 'template', template = '{tokn}' }", "sink.template", "did you mean `{token}`?"),
        ("no template", "sink = { path = 'a', format = 'template' }", "sink.template", "missing"),
        ("mode", "sink = { path = 'a', mode = '0999' }", "sink.mode", "octal"),
        ("netrc", "hosts = ['*.example.com']\nsink = [{ path = 'a', format = 'netrc' }]", "sink", "hosts"),
        ("misspelt", "sink = { pth = 'a' }", "sink.pth", "did you mean `path`?"),
        ("hook", "on_renew = 'reload app'", "on_renew", "no shell"),
    ];
    cases::each(
        &cases,
        |case| case.0,
        |(name, keys, key, word)| {
            let issuer = Issuer::start();
            let test = delivering(&issuer, keys).named(name);
            let line = 7 + keys.lines().count();
            test.get().fails(2, "prod").mentions(&format!("config.toml:{line}: `profile.prod.{key}`")).mentions(word);
            assert_eq!(issuer.count(), 0, "{name}");
        },
    );
}

fn renew_five_times(test: &Test) {
    for _ in 0..5 {
        test.run(&["get", "--renew"]).exits(0);
    }
}

/// Many renew at once: the sinks are whole at every moment and end with the token that is in the cache.
#[test]
fn processes_that_renew_at_once_end_with_the_newest_token() {
    let issuer = Issuer::start();
    let test = delivering(&issuer, "sink = [{ path = 'raw' }, { path = 'json', format = 'json' }]");
    test.get().gives("token-1");
    let (raw, json) = (test.path("config/token/raw"), test.path("config/token/json"));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                let token = fs::read_to_string(&raw).unwrap();
                assert!(token.strip_prefix("token-").is_some_and(|number| number.parse::<u32>().is_ok()), "torn: {token:?}");
                serde_json::from_slice::<Value>(&fs::read(&json).unwrap()).expect("whole");
            }
        });
        let lanes: Vec<_> = (0..4).map(|_| scope.spawn(|| renew_five_times(&test))).collect();
        let failed = lanes.into_iter().map(std::thread::ScopedJoinHandle::join).any(|lane| lane.is_err());
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(!failed);
    });
    let cached = test.entry("prod").unwrap()["token"].as_str().unwrap().to_owned();
    let told: Value = serde_json::from_str(&sink(&test, "json")).unwrap();
    assert_eq!((sink(&test, "raw"), told["token"].as_str()), (cached.clone(), Some(cached.as_str())));
    assert_eq!(folder(&test), ["config.toml", "json", "raw"]);
}
