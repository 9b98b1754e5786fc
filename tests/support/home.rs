//! A home for one test: its config, its directories, its environment, and the program run in it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Seek, Write};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::issuer::Issuer;
use super::outcome::Outcome;
use super::privilege::NOBODY;
use super::reply::Reply;
use super::rotation::login_profile;
use super::running::Running;
use super::{QUICK, RESTLESS, SECRET, now, wait_until};

/// No run may take longer, whatever it waits for.
const WATCHDOG: Duration = Duration::from_mins(3);

/// The TOML of a client-credentials profile at this token endpoint.
pub fn profile(name: &str, endpoint: &str) -> String {
    format!(
        "[profile.{name}]\nsource = \"client-credentials\"\ntoken_endpoint = \"{endpoint}\"\n\
         client_id = \"ci\"\nclient_secret = \"{SECRET}\"\n"
    )
}

/// The program that is tested: the one that cargo built beside the tests, unless `TOKEN_TEST_PROGRAM` names another build of it.
fn program() -> PathBuf {
    std::env::var_os("TOKEN_TEST_PROGRAM").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_token")), PathBuf::from)
}

/// A builder, and then the place where the program runs.
pub struct Test {
    root: TempDir,
    case: String,
    program: PathBuf,
    wrapper: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    copies: Option<TempDir>,
    watchdog: Duration,
}

impl Test {
    /// An empty home: no config, no cache.
    pub fn bare() -> Self {
        let root = TempDir::new().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let mut test = Self {
            root,
            case: String::new(),
            program: program(),
            wrapper: Vec::new(),
            env: BTreeMap::new(),
            copies: None,
            watchdog: WATCHDOG,
        };
        for (name, place) in [
            ("HOME", ""),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "xdg-cache"),
            ("XDG_STATE_HOME", "xdg-state"),
            ("XDG_RUNTIME_DIR", "run"),
            ("TOKEN_CACHE_DIR", "cache"),
            ("TOKEN_STATE_DIR", "state"),
        ] {
            let place = test.path(place);
            test = test.env(name, place);
        }
        test.env("PATH", std::env::var_os("PATH").unwrap())
    }

    /// A home with this config.
    pub fn configured(config: &str) -> Self {
        let test = Self::bare();
        test.configure(config);
        test
    }

    /// One profile, `prod`, at this issuer; failures back off by milliseconds.
    pub fn against(issuer: &Issuer) -> Self {
        Self::at(&issuer.endpoint())
    }

    /// One profile, `prod`, at this token endpoint.
    pub fn at(endpoint: &str) -> Self {
        Self::configured(&format!("{QUICK}{}", profile("prod", endpoint)))
    }

    /// One profile, `prod`, with the login that this issuer rotates.
    pub fn logging_in(issuer: &Issuer) -> Self {
        Self::configured(&format!("{QUICK}{}", login_profile("prod", &issuer.endpoint(), &issuer.seed())))
    }

    /// The same, once it has its `token-1`.
    pub fn logged_in(issuer: &Issuer) -> Self {
        let test = Self::logging_in(issuer);
        test.run(&["get", "prod"]).gives("token-1");
        test
    }

    /// `prod` holds `token-1`, which expires in ten minutes and counts as near expiry.
    pub fn near_expiry(issuer: &Issuer) -> Self {
        Self::near_expiry_of(issuer, &profile("prod", &issuer.endpoint()))
    }

    /// The same of another profile `prod`, whose token this issuer gives.
    pub fn near_expiry_of(issuer: &Issuer, profile: &str) -> Self {
        let test = Self::configured(&format!("{RESTLESS}{profile}"));
        issuer.script([Reply::token(600)]);
        test.run(&["get"]).exits(0).prints("token-1\n");
        let issued_at = test.entry("prod").unwrap()["issued_at"].as_f64().unwrap();
        wait_until("the token to near its expiry", || now() > issued_at + 1.05);
        test
    }

    /// `prod` holds `token-1`, which has expired.
    pub fn expired(issuer: &Issuer) -> Self {
        let test = Self::against(issuer);
        test.seed_expired(issuer);
        test
    }

    /// Puts an expired `token-1` into the cache of `prod`.
    pub fn seed_expired(&self, issuer: &Issuer) {
        issuer.script([Reply::token(2)]);
        self.run(&["get", "prod"]).exits(0).prints("token-1\n");
        let expires_at = self.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
        wait_until("the token to expire", || now() > expires_at + 0.05);
    }

    /// What the failure messages call this run.
    pub fn named(mut self, case: &str) -> Self {
        case.clone_into(&mut self.case);
        self
    }

    /// Runs that are meant to take longer than any other may.
    pub const fn lasting(mut self, watchdog: Duration) -> Self {
        self.watchdog = watchdog;
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().into(), value.as_ref().into());
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.env.remove(OsStr::new(name));
        self
    }

    /// The program is `token` in a directory `bin` of this home, the first on the path.
    pub fn on_path(self) -> Self {
        let bin = self.path("bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(env!("CARGO_BIN_EXE_token"), bin.join("token")).unwrap();
        let others = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&others))).unwrap();
        self.env("PATH", path)
    }

    /// Runs what is at this path, such as the program under another name.
    pub fn calling(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// Runs the program as the last arguments of this command.
    pub fn wrapped<S: AsRef<OsStr>>(mut self, wrapper: &[S]) -> Self {
        self.wrapper = wrapper.iter().map(|part| part.as_ref().into()).collect();
        self
    }

    /// Runs the program as the last arguments of this shell line, `"$@"`.
    pub fn in_shell(self, line: &str) -> Self {
        self.wrapped(&["sh", "-c", line, "sh"])
    }

    /// Gives the home to nobody and runs the program, a copy that nobody can reach, as them. Needs root.
    pub fn handed_to_nobody(mut self) -> Self {
        let copies = TempDir::new().unwrap();
        fs::set_permissions(copies.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let copy = copies.path().join("token");
        if fs::hard_link(&self.program, &copy).is_err() {
            fs::copy(&self.program, &copy).unwrap();
        }
        give_away(self.root.path(), NOBODY);
        self.program = copy;
        self.copies = Some(copies);
        self.wrapped(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    }

    /// A place in this home.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    /// Writes the config, for nobody else's eyes.
    pub fn configure(&self, config: &str) {
        let path = self.put("config/token/config.toml", config, 0o600);
        // Whatever the umask.
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// A file in this home, with what leads to it.
    pub fn put(&self, relative: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut line = self.wrapper.clone();
        line.push(self.program.clone().into());
        line.extend(args.iter().map(OsString::from));
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .env_clear()
            .envs(&self.env)
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Another program, in this home.
    pub fn other(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.env).current_dir(self.root.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.spawn(args).finish()
    }

    /// Runs the program to its end with this text as its standard input.
    #[track_caller]
    pub fn fed(&self, args: &[&str], input: &str) -> Outcome {
        self.spawn_fed(args, input).finish()
    }

    /// Starts the program with this text as its standard input.
    pub fn spawn_fed(&self, args: &[&str], input: &str) -> Running {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(input.as_bytes()).unwrap();
        file.rewind().unwrap();
        let mut command = self.command(args);
        command.stdin(file);
        self.start(command, args)
    }

    /// `token get`.
    #[track_caller]
    pub fn get(&self) -> Outcome {
        self.run(&["get"])
    }

    /// Starts the program.
    pub fn spawn(&self, args: &[&str]) -> Running {
        self.start(self.command(args), args)
    }

    /// Starts a command that a test has changed to its needs.
    pub fn start(&self, mut command: Command, args: &[&str]) -> Running {
        let label = format!("{}: token {}", self.case, args.join(" "));
        let started = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("{label}: {error}"));
        Running::watch(child, started, label, self.watchdog)
    }

    pub fn cache_dir(&self) -> PathBuf {
        self.path("cache")
    }

    pub fn entry_path(&self, profile: &str) -> PathBuf {
        self.cache_dir().join(format!("{profile}.json"))
    }

    /// The cache entry, as JSON; `None` where there is none.
    pub fn entry(&self, profile: &str) -> Option<Value> {
        let bytes = fs::read(self.entry_path(profile)).ok()?;
        Some(serde_json::from_slice(&bytes).expect("a cache entry is whole"))
    }

    /// Everything in the cache directory, sorted.
    pub fn cache_files(&self) -> Vec<String> {
        files(&self.cache_dir())
    }

    pub fn state_dir(&self) -> PathBuf {
        self.path("state")
    }

    pub fn login_path(&self, profile: &str) -> PathBuf {
        self.state_dir().join(format!("{profile}.json"))
    }

    /// The login, as JSON; `None` where there is none.
    pub fn login(&self, profile: &str) -> Option<Value> {
        let bytes = fs::read(self.login_path(profile)).ok()?;
        Some(serde_json::from_slice(&bytes).expect("a login is whole"))
    }

    /// The refresh token that is kept; empty where there is none.
    pub fn refresh_token(&self, profile: &str) -> String {
        self.login(profile).map(|login| login["refresh_token"].as_str().expect("a refresh token").to_owned()).unwrap_or_default()
    }

    /// Everything in the directory of the logins, sorted.
    pub fn state_files(&self) -> Vec<String> {
        files(&self.state_dir())
    }

    /// Takes away the cached token, so that the next `get` has to renew.
    pub fn forget(&self, profile: &str) {
        let _ = fs::remove_file(self.entry_path(profile));
    }

    /// Temporary files, damaged entries: whatever does not belong there.
    pub fn leftovers(&self) -> Vec<String> {
        let belongs = |name: &String| {
            let kept = [".json", ".lock", ".failure", ".served"];
            !name.starts_with('.') && kept.iter().any(|end| name.ends_with(end))
        };
        let mut names = self.cache_files();
        names.retain(|name| !belongs(name));
        names
    }

    /// No token of this profile is stored, nor anything that looks like a half-written one.
    #[track_caller]
    pub fn nothing_cached(&self, profile: &str) {
        let files = self.cache_files();
        let entry = format!("{profile}.json");
        assert!(!files.contains(&entry), "{}: {entry} was written", self.case);
        assert_eq!(self.leftovers(), [""; 0], "{}: leftovers", self.case);
    }

    /// `status --json` of one profile.
    #[track_caller]
    pub fn status(&self, profile: &str) -> Value {
        let outcome = self.run(&["status", "--json", profile]);
        outcome.exits(0).is_polite();
        let answer: Value = serde_json::from_slice(&outcome.stdout).expect("status is JSON");
        answer["profiles"][0].clone()
    }
}

/// Everything in a directory, sorted.
fn files(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<_> = entries.flatten().map(name).collect();
    names.sort();
    names
}

/// The permission bits of a file.
pub fn mode(path: &Path) -> u32 {
    let found = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    found.permissions().mode() & 0o7777
}

/// Changes the owner of a whole tree, and of nothing that its links lead to.
pub fn give_away(path: &Path, owner: u32) {
    lchown(path, Some(owner), Some(owner)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap().flatten() {
            give_away(&entry.path(), owner);
        }
    }
}
