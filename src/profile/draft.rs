//! A profile that is to be written into the configuration: answers in, commented TOML out. Nothing is asked and nothing is written here.
//!
//! It promises that a text is TOML whatever the answers are, and that what it comments out, as worth knowing, would be taken too. Whether
//! the answers make a profile is for the reader of the configuration to say.

use std::fmt::Write as _;

use crate::name::Name;
use crate::source::GrantType;

/// Comments begin here, where what is before them is shorter.
const COMMENTS: usize = 45;

/// The beginning of a configuration.
const HEADING: [&str; 2] = [
    "# Where `token` has its tokens from. `man token-config` explains every key.",
    "# `token status` shows the profiles, `token get NAME` prints a token.",
];

/// What is known of a profile that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its name.
    pub name: Name,
    /// Where its token comes from.
    pub origin: DraftOrigin,
    /// The hosts that front ends hand it to.
    pub hosts: Vec<String>,
    /// How long an answer holds, as a configuration has it.
    pub ttl: Option<String>,
    /// The time limit of one request, as a configuration has it.
    pub request_timeout: Option<String>,
}

/// Where a token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftOrigin {
    /// An issuer, which is asked as this client.
    Client(Box<ClientDraft>),
    /// A command, which prints it.
    Command(Vec<String>),
}

/// A client of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDraft {
    /// How it asks.
    pub grant: GrantType,
    /// The issuer, where that says by itself where it is asked.
    pub issuer: Option<String>,
    /// Where it is asked else: keys and addresses.
    pub endpoints: Vec<(&'static str, String)>,
    /// Who it says it is.
    pub client_id: String,
    /// How it proves that.
    pub credential: Credential,
    /// `client_auth`, where it is not left to the issuer.
    pub client_auth: Option<&'static str>,
    /// The scopes that it asks for.
    pub scope: Vec<String>,
    /// Whom the token is for.
    pub audience: Vec<String>,
    /// The port that a browser comes back to.
    pub redirect_port: Option<u16>,
    /// Certificates of an authority of one's own.
    pub ca_file: Option<String>,
}

/// How a client proves who it is. Never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// It does not.
    None,
    /// By a secret, which is in this place.
    Secret(Place),
    /// By JWTs that are signed with the key in this file.
    KeyFile(String),
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(String),
    /// In the output of a command.
    Command(Vec<String>),
}

impl Draft {
    /// The table of the profile, with `end` at the end of each line.
    #[must_use]
    pub fn table(&self, end: &str) -> String {
        let mut table = Table(vec![format!("[profile.{}]", key(self.name.as_str()))]);
        match &self.origin {
            DraftOrigin::Client(client) => client.describe(&mut table),
            DraftOrigin::Command(command) => {
                table.key("source", &text("exec"), "a command prints the token");
                table.key("command", &list(command), "no shell reads it");
            }
        }
        self.describe(&mut table);
        table.0.iter().fold(String::new(), |text, line| text + line + end)
    }

    /// A whole configuration of this profile alone, which is its default.
    #[must_use]
    pub fn configuration(&self) -> String {
        let mut table = Table(HEADING.map(str::to_owned).into());
        table.key("default", &text(self.name.as_str()), "what is meant where no profile is named");
        table.0.join("\n") + "\n\n" + &self.table("\n")
    }

    /// What every profile may have.
    fn describe(&self, table: &mut Table) {
        let (name, is_command) = (self.name.as_str(), matches!(self.origin, DraftOrigin::Command(_)));
        match &self.ttl {
            Some(ttl) => table.key("ttl", &text(ttl), "how long an answer holds, unless it ends sooner"),
            None if is_command => table.example("ttl", &text("50m"), "how long an answer holds that does not say so [5m]"),
            None => {}
        }
        match &self.request_timeout {
            Some(limit) => table.key("refresh_request_timeout", &text(limit), "how long one answer may take"),
            None if is_command => table.example("refresh_request_timeout", &text("20s"), "how long it may take [5s]"),
            None => {}
        }
        if is_command {
            table.example("interactive", "true", "where somebody has to type something");
        }
        match self.hosts.as_slice() {
            [] => table.example("hosts", &list(&["api.example.com".to_owned()]), "git, docker and others get the token for these only"),
            hosts => table.key("hosts", &list(hosts), "git, docker and others get the token for these only"),
        }
        table.example("sink", &format!("[{{ path = {} }}]", text(&format!("~/.run/{name}.token"))), "a file that always holds the token");
    }
}

impl ClientDraft {
    fn describe(&self, table: &mut Table) {
        let how = match self.grant {
            GrantType::AuthorizationCode => "somebody logs in with a browser, once",
            GrantType::DeviceCode => "somebody logs in on another device, once",
            GrantType::ClientCredentials => "the client speaks for itself",
        };
        table.key("source", &text(self.grant.kind()), how);
        if let Some(issuer) = &self.issuer {
            table.key("issuer", &text(issuer), "says itself where it is asked");
        }
        for (key, address) in &self.endpoints {
            table.key(key, &text(address), "where it is asked");
        }
        table.key("client_id", &text(&self.client_id), "who we are there");
        self.describe_credential(table);
        match self.scope.as_slice() {
            [] => table.example("scope", &list(&["read".to_owned()]), "what the token is to allow"),
            scope => table.key("scope", &list(scope), "what the token is to allow"),
        }
        match self.audience.as_slice() {
            [] => table.example("audience", &text("https://api.example.com"), "whom it is for, where the issuer asks that"),
            [audience] => table.key("audience", &text(audience), "whom it is for"),
            audience => table.key("audience", &list(audience), "whom it is for"),
        }
        match self.redirect_port {
            Some(port) => table.key("redirect_port", &port.to_string(), "the browser comes back to http://127.0.0.1:PORT/callback"),
            None if self.grant == GrantType::AuthorizationCode => {
                table.example("redirect_port", "8400", "where the issuer does not let the port vary");
            }
            None => {}
        }
        if let Some(file) = &self.ca_file {
            table.key("ca_file", &text(file), "whose certificates are trusted, too");
        }
    }

    fn describe_credential(&self, table: &mut Table) {
        match &self.credential {
            Credential::None => {}
            Credential::Secret(Place::Env(variable)) => {
                table.key("client_secret", &format!("{{ env = {} }}", text(variable)), "in the environment of whoever asks");
            }
            Credential::Secret(Place::File(file)) => {
                let is_beside = !file.contains('/');
                let note = if is_beside { "a file beside this one" } else { "a file that only its owner can read" };
                table.key("client_secret", &format!("{{ file = {} }}", text(file)), note);
            }
            Credential::Secret(Place::Command(command)) => {
                table.key("client_secret", &format!("{{ command = {} }}", list(command)), "run when it is needed");
            }
            Credential::KeyFile(file) => {
                table.key("client_assertion", &format!("{{ jwt = {{ key_file = {} }} }}", text(file)), "signed with this key");
            }
        }
        if let Some(method) = self.client_auth {
            table.key("client_auth", &text(method), "how that is sent");
        }
    }
}

/// Lines of TOML, each with what there is to know of it.
struct Table(Vec<String>);

impl Table {
    fn key(&mut self, name: &str, value: &str, note: &str) {
        self.0.push(format!("{:COMMENTS$}  # {note}", format!("{name} = {value}")));
    }

    /// A key that is not set, but worth knowing.
    fn example(&mut self, name: &str, value: &str, note: &str) {
        self.0.push(format!("{:COMMENTS$}  # {note}", format!("# {name} = {value}")));
    }
}

/// A bare key where that will do.
fn key(name: &str) -> String {
    let is_bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare { name.to_owned() } else { text(name) }
}

/// A basic string (TOML 1.0).
pub(super) fn text(value: &str) -> String {
    let mut quoted = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            hidden if hidden.is_control() || crate::error::is_invisible(hidden) => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(hidden));
            }
            plain => quoted.push(plain),
        }
    }
    quoted + "\""
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| text(value)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use toml::de::{DeTable, DeValue};

    use super::*;
    use crate::profile::extend::tests::{client, command, read_text};

    /// A configuration with what it comments out, but for the headings.
    fn uncommented(text: &str) -> String {
        let line = |line: &str| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line).to_owned() + "\n";
        text.lines().map(line).collect()
    }

    #[test]
    fn every_kind_of_answer_makes_a_profile_and_so_do_the_examples() {
        use GrantType::{AuthorizationCode, ClientCredentials, DeviceCode};
        let place = |place| Credential::Secret(place);
        let table = [
            (AuthorizationCode, Credential::None, "authorization-code"),
            (DeviceCode, place(Place::Env("SECRET".to_owned())), "{ env = \"SECRET\" }"),
            (ClientCredentials, place(Place::File("prod.secret".to_owned())), "# a file beside this one"),
            (ClientCredentials, place(Place::Command(vec!["pass".to_owned(), "show".to_owned()])), "{ command = [\"pass\", \"show\"] }"),
            (ClientCredentials, Credential::KeyFile("~/key.pem".to_owned()), "{ jwt = { key_file = \"~/key.pem\" } }"),
        ];
        for (grant, credential, expected) in table {
            let draft = client(grant, credential);
            let text = draft.configuration();
            assert!(text.contains(expected), "{text}");
            for text in [text.clone(), uncommented(&text)] {
                let configuration = read_text(&text).unwrap_or_else(|mistake| panic!("{mistake:?}:\n{text}"));
                let profile = configuration.select(None).expect("the default");
                assert_eq!((profile.name.as_str(), profile.source.kind()), ("prod", grant.kind()));
            }
            let keys = uncommented(&text).lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])).count();
            assert_eq!(text.lines().filter(|line| line.contains("  # ")).count(), keys, "every key has its word:\n{text}");
        }
        let text = command(&["sso-token", "build"]).configuration();
        for text in [text.clone(), uncommented(&text)] {
            assert_eq!(read_text(&text).map(|found| found.profiles().count()), Ok(1), "{text}");
        }
    }

    #[test]
    fn a_profile_is_written_as_people_would() {
        let draft = Draft { hosts: vec!["api.example.com".to_owned()], ttl: Some("10m".to_owned()), ..command(&["mint", "two words"]) };
        let written = "\
[profile.prod]
source = \"exec\"                                # a command prints the token
command = [\"mint\", \"two words\"]                # no shell reads it
ttl = \"10m\"                                    # how long an answer holds, unless it ends sooner
# refresh_request_timeout = \"20s\"              # how long it may take [5s]
# interactive = true                           # where somebody has to type something
hosts = [\"api.example.com\"]                    # git, docker and others get the token for these only
# sink = [{ path = \"~/.run/prod.token\" }]      # a file that always holds the token
";
        assert_eq!(draft.table("\n"), written);
        assert_eq!(draft.table("\r\n"), written.replace('\n', "\r\n"));
        let dotted = Draft { name: "me@example.com".parse().expect("a name"), ..draft };
        assert!(dotted.table("\n").starts_with("[profile.\"me@example.com\"]\n"));
    }

    #[test]
    fn any_text_is_read_as_it_was_given() {
        for value in ["", "plain", "quo\"te", "back\\slash", "\u{1b}[31m", "li\nne\r", "\0\u{7f}\u{9b}\u{202e}", "\u{e9}\u{1f511}'#"] {
            let line = format!("key = {}", text(value));
            let table = DeTable::parse(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
            let found = table.get_ref().get("key").map(|value| value.get_ref().clone());
            assert!(matches!(&found, Some(DeValue::String(found)) if found == value), "{line:?}: {found:?}");
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }
}
