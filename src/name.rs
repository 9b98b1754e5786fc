//! Names of profiles, which are also names of files: `[A-Za-z0-9][A-Za-z0-9._@-]{0,99}` and so no path, no option, nothing hidden.

use std::fmt;
use std::str::FromStr;

const LONGEST_NAME: usize = 100;

/// The name of a profile or of a cache entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Text that is no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {LONGEST_NAME} letters, digits and . _ @ - and begins with a letter or digit")]
pub struct InvalidName;

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let follows = |byte: &u8| byte.is_ascii_alphanumeric() || b"._@-".contains(byte);
        match text.as_bytes() {
            [first, rest @ ..] if first.is_ascii_alphanumeric() && rest.len() < LONGEST_NAME && rest.iter().all(follows) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidName),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_file_names() {
        for good in ["a", "0", "prod", "me@example.com", "a.b_c-d", &"x".repeat(100)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "-x", "_x", "a/b", "a b", "é", "a\n", "a\0", &"x".repeat(101)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }
}
