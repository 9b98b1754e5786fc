//! The table as a page of the manual, in mdoc(7).
#![allow(clippy::format_push_string, reason = "a page is made once in a while")]

use super::table::{Entry, Part};

/// The widest line of a text.
const WIDEST: usize = 78;

const HEAD: &str = r#".\" Made from the sources by tests/generated/errors.rs: UPDATE=1 cargo test --test generated
.Dd November 22, 2026
.Dt TOKEN\-ERRORS 7
.Os
.Sh NAME
.Nm token\-errors
.Nd what token says when something is wrong, why, and what to do
.Sh DESCRIPTION
An error is told on standard error in one to four lines:
.\" recipe
.Bd -literal -offset indent
error: PROFILE: what happened
  hint: what to do next
.Ed
.Pp
This page has every one of them, by the exit status that it ends with.
A word in capitals stands for something that the program inserts.
To find a message, search for words of it that cannot vary.
.Pp
.Ic \-v
adds what lies behind it, as what a command said, and
.Ql token status
tells what failed last.
No message holds a token or a secret; what an issuer or a command says is
shown on one line of 200 characters at most.
.Pp
Wrong arguments are told in the words of the program's grammar, with exit
status 2, as in
.Ql error: unexpected argument \(aq\-\-frob\(aq found .
To do: see
.Ql token COMMAND \-\-help .
"#;

const TAIL: &str = r".Sh SEE ALSO
.Xr token 1 ,
.Xr token-config 5 ,
.Xr token-helper 7
";

/// What holds for all errors of an exit status.
const SECTIONS: [(u8, &str, &str); 9] = [
    (
        1,
        "Unforeseen",
        "Something that is not about tokens: standard output, the system, or a bug of token itself. A bug (\"token has met a bug of its own\") is not told more of, because the rest might hold a secret; `RUST_BACKTRACE=1` adds where it is.",
    ),
    (2, "Usage or configuration", "Nothing was asked or changed. Trying again does not help; mend what the message names."),
    (3, "Someone has to log in", "Run `token renew NAME` in a terminal. Until somebody does, calls fail at once, from memory."),
    (
        4,
        "The issuer refused, and will again",
        "The profile is parked: it is not asked for again until its configuration or secret changes, or you run `token renew NAME`. A token that is still valid is served all the same.",
    ),
    (
        5,
        "Temporary",
        "It is tried again at the time that the message says: 1s after the first failure, growing to 1m, or when the issuer's Retry-After says. Until then other calls fail at once, from memory (\"that was a moment ago, and nobody was asked again\"). A token that is still valid is served, with a warning.",
    ),
    (6, "Local storage", "Something is wrong with files of token's own. A token that is still valid is served all the same."),
    (7, "Another process held the lock", "A token that is still valid is served all the same."),
    (126, "From a command that is run", "`token run` ends with the status of its command; these are its own."),
    (0, "Warnings", "The command goes on, and its exit status does not change. They begin with \"warning:\"."),
];

/// The parts of a section that is long, by where its errors are made.
const PARTS: [(&str, &[&str]); 5] = [
    (
        "Command line",
        &[
            "src/cli",
            "src/command/get",
            "src/command/purge",
            "src/command/run",
            "src/command/shared",
            "src/command/watch",
            "src/command.rs",
        ],
    ),
    ("Configuration", &["src/profile", "src/settings"]),
    ("Sources and secrets", &["src/source"]),
    ("Credential helpers", &["src/protocol", "src/command/helper"]),
    ("Setting up tools", &["src/command/setup", "src/consumer"]),
];

/// More errors than this, and a section has parts.
const LONG: usize = 30;

/// The whole page.
pub fn page(entries: &[Entry]) -> String {
    let mut page = HEAD.to_owned();
    let mut told = 0;
    for (exit, title, about) in SECTIONS {
        let of_section: Vec<&Entry> = entries.iter().filter(|entry| section(entry) == exit).collect();
        told += of_section.len();
        let head = match exit {
            0 | 126 => title.to_uppercase(),
            _ => format!("EXIT STATUS {exit}: {}", title.to_uppercase()),
        };
        page.push_str(&format!(".Sh {}\n{}", escaped(&head), text(about)));
        if of_section.len() <= LONG {
            page += &list(&of_section);
            continue;
        }
        let is_in = |entry: &Entry, places: &[&str]| places.iter().any(|place| entry.path.starts_with(place));
        let parts =
            PARTS.map(|(title, places)| (title, of_section.iter().copied().filter(|entry| is_in(entry, places)).collect::<Vec<_>>()));
        let others = of_section.iter().copied().filter(|entry| !PARTS.iter().any(|(_, places)| is_in(entry, places))).collect();
        for (title, here) in parts.into_iter().chain([("Other kinds", others)]).filter(|(_, here)| !here.is_empty()) {
            page.push_str(&format!(".Ss {title}\n{}", list(&here)));
        }
    }
    assert_eq!(told, entries.len(), "errors with an exit status that has no section");
    page + TAIL
}

fn section(entry: &Entry) -> u8 {
    match entry.exits[0] {
        130 => 1,
        exit => exit,
    }
}

fn list(entries: &[&Entry]) -> String {
    let items: String = entries.iter().map(|entry| item(entry)).collect();
    format!(".Bl -tag -width indent\n{items}.El\n")
}

fn item(entry: &Entry) -> String {
    let mut item = String::new();
    for said in &entry.texts {
        item.push_str(&format!(".It Sy {}\n", quoted(said)));
    }
    item += &text(&entry.why);
    if entry.exits.len() > 1 {
        let exits: Vec<String> = entry.exits.iter().map(ToString::to_string).collect();
        item += &text(&format!("The exit status is {}.", exits.join(" or ")));
    }
    for hint in entry.hints.iter().filter(|hint| !hint.is_empty()) {
        item.push_str(&format!(".br\n{}", text(&format!("Hint: {hint}{}", if hint.ends_with('?') { "" } else { "." }))));
    }
    if !entry.what_to_do.is_empty() {
        item.push_str(&format!(".br\n{}", text(&format!("To do: {}", entry.what_to_do))));
    }
    if !entry.parts.is_empty() {
        let is_named = entry.texts.iter().any(|text| text.contains("REASON"));
        let head = if is_named { "REASON may be:" } else { "In particular:" };
        item.push_str(&format!(".Pp\n{head}\n.Bl -dash -compact\n"));
        item.extend(entry.parts.iter().map(part));
        item += ".El\n";
    }
    item
}

fn part(part: &Part) -> String {
    let hint = part.hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    format!(".It\n{}", text(&format!("{}{hint}", part.text)))
}

/// Text in lines that are no wider than they may be, each sentence on lines of its own.
fn text(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && escaped(&line).len() + 1 + escaped(word).len() > WIDEST {
            push(&mut lines, &mut line);
        }
        line += if line.is_empty() { "" } else { " " };
        line += word;
        if word.ends_with(['.', '!', '?']) || word.ends_with(".)") {
            push(&mut lines, &mut line);
        }
    }
    push(&mut lines, &mut line);
    lines
}

fn push(lines: &mut String, line: &mut String) {
    let line = std::mem::take(line);
    if !line.is_empty() {
        let control = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        lines.push_str(&format!("{control}{}\n", escaped(&line)));
    }
}

/// One argument of a macro.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "\\(dq"))
}

fn escaped(text: &str) -> String {
    let escapes = [
        ("\\", "\\e"),
        ("-", "\\-"),
        ("`", "\\(ga"),
        ("'", "\\(aq"),
        ("~", "\\(ti"),
        ("^", "\\(ha"),
        ("…", "..."),
        ("\u{2192}", "\\(->"),
        ("§", "\\(sc"),
    ];
    escapes.iter().fold(text.to_owned(), |text, (character, escape)| text.replace(character, escape))
}
