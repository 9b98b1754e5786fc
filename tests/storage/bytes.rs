//! Every byte of a file of ours lost or changed: what it says counts, whole, or nothing of it does.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Issuer, QUICK, Reply, Reuse, Test, cases, profile};

/// Each prefix of `whole`, and `whole` without each byte, and with each byte changed in its lowest bit; and in its highest one here and
/// there, which makes it no text.
pub fn variants(whole: &[u8]) -> Vec<(String, Vec<u8>)> {
    let flip = |at: usize, bit: u8| {
        let mut bytes = whole.to_vec();
        bytes[at] ^= bit;
        (format!("byte {at} ^ {bit:#x}"), bytes)
    };
    let positions = 0..whole.len();
    let cut = positions.clone().map(|at| (format!("cut at {at}"), whole[..at].to_vec()));
    let missing = positions.clone().map(|at| (format!("byte {at} missing"), [&whole[..at], &whole[at + 1..]].concat()));
    let low = positions.clone().map(|at| flip(at, 0x01));
    let high = positions.step_by(7).map(|at| flip(at, 0x80));
    cut.chain(missing).chain(low).chain(high).collect()
}

/// In each of four homes, a quarter of the variants of what is there.
fn each_variant(whole: impl Fn(&Test) -> Vec<u8>, home: impl Fn() -> Test + Sync, check: impl Fn(&Test, &str, &[u8]) + Sync) -> usize {
    let variants = AtomicUsize::new(0);
    let lanes: Vec<_> = (0..4).map(|lane| (format!("lane {lane}"), lane, home())).collect();
    let lanes: Vec<_> = lanes.into_iter().map(|(name, lane, test)| (name, lane, whole(&test), test)).collect();
    cases::each(
        &lanes,
        |lane| &lane.0,
        |(_, lane, whole, test)| {
            for (name, bytes) in self::variants(whole).iter().skip(*lane).step_by(4) {
                check(test, name, bytes);
                variants.fetch_add(1, Ordering::Relaxed);
            }
        },
    );
    variants.into_inner()
}

/// A login is sent as it is or not at all, and what is damaged is neither taken for none nor touched.
#[test]
fn no_byte_of_a_login_can_be_lost_or_changed_unnoticed() {
    let issuer = Issuer::rotating(Reuse::IsUsual);
    let whole = |test: &Test| fs::read(test.login_path("prod")).unwrap();
    let home = || {
        let test = Test::logging_in(&issuer);
        test.get().exits(0);
        test
    };
    let harmless = AtomicUsize::new(0);
    let count = each_variant(whole, home, |test, name, bytes| {
        fs::write(test.login_path("prod"), bytes).unwrap();
        let outcome = test.run(&["renew", "prod"]);
        // The end of the line is no part of it, nor is the key of what is null.
        if outcome.code == Some(0) {
            assert_eq!(test.refresh_token("prod"), issuer.first(), "{name}{outcome}");
            harmless.fetch_add(1, Ordering::Relaxed);
            return;
        }
        outcome.fails(6, "prod").mentions("damaged");
        assert!(fs::read(test.login_path("prod")).unwrap() == bytes, "{name}: it was touched{outcome}");
    });
    assert!(issuer.sent().iter().all(|sent| *sent == issuer.first()), "another refresh token was sent: {:?}", issuer.sent());
    let harmless = harmless.into_inner();
    assert_eq!(issuer.count(), 4 + harmless, "requests");
    assert!(harmless < count / 10, "{harmless} of {count} damages did no harm");
    eprintln!("{count} damages of a login, {harmless} of them harmless");
}

/// A memory of a failure answers as it is, or the issuer is asked.
#[test]
fn no_byte_of_a_memory_can_be_lost_or_changed_unnoticed() {
    let refusing = Issuer::answering(Reply::oauth(401, "invalid_client"));
    let whole = |test: &Test| fs::read(test.cache_dir().join("prod.failure")).unwrap();
    let home = || {
        let test = Test::configured(&format!("{QUICK}{}", profile("prod", &refusing.endpoint())));
        test.get().fails(4, "prod");
        test
    };
    let believed = AtomicUsize::new(0);
    let count = each_variant(whole, home, |test, name, bytes| {
        let memory = test.cache_dir().join("prod.failure");
        fs::write(&memory, bytes).unwrap();
        let before = refusing.count();
        let outcome = test.get();
        outcome.fails(4, "prod").mentions("refused: invalid_client");
        // Lanes share the issuer, so that another one may have asked meanwhile: this one's memory tells.
        let was_asked = fs::read(&memory).unwrap() != bytes;
        believed.fetch_add(usize::from(!was_asked), Ordering::Relaxed);
        assert!(!was_asked || refusing.count() > before, "{name}{outcome}");
    });
    let believed = believed.into_inner();
    assert!(believed < count / 10, "{believed} of {count} damages did no harm");
    eprintln!("{count} damages of a memory of a failure, {believed} of them harmless");
}
