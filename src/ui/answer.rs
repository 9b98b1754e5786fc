//! The answer on standard output: written at once and whole, or the command has failed.

use crate::cli::Output;
use crate::secret::Secret;

pub use crate::token::Answer;

/// Standard output took less than the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
// Error 1 (AnswerError): Standard output was closed, or its disk is full, before the whole answer was written. To do: see where the
// output goes.
#[error("cannot write the answer to standard output: {0}")]
pub struct AnswerError(String);

impl Answer<'_> {
    /// What is printed, with its line end.
    #[must_use]
    pub fn text(&self, output: Output) -> Secret {
        let token = self.token;
        Secret::new(match output {
            Output::Raw => format!("{}\n", token.expose()),
            Output::Header => format!("Authorization: {}\n", token.authorization().expose()),
            Output::Json => self.json() + "\n",
        })
    }
}

fn wait_for_room() {
    let stdout = rustix::stdio::stdout();
    // Where even this fails, the next write says why.
    let _ = rustix::event::poll(&mut [rustix::event::PollFd::new(&stdout, rustix::event::PollFlags::OUT)], None);
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
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_for_room(),
            Err(errno) => return Err(AnswerError(crate::error::reason(&errno.into()))),
        }
    }
    Ok(())
}
