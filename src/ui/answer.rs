//! The answer on standard output: written at once and whole, or the command has failed.

use crate::cli::Output;
use crate::secret::Secret;

pub use crate::token::Answer;

/// Standard output took less than the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot write the answer to standard output: {0}")]
pub struct AnswerError(String);

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
