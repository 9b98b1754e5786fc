//! What the issuer answers: well-formed by default, as wrong as a test wants.

use std::time::Duration;

/// One scripted answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) delay: Duration,
    pub(super) held: bool,
}

/// How the body goes over the wire.
#[derive(Clone, Debug)]
pub enum Body {
    /// `{"access_token":"token-N",…}` with the issuer's counter; `None`: no `expires_in`.
    Token(Option<u64>),
    /// These bytes, with a true Content-Length.
    Whole(Vec<u8>),
    /// These bytes instead of an HTTP answer.
    Raw(Vec<u8>),
    /// These bytes, then the end of the stream, where more were announced.
    Short(Vec<u8>),
    /// These bytes, then a connection reset, where more were announced.
    Reset(Vec<u8>),
    /// One byte a second.
    Drip(Vec<u8>),
    /// Chunks of 64 KiB for as long as the client reads.
    EndlessChunks,
    /// A JSON string of so many bytes.
    Huge(u64),
    /// Nothing: the connection stays open, silent.
    Silence,
}

impl Reply {
    fn of(status: u16, body: Body) -> Self {
        Self { status, headers: vec![("Content-Type".into(), "application/json".into())], body, delay: Duration::ZERO, held: false }
    }

    /// A bearer token, `token-1`, `token-2`…, that lives for so many seconds.
    pub fn token(expires_in: u64) -> Self {
        Self::of(200, Body::Token(Some(expires_in)))
    }

    /// 200 with this JSON, or whatever the text is.
    pub fn json(text: impl Into<String>) -> Self {
        Self::bytes(text.into())
    }

    /// 200 with these bytes, labelled as JSON.
    pub fn bytes(body: impl Into<Vec<u8>>) -> Self {
        Self::of(200, Body::Whole(body.into()))
    }

    /// This status with an HTML body, as a proxy in between would send it.
    pub fn status(status: u16) -> Self {
        let body = format!("<html><body>{}</body></html>", super::LEAK);
        Self::of(status, Body::Whole(body.into())).header("Content-Type", "text/html")
    }

    /// This status with an OAuth error of this code.
    pub fn oauth(status: u16, code: &str) -> Self {
        Self::bytes(format!("{{\"error\":\"{code}\"}}")).with_status(status)
    }

    /// Something that is not HTTP.
    pub fn raw(bytes: &[u8]) -> Self {
        Self::of(200, Body::Raw(bytes.to_vec()))
    }

    /// Fewer bytes than announced.
    pub fn short() -> Self {
        Self::of(200, Body::Short(br#"{"access_token":"tok"#.to_vec()))
    }

    /// A reset in the middle of the body.
    pub fn reset() -> Self {
        Self::of(200, Body::Reset(br#"{"access_token":"tok"#.to_vec()))
    }

    /// A good answer, one byte a second.
    pub fn drip() -> Self {
        let body = br#"{"access_token":"token-1","expires_in":3600}"#;
        Self::of(200, Body::Drip(body.to_vec()))
    }

    /// A body without end.
    pub fn endless_chunks() -> Self {
        Self::of(200, Body::EndlessChunks)
    }

    /// A body of so many bytes.
    pub fn huge(bytes: u64) -> Self {
        Self::of(200, Body::Huge(bytes))
    }

    /// A good answer of more than `mebibytes` MiB that travels as a few hundred KiB.
    pub fn gzip_bomb(mebibytes: usize) -> Self {
        let bomb = gzip_with_run_of_spaces(br#"{"access_token":"token-1","#, mebibytes << 20, br#""expires_in":3600}"#);
        Self::bytes(bomb).header("Content-Encoding", "gzip")
    }

    /// No answer at all.
    pub fn silence() -> Self {
        Self::of(200, Body::Silence)
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::of(status, Body::Whole(Vec::new())).header("Location", location)
    }

    /// The same answer under another status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets a header; a second one of the same name replaces the first.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Answers after this long.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Answers once the test calls `Issuer::release`.
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// A gzip stream of `head`, `run` spaces and `tail`, in fixed Huffman codes (RFC 1951 §3.2.6): 258 spaces are 13 bits.
fn gzip_with_run_of_spaces(head: &[u8], run: usize, tail: &[u8]) -> Vec<u8> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    const LONGEST_MATCH: usize = 258;
    let mut bits = Bits::default();
    bits.push(0b011, 3); // the last block, fixed codes
    bits.literals(head);
    bits.literals(b" ");
    for _ in 0..run / LONGEST_MATCH {
        bits.code(0b1100_0101, 8); // length 258
        bits.code(0, 5); // distance 1
    }
    bits.literals(tail);
    bits.code(0, 7); // end of block

    let spaces = 1 + run / LONGEST_MATCH * LONGEST_MATCH;
    let check = crc_32(head.iter().chain(std::iter::repeat_n(&b' ', spaces)).chain(tail));
    let length = u32::try_from(head.len() + spaces + tail.len()).unwrap();

    let mut gzip = HEADER.to_vec();
    gzip.extend(bits.finish());
    gzip.extend(check.to_le_bytes());
    gzip.extend(length.to_le_bytes());
    gzip
}

/// The checksum of RFC 1952 §8.
fn crc_32<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    let step = |value: u32| if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
    let table: Vec<u32> = (0..256).map(|byte| (0..8).fold(byte, |value, _| step(value))).collect();
    !bytes.fold(!0, |check, byte| table[((check ^ u32::from(*byte)) & 0xff) as usize] ^ check >> 8)
}

/// Bits as deflate packs them, from the low end of each byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, width: u32) {
        self.pending |= value << self.count;
        self.count += width;
        while self.count >= 8 {
            self.bytes.push((self.pending & 0xff) as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes go in with their high bit first.
    fn code(&mut self, code: u32, width: u32) {
        self.push(code.reverse_bits() >> (32 - width), width);
    }

    /// Literals below 144.
    fn literals(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.code(0x30 + u32::from(*byte), 8);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.push(0, 7);
        self.bytes
    }
}
