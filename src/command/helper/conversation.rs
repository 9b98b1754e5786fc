//! cargo's conversation: a greeting, then a line for a line until cargo has no more to ask.

use std::io;

use super::input;
use super::session::Session;
use crate::protocol::{Answer, cargo};
use crate::secret::Secret;

/// Its exit status; an error where cargo cannot be heard.
pub(super) fn hold(session: &Session<'_>) -> io::Result<u8> {
    let mut status = session.say(&Answer::said(Secret::new(cargo::GREETING.to_owned())));
    let mut rest = Vec::new();
    while status == 0 {
        let heard = session.waited_for(move || input::line(&mut rest).map(|line| Some((line?, rest))).transpose());
        let Some((line, unread)) = heard.transpose()? else { break };
        rest = unread;
        status = session.hold(&cargo::Exchange::new(&line));
    }
    Ok(status)
}
