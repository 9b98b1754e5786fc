//! What can be typed behind `token doctor`.

use std::time::Duration;

use clap::Args;

use crate::settings::parse_positive_duration;

/// `token doctor`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "It looks at the configuration, at the files and whether they can be locked,
at each profile, the servers that it asks and the proxies on the way, at the
clock, at links to this program, at the tools that are set up to ask it, and at
the shell. It changes nothing, asks for no token, and sends no secret.

-q shows only what is not well; -v adds what else was seen.

Examples:
  token doctor                     everything
  token doctor prod -v             one profile, and all that was seen
  token doctor --offline           nothing that needs the network
  token doctor --json | jq '.findings[] | select(.level == \"problem\")'

Exit: 0 all is well (notes do not count), else by the worst that was found:
2 configuration, this machine's clock or a tool that asks, 3 someone has to log
in, 4 an issuer refuses, 5 the network, 6 local storage.")]
pub struct Doctor {
    /// The profiles [default: all]
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// For programs: one JSON object
    #[arg(long)]
    pub json: bool,
    /// Leave out what needs the network
    #[arg(long)]
    pub offline: bool,
    /// Stop looking after this long [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration)]
    pub timeout: Option<Duration>,
    /// Wait this long for one server [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration)]
    pub request_timeout: Option<Duration>,
}
