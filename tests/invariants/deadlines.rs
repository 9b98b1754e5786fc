//! By how much a time limit is overrun, in each state that a command can wait in.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Issuer, QUICK, Reply, Running, Test, profile};
use crate::{Figure, Scale, control};

/// The time limit of every command here, in milliseconds.
const LIMIT: f64 = 1000.0;

/// What a command waits for, and what has to live as long.
struct Wait {
    name: &'static str,
    test: Test,
    args: Vec<&'static str>,
    issuer: Issuer,
    holder: Option<Running>,
}

fn wait(name: &'static str, reply: Reply, keys: impl Fn(&Issuer) -> String, args: &[&'static str]) -> Wait {
    let issuer = Issuer::answering(reply);
    let test = Test::configured(&format!("[renewal]\nrefresh_request_timeout = \"5m\"\n{}", keys(&issuer)));
    Wait { name, test, args: args.to_vec(), issuer, holder: None }
}

fn waits(silent: &str) -> Vec<Wait> {
    const GET: [&str; 3] = ["get", "--timeout", "1s"];
    let usual = |issuer: &Issuer| profile("prod", &issuer.endpoint());
    let at = |endpoint: String| move |_: &Issuer| profile("prod", &endpoint);
    let command = |keys: &str| {
        let keys = keys.to_owned();
        move |issuer: &Issuer| profile("prod", &issuer.endpoint()).replace("\"canary-s3cret-5f2b9c\"", &keys)
    };
    let secret = "{ command = [\"sleep\", \"600\"] }";
    let by_discovery = |issuer: &Issuer| {
        let key = format!("token_endpoint = \"{}\"", issuer.endpoint());
        profile("prod", &issuer.endpoint()).replace(&key, &format!("issuer = \"{}\"", issuer.url()))
    };
    let mut waits = vec![
        wait("silence", Reply::silence(), usual, &GET),
        wait("one byte a second", Reply::drip(), usual, &GET),
        wait("no accept", Reply::silence(), at(format!("http://{silent}/token")), &GET),
        wait("a handshake", Reply::silence(), at(format!("https://{silent}/token")), &GET),
        wait("a host that cannot be reached", Reply::silence(), at("https://192.0.2.1/token".to_owned()), &GET),
        wait("a wait between attempts", Reply::status(503), usual, &["get", "--timeout", "1s", "--max-retries", "9"]),
        wait("a secret's command", Reply::silence(), command(secret), &GET),
        wait(
            "a command",
            Reply::silence(),
            |_| String::new(),
            &["get", "--timeout", "1s", "--request-timeout", "5m", "--", "sleep", "600"],
        ),
        wait("renew", Reply::silence(), usual, &["renew", "prod", "--timeout", "1s"]),
        wait("run", Reply::silence(), usual, &["run", "prod", "--timeout", "1s", "--", "true"]),
        wait("discovery", Reply::silence(), by_discovery, &GET),
    ];
    let discovery = waits.last().unwrap();
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        discovery.issuer.script_at(path, [Reply::silence()]);
    }
    for args in [&GET[..], &["purge", "prod", "--timeout", "1s"]] {
        let mut locked = wait("the lock", Reply::silence(), usual, args);
        let holder = locked.test.spawn(&["get", "--timeout", "5m"]);
        locked.issuer.wait_for_requests(1);
        holder.signal(Signal::STOP);
        locked.holder = Some(holder);
        waits.push(locked);
    }
    waits
}

/// By how many milliseconds this run went over its limit.
fn overrun(test: &Test, args: &[&str]) -> (f64, Option<i32>) {
    let outcome = test.run(args);
    (outcome.elapsed.as_secs_f64() * 1000.0 - LIMIT, outcome.code)
}

pub fn overruns(scale: Scale) -> Vec<Figure> {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let waits = waits(&silent.local_addr().unwrap().to_string());
    let (mut largest, mut of, rounds) = (f64::MIN, "", scale.of(1, 8));
    for _ in 0..rounds {
        for wait in &waits {
            let (overrun, code) = overrun(&wait.test, &wait.args);
            assert!(matches!(code, Some(5 | 7)), "{}: {code:?}", wait.name);
            // What comes before its time has not waited; connections may be refused at once, and waits be too long to begin.
            if overrun > largest {
                (largest, of) = (overrun, wait.name);
            }
        }
    }
    let runs = rounds * waits.len();
    for wait in waits {
        wait.holder.into_iter().for_each(Running::kill);
    }
    let measured = Figure::most("overrun of a time limit, largest", largest.max(0.0), "ms", 250.0, late());
    vec![measured.telling(&format!(" ({of}; {runs} runs)"))]
}

/// The control: a run that starts half a second late.
fn late() -> String {
    let issuer = Issuer::answering(Reply::silence());
    let test = Test::configured(&format!("{QUICK}{}", profile("prod", &issuer.endpoint()))).in_shell("sleep 0.5; exec \"$@\"");
    let (overrun, _) = overrun(&test, &["get", "--timeout", "1s", "--max-retries", "1"]);
    control("a run that is late", overrun > Duration::from_millis(490).as_secs_f64() * 1000.0);
    format!("500 ms late: {overrun:.0} ms")
}
