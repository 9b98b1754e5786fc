//! What the small HTTP/1.1 servers of this program have in common, one for metrics and one for the end of a login: a request is a head, an
//! answer ends its connection.
//!
//! It promises that a head has its bounds, and that an answer arrives whole. It reads no body; the time limit of a connection is its
//! server's. httparse, which our HTTP client uses anyway, reads the head; the rest of a server (keep-alive, bodies, chunks) would be weight
//! without use.

use std::io;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// The most headers of a request.
pub(crate) const MOST_HEADERS: usize = 64;

/// The most that is read, and thrown away, of what follows a head.
const MOST_IGNORED: u64 = 64 * 1024;

/// How long to wait where no connection can be accepted, for want of file descriptors for example.
const PAUSE: Duration = Duration::from_secs(1);

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub method: String,
    /// As it was sent (RFC 9112 §3.2).
    pub target: String,
    /// The values of Host, of which there should be one.
    pub hosts: Vec<String>,
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is longer than it may be.
    TooLong,
    /// It is no HTTP/1 request, or only a part of one.
    Malformed,
}

/// The next connection.
pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => tracing::info!("cannot accept a connection: {error}"),
        }
        sleep(PAUSE).await;
    }
}

/// Reads a head of at most `longest` bytes; `None` where nothing comes.
pub(crate) async fn read(stream: &mut TcpStream, longest: usize) -> io::Result<Result<Option<Head>, Unfit>> {
    let mut head = Vec::with_capacity(1024);
    loop {
        let room = longest - head.len();
        let length = (&mut *stream).take(room as u64).read_buf(&mut head).await?;
        match parse(&head) {
            Ok(None) if head.len() >= longest => return Ok(Err(Unfit::TooLong)),
            Ok(None) if length > 0 => {}
            Ok(None) if !head.is_empty() => return Ok(Err(Unfit::Malformed)),
            read => return Ok(read),
        }
    }
}

/// `None` where there is more of it to come.
pub(crate) fn parse(head: &[u8]) -> Result<Option<Head>, Unfit> {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {
            let (Some(method), Some(target)) = (request.method, request.path) else { return Err(Unfit::Malformed) };
            let hosts = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
            let hosts = hosts.map(|header| String::from_utf8_lossy(header.value).into_owned()).collect();
            Ok(Some(Head { method: method.to_owned(), target: target.to_owned(), hosts }))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(Unfit::TooLong),
        Err(_) => Err(Unfit::Malformed),
    }
}

/// Sends a whole answer. It has been sent when this returns; [`end`] is what is left to do.
pub(crate) async fn send(stream: &mut TcpStream, answer: &str) -> io::Result<()> {
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Waits until the client has gone. What it sent and nobody read would make the system reset the connection and throw our answer away.
pub(crate) async fn end(stream: TcpStream) -> io::Result<()> {
    tokio::io::copy(&mut stream.take(MOST_IGNORED), &mut tokio::io::sink()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_what_it_says_and_nothing_else_is_one() {
        let head = |method: &str, target: &str, hosts: &[&str]| {
            let hosts = hosts.iter().map(ToString::to_string).collect();
            Ok(Some(Head { method: method.to_owned(), target: target.to_owned(), hosts }))
        };
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(MOST_HEADERS + 1));
        let table = [
            ("GET /a?b=c HTTP/1.1\r\nHost: x:1\r\n\r\n", head("GET", "/a?b=c", &["x:1"])),
            ("GET / HTTP/1.1\r\nhost: x\r\nHOST: y\r\n\r\n", head("GET", "/", &["x", "y"])),
            ("POST / HTTP/1.0\r\n\r\n", head("POST", "/", &[])),
            ("GET / HTTP/1.1\r\nHost: x\r\n", Ok(None)),
            ("", Ok(None)),
            (many.as_str(), Err(Unfit::TooLong)),
            ("\u{16}\u{3}\u{1}", Err(Unfit::Malformed)),
            ("GET /\r\n\r\n", Err(Unfit::Malformed)),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
        }
    }
}
