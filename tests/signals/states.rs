//! The states that last: what makes a command stay in one, and how it is seen to be there.

use std::fs;
use std::io::{PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::process::Stdio;

use rustix::process::{Pid, Signal};

use crate::support::{Issuer, QUICK, Reply, Running, SECRET, Test, profile, wait_until};
use crate::{endless, mark, shell};

/// Waits between attempts are long enough to be met in.
const SLOW: &str = "[renewal]\ninitial_retry_timeout = \"20s\"\n";

/// A command in a state, and what belongs to it.
pub struct Stage {
    pub args: &'static [&'static str],
    pub test: Test,
    pub issuer: Issuer,
    /// Found in the command lines of what must not outlive it.
    pub mark: String,
    /// Holds the lock.
    holder: Option<Running>,
    is_reached: fn(&Stage, Pid) -> bool,
    /// What the command is fed by, and what takes its answer, where that is not to end.
    pub input: Option<(PipeReader, PipeWriter)>,
    pub output: Option<(PipeReader, PipeWriter)>,
}

/// Makes one.
pub type State = fn() -> Stage;

pub const STATES: [(&str, State); 25] = [
    ("get, a request without an answer", || asked(&["get"])),
    ("get, an answer half read", || stage(&["get"], Reply::drip(), "", was_asked)),
    ("get, its issuer is being discovered", discovering),
    ("get, between two attempts", between_attempts),
    ("get, another has the lock", || locked(&["get"])),
    ("renew, another has the lock", || locked(&["renew"])),
    ("purge, another has the lock", || locked(&["purge"])),
    ("get, its command", command),
    ("get, its command will not end", stubborn_command),
    ("get -- COMMAND", command_line),
    ("get, the command for its secret", secret_command),
    ("get, a hook", || hooked(&["get"], "on_renew", Reply::token(3600))),
    ("renew, a hook", || hooked(&["renew"], "on_renew", Reply::token(3600))),
    ("get, a hook for an error", || hooked(&["get"], "on_error", Reply::oauth(401, "invalid_client"))),
    ("renew of many", many),
    ("renew, its input does not come", || fed(&["renew", "prod", "--if-token-is", "-"])),
    ("purge, its input does not come", || fed(&["purge", "prod", "--if-token-is", "-"])),
    ("purge, a revocation without an answer", revoking),
    ("get, nobody takes the answer", || clogged(false)),
    ("get of a cached token, nobody takes the answer", || clogged(true)),
    ("run, no token yet", || asked(&["run", "--", "true"])),
    ("helper git, its input does not come", || fed(&["helper", "git", "get"])),
    ("helper docker, its input does not come", || fed(&["helper", "docker", "get"])),
    ("helper cargo, no more questions", || fed(&["helper", "cargo", "--cargo-plugin"])),
    ("helper kubectl, a request without an answer", || asked(&["helper", "kubectl"])),
];

impl Stage {
    /// Starts the command and waits until it is in its state.
    pub fn enter(&self, name: &str) -> Running {
        let mut command = self.test.command(self.args);
        if let Some((reader, _)) = &self.input {
            command.stdin(reader.try_clone().unwrap());
        }
        if let Some((_, writer)) = &self.output {
            command.stdout(Stdio::from(writer.try_clone().unwrap()));
        }
        let running = self.test.start(command, self.args);
        wait_until(name, || (self.is_reached)(self, running.pid()));
        running
    }

    /// Ends what held it up.
    pub fn leave(&mut self) {
        self.holder.take().into_iter().for_each(Running::kill);
    }
}

fn stage(args: &'static [&'static str], reply: Reply, keys: &str, is_reached: fn(&Stage, Pid) -> bool) -> Stage {
    let issuer = Issuer::answering(reply);
    let test = Test::configured(&format!("{QUICK}{}{keys}", profile("prod", &issuer.endpoint())));
    Stage { args, test, issuer, mark: mark(), holder: None, is_reached, input: None, output: None }
}

fn was_asked(stage: &Stage, _: Pid) -> bool {
    stage.issuer.count() > 0
}

fn has_begun(stage: &Stage, _: Pid) -> bool {
    stage.test.path("begun").exists()
}

/// Whether it sleeps in a system call on a descriptor such as this, or waits for it to be ready.
fn waits(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
}

fn asked(args: &'static [&'static str]) -> Stage {
    stage(args, Reply::silence(), "", was_asked)
}

fn discovering() -> Stage {
    let stage = stage(&["get"], Reply::token(3600), "", |stage, _| stage.issuer.discovered() > 0);
    stage.issuer.hold_discovery();
    let (url, keys) = (stage.issuer.url(), format!("client_id = \"ci\"\nclient_secret = \"{SECRET}\"\n"));
    stage.test.configure(&format!("{QUICK}[profile.prod]\nsource = \"client-credentials\"\nissuer = \"{url}\"\n{keys}"));
    stage
}

fn between_attempts() -> Stage {
    let is_remembered = |stage: &Stage, _: Pid| stage.test.cache_dir().join("prod.failure").exists();
    let stage = stage(&["get", "--timeout", "60s"], Reply::status(503), "", is_remembered);
    stage.test.configure(&format!("{SLOW}{}", profile("prod", &stage.issuer.endpoint())));
    stage
}

/// Whoever has the lock file open while somebody else holds it waits for it.
fn locked(args: &'static [&'static str]) -> Stage {
    let stage = stage(args, Reply::silence(), "", |stage, pid| {
        let lock = stage.test.cache_dir().join("prod.lock");
        let descriptors = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()));
        descriptors.is_ok_and(|found| found.flatten().flat_map(|fd| fs::read_link(fd.path())).any(|target| target == lock))
    });
    let holder = stage.test.spawn(&["get"]);
    stage.issuer.wait_for_requests(1);
    holder.signal(Signal::STOP);
    Stage { holder: Some(holder), ..stage }
}

fn command() -> Stage {
    let stage = stage(&["get"], Reply::silence(), "", has_begun);
    stage.test.configure(&format!("[profile.prod]\nsource = \"exec\"\n{}", shell("command", &endless(&stage.mark))));
    stage
}

fn stubborn_command() -> Stage {
    let stage = stage(&["get"], Reply::silence(), "", has_begun);
    let script = format!("trap '' TERM INT HUP; {}; sleep {}", endless(&stage.mark), stage.mark);
    stage.test.configure(&format!("[profile.prod]\nsource = \"exec\"\n{}", shell("command", &script)));
    stage
}

/// Its mark stands in a file: nobody else's command line is to hold it.
fn command_line() -> Stage {
    let stage = stage(&["get", "--", "sh", "./endless"], Reply::silence(), "", has_begun);
    fs::write(stage.test.path("endless"), endless(&stage.mark)).unwrap();
    stage
}

fn secret_command() -> Stage {
    let stage = stage(&["get"], Reply::silence(), "", has_begun);
    let config = profile("prod", &stage.issuer.endpoint());
    let command = format!("client_secret = {{ command = [\"sh\", \"-c\", '''{}'''] }}", endless(&stage.mark));
    stage.test.configure(&config.replace(&format!("client_secret = \"{SECRET}\""), &command));
    stage
}

fn hooked(args: &'static [&'static str], key: &str, reply: Reply) -> Stage {
    let stage = stage(args, reply, "", has_begun);
    stage.test.configure(&format!("{}{}", profile("prod", &stage.issuer.endpoint()), shell(key, &endless(&stage.mark))));
    stage
}

fn many() -> Stage {
    let stage = stage(&["renew", "--all"], Reply::silence(), "", |stage, _| stage.issuer.count() >= 10);
    let profiles: String = (0..10).map(|number| profile(&format!("prod{number}"), &stage.issuer.endpoint())).collect();
    stage.test.configure(&format!("{QUICK}{profiles}{}", profile("prod", &stage.issuer.endpoint())));
    stage
}

fn fed(args: &'static [&'static str]) -> Stage {
    let hosts = "hosts = [\"api.example.com\"]\n";
    let stage =
        stage(args, Reply::token(3600), hosts, |stage, pid| has_open(pid, stage.input.as_ref().unwrap().0.as_raw_fd()) && waits(pid));
    Stage { input: Some(std::io::pipe().unwrap()), ..stage }
}

/// Whether the process has replaced itself by the program, which then reads what we have open here.
fn has_open(pid: Pid, descriptor: i32) -> bool {
    let place = |process: &str, descriptor: i32| fs::read_link(format!("/proc/{process}/fd/{descriptor}"));
    let is_ours =
        matches!((place("self", descriptor), place(&pid.as_raw_nonzero().to_string(), 0)), (Ok(ours), Ok(theirs)) if ours == theirs);
    let program = fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero()));
    is_ours && program.is_ok_and(|program| program.ends_with("token"))
}

fn revoking() -> Stage {
    let stage = stage(&["purge", "--revoke"], Reply::token(3600), "", |stage, _| stage.issuer.count() > 1);
    let revocable = format!("revocation_endpoint = \"{}/revoke\"\n", stage.issuer.url());
    stage.test.configure(&format!("{}{revocable}", profile("prod", &stage.issuer.endpoint())));
    stage.test.get().gives("token-1");
    stage.issuer.answer(Reply::silence());
    stage
}

/// A token that, with the end of its line, is longer than what a pipe takes before somebody reads.
fn clogged(is_cached: bool) -> Stage {
    let token = format!("token-{}", "a".repeat(65_536 - 6));
    let answer = Reply::json(format!("{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\",\"expires_in\":3600}}"));
    let stage = stage(&["get"], answer, "", |stage, pid| {
        let (reader, _) = stage.output.as_ref().unwrap();
        rustix::io::ioctl_fionread(reader).is_ok_and(|waiting| waiting == 65_536) && waits(pid)
    });
    if is_cached {
        stage.test.get().exits(0);
    }
    Stage { output: Some(std::io::pipe().unwrap()), ..stage }
}
