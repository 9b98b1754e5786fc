//! How a client proves who it is. A secret is referred to where it is; one that is typed, or comes on standard input, is kept in a file of
//! its own, and is nowhere else.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::interview::{Interview, Kept};
use super::wrong;
use crate::cli::{ClientOptions, ClientProof};
use crate::command::shared::from_stdin;
use crate::name::Name;
use crate::profile::{Credential, Place};
use crate::secret::Secret;
use crate::source::{ClientAuth, GrantType, Offer};
use crate::ui::{self, Failure, Question};

/// A proof, and the secret that is to be kept for it.
type Proof = (Credential, Option<Kept>);

impl Interview<'_> {
    /// The proof that was given, or is asked for.
    pub(super) async fn proof(&mut self, name: &Name, grant: GrantType, offer: Option<&Offer>) -> Result<Option<Proof>, Failure> {
        if let Some(credential) = self.given()? {
            return Ok(Some((credential, None)));
        }
        if self.init.client.client_secret_stdin {
            let secret = secret_on_stdin().await?;
            return Ok(Some(self.kept(name, secret)));
        }
        let methods = offer.and_then(|offer| offer.methods.as_deref());
        let takes = |method: ClientAuth| methods.is_none_or(|methods| methods.contains(&method));
        let takes_secrets = takes(ClientAuth::Basic) || takes(ClientAuth::Post);
        match self.init.client.client_auth {
            Some(ClientProof::None) => Ok(Some((Credential::None, None))),
            Some(ClientProof::PrivateKeyJwt) => self.key_file().await,
            None if !takes_secrets && !grant.logs_in() && takes(ClientAuth::PrivateKeyJwt) => self.key_file().await,
            None if !takes_secrets && grant.logs_in() => Ok(Some((Credential::None, None))),
            None if self.dialogue.is_none() && grant.logs_in() => Ok(Some((Credential::None, None))),
            asked => self.secret(name, grant.logs_in() && asked.is_none()).await,
        }
    }

    /// `client_auth`, where somebody says it.
    pub(super) fn client_auth(&self) -> Option<&'static str> {
        self.init.client.client_auth.map(|method| match method {
            ClientProof::Basic => "basic",
            ClientProof::Post => "post",
            ClientProof::PrivateKeyJwt => "private-key-jwt",
            ClientProof::None => "none",
        })
    }

    fn given(&self) -> Result<Option<Credential>, Failure> {
        let options = &self.init.client;
        let file = |option, file: &PathBuf| self.path(option, file);
        if let Some(path) = &options.client_secret_file {
            return Ok(Some(Credential::Secret(Place::File(file("--client-secret-file", path)?))));
        }
        if let Some(variable) = &options.client_secret_env {
            return Ok(Some(Credential::Secret(Place::Env(variable.clone()))));
        }
        if let Some(line) = &options.client_secret_command {
            // Error: A quote has no second one, or the command is empty. To do: quote it as for a shell.
            let unfit = || wrong("--client-secret-command: it has no end, or no program");
            let words = shlex::split(line).filter(|words| words.first().is_some_and(|program| !program.is_empty())).ok_or_else(unfit)?;
            return Ok(Some(Credential::Secret(Place::Command(words))));
        }
        let key = options.client_key_file.as_ref().map(|path| file("--client-key-file", path));
        Ok(key.transpose()?.map(Credential::KeyFile))
    }

    async fn key_file(&mut self) -> Result<Option<Proof>, Failure> {
        let read = |typed: &str| if typed.is_empty() { Err("a path is wanted".to_owned()) } else { Ok(PathBuf::from(typed)) };
        let file = self.answer("--client-key-file FILE", None, Question::new("file of the client's private key (PEM)"), read).await?;
        let Some(file) = file else { return Ok(None) };
        Ok(Some((Credential::KeyFile(self.path("--client-key-file", &file)?), None)))
    }

    async fn secret(&mut self, name: &Name, is_optional: bool) -> Result<Option<Proof>, Failure> {
        const OPTION: &str = "--client-secret-file FILE (or -env, -command, -stdin)";
        let what = if is_optional {
            "client secret (not shown; Enter where it has none)"
        } else {
            "client secret (not shown; it is kept in a file of yours)"
        };
        let read = |typed: &str| match typed.trim() {
            "" if is_optional => Ok(None),
            "" => Err("a client that speaks for itself has one".to_owned()),
            secret if secret.chars().any(char::is_control) => Err("it has characters that no secret has".to_owned()),
            secret => Ok(Some((Secret::new(secret.to_owned()), secret != typed))),
        };
        let secret = self.answer(OPTION, None, Question { is_secret: true, ..Question::new(what) }, read).await?;
        if let Some(Some((_, true))) = &secret {
            ui::tell_notice(self.manner, "the spaces around it were left out (--client-secret-stdin keeps them)");
        }
        Ok(secret.map(|secret| secret.map_or((Credential::None, None), |(secret, _)| self.kept(name, secret))))
    }

    /// A secret that is to be kept in a file beside the configuration that is not there yet.
    fn kept(&self, name: &Name, secret: Secret) -> Proof {
        let names = std::iter::once(format!("{name}.secret")).chain((2..).map(|number| format!("{name}-{number}.secret")));
        let place = |file: String| (self.places.config.with_file_name(&file), file);
        let free = names.map(place).find(|(path, _)| std::fs::symlink_metadata(path).is_err());
        let (path, file) = free.unwrap_or_else(|| place(format!("{name}.secret")));
        (Credential::Secret(Place::File(file)), Some(Kept { path, secret }))
    }
}

const OPTION: &str = "--client-secret-stdin";

/// Refuses a secret on standard input where that is a terminal.
pub(super) fn refuse_shown(options: &ClientOptions) -> Result<(), Failure> {
    if options.client_secret_stdin && std::io::stdin().is_terminal() {
        // Error: What is typed there would be seen. To do: leave the option out, or pipe the secret in.
        return Err(wrong(format!("{OPTION}: standard input is a terminal, which would show it")).into());
    }
    Ok(())
}

async fn secret_on_stdin() -> Result<Secret, Failure> {
    // Error (from_stdin): The secret could not be read. To do: pipe it in, as `printf %s "$SECRET" |` does.
    let text = from_stdin(None).await.map_err(|what| wrong(format!("{OPTION}: {what}")))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() || secret.chars().any(char::is_control) {
        // Error: The input was empty, or had more than one line. To do: pipe in the secret alone.
        return Err(wrong(format!("{OPTION}: there is not one line with a secret")).into());
    }
    Ok(Secret::new(secret.to_owned()))
}
