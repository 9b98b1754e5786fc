//! cargo may go on asking: each line is answered when it comes, by a token that is good then, and a signal ends the wait for the next one.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{CARGO, home};
use crate::support::{Issuer, Reply, Test, now, wait_until};

struct Conversation {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Conversation {
    fn begin(test: &Test) -> Self {
        let mut child = test.command(&["helper", "cargo", "--cargo-plugin"]).stdin(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut conversation = Self { child, input, output };
        assert_eq!(conversation.heard(), "{\"v\":[1]}\n");
        conversation
    }

    fn heard(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    fn ask(&mut self) -> String {
        self.input.write_all(CARGO.as_bytes()).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&self.heard()).unwrap();
        answer["Ok"]["token"].as_str().unwrap().to_owned()
    }
}

#[test]
fn each_line_gets_a_token_that_is_good_then() {
    let issuer = Issuer::start();
    issuer.script([Reply::token(2)]);
    let test = home(&issuer);
    let mut conversation = Conversation::begin(&test);
    assert_eq!(conversation.ask(), "token-1");
    let expires_at = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
    wait_until("the token to expire", || now() > expires_at + 0.05);
    assert_eq!(conversation.ask(), "token-2");
    assert_eq!(conversation.ask(), "token-2");
    drop(conversation.input);
    assert!(conversation.child.wait().unwrap().success());
    assert_eq!(issuer.count(), 2);
}

#[test]
fn a_signal_ends_the_wait_for_the_next_line() {
    for asks in [0, 1] {
        let issuer = Issuer::start();
        let test = home(&issuer);
        let mut conversation = Conversation::begin(&test);
        (0..asks).for_each(|_| assert_eq!(conversation.ask(), "token-1"));
        let signalled = Instant::now();
        kill_process(Pid::from_child(&conversation.child), Signal::TERM).unwrap();
        wait_until("the end", || conversation.child.try_wait().unwrap().is_some());
        assert!(signalled.elapsed() < Duration::from_secs(1), "after {asks} questions");
    }
}
