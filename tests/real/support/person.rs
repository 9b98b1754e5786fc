//! Somebody who logs in: in no hurry to be a browser (`browser/visitor.mjs`), or with a real one (`browser/chromium.mjs`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::eventually;

const VISITOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/browser/visitor.mjs");
const CHROMIUM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/browser/chromium.mjs");

/// Longer than either takes to end by itself.
const HANG: Duration = Duration::from_secs(90);

/// Somebody with a browser: the command that opens an address, once the address is appended to it.
pub struct Person(Vec<String>);

impl Person {
    /// Logs in and agrees.
    pub fn approving() -> Self {
        Self::running(&[VISITOR])
    }

    /// Logs in and says no.
    pub fn refusing() -> Self {
        Self::running(&[VISITOR, "--deny"])
    }

    /// Logs in and agrees, in a real browser that keeps its files in this directory.
    pub fn with_chromium(data: &Path) -> Self {
        Self::running(&[CHROMIUM, "--data", text(data)])
    }

    fn running(arguments: &[&str]) -> Self {
        Self(["node"].iter().chain(arguments).map(ToString::to_string).collect())
    }

    /// Enters this where a page asks for the code that a device shows.
    pub fn entering(mut self, code: &str) -> Self {
        self.0.extend(["--code".to_owned(), code.to_owned()]);
        self
    }

    /// Leaves a report of the visit in this file.
    pub fn reporting(mut self, file: &Path) -> Self {
        self.0.extend(["--report".to_owned(), text(file).to_owned()]);
        self
    }

    /// The key of a profile that makes this the browser.
    pub fn as_browser(&self) -> String {
        format!("browser = {:?}\n", self.0)
    }

    /// Opens an address and stays until there is nothing left to do there.
    #[track_caller]
    pub fn visit(&self, address: &str) {
        let output = Command::new(&self.0[0]).args(&self.0[1..]).arg(address).stdin(Stdio::null()).output().expect("node");
        assert!(output.status.success(), "{address}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The report of a visit that the program under test started.
pub struct Report(Value);

impl Report {
    /// Waits for it: a browser may go on for a while after the program has what it needs.
    #[track_caller]
    pub fn of(file: &Path) -> Self {
        let text = eventually("the report of a visit", HANG, || fs::read_to_string(file).ok());
        Self(serde_json::from_str(&text).expect("a report"))
    }

    /// What the last page says.
    pub fn text(&self) -> &str {
        self.0["text"].as_str().expect("a text")
    }

    /// The addresses that were opened, in order.
    pub fn visited(&self) -> Vec<url::Url> {
        let visited = self.0["visited"].as_array().expect("addresses");
        let address = |entry: &Value| entry["address"].as_str().or(entry.as_str()).expect("an address").to_owned();
        visited.iter().map(|entry| address(entry).parse().expect("an address")).collect()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Where a test's report goes in a home.
pub fn report_in(home: &Path) -> PathBuf {
    home.join("report.json")
}
