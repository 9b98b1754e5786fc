//! Somebody who has just heard of the program: from the package to kubectl and the watcher, and away again, in one sitting.
//!
//! Every screen they see on the way is in `tests/fixtures/first_steps`, with words for what differs from time to time; `UPDATE=1`
//! writes them anew. Whoever changes what is said reads there how it looks to them.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use crate::consumers::authority;
use crate::consumers::internet::{Internet, Response};
use crate::consumers::scene::program;
use crate::packages::{deb, install};
use crate::support::issuer::{BASIC, Issuer};
use crate::support::machine::{HOME, Machine, done};
use crate::support::screen::Screen;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/first_steps");
const API: &str = "https://k8s.example.com:6443";

/// Compares screens with those that are kept.
struct Album {
    /// What differs from time to time, and the word for it.
    words: Vec<(String, &'static str)>,
    wrong: Vec<String>,
}

impl Album {
    fn keeps(&mut self, name: &str, screen: &str) {
        let path = Path::new(FIXTURES).join(name).with_extension("txt");
        let seen = lasting(screen, &self.words);
        if env::var_os("UPDATE").is_some_and(|value| value == "1") {
            fs::create_dir_all(FIXTURES).expect("the fixtures");
            fs::write(&path, &seen).expect("a fixture");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        if seen != kept {
            self.wrong.push(format!("--- {name}.txt, kept:\n{kept}--- seen:\n{seen}"));
        }
    }
}

/// A screen without what differs from time to time: these words, how long something takes or is left, and how wide that makes a column.
fn lasting(screen: &str, words: &[(String, &'static str)]) -> String {
    let known = words.iter().fold(screen.trim_end().to_owned(), |text, (from, to)| text.replace(from, to));
    let lines = known.lines().map(|line| {
        let columns: Vec<&str> = line.split("  ").map(str::trim).filter(|column| !column.is_empty()).collect();
        let lasting = columns.iter().copied().map(timeless).collect::<Vec<_>>().join("  ");
        let is_of_a_table = columns.first() == Some(&"PROFILE") || lasting != columns.join("  ");
        let indent = &line[..line.len() - line.trim_start().len()];
        if is_of_a_table { format!("{indent}{lasting}\n") } else { format!("{}\n", line.trim_end()) }
    });
    lines.collect()
}

/// Words without durations and times of day: `in 9m 59s` is `in SOME TIME`.
fn timeless(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        let bare = word.trim_matches(|c: char| ",.;:()".contains(c));
        if word.contains(['█', '░']) {
            words.push("BAR");
            continue;
        }
        match (is_duration(bare), words.last()) {
            (true, Some(&"SOME TIME")) => {}
            (true, _) => words.push("SOME TIME"),
            (false, _) => words.push(word),
        }
    }
    words.join(" ")
}

fn is_duration(word: &str) -> bool {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let unit = &word[digits.len()..];
    ["ms", "s", "m", "h", "d"].contains(&unit) && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

#[test]
fn screens_last() {
    let words = [("4711".to_owned(), "PORT")];
    let table = [
        ("$ a\nprod  basic   in 9m 59s   in 10s\n\n", "$ a\nprod  basic  in SOME TIME  in SOME TIME\n"),
        ("renewed, expires in 59m 59s\n  hint: try 4711", "renewed, expires in SOME TIME\n  hint: try PORT\n"),
        ("prod  fresh  ████▌░░  renews", "prod  fresh  BAR  renews\n"),
        ("ms 10 m5 5mm --ttl 5m", "ms 10 m5 5mm --ttl SOME TIME\n"),
        ("PROFILE    LEFT", "PROFILE  LEFT\n"),
        ("  get     print", "  get     print\n"),
    ];
    for (screen, expected) in table {
        assert_eq!(lasting(screen, &words), expected);
    }
}

/// Somebody at a machine, an issuer, and a cluster that lets nobody in without a token.
struct Visit<'a> {
    screen: Screen<'a>,
    album: Album,
}

impl Visit<'_> {
    /// Types a line, whose screen is kept under this name.
    #[track_caller]
    fn line(&mut self, name: &str, line: &str, status: i32) -> String {
        let shown = self.screen.line(line, status);
        self.album.keeps(name, &shown);
        shown
    }
}

fn cluster() -> Internet {
    Internet::new(None, |request| match request.token() {
        Some(_) => Response::json("{\n  \"gitVersion\": \"v1.37.1\"\n}\n"),
        None => Response::status(401),
    })
}

/// systemd's end of the line: the messages of a service, as they come.
fn manager(machine: &Machine) -> UnixDatagram {
    let place = machine.path("/tmp/notify");
    let socket = UnixDatagram::bind(&place).expect("a socket");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).expect("a socket for everybody");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    socket
}

#[track_caller]
fn hears(manager: &UnixDatagram, wanted: &str) {
    let mut message = [0; 4096];
    loop {
        let length = manager.recv(&mut message).unwrap_or_else(|error| panic!("{wanted}: {error}"));
        if String::from_utf8_lossy(&message[..length]).lines().any(|line| line == wanted) {
            return;
        }
    }
}

/// What the unit of the package starts.
fn started_by_systemd(machine: &Machine) -> String {
    let unit = fs::read_to_string(machine.path("/usr/lib/systemd/user/token-watch.service")).expect("the unit");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    line.replace("$$", "$")
}

/// A first profile, by answers at the terminal.
fn introduces_themselves(visit: &mut Visit<'_>, issuer: &Issuer) {
    visit.screen.begin(&format!("token init {}", issuer.url()));
    let answers = [
        ("name of the profile", "prod"),
        ("how to get a token", "client-credentials"),
        ("client id", BASIC.id),
        ("client secret", BASIC.secret),
        ("scope", ""),
    ];
    for (question, answer) in answers {
        visit.screen.wait_for(question);
        visit.screen.answer(answer);
    }
    let shown = visit.screen.end(0);
    assert!(!shown.contains(BASIC.secret), "{shown}");
    visit.album.keeps("init", &shown);
}

#[test]
fn from_the_package_to_kubectl_and_away_again() {
    let (machine, issuer, cluster) = (Machine::new(), Issuer::start(), cluster());
    machine.bring(&program("kubectl"), "/usr/local/bin/kubectl");
    machine.bring(&deb(), "/tmp/token.deb");
    fs::write(machine.path("/tmp/ca.pem"), authority::pem()).expect("a certificate");
    install(&machine, "/tmp/token.deb");
    let port = |address: &str| address.rsplit_once(':').expect("a port").1.to_owned();
    let words = vec![(port(&issuer.url()), "PORT"), (port(&cluster.address()), "PROXY"), (env!("CARGO_PKG_VERSION").to_owned(), "VERSION")];
    let mut visit = Visit { screen: Screen::open(&machine), album: Album { words, wrong: Vec::new() } };

    visit.line("token", "token", 2);
    visit.line("nothing_yet", "token get", 2);
    visit.line("wrapped", "token get -- echo a-token", 0);

    introduces_themselves(&mut visit, &issuer);
    visit.line("get", "token get >token; wc -l <token", 0);
    visit.line("status", "token status", 0);
    let proxy = format!("http://{}", cluster.address());
    let server = format!("--server {API} --certificate-authority /tmp/ca.pem --proxy-url {proxy}");
    visit.line("kubectl_cluster", &format!("kubectl config set-cluster work {server}"), 0);
    visit.line("kubectl_shown", "token helper setup kubectl --context work --cluster work", 0);
    visit.line("kubectl_set_up", "token helper setup kubectl --context work --cluster work --write", 0);
    visit.line("kubectl", "kubectl --context work get --raw /version", 0);
    assert_eq!(cluster.tokens_at(API), [fs::read_to_string(machine.path(format!("{HOME}/token"))).expect("a token").trim()]);

    visit.line("doctor", "token doctor", 0);

    watches(&machine, &mut visit);

    visit.line("kubectl_undone", "token helper setup kubectl --context work --cluster work --undo --write", 0);
    visit.line("purge", "token purge --all", 0);
    done(machine.root("apt-get", &["purge", "--yes", "token"]).env("DEBIAN_FRONTEND", "noninteractive"));
    let Album { wrong, .. } = visit.album;
    assert!(wrong.is_empty(), "screens that changed (UPDATE=1 writes them anew):\n{}", wrong.join("\n"));
}

/// The watcher, as the unit starts it, under somebody's eyes.
fn watches(machine: &Machine, visit: &mut Visit<'_>) {
    let manager = manager(machine);
    visit.screen.begin(&format!("NOTIFY_SOCKET=/tmp/notify {}", started_by_systemd(machine)));
    hears(&manager, "READY=1");
    visit.screen.wait_for("fresh");
    let shown = visit.screen.text();
    visit.album.keeps("watch", &shown);
    visit.screen.press("C-c");
    hears(&manager, "STOPPING=1");
    let shown = visit.screen.end(130);
    visit.album.keeps("watch_ended", &shown);
}
