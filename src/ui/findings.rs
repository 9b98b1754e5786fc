//! What an examination found: a list by subject for people, one JSON object for programs. Whatever a finding says is put on one line.

use serde::Serialize;

use super::{Manner, Paint, watch};
use crate::error::{Class, visible};
use crate::name::Name;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing has to be done.
    Note,
    /// Not as it should be, though tokens are had.
    Warning,
    /// In the way of tokens, or of what asks for them.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of look it was, as `SUBJECT.ASPECT`: the same in every version.
    pub id: &'static str,
    /// Whom it concerns, where not everybody.
    pub profiles: Vec<Name>,
    /// How it is.
    pub verdict: Verdict,
    /// What kind of failure it would be; `None` where it is none.
    pub class: Option<Class>,
    /// What is so, in a line.
    pub message: String,
    /// What to do about it: nothing that is not well goes without.
    hint: Option<String>,
    /// What else was seen, line by line.
    pub details: Vec<String>,
}

/// The most profiles that a line for people names.
const MOST_NAMES: usize = 3;

impl Finding {
    /// Something that is as it should be.
    pub fn ok(id: &'static str, message: impl Into<String>) -> Self {
        Self { id, profiles: Vec::new(), verdict: Verdict::Ok, class: None, message: message.into(), hint: None, details: Vec::new() }
    }

    fn advised(id: &'static str, verdict: Verdict, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { verdict, hint: Some(hint.into()), ..Self::ok(id, message) }
    }

    /// Something worth knowing, and what can be done about it.
    pub fn note(id: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::advised(id, Verdict::Note, message, hint)
    }

    /// Something that is not as it should be, and what to do about it.
    pub fn warning(id: &'static str, class: Class, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { class: Some(class), ..Self::advised(id, Verdict::Warning, message, hint) }
    }

    /// Something that is in the way, and what to do about it.
    pub fn problem(id: &'static str, class: Class, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { class: Some(class), ..Self::advised(id, Verdict::Problem, message, hint) }
    }

    /// Of this profile alone.
    #[must_use]
    pub fn of(self, profile: &Name) -> Self {
        Self { profiles: vec![profile.clone()], ..self }
    }

    /// Of these profiles.
    #[must_use]
    pub fn of_all(self, profiles: &[Name]) -> Self {
        Self { profiles: profiles.to_vec(), ..self }
    }

    /// With something else that was seen.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// With all else that was seen.
    #[must_use]
    pub fn with_details(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    /// The same with another way of saying what to do.
    #[must_use]
    pub fn with_hint_as(self, told: impl FnOnce(&str) -> String) -> Self {
        Self { hint: self.hint.as_deref().map(told), ..self }
    }

    /// What to do about it; nothing where all is well.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        self.id.split('.').next().unwrap_or_default()
    }

    fn sentence(&self) -> String {
        let names: Vec<&str> = self.profiles.iter().take(MOST_NAMES).map(Name::as_str).collect();
        let more = self.profiles.len() - names.len();
        let message = visible(&self.message);
        match (names.is_empty(), more) {
            (true, _) => message,
            (false, 0) => format!("{}: {message}", names.join(", ")),
            (false, more) => format!("{} and {more} more: {message}", names.join(", ")),
        }
    }
}

/// Whether all is well: notes do not count.
#[must_use]
pub fn is_well(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.verdict <= Verdict::Note)
}

/// The exit status of the worst that was found: that of the problems, or else of the warnings, the highest of several.
#[must_use]
pub fn exit_status(findings: &[Finding]) -> u8 {
    let worst = findings.iter().map(|finding| finding.verdict).max();
    let of_worst = findings.iter().filter(|finding| Some(finding.verdict) == worst && finding.verdict > Verdict::Note);
    of_worst.map(|finding| finding.class.map_or(1, Class::exit_status)).max().unwrap_or(0)
}

#[derive(Serialize)]
struct Report<'f> {
    version: u32,
    ok: bool,
    findings: Vec<Row<'f>>,
}

#[derive(Serialize)]
struct Row<'f> {
    id: &'static str,
    subject: &'static str,
    /// Where it is one.
    profile: Option<&'f str>,
    profiles: Vec<&'f str>,
    level: Verdict,
    class: Option<Class>,
    message: String,
    hint: Option<String>,
    details: Vec<String>,
}

impl<'f> From<&'f Finding> for Row<'f> {
    fn from(finding: &'f Finding) -> Self {
        let profiles: Vec<&str> = finding.profiles.iter().map(Name::as_str).collect();
        Self {
            id: finding.id,
            subject: finding.subject(),
            profile: if let [only] = profiles[..] { Some(only) } else { None },
            profiles,
            level: finding.verdict,
            class: finding.class,
            message: visible(&finding.message),
            hint: finding.hint.as_deref().map(visible),
            details: finding.details.iter().map(|detail| visible(detail)).collect(),
        }
    }
}

/// All of it as one line of JSON.
#[must_use]
pub fn json(findings: &[Finding]) -> String {
    let report = Report { version: 1, ok: is_well(findings), findings: findings.iter().map(Row::from).collect() };
    serde_json::to_string(&report).unwrap_or_default() + "\n"
}

/// How a list looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Colours, and how much is shown.
    pub manner: Manner,
    /// Whether signs stand for words.
    pub has_signs: bool,
}

impl Style {
    /// Signs are for terminals that can show them.
    #[must_use]
    pub fn new(manner: Manner, is_terminal: bool) -> Self {
        Self { manner, has_signs: is_terminal && watch::is_unicode() }
    }

    fn mark(self, verdict: Verdict) -> String {
        let (sign, word, paint) = match verdict {
            Verdict::Ok => ("✓", "ok", Paint::Good),
            Verdict::Note => ("·", "note", Paint::Faint),
            Verdict::Warning => ("!", "warning", Paint::Odd),
            Verdict::Problem => ("✗", "problem", Paint::Bad),
        };
        if self.has_signs {
            return format!("{} ", self.manner.paint(paint, sign));
        }
        self.manner.paint(paint, word) + &" ".repeat("problem".len() - word.len() + 2)
    }

    fn finding(self, finding: &Finding) -> String {
        let indent = if self.has_signs { "    " } else { "           " };
        let details = finding.details.iter().filter(|_| self.manner.verbosity > 0);
        let details = details.map(|detail| format!("{indent}{}", self.manner.paint(Paint::Faint, &visible(detail))));
        let hint = finding.hint.as_ref().map(|hint| format!("{indent}{} {}", self.manner.paint(Paint::Faint, "hint:"), visible(hint)));
        let main = format!("  {}{}", self.mark(finding.verdict), finding.sentence());
        [main].into_iter().chain(details).chain(hint).map(|line| line + "\n").collect()
    }
}

/// All of it for people, by subject; the subjects stand in the order of their first findings. Nothing where nothing is to be said.
#[must_use]
pub fn render(findings: &[Finding], style: Style) -> String {
    let is_shown = |finding: &&Finding| !style.manner.is_quiet || finding.verdict > Verdict::Note;
    let mut subjects: Vec<&str> = Vec::new();
    for finding in findings {
        if !subjects.contains(&finding.subject()) {
            subjects.push(finding.subject());
        }
    }
    let mut text = String::new();
    for subject in subjects {
        let shown = findings.iter().filter(is_shown).filter(|finding| finding.subject() == subject);
        let lines: String = shown.map(|finding| style.finding(finding)).collect();
        if !lines.is_empty() {
            text.extend([subject, "\n", &lines]);
        }
    }
    if style.manner.is_quiet {
        return text;
    }
    text + &format!("\n{}\n", summary(findings))
}

/// The line that sums up.
fn summary(findings: &[Finding]) -> String {
    let count = |verdict: Verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let counted = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        many => Some(format!("{many} {word}s")),
    };
    let faults = [counted(count(Verdict::Problem), "problem"), counted(count(Verdict::Warning), "warning")];
    let notes = counted(count(Verdict::Note), "note").map(|notes| format!(" ({notes})")).unwrap_or_default();
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    if faults.is_empty() { format!("all is well{notes}") } else { format!("{}{notes}", faults.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Vec<Finding> {
        let name = |text: &str| text.parse::<Name>().expect("a name");
        let four = ["a", "b", "c", "d"].map(name);
        vec![
            Finding::ok("storage.cache", "private").with_detail("12 GB free"),
            Finding::problem("network.reach", Class::Network, "x \u{1b}[31mis not\r\ntrusted", "set `ca_file`").of(&name("prod")),
            Finding::warning("storage.space", Class::Storage, "little space", "make room").of_all(&four),
            Finding::note("storage.lock", "no locks", "lock"),
        ]
    }

    #[test]
    fn a_list_is_grouped_and_summed_up() {
        let style = |quiet, verbosity, has_signs| Style { manner: Manner { is_quiet: quiet, verbosity, ..Manner::plain() }, has_signs };
        let whole = "storage\n  ok       private\n  warning  a, b, c and 1 more: little space\n           hint: make room\n  \
                     note     no locks\n           hint: lock\n\
                     network\n  problem  prod: x [31mis not trusted\n           hint: set `ca_file`\n\n1 problem and 1 warning (1 note)\n";
        assert_eq!(render(&findings(), style(false, 0, false)), whole);
        let signs = "storage\n  ✓ private\n    12 GB free\n  ! a, b, c and 1 more: little space\n    hint: make room\n  · no locks\n    hint: lock\n\
                     network\n  ✗ prod: x [31mis not trusted\n    hint: set `ca_file`\n\n1 problem and 1 warning (1 note)\n";
        assert_eq!(render(&findings(), style(false, 1, true)), signs);
        let quiet = render(&findings(), style(true, 0, true));
        assert!(!quiet.contains("private") && !quiet.contains("no locks") && quiet.ends_with("`ca_file`\n"), "{quiet}");
        assert_eq!(render(&findings()[..1], style(true, 0, true)), "");
        assert!(render(&findings()[..1], style(false, 0, true)).ends_with("\n\nall is well\n"));
    }

    #[test]
    fn the_worst_decides() {
        let (ok, note) = (|| Finding::ok("a.b", ""), || Finding::note("a.b", "", ""));
        let (warning, problem) = (|class| Finding::warning("a.b", class, "", ""), |class| Finding::problem("a.b", class, "", ""));
        let table = [
            (vec![], 0),
            (vec![ok(), note()], 0),
            (vec![note(), warning(Class::Storage)], 6),
            (vec![warning(Class::Storage), problem(Class::Config)], 2),
            (vec![problem(Class::Config), problem(Class::Network), problem(Class::Login)], 5),
        ];
        for (findings, status) in table {
            assert_eq!((exit_status(&findings), is_well(&findings)), (status, status == 0), "{findings:?}");
        }
    }

    #[test]
    fn programs_are_told_the_same() {
        let report: serde_json::Value = serde_json::from_str(&json(&findings())).expect("JSON");
        assert_eq!((&report["version"], &report["ok"]), (&1.into(), &false.into()));
        let row = &report["findings"][1];
        let said = [&row["subject"], &row["profile"], &row["level"], &row["class"], &row["message"], &row["hint"]];
        assert_eq!(said, ["network", "prod", "problem", "network", "x [31mis not trusted", "set `ca_file`"]);
        assert!(
            report["findings"][2]["profile"].is_null() && report["findings"][2]["profiles"].as_array().is_some_and(|all| all.len() == 4)
        );
    }
}
