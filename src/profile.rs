//! Profiles: what was configured, in the environment and on the command line, resolved in one place into what it means. Defaults live
//! here (and in the types of the bearer that document them) and nowhere else; nothing to the right sees an optional flag.

mod chain;
mod draft;
mod extend;
#[cfg(test)]
mod manual;
mod places;
mod read;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::bearer::{CachedBearer, FetchOptions, Fetched, NamedBearer, Origin, Renewal, RenewalError};
use crate::cache::{Cache, Identity, LoginLook, Logins, StorageError, ThrottledTokenCache};
use crate::clock::{Clock as _, SystemClock};
use crate::error::Class;
use crate::login::Login;
use crate::name::Name;
use crate::settings::nearest;
use crate::sink::Delivery;
use crate::source::{AnySource, Exec, Memory, Request, Revocation, Revoked, Source as _, SourceError, Ttl};
use crate::token::{Token, hex};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use read::{read, read_to_extend};

pub use draft::{ClientDraft, Credential, Draft, DraftOrigin, Place};
pub use extend::{Extended, extend, refuse_existing};
pub use places::{PROFILE_VARIABLE, Places, never_asks};

/// The user name for front ends that need one, where nobody gives another.
const USERNAME: &str = "oauth2";

/// The bearer that every command drives.
pub type ProfileBearer = CachedBearer<Arc<AnySource>, SystemClock>;

/// A name and everything needed to obtain its token.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: Name,
    /// Where its token comes from.
    pub source: Arc<AnySource>,
    /// When that is renewed.
    pub renewal: Renewal,
    /// The hosts that front ends hand it to: exact or `*.` and a domain, with a port where only that is meant.
    pub hosts: Vec<String>,
    /// The user name for front ends that need one.
    pub username: String,
    /// What precedes the token where the consumer sends it verbatim.
    pub scheme: Option<String>,
    /// Who learns of a renewal.
    pub delivery: Delivery,
    cache: Cache,
    logins: Logins,
}

/// Something in the configuration, the environment or the choice of a profile that cannot be taken as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// What is wrong, with file, line and key where it has them.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
    /// [`Class::Config`], but where it lies in somebody else's files, which are [`Class::Storage`].
    pub class: Class,
}

impl ConfigError {
    /// What is wrong, and what would be right.
    #[must_use]
    pub fn new(message: impl Into<String>, hint: Option<String>) -> Self {
        Self { message: message.into(), hint, class: Class::Config }
    }
}

/// All that is configured.
#[derive(Debug)]
pub struct Configuration {
    file: PathBuf,
    default: Option<Name>,
    renewal: Renewal,
    profiles: BTreeMap<Name, Profile>,
    cache: Cache,
    logins: Logins,
}

/// All that can be made of a configuration file, whatever is wrong with it.
#[derive(Debug)]
pub struct Survey {
    /// What is sound in it.
    pub configuration: Configuration,
    /// What is not.
    pub mistakes: Vec<ConfigError>,
    /// The profiles that have a mistake, or go by one that has.
    pub broken: Vec<Name>,
}

impl Configuration {
    /// Reads the configuration file on behind every mistake in it: to tell of all of them, and to look at the rest.
    #[must_use]
    pub fn survey(places: &Places) -> Survey {
        read::survey(places)
    }

    /// Reads the configuration file and checks all of it. Where none is and none was asked for, nothing is configured.
    ///
    /// # Errors
    /// [`ConfigError`] for the first mistake in it.
    pub fn load(places: &Places) -> Result<Self, ConfigError> {
        read::load(places, read::Purpose::Use)
    }

    /// The same for whoever is about to add a profile: that one may be its default already.
    ///
    /// # Errors
    /// [`ConfigError`] for the first mistake in it.
    pub fn load_to_extend(places: &Places) -> Result<Self, ConfigError> {
        read::load(places, read::Purpose::Extend)
    }

    /// The default that is not there, which only [`load_to_extend`](Self::load_to_extend) lets be.
    #[must_use]
    pub fn absent_default(&self) -> Option<&Name> {
        self.default.as_ref().filter(|name| !self.profiles.contains_key(*name))
    }

    /// The cache.
    #[must_use]
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The logins.
    #[must_use]
    pub const fn logins(&self) -> &Logins {
        &self.logins
    }

    /// Every profile, by name.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// The profile `name`, if there is one.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// The profile `asked` for; else `TOKEN_PROFILE`, the `default` of the configuration, or the only one there is.
    ///
    /// # Errors
    /// [`ConfigError`] where that is none.
    pub fn select(&self, asked: Option<&str>) -> Result<&Profile, ConfigError> {
        let variable = std::env::var(PROFILE_VARIABLE).ok().filter(|name| !name.is_empty());
        match (asked, variable.as_deref(), &self.default) {
            (Some(name), _, _) => self.named(name, ""),
            (None, Some(name), _) => self.named(name, &format!(" (from {PROFILE_VARIABLE})")),
            (None, None, Some(name)) => self.named(name.as_str(), ""),
            (None, None, None) => self.only(),
        }
    }

    fn named(&self, name: &str, origin: &str) -> Result<&Profile, ConfigError> {
        let found = self.profiles.iter().find(|(known, _)| known.as_str() == name);
        found.map(|(_, profile)| profile).ok_or_else(|| {
            let shown = crate::error::one_line(name);
            let names = || self.profiles.keys().map(Name::as_str);
            let hint = match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if self.profiles.is_empty() => format!("no profile is configured: `token init` writes one to {}", self.file.display()),
                None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            // Error: The name is misspelt, or another configuration file is read than you think (`--config`, TOKEN_CONFIG,
            // XDG_CONFIG_HOME).
            ConfigError::new(format!("{shown}{origin}: there is no such profile in {}", self.file.display()), Some(hint))
        })
    }

    /// The error of who needs a profile where there is none.
    #[must_use]
    pub fn without_profiles(&self) -> ConfigError {
        let hint = format!("`token init` writes one to {}, or wrap a command: token get -- COMMAND", self.file.display());
        // Error: No profile is named, and there is none to choose.
        ConfigError::new("no profile is configured", Some(hint))
    }

    fn only(&self) -> Result<&Profile, ConfigError> {
        let mut profiles = self.profiles.values();
        match (profiles.next(), profiles.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(self.without_profiles()),
            (Some(_), Some(_)) => {
                let names = self.profiles.keys().map(Name::as_str).collect::<Vec<_>>().join(", ");
                let hint = format!("name one of {names}; or set `default` in {}, or {PROFILE_VARIABLE}", self.file.display());
                // Error: No profile is named, and none of several is the `default`.
                Err(ConfigError::new("which profile? There are several", Some(hint)))
            }
        }
    }

    /// A profile made of a command on the command line.
    ///
    /// # Errors
    /// [`ConfigError`] where `name` is not one, or is that of a configured profile.
    pub fn of_command(&self, mut command: Vec<OsString>, name: Option<&str>, ttl: Option<Duration>) -> Result<Profile, ConfigError> {
        absolute_program(&mut command);
        let name = match name {
            // Error (InvalidName): The name of a cache entry becomes the name of a file. To do: choose another, as `--name build`.
            Some(name) => name.parse::<Name>().map_err(|error| ConfigError::new(format!("--name: {error}"), None))?,
            None => derived_name(&command),
        };
        if self.profiles.contains_key(&name) {
            // Error: A wrapped command would overwrite that profile's token.
            return Err(ConfigError::new(format!("--name: `{name}` is a configured profile"), Some("choose another name".to_owned())));
        }
        let source = AnySource::Exec(Box::new(Exec::new(command, ttl.map(Ttl::AtMost))));
        Ok(Profile::new(name, source, self.renewal.clone(), (self.cache.clone(), self.logins.clone())))
    }
}

/// Makes a program given by a relative path mean the same file from wherever it is named.
pub fn absolute_program(command: &mut [OsString]) {
    let Some(program) = command.first_mut() else { return };
    let path = PathBuf::from(&*program);
    if path.is_relative()
        && path.components().count() > 1
        && let Ok(path) = std::path::absolute(path)
    {
        *program = path.into_os_string();
    }
}

/// `exec-PROGRAM-DIGEST`: readable, and another one for another command.
fn derived_name(command: &[OsString]) -> Name {
    let program = command.first().map(PathBuf::from).unwrap_or_default();
    let program = program.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
    let readable: String = program.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(40).collect();
    #[expect(clippy::unnecessary_debug_formatting, reason = "tells apart what is no text, as display does not")]
    let words: Vec<String> = command.iter().map(|word| format!("{word:?}")).collect();
    let digest = Identity::new("name", words.iter().map(|word| ("", word.as_str())));
    let name = format!("exec-{readable}-{}", digest.as_str().get(..12).unwrap_or_default());
    name.parse().unwrap_or_else(|_| unreachable!("letters, digits, dots and dashes are a name"))
}

impl Profile {
    fn new(name: Name, source: AnySource, renewal: Renewal, (cache, logins): (Cache, Logins)) -> Self {
        let (source, username, delivery) = (Arc::new(source), USERNAME.to_owned(), Delivery::default());
        Self { name, source, renewal, hosts: Vec::new(), username, scheme: None, delivery, cache, logins }
    }

    /// The same, but wanting `min_ttl`, where a flag says so.
    #[must_use]
    pub fn with_min_ttl(mut self, min_ttl: Option<Duration>) -> Self {
        self.renewal.min_ttl = min_ttl.unwrap_or(self.renewal.min_ttl);
        self
    }

    /// Which token it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let parts = self.source.identity();
        Identity::new(self.source.kind(), parts.iter().map(|(key, value)| (*key, value.as_str())))
    }

    /// A digest of all that decides whether the source will succeed, credentials included.
    #[must_use]
    pub fn settings(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.identity().as_str());
        for secret in self.source.credentials() {
            digest.update([0]);
            digest.update(secret.expose());
        }
        if let Ok(Some(login)) = self.login() {
            digest.update([1, u8::from(login.is_dead())]);
            digest.update(login.refresh_token.expose());
        }
        hex(&digest.finalize())
    }

    /// Its place in the cache.
    #[must_use]
    pub fn token_cache(&self) -> ThrottledTokenCache<SystemClock> {
        ThrottledTokenCache::new(self.cache.clone(), self.name.clone(), self.identity(), self.renewal.file_cache_throttle, SystemClock)
    }

    /// Its bearer.
    #[must_use]
    pub fn bearer(&self) -> ProfileBearer {
        let named = NamedBearer::new(self.name.clone(), Arc::clone(&self.source), SystemClock);
        let profile = self.clone();
        let bearer = CachedBearer::new(named, self.token_cache(), move || profile.settings(), self.renewal.clone());
        match self.login_identity() {
            Some(identity) => bearer.with_logins(self.logins.clone(), identity),
            None => bearer,
        }
    }

    fn login_identity(&self) -> Option<Identity> {
        let parts = self.source.login_identity()?;
        Some(Identity::new("login", parts.iter().map(|(key, value)| (*key, value.as_str()))))
    }

    /// Its login, if it has one.
    ///
    /// # Errors
    /// [`StorageError`] where that cannot be told.
    pub fn login(&self) -> Result<Option<Login>, StorageError> {
        let Some(identity) = self.login_identity() else { return Ok(None) };
        Ok(match self.logins.read(&self.name, &identity)? {
            LoginLook::Found(login) => Some(login),
            LoginLook::Missing | LoginLook::Foreign => None,
        })
    }

    /// Has its issuer revoke `login` and `token`.
    ///
    /// # Errors
    /// [`SourceError`] where the issuer could not be told, or would not have it.
    pub async fn revoke(&self, login: Option<&Login>, token: Option<&Token>) -> Result<Revocation, SourceError> {
        let login = login.map(|login| (Revoked::RefreshToken, login.refresh_token.clone()));
        let token = token.map(|token| (Revoked::AccessToken, token.secret().clone()));
        let tokens: Vec<_> = login.into_iter().chain(token).collect();
        let (now, limit) = (SystemClock.now(), self.renewal.refresh_request_timeout);
        let whole = self.source.time_limit(limit);
        let (until, logins) = (now.after(whole), Memory::default());
        let request = Request { previous: None, now, limit, until, insists: true, person: None, logins: &logins };
        let told = tokio::time::timeout(whole, self.source.revoke(&tokens, request)).await;
        // Error: The issuer took too long to revoke it. To do: revoke it in the issuer's console, or let it expire.
        told.unwrap_or_else(|_| Err(SourceError::new(Class::Network, "its issuer did not answer in time")))
    }

    /// A token within `timeout`, delivered to whoever learns of renewals: that has to be done within it, too.
    ///
    /// # Errors
    /// [`RenewalError`] where there is none that may be handed out.
    pub async fn fetch(&self, timeout: Duration, options: &FetchOptions) -> Result<Fetched, RenewalError> {
        let began = Instant::now();
        let fetched = self.bearer().fetch(timeout, options).await;
        let left = timeout.saturating_sub(began.elapsed());
        match &fetched {
            Ok(Fetched { token, origin: Origin::Renewed }) => {
                self.delivery.renewed(&self.token_cache(), self.source.kind(), token, left).await;
            }
            Ok(Fetched { origin: Origin::Stale(error), .. }) | Err(error) if has_parked(error) => {
                self.delivery.parked(&self.token_cache(), left).await;
            }
            Ok(_) | Err(_) => {}
        }
        fetched
    }
}

/// Whether an attempt of this very fetch parked the profile: a remembered refusal is no news.
fn has_parked(error: &RenewalError) -> bool {
    error.attempts > 0 && error.class.is_permanent()
}
