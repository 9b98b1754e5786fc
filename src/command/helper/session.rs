//! One call by a consumer: what it asks, whose token that is, and the answer.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::asker::{self, Parent};
use super::{choice, drop};
use crate::bearer::{Asking, FetchOptions, Freshness, RenewalError};
use crate::cache::{Note, Span};
use crate::cli::{Global, Limits};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::command::on_runtime;
use crate::command::shared::{configuration, obtain, onlooker, options};
use crate::command::signals::interruptible;
use crate::error::{Class, reason};
use crate::profile::{ConfigError, Configuration, Profile};
use crate::protocol::{Act, Answer, EARLY, Offer, Protocol, Request, docker};
use crate::source::ANCESTORS;
use crate::token::Token;
use crate::ui::{self, Failure, Manner};

/// One call.
pub(super) struct Session<'g> {
    global: &'g Global,
    manner: Manner,
    parent: Option<Parent>,
    /// Whether signals are heard by a runtime, so that a wait without one would not end by them.
    has_runtime: Cell<bool>,
}

/// What was handed over, to be remembered.
struct Handed {
    profile: Profile,
    token: Arc<Token>,
}

impl<'g> Session<'g> {
    pub(super) fn new(global: &'g Global) -> Self {
        Self { global, manner: Manner::new(global), parent: None, has_runtime: Cell::new(false) }
    }

    /// For who does not say that a token was refused, but asks again.
    pub(super) fn for_who_asks_again(self, words: &[String], information: Option<&str>) -> Self {
        Self { parent: asker::parent(words, information), ..self }
    }

    /// Answers one question: the exit status.
    pub(super) fn hold(&self, protocol: &impl Protocol) -> u8 {
        let (answer, handed) = self.answer(protocol);
        let status = self.say(&answer);
        if let Some(handed) = handed.filter(|_| status == 0) {
            self.remember(&handed);
        }
        status
    }

    /// Answers which hosts there are.
    pub(super) fn list(&self, exchange: &docker::Exchange) -> u8 {
        let listed = configuration(self.global).and_then(|configuration| {
            let profiles = match self.global.profile.as_deref() {
                Some(name) => vec![configuration.select(Some(name))?],
                None => configuration.profiles().collect(),
            };
            Ok(docker::listed(profiles.into_iter().map(|profile| (profile.hosts.as_slice(), profile.username.as_str()))))
        });
        self.say(&listed.unwrap_or_else(|failure| self.failed(exchange, &failure)))
    }

    /// Tells that nothing of what is asked could be read: the exit status. To the tool it is a helper that failed.
    pub(super) fn is_deaf(&self, error: &std::io::Error) -> u8 {
        // Error 2: Standard input is closed, or is no file that can be read. To do: call it as the tool does, with the request on standard
        // input.
        ui::report(&Failure::Usage(format!("the request cannot be read from standard input: {}", reason(error))).into(), self.manner)
    }

    /// Says it: the exit status.
    pub(super) fn say(&self, answer: &Answer) -> u8 {
        if answer.text.expose().is_empty() {
            return answer.status;
        }
        let text = answer.text.clone();
        match self.waited_for(move || ui::answer::print(&text).err()) {
            None => answer.status,
            Some(error) => ui::report(&Failure::from(error).into(), self.manner),
        }
    }

    /// What `wait` comes to. A signal ends it.
    pub(super) fn waited_for<T: Send + 'static>(&self, wait: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
        if !self.has_runtime.get() {
            return wait();
        }
        let waiting = async { spawn_blocking(wait).await.map_err(|_| Failure::lost()) };
        match on_runtime(None, interruptible(waiting)) {
            Ok(outcome) => outcome,
            Err(failure) => std::process::exit(failure.exit_status().into()),
        }
    }

    fn answer(&self, protocol: &impl Protocol) -> (Answer, Option<Handed>) {
        let request = match protocol.request() {
            Ok(request) if request.act == Act::Nothing => return (protocol.done(), None),
            Ok(request) => request,
            Err(error) => return (self.unknown(protocol, &ConfigError::new(error.to_string(), None).into()), None),
        };
        let found = configuration(self.global).and_then(|all| Ok((self.chosen(&all, &request)?, all)));
        let (profile, configuration) = match found {
            Ok((Some(profile), configuration)) => (profile, configuration),
            Ok((None, _)) => return (self.nothing(protocol, &request), None),
            Err(failure) => return (self.unknown(protocol, &failure), None),
        };
        match request.act {
            Act::Get => self.handed_over(protocol, profile, false),
            Act::Replace => {
                let was_sent = choice::names(&profile, &request.place);
                self.handed_over(protocol, profile, was_sent)
            }
            act => (self.dropped(protocol, &configuration, &profile, &act), None),
        }
    }

    fn chosen(&self, configuration: &Configuration, request: &Request) -> Result<Option<Profile>, Failure> {
        let named = self.global.profile.as_deref().or(request.profile.as_deref());
        Ok(choice::profile(configuration, named, &request.place)?.cloned())
    }

    fn handed_over(&self, protocol: &impl Protocol, profile: Profile, is_refused: bool) -> (Answer, Option<Handed>) {
        let token = self.token(protocol, &profile, is_refused);
        match token.and_then(|token| Ok((offered(protocol, &profile, &token)?, token))) {
            Ok((answer, token)) => (answer, Some(Handed { profile, token })),
            Err(failure) => (self.failed(protocol, &failure), None),
        }
    }

    /// A token: from the cache if it is fresh there, and was not refused.
    fn token(&self, protocol: &impl Protocol, profile: &Profile, is_refused: bool) -> Result<Arc<Token>, Failure> {
        // Somebody whom a command of ours runs may be asking for what that command is to give: the source finds that out.
        let is_descendant = std::env::var_os(ANCESTORS).is_some();
        let cached = if is_descendant { None } else { profile.token_cache().get().ok().flatten() };
        let profile = &timely(profile, protocol, cached.as_deref());
        let now = SystemClock.now();
        let freshness = |token: &Arc<Token>| profile.renewal.freshness(token, now);
        match cached.filter(|token| freshness(token) > Freshness::Unusable) {
            Some(token) if self.wants_another(profile, &token, is_refused, now) => self.replaced(protocol, profile, token, is_refused),
            Some(token) if freshness(&token) == Freshness::Fresh => Ok(token),
            _ => self.fetched(protocol, profile, FetchOptions::default()),
        }
    }

    fn wants_another(&self, profile: &Profile, token: &Token, is_told: bool, now: Timestamp) -> bool {
        let served = || profile.token_cache().cache().served(&profile.name);
        let asking = Asking { asker: None, at: now, others: &[], is_told, early: EARLY };
        let Some(parent) = &self.parent else { return is_told && asking.wants_another(token, &served()) };
        let asking = Asking { asker: Some(&parent.asker), at: parent.since, ..asking };
        // Who is not answered yet is looked for before what is remembered: he is in the one or in the other.
        asking.wants_another(token, &served()) && Asking { others: &parent.other_calls(), ..asking }.wants_another(token, &served())
    }

    /// Another token than `token`. Where it is only guessed that this one was refused, it serves as long as there is no other.
    fn replaced(&self, protocol: &impl Protocol, profile: &Profile, token: Arc<Token>, is_told: bool) -> Result<Arc<Token>, Failure> {
        note(profile, &Note::replaced(&token, SystemClock.now()));
        let options = FetchOptions { replaces: Some(token.fingerprint()), ..FetchOptions::default() };
        match self.fetched(protocol, profile, options) {
            Err(Failure::Renewal { error, .. }) if !is_told && !token.is_expired(SystemClock.now()) => {
                // Error 0: The tool asked again, as after a refusal, and no new token could be had. To do: check what the account may do
                // there; `token renew NAME` tries again.
                tracing::warn!(profile = %profile.name, "{error}; the cached token is good still, though it seems to have been refused");
                Ok(token)
            }
            outcome => outcome,
        }
    }

    /// A token from the cache or by a renewal: the one place here that asks a source.
    fn fetched(&self, protocol: &impl Protocol, profile: &Profile, wanted: FetchOptions) -> Result<Arc<Token>, Failure> {
        let limits = Limits { timeout: protocol.patience(), ..Limits::default() };
        let manner = self.manner;
        let person = if protocol.waits_for_people() { onlooker(self.global, profile, manner) } else { None };
        let options = FetchOptions { replaces: wanted.replaces, person, ..options(&limits) };
        let fetched = self.attended(protocol, async { obtain(profile, &limits, &options, manner).await })?;
        Ok(fetched.token)
    }

    fn dropped(&self, protocol: &impl Protocol, configuration: &Configuration, profile: &Profile, act: &Act) -> Answer {
        if *act == Act::Accept {
            return protocol.done();
        }
        let name = profile.name.clone();
        let dropping =
            async { drop::dropped(configuration, profile, act).await.map_err(|error| Failure::Renewal { profile: name, error }) };
        match self.attended(protocol, dropping) {
            Ok(()) => protocol.done(),
            Err(failure) => self.failed(protocol, &failure),
        }
    }

    /// What takes more than a look, on a runtime. Warnings go to standard error, where that is free for them.
    fn attended<T>(&self, protocol: &impl Protocol, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.has_runtime.set(true);
        let manner = Some(self.manner).filter(|_| !protocol.reads_stderr());
        on_runtime(manner, interruptible(work))
    }

    fn failed(&self, protocol: &impl Protocol, failure: &Failure) -> Answer {
        self.tell(protocol, failure);
        match failure {
            Failure::Signal(_) => Answer::silent(failure.exit_status()),
            _ => protocol.failed(&failure.in_one_line(), failure.exit_status()),
        }
    }

    fn unknown(&self, protocol: &impl Protocol, failure: &Failure) -> Answer {
        self.tell(protocol, failure);
        protocol.unknown(&failure.in_one_line(), failure.exit_status())
    }

    fn nothing(&self, protocol: &impl Protocol, request: &Request) -> Answer {
        if protocol.explains_nothing() {
            let named = self.global.profile.as_deref().or(request.profile.as_deref());
            self.tell(protocol, &choice::refused(named, &request.place).into());
        }
        protocol.nothing()
    }

    fn tell(&self, protocol: &impl Protocol, failure: &Failure) {
        let is_silent = matches!(failure, Failure::Signal(_)) && self.manner.verbosity == 0;
        if protocol.has_stderr() && !is_silent {
            ui::tell_failure(failure, self.manner);
        }
    }

    /// Remembers who was handed the token, where that may matter.
    fn remember(&self, handed: &Handed) {
        let Some(Parent { asker, since, .. }) = &self.parent else { return };
        let span = Span { since: *since, until: SystemClock.now() };
        note(&handed.profile, &Note::handed(asker, &handed.token, span));
    }
}

/// The token, as the consumer takes it.
fn offered(protocol: &impl Protocol, profile: &Profile, token: &Token) -> Result<Answer, Failure> {
    let Profile { username, scheme, hosts, .. } = profile;
    let offer = Offer { token, username, scheme: scheme.as_deref(), hosts, now: SystemClock.now() };
    protocol.token(&offer).map(Answer::said).map_err(|unfit| {
        let error = RenewalError::new(Class::Config, unfit.to_string());
        Failure::Renewal { profile: profile.name.clone(), error }
    })
}

/// What only saves a person a second attempt may fail.
fn note(profile: &Profile, note: &Note) {
    if let Err(error) = profile.token_cache().cache().note(&profile.name, note) {
        tracing::info!(profile = %profile.name, "{error}");
    }
}

/// The same profile, renewing as early as the consumer needs it.
fn timely(profile: &Profile, protocol: &impl Protocol, token: Option<&Token>) -> Profile {
    let lifetime = token.and_then(Token::lifetime).filter(|lifetime| !lifetime.is_zero());
    let Some((lifetime, margin)) = lifetime.and_then(|lifetime| Some((lifetime, protocol.margin(lifetime)?))) else {
        return profile.clone();
    };
    let safe = 1.0 - margin.div_duration_f64(lifetime);
    let mut timely = profile.clone();
    timely.renewal.initial_safety_margin = profile.renewal.initial_safety_margin.max(Some(margin));
    timely.renewal.lifetime_safe_fraction = profile.renewal.lifetime_safe_fraction.min(safe);
    timely
}
