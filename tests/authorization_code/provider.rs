//! An issuer with an authorization endpoint, where whoever comes is somebody who agrees at once. It hands out a code for each visit and
//! takes each once, with the verifier that belongs to it (RFC 7636 §4.6).

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use url::Url;

use crate::support::issuer::Request;
use crate::support::{Issuer, Reply};

/// Every code begins so, and every refresh token: they must turn up in requests and files of ours, and nowhere on a screen.
pub const CODE: &str = "c0de-c4nary";
pub const REFRESH: &str = "r3fresh-c4nary";

/// The query of an address, or the fields of a form.
pub type Fields = HashMap<String, String>;

#[derive(Default)]
struct Books {
    /// Authorization requests, each with the code that it was given.
    visits: Vec<(Fields, String)>,
    redeemed: Vec<String>,
    /// The verifiers that were posted.
    verifiers: Vec<String>,
    /// The number of the refresh token that is good; none where 0.
    refresh: usize,
    tokens: usize,
    /// What every code is followed by.
    tail: String,
    /// What is said instead of giving a code.
    refusal: Option<(String, String)>,
    /// Whether nothing is said about who issued a code.
    is_anonymous: bool,
}

pub struct Provider {
    pub issuer: Issuer,
    books: Arc<Mutex<Books>>,
}

impl Provider {
    pub fn start() -> Self {
        let books = Arc::new(Mutex::new(Books::default()));
        let kept = Arc::clone(&books);
        Self { issuer: Issuer::judging(move |request| kept.lock().unwrap().judge(request)), books }
    }

    /// One whose codes are followed by this.
    pub fn with_codes_ending_in(tail: &str) -> Self {
        let provider = Self::start();
        tail.clone_into(&mut provider.books().tail);
        provider
    }

    /// One where nobody agrees.
    pub fn refusing(code: &str, description: &str) -> Self {
        let provider = Self::start();
        provider.books().refusal = Some((code.to_owned(), description.to_owned()));
        provider
    }

    /// One that says, where it is discovered, that it names itself in every answer (RFC 9207); `keeps_its_word` or not.
    pub fn naming_itself(keeps_its_word: bool) -> Self {
        let provider = Self::start();
        provider.books().is_anonymous = !keeps_its_word;
        let url = provider.issuer.url();
        provider.issuer.script_at(
            "/.well-known/openid-configuration",
            [Reply::json(format!(
                r#"{{"issuer":"{url}","token_endpoint":"{url}/token","authorization_endpoint":"{url}/authorize","authorization_response_iss_parameter_supported":true}}"#
            ))],
        );
        provider
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// A profile `prod` with these keys beside the usual ones, and no issuer.
    pub fn profile(&self, keys: &str) -> String {
        let url = self.issuer.url();
        format!(
            "[profile.prod]\nsource = \"authorization-code\"\nclient_id = \"cli\"\n\
             authorization_endpoint = \"{url}/authorize\"\ntoken_endpoint = \"{url}/token\"\n{keys}\n"
        )
    }

    /// The same, discovered.
    pub fn discovered_profile(&self, keys: &str) -> String {
        format!("[profile.prod]\nsource = \"authorization-code\"\nclient_id = \"cli\"\nissuer = \"{}\"\n{keys}\n", self.issuer.url())
    }

    /// Forgets every login.
    pub fn forget(&self) {
        self.books().refresh = 0;
    }

    /// How often somebody came to log in.
    pub fn visits(&self) -> usize {
        self.books().visits.len()
    }

    /// How often the token endpoint was asked.
    pub fn posts(&self) -> usize {
        self.issuer.requests_at("/token").len()
    }

    /// What has to stay between us and the provider.
    pub fn secrets(&self) -> Vec<String> {
        let books = self.books();
        let codes = books.visits.iter().map(|(_, code)| code.clone());
        codes.chain(books.verifiers.iter().cloned()).chain([REFRESH.to_owned()]).collect()
    }
}

impl Books {
    fn judge(&mut self, request: &Request) -> Reply {
        match request.path.split('?').next() {
            Some("/authorize") => self.authorize(&format!("http://{}", request.header("host").unwrap()), fields(&request.path)),
            Some("/token") => self.token(request),
            _ => Reply::status(404),
        }
    }

    fn authorize(&mut self, issuer: &str, asked: Fields) -> Reply {
        let mut redirect: Url = asked["redirect_uri"].parse().unwrap();
        let code = format!("{CODE}-{}{}", self.visits.len() + 1, self.tail);
        match &self.refusal {
            Some((error, description)) => {
                redirect.query_pairs_mut().append_pair("error", error).append_pair("error_description", description);
            }
            None => drop(redirect.query_pairs_mut().append_pair("code", &code)),
        }
        redirect.query_pairs_mut().append_pair("state", &asked["state"]);
        if !self.is_anonymous {
            redirect.query_pairs_mut().append_pair("iss", issuer);
        }
        self.visits.push((asked, code));
        Reply::redirect(302, redirect.as_str())
    }

    fn token(&mut self, request: &Request) -> Reply {
        let form: Fields = url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        let is_good = match form["grant_type"].as_str() {
            "authorization_code" => self.redeems(&form),
            "refresh_token" => self.refresh > 0 && form["refresh_token"] == format!("{REFRESH}-{}", self.refresh),
            other => panic!("the grant {other}"),
        };
        if !is_good {
            return Reply::oauth(400, "invalid_grant");
        }
        (self.tokens, self.refresh) = (self.tokens + 1, self.refresh + 1);
        Reply::json(format!(
            r#"{{"access_token":"token-{}","token_type":"Bearer","expires_in":3600,"refresh_token":"{REFRESH}-{}"}}"#,
            self.tokens, self.refresh
        ))
    }

    /// Whether this is the first time for a code of ours, and from whoever asked for it.
    fn redeems(&mut self, form: &Fields) -> bool {
        self.verifiers.push(form["code_verifier"].clone());
        let Some((asked, code)) = self.visits.iter().find(|(_, code)| *code == form["code"]) else { return false };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
        let is_first = !self.redeemed.contains(code);
        self.redeemed.push(code.clone());
        is_first
            && asked["code_challenge_method"] == "S256"
            && asked["code_challenge"] == challenge
            && asked["redirect_uri"] == form["redirect_uri"]
            // A client that proves who it is need not say so (RFC 6749 §4.1.3).
            && form.get("client_id").is_none_or(|client_id| *client_id == asked["client_id"])
    }
}

/// The query of an address.
pub fn fields(address: &str) -> Fields {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// What a server on this machine answers to this.
pub fn ask(port: u16, sent: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.write_all(sent.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// What is there at an address on this machine, as a browser asks for it.
pub fn get(address: &str) -> String {
    let url: Url = address.parse().unwrap();
    let target = &address[address.find(url.path()).unwrap()..];
    let port = url.port().expect("a port");
    ask(port, &format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/html\r\n\r\n"))
}

/// Where a browser ends that opens this address of the provider: the address of the answer, which is not opened.
pub fn log_in_at(address: &str) -> String {
    let page = get(address);
    let location = page.lines().find_map(|line| line.strip_prefix("Location: "));
    location.unwrap_or_else(|| panic!("no redirect: {page}")).to_owned()
}
