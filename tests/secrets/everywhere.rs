//! S3 and S4: every kind of secret in use, every command, as loud as it gets, and every place that one might get to.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;

use super::canary::{core, held, secret};
use super::echo::{ALL, Echo, Form};
use super::provider::ask;
use super::scene::{Mood, OTHERS, PROFILES, Scene, put};
use crate::support::cases;
use crate::support::privilege::strace_for;

/// What asks for a token, or hears of one, in each tool's protocol.
const HELPERS: [(&[&str], &str); 19] = [
    (&["kubectl", "--profile", "inline"], ""),
    (&["git", "get"], "protocol=https\nhost=git.example.com\n\n"),
    (&["git", "get"], "protocol=https\nhost=other.example.com\npassword=SECRET\n\n"),
    (&["git", "store"], "protocol=https\nhost=git.example.com\nusername=me\npassword=SECRET\n\n"),
    (&["git", "erase"], "protocol=https\nhost=git.example.com\nusername=me\npassword=SECRET\n\n"),
    (&["docker", "get"], "git.example.com\n"),
    (&["docker", "store"], "{\"ServerURL\":\"git.example.com\",\"Username\":\"me\",\"Secret\":\"SECRET\"}"),
    (&["docker", "erase"], "git.example.com/SECRET\n"),
    (&["google", "--profile", "inline"], ""),
    (&["aws", "--profile", "inline"], ""),
    (
        &["cargo", "--cargo-plugin"],
        "{\"v\":1,\"registry\":{\"index-url\":\"sparse+https://git.example.com/\"},\"kind\":\"get\",\"operation\":\"read\"}\n",
    ),
    (
        &["cargo", "--cargo-plugin"],
        "{\"v\":1,\"registry\":{\"index-url\":\"sparse+https://git.example.com/\"},\"kind\":\"login\",\"token\":\"SECRET\"}\n",
    ),
    (&["keyring", "get", "https://git.example.com/simple/", "me"], ""),
    (&["keyring", "set", "https://git.example.com/simple/", "me"], "SECRET\n"),
    (&["terraform", "get", "git.example.com"], ""),
    (&["terraform", "store", "git.example.com"], "{\"token\":\"SECRET\"}"),
    (&["bazel", "get"], "{\"uri\":\"https://git.example.com/\",\"SECRET\":\"SECRET\"}"),
    (&["goauth", "--profile", "inline"], ""),
    (&["vault", "--profile", "inline", "store"], "SECRET"),
];

/// Runs every command that people and scripts run, for this profile.
fn every_command(scene: &Scene, profile: &str) {
    scene.run(&["-vvv", "get", profile]);
    scene.run(&["-vvv", "get", profile, "--offline", "-o", "json"]);
    if !["inline", "refresh", "exec"].contains(&profile) {
        return;
    }
    for args in [
        &["-vvv", "--log-format", "json", "renew", profile][..],
        &["-vvv", "get", profile, "--renew", "--min-ttl", "2h"],
        &["-vvv", "get", profile, "--offline", "-o", "header"],
        &["-vvv", "watch", "--once", profile],
        &["-vvv", "status", profile],
        &["--log-format=json", "-vvv", "status", profile, "--json"],
        &["-vvv", "purge", profile, "-n"],
    ] {
        scene.run(args);
    }
    for args in [&["-vvv", "renew", profile, "--if-token-is", "-"], &["-vvv", "purge", profile, "--if-token-is", "-"]] {
        scene.fed(args, &secret("IfTokenIs"));
    }
}

/// The files that are meant to hold a secret, of this profile and of all.
fn keepers(access: &[&str]) -> Vec<(String, Vec<&'static str>)> {
    let mut keepers: Vec<(String, Vec<&str>)> = ["Actor", "Bearer", "Command", "ExecEnv", "File", "FirstRefresh", "HeaderFile", "Subject"]
        .into_iter()
        .map(|kind| (kind.to_owned(), vec![kind]))
        .collect();
    keepers.push(("config/token/config.toml".to_owned(), vec!["Body", "HeaderInline", "Inline", "Proxy", "Sealed"]));
    keepers.push(("key.pem".to_owned(), vec!["KeyFile"]));
    keepers.push(("mint".to_owned(), vec!["ExecError", "ExecOutput"]));
    for name in access {
        keepers.push((format!("cache/{name}.json"), vec![if *name == "exec" { "ExecOutput" } else { "Access" }]));
    }
    keepers
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

/// Standard error, other programs' arguments and environments, and other hosts: nothing but what the profiles name.
#[track_caller]
fn nothing_got_out(scene: &Scene) {
    assert_eq!(scene.said(), BTreeSet::new(), "on standard error");
    // The user's own variables are inherited, and one that a profile names goes to the command for which it does so.
    let own = ["Environment", "ProxyVariable"];
    let strangers: Vec<_> = scene
        .started()
        .into_iter()
        .filter(|(program, kind)| !own.contains(kind) && (program.as_str(), *kind) != ("mint", "ExecEnv"))
        .collect();
    assert_eq!(strangers, [], "in the arguments or the environment of a program");
    let seen: Vec<_> = scene.seen().into_iter().filter(|kind| ![&own[..], &["ExecEnv"]].concat().contains(kind)).collect();
    assert_eq!(seen, [""; 0], "in /proc");
    assert_eq!(scene.trap.visits(), 0, "a redirect was followed, or a proxy asked for loopback");
    for (profile, meant) in PROFILES {
        let sent = format!("{:?}", scene.issuer.requests_at(&format!("/{profile}")));
        let strangers: Vec<_> = held(&sent).into_iter().filter(|kind| !meant.contains(kind)).collect();
        assert_eq!(strangers, [""; 0], "sent for {profile}");
    }
    for (host, meant) in [(&scene.proxy, "Proxy"), (&scene.variable, "ProxyVariable")] {
        let sent = format!("{:?}", host.requests());
        assert_eq!(held(&sent), BTreeSet::from([meant]), "sent to the proxy");
    }
}

#[test]
fn what_goes_well_gives_nothing_away() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let scene = Scene::set();
    let profiles: Vec<&str> = PROFILES.iter().map(|(profile, _)| *profile).chain(OTHERS).collect();
    cases::each(&profiles, |profile| profile, |profile| every_command(&scene, profile));
    let all: Vec<&str> = PROFILES.iter().map(|(profile, _)| *profile).chain(["exec"]).collect();
    scene.run(&["-vvv", "renew", "--all"]);
    scene.run(&["-vvv", "watch", "--all", "--once"]);
    scene.run(&["-vvv", "status"]).exits(0);
    scene.run(&["-vvv", "purge", "--all", "-n"]).exits(0);
    let mut expected = keepers(&all);
    expected.push(("state/refresh.json".to_owned(), vec!["Rotated"]));
    expected.push(("sink".to_owned(), vec!["Access"]));
    assert_eq!(scene.holders(), sorted(expected), "the files that hold one");
    assert_eq!(scene.answered(), BTreeSet::from(["Access", "ExecOutput"]), "on standard output");
    nothing_got_out(&scene);
    assert!(scene.starts() > 80, "it was looked at {} programs", scene.starts());
    // Each was used: what is sent nowhere cannot get anywhere.
    for (profile, meant) in PROFILES {
        let sent = format!("{:?}", scene.issuer.requests_at(&format!("/{profile}")));
        let missing: Vec<_> = meant.iter().filter(|kind| !held(&sent).contains(*kind) && **kind != "Access").collect();
        assert_eq!(missing, [&""; 0], "sent for {profile}");
    }

    scene.run(&["-vvv", "purge", "--all", "--revoke"]).exits(0);
    assert_eq!(scene.holders(), sorted([keepers(&[]), vec![("sink".to_owned(), vec!["Access"])]].concat()), "after a purge");
    nothing_got_out(&scene);
}

#[test]
fn what_fails_gives_nothing_away() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let scene = Scene::set();
    put(&scene.test.path("broken"), "", 0o600);
    for profile in OTHERS {
        every_command(&scene, profile);
    }
    for echo in ALL {
        scene.be(Mood::Echoing(echo));
        scene.run(&["-vvv", "renew", "--all", "--max-retries", "1"]);
        assert_eq!(scene.said(), BTreeSet::new(), "{echo:?}");
    }
    scene.run(&["--log-format", "json", "-vvv", "renew", "--all"]);
    scene.run(&["-vvv", "status", "--json"]);
    scene.be(Mood::Redirecting);
    scene.run(&["-vvv", "renew", "--all"]);
    scene.be(Mood::Echoing(Echo::AsPage));
    for (profile, _) in PROFILES {
        scene.run(&["-vvv", "get", profile]);
    }
    scene.run(&["-vvv", "purge", "--all", "--revoke"]);
    assert_eq!(scene.answered(), BTreeSet::new(), "on standard output");
    assert_eq!(scene.holders(), sorted(keepers(&[])), "the files that hold one");
    nothing_got_out(&scene);
}

/// Whoever watches hears of everything.
#[test]
fn a_watcher_gives_nothing_away() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let scene = Scene::set();
    let asked = |count: usize| scene.issuer.count() >= count;
    for format in ["text", "json"] {
        let before = scene.issuer.count();
        let args = ["-vvv", "--log-format", format, "watch", "--all"];
        scene.run_for_a_while(&args, || asked(before + PROFILES.len()) && scene.test.path("cache/refresh.json").exists()).exits(143);
        scene.run(&["purge", "--all"]).exits(0);
    }
    for echo in [Echo::Described(Form::Plain), Echo::Described(Form::Hostile), Echo::AsType, Echo::AsPage] {
        scene.be(Mood::Echoing(echo));
        let before = scene.issuer.count();
        scene.run_for_a_while(&["-vvv", "watch", "--all"], || asked(before + PROFILES.len()));
        assert_eq!(scene.said(), BTreeSet::new(), "{echo:?}");
        scene.run(&["purge", "--all"]);
    }
    assert_eq!(scene.answered(), BTreeSet::new(), "on standard output");
    for host in [&scene.proxy, &scene.variable] {
        assert!(host.count() > 0, "a proxy was asked");
    }
    nothing_got_out(&scene);
}

/// What a watcher shows to Prometheus and to systemd.
#[test]
fn what_programs_see_of_a_watcher_gives_nothing_away() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let scene = Scene::set();
    let manager = UnixDatagram::bind(scene.notify_socket()).unwrap();
    manager.set_nonblocking(true).unwrap();
    for mood in [Mood::Good, Mood::Echoing(Echo::Described(Form::Plain))] {
        scene.be(mood);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (before, mut told) = (scene.issuer.count(), Vec::new());
        let args = ["-vvv", "watch", "--all", "--metrics", &port.to_string()];
        let pages = std::cell::RefCell::new(String::new());
        let ask = |page: &str| ask(port, &format!("GET {page} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"));
        let outcome = scene.run_for_a_while(&args, || {
            let is_enough = scene.issuer.count() >= before + PROFILES.len();
            is_enough && !pages.replace(ask("/metrics") + &ask("/healthz")).is_empty()
        });
        outcome.exits(143);
        let mut datagram = [0; 4096];
        while let Ok(length) = manager.recv(&mut datagram) {
            told.extend_from_slice(&datagram[..length]);
        }
        let (pages, told) = (pages.into_inner(), String::from_utf8(told).unwrap());
        assert!(pages.contains("profile=\"inline\"") && told.contains("STATUS="), "both were shown something: {pages}{told}");
        assert_eq!((held(&pages), held(&told)), Default::default());
        scene.run(&["purge", "--all"]).exits(0);
    }
    assert_eq!(scene.said(), BTreeSet::new());
}

/// Other tools tell us secrets of theirs, and are told the token and no more.
#[test]
fn what_tools_say_goes_nowhere() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let scene = Scene::set();
    for mood in [Mood::Good, Mood::Echoing(Echo::Described(Form::Plain))] {
        scene.be(mood);
        for (args, input) in HELPERS {
            let args = [&["-vvv", "helper"], args].concat();
            scene.fed(&args, &input.replace("SECRET", &core("HelperInput")));
        }
        for tool in ["kubectl", "git", "docker", "cargo", "vault", "terraform", "aws"] {
            scene.run(&["-vvv", "helper", "setup", tool, "inline"]);
        }
    }
    scene.be(Mood::Good);
    scene.run(&["renew", "inline"]).exits(0);
    assert_eq!(scene.answered(), BTreeSet::from(["Access"]), "on standard output");
    let mut expected = keepers(&["inline"]);
    expected.push(("sink".to_owned(), vec!["Access"]));
    let found: Vec<_> = scene.holders();
    assert_eq!(found, sorted(expected), "the files that hold one");
    assert_eq!(scene.said(), BTreeSet::new());
    let strangers: Vec<_> = scene.started().into_iter().filter(|(_, kind)| !["Environment", "ProxyVariable"].contains(kind)).collect();
    assert_eq!(strangers, [], "in the arguments or the environment of a program");
}

/// A first profile, whose secret is handed over once and kept beside the configuration.
#[test]
fn a_first_profile_keeps_its_secret_to_itself() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let scene = Scene::set();
    let endpoint = format!("{}/typed", scene.issuer.url());
    for (name, echo) in [("good", None), ("plain", Some(Form::Plain)), ("hex", Some(Form::Hex)), ("hostile", Some(Form::Hostile))] {
        scene.be(echo.map_or(Mood::Good, |form| Mood::Echoing(Echo::Described(form))));
        let client = ["--source", "client-credentials", "--client-id", "ci", "--client-secret-stdin", "--token-endpoint", &endpoint];
        let outcome = scene.fed(&[&["-vvv", "init", "-p", name], &client[..]].concat(), &secret("Typed"));
        outcome.exits(if echo.is_some() { 4 } else { 0 });
        let found: Vec<_> = scene.holders().into_iter().filter(|(_, kinds)| kinds.contains(&"Typed")).collect();
        let expected =
            found.iter().all(|(path, kinds)| kinds == &["Typed"] && path.starts_with("config/token/") && path.ends_with("secret"));
        assert!(expected && !found.is_empty(), "{name}: {found:?}");
        scene.run(&["-vvv", "renew", name]);
    }
    let sent = format!("{:?}", scene.issuer.requests_at("/typed"));
    assert!(held(&sent).contains("Typed"), "it was used");
    assert_eq!(scene.said(), BTreeSet::new(), "on standard error");
    assert!(!scene.answered().contains("Typed"), "on standard output");
    let strangers: Vec<_> = scene.started().into_iter().filter(|(_, kind)| *kind == "Typed").collect();
    assert_eq!(strangers, [], "in the arguments or the environment of a program");
}

/// The one place that a token is put where others of the same user can see it: the environment that `run` is asked for.
#[test]
fn run_puts_the_token_where_it_is_asked_to_and_nowhere_else() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let scene = Scene::set();
    scene.run(&["-vvv", "run", "inline", "--", "true"]).exits(0);
    let started = scene.started();
    let of = |kind| started.iter().filter(|(_, found)| *found == kind).map(|(program, _)| program.as_str()).collect::<Vec<_>>();
    assert_eq!(of("Access"), ["true"]);
    for kind in ["Inline", "HeaderInline", "HeaderFile"] {
        assert_eq!(of(kind), [""; 0], "{kind}");
    }
    assert_eq!(scene.said(), BTreeSet::new());
}

/// That nothing was found anywhere means something only where it would have been: a canary is put into each place.
#[test]
fn the_search_finds_a_canary_in_each_place() {
    if !strace_for("the arguments of programs") {
        return;
    }
    let scene = Scene::set();
    let (planted, wanted) = (secret("Planted"), BTreeSet::from(["Planted"]));
    let script = "printf '%s' \"$1\" >&2; printf '%s' \"$1\"; sleep 0.2; PLANTED=$1 exec sh -c 'sleep 0.2'";
    let outcome = scene.heard(scene.test.run(&["get", "--name", "planted", "--", "sh", "-c", script, "sh", &planted]));
    outcome.exits(0);
    assert_eq!(scene.answered(), wanted);
    let found: Vec<_> = scene.started().into_iter().filter(|(_, kind)| *kind == "Planted").map(|(program, _)| program).collect();
    assert!(found.contains(&"sh".to_owned()) && found.contains(&"sleep".to_owned()), "arguments, and the environment: {found:?}");
    assert!(scene.seen().contains("Planted"), "in /proc");
    assert!(scene.holders().contains(&("cache/planted.json".to_owned(), vec!["Planted"])), "in a file");
    let teller = scene.test.other("sh", &["-c", "echo \"$1\" >&2", "sh", &planted]);
    scene.heard(scene.test.start(teller, &[]).finish());
    assert_eq!(scene.said(), wanted);
    let mut stream = std::net::TcpStream::connect(scene.proxy.url().strip_prefix("http://").unwrap()).unwrap();
    std::io::Write::write_all(&mut stream, format!("GET /{} HTTP/1.1\r\n\r\n", planted.replace('"', "%22")).as_bytes()).unwrap();
    scene.proxy.wait_for_requests(1);
    assert_eq!(held(&format!("{:?}", scene.proxy.requests())), wanted, "at another host");
}
