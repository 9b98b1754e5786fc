//! Environment variables: those of ours that are set, those that look as if they should be, and those that change what is trusted. The
//! value of a variable that is not ours is never shown.

use std::env;
use std::path::Path;

use super::Scene;
use crate::error::{Class, one_line};
use crate::profile::PROFILE_VARIABLE;
use crate::settings::nearest;
use crate::ui::Finding;

/// What a person may set.
const OURS: [&str; 5] = ["TOKEN_CACHE_DIR", "TOKEN_CONFIG", "TOKEN_NO_INTERACTIVE", "TOKEN_PROFILE", "TOKEN_STATE_DIR"];
/// What the program sets for its own hooks and commands.
const INTERNAL: [&str; 3] = ["TOKEN_ANCESTORS", "TOKEN_EXPIRES_AT", "TOKEN_HOOKS"];

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    let profile = env::var(PROFILE_VARIABLE).ok().filter(|name| !name.is_empty());
    let profile = profile.and_then(|name| missing(&name, scene.knows(&name)));
    profile.into_iter().chain(variables()).collect()
}

/// What can be told without a configuration.
pub(super) fn variables() -> Vec<Finding> {
    let names: Vec<String> = env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut findings: Vec<Finding> = names.iter().filter_map(|name| misspelt(name)).collect();
    let set: Vec<&str> = OURS.into_iter().filter(|name| is_set(name)).collect();
    if !set.is_empty() {
        findings.push(Finding::ok("environment.set", format!("set: {}", set.join(", "))));
    }
    if is_set("RUST_BACKTRACE") {
        let message = "RUST_BACKTRACE is set: a bug is told with where it is";
        findings.push(Finding::note("environment.backtrace", message, "run `unset RUST_BACKTRACE`, if nobody is to read that"));
    }
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let path = env::var_os(name).filter(|value| !value.is_empty());
        findings.extend(path.and_then(|path| authorities(name, Path::new(&path))));
    }
    findings
}

fn missing(name: &str, is_known: bool) -> Option<Finding> {
    let message = || format!("{PROFILE_VARIABLE} names `{}`, and there is no such profile", one_line(name));
    let hint = || format!("run `unset {PROFILE_VARIABLE}`, or name a profile that is configured");
    (!is_known).then(|| Finding::problem("environment.profile", Class::Config, message(), hint()))
}

/// A variable that is nearly one of ours. Others have variables of their own that begin alike.
fn misspelt(name: &str) -> Option<Finding> {
    let is_known = OURS.iter().chain(&INTERNAL).any(|known| *known == name);
    if is_known || !name.starts_with("TOKEN_") {
        return None;
    }
    let near = nearest(name.strip_prefix("TOKEN_")?, ["cache_dir", "config", "no_interactive", "profile", "state_dir"])?;
    let message = format!("{} is set, and means nothing here", one_line(name));
    Some(Finding::warning("environment.unknown", Class::Config, message, format!("did you mean TOKEN_{}?", near.to_uppercase())))
}

fn authorities(name: &str, path: &Path) -> Option<Finding> {
    let message = format!("{name} names {}, which cannot be read: no server is trusted by it", path.display());
    let is_readable = if name.ends_with("DIR") { std::fs::read_dir(path).is_ok() } else { std::fs::File::open(path).is_ok() };
    let hint = format!("run `unset {name}`, or name what can be read");
    (!is_readable).then(|| Finding::warning("environment.authorities", Class::Config, message, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_told_and_another_s_is_not() {
        let table = [
            ("TOKEN_PROFIL", Some("TOKEN_PROFILE")),
            ("TOKEN_CONFG", Some("TOKEN_CONFIG")),
            ("TOKEN_CACHEDIR", Some("TOKEN_CACHE_DIR")),
            ("TOKEN_NONINTERACTIVE", Some("TOKEN_NO_INTERACTIVE")),
            ("TOKEN_PROFILE", None),
            ("TOKEN_HOOKS", None),
            ("TOKEN_GITHUB", None),
            ("TOKEN_SECRET", None),
            ("GITHUB_TOKEN", None),
            ("TOKEN", None),
        ];
        for (name, near) in table {
            let found = misspelt(name);
            assert_eq!(found.is_some(), near.is_some(), "{name}: {found:?}");
            assert!(found.is_none_or(|finding| finding.hint().is_some_and(|hint| hint.contains(near.unwrap_or_default()))), "{name}");
        }
    }
}
