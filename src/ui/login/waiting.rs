//! The line that a person sees while a login waits for them: it turns, says how it stands, and leaves no trace. It is not there where
//! nobody sees it, and does not turn in the background. Beside another one it is a line more.

use tokio::task::JoinHandle;

use crate::ui::Manner;
use crate::ui::spinner::{FRAME, Spinner, turn};
use crate::ui::watch::is_in_foreground;

/// Turns as long as it lives.
#[derive(Debug)]
pub(super) struct Waiting {
    _spinner: Spinner,
    turning: JoinHandle<()>,
}

impl Waiting {
    /// With `message`, which is asked anew for each frame.
    pub fn new(manner: Manner, message: impl Fn() -> String + Send + 'static) -> Option<Self> {
        if !manner.is_terminal || manner.is_quiet || manner.is_json {
            return None;
        }
        let spinner = Spinner::new(&message())?;
        let line = spinner.line();
        let turning = tokio::spawn(async move {
            let mut frames = tokio::time::interval(FRAME);
            loop {
                frames.tick().await;
                // In the background, somebody types into another job.
                if is_in_foreground() {
                    turn(line, &message());
                }
            }
        });
        Some(Self { _spinner: spinner, turning })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.turning.abort();
    }
}
