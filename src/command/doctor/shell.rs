//! What a shell and `man` find: completions and manual pages. Without them everything works, so this is for notes alone.

use std::env;
use std::path::{Path, PathBuf};

use super::Scene;
use super::commands::typed;
use crate::ui::Finding;

/// Where others' data is, where nobody says (XDG Base Directory Specification).
const DATA_DIRS: &str = "/usr/local/share:/usr/share";
/// The most that is read of a shell's start-up file.
const LARGEST: u64 = 1 << 20;

/// Shells that completions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn of(program: &str) -> Option<Self> {
        match Path::new(program).file_name()?.to_str()? {
            "bash" => Some(Self::Bash),
            "zsh" => Some(Self::Zsh),
            "fish" => Some(Self::Fish),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    /// The files that would be read for our completions.
    fn files(self, around: &Around) -> Vec<PathBuf> {
        let data = || std::iter::once(&around.data_home).chain(&around.data_dirs);
        let own = match self {
            Self::Bash => around.bash_user_dir.iter().map(|folder| folder.join("completions/token")).collect(),
            Self::Zsh => around.fpath.iter().map(|folder| folder.join("_token")).collect::<Vec<_>>(),
            Self::Fish => vec![around.config.join("fish/completions/token.fish"), PathBuf::from("/etc/fish/completions/token.fish")],
        };
        let shared: &[&str] = match self {
            Self::Bash => &["bash-completion/completions/token", "bash-completion/completions/token.bash"],
            Self::Zsh => &["zsh/site-functions/_token", "zsh/vendor-completions/_token"],
            Self::Fish => &["fish/vendor_completions.d/token.fish"],
        };
        let others = if self == Self::Bash { vec![PathBuf::from("/etc/bash_completion.d/token")] } else { Vec::new() };
        own.into_iter().chain(data().flat_map(|folder| shared.iter().map(move |file| folder.join(file)))).chain(others).collect()
    }

    /// Where a person would put them.
    fn place(self, around: &Around) -> PathBuf {
        match self {
            Self::Bash => around.data_home.join("bash-completion/completions/token"),
            Self::Zsh => around.home.join(".zfunc/_token"),
            Self::Fish => around.config.join("fish/completions/token.fish"),
        }
    }

    /// What it reads when it starts, where a person may have completions made.
    fn start_up(self, around: &Around) -> Vec<PathBuf> {
        match self {
            Self::Bash => [".bashrc", ".bash_profile", ".bash_completion"].map(|file| around.home.join(file)).into(),
            Self::Zsh => vec![around.home.join(".zshrc")],
            Self::Fish => vec![around.config.join("fish/config.fish")],
        }
    }
}

/// Where a shell looks.
struct Around {
    home: PathBuf,
    config: PathBuf,
    data_home: PathBuf,
    data_dirs: Vec<PathBuf>,
    bash_user_dir: Option<PathBuf>,
    fpath: Vec<PathBuf>,
    manpath: Vec<PathBuf>,
}

impl Around {
    fn find(scene: &Scene) -> Option<Self> {
        let home = scene.places.home.clone()?;
        let base = |name: &str, usual: &str| {
            let named = env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
            named.unwrap_or_else(|| home.join(usual))
        };
        let list = |name: &str| env::var_os(name).map(|list| env::split_paths(&list).collect::<Vec<_>>()).unwrap_or_default();
        let data_home = base("XDG_DATA_HOME", ".local/share");
        let named = list("XDG_DATA_DIRS");
        let data_dirs = if named.is_empty() { env::split_paths(DATA_DIRS).collect() } else { named };
        let config = base("XDG_CONFIG_HOME", ".config");
        let own = [".zfunc", ".zsh/completions", ".zsh/functions"].map(|folder| home.join(folder));
        let fpath = list("FPATH").into_iter().chain(own).collect();
        // `man` looks beside each directory of PATH.
        let beside = scene.commands.folders().iter().filter_map(|folder| Some(folder.parent()?.join("share/man")));
        let manpath = list("MANPATH").into_iter().chain(beside).chain([data_home.join("man")]).collect();
        let bash_user_dir = env::var_os("BASH_COMPLETION_USER_DIR").map(PathBuf::from);
        Some(Self { home, config, data_home, data_dirs, bash_user_dir, fpath, manpath })
    }
}

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    let Some(around) = Around::find(scene) else { return Vec::new() };
    let shell = env::var("SHELL").ok().and_then(|program| Shell::of(&program));
    shell.map(|shell| completion(shell, &around)).into_iter().chain([pages(&around)]).collect()
}

fn completion(shell: Shell, around: &Around) -> Finding {
    const ID: &str = "shell.completion";
    let name = shell.name();
    if let Some(file) = shell.files(around).into_iter().find(|file| file.is_file()) {
        return Finding::ok(ID, format!("{name} completes token's words ({})", file.display()));
    }
    if let Some(file) = shell.start_up(around).into_iter().find(|file| makes_completions(file)) {
        return Finding::ok(ID, format!("{name} completes token's words (by {})", file.display()));
    }
    let place = shell.place(around);
    let folder = place.parent().filter(|folder| !folder.is_dir());
    let making = folder.map(|folder| format!("mkdir -p {} && ", typed(folder))).unwrap_or_default();
    let hint = format!("run `{making}token completions {name} > {}`", typed(&place));
    // The others look there unasked.
    let looking = if shell == Shell::Zsh { ", and put `fpath=(~/.zfunc $fpath)` before `compinit` into ~/.zshrc" } else { "" };
    Finding::note(ID, format!("{name} has no completions for token"), hint + looking)
}

/// Whether a start-up file has this program print its completions.
fn makes_completions(file: &Path) -> bool {
    let is_it = |line: &str| !line.trim_start().starts_with('#') && line.contains("token completions");
    crate::bounded::read(file, LARGEST).is_ok_and(|(bytes, _)| String::from_utf8_lossy(&bytes).lines().any(is_it))
}

fn pages(around: &Around) -> Finding {
    const ID: &str = "shell.manual";
    const PAGES: [&str; 4] = ["man1/token.1", "man1/token.1.gz", "man7/token-helper.7", "man7/token-helper.7.gz"];
    let places = around.manpath.iter().flat_map(|folder| PAGES.map(|page| folder.join(page)));
    match places.into_iter().find(|page| page.is_file()) {
        Some(page) => Finding::ok(ID, format!("the manual is installed ({})", page.display())),
        None => Finding::note(ID, "the manual is not installed where `man` looks", "run `token man | man -l -` to read it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::findings::Verdict;

    fn around(root: &Path) -> Around {
        Around {
            home: root.join("home"),
            config: root.join("home/.config"),
            data_home: root.join("home/.local/share"),
            data_dirs: vec![root.join("usr/share")],
            bash_user_dir: None,
            fpath: vec![root.join("home/.zfunc")],
            manpath: vec![root.join("usr/share/man")],
        }
    }

    #[test]
    fn completions_are_found_where_shells_look() {
        let table = [
            (Shell::Bash, "home/.local/share/bash-completion/completions/token"),
            (Shell::Bash, "usr/share/bash-completion/completions/token.bash"),
            (Shell::Zsh, "home/.zfunc/_token"),
            (Shell::Zsh, "usr/share/zsh/vendor-completions/_token"),
            (Shell::Fish, "home/.config/fish/completions/token.fish"),
            (Shell::Fish, "usr/share/fish/vendor_completions.d/token.fish"),
        ];
        for (shell, file) in table {
            let folder = tempfile::tempdir().expect("a folder");
            let around = around(folder.path());
            assert_eq!(completion(shell, &around).verdict, Verdict::Note, "{shell:?}");
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(&path, "").expect("written");
            assert_eq!(completion(shell, &around).verdict, Verdict::Ok, "{shell:?} {file}");
        }
    }

    #[test]
    fn a_start_up_file_may_make_them() {
        for (line, verdict) in [("source <(token completions bash)", Verdict::Ok), ("# token completions bash", Verdict::Note)] {
            let folder = tempfile::tempdir().expect("a folder");
            let around = around(folder.path());
            std::fs::create_dir_all(&around.home).expect("made");
            std::fs::write(around.home.join(".bashrc"), format!("alias x=y\n{line}\n")).expect("written");
            assert_eq!(completion(Shell::Bash, &around).verdict, verdict, "{line}");
        }
    }

    #[test]
    fn shells_are_known_by_their_names() {
        let table =
            [("/bin/bash", Some(Shell::Bash)), ("/usr/bin/zsh", Some(Shell::Zsh)), ("fish", Some(Shell::Fish)), ("/bin/dash", None)];
        for (program, shell) in table {
            assert_eq!(Shell::of(program), shell, "{program}");
        }
    }
}
