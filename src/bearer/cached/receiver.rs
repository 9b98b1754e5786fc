//! The cached bearer as a [`Bearer`], for those who retry.

use std::sync::Arc;
use std::time::Duration;

use super::CachedBearer;
use crate::bearer::{Bearer, FetchOptions, Receiver, RenewalError};
use crate::clock::Clock;
use crate::source::Source;
use crate::token::Token;

impl<S: Source + 'static, C: Clock + 'static> Bearer for CachedBearer<S, C> {
    type Receiver = CachedReceiver<S, C>;

    fn receiver(&self) -> Self::Receiver {
        CachedReceiver { bearer: Self(Arc::clone(&self.0)), latest: None, fetches: 0 }
    }

    fn name(&self) -> Option<&str> {
        Some(self.0.cache.name().as_str())
    }
}

/// A receiver of the cached token.
#[derive(Debug)]
pub struct CachedReceiver<S, C> {
    bearer: CachedBearer<S, C>,
    latest: Option<Arc<Token>>,
    fetches: u32,
}

impl<S: Source, C: Clock> Receiver for CachedReceiver<S, C> {
    async fn fetch(&mut self, timeout: Duration, options: &FetchOptions) -> Result<Arc<Token>, RenewalError> {
        self.fetches += 1;
        let fetched = self.bearer.fetch(timeout, options).await?;
        self.latest = Some(Arc::clone(&fetched.token));
        Ok(fetched.token)
    }

    fn latest(&self) -> Option<Arc<Token>> {
        self.latest.clone()
    }

    fn can_retry(&mut self, options: &FetchOptions) -> bool {
        self.fetches < options.max_retries.unwrap_or(self.bearer.0.renewal.max_retries)
    }
}
