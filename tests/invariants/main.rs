//! What this program promises in numbers, measured on the spot: `tests/figures` builds the release program and runs this with its place in
//! `TOKEN_TEST_PROGRAM`.
//!
//! A number that cannot be bad says nothing, so each has a control: something goes wrong on purpose, and the same measurement has to see
//! it. A control that sees nothing, and a measurement that does not come about, are a figure that is missed.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on panics; the rest it prints"
)]

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod crowds;
mod deadlines;
mod memory;
mod outage;
mod printed;
mod secrets;
mod signals;
mod warm;
mod withheld;

#[path = "../device_code/terminal.rs"]
#[allow(dead_code, reason = "it is a test's, which uses all of it")]
mod terminal;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

use support::kinds::{KINDS, Kind};

const USAGE: &str = "\
Usage: tests/figures [--quick] [--only ROW]… [--help]

Builds the release program, measures what it promises in numbers, and prints a table: what was measured, what it came to, the limit, and
the control, which went wrong on purpose and was seen to. Ends with 1 if anything is missed.

  --quick     fewer rounds and a shorter outage: two or three minutes instead of twenty
  --only ROW  this row alone, or these: ROWS
  --help      print this

Needs strace and `script` (bsdutils); the times are those of a machine that has little else to do.
";

/// How much is measured.
#[derive(Clone, Copy)]
struct Scale {
    is_quick: bool,
}

impl Scale {
    /// The kinds of source that are put before whatever may go wrong.
    fn kinds(self) -> &'static [Kind] {
        if self.is_quick { &KINDS[..1] } else { &KINDS }
    }

    /// The first where time is short.
    const fn of<T: Copy>(self, quick: T, full: T) -> T {
        if self.is_quick { quick } else { full }
    }
}

/// One row of the table.
struct Figure {
    what: String,
    measured: String,
    limit: String,
    control: String,
    holds: bool,
}

impl Figure {
    /// Something that must not happen, how often it did, and among how many chances.
    fn none(what: impl Into<String>, found: usize, among: impl Into<String>, control: impl Into<String>) -> Self {
        let measured = format!("{found} of {}", among.into());
        Self { what: what.into(), measured, limit: "0".into(), control: control.into(), holds: found == 0 }
    }

    /// The largest of some measurements.
    fn most(what: impl Into<String>, measured: f64, unit: &str, limit: f64, control: impl Into<String>) -> Self {
        let told = |value: f64| format!("{value:.0} {unit}").trim_end().to_owned();
        Self {
            what: what.into(),
            measured: told(measured),
            limit: format!("≤ {}", told(limit)),
            control: control.into(),
            holds: measured <= limit,
        }
    }

    /// The largest of some counts.
    fn count(what: impl Into<String>, count: usize, limit: usize, control: impl Into<String>) -> Self {
        let (measured, limit, holds) = (count.to_string(), format!("≤ {limit}"), count <= limit);
        Self { what: what.into(), measured, limit, control: control.into(), holds }
    }

    /// The same with more to tell of what was measured.
    #[must_use]
    fn telling(mut self, more: &str) -> Self {
        self.measured += more;
        self
    }

    /// A measurement that did not come about.
    fn missing(row: &str) -> Self {
        let what = format!("{row}: not measured, see above");
        Self { what, measured: String::new(), limit: String::new(), control: String::new(), holds: false }
    }

    fn print(&self) {
        let verdict = if self.holds { "holds" } else { "MISSED" };
        println!("{:<43} {:<35} {:<9} {:<36} {verdict}", self.what, self.measured, self.limit, self.control);
    }
}

/// What a row is measured by.
type Measure = fn(Scale) -> Vec<Figure>;

const ROWS: [Row; 11] = [
    ("crash", crash::losses),
    ("requests", crowds::requests),
    ("families", crowds::families),
    ("printed", printed::printed),
    ("secrets", secrets::found),
    ("warm", warm::system_calls),
    ("outage", outage::requests),
    ("deadlines", deadlines::overruns),
    ("signals", signals::ends),
    ("withheld", withheld::withheld),
    ("memory", memory::peaks),
];

/// The control of a figure has to be seen.
#[track_caller]
fn control(what: &str, is_seen: bool) {
    assert!(is_seen, "the control was not seen: {what}");
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == memory::WRAPPER) {
        return memory::wrap(&arguments.split_off(1));
    }
    match asked(&arguments) {
        Ok(Some((scale, rows))) => report(scale, &rows),
        Ok(None) => {
            let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
            print!("{}", USAGE.replace("ROWS", &names.join(", ")));
            ExitCode::SUCCESS
        }
        Err(word) => {
            eprintln!("tests/figures: {word}: see tests/figures --help");
            ExitCode::from(2)
        }
    }
}

/// A row's name, and what it is measured by.
type Row = (&'static str, Measure);

/// What the arguments ask for; nothing where they ask for help.
fn asked(arguments: &[String]) -> Result<Option<(Scale, Vec<Row>)>, String> {
    let (mut is_quick, mut only, mut words) = (false, Vec::new(), arguments.iter());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => is_quick = true,
            "--help" | "-h" => return Ok(None),
            "--only" => only.push(words.next().ok_or("--only: which row?")?.as_str()),
            other => return Err(other.to_owned()),
        }
    }
    let unknown = only.iter().find(|name| !ROWS.iter().any(|(known, _)| known == *name));
    if let Some(unknown) = unknown {
        return Err(format!("--only {unknown}"));
    }
    let rows = ROWS.into_iter().filter(|(name, _)| only.is_empty() || only.contains(name)).collect();
    Ok(Some((Scale { is_quick }, rows)))
}

/// An outage takes its time and little else: it passes beside all the rest.
fn report(scale: Scale, rows: &[Row]) -> ExitCode {
    let began = Instant::now();
    let measured: Vec<Vec<Figure>> = std::thread::scope(|scope| {
        let outage =
            rows.iter().find(|(name, _)| *name == "outage").map(|(name, measure)| scope.spawn(move || taken(name, *measure, scale)));
        let rest: Vec<_> = rows.iter().filter(|(name, _)| *name != "outage").map(|(name, measure)| taken(name, *measure, scale)).collect();
        let mut rest = rest.into_iter();
        let mut outage = outage.map(|outage| outage.join().unwrap());
        rows.iter().map(|(name, _)| if *name == "outage" { outage.take().unwrap() } else { rest.next().unwrap() }).collect()
    });
    let figures: Vec<Figure> = measured.into_iter().flatten().collect();
    println!("{:<43} {:<35} {:<9} control", "", "measured", "limit");
    figures.iter().for_each(Figure::print);
    let missed = figures.iter().filter(|figure| !figure.holds).count();
    eprintln!("{} figures in {:.0?}, {missed} missed", figures.len(), began.elapsed());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn taken(name: &str, measure: Measure, scale: Scale) -> Vec<Figure> {
    let began = Instant::now();
    let figures = catch_unwind(|| measure(scale)).unwrap_or_else(|_| vec![Figure::missing(name)]);
    eprintln!("{name}: {:.0?}", began.elapsed());
    figures
}
