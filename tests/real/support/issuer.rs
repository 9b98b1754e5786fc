//! The certified provider (`issuer/server.mjs`) as a child process: started, stopped, started again, questioned.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::{env, process};

use serde_json::Value;

use super::http;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/issuer/server.mjs");
const MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/real");

/// A client the provider knows (`server.mjs` has the same list).
#[derive(Clone, Copy)]
pub struct Client {
    pub id: &'static str,
    pub secret: &'static str,
}

/// Registered for `client_secret_basic`; its opaque tokens live for ten minutes.
pub const BASIC: Client = Client { id: "basic", secret: "basic-secret-5Yd1q" };
/// Registered for `client_secret_post`.
pub const POST: Client = Client { id: "post", secret: "post-secret-Zk83w" };
/// Its tokens live for a minute.
pub const BRIEF: Client = Client { id: "brief", secret: "brief-secret-q2XnL" };
/// Its tokens live for four seconds.
pub const SHORT: Client = Client { id: "short", secret: "short-secret-0Rm7c" };
/// Every character that the Basic scheme of RFC 6749 §2.3.1 has to encode, and some that it need not.
pub const AWKWARD: Client = Client { id: "ci:west 1", secret: r#"a+b%2F=c&d:e f/~"`"# };

/// A running provider of this test's own. It is killed when dropped, and ends by itself should this process be killed.
pub struct Issuer {
    child: Option<Child>,
    port: u16,
    methods: &'static str,
}

impl Issuer {
    pub fn start() -> Self {
        Self::offering("client_secret_basic,client_secret_post,none")
    }

    /// A provider whose discovery document lists only these ways for a client to say who it is.
    pub fn offering(methods: &'static str) -> Self {
        let mut issuer = Self { child: None, port: unused_port(), methods };
        issuer.come_back();
        issuer
    }

    /// Ends the provider at once: from here on its port refuses connections.
    pub fn go_away(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child of ours");
            child.wait().expect("a child of ours");
        }
    }

    /// Starts the provider, on the port it had before.
    pub fn come_back(&mut self) {
        let modules = env::var_os("TOKEN_REAL_DIR").map_or_else(|| PathBuf::from(MODULES), PathBuf::from);
        assert!(
            modules.join("node_modules/oidc-provider").is_dir(),
            "no OpenID provider under {}: tests/run installs it",
            modules.display()
        );
        let mut child = Command::new("node")
            .args([SERVER, "--port", &self.port.to_string(), "--auth", self.methods])
            .env("TOKEN_REAL_DIR", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node");

        let mut ready = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut ready).expect("a line from the provider");
        if ready.is_empty() {
            let mut reason = String::new();
            child.stderr.take().expect("a pipe").read_to_string(&mut reason).expect("the provider's last words");
            panic!("the provider did not start:\n{reason}");
        }
        self.child = Some(child);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A profile `prod` for this client, by discovery; more keys can follow.
    pub fn profile(&self, client: Client) -> String {
        let Client { id, secret } = client;
        let issuer = self.url();
        format!(
            "[profile.prod]\nsource = \"client-credentials\"\nissuer = \"{issuer}\"\n\
             client_id = '{id}'\nclient_secret = '{secret}'\n"
        )
    }

    /// How often the token endpoint was asked since the provider started.
    pub fn token_requests(&self) -> u64 {
        self.seen()["paths"]["/token"].as_u64().unwrap_or(0)
    }

    /// How many of those carried an `Authorization` header.
    pub fn basic_requests(&self) -> u64 {
        self.seen()["basic"].as_u64().expect("a count")
    }

    /// How often anything of the provider was asked since it started.
    pub fn all_requests(&self) -> u64 {
        let seen = self.seen();
        seen["paths"].as_object().expect("counts").values().filter_map(Value::as_u64).sum()
    }

    fn seen(&self) -> Value {
        self.ask("/__requests", None, None)
    }

    /// What the provider says of a token (RFC 7662).
    pub fn introspect(&self, token: &str) -> Value {
        let Client { id, secret } = POST;
        let form = format!("client_id={id}&client_secret={secret}&token={token}");
        self.ask("/token/introspection", None, Some(&form))
    }

    /// What an API that takes this provider's JWTs reads from a token after it has checked its signature.
    pub fn claims_at_the_api(&self, token: &str) -> Value {
        self.ask("/api", Some(token), None)
    }

    #[track_caller]
    fn ask(&self, path: &str, bearer: Option<&str>, form: Option<&str>) -> Value {
        let (status, answer) = http::ask(&self.address(), path, bearer, form);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.go_away();
    }
}

/// A port nothing listens on, from below those the system hands out: it is still free when the provider comes back.
fn unused_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(process::id() % 9_000).expect("less than 9000");
    (0..9_000)
        .map(|_| 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("an unused port")
}
