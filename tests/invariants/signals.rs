//! How long it takes from a signal to the end, in each state that a command can be in.

use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::running::processes_with;
use crate::support::{Issuer, PATIENT, Reply, Running, Test, profile, wait_until};
use crate::terminal::{Terminal, known};
use crate::{Figure, Scale, control};

/// Which no other process sleeps for.
const MARK: &str = "86421";

/// What a command does when it is told to end, and how far it has to have come.
struct State {
    name: &'static str,
    reply: fn() -> Reply,
    keys: &'static str,
    args: &'static [&'static str],
    is_reached: fn(&Test, &Issuer) -> bool,
}

const STATES: [State; 9] = [
    State { name: "a request", reply: Reply::silence, keys: "", args: &["get"], is_reached: |_, issuer| issuer.count() > 0 },
    State { name: "half an answer", reply: Reply::drip, keys: "", args: &["get"], is_reached: |_, issuer| issuer.count() > 0 },
    State {
        name: "a wait between attempts",
        reply: || Reply::status(503),
        keys: "max_retries = 9\n",
        args: &["get", "--timeout", "10m"],
        is_reached: |test, _| test.cache_dir().join("prod.failure").exists(),
    },
    State {
        name: "a command",
        reply: Reply::silence,
        keys: "",
        args: &["get", "--name", "cmd", "--", "sh", "-c", "touch begun; sleep 86421 & wait"],
        is_reached: |test, _| test.path("begun").exists(),
    },
    State {
        name: "a hook",
        reply: || Reply::token(3600),
        keys: "on_renew = [\"sh\", \"-c\", \"touch begun; sleep 86421 & wait\"]\n",
        args: &["renew", "prod"],
        is_reached: |test, _| test.path("begun").exists(),
    },
    State {
        name: "watch, a request",
        reply: Reply::silence,
        keys: "",
        args: &["watch", "prod"],
        is_reached: |_, issuer| issuer.count() > 0,
    },
    State {
        name: "watch, at rest",
        reply: || Reply::token(3600),
        keys: "",
        args: &["watch", "prod"],
        is_reached: |test, _| test.entry("prod").is_some(),
    },
    State {
        name: "watch, backing off",
        reply: || Reply::status(503),
        keys: "",
        args: &["watch", "prod"],
        is_reached: |test, _| test.cache_dir().join("prod.failure").exists(),
    },
    State {
        name: "run",
        reply: || Reply::token(3600),
        keys: "",
        args: &["run", "prod", "--", "sh", "-c", "touch begun; exec sleep 86421"],
        is_reached: |test, _| test.path("begun").exists(),
    },
];

/// From the signal to the end, in milliseconds.
fn ending(running: Running, signal: Signal) -> f64 {
    let told = Instant::now();
    running.signal(signal);
    running.finish().ended_by(signal.as_raw());
    told.elapsed().as_secs_f64() * 1000.0
}

fn end_of(state: &State, signal: Signal) -> f64 {
    let issuer = Issuer::answering((state.reply)());
    let test = Test::configured(&format!("{PATIENT}{}{}", profile("prod", &issuer.endpoint()), state.keys)).named(state.name);
    let running = test.spawn(state.args);
    wait_until(state.name, || (state.is_reached)(&test, &issuer));
    let elapsed = ending(running, signal);
    wait_until("no orphan", || processes_with(&format!("sleep {MARK}")).is_empty());
    elapsed
}

/// One that waits for a lock whose holder does not go on.
fn end_of_lock_wait(signal: Signal) -> f64 {
    let issuer = Issuer::answering(Reply::silence());
    let test = Test::against(&issuer);
    let holder = test.spawn(&["get", "--timeout", "5m"]);
    issuer.wait_for_requests(1);
    holder.signal(Signal::STOP);
    let waiter = test.spawn(&["get", "--timeout", "5m"]);
    wait_until("the waiter to wait", || waiter.age().as_millis() > 300);
    let elapsed = ending(waiter, signal);
    holder.kill();
    elapsed
}

/// One that waits for a person: by a code for another device, or by a browser.
fn end_of_login(source: &str, signal: Signal) -> f64 {
    let issuer = Issuer::start();
    let url = issuer.url();
    let answer = json!({ "device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": url, "expires_in": 600 });
    issuer.script_at("/device", [Reply::json(answer.to_string())]);
    let test = known(Test::configured(&format!(
        "[profile.prod]\nsource = \"{source}\"\nclient_id = \"cli\"\ntoken_endpoint = \"{url}/token\"\n{}\n",
        match source {
            "device-code" => format!("device_authorization_endpoint = \"{url}/device\""),
            _ => format!("authorization_endpoint = \"{url}/authorize\"\nbrowser = [\"true\"]"),
        }
    )));
    let terminal = Terminal::open(&test, &["renew"]);
    terminal.wait_for(&["http://127.0.0.1"]);
    let pid = Pid::from_raw(terminal.pid()).unwrap();
    let told = Instant::now();
    kill_process(pid, signal).unwrap();
    wait_until("the end", || kill_process(pid, Signal::CONT).is_err() || is_over(pid));
    let elapsed = told.elapsed().as_secs_f64() * 1000.0;
    terminal.finish().ended_by(signal.as_raw());
    elapsed
}

/// Whether only its parent has not noticed yet.
fn is_over(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(") ").next().is_none_or(|rest| rest.starts_with('Z'))
}

pub fn ends(scale: Scale) -> Vec<Figure> {
    let (mut largest, mut of, mut runs) = (0.0, String::new(), 0);
    for _ in 0..scale.of(1, 5) {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            let mut seen = vec![("the lock", end_of_lock_wait(signal))];
            seen.extend(["device-code", "authorization-code"].map(|source| (source, end_of_login(source, signal))));
            // It is a reload for a watcher.
            let states = STATES.iter().filter(|state| signal != Signal::HUP || !state.name.starts_with("watch"));
            seen.extend(states.map(|state| (state.name, end_of(state, signal))));
            runs += seen.len();
            for (name, elapsed) in seen {
                if elapsed > largest {
                    (largest, of) = (elapsed, name.to_owned());
                }
            }
        }
    }
    vec![Figure::most("signal to end, largest", largest, "ms", 1000.0, deaf()).telling(&format!(" ({of}; {runs} runs)"))]
}

/// The control: one that does not listen.
fn deaf() -> String {
    let test = Test::bare().in_shell("trap '' TERM; touch begun; sleep 1.2; kill -9 $$");
    let running = test.spawn(&[]);
    wait_until("it to begin", || test.path("begun").exists());
    let told = Instant::now();
    running.signal(Signal::TERM);
    running.finish();
    let elapsed = told.elapsed().as_secs_f64() * 1000.0;
    control("one that does not listen", elapsed > 1000.0);
    format!("one that is deaf for 1.2 s: {elapsed:.0} ms")
}
