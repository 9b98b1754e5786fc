//! Each profile: what its token needs on this machine, who learns of it, and how it stands.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::Scene;
use super::commands::{Found, typed};
use crate::command::status::{self, LoginState, Row, State};
use crate::error::Class;
use crate::name::Name;
use crate::profile::Profile;
use crate::source::SourceError;
use crate::ui::{self, Finding};

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    scene.profiles.iter().flat_map(|profile| of_profile(scene, profile)).collect()
}

fn of_profile(scene: &Scene, profile: &Profile) -> Vec<Finding> {
    let has_login = profile.login().is_ok_and(|login| login.is_some_and(|login| !login.is_dead()));
    let obstacles = profile.source.obstacles(scene.now, has_login);
    let mut findings: Vec<Finding> = obstacles.iter().map(|error| obstacle(profile, error)).collect();
    findings.dedup();
    let programs = profile.source.programs().into_iter().map(|program| ("", program));
    let hooks = profile.delivery.programs().map(|(key, program)| (key, program.to_owned()));
    findings.extend(programs.chain(hooks).filter_map(|(key, program)| command(key, &program, &scene.commands.look(&program))));
    findings.extend(profile.delivery.files().filter_map(|(path, mode)| sink(path, mode, &destination(path))));
    findings.extend(state(scene, profile));
    findings.into_iter().map(|finding| finding.of(&profile.name)).collect()
}

fn obstacle(profile: &Profile, error: &SourceError) -> Finding {
    let id = match profile.source.kind() {
        "file" | "env" => "profile.source",
        _ => "profile.secret",
    };
    let hint = error.hint.clone().unwrap_or_else(|| "make it available to this user, or change the profile".to_owned());
    Finding::problem(id, error.class, &error.message, hint)
}

/// A program that the profile runs, or that its hook `key` is.
fn command(key: &str, program: &str, found: &Found) -> Option<Finding> {
    let what = match found {
        Found::At(_) => return None,
        Found::Unusable(path) => format!("`{}` cannot be run", path.display()),
        Found::Nowhere if program.contains('/') => format!("`{program}` is not there"),
        Found::Nowhere => format!("`{program}` is not on PATH"),
    };
    let hint = "install it, or change the command in the configuration";
    Some(match key {
        "" => Finding::problem("profile.command", Class::Config, what, hint),
        // A hook that fails costs no token.
        key => Finding::warning("profile.hook", Class::Config, format!("{key}: {what}"), hint),
    })
}

/// What stands where a sink is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Destination {
    /// A directory that files can be put into, or that is made.
    Open,
    /// Something that is no file.
    Taken(&'static str),
    /// A directory that is missing, with all that leads to it.
    NoFolder(PathBuf),
    /// A directory that cannot be written to.
    Closed(PathBuf),
}

fn destination(path: &Path) -> Destination {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_usable = |folder: &Path| rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    let metadata = path.symlink_metadata().ok();
    let above = folder.parent().unwrap_or(folder);
    match metadata {
        Some(metadata) if metadata.is_dir() => Destination::Taken("a directory"),
        Some(metadata) if !metadata.is_file() && !metadata.is_symlink() => Destination::Taken("no file"),
        _ if folder.is_dir() && is_usable(folder) => Destination::Open,
        _ if folder.exists() => Destination::Closed(folder.to_owned()),
        _ if above.is_dir() && is_usable(above) => Destination::Open,
        _ if above.is_dir() => Destination::Closed(above.to_owned()),
        _ => Destination::NoFolder(above.to_owned()),
    }
}

fn sink(path: &Path, mode: u32, destination: &Destination) -> Option<Finding> {
    let sink = path.display();
    let fault = |what: String, hint: String| Some(Finding::warning("profile.sink", Class::Storage, what, hint));
    match destination {
        Destination::Taken(what) => fault(format!("the sink {sink} cannot be written: it is {what}"), "name another path".to_owned()),
        Destination::NoFolder(folder) => {
            let what = format!("the sink {sink} cannot be written: there is no directory {}", folder.display());
            fault(what, format!("run `mkdir -p {}`", typed(folder)))
        }
        Destination::Closed(folder) => {
            let what = format!("the sink {sink} cannot be written: {} is closed to this user", folder.display());
            fault(what, "change its permissions, or name another path".to_owned())
        }
        Destination::Open if mode & 0o077 != 0 => {
            let now = path.metadata().map_or(mode, |found| found.permissions().mode() & 0o7777);
            let message = format!("the sink {sink} is for others too (mode {now:04o}), as the configuration has it");
            Some(Finding::note("profile.sink", message, "leave `mode` out of the sink, if only you are to read it"))
        }
        Destination::Open => None,
    }
}

/// How its token and its login stand, as far as its files can be read: those that cannot say so themselves.
fn state(scene: &Scene, profile: &Profile) -> Vec<Finding> {
    let Ok(row) = status::row(scene.configuration(), &profile.name, scene.now) else { return Vec::new() };
    let has_token = matches!(row.state, State::Fresh | State::NearExpiry);
    if profile.login().is_err() && !has_token {
        return Vec::new();
    }
    standing(&profile.name, &row, |time| in_words(time, scene))
}

fn in_words(time: &str, scene: &Scene) -> String {
    let at = crate::clock::Timestamp::parse_rfc3339(time);
    at.map_or_else(|| time.to_owned(), |at| ui::relative(at, scene.now))
}

fn standing(name: &Name, row: &Row, when: impl Fn(&str) -> String) -> Vec<Finding> {
    const ID: &str = "profile.state";
    let renew = |where_: &str| format!("run `token renew {name}`{where_}");
    let expires = || row.expires_at.as_deref().map_or_else(|| "never expires".to_owned(), |at| format!("expires {}", when(at)));
    let cause = row.last_error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
    let advised = row.last_error.as_ref().and_then(|error| error.hint.as_deref());
    // What was advised may have been to renew it.
    let mend = match advised.filter(|hint| !hint.contains("token renew")) {
        Some(hint) => format!("{hint}; then {}", renew("")),
        None => format!("mend that, then {}", renew("")),
    };
    let since = row.last_error.as_ref().and_then(|error| error.at.clone()).map(|at| format!("since {at}")).unwrap_or_default();
    let class = row.last_error.as_ref().map(|error| error.class);
    let main = match row.state {
        State::Fresh => Finding::ok(ID, format!("its token is fresh, and {}", expires())),
        State::NearExpiry => Finding::ok(ID, format!("its token {}, and is renewed at its next use", expires())),
        State::Missing | State::Expired if class.is_some() => {
            let message = format!("has no token, and failed last {since}: {cause}");
            Finding::warning(ID, class.unwrap_or(Class::Temporary), message, mend)
        }
        State::Missing => Finding::ok(ID, "has no token yet: the first is had at its first use"),
        State::Expired => Finding::ok(ID, "its token has expired, and is renewed at its next use"),
        State::BackingOff => {
            let next = row.renew_at.as_deref().map(|at| format!("; the next attempt is due {}", when(at))).unwrap_or_default();
            let message = format!("backing off {since}: {cause}{next}");
            Finding::warning(ID, class.unwrap_or(Class::Temporary), message, format!("mend that, or wait; {} to try now", renew("")))
        }
        State::Parked => {
            let message = format!("parked {since}: {cause}");
            Finding::problem(ID, class.unwrap_or(Class::Refused), message, mend)
        }
        State::LoginRequired => {
            let why = if cause.is_empty() { "nobody is logged in".to_owned() } else { format!("someone has to log in {since}: {cause}") };
            Finding::problem(ID, Class::Login, why, renew(" in a terminal"))
        }
    };
    let is_told = matches!(row.state, State::LoginRequired | State::Parked | State::Missing);
    let login = (row.login == LoginState::Dead && !is_told).then(|| {
        let message = "its login was refused: no token follows the one at hand";
        Finding::warning("profile.login", Class::Login, message, renew(" in a terminal"))
    });
    let detail = format!("{}, login {}", row.source, row.login.word());
    [main.with_detail(detail)].into_iter().chain(login).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::status::LastError;
    use crate::ui::findings::Verdict;

    fn row(state: State, login: LoginState, error: Option<Class>) -> Row {
        let at = Some("2026-11-22T12:00:00Z".to_owned());
        let error = error.map(|class| LastError {
            message: "it said no".into(),
            class,
            at: at.clone(),
            retry_at: at.clone(),
            failures: 2,
            hint: Some("look there".into()),
        });
        Row {
            profile: "prod".into(),
            source: "device-code",
            state,
            expires_at: at.clone(),
            expires_in: None,
            issued_at: None,
            renew_at: at,
            login,
            last_error: error,
            is_usable: false,
        }
    }

    #[test]
    fn every_state_has_its_verdict_and_its_way_out() {
        use LoginState::{Dead, None as NoLogin, Present};
        use Verdict::{Ok, Problem, Warning};
        type Case = (State, LoginState, Option<Class>, &'static [(Verdict, Option<Class>)]);
        let table: [Case; 11] = [
            (State::Fresh, NoLogin, None, &[(Ok, None)]),
            (State::NearExpiry, Present, None, &[(Ok, None)]),
            (State::Expired, NoLogin, None, &[(Ok, None)]),
            (State::Missing, NoLogin, None, &[(Ok, None)]),
            (State::Missing, NoLogin, Some(Class::Network), &[(Warning, Some(Class::Network))]),
            (State::Expired, NoLogin, Some(Class::Temporary), &[(Warning, Some(Class::Temporary))]),
            (State::BackingOff, NoLogin, Some(Class::Network), &[(Warning, Some(Class::Network))]),
            (State::Parked, Dead, Some(Class::Refused), &[(Problem, Some(Class::Refused))]),
            (State::LoginRequired, Dead, Some(Class::Login), &[(Problem, Some(Class::Login))]),
            (State::LoginRequired, NoLogin, None, &[(Problem, Some(Class::Login))]),
            (State::Fresh, Dead, None, &[(Ok, None), (Warning, Some(Class::Login))]),
        ];
        let name: Name = "prod".parse().expect("a name");
        for (state, login, error, expected) in table {
            let found = standing(&name, &row(state, login, error), |_| "in 5m".to_owned());
            let said: Vec<_> = found.iter().map(|finding| (finding.verdict, finding.class)).collect();
            assert_eq!(said, expected, "{state:?} {login:?}");
        }
    }

    #[test]
    fn a_program_that_cannot_be_run_is_told() {
        assert_eq!(command("", "x", &Found::At("/bin/x".into())), None);
        let table = [
            ("", "x", Found::Nowhere, Verdict::Problem, "`x` is not on PATH"),
            ("", "/x/y", Found::Nowhere, Verdict::Problem, "`/x/y` is not there"),
            ("", "x", Found::Unusable("/bin/x".into()), Verdict::Problem, "`/bin/x` cannot be run"),
            ("on_renew", "x", Found::Nowhere, Verdict::Warning, "on_renew: `x` is not on PATH"),
        ];
        for (key, program, found, verdict, says) in table {
            let finding = command(key, program, &found).expect("a finding");
            assert_eq!((finding.verdict, finding.message.as_str()), (verdict, says));
        }
    }

    #[test]
    fn a_sink_that_cannot_be_written_is_told() {
        let path = Path::new("/run/x");
        let folder = || PathBuf::from("/run");
        assert_eq!(sink(path, 0o600, &Destination::Open), None);
        let table = [
            (0o644, Destination::Open, Verdict::Note),
            (0o600, Destination::Taken("a directory"), Verdict::Warning),
            (0o600, Destination::NoFolder(folder()), Verdict::Warning),
            (0o600, Destination::Closed(folder()), Verdict::Warning),
        ];
        for (mode, destination, verdict) in table {
            assert_eq!(sink(path, mode, &destination).map(|finding| finding.verdict), Some(verdict), "{destination:?}");
        }
    }
}
