//! A loopback issuer: a listener and a thread a connection. It records every request and answers as the script says.

use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::reply::{Body, Reply};
use super::rotation::{self, Family};
use super::{now, wait_until};

const POLL: Duration = Duration::from_millis(10);

/// What a client sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// When it was in: seconds since 1970.
    pub at: f64,
}

impl Request {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }
}

/// Who asks for this has nothing to ask: see [`Issuer::settle`].
const SETTLED: &str = "/settled";

/// What answers a request.
type Judge = dyn Fn(&Request) -> Reply + Send + Sync;

/// Stops, and refuses connections, when dropped.
pub struct Issuer {
    address: SocketAddr,
    pub(super) shared: Arc<Shared>,
    listener: Option<std::thread::JoinHandle<()>>,
}

pub(super) struct Shared {
    address: SocketAddr,
    script: Mutex<VecDeque<Reply>>,
    /// What is answered at some paths only: one a request, and the last one from then on.
    places: Mutex<HashMap<String, VecDeque<Reply>>>,
    otherwise: Mutex<Reply>,
    judge: Mutex<Option<Arc<Judge>>>,
    asked: Mutex<Vec<Request>>,
    discovered: Mutex<Vec<Request>>,
    issued: AtomicUsize,
    pub(super) gate: (Mutex<bool>, Condvar),
    stopping: AtomicBool,
    /// How many connections are being served.
    busy: AtomicUsize,
    /// The login that it rotates the refresh tokens of.
    pub(super) family: Mutex<Option<Family>>,
    /// Whether answers with new refresh tokens are held.
    pub(super) holding: AtomicBool,
    pub(super) holding_discovery: AtomicBool,
    pub(super) offers_revocation: AtomicBool,
}

impl Issuer {
    /// Hands out tokens of one hour.
    pub fn start() -> Self {
        Self::answering(Reply::token(3600))
    }

    /// Gives this answer to every request that no script covers.
    pub fn answering(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            address,
            script: Mutex::default(),
            places: Mutex::default(),
            otherwise: Mutex::new(reply),
            judge: Mutex::default(),
            asked: Mutex::default(),
            discovered: Mutex::default(),
            issued: AtomicUsize::new(0),
            gate: (Mutex::new(false), Condvar::new()),
            stopping: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            family: Mutex::default(),
            holding: AtomicBool::new(false),
            holding_discovery: AtomicBool::new(false),
            offers_revocation: AtomicBool::new(false),
        });
        let listening = Arc::clone(&shared);
        Self { address, shared, listener: Some(std::thread::spawn(move || listening.accept(&listener))) }
    }

    /// Answers every request that no script covers as `judge` says.
    pub fn judging(judge: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let issuer = Self::start();
        *issuer.shared.judge.lock().unwrap() = Some(Arc::new(judge));
        issuer
    }

    /// The issuer's name, for discovery.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where tokens are had.
    pub fn endpoint(&self) -> String {
        format!("{}/token", self.url())
    }

    /// These answers first, one a request.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.script.lock().unwrap().extend(replies);
    }

    /// These answers to what is asked at `path`, one a request, and the last of them to all that follow.
    pub fn script_at(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.shared.places.lock().unwrap().insert(path.to_owned(), replies.into_iter().collect());
    }

    /// What came in at `path`.
    pub fn requests_at(&self, path: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.path == path).collect()
    }

    /// From now on, this answer where no script is left.
    pub fn answer(&self, reply: Reply) {
        *self.shared.otherwise.lock().unwrap() = reply;
    }

    /// How many requests came in, discovery aside.
    pub fn count(&self) -> usize {
        self.shared.asked.lock().unwrap().len()
    }

    /// How often the discovery document was asked for.
    pub fn discovered(&self) -> usize {
        self.discoveries().len()
    }

    /// What asked for the discovery document.
    pub fn discoveries(&self) -> Vec<Request> {
        self.shared.discovered.lock().unwrap().clone()
    }

    /// What came in, discovery aside.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Returns once so many requests are in.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) {
        wait_until(&format!("{count} requests"), || self.count() >= count);
    }

    /// From now on, held answers are held until the next `release`.
    pub fn shut(&self) {
        *self.shared.gate.0.lock().unwrap() = false;
    }

    /// Returns once all that was sent to it before, by whoever has gone meanwhile, is in and was answered.
    pub fn settle(&self) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(format!("GET {SETTLED} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        wait_until("the issuer to be done", || self.shared.busy.load(Ordering::SeqCst) == 0);
    }

    /// Lets every held answer go, now and later.
    pub fn release(&self) {
        let (open, changed) = &self.shared.gate;
        *open.lock().unwrap() = true;
        changed.notify_all();
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.release();
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopping() {
                return;
            }
            let (shared, Ok(stream)) = (Arc::clone(&self), stream) else {
                continue;
            };
            shared.busy.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                shared.serve(stream);
                shared.busy.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// One request, one answer. What the client does to the connection is its own affair: errors end the thread.
    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
        let _ = stream.set_write_timeout(Some(Duration::from_secs(10)));
        let Some(request) = read_request(&mut stream) else {
            return;
        };
        if request.path == SETTLED {
            let _ = self.send(&mut stream, &Reply::status(204));
            return;
        }
        if request.path.starts_with("/.well-known/") {
            self.discovered.lock().unwrap().push(request.clone());
            if self.holding_discovery.load(Ordering::SeqCst) {
                self.wait_for_release();
            }
            let scripted = self.at_place(&request.path);
            let _ = self.send(&mut stream, &scripted.unwrap_or_else(|| self.discovery(&request.path)));
            return;
        }
        let reply = self.next_reply(request);
        self.wait(reply.delay);
        if reply.held {
            self.wait_for_release();
        }
        let _ = self.send(&mut stream, &reply);
    }

    fn discovery(&self, path: &str) -> Reply {
        if path.split('?').next() != Some("/.well-known/openid-configuration") {
            return Reply::status(404);
        }
        let url = format!("http://{}", self.address);
        let revocation =
            if self.offers_revocation.load(Ordering::SeqCst) { format!(r#","revocation_endpoint":"{url}/revoke""#) } else { String::new() };
        Reply::json(format!(r#"{{"issuer":"{url}","token_endpoint":"{url}/token"{revocation}}}"#))
    }

    fn next_reply(&self, request: Request) -> Reply {
        // Under one lock, so that the script's order is the order of the record.
        let mut asked = self.asked.lock().unwrap();
        let scripted = self.at_place(&request.path).or_else(|| self.script.lock().unwrap().pop_front());
        let reply = scripted.or_else(|| self.rotated(&request)).or_else(|| self.judged(&request));
        asked.push(request);
        reply.unwrap_or_else(|| self.otherwise.lock().unwrap().clone())
    }

    fn rotated(&self, request: &Request) -> Option<Reply> {
        let mut family = self.family.lock().unwrap();
        let reply = rotation::answer(family.as_mut()?, request, || self.next_token())?;
        Some(if self.holding.load(Ordering::SeqCst) { reply.held() } else { reply })
    }

    fn at_place(&self, path: &str) -> Option<Reply> {
        let mut places = self.places.lock().unwrap();
        let replies = places.get_mut(path)?;
        if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
    }

    fn judged(&self, request: &Request) -> Option<Reply> {
        let judge = self.judge.lock().unwrap().clone();
        judge.map(|judge| judge(request))
    }

    fn wait_for_release(&self) {
        let (open, changed) = &self.gate;
        let held = changed.wait_while(open.lock().unwrap(), |open| !*open);
        drop(held);
    }

    /// Waits, but no longer than the issuer lives.
    fn wait(&self, delay: Duration) {
        let started = Instant::now();
        while started.elapsed() < delay && !self.stopping() {
            std::thread::sleep(POLL.min(delay));
        }
    }

    fn send(&self, stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
        match &reply.body {
            Body::Token(expires_in) => {
                let body = self.token(*expires_in);
                stream.write_all(&head(reply, Some(body.len() as u64)))?;
                stream.write_all(body.as_bytes())
            }
            Body::Whole(body) => {
                stream.write_all(&head(reply, Some(body.len() as u64)))?;
                stream.write_all(body)
            }
            Body::Raw(bytes) => stream.write_all(bytes),
            Body::Short(body) => {
                stream.write_all(&head(reply, Some(body.len() as u64 + 100)))?;
                stream.write_all(body)
            }
            Body::Reset(body) => {
                stream.write_all(&head(reply, Some(body.len() as u64 + 100)))?;
                stream.write_all(body)?;
                socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO))
            }
            Body::Drip(body) => self.drip(stream, reply, body),
            Body::EndlessChunks => self.chunks(stream, reply),
            Body::Huge(bytes) => self.huge(stream, reply, *bytes),
            Body::Silence => {
                self.keep_open(stream);
                Ok(())
            }
        }
    }

    fn token(&self, expires_in: Option<u64>) -> String {
        let token = self.next_token();
        let expiry = expires_in.map_or(String::new(), |seconds| format!(",\"expires_in\":{seconds}"));
        format!("{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\"{expiry}}}")
    }

    fn next_token(&self) -> String {
        format!("token-{}", self.issued.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn drip(&self, stream: &mut TcpStream, reply: &Reply, body: &[u8]) -> std::io::Result<()> {
        stream.write_all(&head(reply, Some(body.len() as u64)))?;
        for byte in body {
            self.wait(Duration::from_secs(1));
            if self.stopping() {
                break;
            }
            stream.write_all(&[*byte])?;
        }
        Ok(())
    }

    fn chunks(&self, stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
        let chunked = reply.clone().header("Transfer-Encoding", "chunked");
        stream.write_all(&head(&chunked, None))?;
        let mut chunk = b"10000\r\n".to_vec();
        chunk.resize(chunk.len() + 0x10000, b' ');
        chunk.extend(b"\r\n");
        while !self.stopping() {
            stream.write_all(&chunk)?;
        }
        Ok(())
    }

    fn huge(&self, stream: &mut TcpStream, reply: &Reply, bytes: u64) -> std::io::Result<()> {
        const OPENING: &[u8] = br#"{"access_token":""#;
        stream.write_all(&head(reply, Some(bytes)))?;
        stream.write_all(OPENING)?;
        let block = vec![b'a'; 0x10000];
        let mut left = bytes - OPENING.len() as u64;
        while left > 0 && !self.stopping() {
            let part = left.min(block.len() as u64);
            stream.write_all(&block[..usize::try_from(part).unwrap()])?;
            left -= part;
        }
        Ok(())
    }

    /// Says nothing until the client gives up.
    fn keep_open(&self, stream: &mut TcpStream) {
        let _ = stream.set_read_timeout(Some(POLL));
        let mut byte = [0];
        while !self.stopping() {
            match stream.read(&mut byte) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                _ => return,
            }
        }
    }
}

/// Status line and headers; every connection serves one request.
fn head(reply: &Reply, length: Option<u64>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Scripted\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    if let Some(length) = length {
        head.extend(["Content-Length: ", &length.to_string(), "\r\n"]);
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// A whole request, or `None` where the client went away or does not speak HTTP.
pub fn read_request(stream: &mut impl Read) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        read_more(stream, &mut bytes)?;
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let mut request = Request {
        method: first.next()?.to_owned(),
        path: first.next()?.to_owned(),
        headers: lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: String::new(),
        at: 0.0,
    };
    let length = request.header("content-length").map_or(0, |text| text.parse().unwrap());
    while bytes.len() < end + 4 + length {
        read_more(stream, &mut bytes)?;
    }
    request.body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
    request.at = now();
    Some(request)
}

fn read_more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> Option<()> {
    let mut block = [0; 4096];
    let count = stream.read(&mut block).ok().filter(|count| *count > 0)?;
    bytes.extend(&block[..count]);
    Some(())
}

/// A place that nobody must visit: counts connections, and shuts the door.
pub struct Trap {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
}

impl Trap {
    pub fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let visits = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&visits);
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { address, visits }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}
