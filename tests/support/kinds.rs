//! The kinds of source that ask over HTTP and need nobody at a terminal, each at an endpoint of a test's choice.

use super::home::profile;
use super::rotation::login_profile;
use super::{QUICK, REFRESH, SECRET, Test};

/// One kind of source.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    /// The TOML of a profile `prod` that asks this endpoint, and sends [`SECRET`] or a refresh token there.
    pub profile: fn(&str) -> String,
}

pub const KINDS: [Kind; 5] = [
    Kind { name: "client-credentials", profile: |endpoint| profile("prod", endpoint) },
    Kind { name: "refresh-token", profile: |endpoint| login_profile("prod", endpoint, &format!("\"{REFRESH}-1\"")) },
    Kind {
        name: "token-exchange",
        profile: |endpoint| of("token-exchange", &format!("token_endpoint = \"{endpoint}\"\nsubject_token = \"{SECRET}\"")),
    },
    Kind {
        name: "jwt-bearer",
        profile: |endpoint| of("jwt-bearer", &format!("token_endpoint = \"{endpoint}\"\nassertion = \"{SECRET}\"")),
    },
    Kind { name: "http", profile: |endpoint| of("http", &format!("url = \"{endpoint}\"\nmethod = \"POST\"\nbearer = \"{SECRET}\"")) },
];

fn of(source: &str, keys: &str) -> String {
    format!("[profile.prod]\nsource = \"{source}\"\n{keys}\n")
}

impl Kind {
    /// A home with this profile; failures back off by milliseconds.
    pub fn at(&self, endpoint: &str) -> Test {
        Test::configured(&format!("{QUICK}{}", (self.profile)(endpoint))).named(self.name)
    }
}

/// Each kind with each of these, and what the two are called together.
pub fn each_with<T>(others: &[T], name: impl Fn(&T) -> &str) -> Vec<(String, Kind, &T)> {
    let pairs = others.iter().flat_map(|other| KINDS.iter().map(move |kind| (kind, other)));
    pairs.map(|(kind, other)| (format!("{}: {}", kind.name, name(other)), *kind, other)).collect()
}
