//! Bearer tokens that are valid now, from a file that processes share: the core of the program `token`, for any program.
//!
//! Asking for a token costs what the start of a process costs, or less; the issuer is asked once per token life, however many processes
//! ask at once. There is no daemon: what processes know of each other lies in one directory, a file, a lock and the memory of a failure
//! for each profile.
//!
//! # The arrows
//!
//! Dependencies point one way. A module uses what stands to its right, and `tests/layering.rs` holds that:
//!
//! ```text
//! main → command → (profile, protocol, consumer, ui, sink, monitor) → bearer → (cache, source) → (token, clock, error)
//! ```
//!
//! | module | what it is |
//! | --- | --- |
//! | [`cli`] | what was typed; no I/O, no environment, no defaults of meaning |
//! | [`command`] | one recipe of calls for each command |
//! | [`profile`] | what was configured and typed, resolved into what it means |
//! | [`protocol`] | what other programs send and expect of a credential helper, one a file |
//! | [`consumer`] | what other tools' configuration holds for them to ask us, and how that gets in and out |
//! | [`ui`] | every word for people, and the one way to give an answer |
//! | [`sink`] | files and commands that learn of a renewal |
//! | [`monitor`] | what a watcher shows of itself to programs |
//! | [`bearer`] | what hands out a valid token; the one way to renew |
//! | [`cache`] | what is kept on this machine: entries, locks, failures, logins |
//! | [`source`] | where tokens come from, one kind a file |
//! | [`token`](mod@token), [`login`], [`secret`], [`name`], [`clock`], [`error`], [`settings`], [`stdout`], [`hardening`], `bounded`, `http_head` | the words that all of them use |
//!
//! Traits stand where the set is open ([`Bearer`](bearer::Bearer), [`Receiver`](bearer::Receiver), [`Source`](source::Source),
//! [`Clock`](clock::Clock)): bring your own. Enums stand where it is closed.
//!
//! # A cached `get`
//!
//! 1. [`command::warm`] reads the arguments without building clap's grammar ([`cli::parse_fast`]). Whatever it is not sure of it leaves
//!    to clap, and a property test holds the two together.
//! 2. [`Configuration::load`](profile::Configuration::load) reads one file and answers with typed [profiles](profile::Profile).
//! 3. [`ThrottledTokenCache::get`](cache::ThrottledTokenCache::get) reads the entry. It takes no lock: a rename made the file whole.
//! 4. [`Renewal::freshness`](bearer::Renewal::freshness), which is arithmetic, says whether the token is fresh *now*.
//! 5. The token goes to standard output.
//!
//! No runtime, no thread, no network, no write: nothing that the answer does not need is even set up.
//!
//! # A miss
//!
//! [`command::run`] starts over with clap, messages and a runtime of one thread, and comes to
//! [`CachedBearer::fetch`](bearer::CachedBearer::fetch), which goes from top to bottom:
//!
//! 1. *Look.* A token or a remembered failure may answer already.
//! 2. *Lock.* Whoever does not get it waits, bounded, and looks again. A token that is merely near expiry is served at once instead.
//! 3. *Look again.* Another process may have renewed, or failed, meanwhile. Its outcome is everybody's.
//! 4. *Issue.* [`Source::issue`](source::Source::issue) is asked once, with the old token and a time limit.
//! 5. *Store.* A new token goes into the entry; a failure is remembered, with the time of the next attempt. The lock is free again
//!    when it is dropped, and is never held during a wait between attempts.
//!
//! `renew` is this line with *renew required*. [`RenewableBearer`](bearer::RenewableBearer) is a loop over it that renews ahead of
//! expiry: `watch` runs one for each profile, and other programs that live long have it in the background. Nothing has a second way to
//! renew.
//!
//! # Logins
//!
//! Some sources keep a [`Login`](login::Login) between renewals: a refresh token, which many issuers replace at each use. A source does
//! not know where it is kept; it is handed a [`LoginStore`](source::LoginStore). `src/source/refresh.rs` is the one way to use a login:
//!
//! 1. *Begin.* Room for the successor is reserved, and the request noted in the file. Where that fails, nobody is asked.
//! 2. *Send.* One request, under the lock of the profile.
//! 3. *Keep.* The successor has been stored before the token that came with it is seen by anybody. A process that was killed in between
//!    leaves the note: the next one tries the old refresh token once more, and can say what happened if that is refused.
//!
//! A refusal (`invalid_grant`) is final only if what was sent is still what is stored. The login is then marked as dead, and kept. Whether
//! a person may be asked for a new one is no flag but a value, the [`Person`](source::Person): without one, nobody is.
//!
//! An [`Input`](source::Input) is a secret or a token that a source needs. It may be the token of another profile: then sources chain, and
//! [`Upstream`](source::Upstream) is that other profile, renewed by the same core.
//!
//! # As a library
//!
//! Use it with `default-features = false`: the feature `program` sets the greatest level of `log` and `tracing` for the whole of the program
//! that is built, which is not a library's to do.
//!
//! # How it is linked
//!
//! On Linux the program is linked statically, as `.cargo/config.toml` says: loading shared libraries would be a large part of what a warm
//! `get` takes. It is a static *pie*, so code, heap and stack stay at random addresses. What a static glibc cannot do is load modules of the
//! name service switch; where `nsswitch.conf` wants more for hosts than `files` and `dns`, the system's own `getent` is asked
//! (`src/source/resolve.rs`), so that names mean what they mean to every other program. Programs that use this crate link as they like:
//! built without that file, it resolves names by itself.
//!
//! # With your own source
//!
//! A [`Source`](source::Source) says how to come by a token. The cache, the lock and the retries are the work of
//! [`CachedBearer`](bearer::CachedBearer):
//!
//! ```
//! use std::time::Duration;
//!
//! use token::bearer::{CachedBearer, FetchOptions, NamedBearer, Origin, Renewal};
//! use token::cache::{Cache, Identity, ThrottledTokenCache};
//! use token::clock::SystemClock;
//! use token::error::Class;
//! use token::name::Name;
//! use token::source::{Request, Source, SourceError};
//! use token::token::Token;
//!
//! /// Asks whoever mints the tokens of this account.
//! struct Mint {
//!     account: String,
//! }
//!
//! impl Source for Mint {
//!     async fn issue(&self, request: Request<'_>) -> Result<Token, SourceError> {
//!         let text = format!("minted-for-{}", self.account);
//!         let mut token = Token::new(text).map_err(|error| SourceError::new(Class::Temporary, error.to_string()))?;
//!         token.issued_at = Some(request.now);
//!         token.expires_at = Some(request.now.after(Duration::from_secs(3600)));
//!         Ok(token)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let directory = folder.path().join("cache");
//! let name: Name = "ci".parse()?;
//! let source = Mint { account: "ci".to_owned() };
//! // What decides which token this is: another account must never be given this one.
//! let identity = Identity::new("mint", [("account", source.account.as_str())]);
//! // A digest of what else decides whether the source succeeds, such as its secret: where that changes, a failure is forgotten.
//! let settings = String::new;
//!
//! let renewal = Renewal::default();
//! let cache = Cache::new(directory, true);
//! let cache = ThrottledTokenCache::new(cache, name.clone(), identity, renewal.file_cache_throttle, SystemClock);
//! let bearer = CachedBearer::new(NamedBearer::new(name, source, SystemClock), cache, settings, renewal);
//!
//! let first = bearer.fetch(Duration::from_secs(30), &FetchOptions::default()).await?;
//! assert!(matches!(first.origin, Origin::Renewed), "the source was asked");
//! let second = bearer.fetch(Duration::from_secs(30), &FetchOptions::default()).await?;
//! assert!(matches!(second.origin, Origin::Cache), "the file answered");
//! assert_eq!(second.token.expose(), "minted-for-ci");
//! # Ok(())
//! # }
//! ```

pub mod bearer;
mod bounded;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod command;
pub mod consumer;
pub mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod hardening;
mod http_head;
pub mod login;
pub mod monitor;
pub mod name;
pub mod profile;
pub mod protocol;
pub mod secret;
pub mod settings;
pub mod sink;
pub mod source;
pub mod stdout;
pub mod token;
pub mod ui;
