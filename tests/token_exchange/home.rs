//! Profiles of this kind.

use crate::support::issuer::Request;
use crate::support::{Issuer, QUICK, Test};

pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The TOML of a profile that exchanges a token at this issuer, by these keys.
pub fn exchange(name: &str, issuer: &Issuer, keys: &str) -> String {
    format!("[profile.{name}]\nsource = \"token-exchange\"\ntoken_endpoint = \"{}\"\n{keys}\n", issuer.endpoint())
}

/// The TOML of a profile that exchanges the token of another one.
pub fn linked(name: &str, issuer: &Issuer, to: &str) -> String {
    exchange(name, issuer, &format!("subject_token = {{ profile = \"{to}\" }}"))
}

/// `prod` exchanges a token at this issuer, by these keys.
pub fn home(issuer: &Issuer, keys: &str) -> Test {
    Test::configured(&(QUICK.to_owned() + &exchange("prod", issuer, keys)))
}

/// The fields of a form, in their order.
pub fn form(request: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect()
}

/// The fields of this name.
pub fn fields(request: &Request, name: &str) -> Vec<String> {
    form(request).into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
}
