//! Google: an executable-sourced credential (`external_account`, AIP-4117). What it asks is in the environment, the answer is one JSON
//! object, a failure too, with exit status 0. Google's Python library reads standard error as part of the answer: nothing goes there.

use std::time::Duration;

use serde::Serialize;

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Unfit, json};
use crate::error::{one_line, visible};
use crate::secret::Secret;

const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";

/// The library gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(25);

/// What is said of a token that does not expire, where an expiry has to be said.
const SOME_TIME: Duration = Duration::from_secs(3600);

/// The variables by which Google asks.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE`.
    pub token_type: Option<String>,
    /// `GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE`.
    pub interactive: Option<String>,
    /// `GOOGLE_EXTERNAL_ACCOUNT_REVOKE`.
    pub revoke: Option<String>,
    /// Whether there is `GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE`: then an answer has to say when it expires. The file is not written; our
    /// cache answers as fast.
    pub has_output_file: bool,
}

/// What Google asks.
#[derive(Clone, Debug)]
pub struct Exchange(Environment);

#[derive(Serialize)]
struct Given<'a> {
    version: u32,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saml_response: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<i64>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    version: u32,
    success: bool,
    code: &'a str,
    message: String,
}

const SUCCESS: Given<'_> =
    Given { version: 1, success: true, token_type: None, id_token: None, saml_response: None, expiration_time: None };

impl Exchange {
    /// What these variables say.
    #[must_use]
    pub const fn new(environment: Environment) -> Self {
        Self(environment)
    }

    fn token_type(&self) -> &str {
        self.0.token_type.as_deref().filter(|kind| !kind.is_empty()).unwrap_or(ID_TOKEN)
    }
}

fn refusal(code: &str, message: &str) -> Answer {
    Answer::said(json(&Refusal { version: 1, success: false, code, message: visible(message) }))
}

fn is_set(variable: Option<&String>) -> bool {
    variable.is_some_and(|value| value == "1")
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        match self.token_type() {
            _ if is_set(self.0.revoke.as_ref()) => Ok(Request::new(Act::Forget, Place::Unnamed)),
            ID_TOKEN | JWT | SAML2 => Ok(Request::new(Act::Get, Place::Unnamed)),
            // Error: The audience in the file of Google's libraries asks for something else than a JWT or an access token. To do: make
            // the file by `token helper setup google`.
            other => Err(Malformed::new(format!("Google wants a token of the type `{}`, which no command can give", one_line(other)))),
        }
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        let token = Some(offer.token.expose());
        let answer = match self.token_type() {
            kind @ (ID_TOKEN | JWT) => Given { token_type: Some(kind), id_token: token, ..SUCCESS },
            _ => Given { token_type: Some(SAML2), saml_response: token, ..SUCCESS },
        };
        let some_time = || self.0.has_output_file.then(|| offer.now.after(SOME_TIME));
        let expiration_time = offer.expiry().or_else(some_time).map(crate::clock::Timestamp::unix_seconds);
        Ok(json(&Given { expiration_time, ..answer }))
    }

    fn nothing(&self) -> Answer {
        refusal("NO_PROFILE", "no profile is configured for this")
    }

    fn failed(&self, reason: &str, status: u8) -> Answer {
        refusal(&format!("TOKEN_{status}"), reason)
    }

    fn done(&self) -> Answer {
        Answer::said(json(&SUCCESS))
    }

    fn has_stderr(&self) -> bool {
        false
    }

    fn reads_stderr(&self) -> bool {
        true
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE).filter(|_| !self.waits_for_people())
    }

    fn waits_for_people(&self) -> bool {
        is_set(self.0.interactive.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{handed, lasting, offer, token};
    use super::*;

    fn exchange(token_type: &str) -> Exchange {
        Exchange::new(Environment { token_type: Some(token_type.to_owned()), ..Environment::default() })
    }

    #[test]
    fn the_answer_is_exact() {
        const BEGINNING: &str = "{\"version\":1,\"success\":true";
        const END: &str = ",\"expiration_time\":1795352390}\n";
        let table = [
            (ID_TOKEN, ",\"token_type\":\"urn:ietf:params:oauth:token-type:id_token\",\"id_token\":\"token-1\""),
            ("", ",\"token_type\":\"urn:ietf:params:oauth:token-type:id_token\",\"id_token\":\"token-1\""),
            (JWT, ",\"token_type\":\"urn:ietf:params:oauth:token-type:jwt\",\"id_token\":\"token-1\""),
            (SAML2, ",\"token_type\":\"urn:ietf:params:oauth:token-type:saml2\",\"saml_response\":\"token-1\""),
        ];
        for (kind, token_part) in table {
            assert_eq!(handed(&exchange(kind), &offer(&token(), None)), format!("{BEGINNING}{token_part}{END}"), "{kind}");
        }
        assert!(exchange("urn:ietf:params:oauth:token-type:access_token").request().is_err());
        let failed = exchange(JWT).failed("prod: the issuer\nrefused", 4);
        let text = "{\"version\":1,\"success\":false,\"code\":\"TOKEN_4\",\"message\":\"prod: the issuer refused\"}\n";
        assert_eq!((failed.text.expose(), failed.status), (text, 0));
    }

    #[test]
    fn what_does_not_expire_expires_where_that_has_to_be_said() {
        let with_file = Exchange::new(Environment { has_output_file: true, ..Environment::default() });
        assert!(handed(&with_file, &offer(&lasting(), None)).contains("\"expiration_time\":1795352400}"));
        assert!(!handed(&exchange(JWT), &offer(&lasting(), None)).contains("expiration_time"));
    }

    #[test]
    fn it_may_be_revoked() {
        let revoking = Exchange::new(Environment { revoke: Some("1".to_owned()), ..Environment::default() });
        assert_eq!(revoking.request().map(|request| request.act), Ok(Act::Forget));
        assert_eq!(revoking.done().text.expose(), "{\"version\":1,\"success\":true}\n");
        let plain = Exchange::new(Environment { revoke: Some("0".to_owned()), ..Environment::default() });
        assert_eq!(plain.request().map(|request| request.act), Ok(Act::Get));
    }
}
