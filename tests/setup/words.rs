//! What is said, what is not said, and what is refused before anything is looked at.

use crate::home::{home, setup};

#[test]
fn a_diff_shows_nobodys_secrets() {
    let secret = "canary-71c9";
    let table = [
        ("docker", ".docker/config.json", format!("{{\"auths\": {{\"h\": {{\"auth\": \"{secret}\"}}}}}}\n")),
        ("kubectl", ".kube/config", format!("kind: Config\nusers:\n- name: a\n  user:\n    token: {secret}\n")),
        ("aws", ".aws/config", format!("[default]\naws_secret_access_key = {secret}\n")),
        ("git", ".gitconfig", format!("[http]\n\textraheader = Authorization: Basic {secret}\n[url \"https://me:{secret}@h/\"]\n")),
        ("cargo", ".cargo/config.toml", format!("[registry]\ntoken = \"{secret}\"\n")),
        ("terraform", ".terraformrc", format!("credentials \"h\" {{\n  token = \"{secret}\"\n}}\n")),
        ("bazel", ".bazelrc", format!("common --remote_header=x-api-key={secret}\n")),
    ];
    for (tool, file, text) in table {
        let test = home();
        test.put(file, &text, 0o644);
        let shown = setup(&test, tool);
        shown.exits(0).hides(secret);
        assert!(shown.stdout().contains("@@") && !shown.stdout().contains(secret), "{tool}{shown}");
        assert!(shown.stdout().contains("********"), "{tool}: what is around is shown{shown}");
    }
}

#[test]
fn colour_is_as_everywhere() {
    let test = home();
    let plain = setup(&test, "aws");
    assert!(!plain.stdout().contains('\u{1b}'), "{plain}");
    let coloured = setup(&test, "aws --color always");
    assert!(coloured.stdout().contains("\u{1b}[32m+[profile prod]\u{1b}[0m\n"), "{coloured}");
    let quiet = setup(&test, "aws -q");
    assert!(quiet.stderr.is_empty() && quiet.stdout() == plain.stdout(), "{quiet}");
    let messages = setup(&test, "aws --log-format json").json_messages();
    assert_eq!(messages[0]["profile"], "prod");
}

#[test]
fn a_profile_whose_token_goes_nowhere_is_refused() {
    for tool in ["git", "docker", "cargo", "keyring", "terraform", "bazel", "goauth"] {
        let test = home();
        setup(&test, &format!("{tool} -p bare --write")).fails(2, "bare: it lists no `hosts`");
        assert!(!test.path("state/setup").exists());
    }
    for tool in ["kubectl", "aws", "google", "vault"] {
        setup(&home(), &format!("{tool} -p bare")).exits(0);
    }
}

#[test]
fn what_a_tool_cannot_match_is_left_out_and_told() {
    let test = home();
    let shown = setup(&test, "docker");
    shown.mentions("docker knows no patterns: `*.example.org` is left out");
    assert!(!shown.stdout().contains("example.org"));
    test.configure(
        "[profile.prod]\nsource = \"env\"\nvariable = \"X\"\nhosts = [\"*.example.org\", \"b\u{fc}cher.example:8443\", \"docker.io\", \"index.docker.io\"]\n",
    );
    let shown = setup(&test, "docker");
    assert!(
        shown.stdout().contains("\"xn--bcher-kva.example:8443\"") && shown.stdout().contains("\"https://index.docker.io/v1/\""),
        "{shown}"
    );
    shown.mentions("docker asks for `index.docker.io` where it means `docker.io`");
    setup(&test, "bazel").mentions("whatever their port: `xn--bcher-kva.example:8443` is left out");
    test.configure("[profile.prod]\nsource = \"env\"\nvariable = \"X\"\nhosts = [\"*.example.org\"]\n");
    setup(&test, "docker").fails(2, "no exact `hosts`");
    test.configure("[profile.prod]\nsource = \"env\"\nvariable = \"X\"\nhosts = [\"git.example.com:8443\"]\n");
    setup(&test, "bazel").fails(2, "all of its `hosts` have a port");
}

#[test]
fn google_is_shown_what_to_save() {
    let test = home();
    let shown = setup(&test, "google");
    shown.exits(0).mentions("GOOGLE_APPLICATION_CREDENTIALS");
    let account: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(account["credential_source"]["executable"]["command"], "token helper google --profile prod");
    for words in ["google --write", "google --undo"] {
        setup(&test, words).fails(2, "google has no configuration");
    }
}

#[test]
fn setup_is_no_tool_wherever_the_profile_stands() {
    let test = home();
    let usual = setup(&test, "aws -p prod").stdout();
    assert!(usual.contains("+[profile prod]\n"), "{usual}");
    for words in
        [["-p", "prod", "helper", "setup", "aws"], ["helper", "-p", "prod", "setup", "aws"], ["helper", "setup", "-p", "prod", "aws"]]
    {
        test.run(&words).exits(0).prints(&usual);
    }
}

#[test]
fn what_is_typed_wrong_is_refused() {
    let test = home();
    for words in ["docker --user x", "kubectl --cluster c", "git --local --global", "nothing", "aws --profile nobody", "aws extra"] {
        setup(&test, words).exits(2).prints("");
    }
    setup(&test, "git --local").fails(2, "no git repository");
}
