//! The configuration file: TOML in, profiles out, every mistake with its file, line and key.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::{ConfigError, Configuration, Places, Profile, Survey, USERNAME, chain};
use crate::bearer::Renewal;
use crate::bounded;
use crate::cache::{Cache, Logins};
use crate::error::{Class, one_line};
use crate::name::{InvalidName, Name};
use crate::protocol::can_be_listed;
use crate::settings::{Context, Item, Mistake, Section, nearest};
use crate::sink::Delivery;
use crate::source::{AnySource, Kind, Ttl};

/// The largest configuration file that is read.
const LARGEST_FILE: u64 = 4 << 20;

/// What becomes of a mistake: it ends the reading, or is noted, and what has it is left out.
type OnMistake<'m> = &'m mut dyn FnMut(Mistake) -> Result<(), Mistake>;

/// What it is read for: to be used as it is, or to have a profile added, which may be the one that `default` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Use,
    Extend,
}

pub(super) fn load(places: &Places, purpose: Purpose) -> Result<Configuration, ConfigError> {
    let (path, (text, metadata)) = (&places.config, text(places)?);
    if let Some(metadata) = metadata.as_ref().filter(|metadata| metadata.is_file()) {
        refuse_changeable(path, metadata)?;
    }
    let configuration = read_on(context(places, &text), places, purpose, &mut Err).map_err(|mistake| located(path, &mistake))?;
    let mode = metadata.map_or(0, |metadata| metadata.mode());
    if mode & 0o044 != 0 {
        refuse_open_secrets(&configuration, path, mode)?;
    }
    Ok(configuration)
}

pub(super) fn survey(places: &Places) -> Survey {
    let (mut mistakes, path) = (Vec::new(), &places.config);
    let (text, metadata) = text(places).unwrap_or_else(|error| {
        mistakes.push(error);
        Default::default()
    });
    let changeable = metadata.as_ref().filter(|metadata| metadata.is_file()).and_then(|metadata| refuse_changeable(path, metadata).err());
    mistakes.extend(changeable);
    let mut note = |mistake: Mistake| {
        mistakes.push(located(path, &mistake));
        Ok(())
    };
    let read = read_on(context(places, &text), places, Purpose::Use, &mut note);
    let configuration = read.unwrap_or_else(|_| unreachable!("every mistake was noted"));
    let mode = metadata.map_or(0, |metadata| metadata.mode());
    if mode & 0o044 != 0 {
        mistakes.extend(refuse_open_secrets(&configuration, path, mode).err());
    }
    let named = names_of_profiles(context(places, &text));
    let broken = named.into_iter().filter(|name| configuration.get(name).is_none()).collect();
    Survey { configuration, mistakes, broken }
}

fn context<'a>(places: &'a Places, text: &'a str) -> Context<'a> {
    Context { text, folder: places.config.parent().unwrap_or(Path::new("")), home: places.home.as_deref() }
}

/// The text of the file and what the system knows of it; nothing where there is none, and none was asked for.
fn text(places: &Places) -> Result<(String, Option<Metadata>), ConfigError> {
    let path = &places.config;
    match read_file(path, places.patience) {
        Err(error) if error.kind() == ErrorKind::NotFound && !places.config_is_named => Ok(Default::default()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied && !places.config_is_named => {
            Err(of_another_user(path).unwrap_or_else(|| unreadable(places, &error)))
        }
        Err(error) => Err(unreadable(places, &error)),
        Ok((text, metadata)) => Ok((text, Some(metadata))),
    }
}

fn unreadable(places: &Places, error: &std::io::Error) -> ConfigError {
    let hint = readable(&places.config, error);
    // Error (io::Error): A configuration file that was named has to be there, and one that is there has to be readable. To do: check its
    // path, its owner and its permissions, and those of the directories that lead to it.
    ConfigError::new(format!("cannot read {}: {}", places.config.display(), crate::error::reason(error)), Some(hint))
}

/// Whose the file is, or the directory that closes it, where that is somebody else: HOME is often left over from who called `sudo`.
fn of_another_user(path: &Path) -> Option<ConfigError> {
    let user = rustix::process::geteuid().as_raw();
    let (place, owner) = path.ancestors().find_map(|place| Some((place, std::fs::metadata(place).ok()?.uid())))?;
    // Error 6: HOME may be that of whoever called `sudo` or `su`.
    let message = format!("cannot read {}: {} belongs to user {owner}, not to {user}", path.display(), place.display());
    let hint = "set HOME to a directory of your own (`sudo -H` does)".to_owned();
    (owner != user).then(|| ConfigError { class: Class::Storage, ..ConfigError::new(message, Some(hint)) })
}

/// What makes the file readable, as far as the system says why it is not.
fn readable(path: &Path, error: &std::io::Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound => "write it, or name another by --config or TOKEN_CONFIG".to_owned(),
        ErrorKind::PermissionDenied => "let this user read it and enter the directories above it, or name another by --config".to_owned(),
        ErrorKind::InvalidData => "it has to be UTF-8: save it as that".to_owned(),
        _ => format!("look at {path}, or name another file by --config or TOKEN_CONFIG"),
    }
}

fn names_of_profiles(context: Context<'_>) -> Vec<Name> {
    let section = Section::parse(context).and_then(|mut file| file.optional("profile", Item::section));
    let items = section.ok().flatten().map(|mut section| section.take_rest()).unwrap_or_default();
    items.into_iter().filter_map(|(name, _)| name.parse().ok()).collect()
}

fn read_file(path: &Path, patience: Duration) -> std::io::Result<(String, Metadata)> {
    let file = bounded::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok((read_stream(file, patience)?, metadata));
    }
    let mut text = String::with_capacity(usize::try_from(metadata.len()).unwrap_or_default().min(1 << 20) + 1);
    file.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(std::io::Error::other("it is larger than 4 MiB"));
    }
    Ok((text, metadata))
}

/// What a shell's `<(…)` hands over, or `/dev/stdin`: its permissions are nobody's choice.
fn read_stream(file: File, patience: Duration) -> std::io::Result<String> {
    let bytes = bounded::stream(file, LARGEST_FILE, patience)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| ErrorKind::InvalidData.into())
}

/// Whoever can change the configuration decides what is run in the user's name. Whose file it is, is left to the user, who may mean
/// another's by `--config`; what is stored in another's home is refused by the cache.
fn refuse_changeable(path: &Path, metadata: &Metadata) -> Result<(), ConfigError> {
    if metadata.mode() & 0o002 == 0 {
        return Ok(());
    }
    let path = path.display();
    // Error: Others on this machine could have anything run in your name.
    let message = format!("{path}: anybody can change it (mode {:04o})", metadata.mode() & 0o7777);
    Err(ConfigError::new(message, Some(format!("run `chmod o-w {path}`"))))
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
    read_on(context, places, Purpose::Use, &mut Err)
}

/// The same for whoever is about to add a profile.
pub(crate) fn read_to_extend(context: Context<'_>, places: &Places) -> Result<Configuration, Mistake> {
    read_on(context, places, Purpose::Extend, &mut Err)
}

fn read_on(context: Context<'_>, places: &Places, purpose: Purpose, on_mistake: OnMistake<'_>) -> Result<Configuration, Mistake> {
    const LOCKS: [(&str, bool); 2] = [("file", true), ("none", false)];
    let cache = Cache::new(places.cache.clone(), true);
    let logins = Logins::new(places.state.clone());
    let mut configuration =
        Configuration { file: places.config.clone(), default: None, renewal: Renewal::default(), profiles: BTreeMap::new(), cache, logins };
    let mut broken = Vec::new();
    let Some(mut file) = noted(Section::parse(context).map(Some), on_mistake)? else { return Ok(configuration) };
    let default = file.take("default");
    let locking = noted(file.optional("lock", |item| item.choice(&LOCKS)), on_mistake)?.unwrap_or(true);
    if let Some(mut section) = noted(file.optional("renewal", Item::section), on_mistake)? {
        let read = read_renewal(&mut configuration.renewal, &mut section).and_then(|()| section.finish());
        noted(read, on_mistake)?;
    }
    configuration.cache = Cache::new(places.cache.clone(), locking);
    if let Some(mut section) = noted(file.optional("profile", Item::section), on_mistake)? {
        for (name, item) in section.take_rest() {
            match noted(read_named(&name, item, &configuration).map(Some), on_mistake)? {
                Some(profile) => drop(configuration.profiles.insert(profile.name.clone(), profile)),
                None => broken.extend(name.parse::<Name>()),
            }
        }
    }
    noted(file.finish(), on_mistake)?;
    let default = default.map(|item| read_default(item, configuration.profiles.keys().chain(&broken), purpose)).transpose();
    configuration.default = noted(default, on_mistake)?;
    while let Err(fault) = chain::connect(&configuration.profiles) {
        // Whose mistake that is has been said.
        if fault.missing.is_none_or(|missing| !broken.contains(&missing)) {
            on_mistake(fault.mistake)?;
        }
        configuration.profiles.remove(&fault.profile);
        broken.push(fault.profile);
    }
    Ok(configuration)
}

/// What was read; nothing where it has a mistake that was noted.
fn noted<T: Default>(read: Result<T, Mistake>, on_mistake: OnMistake<'_>) -> Result<T, Mistake> {
    read.or_else(|mistake| on_mistake(mistake).map(|()| T::default()))
}

fn read_named(name: &str, item: Item<'_>, around: &Configuration) -> Result<Profile, Mistake> {
    let name: Name = name.parse().map_err(|error: InvalidName| item.mistake(error.to_string()))?;
    read_profile(name, item.section()?, &around.renewal, (&around.cache, &around.logins))
}

fn read_default<'n>(item: Item<'_>, names: impl Iterator<Item = &'n Name>, purpose: Purpose) -> Result<Name, Mistake> {
    let (names, mut hint): (Vec<&Name>, _) = (names.collect(), None);
    let read = item.parsed(|typed| {
        if let Some(name) = names.iter().find(|name| name.as_str() == typed) {
            return Ok((*name).clone());
        }
        match (typed.parse::<Name>(), nearest(typed, names.iter().map(|name| name.as_str()))) {
            (Ok(name), _) if purpose == Purpose::Extend => return Ok(name),
            (_, Some(near)) => hint = Some(format!("did you mean `{near}`?")),
            (Ok(name), None) => hint = Some(format!("`token init -p {name}` writes it")),
            (Err(_), None) => {}
        }
        Err(format!("there is no profile `{}`", one_line(typed)))
    });
    read.map_err(|mistake| Mistake { hint, ..mistake })
}

fn read_profile(name: Name, mut section: Section<'_>, renewal: &Renewal, (cache, logins): (&Cache, &Logins)) -> Result<Profile, Mistake> {
    let kind = section.required("source", |item| item.choice(Kind::ALL))?;
    let ttl = section.optional("ttl", Ttl::from_setting)?;
    let mut renewal = renewal.clone();
    read_renewal(&mut renewal, &mut section)?;
    let hosts = section.optional("hosts", hosts)?;
    let username = section.optional("username", username)?;
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
        Ok(item.string_that(WANTED, can_be_listed)?.to_ascii_lowercase())
    };
    item.items("a list of hosts")?.into_iter().map(host).collect()
}

/// Where it goes with a password, a colon is its end (RFC 7617 §2).
fn username(item: Item<'_>) -> Result<String, Mistake> {
    let colon = item.mistake("has no colon");
    visible(item).and_then(|name| if name.contains(':') { Err(colon) } else { Ok(name) })
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
            patience: std::time::Duration::ZERO,
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

    /// What is left of a configuration, and the lines of its mistakes.
    fn surveyed(text: &str) -> (Vec<String>, Vec<String>, Vec<usize>) {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("config.toml");
        std::fs::write(&config, text).expect("written");
        std::fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("private");
        let places =
            Places { config, config_is_named: true, cache: "/cache".into(), state: "/state".into(), home: None, patience: Duration::ZERO };
        let survey = survey(&places);
        let line = |mistake: &ConfigError| mistake.message.split(':').nth(1).and_then(|line| line.parse().ok()).unwrap_or_default();
        let names = |names: &mut dyn Iterator<Item = &Name>| names.map(Name::to_string).collect();
        let sound = names(&mut survey.configuration.profiles().map(|profile| &profile.name));
        (sound, names(&mut survey.broken.iter()), survey.mistakes.iter().map(line).collect())
    }

    /// A text, the profiles that are sound in it and those that are not, and the lines of its mistakes.
    type Case = (String, &'static [&'static str], &'static [&'static str], &'static [usize]);

    #[test]
    fn a_mistake_does_not_hide_the_rest() {
        const GOOD: &str = "[profile.a]\nsource = \"env\"\nvariable = \"A\"\n";
        const BAD: &str = "[profile.b]\nsource = \"evn\"\n";
        let exchange = |name: &str, subject: &str| {
            format!(
                "[profile.{name}]\nsource = \"token-exchange\"\nissuer = \"https://x\"\nsubject_token = {{ profile = \"{subject}\" }}\n"
            )
        };
        let table: [Case; 8] = [
            (GOOD.to_owned(), &["a"], &[], &[]),
            (format!("{BAD}{GOOD}"), &["a"], &["b"], &[2]),
            (format!("lokc = \"none\"\n{BAD}{GOOD}"), &["a"], &["b"], &[3, 1]),
            (format!("default = \"b\"\n{BAD}{GOOD}"), &["a"], &["b"], &[3]),
            (format!("[renewal]\njitter = 2\n{GOOD}"), &["a"], &[], &[2]),
            (format!("{BAD}{}{GOOD}", exchange("c", "b")), &["a"], &["b", "c"], &[2]),
            (format!("{}{}{GOOD}", exchange("c", "d"), exchange("d", "c")), &["a"], &["c", "d"], &[8]),
            (format!("{GOOD}[profile\n"), &[], &[], &[4]),
        ];
        for (text, sound, broken, lines) in table {
            let found = surveyed(&text);
            let words = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            assert_eq!(found, (words(sound), words(broken), lines.to_vec()), "{text}");
        }
    }
}
