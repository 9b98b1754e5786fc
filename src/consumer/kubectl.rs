//! kubectl and everything on client-go: a user of the kubeconfig whose token comes from a command, and a context that uses it
//! (client.authentication.k8s.io/v1).
//!
//! A user of that name who has other credentials is left alone, and so is a kubeconfig without the context or the cluster asked for.

use super::edit::{Edit, line_of};
use super::tree::{Node, parse, scalar};
use super::{Change, Program, mistake};
use crate::error::one_line;
use crate::settings::Mistake;

const TOOL: &str = "kubectl";
const VERSION: &str = "client.authentication.k8s.io/v1";
const NEW: [&str; 2] = ["apiVersion: v1", "kind: Config"];

/// A user, and a context with them.
#[derive(Clone, Debug)]
pub struct Kubeconfig {
    /// Whom to call.
    pub program: Program,
    /// The name of the user.
    pub user: String,
    /// The context that is to use them.
    pub context: Option<String>,
    /// The cluster of a context that is not there yet.
    pub cluster: Option<String>,
}

impl Kubeconfig {
    fn user_lines(&self) -> Vec<String> {
        let arguments = self.program.arguments(TOOL);
        let head = [
            format!("- name: {}", scalar(&self.user)),
            "  user:".to_owned(),
            "    exec:".to_owned(),
            format!("      apiVersion: {VERSION}"),
            format!("      command: {}", scalar(&self.program.path)),
            "      args:".to_owned(),
        ];
        let arguments = arguments.iter().map(|word| format!("      - {}", scalar(word)));
        let tail = ["      interactiveMode: IfAvailable", "      provideClusterInfo: false"].map(str::to_owned);
        head.into_iter().chain(arguments).chain(tail).collect()
    }

    fn user_json(&self) -> String {
        let exec = serde_json::json!({
            "apiVersion": VERSION, "command": self.program.path, "args": self.program.arguments(TOOL),
            "interactiveMode": "IfAvailable", "provideClusterInfo": false,
        });
        serde_json::json!({ "name": self.user, "user": { "exec": exec } }).to_string()
    }

    /// Whether an entry of `users` calls us for the profile.
    fn is_ours(&self, user: &Node) -> bool {
        let exec = user.at(&["user", "exec"]);
        let arguments = exec.and_then(|exec| exec.get("args")).map_or(&[][..], Node::items);
        exec.is_some() && arguments.iter().map(|word| word.text().unwrap_or_default()).eq(self.program.arguments(TOOL))
    }

    fn is_as_wanted(&self, user: &Node) -> bool {
        let says = |key: &str, value: &str| user.at(&["user", "exec", key]).and_then(Node::text) == Some(value);
        let has_mode = says("interactiveMode", "IfAvailable") || says("interactiveMode", "Always");
        self.is_ours(user) && says("apiVersion", VERSION) && says("command", &self.program.path) && has_mode
    }

    /// What points the context at the user.
    fn context_edit(&self, text: &str, root: &Node) -> Result<Option<Edit>, Mistake> {
        let Some(name) = &self.context else { return Ok(None) };
        let contexts = root.get("contexts");
        let found = contexts.and_then(|list| list.named(name).map(|(index, item)| (list, index, item)));
        if let Some((list, index, item)) = found {
            return self.pointed(text, list, index, item).map(Some);
        }
        let Some(cluster) = &self.cluster else {
            let known = listed(contexts);
            let hint = if known.is_empty() { "name its cluster too: --cluster NAME".to_owned() } else { format!("there are: {known}") };
            return Err(mistake(1, format!("there is no context `{}`", one_line(name)), Some(&hint)));
        };
        let clusters = root.get("clusters");
        if clusters.and_then(|list| list.named(cluster)).is_none() {
            let known = format!("there are: {}", listed(clusters));
            return Err(mistake(1, format!("there is no cluster `{}`", one_line(cluster)), Some(&known)));
        }
        let lines = [
            format!("- name: {}", scalar(name)),
            "  context:".to_owned(),
            format!("    cluster: {}", scalar(cluster)),
            format!("    user: {}", scalar(&self.user)),
        ];
        let context = serde_json::json!({ "cluster": cluster, "user": self.user });
        let json = serde_json::json!({ "name": name, "context": context }).to_string();
        added(text, root, "contexts", &lines, &json).map(Some)
    }

    /// The whole entry is replaced, name and all, so that it can be told from others when that is undone.
    fn pointed(&self, text: &str, list: &Node, index: usize, item: &Node) -> Result<Edit, Mistake> {
        let line = line_of(text, item.range.start);
        let user = item.at(&["context", "user"]).filter(|user| user.text().is_some() && !user.range.is_empty());
        let Some(user) = user else {
            return Err(mistake(line, "this context has no user that could be replaced", Some("write `user:` there")));
        };
        let whole = list.part_range(text, index);
        let (before, after) = (&text[whole.start..user.range.start], &text[user.range.end..whole.end]);
        Ok(Edit::replace(text, whole.clone(), format!("{before}{}{after}", scalar(&self.user))))
    }

    fn points_at_the_user(&self, root: &Node) -> bool {
        self.context.as_ref().is_none_or(|name| {
            let context = root.get("contexts").and_then(|list| list.named(name)).map(|(_, item)| item);
            let says = |key: &str| context.and_then(|context| context.at(&["context", key])).and_then(Node::text);
            says("user") == Some(&self.user) && self.cluster.as_ref().is_none_or(|cluster| says("cluster") == Some(cluster))
        })
    }
}

impl Change for Kubeconfig {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        let Some(root) = kubeconfig(text)? else { return Ok(false) };
        let user = root.get("users").and_then(|users| users.named(&self.user));
        Ok(user.is_some_and(|(_, user)| self.is_as_wanted(user)) && self.points_at_the_user(&root))
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let Some(root) = kubeconfig(text)? else {
            if self.context.is_some() {
                return Err(mistake(
                    1,
                    "there is no context in it",
                    Some("leave --context and --cluster out, or name another file by KUBECONFIG"),
                ));
            }
            let lines = NEW.map(str::to_owned).into_iter().chain(["users:".to_owned()]).chain(self.user_lines()).collect::<Vec<_>>();
            return Ok(vec![super::edit::append(text, &lines, false)]);
        };
        if let Some((_, other)) = root.get("users").and_then(|users| users.named(&self.user)) {
            let what = format!("the user `{}` has other credentials", one_line(&self.user));
            return Err(mistake(line_of(text, other.range.start), what, Some("choose another name: --user NAME")));
        }
        let user = added(text, &root, "users", &self.user_lines(), &self.user_json())?;
        let mut edits: Vec<Edit> = self.context_edit(text, &root)?.into_iter().chain([user]).collect();
        edits.sort_by_key(|edit| edit.at);
        Ok(merged(edits))
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let Some(root) = kubeconfig(text)? else { return Ok(Vec::new()) };
        let Some(users) = root.get("users") else { return Ok(Vec::new()) };
        let found = users.named(&self.user).filter(|(_, user)| self.is_ours(user));
        Ok(found.map(|(index, _)| users.take(text, index)).into_iter().collect())
    }

    fn is_blank(&self, text: &str) -> bool {
        let said: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        said.is_empty() || said == NEW || said == ["apiVersion: v1", "kind: Config", "users:"]
    }

    /// Whom a context had before is known only from memory.
    fn remark(&self, text: &str) -> Option<String> {
        let root = parse(text).ok().flatten()?;
        let uses = |item: &&Node| item.at(&["context", "user"]).and_then(Node::text) == Some(&self.user);
        let named = root.get("contexts")?.items().iter().find(uses)?.get("name")?.text()?;
        let is_gone = root.get("users").and_then(|users| users.named(&self.user)).is_none();
        is_gone.then(|| format!("the context `{}` still names the user `{}`", one_line(named), one_line(&self.user)))
    }
}

/// Whether a kubeconfig has a context or a user of this name.
#[must_use]
pub fn names(text: &str, name: &str) -> bool {
    let root = parse(text).ok().flatten();
    let has = |key: &str| root.as_ref().and_then(|root| root.get(key)).is_some_and(|list| list.named(name).is_some());
    has("contexts") || has("users")
}

fn kubeconfig(text: &str) -> Result<Option<Node>, Mistake> {
    let root = parse(text)?;
    match &root {
        Some(node) if !matches!(node.content, super::tree::Content::Mapping(_)) => Err(mistake(1, "this is no kubeconfig", None)),
        _ => Ok(root),
    }
}

fn listed(list: Option<&Node>) -> String {
    let names = list.map_or(&[][..], Node::items).iter().filter_map(|item| item.get("name")?.text());
    one_line(&names.collect::<Vec<_>>().join(", "))
}

/// Puts an item into the list at `key`, in the way that is written.
fn added(text: &str, root: &Node, key: &str, lines: &[String], json: &str) -> Result<Edit, Mistake> {
    match root.entries().iter().find(|(name, _)| name.text() == Some(key)) {
        Some((_, list)) if !list.items().is_empty() && list.is_block => Ok(list.push_lines(text, lines)),
        Some((_, list)) if !list.items().is_empty() => Ok(list.push(text, json)),
        Some((name, empty)) if empty.is_null() || empty.items().is_empty() && text[empty.range.clone()].starts_with('[') => {
            // `users: []` and `users:`, with what follows on the line.
            let place = if empty.range.is_empty() { behind_colon(text, name) } else { empty.range.clone() };
            let gap = if place.is_empty() && root.is_block { " " } else { "" };
            Ok(Edit::replace(text, place, format!("{gap}[{json}]")))
        }
        Some((name, _)) => Err(mistake(line_of(text, name.range.start), format!("`{key}` is no list"), None)),
        None if root.is_block => {
            let lines: Vec<String> = [format!("{key}:")].into_iter().chain(lines.iter().cloned()).collect();
            Ok(root.push_lines(text, &lines))
        }
        None => Ok(root.push(text, &format!("{}: [{json}]", serde_json::Value::from(key)))),
    }
}

fn behind_colon(text: &str, key: &Node) -> std::ops::Range<usize> {
    let at = text[key.range.end..].find(':').map_or(key.range.end, |colon| key.range.end + colon + 1);
    at..at
}

/// Two insertions at one place are one.
fn merged(edits: Vec<Edit>) -> Vec<Edit> {
    let mut merged: Vec<Edit> = Vec::new();
    for edit in edits {
        match merged.last_mut() {
            Some(last) if last.at == edit.at && last.removed.is_empty() && edit.removed.is_empty() => {
                last.inserted.push_str(&edit.inserted);
            }
            _ => merged.push(edit),
        }
    }
    merged
}
