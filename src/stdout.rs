//! Whether standard output was open when the program began. Whoever starts the process and finds it closed says so here, before
//! something else takes its descriptor.

use std::sync::atomic::{AtomicBool, Ordering};

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Notes that standard output was closed.
pub fn note_closed() {
    WAS_CLOSED.store(true, Ordering::Relaxed);
}

/// Whether standard output was closed.
#[must_use]
pub fn was_closed() -> bool {
    WAS_CLOSED.load(Ordering::Relaxed)
}
