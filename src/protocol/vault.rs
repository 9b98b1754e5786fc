//! Vault and `OpenBao`: an external token helper (`token_helper`). `get` answers with the token and no newline, or with nothing.

use super::{Act, Answer, Malformed, Offer, Place, Protocol, Request, Unfit};
use crate::secret::Secret;

/// What Vault asks.
#[derive(Clone, Debug)]
pub struct Exchange(Option<String>);

impl Exchange {
    /// The operation is the last of `arguments`.
    #[must_use]
    pub fn new(arguments: &[String]) -> Self {
        Self(arguments.last().cloned())
    }
}

impl Protocol for Exchange {
    fn request(&self) -> Result<Request, Malformed> {
        match self.0.as_deref() {
            Some("get") => Ok(Request::new(Act::Get, Place::Unnamed)),
            Some("erase") => Ok(Request::new(Act::Forget, Place::Unnamed)),
            Some("store") => Ok(Request::nothing()),
            // Error: The helper was not called as Vault calls it. To do: set it up by `token helper setup vault`.
            _ => Err(Malformed::new("vault asks `get`, `store` or `erase`")),
        }
    }

    fn token(&self, offer: &Offer<'_>) -> Result<Secret, Unfit> {
        Ok(offer.token.secret().clone())
    }

    fn nothing(&self) -> Answer {
        Answer::silent(0)
    }

    fn failed(&self, _: &str, status: u8) -> Answer {
        Answer::silent(status)
    }

    fn waits_for_people(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{handed, offer, token};
    use super::*;

    #[test]
    fn the_answer_is_exact() {
        assert_eq!(handed(&Exchange::new(&["get".to_owned()]), &offer(&token(), Some("Bearer"))), "token-1");
    }

    #[test]
    fn each_word_has_its_act() {
        let table = [("get", Some(Act::Get)), ("erase", Some(Act::Forget)), ("store", Some(Act::Nothing)), ("list", None), ("", None)];
        for (word, act) in table {
            assert_eq!(Exchange::new(&[word.to_owned()]).request().ok().map(|request| request.act), act, "{word}");
        }
        assert!(Exchange::new(&[]).request().is_err());
    }
}
