//! Answers: typed as options, else asked at the terminal, else suggested, else missing. What is missing is told when all of it is known.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use super::place::Ground;
use super::wrong;
use crate::cli::{Global, Init};
use crate::command::shared::may_ask;
use crate::name::Name;
use crate::profile::{ConfigError, Draft, DraftOrigin, PROFILE_VARIABLE, Places, absolute_program, refuse_existing};
use crate::secret::Secret;
use crate::ui::{Dialogue, Failure, Manner, Question};

/// What is to be written.
pub(super) struct Planned {
    pub(super) draft: Draft,
    pub(super) kept: Option<Kept>,
}

/// A secret that we keep, in a file of its own.
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) secret: Secret,
}

/// Why answers end where some are still wanted: they have been noted.
pub(super) struct Missing;

/// Whoever answers.
pub(super) struct Interview<'a> {
    pub(super) init: &'a Init,
    pub(super) manner: Manner,
    pub(super) places: &'a Places,
    pub(super) dialogue: Option<Dialogue>,
    ground: Ground,
    missing: Vec<String>,
}

impl<'a> Interview<'a> {
    /// On this ground.
    pub(super) async fn begin(global: &Global, init: &'a Init, places: &'a Places, ground: Ground, manner: Manner) -> Self {
        let is_anybody_there = std::io::stdin().is_terminal() && manner.is_terminal && !manner.is_json;
        let dialogue = if is_anybody_there && may_ask(global) { Dialogue::open(manner).await } else { None };
        Self { init, manner, places, dialogue, ground, missing: Vec::new() }
    }

    /// The profile that comes of it.
    pub(super) async fn profile(mut self) -> Result<Planned, Failure> {
        let planned = if self.init.command.is_empty() { self.client().await? } else { self.command().await? };
        planned.map_err(|Missing| {
            // Error: There is no terminal, or `--no-interactive` was said, and not all that is needed was given. Nothing was written.
            let message = format!("nobody is there to be asked for {}", self.missing.join(", "));
            ConfigError::new(message, Some("give that as options, or run it in a terminal".to_owned())).into()
        })
    }

    async fn command(&mut self) -> Result<Result<Planned, Missing>, Failure> {
        let mut command = self.init.command.clone();
        absolute_program(&mut command);
        // Error: The configuration is UTF-8, and a word of the command is not. To do: put the command into a script.
        let words = command.into_iter().map(|word| word.into_string().map_err(|_| wrong("COMMAND has a word that is no text")));
        let command = words.collect::<Result<Vec<String>, ConfigError>>()?;
        let program = Path::new(command.first().map(String::as_str).unwrap_or_default());
        let program = program.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(name) = self.name(&program).await? else { return Ok(Err(Missing)) };
        Ok(Ok(Planned { draft: draft(self.init, name, DraftOrigin::Command(command)), kept: None }))
    }

    /// The name of the profile, which nobody has yet.
    pub(super) async fn name(&mut self, like: &str) -> Result<Option<Name>, Failure> {
        if let Some(named) = &self.ground.named {
            return Ok(Some(named.clone()));
        }
        let (suggestion, awaited) = (self.suggestion(like), self.ground.awaited.clone());
        let taken: Vec<Name> = self.ground.configuration.profiles().map(|profile| profile.name.clone()).collect();
        let asked_here = self.dialogue.is_some();
        let read = move |typed: &str| match (typed.parse::<Name>(), &awaited) {
            (Ok(name), _) if asked_here && taken.contains(&name) => Err(format!("there is a profile `{name}` already")),
            (Ok(name), Some(awaited)) if name != *awaited => Err(format!("it has to be `{awaited}`, the default, which is not there yet")),
            (Ok(name), _) => Ok(name),
            (Err(error), _) => Err(error.to_string()),
        };
        let name = self.answer("-p NAME", None, Question::new("name of the profile").suggesting(Some(&suggestion)), read).await?;
        let Ground { configuration, text, .. } = &self.ground;
        name.map(|name| refuse_existing(configuration, text, self.places, &name).map(|()| name)).transpose().map_err(Into::into)
    }

    /// The name that it would have by itself, for something like this.
    fn suggestion(&self, like: &str) -> String {
        let variable = std::env::var(PROFILE_VARIABLE).ok().filter(|name| name.parse().is_ok_and(|name| !self.ground.is_taken(&name)));
        let like = self.ground.awaited.as_ref().map(Name::to_string).or(variable).unwrap_or_else(|| fit(like));
        if self.dialogue.is_some() { self.ground.free_name(&like) } else { like }
    }

    /// The name by which a failure is told before there is another.
    pub(super) fn provisional(&self, like: &str) -> Result<Name, Failure> {
        match &self.ground.named {
            Some(named) => Ok(named.clone()),
            // Error (InvalidName): The name of a profile becomes the name of files. To do: choose another, as `-p prod`.
            None => Ok(self.suggestion(like).parse::<Name>().map_err(|error| wrong(format!("-p: {error}")))?),
        }
    }

    /// What was `given` as this option, or else the answer to the question.
    pub(super) async fn answer<T>(
        &mut self,
        option: &str,
        given: Option<&str>,
        question: Question<'_>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let option_name = option.split(' ').next().unwrap_or(option);
        // Error (choice, scope, filled, name, secret, key_file, secure_url, from_str, InvalidName): What an option says cannot be taken. To
        // do: give it as the reason says.
        let refused = |reason: String| Failure::from(wrong(format!("{option_name}: {reason}")));
        match (given, &mut self.dialogue, question.suggestion) {
            (Some(given), _, _) => read(given).map(Some).map_err(refused),
            (None, Some(dialogue), _) => {
                // Error: The input ended at a question, as Ctrl-D does. To do: run it again, or give the option.
                let hint = "run it again, or give the answer as an option: `token init --help`".to_owned();
                let unanswered = || ConfigError::new(format!("no answer was given for {option}: nothing was written"), Some(hint));
                dialogue.ask(question, read).await.map(Some).ok_or_else(|| unanswered().into())
            }
            (None, None, Some(suggestion)) => read(suggestion).map(Some).map_err(refused),
            (None, None, None) => {
                self.miss(option);
                Ok(None)
            }
        }
    }

    /// Notes that nobody says this.
    pub(super) fn miss(&mut self, option: &str) {
        self.missing.push(option.to_owned());
    }

    /// A path as the configuration is to have it: the same from wherever it is read, and short.
    pub(super) fn path(&self, option: &str, path: &Path) -> Result<String, Failure> {
        // Error: The configuration is UTF-8, and the path is not. To do: move the file, or give it another name.
        let fit = |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| wrong(format!("{option}: the path is no text")));
        if path.starts_with("~") {
            return Ok(fit(path)?);
        }
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let home = self.places.home.as_deref().and_then(|home| path.strip_prefix(home).ok());
        Ok(home.map_or_else(|| fit(&path), |rest| Ok(format!("~/{}", fit(rest)?)))?)
    }
}

/// A profile of this name and origin, with what was said of any.
pub(super) fn draft(init: &Init, name: Name, origin: DraftOrigin) -> Draft {
    let Init { hosts, ttl, request_timeout, .. } = init;
    Draft { name, origin, hosts: hosts.clone(), ttl: ttl.clone(), request_timeout: request_timeout.clone() }
}

/// A name made of whatever this is.
fn fit(text: &str) -> String {
    let is_fit = |c: &char| c.is_ascii_alphanumeric() || "._@-".contains(*c);
    let name: String = text.chars().filter(is_fit).skip_while(|c| !c.is_ascii_alphanumeric()).take(40).collect();
    if name.is_empty() { "default".to_owned() } else { name }
}

/// A name for a profile at this host: the first part of it that says whose it is.
pub(super) fn name_of_host(host: &str) -> String {
    const COMMON: [&str; 16] = [
        "access", "account", "accounts", "api", "auth", "id", "identity", "idp", "keycloak", "login", "oauth", "oauth2", "secure",
        "signin", "sso", "www",
    ];
    let host = host.split(':').next().unwrap_or_default();
    let parts: Vec<&str> = host.split('.').collect();
    let is_address = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit())) || host.starts_with('[');
    let telling = parts.iter().take(parts.len().saturating_sub(1).max(1)).find(|part| !COMMON.contains(part));
    telling.filter(|_| !is_address).map_or_else(String::new, |part| (*part).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_says_whose_it_is() {
        let table = [
            ("login.example.com", "example"),
            ("example.com", "example"),
            ("accounts.google.com", "google"),
            ("dev-1234.okta.com", "dev-1234"),
            ("auth.id.corp.example.co.uk:8443", "corp"),
            ("localhost:8080", "localhost"),
            ("127.0.0.1:8080", ""),
            ("[::1]:8080", ""),
            ("login", ""),
            ("", ""),
        ];
        for (host, name) in table {
            assert_eq!(name_of_host(host), name, "{host}");
        }
    }

    #[test]
    fn whatever_it_is_makes_a_name() {
        for (text, name) in [("gcloud", "gcloud"), ("", "default"), ("-x/\u{e9}y", "xy"), (".hidden", "hidden"), ("\u{1b}[31m", "31m")] {
            assert_eq!(fit(text), name, "{text:?}");
            assert!(fit(text).parse::<Name>().is_ok());
        }
    }
}
