//! The port at which a login ends (RFC 8252 §7.3): a listener on 127.0.0.1 that takes one answer from a browser.
//!
//! It promises that nothing but the answer ends the wait for it, and that nobody keeps the browser from giving it: a head has its bounds, a
//! connection its time, and where there are too many the oldest is let go. It answers with fixed pages, which hold nothing of a request
//! and load nothing. It spawns nothing: dropping it closes the port and all connections.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use super::response::{Expected, Response};
use crate::error::{Class, reason};
use crate::http_head::{self, Head};
use crate::source::SourceError;

/// Browsers send the cookies of every server that ever ran on this machine.
const LONGEST_HEAD: usize = 32 * 1024;

/// The time limit of a connection.
const LONGEST_CONNECTION: Duration = Duration::from_secs(5);

/// How many connections are open at once.
const MOST_CONNECTIONS: usize = 64;

const PATH: &str = "/callback";

/// The port, taken.
#[derive(Debug)]
pub(super) struct Redirect {
    listener: TcpListener,
    port: u16,
}

/// What a browser shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Done,
    Refused,
    NotTheAnswer,
    NotHere,
    OnlyGet,
}

impl Redirect {
    /// Takes the `configured` port, or any.
    pub async fn bind(configured: Option<u16>) -> Result<Self, SourceError> {
        let bound = TcpListener::bind(("127.0.0.1", configured.unwrap_or(0))).await;
        let bound = bound.and_then(|listener| Ok(Self { port: listener.local_addr()?.port(), listener }));
        bound.map_err(|error| match configured {
            Some(port) if error.kind() == io::ErrorKind::AddrInUse => {
                // Error: The browser is to come back to that port, and another program has it.
                SourceError::new(Class::Config, format!("the port {port} of `redirect_port` is taken by another program"))
                    .with_hint("end that program, or set `redirect_port` to another port that the issuer knows")
            }
            // Error: The system does not give the port: below 1024 only root may have one. To do: set `redirect_port` to another that the
            // issuer knows.
            Some(port) => SourceError::new(Class::Config, format!("the port {port} of `redirect_port` cannot be had: {}", reason(&error))),
            // Error: The system gives no port on 127.0.0.1. To do: see that the loopback interface is up, and try again.
            None => SourceError::new(Class::Temporary, format!("no port can be had for the end of the login: {}", reason(&error))),
        })
    }

    /// Where the browser is to be sent.
    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Serves until it is dropped, and hands on the answer when it comes.
    pub async fn serve(&self, expected: &Expected, answers: Sender<Response>) -> Infallible {
        let mut connections: VecDeque<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = VecDeque::new();
        loop {
            tokio::select! {
                biased;
                () = go_on(&mut connections) => {}
                stream = http_head::accept(&self.listener) => {
                    if connections.len() >= MOST_CONNECTIONS {
                        connections.pop_front();
                    }
                    let conversation = timeout(LONGEST_CONNECTION, self.converse(stream, expected, answers.clone()));
                    // Whoever is too slow, or has gone, is let go.
                    connections.push_back(Box::pin(async { drop(conversation.await) }));
                }
            }
        }
    }

    async fn converse(&self, mut stream: TcpStream, expected: &Expected, answers: Sender<Response>) -> io::Result<()> {
        let (page, response) = match http_head::read(&mut stream, LONGEST_HEAD).await? {
            Ok(Some(head)) => self.answer(&head, expected),
            Ok(None) => return Ok(()),
            Err(_) => (Page::NotTheAnswer, None),
        };
        http_head::send(&mut stream, &page.text()).await?;
        if let Some(response) = response {
            // The first one counts: there is room for one, and whoever takes it does not come back for another.
            let _ = answers.try_send(response);
        }
        http_head::end(stream).await
    }

    fn answer(&self, head: &Head, expected: &Expected) -> (Page, Option<Response>) {
        let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
        if path != PATH || !self.is_host(&head.hosts) {
            return (Page::NotHere, None);
        }
        if head.method != "GET" {
            return (Page::OnlyGet, None);
        }
        match expected.read(query) {
            Ok(response @ Response::Code(_)) => (Page::Done, Some(response)),
            Ok(response @ Response::Error { .. }) => (Page::Refused, Some(response)),
            Err(_) => (Page::NotTheAnswer, None),
        }
    }

    /// Whether a request was meant for us, and not for a name that somebody made lead here.
    fn is_host(&self, hosts: &[String]) -> bool {
        // Browsers leave out the port that is usual.
        matches!(hosts, [host] if *host == format!("127.0.0.1:{}", self.port) || (self.port == 80 && host == "127.0.0.1"))
    }
}

/// Serves those who are there; never completes.
async fn go_on(connections: &mut VecDeque<Pin<Box<dyn Future<Output = ()> + Send + '_>>>) {
    std::future::poll_fn::<(), _>(|context| {
        connections.retain_mut(|connection| connection.as_mut().poll(context).is_pending());
        Poll::Pending
    })
    .await;
}

impl Page {
    const fn status(self) -> &'static str {
        match self {
            Self::Done | Self::Refused => "200 OK",
            Self::NotTheAnswer => "400 Bad Request",
            Self::NotHere => "404 Not Found",
            Self::OnlyGet => "405 Method Not Allowed",
        }
    }

    /// A heading and a sentence.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("That is all here", "The answer has arrived. Close this page and go back to the terminal."),
            Self::Refused => ("Nobody was logged in", "The terminal says why. You can close this page."),
            Self::NotTheAnswer => ("Not the answer", "This is not the answer to the login that is waited for. The terminal still waits."),
            Self::NotHere => ("Not found", "There is nothing here."),
            Self::OnlyGet => ("Not allowed", "Only GET is allowed here."),
        }
    }

    /// The answer as it is sent (RFC 9112). The address of the page holds a code: nobody is told of it, and nothing is stored.
    fn text(self) -> String {
        let (heading, sentence) = self.words();
        let body = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>token: {heading}</title>\n<h1>{heading}</h1>\n<p>{sentence}</p>\n"
        );
        // RFC 9110 §15.5.6 wants it with that status.
        let allow = if self == Self::OnlyGet { "Allow: GET\r\n" } else { "" };
        format!(
            "HTTP/1.1 {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
             Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
             {allow}Connection: close\r\n\r\n{body}",
            self.status(),
            body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::mpsc::{Receiver, channel};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;
    use crate::secret::Secret;

    struct Served {
        address: SocketAddr,
        answers: Receiver<Response>,
        server: JoinHandle<()>,
    }

    /// A server that waits for the state `s3`.
    async fn served() -> Served {
        let redirect = Redirect::bind(None).await.expect("a port");
        let address = redirect.listener.local_addr().expect("an address");
        let expected = Expected { redirect: redirect.uri(), state: "s3".to_owned(), issuer: None, names_itself: false };
        let (sender, answers) = channel(1);
        let serve = async move { match redirect.serve(&expected, sender).await {} };
        Served { address, answers, server: tokio::spawn(serve) }
    }

    impl Served {
        /// What is answered to `sent`, in which `HOST` stands for the right one.
        async fn asked(&self, sent: &str) -> String {
            let mut stream = TcpStream::connect(self.address).await.expect("a connection");
            let sent = sent.replace("HOST", &self.address.to_string());
            stream.write_all(sent.as_bytes()).await.expect("sent");
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            // Who sends too much is cut off in the middle of it.
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8(answer).expect("text")
        }

        async fn answered(&mut self) -> Response {
            let page = self.asked("GET /callback?code=c&state=s3 HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
            assert_eq!(status(&page), "200", "{page}");
            self.answers.recv().await.expect("an answer")
        }
    }

    fn status(answer: &str) -> &str {
        answer.lines().next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).map_or("none", |rest| &rest[..3])
    }

    fn code() -> Response {
        Response::Code(Secret::new("c".to_owned()))
    }

    #[tokio::test]
    async fn a_wrong_request_neither_ends_nor_completes_it() {
        let mut served = served().await;
        let right = "/callback?code=c&state=s3";
        let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: HOST\r\n\r\n");
        let with = |host: &str| format!("GET {right} HTTP/1.1\r\n{host}\r\n");
        let table = [
            ("no state", get("/callback?code=c"), "400"),
            ("another state", get("/callback?code=c&state=s4"), "400"),
            ("two codes", get("/callback?code=c&code=d&state=s3"), "400"),
            ("two states", get("/callback?code=c&state=s3&state=s3"), "400"),
            ("an error of another login", get("/callback?error=access_denied&state=s4"), "400"),
            ("no query", get("/callback"), "400"),
            ("favicon", get("/favicon.ico"), "404"),
            ("another path", get("/callback/?code=c&state=s3"), "404"),
            ("another path, encoded", get("/%63allback?code=c&state=s3"), "404"),
            ("a longer path", get("/callbacks?code=c&state=s3"), "404"),
            ("the start", get("/?code=c&state=s3"), "404"),
            ("a whole address", get("http://HOST/callback?code=c&state=s3"), "404"),
            ("no host", with(""), "404"),
            ("a foreign host", with("Host: evil.example\r\n"), "404"),
            ("a foreign host and ours", with("Host: evil.example\r\nHost: HOST\r\n"), "404"),
            ("our host twice", with("Host: HOST\r\nHost: HOST\r\n"), "404"),
            ("another name of this machine", with("Host: localhost\r\n"), "404"),
            ("our host without its port", with("Host: 127.0.0.1\r\n"), "404"),
            ("posted", format!("POST {right} HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\nx"), "405"),
            ("head", format!("HEAD {right} HTTP/1.1\r\nHost: HOST\r\n\r\n"), "405"),
            ("garbage", "\u{16}\u{3}\u{1}\u{2}".to_owned(), "400"),
            ("cut off", format!("GET {right} HTTP/1.1\r\nHost: HOST\r\n"), "400"),
            ("too long", get(&format!("{right}&x={}", "x".repeat(LONGEST_HEAD))), "400"),
            ("nothing", String::new(), "none"),
        ];
        for (case, sent, expected) in table {
            let page = served.asked(&sent).await;
            assert_eq!(status(&page), expected, "{case}: {page}");
            assert!(served.answers.try_recv().is_err(), "{case}: taken for the answer");
        }
        assert_eq!(served.answered().await, code());
    }

    #[tokio::test]
    async fn an_answer_is_taken_once() {
        let mut served = served().await;
        for state in ["s3", "s3"] {
            served.asked(&format!("GET /callback?error=access_denied&state={state} HTTP/1.1\r\nHost: HOST\r\n\r\n")).await;
        }
        let refused = Response::Error { code: "access_denied".to_owned(), description: None };
        assert_eq!(served.answers.try_recv().expect("the first"), refused);
        assert!(served.answers.try_recv().is_err(), "the second had no room");
    }

    #[tokio::test]
    async fn a_page_stands_alone_and_echoes_nothing() {
        let served = served().await;
        for target in ["/callback?code=c4nary&state=s3", "/callback?error=c4nary&state=s3", "/callback?c4nary", "/c4nary"] {
            let page = served.asked(&format!("GET {target} HTTP/1.1\r\nHost: HOST\r\nReferer: c4nary\r\n\r\n")).await;
            let (head, body) = page.split_once("\r\n\r\n").expect("a head and a body");
            let length = format!("Content-Length: {}", body.len());
            for line in [
                "Content-Type: text/html; charset=utf-8",
                length.as_str(),
                "Cache-Control: no-store",
                "Referrer-Policy: no-referrer",
                "X-Content-Type-Options: nosniff",
                "Connection: close",
            ] {
                assert!(head.lines().any(|found| found == line), "{line}: {head}");
            }
            assert!(head.contains("Content-Security-Policy: default-src 'none';"), "{head}");
            assert!(!page.contains("c4nary") && body.contains("<h1>"), "{page}");
            assert!(["src=", "href=", "url(", "<script", "<style"].iter().all(|part| !body.contains(part)), "{body}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_keeps_nobody_waiting() {
        let mut served = served().await;
        let began = Instant::now();
        let mut silent = Vec::new();
        for number in 0..1000 {
            let mut stream = TcpStream::connect(served.address).await.expect("a connection");
            if number % 2 == 0 {
                // The first of them may have been let go already.
                let _ = stream.write_all(b"GET /callback?code=c&sta").await;
            }
            silent.push(stream);
        }
        // The client hangs up, so that only the answer itself can take time.
        assert_eq!(served.answered().await, code());
        assert!(began.elapsed() < LONGEST_CONNECTION, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_too_slow_is_let_go() {
        let served = served().await;
        let began = Instant::now();
        let mut stream = TcpStream::connect(served.address).await.expect("a connection");
        stream.write_all(b"GET /callback").await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an end");
        assert_eq!((answer.len(), began.elapsed().as_secs()), (0, LONGEST_CONNECTION.as_secs()));
    }

    #[tokio::test]
    async fn the_port_is_free_again_when_it_is_dropped() {
        let served = served().await;
        served.server.abort();
        assert!(served.server.await.is_err());
        let again = Redirect::bind(Some(served.address.port())).await.expect("the port");
        assert_eq!(again.uri(), format!("http://{}/callback", served.address));
        let taken = Redirect::bind(Some(served.address.port())).await.expect_err("taken");
        assert_eq!(taken.class, Class::Config);
        assert!(taken.message.contains(&served.address.port().to_string()) && taken.message.contains("redirect_port"), "{taken}");
    }

    #[test]
    fn the_usual_port_needs_no_mention() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut redirect = runtime.block_on(Redirect::bind(None)).expect("a port");
        redirect.port = 80;
        for (host, is_ours) in [("127.0.0.1", true), ("127.0.0.1:80", true), ("127.0.0.1:8080", false), ("localhost", false)] {
            assert_eq!(redirect.is_host(&[host.to_owned()]), is_ours, "{host}");
        }
    }

    #[test]
    fn a_future_of_it_can_be_sent() {
        fn sent<T: Send>(_: T) {}
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let redirect = Arc::new(runtime.block_on(Redirect::bind(None)).expect("a port"));
        let expected = Expected { redirect: redirect.uri(), state: String::new(), issuer: None, names_itself: false };
        sent(redirect.serve(&expected, channel(1).0));
    }
}
