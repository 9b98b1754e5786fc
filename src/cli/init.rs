//! What can be typed behind `token init`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::settings::parse_positive_duration;

/// `token init`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(
    override_usage = "token init [OPTIONS] [ISSUER]\n       token init [OPTIONS] -- <COMMAND>...",
    after_help = "What an issuer says of itself is not asked. What else is missing is asked at a
terminal; elsewhere, or with --no-interactive, an error names all of it.

The profile goes behind what the configuration holds, which stays as it is. -p
names it; a profile that is there is never overwritten. A secret that is typed
is kept in a file beside the configuration, mode 0600. The profile is tried as
`token renew` does it; if that fails, it stays to be corrected, and the exit
status tells of the failure.

Examples:
  token init https://login.example.com
  token init -p gcloud --ttl 50m -- gcloud auth print-access-token
  token init -p ci https://login.example.com --source client-credentials \\
      --client-id ci --client-secret-file ~/.secrets/ci
  token init --dry-run login.example.com"
)]
pub struct Init {
    /// The issuer: its address, by which it tells what it offers and where
    pub issuer: Option<String>,
    /// Hand the token to these hosts only, for git, docker and others; may be repeated
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// How long an answer holds, unless it ends sooner by itself; or `never`
    #[arg(long, value_name = "DURATION", value_parser = ttl)]
    pub ttl: Option<String>,
    /// How long one answer of the issuer, or of COMMAND, may take [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub request_timeout: Option<String>,
    /// Make it the default: what is meant where no profile is named
    #[arg(long)]
    pub default: bool,
    /// Write the profile, and do not try it
    #[arg(long)]
    pub no_try: bool,
    /// Print what would be written, write nothing, and do not try it
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// A command that prints a token, instead of an issuer
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "issuer")]
    pub command: Vec<OsString>,
    /// How a client of the issuer asks.
    #[command(flatten)]
    pub client: ClientOptions,
}

/// What is particular to a client of an issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Client")]
pub struct ClientOptions {
    /// How to get a token [default: on a terminal the first of these that the issuer offers, elsewhere the last]
    #[arg(long, value_name = "KIND")]
    pub source: Option<GrantKind>,
    /// Who we are there, as the issuer has registered it
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The client's secret is in this file, which only its owner can read
    #[arg(long, value_name = "FILE", group = "proof")]
    pub client_secret_file: Option<PathBuf>,
    /// The client's secret is in this environment variable
    #[arg(long, value_name = "NAME", group = "proof")]
    pub client_secret_env: Option<String>,
    /// The client's secret is what this command prints; quotes keep words together, and no shell reads it
    #[arg(long, value_name = "COMMAND", group = "proof")]
    pub client_secret_command: Option<String>,
    /// Read the client's secret from standard input, and keep it in a file beside the configuration
    #[arg(long, group = "proof")]
    pub client_secret_stdin: bool,
    /// Sign with the private key in this PEM file, instead of sending a secret (RFC 7523)
    #[arg(long, value_name = "FILE", group = "proof")]
    pub client_key_file: Option<PathBuf>,
    /// How the client proves who it is [default: `basic`, or what the issuer takes]
    #[arg(long, value_name = "METHOD")]
    pub client_auth: Option<ClientProof>,
    /// What the token is to allow; may be repeated [default: for a login, `openid` and `offline_access` if they are offered]
    #[arg(long, value_name = "SCOPE")]
    pub scope: Vec<String>,
    /// Whom the token is for, where the issuer asks that; may be repeated
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: Vec<String>,
    /// The port that the browser comes back to, where the issuer does not let it vary
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub redirect_port: Option<u16>,
    /// Where tokens are had, if the issuer does not say
    #[arg(long, value_name = "URL")]
    pub token_endpoint: Option<String>,
    /// Where a browser is sent to log in, if the issuer does not say
    #[arg(long, value_name = "URL")]
    pub authorization_endpoint: Option<String>,
    /// Where a code for another device is had, if the issuer does not say
    #[arg(long, value_name = "URL")]
    pub device_authorization_endpoint: Option<String>,
    /// Where tokens are revoked, if the issuer does not say
    #[arg(long, value_name = "URL")]
    pub revocation_endpoint: Option<String>,
    /// Trust the certificates in this PEM file, too
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// How a client of an issuer gets a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GrantKind {
    /// Somebody logs in with a browser, once
    AuthorizationCode,
    /// Somebody logs in on another device, once
    DeviceCode,
    /// The client speaks for itself
    ClientCredentials,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientProof {
    /// The secret, in a header
    Basic,
    /// The secret, in the form
    Post,
    /// A JWT, signed with a private key
    PrivateKeyJwt,
    /// Not at all: a public client
    None,
}

/// A duration, or `never`, as the configuration has it.
fn ttl(text: &str) -> Result<String, String> {
    if text == "never" { Ok(text.to_owned()) } else { duration(text) }
}

fn duration(text: &str) -> Result<String, String> {
    parse_positive_duration(text)?;
    Ok(text.to_owned())
}
