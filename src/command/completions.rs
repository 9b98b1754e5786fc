//! `token completions`: what has a shell complete our command lines, and what that asks us.

mod candidates;

use super::Outcome;
use crate::cli::{Completions, Global, Shell};
use crate::secret::Secret;
use crate::ui::answer;

pub(super) fn run(global: &Global, completions: &Completions) -> Outcome {
    let text = match (&completions.candidates, completions.shell) {
        (Some(typed), _) => candidates::lines(global, &completions.before, typed),
        (None, shell) => shell.map(script).unwrap_or_default().to_owned(),
    };
    answer::print(&Secret::new(text))?;
    Ok(0)
}

const fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("../../completions/token.bash"),
        Shell::Elvish => include_str!("../../completions/token.elv"),
        Shell::Fish => include_str!("../../completions/token.fish"),
        Shell::Powershell => include_str!("../../completions/_token.ps1"),
        Shell::Zsh => include_str!("../../completions/_token"),
    }
}
