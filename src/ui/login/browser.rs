//! Logging in with the browser: the address, on a line of its own so that it can be copied whole, and where to paste the one at which the
//! browser ends where that cannot reach us. They are a question, so they are shown to whoever wants silence, too. What is pasted holds a
//! code and is not shown.

use serde_json::Value;
use url::Url;

use super::AtTerminal;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::ui::{log, spoken, tell};

/// Asks to log in at `address`, until then.
pub(super) fn ask(at: &AtTerminal, address: &Url, is_open: bool, until: Timestamp) {
    let profile = at.profile.as_str();
    if at.manner.is_json {
        let fields = [("event", Value::from("open-browser")), ("address", address.as_str().into()), ("is_open", is_open.into())];
        let fields = fields.into_iter().chain([("expires_at", until.rfc3339().into())]);
        return tell(&log::json_with("info", Some(profile), "open this address in a browser and log in", fields));
    }
    let what = if is_open { "log in with the browser that opens, or at this address" } else { "open this address in a browser and log in" };
    let paste = "Where it ends at a page that cannot be reached, paste the address of that page here (it is not shown).";
    tell(&format!("{profile}: {what}:\n\n{address}\n\n{paste}"));
    let profile = at.profile.clone();
    at.wait(move || format!("{profile}: waiting for you to log in, {} left", spoken(until.since(SystemClock.now()))));
}

/// Tells why what was pasted does not do.
pub(super) fn ask_again(at: &AtTerminal, reason: &str) {
    // Error 0 (Mismatch): What was pasted is not where this login ends: an address of another login, or a part of one. To do: paste the
    // whole address of the page that the browser could not reach.
    let (profile, what) = (at.profile.as_str(), format!("that is not the address at which the login ends: {reason}"));
    if at.manner.is_json {
        return tell(&log::json("warning", Some(profile), &what, &[]));
    }
    tell(&format!("{profile}: {what}"));
}
