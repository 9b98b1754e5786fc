//! What every parser of what others wrote promises, put as functions of bytes: `tests/fuzz` invents the bytes, and the unit test below
//! goes over those that are kept in `tests/fuzz/corpus`. Not in any program: it takes the feature `fuzzing`, or a test.
//!
//! A target panics where a promise is broken. That a parser does not panic is the least of them: a token goes to no host that is not
//! listed, nothing for people or consumers has a control character that they did not ask for, what is written is read again, and an edit
//! that is taken back leaves the bytes that were there.

mod consumers;
mod protocols;
mod stored;

use crate::source::fuzzing as source;
use crate::source::fuzzing::{NOW, assert_shown};

/// What becomes of some bytes.
pub type Target = fn(&[u8]);

/// The targets by their names.
pub const TARGETS: &[(&str, Target)] = &[
    ("cache_entry", stored::entry),
    ("cache_failure", stored::failure),
    ("cache_login", stored::login),
    ("cache_served", stored::served),
    ("configuration", stored::configuration),
    ("configuration_extension", stored::extension),
    ("consumer_aws", consumers::aws),
    ("consumer_bazel", consumers::bazel),
    ("consumer_cargo", consumers::cargo),
    ("consumer_docker", consumers::docker),
    ("consumer_git", consumers::git),
    ("consumer_goauth", consumers::goauth),
    ("consumer_kubectl", consumers::kubectl),
    ("consumer_memory", consumers::memory),
    ("consumer_terraform", consumers::terraform),
    ("consumer_vault", consumers::vault),
    ("device_authorization", source::device_authorization),
    ("discovery", source::discovery),
    ("exec_output", source::exec_output),
    ("http_answer", source::http_answer),
    ("http_head", source::http_head),
    ("private_key", source::private_key),
    ("protocol_aws", protocols::aws),
    ("protocol_bazel", protocols::bazel),
    ("protocol_cargo", protocols::cargo),
    ("protocol_docker", protocols::docker),
    ("protocol_git", protocols::git),
    ("protocol_goauth", protocols::goauth),
    ("protocol_google", protocols::google),
    ("protocol_host", protocols::host),
    ("protocol_keyring", protocols::keyring),
    ("protocol_kubectl", protocols::kubectl),
    ("protocol_terraform", protocols::terraform),
    ("protocol_vault", protocols::vault),
    ("redirect", source::redirect),
    ("token_response", source::token_response),
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

/// Bytes up to the first NUL, and those behind it: no argument and no variable of a program has one.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    const MOST_FILES: usize = 30;
    const LARGEST_FILE: usize = 4096;

    fn entries(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        paths
    }

    #[test]
    fn the_corpus_breaks_no_promise() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        let mut broken = Vec::new();
        for (name, target) in TARGETS {
            let files = entries(&corpus.join(name));
            assert!((1..=MOST_FILES).contains(&files.len()), "{name}: {} files", files.len());
            for file in files {
                let bytes = fs::read(&file).expect("a file");
                assert!(bytes.len() < LARGEST_FILE, "{}: {} bytes", file.display(), bytes.len());
                if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                    broken.push(file);
                }
            }
        }
        assert!(broken.is_empty(), "promises are broken by {broken:#?}");
    }

    #[test]
    fn every_corpus_has_a_target() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        let names: Vec<String> = entries(&corpus).iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
        assert_eq!(names, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
        assert!(target("redirect").is_some() && target("").is_none());
    }

    #[test]
    fn a_broken_promise_is_noticed() {
        let broken = std::panic::catch_unwind(|| assert_shown("red\u{1b}[31m"));
        assert!(broken.is_err());
    }
}
