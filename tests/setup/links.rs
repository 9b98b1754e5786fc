//! The links by which others find the program.

use std::fs;
use std::os::unix::fs::symlink;

use crate::home::{home, says, setup};

#[test]
fn each_tool_finds_its_link() {
    let table = [
        ("docker", "bin/docker-credential-token"),
        ("docker -p prod", "bin/docker-credential-token-prod"),
        ("cargo", "bin/cargo-credential-token"),
        ("keyring", "bin/keyring"),
        ("bazel", "bin/bazel-credential-token"),
        ("terraform", ".terraform.d/plugins/terraform-credentials-token"),
    ];
    for (tool, link) in table {
        let test = home();
        let link = test.path(link);
        setup(&test, tool).exits(0).mentions("--write links");
        assert!(!link.is_symlink(), "{tool}");
        setup(&test, &format!("{tool} --write")).exits(0).mentions("linked");
        assert_eq!(link.canonicalize().unwrap(), test.path("bin/token").canonicalize().unwrap(), "{tool}");
        let said = fs::read_link(&link).unwrap();
        assert_eq!(said.is_relative(), link.parent() == test.path("bin/token").parent(), "{tool}: relative beside the program");
        setup(&test, &format!("{tool} --write")).exits(0).mentions("already set up");
        fs::remove_file(&link).unwrap();
        setup(&test, &format!("{tool} --write")).exits(0).mentions("linked");
        setup(&test, &format!("{tool} --undo --write")).exits(0).mentions("removed the link");
        assert!(!link.is_symlink(), "{tool}");
    }
}

#[test]
fn what_is_there_and_leads_elsewhere_is_left_alone() {
    let test = home();
    let path = test.put("bin/keyring", "#!/bin/sh\n", 0o644);
    setup(&test, "keyring --write").fails(2, "does not lead to this program");
    setup(&test, "keyring --undo --write").exits(0).mentions("nothing to take back");
    assert_eq!(says(&path), "#!/bin/sh\n");

    let test = home();
    let link = test.path("bin/docker-credential-token");
    symlink("/nowhere", &link).unwrap();
    setup(&test, "docker --write").fails(2, "does not lead to this program");
    assert!(!test.path(".docker").exists(), "neither is done");
    setup(&test, "docker --undo --write").exits(0);
    assert!(link.is_symlink());
}

#[test]
fn a_link_that_others_go_by_stays() {
    let test = home();
    setup(&test, "cargo -p prod --registry a --write").exits(0);
    setup(&test, "cargo -p other --registry b --write").exits(0);
    setup(&test, "cargo -p prod --undo --write").exits(0);
    assert!(test.path("bin/cargo-credential-token").exists());
    assert_eq!(
        says(&test.path(".cargo/config.toml")).trim(),
        "[registries.b]\ncredential-provider = [\"cargo-credential-token\", \"--profile\", \"other\"]"
    );
    setup(&test, "cargo -p other --undo --write").exits(0);
    assert!(!test.path("bin/cargo-credential-token").exists() && !test.path(".cargo/config.toml").exists());
}

#[test]
fn links_go_where_they_may() {
    // Nowhere on the path may be written to but by its place in the home.
    let test = home();
    let path = test.path(".local/bin");
    let test = test.env("PATH", "/usr/bin:/bin");
    let outcome = setup(&test, "docker --write");
    outcome.exits(0).mentions(".local/bin is not on PATH: docker finds docker-credential-token only there");
    assert!(path.join("docker-credential-token").exists());
    setup(&test, "bazel --write").exits(0);
    let line = format!("git.example.com={}/bazel-credential-token\n", path.display());
    assert!(says(&test.path(".bazelrc")).contains(&line), "by its whole path: {}", says(&test.path(".bazelrc")));
    setup(&test, "aws --write").exits(0);
    assert!(says(&test.path(".aws/config")).contains(&format!("= {} helper aws", env!("CARGO_BIN_EXE_token"))));

    let test = home();
    setup(&test, "cargo --bin-dir there --write").exits(0);
    assert!(test.path("there/cargo-credential-token").exists());
    assert!(says(&test.path(".cargo/config.toml")).contains(test.path("there/cargo-credential-token").to_str().unwrap()));
    setup(&test, "cargo --bin-dir there --undo --write").exits(0);
    assert!(!test.path("there/cargo-credential-token").is_symlink());
}

#[test]
fn another_keyring_is_told_of() {
    let test = home();
    let other = test.put("before/keyring", "#!/bin/sh\n", 0o644);
    fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}:/usr/bin:/bin", test.path("before").display(), test.path("bin").display());
    let test = test.env("PATH", path);
    setup(&test, "keyring --write").exits(0).mentions("is another keyring").mentions("pip").mentions("uv");
}
