//! cargo's conversation: a greeting, then a line for a line until cargo has no more to ask.

use super::input;
use super::session::Session;
use crate::protocol::{Answer, cargo};
use crate::secret::Secret;

pub(super) fn hold(session: &Session<'_>) -> u8 {
    let mut status = session.say(&Answer::said(Secret::new(cargo::GREETING.to_owned())));
    let mut rest = Vec::new();
    while status == 0 {
        let Some((line, unread)) = session.waited_for(move || input::line(&mut rest).map(|line| (line, rest))) else { break };
        rest = unread;
        status = session.hold(&cargo::Exchange::new(&line));
    }
    status
}
