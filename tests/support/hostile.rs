//! Answers that nobody may take for a token, by family: every kind of source that asks over HTTP is put before all of them.

use serde_json::{Value, json};

use super::reply::Reply;
use super::{LEAK, SECRET};

pub const OSC_52: &str = "\u{1b}]52;c;ZXZpbA==\u{7}";

/// An answer, and how a `get` ends that has nothing else to show.
#[derive(Clone, Debug)]
pub struct Hostile {
    pub name: &'static str,
    pub reply: Reply,
    pub exit: i32,
}

const fn hostile(name: &'static str, reply: Reply, exit: i32) -> Hostile {
    Hostile { name, reply, exit }
}

/// A good answer with one member set.
pub fn with(member: &str, value: Value) -> Reply {
    let mut answer = json!({"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600});
    answer[member] = value;
    Reply::json(answer.to_string())
}

/// A good answer with one member less.
pub fn without(member: &str) -> Reply {
    let mut answer = json!({"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600});
    answer.as_object_mut().unwrap().remove(member);
    Reply::json(answer.to_string())
}

/// All of them. Redirects lead to `elsewhere`.
pub fn answers(elsewhere: &str) -> Vec<Hostile> {
    let families = [
        failures(),
        refusals(),
        malformed(),
        unfit_tokens(),
        other_types(),
        expired(),
        broken(),
        measureless(),
        descriptions(),
        echoes(),
        redirects(elsewhere),
    ];
    families.concat()
}

/// What may pass.
pub fn failures() -> Vec<Hostile> {
    vec![
        hostile("408", Reply::status(408), 5),
        hostile("425", Reply::status(425), 5),
        hostile("429", Reply::status(429), 5),
        hostile("500", Reply::status(500), 5),
        hostile("502", Reply::status(502), 5),
        hostile("503", Reply::status(503), 5),
        hostile("504", Reply::status(504), 5),
        hostile("server_error", Reply::oauth(400, "server_error"), 5),
        hostile("temporarily_unavailable", Reply::oauth(400, "temporarily_unavailable"), 5),
        hostile("a 500 with invalid_client in it is still a 500", Reply::oauth(500, "invalid_client"), 5),
        hostile("a good token with 503", Reply::token(3600).with_status(503), 5),
    ]
}

/// What will not.
pub fn refusals() -> Vec<Hostile> {
    let oauth = |name, status| hostile(name, Reply::oauth(status, name), 4);
    vec![
        oauth("invalid_grant", 400),
        oauth("invalid_client", 400),
        hostile("401 invalid_client", Reply::oauth(401, "invalid_client"), 4),
        oauth("invalid_request", 400),
        oauth("invalid_scope", 400),
        oauth("unauthorized_client", 400),
        oauth("unsupported_grant_type", 400),
        oauth("access_denied", 403),
        oauth("a_code_nobody_knows", 400),
        hostile("200 with error", Reply::oauth(200, "invalid_client"), 4),
        hostile("400 in HTML", Reply::status(400), 4),
        hostile("401 in HTML", Reply::status(401), 4),
        hostile("403 in HTML", Reply::status(403), 4),
        hostile("404 in HTML", Reply::status(404), 4),
        hostile("405 in HTML", Reply::status(405), 4),
        hostile("a good token with 403", Reply::token(3600).with_status(403), 4),
    ]
}

/// Bodies that are not what RFC 6749 §5.1 promises.
pub fn malformed() -> Vec<Hostile> {
    let good = r#"{"access_token":"token-1","token_type":"Bearer","expires_in":3600}"#;
    let deep = format!(r#"{{"access_token":"token-1","deep":{}"#, "[".repeat(100_000));
    let closed = format!("{deep}{}}}", "]".repeat(100_000));
    let twice = format!(r#"{{"access_token":"token-1","access_token":"{LEAK}","expires_in":9}}"#);
    let body = |name, text: &[u8]| hostile(name, Reply::bytes(text), 5);
    vec![
        body("not JSON", LEAK.as_bytes()),
        body("HTML with 200", format!("<html>{LEAK}</html>").as_bytes()),
        hostile("HTML labelled as such", Reply::status(200), 5),
        body("empty", b""),
        hostile("204", Reply::bytes("").with_status(204), 5),
        body("null", b"null"),
        body("a string", format!("\"{LEAK}\"").as_bytes()),
        body("an array", format!("[{good}]").as_bytes()),
        body("truncated", &good.as_bytes()[..good.len() - 1]),
        body("trailing text", format!("{good} {LEAK}").as_bytes()),
        body("BOM", format!("\u{feff}{good}").as_bytes()),
        body("not UTF-8", b"{\"access_token\":\"token-1\",\"x\":\"\xff\xfe\"}"),
        body("UTF-16", &good.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
        body("NULs", &[0; 100]),
        body("deep nesting, open", deep.as_bytes()),
        body("deep nesting, closed", closed.as_bytes()),
        body("arrays all the way", "[".repeat(500_000).as_bytes()),
        body("duplicate keys", twice.as_bytes()),
        body("form-encoded", b"access_token=token-1&token_type=bearer"),
        hostile("no access_token", without("access_token"), 5),
        hostile("empty access_token", with("access_token", json!("")), 5),
        hostile("null access_token", with("access_token", Value::Null), 5),
        hostile("number access_token", with("access_token", json!(12345)), 5),
        hostile("object access_token", with("access_token", json!({"token": "token-1"})), 5),
    ]
}

/// Tokens that are none: S2.
pub fn unfit_tokens() -> Vec<Hostile> {
    let token = |name, text: &str| hostile(name, with("access_token", json!(text)), 5);
    vec![
        token("CR", "token\r1"),
        token("LF", "token\n1"),
        token("CRLF and a header", "token\r\nX-Evil: 1"),
        token("trailing LF", "token-1\n"),
        token("leading space", " token-1"),
        token("NUL", "token\u{0}1"),
        token("ESC", "token\u{1b}[31m"),
        token("space", "token 1"),
        token("tab", "token\t1"),
        token("DEL", "token\u{7f}"),
        token("é", "tokené"),
        token("bidi", "token\u{202e}"),
        token("100 KB", &"a".repeat(100_000)),
        token("one too long", &"a".repeat(65_537)),
    ]
}

/// Tokens of a type that we cannot present.
pub fn other_types() -> Vec<Hostile> {
    let kind = |name| hostile(name, with("token_type", json!(name)), 4);
    let number = hostile("a type that is a number", with("token_type", json!(7)), 4);
    vec![kind("mac"), kind("DPoP"), kind("N_A"), kind("Bearer, or so"), number]
}

/// Tokens that expire on arrival.
pub fn expired() -> Vec<Hostile> {
    let life = |name, value| hostile(name, with("expires_in", value), 5);
    vec![
        life("a life of 0", json!(0)),
        life("a life of -1", json!(-1)),
        life("a string of 0", json!("0")),
        life("-10¹⁸", json!(-1_000_000_000_000_000_000_i64)),
        life("half a second", json!(0.5)),
        life("a life of words", json!("soon")),
        life("a life that is an object", json!({})),
    ]
}

/// Answers that stall, or break off.
pub fn broken() -> Vec<Hostile> {
    vec![
        hostile("reset mid body", Reply::reset(), 5),
        hostile("short body", Reply::short(), 5),
        hostile("silence", Reply::silence(), 5),
        hostile("one byte a second", Reply::drip(), 5),
        hostile("no answer before the end", Reply::raw(b""), 5),
        hostile("not HTTP", Reply::raw(b"220 mail.example.com ESMTP\r\n"), 5),
    ]
}

/// Bodies that would not fit into memory: S16.
pub fn measureless() -> Vec<Hostile> {
    vec![
        hostile("200 MiB in one token", Reply::huge(200 << 20), 5),
        hostile("a length past u32", Reply::huge(5 << 30), 5),
        hostile("just over the limit", Reply::huge((1 << 20) + 20), 5),
        hostile("endless chunks", Reply::endless_chunks(), 5),
        hostile("gzip bomb", Reply::gzip_bomb(200), 5),
        hostile("endless chunks with 500", Reply::endless_chunks().with_status(500), 5),
        hostile("huge body with 500", Reply::huge(200 << 20).with_status(500), 5),
        hostile("huge body with 400", Reply::huge(200 << 20).with_status(400), 5),
    ]
}

/// An OAuth error with this description.
fn described(name: &'static str, description: &str) -> Hostile {
    let answer = json!({"error": "invalid_request", "error_description": description});
    hostile(name, Reply::json(answer.to_string()).with_status(400), 4)
}

/// Text that wants to be shown: S4.
pub fn descriptions() -> Vec<Hostile> {
    let refusal = |name, answer: Value| hostile(name, Reply::json(answer.to_string()).with_status(400), 4);
    vec![
        described("colours", "\u{1b}[31mred\u{1b}[0m"),
        described("OSC 52", OSC_52),
        described("C1 CSI", "\u{9b}31m and \u{9d}52;c;\u{9c}"),
        described("a bell and DEL", "\u{7}\u{8}\u{8}\u{7f}"),
        described("bidi in words", "\u{202e}evil\u{202c}\u{2066}x\u{2069}\u{200f}"),
        described("line separators", "a\u{2028}error: b\u{2029}c\u{85}d"),
        described("many lines", "one\ntwo\nthree\nfour\nfive\nsix"),
        described("carriage returns", "fine\rerror: other: all is lost"),
        described("1 MB", &"A".repeat(1_000_000)),
        described("1 MB of escapes", &OSC_52.repeat(40_000)),
        described("wide characters", &"\u{1f600}".repeat(5_000)),
        refusal("a hostile code", json!({"error": OSC_52.repeat(100)})),
        refusal("a hostile error_uri", json!({"error": "invalid_request", "error_uri": format!("https://x/{OSC_52}")})),
        hostile("a hostile token_type", with("token_type", json!(OSC_52.repeat(100))), 4),
    ]
}

/// The secret comes back: S3.
pub fn echoes() -> Vec<Hostile> {
    let basic = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(format!("ci:{SECRET}"))
    };
    vec![
        described("the secret in the description", &format!("bad secret {SECRET}")),
        described("the secret as basic credentials", &format!("bad header Basic {basic}")),
        hostile("the secret as the code", Reply::oauth(401, SECRET), 4),
        hostile("the secret in a 500", Reply::bytes(format!("client_secret={SECRET}")).with_status(500), 5),
        hostile("the secret in a body that is not JSON", Reply::bytes(format!("client_secret={SECRET}")), 5),
        hostile("the secret in a member of the wrong type", with("access_token", json!([SECRET])), 5),
        hostile("the secret as the type", with("token_type", json!(SECRET)), 4),
    ]
}

/// Somebody else's address.
pub fn redirects(elsewhere: &str) -> Vec<Hostile> {
    let to = |name, status| hostile(name, Reply::redirect(status, elsewhere), 4);
    vec![
        to("301", 301),
        to("302", 302),
        to("303", 303),
        to("307", 307),
        to("308", 308),
        hostile("307 to itself", Reply::redirect(307, "/token"), 4),
    ]
}
