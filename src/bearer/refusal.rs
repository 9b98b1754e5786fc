//! Whether a token was refused by whom it was meant for, and is to be replaced although it has not expired. Pure arithmetic over what is
//! [remembered](Served): no clock, no file.
//!
//! A consumer says so, or it merely asks again for a token that was handed to it. Who asks several times at once has not asked again: all
//! calls that overlap, one with the next, are one. Replacing is held back: at most once in ten seconds a profile, so that a server that
//! refuses every token does not make the issuer mint one a request.

use std::time::Duration;

use crate::cache::{Asker, Served, Span};
use crate::clock::Timestamp;
use crate::token::Token;

/// The least time between two replacements of a profile.
const LEAST_INTERVAL: Duration = Duration::from_secs(10);

/// How a consumer asks.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Who asks, where he is somebody who merely asks again.
    pub asker: Option<&'a Asker>,
    /// Since when he is asking.
    pub at: Timestamp,
    /// Since when he is asking by other calls too, which have not been answered yet.
    pub others: &'a [Timestamp],
    /// Whether he says that the token was refused.
    pub is_told: bool,
    /// How much before its expiry he was told that it expires: from then on, asking again means nothing.
    pub early: Duration,
}

impl Asking<'_> {
    /// Whether `token`, which is cached and good, is to be replaced for him.
    #[must_use]
    pub fn wants_another(&self, token: &Token, served: &Served) -> bool {
        (self.is_told || self.asks_again(token, served)) && !self.is_held_back(token, served)
    }

    /// Whether he was handed this token before he asked.
    fn asks_again(&self, token: &Token, served: &Served) -> bool {
        let is_good = token.remaining(self.at).is_none_or(|left| left > self.early);
        let calls = self.asker.map(|asker| served.handed(asker, token)).unwrap_or_default();
        is_good && self.end_of_first(calls).is_some_and(|end| end <= self.at)
    }

    /// When the calls were over by which he first got the token, and all that overlapped with them.
    fn end_of_first(&self, mut calls: Vec<Span>) -> Option<Timestamp> {
        let first = calls.iter().map(|call| call.until).min()?;
        let later = self.at.after(Duration::from_millis(1));
        calls.extend(self.others.iter().map(|since| Span { since: *since, until: later }));
        calls.sort_unstable();
        Some(calls.into_iter().fold(first, |end, call| if call.since <= end { end.max(call.until) } else { end }))
    }

    /// Whether one was replaced a moment ago. If that was this very one, it is being replaced: its successor is to be waited for.
    fn is_held_back(&self, token: &Token, served: &Served) -> bool {
        served.last_replaced(token).is_some_and(|(at, was_this)| {
            let is_recent = at <= self.at.after(LEAST_INTERVAL) && self.at.since(at) < LEAST_INTERVAL;
            is_recent && !was_this
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Note;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn token(text: &str) -> Token {
        let mut token = Token::new(text.to_owned()).expect("a token");
        token.expires_at = Some(at(3600));
        token
    }

    fn wants_another(notes: &[Note], asker: Option<&str>, asked_at: i64, is_told: bool) -> bool {
        beside_others(notes, asker, asked_at, is_told, &[])
    }

    fn beside_others(notes: &[Note], asker: Option<&str>, asked_at: i64, is_told: bool, others: &[Timestamp]) -> bool {
        let asker = asker.map(|name| Asker::new([name.as_bytes()]));
        let asking = Asking { asker: asker.as_ref(), at: at(asked_at), others, is_told, early: Duration::from_secs(10) };
        asking.wants_another(&token("b"), &notes.iter().cloned().collect())
    }

    fn handed_from(name: &str, text: &str, since: i64, until: i64) -> Note {
        Note::handed(&Asker::new([name.as_bytes()]), &token(text), Span { since: at(since), until: at(until) })
    }

    #[test]
    fn who_asks_several_times_at_once_has_not_asked_again() {
        let call = |since, until| handed_from("me", "b", since, until);
        let table = [
            ("before the first was answered", vec![call(80, 90)], vec![], 85, false),
            ("after the first was answered", vec![call(80, 90)], vec![], 91, true),
            ("while the second was not", vec![call(80, 90), call(81, 95)], vec![], 92, false),
            ("while the third was not, which overlaps with the second", vec![call(80, 90), call(94, 99), call(81, 95)], vec![], 97, false),
            ("after a gap", vec![call(80, 90), call(91, 99)], vec![], 97, true),
            ("while one is not answered yet", vec![call(80, 90)], vec![89], 97, false),
            ("while one is not that was made with it", vec![call(80, 90)], vec![91], 97, true),
        ];
        for (case, notes, others, asked_at, expected) in table {
            let others: Vec<Timestamp> = others.into_iter().map(at).collect();
            assert_eq!(beside_others(&notes, Some("me"), asked_at, false, &others), expected, "{case}");
        }
    }

    #[test]
    fn who_asks_again_wants_another() {
        let handed = |name: &str, text, seconds| handed_from(name, text, seconds - 1, seconds);
        let replaced = |text, seconds| Note::replaced(&token(text), at(seconds));
        let table = [
            ("nothing is known", vec![], Some("me"), 100, false),
            ("asks again", vec![handed("me", "b", 90)], Some("me"), 100, true),
            ("asks again at once", vec![handed("me", "b", 100)], Some("me"), 100, true),
            ("asked before it was handed over", vec![handed("me", "b", 101)], Some("me"), 100, false),
            ("was handed another", vec![handed("me", "a", 90)], Some("me"), 100, false),
            ("somebody else was", vec![handed("you", "b", 90)], Some("me"), 100, false),
            ("nobody in particular", vec![handed("me", "b", 90)], None, 100, false),
            ("was told that it expires by now", vec![handed("me", "b", 90)], Some("me"), 3590, false),
            ("just before", vec![handed("me", "b", 90)], Some("me"), 3589, true),
            ("the last replacement is recent", vec![handed("me", "b", 90), replaced("a", 91)], Some("me"), 100, false),
            ("the last replacement is old", vec![handed("me", "b", 90), replaced("a", 90)], Some("me"), 100, true),
            ("it is being replaced", vec![handed("me", "b", 90), replaced("b", 99)], Some("me"), 100, true),
            ("the clock was set back", vec![handed("me", "b", 90), replaced("a", 5000)], Some("me"), 100, true),
        ];
        for (case, notes, asker, asked_at, expected) in table {
            assert_eq!(wants_another(&notes, asker, asked_at, false), expected, "{case}");
        }
    }

    #[test]
    fn who_says_so_wants_another() {
        let replaced = |text, seconds| Note::replaced(&token(text), at(seconds));
        let table = [
            (vec![], true),
            (vec![replaced("a", 91)], false),
            (vec![replaced("a", 90)], true),
            (vec![replaced("b", 99)], true),
            (vec![replaced("b", 95), replaced("a", 99)], false),
        ];
        for (notes, expected) in table {
            assert_eq!(wants_another(&notes, None, 100, true), expected, "{notes:?}");
        }
    }
}
