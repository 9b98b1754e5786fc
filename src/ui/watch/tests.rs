use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::TermLike;

use super::*;
use crate::bearer::{RenewalError, Status};
use crate::error::Class;
use crate::token::Token;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(NOW.unix_seconds() + seconds)
}

/// A profile whose token has `life.0` seconds left of `life.1`.
fn snapshot(name: &str, phase: Phase, life: Option<(i64, i64)>, error: Option<&str>) -> Snapshot {
    let token = life.map(|(left, whole)| {
        let mut token = Token::new("canary".to_owned()).expect("a token");
        token.expires_at = Some(after(left));
        token.issued_at = Some(after(left - whole));
        Arc::new(token)
    });
    let last_error = error.map(|message| RenewalError::new(Class::Temporary, message));
    let status = Status { token, phase, renewals: 0, failures: 0, last_error, last_success: None };
    Snapshot { profile: name.parse().expect("a name"), source: "env", status }
}

fn fresh(name: &str, renews_in: i64) -> Snapshot {
    snapshot(name, Phase::Waiting(Some(after(renews_in))), Some((330, 900)), None)
}

fn view(is_unicode: bool) -> View {
    let mut view = View::on(ProgressDrawTarget::hidden, Manner::plain(), &[]);
    view.is_unicode = is_unicode;
    view
}

fn lines(snapshots: &[Snapshot], rows: usize, columns: usize) -> Vec<String> {
    view(true).lines(snapshots, NOW, Size { rows, columns })
}

fn scene() -> Vec<Snapshot> {
    let outage = "the token endpoint https://login.example.com/oauth2/token cannot be reached: connection refused";
    let refusal = "the issuer refuses the client: invalid_client (the client secret is wrong or has expired)";
    vec![
        fresh("prod", 252),
        snapshot("staging", Phase::Renewing(after(-5)), Some((25, 300)), None),
        snapshot("github-app", Phase::BackingOff(after(42)), Some((110, 600)), Some(outage)),
        snapshot("old-api", Phase::Parked, Some((-1, 600)), Some(refusal)),
        snapshot("new", Phase::Starting, None, None),
    ]
}

#[test]
fn a_terminal_of_80_columns() {
    let expected = "\
prod        fresh        ███░░░░░  renews in 4m 12s   expires in 5m 30s
staging     renewing     █░░░░░░░  for 5s             expires in 25s
github-app  backing off  ██░░░░░░  retry in 42s       the token endpoint https:…
old-api     parked       ░░░░░░░░  the issuer refuses the client: invalid_clien…
new         starting";
    assert_eq!(lines(&scene(), 24, 80).join("\n"), expected);
}

#[test]
fn a_terminal_of_200_columns() {
    let expected = "\
prod        fresh        ████████░░░░░░░░░░░░  renews in 4m 12s   expires in 5m 30s
staging     renewing     ██░░░░░░░░░░░░░░░░░░  for 5s             expires in 25s
github-app  backing off  ████░░░░░░░░░░░░░░░░  retry in 42s       expires in 1m 50s   \
the token endpoint https://login.example.com/oauth2/token cannot be reached: connection refused
old-api     parked       ░░░░░░░░░░░░░░░░░░░░                     expired             \
the issuer refuses the client: invalid_client (the client secret is wrong or has expired)
new         starting";
    assert_eq!(lines(&scene(), 24, 200).join("\n"), expected);
}

#[test]
fn a_terminal_of_40_columns() {
    let expected = "\
prod        fresh        renews 4m 12s
staging     renewing     for 5s
github-app  backing off  retry 42s
old-api     parked       the issuer ref…
new         starting";
    assert_eq!(lines(&scene(), 24, 40).join("\n"), expected);
}

#[test]
fn the_last_picture_has_nothing_to_come() {
    let last = |columns| {
        let mut view = view(true);
        view.is_over = true;
        view.lines(&scene(), NOW, Size { rows: 24, columns }).join("\n")
    };
    let expected = "\
prod        fresh        ███░░░░░  expires in 5m 30s
staging     renewing     █░░░░░░░  expires in 25s
github-app  backing off  ██░░░░░░  the token endpoint https://login.example.com…
old-api     parked       ░░░░░░░░  the issuer refuses the client: invalid_clien…
new         starting";
    assert_eq!(last(80), expected);
    let expected = "\
prod        fresh        expires 5m 30s
staging     renewing     expires 25s
github-app  backing off  the token endp…
old-api     parked       the issuer ref…
new         starting";
    assert_eq!(last(40), expected);
}

#[test]
fn a_terminal_without_unicode() {
    let mut odd = scene().split_off(2);
    odd[0].status.last_error = Some(RenewalError::new(Class::Temporary, "größer"));
    let expected = "\
github-app  backing off  ##......  retry in 42s       gr??er
old-api     parked       ........  the issuer refuses the client: invalid_cli...
new         starting";
    assert_eq!(view(false).lines(&odd, NOW, Size { rows: 24, columns: 80 }).join("\n"), expected);
}

/// What a loop can be at, and what is said of it.
#[test]
fn states_are_told() {
    let forever = |phase| {
        let mut eternal = snapshot("a", phase, Some((1, 1)), None);
        let token = Token::new("canary".to_owned()).expect("a token");
        eternal.status.token = Some(Arc::new(token));
        eternal
    };
    let unknown_life = || {
        let mut unknown = fresh("a", 60);
        let mut token = Token::new("canary".to_owned()).expect("a token");
        token.expires_at = Some(after(7384));
        unknown.status.token = Some(Arc::new(token));
        unknown
    };
    let table = [
        (forever(Phase::Waiting(None)), "a  fresh        ████████                     never expires"),
        (unknown_life(), "a  fresh                  renews in 1m 0s    expires in 2h 3m"),
        (snapshot("a", Phase::Waiting(Some(NOW)), Some((60, 60)), None), "a  fresh        ████████  renews now         expires in 1m 0s"),
        (snapshot("a", Phase::Waiting(Some(NOW)), Some((0, 60)), None), "a  expired      ░░░░░░░░  renews now         expired"),
        (
            snapshot("a", Phase::Waiting(Some(after(1))), Some((99, 60)), None),
            "a  fresh        ████████  renews in 1s       expires in 1m 39s",
        ),
        (snapshot("a", Phase::Renewing(NOW), None, None), "a  renewing                                  no token"),
        (snapshot("a", Phase::Renewing(after(9)), None, Some("no")), "a  renewing               no"),
        (snapshot("a", Phase::BackingOff(after(-1)), None, Some("no\nnay")), "a  backing off            retry now          no nay"),
        (
            snapshot("a", Phase::Waiting(Some(after(86_400 * 3))), Some((86_400 * 300, 86_400 * 300)), None),
            "a  fresh        ████████  renews in 3d 0h    expires in 300d",
        ),
        (snapshot("a", Phase::Stopped, Some((1, 60)), None), "a  stopped      █░░░░░░░                     expires in 1s"),
    ];
    for (snapshot, text) in table {
        assert_eq!(lines(&[snapshot], 24, 70 + 10), [text]);
    }
}

#[test]
fn colour_says_who_must_act() {
    let coloured = Manner { is_coloured: true, ..Manner::plain() };
    let table = [
        (fresh("a", 1), None),
        (snapshot("a", Phase::Renewing(NOW), None, None), None),
        (snapshot("a", Phase::BackingOff(NOW), Some((9, 9)), None), Some("\u{1b}[33mbacking off\u{1b}[0m")),
        (snapshot("a", Phase::BackingOff(NOW), Some((0, 9)), None), Some("\u{1b}[1;31mbacking off\u{1b}[0m")),
        (snapshot("a", Phase::Parked, Some((9, 9)), None), Some("\u{1b}[1;31mparked\u{1b}[0m")),
    ];
    for (snapshot, painted) in table {
        let line = line(&snapshot, NOW, &Layout::new(80, 1, true), coloured);
        assert_eq!(line.contains('\u{1b}'), painted.is_some(), "{line}");
        assert!(line.contains(painted.unwrap_or_default()), "{line}");
    }
}

/// In every width, whatever the names and the errors are.
#[test]
fn a_line_is_one_line() {
    let wide = "証明書が無効です。".repeat(20);
    let mut all = scene();
    all.push(snapshot(&"n".repeat(100), Phase::Parked, None, Some(&wide)));
    all.push(snapshot("x", Phase::BackingOff(after(9_999_999)), Some((9_999_999, 99_999_999)), Some(&wide)));
    let width = |line: &str| line.chars().map(|character| if character >= '\u{3000}' { 2 } else { 1 }).sum::<usize>();
    for columns in 1..=220 {
        for is_unicode in [true, false] {
            for line in view(is_unicode).lines(&all, NOW, Size { rows: 24, columns }) {
                assert!(width(&line) <= columns && !line.contains('\n') && !line.ends_with(' '), "{columns}: {line:?}");
                assert!(!line.contains("canary"));
            }
        }
    }
}

#[test]
fn long_names_lose_their_middle() {
    let names = ["service-account-europe-west-1", "service-account-europe-west-2"];
    let shown = lines(&names.map(|name| fresh(name, 1)), 24, 80);
    let starts: Vec<&str> = shown.iter().filter_map(|line| line.split("  ").next()).collect();
    assert_eq!(starts, ["service-…-west-1", "service-…-west-2"]);
}

#[test]
fn where_lines_are_few_those_that_need_attention_come_first() {
    let mut all: Vec<Snapshot> = (0..95).map(|number| fresh(&format!("team-{number}"), 1000 - number)).collect();
    all.extend(scene());
    let shown = lines(&all, 24, 80);
    let names: Vec<&str> = shown.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(shown.len(), 21, "three lines are left for messages");
    assert_eq!(names[..7], ["old-api", "github-app", "staging", "new", "prod", "team-94", "team-93"]);
    assert_eq!(shown.last().map(String::as_str), Some("… and 80 more, all fresh"));
    let order: Vec<String> = lines(&all, 200, 80);
    assert!(order.len() == 100 && order[0].starts_with("team-0 "), "where all fit, they stay in their order");
}

#[test]
fn a_summary_counts_states() {
    let table =
        [(5, "… and 4 more: 1 backing off, 1 renewing, 1 starting, 1 fresh"), (4, "… and 5 more: 1 parked, 1 backing off, 1 renewing…")];
    for (rows, text) in table {
        let columns = if rows == 5 { 80 } else { 50 };
        assert_eq!(lines(&scene(), rows, columns).last().map(String::as_str), Some(text));
    }
    assert_eq!(lines(&[fresh("a", 1), fresh("b", 2)], 4, 80), ["… and 2 more, all fresh"]);
}

/// A terminal that keeps what is written to it.
#[derive(Debug)]
struct Paper;

static WRITTEN: Mutex<String> = Mutex::new(String::new());

fn written() -> String {
    std::mem::take(&mut *WRITTEN.lock().expect("not poisoned"))
}

impl Paper {
    fn write(text: &str) {
        WRITTEN.lock().expect("not poisoned").push_str(text);
    }
}

impl TermLike for Paper {
    fn width(&self) -> u16 {
        10
    }
    fn height(&self) -> u16 {
        24
    }
    fn move_cursor_up(&self, lines: usize) -> std::io::Result<()> {
        Self::write(&format!("<up {lines}>"));
        Ok(())
    }
    fn move_cursor_down(&self, lines: usize) -> std::io::Result<()> {
        Self::write(&format!("<down {lines}>"));
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        Self::write(&format!("{text}<end>"));
        Ok(())
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        Self::write(text);
        Ok(())
    }
    fn clear_line(&self) -> std::io::Result<()> {
        Self::write("<clear>");
        Ok(())
    }
    fn flush(&self) -> std::io::Result<()> {
        Self::write("<flush>");
        Ok(())
    }
}

#[test]
fn a_drawing_is_one_write_over_the_old_one() {
    let screen = Screen::new(|| ProgressDrawTarget::term_like(Box::new(Paper)));
    let size = Size { rows: 24, columns: Size::of_terminal().columns };
    let show = |lines: &[&str]| {
        screen.show(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), size);
        written()
    };
    assert_eq!(show(&["a", "b"]), "<up 0>\ra         b         <flush>");
    assert_eq!(show(&["a", "b"]), "", "nothing has changed");
    assert_eq!(show(&["a", "c"]), "<up 1>\ra         c         <flush>");
    screen.aside(|| Paper::write("message"));
    assert_eq!(written(), "<up 1><clear><down 1><clear><up 1><flush>message<up 0>\ra         c         <flush>");
    let fewer = show(&["d"]);
    assert!(fewer.starts_with("<up 1><clear>") && fewer.ends_with("<flush><up 0>\rd         <flush>"), "{fewer}");
    screen.clear();
    assert_eq!(written(), "<up 0><clear><up 0><flush>");
}

#[test]
fn a_view_without_a_terminal_shows_nothing_and_lets_messages_through() {
    let mut view = View::new(Manner::plain(), &[]);
    view.draw(&scene(), NOW.after(Duration::from_secs(1)));
    let mut is_told = false;
    spinner::suspended(|| is_told = true);
    assert!(is_told);
}
