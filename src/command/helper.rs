//! `token helper`: answers another tool in its own protocol. A fresh token in the cache is answered at once: no runtime, no lock, no
//! network. Every failure is put as the protocol puts it, and a place that nobody lists gets nothing.

mod asker;
pub(super) mod choice;
mod conversation;
mod drop;
mod input;
mod session;

use std::ffi::OsString;
use std::io;

use crate::cli::{Global, Tool};
use crate::protocol::{aws, bazel, cargo, docker, git, goauth, google, keyring, kubectl, terraform, vault};
use session::Session;

/// Answers whoever calls: the exit status.
pub(super) fn answer(global: &Global, tool: Tool, arguments: &[OsString]) -> u8 {
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    answered(Session::new(global), tool, &words).unwrap_or_else(|error| Session::new(global).is_deaf(&error))
}

/// An error where there is something to read on standard input, and it cannot be read.
fn answered(session: Session<'_>, tool: Tool, words: &[String]) -> io::Result<u8> {
    Ok(match tool {
        Tool::Kubectl => {
            let information = variable("KUBERNETES_EXEC_INFO");
            let session = session.for_who_asks_again(words, information.as_deref());
            session.hold(&kubectl::Exchange::new(information.as_deref()))
        }
        Tool::Git => {
            let input = if git::Exchange::has_input(words) { input::read(git::is_whole)? } else { Vec::new().into() };
            session.hold(&git::Exchange::new(words, &input))
        }
        Tool::Docker => docker_answer(&session, words)?,
        Tool::Aws => session.hold(&aws::Process),
        Tool::Google => session.hold(&google::Exchange::new(google_environment())),
        Tool::Cargo => cargo_answer(&session, words)?,
        Tool::Keyring => session.hold(&keyring::Exchange::new(words)),
        Tool::Terraform => session.hold(&terraform::Exchange::new(words)),
        Tool::Bazel => session.hold(&bazel::Exchange::new(words, &input::read(input::to_the_end)?)),
        Tool::Goauth => {
            let response = if words.is_empty() { Vec::new().into() } else { input::read(goauth::is_whole)? };
            session.hold(&goauth::Exchange::new(words, &response))
        }
        Tool::Vault => session.hold(&vault::Exchange::new(words)),
    })
}

fn docker_answer(session: &Session<'_>, words: &[String]) -> io::Result<u8> {
    let input = if docker::Exchange::has_input(words) { input::read(input::to_the_end)? } else { Vec::new().into() };
    let exchange = docker::Exchange::new(words, &input);
    Ok(if exchange.is_list() { session.list(&exchange) } else { session.hold(&exchange) })
}

/// As a plugin, a conversation; else, where cargo says for which index, the token alone.
fn cargo_answer(session: &Session<'_>, words: &[String]) -> io::Result<u8> {
    match variable("CARGO_REGISTRY_INDEX_URL").filter(|_| words.iter().all(|word| word != cargo::PLUGIN)) {
        Some(index) => Ok(session.hold(&cargo::FromStdout(index))),
        None => conversation::hold(session),
    }
}

fn google_environment() -> google::Environment {
    let named = |name: &str| variable(&format!("GOOGLE_EXTERNAL_ACCOUNT_{name}"));
    google::Environment {
        token_type: named("TOKEN_TYPE"),
        interactive: named("INTERACTIVE"),
        revoke: named("REVOKE"),
        has_output_file: named("OUTPUT_FILE").is_some(),
    }
}

/// A variable that is set to something. What is no text in it matches nothing.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}
