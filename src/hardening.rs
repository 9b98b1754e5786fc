//! What the system does so that nobody looks into our memory, which holds tokens: no core dump, and no debugger but root's.
//!
//! It promises that of the process alone. A program that we start in the user's name has the limits that the user gave it: a build that
//! crashes below `token run` leaves the core that it always left. Only a program hardens itself; who uses this as a library keeps what
//! it has.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The user's limit on core dumps, once it is no longer ours.
static USERS: OnceLock<Rlimit> = OnceLock::new();

/// Hardens this process. A system that refuses a part of it is no reason to give no token.
pub fn harden() {
    // The first alone would do, as long as nobody takes it back: a process that executes or changes its user has it anew.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let _ = USERS.set(exchange());
}

/// Starts a program by `start`, under the user's own limit.
pub fn in_the_users_name<T>(start: impl FnOnce() -> T) -> T {
    let Some(users) = USERS.get().filter(|users| users.current != Some(0)) else { return start() };
    // Where it cannot be had back, the program starts all the same.
    let _ = setrlimit(Resource::Core, *users);
    let started = start();
    let _ = setrlimit(Resource::Core, none(*users));
    started
}

/// No core, and the hard limit as it is, so that a program can be given the user's.
const fn none(users: Rlimit) -> Rlimit {
    Rlimit { current: Some(0), maximum: users.maximum }
}

/// Takes the limit of no core for the user's, which it returns. One system call where there is no hard limit, as a rule.
#[cfg(target_os = "linux")]
fn exchange() -> Rlimit {
    const WITHOUT_HARD_LIMIT: Rlimit = Rlimit { current: Some(0), maximum: None };
    match rustix::process::prlimit(None, Resource::Core, WITHOUT_HARD_LIMIT) {
        Ok(users) if users.maximum.is_none() => users,
        // Root has just lifted a hard limit.
        Ok(users) => restrict(users),
        Err(_) => restrict(getrlimit(Resource::Core)),
    }
}

#[cfg(not(target_os = "linux"))]
fn exchange() -> Rlimit {
    restrict(getrlimit(Resource::Core))
}

fn restrict(users: Rlimit) -> Rlimit {
    let _ = setrlimit(Resource::Core, none(users));
    users
}
