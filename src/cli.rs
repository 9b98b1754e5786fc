//! What can be typed. No I/O, no environment, no defaults of meaning: those are the profile's.

#![expect(clippy::doc_markdown, reason = "these comments are what --help prints")]

mod completions;
mod doctor;
mod fast;
mod helper;
mod init;
mod man;
mod name;
mod setup;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::settings::{parse_duration, parse_positive_duration};

pub use completions::{Completions, Shell};
pub use doctor::Doctor;
pub use fast::parse as parse_fast;
pub use helper::{Helper, HelperAct, Tool};
pub use init::{ClientOptions, ClientProof, GrantKind, Init};
pub use man::Man;
pub use name::{DOCKER_WITH_PROFILE, arguments, helper_names};
pub use setup::{Aws, Cargo, Consumer, Git, Kubectl, Setup};

/// Bearer tokens that are valid now, from a cache that processes share.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(
    name = "token",
    version,
    max_term_width = 80,
    propagate_version = true,
    after_help = "Examples:
  token init login.example.com  configure a profile: what is not known is asked
  token get                     print a valid token of the default profile
  token get -- ./slow-login.sh  the same of a command that prints one
  token get api -o header | curl -H @- https://api.example.com
  token status                  what is cached, until when, and what failed

`token help COMMAND` says more, and `token man | man -l -` all of it."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Read this configuration [env: TOKEN_CONFIG] [default: ~/.config/token/config.toml]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Use this profile where no argument names one [env: TOKEN_PROFILE]
    #[arg(short, long = "profile", global = true, value_name = "NAME", id = "global-profile")]
    pub profile: Option<String>,
    /// Never ask a person for anything [env: TOKEN_NO_INTERACTIVE]
    #[arg(long, global = true)]
    pub no_interactive: bool,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: what is asked, and what a command or a server said
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Colour messages: `auto` (on a terminal, unless NO_COLOR is set), `always` or `never`
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub color: Color,
    /// Write messages as `text`, or as `json`: one object a line
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    pub log_format: LogFormat,
}

/// When messages are coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Write a profile: a first one, or another
    ///
    /// It is made from what an issuer says of itself, or from a command that prints a token, and tried once.
    Init(Box<Init>),
    /// Print a valid token, from the cache or after a renewal
    ///
    /// A token that is fresh comes from the cache. One that is near its expiry is renewed first: one process asks the issuer, and all
    /// who wait take its answer. Where that fails, the old token is printed until it has expired, with a warning.
    Get(Get),
    /// Renew now, whatever the cache holds
    ///
    /// This is where somebody logs in, where a profile needs that. One line for each profile tells what became of it, on standard error.
    Renew(Renew),
    /// Keep tokens fresh, in the foreground, until stopped
    ///
    /// Each profile is renewed ahead of its expiry, so that nobody has to wait. On a terminal there is a line for each profile, elsewhere
    /// a line for each event.
    Watch(Watch),
    /// Remove what is stored on this machine
    ///
    /// That is the token, the login and the memory of failures. No renewal that began earlier brings the token back.
    Purge(Purge),
    /// Show what is cached, until when, and what failed; never a token
    Status(Status),
    /// Look for what is wrong, and say what to do about it
    Doctor(Doctor),
    /// Run a command with a valid token in its environment
    ///
    /// The token is as `token get` would print it. The exit status is that of the command, and signals are passed on to it.
    Run(Run),
    /// Answer git, kubectl, docker and others in their own protocols
    ///
    /// The tools start this by themselves; `token helper setup` shows what has them do that. A token goes only to the `hosts` of its profile.
    Helper(Helper),
    /// Print what has a shell complete command lines of token
    Completions(Completions),
    /// Print a page of the manual
    ///
    /// It is printed as its source, mdoc(7), which `man -l -` reads.
    Man(Man),
}

/// `token get`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:
  token get prod
  token get prod -o json --min-ttl 10m
  token get prod -o header | curl -H @- https://api.example.com
  token get --ttl 10m -- ./mint-token.sh

Exit status: 0 done, 2 usage or configuration, 3 someone has to log in,
4 the issuer refused, 5 temporary, 6 local storage, 7 the lock was held on to.")]
pub struct Get {
    /// The profile [env: TOKEN_PROFILE] [default: `default` in the configuration, or the only one]
    pub profile: Option<String>,
    /// What to print
    #[arg(short, long, value_name = "FORMAT", default_value = "raw")]
    pub output: Output,
    /// Renew first: never print the token that was there before
    #[arg(long, conflicts_with = "offline")]
    pub renew: bool,
    /// Only look into the cache: ask nobody
    #[arg(long)]
    pub offline: bool,
    /// Fail when a renewal fails, even while the old token is valid
    #[arg(long)]
    pub report_error: bool,
    /// Limits of the fetch.
    #[command(flatten)]
    pub limits: Limits,
    /// How long the token of COMMAND holds, where it does not say [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration)]
    pub ttl: Option<Duration>,
    /// The name of COMMAND in the cache [default: made of its words]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Instead of a profile, a command that prints a token
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "profile")]
    pub command: Vec<OsString>,
}

/// How long, how often and how good.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Limits {
    /// Want at least this much life left [default: that of the profile, else 0s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub min_ttl: Option<Duration>,
    /// Give up after this long [default: 30s, or 10m while somebody logs in]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// Give up one request after this long [default: that of the profile, else 5s]
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration)]
    pub request_timeout: Option<Duration>,
    /// Make at most this many attempts [default: that of the profile, else 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_retries: Option<u32>,
}

/// How a token is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// The token and a newline
    #[default]
    Raw,
    /// All that is known of it, as one JSON object
    Json,
    /// A line `Authorization: Bearer TOKEN`
    Header,
}

/// `token renew`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:
  token renew prod
  token renew --all --if-near-expiry
  printf %s \"$REFUSED\" | token renew prod --if-token-is -

The last is for after a 401: however many ask, it is renewed once.")]
pub struct Renew {
    /// The profiles [default: as for `get`]
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Every profile
    #[arg(long, conflicts_with = "profiles")]
    pub all: bool,
    /// Renew only what is near its expiry
    #[arg(long)]
    pub if_near_expiry: bool,
    /// Renew only if the token, or its SHA-256, on standard input (`-`) is the cached one
    ///
    /// The SHA-256 is that of the token without a line end, as `sha256sum` prints it.
    #[arg(long, value_name = "-", allow_hyphen_values = true, conflicts_with = "if_near_expiry")]
    pub if_token_is: Option<String>,
    /// Limits of the fetch.
    #[command(flatten)]
    pub limits: Limits,
}

/// `token watch`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:
  token watch --all
  token watch prod staging --metrics 9464
  token watch --all --once        from cron: renew what is due, write the sinks
  token watch --all --log-format json 2>> log

Signals: HUP reads the configuration again, USR1 renews all now, TERM and INT
end it.")]
pub struct Watch {
    /// The profiles [default: as for `get`]
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Every profile
    #[arg(long, conflicts_with = "profiles")]
    pub all: bool,
    /// Renew what is due, write the sinks, and end
    #[arg(long, conflicts_with = "metrics")]
    pub once: bool,
    /// Serve /metrics for Prometheus, and /healthz
    ///
    /// A port alone is one of 127.0.0.1.
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<String>,
}

/// `token purge`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:
  token purge prod
  token purge prod --revoke
  token purge --all --expired
  token purge --all --dry-run")]
pub struct Purge {
    /// The profiles, or names of cache entries [default: as for `get`]
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Every profile and every cache entry
    #[arg(long, conflicts_with = "profiles")]
    pub all: bool,
    /// Remove only what has expired
    #[arg(long)]
    pub expired: bool,
    /// Keep the login
    ///
    /// With `--revoke`, some issuers end it all the same.
    #[arg(long)]
    pub keep_login: bool,
    /// Have the issuer revoke them too, where it offers that (RFC 7009)
    #[arg(long)]
    pub revoke: bool,
    /// Remove only if the token, or its SHA-256, on standard input (`-`) is the cached one
    ///
    /// The SHA-256 is that of the token without a line end, as `sha256sum` prints it.
    #[arg(long, value_name = "-", allow_hyphen_values = true)]
    pub if_token_is: Option<String>,
    /// Say what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Give up after this long while a renewal is in flight [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// `token status`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:
  token status
  token status prod --json")]
pub struct Status {
    /// The profiles, or names of cache entries [default: all]
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Print one JSON object, for programs
    #[arg(long)]
    pub json: bool,
}

/// `token run`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:
  token run prod -- terraform apply
  token run prod --env GITHUB_TOKEN -- gh api user

The exit status is that of the command: 127 where there is none, 126 where it
cannot be executed, 128 + N where signal N ended it.")]
pub struct Run {
    /// The profile [default: as for `get`]
    pub profile: Option<String>,
    /// The environment variable that holds the token
    #[arg(long, value_name = "NAME", default_value = "TOKEN")]
    pub env: String,
    /// Limits of the fetch.
    #[command(flatten)]
    pub limits: Limits,
    /// The command
    #[arg(last = true, value_name = "COMMAND", required = true)]
    pub command: Vec<OsString>,
}
