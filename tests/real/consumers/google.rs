//! google-auth: an executable of `external_account`, whose token goes to a stand-in for Google's STS.

use serde_json::json;

use super::internet::{Request, Response};
use super::scene::Scene;
use crate::harness::{Outcome, Reply, now, wait_until};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/consumers/external_account.py");
const STS: &str = "https://sts.googleapis.com";
const KIND: &str = "urn:ietf:params:oauth:token-type:jwt";

fn sts(request: &Request) -> Response {
    let form = String::from_utf8_lossy(&request.body).into_owned();
    let subject = url::form_urlencoded::parse(form.as_bytes()).find(|(key, _)| key == "subject_token");
    let Some((_, subject)) = subject.filter(|_| request.origin == STS && request.path == "/v1/token") else {
        // It also wants to know whose project that is, and can do without.
        return Response { status: 404, ..Response::json("{}") };
    };
    Response::json(
        json!({"access_token": format!("google-for-{subject}"), "issued_token_type": KIND, "token_type": "Bearer", "expires_in": 3600})
            .to_string(),
    )
}

fn scene(executable: serde_json::Value) -> Scene {
    let scene = Scene::new(&[], None, sts);
    let mut executable = executable;
    executable["command"] = json!(format!("{} helper google --profile prod", scene.home.path("bin/token").display()));
    executable["timeout_millis"] = json!(30_000);
    let account = json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": KIND,
        "token_url": format!("{STS}/v1/token"),
        "credential_source": {"executable": executable},
    });
    scene.write("account.json", account.to_string());
    scene
}

impl Scene {
    /// Asks so many times in one process.
    fn refreshes(&self, times: &str) -> Outcome {
        let account = self.home.path("account.json");
        let mut command = self.consumer("python", &[SCRIPT, account.to_str().unwrap(), times]);
        command.env("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
        self.finish(command, "python")
    }
}

#[test]
fn google_auth_exchanges_the_token() {
    let scene = scene(json!({}));
    scene.refreshes("2").exits(0).prints("google-for-token-1\ngoogle-for-token-1\n");
    scene.issued(1);
}

#[test]
fn google_auth_is_never_given_an_expired_token() {
    for executable in [json!({}), json!({"output_file": "answer.json"})] {
        let scene = scene(executable);
        scene.next_token_lives(2);
        scene.refreshes("1").exits(0).prints("google-for-token-1\n");
        scene.await_expiry();
        scene.refreshes("1").exits(0).prints("google-for-token-2\n");
        scene.issued(2);
    }
}

#[test]
fn google_auth_is_told_why_there_is_no_token() {
    let scene = scene(json!({}));
    scene.issuer.answer(Reply::oauth(400, "invalid_client"));
    let outcome = scene.refreshes("1");
    outcome.exits(1).mentions("prod").mentions("Executable returned unsuccessful response");
    assert!(scene.internet.seen().is_empty());
}

/// It takes standard error for a part of the answer: a warning there would spoil a good token.
#[test]
fn google_auth_takes_a_token_that_others_get_with_a_warning() {
    let scene = scene(json!({}));
    let restless = format!("[renewal]\ninitial_retry_timeout = \"50ms\"\nlifetime_safe_fraction = 0.001\n{}", scene.profile(""));
    scene.home.configure(&restless);
    scene.next_token_lives(600);
    scene.home.run(&["get"]).exits(0);
    let issued_at = scene.home.entry("prod").unwrap()["issued_at"].as_f64().unwrap();
    wait_until("the token to near its expiry", || now() > issued_at + 1.05);
    scene.issuer.answer(Reply::status(503));
    scene.refreshes("1").exits(0).prints("google-for-token-1\n");
    assert!(scene.issuer.count() > 1, "no renewal was tried");
    scene.home.run(&["get"]).gives_with_warning("token-1", "prod");
}
