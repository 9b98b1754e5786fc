//! How long a certificate holds, read from its DER: the one thing that neither the TLS library nor reqwest tells of it. The chain has been
//! verified by then, so this is for people only.

use crate::clock::Timestamp;

const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT Version`, which the first version leaves out.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `notAfter` (RFC 5280 §4.1.2.5); `None` where that cannot be read.
pub(super) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (mut fields, _) = element(element(certificate, SEQUENCE)?.0, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = any(fields)?.2;
    }
    // The serial number, the signature's algorithm and the issuer.
    for _ in 0..3 {
        fields = any(fields)?.2;
    }
    let (validity, _) = element(fields, SEQUENCE)?;
    let (tag, until, _) = any(any(validity)?.2)?;
    time(tag, std::str::from_utf8(until).ok()?)
}

/// The content of an element with this tag, and what follows it.
fn element(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = any(der)?;
    (tag == wanted).then_some((content, rest))
}

/// The tag and the content of an element, and what follows it (X.690 §8.1).
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ`, or the same with a year of four digits.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            (if year < "50" { format!("20{year}") } else { format!("19{year}") }, rest)
        }
        GENERALIZED_TIME => text.split_at_checked(4).map(|(year, rest)| (year.to_owned(), rest))?,
        _ => return None,
    };
    let digits = rest.strip_suffix('Z').filter(|digits| digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let part = |at: usize| digits.get(at..at + 2);
    Timestamp::parse_rfc3339(&format!("{year}-{}-{}T{}:{}:{}Z", part(0)?, part(2)?, part(4)?, part(6)?, part(8)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn until(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["x.example.com".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 3, 2);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    #[test]
    fn the_end_of_a_certificate_is_read() {
        for year in [2021, 2049, 2050, 2999] {
            let read = not_after(&until(year)).and_then(Timestamp::rfc3339);
            assert_eq!(read, Some(format!("{year}-03-02T00:00:00Z")));
        }
    }

    #[test]
    fn what_is_none_is_not_read() {
        let certificate = until(2030);
        for end in 0..certificate.len() {
            assert_eq!(not_after(&certificate[..end]), None, "cut at {end}");
        }
        for position in 0..certificate.len() {
            let mut flipped = certificate.clone();
            flipped[position] ^= 0x80;
            let _ = not_after(&flipped);
        }
    }
}
