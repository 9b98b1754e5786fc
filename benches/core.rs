//! The core of a warm `token get`, part by part: what each costs without the start of a process. `benches/warm_get` measures the whole.
//!
//! ```sh
//! cargo bench --bench core
//! ```
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use divan::{Bencher, black_box};
use futures_util::FutureExt as _;
use tempfile::TempDir;

use token::bearer::{CachedBearer, FetchOptions, NamedBearer, RenewableBearer, Renewal};
use token::cache::{Cache, Entry, Identity, ThrottledTokenCache};
use token::cli::{Cli, parse_fast};
use token::clock::{Clock as _, SystemClock, Timestamp};
use token::name::Name;
use token::profile::{Configuration, Places};
use token::source::Env;
use token::token::Token;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
const HOUR: Duration = Duration::from_secs(3600);

/// What a plain call is made with.
const ARGUMENTS: [&str; 4] = ["get", "prod", "-o", "header"];

/// Some 300 bytes: one profile.
const CONFIGURATION: &str = r#"default = "prod"

[profile.prod]
source = "client-credentials"
token_endpoint = "https://login.example.com/oauth2/token"
client_id = "ci-runner"
client_secret = { file = "~/.secrets/prod" }
scope = ["read", "write"]
hosts = ["api.example.com", "*.svc.example.com"]
username = "oauth2"
refresh_request_timeout = "10s"
"#;

fn main() {
    divan::main();
}

fn name() -> Name {
    "prod".parse().unwrap()
}

/// A token of 1 KB with an hour to live.
fn token(issued_at: Timestamp) -> Token {
    let mut token = Token::new("eyJhbGciOiJSUzI1NiJ9".repeat(52)[..1024].to_owned()).unwrap();
    token.scope = Some("read write".to_owned());
    token.issued_at = Some(issued_at);
    token.expires_at = Some(issued_at.after(HOUR));
    token
}

fn entry() -> Entry {
    Entry { profile: name(), identity: Identity::new("client-credentials", [("client_id", "ci-runner")]), token: token(NOW) }
}

#[divan::bench]
fn policy_freshness(bencher: Bencher<'_, '_>) {
    let (renewal, token) = (Renewal::default(), token(NOW));
    bencher.bench(|| black_box(&renewal).freshness(black_box(&token), black_box(NOW)));
}

#[divan::bench]
fn entry_parse(bencher: Bencher<'_, '_>) {
    let (json, name) = (entry().to_json(), name());
    bencher.bench(|| Entry::parse(black_box(json.as_bytes()), &name).unwrap());
}

#[divan::bench]
fn entry_to_json(bencher: Bencher<'_, '_>) {
    let entry = entry();
    bencher.bench(|| black_box(&entry).to_json());
}

#[divan::bench]
fn arguments_fast(bencher: Bencher<'_, '_>) {
    let words = ARGUMENTS.map(OsString::from);
    bencher.bench(|| parse_fast(black_box(&words)).unwrap());
}

#[divan::bench]
fn arguments_clap(bencher: Bencher<'_, '_>) {
    let words: Vec<OsString> = ["token"].into_iter().chain(ARGUMENTS).map(OsString::from).collect();
    bencher.bench(|| Cli::try_parse_from(black_box(&words)).unwrap());
}

#[divan::bench]
fn configuration_load(bencher: Bencher<'_, '_>) {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, CONFIGURATION).unwrap();
    let home = Some(folder.path().to_owned());
    let (cache, state) = (folder.path().join("cache"), folder.path().join("state"));
    let places = Places { config, config_is_named: true, cache, state, home, patience: HOUR };
    bencher.bench(|| Configuration::load(black_box(&places)).unwrap());
}

/// Within the throttle: from memory.
#[divan::bench]
fn cache_get_throttled(bencher: Bencher<'_, '_>) {
    cache_get(bencher, HOUR);
}

/// After the throttle: from the file, as in the first call of a process.
#[divan::bench]
fn cache_get_from_file(bencher: Bencher<'_, '_>) {
    cache_get(bencher, Duration::ZERO);
}

fn cache_get(bencher: Bencher<'_, '_>, throttle: Duration) {
    let folder = TempDir::new().unwrap();
    let cache = Cache::new(folder.path().join("cache"), true);
    let cache = ThrottledTokenCache::new(cache, name(), Identity::new("bench", []), throttle, SystemClock);
    cache.set(Arc::new(token(SystemClock.now()))).unwrap();
    bencher.bench(|| cache.get().unwrap().unwrap());
}

/// A fetch of the long-lived bearer while its token is fresh.
#[divan::bench]
fn renewable_fetch(bencher: Bencher<'_, '_>) {
    let folder = TempDir::new().unwrap();
    let cache = Cache::new(folder.path().join("cache"), true);
    let cache = ThrottledTokenCache::new(cache, name(), Identity::new("bench", []), HOUR, SystemClock);
    cache.set(Arc::new(token(SystemClock.now()))).unwrap();
    let source = NamedBearer::new(name(), Env::new("TOKEN_BENCH".to_owned(), None), SystemClock);
    let bearer = RenewableBearer::new(CachedBearer::new(source, cache, String::new, Renewal::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = FetchOptions::default();
    runtime.block_on(bearer.fetch(HOUR, &options)).unwrap();
    // Ready at once: no runtime is asked.
    bencher.bench_local(|| bearer.fetch(black_box(HOUR), &options).now_or_never().unwrap().unwrap());
}
