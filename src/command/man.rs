//! `token man`: the manual that goes with this program.

use super::Outcome;
use crate::cli::Man;
use crate::secret::Secret;
use crate::ui::{Failure, answer, manual};

pub(super) fn run(man: &Man) -> Outcome {
    let text = if man.list { list() } else { page(man.page.as_deref())?.to_owned() };
    answer::print(&Secret::new(text))?;
    Ok(0)
}

fn list() -> String {
    manual::pages().flat_map(|(name, _)| [name, "\n"]).collect()
}

fn page(asked: Option<&str>) -> Result<&'static str, Failure> {
    let asked = asked.unwrap_or("token");
    manual::page(asked).ok_or_else(|| Failure::Config(manual::unknown(asked)))
}
