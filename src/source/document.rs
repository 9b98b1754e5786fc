//! A token that is a JSON document: the credentials of AWS, for one, which are several values and their `Expiration`. It is handed on
//! as it came but for its spaces, because no token has any: those between values are left out and those within texts are escaped.

use super::answer::object_without_duplicates;
use super::expiry::time;
use crate::clock::Timestamp;
use crate::token::Token;

/// `text` as such a token, with the expiry that it states; `None` where it is no JSON object.
///
/// # Errors
/// What is wrong with it, to follow "the answer is unusable".
pub(super) fn read(text: &str) -> Option<Result<(Token, Option<Timestamp>), String>> {
    let object = object_without_duplicates(text.as_bytes()).ok()?;
    let stated = object.get("Expiration").filter(|value| !value.is_null());
    let expires_at = match stated.map(time) {
        None => None,
        Some(Some(time)) => Some(time),
        Some(None) => return Some(Err("its `Expiration` is no time".to_owned())),
    };
    let token = Token::new(compact(text)).map_err(|error| error.to_string());
    Some(token.map(|token| (token, expires_at)))
}

/// The same JSON in visible characters alone. Numbers and the order of keys stay as they are: whoever signs a document signs those.
fn compact(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let (mut is_text, mut is_escaped) = (false, false);
    for character in json.chars() {
        let is_visible = character.is_ascii_graphic();
        match character {
            '"' if !is_escaped => {
                is_text = !is_text;
                compact.push('"');
            }
            other if is_visible => compact.push(other),
            other if is_text => compact.extend(other.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
            _ => {}
        }
        is_escaped = is_text && character == '\\' && !is_escaped;
    }
    compact
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn found(text: &str) -> Option<Result<(String, Option<i64>), String>> {
        read(text).map(|read| read.map(|(token, expiry)| (token.expose().to_owned(), expiry.map(Timestamp::unix_seconds))))
    }

    #[test]
    fn a_document_is_handed_on_without_its_spaces() {
        let table = [
            ("{\n  \"Version\": 1,\n  \"A\": \"b\"\n}\n", r#"{"Version":1,"A":"b"}"#),
            (r#"{ "z": 12345678901234567890123, "a": 1.10 }"#, r#"{"z":12345678901234567890123,"a":1.10}"#),
            (r#"{"a": "two words", "b c": "\" \\"}"#, r#"{"a":"two\u0020words","b\u0020c":"\"\u0020\\"}"#),
            ("{\"a\": \"\u{e9}\u{1f511}\u{7f}\"}", r#"{"a":"\u00e9\ud83d\udd11\u007f"}"#),
            (r#"{"a":"ends with \\" , "b":"\\\" c"}"#, r#"{"a":"ends\u0020with\u0020\\","b":"\\\"\u0020c"}"#),
        ];
        for (json, expected) in table {
            assert_eq!(found(json), Some(Ok((expected.to_owned(), None))), "{json}");
            let same = |text| serde_json::from_str::<Value>(text).expect("JSON");
            assert_eq!(same(json), same(expected), "{json}");
        }
    }

    #[test]
    fn its_expiration_is_its_expiry() {
        let table = [
            (r#"{"Expiration":"2026-11-22T12:00:00Z"}"#, Some(1_795_348_800)),
            (r#"{"Expiration":1795348800}"#, Some(1_795_348_800)),
            (r#"{"Expiration":null}"#, None),
            (r#"{"expiration":"2026-11-22T12:00:00Z"}"#, None),
        ];
        for (json, expected) in table {
            assert_eq!(found(json), Some(Ok((json.to_owned(), expected))), "{json}");
        }
        for json in [r#"{"Expiration":"soon"}"#, r#"{"Expiration":true}"#, r#"{"Expiration":""}"#] {
            assert_eq!(found(json), Some(Err("its `Expiration` is no time".to_owned())), "{json}");
        }
    }

    #[test]
    fn what_is_no_object_is_no_document() {
        for text in ["", "token", "{", "{abc}", "[1]", "\"a\"", r#"{"a":1,"a":2}"#, "{} {}", "\u{feff}{}"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
