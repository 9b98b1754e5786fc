//! `token helper setup`: what it writes is what the consumer itself reads, beside what that had written before; what it takes back is all
//! of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::authority;
use super::internet::{Request, Response};
use super::scene::{Scene, find};
use crate::harness::Outcome;

const HOSTS: [&str; 6] =
    ["git.example.com", "k8s.example.com:6443", "registry.example.com", "crates.example.com", "pypi.example.com", "go.example.com"];

/// As little of each server as makes its client show what it has.
fn server(request: &Request) -> Response {
    let refusal = |challenge: &str| Response::status(401).header("WWW-Authenticate", challenge);
    match (request.origin.as_str(), request.path.as_str()) {
        _ if request.authorization().is_none() => refusal("Basic realm=\"x\""),
        (_, "/version") => Response::json("{}"),
        (_, "/config.json") => Response::json("{\"dl\":\"https://crates.example.com/dl\",\"auth-required\":true}"),
        (_, "/.well-known/terraform.json") => Response::json("{\"modules.v1\":\"/v1/modules/\"}"),
        _ => Response::status(404),
    }
}

/// A user of a consumer, who has it set up to ask us.
struct Consumer {
    tool: &'static str,
    /// What it is told before we come.
    prepare: fn(&Scene),
    /// A question to its server, in which it shows what it has.
    ask: fn(&Scene) -> Outcome,
    origin: &'static str,
}

const CONSUMERS: [Consumer; 6] = [
    Consumer {
        tool: "git",
        prepare: git,
        ask: |scene| scene.ask("git", &["ls-remote", "https://git.example.com/x.git"]),
        origin: "https://git.example.com",
    },
    Consumer {
        tool: "kubectl",
        prepare: kubectl,
        ask: |scene| scene.ask("kubectl", &["get", "--raw", "/version"]),
        origin: "https://k8s.example.com:6443",
    },
    Consumer {
        tool: "docker",
        prepare: docker,
        ask: |scene| scene.ask("skopeo", &["list-tags", "docker://registry.example.com/x"]),
        origin: "https://registry.example.com",
    },
    Consumer {
        tool: "cargo",
        prepare: cargo,
        ask: |scene| scene.ask(env!("CARGO"), &["generate-lockfile"]),
        origin: "https://crates.example.com",
    },
    Consumer {
        tool: "keyring",
        prepare: |_| {},
        ask: |scene| {
            scene.ask(
                "uv",
                &["pip", "install", "--no-cache", "--target", "site", "--index-url", "https://oauth2@pypi.example.com/simple", "x"],
            )
        },
        origin: "https://pypi.example.com",
    },
    Consumer {
        tool: "goauth",
        prepare: go,
        ask: |scene| scene.ask("go", &["list", "-m", "-versions", "example.org/x"]),
        origin: "https://go.example.com",
    },
];

fn scene() -> Scene {
    let scene = Scene::new(&HOSTS, None, server);
    for name in fs::read_dir(scene.home.path("bin")).unwrap().flatten().filter(|entry| entry.file_name() != "token") {
        fs::remove_file(name.path()).unwrap();
    }
    fs::create_dir_all(scene.home.path("work")).unwrap();
    scene
}

impl Scene {
    fn ask(&self, program: &str, arguments: &[&str]) -> Outcome {
        let mut command = self.consumer(program, arguments);
        self.told(&mut command);
        self.finish(command, program)
    }

    /// What every consumer here needs to know, none of it about us, but where links are to be found and that pip's protocol is wanted.
    fn told(&self, command: &mut Command) {
        let links = self.home.path(".local/bin").display().to_string();
        let path = format!("{links}:{}:{}", self.home.path("bin").display(), std::env::var("PATH").unwrap());
        command
            .current_dir(self.home.path("work"))
            .env("PATH", path)
            .env("UV_KEYRING_PROVIDER", "subprocess")
            .env("GIT_TERMINAL_PROMPT", "0");
        command
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", "https://go.example.com")
            .env("GONOSUMDB", "*")
            .env("GOPATH", self.home.path("go"));
        command.env("CARGO_HTTP_CAINFO", self.home.path("authority.pem")).env("CARGO_HOME", self.home.path(".cargo"));
    }

    fn setup(&self, tool: &str, more: &[&str]) -> Outcome {
        let words = [&["helper", "setup", tool, "--profile", "prod"], more].concat();
        let mut command = self.home.command(&words);
        self.told(&mut command);
        self.home.start(command, &words).finish()
    }

    /// Every file that a consumer's configuration may be in.
    fn configuration(&self) -> BTreeMap<String, String> {
        let places = [
            ".gitconfig",
            ".kube",
            ".docker",
            ".cargo/config.toml",
            ".local/bin",
            ".local/share/token",
            "config/go/env",
            "config/git",
            ".terraformrc",
            ".terraform.d",
        ];
        let mut found = BTreeMap::new();
        for place in places {
            collect(&self.home.path(place), &mut found);
        }
        found
    }
}

fn collect(path: &Path, found: &mut BTreeMap<String, String>) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    if metadata.is_dir() {
        fs::read_dir(path).unwrap().flatten().for_each(|entry| collect(&entry.path(), found));
        return;
    }
    let content = match fs::read_link(path) {
        Ok(target) => format!("-> {}", target.display()),
        // An empty list, as kubectl writes it and as others do.
        Err(_) => fs::read_to_string(path).unwrap().replace("users: null", "users: []"),
    };
    found.insert(path.display().to_string(), content);
}

fn git(scene: &Scene) {
    scene.ask("git", &["config", "--global", "user.name", "me"]).exits(0);
}

fn kubectl(scene: &Scene) {
    let ca = scene.write("ca.pem", authority::pem());
    let cluster =
        ["config", "set-cluster", "c", "--server", "https://k8s.example.com:6443", "--certificate-authority", ca.to_str().unwrap()];
    scene.ask("kubectl", &cluster).exits(0);
    scene.ask("kubectl", &["config", "set-context", "c", "--cluster", "c", "--user", "token-prod"]).exits(0);
    scene.ask("kubectl", &["config", "use-context", "c"]).exits(0);
}

fn docker(scene: &Scene) {
    scene.write(".docker/config.json", "{\n\t\"auths\": {\n\t\t\"other.example.org\": {}\n\t}\n}\n");
}

fn cargo(scene: &Scene) {
    scene.write(".cargo/config.toml", "[registries.private]\nindex = \"sparse+https://crates.example.com/\"\n");
    scene.write("work/src/lib.rs", "");
    let dependency = "x = { version = \"1\", registry = \"private\" }";
    scene.write(
        "work/Cargo.toml",
        format!("[package]\nname = \"y\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[dependencies]\n{dependency}\n"),
    );
}

fn go(scene: &Scene) {
    scene.ask("go", &["env", "-w", "GOFLAGS=-mod=mod"]).exits(0);
}

#[track_caller]
fn is_set_up_and_back(consumer: &Consumer) {
    let Consumer { tool, prepare, ask, origin } = consumer;
    let scene = scene();
    prepare(&scene);
    let before = scene.configuration();
    ask(&scene);
    scene.internet.holds_no_token_but_at("nowhere");
    scene.issued(0);

    scene.setup(tool, &["--write"]).exits(0);
    let outcome = ask(&scene);
    assert!(!scene.internet.tokens_at(origin).is_empty(), "{tool} sent nothing: {outcome}\n{:#?}", scene.internet.seen());
    scene.sent(origin, &["token-1"]).issued(1);

    // It is there already.
    let written = scene.configuration();
    scene.setup(tool, &["--write"]).exits(0);
    assert_eq!(scene.configuration(), written, "{tool}");

    scene.setup(tool, &["--undo", "--write"]).exits(0);
    assert_eq!(scene.configuration(), before, "{tool}");
    scene.internet.forget();
    ask(&scene);
    scene.internet.holds_no_token_but_at("nowhere");
}

#[test]
fn consumers_are_set_up_and_back() {
    for consumer in &CONSUMERS {
        is_set_up_and_back(consumer);
    }
}

#[test]
fn terraform_where_it_is_installed_is_set_up_and_back() {
    if find("terraform").is_none() {
        eprintln!("terraform is not installed: nothing was tried");
        return;
    }
    is_set_up_and_back(&Consumer {
        tool: "terraform",
        prepare: |scene| {
            scene.write(".terraformrc", "disable_checkpoint = true\n");
            scene.write("work/main.tf", "module \"x\" {\n  source = \"git.example.com/team/x/local\"\n}\n");
        },
        ask: |scene| scene.ask("terraform", &["init", "-no-color", "-input=false"]),
        origin: "https://git.example.com",
    });
}
