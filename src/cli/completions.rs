//! What can be typed behind `token completions`.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

/// `token completions`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:
  token completions bash >~/.local/share/bash-completion/completions/token
  token completions zsh >~/.zfunc/_token               any directory of fpath
  token completions fish >~/.config/fish/completions/token.fish
  token completions elvish >~/.config/elvish/lib/token-completion.elv
  token completions powershell >~/token-completion.ps1")]
pub struct Completions {
    /// The shell that is to complete them
    #[arg(value_name = "SHELL", required_unless_present = "candidates")]
    pub shell: Option<Shell>,
    /// What may stand in the place of this, which is being typed: for the completions themselves
    #[arg(long, hide = true, value_name = "TYPED", allow_hyphen_values = true)]
    pub candidates: Option<OsString>,
    /// What stands before it
    #[arg(last = true, hide = true, requires = "candidates")]
    pub before: Vec<OsString>,
}

/// A shell that completes what is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Sourced, or loaded by the package bash-completion
    Bash,
    /// By `use token-completion` in rc.elv
    Elvish,
    /// By its place
    Fish,
    /// Read by a line `. ~/token-completion.ps1` in $PROFILE
    Powershell,
    /// By its place, or sourced
    Zsh,
}
