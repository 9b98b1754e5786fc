//! How a consumer is told to call us.

/// The program as consumers find it, and the profile that they ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name, where it is on the path, else its place.
    pub path: String,
    /// The profile.
    pub profile: String,
}

impl Program {
    /// The words that follow the program.
    #[must_use]
    pub fn arguments(&self, tool: &str) -> Vec<String> {
        ["helper", tool, "--profile", &self.profile].map(str::to_owned).into()
    }

    /// All of them as a shell reads them.
    #[must_use]
    pub fn shell(&self, tool: &str) -> String {
        format!("{} {}", quoted(&self.path), self.tail(tool))
    }

    /// The words that follow the program as a shell reads them; by them a command of ours is recognised wherever the program is.
    #[must_use]
    pub fn tail(&self, tool: &str) -> String {
        // The name of a profile has nothing that a shell would read.
        self.arguments(tool).join(" ")
    }

    /// Whether a shell would call us by this for `tool` and the profile.
    #[must_use]
    pub fn is_ours(&self, command: &str, tool: &str) -> bool {
        command.trim().strip_suffix(&self.tail(tool)).is_some_and(|program| program.ends_with(' '))
    }
}

/// `word` as a shell reads it.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
