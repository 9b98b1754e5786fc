//! Who asks: the process that started this one, told from others of its number by when it began.

use crate::cache::Asker;

/// Which field of `/proc/PID/stat` says when a process began, counted from the one behind its name (`proc_pid_stat(5)`).
const BEGAN: usize = 19;

/// The parent that asks with these arguments and for this. `None` where the system does not say, and then nobody asks again.
pub(super) fn parent(words: &[String], information: Option<&str>) -> Option<Asker> {
    let parent = rustix::process::getppid()?.as_raw_nonzero().to_string();
    let stat = std::fs::read_to_string(format!("/proc/{parent}/stat")).ok()?;
    let began = stat.rsplit_once(')')?.1.split_whitespace().nth(BEGAN)?;
    let own = [parent.as_str(), began, information.unwrap_or_default()];
    Some(Asker::new(own.into_iter().chain(words.iter().map(String::as_str)).map(str::as_bytes)))
}
