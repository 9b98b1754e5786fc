//! A file with what it is to say, and what is to be remembered of that.

use std::path::Path;

use super::record::Record;
use super::steps::FileStep;
use crate::command::files::Target;
use crate::consumer::{self, Edit};
use crate::error::one_line;
use crate::name::Name;
use crate::profile::ConfigError;
use crate::settings::Mistake;
use crate::ui::{Failure, Manner};

/// A file that is to change, or not.
pub(super) struct Pending<'p> {
    step: &'p FileStep,
    target: Target,
    record: Record,
    /// What it is to say; nothing where it is to go.
    pub(super) text: Option<String>,
    /// What was done to it, where something was.
    edits: Option<Vec<Edit>>,
    /// Whether others go by it, too.
    pub(super) is_shared: bool,
}

impl<'p> Pending<'p> {
    /// The file with the change in it.
    pub(super) fn making(step: &'p FileStep, state: &Path, profile: &Name) -> Result<Self, Failure> {
        let mut pending = Self::open(step, state, profile)?;
        let remembered = pending.record.edits(profile, &step.subject);
        let made = consumer::make(step.change.as_ref(), &pending.target.text, remembered).map_err(|mistake| located(step, &mistake))?;
        if let Some(made) = made {
            step.check_made(&made.text)?;
            (pending.text, pending.edits) = (Some(made.text), Some(made.edits));
        }
        Ok(pending)
    }

    /// The file without it.
    pub(super) fn taking_back(step: &'p FileStep, state: &Path, profile: &Name) -> Result<Self, Failure> {
        let mut pending = Self::open(step, state, profile)?;
        let remembered = pending.record.edits(profile, &step.subject);
        let left =
            consumer::take_back(step.change.as_ref(), &pending.target.text, remembered).map_err(|mistake| located(step, &mistake))?;
        let is_ours_alone = pending.record.is_created && left != pending.target.text && step.change.is_blank(&left);
        pending.text = (!is_ours_alone).then_some(left);
        Ok(pending)
    }

    fn open(step: &'p FileStep, state: &Path, profile: &Name) -> Result<Self, Failure> {
        let target = Target::open(&step.path)?;
        let record = Record::read(state, step.tool, &target.path)?;
        step.check(&target.text).map_err(|mistake| located(step, &mistake))?;
        let (text, is_shared) = (Some(target.text.clone()), record.has_others(profile, &step.subject));
        Ok(Self { step, target, record, text, edits: None, is_shared })
    }

    /// Whether anything is to be done.
    pub(super) fn is_needed(&self) -> bool {
        self.text.as_ref() != Some(&self.target.text)
    }

    /// Forgets what is remembered of a change that is not there: somebody was killed between the two, or took it out by hand.
    pub(super) fn forget(&mut self, profile: &Name) -> Result<(), Failure> {
        let subject = &self.step.subject;
        if !self.record.knows(profile, subject) {
            return Ok(());
        }
        self.record.forget(profile, subject);
        self.record.store()
    }

    pub(super) fn path(&self) -> &Path {
        &self.target.path
    }

    pub(super) fn diff(&self, manner: Manner) -> String {
        self.target.diff(manner, self.text.as_deref())
    }

    /// Makes it so. What is remembered of a change is there before the change is.
    pub(super) fn write(&mut self, profile: &Name) -> Result<(), Failure> {
        let subject = &self.step.subject;
        if let Some(edits) = self.edits.take() {
            self.record.remember(profile, subject, edits, !self.target.exists());
            self.record.store()?;
            return self.target.write(self.text.as_deref().unwrap_or_default(), self.step.mode);
        }
        match &self.text {
            Some(text) => self.target.write(text, self.step.mode)?,
            None => self.target.remove()?,
        }
        self.record.forget(profile, subject);
        self.record.store()
    }

    pub(super) fn remark(&self) -> Option<String> {
        self.text.as_ref().and_then(|text| self.step.change.remark(text))
    }
}

fn located(step: &FileStep, mistake: &Mistake) -> Failure {
    let message = format!("{}:{}: {}", step.path.display(), mistake.line, one_line(&mistake.what));
    ConfigError::new(message, mistake.hint.clone()).into()
}
