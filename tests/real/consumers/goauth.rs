//! Go: a command of GOAUTH, against a proxy for modules.

use std::process::Command;

use super::internet::{Request, Response};
use super::scene::Scene;
use crate::harness::{Outcome, Running};

const PROXY: &str = "https://go.example.com";
const OURS: &str = "token helper goauth --profile prod; netrc";
const BEARER: Option<&str> = Some("Bearer realm=\"modules\"");

fn proxy(request: &Request) -> Response {
    match request.path.as_str() {
        "/example.org/demo/@v/list" => Response::text("v1.0.0\n"),
        "/example.org/demo/@v/v1.0.0.info" => Response::json("{\"Version\":\"v1.0.0\"}"),
        "/example.org/demo/@v/v1.0.0.mod" => Response::text("module example.org/demo\n"),
        _ => Response::status(404),
    }
}

fn scene() -> Scene {
    Scene::new(&["go.example.com"], BEARER, proxy)
}

impl Scene {
    /// The versions of a module at this proxy.
    fn versions(&self, proxy: &str) -> Outcome {
        self.versions_with(proxy, OURS)
    }

    fn versions_with(&self, proxy: &str, goauth: &str) -> Outcome {
        self.finish(self.go(proxy, goauth), "go")
    }

    fn go(&self, proxy: &str, goauth: &str) -> Command {
        let mut command = self.consumer("go", &["list", "-m", "-versions", "example.org/demo"]);
        command.env("GOAUTH", goauth).env("GOPROXY", proxy).env("GOTOOLCHAIN", "local").env("GONOSUMDB", "*").env("GOFLAGS", "-mod=mod");
        command.env("GOPATH", self.home.path("go"));
        command
    }
}

#[test]
fn go_sends_the_token() {
    let scene = scene();
    scene.versions(PROXY).exits(0).prints("example.org/demo v1.0.0\n");
    scene.sent(PROXY, &["token-1"]).issued(1);
    let authorizations: Vec<_> = scene.internet.seen().iter().filter_map(|request| request.authorization().map(str::to_owned)).collect();
    assert!(authorizations.iter().all(|value| value == "Bearer token-1"), "{authorizations:?}");
}

/// A name that only a pattern lists is not known before go asks for its URL, after a 401 that no token earned.
#[test]
fn go_sends_the_token_where_a_pattern_lists_the_host() {
    let scene = Scene::new(&["*.example.com"], BEARER, proxy);
    for _ in 0..2 {
        scene.versions(PROXY).exits(0).prints("example.org/demo v1.0.0\n");
        scene.sent(PROXY, &["token-1"]).issued(1);
    }
}

#[test]
fn go_goes_on_as_if_nobody_helped_where_a_proxy_is_not_listed() {
    for stranger in ["https://go.example.com.evil.test", "https://a.go.example.com", "https://go.example.com:8443", "http://go.example.com"]
    {
        let scene = scene();
        let helped = scene.versions(stranger);
        scene.internet.asked_without_a_token(stranger);
        let alone = scene.versions_with(stranger, "off");
        assert_ne!(helped.code, Some(0), "{helped}");
        assert_eq!((helped.code, &helped.stderr), (alone.code, &alone.stderr), "{stranger}");
    }
}

#[test]
fn go_is_never_given_an_expired_token() {
    let scene = scene();
    scene.next_token_lives(3);
    scene.versions(PROXY).exits(0);
    scene.await_expiry();
    scene.internet.forget();
    scene.versions(PROXY).exits(0);
    scene.sent(PROXY, &["token-2"]).issued(2);
}

/// go shows us the 401, and tries again within the same command.
#[test]
fn go_gets_another_token_once_after_a_401() {
    let scene = scene();
    scene.versions(PROXY).exits(0);
    scene.internet.refuse("token-1");
    scene.versions(PROXY).exits(0).prints("example.org/demo v1.0.0\n");
    scene.sent(PROXY, &["token-1", "token-2"]).issued(2);
    scene.internet.forget();
    scene.versions(PROXY).exits(0);
    scene.sent(PROXY, &["token-2"]).issued(2);
}

/// go does not say which token was refused: whoever comes second takes what came for the first.
#[test]
fn many_gos_at_once_get_one_token_after_a_401() {
    let scene = scene();
    scene.versions(PROXY).exits(0);
    scene.internet.refuse("token-1");
    let running: Vec<Running> = (0..4).map(|_| scene.home.start(scene.go(PROXY, OURS), &["go"])).collect();
    for outcome in running.into_iter().map(Running::finish) {
        outcome.exits(0).prints("example.org/demo v1.0.0\n");
    }
    scene.issued(2).internet.holds_no_token_but_at(PROXY);
}

/// What is not there, or not for us, is no refusal of the token.
#[test]
fn go_keeps_its_token_where_a_module_is_missing() {
    for status in [403, 404, 410] {
        let scene = Scene::new(&["go.example.com"], BEARER, move |_| Response::status(status));
        assert_ne!(scene.versions(PROXY).code, Some(0));
        scene.sent(PROXY, &["token-1"]).issued(1);
    }
}
