//! `source = "exec"`: a token from the output of a command, as it stands or in one of the JSON shapes such commands print.

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::answer::{TokenResponse, object_without_duplicates};
use super::child::{Child, refuse_recursion, with_words};
use super::expiry::{Ttl, dated};
use super::input::{Input, trim_line_ends};
use super::{Configured, Request, Source, SourceError, document};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::secret::{Secret, is_named_as_secret};
use crate::settings::{Item, Mistake, Section};
use crate::token::{Token, fingerprint, jwt_expiry};

/// How the output of a command is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As JSON where it begins with a brace, else as a token.
    #[default]
    Auto,
    /// As a token, whatever it looks like; one that is a JSON document may hold spaces and state its `Expiration`.
    Raw,
    /// As a token response (RFC 6749 §5.1), or what `token get -o json` prints.
    Json,
    /// As an `ExecCredential` of client.authentication.k8s.io.
    ExecCredential,
}

/// What a command printed, for somebody who is told how that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printed {
    /// What it was taken for.
    pub shape: &'static str,
    /// Whether it said itself how long it holds.
    pub is_dated: bool,
}

/// A command that prints a token.
#[derive(Debug)]
pub struct Exec {
    command: Vec<OsString>,
    env: Vec<(String, Input)>,
    format: Format,
    interactive: bool,
    ttl: Option<Ttl>,
    printed: Mutex<Option<Printed>>,
}

impl Exec {
    /// The first of `command` is the program.
    #[must_use]
    pub const fn new(command: Vec<OsString>, ttl: Option<Ttl>) -> Self {
        Self { command, env: Vec::new(), format: Format::Auto, interactive: false, ttl, printed: Mutex::new(None) }
    }

    /// What it printed when it was run last, here, and was understood.
    pub(super) fn printed(&self) -> Option<Printed> {
        *self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What names it among the ancestors of what it starts.
    fn ancestor(&self) -> String {
        let words: Vec<String> = self.identity().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        fingerprint(&words.join("\n")).chars().take(16).collect()
    }

    /// The first word of its command.
    fn called(&self) -> String {
        self.command.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(super) fn read(&self, stdout: &[u8], now: Timestamp) -> Result<Token, SourceError> {
        // Error (exec_credential, object_without_duplicates, src/source/document.rs, src/source/answer.rs, InvalidToken): What the
        // command printed is no token in a form that is known. It is not shown, because it may be a secret. To do: run it by hand, or set
        // `format`.
        let program = self.called();
        let unusable = |what: &str| SourceError::new(Class::Temporary, format!("the answer of `{program}` is unusable: {what}"));
        let text = str::from_utf8(stdout).map_err(|_| unusable("it is not text"))?;
        let is_json = match self.format {
            Format::Auto => text.trim_start().starts_with('{'),
            Format::Raw => false,
            Format::Json | Format::ExecCredential => true,
        };
        if !is_json {
            let bare =
                |text: &str| Token::new(trim_line_ends(text.to_owned())).map(|token| (token, None)).map_err(|error| error.to_string());
            let (shape, read) = match document::read(text) {
                Some(read) => ("a JSON document", read),
                None => ("a bare token", bare(text)),
            };
            let (token, expires_at) = read.map_err(|what| unusable(&what))?;
            return self.taken_for(shape, token, expires_at, now);
        }
        let object = object_without_duplicates(text.as_bytes()).map_err(|what| unusable(&what))?;
        let is_credential = object.get("kind").and_then(Value::as_str) == Some("ExecCredential");
        if is_credential || self.format == Format::ExecCredential {
            let (token, expires_at) = exec_credential(&object).map_err(|what| unusable(&what))?;
            return self.taken_for("an ExecCredential", token, expires_at, now);
        }
        let is_own = object.contains_key("version") && !object.contains_key("access_token");
        let answer = if is_own { TokenResponse::read_own(object) } else { TokenResponse::read(object, now) };
        let answer = answer.map_err(|error| match error.class {
            Class::Temporary => unusable(&error.message),
            _ => error,
        })?;
        let shape = if is_own { "what `token get -o json` prints" } else { "a token response" };
        self.taken_for(shape, answer.token, answer.expires_at, now)
    }

    /// A token that was printed in this `shape`, with the times that follow.
    fn taken_for(&self, shape: &'static str, token: Token, stated: Option<Timestamp>, now: Timestamp) -> Result<Token, SourceError> {
        let claimed = jwt_expiry(token.expose());
        let shape = if claimed.is_some() && shape == "a bare token" { "a JWT" } else { shape };
        let printed = Printed { shape, is_dated: claimed.or(stated).is_some() };
        *self.printed.lock().unwrap_or_else(PoisonError::into_inner) = Some(printed);
        dated(token, stated, self.ttl, now)
    }
}

fn variables(item: Item<'_>) -> Result<Vec<(String, Input)>, Mistake> {
    let mut section = item.section()?;
    let read = |(variable, item): (String, Item<'_>)| {
        if variable.is_empty() || variable.contains(['=', '\0']) {
            return Err(item.mistake("a variable's name has no `=` and no NUL"));
        }
        if item.is_table() {
            return Ok((variable, Input::from_setting(item)?));
        }
        let value = item.parsed(|text| if text.contains('\0') { Err("a variable has no NUL".to_owned()) } else { Ok(text.to_owned()) })?;
        Ok((variable, Input::Inline(Secret::new(value))))
    };
    section.take_rest().into_iter().map(read).collect()
}

/// `status.token` and `status.expirationTimestamp` of client.authentication.k8s.io/v1.
fn exec_credential(object: &serde_json::Map<String, Value>) -> Result<(Token, Option<Timestamp>), String> {
    let status = object.get("status").and_then(Value::as_object).ok_or("it has no `status`")?;
    let token = status.get("token").and_then(Value::as_str).ok_or("it has no `status.token`")?;
    let token = Token::new(token.to_owned()).map_err(|error| error.to_string())?;
    let expires_at = match status.get("expirationTimestamp") {
        None | Some(Value::Null) => None,
        Some(Value::String(time)) => Some(Timestamp::parse_rfc3339(time).ok_or("`status.expirationTimestamp` is no time")?),
        Some(_) => return Err("`status.expirationTimestamp` is no time".to_owned()),
    };
    Ok((token, expires_at))
}

impl Configured for Exec {
    const KIND: &'static str = "exec";

    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        const FORMATS: [(&str, Format); 4] =
            [("auto", Format::Auto), ("raw", Format::Raw), ("json", Format::Json), ("exec-credential", Format::ExecCredential)];
        let command = section.required("command", Item::argv)?;
        Ok(Self {
            env: section.optional("env", variables)?.unwrap_or_default(),
            format: section.optional("format", |item| item.choice(&FORMATS))?.unwrap_or_default(),
            interactive: section.optional("interactive", Item::boolean)?.unwrap_or_default(),
            ..Self::new(command.into_iter().map(OsString::from).collect(), ttl)
        })
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        #[expect(clippy::unnecessary_debug_formatting, reason = "tells apart what is no text, as display does not")]
        let command = self.command.iter().map(|word| ("command", format!("{word:?}")));
        let value = |value: &Input| match value {
            Input::Inline(value) => value.expose().to_owned(),
            other => other.identity(),
        };
        let env = self.env.iter().map(|(variable, input)| ("env", format!("{variable}={}", value(input))));
        command.chain(env).chain([("format", format!("{:?}", self.format))]).collect()
    }

    fn asks(&self) -> String {
        format!("`{}`", self.called())
    }

    fn program(&self) -> Option<String> {
        Some(self.called())
    }

    fn has_inline_secret(&self) -> bool {
        self.env.iter().any(|(variable, value)| value.is_inline() && is_named_as_secret(variable))
    }

    fn inputs(&self) -> Vec<&Input> {
        self.env.iter().map(|(_, value)| value).filter(|value| !value.is_inline()).collect()
    }
}

impl Source for Exec {
    fn check(&self) -> Result<(), SourceError> {
        refuse_recursion(&self.ancestor())
    }

    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        let (mut env, mut secrets) = (Vec::new(), Vec::new());
        for (variable, input) in &self.env {
            let value = input.read(request).await?;
            env.push((variable.clone(), value.expose().to_owned()));
            secrets.extend(Some(value).filter(|_| !input.is_inline() || is_named_as_secret(variable)));
        }
        let child = Child::new(self.command.clone()).known_as(&self.ancestor()).env(env);
        let output = child.interactive(self.interactive && request.person.is_some()).output().await;
        let read = output.and_then(|output| self.read(&output.stdout, request.now).map_err(|error| with_words(error, &output)));
        // A command may say what it was told.
        read.map_err(|error| error.without(&secrets))
    }

    fn peer(&self) -> Option<String> {
        Some(self.called())
    }

    fn patience(&self) -> Option<Duration> {
        // Somebody may have to type.
        self.interactive.then_some(Duration::from_secs(5 * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str, format: Format) -> Result<(String, Option<i64>), String> {
        let exec = Exec { format, ..Exec::new(vec!["mint".into()], None) };
        let now = Timestamp::from_unix_seconds(1_000_000);
        let token = exec.read(output.as_bytes(), now).map_err(|error| error.message)?;
        Ok((token.expose().to_owned(), token.expires_at.map(|at| at.unix_seconds() - 1_000_000)))
    }

    #[test]
    fn the_shapes_that_commands_print_are_understood() {
        let credential = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"T","expirationTimestamp":"1970-01-12T13:47:40Z"}}"#;
        let table = [
            ("a bare token", "T\n", Format::Auto, Some(300)),
            ("without a line end", "T", Format::Auto, Some(300)),
            ("a token response", r#"{"access_token":"T","expires_in":60}"#, Format::Auto, Some(60)),
            ("a token response, spaced", "\n {\n\"access_token\": \"T\",\n\"expires_in\": \"60\"}\n", Format::Json, Some(60)),
            ("an ExecCredential", credential, Format::Auto, Some(60)),
            ("an ExecCredential, told", credential, Format::ExecCredential, Some(60)),
            (
                "our own",
                r#"{"version":1,"token":"T","token_type":"Bearer","expires_at":"1970-01-12T13:47:40Z","expires_in":99}"#,
                Format::Auto,
                Some(60),
            ),
        ];
        for (case, output, format, expires_in) in table {
            assert_eq!(read(output, format), Ok(("T".to_owned(), expires_in)), "{case}");
        }
        assert_eq!(read("{\"a\":1}", Format::Raw), Ok(("{\"a\":1}".to_owned(), Some(300))), "raw is raw");
        let document = "{\n  \"AccessKeyId\": \"A\",\n  \"Expiration\": \"1970-01-12T13:47:40Z\"\n}\n";
        let compact = r#"{"AccessKeyId":"A","Expiration":"1970-01-12T13:47:40Z"}"#;
        assert_eq!(read(document, Format::Raw), Ok((compact.to_owned(), Some(60))), "a document");
        assert_eq!(read("{abc", Format::Raw), Ok(("{abc".to_owned(), Some(300))), "what only begins like one");
    }

    #[test]
    fn what_was_printed_is_told_by_its_shape() {
        let jwt = "e30.eyJleHAiOjE3OTUzNDg4MDB9.c2ln";
        let table = [
            ("T\n".to_owned(), "a bare token", false),
            (jwt.to_owned(), "a JWT", true),
            (r#"{"access_token":"T"}"#.to_owned(), "a token response", false),
            (format!(r#"{{"access_token":"{jwt}"}}"#), "a token response", true),
            (r#"{"access_token":"T","expires_in":60}"#.to_owned(), "a token response", true),
            (r#"{"version":1,"token":"T","expires_at":null}"#.to_owned(), "what `token get -o json` prints", false),
            (r#"{"kind":"ExecCredential","status":{"token":"T"}}"#.to_owned(), "an ExecCredential", false),
        ];
        for (output, shape, is_dated) in table {
            let exec = Exec::new(vec!["mint".into()], None);
            assert_eq!(exec.printed(), None);
            assert!(exec.read(output.as_bytes(), Timestamp::from_unix_seconds(1_000_000)).is_ok(), "{output}");
            assert_eq!(exec.printed(), Some(Printed { shape, is_dated }), "{output}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_shown() {
        let outputs = [
            "",
            "\n",
            "two words",
            "canary\r\n",
            " canary",
            "canary\0",
            "{}",
            "{\"access_token\":\"\"}",
            "{\"access_token\":7}",
            "{\"access_token\":\"canary\",\"access_token\":\"x\"}",
            "{\"token\":\"canary\"",
            "{\"kind\":\"ExecCredential\"}",
            "{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"canary\",\"expirationTimestamp\":\"soon\"}}",
        ];
        for output in outputs {
            let error = read(output, Format::Auto).expect_err(output);
            assert!(!error.contains("canary"), "{output}: {error}");
        }
    }
}
