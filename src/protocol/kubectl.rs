//! kubectl and everything on client-go: an exec credential plugin (`client.authentication.k8s.io`, v1 and v1beta1). What it asks is in
//! the variable `KUBERNETES_EXEC_INFO`; its standard input is not read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Target, Unfit, json};
use crate::error::one_line;
use crate::secret::Secret;

const GROUP: &str = "client.authentication.k8s.io/";
const V1: &str = "client.authentication.k8s.io/v1";
const KIND: &str = "ExecCredential";

/// What client-go asks, if it can be read.
#[derive(Clone, Debug)]
pub struct Exchange(Result<Information, Malformed>);

#[derive(Clone, Debug, Deserialize)]
struct Information {
    #[serde(rename = "apiVersion")]
    api_version: String,
    #[serde(default)]
    spec: Option<Specification>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Specification {
    #[serde(default)]
    interactive: bool,
    #[serde(default)]
    cluster: Option<Cluster>,
}

#[derive(Clone, Debug, Deserialize)]
struct Cluster {
    #[serde(default)]
    server: Option<String>,
    /// What the kubeconfig has in the cluster's extension `client.authentication.k8s.io/exec`.
    #[serde(default)]
    config: Value,
}

#[derive(Serialize)]
struct Credential<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'a str,
    kind: &'a str,
    status: Status<'a>,
}

#[derive(Serialize)]
struct Status<'a> {
    token: &'a str,
    #[serde(rename = "expirationTimestamp", skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl Exchange {
    /// What `KUBERNETES_EXEC_INFO` holds; without it, somebody tries the command by hand.
    #[must_use]
    pub fn new(information: Option<&str>) -> Self {
        let by_hand = || Ok(Information { api_version: V1.to_owned(), spec: None });
        Self(information.filter(|text| !text.is_empty()).map_or_else(by_hand, read))
    }

    fn cluster(&self) -> Option<&Cluster> {
        self.0.as_ref().ok()?.spec.as_ref()?.cluster.as_ref()
    }
}

fn read(text: &str) -> Result<Information, Malformed> {
    let wrong = |what: &str| Malformed::new(format!("KUBERNETES_EXEC_INFO {what}"));
    // Error: What kubectl says about itself cannot be read. To do: set it up by `token helper setup kubectl`.
    let information: Information = serde_json::from_str(text).map_err(|_| wrong("is not the JSON of an ExecCredential"))?;
    match information.api_version.strip_prefix(GROUP) {
        Some("v1" | "v1beta1") => Ok(information),
        // Error: The `apiVersion` in the kubeconfig is one that kubectl has given up, or one that is newer. To do: set it up by `token
        // helper setup kubectl`.
        _ => Err(wrong(&format!("wants `{}`; v1 and v1beta1 are spoken here", one_line(&information.api_version)))),
    }
}

impl Cluster {
    /// The profile that the kubeconfig names: by itself, or as `profile` of an object.
    fn profile(&self) -> Option<String> {
        self.config.as_str().or_else(|| self.config.get("profile")?.as_str()).map(str::to_owned)
    }
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        self.0.as_ref().map_err(Clone::clone)?;
        let server = self.cluster().and_then(|cluster| cluster.server.as_deref());
        let place = server.map_or(Place::Unnamed, |server| Place::of(Target::of_url(server)));
        let profile = self.cluster().and_then(Cluster::profile);
        Ok(Request { profile, ..Request::new(Act::Get, place) })
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        let api_version = self.0.as_ref().map_or(V1, |information| information.api_version.as_str());
        let status = Status { token: offer.token.expose(), expires_at: offer.expiry_text() };
        Ok(json(&Credential { api_version, kind: KIND, status }))
    }

    /// The protocol has no word for that.
    fn nothing(&self) -> Answer {
        Answer::silent(2)
    }

    fn failed(&self, _: &str, status: u8) -> Answer {
        Answer::silent(status)
    }

    fn explains_nothing(&self) -> bool {
        true
    }

    fn waits_for_people(&self) -> bool {
        self.0.as_ref().is_ok_and(|information| information.spec.as_ref().is_some_and(|spec| spec.interactive))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{handed, lasting, offer, place, token};
    use super::*;

    fn information(version: &str, spec: &str) -> String {
        format!(r#"{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/{version}","spec":{spec},"new":1}}"#)
    }

    #[test]
    fn the_answer_is_exact() {
        let expiring = r#"","kind":"ExecCredential","status":{"token":"token-1","expirationTimestamp":"2026-11-22T12:59:50Z"}}"#;
        for version in ["v1", "v1beta1"] {
            let exchange = Exchange::new(Some(&information(version, r#"{"interactive":false}"#)));
            let expected = format!("{{\"apiVersion\":\"client.authentication.k8s.io/{version}{expiring}\n");
            assert_eq!(handed(&exchange, &offer(&token(), None)), expected);
        }
        let by_hand = handed(&Exchange::new(None), &offer(&lasting(), Some("Bearer")));
        assert_eq!(
            by_hand,
            "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"token-1\"}}\n"
        );
    }

    #[test]
    fn the_cluster_names_its_host_and_perhaps_a_profile() {
        let api = place("https://api.example.com:6443");
        let table = [
            ("{}", Place::Unnamed, None),
            ("null", Place::Unnamed, None),
            (r#"{"cluster":null}"#, Place::Unnamed, None),
            (r#"{"cluster":{"config":null}}"#, Place::Unnamed, None),
            (r#"{"cluster":{"server":"https://api.example.com:6443","config":null}}"#, api.clone(), None),
            (r#"{"cluster":{"server":"https://api.example.com:6443/k8s/c-1","config":{"profile":"prod"}}}"#, api.clone(), Some("prod")),
            (r#"{"cluster":{"server":"https://api.example.com:6443","config":"prod"}}"#, api.clone(), Some("prod")),
            (r#"{"cluster":{"server":"https://api.example.com:6443","config":{"audience":"x"}}}"#, api, None),
            (r#"{"cluster":{"server":"http://api.example.com"}}"#, Place::Nowhere, None),
            (r#"{"cluster":{"server":""}}"#, Place::Nowhere, None),
        ];
        for (spec, place, profile) in table {
            let request = Exchange::new(Some(&information("v1", spec))).request();
            let expected = Request { profile: profile.map(str::to_owned), ..Request::new(Act::Get, place) };
            assert_eq!(request, Ok(expected), "{spec}");
        }
    }

    #[test]
    fn other_versions_and_other_texts_are_refused() {
        for version in ["v1alpha1", "v2", "v1/", ""] {
            assert!(Exchange::new(Some(&information(version, "{}"))).request().is_err(), "{version}");
        }
        for text in ["{", "[]", "null", "{}", r#"{"apiVersion":1}"#, r#"{"apiVersion":"v1"}"#] {
            assert!(Exchange::new(Some(text)).request().is_err(), "{text}");
        }
    }

    #[test]
    fn people_are_asked_where_it_says_so() {
        for (spec, waits) in [(r#"{"interactive":true}"#, true), (r#"{"interactive":false}"#, false), ("{}", false)] {
            assert_eq!(Exchange::new(Some(&information("v1", spec))).waits_for_people(), waits, "{spec}");
        }
    }
}
