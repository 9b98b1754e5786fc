//! A profile for a client of an issuer: what the issuer says of itself, and what only somebody else can know.

use super::interview::{Interview, Missing, Planned, draft, name_of_host};
use super::wrong;
use crate::bearer::{RenewalError, Retry};
use crate::cli::GrantKind;
use crate::clock::{Clock as _, SystemClock};
use crate::error::{Class, is_invisible};
use crate::profile::{ClientDraft, DraftOrigin};
use crate::source::{GrantType, IssuerAddress, Offer, SourceError, check_endpoint, is_scope_token};
use crate::ui::{self, Failure, Paint, Question};

/// How long the issuer may take to say what it offers.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Nothing, where something would be suggested.
const NOTHING: &str = "-";

impl Interview<'_> {
    /// A profile at an issuer.
    pub(super) async fn client(&mut self) -> Result<Result<Planned, Missing>, Failure> {
        let options = &self.init.client;
        let by_hand = options.token_endpoint.as_deref();
        let address = self.address(by_hand).await?;
        let is_known = address.is_some() || by_hand.is_some();
        // Whoever is asked for nothing has a name before anybody else is asked.
        let early = if self.dialogue.is_none() { self.name(&like(address.as_ref(), by_hand)).await? } else { None };
        let (address, offer) = self.discover(address).await?;
        let name = if early.is_some() { early } else { self.name(&like(address.as_ref(), by_hand)).await? };
        let grant = if is_known || options.source.is_some() { self.grant(offer.as_ref()).await? } else { None };
        let endpoints = if is_known { self.endpoints(grant, offer.as_ref()).await? } else { Some(Vec::new()) };
        let question = Question::new("client id, as the issuer has registered it");
        let client_id = self.answer("--client-id ID", options.client_id.as_deref(), question, filled).await?;
        let proof = match (&name, grant) {
            (Some(name), Some(grant)) => self.proof(name, grant, offer.as_ref()).await?,
            _ => None,
        };
        let (Some(name), Some(grant), Some(endpoints), Some(client_id), Some((credential, kept)), true) =
            (name, grant, endpoints, client_id, proof, is_known)
        else {
            return Ok(Err(Missing));
        };
        let client = ClientDraft {
            grant,
            issuer: offer.as_ref().map(|offer| offer.issuer.clone()),
            endpoints,
            client_id,
            credential,
            client_auth: self.client_auth(),
            scope: self.scope(grant, offer.as_ref()).await?,
            audience: options.audience.clone(),
            redirect_port: options.redirect_port,
            ca_file: options.ca_file.as_deref().map(|file| self.path("--ca-file", file)).transpose()?,
        };
        Ok(Ok(Planned { draft: draft(self.init, name, DraftOrigin::Client(Box::new(client))), kept }))
    }

    async fn address(&mut self, by_hand: Option<&str>) -> Result<Option<IssuerAddress>, Failure> {
        let given = self.init.issuer.as_deref();
        if given.is_none() && by_hand.is_some() {
            return Ok(None);
        }
        if given.is_none() && self.dialogue.is_some() {
            ui::tell("who hands out the tokens? (for a command that prints one: token init -- COMMAND)");
        }
        self.ask_address(given).await
    }

    async fn ask_address(&mut self, given: Option<&str>) -> Result<Option<IssuerAddress>, Failure> {
        self.answer("ISSUER (or -- COMMAND)", given, Question::new("address of the issuer"), str::parse).await
    }

    /// What the issuer says of itself. An address that somebody was asked for and that leads nowhere is asked for again.
    async fn discover(&mut self, mut address: Option<IssuerAddress>) -> Result<(Option<IssuerAddress>, Option<Offer>), Failure> {
        let is_asked = self.dialogue.is_some() && self.init.issuer.is_none();
        while let Some(known) = &address {
            match self.offer(known).await {
                Err(error) if is_asked && error.class != Class::Config => {
                    let reasons = std::iter::once(&error.message).chain(&error.hint);
                    reasons.for_each(|reason| ui::tell(&self.manner.paint(Paint::Odd, &format!("  {reason}"))));
                    address = self.ask_address(None).await?;
                }
                Err(error) => {
                    let profile = self.provisional(&name_of_host(&known.host()))?;
                    return Err(Failure::Renewal { profile, error: RenewalError { retry: Retry::AnyTime, ..error.into() } });
                }
                Ok(offer) => return Ok((address, offer)),
            }
        }
        Ok((None, None))
    }

    /// The same of this address; `None` where it says nothing and somebody else does.
    async fn offer(&self, address: &IssuerAddress) -> Result<Option<Offer>, SourceError> {
        let asked = Offer::of(address, self.init.client.ca_file.clone(), SystemClock.now(), LIMIT);
        let found = ui::while_waiting(self.manner, &format!("asking {} what it offers", address.host()), asked).await;
        let offer = match found.map_err(|error| advised(error, &address.host()))? {
            Ok(offer) => offer,
            Err(silence) if self.dialogue.is_some() || self.init.client.token_endpoint.is_some() => {
                let text = format!("{}: if the address is right, where it is asked has to be given", silence.message);
                ui::tell_notice(self.manner, &text);
                return Ok(None);
            }
            Err(silence) => return Err(silence.with_hint("check the address, or say where tokens are had with --token-endpoint")),
        };
        let kinds: Vec<&str> = offer.grants.iter().map(|grant| grant.kind()).collect();
        let offered = if kinds.is_empty() {
            "names no grant that is known here, and may have one all the same".to_owned()
        } else {
            format!("offers {}", kinds.join(", "))
        };
        ui::tell_notice(self.manner, &format!("{} {offered}", address.host()));
        Ok(Some(offer))
    }

    async fn grant(&mut self, offer: Option<&Offer>) -> Result<Option<GrantType>, Failure> {
        if let Some(kind) = self.init.client.source {
            return Ok(Some(grant_type(kind)));
        }
        let all = GrantType::ALL.to_vec();
        let offered = offer.map(|offer| offer.grants.clone());
        let candidates = offered.clone().filter(|offered| !offered.is_empty()).unwrap_or(all);
        match (candidates.as_slice(), self.dialogue.is_some()) {
            ([only], _) => Ok(Some(*only)),
            (several, true) => self.choice(several).await,
            // What is said of an endpoint says what it is for.
            (several, false) if offer.is_none() => {
                Ok(several.iter().find(|grant| grant.endpoints().all(|key| self.endpoint(key).is_some())).copied())
            }
            (several, false) if offered.is_some_and(|offered| !offered.is_empty()) && several.contains(&GrantType::ClientCredentials) => {
                Ok(Some(GrantType::ClientCredentials))
            }
            _ => {
                self.miss("--source KIND");
                Ok(None)
            }
        }
    }

    async fn choice(&mut self, grants: &[GrantType]) -> Result<Option<GrantType>, Failure> {
        for (grant, number) in grants.iter().zip(1..) {
            let how = match grant {
                GrantType::AuthorizationCode => "log in with a browser, once",
                GrantType::DeviceCode => "log in on another device, once",
                GrantType::ClientCredentials => "as a machine, with the client's own secret",
            };
            ui::tell(&format!("  {number}  {:20}  {how}", grant.kind()));
        }
        let read = |typed: &str| {
            let number = typed.parse::<usize>().ok().and_then(|number| grants.get(number.checked_sub(1)?));
            let found = number.or_else(|| grants.iter().find(|grant| grant.kind() == typed));
            found.copied().ok_or_else(|| format!("a number from 1 to {}, or one of these names", grants.len()))
        };
        self.answer("--source KIND", None, Question::new("how to get a token").suggesting(Some("1")), read).await
    }

    /// Where it is asked, as far as it does not say so itself.
    async fn endpoints(&mut self, grant: Option<GrantType>, offer: Option<&Offer>) -> Result<Option<Vec<(&'static str, String)>>, Failure> {
        let (mut found, mut is_whole) = (Vec::new(), true);
        let read = |typed: &str| check_endpoint(typed).map(|()| typed.to_owned());
        for key in grant.into_iter().flat_map(GrantType::endpoints) {
            let given = self.endpoint(key).map(str::to_owned);
            if given.is_none() && offer.is_some_and(|offer| offer.names(key)) {
                continue;
            }
            let (option, what) = (format!("--{} URL", key.replace('_', "-")), format!("address of its {}", key.replace('_', " ")));
            match self.answer(&option, given.as_deref(), Question::new(&what), read).await? {
                Some(address) => found.push((key, address)),
                None => is_whole = false,
            }
        }
        if let Some(given) = &self.init.client.revocation_endpoint {
            // Error (secure_url): No secret is sent to such an address. To do: give an https address.
            check_endpoint(given).map_err(|reason| wrong(format!("--revocation-endpoint: {reason}")))?;
            found.push(("revocation_endpoint", given.clone()));
        }
        Ok(is_whole.then_some(found))
    }

    fn endpoint(&self, key: &str) -> Option<&str> {
        let options = &self.init.client;
        match key {
            "authorization_endpoint" => options.authorization_endpoint.as_deref(),
            "device_authorization_endpoint" => options.device_authorization_endpoint.as_deref(),
            "token_endpoint" => options.token_endpoint.as_deref(),
            _ => None,
        }
    }

    async fn scope(&mut self, grant: GrantType, offer: Option<&Offer>) -> Result<Vec<String>, Failure> {
        let given = Some(self.init.client.scope.join(" ")).filter(|given| !given.is_empty());
        let usual = offer.filter(|_| grant.logs_in()).map(Offer::login_scopes).unwrap_or_default().join(" ");
        let suggestion = if usual.is_empty() { NOTHING } else { &usual };
        let question = Question::new("scope (- for none)").suggesting(Some(suggestion));
        let read = |typed: &str| {
            let scopes: Vec<String> = typed.split_whitespace().filter(|scope| *scope != NOTHING).map(str::to_owned).collect();
            let is_fit = scopes.iter().all(|scope| is_scope_token(scope));
            if is_fit { Ok(scopes) } else { Err("names, with spaces between, of visible ASCII without \" and \\".to_owned()) }
        };
        Ok(self.answer("--scope SCOPE", given.as_deref(), question, read).await?.unwrap_or_default())
    }
}

/// What the name of a profile may be made of.
fn like(address: Option<&IssuerAddress>, by_hand: Option<&str>) -> String {
    let host = address.map(IssuerAddress::host).or_else(|| by_hand?.parse().map(|address: IssuerAddress| address.host()).ok());
    name_of_host(&host.unwrap_or_default())
}

/// With what to look at, where nothing else is known.
fn advised(error: SourceError, host: &str) -> SourceError {
    let advice = match error.class {
        _ if error.hint.is_some() => return error,
        Class::Temporary => "check the address, and if it is right, do it again later",
        Class::Network if host != "localhost" && !host.contains(['.', ':']) => {
            "is it a command? It goes behind `--`, as `token init -- COMMAND`"
        }
        Class::Network => "is the address right? It is https unless `http://` is typed",
        _ => return error,
    };
    error.with_hint(advice)
}

const fn grant_type(kind: GrantKind) -> GrantType {
    match kind {
        GrantKind::AuthorizationCode => GrantType::AuthorizationCode,
        GrantKind::DeviceCode => GrantType::DeviceCode,
        GrantKind::ClientCredentials => GrantType::ClientCredentials,
    }
}

fn filled(typed: &str) -> Result<String, String> {
    match typed {
        "" => Err("it cannot be guessed: the issuer gives one to each program that is registered there".to_owned()),
        typed if typed.chars().any(|c| c.is_control() || is_invisible(c)) => Err("it has characters that nobody sees".to_owned()),
        typed => Ok(typed.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_look_at_depends_on_what_went_wrong() {
        let table = [
            (Class::Network, "login.example.com", Some("is the address right?")),
            (Class::Network, "localhost", Some("is the address right?")),
            (Class::Network, "127.0.0.1:8080", Some("is the address right?")),
            (Class::Network, "gcloud", Some("is it a command?")),
            (Class::Temporary, "login.example.com", Some("do it again later")),
            (Class::Refused, "login.example.com", None),
            (Class::Config, "login.example.com", None),
        ];
        for (class, host, expected) in table {
            let hint = advised(SourceError::new(class, "x"), host).hint;
            let is_right = match expected {
                Some(words) => hint.as_ref().is_some_and(|hint| hint.contains(words)),
                None => hint.is_none(),
            };
            assert!(is_right, "{class:?} {host}: {hint:?}");
        }
        assert_eq!(advised(SourceError::new(Class::Network, "x").with_hint("y"), "x").hint.as_deref(), Some("y"));
    }
}
