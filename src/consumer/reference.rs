//! Where a consumer's configuration has it ask us: to look after what was set up, whoever did that.
//!
//! Nothing is changed for this, and what is not recognised is nobody's business here.

use toml::de::{DeTable, DeValue};

use super::edit::line_of;
use super::tree::{self, Node};
use super::{bazel, cargo, docker, hcl, ini, terraform, vault};
use crate::settings::Mistake;

/// A place where a consumer is told to call us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its line, counted from one.
    pub line: usize,
    /// What is called, as the consumer finds it.
    pub program: String,
    /// The profile that is asked for, where it is named.
    pub profile: Option<String>,
}

/// Every place in the configuration of `tool` that has it call us.
///
/// # Errors
/// A [`Mistake`] where the text cannot be read.
pub fn references(tool: &str, text: &str) -> Result<Vec<Reference>, Mistake> {
    match tool {
        "kubectl" => kubectl(text),
        "docker" => docker_helpers(text),
        "cargo" => cargo_providers(text),
        "terraform" => terraform_helper(text),
        "vault" => vault_helper(text),
        "aws" => Ok(entries(text, "credential_process", |value| called(&words(value), "aws"))),
        "git" => Ok(entries(text, "helper", git)),
        "bazel" => Ok(lines(text, bazel_helper)),
        "goauth" => Ok(lines(text, |line| line.strip_prefix("GOAUTH=")?.split(';').find_map(|command| called(&words(command), "goauth")))),
        // A script of ours.
        "script" => Ok(lines(text, |line| called(&words(line), "vault"))),
        _ => Ok(Vec::new()),
    }
}

/// Whom a call is for: the program, and the profile where one is named.
type Call = (String, Option<String>);

/// A command that calls us for `tool`.
fn called(words: &[String], tool: &str) -> Option<Call> {
    let at = (1..words.len()).find(|at| words[*at] == "helper" && words[at + 1..].iter().any(|word| word == tool));
    if let Some(at) = at {
        // Options may stand between the program and the word.
        return Some((words[..at].iter().find(|word| base(word) != "exec")?.clone(), profile(words)));
    }
    let names = ["git-credential-token", cargo::LINK, bazel::LINK];
    let program = words.first().filter(|word| names.contains(&base(word)))?;
    Some((program.clone(), profile(words)))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn profile(words: &[String]) -> Option<String> {
    let behind = words.windows(2).find(|pair| pair[0] == "--profile" || pair[0] == "-p").map(|pair| pair[1].clone());
    behind.or_else(|| words.iter().find_map(|word| word.strip_prefix("--profile=").map(str::to_owned)))
}

/// The words of a command as a shell splits it, as far as that is simple.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut characters = command.trim().chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some('\''), other) => word.get_or_insert_default().push(other),
            (_, '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

fn lines(text: &str, call: impl Fn(&str) -> Option<Call>) -> Vec<Reference> {
    let lines = text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.starts_with('#'));
    lines.filter_map(|(text, line)| call(text).map(|(program, profile)| Reference { line, program, profile })).collect()
}

/// The values of a key of an INI file, in whatever section.
fn entries(text: &str, key: &str, call: impl Fn(&str) -> Option<Call>) -> Vec<Reference> {
    let entries = ini::lines(text, |_, _| false).into_iter().filter_map(|line| Some((line.range.start, line.entry()?)));
    let named = entries.filter(|(_, (name, _))| name.eq_ignore_ascii_case(key));
    let called = named.filter_map(|(start, (_, value))| Some((start, call(value)?)));
    called.map(|(start, (program, profile))| Reference { line: line_of(text, start), program, profile }).collect()
}

/// A helper of git's: a command behind an exclamation mark, a path, or the end of a name.
fn git(value: &str) -> Option<Call> {
    let value = unquoted(value);
    if let Some(command) = value.strip_prefix('!') {
        return called(&words(command), "git");
    }
    let words = words(&value);
    let (first, rest) = words.split_first()?;
    let program = if first.contains('/') { first.clone() } else { format!("git-credential-{first}") };
    called(&[&[program], rest].concat(), "git")
}

/// A value as git reads it: quotes may stand around any part of it.
fn unquoted(value: &str) -> String {
    let mut text = String::new();
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            '"' => {}
            other => text.push(other),
        }
    }
    text
}

fn bazel_helper(line: &str) -> Option<Call> {
    let value = words(line).into_iter().find_map(|word| word.strip_prefix("--credential_helper=").map(str::to_owned))?;
    let helper = value.rsplit_once('=').map_or(value.as_str(), |(_, helper)| helper).to_owned();
    (base(&helper) == bazel::LINK).then_some((helper, None))
}

fn kubectl(text: &str) -> Result<Vec<Reference>, Mistake> {
    let root = tree::parse(text)?;
    let users = root.as_ref().and_then(|root| root.get("users")).map_or(&[][..], Node::items);
    let call = |user: &Node| {
        let exec = user.at(&["user", "exec"])?;
        let arguments = exec.get("args").map_or(&[][..], Node::items).iter().filter_map(Node::text);
        let words: Vec<String> = exec.get("command").and_then(Node::text).into_iter().chain(arguments).map(str::to_owned).collect();
        let (program, profile) = called(&words, "kubectl")?;
        Some(Reference { line: line_of(text, user.range.start), program, profile })
    };
    Ok(users.iter().filter_map(call).collect())
}

fn docker_helpers(text: &str) -> Result<Vec<Reference>, Mistake> {
    let root = docker::object(text)?;
    let helpers = root.as_ref().and_then(|root| root.get("credHelpers")).map_or(&[][..], Node::entries).iter().map(|(_, helper)| helper);
    let store = root.as_ref().and_then(|root| root.get("credsStore"));
    let call = |helper: &Node| {
        let name = helper.text()?;
        let profile = name.strip_prefix(docker::HELPER)?;
        let profile = if profile.is_empty() { None } else { Some(profile.strip_prefix('-')?.to_owned()) };
        Some(Reference { line: line_of(text, helper.range.start), program: format!("docker-credential-{name}"), profile })
    };
    Ok(helpers.chain(store).filter_map(call).collect())
}

fn cargo_providers(text: &str) -> Result<Vec<Reference>, Mistake> {
    let table = cargo::parse(text)?;
    let root = table.get_ref();
    let of_registry = cargo::registries(root).into_iter().filter_map(|(_, table)| table.get_ref().as_table()?.get("credential-provider"));
    let registry = root.get("registry").and_then(|registry| registry.get_ref().as_table());
    let of_all = registry.and_then(|registry| registry.get("global-credential-providers")?.get_ref().as_array());
    let own = registry.and_then(|registry: &DeTable<'_>| registry.get("credential-provider"));
    let call = |value: &toml::Spanned<DeValue<'_>>| {
        let (program, profile) = called(&cargo::words(value.get_ref()), "cargo")?;
        Some(Reference { line: line_of(text, value.span().start), program, profile })
    };
    Ok(of_registry.chain(own).chain(of_all.into_iter().flat_map(|list| list.iter())).filter_map(call).collect())
}

fn terraform_helper(text: &str) -> Result<Vec<Reference>, Mistake> {
    let items = hcl::parse(text)?.into_iter().filter(|item| item.name == "credentials_helper" && item.labels == ["token"]);
    let reference = |item: hcl::Item| {
        let line = line_of(text, item.range.start);
        Reference { line, program: terraform::LINK.to_owned(), profile: profile(&item.texts) }
    };
    Ok(items.map(reference).collect())
}

fn vault_helper(text: &str) -> Result<Vec<Reference>, Mistake> {
    let items = hcl::parse(text)?.into_iter().filter(|item| item.name == "token_helper");
    let reference = |item: hcl::Item| {
        let script = item.texts.first()?;
        let profile = base(script).strip_prefix(&vault::script_name(""))?.to_owned();
        Some(Reference { line: line_of(text, item.range.start), program: script.clone(), profile: Some(profile) })
    };
    Ok(items.filter_map(reference).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line, a program, and a profile.
    type Found = (usize, &'static str, Option<&'static str>);

    #[test]
    fn every_tool_s_way_of_asking_is_recognised() {
        let kubeconfig = "users:\n- name: other\n  user:\n    token: x\n- name: mine\n  user:\n    exec:\n      args:\n      - helper\n      \
                          - kubectl\n      - --profile\n      - prod\n      command: /opt/token\n";
        let table: [(&str, &str, &[Found]); 19] = [
            ("kubectl", kubeconfig, &[(5, "/opt/token", Some("prod"))]),
            ("kubectl", "users: [{name: a, user: {exec: {command: aws, args: [eks, get-token]}}}]", &[]),
            ("git", "[credential \"https://x\"]\n\thelper =\n\thelper = !token helper git --profile prod\n", &[(3, "token", Some("prod"))]),
            ("git", "[credential]\n\thelper = \"!'/o p/token' helper git\"\n", &[(2, "/o p/token", None)]),
            ("git", "[credential]\n\thelper = token\n\thelper = store\n", &[(2, "git-credential-token", None)]),
            ("git", "[credential]\n\thelper = /opt/git-credential-token -p x\n", &[(2, "/opt/git-credential-token", Some("x"))]),
            (
                "docker",
                "{\"credHelpers\": {\n\"a\": \"token-prod\",\n\"b\": \"token\",\n\"c\": \"tokens\"}}",
                &[(2, "docker-credential-token-prod", Some("prod")), (3, "docker-credential-token", None)],
            ),
            ("docker", "{\"credsStore\": \"desktop\"}", &[]),
            ("aws", "[profile x]\ncredential_process = /opt/token helper aws --profile=prod\n", &[(2, "/opt/token", Some("prod"))]),
            ("aws", "[profile x]\ncredential_process = other --helper aws\n", &[]),
            (
                "cargo",
                "[registries.a]\ncredential-provider = [\"cargo-credential-token\", \"--profile\", \"prod\"]\n",
                &[(2, "cargo-credential-token", Some("prod"))],
            ),
            (
                "cargo",
                "[registry]\nglobal-credential-providers = [\"cargo:token\", \"/b/cargo-credential-token --profile x\"]\n",
                &[(2, "/b/cargo-credential-token", Some("x"))],
            ),
            (
                "terraform",
                "credentials_helper \"token\" {\n  args = [\"--profile\", \"prod\"]\n}\n",
                &[(1, "terraform-credentials-token", Some("prod"))],
            ),
            ("bazel", "build --x\ncommon --credential_helper=h=bazel-credential-token\n", &[(2, "bazel-credential-token", None)]),
            ("bazel", "# common --credential_helper=h=bazel-credential-token\n", &[]),
            ("goauth", "GOAUTH=token helper goauth --profile prod; netrc\n", &[(1, "token", Some("prod"))]),
            ("vault", "token_helper = \"/b/vault-credential-token-prod\"\n", &[(1, "/b/vault-credential-token-prod", Some("prod"))]),
            ("vault", "token_helper = \"/b/other\"\n", &[]),
            ("script", "#!/bin/sh\nexec /opt/token helper vault --profile prod \"$@\"\n", &[(2, "/opt/token", Some("prod"))]),
        ];
        for (tool, text, expected) in table {
            let found = references(tool, text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
            let found: Vec<_> = found.iter().map(|found| (found.line, found.program.as_str(), found.profile.as_deref())).collect();
            assert_eq!(found, expected, "{tool}: {text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (tool, text) in [("kubectl", "a: [\n"), ("docker", "{"), ("cargo", "[x\n"), ("terraform", "a {\n")] {
            assert!(references(tool, text).is_err(), "{tool}");
        }
    }

    #[test]
    fn commands_are_split_as_a_shell_does() {
        let table = [
            ("a b", vec!["a", "b"]),
            ("'a b' \"c \\\" d\" e\\ f", vec!["a b", "c \" d", "e f"]),
            ("a '' b", vec!["a", "", "b"]),
            ("'open", vec!["open"]),
            ("end\\", vec!["end"]),
            ("", vec![]),
        ];
        for (command, expected) in table {
            assert_eq!(words(command), expected, "{command}");
        }
    }
}
