//! The configuration file: TOML in, profiles out, every mistake with its file, line and key.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::{ConfigError, Configuration, Places, Profile, USERNAME, chain};
use crate::bearer::Renewal;
use crate::bounded;
use crate::cache::{Cache, Logins};
use crate::error::one_line;
use crate::name::{InvalidName, Name};
use crate::settings::{Context, Item, Mistake, Section, nearest};
use crate::sink::Delivery;
use crate::source::{AnySource, Kind, Ttl};

/// The largest configuration file that is read.
const LARGEST_FILE: u64 = 4 << 20;

/// Who owns what belongs to a user that a namespace does not know (`user_namespaces(7)`), unless the system was told otherwise.
const OVERFLOW: u32 = 65534;

/// How long a pipe is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn load(places: &Places) -> Result<Configuration, ConfigError> {
    let path = &places.config;
    let (text, mode) = match read_file(path) {
        Ok((text, metadata)) => {
            if metadata.is_file() {
                refuse_foreign(path, &metadata)?;
            }
            (text, metadata.mode())
        }
        Err(error) if error.kind() == ErrorKind::NotFound && !places.config_is_named => Default::default(),
        Err(error) => {
            // Error (io::Error): A configuration file that was named has to be there, and readable. To do: check
            // its path and permissions.
            let hint = places.config_is_named.then(|| "--config or TOKEN_CONFIG names it".to_owned());
            return Err(ConfigError::new(format!("cannot read {}: {}", path.display(), crate::error::reason(&error)), hint));
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let context = Context { text: &text, folder, home: places.home.as_deref() };
    let configuration = read(context, places).map_err(|mistake| located(path, &mistake))?;
    if mode & 0o044 != 0 {
        refuse_open_secrets(&configuration, path, mode)?;
    }
    Ok(configuration)
}

fn read_file(path: &Path) -> std::io::Result<(String, Metadata)> {
    let file = bounded::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok((read_stream(file)?, metadata));
    }
    let mut text = String::with_capacity(usize::try_from(metadata.len()).unwrap_or_default().min(1 << 20) + 1);
    file.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(std::io::Error::other("it is larger than 4 MiB"));
    }
    Ok((text, metadata))
}

/// What a shell's `<(…)` hands over, or `/dev/stdin`: its permissions are nobody's choice.
fn read_stream(file: File) -> std::io::Result<String> {
    let bytes = bounded::stream(file, LARGEST_FILE, PATIENCE)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| ErrorKind::InvalidData.into())
}

/// Whether nobody can say who that is: in a user namespace without them, as `PrivateUsers=` of systemd makes one, all others look alike,
/// root as well.
fn is_unknown(owner: u32) -> bool {
    const EVERYBODY: &str = "0 0 4294967295";
    let map = String::from_utf8_lossy(&bounded::beginning("/proc/self/uid_map", 4 << 10)).into_owned();
    owner == OVERFLOW && map.split_whitespace().collect::<Vec<_>>().join(" ") != EVERYBODY && !map.is_empty()
}

/// Whoever can change the configuration decides what is run in the user's name: that is the user, or root.
fn refuse_foreign(path: &Path, metadata: &Metadata) -> Result<(), ConfigError> {
    let (path, owner) = (path.display(), metadata.uid());
    if owner != 0 && owner != rustix::process::geteuid().as_raw() && !is_unknown(owner) {
        // Error: Whoever owns the configuration can change it, and it says what is run in your name.
        let message = format!("{path}: belongs to user {owner}, who could have anything run in your name");
        return Err(ConfigError::new(message, Some("copy it to a file of your own".to_owned())));
    }
    if metadata.mode() & 0o002 != 0 {
        // Error: Others on this machine could have anything run in your name.
        let message = format!("{path}: anybody can change it (mode {:04o})", metadata.mode() & 0o7777);
        return Err(ConfigError::new(message, Some(format!("run `chmod o-w {path}`"))));
    }
    Ok(())
}

pub(super) fn located(path: &Path, mistake: &Mistake) -> ConfigError {
    let key = if mistake.key.is_empty() { String::new() } else { format!("`{}`: ", mistake.key) };
    // Error 2 (Mistake, read_default, src/settings.rs, src/sink.rs, src/sink/format.rs, src/sink/template.rs, proxy, secure_url,
    // variables, method, from_settings, parse, parse_ttl): Something in the configuration is not what it should be. Nothing was asked or
    // changed. To do: mend the line.
    ConfigError::new(format!("{}:{}: {key}{}", path.display(), mistake.line, mistake.what), mistake.hint.clone())
}

fn refuse_open_secrets(configuration: &Configuration, path: &Path, mode: u32) -> Result<(), ConfigError> {
    match configuration.profiles().find(|profile| profile.source.has_inline_secret()) {
        None => Ok(()),
        // Error: Others on this machine could read the secret.
        Some(profile) => {
            let message = format!(
                "{}: holds a secret of the profile `{}` and can be read by others (mode {:04o})",
                path.display(),
                profile.name,
                mode & 0o7777
            );
            Err(ConfigError::new(message, Some(format!("run `chmod 600 {}`", path.display()))))
        }
    }
}

pub(crate) fn read(context: Context<'_>, places: &Places) -> Result<Configuration, Mistake> {
    const LOCKS: [(&str, bool); 2] = [("file", true), ("none", false)];
    let mut file = Section::parse(context)?;
    let default = file.take("default");
    let locking = file.optional("lock", |item| item.choice(&LOCKS))?.unwrap_or(true);
    let mut renewal = Renewal::default();
    if let Some(mut section) = file.optional("renewal", Item::section)? {
        read_renewal(&mut renewal, &mut section)?;
        section.finish()?;
    }
    let cache = Cache::new(places.cache.clone(), locking);
    let logins = Logins::new(places.state.clone());
    let mut profiles = BTreeMap::new();
    if let Some(mut section) = file.optional("profile", Item::section)? {
        for (name, item) in section.take_rest() {
            let name: Name = name.parse().map_err(|error: InvalidName| item.mistake(error.to_string()))?;
            let profile = read_profile(name.clone(), item.section()?, &renewal, (&cache, &logins))?;
            profiles.insert(name, profile);
        }
    }
    file.finish()?;
    let default = default.map(|item| read_default(item, profiles.keys())).transpose()?;
    chain::connect(&profiles)?;
    Ok(Configuration { file: places.config.clone(), default, renewal, profiles, cache, logins })
}

fn read_default<'n>(item: Item<'_>, names: impl Iterator<Item = &'n Name>) -> Result<Name, Mistake> {
    let names: Vec<&Name> = names.collect();
    let near = |typed: &str| nearest(typed, names.iter().map(|name| name.as_str())).map(|near| format!("; did you mean `{near}`?"));
    item.parsed(|typed| match names.iter().find(|name| name.as_str() == typed) {
        Some(name) => Ok((*name).clone()),
        None => Err(format!("there is no profile `{}`{}", one_line(typed), near(typed).unwrap_or_default())),
    })
}

fn read_profile(name: Name, mut section: Section<'_>, renewal: &Renewal, (cache, logins): (&Cache, &Logins)) -> Result<Profile, Mistake> {
    let kind = section.required("source", |item| item.choice(Kind::ALL))?;
    let ttl = section.optional("ttl", Ttl::from_setting)?;
    let mut renewal = renewal.clone();
    read_renewal(&mut renewal, &mut section)?;
    let hosts = section.optional("hosts", hosts)?;
    let username = section.optional("username", visible)?;
    let scheme = section.optional("scheme", visible)?;
    let (hosts, username) = (hosts.unwrap_or_default(), username.unwrap_or_else(|| USERNAME.to_owned()));
    let delivery = Delivery::from_settings(&mut section, &hosts, &username)?;
    let source = AnySource::from_settings(kind, &mut section, ttl)?;
    section.finish()?;
    let profile = Profile::new(name, source, renewal, (cache.clone(), logins.clone()));
    Ok(Profile { hosts, username, scheme, delivery, ..profile })
}

/// Reads the keys of [`Renewal`] over what it is.
fn read_renewal(renewal: &mut Renewal, section: &mut Section<'_>) -> Result<(), Mistake> {
    const FRACTION: &str = "a number between 0 and 1, both excluded";
    let put = |place: &mut std::time::Duration, duration: Option<_>| *place = duration.unwrap_or(*place);
    renewal.max_retries = section.optional("max_retries", |item| item.integer(1..=1000))?.unwrap_or(renewal.max_retries);
    for (key, place) in
        [("initial_safety_margin", &mut renewal.initial_safety_margin), ("retry_safety_margin", &mut renewal.retry_safety_margin)]
    {
        *place = section.optional(key, |item| item.duration_or("none"))?.unwrap_or(*place);
    }
    let fraction = section.optional("lifetime_safe_fraction", |item| item.number(FRACTION, |number| number > 0.0 && number < 1.0))?;
    renewal.lifetime_safe_fraction = fraction.unwrap_or(renewal.lifetime_safe_fraction);
    put(&mut renewal.initial_retry_timeout, section.optional("initial_retry_timeout", positive)?);
    put(&mut renewal.max_retry_timeout, section.optional("max_retry_timeout", positive)?);
    let exponent = section.optional("retry_timeout_exponent", |item| item.number("a number of 1 or more", |number| number >= 1.0))?;
    renewal.retry_timeout_exponent = exponent.unwrap_or(renewal.retry_timeout_exponent);
    put(&mut renewal.refresh_request_timeout, section.optional("refresh_request_timeout", positive)?);
    put(&mut renewal.file_cache_throttle, section.optional("file_cache_throttle", Item::duration)?);
    let jitter = section.optional("jitter", |item| item.number("a number from 0 to below 1", |number| (0.0..1.0).contains(&number)))?;
    renewal.jitter = jitter.unwrap_or(renewal.jitter);
    put(&mut renewal.min_ttl, section.optional("min_ttl", Item::duration)?);
    Ok(())
}

fn positive(item: Item<'_>) -> Result<std::time::Duration, Mistake> {
    let zero = item.mistake("must be more than 0s");
    item.duration().and_then(|duration| if duration.is_zero() { Err(zero) } else { Ok(duration) })
}

fn hosts(item: Item<'_>) -> Result<Vec<String>, Mistake> {
    let host = |item: Item<'_>| {
        const WANTED: &str = "expected a host, as \"api.example.com\", \"*.example.com\" or \"api.example.com:8443\"";
        Ok(item.string_that(WANTED, is_host_pattern)?.to_ascii_lowercase())
    };
    item.items("a list of hosts")?.into_iter().map(host).collect()
}

fn is_host_pattern(pattern: &str) -> bool {
    let url = format!("https://{}/", pattern.strip_prefix("*.").unwrap_or(pattern));
    url::Url::parse(&url).is_ok_and(|url| {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        is_bare && url.password().is_none() && !pattern.contains(['/', '%', '?', '#', '\\']) && !pattern.replacen("*.", "", 1).contains('*')
    })
}

fn visible(item: Item<'_>) -> Result<String, Mistake> {
    item.string_that("has no spaces and no control characters", |text| !text.chars().any(|c| c.is_whitespace() || c.is_control()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn configuration(text: &str) -> Result<Configuration, Mistake> {
        let places = Places {
            config: "/c/config.toml".into(),
            config_is_named: true,
            cache: "/cache".into(),
            state: "/state".into(),
            home: Some("/home/me".into()),
        };
        read(Context { text, folder: Path::new("/c"), home: places.home.as_deref() }, &places)
    }

    #[test]
    fn every_parameter_of_renewal_is_taken() {
        let text = r#"
            [renewal]
            max_retries = 5
            lifetime_safe_fraction = 0.5
            [profile.a]
            source = "env"
            variable = "A"
            initial_safety_margin = "none"
            retry_safety_margin = "1h"
            lifetime_safe_fraction = 0.8
            initial_retry_timeout = "2s"
            max_retry_timeout = "2m"
            retry_timeout_exponent = 2
            refresh_request_timeout = "7s"
            file_cache_throttle = "0s"
            jitter = 0
            min_ttl = "10s"
        "#;
        let configuration = configuration(text).expect("a configuration");
        let renewal = &configuration.select(Some("a")).expect("a profile").renewal;
        let expected = Renewal {
            max_retries: 5,
            initial_safety_margin: None,
            retry_safety_margin: Some(Duration::from_secs(3600)),
            lifetime_safe_fraction: 0.8,
            initial_retry_timeout: Duration::from_secs(2),
            max_retry_timeout: Duration::from_secs(120),
            retry_timeout_exponent: 2.0,
            refresh_request_timeout: Duration::from_secs(7),
            file_cache_throttle: Duration::ZERO,
            jitter: 0.0,
            min_ttl: Duration::from_secs(10),
        };
        assert_eq!(*renewal, expected);
        assert!((configuration.renewal.lifetime_safe_fraction - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn every_mistake_has_its_line_and_key() {
        let profile = |keys: &str| format!("[profile.a]\nsource = \"env\"\nvariable = \"A\"\n{keys}\n");
        let table = [
            ("defualt = 'a'".to_owned(), 1, "defualt", "did you mean `default`?"),
            (profile("max_retrys = 3"), 4, "profile.a.max_retrys", "did you mean `max_retries`?"),
            (profile("max_retries = 0"), 4, "profile.a.max_retries", ""),
            (profile("lifetime_safe_fraction = 1.0"), 4, "profile.a.lifetime_safe_fraction", ""),
            (profile("lifetime_safe_fraction = 0"), 4, "profile.a.lifetime_safe_fraction", ""),
            (profile("retry_timeout_exponent = 0.9"), 4, "profile.a.retry_timeout_exponent", ""),
            (profile("initial_retry_timeout = \"-1s\""), 4, "profile.a.initial_retry_timeout", ""),
            (profile("initial_retry_timeout = \"0s\""), 4, "profile.a.initial_retry_timeout", ""),
            (profile("jitter = 1"), 4, "profile.a.jitter", ""),
            (profile("min_ttl = 5"), 4, "profile.a.min_ttl", ""),
            (profile("hosts = [\"https://x\"]"), 4, "profile.a.hosts", ""),
            (profile("ttl = \"0s\""), 4, "profile.a.ttl", ""),
            ("\n[profile.a]\nsource = \"evn\"".to_owned(), 3, "profile.a.source", "did you mean `env`?"),
            ("\n[profile.a]\n".to_owned(), 2, "profile.a.source", ""),
            ("\n[profile.a]\nsource = \"env\"\n".to_owned(), 2, "profile.a.variable", ""),
            ("[profile.\"../a\"]\nsource = \"env\"\n".to_owned(), 1, "profile.../a", ""),
            ("default = \"b\"\n[profile.a]\nsource = \"env\"\nvariable = \"A\"".to_owned(), 1, "default", ""),
            ("[profile.a]\nsource = \"client-credentials\"\nissuer = \"http://x\"\n".to_owned(), 3, "profile.a.issuer", ""),
            ("lock = \"non\"".to_owned(), 1, "lock", "did you mean `none`?"),
        ];
        for (text, line, key, hint) in table {
            let mistake = configuration(&text).expect_err(&text);
            let found = (mistake.line, mistake.key.as_str(), mistake.hint.as_deref().unwrap_or_default());
            assert_eq!((found.0, found.1), (line, key), "{text}");
            assert!(found.2.contains(hint), "{text}: {mistake:?}");
        }
    }

    #[test]
    fn the_profile_is_the_one_asked_for_the_default_or_the_only_one() {
        let two = "[profile.a]\nsource = \"env\"\nvariable = \"A\"\n[profile.b]\nsource = \"env\"\nvariable = \"B\"\n";
        let several = configuration(two).expect("a configuration");
        assert!(several.select(None).is_err());
        assert_eq!(several.select(Some("b")).map(|profile| profile.name.to_string()), Ok("b".to_owned()));
        assert!(several.select(Some("c")).is_err());
        let with_default = configuration(&format!("default = \"b\"\n{two}")).expect("a configuration");
        assert_eq!(with_default.select(None).map(|profile| profile.name.to_string()), Ok("b".to_owned()));
    }
}
