//! An Internet of one test's own: a proxy on loopback behind which every name answers, by https under a certificate for it, and by http.
//!
//! So a consumer talks to `https://git.example.com` and to its look-alikes as it would anywhere, and what each of them is sent is seen.
//! Whoever connects without a proxy is served too: the first byte tells TLS from HTTP.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConnection, StreamOwned};

use super::authority;

/// Nobody waits longer for the other side of a connection.
const LIMIT: Duration = Duration::from_secs(20);

/// What a consumer sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// `https://git.example.com`, with a port where it is not the scheme's own.
    pub origin: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }

    pub fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }

    /// The name of the user and the password that Basic (RFC 7617) carries.
    pub fn basic(&self) -> Option<(String, String)> {
        let pair = STANDARD.decode(self.authorization()?.strip_prefix("Basic ")?).ok()?;
        let (user, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// The token, in whichever way it came: with a scheme, as a password, or bare.
    pub fn token(&self) -> Option<String> {
        let value = self.authorization()?;
        let token = match value.split_once(' ') {
            Some(("Bearer", token)) => token.to_owned(),
            Some(_) => self.basic()?.1,
            None => value.to_owned(),
        };
        Some(token).filter(|token| !token.is_empty())
    }

    /// Whether anything in it is, or hides, one of our tokens.
    fn holds_a_token(&self) -> bool {
        let has = |text: &[u8]| text.windows(6).any(|part| part == b"token-");
        let in_header = |(_, value): &(String, String)| {
            let decoded = value.split(' ').filter_map(|word| STANDARD.decode(word).ok()).any(|bytes| has(&bytes));
            has(value.as_bytes()) || decoded
        };
        self.headers.iter().any(in_header) || has(self.path.as_bytes()) || has(&self.body)
    }
}

/// What it is answered.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn of(kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: vec![("Content-Type".into(), kind.into())], body: body.into() }
    }

    pub fn json(text: impl Into<Vec<u8>>) -> Self {
        Self::of("application/json", text)
    }

    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::of("text/plain", text)
    }

    pub fn status(status: u16) -> Self {
        Self { status, ..Self::text(format!("status {status}\n")) }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

type Site = dyn Fn(&Request) -> Response + Send + Sync;

/// Stops when dropped.
pub struct Internet {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    address: SocketAddr,
    site: Box<Site>,
    /// What is wanted in `WWW-Authenticate`, where a token is needed.
    challenge: Option<String>,
    refused: Mutex<HashSet<String>>,
    seen: Mutex<Vec<Request>>,
    stopping: AtomicBool,
}

impl Internet {
    /// Every site answers like this; one that has a `challenge` only to who brings a token that it does not refuse.
    pub fn new(challenge: Option<&str>, site: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            address,
            site: Box::new(site),
            challenge: challenge.map(str::to_owned),
            refused: Mutex::default(),
            seen: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || serving.accept(&listener));
        Self { address, shared }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on, this token is refused with a 401.
    pub fn refuse(&self, token: &str) {
        self.shared.refused.lock().unwrap().insert(token.to_owned());
    }

    /// What was asked so far, in order.
    pub fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Forgets what was asked so far.
    pub fn forget(&self) {
        self.shared.seen.lock().unwrap().clear();
    }

    /// The tokens that this place was sent, in order; of several of the same in a row, one.
    pub fn tokens_at(&self, origin: &str) -> Vec<String> {
        let mut tokens: Vec<String> = self.seen().iter().filter(|request| request.origin == origin).filter_map(Request::token).collect();
        tokens.dedup();
        tokens
    }

    /// Panics if any place but this one was sent a token.
    #[track_caller]
    pub fn holds_no_token_but_at(&self, origin: &str) {
        let leaks: Vec<Request> = self.seen().into_iter().filter(|request| request.origin != origin && request.holds_a_token()).collect();
        assert!(leaks.is_empty(), "tokens elsewhere than at {origin}: {leaks:#?}");
    }

    /// Panics if this place was never asked, or was sent a token.
    #[track_caller]
    pub fn asked_without_a_token(&self, origin: &str) {
        let seen = self.seen();
        assert!(seen.iter().any(|request| request.origin == origin), "{origin} was not asked: {seen:#?}");
        self.holds_no_token_but_at("nowhere");
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            let (shared, Ok(stream)) = (Arc::clone(&self), stream) else { continue };
            thread::spawn(move || shared.connected(stream));
        }
    }

    /// What the other side does to the connection is its own affair.
    fn connected(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        stream.set_write_timeout(Some(LIMIT)).ok()?;
        if is_tls(&stream) {
            return self.secure(stream, &self.address.to_string());
        }
        let (head, body) = read_head(&mut stream)?;
        let mut first = head.split(' ');
        let (method, target) = (first.next()?, first.next()?);
        if method != "CONNECT" {
            let default = format!("http://{}", self.address);
            return self.exchange(&mut stream, &head, body, &default);
        }
        let authority = target.to_owned();
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
        if is_tls(&stream) {
            return self.secure(stream, &authority);
        }
        let (head, body) = read_head(&mut stream)?;
        self.exchange(&mut stream, &head, body, &origin("http", &authority))
    }

    fn secure(&self, stream: TcpStream, authority: &str) -> Option<()> {
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let connection = ServerConnection::new(authority::configuration(host)).ok()?;
        let mut stream = StreamOwned::new(connection, stream);
        let (head, body) = read_head(&mut stream)?;
        let done = self.exchange(&mut stream, &head, body, &origin("https", authority));
        stream.conn.send_close_notify();
        let _ = stream.flush();
        done
    }

    /// One request, one answer.
    fn exchange(&self, stream: &mut (impl Read + Write), head: &str, begun: Vec<u8>, origin: &str) -> Option<()> {
        let mut request = parsed(head, origin)?;
        if request.header("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        request.body = read_body(stream, &request, begun)?;
        let response = self.answer(&request);
        self.seen.lock().unwrap().push(request.clone());
        let mut head = format!("HTTP/1.1 {} Answered\r\nConnection: close\r\n", response.status);
        for (name, value) in &response.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["Content-Length: ", &response.body.len().to_string(), "\r\n\r\n"]);
        stream.write_all(head.as_bytes()).ok()?;
        if request.method != "HEAD" {
            stream.write_all(&response.body).ok()?;
        }
        stream.flush().ok()
    }

    fn answer(&self, request: &Request) -> Response {
        let is_known = |token: String| token.starts_with("token-") && !self.refused.lock().unwrap().contains(&token);
        match &self.challenge {
            Some(challenge) if !request.token().is_some_and(is_known) => Response::status(401).header("WWW-Authenticate", challenge),
            _ => (self.site)(request),
        }
    }
}

fn is_tls(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first), Ok(1)) && first[0] == 0x16
}

fn origin(scheme: &str, authority: &str) -> String {
    let usual = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", authority.strip_suffix(usual).unwrap_or(authority))
}

/// The request line and the headers, and what came behind them.
fn read_head(stream: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            bytes.truncate(end);
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
        read_more(stream, &mut bytes)?;
    }
}

fn parsed(head: &str, default: &str) -> Option<Request> {
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (origin, path) = match target.strip_prefix("http://") {
        Some(rest) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            (origin("http", authority), format!("/{path}"))
        }
        None => (default.to_owned(), target.to_owned()),
    };
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    Some(Request { method, origin, path, headers: lines.filter_map(header).collect(), body: Vec::new() })
}

fn read_body(stream: &mut impl Read, request: &Request, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    if request.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return read_chunks(stream, bytes);
    }
    let length: usize = request.header("content-length").map_or(Some(0), |text| text.parse().ok())?;
    while bytes.len() < length {
        read_more(stream, &mut bytes)?;
    }
    bytes.truncate(length);
    Some(bytes)
}

/// RFC 9112 §7.1, without trailers.
fn read_chunks(stream: &mut impl Read, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            match bytes.windows(2).position(|two| two == b"\r\n") {
                Some(end) => break end,
                None => read_more(stream, &mut bytes)?,
            }
        };
        let size = std::str::from_utf8(&bytes[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        bytes.drain(..end + 2);
        while bytes.len() < size + 2 {
            read_more(stream, &mut bytes)?;
        }
        body.extend(bytes.drain(..size));
        bytes.drain(..2);
        if size == 0 {
            return Some(body);
        }
    }
}

fn read_more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> Option<()> {
    let mut block = [0; 8192];
    let count = stream.read(&mut block).ok().filter(|count| *count > 0)?;
    bytes.extend(&block[..count]);
    Some(())
}
