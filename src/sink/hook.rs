//! Commands that are told of a renewal or of its end, and never get the token: not in their arguments, not in their environment, not on
//! their input. They have no shell, a process group of their own and a time limit that ends it with all they started.
//!
//! A hook may run `token` itself. What it renews is delivered, but sets off no hook that is running already: a hook that renews its own
//! profile would go on for ever.

use std::ffi::OsString;
use std::time::Duration;

use rustix::process::{Pid, getpid, test_kill_process};

use crate::clock::Timestamp;
use crate::name::Name;
use crate::secret::{Secret, shown};
use crate::source::Child;

/// How long a hook may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Names the profile to a hook.
const PROFILE: &str = "TOKEN_PROFILE";
/// Tells a hook when the token expires, as RFC 3339; not set where there is none or it never does.
const EXPIRES_AT: &str = "TOKEN_EXPIRES_AT";
/// Names the hooks that are being run, one `/KEY:PROFILE:PID` after another; the process is the `token` that waits for it. A daemon that
/// a hook started inherits this for its life, but not that process.
const RUNNING: &str = "TOKEN_HOOKS";
/// Where `token run` puts the token, unless told otherwise.
const TOKEN: &str = "TOKEN";
/// A value this long cannot hold a token by chance.
const TELLING_LENGTH: usize = 16;

/// A command to be run at an event, and the key that it stands under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hook {
    key: &'static str,
    argv: Vec<String>,
}

impl Hook {
    pub(super) const fn new(key: &'static str, argv: Vec<String>) -> Self {
        Self { key, argv }
    }

    /// Its key and its program.
    pub(super) fn program(&self) -> Option<(&'static str, &str)> {
        Some((self.key, self.argv.first()?))
    }

    /// Runs it for `profile`, whose token holds until `expires_at`, and waits for its end, at most for `limit`. `secret` is that token:
    /// what the hook says is shown without it. A failure is a warning; dropping the future kills the hook.
    pub(super) async fn run(&self, profile: &Name, expires_at: Option<Timestamp>, secret: Option<&Secret>, limit: Duration) {
        let running = std::env::var(RUNNING).unwrap_or_default();
        if self.is_among(&running, profile) {
            tracing::info!(profile = %profile, "{} is not run for what it did itself", self.key);
            return;
        }
        tracing::info!(profile = %profile, "running {}", self.key);
        let expires_at = expires_at.and_then(Timestamp::rfc3339).map(|time| (EXPIRES_AT.to_owned(), time));
        let lineage = format!("{running}/{}:{profile}:{}", self.key, getpid().as_raw_nonzero());
        let told = [(PROFILE.to_owned(), profile.to_string()), (RUNNING.to_owned(), lineage)];
        let child = self.child().without(withheld(secret)).env(told).env(expires_at);
        let (said, failure) = attended(child, limit).await;
        let secrets = secret.map(std::slice::from_ref).unwrap_or_default();
        for line in said.iter().map(|line| shown(line, secrets)) {
            tracing::info!(profile = %profile, "{}: {line}", self.key);
        }
        if let Some(failure) = failure {
            // Error 0 (attended): `on_renew` or `on_error` failed, or took longer than 30 s or than `--timeout` allows. The token is cached and
            // valid. To do: run the command by hand; `token renew NAME -v` shows what it says.
            tracing::warn!(profile = %profile, "{}: {failure}", self.key);
        }
    }

    fn child(&self) -> Child {
        Child::new(self.argv.iter().map(OsString::from).collect()).mute()
    }

    /// Whether it is one of the hooks that are `running` for `profile`.
    fn is_among(&self, running: &str, profile: &Name) -> bool {
        let is_this = |entry: &str| {
            let (hook, pid) = entry.rsplit_once(':')?;
            let pid = pid.parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw)?;
            Some(hook == format!("{}:{profile}", self.key) && test_kill_process(pid).is_ok())
        };
        running.split('/').filter_map(is_this).any(|found| found)
    }
}

/// What a hook said, line by line, and why it failed, if it did. It has as long as a hook may take, and never more than `limit`.
async fn attended(hook: Child, limit: Duration) -> (Vec<String>, Option<String>) {
    match tokio::time::timeout(PATIENCE.min(limit), hook.output()).await {
        Ok(Ok(output)) => (output.stderr.lines().map(|line| format!("it said: {line}")).collect(), None),
        Ok(Err(error)) => {
            let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            (error.detail, Some(error.message + &hint))
        }
        Err(_) if limit < PATIENCE => {
            let failure = "it had not ended within the time limit and was killed; allow more with `--timeout`";
            (Vec::new(), Some(failure.to_owned()))
        }
        Err(_) => (Vec::new(), Some(format!("it had not ended after {} and was killed", humantime::format_duration(PATIENCE)))),
    }
}

/// The variables of ours that a hook does not inherit: those that hold the token, and what would mislead it.
fn withheld(secret: Option<&Secret>) -> Vec<OsString> {
    let holds = |value: &OsString| secret.is_some_and(|secret| is_or_holds(&value.to_string_lossy(), secret.expose()));
    let holders = std::env::vars_os().filter(|(_, value)| holds(value)).map(|(name, _)| name);
    holders.chain([TOKEN, EXPIRES_AT].map(OsString::from)).collect()
}

fn is_or_holds(value: &str, token: &str) -> bool {
    value == token || (token.len() >= TELLING_LENGTH && value.contains(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, OFlags};
    use std::path::Path;
    use std::time::Instant;

    fn name() -> Name {
        "prod".parse().expect("a name")
    }

    fn shell(script: &str) -> Hook {
        Hook::new("on_renew", ["sh", "-c", script].map(str::to_owned).to_vec())
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[tokio::test]
    async fn it_is_told_what_it_may_know() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("told");
        let hook = shell(&format!("echo \"$TOKEN_PROFILE ${{TOKEN_EXPIRES_AT-unset}}\" >'{}'", path.display()));
        let table = [(Some(Timestamp::from_unix_seconds(1_795_348_800)), "prod 2026-11-22T12:00:00Z\n"), (None, "prod unset\n")];
        for (expires_at, told) in table {
            hook.run(&name(), expires_at, None, PATIENCE).await;
            assert_eq!(read(&path), told);
        }
    }

    #[tokio::test]
    async fn it_is_killed_with_all_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.is_ok_and(|status| status.success()));
        let lives = rustix::fs::open(&fifo, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).expect("a pipe");
        let hook = shell(&format!("trap '' TERM; exec 3>'{}'; sleep 600 & sleep 600", fifo.display()));
        let (_, failure) = attended(hook.child(), Duration::from_millis(300)).await;
        assert_eq!(failure.as_deref(), Some("it had not ended within the time limit and was killed; allow more with `--timeout`"));
        let began = Instant::now();
        // A pipe has ended when nobody is left who could write to it.
        while rustix::io::read(&lives, &mut [0_u8; 1]) != Ok(0) {
            assert!(began.elapsed() < Duration::from_secs(20), "something of it lives");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn its_failure_is_told_and_what_it_said() {
        let table = [
            (shell("echo odd >&2"), vec!["it said: odd"], None),
            (
                shell("echo odd >&2; exit 3"),
                vec!["it said: odd"],
                Some("`sh` failed (exit status: 3); `-v` with `renew` or `--renew` shows what it said"),
            ),
            (shell("cat; yes | head -c 2000000"), vec![], None),
            (
                Hook::new("on_error", vec!["/nowhere/at/all".to_owned()]),
                vec![],
                Some("there is no program `/nowhere/at/all`; check the command and PATH"),
            ),
        ];
        for (hook, said, failure) in table {
            let ended = attended(hook.child(), PATIENCE).await;
            assert_eq!((ended.0.iter().map(String::as_str).collect(), ended.1.as_deref()), (said, failure), "{hook:?}");
        }
    }

    #[test]
    fn it_does_not_set_itself_off() {
        let hook = shell("true");
        let (us, nobody) = (getpid().as_raw_nonzero().get(), i32::MAX);
        let table = [
            (String::new(), false),
            (format!("/on_renew:prod:{us}"), true),
            (format!("/on_error:other:1/on_renew:prod:{us}/on_renew:x:{us}"), true),
            (format!("/on_renew:prod:{nobody}"), false),
            (format!("/on_error:prod:{us}"), false),
            (format!("/on_renew:prod2:{us}/on_renew:aprod:{us}"), false),
            ("/on_renew:prod:/on_renew:prod:0/on_renew:prod:x/on_renew:prod:-1/:::".to_owned(), false),
        ];
        for (running, found) in table {
            assert_eq!(hook.is_among(&running, &name()), found, "{running}");
        }
    }

    #[test]
    fn a_value_that_holds_the_token_is_known() {
        let table = [
            ("short", "short", true),
            ("a short one", "short", false),
            ("0123456789abcdef", "0123456789abcdef", true),
            ("Bearer 0123456789abcdef", "0123456789abcdef", true),
            ("0123456789abcde", "0123456789abcdef", false),
        ];
        for (value, token, found) in table {
            assert_eq!(is_or_holds(value, token), found, "{value}");
        }
    }
}
