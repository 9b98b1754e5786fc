//! What a look at the state on disk leads to: serve, fail or renew. Pure: no clock, no file, no waiting.

use std::sync::Arc;
use std::time::Duration;

use super::policy::{Freshness, Renewal};
use super::{FetchOptions, Fetched, Origin, RenewalError};
use crate::cache::{Failure, Identity, Seen};
use crate::clock::Timestamp;
use crate::error::Class;
use crate::token::Token;

/// The state on disk as one look found it.
#[derive(Clone, Debug, Default)]
pub(super) struct Glance {
    pub seen: Seen,
    pub failure: Option<Failure>,
}

/// What to do about it.
#[derive(Debug)]
pub(super) enum Decision {
    Serve(Fetched),
    Fail(RenewalError),
    /// Renew. The token at hand may serve instead, if that fails or somebody else is at it.
    Renew(Option<Arc<Token>>),
}

/// What is wanted, of which token, and when.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub renewal: &'a Renewal,
    pub options: &'a FetchOptions,
    pub identity: &'a Identity,
    /// Asked for only where there is a failure that it may make void.
    pub settings: &'a dyn Fn() -> String,
    pub now: Timestamp,
}

impl Wanted<'_> {
    /// Decides on `glance`; `baseline` is what this fetch found at first, where that was earlier. What has changed since then is what
    /// somebody else achieved after this fetch was asked for, and so its outcome too.
    pub fn decide(&self, glance: &Glance, baseline: Option<&Glance>) -> Decision {
        let is_news = baseline.is_some_and(|baseline| baseline.seen != glance.seen);
        let candidate = glance.seen.token.as_ref().filter(|token| !self.must_go(token, is_news));
        let freshness = candidate.map_or(Freshness::Unusable, |token| self.renewal.freshness(token, self.now));
        let usable = candidate.filter(|_| freshness > Freshness::Unusable);
        if let Some(token) = usable.filter(|_| freshness == Freshness::Fresh || is_news) {
            return Decision::Serve(Fetched { token: Arc::clone(token), origin: Origin::Cache });
        }
        if let Some(token) = candidate.filter(|token| self.is_hopeless(token)) {
            return Decision::Fail(self.too_short(token));
        }
        let failure = self.failure_in_force(glance, baseline);
        // Where nothing but a login is missing, and somebody is there who can log in, he is asked.
        let failure = failure.filter(|failure| failure.class != Class::Login || usable.is_some() || self.options.person.is_none());
        match (failure, usable) {
            (Some(failure), Some(token)) if !self.options.report_error => {
                Decision::Serve(Fetched { token: Arc::clone(token), origin: Origin::Stale(failure.into()) })
            }
            (Some(failure), _) => Decision::Fail(failure.into()),
            (None, usable) => Decision::Renew(usable.cloned()),
        }
    }

    /// Whether `token` is the one that the caller wants to be rid of.
    fn must_go(&self, token: &Token, is_news: bool) -> bool {
        match &self.options.replaces {
            Some(fingerprint) => token.fingerprint() == *fingerprint,
            None => self.options.renew_required && !is_news,
        }
    }

    /// The failure that answers this fetch: one whose next attempt is not due. Who asks for a renewal overrides those from before he
    /// asked, but not the issuer's own word on when to come back. One from before the token was issued is over, and could not be removed;
    /// of a token from the future nobody knows that.
    fn failure_in_force<'g>(&self, glance: &'g Glance, baseline: Option<&Glance>) -> Option<&'g Failure> {
        let failure = glance.failure.as_ref().filter(|failure| failure.is_in_force(self.identity, &(self.settings)(), self.now))?;
        if glance.seen.token.as_ref().and_then(|token| token.issued_at).is_some_and(|issued| (failure.at..=self.now).contains(&issued)) {
            return None;
        }
        let is_news = baseline.is_some_and(|baseline| baseline.failure.as_ref() != Some(failure));
        (!self.options.renew_required || is_news || failure.told).then_some(failure)
    }

    /// Whether a new token would have too short a life as well: this one is as good as new, and had.
    fn is_hopeless(&self, token: &Token) -> bool {
        let lenient = Renewal { min_ttl: Duration::ZERO, ..self.renewal.clone() };
        self.is_short(token) && lenient.freshness(token, self.now) == Freshness::Fresh
    }

    fn is_short(&self, token: &Token) -> bool {
        token.lifetime().is_some_and(|lifetime| lifetime <= self.renewal.min_ttl)
    }

    /// Why a token that has just been issued is not handed out.
    pub fn refusal(&self, token: &Token) -> RenewalError {
        if !token.is_expired(self.now) || self.is_short(token) {
            return self.too_short(token);
        }
        // Error: The machine slept while it was stored, or it lives hardly longer than that takes. To do: run it again.
        RenewalError::new(Class::Temporary, "the new token expired before it could be handed out")
    }

    /// The answer to who wants more life than tokens of this source have.
    fn too_short(&self, token: &Token) -> RenewalError {
        let left = humantime::format_duration(Duration::from_secs(token.remaining(self.now).unwrap_or_default().as_secs()));
        let wanted = humantime::format_duration(self.renewal.min_ttl);
        let message = format!("its tokens do not live long enough: {left} are left of a new one, {wanted} are wanted");
        // Error: Even a new token has less life than `--min-ttl` or `min_ttl` demands.
        RenewalError::new(Class::Refused, message).with_hint("ask for less with `--min-ttl` or `min_ttl`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(10_000);

    fn glance(text: &str, expires_in: i64, failure: Option<Failure>) -> Glance {
        let mut token = Token::new(text.to_owned()).expect("a token");
        token.issued_at = Some(Timestamp::from_unix_seconds(10_000 + expires_in - 3600));
        token.expires_at = Some(Timestamp::from_unix_seconds(10_000 + expires_in));
        Glance { seen: Seen::of(token), failure }
    }

    fn failure(retry_in: Option<i64>, told: bool) -> Failure {
        Failure {
            identity: Identity::new("test", []),
            settings: "s".into(),
            class: if retry_in.is_some() { Class::Temporary } else { Class::Refused },
            message: "no".into(),
            hint: None,
            failures: 1,
            at: Timestamp::from_unix_seconds(9_990),
            retry_at: retry_in.map(|seconds| Timestamp::from_unix_seconds(10_000 + seconds)),
            told,
        }
    }

    fn decided(glance: &Glance, baseline: Option<&Glance>, options: &FetchOptions, min_ttl: u64) -> &'static str {
        let (renewal, identity) = (Renewal { min_ttl: Duration::from_secs(min_ttl), ..Renewal::default() }, Identity::new("test", []));
        let wanted = Wanted { renewal: &renewal, options, identity: &identity, settings: &|| "s".to_owned(), now: NOW };
        match wanted.decide(glance, baseline) {
            Decision::Serve(Fetched { origin: Origin::Cache, .. }) => "serve",
            Decision::Serve(_) => "serve stale",
            Decision::Fail(_) => "fail",
            Decision::Renew(Some(_)) => "renew or serve",
            Decision::Renew(None) => "renew",
        }
    }

    #[test]
    fn what_is_found_at_first_decides() {
        let plain = FetchOptions::default();
        let report = FetchOptions { report_error: true, ..FetchOptions::default() };
        let renew = FetchOptions { renew_required: true, ..FetchOptions::default() };
        let table = [
            ("nothing", Glance::default(), &plain, "renew"),
            ("fresh", glance("a", 3000, None), &plain, "serve"),
            ("fresh, though the last renewal failed", glance("a", 3000, Some(failure(None, false))), &plain, "serve"),
            ("near expiry", glance("a", 100, None), &plain, "renew or serve"),
            ("near expiry, backing off", glance("a", 100, Some(failure(Some(5), false))), &plain, "serve stale"),
            ("near expiry, backing off, to be told", glance("a", 100, Some(failure(Some(5), false))), &report, "fail"),
            ("near expiry, backoff over", glance("a", 100, Some(failure(Some(0), false))), &plain, "renew or serve"),
            ("near expiry, parked", glance("a", 100, Some(failure(None, false))), &plain, "serve stale"),
            ("expired, parked", glance("a", 0, Some(failure(None, false))), &plain, "fail"),
            ("expired, backing off", glance("a", 0, Some(failure(Some(5), false))), &plain, "fail"),
            ("expired", glance("a", 0, None), &plain, "renew"),
            ("fresh, to be renewed", glance("a", 3000, None), &renew, "renew"),
            ("to be renewed, parked", glance("a", 3000, Some(failure(None, false))), &renew, "renew"),
            ("to be renewed, backing off", glance("a", 3000, Some(failure(Some(5), false))), &renew, "renew"),
            ("to be renewed, told when to come back", glance("a", 3000, Some(failure(Some(5), true))), &renew, "fail"),
            ("to be renewed, told so before this token", glance("a", 3595, Some(failure(Some(5), true))), &renew, "renew"),
        ];
        for (case, glance, options, expected) in table {
            assert_eq!(decided(&glance, None, options, 0), expected, "{case}");
        }
    }

    #[test]
    fn what_others_achieved_meanwhile_counts() {
        let (old, new) = (glance("a", 100, None), glance("b", 3600, None));
        let renew = FetchOptions { renew_required: true, ..FetchOptions::default() };
        let replace = FetchOptions { replaces: Token::new("a".into()).ok().map(|token| token.fingerprint()), ..renew.clone() };
        let failed = Glance { failure: Some(failure(Some(5), false)), ..old.clone() };
        let table = [
            ("their token", &new, Some(&old), &renew, "serve"),
            ("their token, short-lived", &glance("b", 50, None), Some(&old), &renew, "serve"),
            ("their failure", &failed, Some(&old), &renew, "fail"),
            ("a failure from before", &failed, Some(&failed), &renew, "renew"),
            ("the refused token is gone", &new, None, &replace, "serve"),
            ("the refused token is still there", &old, Some(&new), &replace, "renew"),
        ];
        for (case, glance, baseline, options, expected) in table {
            assert_eq!(decided(glance, baseline, options, 0), expected, "{case}");
        }
    }

    #[test]
    fn a_life_that_no_token_has_is_not_asked_for_again_and_again() {
        let plain = FetchOptions::default();
        for (expires_in, min_ttl, expected) in [(3599, 3600, "fail"), (3599, 7200, "fail"), (300, 7200, "renew"), (1000, 2000, "renew")] {
            assert_eq!(decided(&glance("a", expires_in, None), None, &plain, min_ttl), expected, "{expires_in} of {min_ttl}");
        }
    }

    #[test]
    fn a_new_token_that_is_not_handed_out_is_too_short_or_came_too_late() {
        let (options, identity) = (FetchOptions::default(), Identity::new("test", []));
        for (case, expires_in, min_ttl, expected) in [
            ("expired on its way", 0, 0, Class::Temporary),
            ("expired on its way, though long enough", -5, 60, Class::Temporary),
            ("expired, and too short", 0, 3600, Class::Refused),
            ("too short", 3599, 7200, Class::Refused),
            ("less than is wanted is left", 50, 60, Class::Refused),
        ] {
            let renewal = Renewal { min_ttl: Duration::from_secs(min_ttl), ..Renewal::default() };
            let wanted = Wanted { renewal: &renewal, options: &options, identity: &identity, settings: &|| "s".to_owned(), now: NOW };
            let token = glance("a", expires_in, None).seen.token.expect("a token");
            assert_eq!(wanted.refusal(&token).class, expected, "{case}");
        }
    }
}
