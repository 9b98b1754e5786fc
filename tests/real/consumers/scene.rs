//! One user, one issuer, one Internet: a home with a profile `prod` that lists hosts, the program under all its names, and a consumer to
//! be run there with nothing else in its environment.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use super::authority;
use super::internet::{Internet, Request, Response};
use crate::harness::{Issuer, Outcome, Reply, Test, now, profile, wait_until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_token");
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/real");

/// Names by which consumers find the program.
const NAMES: [&str; 7] = [
    "token",
    "git-credential-token",
    "docker-credential-token",
    "cargo-credential-token",
    "terraform-credentials-token",
    "keyring",
    "bazel-credential-token",
];

/// Everything that a test of a consumer needs.
pub struct Scene {
    pub home: Test,
    pub issuer: Issuer,
    pub internet: Internet,
}

impl Scene {
    /// A profile `prod` that lists `hosts`, and sites that want a token where there is a `challenge`.
    pub fn new(hosts: &[&str], challenge: Option<&str>, site: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::with(&format!("hosts = {hosts:?}\n"), challenge, site)
    }

    /// The same, with these keys in the profile.
    pub fn with(keys: &str, challenge: Option<&str>, site: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let scene = Self { home: furnished(Test::bare()), issuer: Issuer::start(), internet: Internet::new(challenge, site) };
        scene.home.configure(&scene.profile(keys));
        scene
    }

    /// The profile `prod` at this issuer, with these keys.
    pub fn profile(&self, keys: &str) -> String {
        format!("{}{keys}", profile("prod", &self.issuer.endpoint()))
    }

    /// A consumer to be run in this home, on this Internet.
    pub fn consumer(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = self.home.other(program(name), arguments);
        let proxy = format!("http://{}", self.internet.address());
        for variable in ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"] {
            command.env(variable, &proxy);
        }
        for variable in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"] {
            command.env(variable, self.home.path("authority.pem"));
        }
        command
    }

    /// Runs a consumer to its end.
    #[track_caller]
    pub fn run(&self, name: &str, arguments: &[&str]) -> Outcome {
        self.finish(self.consumer(name, arguments), name)
    }

    /// Runs a consumer that a test has changed to its needs.
    #[track_caller]
    pub fn finish(&self, command: Command, name: &str) -> Outcome {
        self.home.start(command, &[name]).finish()
    }

    /// Writes a file into the home, and says where it is.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The same, as a program.
    pub fn write_program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// The next token lives for so many seconds.
    pub fn next_token_lives(&self, seconds: u64) {
        self.issuer.script([Reply::token(seconds)]);
    }

    /// Returns when what is cached has expired.
    pub fn await_expiry(&self) {
        let expires_at = self.home.entry("prod").expect("a token").get("expires_at").and_then(serde_json::Value::as_f64).unwrap();
        wait_until("the token to expire", || now() > expires_at + 0.05);
    }

    /// Panics unless this place was sent these tokens, one after the other, and no other place any.
    #[track_caller]
    pub fn sent(&self, origin: &str, tokens: &[&str]) -> &Self {
        assert_eq!(self.internet.tokens_at(origin), tokens, "tokens at {origin}: {:#?}", self.internet.seen());
        self.internet.holds_no_token_but_at(origin);
        self
    }

    /// Panics unless the issuer was asked for so many tokens.
    #[track_caller]
    pub fn issued(&self, count: usize) -> &Self {
        assert_eq!(self.issuer.count(), count, "requests at the issuer");
        self
    }
}

fn furnished(home: Test) -> Test {
    let names = home.path("bin");
    fs::create_dir(&names).unwrap();
    fs::create_dir(home.path("run")).unwrap();
    for name in NAMES {
        symlink(PROGRAM, names.join(name)).unwrap();
    }
    fs::write(home.path("authority.pem"), authority::pem()).unwrap();
    let path = format!("{}:{}", names.display(), std::env::var("PATH").unwrap());
    home.env("PATH", path)
}

/// Where `tests/run` puts what it installs.
pub fn installed() -> PathBuf {
    std::env::var_os("TOKEN_REAL_DIR").map_or_else(|| PathBuf::from(INSTALLED), PathBuf::from)
}

/// A consumer: as `tests/run` installed it, else the system's.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| panic!("no {name}: tests/run installs it"))
}

/// The same, where it may be missing.
pub fn find(name: &str) -> Option<PathBuf> {
    let installed = installed().join("consumers");
    let own = ["python/bin", "node/node_modules/.bin", "prometheus/usr/bin"].map(|place| installed.join(place));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = own.into_iter().chain(std::env::split_paths(&path));
    places.map(|place| place.join(name)).find(|file| is_program(file))
}

fn is_program(file: &std::path::Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
