//! A profile of this kind, and files beside it.

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
