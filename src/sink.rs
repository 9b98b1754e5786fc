//! Who learns of a renewal: files that hold the new token (*sinks*), and commands (*hooks*), which never get it.
//!
//! ```toml
//! [profile.prod]
//! source = "client-credentials"
//! token_endpoint = "https://login.example.com/token"
//! client_id = "ci"
//! client_secret = { file = "~/.secrets/prod" }
//! hosts = ["api.example.com", "*.svc.example.com"]
//! sink = [
//!   { path = "~/.run/prod.token" },
//!   { path = "~/.run/prod.json", format = "json" },
//!   { path = "~/.run/prod.header", format = "header" },
//!   { path = "~/.run/prod.env", format = "env", variable = "API_TOKEN", mode = "0640" },
//!   { path = "~/.run/prod.netrc", format = "netrc" },
//!   { path = "~/.run/prod.ini", format = "template", template = "[api]\ntoken = {token}\n; until {expires_at}\n" },
//! ]
//! on_renew = ["systemctl", "--user", "reload", "app"]
//! on_error = ["notify-send", "A token is not renewed any more"]
//! ```
//!
//! # Sinks
//!
//! A sink is written at every renewal, by whoever renews (`get` and `run` as well as `renew` and `watch`), before that command returns;
//! `watch` writes it when it begins as well, and when another process has renewed; so does `watch --once`. A sink that somebody removes
//! comes back with the next of these: `token renew` is how to have it now. One sink
//! may stand alone, without the brackets of the list. A relative `path` starts at the folder of the configuration file.
//!
//! | `format =` | the file |
//! | --- | --- |
//! | `raw` | the token, without a newline; the default |
//! | `json` | the object that `token get -o json` prints, and a newline |
//! | `header` | `Authorization: Bearer TOKEN` and a newline, as for `curl -H @FILE` |
//! | `env` | `VARIABLE='TOKEN'` and a newline, safe for `. FILE` in a shell; `variable` is `TOKEN` unless given |
//! | `netrc` | `machine HOST login USERNAME password TOKEN`, a line for each of `hosts` that has no `*`. It is the whole file: one of its own, for `curl --netrc-file` or `NETRC`, not the `~/.netrc` that holds more |
//! | `template` | `template`, in which `{token}`, `{token_type}`, `{expires_at}` (RFC 3339), `{profile}` and `{scope}` stand for what they name, or for nothing where it is unknown, and `{{` and `}}` for braces |
//!
//! Whoever reads a sink finds the old file or the new one, whole, at every moment and after every crash; it has `mode` (octal, `0600`
//! unless given) from the moment it exists, whatever the umask. To that end it is a new file each time, put in the place of the old one:
//! a symbolic link is replaced and its target left alone, and whoever bind-mounts a sink mounts its directory instead. Where something
//! else than a file stands in its place (a directory, a device), it is left alone. The directory of a sink is made, for its owner alone,
//! where only the last part of its path is missing. Where two processes renew one after the other, the sinks end with the newer token.
//! A writer that is killed may leave a `.token-sink.` file beside the sink, with its mode; a renewal that is a minute later removes it.
//!
//! # Hooks
//!
//! `on_renew` runs after the sinks are written. `on_error` runs when a profile is parked: the issuer refuses, and will until something is
//! mended. It runs for each attempt that ends so, not for commands that are answered from the memory of it. `token status --json` tells a
//! hook more.
//!
//! A hook is a program and its arguments, not a line for a shell. It gets `TOKEN_PROFILE` and `TOKEN_EXPIRES_AT` (RFC 3339; the
//! new token's, and for `on_error` that of the token still cached; not set where none is or it never expires) and what else is in
//! our environment, but for variables that hold the token. It never gets the token: it reads a sink, or runs `token get`. Its input
//! is empty, its output goes nowhere, its standard error is shown by `-v`. After 30 seconds, or when the time of the command that renewed
//! is over, it is killed, and when it ends, so does what it left running in its process group; what is to stay starts a session of its own
//! (`setsid`, `systemd-run`). A hook that renews its own profile does not run again for that.
//!
//! # Failures
//!
//! A sink that cannot be written and a hook that fails never cost the token: there is a warning that names them, and the command goes on.

mod file;
mod format;
mod hook;
mod standing;
mod template;

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, RawMode};

use self::format::Format;
use self::hook::Hook;
use crate::cache::ThrottledTokenCache;
use crate::clock::Clock;
use crate::error::one_line;
use crate::settings::{Item, Mistake, Section};
use crate::token::{Answer, Token};

/// For its owner alone.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
/// The sinks are written again at most this often because another process has renewed meanwhile: it writes them itself.
const MOST_ROUNDS: usize = 3;

/// What a profile delivers, and to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    sinks: Vec<Sink>,
    on_renew: Option<Hook>,
    on_error: Option<Hook>,
}

/// A file that holds the token.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sink {
    path: PathBuf,
    mode: Mode,
    format: Format,
}

impl Delivery {
    /// Reads `sink`, `on_renew` and `on_error` of a profile that has these `hosts` and this `username`.
    pub(crate) fn from_settings(section: &mut Section<'_>, hosts: &[String], username: &str) -> Result<Self, Mistake> {
        let sink = |item: Item<'_>| Sink::from_settings(item.section()?, hosts, username);
        let sinks = section.optional("sink", |item| {
            let items = if item.is_table() { vec![item] } else { item.items("a table or a list of tables")? };
            items.into_iter().map(sink).collect()
        })?;
        let mut hook = |key| section.optional(key, |item| Ok(Hook::new(key, item.argv()?)));
        Ok(Self { sinks: sinks.unwrap_or_default(), on_renew: hook("on_renew")?, on_error: hook("on_error")? })
    }

    /// Delivers `token`, which a source of the kind `source` has just issued and `cache` has stored: writes the sinks, then runs
    /// `on_renew`, for no longer than `limit`. What fails is told as a warning. Dropping the future kills the hook.
    pub async fn renewed<C: Clock>(&self, cache: &ThrottledTokenCache<C>, source: &'static str, token: &Arc<Token>, limit: Duration) {
        let token = self.write(cache, source, token);
        if let Some(hook) = &self.on_renew {
            hook.run(cache.name(), token.expires_at, Some(token.secret()), limit).await;
        }
    }

    /// Tells that the profile of `cache` is parked, for no longer than `limit`.
    pub async fn parked<C: Clock>(&self, cache: &ThrottledTokenCache<C>, limit: Duration) {
        let Some(hook) = &self.on_error else { return };
        let token = cache.refresh().ok().flatten();
        let expires_at = token.as_ref().and_then(|token| token.expires_at);
        hook.run(cache.name(), expires_at, token.as_ref().map(|token| token.secret()), limit).await;
    }

    /// Writes the sinks and says which token they hold: `token`, or a newer one that another process has stored since.
    ///
    /// No lock orders two processes that deliver. Whoever has written looks at the cache again instead, so that whoever writes last has
    /// written what was stored last.
    pub fn write<C: Clock>(&self, cache: &ThrottledTokenCache<C>, source: &'static str, token: &Arc<Token>) -> Arc<Token> {
        let mut written = Arc::clone(token);
        if self.sinks.is_empty() {
            return written;
        }
        for round in 0..MOST_ROUNDS {
            let newest = newest(cache, token);
            if round > 0 && newest.expose() == written.expose() {
                break;
            }
            let answer = Answer { profile: cache.name(), source, token: &newest, cached: false, now: cache.clock().now() };
            for sink in &self.sinks {
                sink.write(&answer);
            }
            written = newest;
        }
        written
    }
}

/// The token in the cache, where that was issued after `token`. An older one is there where `token` could not be stored.
fn newest<C: Clock>(cache: &ThrottledTokenCache<C>, token: &Arc<Token>) -> Arc<Token> {
    let cached = cache.refresh().ok().flatten();
    cached.filter(|cached| cached.issued_at >= token.issued_at).unwrap_or_else(|| Arc::clone(token))
}

impl Sink {
    fn from_settings(mut section: Section<'_>, hosts: &[String], username: &str) -> Result<Self, Mistake> {
        let path = section.required("path", file_path)?;
        let mode = section.optional("mode", |item| item.parsed(octal))?.unwrap_or(PRIVATE);
        let format = Format::from_settings(&mut section, hosts, username)?;
        section.finish()?;
        Ok(Self { path, mode, format })
    }

    fn write(&self, answer: &Answer<'_>) {
        let text = self.format.render(answer);
        if let Err(error) = file::replace(&self.path, self.mode, text.expose().as_bytes()) {
            // Error 0 (NotReplaced): The file still holds what it held; the token itself is cached and valid. To do: mend what the
            // message names; `token renew NAME` writes it again.
            let path = one_line(&self.path.to_string_lossy());
            tracing::warn!(profile = %answer.profile, "the sink {path} was not replaced: {error}");
        }
    }
}

/// A path whose last part can be a file's name.
fn file_path(item: Item<'_>) -> Result<PathBuf, Mistake> {
    let no_file = item.mistake("a sink is a file, and this names none");
    let path = item.path()?;
    let bytes = path.as_os_str().as_bytes();
    let is_no_file = path.file_name().is_none() || bytes.ends_with(b"/") || bytes.ends_with(b"/.") || bytes.contains(&0);
    if is_no_file { Err(no_file) } else { Ok(path) }
}

/// The permissions of a file, in octal digits.
fn octal(text: &str) -> Result<Mode, String> {
    let is_octal = matches!(text.len(), 1..=4) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let mode = RawMode::from_str_radix(text, 8).ok().filter(|mode| is_octal && *mode <= 0o777);
    mode.map(Mode::from_raw_mode)
        .ok_or_else(|| format!("`{}` is no mode: expected octal digits up to \"0777\", such as \"0640\"", one_line(text)))
}

#[cfg(test)]
mod tests {
    use super::template::Template;
    use super::*;
    use crate::cache::{Cache, Identity};
    use crate::clock::{ManualClock, Timestamp};
    use crate::settings::Context;
    use std::path::Path;
    use std::time::Duration;

    const HOSTS: [&str; 3] = ["api.example.com:8443", "*.svc.example.com", "api.example.com"];

    fn delivery(keys: &str, hosts: &[&str]) -> Result<Delivery, Mistake> {
        let text = format!("[profile.prod]\n{keys}\n");
        let context = Context { text: &text, folder: Path::new("/c"), home: Some(Path::new("/home/me")) };
        let mut profiles = Section::parse(context)?.required("profile", Item::section)?;
        let mut section = profiles.required("prod", Item::section)?;
        let hosts: Vec<String> = hosts.iter().copied().map(str::to_owned).collect();
        let delivery = Delivery::from_settings(&mut section, &hosts, "oauth2")?;
        section.finish().map(|()| delivery)
    }

    fn sink(path: &str, mode: RawMode, format: Format) -> Sink {
        Sink { path: path.into(), mode: Mode::from_raw_mode(mode), format }
    }

    #[test]
    fn sinks_are_read() {
        let env = |variable: &str| Format::Env { variable: variable.to_owned() };
        let netrc = Format::Netrc { machines: vec!["api.example.com".to_owned()], login: "oauth2".to_owned() };
        let template = Template::parse("t={token}").map(Format::Template).expect("a template");
        let table = [
            ("", vec![]),
            ("sink = []", vec![]),
            ("sink = { path = 'a' }", vec![sink("/c/a", 0o600, Format::Raw)]),
            ("sink = [{ path = '~/a', mode = '640' }]", vec![sink("/home/me/a", 0o640, Format::Raw)]),
            (
                "[[profile.prod.sink]]\npath = '/a'\nformat = 'raw'\n[[profile.prod.sink]]\npath = '/b'\nformat = 'json'\nmode = '0777'",
                vec![sink("/a", 0o600, Format::Raw), sink("/b", 0o777, Format::Json)],
            ),
            ("sink = { path = '/a', format = 'header', mode = '0' }", vec![sink("/a", 0, Format::Header)]),
            ("sink = { path = '/a', format = 'env' }", vec![sink("/a", 0o600, env("TOKEN"))]),
            ("sink = { path = '/a', format = 'env', variable = '_A1' }", vec![sink("/a", 0o600, env("_A1"))]),
            ("sink = { path = '/a', format = 'netrc' }", vec![sink("/a", 0o600, netrc)]),
            ("sink = { path = '/a', format = 'template', template = 't={token}' }", vec![sink("/a", 0o600, template)]),
        ];
        for (keys, sinks) in table {
            assert_eq!(delivery(keys, &HOSTS), Ok(Delivery { sinks, ..Delivery::default() }), "{keys}");
        }
    }

    #[test]
    fn every_mistake_has_its_line_and_key() {
        let table = [
            ("sink = 'a'", 2, "sink", "expected a table or a list of tables, found a string"),
            ("sink = [\n'a']", 3, "sink", "expected a table, found a string"),
            ("sink = [\n{ format = 'raw' }]", 3, "sink.path", "missing"),
            ("sink = [{ path = 'a' },\n{ path = '' }]", 3, "sink.path", "empty"),
            ("sink = { path = '/' }", 2, "sink.path", "a sink is a file, and this names none"),
            ("sink = { path = 'a/..' }", 2, "sink.path", "a sink is a file, and this names none"),
            ("sink = { path = 'a/' }", 2, "sink.path", "a sink is a file, and this names none"),
            ("sink = { path = \"a\\u0000\" }", 2, "sink.path", "a sink is a file, and this names none"),
            ("sink = { path = 'a', format = 'jsn' }", 2, "sink.format", "`jsn` is not known here"),
            ("sink = { path = 'a', fromat = 'json' }", 2, "sink.fromat", "unknown key"),
            ("sink = { path = 'a', mode = 600 }", 2, "sink.mode", "expected a string, found a number"),
            ("sink = { path = 'a', mode = '01000' }", 2, "sink.mode", ""),
            ("sink = { path = 'a', mode = '1777' }", 2, "sink.mode", ""),
            ("sink = { path = 'a', mode = '0680' }", 2, "sink.mode", ""),
            ("sink = { path = 'a', mode = '+600' }", 2, "sink.mode", ""),
            ("sink = { path = 'a', mode = '' }", 2, "sink.mode", ""),
            (
                "sink = { path = 'a', mode = 'rw' }",
                2,
                "sink.mode",
                "`rw` is no mode: expected octal digits up to \"0777\", such as \"0640\"",
            ),
            ("sink = { path = 'a', format = 'env', variable = '1A' }", 2, "sink.variable", ""),
            ("sink = { path = 'a', format = 'env', variable = 'A-B' }", 2, "sink.variable", ""),
            ("sink = { path = 'a', variable = 'A' }", 2, "sink.variable", "means something only with `format = \"env\"`"),
            ("sink = { path = 'a', template = 'A' }", 2, "sink.template", "means something only with `format = \"template\"`"),
            ("sink = { path = 'a', format = 'template' }", 2, "sink.template", "missing"),
            ("sink = { path = 'a', format = 'template', template = '' }", 2, "sink.template", "empty"),
            (
                "sink = { path = 'a', format = 'template', template = '{expire}' }",
                2,
                "sink.template",
                "`{expire}` stands for nothing; did you mean `{expires_at}`?",
            ),
            ("\n[[profile.prod.sink]]\npath = 'a'\nmode = 'x'", 5, "sink.mode", ""),
            ("on_renew = 'reload'", 2, "on_renew", ""),
            ("on_renew = []", 2, "on_renew", ""),
            ("on_error = ['']", 2, "on_error", ""),
            ("on_eror = ['x']", 2, "on_eror", "unknown key"),
        ];
        for (keys, line, key, what) in table {
            let mistake = delivery(keys, &HOSTS).expect_err(keys);
            assert_eq!((mistake.line, mistake.key), (line, format!("profile.prod.{key}")), "{keys}");
            assert!(mistake.what.contains(what), "{keys}: {}", mistake.what);
        }
        for hosts in [&[][..], &["*.example.com"]] {
            let mistake = delivery("sink = [\n{ path = 'a', format = 'netrc' }]", hosts).expect_err("no host");
            assert_eq!((mistake.line, mistake.key.as_str()), (3, "profile.prod.sink"));
        }
    }

    #[test]
    fn the_example_of_this_page_is_read() {
        let page = include_str!("sink.rs").lines().skip_while(|line| *line != "//! ```toml").skip(1);
        let example: String =
            page.take_while(|line| *line != "//! ```").map(|line| line.trim_start_matches("//! ").to_owned() + "\n").collect();
        let context = Context { text: &example, folder: Path::new("/c"), home: Some(Path::new("/home/me")) };
        let profile = |mut file: Section<'_>| {
            let mut section = file.required("profile", Item::section)?.required("prod", Item::section)?;
            Delivery::from_settings(&mut section, &HOSTS.map(str::to_owned), "oauth2")
        };
        let delivery = Section::parse(context).and_then(profile).expect("a delivery");
        assert_eq!(delivery.sinks.len(), 6);
        assert!(delivery.on_renew.is_some() && delivery.on_error.is_some());
    }

    #[test]
    fn sinks_end_with_the_newer_token() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().join("cache"), true);
        let clock = ManualClock::at(1000);
        let cache = ThrottledTokenCache::new(cache, "prod".parse().expect("a name"), Identity::new("env", []), Duration::ZERO, clock);
        let path = folder.path().join("sink");
        let delivery = Delivery { sinks: vec![Sink { path: path.clone(), mode: PRIVATE, format: Format::Raw }], ..Delivery::default() };
        let token = |text: &str, issued_at| {
            let mut token = Token::new(text.to_owned()).expect("a token");
            token.issued_at = Some(Timestamp::from_unix_seconds(issued_at));
            Arc::new(token)
        };
        let table = [
            ("nothing is stored", None, "ours"),
            ("ours is stored", Some(token("ours", 1000)), "ours"),
            ("another process renewed since", Some(token("newer", 1001)), "newer"),
            ("within the same second", Some(token("newer", 1000)), "newer"),
            ("ours could not be stored", Some(token("older", 999)), "ours"),
        ];
        for (case, stored, expected) in table {
            if let Some(stored) = stored {
                cache.set(stored).expect("stored");
            }
            let delivered = delivery.write(&cache, "env", &token("ours", 1000));
            let written = std::fs::read_to_string(&path).expect("a sink");
            assert_eq!((delivered.expose(), written.as_str()), (expected, expected), "{case}");
        }
    }
}
