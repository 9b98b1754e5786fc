//! kubectl: an exec plugin of the kubeconfig, against an API server behind TLS.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::authority;
use super::internet::Response;
use super::scene::Scene;
use crate::harness::{Outcome, Running};

const SERVER: &str = "https://k8s.example.com:6443";
const LISTED: &str = "k8s.example.com:6443";
const BEARER: Option<&str> = Some("Bearer realm=\"kubernetes\"");

fn scene() -> Scene {
    Scene::new(&[LISTED], BEARER, |_| Response::json("{\"gitVersion\":\"v1.99.0\"}"))
}

/// What the kubeconfig says of us.
struct Plugin {
    version: &'static str,
    arguments: &'static [&'static str],
    extension: serde_json::Value,
}

const NAMED: Plugin = Plugin { version: "v1", arguments: &["helper", "kubectl", "--profile", "prod"], extension: serde_json::Value::Null };

impl Scene {
    /// `kubectl get --raw /version` of this server.
    fn kubectl(&self, server: &str, plugin: &Plugin) -> Outcome {
        let file = self.kubeconfig(server, plugin);
        self.run("kubectl", &["--kubeconfig", &file, "get", "--raw", "/version"])
    }

    /// The same, many times at once.
    fn kubectls(&self, count: usize) -> Vec<Outcome> {
        let file = self.kubeconfig(SERVER, &NAMED);
        let start = |_| {
            let command = self.consumer("kubectl", &["--kubeconfig", &file, "get", "--raw", "/version"]);
            self.home.start(command, &["kubectl"])
        };
        let running: Vec<Running> = (0..count).map(start).collect();
        running.into_iter().map(Running::finish).collect()
    }

    fn kubeconfig(&self, server: &str, plugin: &Plugin) -> String {
        let extensions = match &plugin.extension {
            serde_json::Value::Null => json!([]),
            extension => json!([{"name": "client.authentication.k8s.io/exec", "extension": extension}]),
        };
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {
                "server": server,
                "certificate-authority": self.write("kube-ca.pem", authority::pem()),
                "proxy-url": format!("http://{}", self.internet.address()),
                "extensions": extensions,
            }}],
            "users": [{"name": "u", "user": {"exec": {
                "apiVersion": format!("client.authentication.k8s.io/{}", plugin.version),
                "command": "token",
                "args": plugin.arguments,
                "interactiveMode": "Never",
                "provideClusterInfo": true,
            }}}],
        });
        self.write("kubeconfig", kubeconfig.to_string()).to_str().unwrap().to_owned()
    }
}

#[test]
fn kubectl_sends_the_token_in_either_version_of_the_protocol() {
    for version in ["v1", "v1beta1"] {
        let scene = scene();
        let answer = scene.kubectl(SERVER, &Plugin { version, ..NAMED });
        assert!(answer.exits(0).stdout().contains("v1.99.0"), "{answer}");
        scene.sent(SERVER, &["token-1"]).issued(1);
        scene.kubectl(SERVER, &Plugin { version, ..NAMED }).exits(0);
        scene.sent(SERVER, &["token-1"]).issued(1);
    }
}

#[test]
fn kubectl_finds_the_profile_by_the_server_or_by_the_extension_of_the_cluster() {
    let unnamed = &["helper", "kubectl"];
    for extension in [serde_json::Value::Null, json!({"profile": "prod"})] {
        let scene = scene();
        scene.kubectl(SERVER, &Plugin { arguments: unnamed, extension, ..NAMED }).exits(0);
        scene.sent(SERVER, &["token-1"]);
    }
    let scene = scene();
    let wrong = Plugin { arguments: unnamed, extension: json!({"profile": "other"}), ..NAMED };
    scene.kubectl(SERVER, &wrong).exits(1).mentions("other");
    scene.issued(0).sent(SERVER, &[]);
}

#[test]
fn kubectl_has_no_token_for_a_server_that_is_not_listed() {
    for server in [
        "https://k8s.example.com",
        "https://k8s.example.com.evil.test:6443",
        "https://a.k8s.example.com:6443",
        "https://k8s.example.com:443",
    ] {
        let scene = scene();
        for arguments in [NAMED.arguments, &["helper", "kubectl"]] {
            // The protocol has no way to go on without a credential.
            scene.kubectl(server, &Plugin { arguments, ..NAMED }).exits(1).mentions("hosts");
        }
        scene.issued(0);
        scene.internet.holds_no_token_but_at("nowhere");
    }
}

#[test]
fn kubectl_asks_a_plain_http_server_without_a_token() {
    let scene = scene();
    scene.kubectl("http://k8s.example.com:6443", &NAMED).exits(1);
    scene.internet.asked_without_a_token("http://k8s.example.com:6443");
    scene.issued(0);
}

#[test]
fn kubectl_is_never_given_an_expired_token() {
    let scene = scene();
    scene.next_token_lives(2);
    scene.kubectl(SERVER, &NAMED).exits(0);
    scene.await_expiry();
    scene.internet.forget();
    scene.kubectl(SERVER, &NAMED).exits(0);
    scene.sent(SERVER, &["token-2"]).issued(2);
}

/// client-go asks again after a 401 and gives the request up; the next command has the new token at once.
#[test]
fn kubectl_gets_another_token_once_after_a_401() {
    let scene = scene();
    scene.kubectl(SERVER, &NAMED).exits(0);
    scene.internet.refuse("token-1");
    scene.kubectl(SERVER, &NAMED).exits(1);
    scene.issued(2);
    scene.internet.forget();
    scene.kubectl(SERVER, &NAMED).exits(0);
    scene.sent(SERVER, &["token-2"]).issued(2);
}

/// `kubectl proxy`: client-go that lives long. Killed when dropped.
struct Proxy {
    child: Child,
    url: String,
}

impl Proxy {
    fn start(scene: &Scene) -> Self {
        let file = scene.kubeconfig(SERVER, &NAMED);
        let mut command = scene.consumer("kubectl", &["--kubeconfig", &file, "proxy", "--port=0"]);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Starting to serve on ").unwrap_or_else(|| panic!("kubectl proxy said {line:?}"));
        Self { url: format!("http://{address}/version"), child }
    }

    fn ask(&self, scene: &Scene) -> Outcome {
        scene.run("curl", &["--silent", "--fail", "--noproxy", "*", &self.url])
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// It keeps the token, until it is told that it expires, and asks again in time: no request fails.
#[test]
fn a_client_that_lives_long_asks_again_before_the_token_expires() {
    let scene = scene();
    scene.next_token_lives(4);
    let proxy = Proxy::start(&scene);
    while scene.internet.tokens_at(SERVER).len() < 2 {
        proxy.ask(&scene).exits(0);
        assert!(scene.internet.seen().len() < 1000, "it never asked again");
        thread::sleep(Duration::from_millis(50));
    }
    scene.sent(SERVER, &["token-1", "token-2"]).issued(2);
}

#[test]
fn a_client_that_lives_long_gets_another_token_once_after_a_401() {
    let scene = scene();
    let proxy = Proxy::start(&scene);
    proxy.ask(&scene).exits(0);
    scene.internet.refuse("token-1");
    assert_ne!(proxy.ask(&scene).code, Some(0));
    for _ in 0..3 {
        proxy.ask(&scene).exits(0);
    }
    scene.sent(SERVER, &["token-1", "token-2"]).issued(2);
}

#[test]
fn many_kubectls_at_once_make_one_request_and_one_more_after_a_401() {
    let scene = scene();
    for outcome in scene.kubectls(6) {
        outcome.exits(0);
    }
    scene.sent(SERVER, &["token-1"]).issued(1);
    scene.internet.refuse("token-1");
    scene.kubectls(6);
    scene.issued(2);
    scene.internet.forget();
    for outcome in scene.kubectls(6) {
        outcome.exits(0);
    }
    scene.sent(SERVER, &["token-2"]).issued(2);
}

/// A server that refuses everybody does not make the issuer mint a token a request.
#[test]
fn kubectl_does_not_mint_a_token_for_each_refusal() {
    let scene = scene();
    for token in 1..9 {
        scene.internet.refuse(&format!("token-{token}"));
    }
    for _ in 0..4 {
        scene.kubectl(SERVER, &NAMED).exits(1);
    }
    scene.issued(2);
}
