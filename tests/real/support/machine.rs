//! A machine to install on: this one, as it is, with every change kept apart and gone with the machine.
//!
//! What is written goes to memory (an overlay over the root directory, in a mount namespace of its own), so packages are installed by
//! the system's own tools into /usr, and nothing of it is left. What runs on it ends with it. Needs root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::server::Server;

/// The user of the machine, who has never used the program.
pub const USER: &str = "me";
pub const HOME: &str = "/home/me";

/// Makes the namespace and stays in it until its standard input ends.
const MAKE: &str = r#"
set -eu
cd "$1"
mount -t tmpfs -o mode=755 tmpfs .
cd "$1"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
mount --rbind /dev root/dev
mount -t proc proc root/proc
mount -t tmpfs -o mode=1777 tmpfs root/tmp
mount -t tmpfs -o mode=755 tmpfs root/run
# Nobody here asks `apropos`, for which every page of the machine would be read at each change.
rm -f root/var/lib/man-db/auto-update
chroot root useradd --create-home --shell /bin/bash me
echo ready
exec cat
"#;

/// A machine of this test's own.
pub struct Machine {
    /// Holds the namespace; the machine is gone when it ends.
    holder: Server,
    place: TempDir,
}

impl Machine {
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "installing a package takes root: run this as root");
        let place = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new("unshare");
        let apart = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"];
        command.args(apart).args(["sh", "-c", MAKE, "sh"]).arg(place.path());
        Self { holder: Server::start(&mut command), place }
    }

    /// Where a file of the machine is for this process.
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        self.place("root").join(file.as_ref().strip_prefix("/").expect("an absolute path"))
    }

    /// Where a part of what makes the machine is for this process.
    fn place(&self, part: &str) -> PathBuf {
        let place = self.place.path().strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(place).join(part)
    }

    /// Every path that is not as it was when the machine was made; what is no more is a character device (as overlays have it).
    pub fn changes(&self) -> Vec<(String, fs::Metadata)> {
        let upper = self.place("upper");
        let mut found = Vec::new();
        let mut folders = vec![upper.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder of the machine") {
                let path = entry.expect("an entry").path();
                let metadata = fs::symlink_metadata(&path).expect("what there is");
                folders.extend(metadata.is_dir().then(|| path.clone()));
                let path = Path::new("/").join(path.strip_prefix(&upper).expect("a path below"));
                found.push((path.to_str().expect("UTF-8").to_owned(), metadata));
            }
        }
        found
    }

    /// Copies a file onto the machine, for everybody to read.
    pub fn bring(&self, file: &Path, to: &str) {
        fs::copy(file, self.path(to)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// A command of root's, with nothing in its environment but where commands are.
    pub fn root(&self, program: &str, arguments: &[&str]) -> Command {
        self.within(&["--"], "/", program, arguments)
    }

    /// A command of the user's, in their home.
    pub fn user(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.within(&["--userspec", "me:me", "--"], HOME, program, arguments);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", HOME).env("USER", USER).env("SHELL", "/bin/bash");
        command.env("LANG", "C.UTF-8");
        command
    }

    /// A command there. What leads there is not looked for: the path in its environment is for the command.
    fn within(&self, options: &[&str], directory: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("/usr/bin/nsenter");
        let namespaces = format!("/proc/{}/ns", self.holder.id());
        command.args([format!("--mount={namespaces}/mnt"), format!("--pid={namespaces}/pid_for_children")]);
        command.arg("/usr/sbin/chroot").args(options).arg(self.place.path().join("root"));
        command.args(["/usr/bin/env", "--chdir", directory, program]).args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        command
    }
}

/// Runs a command to its end, which has to be a good one, and returns what it printed.
#[track_caller]
pub fn done(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", told(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Everything that a command said.
pub fn told(output: &Output) -> String {
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
