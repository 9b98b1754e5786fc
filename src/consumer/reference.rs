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
    /// The configuration that is read for that, where it is named.
    pub config: Option<String>,
    /// What it is for.
    pub scope: Scope,
    /// Whether the consumer does not say whose host it asks for.
    pub is_blind: bool,
}

/// What a call is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Whatever the consumer asks for.
    #[default]
    Anything,
    /// What is at this host, a pattern, or a URL, as the consumer writes it.
    Host(String),
    /// An entry of this name: a user of a kubeconfig, a profile of AWS's.
    Entry(String),
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
        "aws" => Ok(entries(text, "credential_process", aws)),
        "git" => Ok(entries(text, "helper", |section, value| Some(git(value)?.within(git_scope(section))))),
        "bazel" => Ok(lines(text, bazel_helper)),
        "goauth" => Ok(lines(text, |line| line.strip_prefix("GOAUTH=")?.split(';').find_map(|command| called(&words(command), "goauth")))),
        // A script of ours.
        "script" => Ok(lines(text, |line| called(&words(line), "vault"))),
        _ => Ok(Vec::new()),
    }
}

/// How we are called.
#[derive(Default)]
struct Call {
    program: String,
    profile: Option<String>,
    config: Option<String>,
    scope: Scope,
    is_blind: bool,
}

impl Call {
    fn new(program: &str, words: &[String]) -> Self {
        let profile = option(words, &["--profile", "-p"]).or_else(|| assigned(words, PROFILE));
        let config = option(words, &["--config"]).or_else(|| assigned(words, CONFIG));
        Self { program: program.to_owned(), profile, config, ..Self::default() }
    }

    fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    fn at(self, line: usize) -> Reference {
        let Self { program, profile, config, scope, is_blind } = self;
        Reference { line, program, profile, config, scope, is_blind }
    }
}

/// The variables that name what no argument does.
const PROFILE: &str = "TOKEN_PROFILE";
const CONFIG: &str = "TOKEN_CONFIG";

/// A command that calls us for `tool`.
fn called(words: &[String], tool: &str) -> Option<Call> {
    let at = (1..words.len()).find(|at| words[*at] == "helper" && words[at + 1..].iter().any(|word| word == tool));
    if let Some(at) = at {
        // Variables may be set before the program, and options stand between it and the word.
        let program = words[..at].iter().find(|word| !["exec", "env"].contains(&base(word)) && !is_assignment(word))?;
        return Some(Call::new(program, words));
    }
    let names = ["git-credential-token", cargo::LINK, bazel::LINK];
    let program = words.first().filter(|word| names.contains(&base(word)))?;
    Some(Call::new(program, words))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// What a command sets a variable to for us.
fn assigned(words: &[String], name: &str) -> Option<String> {
    words
        .iter()
        .find_map(|word| word.split_once('=').filter(|(known, value)| *known == name && !value.is_empty()))
        .map(|(_, value)| value.to_owned())
}

/// The value of an option, in the next word or in its own.
fn option(words: &[String], names: &[&str]) -> Option<String> {
    let behind = words.windows(2).find(|pair| names.contains(&pair[0].as_str())).map(|pair| pair[1].clone());
    let within = || words.iter().find_map(|word| word.split_once('=').filter(|(name, _)| names.contains(name)));
    behind.or_else(|| within().map(|(_, value)| value.to_owned()))
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
    lines.filter_map(|(text, line)| Some(call(text)?.at(line))).collect()
}

/// The values of a key of an INI file, each with its section.
fn entries(text: &str, key: &str, call: impl Fn(&str, &str) -> Option<Call>) -> Vec<Reference> {
    let lines = ini::lines(text, |_, _| false).into_iter();
    let reference = |line: ini::Line<'_>| {
        let (_, value) = line.entry().filter(|(name, _)| name.eq_ignore_ascii_case(key))?;
        Some(call(line.section.unwrap_or_default(), value)?.at(line_of(text, line.range.start)))
    };
    lines.filter_map(reference).collect()
}

/// What a section of git's configuration is for.
fn git_scope(section: &str) -> Scope {
    let url = section.strip_prefix("credential").and_then(|rest| rest.trim().strip_prefix('"')?.strip_suffix('"'));
    url.map_or(Scope::Anything, |url| Scope::Host(url.to_owned()))
}

fn aws(section: &str, value: &str) -> Option<Call> {
    let name = section.trim();
    let name = name.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(name);
    let scope = Scope::Entry(name.trim().trim_matches(['"', '\'']).to_owned());
    Some(Call { is_blind: true, ..called(&words(value), "aws")?.within(scope) })
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
    let (scope, helper) =
        value.rsplit_once('=').map_or((Scope::Anything, value.as_str()), |(host, helper)| (Scope::Host(host.to_owned()), helper));
    (base(helper) == bazel::LINK).then(|| Call::new(helper, &[]).within(scope))
}

fn kubectl(text: &str) -> Result<Vec<Reference>, Mistake> {
    let root = tree::parse(text)?;
    let users = root.as_ref().and_then(|root| root.get("users")).map_or(&[][..], Node::items);
    let call = |user: &Node| {
        let exec = user.at(&["user", "exec"])?;
        let arguments = exec.get("args").map_or(&[][..], Node::items).iter().filter_map(Node::text);
        let words: Vec<String> = exec.get("command").and_then(Node::text).into_iter().chain(arguments).map(str::to_owned).collect();
        let call = called(&words, "kubectl")?;
        let variable = |name: &str| {
            let listed = exec.get("env").map_or(&[][..], Node::items);
            listed.iter().find(|item| item.get("name").and_then(Node::text) == Some(name))?.get("value")?.text().map(str::to_owned)
        };
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let (profile, config) = (call.profile.or_else(|| set(PROFILE)), call.config.or_else(|| set(CONFIG)));
        let scope = Scope::Entry(user.get("name").and_then(Node::text).unwrap_or_default().to_owned());
        let is_blind = exec.get("provideClusterInfo").and_then(Node::text) != Some("true");
        Some(Call { program: call.program, profile, config, scope, is_blind }.at(line_of(text, user.range.start)))
    };
    Ok(users.iter().filter_map(call).collect())
}

fn docker_helpers(text: &str) -> Result<Vec<Reference>, Mistake> {
    let root = docker::object(text)?;
    let helpers = root.as_ref().and_then(|root| root.get("credHelpers")).map_or(&[][..], Node::entries).iter();
    let helpers = helpers.map(|(host, helper)| (Scope::Host(host.text().unwrap_or_default().to_owned()), helper));
    let store = root.as_ref().and_then(|root| root.get("credsStore")).map(|store| (Scope::Anything, store));
    let call = |(scope, helper): (Scope, &Node)| {
        let name = helper.text()?;
        let profile = name.strip_prefix(docker::HELPER)?;
        let profile = if profile.is_empty() { None } else { Some(profile.strip_prefix('-')?.to_owned()) };
        let call = Call { program: format!("docker-credential-{name}"), profile, scope, ..Call::default() };
        Some(call.at(line_of(text, helper.range.start)))
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
    let call =
        |value: &toml::Spanned<DeValue<'_>>| Some(called(&cargo::words(value.get_ref()), "cargo")?.at(line_of(text, value.span().start)));
    Ok(of_registry.chain(own).chain(of_all.into_iter().flat_map(|list| list.iter())).filter_map(call).collect())
}

fn terraform_helper(text: &str) -> Result<Vec<Reference>, Mistake> {
    let items = hcl::parse(text)?.into_iter().filter(|item| item.name == "credentials_helper" && item.labels == ["token"]);
    let reference = |item: hcl::Item| Call::new(terraform::LINK, &item.texts).at(line_of(text, item.range.start));
    Ok(items.map(reference).collect())
}

fn vault_helper(text: &str) -> Result<Vec<Reference>, Mistake> {
    let items = hcl::parse(text)?.into_iter().filter(|item| item.name == "token_helper");
    let reference = |item: hcl::Item| {
        let script = item.texts.first()?;
        let profile = base(script).strip_prefix(&vault::script_name(""))?.to_owned();
        Some(Call { profile: Some(profile), ..Call::new(script, &[]) }.at(line_of(text, item.range.start)))
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
        let table: [(&str, &str, &[Found]); 21] = [
            ("kubectl", kubeconfig, &[(5, "/opt/token", Some("prod"))]),
            ("aws", "[profile x]\ncredential_process = env A=b TOKEN_PROFILE=prod token helper aws\n", &[(2, "token", Some("prod"))]),
            ("git", "[credential]\n\thelper = !TOKEN_PROFILE=prod /opt/token helper git\n", &[(2, "/opt/token", Some("prod"))]),
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
    fn a_profile_may_be_named_by_the_environment() {
        let kubeconfig = |exec: &str| format!("users: [{{name: mine, user: {{exec: {{command: token, {exec}}}}}}}]");
        let table = [
            ("args: [helper, kubectl]", None, None),
            ("args: [helper, kubectl], env: null", None, None),
            ("args: [helper, kubectl], env: [{name: A, value: b}, {name: TOKEN_PROFILE, value: prod}]", Some("prod"), None),
            ("args: [helper, kubectl], env: [{name: TOKEN_PROFILE, value: \"\"}]", None, None),
            ("args: [helper, kubectl, -p, dev], env: [{name: TOKEN_PROFILE, value: prod}]", Some("dev"), None),
            ("args: [helper, kubectl], env: [{name: TOKEN_CONFIG, value: /c}]", None, Some("/c")),
            ("args: [--config=/c, helper, kubectl]", None, Some("/c")),
        ];
        for (exec, profile, config) in table {
            let found = references("kubectl", &kubeconfig(exec)).expect("a kubeconfig");
            let found: Vec<_> = found.iter().map(|found| (found.profile.as_deref(), found.config.as_deref())).collect();
            assert_eq!(found, [(profile, config)], "{exec}");
        }
    }

    #[test]
    fn what_a_call_is_for_is_told() {
        let (host, entry) = (|text: &str| Scope::Host(text.to_owned()), |text: &str| Scope::Entry(text.to_owned()));
        let table = [
            ("git", "[credential \"https://g\"]\n\thelper =\n\thelper = token\n", host("https://g")),
            ("git", "[credential]\n\thelper = token\n", Scope::Anything),
            ("docker", "{\"credHelpers\": {\"ghcr.io\": \"token\"}}", host("ghcr.io")),
            ("docker", "{\"credsStore\": \"token\"}", Scope::Anything),
            ("bazel", "common --credential_helper=*.b=bazel-credential-token\n", host("*.b")),
            ("bazel", "common --credential_helper=bazel-credential-token\n", Scope::Anything),
            ("aws", "[profile \"x y\"]\ncredential_process = token helper aws\n", entry("x y")),
            ("aws", "[default]\ncredential_process = token helper aws\n", entry("default")),
            ("kubectl", "users: [{name: mine, user: {exec: {command: token, args: [helper, kubectl]}}}]", entry("mine")),
        ];
        for (tool, text, scope) in table {
            let found = references(tool, text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
            assert_eq!(found.iter().map(|found| &found.scope).collect::<Vec<_>>(), [&scope], "{tool}: {text}");
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
