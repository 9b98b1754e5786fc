//! AWS: `credential_process`. The token of such a profile is itself the document that AWS wants, as one line of JSON: access key, secret key,
//! session token, expiry. AWS names no host.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Unfit, json};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// botocore asks again from 15 minutes before expiry on, at each call: what lives longer is renewed before that.
const ADVISORY: Duration = Duration::from_secs(16 * 60);

/// What AWS asks: always the same.
#[derive(Clone, Copy, Debug)]
pub struct Process;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    #[serde(default)]
    version: Option<u64>,
    #[serde(borrow)]
    access_key_id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    secret_access_key: std::borrow::Cow<'a, str>,
    /// As instance metadata calls it.
    #[serde(alias = "Token", borrow, default)]
    session_token: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    expiration: Option<std::borrow::Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    version: u64,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

impl Document<'_> {
    /// Its own expiry, which AWS takes care to be ahead of by itself, or the token's.
    fn expiration(&self, offer: &Offer<'_>) -> Option<String> {
        let own = self.expiration.as_deref().and_then(Timestamp::parse_rfc3339);
        own.map_or_else(|| offer.expiry_text(), Timestamp::rfc3339)
    }
}

impl Protocol for Process {
    fn request(&self) -> Result<Request, Malformed> {
        Ok(Request::new(Act::Get, Place::Unnamed))
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        // Error: AWS's tools want keys, and the profile's source answers with a bare token. To do: use a source that prints the document,
        // with `token = ""` for `http`.
        let no_document = || Unfit("its token is not a document of AWS credentials: JSON with AccessKeyId and SecretAccessKey".to_owned());
        let document: Document<'_> = serde_json::from_str(offer.token.expose()).map_err(|_| no_document())?;
        let texts = [Some(&document.access_key_id), Some(&document.secret_access_key), document.session_token.as_ref()];
        let is_sound = texts.into_iter().flatten().all(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()));
        if !is_sound || document.version.is_some_and(|version| version != 1) {
            return Err(no_document());
        }
        Ok(json(&Credentials {
            version: 1,
            access_key_id: &document.access_key_id,
            secret_access_key: &document.secret_access_key,
            session_token: document.session_token.as_deref(),
            expiration: document.expiration(offer),
        }))
    }

    fn nothing(&self) -> Answer {
        Answer::silent(2)
    }

    fn failed(&self, _: &str, status: u8) -> Answer {
        Answer::silent(status)
    }

    /// What lives for less than twice as long is renewed at half its life.
    fn margin(&self, lifetime: Duration) -> Option<Duration> {
        Some(ADVISORY.min(lifetime / 2))
    }

    fn waits_for_people(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, handed, lasting, offer};
    use super::*;
    use crate::token::Token;

    fn of(document: &str, expires_in: Option<u64>) -> String {
        let mut token = Token::new(document.to_owned()).expect("a token");
        token.expires_at = expires_in.map(|seconds| NOW.after(Duration::from_secs(seconds)));
        handed(&Process, &offer(&token, None))
    }

    #[test]
    fn the_answer_is_exact() {
        let keys = r#""AccessKeyId":"AKIA","SecretAccessKey":"s/+=","#;
        let table = [
            (format!(r#"{{"Version":1,{keys}"SessionToken":"t","Expiration":"2026-11-22T13:00:00Z"}}"#), None),
            (
                format!(r#"{{{keys}"Token":"t","Expiration":"2026-11-22T14:00:00.5+01:00","Type":"AWS-HMAC","LastUpdated":"x"}}"#),
                Some(3600),
            ),
        ];
        let expected = "{\"Version\":1,\"AccessKeyId\":\"AKIA\",\"SecretAccessKey\":\"s/+=\",\"SessionToken\":\"t\",\"Expiration\":\"2026-11-22T13:00:00Z\"}\n";
        for (document, expires_in) in table {
            assert_eq!(of(&document, expires_in), expected, "{document}");
        }
        let told = of(r#"{"AccessKeyId":"a","SecretAccessKey":"b"}"#, Some(3600));
        assert_eq!(told, "{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Expiration\":\"2026-11-22T12:59:50Z\"}\n");
        let lasting = of(r#"{"AccessKeyId":"a","SecretAccessKey":"b"}"#, None);
        assert_eq!(lasting, "{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}\n");
    }

    #[test]
    fn other_tokens_are_none() {
        for document in [
            "token-1",
            "{}",
            r#"{"AccessKeyId":"a"}"#,
            r#"{"AccessKeyId":1,"SecretAccessKey":"b"}"#,
            r#"{"AccessKeyId":"","SecretAccessKey":"b"}"#,
            r#"{"AccessKeyId":"a\n","SecretAccessKey":"b"}"#,
            r#"{"AccessKeyId":"a","SecretAccessKey":"b\u0000"}"#,
            r#"{"Version":2,"AccessKeyId":"a","SecretAccessKey":"b"}"#,
        ] {
            assert!(of(document, None).starts_with("unfit: "), "{document}");
        }
        assert!(Process.token(&offer(&lasting(), None)).is_err());
    }

    #[test]
    fn what_lives_long_is_renewed_before_aws_asks() {
        for (lifetime, expected) in [(3600, 960), (43_200, 960), (900, 450)] {
            assert_eq!(Process.margin(Duration::from_secs(lifetime)), Some(Duration::from_secs(expected)), "{lifetime}");
        }
    }
}
