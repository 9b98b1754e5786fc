//! Where this user's files are, and how others find the program.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::consumer::terraform;
use crate::profile::{ConfigError, Places};

const PROGRAM: &str = "token";

/// Where packages put programs, and their links.
const SYSTEM: [&str; 2] = ["/usr/bin", "/bin"];

/// What is around.
pub(in crate::command) struct Surroundings {
    pub(in crate::command) home: PathBuf,
    /// Our own directory.
    pub(in crate::command) state: PathBuf,
    /// The program, as a link to it says it.
    pub(in crate::command) program: PathBuf,
    /// The program as a command: its name, where that finds it.
    pub(in crate::command) command: String,
    /// Where links go.
    pub(in crate::command) bin: PathBuf,
    /// Whether somebody said so.
    is_bin_chosen: bool,
    path: Vec<PathBuf>,
}

impl Surroundings {
    pub(in crate::command) fn find(places: &Places, bin_dir: Option<&Path>) -> Result<Self, ConfigError> {
        let wrong = |message: &str, hint: &str| ConfigError::new(message, Some(hint.to_owned()));
        // Error: The configuration of tools lies below the home directory.
        let home = places.home.clone().ok_or_else(|| wrong("HOME is not set, so nobody's configuration can be found", "set HOME"))?;
        let path: Vec<PathBuf> = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
        let path: Vec<PathBuf> = path.into_iter().filter(|folder| folder.is_absolute()).collect();
        let running = env::current_exe().and_then(std::fs::canonicalize);
        // Error: The tool's configuration names this program by its path, and the system does not tell it.
        let running = running.map_err(|_| wrong("the place of this program cannot be told", "call it by its whole path"))?;
        let found = path.iter().map(|folder| folder.join(PROGRAM)).find(|file| is_executable(file)).filter(|file| is_same(file, &running));
        let command = if found.is_some() { PROGRAM.to_owned() } else { text(&running)? };
        let program = found.unwrap_or(running);
        let bin = match bin_dir {
            Some(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            None => usual_bin(&program, &path).unwrap_or_else(|| home.join(".local/bin")),
        };
        Ok(Self { home, state: places.state.join("setup"), program, command, bin, is_bin_chosen: bin_dir.is_some(), path })
    }

    /// Whether commands are found in this directory.
    pub(in crate::command) fn is_on_path(&self, folder: &Path) -> bool {
        self.path.iter().any(|known| known == folder || is_same(known, folder))
    }

    /// The first file of this name that is found as a command.
    pub(in crate::command) fn which(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(name)).find(|file| is_executable(file))
    }

    /// Whether a file is this program.
    pub(in crate::command) fn leads_here(&self, file: &Path) -> bool {
        is_same(file, &self.program)
    }

    /// Whether a package brought the link of this name: it is beside the program, where ours do not go.
    pub(super) fn is_packaged(&self, link: &str) -> bool {
        let is_beside = |found: &PathBuf| found.parent() == self.program.parent() && found.parent() != Some(&self.bin);
        !self.is_bin_chosen && self.which(link).is_some_and(|found| is_beside(&found) && self.leads_here(&found))
    }

    /// How a link of this name is called: by its name, where that finds it.
    pub(in crate::command) fn called(&self, link: &str) -> Result<String, ConfigError> {
        if self.is_packaged(link) || self.is_on_path(&self.bin) { Ok(link.to_owned()) } else { text(&self.bin.join(link)) }
    }

    /// Where an environment variable says that a file is.
    pub(in crate::command) fn named(&self, variable: &str) -> Option<PathBuf> {
        let value = env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)?;
        let below = value.strip_prefix("~").ok().map(|rest| self.home.join(rest));
        Some(below.unwrap_or_else(|| std::path::absolute(&value).unwrap_or(value)))
    }

    /// The files of kubectl's configuration, which it merges.
    pub(in crate::command) fn kubeconfigs(&self) -> Vec<PathBuf> {
        let named = env::var_os("KUBECONFIG").filter(|files| !files.is_empty());
        let files = named.iter().flat_map(env::split_paths).filter(|file| !file.as_os_str().is_empty());
        let files: Vec<PathBuf> = files.map(|file| std::path::absolute(&file).unwrap_or(file)).collect();
        if files.is_empty() { vec![self.home.join(".kube/config")] } else { files }
    }

    /// The file of docker's configuration.
    pub(in crate::command) fn docker(&self) -> PathBuf {
        self.named("DOCKER_CONFIG").unwrap_or_else(|| self.home.join(".docker")).join("config.json")
    }

    /// The file of AWS tools' configuration.
    pub(in crate::command) fn aws(&self) -> PathBuf {
        self.named("AWS_CONFIG_FILE").unwrap_or_else(|| self.home.join(".aws/config"))
    }

    /// The file of cargo's configuration. The older name is read first.
    pub(in crate::command) fn cargo(&self) -> PathBuf {
        let folder = self.named("CARGO_HOME").unwrap_or_else(|| self.home.join(".cargo"));
        let old = folder.join("config");
        if old.is_file() { old } else { folder.join("config.toml") }
    }

    /// The file of Terraform's configuration.
    pub(in crate::command) fn terraform(&self) -> PathBuf {
        self.named("TF_CLI_CONFIG_FILE").unwrap_or_else(|| self.home.join(".terraformrc"))
    }

    /// Where Terraform looks for us.
    pub(in crate::command) fn terraform_plugin(&self) -> PathBuf {
        self.home.join(".terraform.d/plugins").join(terraform::LINK)
    }

    /// The file of Bazel's options.
    pub(in crate::command) fn bazel(&self) -> PathBuf {
        self.home.join(".bazelrc")
    }

    /// The file of `go env -w`.
    pub(in crate::command) fn goenv(&self) -> PathBuf {
        self.named("GOENV").unwrap_or_else(|| self.config().join("go/env"))
    }

    /// The file of Vault's configuration.
    pub(in crate::command) fn vault(&self) -> PathBuf {
        self.named("VAULT_CONFIG_PATH").unwrap_or_else(|| self.home.join(".vault"))
    }

    /// The files of git's configuration of this user.
    pub(in crate::command) fn git(&self) -> Vec<PathBuf> {
        match self.named("GIT_CONFIG_GLOBAL") {
            Some(named) => vec![named],
            None => vec![self.home.join(".gitconfig"), self.config().join("git/config")],
        }
    }

    /// The files of all tools, there or not.
    pub(in crate::command) fn consumers(&self) -> Vec<(&'static str, PathBuf)> {
        let kubectl = self.kubeconfigs().into_iter().map(|file| ("kubectl", file));
        let git = self.git().into_iter().map(|file| ("git", file));
        let others = [
            ("docker", self.docker()),
            ("aws", self.aws()),
            ("cargo", self.cargo()),
            ("terraform", self.terraform()),
            ("bazel", self.bazel()),
            ("goauth", self.goenv()),
            ("vault", self.vault()),
        ];
        kubectl.chain(git).chain(others).collect()
    }

    /// A directory for configuration, by the XDG Base Directory Specification.
    pub(in crate::command) fn config(&self) -> PathBuf {
        let base = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        base.unwrap_or_else(|| self.home.join(".config"))
    }
}

/// A path as text, which is what goes into files.
pub(in crate::command) fn text(path: &Path) -> Result<String, ConfigError> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.map(str::to_owned).ok_or_else(|| {
        // Error: A control character, or a byte that is no text, is in the path.
        let message = format!("{} is a path that cannot be written into a file", crate::error::one_line(&path.to_string_lossy()));
        ConfigError::new(message, Some("put the program somewhere else".to_owned()))
    })
}

/// The directory of the program, where commands are found in it and links may be put. The system's own belong to its packages, even
/// where root could write there.
fn usual_bin(program: &Path, path: &[PathBuf]) -> Option<PathBuf> {
    let folder = program.parent()?;
    let is_known = path.iter().any(|known| known == folder) && !SYSTEM.iter().any(|system| is_same(folder, Path::new(system)));
    let is_usable = is_known && rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    is_usable.then(|| folder.to_owned())
}

fn is_executable(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, Access::EXEC_OK).is_ok()
}

/// Whether two paths lead to the same thing.
pub(in crate::command) fn is_same(one: &Path, other: &Path) -> bool {
    one.as_os_str() != OsStr::new("") && matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
