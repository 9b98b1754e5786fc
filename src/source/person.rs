//! The person whom an interactive source may ask. What is said, and on which screen, is the work of whoever implements this.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use url::Url;

use crate::clock::Timestamp;

/// Somebody who is there and may be asked to log in.
pub trait Person: Debug + Send + Sync {
    /// Tells what there is to do, or how it stands. What was told before holds no more.
    fn tell(&self, step: &Step<'_>);

    /// A line that the person types, without its end; `None` where nothing can be typed any more.
    fn line(&self) -> Pin<Box<dyn Future<Output = Option<String>> + Send + '_>>;
}

/// A step of a login.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// To wait, until there is something to do, or nothing is left to be done: others may be at it.
    Wait {
        /// For whom.
        whom: &'a str,
    },
    /// To open an address on any device and enter a code there (RFC 8628 §3.3). All of it is fit to be shown.
    EnterCode {
        /// `user_code`
        code: &'a str,
        /// `verification_uri`
        address: &'a Url,
        /// `verification_uri_complete`, which holds the code.
        complete: Option<&'a Url>,
        /// When the code expires, or nobody waits any more.
        expires_at: Timestamp,
    },
    /// To log in with the browser (RFC 8252 §4).
    OpenBrowser {
        /// Where.
        address: &'a Url,
        /// Whether a browser was started; else somebody has to open it by hand, perhaps elsewhere, and paste the address at which that
        /// ends.
        is_open: bool,
        /// When that is given up.
        until: Timestamp,
    },
    /// What was pasted is not the address that was waited for.
    NotTheAnswer {
        /// Why not.
        reason: &'a str,
    },
    /// Nothing: the login is over, be it done or given up.
    Over,
}
