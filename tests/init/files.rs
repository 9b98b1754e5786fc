//! What was there stays, to the last byte and wherever it is; what is new appears whole, and for nobody else's eyes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::home::{CLIENT_GRANT, config, config_path, init, nothing_written, offering, value};
use crate::support::home::mode;
use crate::support::privilege::is_root;
use crate::support::{SECRET, Test, cases};
use crate::terminal::Terminal;

const ECHO: [&str; 3] = ["--", "echo", "token-1"];

fn init_as(test: &Test, name: &str) -> crate::support::Outcome {
    let words: Vec<&str> = ["-p", name].into_iter().chain(ECHO).collect();
    init(test, &words)
}

const OTHER: &str = "# mine\r\n\r\n[profile.a] # first\r\nsource = \"env\"\r\nvariable = \"A\"\r\n# end without an end";

#[test]
fn every_byte_that_was_there_stays() {
    for text in [OTHER.to_owned(), OTHER.replace("\r\n", "\n"), format!("{OTHER}\r\n"), "# nothing\n".to_owned()] {
        let test = Test::configured(&text);
        fs::set_permissions(config_path(&test), fs::Permissions::from_mode(0o640)).unwrap();
        init_as(&test, "b").exits(0);
        let new = config(&test);
        assert!(new.starts_with(&text) && new.len() > text.len(), "{new:?}");
        assert_eq!(mode(&config_path(&test)), 0o640);
        let bare = new.replace("\r\n", "");
        assert!(!text.contains('\r') || !bare.contains(['\r', '\n']), "lines end as they did: {new:?}");
        test.run(&["get", "b"]).gives("token-1");
    }
}

#[test]
fn a_dry_run_tells_what_is_written_to_the_last_byte() {
    let default = format!("# of all\n\ndefault = 'a' # mine\n{OTHER}").replace("\r\n", "\n");
    let table: [(&str, &[&str], &str); 6] = [
        ("", &[], ""),
        ("\n", &["--default"], ""),
        (OTHER, &[], ""),
        (OTHER, &["--default"], "default = \"b\"\r\n\r\n"),
        (&default, &[], ""),
        (&default, &["--default"], "default = \"b\" # mine\n"),
    ];
    for (before, words, line) in table {
        let test = Test::configured(before);
        let words = [words, &["-p", "b", "--no-try"], &ECHO].concat();
        let told = init(&test, &[&["-n"], &words[..]].concat()).exits(0).stdout();
        assert_eq!(config(&test), before);
        init(&test, &words).exits(0);
        let behind = told.strip_prefix(line).unwrap_or_else(|| panic!("{told:?}"));
        let head = match before.split_once("default = 'a' # mine\n").filter(|_| !line.is_empty()) {
            Some((above, below)) => [above, line, below].concat(),
            None => before.replacen("# mine\r\n\r\n", &format!("# mine\r\n\r\n{line}"), 1),
        };
        assert_eq!(config(&test), head + behind);
    }
}

#[test]
fn a_new_file_is_private_whatever_the_umask() {
    for umask in ["0", "022", "077"] {
        let test = Test::bare().in_shell(&format!("umask {umask}; exec \"$@\""));
        init_as(&test, "a").exits(0);
        let (folder, file) = (test.path("config/token"), config_path(&test));
        assert_eq!((mode(&test.path("config")), mode(&folder), mode(&file)), (0o700, 0o700, 0o600), "umask {umask}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    }
}

#[test]
fn a_link_stays_one_and_what_it_leads_to_is_extended() {
    for target in ["[profile.a]\nsource = \"env\"\nvariable = \"A\"\n", ""] {
        let test = Test::bare();
        let (folder, dotfile) = (test.path("config/token"), test.path("dotfiles/token.toml"));
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(dotfile.parent().unwrap()).unwrap();
        symlink("../../dotfiles/token.toml", config_path(&test)).unwrap();
        if !target.is_empty() {
            fs::write(&dotfile, target).unwrap();
        }
        init_as(&test, "b").exits(0);
        assert!(config_path(&test).is_symlink());
        let text = fs::read_to_string(&dotfile).unwrap();
        assert!(text.starts_with(target) && text.contains("[profile.b]"), "{text}");
    }
}

#[test]
fn the_file_that_is_named_is_the_one() {
    let test = Test::bare();
    init(&test, &["--config", "conf/my.toml", "-p", "a", "--", "echo", "token-1"]).exits(0).mentions("/conf/my.toml:5");
    test.run(&["--config", "conf/my.toml", "get"]).gives("token-1");
    assert!(!test.path("config").exists());
    let test = test.env("TOKEN_CONFIG", "other.toml");
    init_as(&test, "a").exits(0);
    assert!(fs::read_to_string(test.path("other.toml")).unwrap().contains("[profile.a]"));
}

#[test]
fn two_at_once_lose_nothing() {
    let test = Test::configured("# mine\n");
    let names: Vec<String> = (0..8).map(|number| format!("p{number}")).collect();
    let words = |name: &str| ["init", "-p", name, "--no-try", "--", "echo", "x"].map(str::to_owned);
    let running: Vec<_> = names.iter().map(|name| test.spawn(&words(name).each_ref().map(String::as_str))).collect();
    for run in running {
        run.finish().exits(0);
    }
    let text = config(&test);
    assert!(text.starts_with("# mine\n"));
    for name in &names {
        assert_eq!(text.matches(&format!("[profile.{name}]")).count(), 1, "{text}");
    }

    let same: Vec<_> = (0..6).map(|_| test.spawn(&words("same").each_ref().map(String::as_str))).collect();
    let mut codes: Vec<_> = same.into_iter().map(|run| run.finish().code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(2), Some(2), Some(2), Some(2), Some(2)]);
    assert_eq!(config(&test).matches("[profile.same]").count(), 1);
}

#[test]
fn a_profile_that_is_there_is_never_overwritten() {
    let spellings = [
        "[profile.a]\nsource = \"env\"\nvariable = \"A\"\n",
        "[profile.\"a\"]\nsource = \"env\"\nvariable = \"A\"\n",
        "profile.a.source = \"env\"\nprofile.a.variable = \"A\"\n",
        "[profile]\n'a' = { source = \"env\", variable = \"A\" }\n",
        "profile = { a = { source = \"env\", variable = \"A\" } }\n",
    ];
    for text in spellings {
        let test = Test::configured(text);
        init_as(&test, "a").fails(2, "a: there is such a profile already");
        assert_eq!(config(&test), text);
    }
}

#[test]
fn what_cannot_be_extended_is_left_alone() {
    let inline = format!(
        "[profile.a]\nsource = \"client-credentials\"\ntoken_endpoint = \"https://x/\"\nclient_id = \"a\"\nclient_secret = \"{SECRET}\"\n"
    );
    let table = [
        ("a mistake", "[profile.a]\nsource = \"evn\"\n", 0o600, "config.toml:2: `profile.a.source`"),
        ("no TOML", "[profile.a\n", 0o600, "config.toml:1: not TOML"),
        ("no place", "profile = { a = { source = \"env\", variable = \"A\" } }\n", 0o600, "write `profile = { NAME = { … } }` as a table"),
        ("open", inline.as_str(), 0o644, "can be read by others"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(_, text, bits, said)| {
            let test = Test::configured(text);
            fs::set_permissions(config_path(&test), fs::Permissions::from_mode(*bits)).unwrap();
            init_as(&test, "b").fails(2, said);
            assert_eq!(config(&test), *text);
        },
    );
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let read_only = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o500)).unwrap();
    let test = Test::configured("# mine\n");
    let config_folder = test.path("config/token");
    read_only(&config_folder);
    let test = if is_root() { test.handed_to_nobody() } else { test };
    let outcome = init_as(&test, "a");
    outcome.fails(6, "permission denied");
    assert_eq!(config(&test), "# mine\n");
    fs::set_permissions(&config_folder, fs::Permissions::from_mode(0o700)).unwrap();

    let test = Test::bare();
    fs::create_dir_all(config_path(&test)).unwrap();
    init_as(&test, "a").fails(6, "is not a regular file");
    let test = Test::bare();
    fs::write(test.path("config"), "").unwrap();
    init_as(&test, "a").exits(6);
    let test = Test::bare();
    symlink("loop", test.path("loop")).unwrap();
    let outcome = init(&test, &["--config", "loop", "-p", "a", "--", "echo", "x"]);
    outcome.fails(6, "leads to itself");
    nothing_written(&test, &outcome);
}

/// It names a profile that is not there: writing that one is what mends it.
#[test]
fn a_default_that_is_not_there_is_written() {
    let text = "default = \"b\"\n[profile.a]\nsource = \"env\"\nvariable = \"A\"\n";
    let test = Test::configured(text);
    test.get().fails(2, "config.toml:1: `default`: there is no profile `b`").mentions("hint: `token init -p b` writes it");
    init_as(&test, "c").fails(2, "config.toml:1: `default`: there is no profile `b`").mentions("hint: `token init -p b` writes it");
    assert_eq!(config(&test), text);
    init_as(&test, "b").exits(0);
    assert!(config(&test).starts_with(text), "{}", config(&test));
    test.get().gives("token-1");

    // Where nobody names it, it is the one that is wanted; or another is the default from now on.
    for (words, name) in [(&[][..], "b"), (&["--default", "-p", "c"], "c")] {
        let test = Test::configured(text);
        init(&test, &[words, &ECHO].concat()).exits(0);
        assert_eq!(value(&config(&test), "default").split('"').nth(1), Some(name));
        test.get().gives("token-1");
    }
}

/// What stands in the way in a home: a folder, its configuration, a place in it with these permissions.
#[derive(Default)]
struct Obstacle {
    case: &'static str,
    folder: &'static str,
    config: &'static str,
    closed: Option<(&'static str, u32)>,
    words: &'static [&'static str],
    code: i32,
    said: &'static str,
}

/// Neither a person nor an issuer.
#[test]
fn nobody_is_asked_for_what_cannot_be_written() {
    const A: &str = "[profile.a]\nsource = \"env\"\nvariable = \"A\"\n";
    const INLINE: &str = "profile = { a = { source = \"env\", variable = \"A\" } }\n";
    const FILE: &str = "config/token/config.toml";
    let mistake = |case, config, words, said| Obstacle { case, config, words, code: 2, said, ..Obstacle::default() };
    let closed = |case, config, closed, said| Obstacle { case, config, closed: Some(closed), code: 6, said, ..Obstacle::default() };
    let table = [
        mistake("the name is taken", A, &["-p", "a"], "a: there is such a profile already"),
        mistake("the name is none", A, &["-p", "a/b"], "-p: a name has 1 to 100"),
        mistake("no host", A, &["--hosts", "https://x.example"], "--hosts: expected a host"),
        mistake("a mistake", "[profile.a]\nsource = \"evn\"\n", &[], "config.toml:2: `profile.a.source`"),
        mistake("no place", INLINE, &[], "its profiles are in one inline table"),
        Obstacle { folder: FILE, code: 6, ..mistake("a directory", "", &[], "is not a regular file") },
        closed("the file is read-only", A, (FILE, 0o400), "config.toml is read-only"),
        closed("the folder is read-only", A, ("config/token", 0o500), "permission denied"),
        Obstacle { folder: "config", ..closed("there is none, and none can be", "", ("config", 0o500), "permission denied") },
    ];
    let issuer = offering(&[CLIENT_GRANT]);
    let url = issuer.url();
    for Obstacle { case, folder, config: before, closed, words, code, said } in table {
        let test = if before.is_empty() { Test::bare() } else { Test::configured(before) }.named(case);
        fs::create_dir_all(test.path(folder)).unwrap();
        let test = if closed.is_some() && is_root() { test.handed_to_nobody() } else { test };
        let opened = closed.map(|(place, bits)| {
            let (path, open) = (test.path(place), mode(&test.path(place)));
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            (path, fs::Permissions::from_mode(open))
        });
        let words: Vec<&str> = ["init"].iter().chain(words).copied().collect();
        let alone = test.run(&[&words[..], &[&url, "--client-id", "ci", "--client-secret-env", "S"]].concat());
        let mut terminal = Terminal::open(&test, &words);
        // Whoever is asked after all leaves.
        terminal.types("\x04");
        let asked = terminal.finish();
        if let Some((path, open)) = opened {
            fs::set_permissions(path, open).unwrap();
        }
        alone.fails(code, said);
        asked.exits(code).mentions(said).hides("issuer");
        assert_eq!((issuer.discovered(), config(&test).as_str()), (0, before), "{case}");
    }
}
