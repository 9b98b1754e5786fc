//! Terraform and `OpenTofu`: the one credentials helper that there may be.
//!
//! Another helper is left alone.

use super::edit::{Edit, append, line_of, remove_lines};
use super::hcl::{Item, parse};
use super::{Change, Program, mistake};
use crate::error::one_line;
use crate::settings::Mistake;

/// The program as Terraform calls it.
pub const LINK: &str = "terraform-credentials-token";

const NAME: &str = "credentials_helper";
const LABEL: &str = "token";

/// A credentials helper.
#[derive(Clone, Debug)]
pub struct CredentialsHelper {
    /// The profile.
    pub program: Program,
}

impl CredentialsHelper {
    fn arguments(&self) -> [String; 2] {
        ["--profile".to_owned(), self.program.profile.clone()]
    }

    fn is_ours(&self, item: &Item) -> bool {
        item.labels == [LABEL] && item.texts == self.arguments()
    }
}

impl Change for CredentialsHelper {
    fn is_made(&self, text: &str) -> Result<bool, Mistake> {
        Ok(helper(&parse(text)?).is_some_and(|item| self.is_ours(item)))
    }

    fn make(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        if let Some(other) = helper(&parse(text)?) {
            let named = one_line(&other.labels.iter().chain(&other.texts).map(String::as_str).collect::<Vec<_>>().join(" "));
            let what = format!("there is a credentials helper already: {named}");
            let hint = "there can be only one; remove it there, if ours is to be used";
            return Err(mistake(line_of(text, other.range.start), what, Some(hint)));
        }
        let words = self.arguments().map(|word| format!("\"{word}\"")).join(", ");
        let lines = [format!("{NAME} \"{LABEL}\" {{"), format!("  args = [{words}]"), "}".to_owned()];
        Ok(vec![append(text, &lines, true)])
    }

    fn take_back(&self, text: &str) -> Result<Vec<Edit>, Mistake> {
        let items = parse(text)?;
        let ours = helper(&items).filter(|item| self.is_ours(item));
        Ok(ours.map(|item| remove_lines(text, item.range.clone(), true)).into_iter().collect())
    }
}

fn helper(items: &[Item]) -> Option<&Item> {
    items.iter().find(|item| item.name == NAME)
}
