//! The commands, one file each: recipes of calls. No HTTP and no paths here.

mod completions;
mod doctor;
mod files;
mod get;
mod helper;
mod init;
mod man;
mod purge;
mod renew;
mod run;
mod setup;
mod shared;
mod signals;
mod status;
mod watch;

use std::ffi::OsString;
use std::future::Future;

use clap::Parser as _;
use futures_util::FutureExt as _;

use crate::cli::{Cli, Command, Helper, HelperAct, parse_fast};
use crate::profile::ConfigError;
use crate::ui::{self, Failure, Manner};
use signals::interruptible;

/// The outcome of a command: its exit status, or why it has none of its own.
type Outcome = Result<u8, Failure>;

/// The arguments behind the name by which the program was called, with what the name stands for.
#[must_use]
pub fn arguments(called: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    crate::cli::arguments(called)
}

/// What a fresh token in the cache answers: its exit status. `None` where it takes more, and nothing was done.
#[must_use]
pub fn warm(arguments: &[OsString]) -> Option<u8> {
    let cli = parse_fast(arguments)?;
    match &cli.command {
        Command::Get(get) => get::warm(&cli.global, get),
        // Its input can be read but once: it goes on by itself where it takes more.
        Command::Helper(Helper { tool: Some(tool), arguments, .. }) => Some(helper::answer(&cli.global, *tool, arguments)),
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
    match complete(&cli.command, arguments).and_then(|()| perform(&cli, manner)) {
        Ok(status) => status,
        Err(Failure::Usage(message)) => {
            let hint = format!("`token {} --help` shows how it is used", called(&cli.command));
            ui::report(&Failure::from(ConfigError::new(message, Some(hint))).into(), manner)
        }
        Err(failure) => ui::report(&failure.into(), manner),
    }
}

/// Whether what was begun with `--` goes on: where it does not, the token of a profile is not what was meant.
fn complete(command: &Command, arguments: &[OsString]) -> Result<(), Failure> {
    match command {
        Command::Get(get) if get.command.is_empty() && arguments.last().is_some_and(|word| word == "--") => {
            // Error: What stood there was empty, as an unset variable of a shell is. To do: write the command, or leave `--` out.
            Err(Failure::Usage("no command follows `--`".to_owned()))
        }
        _ => Ok(()),
    }
}

/// What the command is called.
const fn called(command: &Command) -> &'static str {
    match command {
        Command::Init(_) => "init",
        Command::Get(_) => "get",
        Command::Renew(_) => "renew",
        Command::Watch(_) => "watch",
        Command::Purge(_) => "purge",
        Command::Doctor(_) => "doctor",
        Command::Status(_) => "status",
        Command::Run(_) => "run",
        Command::Helper(_) => "helper",
        Command::Completions(_) => "completions",
        Command::Man(_) => "man",
    }
}

fn perform(cli: &Cli, manner: Manner) -> Outcome {
    let (global, on_runtime) = (&cli.global, |work| on_runtime(Some(manner), work));
    match &cli.command {
        Command::Helper(Helper { act: Some(HelperAct::Setup(setup)), .. }) => {
            on_runtime(interruptible(setup::run(global, setup, manner)).boxed_local())
        }
        Command::Helper(Helper { tool: Some(tool), arguments, .. }) => Ok(helper::answer(global, *tool, arguments)),
        // Error: `token helper` answers for a tool, so it has to be told which. To do: `token helper --help` lists them.
        Command::Helper(Helper { tool: None, .. }) => Err(Failure::Usage("no tool is named".to_owned())),
        Command::Init(init) => on_runtime(init::run(global, init, manner).boxed_local()),
        Command::Run(run) => on_runtime(run::run(global, run, manner).boxed_local()),
        Command::Get(get) => on_runtime(interruptible(get::run(global, get, manner)).boxed_local()),
        Command::Renew(renew) => on_runtime(interruptible(renew::run(global, renew, manner)).boxed_local()),
        Command::Watch(watch) => on_runtime(watch::run(global, watch, manner).boxed_local()),
        Command::Purge(purge) => on_runtime(interruptible(purge::run(global, purge, manner)).boxed_local()),
        Command::Completions(completions) => completions::run(global, completions),
        Command::Man(man) => man::run(man),
        Command::Doctor(doctor) => on_runtime(interruptible(doctor::run(global, doctor, manner)).boxed_local()),
        Command::Status(status) => on_runtime(interruptible(status::run(global, status, manner)).boxed_local()),
    }
}

/// Does what takes more than a look: with messages in this manner, where there are to be any, and on a runtime of one thread.
fn on_runtime<T>(manner: Option<Manner>, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    if let Some(manner) = manner {
        ui::install_log(manner);
    }
    ui::Bug::install();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Error: The system is out of descriptors, memory or processes. To do: raise the limits (`ulimit -n`), or end something.
    let runtime = runtime.map_err(|error| Failure::Unforeseen(format!("the system gives nothing to start with: {error}")))?;
    let outcome = runtime.block_on(work);
    // A name that is still being looked up, or an answer that nobody takes, must not hold up the end.
    runtime.shutdown_background();
    outcome
}
