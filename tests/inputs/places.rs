//! Where a profile wants a secret or a token, and how to see what arrived there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::issuer::Request;
use crate::support::{Issuer, QUICK, Test};

/// A key that takes an input, in a profile of a kind.
pub struct Place {
    pub name: &'static str,
    /// The keys of the profile; `INPUT` is the input and `ISSUER` the issuer's address.
    keys: &'static str,
    arrived: fn(&Test, &Issuer) -> String,
}

pub const PLACES: [Place; 9] = [
    Place {
        name: "client_secret",
        keys: "source = \"client-credentials\"\ntoken_endpoint = \"ISSUER/token\"\nclient_id = \"ci\"\nclient_auth = \"post\"\nclient_secret = INPUT",
        arrived: |_, issuer| field(&asked(issuer), "client_secret"),
    },
    Place {
        name: "client_assertion",
        keys: "source = \"client-credentials\"\ntoken_endpoint = \"ISSUER/token\"\nclient_id = \"ci\"\nclient_assertion = INPUT",
        arrived: |_, issuer| field(&asked(issuer), "client_assertion"),
    },
    Place {
        name: "headers of a grant",
        keys: "source = \"client-credentials\"\ntoken_endpoint = \"ISSUER/token\"\nclient_id = \"ci\"\nclient_secret = { env = \"OTHER\" }\nheaders = { X-Api-Key = INPUT }",
        arrived: |_, issuer| header(&asked(issuer), "x-api-key"),
    },
    Place {
        name: "subject_token",
        keys: "source = \"token-exchange\"\ntoken_endpoint = \"ISSUER/token\"\nsubject_token = INPUT",
        arrived: |_, issuer| field(&asked(issuer), "subject_token"),
    },
    Place {
        name: "actor_token",
        keys: "source = \"token-exchange\"\ntoken_endpoint = \"ISSUER/token\"\nsubject_token = { env = \"OTHER\" }\nactor_token = INPUT",
        arrived: |_, issuer| field(&asked(issuer), "actor_token"),
    },
    Place {
        name: "bearer",
        keys: "source = \"http\"\nurl = \"ISSUER/api\"\nbearer = INPUT",
        arrived: |_, issuer| header(&asked(issuer), "authorization").strip_prefix("Bearer ").unwrap().to_owned(),
    },
    Place {
        name: "headers of a request",
        keys: "source = \"http\"\nurl = \"ISSUER/api\"\nheaders = { X-Vault-Token = INPUT }",
        arrived: |_, issuer| header(&asked(issuer), "x-vault-token"),
    },
    Place {
        name: "a field of a body",
        keys: "source = \"http\"\nurl = \"ISSUER/api\"\nbody = { secret_id = INPUT }",
        arrived: |_, issuer| {
            let body: serde_json::Value = serde_json::from_str(&asked(issuer).body).unwrap();
            body["secret_id"].as_str().unwrap().to_owned()
        },
    },
    Place {
        name: "the environment of a command",
        keys: "source = \"exec\"\ncommand = [\"sh\", \"-c\", \"printf %s \\\"$GIVEN_TOKEN\\\" >seen; echo token-1\"]\nenv = { GIVEN_TOKEN = INPUT }",
        arrived: |test, _| fs::read_to_string(test.path("seen")).unwrap(),
    },
];

impl Place {
    /// A home whose profile `prod` has this input there, and these profiles beside it.
    pub fn home(&self, issuer: &Issuer, input: &str, others: &str) -> Test {
        let keys = self.keys.replace("ISSUER", &issuer.url()).replace("INPUT", input);
        let test = Test::configured(&format!("{QUICK}[profile.prod]\n{keys}\n{others}"));
        test.env("OTHER", "other")
    }

    /// What arrived with the last request.
    pub fn arrived(&self, test: &Test, issuer: &Issuer) -> String {
        (self.arrived)(test, issuer)
    }

    /// Whether anybody was asked.
    pub fn was_reached(test: &Test, issuer: &Issuer) -> bool {
        issuer.count() > 0 || test.path("seen").exists()
    }
}

fn asked(issuer: &Issuer) -> Request {
    issuer.requests().pop().unwrap()
}

fn header(request: &Request, name: &str) -> String {
    request.header(name).unwrap().to_owned()
}

fn field(request: &Request, name: &str) -> String {
    let mut found: Vec<_> = url::form_urlencoded::parse(request.body.as_bytes()).into_owned().filter(|(known, _)| known == name).collect();
    assert_eq!(found.len(), 1, "{name} in {}", request.body);
    found.remove(0).1
}

/// Puts a file into a home.
pub fn put(test: &Test, name: &str, content: &str, mode: u32) -> PathBuf {
    let path = test.path(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}
