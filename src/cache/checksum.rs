//! The checksum in a file of ours: CRC-32 over every field, each behind its length. It finds a byte that is missing or flipped, cheaply,
//! on the warm path.

use crc::{CRC_32_ISO_HDLC, Crc};

static CRC_32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

pub(super) struct Checksum(crc::Digest<'static, u32>);

impl Checksum {
    pub fn new() -> Self {
        Self(CRC_32.digest())
    }

    pub fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    pub fn optional_text(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or("\0"));
    }

    pub fn number(&mut self, number: Option<i64>) {
        self.0.update(&[u8::from(number.is_some())]);
        self.0.update(&number.unwrap_or_default().to_be_bytes());
    }

    /// Eight lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        format!("{:08x}", self.0.finalize())
    }
}
