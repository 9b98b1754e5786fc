//! The sources that a configuration can name: what each of them says of itself, and one way to whichever it is.

use std::time::Duration;

use super::discovery::Endpoint;
use super::grant::Grant;
use super::{
    AuthorizationCode, ClientCredentials, DeviceCode, Env, Exec, File, Http, Input, JwtBearer, Printed, RefreshToken, Request, Source,
    SourceError, TokenExchange, Ttl, is_refreshing,
};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::settings::{Mistake, Section};
use crate::token::Token;

/// What every source that a configuration can name says of itself.
pub(super) trait Configured: Source + Sized {
    /// The name of its kind.
    const KIND: &'static str;

    /// What it asks its issuer for, where it has one; revocation aside.
    const ENDPOINTS: &'static [Endpoint] = &[Endpoint::Token];

    /// Reads its keys from its profile, which has this `ttl`.
    fn from_settings(section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake>;

    /// The OAuth 2.0 grant that it is, which says most of the rest.
    fn grant(&self) -> Option<&Grant> {
        None
    }

    /// What decides which token it issues: keys and their values, none of them secret.
    fn identity(&self) -> Vec<(&'static str, String)> {
        self.grant().map(Grant::identity).unwrap_or_default()
    }

    /// Whom it asks, for a person who waits.
    fn asks(&self) -> String {
        self.grant().map(|grant| grant.client.host()).unwrap_or_default()
    }

    /// What else decides whether it will succeed, credentials included: for a digest, never for show.
    fn credentials(&self) -> Vec<Secret> {
        self.grant().map(Grant::credentials).unwrap_or_default()
    }

    /// The secrets and tokens that it needs.
    fn inputs(&self) -> Vec<&Input> {
        self.grant().map(Grant::inputs).unwrap_or_default()
    }

    /// Whether a secret other than its inputs stands in the configuration.
    fn has_inline_secret(&self) -> bool {
        self.grant().is_some_and(Grant::has_inline_secret)
    }

    /// What a login of it is bound to; `None` where it has none.
    fn login_identity(&self) -> Option<Vec<(&'static str, String)>> {
        None
    }

    /// The program that it starts, those of its inputs aside.
    fn program(&self) -> Option<String> {
        None
    }

    /// What keeps it from being asked, beside its inputs and the way to whom it asks: found out on this machine, and at once.
    fn obstacle(&self, _now: Timestamp) -> Option<SourceError> {
        None
    }
}

/// A kind of source: how to read the keys of one from its profile.
#[derive(Clone, Copy)]
pub struct Kind(fn(&mut Section<'_>, Option<Ttl>) -> Result<AnySource, Mistake>);

/// One of the sources that a configuration can name, and the way to each of them.
macro_rules! sources {
    ($($kind:ident),+) => {
        /// One of the sources that a configuration can name.
        #[derive(Debug)]
        pub enum AnySource {
            $(#[allow(missing_docs, reason = "the type says it")] $kind(Box<$kind>),)+
        }

        impl Kind {
            /// Every kind by its name.
            pub const ALL: &[(&str, Self)] =
                &[$(($kind::KIND, Self(|section, ttl| Ok(AnySource::$kind(Box::new($kind::from_settings(section, ttl)?)))))),+];
        }

        /// Does the same with whichever source it is.
        macro_rules! each {
            ($any:expr, $source:ident => $answer:expr) => {
                match $any {
                    $(AnySource::$kind($source) => $answer,)+
                }
            };
        }
    };
}

sources!(ClientCredentials, RefreshToken, DeviceCode, AuthorizationCode, TokenExchange, JwtBearer, Exec, Http, File, Env);

impl AnySource {
    /// Reads the key `source` of a profile, and the keys of that kind. The profile has this `ttl`.
    ///
    /// # Errors
    /// The first [`Mistake`] found.
    pub fn from_settings(kind: Kind, section: &mut Section<'_>, ttl: Option<Ttl>) -> Result<Self, Mistake> {
        (kind.0)(section, ttl)
    }

    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        const fn kind<S: Configured>(_: &S) -> &'static str {
            S::KIND
        }
        each!(self, source => kind(&**source))
    }

    /// What decides which token it issues: keys and their values, none of them secret.
    #[must_use]
    pub fn identity(&self) -> Vec<(&'static str, String)> {
        let mut parts = each!(self, source => source.identity());
        parts.extend(self.inputs().into_iter().filter_map(|input| Some(("profile", input.link()?.identity()))));
        parts
    }

    /// What else decides whether it will succeed, credentials included: for a digest, never for show.
    #[must_use]
    pub fn credentials(&self) -> Vec<Secret> {
        let inputs = self.inputs().into_iter().filter_map(Input::stamp);
        inputs.chain(each!(self, source => source.credentials())).collect()
    }

    /// The secrets and tokens that it needs.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Input> {
        each!(self, source => source.inputs())
    }

    /// Whether one of its secrets stands in the configuration file itself.
    #[must_use]
    pub fn has_inline_secret(&self) -> bool {
        self.inputs().into_iter().any(Input::is_inline) || each!(self, source => source.has_inline_secret())
    }

    /// Whom it asks, for a person who waits.
    #[must_use]
    pub fn asks(&self) -> String {
        each!(self, source => source.asks())
    }

    /// What a login of it is bound to; `None` where it has none.
    #[must_use]
    pub fn login_identity(&self) -> Option<Vec<(&'static str, String)>> {
        each!(self, source => source.login_identity())
    }

    /// Whether it has a login that a person can renew.
    #[must_use]
    pub fn is_logged_in_to(&self) -> bool {
        each!(self, source => source.login_identity().is_some() && source.patience().is_some())
    }

    /// What the command of it printed when it was run last, here; `None` where there is none, or it was not run.
    #[must_use]
    pub fn printed(&self) -> Option<Printed> {
        if let Self::Exec(exec) = self { exec.printed() } else { None }
    }

    pub(super) fn grant(&self) -> Option<&Grant> {
        each!(self, source => source.grant())
    }

    /// What it asks its issuer for, each at an endpoint; revocation aside.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = Endpoint> + use<> {
        const fn needed<S: Configured>(_: &S) -> &'static [Endpoint] {
            S::ENDPOINTS
        }
        let needed = each!(self, source => needed(&**source));
        Endpoint::ALL.into_iter().filter(|endpoint| needed.contains(endpoint))
    }

    pub(super) fn program(&self) -> Option<String> {
        each!(self, source => source.program())
    }

    pub(super) fn obstacle(&self, now: Timestamp) -> Option<SourceError> {
        each!(self, source => source.obstacle(now))
    }
}

impl Source for AnySource {
    async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
        // In a box: one of them is large, and a watcher has a thousand.
        each!(self, source => Box::pin(source.issue(request)).await)
    }

    fn check(&self) -> Result<(), SourceError> {
        self.inputs().into_iter().try_for_each(Input::check)?;
        each!(self, source => source.check())
    }

    fn peer(&self) -> Option<String> {
        each!(self, source => source.peer())
    }

    fn patience(&self) -> Option<Duration> {
        let linked = self.inputs().into_iter().filter_map(|input| input.link()?.patience());
        linked.chain(each!(self, source => source.patience())).max()
    }

    fn is_committed(&self) -> bool {
        is_refreshing()
    }

    fn time_limit(&self, single: Duration) -> Duration {
        Input::time_limit(self.inputs(), single).saturating_add(single)
    }
}
