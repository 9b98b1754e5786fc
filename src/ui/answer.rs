//! The answer on standard output: written at once and whole, or the command has failed.

use serde::Serialize;

use crate::cli::Output;
use crate::clock::Timestamp;
use crate::name::Name;
use crate::secret::Secret;
use crate::token::Token;

/// A token to be printed.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Whose it is.
    pub profile: &'a Name,
    /// The kind of its source.
    pub source: &'static str,
    /// The token.
    pub token: &'a Token,
    /// Whether it was there already.
    pub cached: bool,
    /// The time of asking.
    pub now: Timestamp,
}

/// Standard output took less than the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot write the answer to standard output: {0}")]
pub struct AnswerError(String);

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    profile: &'a str,
    token: &'a str,
    token_type: &'a str,
    expires_at: Option<String>,
    expires_in: Option<u64>,
    issued_at: Option<String>,
    scope: Option<&'a str>,
    source: &'a str,
    cached: bool,
}

impl Answer<'_> {
    /// Prints it.
    ///
    /// # Errors
    /// [`AnswerError`] where not all of it could be written.
    pub fn print(&self, output: Output) -> Result<(), AnswerError> {
        let token = self.token;
        match output {
            Output::Raw => print(&Secret::new(format!("{}\n", token.expose()))),
            Output::Header => print(&Secret::new(format!("Authorization: {}\n", token.authorization().expose()))),
            Output::Json => print(&Secret::new(self.json() + "\n")),
        }
    }

    /// All that is known of the token, as one JSON object. Times are RFC 3339, UTC, whole seconds; unknown is null.
    #[must_use]
    pub fn json(&self) -> String {
        let token = self.token;
        let json = Json {
            version: 1,
            profile: self.profile.as_str(),
            token: token.expose(),
            token_type: &token.token_type,
            expires_at: token.expires_at.and_then(Timestamp::rfc3339),
            expires_in: token.remaining(self.now).map(|left| left.as_secs()),
            issued_at: token.issued_at.and_then(Timestamp::rfc3339),
            scope: token.scope.as_deref(),
            source: self.source,
            cached: self.cached,
        };
        serde_json::to_string(&json).unwrap_or_default()
    }
}

/// Writes `text` to standard output.
///
/// # Errors
/// [`AnswerError`] where not all of it could be written.
pub fn print(text: &Secret) -> Result<(), AnswerError> {
    use rustix::io::Errno;
    let mut rest = text.expose().as_bytes();
    if crate::stdout::was_closed() {
        return Err(AnswerError("it is closed".to_owned()));
    }
    while !rest.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), rest) {
            Ok(0) => return Err(AnswerError("it takes no more".to_owned())),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => {
                let reason = std::io::Error::from(errno).to_string();
                return Err(AnswerError(reason.split(" (os error").next().unwrap_or_default().to_lowercase()));
            }
        }
    }
    Ok(())
}
