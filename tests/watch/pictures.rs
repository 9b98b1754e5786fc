//! The pictures of the README, as the real program paints them on a terminal. Times and ports differ from run to run: a picture is stale
//! where anything else does; they are in `.pictures/`. `UPDATE=1 cargo test --test watch pictures` makes them anew.

#![allow(clippy::cast_precision_loss, clippy::format_push_string, reason = "a picture is small, and made once in a while")]

use std::fs;

use rustix::process::Signal;

use crate::support::terminal::COLUMNS;
use crate::support::{Issuer, Reply, Running, Screen, Test, profile, wait_until};

/// How wide a character is drawn, and how high a line, in pixels.
const CHARACTER: f64 = 8.4;
const LINE: usize = 20;
const MARGIN: usize = 16;

/// A profile for each of what may become of one. The third waits as long as its issuer says.
fn scene() -> (Test, [Issuer; 3]) {
    let busy = Reply::status(503).header("Retry-After", "1200");
    let issuers = [Reply::token(3600), Reply::oauth(401, "invalid_client"), busy].map(Issuer::answering);
    let [good, refused, busy] = &issuers;
    let names = [("ci", good), ("orders", good), ("prod", good), ("search", busy), ("staging", refused)];
    let config: String = names.iter().map(|(name, issuer)| profile(name, &issuer.endpoint())).collect();
    (Test::configured(&config).env("LC_ALL", "C.UTF-8"), issuers)
}

/// What a terminal shows, once that has everything.
fn shown(running: Running, test: &Test) -> Vec<Vec<(char, u8)>> {
    let sent = || fs::read(test.path("shown")).unwrap_or_default();
    let screen = || {
        let sent = sent();
        let is_whole = sent.ends_with(b"\r") && std::str::from_utf8(&sent).is_ok();
        is_whole.then(|| Screen::of_columns(COLUMNS, &sent))
    };
    let is_settled = |text: &str| text.matches("fresh").count() == 3 && text.contains("backing off") && text.contains("parked  ");
    let mut found = None;
    wait_until("the view", || {
        found = screen().filter(|screen| is_settled(&screen.text())).map(|screen| screen.painted().to_vec());
        found.is_some()
    });
    running.signal(Signal::TERM);
    running.finish();
    let rows = found.unwrap();
    // The messages above stand in the README.
    rows.into_iter().skip_while(|row| !text(row).starts_with("ci ")).collect()
}

fn text(row: &[(char, u8)]) -> String {
    row.iter().map(|(character, _)| character).collect()
}

/// The addresses of a test, as the README calls them.
fn at_example(svg: &str, issuers: &[Issuer]) -> String {
    issuers.iter().fold(svg.to_owned(), |svg, issuer| svg.replace(issuer.url().trim_start_matches("http://"), "login.example.com"))
}

const fn colour(paint: u8) -> &'static str {
    match paint {
        31 => "#ff7b72",
        32 => "#7ee787",
        33 => "#e3b341",
        2 => "#8b949e",
        _ => "#e6edf3",
    }
}

/// What stands between two spaces or more, each with its column.
fn cells(text: &str) -> Vec<(usize, &str)> {
    let mut column = 0;
    let mut cells = Vec::new();
    for part in text.split("  ") {
        let indent = part.chars().count() - part.trim_start().chars().count();
        if !part.trim().is_empty() {
            cells.push((column + indent, part.trim()));
        }
        column += part.chars().count() + 2;
    }
    cells
}

/// The rows under the command that shows them, as an image.
fn picture(command: &str, rows: &[Vec<(char, u8)>]) -> String {
    let prompt: Vec<(char, u8)> = format!("$ {command}").chars().map(|character| (character, 2)).collect();
    let rows: Vec<&Vec<(char, u8)>> = std::iter::once(&prompt).chain(rows).collect();
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or_default();
    let width = columns as f64 * CHARACTER + 2.0 * MARGIN as f64;
    let height = rows.len() * LINE + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height}\" role=\"img\" aria-label=\"{command}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,monospace\" font-size=\"14\">\n"
    );
    for (number, row) in rows.iter().enumerate() {
        let baseline = MARGIN + number * LINE + 14;
        let mut at = 0;
        for run in row.chunk_by(|one, other| one.1 == other.1) {
            for (within, said) in cells(&text(run)) {
                let x = MARGIN as f64 + (at + within) as f64 * CHARACTER;
                let (length, fill) = (said.chars().count() as f64 * CHARACTER, colour(run[0].1));
                let escaped = said.replace('&', "&amp;").replace('<', "&lt;");
                svg += &format!("<text x=\"{x:.1}\" y=\"{baseline}\" fill=\"{fill}\" textLength=\"{length:.1}\">{escaped}</text>\n");
            }
            at += run.len();
        }
    }
    svg + "</g>\n</svg>\n"
}

/// Of a picture what does not differ from run to run: the words, painted.
fn lasting(svg: &str) -> Vec<String> {
    let words = svg.lines().filter_map(|line| {
        let (tag, rest) = line.strip_prefix("<text ")?.split_once('>')?;
        let fill = tag.split("fill=").nth(1)?.get(..9)?.to_owned();
        Some((fill, rest.trim_end_matches("</text>").to_owned()))
    });
    let is_duration = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.ends_with(['s', 'm', 'h']);
    let plain = |text: String| {
        let mut words: Vec<&str> = text.split_whitespace().map(|word| if is_duration(&word) { "D" } else { word }).collect();
        words.dedup();
        words.join(" ")
    };
    words.map(|(fill, text)| format!("{fill} {}", plain(text))).collect()
}

#[track_caller]
fn is_up_to_date(name: &str, svg: &str) {
    let path = format!("{}/.pictures/{name}.svg", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        return fs::write(path, svg).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(lasting(&found), lasting(svg), "{path} is stale: UPDATE=1 cargo test --test watch pictures");
}

#[test]
fn the_view_is_the_one_of_the_readme() {
    let (test, issuers) = scene();
    let mut command = test.in_terminal(&["watch", "--all"], "", std::process::Stdio::null());
    command.stdout(fs::File::create(test.path("shown")).unwrap());
    let rows = shown(test.start(command, &["watch", "--all"]), &test);
    assert_eq!(rows.len(), 5, "a line a profile");
    is_up_to_date("watch", &at_example(&picture("token watch --all", &rows), &issuers));
}

#[test]
fn the_table_is_the_one_of_the_readme() {
    let (test, issuers) = scene();
    test.run(&["renew", "--all", "--max-retries", "1"]).exits(5);
    let outcome = test.run(&["status", "--color", "always"]);
    let bytes = outcome.exits(0).stdout().replace('\n', "\r\n");
    let screen = Screen::after(bytes.as_bytes());
    is_up_to_date("status", &at_example(&picture("token status", screen.painted()), &issuers));
}

#[test]
fn what_a_picture_says_is_told_from_what_passes() {
    let svg = |text: &str, paint| picture("token status", &[text.chars().map(|c| (c, paint)).collect::<Vec<_>>()]);
    let table = [
        (svg("fresh in 59m 59s", 32), svg("fresh in 53m 1s", 32), true),
        (svg("fresh in 59m", 32), svg("fresh in 59m", 31), false),
        (svg("fresh", 32), svg("parked", 32), false),
    ];
    for (one, other, is_equal) in table {
        assert_eq!(lasting(&one) == lasting(&other), is_equal, "{one}\n{other}");
    }
}
