//! Another authorization server (`toolkit/server.py`, Django OAuth Toolkit): started and questioned.

use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::http;
use super::issuer::Client;
use super::server::{Seen, Server, installed, unused_port};

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/toolkit/server.py");

/// A client for client credentials (`server.py` has the same).
pub const MACHINE: Client = Client { id: "machine", secret: "machine-secret-Lw5yC" };

/// A client for authorization codes that keeps a secret.
pub const WEB: Client = Client { id: "web", secret: "web-secret-8Hq2s" };

/// A running server of this test's own, whose issuer has a path.
pub struct Toolkit {
    _server: Server,
    port: u16,
}

impl Toolkit {
    pub fn start() -> Self {
        Self::forgiving(0)
    }

    /// A server that answers as before to a refresh token that is used twice within so many seconds.
    pub fn forgiving(grace: u32) -> Self {
        let port = unused_port();
        let mut command = Command::new(installed("python/bin/python"));
        // Bytecode would end up in the source tree.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.args([SERVER, "--port", &port.to_string(), "--grace", &grace.to_string()]);
        Self { _server: Server::start(&mut command), port }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("http://{}/o", self.address())
    }

    /// A profile `prod` of this kind of source for a client, by discovery; more keys can follow.
    pub fn profile_of(&self, source: &str, client: &str) -> String {
        format!("[profile.prod]\nsource = \"{source}\"\nissuer = \"{}\"\nclient_id = '{client}'\n", self.url())
    }

    /// What it was asked since it started.
    pub fn seen(&self) -> Seen {
        Seen::by(&self.address())
    }

    /// What it says of an access token (RFC 7662).
    #[track_caller]
    pub fn introspect(&self, token: &str) -> Value {
        let credentials = BASE64_STANDARD.encode(format!("{}:{}", MACHINE.id, MACHINE.secret));
        let form = format!("token={token}");
        let (status, answer) = http::ask(&self.address(), "/o/introspect/", Some(&format!("Basic {credentials}")), Some(&form));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// What the token endpoint answers to whoever presents this refresh token as that client, which has no secret.
    pub fn refresh(&self, client: &str, token: &str) -> Value {
        let form = format!("client_id={client}&grant_type=refresh_token&refresh_token={token}");
        http::ask(&self.address(), "/o/token/", None, Some(&form)).1
    }
}
