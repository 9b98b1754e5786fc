//! The house holds: dependencies point one way, what touches the world does so in one place, and files stay small. Read from the
//! text of `src/`, comments and literals aside; every rule is also shown to find what it is there for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::path::{Path, PathBuf};

/// Who stands where: a module uses its own row and those below it.
const ROWS: [&[&str]; 6] = [
    &["main", "fuzzing"],
    &["command"],
    &["profile", "protocol", "consumer", "ui", "sink", "monitor"],
    &["bearer"],
    &["cache", "source"],
    &["token", "clock", "error", "settings", "secret", "login", "name", "stdout", "hardening", "bounded", "http_head"],
];

/// What was typed: it uses the lowest row alone, and only these use it.
const TYPED: &str = "cli";
const USERS_OF_TYPED: [&str; 3] = ["cli", "command", "ui"];

/// The longest file, its tests aside, and the longest program.
const LONGEST_FILE: usize = 350;
const LONGEST_MAIN: usize = 60;

/// What only some files may say, tests aside.
const RESERVED: [(&str, &[&str]); 12] = [
    ("SystemTime::now", &["src/clock.rs"]),
    ("Timestamp::now", &["src/clock.rs"]),
    ("Utc::now", &["src/clock.rs"]),
    ("Zoned::now", &["src/clock.rs"]),
    ("fs4", &["src/cache/lock.rs"]),
    ("reqwest", &["src/source.rs", "src/source/"]),
    ("rustls", &["src/source/connection/unreachable.rs"]),
    ("println!", &[]),
    ("eprintln!", &[]),
    ("print!", &[]),
    ("eprint!", &[]),
    ("dbg!", &[]),
];

/// What nobody may say.
const UNFINISHED: [&str; 2] = ["todo!", "unimplemented!"];

/// A file of `src/`.
struct File {
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The modules it is in, outermost first: `src/cache/lock.rs` is `cache::lock`.
    fn modules(&self) -> Vec<&str> {
        let inner = self.path.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")).unwrap();
        inner.split('/').filter(|part| *part != "mod").collect()
    }

    /// The text before its tests; nothing of a file that is nothing but tests.
    fn body(&self) -> &str {
        if self.path.ends_with("/tests.rs") {
            return "";
        }
        let tests = self.text.find("\n#[cfg(test)]\nmod ");
        tests.map_or(self.text.as_str(), |end| &self.text[..=end])
    }

    /// The top-level modules that it names, each with its line.
    fn uses(&self) -> Vec<(usize, String)> {
        let code = code(self.body());
        let root = if self.path == "src/main.rs" { "token" } else { "crate" };
        let depth = self.modules().len();
        let mut found = Vec::new();
        for (start, word) in words(&code) {
            let path = &code[start..];
            let rest = match word {
                _ if word == root => path[word.len()..].strip_prefix("::"),
                "super" if !code[..start].ends_with("::") => after_supers(path, depth),
                _ => None,
            };
            let line = 1 + code[..start].matches('\n').count();
            found.extend(rest.into_iter().flat_map(first_names).map(|name| (line, name)));
        }
        found
    }
}

/// What follows exactly `depth` times `super::`, which is the root of the crate.
fn after_supers(path: &str, depth: usize) -> Option<&str> {
    let rest = (0..depth).try_fold(path, |rest, _| rest.strip_prefix("super::"))?;
    (!rest.starts_with("super")).then_some(rest)
}

/// The first name of a path, or of each path in a group.
fn first_names(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else {
        return words(path).first().map(|(_, name)| (*name).to_owned()).into_iter().collect();
    };
    let mut depth = 0;
    let mut names = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            other if depth == 0 => names.last_mut().unwrap().push(other),
            _ => {}
        }
    }
    let first = |path: &String| path.trim().split("::").next().unwrap().split(' ').next().unwrap().to_owned();
    names.iter().map(first).filter(|name| !name.is_empty()).collect()
}

/// The identifiers of some code, with where they begin.
fn words(code: &str) -> Vec<(usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut start = None;
    for (at, character) in code.char_indices().chain([(code.len(), ' ')]) {
        match start {
            None if is_part(character) => start = Some(at),
            Some(begun) if !is_part(character) => {
                found.push((begun, &code[begun..at]));
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// `text` with its comments and the content of its literals blanked out; lines stay where they are.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = foreign(rest, code.chars().last());
        if length == 0 {
            code.push(character);
            rest = &rest[character.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

/// The length of the comment or literal that `text` begins with; 0 where it begins with neither.
fn foreign(text: &str, before: Option<char>) -> usize {
    let follows_a_word = before.is_some_and(|character| character.is_alphanumeric() || character == '_');
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return text.find("*/").map_or(text.len(), |end| end + 2);
    }
    if let Some(inner) = text.strip_prefix('"') {
        return 1 + end_of_string(inner, '"');
    }
    let raw = text.trim_start_matches(['b', 'c']);
    if let Some(hashes) = raw.strip_prefix('r').filter(|_| !follows_a_word) {
        let fence = &hashes[..hashes.len() - hashes.trim_start_matches('#').len()];
        if let Some(inner) = hashes[fence.len()..].strip_prefix('"') {
            let closing = format!("\"{fence}");
            let opening = text.len() - inner.len();
            return opening + inner.find(&closing).map_or(inner.len(), |end| end + closing.len());
        }
    }
    match text.strip_prefix('\'') {
        Some(inner) if inner.starts_with('\\') => 1 + end_of_string(inner, '\''),
        Some(inner) if inner.chars().nth(1) == Some('\'') => 2 + inner.chars().next().unwrap().len_utf8(),
        _ => 0,
    }
}

/// The length of a literal's content and its end.
fn end_of_string(inner: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in inner.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            other if other == quote => return at + 1,
            _ => {}
        }
    }
    inner.len()
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

fn may_use(user: &str, used: &str) -> bool {
    let lowest = ROWS.len() - 1;
    match (user, used) {
        (user, TYPED) => USERS_OF_TYPED.contains(&user),
        (TYPED, used) => row(used) == Some(lowest),
        (user, used) => matches!((row(user), row(used)), (Some(user), Some(used)) if user <= used),
    }
}

/// Everything that is wrong with a file, a line each.
fn faults(file: &File) -> Vec<String> {
    let mut faults = arrows(file);
    let (code, body) = (code(&file.text), file.body().lines().count());
    for (number, line) in code.lines().enumerate() {
        let at = format!("{}:{}", file.path, number + 1);
        let says = |wanted: &&str| has_word(line, wanted);
        let is_kept = |(_, places): &&(&str, &[&str])| number >= body || places.iter().any(|place| file.path.starts_with(place));
        let reserved = RESERVED.iter().filter(|rule| !is_kept(rule));
        faults.extend(reserved.map(|(word, _)| word).filter(|word| says(word)).map(|word| format!("{at}: `{word}` has no place here")));
        faults.extend(UNFINISHED.iter().filter(|word| says(word)).map(|word| format!("{at}: `{word}`")));
    }
    let most = if file.path == "src/main.rs" { LONGEST_MAIN } else { LONGEST_FILE };
    if body > most {
        faults.push(format!("{}: {body} lines before its tests, more than {most}", file.path));
    }
    faults
}

fn arrows(file: &File) -> Vec<String> {
    // The list of modules, and nothing else.
    if file.path == "src/lib.rs" {
        return Vec::new();
    }
    let user = file.modules()[0];
    let placed = user == TYPED || row(user).is_some();
    let stranger = (!placed).then(|| format!("{}: `{user}` has no place in the house: give it one in tests/layering.rs", file.path));
    let wrong = file.uses().into_iter().filter(|(_, used)| used != user && !may_use(user, used));
    let told = wrong.map(|(line, used)| format!("{}:{line}: `{user}` must not use `{used}`", file.path));
    stranger.into_iter().chain(told).collect()
}

/// Whether `line` has `wanted` with no letter before or behind it.
fn has_word(line: &str, wanted: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(wanted).any(|(at, _)| {
        let behind = line[at + wanted.len()..].chars().next();
        !line[..at].ends_with(is_part) && (wanted.ends_with('!') || !behind.is_some_and(is_part))
    })
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("src"), &mut found);
    found.sort();
    let read = |path: &PathBuf| File::new(path.strip_prefix(root).unwrap().to_str().unwrap(), &fs::read_to_string(path).unwrap());
    found.iter().map(read).collect()
}

#[test]
fn the_house_holds() {
    let sources = sources();
    assert!(sources.len() > 30, "{} files", sources.len());
    let faults: Vec<String> = sources.iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The checker reads the real files: it sees arrows that are there.
#[test]
fn known_arrows_are_seen() {
    let sources = sources();
    let uses = |path: &str, used: &str| {
        let file = sources.iter().find(|file| file.path == path).unwrap();
        file.uses().iter().any(|(_, name)| name == used)
    };
    for (path, used) in
        [("src/main.rs", "command"), ("src/command/get.rs", "bearer"), ("src/bearer/cached.rs", "cache"), ("src/cache/entry.rs", "token")]
    {
        assert!(uses(path, used), "{path} uses {used}");
    }
}

/// One file with this text has exactly this many faults.
#[track_caller]
fn planted(path: &str, text: &str, count: usize) {
    let found = faults(&File::new(path, text));
    assert_eq!(found.len(), count, "{path}: {text:?}: {found:#?}");
}

#[test]
fn an_arrow_that_points_left_is_found() {
    planted("src/bearer/cached.rs", "use crate::cache::Cache;", 0);
    planted("src/bearer/cached.rs", "use crate::profile::Profile;", 1);
    planted("src/cache.rs", "fn f() { crate::bearer::policy(); }", 1);
    planted("src/cache/entry.rs", "use crate::{clock::Timestamp, ui, bearer::{Bearer, named}};", 2);
    planted("src/cache/entry.rs", "use crate::{\n    clock::Timestamp,\n    source as s,\n};", 0);
    planted("src/source/exec.rs", "use super::super::profile::Profile;", 1);
    planted("src/source/exec.rs", "use super::super::{token, sink::Delivery};", 1);
    planted("src/source/exec.rs", "use super::child::Child;", 0);
    planted("src/source.rs", "use super::sink::Delivery;", 1);
    planted("src/token.rs", "use crate::cache::Entry;", 1);
    planted("src/secret.rs", "use crate::source::Input;", 1);
    planted("src/settings.rs", "use crate::error::one_line;", 0);
    planted("src/profile.rs", "use crate::sink::Delivery;", 0);
    planted("src/profile.rs", "use crate::command::run;", 1);
    planted("src/main.rs", "use token::command;", 0);
    planted("src/command/get.rs", "use crate::main;", 1);
}

#[test]
fn what_was_typed_is_for_commands_and_for_people() {
    planted("src/command/get.rs", "use crate::cli::Get;", 0);
    planted("src/ui.rs", "use crate::cli::Color;", 0);
    planted("src/profile.rs", "use crate::cli::Global;", 1);
    planted("src/main.rs", "use token::cli::Cli;", 1);
    planted("src/cli.rs", "use crate::settings::parse_duration;", 0);
    planted("src/cli/fast.rs", "use crate::profile::Profile;", 1);
}

#[test]
fn a_module_without_a_place_is_found() {
    planted("src/util.rs", "", 1);
    planted("src/cache.rs", "use crate::util;", 1);
}

#[test]
fn what_stands_in_comments_literals_and_tests_is_no_arrow() {
    planted("src/cache.rs", "//! As [`crate::bearer`] does.\n/* crate::ui::tell */", 0);
    planted(
        "src/cache.rs",
        "const A: &str = \"crate::ui \\\" crate::profile\"; const B: &str = r#\"crate::\"ui\"#; const C: char = '\"';",
        0,
    );
    planted("src/cache.rs", "fn f<'a>(x: &'a str) { let c = '\\''; crate::ui::tell(x) }", 1);
    planted("src/cache.rs", "pub(crate) fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::bearer::Bearer;\n}\n", 0);
}

#[test]
fn what_touches_the_world_is_found() {
    planted("src/clock.rs", "SystemTime::now()", 0);
    planted("src/bearer/cached.rs", "std::time::SystemTime::now()", 1);
    planted("src/ui/log.rs", "let at = jiff::Timestamp::now();", 1);
    planted("src/ui/log.rs", "chrono::Utc::now()", 1);
    planted("src/bearer/cached.rs", "tokio::time::Instant::now()", 0);
    planted("src/cache/lock.rs", "use fs4::FileExt;", 0);
    planted("src/cache/directory.rs", "use fs4::FileExt;", 1);
    planted("src/source/endpoint.rs", "reqwest::Client::new()", 0);
    planted("src/command/purge.rs", "reqwest::Client::new()", 1);
    planted("src/error.rs", "fn f(e: &reqwest::Error) {}", 1);
    planted("src/error.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { SystemTime::now(); }\n}\n", 0);
}

#[test]
fn words_that_nobody_may_say_are_found() {
    for word in ["println!(\"x\")", "eprintln!()", "print!(\"x\")", "eprint!(\"x\")", "dbg!(x)", "todo!()", "unimplemented!()"] {
        planted("src/ui.rs", &format!("fn f() {{ {word} }}"), 1);
        planted("src/ui.rs", &format!("// {word}"), 0);
    }
    planted("src/ui.rs", "fn blueprint() {} my_println!(); let printed = pretty_print(1);", 0);
}

#[test]
fn a_file_that_has_grown_too_long_is_found() {
    let lines = |count: usize| "fn f() {}\n".repeat(count);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines(500));
    planted("src/ui.rs", &(lines(350) + &tests), 0);
    planted("src/ui.rs", &(lines(351) + &tests), 1);
    planted("src/ui/tests.rs", &lines(500), 0);
    planted("src/ui/tests.rs", "fn f() { todo!() }", 1);
    planted("src/main.rs", &lines(60), 0);
    planted("src/main.rs", &lines(61), 1);
}

/// The promises of SECURITY.md, each with the tests that hold it.
fn promises() -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |").map(|row| row.split(" | ").collect::<Vec<_>>()));
    let rows = rows.filter(|cells| cells.len() == 3 && cells[0].starts_with(['S', 'R']));
    let tests = |cell: &str| cell.split_whitespace().map(|word| word.trim_matches('`').to_owned()).collect();
    rows.map(|cells| (cells[0].to_owned(), tests(cells[2]))).collect()
}

/// Whether there is a test of this name: `faults::tls::x` is `x` in `tests/faults/tls.rs`, `src::clock::x` is `x` in `src/clock.rs`.
fn is_test(name: &str) -> bool {
    let Some((place, function)) = name.rsplit_once("::") else { return false };
    let place = place.replace("::", "/");
    let path = if place.starts_with("src/") { format!("{place}.rs") } else { format!("tests/{place}.rs") };
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default();
    let mut awaited = false;
    text.lines().map(str::trim).any(|line| {
        let is_it = awaited && line.split("fn ").nth(1).and_then(|rest| rest.split('(').next()) == Some(function);
        awaited = line.starts_with("#[test]") || line.starts_with("#[tokio::test") || (awaited && line.starts_with("#["));
        is_it
    })
}

/// Whoever renames a test that SECURITY.md names does so there, too.
#[test]
fn every_promise_has_its_tests() {
    let promises = promises();
    let numbers: Vec<&str> = promises.iter().map(|(number, _)| number.as_str()).collect();
    let expected: Vec<String> = (1..=16).map(|number| format!("S{number}")).chain((1..=19).map(|number| format!("R{number}"))).collect();
    assert_eq!(numbers, expected, "SECURITY.md");
    let missing: Vec<String> = promises
        .iter()
        .flat_map(|(number, tests)| tests.iter().filter(|name| !is_test(name)).map(move |name| format!("{number}: {name}")))
        .collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that are not there: {missing:#?}");
    assert!(promises.iter().all(|(_, tests)| !tests.is_empty()), "each has one");
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    for (name, is_there) in [
        ("layering::every_promise_has_its_tests", true),
        ("src::clock::arithmetic_saturates", true),
        ("src::bearer::policy::waits_stay_within_their_bounds", true),
        ("clock::bearers::a_clock_that_oscillates_makes_no_storm", true),
        ("layering::promises", false),
        ("layering::every_promise", false),
        ("nowhere::every_promise_has_its_tests", false),
        ("every_promise_has_its_tests", false),
    ] {
        assert_eq!(is_test(name), is_there, "{name}");
    }
}
