//! A network-facing source with a name: every fetch asks it. A login lives as long as the bearer.

use std::sync::Arc;
use std::time::Duration;

use super::{Bearer, FetchOptions, Receiver, Renewal, RenewalError};
use crate::clock::Clock;
use crate::error::Class;
use crate::name::Name;
use crate::source::{Memory, Request, Source};
use crate::token::Token;

/// A source and the name of its token. Each receiver's fetch is one request to the source.
#[derive(Debug)]
pub struct NamedBearer<S, C> {
    name: Name,
    source: Arc<S>,
    clock: C,
    logins: Arc<Memory>,
}

impl<S: Source, C: Clock> NamedBearer<S, C> {
    /// `source` under the name `name`.
    pub fn new(name: Name, source: S, clock: C) -> Self {
        Self { name, source: Arc::new(source), clock, logins: Arc::default() }
    }

    /// The source.
    pub fn wrapped(&self) -> &S {
        &self.source
    }

    /// The name of its token.
    pub const fn token_name(&self) -> &Name {
        &self.name
    }

    /// The clock it goes by.
    pub const fn clock(&self) -> &C {
        &self.clock
    }
}

impl<S: Source + 'static, C: Clock + Clone + 'static> Bearer for NamedBearer<S, C> {
    type Receiver = NamedReceiver<S, C>;

    fn receiver(&self) -> Self::Receiver {
        let (source, logins) = (Arc::clone(&self.source), Arc::clone(&self.logins));
        NamedReceiver { source, clock: self.clock.clone(), logins, latest: None, fetches: 0 }
    }

    fn name(&self) -> Option<&str> {
        Some(self.name.as_str())
    }
}

/// A receiver that asks the source each time.
#[derive(Debug)]
pub struct NamedReceiver<S, C> {
    source: Arc<S>,
    clock: C,
    logins: Arc<Memory>,
    latest: Option<Arc<Token>>,
    fetches: u32,
}

impl<S: Source, C: Clock> Receiver for NamedReceiver<S, C> {
    async fn fetch(&mut self, timeout: Duration, options: &FetchOptions) -> Result<Arc<Token>, RenewalError> {
        self.fetches += 1;
        let limit = options.renew_request_timeout.unwrap_or(timeout).min(timeout);
        let now = self.clock.now();
        let request = Request {
            previous: self.latest.as_deref(),
            now,
            limit,
            until: now.after(limit),
            insists: options.renew_required,
            person: options.person.as_ref(),
            logins: &*self.logins,
        };
        let issued = tokio::time::timeout(limit, self.source.issue(request)).await;
        let issued =
            // Error: The source took longer than one request may take. To do: allow more with `refresh_request_timeout`.
            issued.map_err(|_| RenewalError::new(Class::Network, format!("no answer within {}", humantime::format_duration(limit))))?;
        let token = Arc::new(issued?);
        self.latest = Some(Arc::clone(&token));
        Ok(token)
    }

    fn latest(&self) -> Option<Arc<Token>> {
        self.latest.clone()
    }

    fn can_retry(&mut self, options: &FetchOptions) -> bool {
        self.fetches < options.max_retries.unwrap_or(Renewal::default().max_retries)
    }
}
