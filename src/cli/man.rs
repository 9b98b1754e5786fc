//! What can be typed behind `token man`.

use clap::Args;

/// `token man`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:
  token man | man -l -
  token man config | man -l -
  for page in $(token man --list); do token man $page >$page; done")]
pub struct Man {
    /// The name of a page or of a command, with or without a section [default: token.1]
    #[arg(value_name = "PAGE", conflicts_with = "list")]
    pub page: Option<String>,
    /// Print the names of all pages
    #[arg(long)]
    pub list: bool,
}
