//! What the name means by which the program is called: the helper of a consumer that finds its helpers by name.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What cargo says, alone, to a credential provider: whatever is configured comes later, on standard input.
const CARGO_PLUGIN: &str = "--cargo-plugin";

/// Names, and the tools that know them.
const NAMES: [(&str, &str); 6] = [
    ("git-credential-token", "git"),
    ("docker-credential-token", "docker"),
    ("cargo-credential-token", "cargo"),
    ("terraform-credentials-token", "terraform"),
    ("keyring", "keyring"),
    ("bazel-credential-token", "bazel"),
];

/// Such a name may go on with that of a profile: docker has no other way to say which.
pub const DOCKER_WITH_PROFILE: &str = "docker-credential-token-";

/// The names by which tools call their helpers.
pub fn helper_names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// The arguments behind the program's name, with what the name stands for before them.
#[must_use]
pub fn arguments(called: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut called = called.into_iter();
    let program = called.next().unwrap_or_default();
    let typed: Vec<OsString> = called.collect();
    let name = Path::new(&program).file_name().and_then(OsStr::to_str).unwrap_or_default();
    let mut words = stands_for(name, &typed);
    words.extend(typed);
    words
}

fn stands_for(name: &str, typed: &[OsString]) -> Vec<OsString> {
    let helper = |tool: &str| vec!["helper".into(), tool.into()];
    if let Some((_, tool)) = NAMES.iter().find(|(known, _)| *known == name) {
        return helper(tool);
    }
    if let Some(profile) = name.strip_prefix(DOCKER_WITH_PROFILE) {
        let mut words = helper("docker");
        words.extend(["--profile".into(), profile.into()]);
        return words;
    }
    if typed == [CARGO_PLUGIN] { helper("cargo") } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_helpers() {
        let table = [
            ("token get prod", "get prod"),
            ("/usr/bin/token", ""),
            ("git-credential-token get", "helper git get"),
            ("/usr/lib/git-core/git-credential-token --profile prod get", "helper git --profile prod get"),
            ("docker-credential-token get", "helper docker get"),
            ("docker-credential-token-prod get", "helper docker --profile prod get"),
            ("cargo-credential-token --cargo-plugin", "helper cargo --cargo-plugin"),
            ("terraform-credentials-token get app.example.com", "helper terraform get app.example.com"),
            ("keyring get x me", "helper keyring get x me"),
            ("bazel-credential-token get", "helper bazel get"),
            ("token --cargo-plugin", "helper cargo --cargo-plugin"),
            ("token --cargo-plugin x", "--cargo-plugin x"),
            ("git-credential-token2 get", "get"),
        ];
        for (line, expected) in table {
            let found = arguments(line.split(' ').map(OsString::from));
            assert_eq!(found.join(OsStr::new(" ")), expected, "{line}");
        }
        assert_eq!(arguments([]), [""; 0]);
    }
}
