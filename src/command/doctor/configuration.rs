//! The configuration file: whether it is there, who may read and change it, and every mistake in it.

use std::os::unix::fs::MetadataExt as _;

use super::{Scene, permissions};
use crate::error::{Class, reason};
use crate::profile::ConfigError;
use crate::ui::Finding;

/// What there is to say where not even the places of the files are known.
pub(super) fn without_places(error: &ConfigError) -> Vec<Finding> {
    vec![mistake(error)]
}

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    let path = &scene.places.config;
    let mut findings: Vec<Finding> = scene.survey.mistakes.iter().map(mistake).collect();
    match std::fs::metadata(path) {
        Ok(metadata) => {
            let mode = metadata.mode() & 0o7777;
            let count = scene.configuration().profiles().count();
            let profiles = if count == 1 { "1 profile".to_owned() } else { format!("{count} profiles") };
            let sound = Finding::ok("config.file", format!("{}: {profiles}", path.display()));
            findings.extend(findings.is_empty().then(|| sound.with_detail(format!("mode {mode:04o}"))));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !scene.places.config_is_named => {
            let message = format!("there is no {}: no profile is configured", path.display());
            let hint = "run `token init` to write one; `token get -- COMMAND` needs none";
            findings.push(Finding::note("config.file", message, hint));
        }
        // Whoever reads it has said so.
        Err(_) if !findings.is_empty() => {}
        Err(error) => {
            let message = format!("cannot look at {}: {}", path.display(), reason(&error));
            findings.push(Finding::problem("config.file", Class::Config, message, "let this user read it, or name another with --config"));
        }
    }
    findings.extend(permissions::findings(path));
    if !scene.configuration().cache().locks() {
        let message = "`lock` is \"none\": processes do not wait for each other, and each may ask the issuer";
        findings.push(Finding::note("config.lock", message, "leave it out where the file system can lock"));
    }
    findings
}

fn mistake(error: &ConfigError) -> Finding {
    let hint = error.hint.as_deref().unwrap_or("correct that line; token-config(5) has every key and what it takes");
    Finding::problem("config.mistake", error.class, &error.message, hint)
}
