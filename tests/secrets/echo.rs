//! Servers that give back what they were sent, in every way that a careless or a hostile one may.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::canary::{hex, spelt};
use crate::support::Reply;
use crate::support::issuer::Request;

/// How it is given back.
#[derive(Clone, Copy, Debug)]
pub enum Echo {
    /// As `error_description`, and how what was sent is put.
    Described(Form),
    /// As the code of the error.
    AsCode,
    /// The same of the body as a whole.
    WholeBody(Form),
    /// In an error of another status, without JSON.
    AsPage,
    /// As a token that is none.
    AsToken,
    /// As every header of the answer.
    AsHeaders,
    /// As the type of the token.
    AsType,
}

#[derive(Clone, Copy, Debug)]
pub enum Form {
    Plain,
    /// As it goes over the wire.
    Sent,
    Base64,
    Base64Url,
    /// With one and two characters ahead, as in `id:secret`.
    Shifted(usize),
    Hex,
    UpperHex,
    Percent,
    /// With escapes for a terminal, an OSC 52 and marks of direction amid each value.
    Hostile,
    /// `secret:id`.
    Swapped,
}

pub const ALL: [Echo; 19] = [
    Echo::Described(Form::Plain),
    Echo::Described(Form::Sent),
    Echo::Described(Form::Base64),
    Echo::Described(Form::Base64Url),
    Echo::Described(Form::Shifted(1)),
    Echo::Described(Form::Shifted(2)),
    Echo::Described(Form::Hex),
    Echo::Described(Form::UpperHex),
    Echo::Described(Form::Percent),
    Echo::Described(Form::Hostile),
    Echo::Described(Form::Swapped),
    Echo::WholeBody(Form::Sent),
    Echo::WholeBody(Form::Base64),
    Echo::WholeBody(Form::Hex),
    Echo::AsCode,
    Echo::AsPage,
    Echo::AsToken,
    Echo::AsHeaders,
    Echo::AsType,
];

impl Echo {
    pub fn reply(self, request: &Request) -> Reply {
        let values = values(request);
        let all = values.join(" ");
        match self {
            Self::Described(form) => {
                let texts: Vec<String> = values.iter().map(|value| form.put(value)).collect();
                let answer = json!({"error": "invalid_request", "error_description": texts.join(" ")});
                Reply::json(answer.to_string()).with_status(400)
            }
            Self::WholeBody(form) => {
                let answer = json!({"error": "invalid_request", "error_description": form.put(&request.body)});
                Reply::json(answer.to_string()).with_status(400)
            }
            Self::AsCode => Reply::json(json!({"error": all}).to_string()).with_status(400),
            Self::AsPage => Reply::bytes(format!("<html>{all}</html>")).with_status(500),
            Self::AsToken => Reply::json(json!({"access_token": format!("{all} "), "expires_in": 60}).to_string()),
            Self::AsType => Reply::json(json!({"access_token": "x", "token_type": all, "expires_in": 60}).to_string()),
            Self::AsHeaders => {
                let value = all.replace(['\r', '\n'], " ");
                Reply::oauth(401, "invalid_client")
                    .header("WWW-Authenticate", &value)
                    .header("Retry-After", &value)
                    .header("Location", &value)
            }
        }
    }
}

impl Form {
    fn put(self, value: &str) -> String {
        match self {
            Self::Plain => format!("what is {value}?"),
            Self::Sent => format!("what is {}?", url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()),
            Self::Base64 => STANDARD.encode(value),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(value),
            Self::Shifted(by) => STANDARD.encode(format!("{}{value}", &"?:"[..by])),
            Self::Hex => hex(value),
            Self::UpperHex => hex(value).to_uppercase(),
            Self::Percent => spelt(value, "%"),
            Self::Hostile => {
                let (head, tail) = value.split_at(value.len() / 2);
                format!("\u{1b}]52;c;aGk=\u{7}\u{202e}{head}\u{1b}[31m\u{200b}\0{tail}")
            }
            Self::Swapped => STANDARD.encode(format!("{value}:ci")),
        }
    }
}

/// The secrets that were sent, in fields of the form, in headers and in the body, plain and unwrapped. The shortest come first, so that none
/// is beyond what is shown.
fn values(request: &Request) -> Vec<String> {
    let fields = request.form().into_values();
    let headers = request.headers.iter().map(|(_, value)| value.clone());
    let unwrapped = request.header("authorization").and_then(|value| {
        let pair = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
        let (_, secret) = String::from_utf8(pair).ok()?.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))?;
        Some(url::form_urlencoded::parse(format!("x={secret}").as_bytes()).next()?.1.into_owned())
    });
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let all = fields.chain(headers).chain(unwrapped).chain(bearer).chain([request.body.clone()]);
    let mut all: Vec<String> = all.filter(|value| value.contains("Canary")).collect();
    all.sort_by_key(String::len);
    all.dedup();
    all
}
