//! cargo: a credential provider for a private sparse registry that wants a token for its index as well.

use super::internet::{Request, Response};
use super::scene::Scene;
use crate::harness::{Outcome, Reply};

const INDEX: &str = "https://crates.example.com";

const CRATE: &str = "{\"name\":\"demo\",\"vers\":\"1.0.0\",\"deps\":[],\"features\":{},\"yanked\":false,\
     \"cksum\":\"0000000000000000000000000000000000000000000000000000000000000000\"}";

/// Whoever brings no token, with or without a scheme, is refused.
fn registry(request: &Request) -> Response {
    let authorization = request.authorization().unwrap_or_default();
    if !authorization.trim_start_matches("Bearer ").starts_with("token-") {
        return Response::status(401).header("WWW-Authenticate", "Cargo login_url=\"https://crates.example.com/me\"");
    }
    match request.path.as_str() {
        "/config.json" => {
            Response::json("{\"dl\":\"https://crates.example.com/dl\",\"api\":\"https://crates.example.com\",\"auth-required\":true}")
        }
        "/de/mo/demo" => Response::text(CRATE),
        "/api/v1/crates/demo/1.0.0/yank" => Response::json("{\"ok\":true}"),
        _ => Response::status(404),
    }
}

fn scene(keys: &str) -> Scene {
    let scene = Scene::with(keys, None, registry);
    scene.write("demo/Cargo.toml", "[package]\nname = \"user\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[dependencies]\ndemo = { version = \"1\", registry = \"private\" }\n");
    scene.write("demo/src/lib.rs", "");
    scene
}

impl Scene {
    /// Resolves a dependency on a crate of the registry, at this place, with these credential providers.
    fn resolve(&self, index: &str, providers: &str) -> Outcome {
        let registry = format!("[registries.private]\nindex = \"sparse+{index}/\"\ncredential-provider = {providers}\n");
        self.write(".cargo/config.toml", registry);
        let _ = std::fs::remove_file(self.home.path("demo/Cargo.lock"));
        self.cargo(&["generate-lockfile"])
    }

    fn cargo(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.consumer(env!("CARGO"), arguments);
        command.current_dir(self.home.path("demo")).env("CARGO_HOME", self.home.path(".cargo"));
        command.env("CARGO_HTTP_CAINFO", self.home.path("authority.pem")).env("CARGO_NET_RETRY", "0");
        self.finish(command, "cargo")
    }

    fn authorizations(&self) -> Vec<String> {
        let mut found: Vec<String> = self.internet.seen().iter().filter_map(Request::authorization).map(str::to_owned).collect();
        found.dedup();
        found
    }
}

const LISTED: &str = "hosts = [\"crates.example.com\"]\n";
const OURS: &str = "[\"cargo-credential-token\"]";

#[test]
fn cargo_sends_the_token_as_it_is() {
    for providers in
        [OURS, "[\"token\"]", "[\"token\", \"--profile\", \"prod\"]", "[\"cargo:token-from-stdout\", \"token\", \"helper\", \"cargo\"]"]
    {
        let scene = scene(LISTED);
        scene.resolve(INDEX, providers).exits(0);
        assert_eq!(scene.authorizations(), ["token-1"], "{providers}");
        scene.issued(1).internet.holds_no_token_but_at(INDEX);
        scene.cargo(&["yank", "--registry", "private", "demo@1.0.0"]).exits(0);
        assert_eq!(scene.authorizations(), ["token-1"], "{providers}");
        scene.issued(1);
    }
}

#[test]
fn cargo_sends_the_scheme_of_the_profile() {
    let scene = scene(&format!("{LISTED}scheme = \"Bearer\"\n"));
    scene.resolve(INDEX, OURS).exits(0);
    assert_eq!(scene.authorizations(), ["Bearer token-1"]);
}

#[test]
fn cargo_goes_on_as_if_nobody_helped_where_a_registry_is_not_listed() {
    for stranger in ["https://crates.example.com.evil.test", "https://a.crates.example.com", "https://crates.example.com:8443"] {
        for providers in [OURS, "[\"token\", \"--profile\", \"prod\"]"] {
            let scene = scene(LISTED);
            let helped = scene.resolve(stranger, providers);
            scene.internet.asked_without_a_token(stranger);
            scene.issued(0);
            helped.exits(101).mentions("no credential providers could handle the request");
        }
    }
}

#[test]
fn cargo_asks_the_next_provider_where_ours_has_nothing() {
    let scene = scene("hosts = [\"other.example.com\"]\n");
    scene.write(".cargo/credentials.toml", "[registries.private]\ntoken = \"token-of-another\"\n");
    let config = format!(
        "[registry]\nglobal-credential-providers = [\"cargo:token\", \"cargo-credential-token\"]\n\
         [registries.private]\nindex = \"sparse+{INDEX}/\"\n"
    );
    scene.write(".cargo/config.toml", config);
    scene.cargo(&["generate-lockfile"]).exits(0);
    assert_eq!(scene.authorizations(), ["token-of-another"]);
    scene.issued(0);
}

#[test]
fn cargo_is_never_given_an_expired_token() {
    let scene = scene(LISTED);
    scene.next_token_lives(3);
    scene.resolve(INDEX, OURS).exits(0);
    scene.await_expiry();
    scene.internet.forget();
    scene.resolve(INDEX, OURS).exits(0);
    assert_eq!(scene.authorizations(), ["token-2"]);
    scene.issued(2);
}

#[test]
fn cargo_logs_out_of_the_token_and_gets_another() {
    let scene = scene(LISTED);
    scene.resolve(INDEX, OURS).exits(0);
    scene.cargo(&["logout", "--registry", "private"]).exits(0);
    assert!(scene.home.entry("prod").is_none(), "the token is still there");
    scene.internet.forget();
    scene.resolve(INDEX, OURS).exits(0);
    assert_eq!(scene.authorizations(), ["token-2"]);
}

/// A failure of ours is told, with the sentence that says what to do.
#[test]
fn cargo_tells_our_reason_where_the_token_cannot_be_had() {
    let scene = scene(LISTED);
    scene.issuer.answer(Reply::oauth(400, "invalid_client"));
    scene.resolve(INDEX, OURS).exits(101).mentions("prod");
}
