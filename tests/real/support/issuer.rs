//! The certified provider (`issuer/server.mjs`): started, stopped, started again, questioned.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::http;
use super::person::Person;
use super::server::{Seen, Server, installed, unused_port};

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/issuer/server.mjs");

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
/// May use the device flow and refresh tokens, and keeps a secret.
pub const KEEPER: Client = Client { id: "keeper", secret: "keeper-secret-4TbVe" };
/// May use the device flow and refresh tokens, and has no secret.
pub const DEVICE: &str = "device";
/// May use authorization codes with PKCE and refresh tokens, and has no secret.
pub const NATIVE: &str = "native";

/// The grant types of RFC 8628 and RFC 6749, as the token endpoint is told.
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub const CODE_GRANT: &str = "authorization_code";
pub const REFRESH_GRANT: &str = "refresh_token";

/// A running provider of this test's own.
pub struct Issuer {
    server: Option<Server>,
    port: u16,
    methods: &'static str,
    keys: Option<TempDir>,
}

impl Issuer {
    pub fn start() -> Self {
        Self::offering("client_secret_basic,client_secret_post,private_key_jwt,none")
    }

    /// A provider whose discovery document lists only these ways for a client to say who it is.
    pub fn offering(methods: &'static str) -> Self {
        Self::with(methods, None)
    }

    /// A provider that knows a client `jwt-ALGORITHM` for every algorithm that one may sign with.
    pub fn with_signers() -> Self {
        Self::with("client_secret_post,private_key_jwt", Some(tempfile::tempdir().expect("a temporary directory")))
    }

    fn with(methods: &'static str, keys: Option<TempDir>) -> Self {
        let mut issuer = Self { server: None, port: unused_port(), methods, keys };
        issuer.come_back();
        issuer
    }

    /// Ends the provider at once: from here on its port refuses connections.
    pub fn go_away(&mut self) {
        self.server = None;
    }

    /// Starts the provider, on the port it had before. It has forgotten every token and every login.
    pub fn come_back(&mut self) {
        let modules = installed("node_modules/oidc-provider");
        let root = modules.ancestors().nth(2).expect("a directory above");
        let mut command = Command::new("node");
        command.args([SERVER, "--port", &self.port.to_string(), "--auth", self.methods]);
        if let Some(keys) = &self.keys {
            command.arg("--keys").arg(keys.path());
        }
        self.server = Some(Server::start(command.env("TOKEN_REAL_DIR", root)));
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where the private keys of [`Issuer::with_signers`] are: `ALGORITHM.pem` and, for RSA, `ALGORITHM.pkcs1.pem`.
    pub fn keys(&self) -> &Path {
        self.keys.as_ref().expect("a provider with signers").path()
    }

    /// A profile `prod` for this client, by discovery; more keys can follow.
    pub fn profile(&self, client: Client) -> String {
        self.profile_of("client-credentials", client.id) + &format!("client_secret = '{}'\n", client.secret)
    }

    /// A profile `prod` of this kind of source for a client without a secret; more keys can follow.
    pub fn profile_of(&self, source: &str, client: &str) -> String {
        format!("[profile.prod]\nsource = \"{source}\"\nissuer = \"{}\"\nclient_id = '{client}'\n", self.url())
    }

    /// What it was asked since it started.
    pub fn seen(&self) -> Seen {
        Seen::by(&self.address())
    }

    /// How often the token endpoint was asked since the provider started.
    pub fn token_requests(&self) -> u64 {
        self.seen().path("/token")
    }

    /// How many of those carried an `Authorization` header.
    pub fn basic_requests(&self) -> u64 {
        self.seen().basic()
    }

    /// How often anything of the provider was asked since it started.
    pub fn all_requests(&self) -> u64 {
        self.seen().all()
    }

    /// What the provider says of a token (RFC 7662), whether it is an access token or a refresh token.
    pub fn introspect(&self, token: &str) -> Value {
        let form = format!("{}&token={token}", form_of(POST));
        self.ask("/token/introspection", None, Some(&form))
    }

    /// Whether the provider takes the token, whichever kind it is.
    pub fn takes(&self, token: &str) -> bool {
        self.introspect(token)["active"] == true
    }

    /// What an API that takes this provider's JWTs reads from a token after it has checked its signature.
    pub fn claims_at_the_api(&self, token: &str) -> Value {
        self.ask("/api", Some(&format!("Bearer {token}")), None)
    }

    /// A refresh token that somebody obtained for this client, some other way.
    pub fn refresh_token(&self, client: Client) -> String {
        let client = form_of(client);
        let started = self.ask("/device/auth", None, Some(&format!("{client}&scope=read")));
        let text = |answer: &Value, key: &str| answer[key].as_str().unwrap_or_else(|| panic!("{key} in {answer}")).to_owned();
        Person::approving().visit(&text(&started, "verification_uri_complete"));
        let form = format!("{client}&grant_type={DEVICE_GRANT}&device_code={}", text(&started, "device_code"));
        text(&self.ask("/token", None, Some(&form)), "refresh_token")
    }

    /// What the token endpoint answers to whoever presents this refresh token as that client.
    pub fn refresh(&self, client: Client, token: &str) -> Value {
        let form = format!("{}&grant_type={REFRESH_GRANT}&refresh_token={token}", form_of(client));
        http::ask(&self.address(), "/token", None, Some(&form)).1
    }

    #[track_caller]
    fn ask(&self, path: &str, authorization: Option<&str>, form: Option<&str>) -> Value {
        let (status, answer) = http::ask(&self.address(), path, authorization, form);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
}

fn form_of(Client { id, secret }: Client) -> String {
    if secret.is_empty() { format!("client_id={id}") } else { format!("client_id={id}&client_secret={secret}") }
}
