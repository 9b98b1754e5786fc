//! What is there, what is answered, and what comes of both.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::draft::{ClientDraft, Credential, DraftOrigin, Place};
use super::*;
use crate::source::GrantType;

fn places() -> Places {
    Places {
        config: "/c/config.toml".into(),
        config_is_named: false,
        cache: "/cache".into(),
        state: "/state".into(),
        home: Some("/home/me".into()),
        patience: std::time::Duration::ZERO,
    }
}

pub fn read_text(text: &str) -> Result<Configuration, Mistake> {
    read_at(text, &places())
}

/// The same where the default may be absent.
fn read_before(text: &str) -> Result<Configuration, Mistake> {
    read_to_extend(context(text, &places()), &places())
}

fn draft(origin: DraftOrigin) -> Draft {
    Draft { name: "prod".parse().expect("a name"), origin, hosts: Vec::new(), ttl: None, request_timeout: None }
}

pub fn client(grant: GrantType, credential: Credential) -> Draft {
    draft(DraftOrigin::Client(Box::new(ClientDraft {
        grant,
        issuer: Some("https://login.example.com".to_owned()),
        endpoints: Vec::new(),
        client_id: "cli".to_owned(),
        credential,
        client_auth: None,
        scope: Vec::new(),
        audience: Vec::new(),
        redirect_port: None,
        ca_file: None,
    })))
}

pub fn command(words: &[&str]) -> Draft {
    draft(DraftOrigin::Command(words.iter().map(|word| (*word).to_owned()).collect()))
}

fn extended(text: &str, draft: &Draft, is_default: bool) -> Result<Extended, ConfigError> {
    extend(text, &places(), draft, is_default)
}

#[test]
fn a_configuration_that_is_none_is_begun() {
    for nothing in ["", "\n", " \r\n\n"] {
        let new = extended(nothing, &command(&["mint"]), false).expect("a configuration");
        assert!(new.text.starts_with(nothing) && new.text.contains("default = \"prod\""), "{}", new.text);
        assert_eq!(new.text.lines().nth(new.line - 1), Some("[profile.prod]"));
        assert!(!new.needs_names);
    }
}

const OTHER: &str = "[profile.a]\nsource = \"env\"\nvariable = \"A\"";

#[test]
fn what_is_there_stays_and_lines_end_as_they_do_there() {
    let table = [
        (OTHER.to_owned(), "\n\n[profile.prod]\n"),
        (format!("{OTHER}\n"), "\n[profile.prod]\n"),
        (format!("{OTHER}\n\n"), "[profile.prod]\n"),
        (format!("{OTHER}\n# an end without an end"), "\n\n[profile.prod]\n"),
        (OTHER.replace('\n', "\r\n"), "\r\n\r\n[profile.prod]\r\n"),
        ("# nothing but this".to_owned(), "\n\n[profile.prod]\n"),
        ("[renewal]\njitter = 0\n".to_owned(), "\n[profile.prod]\n"),
        ("profile.a.source = 'env'\nprofile.a.variable = 'A'\n".to_owned(), "\n[profile.prod]\n"),
        ("[profile]\na = { source = 'env', variable = 'A' }\n".to_owned(), "\n[profile.prod]\n"),
    ];
    for (text, begins) in table {
        let new = extended(&text, &command(&["mint"]), false).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let added = new.text.strip_prefix(text.as_str()).unwrap_or_else(|| panic!("{text:?} became {:?}", new.text));
        assert!(added.starts_with(begins), "{added:?}");
        assert_eq!(new.text.lines().nth(new.line - 1), Some("[profile.prod]"), "{text:?}");
        assert_eq!(added, new.added);
    }
}

#[test]
fn a_profile_that_is_there_is_refused_however_it_is_written() {
    let table = [
        ("\n[profile.prod]\nsource = 'env'\nvariable = 'A'", 2),
        ("[profile . \"prod\"]\nsource = 'env'\nvariable = 'A'", 1),
        ("[profile.'pro\u{64}']\nsource = 'env'\nvariable = 'A'", 1),
        ("profile.prod.source = 'env'\nprofile.prod.variable = 'A'", 1),
        ("profile = { prod = { source = 'env', variable = 'A' } }", 1),
        ("[profile]\n\n\"\\u0070rod\" = { source = 'env', variable = 'A' }", 3),
        ("[profile]\nprod.source = 'env'\nprod.variable = 'A'", 2),
    ];
    for (text, line) in table {
        let error = extended(text, &command(&["mint"]), true).expect_err(text);
        assert_eq!(error.message, format!("prod: there is such a profile already, in /c/config.toml:{line}"), "{text}");
    }
}

#[test]
fn what_has_a_mistake_or_no_place_is_refused() {
    for (text, said) in [
        ("[profile.a]\nsource = 'evn'", "/c/config.toml:2: `profile.a.source`: `evn` is not known here"),
        ("[profile.a", "/c/config.toml:1: not TOML"),
        ("profile = { a = { source = 'env', variable = 'A' } }", "/c/config.toml: its profiles are in one inline table"),
    ] {
        let error = extended(text, &command(&["mint"]), false).expect_err(text);
        assert!(error.message.starts_with(said), "{text}: {error}");
    }
    let hosts = Draft { hosts: vec!["https://x".to_owned()], ..command(&["mint"]) };
    assert!(extended("", &hosts, false).expect_err("no host").message.starts_with("--hosts: expected a host"));
    let empty = client(GrantType::ClientCredentials, Credential::None);
    assert_eq!(extended("", &empty, false).expect_err("no secret").message, "--client-secret: missing");
}

/// The lines of `new` that are not those of `old`, in their order; a default that is there is replaced.
fn new_lines(old: &str, new: &str) -> String {
    let mut old = old.split_inclusive('\n').filter(|line| !line.starts_with("default")).peekable();
    new.split_inclusive('\n').filter(|line| old.next_if_eq(line).is_none()).collect()
}

#[test]
fn a_default_is_put_where_a_default_is() {
    let table = [
        (format!("default = 'a' # mine\n{OTHER}\n"), format!("default = \"prod\" # mine\n{OTHER}\n\n")),
        (format!("{OTHER}\n"), format!("default = \"prod\"\n\n{OTHER}\n\n")),
        (format!("# of a\n{OTHER}\n"), format!("default = \"prod\"\n\n# of a\n{OTHER}\n\n")),
        (format!("# of all\r\n\r\n# of a\n{OTHER}\n"), format!("# of all\r\n\r\ndefault = \"prod\"\r\n\r\n# of a\n{OTHER}\n\r\n")),
    ];
    for (text, begins) in table {
        let new = extended(&text, &command(&["mint"]), true).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert!(new.text.starts_with(&begins), "{:?}", new.text);
        assert_eq!(new.added, new_lines(&text, &new.text), "{text:?}");
        assert_eq!(read_text(&new.text).expect("a configuration").select(None).expect("a default").name.as_str(), "prod");
        assert!(!new.needs_names);
    }
}

#[test]
fn a_default_that_is_not_there_is_mended_and_nothing_else() {
    let absent = format!("default = 'prod'\n{OTHER}\n");
    let new = extended(&absent, &command(&["mint"]), false).expect("mended");
    assert!(new.text.starts_with(&absent) && !new.needs_names, "{}", new.text);
    assert_eq!(read_text(&new.text).expect("a configuration").select(None).expect("the default").name.as_str(), "prod");
    let another = format!("default = 'b'\n{OTHER}\n");
    let new = extended(&another, &command(&["mint"]), true).expect("replaced");
    assert!(new.text.starts_with("default = \"prod\"\n"), "{}", new.text);
    let table = [
        (another.clone(), false, "/c/config.toml:1: `default`: there is no profile `b`"),
        ("default = 'prod'\nlokc = 1".to_owned(), false, "/c/config.toml:2: `lokc`: unknown key"),
        ("default = 'a/b'".to_owned(), true, "/c/config.toml:1: `default`: there is no profile `a/b`"),
        ("default = 1".to_owned(), true, "/c/config.toml:1: `default`: expected a string"),
        ("default = 'prod'\n[profile.prod]\nsource = 'evn'".to_owned(), false, "/c/config.toml:3: `profile.prod.source`"),
    ];
    for (text, is_default, said) in table {
        let error = extended(&text, &command(&["mint"]), is_default).expect_err(&text);
        assert!(error.message.starts_with(said), "{text}: {error}");
    }
}

#[test]
fn it_is_told_where_a_name_is_needed_from_now_on() {
    for (text, needs_names) in [(String::new(), false), (OTHER.to_owned(), true), (format!("default = 'a'\n{OTHER}"), false)] {
        assert_eq!(extended(&text, &command(&["mint"]), false).expect("more").needs_names, needs_names, "{text}");
    }
    let two = format!("{OTHER}\n[profile.b]\nsource = 'env'\nvariable = 'B'\n");
    assert!(!extended(&two, &command(&["mint"]), false).expect("more").needs_names, "names were needed before");
}

/// Profiles as people write them.
const STYLES: [&str; 6] = [
    "[profile.NAME]\nsource = \"env\"\nvariable = \"A\"\n",
    "[profile.\"NAME\"] # a comment\nsource = 'env'\n\n# inside\nvariable = 'A'",
    "[ profile . NAME ]\nvariable = '''A'''\n  source = \"env\"\n\n\n",
    "[profile.NAME]\nsource = \"exec\"\ncommand = [\n  \"a\", # first\n  \"b\",\n]\n[profile.NAME.env]\nX = \"[profile.prod]\"\n",
    "[profile.NAME]\r\nsource = \"file\"\r\npath = \"~/x\"\r\n# \u{e9}\r\n",
    "[profile.NAME]\nsource = \"env\"\nvariable = \"A\"\nsink = [{ path = \"~/t\" }]\n# end",
];
const HEADINGS: [&str; 5] = ["", "# of mine\n\n", "default = \"p0\"\n", "\u{feff}# x\r\n", "[renewal]\njitter = 0.1\n"];

fn configurations() -> impl Strategy<Value = String> {
    (0..HEADINGS.len(), vec(0..STYLES.len(), 0..4), "[ \t\n]{0,3}").prop_map(|(heading, styles, rest)| {
        let profile = |(at, style): (usize, &usize)| STYLES[*style].replace("NAME", &format!("p{at}"));
        let profiles: Vec<String> = styles.iter().enumerate().map(profile).collect();
        HEADINGS[heading].to_owned() + &profiles.join("\n") + &rest
    })
}

fn drafts() -> impl Strategy<Value = Draft> {
    let place =
        prop_oneof!["\\PC{1,12}".prop_map(Place::Env), ".{1,12}".prop_map(Place::File), vec(".{1,8}", 1..3).prop_map(Place::Command)];
    let credential = prop_oneof![Just(Credential::None), place.prop_map(Credential::Secret), ".{1,9}".prop_map(Credential::KeyFile)];
    let answers = (0..3_usize, credential, ".{1,20}", vec(".{0,9}", 0..3), vec(".{1,9}", 0..3), proptest::option::of(1..=u16::MAX));
    let clients = answers.prop_map(|(grant, credential, client_id, scope, audience, redirect_port)| {
        let DraftOrigin::Client(client) = client(GrantType::ALL[grant], credential).origin else { unreachable!("it is one") };
        DraftOrigin::Client(Box::new(ClientDraft { client_id, scope, audience, redirect_port, ..*client }))
    });
    let commands = vec(".{0,9}", 1..4).prop_map(DraftOrigin::Command);
    (prop_oneof![clients, commands], "[a-zA-Z0-9][a-zA-Z0-9._@-]{0,9}", vec("\\PC{0,9}", 0..2)).prop_map(|(origin, name, hosts)| Draft {
        name: name.parse().expect("a name"),
        hosts,
        ..draft(origin)
    })
}

/// Each profile as it was read, by name.
fn profiles(configuration: &Configuration) -> Vec<String> {
    configuration.profiles().map(|profile| format!("{profile:?}")).collect()
}

proptest! {
    #[test]
    fn whatever_is_there_and_whatever_is_answered(text in configurations(), draft in drafts(), is_default: bool) {
        let before = read_before(&text);
        let new = extended(&text, &draft, is_default);
        prop_assert!(before.is_ok() || new.is_err());
        let (Ok(before), Ok(new)) = (before, new) else { return Ok(()) };
        let after = read_text(&new.text).expect("what was written is read");
        let is_new = |shown: &String| !profiles(&before).contains(shown);
        prop_assert_eq!(profiles(&after).into_iter().filter(is_new).count(), 1, "the others are as they were");
        prop_assert_eq!(after.profiles().count(), before.profiles().count() + 1);
        prop_assert!(after.get(&draft.name).is_some());
        if is_default {
            prop_assert_eq!(&after.select(None).expect("the default").name, &draft.name);
        } else {
            prop_assert!(new.text.starts_with(&text));
        }
        let header = new.text.lines().nth(new.line - 1).unwrap_or_default();
        prop_assert!(header.starts_with("[profile."), "{header}");
        prop_assert!(extended(&new.text, &draft, is_default).is_err(), "never twice");
    }
}
