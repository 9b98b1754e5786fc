//! Files and variables as sources: what is no token is refused as if a server had sent it, and never printed.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::support::{QUICK, Test, cases};

struct Content {
    name: &'static str,
    bytes: Vec<u8>,
    /// A variable cannot hold it.
    is_for_files: bool,
}

fn content(name: &'static str, bytes: impl Into<Vec<u8>>) -> Content {
    let bytes = bytes.into();
    Content { name, is_for_files: bytes.contains(&0) || bytes.len() > 120_000, bytes }
}

const FILE: &str = "[profile.prod]\nsource = \"file\"\npath = \"~/answer\"\n";
const VARIABLE: &str = "[profile.prod]\nsource = \"env\"\nvariable = \"ANSWER\"\n";

fn unfit() -> Vec<Content> {
    vec![
        content("CR", "token\r1"),
        content("LF", "token\n1"),
        content("CRLF and a header", "token\r\nX-Evil: 1\r\n"),
        content("NUL", "token\u{0}1"),
        content("ESC", "token\u{1b}[31m"),
        content("space", "token 1"),
        content("tab", "token\t1"),
        content("DEL", "token\u{7f}"),
        content("é", "tokené"),
        content("bidi", "token\u{202e}"),
        content("BOM", "\u{feff}token-1"),
        content("not UTF-8", b"token\xff".to_vec()),
        content("100 KB", "a".repeat(100_000)),
        content("one too long", "a".repeat(65_537)),
        content("2 MB", "a".repeat(2 << 20)),
        content("empty", ""),
        content("a line end", "\n"),
        content("two lines", "token-1\ntoken-2\n"),
        content("NULs", vec![0; 100]),
    ]
}

fn home(config: &str, content: &Content) -> Test {
    let test = Test::configured(&format!("{QUICK}{config}")).named(content.name);
    if config == FILE {
        fs::write(test.path("answer"), &content.bytes).unwrap();
        return test;
    }
    test.env("ANSWER", std::ffi::OsStr::from_bytes(&content.bytes))
}

#[test]
fn what_is_no_token_is_refused() {
    let unfit = unfit();
    cases::each(
        &unfit,
        |content| content.name,
        |content| {
            for config in [FILE, VARIABLE] {
                if config == VARIABLE && content.is_for_files {
                    continue;
                }
                let test = home(config, content);
                let outcome = test.get();
                assert!(matches!(outcome.code, Some(2 | 5)), "{}, {config}{outcome}", content.name);
                outcome.prints("").explains("prod").is_brief();
                test.nothing_cached("prod");
            }
        },
    );
}

/// The positive control, and the longest there is.
#[test]
fn what_is_a_token_is_taken() {
    let every: String = ('\u{21}'..='\u{7e}').collect();
    for text in ["token-1", "x", &every, &"a".repeat(65_536)] {
        for config in [FILE, VARIABLE] {
            home(config, &content("a token", text)).get().exits(0).prints(&format!("{text}\n"));
        }
        home(FILE, &content("a token and a line end", format!("{text}\n"))).get().exits(0).prints(&format!("{text}\n"));
    }
}

/// What is there while the file is in the making, or in the place of it, keeps nobody waiting.
#[test]
fn what_is_no_file_keeps_nobody_waiting() {
    for (name, make) in [("a FIFO", "mkfifo answer"), ("a folder", "mkdir answer"), ("a device", "ln -s /dev/zero answer")] {
        let test = Test::configured(&format!("{QUICK}{FILE}")).named(name);
        assert!(test.other("sh", &["-c", make]).status().unwrap().success());
        let outcome = test.run(&["get", "--timeout", "5s"]);
        assert!(matches!(outcome.code, Some(2 | 5)), "{name}{outcome}");
        outcome.prints("").explains("prod").within(std::time::Duration::from_secs(1));
        test.nothing_cached("prod");
    }
}
