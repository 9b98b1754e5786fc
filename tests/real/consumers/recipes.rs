//! Consumers without a protocol: they run a command that prints the token, or read a file that holds it. Where they send it is their
//! user's business; that it is the one that is valid now is ours.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConnection, StreamOwned};

use super::authority;
use super::internet::{Internet, Request, Response};
use super::scene::{Scene, program};
use crate::harness::{Outcome, wait_until};

const BEARER: Option<&str> = Some("Bearer realm=\"x\"");
const BODY: &str = "it is you\n";

#[test]
fn curl_takes_the_header_from_its_standard_input() {
    let scene = Scene::new(&[], BEARER, |_| Response::text(BODY));
    let line = "token get -o header prod | curl --silent --show-error --fail -H @- https://api.example.com/me";
    for token in ["token-1", "token-2"] {
        scene.next_token_lives(2);
        scene.run("sh", &["-c", line]).exits(0).prints(BODY);
        scene.sent("https://api.example.com", &[token]);
        scene.internet.forget();
        scene.await_expiry();
    }
}

/// What the server lists, as RFC 4918 has it.
fn listing(request: &Request) -> Response {
    let entry = |path: &str, kind: &str| {
        format!(
            "<D:response><D:href>{path}</D:href><D:propstat><D:prop><D:resourcetype>{kind}</D:resourcetype></D:prop>\
             <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        )
    };
    let entries = [entry("/", "<D:collection/>"), entry("/demo.txt", "")].concat();
    match request.method.as_str() {
        "PROPFIND" => {
            let body = format!("<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">{entries}</D:multistatus>");
            Response { status: 207, ..Response::of("text/xml", body) }
        }
        _ => Response::status(405),
    }
}

#[test]
fn rclone_runs_the_command_for_each_mount_and_again_after_a_401() {
    let scene = Scene::new(&[], BEARER, listing);
    let list = |command: &str| {
        let ca = scene.home.path("authority.pem");
        let common = ["lsf", ":webdav:", "--webdav-url", "https://dav.example.com", "--retries", "1", "--low-level-retries", "2"];
        let rest = ["--webdav-bearer-token-command", command, "--ca-cert", ca.to_str().unwrap()];
        scene.run("rclone", &[&common[..], &rest[..]].concat())
    };
    list("token get prod").exits(0).prints("demo.txt\n");
    scene.sent("https://dav.example.com", &["token-1"]).issued(1);
    // It does not say what was refused: the command is the same. A person renews.
    scene.internet.refuse("token-1");
    assert_ne!(list("token get prod").code, Some(0));
    scene.issued(1);
    scene.home.run(&["renew", "prod"]).exits(0);
    scene.internet.forget();
    list("token get prod").exits(0).prints("demo.txt\n");
    scene.sent("https://dav.example.com", &["token-2"]).issued(2);
}

/// As much of a registry as choosing a version takes.
const PACKAGE: &str = "{\"name\":\"demo\",\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{\"name\":\"demo\",\"version\":\"1.0.0\",\
    \"dist\":{\"tarball\":\"https://npm.example.com/demo.tgz\",\"shasum\":\"0000000000000000000000000000000000000000\"}}}}";

#[test]
fn pnpm_runs_its_token_helper_for_its_registry_alone() {
    let scene = Scene::new(&[], BEARER, |_| Response::json(PACKAGE));
    let helper = scene.write_program("bin/npm-token", "#!/bin/sh\nset -e\ntoken=$(token get prod)\nprintf 'Bearer %s' \"$token\"\n");
    let ca = scene.home.path("authority.pem");
    scene.write(".npmrc", format!("//npm.example.com/:tokenHelper={}\ncafile={}\nfetch-retries=0\n", helper.display(), ca.display()));
    scene.write("work/package.json", "{\"dependencies\":{\"demo\":\"1.0.0\"}}");
    let resolve = |registry: &str| {
        let mut command = scene.consumer("pnpm", &["install", "--lockfile-only", "--registry", registry]);
        command.current_dir(scene.home.path("work"));
        scene.finish(command, "pnpm")
    };
    resolve("https://npm.example.com.evil.test/").exits(1);
    scene.internet.asked_without_a_token("https://npm.example.com.evil.test");
    resolve("https://npm.example.com/").exits(0);
    scene.sent("https://npm.example.com", &["token-1"]).issued(1);
}

/// A submission server that speaks OAUTHBEARER (RFC 7628) over TLS, and takes down what it is told.
struct Submission {
    address: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
}

impl Submission {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = Arc::clone(&told);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                converse(stream, &telling);
            }
        });
        Self { address, told }
    }

    /// What the client said of itself, decoded.
    fn bearers(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let decoded = |line: &String| STANDARD.decode(line.strip_prefix("AUTH OAUTHBEARER ")?.trim()).ok();
        told.iter().filter_map(decoded).map(|bytes| String::from_utf8_lossy(&bytes).replace('\u{1}', "|")).collect()
    }
}

/// One conversation in lines, until `QUIT`.
fn converse(stream: TcpStream, told: &Mutex<Vec<String>>) -> Option<()> {
    let connection = ServerConnection::new(authority::configuration("localhost")).ok()?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut answer = "220 ready\r\n";
    let mut is_message = false;
    loop {
        reader.get_mut().write_all(answer.as_bytes()).ok()?;
        let mut line = String::new();
        while reader.read_line(&mut line).ok()? > 0 && is_message && line != ".\r\n" {
            line.clear();
        }
        told.lock().unwrap().push(line.trim_end().to_owned());
        answer = match line.split([' ', '\r']).next()? {
            "EHLO" => "250-localhost\r\n250 AUTH OAUTHBEARER\r\n",
            "AUTH" => "235 welcome\r\n",
            "DATA" => "354 go on\r\n",
            "QUIT" | "" => return None,
            _ => "250 fine\r\n",
        };
        is_message = line.starts_with("DATA");
    }
}

#[test]
fn msmtp_presents_the_token() {
    let scene = Scene::new(&[], None, |_| Response::status(404));
    let server = Submission::start();
    let config = format!(
        "defaults\ntls on\ntls_starttls off\ntls_trust_file {}\naccount default\nhost localhost\nport {}\nfrom me@example.com\n\
         auth oauthbearer\nuser me@example.com\npasswordeval \"token get prod\"\n",
        scene.home.path("authority.pem").display(),
        server.address.port()
    );
    let config = scene.write("msmtprc", config);
    let message = scene.write("message", "Subject: x\n\nHello\n");
    let mut command = scene.consumer("msmtp", &["--file", config.to_str().unwrap(), "you@example.com"]);
    command.stdin(fs::File::open(message).unwrap());
    scene.finish(command, "msmtp").exits(0);
    let bearers = server.bearers();
    assert!(bearers.len() == 1 && bearers[0].contains("|auth=Bearer token-1|"), "{bearers:?}");
}

/// A file that is replaced whole at every renewal is read at every scrape: no scrape finds none, or half of one.
#[test]
fn prometheus_reads_the_sink_at_every_scrape() {
    let scene = Scene::new(&[], None, |_| Response::status(404));
    scene.home.configure(&scene.profile(&format!("sink = [{{ path = '{}' }}]\n", scene.home.path("prod.token").display())));
    scene.home.run(&["get", "prod"]).exits(0);
    let target = Internet::new(BEARER, |_| Response::of("text/plain; version=0.0.4", "up_to_date 1\n"));
    let config = format!(
        "global:\n  scrape_interval: 100ms\n  scrape_timeout: 100ms\nscrape_configs:\n- job_name: demo\n  authorization:\n    credentials_file: {}\n  \
         static_configs:\n  - targets: ['{}']\n",
        scene.home.path("prod.token").display(),
        target.address()
    );
    let config = scene.write("prometheus.yml", config);
    let data = scene.home.path("data");
    let arguments =
        ["--config.file", config.to_str().unwrap(), "--storage.tsdb.path", data.to_str().unwrap(), "--web.listen-address", "127.0.0.1:0"];
    let mut command = scene.home.other(program("prometheus"), &arguments);
    let mut prometheus = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let origin = format!("http://{}", target.address());
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for expected in ["token-1", "token-2", "token-3"] {
            wait_until(&format!("a scrape with {expected}"), || target.tokens_at(&origin).last().is_some_and(|token| token == expected));
            scene.home.run(&["renew", "prod"]).exits(0);
        }
    }));
    prometheus.kill().unwrap();
    prometheus.wait().unwrap();
    result.unwrap();
    let seen = target.seen();
    assert!(seen.iter().all(|request| request.token().is_some()), "a scrape without a token: {seen:#?}");
}

/// What Bazel's credential helpers answer, by the schema of their specification.
const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "expires": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(Z|[+-]\\d{2}:\\d{2})$"},
        "headers": {"type": "object", "additionalProperties": {"type": "array", "minItems": 1, "items": {"type": "string"}}}
    },
    "additionalProperties": false
}"#;

const CHECK: &str = "import json, jsonschema, sys\n\
    jsonschema.Draft202012Validator(json.loads(sys.argv[1])).validate(json.loads(sys.argv[2]))\n";

/// Bazel itself is in no registry of packages: its answer is held to what its makers publish.
#[test]
fn bazel_would_understand_the_answer() {
    let scene = Scene::new(&["cache.example.com"], None, |_| Response::status(404));
    let ask = |uri: &str| -> Outcome {
        let request = scene.write("request", format!("{{\"uri\":\"{uri}\",\"unknown\":1}}"));
        let mut command = scene.home.other(scene.home.path("bin/bazel-credential-token"), &["get"]);
        command.stdin(fs::File::open(request).unwrap());
        scene.finish(command, "bazel-credential-token")
    };
    let ours = ask("https://cache.example.com/cas");
    let answer: serde_json::Value = serde_json::from_str(&ours.exits(0).stdout()).unwrap();
    assert_eq!(answer["headers"]["Authorization"], serde_json::json!(["Bearer token-1"]));
    assert!(answer["expires"].is_string(), "{ours}");
    for stranger in [
        "https://a.cache.example.com/",
        "https://cache.example.com:8443/",
        "http://cache.example.com/",
        "https://cache.example.com.evil.test/",
    ] {
        let theirs = ask(stranger);
        assert_eq!(theirs.exits(0).stdout().trim(), "{}", "{stranger}");
        scene.run("python3", &["-c", CHECK, SCHEMA, &theirs.stdout()]).exits(0);
    }
    scene.run("python3", &["-c", CHECK, SCHEMA, &ours.stdout()]).exits(0);
    assert_ne!(scene.run("python3", &["-c", CHECK, SCHEMA, "{\"headers\":{\"a\":\"b\"}}"]).code, Some(0), "the schema holds nothing");
}
