//! What a sink holds: a token, written for those who read it. Each format is safe against any token that there can be.

use super::template::Template;
use crate::secret::Secret;
use crate::settings::{Item, Mistake, Section};
use crate::token::Answer;

/// How a token is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The token alone, without a newline.
    Raw,
    /// What `token get -o json` prints.
    Json,
    /// `Authorization: Bearer TOKEN`
    Header,
    /// `VARIABLE='TOKEN'`, for a shell to read.
    Env { variable: String },
    /// `machine HOST login LOGIN password TOKEN`, a line a host.
    Netrc { machines: Vec<String>, login: String },
    /// A text of the user's own.
    Template(Template),
}

/// The name of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Raw,
    Json,
    Header,
    Env,
    Netrc,
    Template,
}

const KINDS: [(&str, Kind); 6] = [
    ("raw", Kind::Raw),
    ("json", Kind::Json),
    ("header", Kind::Header),
    ("env", Kind::Env),
    ("netrc", Kind::Netrc),
    ("template", Kind::Template),
];

/// The variable of `env`, where nobody names another: that of `token run`.
const VARIABLE: &str = "TOKEN";

impl Format {
    /// Reads `format` and the keys that belong to it. `hosts` and `username` are those of the profile.
    ///
    /// # Errors
    /// The first [`Mistake`] found.
    pub(super) fn from_settings(section: &mut Section<'_>, hosts: &[String], username: &str) -> Result<Self, Mistake> {
        let kind = section.optional("format", |item| item.choice(&KINDS))?.unwrap_or(Kind::Raw);
        let variable = section.optional("variable", |item| of_kind(Kind::Env, kind, item)?.parsed(variable))?;
        let template = section.optional("template", |item| of_kind(Kind::Template, kind, item)?.parsed(Template::parse))?;
        Ok(match kind {
            Kind::Raw => Self::Raw,
            Kind::Json => Self::Json,
            Kind::Header => Self::Header,
            Kind::Env => Self::Env { variable: variable.unwrap_or_else(|| VARIABLE.to_owned()) },
            Kind::Netrc => netrc(section, hosts, username)?,
            Kind::Template => Self::Template(template.ok_or_else(|| section.missing("template"))?),
        })
    }

    /// What the file is to hold.
    pub(super) fn render(&self, answer: &Answer<'_>) -> Secret {
        let token = answer.token.expose();
        Secret::new(match self {
            Self::Raw => token.to_owned(),
            Self::Json => answer.json() + "\n",
            Self::Header => format!("Authorization: {}\n", answer.token.authorization().expose()),
            Self::Env { variable } => format!("{variable}='{}'\n", token.replace('\'', r"'\''")),
            Self::Netrc { machines, login } => {
                let line = |machine: &String| format!("machine {machine} login {} password {}\n", netrc_word(login), netrc_word(token));
                machines.iter().map(line).collect()
            }
            Self::Template(template) => template.render(answer),
        })
    }
}

/// A key that means something to one format only, and so would be forgotten with another.
fn of_kind(wanted: Kind, found: Kind, item: Item<'_>) -> Result<Item<'_>, Mistake> {
    if wanted == found {
        return Ok(item);
    }
    let name = KINDS.iter().find(|(_, kind)| *kind == wanted).map_or("", |(name, _)| name);
    Err(item.mistake(format!("means something only with `format = \"{name}\"`")))
}

/// A name that every shell takes for a variable's.
fn variable(text: &str) -> Result<String, String> {
    let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if text.is_empty() || !is_word || text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("a shell's variable has letters, digits and _ and does not begin with a digit".to_owned());
    }
    Ok(text.to_owned())
}

fn netrc(section: &Section<'_>, hosts: &[String], username: &str) -> Result<Format, Mistake> {
    let mut machines: Vec<String> = Vec::new();
    for machine in hosts.iter().filter(|host| !host.contains('*')).map(|host| without_port(host)) {
        if !machines.iter().any(|known| known == machine) {
            machines.push(machine.to_owned());
        }
    }
    if machines.is_empty() {
        let what = "a netrc file has a line a host, and `hosts` names none without a `*`";
        return Err(section.mistake(what, Some("name them: hosts = [\"api.example.com\"]".to_owned())));
    }
    Ok(Format::Netrc { machines, login: username.to_owned() })
}

/// A host as a netrc file knows it: without a port, an IPv6 address without brackets.
fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

/// A word as every reader of netrc files understands it. Readers differ in what is special, but not over the characters of RFC 6750
/// tokens; the rest is quoted as those who know quotes agree on.
fn netrc_word(word: &str) -> String {
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/=@".contains(c));
    if is_plain { word.to_owned() } else { format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::token::Token;

    fn rendered(format: &Format, token: &str) -> String {
        let mut token = Token::new(token.to_owned()).expect("a token");
        token.expires_at = Some(Timestamp::from_unix_seconds(60));
        token.issued_at = Some(Timestamp::from_unix_seconds(0));
        let profile = "prod".parse().expect("a name");
        let answer = Answer { profile: &profile, source: "env", token: &token, cached: false, now: Timestamp::from_unix_seconds(10) };
        format.render(&answer).expose().to_owned()
    }

    #[test]
    fn each_format_is_written_to_the_byte() {
        let env = Format::Env { variable: "API_TOKEN".to_owned() };
        let netrc = Format::Netrc { machines: vec!["a.example".to_owned(), "::1".to_owned()], login: "oauth2".to_owned() };
        let odd_login = Format::Netrc { machines: vec!["a".to_owned()], login: "o\"#".to_owned() };
        let template = Template::parse("t={token}").map(Format::Template).expect("a template");
        let json = concat!(
            r#"{"version":1,"profile":"prod","token":"abc.~","token_type":"Bearer","expires_at":"1970-01-01T00:01:00Z","#,
            r#""expires_in":50,"issued_at":"1970-01-01T00:00:00Z","scope":null,"source":"env","cached":false}"#,
            "\n"
        );
        let table = [
            (&Format::Raw, "abc.~", "abc.~"),
            (&Format::Json, "abc.~", json),
            (&Format::Header, "abc.~", "Authorization: Bearer abc.~\n"),
            (&env, "abc.~", "API_TOKEN='abc.~'\n"),
            (&env, "'a'$`\\\"", "API_TOKEN=''\\''a'\\''$`\\\"'\n"),
            (&netrc, "abc.~+/=", "machine a.example login oauth2 password abc.~+/=\nmachine ::1 login oauth2 password abc.~+/=\n"),
            (&odd_login, "#a\\\"", "machine a login \"o\\\"#\" password \"#a\\\\\\\"\"\n"),
            (&template, "{x}", "t={x}"),
        ];
        for (format, token, text) in table {
            assert_eq!(rendered(format, token), text, "{format:?}");
        }
    }

    #[test]
    fn a_machine_has_no_port_and_is_named_once() {
        let table =
            [("api.example.com", "api.example.com"), ("api.example.com:8443", "api.example.com"), ("[::1]", "::1"), ("[::1]:8443", "::1")];
        for (host, machine) in table {
            assert_eq!(without_port(host), machine);
        }
    }
}
