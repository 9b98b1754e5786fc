//! Logging in with the browser: the address, on a line of its own so that it can be copied whole, and where to paste the one at which the
//! browser ends where that cannot reach us. What is pasted holds a code and is not shown.

use serde_json::Value;
use url::Url;

use super::AtTerminal;
use crate::ui::{log, tell};

/// Asks to log in at `address`.
pub(super) fn ask(at: &AtTerminal, address: &Url, is_open: bool) {
    let what = if is_open { "log in with the browser, which opens at this address:" } else { "open this address in a browser and log in:" };
    let profile = &at.profile;
    if at.manner.is_json {
        let address = ("address", Value::from(address.as_str()));
        return tell(&log::json_with("info", Some(profile.as_str()), what.trim_end_matches(':'), [address]));
    }
    tell(&format!("{profile}: {what}\n\n{address}\n"));
    tell(if is_open {
        "If the browser ends at a page that cannot be reached, paste the address of that page here."
    } else {
        "If it ends at a page that cannot be reached, paste the address of that page here."
    });
    wait(at);
}

/// Tells why what was pasted does not do.
pub(super) fn ask_again(at: &AtTerminal, reason: &str) {
    let (profile, what) = (&at.profile, format!("that is not the address at which the login ends: {reason}"));
    if at.manner.is_json {
        return tell(&log::json("warning", Some(profile.as_str()), &what, &[]));
    }
    tell(&format!("{profile}: {what}"));
    wait(at);
}

fn wait(at: &AtTerminal) {
    let message = format!("{}: waiting for the login (what is pasted is not shown)", at.profile);
    at.wait(move || message.clone());
}
