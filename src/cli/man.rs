//! What can be typed behind `token man`.

use clap::Args;

/// `token man`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:
  token man | man -l -
  token man config | man -l -
  for page in $(token man --list); do token man $page >$page; done")]
pub struct Man {
    /// The page: a command, or a name with or without its section [default: token.1]
    #[arg(value_name = "PAGE", conflicts_with = "list")]
    pub page: Option<String>,
    /// Print the names of all pages instead, each with its section
    #[arg(long)]
    pub list: bool,
}
