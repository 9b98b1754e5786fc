//! The manual that goes with this program, as `man/` holds it. Every page of that directory is here (a test holds that).

use crate::profile::ConfigError;

/// The pages, as their files are called.
macro_rules! pages {
    ($($name:literal),+ $(,)?) => {
        /// Every page: its name with its section, and its text.
        pub fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
            [$(($name, include_str!(concat!("../../man/", $name)))),+].into_iter()
        }
    };
}

pages! {
    "token.1",
    "token-completions.1",
    "token-doctor.1",
    "token-get.1",
    "token-helper.1",
    "token-helper-setup.1",
    "token-init.1",
    "token-man.1",
    "token-purge.1",
    "token-renew.1",
    "token-run.1",
    "token-status.1",
    "token-watch.1",
    "token-config.5",
    "token-errors.7",
    "token-helper.7",
}

/// The page that is asked for by its name or by that of a command, with or without its section.
#[must_use]
pub fn page(asked: &str) -> Option<&'static str> {
    let is_asked_for = |name: &str| name == asked || name.rsplit_once('.').is_some_and(|(bare, _)| bare == asked);
    pages().find(|(name, _)| is_asked_for(name) || name.strip_prefix("token-").is_some_and(is_asked_for)).map(|(_, text)| text)
}

/// There is no such page.
#[must_use]
pub fn unknown(asked: &str) -> ConfigError {
    let names = pages().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    // Error: `token man` prints pages of its own, by their name with or without the section.
    let message = format!("the manual has no page `{}`", crate::error::one_line(asked));
    ConfigError::new(message, Some(format!("there are: {names}")))
}
