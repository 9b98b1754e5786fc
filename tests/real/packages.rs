//! The packages of this version, as Debian's own tools take them: what they hold, how they install, serve, upgrade and go.
//!
//! `tests/run` makes them before (`.packaging/build`). They are installed on a machine of the test's own, which takes root.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Issuer, SECRET};
use crate::support::machine::{HOME, Machine, done, told};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Names by which others find the program, in the package.
const LINKS: [&str; 5] =
    ["bazel-credential-token", "cargo-credential-token", "docker-credential-token", "git-credential-token", "terraform-credentials-token"];

/// What installing leaves behind whatever is installed: logs, lists and caches of the package tools.
const NOT_OURS: [&str; 5] = ["/var/lib/dpkg", "/var/lib/apt", "/var/lib/man-db", "/var/cache", "/var/log"];

/// The only package in `target/packages` whose name begins and ends so.
#[track_caller]
pub fn package(begins: &str, ends: &str) -> PathBuf {
    let place = Path::new(ROOT).join("target/packages");
    let names = fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_it = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(begins) && name.ends_with(ends))
    };
    let found: Vec<PathBuf> = names.filter(is_it).collect();
    assert_eq!(found.len(), 1, "{begins}…{ends} in {}: .packaging/build makes one", place.display());
    found[0].clone()
}

pub fn deb() -> PathBuf {
    package("token_", ".deb")
}

fn archive() -> PathBuf {
    package("token-", ".tar.gz")
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) -> String {
    done(Command::new(program).args(arguments))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The names of the pages of the manual, such as `token.1`.
fn pages() -> Vec<String> {
    let names = fs::read_dir(Path::new(ROOT).join("man")).expect("man/").flatten();
    names.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect()
}

fn section(page: &str) -> &str {
    page.rsplit_once('.').expect("a section").1
}

/// What the package has to install.
fn expected() -> BTreeSet<String> {
    let fixed = [
        "/usr/bin/token",
        "/usr/lib/systemd/user/token-watch.service",
        "/usr/share/bash-completion/completions/token",
        "/usr/share/zsh/vendor-completions/_token",
        "/usr/share/fish/vendor_completions.d/token.fish",
        "/usr/share/lintian/overrides/token",
        "/usr/share/doc/token/README.md",
        "/usr/share/doc/token/THIRD-PARTY-LICENSES.gz",
        "/usr/share/doc/token/changelog.Debian.gz",
        "/usr/share/doc/token/changelog.gz",
        "/usr/share/doc/token/copyright",
    ];
    let links = LINKS.iter().flat_map(|link| [format!("/usr/bin/{link}"), format!("/usr/share/man/man1/{link}.1.gz")]);
    let pages = pages().into_iter().map(|page| format!("/usr/share/man/man{}/{page}.gz", section(&page)));
    fixed.iter().map(ToString::to_string).chain(links).chain(pages).collect()
}

#[test]
fn the_package_holds_what_it_should_and_needs_nothing() {
    let deb = deb();
    let field = |name: &str| run("dpkg-deb", &["--field", text(&deb), name]).trim_end().to_owned();
    assert_eq!(field("Package"), "token");
    assert_eq!(field("Version"), format!("{}-1", env!("CARGO_PKG_VERSION")));
    assert_eq!(field("Architecture"), run("dpkg", &["--print-architecture"]).trim());
    assert_eq!(field("Section"), "utils");
    assert_eq!((field("Depends"), field("Recommends")), (String::new(), "ca-certificates".to_owned()));

    let listing = run("dpkg-deb", &["--contents", text(&deb)]);
    let mut found = BTreeSet::new();
    for line in listing.lines().filter(|line| !line.starts_with('d')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let path = words[5].trim_start_matches('.');
        let mode = if path == "/usr/bin/token" { "-rwxr-xr-x" } else { "-rw-r--r--" };
        if words[0].starts_with('l') {
            let target = if path.starts_with("/usr/bin/") { "token" } else { "../man7/token-helper.7.gz" };
            assert_eq!(words[6..], ["->", target], "{line}");
        } else {
            assert_eq!((words[0], words[1]), (mode, "0/0"), "{line}");
        }
        found.insert(path.to_owned());
    }
    assert_eq!(found, expected());

    let unpacked = tempfile::tempdir().expect("a directory");
    run("dpkg-deb", &["--extract", text(&deb), text(unpacked.path())]);
    let binary = unpacked.path().join("usr/bin/token");
    let linked = Command::new("ldd").arg(&binary).output().expect("ldd");
    assert!(told(&linked).contains("statically linked"), "{}", told(&linked));
}

/// Warnings count: what is meant is in `.packaging/lintian-overrides`, with its reason.
#[test]
fn lintian_has_nothing_to_say() {
    let output = Command::new("lintian").args(["--allow-root", "--fail-on", "error,warning", text(&deb())]).output().expect("lintian");
    assert!(output.status.success(), "{}", told(&output));
}

/// Unpacked into `~/.local`, it is installed.
#[test]
fn the_archive_is_a_prefix() {
    let home = tempfile::tempdir().expect("a home");
    let archive = archive();
    let listing = run("tar", &["--list", "--verbose", "--numeric-owner", "--file", text(&archive)]);
    let names: Vec<&str> = listing.lines().map(|line| line.split_whitespace().nth(5).expect("a name")).collect();
    assert!(listing.lines().all(|line| line.split_whitespace().nth(1) == Some("0/0")), "{listing}");
    assert!(names.is_sorted(), "{names:?}");

    let local = home.path().join(".local");
    fs::create_dir(&local).expect("~/.local");
    run("tar", &["--extract", "--strip-components=1", "--directory", text(&local), "--file", text(&archive)]);
    let path = format!("{}:/usr/bin:/bin", local.join("bin").display());
    let sh = |line: &str| done(Command::new("sh").args(["-c", line]).env_clear().env("HOME", home.path()).env("PATH", &path));
    assert_eq!(sh("token get -- echo it-works"), "it-works\n");
    assert!(sh("docker-credential-token version").contains(env!("CARGO_PKG_VERSION")));
    for page in pages() {
        let place = format!("{}/share/man/man{}/{page}", local.display(), section(&page));
        assert_eq!(sh(&format!("man --where {page}")).trim(), place);
    }
    for file in [
        "bash-completion/completions/token",
        "zsh/site-functions/_token",
        "fish/vendor_completions.d/token.fish",
        "systemd/user/token-watch.service",
        "doc/token/THIRD-PARTY-LICENSES.gz",
    ] {
        assert!(local.join("share").join(file).is_file(), "{file}");
    }
}

/// Every file and new folder of a machine that was not there when it was made, but for what the package tools keep.
fn added(machine: &Machine) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let is_theirs = |path: &str| NOT_OURS.iter().any(|place| Path::new(path).starts_with(place));
    for (path, metadata) in machine.changes() {
        // A folder that something was put into counts as changed.
        let is_there_anyway = metadata.is_dir() && Path::new(&path).is_dir();
        if !is_theirs(&path) && !is_there_anyway {
            assert!(!metadata.file_type().is_char_device(), "{path} is gone");
            found.insert(path);
        }
    }
    found
}

/// The package under an older version, with a file that the newer one has no more.
fn older(machine: &Machine) {
    let script = "cd /tmp && dpkg-deb -R token.deb old && sed -i 's/^Version:.*/Version: 0.0.1-1/' old/DEBIAN/control &&
        echo >old/usr/share/doc/token/gone && dpkg-deb --root-owner-group -Znone -b old old.deb && rm -r old";
    done(&mut machine.root("sh", &["-c", script]));
}

pub fn install(machine: &Machine, package: &str) {
    done(machine.root("apt-get", &["install", "--yes", "--no-install-recommends", package]).env("DEBIAN_FRONTEND", "noninteractive"));
}

/// Runs a line of the user's shell, with this as its input.
#[track_caller]
fn user(machine: &Machine, line: &str, input: &str) -> String {
    let mut command = machine.user("sh", &["-c", line]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nsenter");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("its input");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{line}\n{}", told(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Gives the user a profile `prod` at this issuer.
fn configure(machine: &Machine, issuer: &Issuer) {
    let endpoint = issuer.endpoint();
    let config = format!(
        "[profile.prod]\nsource = \"client-credentials\"\ntoken_endpoint = \"{endpoint}\"\nclient_id = \"ci\"\n\
         client_secret = \"{SECRET}\"\nhosts = [\"registry.example.com\"]\n"
    );
    user(machine, "umask 077; mkdir -p .config/token; cat >.config/token/config.toml", &config);
}

#[test]
fn it_is_installed_serves_is_upgraded_and_goes_without_a_trace() {
    let (machine, issuer) = (Machine::new(), Issuer::start());
    machine.bring(&deb(), "/tmp/token.deb");
    older(&machine);
    configure(&machine, &issuer);
    user(&machine, "mkdir -p .cache", "");
    assert!(machine.user("token", &["--version"]).output().expect("env").status.code() == Some(127), "it is on the machine already");
    let before = added(&machine);

    install(&machine, "/tmp/old.deb");
    let gone = machine.path("/usr/share/doc/token/gone");
    assert!(gone.exists() && machine.path("/usr/bin/token").exists());
    assert_eq!(user(&machine, "token get prod", ""), "token-1\n");

    install(&machine, "/tmp/token.deb");
    assert!(!gone.exists(), "what the newer version has no more is still there");
    let installed: BTreeSet<String> = added(&machine).difference(&before).filter(|file| !file.starts_with(HOME)).cloned().collect();
    let files: BTreeSet<String> = installed.into_iter().filter(|file| !machine.path(file).is_dir()).collect();
    assert_eq!(files, expected());

    serves(&machine);
    assert_eq!(issuer.count(), 1, "one token, before and after");
    helps(&machine);
    done(&mut machine.root("apt-get", &["install", "--yes", "--reinstall", "/tmp/token.deb"]));

    done(&mut machine.root("apt-get", &["purge", "--yes", "token"]));
    let left = added(&machine);
    let (cache, state) = (format!("{HOME}/.cache/token"), format!("{HOME}/.local"));
    let is_kept = |file: &&String| file.starts_with(&cache) || file.starts_with(&state);
    assert_eq!(left.difference(&before).filter(|file| !is_kept(file)).collect::<Vec<_>>(), [""; 0], "left behind");
    assert_eq!(before.difference(&left).collect::<Vec<_>>(), [""; 0], "taken along");
    let entry = machine.path(format!("{HOME}/.cache/token/prod.json"));
    assert_eq!(fs::metadata(entry).expect("the cache stays").permissions().mode() & 0o777, 0o600);
    assert!(machine.path(format!("{HOME}/.config/token/config.toml")).exists(), "the configuration stays");
}

/// The main jobs, with nothing of ours on the path but what was installed.
fn serves(machine: &Machine) {
    assert!(user(machine, "token get -- date +now-%s", "").starts_with("now-"));
    assert_eq!(user(machine, "command -v token && token --version", ""), format!("/usr/bin/token\ntoken {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(user(machine, "token get", ""), "token-1\n");
    let docker = user(machine, "docker-credential-token get", "registry.example.com");
    assert!(docker.contains("\"Secret\":\"token-1\""), "{docker}");
    let git = user(machine, "git-credential-token get", "protocol=https\nhost=registry.example.com\n\n");
    assert!(git.contains("password=token-1"), "{git}");
    let bazel = user(machine, "bazel-credential-token get", "{\"uri\":\"https://registry.example.com/\"}");
    assert!(bazel.contains("Bearer token-1"), "{bazel}");
    assert_eq!(user(machine, "terraform-credentials-token get registry.example.com", ""), "{\"token\":\"token-1\"}\n");
    assert!(user(machine, "cargo-credential-token --cargo-plugin", "").starts_with("{\"v\":[1]}"));
    // A link that the package brought is used, and stays when it is used no more.
    user(machine, "token helper setup docker --write", "");
    assert!(!machine.path(format!("{HOME}/.local/bin/docker-credential-token")).is_symlink());
    user(machine, "token helper setup docker --undo --write && rmdir .docker", "");
    assert!(machine.path("/usr/bin/docker-credential-token").is_symlink());
}

/// The manual is found and read, and a shell finds its completions.
fn helps(machine: &Machine) {
    for page in pages() {
        let (name, section) = page.rsplit_once('.').expect("a section");
        assert_eq!(user(machine, &format!("man --where {section} {name}"), "").trim(), format!("/usr/share/man/man{section}/{page}.gz"));
        let read = user(machine, &format!("zcat /usr/share/man/man{section}/{page}.gz | mandoc -T markdown -W error"), "");
        assert!(read.contains("# NAME\n"), "{page}: {read}");
    }
    assert_eq!(user(machine, "man --where git-credential-token", "").trim(), "/usr/share/man/man7/token-helper.7.gz");
    let bash = ". /usr/share/bash-completion/bash_completion; _completion_loader token; complete -p token";
    assert!(done(&mut machine.user("bash", &["-c", bash])).contains(" token"));
}
