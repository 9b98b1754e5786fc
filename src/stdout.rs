//! What standard output is when the program begins: open or not, and perhaps a file that may not grow. Whoever starts the process and
//! finds it closed says so here, before something else takes its descriptor.

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

/// Makes a write beyond the limit on the size of files (`RLIMIT_FSIZE`) an error instead of a death: of an answer, which is told then, and
/// of the cache, without which a token can be printed still. To ignore the signal would be to have our children ignore it.
pub fn outlive_limits() {
    extern "C" fn go_on(_: libc::c_int) {}
    let handler = go_on as extern "C" fn(libc::c_int) as libc::sighandler_t;
    #[expect(unsafe_code, reason = "std has no way to handle a signal")]
    // SAFETY: the handler does nothing, which is safe at any moment; what was ignored before is ignored again.
    unsafe {
        if libc::signal(libc::SIGXFSZ, handler) == libc::SIG_IGN {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        }
    }
}
