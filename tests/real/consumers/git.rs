//! git: clone and push over smart HTTP, which `git http-backend` serves behind a gate for tokens.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::internet::{Request, Response};
use super::scene::{Scene, find, program};
use crate::harness::{Outcome, Reply, Running};

const SITE: &str = "https://git.example.com";
const BEARER: &str = "Bearer realm=\"git\"";
const BASIC: &str = "Basic realm=\"git\"";

/// A scene with a server that has one repository, `team/app.git`.
struct Git {
    scene: Scene,
    repositories: TempDir,
}

impl Git {
    fn new(challenge: &str) -> Self {
        let repositories = TempDir::new().unwrap();
        let root = repositories.path().to_owned();
        local(&root, &["init", "--quiet", "--bare", "--initial-branch=main", "team/app.git"]);
        local(&root.join("team/app.git"), &["config", "http.receivepack", "true"]);
        let scene = Scene::new(&["git.example.com"], Some(challenge), move |request| backend(&root, request));
        let helper = "[credential]\n\thelper =\n\thelper = token\n[user]\n\tname = me\n\temail = me@example.com\n";
        scene.write(".gitconfig", helper);
        Self { scene, repositories }
    }

    /// Runs git as a user does, who is not there to be asked.
    fn run(&self, git: &Path, arguments: &[&str]) -> Outcome {
        let mut command = self.scene.consumer(git.to_str().unwrap(), arguments);
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1");
        self.scene.finish(command, "git")
    }

    fn clone(&self, git: &Path, url: &str) -> Outcome {
        let _ = std::fs::remove_dir_all(self.scene.home.path("app"));
        self.run(git, &["clone", "--quiet", url, "app"])
    }

    /// Commits and pushes.
    fn push(&self, git: &Path) -> Outcome {
        let app = self.scene.home.path("app");
        let app = app.to_str().unwrap();
        self.run(git, &["-C", app, "commit", "--quiet", "--allow-empty", "--message=x"]).exits(0);
        self.run(git, &["-C", app, "push", "--quiet", "origin", "HEAD:main"])
    }

    fn commits(&self) -> usize {
        let log = local(&self.repositories.path().join("team/app.git"), &["rev-list", "--count", "main"]);
        log.trim().parse().unwrap()
    }

    fn authorizations(&self) -> Vec<String> {
        let mut found: Vec<String> = self.scene.internet.seen().iter().filter_map(Request::authorization).map(str::to_owned).collect();
        found.dedup();
        found
    }
}

/// Runs git on the server's side.
fn local(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(directory).stdin(Stdio::null()).output().expect("git");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What CGI (RFC 3875) makes of a request, and of an answer.
fn backend(root: &Path, request: &Request) -> Response {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
    let variables = HashMap::from([
        ("GIT_PROJECT_ROOT", root.to_str().unwrap().to_owned()),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        ("REQUEST_METHOD", request.method.clone()),
        ("PATH_INFO", path.to_owned()),
        ("QUERY_STRING", query.to_owned()),
        ("CONTENT_TYPE", header("content-type")),
        ("CONTENT_LENGTH", request.body.len().to_string()),
        ("HTTP_CONTENT_ENCODING", header("content-encoding")),
        ("GIT_PROTOCOL", header("git-protocol")),
        ("REMOTE_USER", "me".to_owned()),
    ]);
    let mut command = Command::new("git");
    command.arg("http-backend").envs(variables).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().expect("git http-backend");
    let (mut stdin, body) = (child.stdin.take().unwrap(), request.body.clone());
    let feeding = std::thread::spawn(move || stdin.write_all(&body));
    let output = child.wait_with_output().unwrap().stdout;
    let _ = feeding.join();
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").expect("the head of a CGI answer");
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut response = Response { status: 200, headers: Vec::new(), body: output[end + 4..].to_vec() };
    for (name, value) in head.split("\r\n").filter_map(|line| line.split_once(": ")) {
        match name {
            "Status" => response.status = value[..3].parse().unwrap(),
            _ => response = response.header(name, value),
        }
    }
    response
}

/// The git that is found first, and another one if there is.
fn gits() -> Vec<PathBuf> {
    let first = program("git");
    let second = Some(PathBuf::from("/usr/bin/git")).filter(|second| second.exists() && *second != first);
    std::iter::once(first).chain(second).collect()
}

/// Whether this git (2.46 and later) takes a token with its scheme.
fn has_authtype(git: &Path) -> bool {
    let output = Command::new(git).args(["credential", "capability"]).output().expect("git");
    String::from_utf8_lossy(&output.stdout).contains("authtype")
}

#[test]
fn git_clones_and_pushes_with_the_token_as_bearer() {
    for git in gits().iter().filter(|git| has_authtype(git)) {
        let test = Git::new(BEARER);
        test.clone(git, &format!("{SITE}/team/app.git")).exits(0);
        test.push(git).exits(0);
        assert_eq!(test.authorizations(), ["Bearer token-1"], "{}", git.display());
        assert_eq!(test.commits(), 1);
        test.scene.sent(SITE, &["token-1"]).issued(1);
    }
    assert!(find("git").is_some());
}

#[test]
fn git_clones_and_pushes_with_the_token_as_a_password_where_basic_is_asked_for() {
    for git in gits() {
        let test = Git::new(BASIC);
        test.clone(&git, &format!("{SITE}/team/app.git")).exits(0);
        test.push(&git).exits(0);
        let seen = test.scene.internet.seen();
        let users: Vec<_> = seen.iter().filter_map(Request::basic).collect();
        assert!(!users.is_empty() && users.iter().all(|user| *user == ("oauth2".into(), "token-1".into())), "{users:?}");
        assert_eq!(test.commits(), 1);
        test.scene.sent(SITE, &["token-1"]).issued(1);
    }
}

#[test]
fn git_goes_on_as_if_nobody_helped_where_a_host_is_not_listed() {
    let strangers = [
        "https://git.example.com.evil.test",
        "https://a.git.example.com",
        "https://git.example.com:8443",
        "https://xgit.example.com",
        "http://git.example.com",
    ];
    for git in gits() {
        for stranger in strangers {
            let test = Git::new(BASIC);
            let url = format!("{stranger}/team/app.git");
            let helped = test.clone(&git, &url);
            test.scene.internet.asked_without_a_token(stranger);
            test.scene.issued(0);
            test.scene.write(".gitconfig", "");
            let alone = test.clone(&git, &url);
            assert_eq!((helped.code, &helped.stderr), (alone.code, &alone.stderr), "{stranger}");
        }
    }
}

/// This machine needs no https, but it has to be listed as it is asked for.
#[test]
fn git_sends_the_token_to_this_machine_by_http_where_name_and_port_are_listed() {
    let test = Git::new(BASIC);
    let address = test.scene.internet.address();
    let (_, port) = address.split_once(':').unwrap();
    let listed = format!("http://{address}");
    let ls_remote = |origin: &str| {
        let mut command = test.scene.consumer("git", &["ls-remote", &format!("{origin}/team/app.git")]);
        command.env("no_proxy", "*").env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1");
        test.scene.finish(command, "git")
    };
    for hosts in ["127.0.0.1", "localhost", &format!("localhost:{port}"), "127.0.0.1:1"] {
        test.scene.home.configure(&test.scene.profile(&format!("hosts = [{hosts:?}]\n")));
        ls_remote(&listed).exits(128);
        test.scene.internet.asked_without_a_token(&listed);
    }
    test.scene.home.configure(&test.scene.profile(&format!("hosts = [{address:?}]\n")));
    ls_remote(&listed).exits(0);
    test.scene.sent(&listed, &["token-1"]).issued(1);
}

#[test]
fn git_is_not_misled_by_a_user_who_looks_like_a_host() {
    for git in gits() {
        let test = Git::new(BASIC);
        test.clone(&git, "https://git.example.com@evil.test/team/app.git").exits(128);
        test.scene.internet.asked_without_a_token("https://evil.test");
        test.scene.issued(0);
    }
}

#[test]
fn git_is_never_given_an_expired_token() {
    for git in gits() {
        let test = Git::new(BASIC);
        test.scene.next_token_lives(3);
        test.clone(&git, &format!("{SITE}/team/app.git")).exits(0);
        test.scene.await_expiry();
        test.scene.internet.forget();
        test.push(&git).exits(0);
        test.scene.sent(SITE, &["token-2"]).issued(2);
    }
}

/// git says `erase`, and gives up; the next command has another token.
#[test]
fn git_drops_a_refused_token_and_gets_another_once() {
    for (git, challenge) in gits().iter().flat_map(|git| [(git, BASIC), (git, BEARER)]) {
        if challenge == BEARER && !has_authtype(git) {
            continue;
        }
        let test = Git::new(challenge);
        test.clone(git, &format!("{SITE}/team/app.git")).exits(0);
        test.scene.internet.refuse("token-1");
        test.push(git).exits(128);
        assert!(test.scene.home.entry("prod").is_none(), "{} kept a refused token", git.display());
        test.scene.internet.forget();
        test.push(git).exits(0);
        test.scene.sent(SITE, &["token-2"]).issued(2);
    }
}

/// Each was refused the same token, and says so: the one that came since stays.
#[test]
fn many_gits_at_once_get_one_token_after_a_401() {
    let test = Git::new(BASIC);
    let fetches = || -> Vec<Outcome> {
        let start = |_| {
            let mut command = test.scene.consumer("git", &["ls-remote", "https://git.example.com/team/app.git"]);
            command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1");
            test.scene.home.start(command, &["git"])
        };
        let running: Vec<Running> = (0..6).map(start).collect();
        running.into_iter().map(Running::finish).collect()
    };
    for outcome in fetches() {
        outcome.exits(0);
    }
    test.scene.sent(SITE, &["token-1"]).issued(1);
    test.scene.internet.refuse("token-1");
    fetches();
    for outcome in fetches() {
        outcome.exits(0);
    }
    test.scene.issued(2);
}

/// A user may say more, or less, of where the helper is and whose token that is to be.
#[test]
fn git_calls_the_helper_however_it_is_written() {
    let test = Git::new(BASIC);
    let link = test.scene.home.path("bin/git-credential-token").display().to_string();
    let helpers = ["token", "token --profile prod", "!token helper git", "!token helper git --profile prod", &link];
    for helper in helpers {
        let setting = format!("credential.helper={helper}");
        let arguments = ["-c", "credential.helper=", "-c", &setting, "ls-remote", "https://git.example.com/team/app.git"];
        test.run(&program("git"), &arguments).exits(0);
        test.scene.sent(SITE, &["token-1"]);
        test.scene.internet.forget();
    }
}

/// `erase` names what was refused: a token that came since stays.
#[test]
fn git_does_not_drop_a_token_that_was_never_refused() {
    let test = Git::new(BASIC);
    let git = program("git");
    test.clone(&git, &format!("{SITE}/team/app.git")).exits(0);
    let mut command = test.scene.consumer("git", &["credential", "reject"]);
    let input = test.scene.write("input", "protocol=https\nhost=git.example.com\nusername=oauth2\npassword=token-0\n\n");
    command.stdin(std::fs::File::open(input).unwrap());
    test.scene.finish(command, "git").exits(0);
    test.push(&git).exits(0);
    test.scene.sent(SITE, &["token-1"]).issued(1);
}

/// It is ours, and it failed: nobody else is asked, and git says why.
#[test]
fn git_ends_with_our_reason_where_the_token_cannot_be_had() {
    let test = Git::new(BASIC);
    test.scene.issuer.answer(Reply::oauth(400, "invalid_client"));
    let outcome = test.clone(&program("git"), &format!("{SITE}/team/app.git"));
    outcome.exits(128).mentions("error: prod: ").mentions("quit");
    test.scene.internet.asked_without_a_token(SITE);
}
