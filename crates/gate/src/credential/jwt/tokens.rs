//! Tokens of our own: made, recognised, ended.

mod ended;

use std::sync::Arc;
use std::time::Duration;

use flow::question::account::Begun;
use flow::request::Returned;
use flow::unit::{Size, Span};
use flow::{Clock, Fact, Identity, Principal, Random, Result, Revisions, Time};
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Sql, Statement};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claims::{Payload, Written};
use super::key::{ACCESS, unusable};
use super::ring::Ring;
use super::seen::Seen;
use super::{Algorithm, Claims, Compact, Expected, Flaw, KeyState, Person, Providers, Subject};
use crate::codes::{NO_NAME, UNKNOWN_TOKEN};
use crate::login::schema;
use crate::seal::Seal;
use crate::session::Sessions;
use crate::spent::Spent;
use crate::user::check_name;
pub use ended::Ended;

const MIGRATIONS: &[Migration] = &[Migration::both(
    1,
    "signing keys and ended tokens",
    "CREATE TABLE token_key (
        kid TEXT PRIMARY KEY,
        algorithm TEXT NOT NULL,
        seal BIGINT NOT NULL,
        sealed TEXT NOT NULL,
        made BIGINT NOT NULL,
        until BIGINT
    );
    CREATE TABLE token_end (
        tenant TEXT NOT NULL,
        what TEXT NOT NULL,
        name TEXT NOT NULL,
        at BIGINT NOT NULL,
        until BIGINT NOT NULL,
        PRIMARY KEY (tenant, what, name)
    );
    CREATE INDEX token_end_by_until ON token_end (until);",
)];

/// Makes what is not there yet; tokens are refused of users who are kept out.
pub(crate) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "gate-tokens", MIGRATIONS).await?;
    schema::bring_forward(sql, clock).await
}

/// Tokens of other issuers are looked at again after this long: their keys may have
/// been taken back.
const FOREIGN_LIFE: Duration = Duration::from_secs(300);

/// Access tokens.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who issues our tokens, as they say it.
    pub issuer: String,
    /// For whom they are meant.
    pub audience: String,
    /// How they are signed, from the next key on.
    pub algorithm: Algorithm,
    /// How long a token is valid at most.
    pub life: Span,
    /// How far the clock of whoever issued a token may be ahead.
    pub leeway: Span,
    /// A larger token is refused.
    pub largest: Size,
    /// A key signs for this long; then a new one does, and the old one still verifies.
    pub rotate_every: Span,
    /// Room for tokens that need not be verified again.
    pub remembered: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: "stockade".into(),
            audience: "stockade".into(),
            algorithm: Algorithm::default(),
            life: Span::secs(24 * 3600),
            leeway: Span::secs(60),
            largest: Size(8 << 10),
            rotate_every: Span::secs(30 * 24 * 3600),
            remembered: Size::mib(32),
        }
    }
}

/// Access tokens: ours, and those of providers we trust.
pub struct Tokens {
    config: Config,
    sql: Arc<dyn Sql>,
    ring: Ring,
    providers: Providers,
    seen: Seen,
    revisions: Arc<Revisions>,
    clock: Clock,
    random: Random,
}

impl Tokens {
    /// The tokens of this database. Signing keys are sealed by `seal`; a first one is
    /// made when there is none, and another when its time has come.
    pub async fn open(
        config: &Config,
        sql: Arc<dyn Sql>,
        seal: Arc<Seal>,
        revisions: Arc<Revisions>,
        clock: Clock,
        random: Random,
    ) -> Result<Self> {
        prepare(&*sql, &clock).await?;
        let (of, own) = (config.algorithm, sql.clone());
        let ring = Ring::open(own, seal, clock.clone(), random.clone(), of).await?;
        let seen = Seen::new(config.remembered.0, clock.clone());
        let (config, providers) = (config.clone(), Providers::default());
        let tokens = Self { config, sql, ring, providers, seen, revisions, clock, random };
        tokens.tend().await?;
        Ok(tokens)
    }

    /// Whether nodes of this database sign tokens, and so share keys to seal with.
    pub async fn are_signed(sql: &dyn Sql, clock: &Clock) -> Result<bool> {
        migrate(sql, clock, "gate-tokens", MIGRATIONS).await?;
        let rows = sql.query(Statement::new("SELECT kid FROM token_key LIMIT 1")).await?;
        Ok(!rows.is_empty())
    }

    /// The same, also trusting these providers.
    #[must_use]
    pub fn trusting(self, providers: Providers) -> Self {
        Self { providers, ..self }
    }

    /// A token for this principal and session, valid for `life` but no longer than
    /// configured. Without a session it is one of its own.
    pub fn mint(&self, subject: &Subject<'_>, sid: &str, life: Duration) -> Result<String> {
        if subject.kind == Principal::System {
            return Err(NO_NAME.error("`system` is Stockade itself, which needs no token"));
        }
        check_name(subject.name)?;
        self.sign(subject, sid, life)
    }

    /// The same for somebody who is known to be one.
    pub(crate) fn sign(&self, subject: &Subject<'_>, sid: &str, life: Duration) -> Result<String> {
        let (now, jti) = (self.clock.now(), self.random.id(self.clock.now()).to_string());
        let written = Written {
            iss: &self.config.issuer,
            aud: &self.config.audience,
            sub: subject.name,
            tenant: subject.tenant,
            kind: subject.kind,
            roles: subject.roles,
            jti: &jti,
            sid: if sid.is_empty() { &jti } else { sid },
            iat: now.secs(),
            exp: now.after(life.min(self.config.life.0)).secs(),
        };
        let payload = serde_json::to_vec(&written).map_err(|_| unusable("the claims"))?;
        let (held, index) = self.ring.current().ok_or_else(|| unusable("no signing key"))?;
        let key = held.get(index).ok_or_else(|| unusable("no signing key"))?;
        key.signing.sign(&key.kid, &payload)
    }

    /// What a token of ours says, if it is signed by us, valid now and meant for us.
    /// Whether it was ended is not looked at: that takes [`Tokens::recognise`].
    pub fn verify(&self, token: &str) -> Result<Claims> {
        let read = Compact::read(token, self.config.largest.bytes())?;
        Ok(self.claims(read)?)
    }

    /// Whose token this is, if it was seen before.
    pub fn recognise_now(&self, token: &str) -> Option<Arc<Identity>> {
        self.seen.find(token)
    }

    /// Whose token this is. What it says of a session is not looked up: see
    /// [`Gate::with_logins`](crate::Gate::with_logins).
    pub async fn recognise(&self, token: &str) -> Result<Arc<Identity>> {
        self.recognise_in(None, token).await
    }

    /// Whose token this is. Of a session the token only says that it is one of its: what
    /// its owner may do is what the session's row says now.
    pub(crate) async fn recognise_in(
        &self,
        sessions: Option<&Sessions>,
        token: &str,
    ) -> Result<Arc<Identity>> {
        if let Some(identity) = self.recognise_now(token) {
            return Ok(identity);
        }
        let read = Compact::read(token, self.config.largest.bytes())?;
        let issuer = Payload::read(read.unverified())?.iss.ok_or(Flaw::Issuer)?;
        // Nobody else speaks for us, whatever is configured.
        let provider = self.providers.of(&issuer).filter(|_| issuer != self.config.issuer);
        let (claims, most) = match provider {
            None => {
                self.look_for_key(&read).await?;
                (self.claims(read)?, Duration::MAX)
            }
            Some(provider) => (provider.claims(read, self.config.leeway.0).await?, FOREIGN_LIFE),
        };
        let left = Time(claims.until.saturating_mul(1_000_000_000)).since(self.clock.now());
        let identity = match (provider, sessions.filter(|_| claims.is_of_session())) {
            (Some(provider), _) => self.stand(&claims, format!("oidc:{}", provider.name())).await?,
            (None, Some(sessions)) => {
                let identity = sessions.claimed(&claims, token).await?;
                self.is_good_still(&claims).await?;
                Identity::clone(&identity)
            }
            (None, None) => {
                self.stand(&claims, format!("token:{}/{}", claims.sid, claims.jti)).await?
            }
        };
        let identity = Arc::new(identity.until(self.clock.moment().after(left)));
        self.seen.keep(token, identity.clone(), left.min(most));
        Ok(identity)
    }

    /// Begins a login at this provider.
    pub(crate) async fn begin_login(
        &self,
        provider: &str,
        seal: &Seal,
        random: &Random,
    ) -> Result<Begun> {
        self.providers.named(provider)?.begin(seal, random).await
    }

    /// Who has come back from a provider.
    pub(crate) async fn finish_login(
        &self,
        returned: Returned<'_>,
        kept: (&Seal, &Spent),
    ) -> Result<Person> {
        let provider = self.providers.named(returned.provider)?;
        provider.finish(returned, kept, self.config.leeway.0).await
    }

    /// How long a token is valid at most.
    pub(crate) fn life(&self) -> Duration {
        self.config.life.0
    }

    /// The same caller as they stand now. A provider's token has to be shown again.
    pub async fn renew(&self, identity: &Identity) -> Result<Arc<Identity>> {
        let named = identity.credential.strip_prefix("token:");
        let named = named.and_then(|named| named.rsplit_once('/'));
        let (sid, jti) = named.ok_or_else(|| UNKNOWN_TOKEN.error("the token has to be shown"))?;
        if identity.until <= self.clock.moment() {
            return Err(Flaw::Over.into());
        }
        let claims = Claims {
            tenant: identity.tenant.to_string(),
            name: identity.name.to_string(),
            kind: identity.kind,
            roles: identity.roles.to_vec(),
            jti: jti.to_owned(),
            sid: sid.to_owned(),
            issued: 0,
            until: 0,
        };
        let renewed = self.stand(&claims, identity.credential.to_string()).await?;
        Ok(Arc::new(renewed.until(identity.until)))
    }

    /// Lets a new key sign; tokens signed by the one before stay valid. Its name.
    pub async fn rotate(&self, fact: Option<Fact>) -> Result<String> {
        let overlap = self.config.life.0 + self.config.leeway.0;
        self.ring.rotate(self.config.algorithm, overlap, fact).await
    }

    /// Looks whether another node made a key, and lets a new one sign when it is time.
    pub async fn tend(&self) -> Result<()> {
        self.ring.look_again().await?;
        if self.ring.is_due(self.config.rotate_every.0) {
            self.rotate(None).await?;
        }
        Ok(())
    }

    /// The signing keys, newest first.
    pub fn keys(&self) -> Vec<KeyState> {
        self.ring.states()
    }

    /// The keys others verify our tokens by, as a JSON web key set.
    pub fn public_keys(&self) -> serde_json::Value {
        self.ring.public()
    }

    fn claims(&self, read: Compact<'_>) -> Result<Claims, Flaw> {
        if read.header().typ.as_deref() != Some(ACCESS) {
            return Err(Flaw::Kind);
        }
        let found = read.header().kid.as_deref().and_then(|kid| self.ring.find(kid));
        let (held, index) = found.ok_or(Flaw::Key)?;
        let key = held.get(index).ok_or(Flaw::Key)?;
        let bytes = read.verified(&key.verifying)?;
        let payload = Payload::read(&bytes)?;
        let Config { issuer, audience, leeway, .. } = &self.config;
        payload.check(Expected { issuer, audience, leeway: leeway.0 }, self.clock.now())?;
        payload.ours()
    }

    /// A key that is not known here may be one that another node just made.
    async fn look_for_key(&self, read: &Compact<'_>) -> Result<()> {
        let kid = read.header().kid.as_deref().unwrap_or_default();
        if self.ring.find(kid).is_none() {
            self.ring.look_again().await?;
        }
        Ok(())
    }

    /// Observes the principal, and then looks whether the token was ended: one that is
    /// ended in between bumps what was observed.
    async fn stand(&self, claims: &Claims, credential: String) -> Result<Identity> {
        let (tenant, name): (Arc<str>, Arc<str>) =
            (claims.tenant.as_str().into(), claims.name.as_str().into());
        let epoch = self.revisions.observe(&tenant, &name);
        self.is_good_still(claims).await?;
        let (roles, credential) = (claims.roles.as_slice().into(), credential.into());
        Ok(Identity::new(claims.kind, tenant, name, roles, credential, epoch))
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> u64 {
        self.seen.weight()
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

#[cfg(test)]
mod tests;
