//! Logging in on another device: the address and the code, which can be copied, a picture of the address for a phone's camera where there
//! is room, and how long the code holds.
//!
//! They are a question, so they are shown to whoever wants silence, too. They stay on the screen, as all that was said does; what turns
//! below them does not. The picture has its own black and white, because a camera reads it on a dark terminal no better than on a light
//! one otherwise: where colours are unwanted there is none.

use qrcode::{Color, EcLevel, QrCode};
use serde_json::Value;
use url::Url;

use super::AtTerminal;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::ui::watch::{Size, is_unicode};
use crate::ui::{log, spoken, tell};

/// The light edge that tells a picture from what is around it, in modules: what the standard wants (ISO/IEC 18004 §6.3.8), and what
/// cameras make do with.
const MARGINS: [usize; 2] = [4, 2];

/// Black on white, whatever the terminal's colours are.
const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";
const AS_BEFORE: &str = "\u{1b}[0m";

/// What somebody is asked to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub code: &'a str,
    pub address: &'a Url,
    /// The address that holds the code.
    pub complete: Option<&'a Url>,
    pub expires_at: Timestamp,
}

/// Asks it.
pub(super) fn ask(at: &AtTerminal, question: Question<'_>) {
    let (manner, profile) = (at.manner, at.profile.as_str());
    let what = "open this address on any device and enter the code to log in";
    if manner.is_json {
        return tell(&log::json_with("info", Some(profile), what, question.fields()));
    }
    let may_draw = manner.is_coloured && !manner.is_quiet && is_unicode();
    tell(&question.lines(&format!("{profile}: {what}"), may_draw.then(Size::of_terminal)).join("\n"));
    let (profile, expires_at) = (at.profile.clone(), question.expires_at);
    at.wait(move || {
        let left = spoken(expires_at.since(SystemClock.now()));
        format!("{profile}: waiting for you to confirm, {left} left")
    });
}

impl Question<'_> {
    fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = vec![("event", "enter-code".into()), ("address", self.address.as_str().into()), ("code", self.code.into())];
        fields.extend(self.complete.map(|complete| ("complete_address", complete.as_str().into())));
        fields.push(("expires_at", self.expires_at.rfc3339().into()));
        fields
    }

    /// The lines that ask it, with a picture where there is `room` for one.
    fn lines(&self, what: &str, room: Option<Size>) -> Vec<String> {
        let (what, address, code) = (format!("{what}:"), format!("  {}", self.address), format!("  {}", self.code));
        let picture = room.and_then(|room| {
            let hint = "Or scan this, and see that it has the same code:".to_owned();
            let lines = [what.clone(), address.clone(), code.clone(), hint];
            // The last row is for what turns.
            let taken = 1 + lines.iter().map(|line| line.chars().count().div_ceil(room.columns)).sum::<usize>();
            let picture = self.picture(Size { rows: room.rows.checked_sub(taken)?, ..room })?;
            let picture = picture.iter().map(|line| format!("{BLACK_ON_WHITE}{line}{AS_BEFORE}"));
            Some(lines.into_iter().chain(picture).collect())
        });
        picture.unwrap_or_else(|| vec![what, String::new(), address, code, String::new()])
    }

    /// The address with the code in it, or else without, as large as there is `room`. Only who need not type the code needs a picture.
    fn picture(&self, room: Size) -> Option<Vec<String>> {
        let addresses = [self.complete?, self.address];
        let pictures = addresses.into_iter().flat_map(|address| MARGINS.map(|margin| draw(address, margin)));
        pictures.flatten().find(|lines| lines.len() <= room.rows && lines[0].chars().count() <= room.columns)
    }
}

/// `address` as a QR code, two modules to a character.
fn draw(address: &Url, margin: usize) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(address.as_str(), EcLevel::L).ok()?;
    let modules = margin..margin + code.width();
    let is_dark = |x: usize, y: usize| modules.contains(&x) && modules.contains(&y) && code[(x - margin, y - margin)] == Color::Dark;
    let side = code.width() + 2 * margin;
    let character = |x: usize, y: usize| match (is_dark(x, y), is_dark(x, y + 1)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    Some((0..side).step_by(2).map(|y| (0..side).map(|x| character(x, y)).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "https://login.example.com/realms/main/device";

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    /// The lines for a terminal of this size, with or without an address that holds the code.
    fn lines(complete: Option<&Url>, size: Option<(usize, usize)>) -> Vec<String> {
        let address = url(ADDRESS);
        let question = Question { code: "ABCD-EFGH", address: &address, complete, expires_at: Timestamp::from_unix_seconds(0) };
        question.lines("prod: do it", size.map(|(columns, rows)| Size { rows, columns }))
    }

    /// The modules that some lines show, dark ones as true.
    fn modules(lines: &[String]) -> Vec<Vec<bool>> {
        let halves = |line: &String| {
            let upper = line.chars().map(|c| "█▀".contains(c)).collect();
            let lower = line.chars().map(|c| "█▄".contains(c)).collect();
            [upper, lower]
        };
        lines.iter().flat_map(halves).collect()
    }

    #[test]
    fn a_picture_is_the_code_in_a_light_frame() {
        let address = url(ADDRESS);
        let code = QrCode::with_error_correction_level(ADDRESS, EcLevel::L).expect("it fits");
        for margin in MARGINS {
            let drawn = modules(&draw(&address, margin).expect("it fits"));
            let side = code.width() + 2 * margin;
            assert!(drawn.len() == side + 1 && drawn.iter().all(|row| row.len() == side), "{margin}");
            for (y, row) in drawn.iter().enumerate() {
                for (x, is_dark) in row.iter().enumerate() {
                    let is_module = [x, y].iter().all(|at| (margin..margin + code.width()).contains(at));
                    let expected = is_module && code[(x - margin, y - margin)] == Color::Dark;
                    assert_eq!(*is_dark, expected, "{margin}: {x}, {y}");
                }
            }
        }
    }

    #[test]
    fn a_picture_is_drawn_where_there_is_room() {
        let complete = url(&format!("{ADDRESS}?user_code=ABCD-EFGH"));
        let long = url(&format!("{ADDRESS}?user_code=ABCD-EFGH&state={}", "x".repeat(600)));
        // The address with the code, columns and rows of the terminal, what is drawn, and how wide.
        let table = [
            (Some(&complete), Some((80, 50)), Some((complete.as_str(), 41))),
            (Some(&complete), Some((80, 26)), Some((complete.as_str(), 41))),
            (Some(&complete), Some((80, 24)), Some((complete.as_str(), 37))),
            (Some(&complete), Some((80, 23)), Some((ADDRESS, 33))),
            (Some(&complete), Some((80, 16)), None),
            (Some(&complete), Some((30, 60)), None),
            (Some(&long), Some((80, 30)), Some((ADDRESS, 37))),
            (None, Some((80, 50)), None),
            (Some(&complete), None, None),
        ];
        for (complete, size, expected) in table {
            let lines = lines(complete, size);
            let picture: Vec<String> =
                lines.iter().filter_map(|line| Some(line.strip_prefix(BLACK_ON_WHITE)?.strip_suffix(AS_BEFORE)?.to_owned())).collect();
            let Some((address, width)) = expected else {
                assert_eq!((lines.len(), picture.len()), (5, 0), "{size:?}");
                continue;
            };
            let margins = MARGINS.map(|margin| draw(&url(address), margin).expect("it fits"));
            assert!(margins.contains(&picture), "{size:?}: another picture");
            assert_eq!(picture[0].chars().count(), width, "{size:?}");
            let (columns, rows) = size.expect("a terminal");
            let taken: usize = lines.iter().map(|line| if line.starts_with('\u{1b}') { 1 } else { line.len().div_ceil(columns) }).sum();
            assert!(taken < rows, "{size:?}: {taken} rows");
        }
    }

    #[test]
    fn address_and_code_stand_alone() {
        let complete = url(&format!("{ADDRESS}?user_code=ABCD-EFGH"));
        for size in [None, Some((80, 50))] {
            let lines = lines(Some(&complete), size);
            for wanted in [ADDRESS, "ABCD-EFGH"] {
                assert_eq!(lines.iter().filter(|line| line.trim() == wanted).count(), 1, "{lines:#?}");
            }
        }
    }
}
