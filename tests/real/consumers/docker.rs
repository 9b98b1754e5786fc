//! Helpers of docker's kind: skopeo (which shares its library with podman and buildah) against a registry, and docker's own client, where
//! it is installed, against a stand-in for its engine. The protocol has no word for a refused token: what is refused is served until it is
//! near its expiry, or until somebody logs out.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};

use super::internet::{Internet, Request, Response};
use super::scene::{Scene, find};
use crate::harness::Outcome;

const REGISTRY: &str = "https://registry.example.com";
const BASIC: Option<&str> = Some("Basic realm=\"registry\"");

/// What asks every helper about every registry, and what asks ours about one.
const FOR_ALL: &str = "credential-helpers = [\"token\"]\n";
const FOR_ONE: &str = "{\"credHelpers\":{\"registry.example.com\":\"token\"}}";

fn scene() -> Scene {
    let scene = Scene::new(&["registry.example.com"], BASIC, registry);
    scene.write(".config/containers/policy.json", "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}");
    scene
}

/// As much of a registry as listing the tags of an image takes.
fn registry(request: &Request) -> Response {
    match request.path.split('?').next() {
        Some("/v2/") => Response::json("{}"),
        Some("/v2/team/app/tags/list") => Response::json("{\"name\":\"team/app\",\"tags\":[\"1.0\"]}"),
        _ => Response::status(404),
    }
}

impl Scene {
    fn tags(&self, registry: &str) -> Outcome {
        let image = format!("docker://{registry}/team/app");
        self.run("skopeo", &["--registries-conf", &self.registries(), "list-tags", &image])
    }

    fn registries(&self) -> String {
        self.home.path(".config/containers/registries.conf").to_str().unwrap().to_owned()
    }

    fn helped_for_one(self) -> Self {
        self.write(".config/containers/registries.conf", "");
        self.write(".docker/config.json", FOR_ONE);
        self
    }

    fn helped_for_all(self) -> Self {
        self.write(".config/containers/registries.conf", FOR_ALL);
        self
    }
}

#[test]
fn skopeo_sends_the_token_as_a_password() {
    for scene in [scene().helped_for_one(), scene().helped_for_all()] {
        scene.tags("registry.example.com").exits(0);
        let users: Vec<_> = scene.internet.seen().iter().filter_map(Request::basic).collect();
        assert!(!users.is_empty() && users.iter().all(|user| *user == ("oauth2".into(), "token-1".into())), "{users:?}");
        scene.sent(REGISTRY, &["token-1"]).issued(1);
    }
}

/// The token goes to the realm that the registry names, in exchange for one of the registry's own.
#[test]
fn skopeo_exchanges_the_token_at_the_realm_of_the_registry() {
    let scene = Scene::with("hosts = [\"registry.example.com\"]\nusername = \"robot\"\n", None, |request| {
        let is_welcome = request.authorization() == Some("Bearer of-the-registry");
        match request.path.split('?').next() {
            Some("/auth") if request.basic() == Some(("robot".into(), "token-1".into())) => {
                Response::json("{\"token\":\"of-the-registry\"}")
            }
            _ if is_welcome => registry(request),
            _ => Response::status(401).header("WWW-Authenticate", "Bearer realm=\"https://registry.example.com/auth\",service=\"r\""),
        }
    });
    let scene = scene.helped_for_one();
    scene.tags("registry.example.com").exits(0);
    scene.issued(1);
}

#[test]
fn skopeo_goes_on_as_if_nobody_helped_where_a_registry_is_not_listed() {
    let strangers = ["registry.example.com.evil.test", "a.registry.example.com", "registry.example.com:8443"];
    for stranger in strangers {
        let scene = scene().helped_for_all();
        let helped = scene.tags(stranger);
        scene.internet.asked_without_a_token(&format!("https://{stranger}"));
        scene.issued(0);
        scene.write(".config/containers/registries.conf", "");
        let alone = scene.tags(stranger);
        let said = |outcome: &Outcome| outcome.stderr.split_once("level=").expect("a message").1.to_owned();
        assert_eq!((helped.code, said(&helped)), (alone.code, said(&alone)), "{stranger}");
    }
}

/// What anybody may read is read, whoever else has nothing to say about it.
#[test]
fn skopeo_reads_what_is_public_where_nothing_is_listed() {
    let scene = Scene::new(&["registry.example.com"], None, registry).helped_for_all();
    scene.tags("public.example.org").exits(0);
    scene.internet.asked_without_a_token("https://public.example.org");
    scene.issued(0);
}

#[test]
fn skopeo_is_never_given_an_expired_token() {
    let scene = scene().helped_for_one();
    scene.next_token_lives(2);
    scene.tags("registry.example.com").exits(0);
    scene.await_expiry();
    scene.internet.forget();
    scene.tags("registry.example.com").exits(0);
    scene.sent(REGISTRY, &["token-2"]).issued(2);
}

#[test]
fn skopeo_logs_out_of_the_token_and_gets_another() {
    let scene = scene().helped_for_all();
    scene.tags("registry.example.com").exits(0);
    scene.internet.forget();
    scene.run("skopeo", &["--registries-conf", &scene.registries(), "logout", "registry.example.com"]).exits(0);
    assert!(scene.home.entry("prod").is_none(), "the token is still there");
    scene.tags("registry.example.com").exits(0);
    scene.sent(REGISTRY, &["token-2"]).issued(2);
}

/// The engine that docker's client talks to: it takes down which credentials it is handed.
struct Engine(Internet);

impl Engine {
    fn start() -> Self {
        Self(Internet::new(None, |request| match request.path.rsplit('/').next() {
            Some("_ping") => Response::text("OK").header("Api-Version", "1.43").header("OSType", "linux"),
            _ => Response::json("{\"status\":\"done\"}\n"),
        }))
    }

    fn pull(&self, scene: &Scene, image: &str) -> Outcome {
        let mut command: Command = scene.consumer("docker", &["pull", image]);
        command.env("DOCKER_HOST", format!("tcp://{}", self.0.address())).env("NO_PROXY", "127.0.0.1");
        scene.finish(command, "docker")
    }

    /// The user and the password that came with the last image.
    fn credentials(&self) -> Option<(String, String)> {
        let seen = self.0.seen();
        let pull = seen.iter().rev().find(|request| request.path.contains("/images/create")).expect("an image was wanted");
        let bytes = URL_SAFE.decode(pull.header("x-registry-auth")?).unwrap();
        let told: Value = serde_json::from_slice(&bytes).unwrap();
        Some((told["username"].as_str()?.to_owned(), told["password"].as_str()?.to_owned()))
    }
}

#[test]
fn docker_where_it_is_installed_hands_the_token_to_its_engine_for_listed_registries_alone() {
    if find("docker").is_none() {
        eprintln!("docker is not installed: nothing was tried");
        return;
    }
    let scene = scene();
    scene.write(".docker/config.json", json!({"credsStore": "token"}).to_string());
    let engine = Engine::start();
    engine.pull(&scene, "registry.example.com/team/app:1").exits(0);
    assert_eq!(engine.credentials(), Some(("oauth2".into(), "token-1".into())));
    for stranger in ["registry.example.com.evil.test", "a.registry.example.com", "registry.example.com:8443", "other.example.org"] {
        engine.pull(&scene, &format!("{stranger}/team/app:1")).exits(0);
        assert_eq!(engine.credentials(), None, "{stranger}");
    }
    scene.issued(1);
    scene.consumer("docker", &["logout", "registry.example.com"]).status().unwrap();
    engine.pull(&scene, "registry.example.com/team/app:1").exits(0);
    assert_eq!(engine.credentials(), Some(("oauth2".into(), "token-2".into())));
}
