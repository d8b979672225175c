//! Tokens of identity providers, believed by the keys they publish.
//!
//! Keys are kept and read again now and then; a name nobody knows makes them be read
//! again at most once a minute, however often it is shown. While a provider is away
//! the keys it last published go on to hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::identity::MAIN;
use flow::{Clock, Moment, Principal, Result};
use parking_lot::RwLock;
use pool::Http;
use pool::http::Ask;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::claims::Payload;
use super::{Claims, Compact, Expected, Flaw, KeySet};
use crate::codes::{NO_PROVIDER, PROVIDER, PROVIDER_AWAY};

mod begun;
mod login;

pub(crate) use login::Person;
pub use login::{ClientAuth, Config as LoginConfig};

/// Keys are read again after this long.
const FRESH: Duration = Duration::from_secs(600);

/// They are not read more often than this …
const PAUSE: Duration = Duration::from_secs(60);

/// … unless there are none yet.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// A name of somebody there is no longer.
const NAME_MAX: usize = 256;

/// An identity provider whose tokens are accepted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What it is called here: its people are `<name>/<subject>`.
    pub name: String,
    /// The issuer its tokens name.
    pub issuer: String,
    /// The audience its tokens have to be meant for.
    pub audience: String,
    /// Where its keys are; found below the issuer when absent.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// The tenant its people belong to.
    #[serde(default = "main")]
    pub tenant: String,
    /// What they are: human, service or agent.
    #[serde(default = "human")]
    pub kind: String,
    /// The claim that names somebody.
    #[serde(default = "sub")]
    pub name_claim: String,
    /// The claim that lists what somebody is over there.
    #[serde(default = "groups")]
    pub roles_claim: String,
    /// What that makes them here; words that are not listed give no role.
    #[serde(default)]
    pub roles: BTreeMap<String, Vec<String>>,
    /// How they log in there, where they do.
    #[serde(default)]
    pub login: Option<LoginConfig>,
}

fn main() -> String {
    MAIN.into()
}

fn human() -> String {
    Principal::Human.name().into()
}

fn sub() -> String {
    "sub".into()
}

fn groups() -> String {
    "groups".into()
}

/// All providers that are trusted.
#[derive(Default)]
pub struct Providers(Vec<Provider>);

/// One of them.
pub(super) struct Provider {
    config: Config,
    kind: Principal,
    http: Http,
    clock: Clock,
    keys: RwLock<Known>,
    /// When they were last asked for; held while they are.
    asked: Mutex<Option<Moment>>,
    /// Where its doors are, and when that was last asked.
    doors: Mutex<Doors>,
}

#[derive(Default)]
struct Doors {
    known: Option<Arc<Described>>,
    asked: Option<Moment>,
}

/// The keys that were last published.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<KeySet>,
    since: Option<Moment>,
}

impl Providers {
    /// Checks what is configured; asks nobody yet.
    pub fn new(configs: &[Config], http: &Http, clock: &Clock) -> Result<Self> {
        let provider = |config: &Config| Provider::new(config.clone(), http, clock);
        let providers: Vec<_> = configs.iter().map(provider).collect::<Result<_>>()?;
        for (index, one) in configs.iter().enumerate() {
            let same = |other: &Config| other.issuer == one.issuer || other.name == one.name;
            if configs.iter().skip(index + 1).any(same) {
                return Err(PROVIDER.error(format!("`{}` is there twice", one.name)));
            }
        }
        Ok(Self(providers))
    }

    /// The provider of this name.
    pub(super) fn named(&self, name: &str) -> Result<&Provider> {
        let known =
            |provider: &&Provider| provider.config.name == name && provider.config.login.is_some();
        let none = || NO_PROVIDER.error(format!("nobody logs in at `{}`", name.escape_debug()));
        self.0.iter().find(known).ok_or_else(none)
    }

    pub(super) fn of(&self, issuer: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.config.issuer == issuer)
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|provider| &provider.config.name)).finish()
    }
}

/// What is read of a provider's description of itself.
#[derive(Deserialize)]
struct Described {
    issuer: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_endpoint: String,
    #[serde(default)]
    token_endpoint: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Provider {
    fn new(config: Config, http: &Http, clock: &Clock) -> Result<Self> {
        let wrong = |what: String| PROVIDER.error(format!("`{}`: {what}", config.name));
        let letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if config.name.is_empty() || !config.name.chars().all(letter) {
            return Err(wrong("its name is not of letters, digits, `-`, `_` and `.`".into()));
        }
        if config.audience.is_empty() {
            return Err(wrong("without an audience it would vouch for anybody's tokens".into()));
        }
        let kind: Principal = config.kind.parse().map_err(wrong)?;
        if kind == Principal::System {
            return Err(wrong("its people cannot be Stockade itself".into()));
        }
        secure(config.jwks_url.as_ref().unwrap_or(&config.issuer)).map_err(wrong)?;
        if let Some(login) = &config.login {
            secure(&config.issuer).map_err(wrong)?;
            login.check(&config.name).map_err(wrong)?;
        }
        let (http, clock) = (http.clone(), clock.clone());
        let (keys, asked, doors) = (RwLock::default(), Mutex::default(), Mutex::default());
        Ok(Self { config, kind, http, clock, keys, asked, doors })
    }

    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    /// What one of its tokens says, in our words.
    pub(super) async fn claims(&self, read: Compact<'_>, leeway: Duration) -> Result<Claims> {
        let keys = self.keys_for(read.header().kid.as_deref()).await?;
        let key = keys.find(read.header().kid.as_deref()).ok_or(Flaw::Key)?;
        let payload = Payload::read(&read.verified(key)?)?;
        let Config { issuer, audience, .. } = &self.config;
        payload.check(Expected { issuer, audience, leeway }, self.clock.now())?;
        Ok(self.person(&payload)?)
    }

    /// Who that is, in our words.
    fn person(&self, payload: &Payload) -> Result<Claims, Flaw> {
        let name = payload.word(&self.config.name_claim).ok_or(Flaw::Claims)?;
        if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(Flaw::Claims);
        }
        let own = |name: &str| format!("{}/{name}", self.config.name);
        Ok(Claims {
            tenant: self.config.tenant.clone(),
            name: own(name),
            kind: self.kind,
            roles: self.roles(&payload.words(&self.config.roles_claim)),
            jti: own(payload.jti.as_deref().unwrap_or_default()),
            sid: own(payload.sid.as_deref().unwrap_or_default()),
            issued: payload.issued(),
            until: payload.until(),
        })
    }

    /// A token's own words are never roles: only what is configured for them.
    fn roles(&self, words: &[String]) -> Vec<String> {
        let given = words.iter().filter_map(|word| self.config.roles.get(word));
        let mut roles: Vec<_> = given.flatten().cloned().collect();
        roles.sort();
        roles.dedup();
        roles
    }

    /// The keys, read again where that may help and is allowed.
    async fn keys_for(&self, kid: Option<&str>) -> Result<Arc<KeySet>> {
        let known = self.keys.read().clone();
        let is_known = known.keys.find(kid).is_some();
        let now = self.clock.moment();
        if is_known && known.since.is_some_and(|since| now.since(since) < FRESH) {
            return Ok(known.keys);
        }
        let mut asked = match is_known {
            false => self.asked.lock().await,
            // Somebody else is asking; what was known holds.
            true => match self.asked.try_lock() {
                Ok(asked) => asked,
                Err(_) => return Ok(known.keys),
            },
        };
        let known = self.keys.read().clone();
        let pause = if known.since.is_some() { PAUSE } else { FIRST_PAUSE };
        let may = asked.is_none_or(|asked| self.clock.moment().since(asked) >= pause);
        if may && (is_known || known.keys.find(kid).is_none()) {
            *asked = Some(self.clock.moment());
            match self.fetch().await {
                Ok(keys) => {
                    let keys = Arc::new(keys);
                    let since = Some(self.clock.moment());
                    *self.keys.write() = Known { keys: keys.clone(), since };
                    return Ok(keys);
                }
                Err(error) => {
                    let (provider, error) = (self.name(), error.story());
                    tracing::warn!(provider, error, "the provider's keys could not be read");
                }
            }
        }
        match known.since {
            Some(_) => Ok(known.keys),
            None => {
                let sentence = format!("the keys of `{}` are not known yet", self.name());
                Err(PROVIDER_AWAY.error(sentence))
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet> {
        let url = match &self.config.jwks_url {
            Some(url) => url.clone(),
            None => self.describe().await?.jwks_uri,
        };
        let keys = KeySet::read(&self.get(&url).await?)?;
        if keys.has_secrets() || keys.is_empty() {
            return Err(PROVIDER.error("what it publishes holds no public keys"));
        }
        Ok(keys)
    }

    /// Where its doors are, asked for where that is not known or old.
    async fn described(&self) -> Result<Arc<Described>> {
        let mut doors = self.doors.lock().await;
        let now = self.clock.moment();
        let pause = if doors.known.is_some() { FRESH } else { FIRST_PAUSE };
        if doors.asked.is_none_or(|asked| now.since(asked) >= pause) {
            match self.describe().await.and_then(complete) {
                Ok(described) => doors.known = Some(Arc::new(described)),
                Err(error) => {
                    let (provider, error) = (self.name(), error.story());
                    tracing::warn!(provider, error, "the provider's description cannot be read");
                }
            }
            doors.asked = Some(self.clock.moment());
        }
        let away = || PROVIDER_AWAY.error(format!("`{}` does not answer", self.name()));
        doors.known.clone().ok_or_else(away)
    }

    async fn describe(&self) -> Result<Described> {
        let issuer = &self.config.issuer;
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found: Described = serde_json::from_slice(&self.get(&place).await?)
            .map_err(|_| PROVIDER.error("its description cannot be read"))?;
        if found.issuer != *issuer {
            return Err(PROVIDER.error("it describes another issuer"));
        }
        secure(&found.jwks_uri).map_err(|what| PROVIDER.error(what))?;
        Ok(found)
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>> {
        let answer = self.http.send(Ask::get(url)?.header("accept", "application/json")?).await?;
        match answer.status.is_success() {
            true => Ok(answer.body.to_vec()),
            false => Err(PROVIDER_AWAY.error(format!("it answered {}", answer.status.as_u16()))),
        }
    }
}

/// A description that people can log in by.
fn complete(described: Described) -> Result<Described> {
    for door in [&described.authorization_endpoint, &described.token_endpoint] {
        secure(door).map_err(|what| PROVIDER.error(what))?;
    }
    Ok(described)
}

/// Keys that anybody on the way could change are nobody's.
pub(crate) fn secure(url: &str) -> Result<(), String> {
    let rest = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(_), _) => return Ok(()),
        (_, Some(rest)) => rest,
        _ => return Err(format!("`{url}` does not begin with `https://`")),
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    let near = host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    match near || host == "localhost" {
        true => Ok(()),
        false => Err(format!("`{url}` does not begin with `https://`")),
    }
}

#[cfg(test)]
mod tests;
