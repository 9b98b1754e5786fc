//! Where the browser is on another machine, the address at which it ends is pasted.

use crate::provider::{Provider, get, log_in_at};
use crate::session::{Session, home, home_of, keeps_secrets, text};
use crate::support::{Test, wait_until};

/// A home without any browser.
fn home_alone(provider: &Provider) -> Test {
    home(&provider.profile(""))
}

#[test]
fn somebody_pastes_where_the_browser_ended() {
    let provider = Provider::start();
    let test = home_alone(&provider);
    let mut session = Session::start(&test, &["get"]);
    let address = session.shown();
    let answer = log_in_at(&address);
    session.type_in(&format!("{answer}\n"));

    let outcome = session.finish();
    outcome.exits(0);
    assert_eq!(test.answer(), "token-1\n");
    let expected = format!(
        "prod: open this address in a browser and log in:\n\n{address}\n\n\
         Where it ends at a page that cannot be reached, paste the address of that page here (it is not shown)."
    );
    assert_eq!(text(&outcome), expected, "{outcome}");
    keeps_secrets(&provider, &test, &outcome);
}

#[test]
fn what_is_not_the_answer_is_said_and_asked_for_again() {
    let provider = Provider::start();
    let test = home_alone(&provider);
    let mut session = Session::start(&test, &["get"]);
    let address = session.shown();
    let answer = log_in_at(&address);
    let other = answer.replace("&state=", "&state=x");
    let table = [
        ("what now?", "it is no address"),
        (address.as_str(), "it leads elsewhere"),
        (other.as_str(), "it is of another login"),
        (&format!("{answer}&code=x"), "it holds something twice"),
    ];
    for (typed, reason) in table {
        session.type_in(&format!("{typed}\n"));
        session.sees(&format!("prod: that is not the address at which the login ends: {reason}"));
    }
    session.type_in("\n\n");
    // Corrected as on any terminal: the wrong end is taken back.
    session.type_in(&format!("nonsense\u{15}{answer}xy\u{7f}\u{7f}\n"));

    let outcome = session.finish();
    outcome.exits(0);
    assert_eq!(text(&outcome).matches("that is not the address").count(), table.len(), "{outcome}");
    assert_eq!(provider.posts(), 1);
    keeps_secrets(&provider, &test, &outcome);
}

/// A terminal that hands out lines cuts them at 4095 characters.
#[test]
fn a_long_address_is_taken_whole() {
    let provider = Provider::with_codes_ending_in(&"x".repeat(6000));
    let test = home_alone(&provider);
    let mut session = Session::start(&test, &["get"]);
    let answer = log_in_at(&session.shown());
    assert!(answer.len() > 6000);
    session.type_in(&format!("{answer}\r"));
    session.finish().exits(0);
    assert_eq!(test.answer(), "token-1\n");
}

#[test]
fn a_paste_does_while_a_browser_is_open_and_the_port_does_without_one() {
    let provider = Provider::start();
    let test = home_of(&provider);
    let mut session = Session::start(&test, &["get"]);
    let answer = log_in_at(&session.opened());
    session.shown();
    session.type_in(&format!("{answer}\n"));
    session.finish().exits(0);

    let test = home_alone(&provider);
    let session = Session::start(&test, &["get"]);
    // As through a forwarded port.
    assert!(get(&log_in_at(&session.shown())).starts_with("HTTP/1.1 200 "));
    session.finish().exits(0);
    assert_eq!(provider.posts(), 2);
}

#[test]
fn a_refusal_is_pasted_as_well() {
    let provider = Provider::refusing("access_denied", "");
    let test = home_alone(&provider);
    let mut session = Session::start(&test, &["get"]);
    let answer = log_in_at(&session.shown());
    session.type_in(&format!("{answer}\n"));
    let outcome = session.finish();
    assert!(text(outcome.exits(4)).contains("refused: access_denied"), "{outcome}");
}

#[test]
fn what_is_typed_afterwards_is_left_to_the_shell() {
    let provider = Provider::start();
    let test = home_alone(&provider);
    let mut session = Session::in_shell(&test, &["get"], "PROGRAM; read -r next; echo \"$next\" >next");
    let answer = log_in_at(&session.shown());
    session.type_in(&format!("{answer}\nfor the shell\n"));
    session.finish().exits(0);
    assert_eq!(std::fs::read_to_string(test.path("next")).unwrap(), "for the shell\n");
    assert_eq!(test.answer(), "token-1\n");
}

#[test]
fn an_input_that_has_ended_leaves_the_port() {
    let provider = Provider::start();
    let test = home_alone(&provider);
    let mut session = Session::start(&test, &["get"]);
    let address = session.shown();
    session.type_in("\u{4}");
    get(&log_in_at(&address));
    session.finish().exits(0);
    assert_eq!(test.answer(), "token-1\n");
}

/// A job in the background that reads a terminal, or changes it, is stopped for that.
#[test]
fn in_the_background_the_terminal_is_somebody_elses() {
    let provider = Provider::start();
    let test = home_alone(&provider);
    let line = "set -m; PROGRAM & read -r typed; echo \"$typed\" >typed; wait $!";
    let mut session = Session::in_shell(&test, &["get"], line);
    let address = session.shown();
    session.type_anyway("for the shell\n");
    wait_until("the shell", || std::fs::read_to_string(test.path("typed")).is_ok_and(|typed| typed == "for the shell\n"));
    get(&log_in_at(&address));
    let outcome = session.finish();
    outcome.exits(0);
    assert_eq!(test.answer(), "token-1\n");
    let shown = outcome.stdout();
    assert!(shown.contains("for the shell"), "its echo was not ours to turn off{outcome}");
    assert!(!shown.contains("waiting for you"), "nor its line to write to{outcome}");
}

/// One after the other has the keyboard; their ports are open all the while.
#[test]
fn two_logins_at_once_do_not_take_each_others_lines() {
    let provider = Provider::start();
    let test = home(&(provider.profile("") + &provider.profile("").replace("prod", "test")));
    let mut session = Session::start(&test, &["renew", "--all"]);
    let addresses = || -> Vec<String> {
        session.seen().lines().filter(|line| line.starts_with("http")).map(|line| line.trim_end().to_owned()).collect()
    };
    wait_until("two addresses", || addresses().len() == 2);
    let addresses = addresses();
    let [first, second] = [0, 1].map(|index| log_in_at(&addresses[index]));
    session.type_in(&format!("{first}\n"));
    session.sees("renewed, expires in");
    session.type_in(&format!("{second}\n"));
    let outcome = session.finish();
    let shown = text(outcome.exits(0));
    assert!(!shown.contains("that is not the address") && shown.matches("renewed, expires in").count() == 2, "{outcome}");
    keeps_secrets(&provider, &test, &outcome);
}
