//! Who learns of a renewal: files that hold the new token (sinks), replaced atomically, and commands (hooks), which never get it.

use crate::name::Name;
use crate::settings::{Mistake, Section};

/// What a profile delivers at every renewal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {}

impl Delivery {
    pub(crate) fn from_settings(_section: &mut Section<'_>, _name: &Name, _hosts: &[String]) -> Result<Self, Mistake> {
        Ok(Self::default())
    }

    /// Delivers the new token of a profile.
    pub async fn renewed(&self, _name: &Name, _source: &'static str, _token: &crate::token::Token) {}

    /// Tells that a profile is parked.
    pub async fn parked(&self, _name: &Name) {}
}
