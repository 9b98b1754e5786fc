//! docker and whatever reads its configuration: a credential helper for each host.
//!
//! A host that has another helper is left alone.

use super::edit::{Edit, append, line_of};
use super::tree::{Node, parse};
use super::{Change, mistake};
use crate::error::one_line;
use crate::settings::Mistake;

const KEY: &str = "credHelpers";

/// Helpers for hosts.
#[derive(Clone, Debug)]
pub struct CredHelpers {
    /// What follows `docker-credential-` in the name of the helper: `token`, or that of the profile.
    pub helper: String,
    /// The profile.
    pub profile: String,
    /// The hosts, as docker names them.
    pub hosts: Vec<String>,
}

/// The helper that nobody but a profile uses.
#[must_use]
pub fn helper_of(profile: &str) -> String {
    format!("{HELPER}-{profile}")
}

/// The helper that goes by the host.
pub const HELPER: &str = "token";

impl CredHelpers {
    fn is_ours(&self, host: &str, helper: &str) -> bool {
        helper == helper_of(&self.profile) || (helper == HELPER && self.hosts.iter().any(|known| known == host))
    }

    fn missing(&self, helpers: Option<&Node>) -> Vec<&String> {
        let has = |host: &String| helpers.and_then(|helpers| helpers.get(host)).and_then(Node::text) == Some(&self.helper);
        self.hosts.iter().filter(|host| !has(host)).collect()
    }

    fn part(&self, host: &str) -> String {
        format!("{}: {}", serde_json::Value::from(host), serde_json::Value::from(self.helper.as_str()))
    }
}

impl Change for CredHelpers {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        let root = object(text)?;
        let stale = root.as_ref().and_then(|root| root.get(KEY)).map_or(&[][..], Node::entries).iter().any(|(host, helper)| {
            let (host, helper) = (host.text().unwrap_or_default(), helper.text().unwrap_or_default());
            self.is_ours(host, helper) && !self.hosts.iter().any(|known| known == host)
        });
        Ok(!stale && self.missing(root.as_ref().and_then(|root| root.get(KEY))).is_empty())
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let Some(root) = object(text)? else {
            let parts: Vec<String> = self.hosts.iter().map(|host| format!("\t\t{}", self.part(host))).collect();
            let lines = ["{".to_owned(), format!("\t\"{KEY}\": {{"), parts.join(",\n"), "\t}".to_owned(), "}".to_owned()];
            return Ok(vec![append(text, &lines, false)]);
        };
        let helpers = root.get(KEY);
        let missing = self.missing(helpers);
        for (host, other) in helpers.map_or(&[][..], Node::entries) {
            if missing.iter().any(|wanted| host.text() == Some(wanted)) {
                let what =
                    format!("`{}` has the helper `{}`", one_line(host.text().unwrap_or_default()), one_line(other.text().unwrap_or("?")));
                return Err(mistake(line_of(text, host.range.start), what, Some("remove it there, if ours is to answer for this host")));
            }
        }
        let parts: Vec<String> = missing.iter().map(|host| self.part(host)).collect();
        Ok(vec![match helpers {
            Some(helpers) => helpers.push_all(text, &parts),
            None => root.push_member(text, KEY, &parts),
        }])
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let Some(root) = object(text)? else { return Ok(Vec::new()) };
        let Some(index) = root.entries().iter().position(|(key, _)| key.text() == Some(KEY)) else { return Ok(Vec::new()) };
        let helpers = &root.entries()[index].1;
        let is_ours = |(host, helper): &(Node, Node)| self.is_ours(host.text().unwrap_or_default(), helper.text().unwrap_or_default());
        let ours: Vec<usize> = (0..helpers.entries().len()).filter(|at| is_ours(&helpers.entries()[*at])).collect();
        if !ours.is_empty() && ours.len() == helpers.entries().len() {
            return Ok(vec![root.take(text, index)]);
        }
        Ok(helpers.take_all(text, &ours))
    }

    fn is_blank(&self, text: &str) -> bool {
        matches!(text.split_whitespace().collect::<String>().as_str(), "" | "{}")
    }
}

/// The text as JSON, which it has to be in every letter: docker reads nothing else.
pub(super) fn object(text: &str) -> Result<Option<Node>, Mistake> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| mistake(error.line(), "this is no JSON", None))?;
    if value.get(KEY).is_some_and(|helpers| !helpers.is_object()) || !value.is_object() {
        return Err(mistake(1, format!("`{KEY}` is no object"), None));
    }
    parse(text)
}
