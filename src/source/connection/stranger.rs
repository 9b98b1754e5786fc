//! A connection without what its owner alone would send, for those who only look.

use super::{Connection, Input};
use crate::secret::is_named_as_secret;

impl Connection {
    /// The same without the headers that hold secrets, or whose values are somewhere else; and the names of those.
    pub(in crate::source) fn without_secrets(&self) -> (Self, Vec<String>) {
        let is_plain = |(name, value): &&(String, Input)| value.is_inline() && !is_named_as_secret(name);
        let headers = self.headers.iter().filter(is_plain).cloned().collect();
        let withheld = self.headers.iter().filter(|header| !is_plain(header)).map(|(name, _)| name.clone()).collect();
        (Self { headers, ..self.clone() }, withheld)
    }

    /// Whether what is asked of `other` goes the same way.
    pub(in crate::source) fn has_route_of(&self, other: &Self) -> bool {
        self.route == other.route
    }

    /// The address of the proxy that the profile names.
    pub(in crate::source) fn proxy(&self) -> Option<&str> {
        self.route.proxy.as_deref()
    }
}
