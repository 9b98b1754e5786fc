//! Files appear whole, with their mode, behind their links, and go where they came from here.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::home::{CONFIG, home, says, setup};
use crate::support::Test;
use crate::support::home::mode;
use crate::support::privilege::is_root;
use crate::support::tools::FILES;

#[test]
fn a_change_is_shown_made_once_and_taken_back() {
    for (tool, file) in FILES {
        let test = home();
        let path = test.path(file);
        let shown = setup(&test, tool);
        shown.exits(0).mentions("--write makes this change in").mentions("prod: ");
        assert!(!path.exists(), "{tool}: nothing is written unasked");
        assert!(shown.stdout().contains("--- /dev/null\n") && shown.stdout().contains("\n+"), "{tool}{shown}");

        setup(&test, &format!("{tool} --write")).exits(0).prints("").mentions("is set up in");
        let written = says(&path);
        let added: Vec<&str> = written.lines().collect();
        let diff = shown.stdout();
        assert!(!added.is_empty() && added.iter().all(|line| diff.contains(&format!("+{line}\n"))), "{tool}: what was shown{shown}");
        assert_eq!(mode(&path) & 0o077, if tool == "git" { 0o044 } else { 0 }, "{tool}");

        setup(&test, &format!("{tool} --write")).exits(0).prints("").mentions("already set up");
        setup(&test, tool).exits(0).prints("").mentions("already set up");
        assert_eq!(says(&path), written, "{tool}: once");

        let shown = setup(&test, &format!("{tool} --undo"));
        shown.exits(0).mentions("--write removes");
        assert!(shown.stdout().contains("+++ /dev/null\n"), "{tool}{shown}");
        assert_eq!(says(&path), written, "{tool}: nothing is undone unasked");
        setup(&test, &format!("{tool} --undo --write")).exits(0).prints("").mentions("removed");
        assert!(!path.exists(), "{tool}: a file of ours is gone");
        setup(&test, &format!("{tool} --undo --write")).exits(0).prints("").mentions("nothing to take back");
        let left: Vec<_> = fs::read_dir(test.path("state/setup")).unwrap().collect();
        assert!(left.is_empty(), "{tool}: {left:?}");
    }
}

#[test]
fn what_was_there_stays_to_the_last_byte() {
    let texts = [
        "# mine\r\nkind: Config\r\nusers: [] # none\r\n",
        "[user]\n  name = Me",
        "{ \"credHelpers\": {} ,\n\n\"auths\":{}}",
        "; mine\n[default]\nregion=x\n\n\n",
        "\n\n[registries.mine]\nindex = \"sparse+https://git.example.com/\"# mine",
        "plugin_cache_dir   = \"x\"\n\n",
        "# mine",
        "GOPROXY=direct\n",
        "",
    ];
    for ((tool, file), text) in FILES.into_iter().zip(texts) {
        let test = home();
        let path = test.put(file, text, 0o644);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        setup(&test, &format!("{tool} --write")).exits(0);
        assert!(says(&path).len() > text.len() && says(&path).contains(text.split_whitespace().next().unwrap_or_default()), "{tool}");
        assert_eq!(mode(&path), 0o640, "{tool}");
        setup(&test, &format!("{tool} --undo --write")).exits(0);
        assert!(path.exists() && says(&path) == text, "{tool}: {:?}", says(&path));
    }
}

#[test]
fn later_edits_by_hand_stay() {
    let later = ["clusters: []\n", "[late]\n", "", "[late]\n", "[late]\n", "# late\n", "# late\n", "LATE=1\n", "# late\n"];
    for ((tool, file), later) in FILES.into_iter().zip(later) {
        let test = home();
        setup(&test, &format!("{tool} --write")).exits(0);
        let path = test.path(file);
        let edited = if tool == "docker" { says(&path).replacen("{\n", "{\n\t\"late\": 1,\n", 1) } else { says(&path) + later };
        fs::write(&path, &edited).unwrap();
        setup(&test, &format!("{tool} --undo --write")).exits(0).mentions("took it out of");
        let left = says(&path);
        assert!(left.to_lowercase().contains("late") || left.contains("clusters"), "{tool}: {left}");
        assert!(!left.contains("token"), "{tool}: {left}");
    }
}

#[test]
fn nothing_needs_to_be_remembered() {
    for (tool, file) in FILES {
        let test = home();
        setup(&test, &format!("{tool} --write")).exits(0);
        fs::remove_dir_all(test.path("state")).unwrap();
        setup(&test, &format!("{tool} --undo --write")).exits(0);
        assert!(!says(&test.path(file)).contains("token"), "{tool}: {}", says(&test.path(file)));

        setup(&test, &format!("{tool} --write")).exits(0);
        for record in fs::read_dir(test.path("state/setup")).unwrap() {
            fs::write(record.unwrap().path(), "{\"version\":1,").unwrap();
        }
        setup(&test, &format!("{tool} --undo --write")).exits(0);
        assert!(!says(&test.path(file)).contains("token"), "{tool}: a damaged memory");
    }
}

#[test]
fn the_file_behind_a_link_is_written_and_the_link_stays() {
    let test = home();
    let dotfile = test.put("dotfiles/gitconfig", "[user]\n", 0o644);
    let link = test.path(".gitconfig");
    symlink("dotfiles/gitconfig", &link).unwrap();
    setup(&test, "git --write").exits(0).mentions("dotfiles/gitconfig");
    assert!(link.is_symlink() && says(&dotfile).contains("credential"));
    setup(&test, "git --undo --write").exits(0);
    assert!(link.is_symlink() && says(&dotfile) == "[user]\n");

    fs::remove_file(&dotfile).unwrap();
    setup(&test, "git --write").exits(0);
    assert!(link.is_symlink() && says(&dotfile).contains("credential"), "what a link leads to need not be there");
    setup(&test, "git --undo --write").exits(0);
    assert!(link.is_symlink() && !dotfile.exists());

    fs::remove_file(&link).unwrap();
    symlink(".gitconfig", &link).unwrap();
    setup(&test, "git --write").exits(6).mentions("leads to itself");
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_line() {
    let table: [(&str, &[u8], &str); 13] = [
        ("kubectl", b"users:\n- name: a\n  user: {\n", "config:"),
        ("kubectl", b"- a\n", "config:1: "),
        ("kubectl", b"a: 1\n---\nb: 1\n", "config:3: "),
        ("git", b"[user]\n\tname = x\nwhat is this\n= this\n", ".gitconfig:3: "),
        ("docker", b"{\n\"a\": 1,\n}", "config.json:3: "),
        ("docker", b"[]", "config.json:1: "),
        ("aws", b"[default]\n\nwhat\n", "config:3: "),
        ("cargo", b"[build]\njobs =\n", "config.toml:2: "),
        ("terraform", b"a = 1\ncredentials \"h\" {\n", ".terraformrc:2: "),
        ("goauth", b"A=1\nwhat\n", "env:2: "),
        ("vault", b"\n\n}\n", ".vault:3: "),
        ("bazel", b"build -k\n\n\xff\n", ".bazelrc:3: "),
        ("kubectl", b"a: \"\x00\xc3\x28\"", "config:1: "),
    ];
    for (tool, text, place) in table {
        let test = home().named(place);
        let file = FILES.iter().find(|(name, _)| *name == tool).unwrap().1;
        let path = test.put(file, "", 0o644);
        fs::write(&path, text).unwrap();
        setup(&test, &format!("{tool} --write")).fails(2, place);
        assert_eq!(fs::read(&path).unwrap(), text, "{tool}");
    }
}

#[test]
fn what_somebody_else_has_set_up_is_left_alone() {
    let table = [
        ("kubectl", "users:\n- name: token-prod\n  user: {token: canary}\n", "--user"),
        ("docker", "{\"credHelpers\": {\"git.example.com\": \"ecr-login\"}}", "ecr-login"),
        ("aws", "[profile prod]\ncredential_process = /x\n", "--aws-profile"),
        ("cargo", "[registries.a]\nindex = \"sparse+https://git.example.com/\"\ncredential-provider = \"x\"\n", "credential-provider"),
        ("terraform", "credentials_helper \"x\" {}\n", "only one"),
        ("bazel", "common --credential_helper=git.example.com=/x\n", "git.example.com"),
        ("goauth", "GOAUTH=off\n", "off"),
        ("vault", "token_helper = \"/x\"\n", "token helper already"),
    ];
    for (tool, text, what) in table {
        let test = home();
        let path = test.put(FILES.iter().find(|(name, _)| *name == tool).unwrap().1, text, 0o644);
        setup(&test, &format!("{tool} --write")).fails(2, what).hides("canary");
        assert_eq!(says(&path), text, "{tool}");
        setup(&test, &format!("{tool} --undo --write")).exits(0);
        assert_eq!(says(&path), text, "{tool}: not ours to take back");
    }
}

#[test]
fn what_is_no_file_of_this_user_to_write_is_refused() {
    let test = home();
    fs::create_dir(test.path(".gitconfig")).unwrap();
    setup(&test, "git --write").exits(6).mentions("not a regular file");

    let test = home();
    let path = test.put(".bazelrc", "# mine\n", 0o644);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    setup(&test, "bazel --write").exits(6).mentions("read-only");
    assert_eq!(says(&path), "# mine\n");

    if is_root() {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        setup(&test, "bazel --write").exits(6).mentions("belongs to user 65534");
        setup(&test, "bazel").exits(0);
        assert_eq!(says(&path), "# mine\n");
    } else {
        eprintln!("skipped: only root can give a file away");
    }
}

#[test]
fn profiles_do_not_take_each_other_back() {
    let test = home();
    setup(&test, "docker --profile prod --write").exits(0);
    setup(&test, "docker --profile other --write").exits(0);
    let path = test.path(".docker/config.json");
    let both = says(&path);
    assert!(both.contains("token-prod") && both.contains("token-other"), "{both}");
    setup(&test, "docker --profile prod --undo --write").exits(0);
    assert!(!test.path("bin/docker-credential-token-prod").is_symlink() && test.path("bin/docker-credential-token-other").is_symlink());
    assert!(!says(&path).contains("prod") && says(&path).contains("\"other.example.com\": \"token-other\""), "{}", says(&path));
    setup(&test, "docker --profile other --undo --write").exits(0);
    assert!(!path.exists(), "the last to go takes the file along");
}

#[test]
fn a_profile_that_is_gone_can_still_be_taken_back() {
    let test = home();
    setup(&test, "aws --profile prod --write").exits(0);
    test.configure(&CONFIG.replace("prod", "renamed"));
    setup(&test, "aws --profile prod --write").exits(2);
    setup(&test, "aws --profile prod --undo --write").exits(0);
    assert!(!test.path(".aws/config").exists());
}

#[test]
fn the_files_that_the_tools_name_are_meant() {
    let variables = [
        ("kubectl", "KUBECONFIG", "elsewhere/kube"),
        ("git", "GIT_CONFIG_GLOBAL", "elsewhere/git"),
        ("aws", "AWS_CONFIG_FILE", "elsewhere/aws"),
        ("terraform", "TF_CLI_CONFIG_FILE", "elsewhere/tf"),
        ("goauth", "GOENV", "elsewhere/go"),
        ("vault", "VAULT_CONFIG_PATH", "elsewhere/vault"),
    ];
    for (tool, variable, file) in variables {
        let test = home();
        let path = test.path(file);
        let test = test.env(variable, &path);
        setup(&test, &format!("{tool} --write")).exits(0);
        assert!(says(&path).contains("token"), "{tool}");
    }
    for (tool, variable, file) in [("docker", "DOCKER_CONFIG", "config.json"), ("cargo", "CARGO_HOME", "config.toml")] {
        let test = home();
        let folder = test.path("elsewhere");
        let test = test.env(variable, &folder);
        setup(&test, &format!("{tool} --write")).exits(0);
        assert!(says(&folder.join(file)).contains("token"), "{tool}");
    }
}

#[test]
fn of_several_kubeconfigs_the_one_with_the_context_is_meant() {
    let test: Test = home();
    let first = test.put("a", "kind: Config\n", 0o644);
    let second = test.put("b", "contexts:\n- name: work\n  context: {cluster: c, user: me}\n", 0o644);
    let test = test.env("KUBECONFIG", format!("{}::{}", first.display(), second.display()));
    setup(&test, "kubectl --context work --write").exits(0);
    assert_eq!(says(&first), "kind: Config\n");
    assert!(says(&second).contains("user: token-prod}"), "{}", says(&second));
    setup(&test, "kubectl --context work --undo --write").exits(0);
    assert_eq!(says(&second), "contexts:\n- name: work\n  context: {cluster: c, user: me}\n");

    setup(&test, "kubectl --context work --write").exits(0);
    fs::remove_dir_all(test.path("state")).unwrap();
    setup(&test, "kubectl --context work --undo --write").exits(0).mentions("`work` still names the user `token-prod`");
}

/// What a newer program remembers is not for this one to judge, or to forget.
#[test]
fn a_memory_of_a_future_version_is_left_alone() {
    let test = home();
    setup(&test, "docker --write").exits(0);
    let memory = fs::read_dir(test.path("state/setup")).unwrap().next().unwrap().unwrap().path();
    let future = says(&memory).replacen("\"version\":1", "\"version\":2", 1);
    fs::write(&memory, &future).unwrap();
    let config = says(&test.path(".docker/config.json"));
    for words in ["docker --write", "docker --undo --write"] {
        setup(&test, words).exits(6).prints("").mentions("newer version");
        assert_eq!((says(&memory), says(&test.path(".docker/config.json"))), (future.clone(), config.clone()), "{words}");
    }
}
