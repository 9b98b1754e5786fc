//! Key files that do not serve: told by name and by what is wrong with them, and nothing of them is shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::signed::{P256, RSA, bearer, home, keeps_to_itself, put};
use crate::support::{Issuer, cases};

const SIGNED: &str = "{ jwt = { key_file = \"~/key.pem\", issuer = \"me\", algorithm = \"RS256\" } }";

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../fixtures/keys/", $name, ".pem"))
    };
}

#[test]
fn a_key_that_does_not_serve_is_named_and_not_shown() {
    let cut = RSA.split_at(800).0;
    let damaged = RSA.replace('a', "!");
    let table: [(&str, &str, &str); 12] = [
        ("encrypted", pem!("encrypted.pkcs8"), "holds an encrypted key"),
        ("encrypted, SEC 1", pem!("encrypted.sec1"), "openssl pkey"),
        ("public", pem!("rsa.public"), "holds a public key"),
        ("OpenSSH", pem!("openssh"), "ssh-keygen -p -m PKCS8"),
        ("P-384", pem!("p384.pkcs8"), "P-384"),
        ("Ed448", pem!("ed448.pkcs8"), "holds no RSA, P-256 or Ed25519 key"),
        ("short", pem!("rsa-1024.pkcs8"), "less than 2048 bits"),
        ("of another algorithm", P256, "holds a key for ES256, which cannot sign RS256"),
        ("cut off", cut, "holds no private key in PEM"),
        ("damaged", &damaged, "holds a damaged key"),
        ("rubbish", "canary-k3y-in-a-file", "holds no private key in PEM"),
        ("empty", "", "holds no private key in PEM"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(case, pem, says)| {
            let issuer = Issuer::start();
            let test = home(&bearer(&issuer, SIGNED), pem).named(case);
            for args in [&["get"][..], &["-vvv", "renew"]] {
                let outcome = test.run(args);
                outcome.fails(2, "prod").mentions("key.pem").mentions(says).hides("canary").is_brief();
                outcome.within(Duration::from_secs(1));
                keeps_to_itself(&test, &outcome, pem);
            }
            assert_eq!(issuer.count(), 0, "{case}: nobody was asked");
        },
    );
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    for mode in [0o644, 0o640, 0o604] {
        let issuer = Issuer::start();
        let test = home(&bearer(&issuer, SIGNED), RSA).named(&format!("{mode:o}"));
        put(&test, "key.pem", RSA, mode);
        test.get().fails(2, "prod").mentions("key.pem").mentions("chmod 600");
        assert_eq!(issuer.count(), 0);
        put(&test, "key.pem", RSA, 0o400);
        test.get().gives("token-1");
    }
}

#[test]
fn what_is_no_file_of_a_key_does_not_keep_anybody_waiting() {
    let issuer = Issuer::start();
    let test = home(&bearer(&issuer, SIGNED), "");
    let key = test.path("key.pem");
    let refused = |says: &str| {
        test.get().fails(2, "prod").mentions("key.pem").mentions(says).within(Duration::from_secs(1));
    };

    fs::remove_file(&key).unwrap();
    refused("no such file");
    fs::create_dir(&key).unwrap();
    refused("not a regular file");
    fs::remove_dir(&key).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &key, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    refused("not a regular file");
    fs::remove_file(&key).unwrap();
    fs::write(&key, [0x30, 0x82, 0x04, 0xff, 0xfe]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    refused("not text");
    assert_eq!(issuer.count(), 0);
}
