//! Other tools: the names by which they find the program, and what their configuration has them call.

use std::fs;
use std::os::unix::fs::symlink;

use crate::report::{Report, doctor};
use crate::support::Test;
use crate::support::tools::FILES;

const CONFIG: &str = "default = \"prod\"\n\
    [profile.prod]\nsource = \"env\"\nvariable = \"HOME\"\nhosts = [\"git.example.com\", \"*.example.org\"]\n";

fn home() -> Test {
    Test::configured(CONFIG).on_path()
}

#[track_caller]
fn look(test: &Test) -> Report {
    doctor(test, &["--offline"])
}

#[test]
fn what_setting_up_writes_is_recognised_and_well() {
    for (tool, file) in FILES {
        let test = home();
        assert_eq!(look(&test).of("consumer.profile").len(), 0, "{tool}");
        test.run(&["helper", "setup", tool, "--profile", "prod", "--write"]).exits(0);
        assert!(test.path(file).exists(), "{tool}");
        let report = look(&test);
        report.exits(0).finds("consumer.profile", "ok", tool).finds("consumer.profile", "ok", file).is_well("consumer.program");
        assert_eq!(report.of("consumer.program").len(), 0, "{tool}{}", report.outcome);

        // The program has gone from where the tool looks for it.
        for link in fs::read_dir(test.path("bin")).unwrap().map(|entry| entry.unwrap().path()) {
            fs::remove_file(link).unwrap();
        }
        let _ = fs::remove_file(test.path(".terraform.d/plugins/terraform-credentials-token"));
        let report = look(&test);
        report.exits(2).finds("consumer.program", "problem", tool).advises("consumer.program", &format!("token helper setup {tool}"));
    }
}

#[test]
fn a_tool_that_asks_for_a_profile_that_is_gone_is_told() {
    for (tool, file) in FILES {
        let test = home();
        test.run(&["helper", "setup", tool, "--profile", "prod", "--write"]).exits(0);
        test.configure(&CONFIG.replace("prod", "other"));
        let report = look(&test);
        // Bazel asks by its hosts alone.
        if tool != "bazel" {
            report.exits(2).finds("consumer.profile", "problem", "`prod`").finds("consumer.profile", "problem", file);
            report.advises("consumer.profile", &format!("token helper setup {tool} --profile prod --undo --write"));
        }
    }
}

/// With kubectl set up in `work/kubeconfig`, which no variable names any more.
fn set_up_elsewhere() -> Test {
    let test = home();
    let elsewhere = test.path("work/kubeconfig");
    let test = test.env("KUBECONFIG", &elsewhere);
    fs::create_dir_all(test.path("work")).unwrap();
    test.run(&["helper", "setup", "kubectl", "--profile", "prod", "--write"]).exits(0);
    test.without_env("KUBECONFIG")
}

#[test]
fn what_was_set_up_elsewhere_is_remembered() {
    let test = set_up_elsewhere();
    look(&test).exits(0).finds("consumer.profile", "ok", "work/kubeconfig");
    test.configure(&CONFIG.replace("prod", "other"));
    look(&test).exits(2).finds("consumer.profile", "problem", "work/kubeconfig");
}

#[test]
fn a_broken_profile_is_there_all_the_same() {
    let test = home();
    test.run(&["helper", "setup", "kubectl", "--profile", "prod", "--write"]).exits(0);
    test.configure(&CONFIG.replace("\"env\"", "\"evn\""));
    look(&test).exits(2).finds("config.mistake", "problem", "`evn`").is_well("consumer.profile");
}

#[test]
fn a_file_of_theirs_that_cannot_be_read_is_noted() {
    let test = home();
    test.put(".docker/config.json", "{\n", 0o600);
    look(&test).exits(0).finds("consumer.file", "note", ".docker/config.json:");
}

#[test]
fn a_name_that_leads_elsewhere_is_told() {
    let test = home();
    symlink("token", test.path("bin/git-credential-token")).unwrap();
    look(&test).exits(0).finds("helper.link", "ok", "`git-credential-token` is this program");

    fs::remove_file(test.path("bin/git-credential-token")).unwrap();
    test.put("bin/git-credential-token", "#!/bin/sh\n", 0o755);
    look(&test).exits(2).finds("helper.link", "warning", "another program");
    fs::remove_file(test.path("bin/git-credential-token")).unwrap();
    symlink("nowhere", test.path("bin/git-credential-token")).unwrap();
    look(&test).exits(2).finds("helper.link", "warning", "leads nowhere");
    fs::remove_file(test.path("bin/git-credential-token")).unwrap();
    // Many have a program of this name.
    test.put("bin/keyring", "#!/bin/sh\n", 0o755);
    look(&test).exits(0);

    symlink("token", test.path("bin/docker-credential-token-prod")).unwrap();
    look(&test).exits(0).finds("helper.link", "ok", "docker-credential-token-prod");
    symlink("token", test.path("bin/docker-credential-token-gone")).unwrap();
    look(&test).exits(2).finds("helper.profile", "warning", "`gone`");
}

#[test]
fn another_program_of_our_name_is_told() {
    let test = Test::configured(CONFIG);
    let program = test.put("bin/token", "#!/bin/sh\n", 0o755);
    let path = std::env::join_paths([program.parent().unwrap()]).unwrap();
    look(&test.env("PATH", path)).exits(2).finds("helper.program", "warning", "another program than this one");
    look(&Test::configured(CONFIG).env("PATH", "/no/such/folder")).exits(0).finds("helper.program", "note", "not on PATH");
}

#[test]
fn completions_are_found_where_the_shell_has_them() {
    let table = [
        ("/bin/bash", ".local/share/bash-completion/completions/token"),
        ("/usr/bin/zsh", ".zfunc/_token"),
        ("/usr/bin/fish", "config/fish/completions/token.fish"),
    ];
    for (shell, file) in table {
        let test = home().env("SHELL", shell).env("XDG_DATA_DIRS", "/no/such/folder");
        look(&test).exits(0).finds("shell.completion", "note", "has no completions");
        test.put(file, "", 0o644);
        look(&test).exits(0).finds("shell.completion", "ok", file);
    }
    let test = home();
    look(&test).finds("shell.manual", "note", "not installed");
    test.put("share/man/man7/token-helper.7", "", 0o644);
    look(&test).finds("shell.manual", "ok", "share/man/man7");
}

#[test]
fn a_kubeconfig_may_name_the_profile_in_the_environment_of_the_command() {
    let kubeconfig = |exec: &str| {
        format!(
            "apiVersion: v1\nkind: Config\nusers:\n- name: mine\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      \
             command: token\n      args: [helper, kubectl]\n{exec}"
        )
    };
    let variable = |name: &str, value: &str| format!("      env:\n      - name: {name}\n        value: {value}\n");
    let test = home();
    let look = |exec: &str| {
        test.put(".kube/config", &kubeconfig(exec), 0o600);
        look(&test)
    };
    look(&variable("TOKEN_PROFILE", "prod")).exits(0).finds("consumer.profile", "ok", "kubectl asks for `prod`");
    let report = look(&variable("TOKEN_PROFILE", "gone"));
    report.exits(2).finds("consumer.profile", "problem", "`gone`").finds("consumer.profile", "problem", ".kube/config:4");
    look("").exits(0).finds("consumer.profile", "ok", "where none is named, `prod`");
    look("      provideClusterInfo: true\n").exits(0).finds("consumer.profile", "ok", "by its host");
    look(&variable("TOKEN_CONFIG", "/etc/other.toml")).exits(0).finds(
        "consumer.profile",
        "ok",
        "by another configuration, /etc/other.toml",
    );
    let ours = test.path("config/token/config.toml").display().to_string();
    look(&format!("{}      - name: TOKEN_PROFILE\n        value: gone\n", variable("TOKEN_CONFIG", &ours))).exits(2);

    let profile = |name: &str| format!("[profile.{name}]\nsource = \"env\"\nvariable = \"HOME\"\n");
    test.configure(&format!("{}{}", profile("a"), profile("b")));
    look("").exits(2).finds("consumer.profile", "problem", "names no profile").advises("consumer.profile", "`default`");
}

#[test]
fn a_host_that_no_profile_lists_is_told() {
    let git = |url: &str, helper: &str| (".gitconfig", format!("[credential \"{url}\"]\n\thelper =\n\thelper = {helper}\n"));
    let docker = |host: &str, helper: &str| (".docker/config.json", format!("{{\"credHelpers\": {{\"{host}\": \"{helper}\"}}}}"));
    let bazel = |host: &str| (".bazelrc", format!("common --credential_helper={host}=bazel-credential-token\n"));
    let listed = [
        git("https://git.example.com", "token"),
        git("https://git.example.com/group", "token"),
        git("git.example.com", "!token helper git --profile prod"),
        git("https://*.example.org", "token"),
        // Some of it.
        git("https://*.example.com", "token"),
        git("https://git.example.net", "store"),
        docker("git.example.com", "token-prod"),
        docker("a.example.org", "token"),
        docker("git.example.net", "desktop"),
        bazel("*.example.org"),
    ];
    for (file, text) in listed {
        let test = home();
        test.put(file, &text, 0o600);
        assert!(look(&test).of("consumer.host").is_empty(), "{text}");
    }
    let refused = [
        (git("https://git.example.net", "token"), "git.example.net, which no profile lists", "`hosts` of a profile"),
        (git("https://git.example.net", "!token helper git -p prod"), "git.example.net, which `prod` does not list", "[profile.prod]"),
        (git("https://*.example.net", "token"), "*.example.net, which no profile lists", "`hosts` of a profile"),
        (git("http://git.example.com", "token"), "http://git.example.com, and a token goes to https only", "https://"),
        (docker("ghcr.io", "token"), "ghcr.io, which no profile lists", "add \"ghcr.io\""),
        (docker("ghcr.io", "token-prod"), "ghcr.io, which `prod` does not list", "[profile.prod]"),
        (docker("https://index.docker.io/v1/", "token"), "index.docker.io, which no profile lists", "add \"index.docker.io\""),
        (bazel("git.example.net"), "git.example.net, which no profile lists", "`hosts` of a profile"),
    ];
    for ((file, text), says, hint) in refused {
        let test = home();
        test.put(file, &text, 0o600);
        let report = look(&test);
        report.exits(2).finds("consumer.host", "problem", says).finds("consumer.host", "problem", &format!("{file}:"));
        report.advises("consumer.host", hint);
    }
    // Each host once, and not those of a profile that is told already.
    let test = home();
    test.put(".docker/config.json", "{\"credHelpers\": {\"a.net\": \"token\", \"b.net\": \"token\", \"c.net\": \"token-gone\"}}", 0o600);
    assert_eq!(look(&test).of("consumer.host").len(), 2);
    // A profile with a mistake may list it.
    test.configure(&CONFIG.replace("\"env\"", "\"evn\""));
    assert!(look(&test).of("consumer.host").is_empty());
}

/// A user `mine` whose command is that, with these arguments.
fn kubeconfig(command: &str, arguments: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nusers:\n- name: mine\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      \
         command: {command}\n      args: [{arguments}]\n"
    )
}

#[test]
fn what_takes_a_tool_s_question_back_does_so() {
    for (tool, file) in FILES.into_iter().filter(|(tool, _)| *tool != "bazel") {
        let test = home();
        test.run(&["helper", "setup", tool, "--profile", "prod", "--write"]).exits(0);
        test.configure(&CONFIG.replace("prod", "other"));
        let report = look(&test);
        report.exits(2).follow("consumer.profile", &test);
        let left = look(&test);
        assert!(left.of("consumer.profile").is_empty(), "{tool} {file}{}", left.outcome);
    }
    // Where somebody else made a user of the kubeconfig in the way that we do, or we under another name.
    let test = home();
    test.put(".kube/config", &kubeconfig("token", "helper, kubectl, --profile, gone"), 0o600);
    let report = look(&test);
    report.exits(2).advises("consumer.profile", "--user mine --undo --write").follow("consumer.profile", &test);
    look(&test).exits(0);
    // In a file that no variable names any more.
    let test = set_up_elsewhere();
    test.configure(&CONFIG.replace("prod", "other"));
    look(&test).exits(2).advises("consumer.profile", "`KUBECONFIG=").follow("consumer.profile", &test);
    assert!(look(&test).of("consumer.profile").is_empty());
}

#[test]
fn a_user_that_somebody_else_made_is_removed_by_what_made_it() {
    for arguments in ["helper, kubectl, --profile=gone", "helper, kubectl, -p, gone", "helper, --profile, gone, kubectl"] {
        let test = home();
        test.put(".kube/config", &kubeconfig("token", arguments), 0o600);
        let config = test.path(".kube/config");
        let command = look(&test).exits(2).command("consumer.profile");
        assert_eq!(command, format!("kubectl --kubeconfig {} config delete-user mine", config.display()), "{arguments}");
    }
}

#[test]
fn what_has_a_tool_call_this_program_does_so() {
    for (tool, file) in FILES {
        let test = home();
        test.run(&["helper", "setup", tool, "--profile", "prod", "--write"]).exits(0);
        for link in fs::read_dir(test.path("bin")).unwrap().map(|entry| entry.unwrap().path()) {
            fs::remove_file(link).unwrap();
        }
        let _ = fs::remove_file(test.path(".terraform.d/plugins/terraform-credentials-token"));
        symlink(env!("CARGO_BIN_EXE_token"), test.path("bin/token")).unwrap();
        if look(&test).of("consumer.program").is_empty() {
            continue;
        }
        look(&test).exits(2).follow("consumer.program", &test);
        assert!(look(&test).of("consumer.program").is_empty(), "{tool} {file}");
    }
    let test = home();
    test.put(".kube/config", &kubeconfig("/gone/token", "helper, kubectl, --profile, prod"), 0o600);
    look(&test).exits(2).advises("consumer.program", "--user mine --write").follow("consumer.program", &test);
    look(&test).exits(0).finds("consumer.profile", "ok", "`prod`");
    // A helper that is found by its name alone, where nothing says for which profile to set it up.
    let profile = |name: &str| format!("[profile.{name}]\nsource = \"env\"\nvariable = \"HOME\"\nhosts = [\"{name}.example.com\"]\n");
    let test = Test::configured(&format!("{}{}", profile("a"), profile("b"))).on_path();
    test.put(".docker/config.json", "{\"credHelpers\": {\"a.example.com\": \"token\"}}", 0o600);
    look(&test).exits(2).finds("consumer.program", "problem", "not on PATH").follow("consumer.program", &test);
    look(&test).exits(0).finds("helper.link", "ok", "docker-credential-token");

    // Whatever else it says is somebody's.
    let test = home();
    test.put(".kube/config", &kubeconfig("/gone/token", "helper, kubectl, --profile=prod"), 0o600);
    look(&test).exits(2).advises("consumer.program", &format!("write {} there", test.path("bin/token").display()));
}
