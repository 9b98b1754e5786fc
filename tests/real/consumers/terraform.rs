//! Terraform, where it is installed: a credentials helper, against a private registry of modules.

use super::internet::{Request, Response};
use super::scene::{Scene, find};
use crate::harness::Outcome;

const REGISTRY: &str = "https://app.example.com";

fn registry(request: &Request) -> Response {
    match request.path.as_str() {
        "/.well-known/terraform.json" => Response::json("{\"modules.v1\":\"/v1/modules/\"}"),
        "/v1/modules/team/demo/local/versions" if request.token().is_some_and(|token| token.starts_with("token-")) => {
            Response::json("{\"modules\":[{\"versions\":[]}]}")
        }
        _ => Response::status(401),
    }
}

/// `None`, and a word about it, where there is no terraform.
fn scene() -> Option<Scene> {
    if find("terraform").is_none() {
        eprintln!("terraform is not installed: nothing was tried");
        return None;
    }
    let scene = Scene::new(&["app.example.com"], None, registry);
    scene.write(".terraformrc", "credentials_helper \"token\" {\n  args = []\n}\n");
    let plugins = scene.home.path(".terraform.d/plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    std::fs::copy(scene.home.path("bin/token"), plugins.join("terraform-credentials-token")).unwrap();
    Some(scene)
}

impl Scene {
    /// `terraform init` with a module of this registry, which has no versions.
    fn init(&self, registry: &str) -> Outcome {
        let host = registry.trim_start_matches("https://");
        self.write("work/main.tf", format!("module \"demo\" {{\n  source = \"{host}/team/demo/local\"\n}}\n"));
        let mut command = self.consumer("terraform", &["init", "-no-color", "-input=false"]);
        command.current_dir(self.home.path("work")).env("CHECKPOINT_DISABLE", "1");
        self.finish(command, "terraform")
    }
}

#[test]
fn terraform_where_it_is_installed_sends_the_token() {
    let Some(scene) = scene() else { return };
    scene.init(REGISTRY).exits(1).mentions("has no versions");
    scene.sent(REGISTRY, &["token-1"]).issued(1);
}

#[test]
fn terraform_where_it_is_installed_goes_on_as_if_nobody_helped_where_a_registry_is_not_listed() {
    for stranger in ["https://app.example.com.evil.test", "https://a.app.example.com", "https://app.example.com:8443"] {
        let Some(scene) = scene() else { return };
        let helped = scene.init(stranger);
        scene.internet.asked_without_a_token(stranger);
        scene.issued(0);
        scene.write(".terraformrc", "");
        let alone = scene.init(stranger);
        assert_eq!((helped.code, &helped.stderr), (alone.code, &alone.stderr), "{stranger}");
    }
}

#[test]
fn terraform_where_it_is_installed_is_never_given_an_expired_token() {
    let Some(scene) = scene() else { return };
    scene.next_token_lives(3);
    scene.init(REGISTRY);
    scene.await_expiry();
    scene.internet.forget();
    scene.init(REGISTRY);
    scene.sent(REGISTRY, &["token-2"]).issued(2);
}

#[test]
fn terraform_where_it_is_installed_logs_out_of_the_token() {
    let Some(scene) = scene() else { return };
    scene.init(REGISTRY);
    scene.finish(scene.consumer("terraform", &["logout", "app.example.com"]), "terraform").exits(0);
    assert!(scene.home.entry("prod").is_none(), "the token is still there");
    scene.internet.forget();
    scene.init(REGISTRY);
    scene.sent(REGISTRY, &["token-2"]);
}
