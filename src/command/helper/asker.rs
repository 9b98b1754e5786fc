//! Who asks, since when, and how often at once: the process that started this one, told from others of its number by when it began, as
//! `/proc` has it (`proc_pid_stat(5)`).

use std::time::Duration;

use crate::bounded;
use crate::cache::Asker;
use crate::clock::{Clock as _, SystemClock, Timestamp, since_boot};

/// The field that says when a process began, in ticks since the system did, counted from the one behind its name.
const BEGAN: usize = 19;

/// The most that is read of a process's words, of the list of a parent's children, and of what there is on a process: other processes make
/// them as long as they like. Words that are alike so far are those of the same question.
const MOST_WORDS: u64 = 64 << 10;
const MOST_CHILDREN: u64 = 1 << 20;
const LONGEST_STAT: u64 = 4 << 10;

/// A parent that asks.
pub(super) struct Parent {
    process: String,
    pub asker: Asker,
    /// Since when this process has been running. On a busy machine it takes a while to get from there to here, in which others may be
    /// answered: who was started together asks at the same time.
    pub since: Timestamp,
}

/// The parent that asks with these arguments and for this. `None` where the system does not say, and then nobody asks again.
pub(super) fn parent(words: &[String], information: Option<&str>) -> Option<Parent> {
    let parent = rustix::process::getppid()?.as_raw_nonzero().to_string();
    let began = ticks_at_start(&parent)?.to_string();
    let own = [parent.as_str(), &began, information.unwrap_or_default()];
    let asker = Asker::new(own.into_iter().chain(words.iter().map(String::as_str)).map(str::as_bytes));
    Some(Parent { asker, since: running_since("self")?, process: parent })
}

impl Parent {
    /// Since when other children of it have been running, each by the very same words, that have not come to their end.
    pub fn other_calls(&self) -> Vec<Timestamp> {
        let words = |process: &str| bounded::beginning(&format!("/proc/{process}/cmdline"), MOST_WORDS);
        let (own, own_words) = (std::process::id().to_string(), words("self"));
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process)).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| {
            let list = bounded::beginning(task.path().join("children").to_str()?, MOST_CHILDREN);
            String::from_utf8(list).ok()
        });
        let children: Vec<String> = children.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
        let others = children.iter().filter(|child| **child != own && words(child.as_str()) == own_words);
        others.filter_map(|child| running_since(child)).collect()
    }
}

fn running_since(process: &str) -> Option<Timestamp> {
    let age = since_boot()?.saturating_sub(end_of_tick(ticks_at_start(process)?)?);
    // The clock is looked at last, and anew: held up in between, a process seems younger than it is, and asks in vain at worst.
    Some(SystemClock.now().before(age))
}

fn ticks_at_start(process: &str) -> Option<u64> {
    let stat = String::from_utf8(bounded::beginning(&format!("/proc/{process}/stat"), LONGEST_STAT)).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(BEGAN)?.parse().ok()
}

/// The end of what is a hundredth of a second, as a rule: within it, nobody can say who came first.
fn end_of_tick(ticks: u64) -> Option<Duration> {
    let (per_second, end) = (rustix::param::clock_ticks_per_second(), ticks.checked_add(1)?);
    let part = Duration::from_secs(end.checked_rem(per_second)?) / u32::try_from(per_second).ok()?;
    Duration::from_secs(end / per_second).checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_has_an_end_however_long_the_system_has_been_running() {
        let per_second = rustix::param::clock_ticks_per_second();
        for days in [0, 1, 496, 498, 100_000] {
            let midnight = days * 24 * 3600;
            assert_eq!(end_of_tick(midnight * per_second + per_second - 1), Some(Duration::from_secs(midnight + 1)), "{days} days");
            assert_eq!(end_of_tick(midnight * per_second).map(|end| end.as_secs()), Some(midnight), "{days} days");
        }
        assert!(end_of_tick(0) > Some(Duration::ZERO));
        assert_eq!(end_of_tick(u64::MAX), None);
    }
}
