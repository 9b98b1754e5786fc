//! pip and uv: the command `keyring`, against an index that wants Basic.

use super::internet::{Request, Response};
use super::scene::{Scene, program};
use crate::harness::Outcome;

const INDEX: &str = "https://pypi.example.com";
const BASIC: Option<&str> = Some("Basic realm=\"pypi\"");
const WHEEL: &str = "demo-1.0-py3-none-any.whl";

/// A wheel with nothing in it, as `zipfile` packs it.
const PACK: &str = "import zipfile, sys\n\
    z = zipfile.ZipFile(sys.argv[1], 'w')\n\
    z.writestr('demo-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n')\n\
    z.writestr('demo-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
    z.writestr('demo-1.0.dist-info/RECORD', '')\n";

fn scene() -> Scene {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join(WHEEL);
    let packed = std::process::Command::new(program("python3")).args(["-c", PACK]).arg(&file).status().unwrap();
    assert!(packed.success());
    let wheel = std::fs::read(file).unwrap();
    Scene::new(&["pypi.example.com"], BASIC, move |request| match request.path.as_str() {
        "/simple/demo/" => Response::of("text/html", format!("<a href=\"/files/{WHEEL}\">{WHEEL}</a>")),
        path if path.strip_prefix("/files/") == Some(WHEEL) => Response::of("application/octet-stream", wheel.clone()),
        _ => Response::status(404),
    })
}

/// Somebody who installs packages.
#[derive(Clone, Copy, Debug)]
enum Installer {
    Pip,
    Uv,
}

const INSTALLERS: [Installer; 2] = [Installer::Pip, Installer::Uv];

impl Scene {
    fn install(&self, installer: Installer, index: &str, user: &str) -> Outcome {
        let url = format!("{}/simple/", index.replacen("://", &format!("://{user}"), 1));
        let target = self.home.path("site");
        let _ = std::fs::remove_dir_all(&target);
        let target = target.to_str().unwrap();
        let common = ["--no-deps", "--keyring-provider", "subprocess", "--index-url", &url, "--target", target, "demo"];
        let (name, first): (_, &[&str]) = match installer {
            Installer::Pip => (
                "pip",
                &[
                    "install",
                    "--no-input",
                    "--disable-pip-version-check",
                    "--no-cache-dir",
                    "--retries",
                    "0",
                    "--trusted-host",
                    "pypi.example.com",
                ],
            ),
            Installer::Uv => ("uv", &["pip", "install", "--no-cache", "--no-config"]),
        };
        let arguments: Vec<&str> = first.iter().copied().chain(common).collect();
        self.run(name, &arguments)
    }

    fn users(&self) -> Vec<(String, String)> {
        let mut users: Vec<_> =
            self.internet.seen().iter().filter_map(Request::basic).filter(|(_, password)| !password.is_empty()).collect();
        users.dedup();
        users
    }
}

#[test]
fn pip_and_uv_send_the_token_as_the_password_of_the_user_in_the_url() {
    for installer in INSTALLERS {
        let scene = scene();
        scene.install(installer, INDEX, "me@").exits(0);
        assert_eq!(scene.users(), [("me".into(), "token-1".into())], "{installer:?}");
        assert!(scene.home.path("site/demo-1.0.dist-info").exists());
        scene.issued(1).internet.holds_no_token_but_at(INDEX);
    }
}

/// Newer versions of pip ask for a user as well, where the URL names none.
#[test]
fn pip_takes_the_user_of_the_profile() {
    let scene = scene();
    scene.install(Installer::Pip, INDEX, "").exits(0);
    assert_eq!(scene.users(), [("oauth2".into(), "token-1".into())]);
}

/// uv asks for a user as well, where it is told that a login is needed.
#[test]
fn uv_takes_the_user_of_the_profile() {
    let scene = scene();
    let config = format!("[[index]]\nname = \"private\"\nurl = \"{INDEX}/simple/\"\nauthenticate = \"always\"\ndefault = true\n");
    let file = scene.write("uv.toml", config);
    let target = scene.home.path("site");
    let arguments = ["pip", "install", "--no-cache", "--config-file", file.to_str().unwrap(), "--keyring-provider", "subprocess"];
    let arguments: Vec<&str> = arguments.into_iter().chain(["--no-deps", "--target", target.to_str().unwrap(), "demo"]).collect();
    scene.run("uv", &arguments).exits(0);
    assert_eq!(scene.users(), [("oauth2".into(), "token-1".into())]);
}

#[test]
fn pip_and_uv_go_on_as_if_nobody_helped_where_an_index_is_not_listed() {
    for installer in INSTALLERS {
        for stranger in ["https://pypi.example.com.evil.test", "https://a.pypi.example.com", "https://pypi.example.com:8443"] {
            let scene = scene();
            let helped = scene.install(installer, stranger, "me@");
            scene.internet.asked_without_a_token(stranger);
            scene.issued(0);
            std::fs::remove_file(scene.home.path("bin/keyring")).unwrap();
            scene.write_program("bin/keyring", "#!/bin/sh\nexit 1\n");
            let alone = scene.install(installer, stranger, "me@");
            assert_ne!(helped.code, Some(0), "{helped}");
            assert_eq!((helped.code, &helped.stderr), (alone.code, &alone.stderr), "{installer:?} at {stranger}");
        }
    }
}

/// Where the URL has nothing, pip asks for the host alone, and would send what it gets over http.
#[test]
fn pip_and_uv_get_nothing_for_plain_http() {
    for installer in INSTALLERS {
        let scene = scene();
        let outcome = scene.install(installer, "http://pypi.example.com", "me@");
        assert_ne!(outcome.code, Some(0), "{outcome}");
        scene.internet.asked_without_a_token("http://pypi.example.com");
    }
}

#[test]
fn pip_and_uv_are_never_given_an_expired_token() {
    for installer in INSTALLERS {
        let scene = scene();
        scene.next_token_lives(5);
        scene.install(installer, INDEX, "me@").exits(0);
        scene.await_expiry();
        scene.internet.forget();
        scene.install(installer, INDEX, "me@").exits(0);
        scene.sent(INDEX, &["token-2"]).issued(2);
    }
}
