//! What an examination asks of a delivery: where its files go, and what its hooks run. Nothing is written and nothing is run for that.

use std::path::Path;

use super::Delivery;

impl Delivery {
    /// The files it writes, each with its mode.
    pub fn files(&self) -> impl Iterator<Item = (&Path, u32)> {
        self.sinks.iter().map(|sink| (sink.path.as_path(), sink.mode.as_raw_mode()))
    }

    /// The programs of its hooks, each with its key.
    pub fn programs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [&self.on_renew, &self.on_error].into_iter().flatten().filter_map(|hook| hook.program())
    }
}
