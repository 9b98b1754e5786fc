//! What a watcher shows of itself to programs: metrics over HTTP, and its state to systemd. Never a token.

use crate::bearer::Status;
use crate::name::Name;

/// One profile as it is being watched.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its name.
    pub profile: Name,
    /// The kind of its source.
    pub source: &'static str,
    /// What its loop is at.
    pub status: Status,
}
