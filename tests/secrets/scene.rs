//! A home where every kind of secret is in use, an issuer that is told what to make of them, and ears at every place that one might get to.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::canary::{held, holders, secret};
use super::echo::Echo;
use crate::support::issuer::Request;
use crate::support::{Issuer, Outcome, QUICK, Reply, Running, Test, Trap};

/// The profiles that get along without a person, each with the kinds of secrets that its server is meant to see.
pub const PROFILES: [(&str, &[&str]); 8] = [
    ("inline", &["Inline", "HeaderInline", "HeaderFile"]),
    ("environment", &["Environment"]),
    ("file", &["File"]),
    ("command", &["Command"]),
    ("key", &[]),
    ("refresh", &["FirstRefresh", "Rotated"]),
    ("exchange", &["Subject", "Actor", "Access"]),
    ("http", &["Body", "Bearer"]),
];

/// The profiles of which nobody hears anything on the way that a token takes.
pub const OTHERS: [&str; 3] = ["exec", "proxied", "through"];

/// What the issuer makes of a request.
#[derive(Clone, Copy)]
pub enum Mood {
    Good,
    Echoing(Echo),
    Redirecting,
}

pub struct Scene {
    pub test: Test,
    pub issuer: Issuer,
    /// The proxies, and where redirects lead.
    pub proxy: Issuer,
    pub variable: Issuer,
    pub trap: Trap,
    mood: Arc<Mutex<Mood>>,
    traced: TempDir,
    said: Mutex<String>,
    answered: Mutex<String>,
    /// What `/proc` had of the processes of this home.
    seen: Arc<Mutex<BTreeSet<String>>>,
    over: Arc<AtomicBool>,
}

impl Scene {
    pub fn set() -> Self {
        let mood = Arc::new(Mutex::new(Mood::Good));
        let (judged, trap, count) = (Arc::clone(&mood), Trap::set(), AtomicUsize::new(0));
        let elsewhere = trap.url();
        let issuer = Issuer::judging(move |request| match *judged.lock().unwrap() {
            Mood::Good => granted(request, count.fetch_add(1, Ordering::SeqCst)),
            Mood::Echoing(echo) => echo.reply(request),
            Mood::Redirecting => Reply::redirect(307, &elsewhere),
        });
        let (proxy, variable) = (Issuer::answering(Reply::status(407)), Issuer::answering(Reply::status(407)));
        let traced = TempDir::new().unwrap();
        let log = traced.path().join("strace");
        let log = log.to_str().unwrap();
        // A file for each process: several are traced at once, and in a common one their lines break into each other.
        let test = Test::bare().wrapped(&["strace", "-ff", "--seccomp-bpf", "-v", "-s", "100000", "-e", "trace=execve", "-A", "-o", log]);
        let test = test.env("ENVIRONMENT_SECRET", secret("Environment"));
        // The loudest that can be asked for.
        let test = test.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("RUST_LIB_BACKTRACE", "full");
        let test = test.env("HTTP_PROXY", trap.url()).env("http_proxy", trap.url());
        let password = super::canary::core("ProxyVariable");
        let test = test.env("HTTPS_PROXY", variable.url().replace("://", &format!("://me:{password}@")));
        furnish(&test, &issuer, &proxy);
        // One authority, so that a run does not read all that the system trusts.
        let authority = rcgen::generate_simple_self_signed(["issuer.invalid".to_owned()]).unwrap();
        put(&traced.path().join("ca.pem"), &authority.cert.pem(), 0o600);
        let test = test.env("NOTIFY_SOCKET", traced.path().join("notify")).env("WATCHDOG_USEC", "200000");
        let test = test.env("SSL_CERT_FILE", traced.path().join("ca.pem"));
        let seen = Arc::default();
        let scene = Self {
            test,
            issuer,
            proxy,
            variable,
            trap,
            mood,
            traced,
            said: Mutex::default(),
            answered: Mutex::default(),
            seen,
            over: Arc::default(),
        };
        scene.watch_processes();
        scene
    }

    pub fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Runs the program to its end and keeps what it said.
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.fed(args, "")
    }

    pub fn fed(&self, args: &[&str], input: &str) -> Outcome {
        self.heard(self.test.fed(args, input))
    }

    /// Runs it until it has asked and told, and ends it.
    pub fn run_for_a_while(&self, args: &[&str], is_enough: impl Fn() -> bool) -> Outcome {
        let running = self.test.spawn(args);
        crate::support::wait_until("a part of its work", is_enough);
        end_child(&running);
        self.heard(running.finish())
    }

    /// Keeps what was said in some other way.
    pub fn heard(&self, outcome: Outcome) -> Outcome {
        self.said.lock().unwrap().push_str(&outcome.stderr);
        self.answered.lock().unwrap().push_str(&outcome.stdout());
        outcome
    }

    /// The kinds that standard error held, and standard output.
    pub fn said(&self) -> BTreeSet<&'static str> {
        held(&self.said.lock().unwrap())
    }

    pub fn answered(&self) -> BTreeSet<&'static str> {
        held(&self.answered.lock().unwrap())
    }

    /// The programs that were started with a canary in their arguments or environment, each with it.
    pub fn started(&self) -> BTreeSet<(String, &'static str)> {
        let log = self.log();
        let calls = log.lines().filter_map(|line| line.strip_prefix("execve(\""));
        let name = |call: &str| call.split('"').next().unwrap().rsplit('/').next().unwrap().to_owned();
        calls.flat_map(|call| held(call).into_iter().map(move |kind| (name(call), kind))).collect()
    }

    /// Where a manager of services would listen.
    pub fn notify_socket(&self) -> PathBuf {
        self.traced.path().join("notify")
    }

    /// How many programs were started in all.
    pub fn starts(&self) -> usize {
        self.log().lines().filter(|line| line.starts_with("execve(")).count()
    }

    /// What strace wrote of every process.
    fn log(&self) -> String {
        let is_log = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "strace");
        let logs = fs::read_dir(self.traced.path()).unwrap().map(|entry| entry.unwrap().path()).filter(is_log);
        logs.map(|log| fs::read_to_string(log).unwrap()).collect()
    }

    /// The kinds that `/proc` had in the arguments and the environment of any process of this home.
    pub fn seen(&self) -> BTreeSet<&'static str> {
        self.seen.lock().unwrap().iter().flat_map(|text| held(text)).collect()
    }

    pub fn holders(&self) -> Vec<(String, Vec<&'static str>)> {
        holders(&self.test.path(""))
    }

    /// Looks at the processes of this home as often as it can.
    fn watch_processes(&self) {
        let (seen, over, home) = (Arc::clone(&self.seen), Arc::clone(&self.over), self.test.path("cache"));
        let home = format!("TOKEN_CACHE_DIR={}", home.display());
        std::thread::spawn(move || {
            while !over.load(Ordering::SeqCst) {
                for process in fs::read_dir("/proc").unwrap().flatten() {
                    let read = |file: &str| fs::read(process.path().join(file)).unwrap_or_default();
                    let environment = String::from_utf8_lossy(&read("environ")).into_owned();
                    if environment.contains(&home) {
                        let line = String::from_utf8_lossy(&read("cmdline")).into_owned();
                        seen.lock().unwrap().insert(line + "\n" + &environment);
                    }
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        });
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

/// Ends what strace, which hears no signal itself, has started.
fn end_child(strace: &Running) {
    let pid = strace.pid().as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    for child in children.split_whitespace() {
        let child = rustix::process::Pid::from_raw(child.parse().unwrap()).unwrap();
        rustix::process::kill_process(child, rustix::process::Signal::TERM).unwrap();
    }
}

/// A token whose text is a canary, and the next refresh token where there was one.
fn granted(request: &Request, number: usize) -> Reply {
    let mut answer = json!({"access_token": format!("{}.{number}", secret("Access")), "token_type": "Bearer", "expires_in": 3600});
    if request.form().contains_key("refresh_token") {
        answer["refresh_token"] = format!("{}.{number}", secret("Rotated")).into();
    }
    Reply::json(answer.to_string())
}

pub fn put(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A private key with a canary in it: ahead of the PEM, where it may stand (RFC 7468 §5.2), and is read with it.
fn key_file() -> String {
    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/p256.pkcs8.pem");
    format!("{}\n{}", secret("KeyFile"), fs::read_to_string(PathBuf::from(pem)).unwrap())
}

fn furnish(test: &Test, issuer: &Issuer, proxy: &Issuer) {
    let files = ["File", "FirstRefresh", "Subject", "HeaderFile", "Bearer", "ExecEnv"];
    for kind in files.into_iter().chain(["Command", "Actor"]) {
        put(&test.path(kind), &(secret(kind) + "\n"), 0o600);
    }
    put(&test.path("key.pem"), &key_file(), 0o600);
    let mint = format!(
        "#!/bin/sh\nprintf '%s\\n' '{}' >&2\n[ -e broken ] && {{ printf '%s\\n' '{0}' '{}'; exit 1; }}\nprintf '%s' '{1}'\n",
        secret("ExecError"),
        secret("ExecOutput")
    );
    put(&test.path("mint"), &mint, 0o700);
    test.configure(&config(&issuer.url(), &proxy.url()));
}

/// Every profile of [`PROFILES`] and [`OTHERS`], each at a place of its own.
fn config(issuer: &str, proxy: &str) -> String {
    let client = |name: &str, keys: &str| {
        format!(
            "[profile.{name}]\nsource = \"client-credentials\"\nclient_id = \"id-{name}\"\ntoken_endpoint = \"{issuer}/{name}\"\n{keys}\n"
        )
    };
    let of = |kind: &str| secret(kind);
    let key = "{ jwt = { key_file = \"~/key.pem\" } }";
    let hook = "on_renew = [\"sh\", \"-c\", \"true\"]\non_error = [\"sh\", \"-c\", \"true\"]\nsink = [{ path = \"~/sink\" }]\nhosts = [\"git.example.com\"]\n";
    let proxy = proxy.replace("://", &format!("://me:{}@", super::canary::core("Proxy")));
    [
        QUICK.to_owned(),
        client(
            "inline",
            &format!("client_auth = \"post\"\nclient_secret = '{}'\n{hook}headers = {{ X-Api-Key = '{}', X-Other = {{ file = \"~/HeaderFile\" }} }}", of("Inline"), of("HeaderInline")),
        ),
        client("environment", "client_secret = { env = \"ENVIRONMENT_SECRET\" }"),
        client("file", "client_secret = { file = \"~/File\" }"),
        client("command", "client_secret = { command = [\"cat\", \"Command\"] }"),
        client("key", &format!("client_assertion = {key}")),
        format!("[profile.refresh]\nsource = \"refresh-token\"\nclient_id = \"ci\"\ntoken_endpoint = \"{issuer}/refresh\"\nrevocation_endpoint = \"{issuer}/revoke\"\nrefresh_token = {{ file = \"~/FirstRefresh\" }}\n"),
        format!("[profile.exchange]\nsource = \"token-exchange\"\ntoken_endpoint = \"{issuer}/exchange\"\nsubject_token = {{ file = \"~/Subject\" }}\nactor_token = {{ command = [\"cat\", \"Actor\"] }}\nparams = {{ kept = \"x\" }}\n"),
        format!("[profile.http]\nsource = \"http\"\nurl = \"{issuer}/http\"\nbearer = {{ file = \"~/Bearer\" }}\nbody = 'role=ci&password={}'\nexpires_in = \"/expires_in\"\n", url::form_urlencoded::byte_serialize(of("Body").as_bytes()).collect::<String>()),
        "[profile.exec]\nsource = \"exec\"\ncommand = [\"./mint\"]\nenv = { MINT_SECRET = { file = \"~/ExecEnv\" } }\n".to_owned(),
        format!("[profile.proxied]\nsource = \"client-credentials\"\nclient_id = \"ci\"\ntoken_endpoint = \"https://issuer.invalid/token\"\nclient_secret = '{}'\nproxy = \"{proxy}\"\n", of("Sealed")),
        format!("[profile.through]\nsource = \"client-credentials\"\nclient_id = \"ci\"\ntoken_endpoint = \"https://issuer.invalid/token\"\nclient_secret = '{}'\n", of("Sealed")),
    ]
    .join("\n")
}
