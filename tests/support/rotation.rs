//! Refresh tokens as issuers rotate them (RFC 6749 §6, RFC 9700 §4.14.2): each use voids one and gives the next.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::issuer::{Issuer, Request};
use super::reply::Reply;

/// Every refresh token of these issuers begins so: it must turn up in requests and in files of ours, and nowhere else.
pub const REFRESH: &str = "r3fresh-c4nary";

/// What an issuer makes of a refresh token that was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// A theft: it revokes all that came of the same login.
    Revokes,
    /// A mistake: it is refused, and that is all.
    IsRefused,
    /// A client that lost the answer: it gets another one.
    IsForgiven,
    /// The usual thing: refresh tokens stay good and have no successors.
    IsUsual,
}

/// All that came of one login.
#[derive(Clone, Debug)]
pub struct Family {
    pub reuse: Reuse,
    pub first: usize,
    pub newest: usize,
    pub is_revoked: bool,
    /// How often a superseded one was sent.
    pub reused: usize,
    /// How long access tokens live, in seconds.
    pub expires_in: u64,
}

impl Family {
    pub const fn new(reuse: Reuse, first: usize) -> Self {
        Self { reuse, first, newest: first, is_revoked: false, reused: 0, expires_in: 3600 }
    }

    /// The successor of what was sent, if it was good: nothing inside where there is none.
    pub fn redeem(&mut self, sent: &str) -> Result<Option<String>, ()> {
        let number = number_of(sent).filter(|number| (self.first..=self.newest).contains(number)).ok_or(())?;
        let is_newest = number == self.newest;
        self.reused += usize::from(!is_newest);
        self.is_revoked |= !is_newest && self.reuse == Reuse::Revokes;
        match (self.is_revoked, is_newest, self.reuse) {
            (true, _, _) | (false, false, Reuse::IsRefused | Reuse::Revokes | Reuse::IsUsual) => Err(()),
            (false, true, Reuse::IsUsual) => Ok(None),
            (false, true, _) | (false, false, Reuse::IsForgiven) => {
                self.newest += 1;
                Ok(Some(named(self.newest)))
            }
        }
    }
}

fn named(number: usize) -> String {
    format!("{REFRESH}-{number}")
}

fn number_of(text: &str) -> Option<usize> {
    text.strip_prefix(REFRESH)?.strip_prefix('-')?.parse().ok()
}

/// The TOML of a refresh-token profile at this token endpoint, with this first refresh token: a string or a table.
pub fn login_profile(name: &str, endpoint: &str, first: &str) -> String {
    format!(
        "[profile.{name}]\nsource = \"refresh-token\"\ntoken_endpoint = \"{endpoint}\"\n\
         client_id = \"ci\"\nclient_secret = \"{}\"\nrefresh_token = {first}\n",
        super::SECRET
    )
}

impl Request {
    /// The fields of the form.
    pub fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

impl Issuer {
    /// An issuer with one login, which it treats so.
    pub fn rotating(reuse: Reuse) -> Self {
        let issuer = Self::start();
        *issuer.shared.family.lock().unwrap() = Some(Family::new(reuse, 1));
        issuer
    }

    /// The login as the issuer knows it.
    #[track_caller]
    pub fn family(&self) -> Family {
        self.shared.family.lock().unwrap().clone().expect("an issuer that rotates")
    }

    #[track_caller]
    fn change<T>(&self, change: impl FnOnce(&mut Family) -> T) -> T {
        change(self.shared.family.lock().unwrap().as_mut().expect("an issuer that rotates"))
    }

    /// The first refresh token of the login, as TOML.
    pub fn seed(&self) -> String {
        format!("\"{}\"", self.first())
    }

    pub fn first(&self) -> String {
        named(self.family().first)
    }

    /// The refresh token that it takes.
    pub fn newest(&self) -> String {
        named(self.family().newest)
    }

    /// Somebody logs in anew: nothing of before is good any more. The first refresh token of that login.
    pub fn log_in_anew(&self) -> String {
        self.change(|family| *family = Family { expires_in: family.expires_in, ..Family::new(family.reuse, family.newest + 1) });
        self.first()
    }

    /// Supersedes the newest one by another, for an answer that a test writes itself.
    pub fn rotate(&self) -> String {
        self.change(|family| family.newest += 1);
        self.newest()
    }

    /// From now on, refuses what it gave.
    pub fn revoke(&self) {
        self.change(|family| family.is_revoked = true);
    }

    /// The opposite: some issuers change their mind.
    pub fn pardon(&self) {
        self.change(|family| family.is_revoked = false);
    }

    /// From now on, access tokens of so many seconds.
    pub fn lasting(&self, seconds: u64) {
        self.change(|family| family.expires_in = seconds);
    }

    /// From now on, rotates at once and answers once the test calls `release`.
    pub fn hold(&self) {
        *self.shared.gate.0.lock().unwrap() = false;
        self.shared.holding.store(true, Ordering::SeqCst);
    }

    /// From now on, holds its discovery document back; those that were asked for until it is given again come with `release`.
    pub fn hold_discovery(&self) {
        *self.shared.gate.0.lock().unwrap() = false;
        self.shared.holding_discovery.store(true, Ordering::SeqCst);
    }

    /// From now on, gives its discovery document at once.
    pub fn answer_discovery(&self) {
        self.shared.holding_discovery.store(false, Ordering::SeqCst);
    }

    /// The refresh tokens that were sent, in order.
    pub fn sent(&self) -> Vec<String> {
        self.requests().iter().filter_map(|request| request.form().remove("refresh_token")).collect()
    }

    /// The requests for a revocation, in order.
    pub fn revocations(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.path == "/revoke").collect()
    }

    /// From now on, its discovery document names `/revoke`.
    pub fn offers_revocation(&self) {
        self.shared.offers_revocation.store(true, Ordering::SeqCst);
    }
}

/// What an issuer with this login answers; `None` where that is not its affair.
pub(super) fn answer(family: &mut Family, request: &Request, access_token: impl FnOnce() -> String) -> Option<Reply> {
    let form = request.form();
    if request.path == "/revoke" {
        let number = form.get("token").and_then(|token| number_of(token));
        family.is_revoked |= number.is_some_and(|number| (family.first..=family.newest).contains(&number));
        return Some(Reply::json(""));
    }
    if form.get("grant_type").map(String::as_str) != Some("refresh_token") {
        return None;
    }
    Some(match family.redeem(form.get("refresh_token").map_or("", String::as_str)) {
        Err(()) => Reply::oauth(400, "invalid_grant"),
        Ok(successor) => {
            let successor = successor.map_or(String::new(), |token| format!(",\"refresh_token\":\"{token}\""));
            let (token, life) = (access_token(), family.expires_in);
            Reply::json(format!("{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\",\"expires_in\":{life}{successor}}}"))
        }
    })
}
