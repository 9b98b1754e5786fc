//! What a consumer says on standard input. It is bounded in length and in time: what does not end counts as nothing said. Where there is
//! no standard input, or it cannot be read, that is an error.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::bounded;
use crate::command::shared::TIMEOUT;

/// More than any consumer sends.
const LONGEST: usize = 1 << 20;

const BLOCK: usize = 8 << 10;

/// All input until `is_whole` says so, or its end.
pub(super) fn read(is_whole: impl Fn(&[u8]) -> bool) -> io::Result<Zeroizing<Vec<u8>>> {
    let deadline = Instant::now() + TIMEOUT;
    let mut input = Zeroizing::new(Vec::with_capacity(BLOCK));
    while !is_whole(&input) {
        match read_block(&mut input, deadline.saturating_duration_since(Instant::now()))? {
            Some(0) => return Ok(input),
            Some(_) if input.len() <= LONGEST => {}
            Some(_) | None => return Ok(Vec::new().into()),
        }
    }
    Ok(input)
}

/// For who sends nothing behind what counts.
pub(super) const fn to_the_end(_: &[u8]) -> bool {
    false
}

/// The next line, however long that takes, without its end; `None` where there is no more. One that is too long is empty.
pub(super) fn line(rest: &mut Vec<u8>) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut is_too_long = false;
    loop {
        if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).take(end).collect();
            return Ok(Some(if is_too_long { Vec::new() } else { line }.into()));
        }
        if rest.len() > LONGEST {
            is_too_long = true;
            rest.clear();
        }
        match read_block(rest, Duration::MAX)? {
            Some(1..) => {}
            _ if rest.is_empty() => return Ok(None),
            _ => return Ok(Some(std::mem::take(rest).into())),
        }
    }
}

/// Adds what there is within `limit` and says how much; 0 at the end, `None` where nothing comes.
fn read_block(input: &mut Vec<u8>, limit: Duration) -> io::Result<Option<usize>> {
    match bounded::block(rustix::stdio::stdin(), input, limit) {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(None),
        Err(error) => Err(error),
    }
}
