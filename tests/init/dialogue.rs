//! Somebody at a terminal is asked what nobody else can say, sees what is found out, and may leave at any time.

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use crate::home::{
    CLIENT_GRANT, CODE_GRANT, DEVICE_GRANT, DISCOVERY, config, config_path, describe, issuer, nothing_written, offering, value,
};
use crate::support::home::mode;
use crate::support::{Issuer, REFRESH, Reply, SECRET, Test, cases, wait_until};
use crate::terminal::{Terminal, left};

const CODE: &str = "WDJB-MJHT";

/// Answers each question once it is asked.
#[track_caller]
fn talk(terminal: &mut Terminal, answers: &[(&str, &str)]) {
    for (question, answer) in answers {
        // A screen does not show a space at the end of a line.
        terminal.wait_for(&[question.trim_end()]);
        terminal.types(answer);
    }
}

/// A home that notes how the terminal was before and after.
fn watched() -> Test {
    Test::bare().in_shell("stty -a >before; trap : INT TERM; \"$@\"; status=$?; stty -a >after; exit $status")
}

#[track_caller]
fn terminal_is_as_it_was(test: &Test) {
    let modes = |name: &str| fs::read_to_string(test.path(name)).unwrap();
    assert!(modes("before").contains("echo"));
    assert_eq!(modes("before"), modes("after"));
}

#[test]
fn from_an_address_to_a_login_in_one_go() {
    let issuer = issuer(&json!({
        "grant_types_supported": [CODE_GRANT, DEVICE_GRANT], "scopes_supported": ["openid", "offline_access", "read"],
        "token_endpoint_auth_methods_supported": ["none"],
    }));
    let address = format!("{}/enter", issuer.url());
    let authorization = json!({ "device_code": "d", "user_code": CODE, "verification_uri": address, "expires_in": 600, "interval": 1 });
    issuer.script_at("/device", [Reply::json(authorization.to_string())]);
    let granted = json!({ "access_token": "token-1", "expires_in": 3600, "refresh_token": format!("{REFRESH}-1") });
    issuer.script_at("/token", [Reply::oauth(400, "authorization_pending"), Reply::json(granted.to_string())]);
    let test = watched();

    let mut terminal = Terminal::open(&test, &["init"]);
    let url = format!("{}\n", issuer.url());
    let answers = [
        ("address of the issuer: ", "http://login.example.com\n"),
        ("must be https", url.as_str()),
        ("name of the profile [default]: ", "my profile\n"),
        ("a name has 1 to 100", "me\n"),
        ("how to get a token [1]: ", "3\n"),
        ("a number from 1 to 2", "device-code\n"),
        ("client id, as the issuer has registered it: ", "\n"),
        ("it cannot be guessed", "cli\n"),
        ("scope (- for none) [openid offline_access]: ", "\n"),
        (CODE, ""),
    ];
    talk(&mut terminal, &answers);
    let outcome = terminal.finish();
    outcome.exits(0);
    let screen = left(&outcome).text();
    let shown = [
        "offers authorization-code, device-code\n",
        "  1  authorization-code    log in with a browser, once\n  2  device-code ",
        "me: written to ",
        "me: it works: a token that expires in ",
        "`token get me` prints it",
    ];
    let joined = screen.replace('\n', " ");
    assert!(shown.iter().all(|text| screen.contains(text) || joined.contains(text)), "{screen}");
    assert!(!screen.contains("secret"), "a client that has none is not asked for it: {screen}");
    terminal_is_as_it_was(&test);
    assert_eq!(test.answer(), "");

    let text = config(&test);
    assert_eq!(value(&text, "scope"), "[\"openid\", \"offline_access\"]");
    assert_eq!(value(&text, "source"), "\"device-code\"");
    test.run(&["get"]).gives("token-1");
    assert_eq!(test.refresh_token("me"), format!("{REFRESH}-1"));
}

#[test]
fn a_secret_that_is_typed_is_on_no_screen_and_in_a_file_of_its_own() {
    let issuer = offering(&[CLIENT_GRANT]);
    let test = watched();
    let mut terminal = Terminal::open(&test, &["init", &issuer.url(), "-p", "ci"]);
    let secret = format!("{SECRET}x\x7f\n");
    let answers = [
        ("client id, as the issuer has registered it: ", "ci\n"),
        ("client secret (not shown; it is kept in a file of yours): ", "\n"),
        ("a client that speaks for itself has one", secret.as_str()),
        ("scope (- for none) [-]: ", "read  write\n"),
    ];
    talk(&mut terminal, &answers);
    let outcome = terminal.finish();
    outcome.exits(0).hides(SECRET);
    let kept = test.path("config/token/ci.secret");
    assert_eq!((fs::read_to_string(&kept).unwrap(), mode(&kept)), (format!("{SECRET}\n"), 0o600));
    assert_eq!((mode(&config_path(&test)), mode(kept.parent().unwrap())), (0o600, 0o700));
    let text = config(&test);
    assert_eq!(value(&text, "client_secret"), "{ file = \"ci.secret\" }");
    assert_eq!(value(&text, "scope"), "[\"read\", \"write\"]");
    assert_eq!(issuer.requests()[0].body, "scope=read+write&grant_type=client_credentials");
    terminal_is_as_it_was(&test);
    test.run(&["get"]).gives("token-1");
}

/// They come with what was copied, and nobody sees them.
#[test]
fn spaces_around_a_secret_are_left_out_and_that_is_said() {
    let issuer = offering(&[CLIENT_GRANT]);
    let test = watched();
    let words = ["init", &issuer.url(), "-p", "ci", "--client-id", "ci", "--scope", "-", "--no-try"];
    let mut terminal = Terminal::open(&test, &words);
    let secret = format!(" \t{SECRET} \n");
    talk(&mut terminal, &[("client secret", "  \n"), ("a client that speaks for itself has one", secret.as_str())]);
    terminal.finish().exits(0).mentions("the spaces around it were left out").hides(SECRET);
    assert_eq!(fs::read_to_string(test.path("config/token/ci.secret")).unwrap(), format!("{SECRET}\n"));
}

#[test]
fn an_address_that_leads_nowhere_is_asked_for_again() {
    let (silent, other, issuer) = (Issuer::start(), Issuer::start(), offering(&[CODE_GRANT]));
    silent.script_at(DISCOVERY, [Reply::status(503)]);
    describe(&other, &json!({ "issuer": issuer.url() }));
    let test = watched();
    let mut terminal = Terminal::open(&test, &["init", "--client-id", "cli", "--client-auth", "none", "--scope", "-", "--no-try"]);
    let line = |url: &str| format!("{url}\n");
    let answers = [
        ("address of the issuer: ", "https//login.example.com\n".to_owned()),
        ("expected :// behind https", "./mint.sh\n".to_owned()),
        ("a command goes behind `--`", "http://127.0.0.1:1\n".to_owned()),
        ("is the address right?", line(&silent.url())),
        ("if it is right, do it again later", line(&other.url())),
        ("is of another issuer", line(&issuer.url())),
        ("name of the profile [default]: ", line("me")),
    ];
    talk(&mut terminal, &answers.each_ref().map(|(question, answer)| (*question, answer.as_str())));
    terminal.finish().exits(0).mentions("me: written to ");
    assert_eq!(value(&config(&test), "issuer"), format!("{:?}", issuer.url()));
    terminal_is_as_it_was(&test);
}

#[test]
fn a_secret_is_not_taken_from_a_terminal_that_would_show_it() {
    let test = Test::bare();
    let mut terminal = Terminal::open(&test, &["init", "--client-secret-stdin"]);
    terminal.types("\x04");
    let outcome = terminal.finish();
    outcome.exits(2).mentions("standard input is a terminal, which would show it").hides("address of the issuer");
    nothing_written(&test, &outcome);
}

#[test]
fn a_client_that_logs_people_in_may_have_a_secret() {
    for (typed, is_kept) in [("\n", false), ("s3cret\n", true)] {
        let issuer = offering(&[CODE_GRANT]);
        let test = watched();
        let mut terminal = Terminal::open(&test, &["init", &issuer.url(), "-p", "me", "--client-id", "cli", "--scope", "-", "--no-try"]);
        talk(&mut terminal, &[("client secret (not shown; Enter where it has none): ", typed)]);
        terminal.finish().exits(0).mentions("token renew me");
        assert_eq!((config(&test).contains("client_secret"), config(&test).contains("\nscope")), (is_kept, false));
    }
}

#[test]
fn an_issuer_without_a_document_is_asked_about() {
    let issuer = Issuer::start();
    issuer.script_at(DISCOVERY, [Reply::status(404)]);
    let test = watched();
    let mut terminal = Terminal::open(&test, &["init", &issuer.url(), "-p", "me", "--client-auth", "none"]);
    let endpoint = format!("{}\n", issuer.endpoint());
    let answers = [
        ("has no discovery document (HTTP 404)", ""),
        ("how to get a token [1]: ", "2\n"),
        ("address of its token endpoint: ", endpoint.as_str()),
        ("address of its device authorization endpoint: ", "x\n"),
        ("expected an address such as", "https://127.0.0.1:1/device\n"),
        ("client id", "cli\n"),
        ("scope (- for none) [-]: ", "\n"),
    ];
    talk(&mut terminal, &answers);
    terminal.finish().exits(5).mentions("127.0.0.1:1 cannot be reached").mentions("it stays at ");
    assert_eq!(value(&config(&test), "device_authorization_endpoint"), "\"https://127.0.0.1:1/device\"");
    terminal_is_as_it_was(&test);
}

#[test]
fn a_name_that_is_taken_is_neither_suggested_nor_accepted() {
    let test = Test::configured("[profile.echo]\nsource = \"env\"\nvariable = \"A\"\n");
    let mut terminal = Terminal::open(&test, &["init", "--", "echo", "token-1"]);
    talk(&mut terminal, &[("name of the profile [echo-2]: ", "echo\n"), ("there is a profile `echo` already", "\n")]);
    terminal.finish().exits(0).mentions("echo-2: it works");
    test.run(&["get", "echo-2"]).gives("token-1");
}

#[test]
fn a_default_that_is_not_there_is_the_name() {
    let test = Test::configured("default = \"mine\"\n").env("TOKEN_PROFILE", "other");
    let mut terminal = Terminal::open(&test, &["init", "--", "echo", "token-1"]);
    talk(&mut terminal, &[("name of the profile [mine]: ", "echo\n"), ("it has to be `mine`, the default", "\n")]);
    terminal.finish().exits(0).mentions("mine: it works");
}

/// Whichever question it is, and however it is left.
#[test]
fn who_leaves_leaves_nothing() {
    let issuer = offering(&[CODE_GRANT, CLIENT_GRANT]);
    let url = format!("{}\n", issuer.url());
    let dialogue = [
        ("address of the issuer: ", url.as_str()),
        ("name of the profile [default]: ", "ci\n"),
        ("how to get a token [1]: ", "2\n"),
        ("client id, as the issuer has registered it: ", "ci\n"),
        ("client secret (not shown; it is kept in a file of yours): ", "s3cret\n"),
        ("scope (- for none) [-]: ", ""),
    ];
    let ways = [("Ctrl-C", "\x03", 130), ("Ctrl-D", "\x04", 2)];
    let name = |asked: usize, way: &str| format!("{way} at {}", dialogue[asked].0);
    let table: Vec<_> = (0..dialogue.len()).flat_map(|asked| ways.map(|way| (name(asked, way.0), asked, way))).collect();
    cases::each(
        &table,
        |case| case.0.as_str(),
        |(_, asked, (_, key, code))| {
            let test = watched();
            let mut terminal = Terminal::open(&test, &["init"]);
            talk(&mut terminal, &dialogue[..*asked]);
            talk(&mut terminal, &[(dialogue[*asked].0, *key)]);
            let outcome = terminal.finish();
            outcome.exits(*code);
            outcome.mentions("nothing was written");
            assert_eq!(outcome.stderr.contains("run it again, or give the answer as an option"), *code == 2, "{outcome}");
            terminal_is_as_it_was(&test);
            nothing_written(&test, &outcome);
        },
    );
    assert_eq!(issuer.count(), 0);
}

#[test]
fn nobody_is_asked_who_does_not_want_to_be() {
    let manners: [(&str, &[&str]); 2] = [("flag", &["init", "--no-interactive"]), ("JSON", &["init", "--log-format", "json"])];
    for (case, words) in manners {
        let test = Test::bare().named(case);
        let outcome = Terminal::open(&test, words).finish();
        outcome.exits(2).mentions("nobody is there to be asked for ISSUER");
        nothing_written(&test, &outcome);
    }
    let test = Test::bare().env("TOKEN_NO_INTERACTIVE", "1");
    Terminal::open(&test, &["init"]).finish().exits(2).mentions("nobody is there to be asked");
    // A question is none for whoever wants silence.
    let test = watched();
    let mut terminal = Terminal::open(&test, &["-q", "init", "--", "echo", "token-1"]);
    talk(&mut terminal, &[("name of the profile [echo]: ", "\n")]);
    let outcome = terminal.finish();
    outcome.exits(0);
    assert_eq!(left(&outcome).text(), "name of the profile [echo]:");
}

#[test]
fn a_slow_issuer_shows_whom_is_waited_for() {
    let issuer = Issuer::start();
    issuer.script_at(DISCOVERY, [Reply::silence()]);
    let test = watched();
    let mut terminal = Terminal::open(&test, &["init", &issuer.url(), "-p", "me"]);
    terminal.wait_for(&["asking 127.0.0.1:", "what it offers"]);
    terminal.types("\x03");
    let outcome = terminal.finish();
    outcome.exits(130);
    assert!(!left(&outcome).cursor_is_hidden && !left(&outcome).text().contains("asking"), "{outcome}");
    terminal_is_as_it_was(&test);
    nothing_written(&test, &outcome);
    wait_until("the program to end", || issuer.discovered() == 1);
}

#[test]
fn who_leaves_while_it_is_tried_is_told_what_stands() {
    let test = watched();
    let mut terminal = Terminal::open(&test, &["init", "-p", "mint", "--", "sh", "-c", "echo >begun; exec sleep 60"]);
    wait_until("the command to begin", || test.path("begun").exists());
    terminal.types("\x03");
    let outcome = terminal.finish();
    outcome.exits(130).hides("error");
    let stands = format!("mint: not tried to the end; it stays at {}:5, and `token renew mint` tries it", config_path(&test).display());
    assert!(left(&outcome).text().replace('\n', "").ends_with(&stands), "{outcome}");
    terminal_is_as_it_was(&test);
    assert!(config(&test).contains("[profile.mint]"));

    let test = Test::bare();
    for (words, told) in [(&["init"][..], "it stays at "), (&["-q", "init"], "")] {
        let name = if told.is_empty() { "quiet" } else { "told" };
        let script = format!("echo >{name}; exec sleep 60");
        let words = [words, &["-p", name, "--", "sh", "-c", &script]].concat();
        let running = test.spawn(&words);
        wait_until("the command to begin", || test.path(name).exists());
        running.signal(Signal::TERM);
        let outcome = running.finish();
        outcome.exits(143).mentions(told);
        assert_eq!(outcome.stderr.is_empty(), told.is_empty(), "{outcome}");
    }
}
