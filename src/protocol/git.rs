//! git: a credential helper (gitcredentials(7), git-credential(1)). `key=value` lines, ended by an empty one or the end of the input.
//!
//! A line ends at LF only. One with CR or NUL, one without `=`, and one that says twice what can be said once make the whole no request:
//! then there is nothing to offer, and git asks the next helper. A token is never sent with `oauth_refresh_token`, which git would
//! broadcast.

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Target, Unfit, text};
use crate::secret::Secret;

/// What git asks.
#[derive(Clone, Debug)]
pub struct Exchange {
    operation: Operation,
    fields: Fields,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Get,
    Erase,
    Capability,
    /// `store`, and what git may think of yet: to be ignored.
    Other,
    Missing,
}

impl Operation {
    fn of(arguments: &[String]) -> Self {
        match arguments.last().map(String::as_str) {
            Some("get") => Self::Get,
            Some("erase") => Self::Erase,
            Some("capability") => Self::Capability,
            Some(_) => Self::Other,
            None => Self::Missing,
        }
    }
}

/// What git says of a credential, as far as it is of use.
#[derive(Clone, Debug, Default)]
struct Fields {
    protocol: Option<String>,
    host: Option<String>,
    /// The credential itself, for `erase`.
    secret: Option<Secret>,
    /// Whether git understands `authtype`.
    has_authtype: bool,
    /// The schemes that the server asked for.
    challenges: Vec<String>,
}

/// Whether `input` holds all of a request.
#[must_use]
pub fn is_whole(input: &[u8]) -> bool {
    input.starts_with(b"\n") || input.windows(2).any(|pair| pair == b"\n\n")
}

impl Exchange {
    /// The operation is the last of `arguments`.
    #[must_use]
    pub fn new(arguments: &[String], input: &[u8]) -> Self {
        Self { operation: Operation::of(arguments), fields: Fields::parse(input).unwrap_or_default() }
    }

    /// Whether the operation has an input.
    #[must_use]
    pub fn has_input(arguments: &[String]) -> bool {
        !matches!(Operation::of(arguments), Operation::Capability | Operation::Missing)
    }

    /// Whether the token goes as it is, with its scheme, or as a password. git before 2.46 knows only passwords, and where a server asks
    /// for Basic and not for our scheme, it takes the token as a password only.
    fn is_verbatim(&self, scheme: &str) -> bool {
        let asks_for = |scheme: &str| self.fields.challenges.iter().any(|challenge| challenge.eq_ignore_ascii_case(scheme));
        self.fields.has_authtype && (asks_for(scheme) || !asks_for("Basic"))
    }
}

impl Fields {
    fn parse(input: &[u8]) -> Option<Self> {
        let mut fields = Self::default();
        for line in text(input)?.split('\n').take_while(|line| !line.is_empty()) {
            fields.take(line)?;
        }
        Some(fields)
    }

    /// `None` where the line belongs to no request.
    fn take(&mut self, line: &str) -> Option<()> {
        let (key, value) = line.split_once('=').filter(|_| !line.contains(['\r', '\0']))?;
        match key {
            "protocol" => once(&mut self.protocol, value.to_owned()),
            "host" => once(&mut self.host, value.to_owned()),
            "password" | "credential" => once(&mut self.secret, Secret::new(value.to_owned())),
            "capability[]" => {
                self.has_authtype |= value == "authtype";
                Some(())
            }
            // An empty value begins a list anew.
            "wwwauth[]" if value.is_empty() => {
                self.challenges.clear();
                Some(())
            }
            "wwwauth[]" => {
                self.challenges.extend(value.split([' ', ',']).next().map(str::to_owned));
                Some(())
            }
            _ => Some(()),
        }
    }

    fn place(&self) -> Place {
        let (Some(protocol), Some(host)) = (&self.protocol, &self.host) else { return Place::Nowhere };
        // What has more than a host is no host.
        let authority = Some(host).filter(|host| !host.contains(['/', '@', '?', '#']));
        Place::of(authority.and_then(|host| Target::of(protocol, host)))
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        let place = self.fields.place();
        match (self.operation, &self.fields.secret) {
            (Operation::Get, _) => Ok(Request::new(Act::Get, place)),
            (Operation::Erase, Some(secret)) => Ok(Request::new(Act::Reject(secret.clone()), place)),
            (Operation::Erase | Operation::Capability | Operation::Other, _) => Ok(Request::nothing()),
            // Error: The helper was not called as git calls it. To do: set it up by `token helper setup git`.
            (Operation::Missing, _) => Err(Malformed::new("git names an operation last: get, store, erase or capability")),
        }
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        let (scheme, token) = (offer.scheme()?, offer.token.expose());
        let expiry = offer.expiry().map(|expiry| format!("password_expiry_utc={}\n", expiry.unix_seconds())).unwrap_or_default();
        Ok(Secret::new(if self.is_verbatim(scheme) {
            format!("capability[]=authtype\nauthtype={scheme}\ncredential={token}\nephemeral=1\n{expiry}")
        } else {
            format!("username={}\npassword={token}\n{expiry}", offer.username()?)
        }))
    }

    fn nothing(&self) -> Answer {
        Answer::silent(0)
    }

    /// It is ours, so that nobody else is to be asked for it.
    fn failed(&self, _: &str, status: u8) -> Answer {
        match self.operation {
            Operation::Get => Answer { status, ..Answer::plain("quit=1\n") },
            _ => Answer::silent(status),
        }
    }

    /// It may be somebody else's.
    fn unknown(&self, _: &str, status: u8) -> Answer {
        Answer::silent(status)
    }

    fn done(&self) -> Answer {
        match self.operation {
            Operation::Capability => Answer::plain("version 0\ncapability authtype\n"),
            _ => Answer::silent(0),
        }
    }

    fn waits_for_people(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{handed, lasting, offer, place, token};
    use super::*;

    const PLACE: &str = "protocol=https\nhost=git.example.com\n";

    fn exchange(operation: &str, input: &str) -> Exchange {
        Exchange::new(&[operation.to_owned()], input.as_bytes())
    }

    #[test]
    fn the_answer_is_exact() {
        const BASIC: &str = "username=oauth2\npassword=token-1\npassword_expiry_utc=1795352390\n";
        const BEARER: &str = "capability[]=authtype\nauthtype=Bearer\ncredential=token-1\nephemeral=1\npassword_expiry_utc=1795352390\n";
        let table = [
            ("", BASIC),
            ("capability[]=state\n", BASIC),
            ("capability[]=authtype\ncapability[]=state\n", BEARER),
            ("capability[]=authtype\nwwwauth[]=Bearer realm=\"x\"\nwwwauth[]=Basic realm=\"x\"\n", BEARER),
            ("capability[]=authtype\nwwwauth[]=bearer\n", BEARER),
            ("capability[]=authtype\nwwwauth[]=Negotiate\n", BEARER),
            ("capability[]=authtype\nwwwauth[]=Basic realm=\"x\"\n", BASIC),
            ("capability[]=authtype\nwwwauth[]=Basic realm=\"x\"\nwwwauth[]=\n", BEARER),
            ("wwwauth[]=Bearer\n", BASIC),
        ];
        for (more, expected) in table {
            assert_eq!(handed(&exchange("get", &format!("{PLACE}{more}\n")), &offer(&token(), None)), expected, "{more}");
        }
        let lasting = lasting();
        assert_eq!(handed(&exchange("get", PLACE), &offer(&lasting, None)), "username=oauth2\npassword=token-1\n");
        let own_scheme = handed(&exchange("get", &format!("{PLACE}capability[]=authtype\n")), &offer(&lasting, Some("token")));
        assert_eq!(own_scheme, "capability[]=authtype\nauthtype=token\ncredential=token-1\nephemeral=1\n");
        assert_eq!(exchange("capability", "").done().text.expose(), "version 0\ncapability authtype\n");
    }

    #[test]
    fn what_would_end_a_line_is_not_printed() {
        let token = token();
        for text in ["a\nhost=evil", "a\r", "a\0", "\u{85}"] {
            let user = Offer { username: text, ..offer(&token, None) };
            let scheme = offer(&token, Some(text));
            for unfit in [user, scheme] {
                assert!(exchange("get", PLACE).token(&unfit).is_err(), "{text:?}");
            }
        }
    }

    #[test]
    fn only_a_sound_request_has_a_place() {
        let git = place("https://git.example.com");
        let table = [
            (PLACE.to_owned(), git.clone()),
            (format!("{PLACE}\nhost=evil.com\n"), git.clone()),
            (format!("{PLACE}path=a/b.git\nusername=me\nunknown=x\nempty=\n\n"), git.clone()),
            (format!("{PLACE}x={}\n", "y".repeat(65_536)), git.clone()),
            ("protocol=https\nhost=git.example.com:8443\n".to_owned(), place("https://git.example.com:8443")),
            ("protocol=http\nhost=localhost:8080".to_owned(), place("http://localhost:8080")),
            ("protocol=http\nhost=git.example.com\n".to_owned(), Place::Nowhere),
            ("protocol=smtp\nhost=git.example.com:587\n".to_owned(), Place::Nowhere),
            ("protocol=https\n".to_owned(), Place::Nowhere),
            ("host=git.example.com\n".to_owned(), Place::Nowhere),
            (String::new(), Place::Nowhere),
            (format!("\n{PLACE}"), Place::Nowhere),
            (format!("{PLACE}host=git.example.com\n"), Place::Nowhere),
            (format!("{PLACE}x=a\rb\n"), Place::Nowhere),
            (format!("{PLACE}x=\0\n"), Place::Nowhere),
            (format!("{PLACE}no key\n"), Place::Nowhere),
            (PLACE.replace('\n', "\r\n"), Place::Nowhere),
            ("protocol=https\nhost=git.example.com/x\n".to_owned(), Place::Nowhere),
            ("protocol=https\nhost=me@git.example.com\n".to_owned(), Place::Nowhere),
        ];
        for (input, place) in table {
            assert_eq!(exchange("get", &input).request(), Ok(Request::new(Act::Get, place)), "{input:?}");
        }
        assert_eq!(Exchange::new(&["get".to_owned()], b"protocol=https\nhost=\xff").request(), Ok(Request::new(Act::Get, Place::Nowhere)));
    }

    #[test]
    fn a_refused_credential_is_named() {
        let rejected = |name: &str| {
            let request = exchange("erase", &format!("{PLACE}username=oauth2\n{name}=token-1\n")).request();
            request.map(|request| (request.act, request.place))
        };
        for name in ["password", "credential"] {
            assert_eq!(rejected(name), Ok((Act::Reject(Secret::new("token-1".into())), place("https://git.example.com"))));
        }
        for (operation, input) in [("erase", PLACE), ("store", PLACE), ("capability", ""), ("forget", PLACE)] {
            assert_eq!(exchange(operation, input).request(), Ok(Request::nothing()), "{operation}");
        }
        assert!(Exchange::new(&[], b"").request().is_err());
    }

    #[test]
    fn a_request_ends_at_an_empty_line() {
        for (input, whole) in [("", false), ("\n", true), ("a=b\n", false), ("a=b\n\n", true), ("a=b\n\nc", true)] {
            assert_eq!(is_whole(input.as_bytes()), whole, "{input:?}");
        }
    }

    #[test]
    fn a_failure_ends_the_search_where_it_is_ours() {
        let told = |answer: Answer| (answer.text.expose().to_owned(), answer.status);
        assert_eq!(told(exchange("get", PLACE).failed("no", 5)), ("quit=1\n".to_owned(), 5));
        assert_eq!(told(exchange("get", PLACE).unknown("no", 2)), (String::new(), 2));
        assert_eq!(told(exchange("get", PLACE).nothing()), (String::new(), 0));
    }
}
