//! The recipes of the README, as they stand there but for their addresses, against servers that answer as the real ones do: who asks
//! without what they demand is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::issuer::Request;
use crate::support::{Issuer, Reply, SECRET, Test, seconds};

const README: &str = include_str!("../../README.md");
const RSA: &str = include_str!("../fixtures/keys/rsa.pkcs8.pem");
const RSA_PUBLIC: &str = include_str!("../fixtures/keys/rsa.public.pem");

const GOOGLE: &str = "http://metadata.google.internal";
const AZURE: &str = "http://169.254.169.254";
const VAULT: &str = "https://vault.example.com:8200";
const GITHUB: &str = "https://api.github.com";

/// The block of the README's configuration that has this profile.
fn recipe(profile: &str) -> String {
    let blocks = README.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let header = format!("[profile.{profile}]");
    let found: Vec<_> = blocks.filter(|block| block.lines().any(|line| line.starts_with(&header))).collect();
    assert_eq!(found.len(), 1, "blocks with {header}");
    found[0].to_owned()
}

/// A home with that recipe, where this server stands for whoever has `address`.
fn home(profile: &str, address: &str, server: &Issuer) -> Test {
    let recipe = recipe(profile);
    assert!(recipe.contains(address), "{recipe}");
    Test::configured(&recipe.replace(address, &server.url())).named(profile)
}

/// The same without what `line` says.
fn without(test: &Test, line: &str) {
    let path = test.path("config/token/config.toml");
    let config = fs::read_to_string(&path).unwrap();
    let kept: String = config.lines().filter(|kept| !kept.starts_with(line)).flat_map(|kept| [kept, "\n"]).collect();
    assert_ne!(kept, config, "no line begins with {line}");
    fs::write(&path, kept).unwrap();
}

/// The life of a token that was just issued, as the program says.
#[track_caller]
fn lives(test: &Test, profile: &str, seconds: i64) {
    let left = test.run(&["get", profile, "-o", "json"]).json()["expires_in"].as_i64().unwrap();
    assert!((seconds - 20..=seconds).contains(&left), "{left} s are left, not {seconds} s");
}

fn google(request: &Request) -> Reply {
    let place = "/computeMetadata/v1/instance/service-accounts/default";
    if request.header("metadata-flavor") != Some("Google") {
        let page = "<html><p>Your client does not have permission. Missing Metadata-Flavor:Google header.</p></html>";
        return Reply::bytes(page).with_status(403).header("Content-Type", "text/html; charset=UTF-8");
    }
    let reply = match request.path.strip_prefix(place) {
        Some("/token") => Reply::json(r#"{"access_token":"ya29.c.c0ASRK0Ga","expires_in":3599,"token_type":"Bearer"}"#),
        Some("/identity?audience=https://app.example.com") => Reply::bytes(id_token()).header("Content-Type", "text/html"),
        _ => Reply::status(404),
    };
    reply.header("Metadata-Flavor", "Google").header("Server", "Metadata Server for VM")
}

/// A JWT that holds for an hour.
fn id_token() -> String {
    let claims = json!({"aud": "https://app.example.com", "exp": seconds() + 3600, "iss": "https://accounts.google.com"});
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.c2lnbmF0dXJl", part(&json!({"alg": "RS256", "typ": "JWT"})), part(&claims))
}

#[test]
fn google_compute_engine() {
    let server = Issuer::judging(google);
    let test = home("gce", GOOGLE, &server);
    test.run(&["get", "gce"]).gives("ya29.c.c0ASRK0Ga");
    lives(&test, "gce", 3599);
    let identity = test.run(&["get", "gce-identity"]);
    assert_eq!(identity.exits(0).stdout().split('.').count(), 3);
    lives(&test, "gce-identity", 3600);
    assert_eq!(server.count(), 2);
    assert!(server.requests().iter().all(|request| request.method == "GET"));

    let server = Issuer::judging(google);
    let test = home("gce", GOOGLE, &server);
    without(&test, "headers");
    test.run(&["get", "gce"]).fails(4, "gce").mentions("403").mentions("`headers`");
}

fn azure(request: &Request) -> Reply {
    let query = "?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";
    let wrong = |what: &str| Reply::json(json!({"error": "invalid_request", "error_description": what}).to_string()).with_status(400);
    if request.header("metadata") != Some("true") {
        return wrong("Required metadata header not specified");
    }
    if request.path != format!("/metadata/identity/oauth2/token{query}") {
        return wrong("Identity not found");
    }
    let now = seconds();
    let answer = json!({
        "access_token": "eyJ0eXAiOiJKV1QifQ", "client_id": "5e29463d-71da-4fe0-8e69-999b57db23b0", "expires_in": "86399",
        "expires_on": (now + 86_000).to_string(), "ext_expires_in": "86399", "not_before": (now - 300).to_string(),
        "resource": "https://management.azure.com/", "token_type": "Bearer",
    });
    Reply::json(answer.to_string())
}

#[test]
fn azure_instance_metadata_service() {
    let server = Issuer::judging(azure);
    let test = home("azure-vm", AZURE, &server);
    test.run(&["get", "azure-vm"]).gives("eyJ0eXAiOiJKV1QifQ");
    lives(&test, "azure-vm", 86_000);
    assert_eq!(server.count(), 1);

    let server = Issuer::judging(azure);
    let test = home("azure-vm", AZURE, &server);
    without(&test, "headers");
    let outcome = test.run(&["get", "azure-vm"]);
    outcome.fails(4, "azure-vm").mentions("invalid_request (Required metadata header not specified)");
}

const POD_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.cG9k.c2ln";

fn vault(request: &Request) -> Reply {
    let errors = |status: u16, what: &str| Reply::json(json!({"errors": [what]}).to_string()).with_status(status);
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/auth/approle/login") if body == json!({"role_id": "ci", "secret_id": SECRET}) => login("hvs.approle", 1200),
        ("POST", "/v1/auth/approle/login") => errors(400, "invalid role or secret ID"),
        ("POST", "/v1/auth/kubernetes/login") if body == json!({"role": "ci", "jwt": POD_TOKEN}) => login("hvs.kubernetes", 3600),
        ("GET", "/v1/secret/data/database") if request.header("x-vault-token") == Some("hvs.approle") => {
            let data =
                json!({"data": {"password": "pa55-word"}, "metadata": {"created_time": "2026-01-03T23:37:19.65449147Z", "version": 1}});
            Reply::json(answer(&data, &Value::Null))
        }
        ("GET", "/v1/secret/data/database") => errors(403, "permission denied"),
        _ => errors(404, "no handler for route"),
    }
}

fn login(token: &str, lease: u64) -> Reply {
    let auth = json!({
        "client_token": token, "accessor": "2ui4Zn0P6cGT", "policies": ["default"], "token_policies": ["default"],
        "metadata": {"role_name": "ci"}, "lease_duration": lease, "renewable": true, "entity_id": "", "token_type": "service",
        "orphan": true, "mfa_requirement": null, "num_uses": 0,
    });
    Reply::json(answer(&Value::Null, &auth))
}

fn answer(data: &Value, auth: &Value) -> String {
    let answer = json!({
        "request_id": "0b4181fe-0dec-2261-5231-bb3f033387e5", "lease_id": "", "renewable": false, "lease_duration": 0, "data": data,
        "wrap_info": null, "warnings": null, "auth": auth, "mount_type": "",
    });
    answer.to_string() + "\n"
}

#[test]
fn vault_approle_and_a_secret_in_it() {
    let server = Issuer::judging(vault);
    let test = home("vault", VAULT, &server);
    test.put(".secrets/vault-secret-id", &format!("{SECRET}\n"), 0o600);
    test.run(&["-vvv", "get", "vault"]).gives("hvs.approle");
    lives(&test, "vault", 1200);
    assert_eq!(server.requests()[0].header("content-type"), Some("application/json"));

    test.put(".vault-token", "hvs.approle", 0o600);
    test.run(&["get", "database"]).gives("pa55-word");
    lives(&test, "database", 300);
    assert_eq!(server.count(), 2);

    test.put(".vault-token", "hvs.another", 0o600);
    test.run(&["renew", "database"]).fails(4, "database").mentions("403").hides("permission denied");
    test.put(".secrets/vault-secret-id", "wrong", 0o600);
    test.run(&["renew", "vault"]).fails(4, "vault").mentions("400").hides("invalid role");
    test.run(&["get", "vault"]).gives("hvs.approle");
}

/// The token that the README reads from a file may as well be that of the profile beside it.
#[test]
fn vault_by_the_token_of_another_profile() {
    let server = Issuer::judging(vault);
    let recipe = recipe("vault").replace(VAULT, &server.url());
    let chained = recipe.replace("{ file = \"~/.vault-token\" }", "{ profile = \"vault\" }");
    assert_ne!(chained, recipe);
    let test = Test::configured(&chained);
    test.put(".secrets/vault-secret-id", SECRET, 0o600);
    for _ in 0..2 {
        test.run(&["get", "database"]).gives("pa55-word");
    }
    assert_eq!(server.count(), 2, "a login and a secret");
}

/// A projected token can be read by everybody in its pod.
#[test]
fn vault_by_the_token_of_a_pod() {
    let server = Issuer::judging(vault);
    let path = "/var/run/secrets/kubernetes.io/serviceaccount/token";
    let test = home("vault-pod", VAULT, &server);
    let token = test.put("projected", POD_TOKEN, 0o600);
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    let config = fs::read_to_string(test.path("config/token/config.toml")).unwrap();
    assert!(config.contains(path));
    test.configure(&config.replace(path, token.to_str().unwrap()));
    test.run(&["get", "vault-pod"]).gives("hvs.kubernetes");
    lives(&test, "vault-pod", 3600);
    assert_eq!(server.count(), 1);
}

/// The claims of a JWT that the key of this test signed.
fn verified(jwt: &str) -> Option<Value> {
    let (message, signature) = jwt.rsplit_once('.')?;
    let public: String = RSA_PUBLIC.lines().filter(|line| !line.starts_with("-----")).collect();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, STANDARD.decode(public).unwrap());
    public.verify(message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let (header, claims) = message.split_once('.')?;
    let part = |text| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
    part(claims).filter(|_| part(header).is_some_and(|header| header["alg"] == "RS256"))
}

fn github(request: &Request) -> Reply {
    let refused = |what: &str| Reply::json(json!({"message": what, "status": "401"}).to_string()).with_status(401);
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let Some(claims) = bearer.and_then(verified) else { return refused("A JSON web token could not be decoded") };
    let now = seconds();
    let time = |name: &str| claims[name].as_i64().unwrap_or_default();
    if claims["iss"] != "Iv23liZbAhb4w3rW1lZx" || time("iat") > now || time("exp") <= now {
        return refused("'Issuer' claim ('iss') must be an Integer");
    }
    if time("exp") > now + 600 {
        return refused("'Expiration time' claim ('exp') is too far in the future");
    }
    let has = |name: &str, value: &str| request.header(name) == Some(value);
    let is_right = request.method == "POST" && request.path == "/app/installations/12345678/access_tokens" && request.body.is_empty();
    if !is_right || !has("accept", "application/vnd.github+json") || request.header("user-agent").is_none() {
        return Reply::json(r#"{"message":"Not Found","status":"404"}"#).with_status(404);
    }
    let expires_at = jiff::Timestamp::from_second(now + 3600).unwrap().to_string();
    let answer = json!({
        "token": "ghs_16C7e42F292c6912E7710c838347Ae178B4a", "expires_at": expires_at,
        "permissions": {"contents": "read", "metadata": "read"}, "repository_selection": "selected",
    });
    Reply::json(answer.to_string()).with_status(201).header("Content-Type", "application/json; charset=utf-8")
}

#[test]
fn github_app() {
    let server = Issuer::judging(github);
    let test = home("github", GITHUB, &server);
    test.put(".secrets/github-app.pem", RSA, 0o600);
    test.run(&["-vvv", "get", "github"]).gives("ghs_16C7e42F292c6912E7710c838347Ae178B4a").hides("MIIE");
    lives(&test, "github", 3600);
    assert_eq!(server.count(), 1);

    let outcome = test.run(&["renew", "github"]);
    outcome.exits(0);
    let bearers: Vec<_> = server.requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert!(bearers[0] != bearers[1], "each is signed anew");

    test.put(".secrets/github-app.pem", include_str!("../fixtures/keys/rsa.pkcs8.pem").split_at(700).0, 0o600);
    test.run(&["renew", "github"]).fails(2, "github").mentions("github-app.pem");
    assert_eq!(server.count(), 2);
}

/// RFC 8693: the one profile's token for one of another service.
#[test]
fn chained_profiles() {
    let issuer = Issuer::judging(|request| {
        let fields: Vec<_> = url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        let has = |name: &str, value: &str| fields.iter().any(|field| *field == (name.to_owned(), value.to_owned()));
        if has("grant_type", "client_credentials") {
            Reply::json(r#"{"access_token":"staff-token","token_type":"Bearer","expires_in":3600}"#)
        } else if has("subject_token", "staff-token") && has("audience", "orders") {
            Reply::json(
                r#"{"access_token":"orders-token","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":600}"#,
            )
        } else {
            Reply::oauth(400, "invalid_request")
        }
    });
    let recipe = recipe("orders").replace("https://login.example.com/realms/main", &issuer.url());
    let test = Test::configured(&recipe.replace("https://login.example.com/oauth2/token", &issuer.endpoint()));
    test.put(".secrets/prod", SECRET, 0o600);
    for _ in 0..2 {
        test.run(&["get", "orders"]).gives("orders-token");
    }
    test.run(&["get", "staff"]).gives("staff-token");
    lives(&test, "orders", 600);
    assert_eq!(issuer.count(), 2);
}
