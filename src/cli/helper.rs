//! What can be typed behind `token helper`: a tool and what it adds, or what is done about a tool.

use std::ffi::OsString;

use clap::{Args, Subcommand, ValueEnum};

use super::Setup;

/// `token helper`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    override_usage = "token helper [OPTIONS] <TOOL> [ARGS]...\n       token helper [OPTIONS] setup <TOOL>",
    after_help = "The profile is that of --profile, else the one whose `hosts` lists the host
asked for. A token goes to these hosts only, by https.

Examples:
  token helper setup git --profile prod --write
  GOAUTH='token helper goauth --profile prod; netrc' go build

Called as git-credential-token, docker-credential-token[-PROFILE],
cargo-credential-token, terraform-credentials-token, bazel-credential-token or
keyring, it is that helper."
)]
pub struct Helper {
    /// What to do instead.
    #[command(subcommand)]
    pub act: Option<HelperAct>,
    /// Whose protocol
    #[arg(required = true)]
    pub tool: Option<Tool>,
    /// What the tool adds
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// A tool that asks others for its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// An exec plugin, also of helm and of all that use client-go
    Kubectl,
    /// credential.helper
    Git,
    /// credHelpers, also of podman, skopeo, crane, oras and helm
    Docker,
    /// credential_process
    Aws,
    /// An executable of external_account
    Google,
    /// credential-provider
    Cargo,
    /// The command keyring, as pip and uv call it
    Keyring,
    /// credentials_helper
    Terraform,
    /// --credential_helper
    Bazel,
    /// GOAUTH
    Goauth,
    /// token_helper, also of OpenBao
    Vault,
}

/// What `token helper` does besides speaking a protocol.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum HelperAct {
    /// Show, make or take back the change that has another tool ask this program
    Setup(Setup),
}
