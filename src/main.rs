//! The program: a warm `token get` or `token helper` first, then everything else.
//!
//! On Linux it enters by C's `main`: the preparations of Rust's (reading /proc/self/maps, a second stack) cost a fifth of a warm `get`.

#![cfg_attr(all(target_os = "linux", target_env = "gnu"), no_main)]

use std::panic::catch_unwind;

use token::{command, hardening, stdout, ui};

fn run() -> u8 {
    hardening::harden();
    ui::Bug::keep_quiet();
    stdout::outlive_limits();
    let arguments = command::arguments(std::env::args_os());
    catch_unwind(|| command::warm(&arguments).unwrap_or_else(|| command::run(&arguments))).unwrap_or(1)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the symbol that C's start-up code calls; std reads the arguments by itself there (.init_array)")]
#[unsafe(no_mangle)]
extern "C" fn main(_: std::ffi::c_int, _: *const *const std::ffi::c_char) -> std::ffi::c_int {
    prepare();
    let status = run();
    #[expect(unsafe_code, reason = "nothing of ours is left to do, and what libraries do at the end costs a start's worth of page faults")]
    // SAFETY: ends the process; no buffer of ours is unwritten.
    unsafe {
        libc::_exit(status.into())
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() -> std::process::ExitCode {
    run().into()
}

/// Gives closed standard descriptors to /dev/null, so that no file of ours takes their place, and makes a closed pipe an error
/// instead of a death.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn prepare() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::{Mode, OFlags, open};
    use rustix::stdio::{stderr, stdin, stdout};
    let (stdin, stdout, stderr) = (stdin(), stdout(), stderr());
    let mut standard = [&stdin, &stdout, &stderr].map(|descriptor| PollFd::new(descriptor, PollFlags::empty()));
    let looked = poll(&mut standard, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    let is_closed = standard.map(|descriptor| looked.is_ok() && descriptor.revents().contains(PollFlags::NVAL));
    // The lowest free descriptor is the one that was closed. Who reads standard input learns that there is none.
    for (access, _) in [OFlags::WRONLY, OFlags::RDWR, OFlags::RDWR].into_iter().zip(is_closed).filter(|(_, is_closed)| *is_closed) {
        let _ = open("/dev/null", access, Mode::empty()).map(std::mem::forget);
    }
    if is_closed[1] {
        token::stdout::note_closed();
    }
    #[expect(unsafe_code, reason = "std sets this in its own start-up; ignoring a signal runs no code of ours")]
    // SAFETY: SIG_IGN is a valid disposition, and no other thread runs yet.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
}
