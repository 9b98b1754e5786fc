//! Where things are: the configuration file, the cache and the state, by flag, environment and XDG base directories.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ConfigError;

const CONFIG_VARIABLE: &str = "TOKEN_CONFIG";
const CACHE_VARIABLE: &str = "TOKEN_CACHE_DIR";
const STATE_VARIABLE: &str = "TOKEN_STATE_DIR";
/// Names the profile where no argument does.
pub const PROFILE_VARIABLE: &str = "TOKEN_PROFILE";

/// How long a pipe is waited for where nobody is in a greater hurry.
const PATIENCE: Duration = Duration::from_secs(5);

const NO_INTERACTIVE_VARIABLE: &str = "TOKEN_NO_INTERACTIVE";

/// Whether the environment says that nobody is to be asked.
#[must_use]
pub fn never_asks() -> bool {
    std::env::var_os(NO_INTERACTIVE_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Where this user's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The configuration file.
    pub config: PathBuf,
    /// Whether somebody asked for that file, so that it has to be there.
    pub config_is_named: bool,
    /// The directory of the cache.
    pub cache: PathBuf,
    /// The directory of the logins.
    pub state: PathBuf,
    /// What a leading `~` stands for.
    pub home: Option<PathBuf>,
    /// How long a configuration that comes through a pipe is waited for.
    pub patience: Duration,
}

impl Places {
    /// The same for a command that may take no longer than `timeout`.
    #[must_use]
    pub fn within(self, timeout: Option<Duration>) -> Self {
        Self { patience: timeout.unwrap_or(self.patience).min(self.patience), ..self }
    }

    /// The places that the flag `--config` and the environment name.
    ///
    /// # Errors
    /// [`ConfigError`] where neither they nor HOME say where.
    pub fn find(config: Option<&Path>) -> Result<Self, ConfigError> {
        let home = etcetera::home_dir().ok().filter(|home| home.is_absolute());
        let named = config.map(Path::to_owned).or_else(|| variable(CONFIG_VARIABLE));
        let config_is_named = named.is_some();
        let config = named
            .map_or_else(|| base(home.as_ref(), "XDG_CONFIG_HOME", ".config", CONFIG_VARIABLE).map(|base| base.join("config.toml")), Ok)?;
        let cache = variable(CACHE_VARIABLE).map_or_else(|| base(home.as_ref(), "XDG_CACHE_HOME", ".cache", CACHE_VARIABLE), Ok)?;
        // Without a home of their own, logins are beside the cache: only some sources have any.
        let state = variable(STATE_VARIABLE).map_or_else(|| base(home.as_ref(), "XDG_STATE_HOME", ".local/state", STATE_VARIABLE), Ok);
        let state = state.unwrap_or_else(|_| cache.join("logins"));
        if cache.components().eq(state.components()) {
            // Error: Both have a file NAME.json for each profile.
            let message = format!("the cache and the logins cannot both be in {}: one would overwrite the other", cache.display());
            return Err(ConfigError::new(message, Some(format!("set {CACHE_VARIABLE} or {STATE_VARIABLE} to another directory"))));
        }
        Ok(Self { config, config_is_named, cache, state, home, patience: PATIENCE })
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The directory `token` in an XDG base directory; one that is not absolute counts as not set (XDG Base Directory Specification).
fn base(home: Option<&PathBuf>, xdg: &str, default: &str, instead: &str) -> Result<PathBuf, ConfigError> {
    let base = variable(xdg).filter(|path| path.is_absolute()).or_else(|| Some(home?.join(default)));
    // Error: Without a home directory nothing says where the configuration, the cache and the logins are.
    let unknown = || ConfigError::new(format!("HOME is not set, so {xdg} has no default"), Some(format!("set HOME, {xdg} or {instead}")));
    base.map(|base| base.join("token")).ok_or_else(unknown)
}
