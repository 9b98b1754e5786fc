//! `token helper setup`: shows a change in the configuration of another tool, makes it, or takes it back. What the change is says
//! `consumer`; here it meets files, links, and what is remembered of changes made before.

mod git;
mod links;
mod pending;
pub(super) mod record;
pub(super) mod rehearsal;
mod steps;
pub(super) mod surroundings;

use super::{Outcome, shared};
use crate::cli::{Global, Setup};
use crate::name::Name;
use crate::profile::{ConfigError, Configuration, Places};
use crate::secret::Secret;
use crate::ui::{self, Failure, Manner};
use pending::Pending;
use steps::{LinkStep, Plan};
use surroundings::Surroundings;

pub(super) async fn run(global: &Global, setup: &Setup, manner: Manner) -> Outcome {
    let places = Places::find(global.config.as_deref())?;
    let configuration = Configuration::load(&places)?;
    let (profile, hosts) = subject(&configuration, global, setup.undo)?;
    let surroundings = Surroundings::find(&places, setup.bin_dir.as_deref())?;
    let plan = steps::plan(setup, &surroundings, global.profile.is_some(), &profile, &hosts)?;
    let work = Work { global, setup, manner, profile, surroundings };
    let (shown, words) = match &plan.document {
        Some(document) => (work.document(document, plan.tool)?, Vec::new()),
        None => work.perform(&plan)?,
    };
    if !shown.is_empty() {
        shared::print(Secret::new(shown)).await?;
    }
    words.iter().chain(&plan.notes).for_each(|word| work.tell(word));
    Ok(0)
}

/// The profile and its hosts. To take a change back, its name is enough: it may be configured no more.
fn subject(configuration: &Configuration, global: &Global, is_undo: bool) -> Result<(Name, Vec<String>), Failure> {
    let named = global.profile.as_ref().filter(|_| is_undo).and_then(|name| name.parse::<Name>().ok());
    if let Some(name) = named.filter(|name| configuration.get(name).is_none()) {
        return Ok((name, Vec::new()));
    }
    let profile = shared::chosen(configuration, global, None)?;
    Ok((profile.name.clone(), profile.hosts.clone()))
}

/// What is done, for whom.
struct Work<'a> {
    global: &'a Global,
    setup: &'a Setup,
    manner: Manner,
    profile: Name,
    surroundings: Surroundings,
}

impl Work<'_> {
    fn tell(&self, text: &str) {
        if !self.manner.is_quiet {
            ui::tell_event(self.manner, &self.profile, text);
        }
    }

    /// What belongs into no file that is known here.
    fn document(&self, document: &str, tool: &str) -> Result<String, Failure> {
        if self.setup.write || self.setup.undo {
            // Error: The tool reads a file that you choose, so there is nothing to write to.
            let message = format!("{}: {} has no configuration that could be written to", self.profile, tool);
            return Err(ConfigError::new(message, Some("leave --write and --undo out: what to save is printed".to_owned())).into());
        }
        Ok(document.to_owned())
    }

    /// Does all that is to be done, or returns it to be shown, with what is to be said of that.
    fn perform(&self, plan: &Plan) -> Result<(String, Vec<String>), Failure> {
        let (state, profile) = (&self.surroundings.state, &self.profile);
        let find = |step| if self.setup.undo { Pending::taking_back(step, state, profile) } else { Pending::making(step, state, profile) };
        let files = plan.files.iter().map(find).collect::<Result<Vec<Pending<'_>>, Failure>>()?;
        let links = self.links(plan, files.iter().any(|file| file.is_shared))?;
        let (files, mut others): (Vec<Pending<'_>>, Vec<_>) = files.into_iter().partition(Pending::is_needed);
        if self.setup.undo && self.setup.write {
            others.iter_mut().try_for_each(|file| file.forget(profile))?;
        }
        if files.is_empty() && links.is_empty() {
            let found = if self.setup.undo { "is not set up: there is nothing to take back" } else { "is already set up" };
            return Ok((String::new(), vec![format!("{} {found}", plan.tool)]));
        }
        if self.setup.write {
            self.write(plan.tool, files, &links)?;
            return Ok((String::new(), Vec::new()));
        }
        let manner = self.manner.of_answer(self.global);
        Ok((files.iter().map(|file| file.diff(manner)).collect(), self.announcements(&files, &links)))
    }

    /// The links that are missing, or that are to go. What others go by stays.
    fn links(&self, plan: &Plan, is_shared: bool) -> Result<Vec<links::Link>, Failure> {
        let look = |link: &LinkStep| links::look(&link.path, &self.surroundings);
        if self.setup.undo {
            let ours = plan.links.iter().filter(|link| !(is_shared && link.is_shared)).filter_map(|link| look(link).ok());
            return Ok(ours.filter(links::Link::is_there).collect());
        }
        let all = plan.links.iter().map(look).collect::<Result<Vec<_>, ConfigError>>()?;
        Ok(all.into_iter().filter(|link| !link.is_there()).collect())
    }

    /// What `--write` would do.
    fn announcements(&self, files: &[Pending<'_>], links: &[links::Link]) -> Vec<String> {
        let file = |file: &Pending<'_>| {
            let act = match (self.setup.undo, &file.text) {
                (false, _) => "makes this change in",
                (true, Some(_)) => "takes this out of",
                (true, None) => "removes",
            };
            format!("--write {act} {}", file.path().display())
        };
        let act = if self.setup.undo { "removes the link" } else { "links" };
        files.iter().map(file).chain(links.iter().map(|link| format!("--write {act} {link}"))).collect()
    }

    fn write(&self, tool: &str, files: Vec<Pending<'_>>, links: &[links::Link]) -> Result<(), Failure> {
        for link in links.iter().filter(|_| !self.setup.undo) {
            link.make()?;
            self.tell(&format!("linked {link}"));
        }
        let files: Vec<Pending<'_>> = if self.setup.undo { files.into_iter().rev().collect() } else { files };
        for mut file in files {
            file.write(&self.profile)?;
            let place = file.path().display();
            self.tell(&match (self.setup.undo, &file.text) {
                (false, _) => format!("{tool} is set up in {place}"),
                (true, Some(_)) => format!("took it out of {place}"),
                (true, None) => format!("removed {place}"),
            });
            file.remark().iter().for_each(|remark| self.tell(remark));
        }
        for link in links.iter().filter(|_| self.setup.undo) {
            link.remove()?;
            self.tell(&format!("removed the link {link}"));
        }
        Ok(())
    }
}
