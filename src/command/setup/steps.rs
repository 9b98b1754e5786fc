//! What setting up comes to for each tool: which change of which file, which links, and what there is to know besides.

use std::path::PathBuf;

use super::git;
use super::surroundings::{Surroundings, text};
use crate::cli::{Aws, Cargo, Consumer, Git, Kubectl, Setup};
use crate::command::files::Target;
use crate::consumer::{Change, Program, aws, bazel, cargo, docker, git as git_config, goauth, google, kubectl, terraform, vault};
use crate::name::Name;
use crate::profile::ConfigError;
use crate::settings::Mistake;
use crate::ui::Failure;

/// For files that may hold secrets, now or later.
const PRIVATE: u32 = 0o600;
const SCRIPT: u32 = 0o755;

/// What docker calls its own registry, the host that it asks for there, and what everybody calls that.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
const DOCKER_HUB_HOST: &str = "index.docker.io";
const DOCKER_HUB_NAME: &str = "docker.io";

/// The tool of pip, uv and others, and the name of its command.
const KEYRING: &str = "keyring";

/// All that is to be done for a tool.
pub(super) struct Plan {
    pub(super) tool: &'static str,
    pub(super) files: Vec<FileStep>,
    pub(super) links: Vec<LinkStep>,
    pub(super) notes: Vec<String>,
    /// What is for no file that is known here.
    pub(super) document: Option<String>,
}

/// A link to the program.
pub(super) struct LinkStep {
    pub(super) path: PathBuf,
    /// Whether other profiles may go by it, too.
    pub(super) is_shared: bool,
}

/// A change of a file.
pub(super) struct FileStep {
    pub(super) tool: &'static str,
    pub(super) path: PathBuf,
    pub(super) change: Box<dyn Change>,
    /// The mode of a new file.
    pub(super) mode: u32,
    /// What tells this change from others for the same profile.
    pub(super) subject: String,
    /// The hosts that git has to read in it.
    git_hosts: Option<Vec<String>>,
}

impl FileStep {
    /// Whether the tool itself reads a text, where it can be asked.
    pub(super) fn check(&self, text: &str) -> Result<(), Mistake> {
        if self.git_hosts.is_some() { git::check(text) } else { Ok(()) }
    }

    /// Whether the tool itself reads a changed text as it is meant, where it can be asked.
    pub(super) fn check_made(&self, text: &str) -> Result<(), Failure> {
        Ok(self.git_hosts.as_ref().map_or(Ok(()), |hosts| git::check_made(text, hosts))?)
    }
}

/// What a plan is made of.
struct Planner<'a> {
    surroundings: &'a Surroundings,
    profile: &'a Name,
    is_named: bool,
    hosts: Vec<String>,
    is_undo: bool,
    plan: Plan,
}

/// What is to be done for a profile with these hosts; `is_named` where somebody chose it.
pub(super) fn plan(setup: &Setup, surroundings: &Surroundings, is_named: bool, profile: &Name, hosts: &[String]) -> Result<Plan, Failure> {
    let hosts = hosts.iter().map(|host| ascii(host)).collect();
    let plan = Plan { tool: name(&setup.consumer), files: Vec::new(), links: Vec::new(), notes: Vec::new(), document: None };
    let mut planner = Planner { surroundings, profile, is_named, hosts, is_undo: setup.undo, plan };
    match &setup.consumer {
        Consumer::Kubectl(options) => planner.kubectl(options),
        Consumer::Git(options) => planner.git(options)?,
        Consumer::Docker => planner.docker()?,
        Consumer::Aws(options) => planner.aws(options),
        Consumer::Google => planner.google(),
        Consumer::Cargo(options) => planner.cargo(options)?,
        Consumer::Keyring => planner.keyring()?,
        Consumer::Terraform => planner.terraform()?,
        Consumer::Bazel => planner.bazel()?,
        Consumer::Goauth => planner.goauth()?,
        Consumer::Vault => planner.vault()?,
    }
    Ok(planner.plan)
}

const fn name(consumer: &Consumer) -> &'static str {
    match consumer {
        Consumer::Kubectl(_) => "kubectl",
        Consumer::Git(_) => "git",
        Consumer::Docker => "docker",
        Consumer::Aws(_) => "aws",
        Consumer::Google => "google",
        Consumer::Cargo(_) => "cargo",
        Consumer::Keyring => KEYRING,
        Consumer::Terraform => "terraform",
        Consumer::Bazel => "bazel",
        Consumer::Goauth => "goauth",
        Consumer::Vault => "vault",
    }
}

impl Planner<'_> {
    fn program(&self) -> Program {
        Program { path: self.surroundings.command.clone(), profile: self.profile.to_string() }
    }

    fn file(&mut self, path: PathBuf, mode: u32, change: impl Change + 'static) {
        let step = FileStep { tool: self.plan.tool, path, change: Box::new(change), mode, subject: String::new(), git_hosts: None };
        self.plan.files.push(step);
    }

    fn distinguish(&mut self, subject: &str) {
        self.plan.files.iter_mut().for_each(|step| subject.clone_into(&mut step.subject));
    }

    fn note(&mut self, text: impl Into<String>) {
        if !self.is_undo {
            self.plan.notes.push(text.into());
        }
    }

    /// A link in the directory of commands, unless a package brought it.
    fn link(&mut self, name: &str) {
        let is_needed = self.is_undo || !self.surroundings.is_packaged(name);
        let is_shared = name != format!("docker-credential-{}", docker::helper_of(self.profile.as_str()));
        self.plan.links.extend(is_needed.then(|| LinkStep { path: self.surroundings.bin.join(name), is_shared }));
    }

    /// The same where the tool finds it by its name alone.
    fn link_on_path(&mut self, name: &str) {
        self.link(name);
        let bin = &self.surroundings.bin;
        let who = if self.plan.tool == KEYRING { "pip and uv find".to_owned() } else { format!("{} finds", self.plan.tool) };
        if !self.surroundings.is_packaged(name) && !self.surroundings.is_on_path(bin) {
            self.note(format!("{} is not on PATH: {who} {name} only there", bin.display()));
        }
    }

    /// Refuses a profile whose token goes nowhere.
    fn need_hosts(&self, hosts: &[String]) -> Result<(), ConfigError> {
        if self.is_undo || !hosts.is_empty() {
            return Ok(());
        }
        // Error: The tool asks by host, and gets a token for the hosts of the profile only.
        let what = match self.plan.tool {
            _ if self.hosts.is_empty() => "it lists no `hosts`",
            "bazel" => "all of its `hosts` have a port",
            _ => "it lists no exact `hosts`",
        };
        let message = format!("{}: {what}, so {} would get nothing", self.profile, self.plan.tool);
        let hint = format!("add hosts = [\"…\"] to [profile.{}]", self.profile);
        Err(ConfigError::new(message, Some(hint)))
    }

    fn kubectl(&mut self, options: &Kubectl) {
        let user = options.user.clone().unwrap_or_else(|| format!("token-{}", self.profile));
        let files = self.surroundings.kubeconfigs();
        // Of several files, the one that has the context, else the first: kubectl merges them.
        let has_context = |file: &&PathBuf| {
            let text = Target::open(file).map(|target| target.text).unwrap_or_default();
            options.context.as_ref().or(Some(&user)).is_some_and(|name| kubectl::names(&text, name))
        };
        let file = files.iter().find(has_context).or(files.first()).cloned().unwrap_or_default();
        if options.context.is_none() {
            self.note(format!("to use it: kubectl config set-context --current --user={user}"));
        }
        let (program, context, cluster) = (self.program(), options.context.clone(), options.cluster.clone());
        self.file(file, PRIVATE, kubectl::Kubeconfig { program, user: user.clone(), context, cluster });
        self.distinguish(&user);
    }

    fn git(&mut self, options: &Git) -> Result<(), Failure> {
        self.need_hosts(&self.hosts)?;
        let file = git::file(self.surroundings, options.local)?;
        if self.hosts.iter().any(|host| host.starts_with("*.")) {
            self.note("git takes `*.` for one label: a.example.com, not a.b.example.com");
        }
        let (program, hosts) = (self.program(), self.hosts.clone());
        self.file(file, 0o644, git_config::Helpers { program, hosts: hosts.clone() });
        self.plan.files.iter_mut().for_each(|step| step.git_hosts = Some(hosts.clone()));
        Ok(())
    }

    fn docker(&mut self) -> Result<(), ConfigError> {
        let is_pattern = |host: &&String| host.starts_with("*.");
        let is_asked_for = |host: &&String| !is_pattern(host) && *host != DOCKER_HUB_NAME;
        let hosts: Vec<String> = self.hosts.iter().filter(is_asked_for).map(|host| docker_name(host)).collect();
        if self.hosts.iter().any(|host| host == DOCKER_HUB_NAME) {
            self.note(format!("docker asks for `{DOCKER_HUB_HOST}` where it means `{DOCKER_HUB_NAME}`: list that"));
        }
        self.need_hosts(&hosts)?;
        for pattern in self.hosts.clone().iter().filter(is_pattern) {
            self.note(format!("docker knows no patterns: `{pattern}` is left out; list its hosts one by one"));
        }
        let own = docker::helper_of(self.profile.as_str());
        let helper = if self.is_named { own.clone() } else { docker::HELPER.to_owned() };
        self.link_on_path(&format!("docker-credential-{helper}"));
        if self.is_undo && !self.is_named {
            self.link_on_path(&format!("docker-credential-{own}"));
        }
        let profile = self.profile.to_string();
        self.file(self.surroundings.docker(), PRIVATE, docker::CredHelpers { helper, profile, hosts });
        Ok(())
    }

    fn aws(&mut self, options: &Aws) {
        let file = self.surroundings.aws();
        let profile = options.aws_profile.clone().unwrap_or_else(|| self.profile.to_string());
        self.note(format!("to use it: AWS_PROFILE={profile}; credentials for it in ~/.aws/credentials would come first"));
        let program = self.program();
        self.file(file, PRIVATE, aws::CredentialProcess { program, profile: profile.clone() });
        self.distinguish(&profile);
    }

    fn google(&mut self) {
        self.plan.document = Some(google::external_account(&self.program()));
        self.note("fill in the audience and save it; GOOGLE_APPLICATION_CREDENTIALS names that file");
        self.note("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 lets Google's libraries run the command");
    }

    fn cargo(&mut self, options: &Cargo) -> Result<(), ConfigError> {
        self.need_hosts(&self.hosts)?;
        let file = self.surroundings.cargo();
        let path = self.surroundings.called(cargo::LINK)?;
        if path.contains(' ') {
            // Error: cargo's configuration cannot name a program by a path with a blank.
            let message = format!("cargo splits at blanks, and there is one in {path}");
            return Err(ConfigError::new(message, Some("choose another directory: --bin-dir DIR".to_owned())));
        }
        self.link(cargo::LINK);
        let (profile, registries, hosts) = (self.profile.to_string(), options.registries.clone(), self.hosts.clone());
        self.file(file, PRIVATE, cargo::Provider { path, profile, registries, hosts });
        Ok(())
    }

    fn keyring(&mut self) -> Result<(), ConfigError> {
        self.need_hosts(&self.hosts)?;
        let link = self.surroundings.bin.join(KEYRING);
        if let Some(other) = self.surroundings.which(KEYRING).filter(|found| *found != link && !self.surroundings.leads_here(found)) {
            self.note(format!("{} is another keyring: whichever comes first on PATH is asked", other.display()));
        }
        self.link_on_path(KEYRING);
        self.note("pip: pip config set global.keyring-provider subprocess");
        self.note("uv: keyring-provider = \"subprocess\" in uv.toml, and a user name in the URL: https://oauth2@HOST/…");
        Ok(())
    }

    fn terraform(&mut self) -> Result<(), ConfigError> {
        self.need_hosts(&self.hosts)?;
        let file = self.surroundings.terraform();
        self.plan.links.push(LinkStep { path: self.surroundings.terraform_plugin(), is_shared: true });
        let program = self.program();
        self.file(file, PRIVATE, terraform::CredentialsHelper { program });
        Ok(())
    }

    fn bazel(&mut self) -> Result<(), ConfigError> {
        let has_port = |host: &&String| host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let hosts: Vec<String> = self.hosts.iter().filter(|host| !has_port(host)).cloned().collect();
        self.need_hosts(&hosts)?;
        for host in self.hosts.clone().iter().filter(has_port) {
            self.note(format!("Bazel asks for hosts whatever their port: `{host}` is left out"));
        }
        let helper = self.surroundings.called(bazel::LINK)?;
        self.link(bazel::LINK);
        self.file(self.surroundings.bazel(), PRIVATE, bazel::Helpers { helper, hosts });
        Ok(())
    }

    fn goauth(&mut self) -> Result<(), ConfigError> {
        self.need_hosts(&self.hosts)?;
        let file = self.surroundings.goenv();
        if file.file_name().is_some_and(|name| name == "off") {
            // Error: There is no file to write GOAUTH into.
            let message = "GOENV is `off`, so Go reads no file".to_owned();
            return Err(ConfigError::new(message, Some("set GOAUTH in the environment instead".to_owned())));
        }
        if std::env::var_os("GOAUTH").is_some_and(|value| !value.is_empty()) {
            self.note("GOAUTH is set in the environment, which comes before the file");
        }
        let program = self.program();
        self.file(file, PRIVATE, goauth::GoAuth { program });
        Ok(())
    }

    fn vault(&mut self) -> Result<(), ConfigError> {
        let path = self.surroundings.bin.join(vault::script_name(self.profile.as_str()));
        let script = text(&path)?;
        let file = self.surroundings.vault();
        let program = self.program();
        self.file(path, SCRIPT, vault::Script { program });
        self.file(file, PRIVATE, vault::TokenHelper { script });
        Ok(())
    }
}

fn docker_name(host: &str) -> String {
    if host == DOCKER_HUB_HOST { DOCKER_HUB.to_owned() } else { host.to_owned() }
}

/// A pattern as it is on the wire (RFC 5891).
fn ascii(pattern: &str) -> String {
    let (wildcard, name) = pattern.strip_prefix("*.").map_or(("", pattern), |name| ("*.", name));
    let (name, port) = name.rsplit_once(':').filter(|_| !name.ends_with(']')).map_or((name, ""), |(host, _)| name.split_at(host.len()));
    match url::Host::parse(name) {
        Ok(host) => format!("{wildcard}{host}{port}"),
        Err(_) => pattern.to_owned(),
    }
}
