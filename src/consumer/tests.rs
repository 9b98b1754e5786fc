//! Before and after, for each consumer: what is written, that it is written once, and that taking it back leaves what was there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::iter::zip;

use proptest::prelude::*;

use super::aws::CredentialProcess;
use super::bazel;
use super::cargo::Provider;
use super::docker::CredHelpers;
use super::git;
use super::goauth::GoAuth;
use super::kubectl::Kubeconfig;
use super::terraform::CredentialsHelper;
use super::vault::{Script, TokenHelper};
use super::*;

fn program() -> Program {
    Program { path: "token".to_owned(), profile: "prod".to_owned() }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}

fn kubeconfig(context: Option<&str>, cluster: Option<&str>) -> Kubeconfig {
    let named = |name: Option<&str>| name.map(str::to_owned);
    Kubeconfig { program: program(), user: "token-prod".to_owned(), context: named(context), cluster: named(cluster) }
}

fn docker(hosts: &[&str]) -> CredHelpers {
    CredHelpers { helper: "token-prod".to_owned(), profile: "prod".to_owned(), hosts: strings(hosts) }
}

fn git_helpers(hosts: &[&str]) -> git::Helpers {
    git::Helpers { program: program(), hosts: strings(hosts) }
}

fn aws(profile: &str) -> CredentialProcess {
    CredentialProcess { program: program(), profile: profile.to_owned() }
}

fn provider(registries: &[&str], hosts: &[&str]) -> Provider {
    Provider { path: cargo::LINK.to_owned(), profile: "prod".to_owned(), registries: strings(registries), hosts: strings(hosts) }
}

fn bazel_helpers(hosts: &[&str]) -> bazel::Helpers {
    bazel::Helpers { helper: bazel::LINK.to_owned(), hosts: strings(hosts) }
}

fn terraform() -> CredentialsHelper {
    CredentialsHelper { program: program() }
}

fn goauth() -> GoAuth {
    GoAuth { program: program() }
}

fn vault() -> TokenHelper {
    TokenHelper { script: "/home/me/.local/bin/vault-credential-token-prod".to_owned() }
}

/// `before` becomes `after`, once, and goes back: by memory to the last byte, and without it to `recognised`.
#[track_caller]
fn becomes_then(change: &dyn Change, before: &str, after: &str, recognised: &str) {
    let made = make(change, before, &[]).unwrap_or_else(|error| panic!("{before}: {error:?}")).expect("a change");
    assert_eq!(made.text, after);
    assert_eq!(make(change, after, &made.edits), Ok(None), "twice");
    assert_eq!(take_back(change, after, &made.edits).as_deref(), Ok(before), "by memory");
    assert_eq!(take_back(change, after, &[]).as_deref(), Ok(recognised), "by recognition");
    assert_eq!(take_back(change, before, &[]).as_deref(), Ok(before), "nothing of ours");
}

#[track_caller]
fn becomes(change: &dyn Change, before: &str, after: &str) {
    becomes_then(change, before, after, before);
    if !before.contains('\r') {
        let dos = |text: &str| text.replace('\n', "\r\n");
        let has_line = before.contains('\n');
        if has_line {
            becomes_then(change, &dos(before), &dos(after), &dos(before));
        }
    }
}

#[track_caller]
fn is_refused(change: &dyn Change, text: &str, line: usize, what: &str) {
    let refused = make(change, text, &[]).expect_err(text);
    assert!(refused.line == line && refused.what.contains(what), "{text:?}: {refused:?}");
}

const EXEC: &str = "- name: token-prod
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: token
      args:
      - helper
      - kubectl
      - --profile
      - prod
      interactiveMode: IfAvailable
      provideClusterInfo: false
";

fn indented(text: &str) -> String {
    text.split_inclusive('\n').map(|line| ["  ", line].concat()).collect()
}

const JSON_USER: &str = r#"{"name":"token-prod","user":{"exec":{"apiVersion":"client.authentication.k8s.io/v1","args":["helper","kubectl","--profile","prod"],"command":"token","interactiveMode":"IfAvailable","provideClusterInfo":false}}}"#;

#[test]
fn kubectl_gets_a_user() {
    let plain = kubeconfig(None, None);
    let table = [
        ("users:\n- name: a\n  user: {token: x}\n", format!("users:\n- name: a\n  user: {{token: x}}\n{EXEC}")),
        ("# mine\nusers: # them\n  - name: a # b\n    user:\n      token: x # secret\n# behind\nkind: Config\n", {
            let user = indented(EXEC);
            format!("# mine\nusers: # them\n  - name: a # b\n    user:\n      token: x # secret\n{user}# behind\nkind: Config\n")
        }),
        ("kind: Config\nusers:\n-\n  user:\n    token: |\n      x\n  name: a\nclusters: []\n", {
            format!("kind: Config\nusers:\n-\n  user:\n    token: |\n      x\n  name: a\n{EXEC}clusters: []\n")
        }),
        ("{users: [{name: é, user: {}}]}\n", format!("{{users: [{{name: é, user: {{}}}}, {JSON_USER}]}}\n")),
        ("users:\n- name: a", format!("users:\n- name: a\n{}", EXEC.trim_end())),
    ];
    for (before, after) in table {
        becomes(&plain, before, &after);
    }
}

#[test]
fn what_kubectl_left_empty_is_filled() {
    let plain = kubeconfig(None, None);
    let table = [
        ("users: []\nkind: Config\n", format!("users: [{JSON_USER}]\nkind: Config\n"), "users: []\nkind: Config\n"),
        ("users: # none\nkind: Config\n", format!("users: [{JSON_USER}] # none\nkind: Config\n"), "users: [] # none\nkind: Config\n"),
        ("users: null\n", format!("users: [{JSON_USER}]\n"), "users: []\n"),
        ("kind: Config\n", format!("kind: Config\nusers:\n{EXEC}"), "kind: Config\nusers:\n"),
        ("", format!("apiVersion: v1\nkind: Config\nusers:\n{EXEC}"), "apiVersion: v1\nkind: Config\nusers:\n"),
    ];
    for (before, after, recognised) in table {
        becomes_then(&plain, before, &after, recognised);
        assert!(!before.is_empty() || plain.is_blank(recognised), "a file of ours has nothing left");
    }
}

#[test]
fn a_context_is_pointed_at_the_user_or_made() {
    let before = "clusters:\n- name: c\n  cluster: {}\ncontexts:\n- context:\n    cluster: c\n    user: me # old\n  name: work\nusers:\n- name: me\n";
    let pointed = before.replace("user: me # old", "user: token-prod # old") + EXEC;
    // Whom the context had is not to be seen any more: only memory brings it back.
    let recognised = before.replace("user: me # old", "user: token-prod # old");
    becomes_then(&kubeconfig(Some("work"), None), before, &pointed, &recognised);

    let made = before.replace("users:", "- name: new\n  context:\n    cluster: c\n    user: token-prod\nusers:") + EXEC;
    let recognised = made.replace(EXEC, "");
    becomes_then(&kubeconfig(Some("new"), Some("c")), before, &made, &recognised);

    is_refused(&kubeconfig(Some("wrok"), None), before, 1, "no context `wrok`");
    is_refused(&kubeconfig(Some("new"), Some("d")), before, 1, "no cluster `d`");
    is_refused(&kubeconfig(Some("new"), None), "", 1, "no context");
}

#[test]
fn another_kubeconfig_user_of_that_name_is_left_alone() {
    is_refused(&kubeconfig(None, None), "kind: Config\nusers:\n- name: token-prod\n  user: {token: x}\n", 3, "other credentials");
    let other = format!("users:\n{}", EXEC.replace("- prod", "- other"));
    is_refused(&kubeconfig(None, None), &other, 2, "other credentials");
}

#[test]
fn docker_gets_helpers() {
    let one = docker(&["registry.example.com"]);
    becomes(
        &one,
        "{\n\t\"auths\": {},\n\t\"credHelpers\": {\n\t\t\"gcr.io\": \"gcloud\"\n\t},\n\t\"z\": 1\n}\n",
        "{\n\t\"auths\": {},\n\t\"credHelpers\": {\n\t\t\"gcr.io\": \"gcloud\",\n\t\t\"registry.example.com\": \"token-prod\"\n\t},\n\t\"z\": 1\n}\n",
    );
    becomes(
        &one,
        "{\n  \"auths\": {}\n}",
        "{\n  \"auths\": {},\n  \"credHelpers\": {\n    \"registry.example.com\": \"token-prod\"\n  }\n}",
    );
    becomes(&one, "{\"auths\":{}}\n", "{\"auths\":{}, \"credHelpers\": {\"registry.example.com\": \"token-prod\"}}\n");
    becomes_then(
        &one,
        "{ \"credHelpers\": {}, \"a\": \"\\/é\" }",
        "{ \"credHelpers\": {\n\t\"registry.example.com\": \"token-prod\"\n}, \"a\": \"\\/é\" }",
        "{ \"a\": \"\\/é\" }",
    );
    becomes_then(&one, "", "{\n\t\"credHelpers\": {\n\t\t\"registry.example.com\": \"token-prod\"\n\t}\n}\n", "{}\n");
    becomes_then(&one, "{}\n", "{\n\t\"credHelpers\": {\n\t\t\"registry.example.com\": \"token-prod\"\n\t}\n}\n", "{}\n");
    let two = docker(&["a.example.com", "b.example.com:5000"]);
    becomes(
        &two,
        "{\"credHelpers\":{\"c\":\"x\"}}",
        "{\"credHelpers\":{\"c\":\"x\", \"a.example.com\": \"token-prod\", \"b.example.com:5000\": \"token-prod\"}}",
    );
    let of_nobody = make(&one, "{\"credHelpers\":{\"registry.example.com\":\"token\",\"a\":\"b\"}}", &[]).unwrap().unwrap();
    assert_eq!(of_nobody.text, "{\"credHelpers\":{\"a\":\"b\", \"registry.example.com\": \"token-prod\"}}");
    is_refused(&one, "{\n\"credHelpers\": {\n\"registry.example.com\": \"ecr-login\"}}", 3, "has the helper `ecr-login`");
    is_refused(&one, "{\n\"credHelpers\": []}", 1, "no object");
}

#[test]
fn docker_helpers_go_wherever_they_stand() {
    let change = docker(&[]);
    let table = [
        (r#"{"credHelpers":{"a":"token-prod","b":"x","c":"token-prod","d":"token-prod"}}"#, r#"{"credHelpers":{"b":"x"}}"#),
        (r#"{"credHelpers":{"b":"x","c":"token-prod","d":"y"}}"#, r#"{"credHelpers":{"b":"x","d":"y"}}"#),
        (r#"{"a":1,"credHelpers":{"b":"token-prod"},"c":2}"#, r#"{"a":1,"c":2}"#),
        (r#"{"credHelpers":{"a":"token","b":"token-production"}}"#, r#"{"credHelpers":{"a":"token","b":"token-production"}}"#),
    ];
    for (before, after) in table {
        assert_eq!(take_back(&change, before, &[]).as_deref(), Ok(after));
    }
}

#[test]
fn git_gets_helpers_behind_empty_ones() {
    let ours = |host: &str| format!("[credential \"https://{host}\"]\n\thelper =\n\thelper = !token helper git --profile prod\n");
    let change = git_helpers(&["git.example.com", "*.example.com:8443", "[::1]:8443"]);
    let block = ours("git.example.com") + &ours("*.example.com:8443") + &ours("[::1]:8443");
    for before in [
        "",
        "# mine\n[user]\n\tname = Me ; I\n",
        "[alias]\n\tx = \"!f() { \\\n [x] ; }; f\"\n",
        "[a]\n[credential \"https://git.example.com\"]\n\thelper = store\n",
    ] {
        becomes(&change, before, &format!("{before}{block}"));
    }
    becomes(&git_helpers(&["h"]), "[a]\n\tb = c", &format!("[a]\n\tb = c\n{}", ours("h").trim_end()));

    let grown = ours("h") + "\tusername = me\n[core]\n";
    assert_eq!(take_back(&git_helpers(&["h"]), &grown, &[]).as_deref(), Ok("[credential \"https://h\"]\n\tusername = me\n[core]\n"));
    let spaced = Program { path: "/my \"own\"/token".to_owned(), ..program() };
    let change = git::Helpers { program: spaced, hosts: strings(&["h"]) };
    let quoted = "[credential \"https://h\"]\n\thelper =\n\thelper = \"!'/my \\\"own\\\"/token' helper git --profile prod\"\n";
    becomes(&change, "", quoted);
}

#[test]
fn aws_gets_a_process() {
    let line = "credential_process = token helper aws --profile prod\n";
    becomes(&aws("prod"), "", &format!("[profile prod]\n{line}"));
    becomes(&aws("prod"), "[default]\nregion = x\n", &format!("[default]\nregion = x\n\n[profile prod]\n{line}"));
    becomes(
        &aws("prod"),
        "# c\n[profile prod]\nregion = x\ns3 =\n  max = 10\n\n# d\n[default]\n",
        &format!("# c\n[profile prod]\nregion = x\ns3 =\n  max = 10\n{line}\n# d\n[default]\n"),
    );
    becomes(&aws("default"), "[default]\nregion = x\n\n[profile b]\n", &format!("[default]\nregion = x\n{line}\n[profile b]\n"));
    is_refused(&aws("prod"), "[profile prod]\ncredential_process = other\n", 2, "another credential_process");
    is_refused(&aws("prod"), "[default]\nwhat is this\n", 2, "neither a section");
    is_refused(&aws("prod"), "x = y\n", 1, "neither a section");
}

#[test]
fn terraform_gets_a_helper() {
    let block = "credentials_helper \"token\" {\n  args = [\"--profile\", \"prod\"]\n}\n";
    becomes(&terraform(), "", block);
    let before = "# c\nplugin_cache_dir = \"$HOME/.tf\"\ncredentials \"app.terraform.io\" {\n  token = \"a}\\\"b\" // }\n}\n/* credentials_helper { */\n";
    becomes(&terraform(), before, &format!("{before}\n{block}"));
    becomes(&terraform(), "a = <<EOF\ncredentials_helper {\nEOF\n", &format!("a = <<EOF\ncredentials_helper {{\nEOF\n\n{block}"));
    is_refused(&terraform(), "\ncredentials_helper \"x\" {}\n", 2, "credentials helper already: x");
    for (text, line) in [("a\n", 1), ("a {\n", 1), ("}\n", 1), ("a = \"x\n", 1), ("\n{\"a\": 1}", 2), ("/*\n", 1)] {
        is_refused(&terraform(), text, line, "");
    }
    let grown = format!("{block}\nplugin_cache_dir = \"x\"\n");
    assert_eq!(take_back(&terraform(), &grown, &[]).as_deref(), Ok("\nplugin_cache_dir = \"x\"\n"));
}

#[test]
fn cargo_gets_a_provider() {
    const LINE: &str = "credential-provider = [\"cargo-credential-token\", \"--profile\", \"prod\"]";
    let named = provider(&["mine"], &[]);
    becomes(&named, "# c\n[build]\njobs = 1 # d\n", &format!("# c\n[build]\njobs = 1 # d\n\n[registries.mine]\n{LINE}\n"));
    becomes(
        &named,
        "[registries.mine] # d\nindex = \"sparse+https://x/\"\n\n[net]\n",
        &format!("[registries.mine] # d\n{LINE}\nindex = \"sparse+https://x/\"\n\n[net]\n"),
    );
    becomes(&named, "[registries]\nmine = { index = \"x\" }\n", &format!("[registries]\nmine = {{ index = \"x\", {LINE} }}\n"));
    becomes(&named, "[registries]\nmine.index = \"x\"\n", &format!("[registries]\nmine.{LINE}\nmine.index = \"x\"\n"));
    becomes(&named, "registries.mine.index = 'x'\n", &format!("registries.mine.{LINE}\nregistries.mine.index = 'x'\n"));
    becomes(&named, "", &format!("[registries.mine]\n{LINE}\n"));
    becomes(&provider(&["a b"], &[]), "", &format!("[registries.\"a b\"]\n{LINE}\n"));
    is_refused(&named, "[registries.mine]\ncredential-provider = \"x\"\n", 2, "another credential-provider");
    is_refused(&named, "registries = {}\n", 1, "safely");
    is_refused(&named, "[a]\nb = \n", 2, "not TOML");

    let served = provider(&[], &["*.example.com"]);
    let before =
        "[registries.a]\nindex = \"sparse+https://crates.example.com/index/\"\n[registries.b]\nindex = \"https://else.example.org\"\n";
    becomes(&served, before, &before.replace("[registries.a]\n", &format!("[registries.a]\n{LINE}\n")));
}

#[test]
fn cargo_gets_a_provider_for_all() {
    let all = provider(&[], &[]);
    let word = "\"cargo-credential-token --profile prod\"";
    let line = format!("global-credential-providers = [\"cargo:token\", {word}]\n");
    becomes(&all, "[net]\n", &format!("[net]\n\n[registry]\n{line}"));
    becomes(&all, "[registry]\ndefault = \"x\"\n", &format!("[registry]\n{line}default = \"x\"\n"));
    let list = "[registry]\nglobal-credential-providers = [\n  \"cargo:token\", # first\n  \"other\", # last\n]\n";
    becomes(&all, list, &list.replace("\"other\",", &format!("\"other\", {word},")));
    becomes(&all, "[registry]\nglobal-credential-providers = []\n", &format!("[registry]\nglobal-credential-providers = [{word}]\n"));
    is_refused(&all, "registry.default = \"x\"\n", 1, "without a header");
}

#[test]
fn bazel_gets_helpers() {
    let lines = "common --credential_helper=*.example.com=bazel-credential-token\ncommon --credential_helper=b.example.org=bazel-credential-token\n";
    let change = bazel_helpers(&["*.example.com", "b.example.org"]);
    for before in ["", "# c\nbuild --jobs=1 \\\n  --keep_going\n", "common --credential_helper=other.example.com=/x\n"] {
        becomes(&change, before, &format!("{before}{lines}"));
    }
    becomes(&change, "build -k", &format!("build -k\n{}", lines.trim_end()));
    is_refused(&change, "\ncommon --credential_helper=b.example.org=/usr/bin/x\n", 2, "another credential helper");
}

#[test]
fn go_asks_us_first() {
    let ours = "token helper goauth --profile prod";
    becomes(&goauth(), "", &format!("GOAUTH={ours}; netrc\n"));
    becomes(&goauth(), "# c\nGOPROXY=x\n", &format!("# c\nGOPROXY=x\nGOAUTH={ours}; netrc\n"));
    becomes(&goauth(), "GOAUTH=netrc; git /d\nX=y\n", &format!("GOAUTH={ours}; netrc; git /d\nX=y\n"));
    let grown = format!("GOAUTH=git /d; {ours}; netrc\n");
    assert_eq!(take_back(&goauth(), &grown, &[]).as_deref(), Ok("GOAUTH=git /d; netrc\n"));
    is_refused(&goauth(), "A=b\nGOAUTH=off\n", 2, "`off`");
    is_refused(&goauth(), "A=b\nwhat\n", 2, "KEY=value");
}

#[test]
fn vault_gets_a_script_and_its_path() {
    let line = "token_helper = \"/home/me/.local/bin/vault-credential-token-prod\"\n";
    becomes(&vault(), "", line);
    becomes(&vault(), "# c\n", &format!("# c\n{line}"));
    is_refused(&vault(), "token_helper = \"/x\"\n", 1, "a token helper already");

    let script = Script { program: program() };
    becomes(&script, "", "#!/bin/sh\n# Made by `token helper setup vault`.\nexec token helper vault --profile prod \"$@\"\n");
    is_refused(&script, "#!/bin/sh\n", 1, "another program");
    let moved = "#!/bin/sh\n# Made by `token helper setup vault`.\nexec /opt/token helper vault --profile prod \"$@\"\n";
    assert_eq!(make(&script, moved, &[]).unwrap().unwrap().text, script.make("").unwrap()[0].inserted, "ours, but of another place");
}

/// Every change with a text that it is at home in.
fn all() -> Vec<(Box<dyn Change>, &'static str)> {
    vec![
        (
            Box::new(kubeconfig(Some("work"), None)),
            "contexts:\n- name: work\n  context:\n    user: me\n    cluster: c\nusers:\n- name: me\n",
        ),
        (Box::new(docker(&["h.example.com"])), "{\n\t\"credHelpers\": {\n\t\t\"a\": \"b\"\n\t}\n}\n"),
        (Box::new(git_helpers(&["h.example.com"])), "[user]\n\tname = Me\n"),
        (Box::new(aws("prod")), "[profile prod]\nregion = x\n\n[default]\nregion = y\n"),
        (Box::new(provider(&["mine"], &[])), "[registries.mine]\nindex = \"x\"\n"),
        (Box::new(provider(&[], &[])), "[registry]\nglobal-credential-providers = [\"a\"]\n"),
        (Box::new(bazel_helpers(&["h.example.com"])), "build -k\n"),
        (Box::new(terraform()), "plugin_cache_dir = \"x\"\n"),
        (Box::new(goauth()), "GOAUTH=netrc\nGOPROXY=x\n"),
        (Box::new(vault()), "# c\n"),
    ]
}

#[test]
fn another_place_of_the_program_is_taken_over() {
    let moved = Program { path: "/opt/bin/token".to_owned(), ..program() };
    let changes: [(Box<dyn Change>, Box<dyn Change>); 4] = [
        (Box::new(aws("prod")), Box::new(CredentialProcess { program: moved.clone(), profile: "prod".to_owned() })),
        (Box::new(goauth()), Box::new(GoAuth { program: moved.clone() })),
        (Box::new(git_helpers(&["h"])), Box::new(git::Helpers { program: moved.clone(), hosts: strings(&["h"]) })),
        (Box::new(kubeconfig(None, None)), Box::new(Kubeconfig { program: moved, ..kubeconfig(None, None) })),
    ];
    for (old, new) in changes {
        let first = make(old.as_ref(), "", &[]).unwrap().unwrap();
        let second = make(new.as_ref(), &first.text, &first.edits).unwrap().unwrap();
        assert_eq!(second.text, make(new.as_ref(), "", &[]).unwrap().unwrap().text);
        assert_eq!(take_back(new.as_ref(), &second.text, &second.edits).as_deref(), Ok(""));
    }
}

#[test]
fn what_was_added_by_hand_meanwhile_stays() {
    let added = [
        "- name: late\n",
        ",\n\t\t\"late\": \"x\"\n",
        "[late]\n",
        "[late]\na = 1\n",
        "[late]\na = 1\n",
        "[late]\na = 1\n",
        "# late\n",
        "late = 1\n",
        "LATE=1\n",
        "late = 1\n",
    ];
    for ((change, before), added) in zip(all(), added) {
        let made = make(change.as_ref(), before, &[]).unwrap().unwrap();
        let hook = if before.starts_with('{') { made.text.rfind("\n\t}").unwrap() } else { made.text.len() };
        let added = if before.starts_with('{') { added.trim_end() } else { added };
        let (head, tail) = made.text.split_at(hook);
        let left = take_back(change.as_ref(), &format!("{head}{added}{tail}"), &made.edits).unwrap();
        let hook = if before.starts_with('{') { before.rfind("\n\t}").unwrap() } else { before.len() };
        assert_eq!(left, format!("{}{added}{}", &before[..hook], &before[hook..]));

        let above = format!("{}{}", if before.starts_with('{') { "\n" } else { "# above\n" }, made.text);
        let left = take_back(change.as_ref(), &above, &made.edits).unwrap();
        assert!(left.ends_with(before) && left.len() > before.len(), "{left}");
    }
}

/// What comes to stand below something of ours may belong to it: it is not to fall to what stands above.
#[test]
fn what_came_to_belong_to_ours_is_not_orphaned() {
    let table: [(Box<dyn Change>, &str, &str, &str); 4] = [
        (Box::new(aws("prod")), "[default]\na = 1\n", "region = x\n", "[default]\na = 1\n\n[profile prod]\nregion = x\n"),
        (Box::new(provider(&["mine"], &[])), "", "index = \"x\"\n", "[registries.mine]\nindex = \"x\"\n"),
        (Box::new(git_helpers(&["h"])), "", "\tusername = me\n", "[credential \"https://h\"]\n\tusername = me\n"),
        (Box::new(kubeconfig(None, None)), "", "clusters: []\n", "apiVersion: v1\nkind: Config\nusers:\nclusters: []\n"),
    ];
    for (change, before, added, left) in table {
        let made = make(change.as_ref(), before, &[]).unwrap().unwrap();
        assert_eq!(take_back(change.as_ref(), &(made.text + added), &made.edits).as_deref(), Ok(left));
    }
}

#[test]
fn a_memory_that_does_not_fit_is_not_used() {
    for (change, before) in all() {
        let made = make(change.as_ref(), before, &[]).unwrap().unwrap();
        let recognised = take_back(change.as_ref(), &made.text, &[]).unwrap();
        let wrong = |at, inserted: &str| [Edit { removed: "evil".to_owned(), ..Edit::insert(at, inserted) }];
        for (at, inserted) in [(0, "no such text"), (usize::MAX, "x"), (usize::MAX, ""), (1, "\u{e9}")] {
            assert_eq!(take_back(change.as_ref(), &made.text, &wrong(at, inserted)).unwrap(), recognised, "{at} {inserted:?}");
        }
        let elsewhere = made.edits.iter().map(|edit| Edit { followed: "x".to_owned(), ..edit.clone() }).collect::<Vec<_>>();
        assert_eq!(take_back(change.as_ref(), &made.text, &elsewhere).unwrap(), recognised);
    }
}

/// Nesting that nobody writes ends in a refusal, or in nothing, and in no overflow of the stack.
#[test]
fn deep_nesting_is_survived() {
    const DEPTH: usize = 8_000;
    for opening in ["[", "{\"a\":", "- ", "? ", "a = [", "a { ", "{a: ", "a = ${", "users: [", "[a.b."] {
        for (change, _) in all() {
            let _ = make(change.as_ref(), &opening.repeat(DEPTH), &[]);
            let _ = take_back(change.as_ref(), &opening.repeat(DEPTH), &[]);
        }
    }
}

/// Text that a consumer may have, and may not.
fn garbled() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "users:\n",
        "- name: a\n",
        "  user: {token: x}\n",
        "contexts:\n",
        "{",
        "}",
        "[",
        "]",
        "\"credHelpers\": {}",
        "\"a\": 1",
        ",",
        "\n",
        "\r\n",
        "# c\n",
        "; d\n",
        "[profile prod]\n",
        "[profile a]\n",
        "k = v\n",
        "  nested = 1\n",
        "[registries.mine]\n",
        "[registries]\n",
        "mine = { index = \"x\" }\n",
        "[registry]\n",
        "global-credential-providers = [\"a\"]\n",
        "GOAUTH=netrc\n",
        "GOAUTH=",
        "A=b\n",
        "token_helper = \"x\"\n",
        "credentials \"h\" {\n",
        "}\n",
        "common --x\n",
        "[credential \"https://h.example.com\"]\n",
        "\thelper =\n",
        "helper = store\n",
        "\thelper = !token helper git --profile prod\n",
        "é",
        "\t",
        " ",
        "'",
        "\"",
        "\\\n",
        "\u{0}",
        "\u{feff}",
        "&a ",
        "*a",
        "<<EOF\n",
        "--- \n",
        "credential_process = token helper aws --profile prod\n",
        "common --credential_helper=h.example.com=bazel-credential-token\n",
    ]);
    prop::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
}

/// What nobody takes for an error: entries as people write them.
fn written() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("[a-z]{1,6}", "[a-z0-9]{0,5}"), 0..6).prop_map(|mut entries| {
        entries.sort();
        entries.dedup_by(|a, b| a.0 == b.0);
        entries
    })
}

fn lines_of(entries: &[(String, String)], shape: &str) -> String {
    entries.iter().map(|(key, value)| shape.replace('K', key).replace('V', value)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_can_be_written_can_be_taken_back(text in garbled()) {
        for (change, _) in all() {
            let Ok(Some(made)) = make(change.as_ref(), &text, &[]) else { continue };
            let base = take_back(change.as_ref(), &text, &[]).unwrap();
            prop_assert_eq!(take_back(change.as_ref(), &made.text, &made.edits), Ok(base));
            prop_assert_eq!(make(change.as_ref(), &made.text, &made.edits), Ok(None));
            let left = take_back(change.as_ref(), &made.text, &[]).unwrap();
            prop_assert_eq!(change.take_back(&left), Ok(Vec::new()), "{:?} of {:?}", left, text);
            prop_assert!(matches!(make(change.as_ref(), &left, &[]), Ok(Some(_))), "{:?} of {:?}", left, text);
        }
    }

    #[test]
    fn what_people_write_is_taken_and_given_back(entries in written(), is_dos in any::<bool>(), is_open in any::<bool>(), deep in any::<bool>()) {
        let indent = if deep { "  " } else { "" };
        let json: Vec<String> = entries.iter().map(|(key, value)| format!("{indent}\"{key}\": \"{value}\"")).collect();
        let texts = [
            format!("# c\nkind: Config\nusers:\n{}preferences: {{}}\n", lines_of(&entries, &format!("{indent}- name: \"K\" # V\n{indent}  user:\n{indent}    token: xV\n"))),
            format!("{{\n{indent}\"credHelpers\": {{\n{}\n}} }}\n", json.join(",\n")),
            lines_of(&entries, "[K] # c\n\tV = V\n"),
            lines_of(&entries, "[profile K]\n# V\nkey = V\n\n"),
            lines_of(&entries, "[registries.K] # V\nindex = \"V\"\n"),
            format!("[registry]\n{}", lines_of(&entries, "# K\nK = \"V\"\n")),
            lines_of(&entries, "build --K=V\n# V\n"),
            lines_of(&entries, "K = \"V\" # c\nK \"V\" {\n  a = [\"V\"]\n}\n"),
            lines_of(&entries, "K=V\n# V\n"),
            lines_of(&entries, "K = \"V\"\n"),
        ];
        let changes: Vec<Box<dyn Change>> = vec![
            Box::new(kubeconfig(None, None)), Box::new(docker(&["h.example.com", "i.example.com"])), Box::new(git_helpers(&["h.example.com"])),
            Box::new(aws("prod")), Box::new(provider(&["mine", "other"], &[])), Box::new(provider(&[], &[])), Box::new(bazel_helpers(&["h.example.com"])),
            Box::new(terraform()), Box::new(goauth()), Box::new(vault()),
        ];
        for (change, text) in zip(changes, texts) {
            let text = if is_dos { text.replace('\n', "\r\n") } else { text };
            let text = if is_open { text.trim_end().to_owned() } else { text };
            let made = make(change.as_ref(), &text, &[]);
            prop_assert!(matches!(made, Ok(Some(_))), "{:?}: {:?}", text, made);
            let made = made.unwrap().unwrap();
            prop_assert_eq!(take_back(change.as_ref(), &made.text, &made.edits), Ok(text.clone()));
            prop_assert_eq!(make(change.as_ref(), &made.text, &made.edits), Ok(None));
            let kept: Vec<&str> = text.lines().map(str::trim).filter(|line| line.starts_with('#')).collect();
            prop_assert!(kept.iter().all(|comment| made.text.contains(comment)));
        }
    }
}
