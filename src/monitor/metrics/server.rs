//! Serves `/metrics` and `/healthz` over HTTP/1.1, a connection a request.
//!
//! It promises that nobody who connects holds it up: a request's head has 8 KiB, a connection 5 s, and there are 16 at once, of which
//! the oldest makes room for one more. It reads no body and spawns nothing: dropping it ends it with all connections.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{CONTENT_TYPE, render};
use crate::clock::Clock;
use crate::http_head::{self, Head, Unfit};
use crate::monitor::Snapshot;

/// The longest head of a request, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;

/// The time limit of a connection.
const LONGEST_CONNECTION: Duration = Duration::from_secs(5);

/// How many connections are served at once.
const MOST_CONNECTIONS: usize = 16;

const PLAIN: &str = "text/plain; charset=utf-8";

/// What is served: asked anew at every request, and only then.
struct Site<S, A, C> {
    snapshots: S,
    is_alive: A,
    clock: C,
}

/// An answer to a request.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: String,
    /// Whether the body is only told the length of.
    is_head: bool,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    method: String,
    path: String,
}

/// Serves on `listener` until it is dropped. `is_alive` says whether the loop lives.
///
/// # Errors
/// Where `listener` cannot be used, at once; never later.
pub async fn serve(
    listener: std::net::TcpListener,
    snapshots: impl Fn() -> Vec<Snapshot>,
    is_alive: impl Fn() -> bool,
    clock: impl Clock,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let site = Site { snapshots, is_alive, clock };
    let mut connections = FuturesUnordered::new();
    // The oldest first; whoever is taken out of here is let go.
    let mut guests: VecDeque<oneshot::Sender<()>> = VecDeque::new();
    loop {
        tokio::select! {
            Some(()) = connections.next() => guests.retain(|guest| !guest.is_closed()),
            stream = http_head::accept(&listener) => {
                let (guest, let_go) = oneshot::channel();
                guests.push_back(guest);
                if guests.len() > MOST_CONNECTIONS {
                    guests.pop_front();
                }
                let conversation = site.converse(stream);
                connections.push(async move {
                    tokio::select! {
                        // Whoever is too slow, or has gone, is let go, too.
                        _ = timeout(LONGEST_CONNECTION, conversation) => {}
                        _ = let_go => {}
                    }
                });
            }
        }
    }
}

impl<S: Fn() -> Vec<Snapshot>, A: Fn() -> bool, C: Clock> Site<S, A, C> {
    async fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        let answer = match http_head::read(&mut stream, LONGEST_HEAD).await? {
            Ok(Some(head)) => asked(head).map_or_else(|refusal| refusal, |asked| self.answer(&asked)),
            Ok(None) => return Ok(()),
            Err(unfit) => refusal(unfit),
        };
        http_head::send(&mut stream, &answer.text()).await?;
        http_head::end(stream).await
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let is_known = matches!(asked.path.as_str(), "/metrics" | "/healthz");
        let is_read = matches!(asked.method.as_str(), "GET" | "HEAD");
        let answer = match asked.path.as_str() {
            _ if !is_known => Answer::plain("404 Not Found", "not found: try /metrics or /healthz"),
            _ if !is_read => Answer::plain("405 Method Not Allowed", "only GET and HEAD"),
            "/metrics" => {
                let body = render(&(self.snapshots)(), self.clock.now());
                Answer { status: "200 OK", content_type: CONTENT_TYPE, body, is_head: false }
            }
            _ if (self.is_alive)() => Answer::plain("200 OK", "ok"),
            _ => Answer::plain("503 Service Unavailable", "not ok"),
        };
        Answer { is_head: asked.method == "HEAD", ..answer }
    }
}

impl Answer {
    fn plain(status: &'static str, line: &str) -> Self {
        Self { status, content_type: PLAIN, body: format!("{line}\n"), is_head: false }
    }

    /// The answer as it is sent (RFC 9112).
    fn text(&self) -> String {
        let (status, content_type, length) = (self.status, self.content_type, self.body.len());
        // RFC 9110 §15.5.6 wants it with that status.
        let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
        let body = if self.is_head { "" } else { &self.body };
        format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{allow}Connection: close\r\n\r\n{body}")
    }
}

/// What a head asks for.
fn asked(head: Head) -> Result<Asked, Answer> {
    let path = path(&head.target).ok_or_else(bad_request)?.to_owned();
    Ok(Asked { method: head.method, path })
}

fn refusal(unfit: Unfit) -> Answer {
    match unfit {
        Unfit::TooLong => Answer::plain("431 Request Header Fields Too Large", "the request is too long"),
        Unfit::Malformed => bad_request(),
    }
}

fn bad_request() -> Answer {
    Answer::plain("400 Bad Request", "this is no request that could be understood")
}

/// The path of a request's target, which may be a whole address (RFC 9112 §3.2.2); a query changes nothing. `*` (§3.2.4) and the
/// rest have none.
fn path(target: &str) -> Option<&str> {
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => target,
    };
    path.starts_with('/').then(|| path.split_once('?').map_or(path, |(path, _)| path))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;
    use crate::bearer::Phase;
    use crate::clock::ManualClock;
    use crate::http_head::MOST_HEADERS;
    use crate::monitor::tests::snapshot;

    /// A server, ended with its test.
    fn served(is_alive: bool) -> (SocketAddr, JoinHandle<io::Result<()>>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let snapshots = || vec![snapshot("prod", Phase::Starting, Some(2000), None)];
        (address, tokio::spawn(serve(listener, snapshots, move || is_alive, ManualClock::at(1000))))
    }

    /// What is answered to `sent`, after which the client says no more unless it `stays`.
    async fn asked(address: SocketAddr, sent: &[u8], stays: bool) -> String {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(sent).await.expect("sent");
        if !stays {
            stream.shutdown().await.expect("shut down");
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8(answer).expect("text")
    }

    fn status(answer: &str) -> &str {
        answer.lines().next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).map_or("none", |rest| &rest[..3])
    }

    #[tokio::test]
    async fn requests_are_answered() {
        let (address, _server) = served(true);
        let long_head = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(LONGEST_HEAD));
        let many_headers = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(MOST_HEADERS + 1));
        let long_line = "a".repeat(LONGEST_HEAD + 1);
        let body = format!("POST /metrics HTTP/1.1\r\nContent-Length: 30000\r\n\r\n{}", "x".repeat(30_000));
        let table = [
            ("metrics", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
            ("metrics, of an old client", "GET /metrics HTTP/1.0\r\n\r\n", "200"),
            ("metrics, with a query", "GET /metrics?x=/healthz HTTP/1.1\r\n\r\n", "200"),
            ("metrics, through a proxy", "GET http://a:1/metrics HTTP/1.1\r\n\r\n", "200"),
            ("metrics, asked by hand", "GET /metrics HTTP/1.1\n\n", "200"),
            ("health", "GET /healthz HTTP/1.1\r\n\r\n", "200"),
            ("the start", "GET / HTTP/1.1\r\n\r\n", "404"),
            ("a proxy without a path", "GET http://a HTTP/1.1\r\n\r\n", "404"),
            ("elsewhere", "GET /metrics/ HTTP/1.1\r\n\r\n", "404"),
            ("elsewhere, posted", "POST /token HTTP/1.1\r\n\r\n", "404"),
            ("posted", &body, "405"),
            ("deleted", "DELETE /healthz HTTP/1.1\r\n\r\n", "405"),
            ("no path", "OPTIONS * HTTP/1.1\r\n\r\n", "400"),
            ("another kind of proxy", "CONNECT a:443 HTTP/1.1\r\n\r\n", "400"),
            ("garbage", "\u{1}\u{2}\r\n\r\n", "400"),
            ("TLS", "\u{16}\u{3}\u{1}\u{2}", "400"),
            ("no version", "GET /metrics\r\n\r\n", "400"),
            ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
            ("a bad header", "GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", "400"),
            ("cut off", "GET /metrics HTTP/1.1\r\nHo", "400"),
            ("too long", &long_head, "431"),
            ("too many headers", &many_headers, "431"),
            ("one long line", &long_line, "431"),
            ("nothing", "", "none"),
        ];
        for (case, sent, expected) in table {
            assert_eq!(status(&asked(address, sent.as_bytes(), false).await), expected, "{case}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_whole_and_ends_the_connection() {
        let (address, _server) = served(true);
        let metrics = asked(address, b"GET /metrics HTTP/1.1\r\n\r\n", true).await;
        let (head, body) = metrics.split_once("\r\n\r\n").expect("a head and a body");
        let expected = ["Content-Type: text/plain; version=0.0.4; charset=utf-8", &format!("Content-Length: {}", body.len())];
        for line in expected.into_iter().chain(["Connection: close"]) {
            assert!(head.lines().any(|found| found == line), "{line}: {head}");
        }
        assert!(body.contains("token_seconds_to_expiry{profile=\"prod\",source=\"exec\"} 1000\n"), "{body}");
        assert_eq!(asked(address, b"HEAD /metrics HTTP/1.1\r\n\r\n", true).await, format!("{head}\r\n\r\n"));
        assert!(asked(address, b"GET /healthz HTTP/1.1\r\n\r\n", true).await.ends_with("\r\n\r\nok\n"));
        assert!(asked(address, b"PUT /healthz HTTP/1.1\r\n\r\n", true).await.contains("\r\nAllow: GET, HEAD\r\n"));
    }

    #[tokio::test]
    async fn health_tells_that_the_loop_has_ended() {
        let (address, _server) = served(false);
        assert_eq!(status(&asked(address, b"GET /healthz HTTP/1.1\r\n\r\n", true).await), "503");
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_let_go_and_holds_up_nobody() {
        let (address, _server) = served(true);
        let began = Instant::now();
        let mut silent = Vec::new();
        for _ in 0..4 * MOST_CONNECTIONS {
            silent.push(TcpStream::connect(address).await.expect("a connection"));
        }
        // The client hangs up, so that only the answer itself can take time.
        assert_eq!(status(&asked(address, b"GET /healthz HTTP/1.1\r\n\r\n", false).await), "200", "the oldest has made room");
        assert_eq!(silent[0].read(&mut [0]).await.expect("an end"), 0, "closed");
        assert!(began.elapsed() < LONGEST_CONNECTION, "{:?}", began.elapsed());
        for mut stream in silent {
            assert_eq!(stream.read(&mut [0]).await.expect("an end"), 0, "closed");
        }
    }

    #[tokio::test]
    async fn a_head_may_come_a_byte_at_a_time() {
        let (address, _server) = served(true);
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        for byte in b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" {
            stream.write_all(&[*byte]).await.expect("sent");
            tokio::task::yield_now().await;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert_eq!(status(&answer), "200");
    }
}
