//! The commands, one file each: recipes of calls. No HTTP and no paths here.

mod get;
mod purge;
mod renew;
mod run;
mod shared;
mod signals;
mod status;
mod watch;

use std::ffi::OsString;

use clap::Parser as _;
use color_eyre::config::HookBuilder;

use crate::cli::{Cli, Command, parse_fast};
use crate::ui::{self, Failure, Manner};
use signals::interruptible;

/// The outcome of a command: its exit status, or why it has none of its own.
type Outcome = Result<u8, Failure>;

/// A `token get` that a fresh token in the cache answers: its exit status. `None` where it takes more, and nothing was done.
#[must_use]
pub fn warm(arguments: &[OsString]) -> Option<u8> {
    let cli = parse_fast(arguments)?;
    match &cli.command {
        Command::Get(get) => get::warm(&cli.global, get),
        _ => None,
    }
}

/// Any command: its exit status.
#[must_use]
pub fn run(arguments: &[OsString]) -> u8 {
    let program = std::iter::once(OsString::from("token"));
    let cli = match Cli::try_parse_from(program.chain(arguments.iter().cloned())) {
        Ok(cli) => cli,
        Err(error) => return ui::usage(error, arguments),
    };
    let manner = Manner::new(&cli.global);
    ui::install_log(manner);
    // A second installation can only fail because there was a first.
    let _ = HookBuilder::default().display_env_section(false).panic_message(ui::Bug).install();
    match perform(&cli, manner) {
        Ok(status) => status,
        Err(failure) => ui::report(&failure.into(), manner),
    }
}

fn perform(cli: &Cli, manner: Manner) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Unforeseen(format!("the system gives nothing to start with: {error}")))?;
    let outcome = runtime.block_on(async {
        signals::survive_file_size_limits();
        match &cli.command {
            Command::Run(run) => run::run(&cli.global, run, manner).await,
            Command::Get(get) => interruptible(get::run(&cli.global, get, manner)).await,
            Command::Renew(renew) => interruptible(renew::run(&cli.global, renew, manner)).await,
            Command::Watch(watch) => watch::run(&cli.global, watch, manner).await,
            Command::Purge(purge) => interruptible(purge::run(&cli.global, purge, manner)).await,
            Command::Status(status) => interruptible(status::run(&cli.global, status, manner)).await,
        }
    });
    // A name that is still being looked up, or an answer that nobody takes, must not hold up the end.
    runtime.shutdown_background();
    outcome
}
