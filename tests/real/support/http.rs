//! Just enough HTTP/1.0 to question a server on loopback: one request a connection, the answer is JSON.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(20);

/// Asks `address` (host:port) and returns the status and the JSON it answered; a `form` makes it a POST, and
/// `authorization` is that header.
#[track_caller]
pub fn ask(address: &str, path: &str, authorization: Option<&str>, form: Option<&str>) -> (u16, Value) {
    let method = form.map_or("GET", |_| "POST");
    let mut head = vec![format!("{method} {path} HTTP/1.0"), format!("Host: {address}")];
    head.extend(authorization.map(|value| format!("Authorization: {value}")));
    let body = form.unwrap_or_default();
    head.push("Content-Type: application/x-www-form-urlencoded".to_owned());
    head.push(format!("Content-Length: {}", body.len()));
    let request = format!("{}\r\n\r\n{body}", head.join("\r\n"));

    let answer = exchange(address, &request).unwrap_or_else(|error| panic!("{address}{path}: {error}"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    let json = serde_json::from_str(body).unwrap_or_else(|error| panic!("{address}{path}: {error} in {body}"));
    (status, json)
}

fn exchange(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
