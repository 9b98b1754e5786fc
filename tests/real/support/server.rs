//! A server as a child process: it says in one line where it listens, and ends when its standard input does.

use std::env;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;

use super::http;

const REAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/real");

/// Where `tests/run` put what these tests need, at this path of it.
#[track_caller]
pub fn installed(path: &str) -> PathBuf {
    let root = env::var_os("TOKEN_REAL_DIR").map_or_else(|| PathBuf::from(REAL), PathBuf::from);
    let place = root.join(path);
    assert!(place.exists(), "there is no {}: tests/run installs it", place.display());
    place
}

/// A running server. It is killed when dropped, and ends by itself should this process be killed.
pub struct Server(Child);

impl Server {
    /// Starts a server and waits until it listens.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        let mut ready = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut ready).expect("a line from the server");
        let mut complaints = child.stderr.take().expect("a pipe");
        if ready.is_empty() {
            let mut reason = String::new();
            complaints.read_to_string(&mut reason).expect("the server's last words");
            panic!("the server did not start:\n{reason}");
        }
        // A pipe that nobody reads would hold the server up in the end.
        std::thread::spawn(move || std::io::copy(&mut complaints, &mut std::io::sink()));
        Self(child)
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().expect("a child of ours");
        self.0.wait().expect("a child of ours");
    }
}

/// What a server has been asked since it started.
pub struct Seen(Value);

impl Seen {
    #[track_caller]
    pub fn by(address: &str) -> Self {
        let (status, seen) = http::ask(address, "/__requests", None, None);
        assert_eq!(status, 200, "{seen}");
        Self(seen)
    }

    /// How often this path was asked for.
    pub fn path(&self, path: &str) -> u64 {
        self.0["paths"][path].as_u64().unwrap_or(0)
    }

    /// How often anything was asked for.
    pub fn all(&self) -> u64 {
        self.0["paths"].as_object().expect("counts").values().filter_map(Value::as_u64).sum()
    }

    /// How many token requests carried an `Authorization` header.
    pub fn basic(&self) -> u64 {
        self.0["basic"].as_u64().expect("a count")
    }

    /// When a token was asked for by this grant, in milliseconds.
    pub fn grants(&self, grant: &str) -> Vec<u64> {
        self.0["grants"][grant].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
    }

    /// How often a token was asked for by this grant, and how often it was given.
    pub fn asked_and_granted(&self, grant: &str) -> (u64, u64) {
        (self.grants(grant).len() as u64, self.0["granted"][grant].as_u64().unwrap_or(0))
    }
}

/// A port nothing listens on, from below those the system hands out: it is still free when a server comes back.
pub fn unused_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(process::id() % 9_000).expect("less than 9000");
    (0..9_000)
        .map(|_| 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("an unused port")
}
