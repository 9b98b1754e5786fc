//! A profile of this kind, and files beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::{Issuer, QUICK, Test};

/// `prod` asks this server, by these keys.
pub fn home(server: &Issuer, keys: &str) -> Test {
    at(&format!("{}/api", server.url()), keys)
}

/// `prod` asks at this address, by these keys.
pub fn at(url: &str, keys: &str) -> Test {
    Test::configured(&config(url, keys))
}

pub fn config(url: &str, keys: &str) -> String {
    format!("{QUICK}[profile.prod]\nsource = \"http\"\nurl = \"{url}\"\n{keys}\n")
}

/// A private file.
pub fn put(test: &Test, name: &str, content: &str) -> PathBuf {
    let path = test.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}
