//! Opening a browser: it gets one address as one argument, and no shell reads it. It is not our child to end: it has a process group of
//! its own, no terminal of ours at its standard streams, and outlives us.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::super::Url;
use super::super::connection::is_loopback;
use crate::error::reason;
use crate::hardening::in_the_users_name;

/// A program that ends with a failure within this time has not opened anything. One that does so later was perhaps the browser itself.
const MOMENT: Duration = Duration::from_secs(5);

/// The ways to open an address that are left, and the one that is being tried.
#[derive(Debug)]
pub(super) struct Browser {
    untried: VecDeque<Command>,
    started: Option<(Child, Instant)>,
}

impl Browser {
    /// What opens `address`: the `configured` program, what `$BROWSER` says, or whatever the system has where somebody sits before it.
    pub fn find(configured: Option<&[String]>, address: &Url) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_fit = address.scheme() == "https" || (address.scheme() == "http" && is_loopback(address));
        let untried = if is_fit { commands(configured, address, variable) } else { Vec::new() };
        Self { untried: untried.into_iter().map(Command::from).collect(), started: None }
    }

    /// Starts the next that can be started, and says whether there was one.
    pub fn start(&mut self) -> bool {
        self.started = None;
        while let Some(mut command) = self.untried.pop_front() {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
            match in_the_users_name(|| command.spawn()) {
                Ok(child) => self.started = Some((child, Instant::now())),
                Err(error) => tracing::info!("{} does not start: {}", command.as_std().get_program().to_string_lossy(), reason(&error)),
            }
            if self.started.is_some() {
                return true;
            }
        }
        false
    }

    /// Completes once it has turned out that none of them opens anything; never where one does, or none was started.
    pub async fn failed(&mut self) {
        while let Some((child, since)) = &mut self.started {
            let status = child.wait().await;
            if since.elapsed() >= MOMENT || status.is_ok_and(|status| status.success()) {
                self.started = None;
                break;
            }
            if !self.start() {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

fn commands(configured: Option<&[String]>, address: &Url, variable: impl Fn(&str) -> Option<OsString>) -> Vec<std::process::Command> {
    if let Some(argv) = configured {
        let words = argv.iter().map(OsString::from).chain([address.as_str().into()]);
        return command(words.collect()).into_iter().collect();
    }
    match variable("BROWSER") {
        Some(browsers) => named(&browsers, address).into_iter().filter_map(command).collect(),
        None if is_elsewhere(&variable) => Vec::new(),
        None => open::commands(address.as_str()),
    }
}

/// Whether nobody sits before the screen of this machine, or it has none.
fn is_elsewhere(variable: &impl Fn(&str) -> Option<OsString>) -> bool {
    let any = |names: [&str; 2]| names.iter().any(|name| variable(name).is_some());
    any(["SSH_CONNECTION", "SSH_TTY"]) || (cfg!(target_os = "linux") && !any(["DISPLAY", "WAYLAND_DISPLAY"]))
}

/// `$BROWSER`: programs with their arguments, separated by colons. `%s` stands for the address, which is added where it does not stand,
/// `%c` for a colon and `%%` for a percent sign.
fn named(browsers: &OsStr, address: &Url) -> Vec<Vec<OsString>> {
    let argv = |entry: &str| {
        let words = entry.split_whitespace().map(|word| spelt_out(word, address));
        let appended = (!entry.replace("%%", "").contains("%s")).then(|| address.to_string());
        words.chain(appended).map(OsString::from).collect()
    };
    browsers.to_string_lossy().split(':').filter(|entry| !entry.trim().is_empty()).map(argv).collect()
}

fn spelt_out(word: &str, address: &Url) -> String {
    let mut parts = word.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    while let Some(part) = parts.next() {
        match part.chars().next() {
            Some('s') => text.extend([address.as_str(), &part[1..]]),
            Some('c') => text.extend([":", &part[1..]]),
            // What stands between two percent signs.
            None => text.extend(["%", parts.next().unwrap_or_default()]),
            Some(_) => text.extend(["%", part]),
        }
    }
    text
}

fn command(argv: Vec<OsString>) -> Option<std::process::Command> {
    let mut words = argv.into_iter();
    let mut command = std::process::Command::new(words.next()?);
    command.args(words);
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "https://x/a?b=1&c=$(id)";

    /// The commands that would be tried, each as its words.
    fn tried(configured: Option<&[&str]>, environment: &[(&str, &str)]) -> Vec<Vec<String>> {
        let configured = configured.map(|words| words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let address = Url::parse(ADDRESS).expect("an address");
        let variable = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let commands = commands(configured.as_deref(), &address, variable);
        let words = |command: std::process::Command| {
            let words = std::iter::once(command.get_program()).chain(command.get_args());
            words.map(|word| word.to_string_lossy().into_owned()).collect()
        };
        commands.into_iter().map(words).collect()
    }

    #[test]
    fn the_address_is_one_argument_whatever_opens_it() {
        type Row<'a> = (Option<&'a [&'a str]>, &'a str, &'a [&'a [&'a str]]);
        let url_word = format!("--url={ADDRESS}");
        let table: [Row<'_>; 9] = [
            (Some(&["firefox", "--new-tab"]), "lynx", &[&["firefox", "--new-tab", ADDRESS]]),
            (Some(&["a b"]), "", &[&["a b", ADDRESS]]),
            (None, "firefox", &[&["firefox", ADDRESS]]),
            (None, "firefox --new-tab:lynx", &[&["firefox", "--new-tab", ADDRESS], &["lynx", ADDRESS]]),
            (None, ":: lynx :", &[&["lynx", ADDRESS]]),
            (None, "open --url=%s --now", &[&["open", url_word.as_str(), "--now"]]),
            (None, "open %s %s", &[&["open", ADDRESS, ADDRESS]]),
            (None, "open %%s a%cb %x 100%", &[&["open", "%s", "a:b", "%x", "100%", ADDRESS]]),
            (None, ":", &[]),
        ];
        for (configured, variable, expected) in table {
            let environment = [("BROWSER", variable), ("SSH_TTY", "/dev/pts/0")];
            assert_eq!(tried(configured, &environment), expected, "{configured:?} {variable:?}");
        }
    }

    #[test]
    fn the_system_is_asked_only_where_somebody_sits_before_it() {
        let table: [(&[(&str, &str)], bool); 5] = [
            (&[("DISPLAY", ":0"), ("SSH_CONNECTION", "::1 1 ::1 22")], false),
            (&[("WAYLAND_DISPLAY", "wayland-0"), ("SSH_TTY", "/dev/pts/0")], false),
            (&[("DISPLAY", ":0")], true),
            (&[("WAYLAND_DISPLAY", "wayland-0")], true),
            (&[], !cfg!(target_os = "linux")),
        ];
        for (environment, is_asked) in table {
            let tried = tried(None, environment);
            assert_eq!(!tried.is_empty(), is_asked, "{environment:?}");
            assert!(tried.iter().all(|words| words.last().is_some_and(|word| word == ADDRESS)), "{tried:?}");
        }
    }

    #[test]
    fn no_program_is_given_any_other_address() {
        let words = ["true".to_owned()];
        for (address, is_fit) in [
            ("https://x/", true),
            ("http://127.0.0.1:1/", true),
            ("http://[::1]/", true),
            ("http://x/", false),
            ("file:///etc/passwd", false),
            ("javascript:alert(1)", false),
        ] {
            let browser = Browser::find(Some(&words), &Url::parse(address).expect("an address"));
            assert_eq!(browser.untried.len(), usize::from(is_fit), "{address}");
        }
    }

    fn browser(programs: &[&str]) -> Browser {
        let untried = programs.iter().map(|program| {
            let mut command = Command::new("sh");
            command.args(["-c", program]);
            command
        });
        Browser { untried: untried.collect(), started: None }
    }

    #[tokio::test]
    async fn one_that_fails_at_once_is_followed_by_the_next() {
        let mut browser = browser(&["exit 3", "exit 4"]);
        browser.untried.push_front(Command::new("/nonexistent"));
        assert!(browser.start());
        browser.failed().await;
        assert!(browser.untried.is_empty());
        assert!(!browser.start());
    }

    #[tokio::test]
    async fn one_that_succeeds_is_the_last() {
        let mut browser = browser(&["exit 3", "exit 0", "exit 0"]);
        assert!(browser.start());
        while browser.started.is_some() {
            let looked = tokio::time::timeout(Duration::from_millis(20), browser.failed()).await;
            assert!(looked.is_err(), "none has opened anything");
        }
        assert_eq!(browser.untried.len(), 1);
    }
}
