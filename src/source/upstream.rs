//! The token of another profile as an input: kept fresh by the same core, so that sources chain.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{Request, SourceError};
use crate::error::Class;
use crate::name::Name;
use crate::secret::Secret;
use crate::settings::{Item, Mistake};

/// Something whose token another source needs.
pub trait Upstream: fmt::Debug + Send + Sync {
    /// What decides which token it is.
    fn identity(&self) -> String;

    /// Its token, valid now.
    fn token<'a>(&'a self, request: Request<'a>) -> Pin<Box<dyn Future<Output = Result<Secret, SourceError>> + Send + 'a>>;

    /// The token that was had last, for a digest: whoever was refused with it may try again with the next one.
    fn stamp(&self) -> Option<Secret>;

    /// The time limit of one request while a person is asked; `None` where none ever is.
    fn patience(&self) -> Option<Duration>;

    /// How long it may take, by its own word.
    fn time_limit(&self) -> Duration;
}

/// A profile by its name, as it stands in the configuration, and the profile itself once all are read.
#[derive(Clone)]
pub struct Link {
    name: Name,
    place: Mistake,
    upstream: Arc<OnceLock<Arc<dyn Upstream>>>,
}

impl Link {
    /// Reads a name.
    ///
    /// # Errors
    /// A [`Mistake`] where it is none.
    pub fn from_setting(item: Item<'_>) -> Result<Self, Mistake> {
        let place = item.mistake("");
        let name = item.parsed(|text| text.parse::<Name>().map_err(|error| error.to_string()))?;
        Ok(Self { name, place, upstream: Arc::default() })
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// A mistake about it.
    #[must_use]
    pub fn mistake(&self, what: impl Into<String>, hint: Option<String>) -> Mistake {
        Mistake { what: what.into(), hint, ..self.place.clone() }
    }

    /// Says which profile that is. Only the first word counts.
    pub fn connect(&self, upstream: Arc<dyn Upstream>) {
        let _ = self.upstream.set(upstream);
    }

    /// What decides which token it is.
    #[must_use]
    pub fn identity(&self) -> String {
        self.upstream.get().map(|upstream| upstream.identity()).unwrap_or_default()
    }

    /// The token that was had last, for a digest.
    #[must_use]
    pub fn stamp(&self) -> Option<Secret> {
        self.upstream.get()?.stamp()
    }

    /// The time limit of one request while a person is asked.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        self.upstream.get()?.patience()
    }

    /// How long it may take, by its own word.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        self.upstream.get().map_or(Duration::ZERO, |upstream| upstream.time_limit())
    }

    /// The token, valid now.
    ///
    /// # Errors
    /// What the other profile failed with.
    pub async fn token(&self, request: Request<'_>) -> Result<Secret, SourceError> {
        // Error: A bug: the configuration was checked before. To do: report it.
        let missing = || SourceError::new(Class::Config, format!("there is no profile `{}`", self.name));
        let upstream = self.upstream.get().ok_or_else(missing)?;
        upstream.token(request).await.map_err(|error| waiting_for(&self.name, error))
    }
}

/// The error of who needs the token of `name`, where that failed with `error`.
#[must_use]
pub fn waiting_for(name: &Name, error: SourceError) -> SourceError {
    // Error 2 or 3 or 4 or 5 or 6 or 7: The profile takes the token of another one, and that one failed. To do: mend that one:
    // `token renew NAME` with its name.
    let message = format!("the token of `{name}` that it needs cannot be had: {}", error.message);
    SourceError { message: crate::error::one_line(&message), ..error }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&self.name).finish()
    }
}
