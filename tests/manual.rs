//! The manual does what it says: `man/token-helper.7` names what the program has, all of it and nothing else, and what it shows as the
//! configuration of a tool is what `token helper setup` writes. On every page, configurations are accepted, and commands are some.
//!
//! A comment before each display of a page says what holds it true; a display without one that is known is a fault.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics, and one that cannot run says so")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use support::{Issuer, Outcome, Test};

const PAGE: &str = include_str!("../man/token-helper.7");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man");

/// Whom the page asks.
const ENDPOINT: &str = "https://login.example.com/oauth2/token";
/// Whose home the page shows.
const HOME: &str = "/home/me";
/// The profile that the page sets tools up for, unless it says another.
const PROFILE: &str = "prod";
/// A tool that has no file to be shown: a link is all there is.
const WITHOUT_A_FILE: &str = "keyring";
/// Fewer commands than this, and the reader of displays is at fault.
const LEAST_COMMANDS: usize = 50;
/// Fewer pages than this, and the reader of directories is.
const LEAST_PAGES: usize = 10;
/// The page that is made as a whole, and held elsewhere.
const MADE: &str = "token-errors.7";

const SET_UP: &str = "token helper setup ";

/// What holds a display true.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    /// Our configuration.
    Configuration,
    /// What setting up by these words writes to this file.
    Written { file: String, words: String },
    /// What setting up by these words prints.
    Printed { words: String },
    /// For people; the commands of ours in it are held to be some.
    Recipe,
}

impl Mark {
    /// What stands in a comment; `None` where that is unknown.
    fn read(line: &str) -> Option<Self> {
        let text = line.strip_prefix(".\\\" ")?;
        let (what, words) = text.split_once(" by ").map_or((text, None), |(what, words)| (what, Some(words.to_owned())));
        match (what.split_once(' '), what, words) {
            (Some(("written", file)), _, Some(words)) => Some(Self::Written { file: file.to_owned(), words }),
            (None, "printed", Some(words)) => Some(Self::Printed { words }),
            (None, "toml", None) => Some(Self::Configuration),
            (None, "recipe", None) => Some(Self::Recipe),
            _ => None,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Display {
    line: usize,
    /// The heading that it stands under.
    section: String,
    mark: Mark,
    text: String,
}

/// The literal displays of a page.
fn displays(page: &str) -> Result<Vec<Display>, String> {
    let (mut displays, mut section, mut last) = (Vec::new(), String::new(), "");
    let mut lines = page.lines().zip(1..);
    while let Some((text, line)) = lines.next() {
        if let Some(heading) = text.strip_prefix(".Ss ").or_else(|| text.strip_prefix(".Sh ")) {
            heading.clone_into(&mut section);
        } else if text.starts_with(".Bd ") {
            let mark = Mark::read(last).ok_or_else(|| format!("line {line}: `{last}` is no mark of a display"))?;
            let shown = lines.by_ref().map(|(text, _)| text).take_while(|text| *text != ".Ed").map(|text| plain(text) + "\n").collect();
            displays.push(Display { line, section: section.clone(), mark, text: shown });
        }
        last = text;
    }
    Ok(displays)
}

/// A line of roff as it is read.
fn plain(line: &str) -> String {
    let escapes =
        [("\\-", "-"), ("\\(aq", "'"), ("\\(ga", "`"), ("\\(ti", "~"), ("\\(ha", "^"), ("\\(dq", "\""), ("\\&", ""), ("\\e", "\\")];
    escapes.iter().fold(line.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

/// Every macro of the page that is called this, with its argument, and the heading it stands under.
fn arguments<'p>(page: &'p str, name: &str) -> Vec<(&'p str, Vec<String>)> {
    let (mut section, mut found) = ("", Vec::new());
    for line in page.lines().filter(|line| line.starts_with('.') && !line.starts_with(".\\\"")) {
        section = line.strip_prefix(".Ss ").or_else(|| line.strip_prefix(".Sh ")).unwrap_or(section);
        let words: Vec<String> = line[1..].split_whitespace().map(plain).collect();
        let places = (0..words.len()).filter(|at| words[*at] == name);
        found.extend(places.map(|at| (section, words[at + 1..].to_vec())));
    }
    found
}

/// The flags that a help text lists; those of its examples aside.
fn flags(help: &str) -> BTreeSet<String> {
    let listed: String = help.lines().filter(|line| line.trim_start().starts_with('-')).flat_map(|line| [line, "\n"]).collect();
    let words = listed.split(|character: char| !character.is_ascii_lowercase() && character != '-');
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

/// The home of somebody who reads the page: the program is in `.local/bin`, and the configuration is that of the page.
struct Reader {
    test: Test,
    issuer: Issuer,
}

impl Reader {
    fn new() -> Self {
        let mut test = Test::bare().named("token-helper.7");
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "TOKEN_CACHE_DIR", "TOKEN_STATE_DIR"] {
            test = test.without_env(variable);
        }
        let bin = test.path(".local/bin");
        for folder in [&bin, &test.path(".config/token"), &test.path(".secrets")] {
            fs::create_dir_all(folder).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_token"), bin.join("token")).unwrap();
        let secret = test.path(".secrets/ci");
        fs::write(&secret, support::SECRET).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap()))).unwrap();
        Self { test: test.env("PATH", path), issuer: Issuer::start() }
    }

    /// One whose configuration is all that the page shows.
    fn of(displays: &[Display]) -> Self {
        let shown = displays.iter().filter(|display| display.mark == Mark::Configuration);
        let reader = Self::new();
        reader.configure(&shown.map(|display| display.text.as_str()).collect::<String>());
        reader
    }

    fn configure(&self, text: &str) {
        let text = text.replace(ENDPOINT, &self.issuer.endpoint());
        fs::write(self.test.path(".config/token/config.toml"), text).unwrap();
    }

    /// Runs `token helper setup` with these words and those.
    fn set_up(&self, words: &str, more: &[&str]) -> Outcome {
        let named: &[&str] = if words.contains("--profile") { &[] } else { &["--profile", PROFILE] };
        let words: Vec<&str> = ["helper", "setup"].into_iter().chain(words.split(' ')).chain(named.iter().chain(more).copied()).collect();
        let outcome = self.test.run(&words);
        outcome.exits(0);
        outcome
    }

    fn help(&self, words: &str) -> String {
        let words: Vec<&str> = words.split_whitespace().chain(["--help"]).collect();
        self.test.run(&words).exits(0).stdout()
    }

    /// The tools that there are.
    fn tools(&self) -> BTreeSet<String> {
        let help = self.help("helper");
        let values = help.split_once("Possible values:").unwrap().1.split_once("[ARGS]").unwrap().0.to_owned();
        values.lines().filter_map(|line| Some(line.trim().strip_prefix("- ")?.split_once(':')?.0.to_owned())).collect()
    }
}

fn page() -> Vec<Display> {
    displays(PAGE).unwrap_or_else(|error| panic!("token-helper.7, {error}"))
}

/// Every page that is written by hand: its name and its displays.
fn pages() -> Vec<(String, Vec<Display>)> {
    let files = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let found = displays(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{name}, {error}"));
        (name, found)
    };
    let mut pages: Vec<_> = files.filter(|path| !path.ends_with(MADE)).map(read).collect();
    pages.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(pages.len() > LEAST_PAGES, "only {} pages", pages.len());
    pages
}

#[test]
fn every_configuration_is_accepted() {
    for (name, displays) in pages() {
        let reader = Reader::of(&displays);
        let accept = |line: usize| {
            let outcome = reader.test.run(&["status"]);
            let only_missing = outcome.stderr.is_empty() || outcome.stderr.starts_with("nothing is configured");
            assert!(outcome.code == Some(0) && only_missing, "{name}, line {line}{outcome}");
        };
        if displays == page() {
            accept(0);
        }
        for display in displays.iter().filter(|display| display.mark == Mark::Configuration) {
            reader.configure(&display.text);
            accept(display.line);
        }
    }
}

#[test]
fn setting_up_writes_what_the_page_shows() {
    let displays = page();
    let mut shown = BTreeSet::from([WITHOUT_A_FILE.to_owned()]);
    for display in &displays {
        let reader = Reader::of(&displays);
        let (words, text) = match &display.mark {
            Mark::Printed { words } => (words, reader.set_up(words, &[]).stdout()),
            Mark::Written { file, words } => {
                reader.set_up(words, &["--write"]);
                let path = reader.test.path(file);
                (words, fs::read_to_string(&path).unwrap_or_else(|error| panic!("line {}: {file}: {error}", display.line)))
            }
            Mark::Configuration | Mark::Recipe => continue,
        };
        let text = text.replace(reader.test.path("").to_str().unwrap().trim_end_matches('/'), HOME);
        assert_eq!(text, display.text, "line {}: this is what `token helper setup {words}` says", display.line);
        shown.insert(words.split(' ').next().unwrap().to_owned());
    }
    assert_eq!(shown, Reader::new().tools(), "tools whose configuration is shown");
}

/// The commands of ours in a text, each up to what ends it in a shell or in quotes.
fn commands(text: &str) -> Vec<&str> {
    let begins = |at: usize| !text[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || "/._-".contains(before));
    let starts = text.match_indices("token ").map(|(at, _)| at).filter(|at| begins(*at));
    starts.map(|at| text[at..].split(['\n', '"', '\'', ')', '|', ';']).next().unwrap().trim()).collect()
}

/// What is run of a command of ours: all of it, or, where it would take more than this home has, up to the end of its arguments.
fn runnable(command: &str) -> Vec<&str> {
    let (ours, theirs) = command.split_once(" -- ").map_or((command, None), |(ours, theirs)| (ours, Some(theirs)));
    let ours = ours.split(['>', '<']).next().unwrap().trim_end().trim_end_matches(" 2");
    let words = ours.split_whitespace().skip(1);
    let takes_more =
        ["helper setup", "helper git", "init", "watch", "--if-token-is", "--revoke", "--all"].iter().any(|what| ours.contains(what));
    let more: &[&str] = match theirs {
        _ if takes_more => &["--help"],
        // What is run with a token is somebody else's.
        Some(_) => &["--", "echo", "token-of-a-command"],
        None => &[],
    };
    words.chain(more.iter().copied()).collect()
}

#[test]
fn every_command_of_a_recipe_is_one() {
    let mut count = 0;
    for (name, displays) in pages() {
        // Every page knows the profiles of this one.
        let reader = Reader::of(&page());
        for display in displays.iter().filter(|display| display.mark == Mark::Recipe) {
            let whole = display.text.replace("\\\n", " ");
            for command in commands(&whole).into_iter().filter(|command| !command.contains('$')) {
                let outcome = reader.test.run(&runnable(command));
                assert_eq!(outcome.code, Some(0), "{name}, line {}: {command}{outcome}", display.line);
                count += 1;
            }
        }
    }
    assert!(count >= LEAST_COMMANDS, "only {count} commands");
}

#[test]
fn every_tool_has_its_section_with_all_its_flags() {
    let (displays, reader) = (page(), Reader::new());
    let of_setup = flags(&reader.help("helper setup"));
    let of_helper = flags(&reader.help("helper"));
    let mut said: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (section, words) in arguments(PAGE, "Fl") {
        said.entry(section).or_default().insert(format!("-{}", words[0]));
    }
    let mut of_tools = BTreeSet::new();
    for tool in reader.tools() {
        let sets_up = |display: &&Display| {
            let named = |command: &str| command.strip_prefix(SET_UP).and_then(|rest| rest.split(' ').next()) == Some(tool.as_str());
            display.section != "EXAMPLES" && commands(&display.text).into_iter().any(named) && display.mark == Mark::Recipe
        };
        let sections: BTreeSet<&str> = displays.iter().filter(sets_up).map(|display| display.section.as_str()).collect();
        assert_eq!(sections.len(), 1, "sections of {tool}: {sections:?}");
        let section = sections.first().unwrap();
        let has = flags(&reader.help(&format!("helper setup {tool}")));
        let said = said.remove(section).unwrap_or_default();
        assert_eq!(said.difference(&has).collect::<Vec<_>>(), [""; 0], "flags that {tool} does not have");
        let own: BTreeSet<String> = has.difference(&of_setup).cloned().collect();
        assert_eq!(own.difference(&said).collect::<Vec<_>>(), [""; 0], "flags of {tool} that {section} does not name");
        of_tools.extend(own);
    }
    let (rest, known): (BTreeSet<String>, _) = (said.into_values().flatten().collect(), &of_setup | &of_helper);
    assert_eq!(rest.difference(&known).collect::<Vec<_>>(), [""; 0], "flags that no command has");
    let general: BTreeSet<String> = of_setup.difference(&of_helper).cloned().collect();
    assert_eq!(general.difference(&rest).collect::<Vec<_>>(), [""; 0], "flags of setup that the page does not name");
    assert!(!of_tools.is_empty() && !general.is_empty(), "no flags were found");
}

#[test]
fn every_command_that_is_named_exists() {
    let help = Reader::new().help("");
    let mut named = BTreeSet::new();
    for (name, _) in pages() {
        let text = fs::read_to_string(format!("{FOLDER}/{name}")).unwrap();
        // The keys of the configuration are told in the same type.
        let told = arguments(&text, "Ic").into_iter().map(|(_, words)| words).filter(|words| words.len() > 1 && words[0] == "token");
        named.extend(told.map(|words| words[..2].join(" ")).filter(|words| !words.ends_with([',', '.', ':'])));
    }
    assert!(named.len() > 5, "{named:?}");
    for command in named {
        let name = command.strip_prefix("token ").unwrap_or_else(|| panic!("`{command}` is not ours"));
        assert!(help.lines().any(|line| line.trim_start().split(' ').next() == Some(name)), "there is no `token {name}`: {help}");
    }
}

/// The names are those that the program says it answers to, and it answers to them.
#[test]
fn every_name_is_that_of_a_helper() {
    let items = arguments(PAGE, "Ql").into_iter().filter(|(section, _)| *section == "LINKS").map(|(_, words)| words[0].clone());
    let named: BTreeSet<String> = items.filter(|word| !word.starts_with('-')).collect();
    let reader = Reader::of(&page());
    let help = reader.help("helper");
    let told = help.split_once("Called as ").unwrap().1.split_once(", it is").unwrap().0.replace('\n', " ").replace(" or ", ", ");
    let mut known = BTreeSet::new();
    for name in told.split(',').map(str::trim) {
        let plain = name.replace("[-PROFILE]", "");
        known.extend((plain != name).then(|| format!("{plain}-PROFILE")));
        known.insert(plain);
    }
    assert_eq!(named, known);
    // As itself, the program tells of its profiles.
    for (name, is_itself) in named.iter().map(|name| (name.as_str(), false)).chain([("my-token", true)]) {
        let link = reader.test.path(&name.replace("PROFILE", PROFILE));
        symlink(env!("CARGO_BIN_EXE_token"), &link).unwrap();
        let output = reader.test.other(&link, &["status"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).contains("SOURCE"), is_itself, "called as {name}");
    }
}

#[test]
fn mandoc_finds_nothing_to_say() {
    let pages = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let Ok(output) = Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).args(pages).output() else {
        // Past the harness, which keeps what a test that holds has printed.
        writeln!(std::io::stderr(), "\n*** mandoc is not installed: nobody has read the manual ***").unwrap();
        return;
    };
    assert!(output.status.success() && output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_display_without_a_mark_that_is_known_is_a_fault() {
    for mark in ["", ".Pp", ".\\\"", ".\\\" tomls", ".\\\" written x", ".\\\" written by git", ".\\\" printed", ".\\\" recipe by git"] {
        assert!(displays(&format!("{mark}\n.Bd -literal\ntoken\n.Ed\n")).is_err(), "{mark}");
    }
    let page = ".Ss a\n.\\\" written .x by git --local\n.Bd -literal\n\\&.\\-\\e\\(ti\n\n.Ed\n.\\\" recipe\n.Bd -literal\n.Ed\n";
    let found = displays(page).unwrap();
    let found: Vec<_> = found.iter().map(|display| (display.line, &display.mark, display.text.as_str())).collect();
    let written = Mark::Written { file: ".x".to_owned(), words: "git --local".to_owned() };
    assert_eq!(found, [(3, &written, ".-\\~\n\n"), (8, &Mark::Recipe, "")]);
}

#[test]
fn commands_are_found_and_others_are_not() {
    let table: [(&str, &[&str]); 5] = [
        ("token=$(token get prod)\n", &["token get prod"]),
        ("x = \"token get prod\"\n", &["token get prod"]),
        ("token get -o header prod | curl\ntoken status\n", &["token get -o header prod", "token status"]),
        ("run/aws.token now, my-token x", &[]),
        ("helper = token\n", &[]),
    ];
    for (text, expected) in table {
        assert_eq!(commands(text), expected, "{text}");
    }
}
