//! The tools that `token helper setup` sets up.

/// Every tool that has a file, and where that is.
pub const FILES: [(&str, &str); 9] = [
    ("kubectl", ".kube/config"),
    ("git", ".gitconfig"),
    ("docker", ".docker/config.json"),
    ("aws", ".aws/config"),
    ("cargo", ".cargo/config.toml"),
    ("terraform", ".terraformrc"),
    ("bazel", ".bazelrc"),
    ("goauth", "config/go/env"),
    ("vault", ".vault"),
];
