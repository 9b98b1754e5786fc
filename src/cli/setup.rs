//! What can be typed behind `token helper setup`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// `token helper setup`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "Without --write nothing is changed: the change is shown. What was there stays
as it is, and a file that cannot be understood is refused.

Examples:
  token helper setup docker --profile prod            show the change
  token helper setup docker --profile prod --write    make it
  token helper setup docker --profile prod --undo --write
  token helper setup kubectl --context work --write"
)]
pub struct Setup {
    /// Whose configuration.
    #[command(subcommand)]
    pub consumer: Consumer,
    /// Make the change, instead of showing it
    #[arg(long, global = true)]
    pub write: bool,
    /// Take back what the same options have made, and nothing else
    #[arg(long, global = true)]
    pub undo: bool,
    /// Where links to this program go, a directory on PATH [default: its own, or ~/.local/bin]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub bin_dir: Option<PathBuf>,
}

/// A tool that is set up, and what is particular to it.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Consumer {
    /// A user of the kubeconfig (KUBECONFIG or ~/.kube/config)
    Kubectl(Kubectl),
    /// A credential helper for each of the profile's hosts
    Git(Git),
    /// credHelpers for each of the profile's hosts (~/.docker/config.json)
    Docker,
    /// A profile with a credential_process (~/.aws/config)
    Aws(Aws),
    /// An external_account, to be completed and saved by hand
    Google,
    /// A credential-provider (~/.cargo/config.toml)
    Cargo(Cargo),
    /// A command `keyring` for pip and uv
    Keyring,
    /// A credentials_helper (~/.terraformrc)
    Terraform,
    /// A --credential_helper for each of the profile's hosts (~/.bazelrc)
    Bazel,
    /// GOAUTH, as `go env -w` does
    Goauth,
    /// A token_helper (~/.vault)
    Vault,
}

/// `token helper setup kubectl`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Kubectl {
    /// The name of the user [default: token-PROFILE]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Have this context use them
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// The cluster of that context, where there is no such context yet
    #[arg(long, value_name = "NAME", requires = "context")]
    pub cluster: Option<String>,
}

/// `token helper setup git`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Git {
    /// For this repository alone
    #[arg(long, conflicts_with = "everywhere")]
    pub local: bool,
    /// For all repositories of this user, which goes without saying
    #[arg(long = "global")]
    pub everywhere: bool,
}

/// `token helper setup aws`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Aws {
    /// The name of the profile there [default: as here]
    #[arg(long, value_name = "NAME")]
    pub aws_profile: Option<String>,
}

/// `token helper setup cargo`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Cargo {
    /// For this registry; may be repeated [default: those on the profile's hosts, else all]
    #[arg(long = "registry", value_name = "NAME")]
    pub registries: Vec<String>,
}
