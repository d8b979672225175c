//! Keys that stay here: data is sent to them, and comes back encrypted, decrypted,
//! signed or verified.
//!
//! A [`Strongbox`] keeps keys in SQL, by tenant and name, each with its versions. A new
//! version encrypts from the moment it is there; those before it decrypt for as long as
//! the key's terms allow. The secrets are sealed under keys that are not in the
//! database, and wiped when they are let go.
//!
//! Deliberately absent: to bring a key in, or to take one out.

mod cipher;
mod held;
mod material;
mod store;
mod work;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use flow::fact::Outcome;
use flow::feed::{Announcer, Notice};
use flow::question::crypto::{Change, CreateCryptoKey, KeyKind, KeyState, ShownKey};
use flow::{Clock, Fact, Random, Result, Revisions};
use parking_lot::RwLock;
use pool::sql::{Sql, Transaction};
use serde_json::json;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::codes::{CRYPTO_FAILED, CRYPTO_INPUT, CRYPTO_VERSION, CRYPTO_WORN};
use crate::seal::Seal;
use crate::user::check_name;
use held::{Held, Version};
pub use material::hash;
use store::Kept;
pub(crate) use store::{SEALED, prepare};

/// So many keys are held in memory; then all are read again as they are needed.
const KNOWN_MAX: usize = 4096;
/// A key has so many versions at most.
const VERSIONS_MAX: u32 = 10_000;
/// Keys rotate by themselves not more often.
const ROTATE_MIN: Duration = Duration::from_secs(3600);
/// Nor so seldom that nobody will be there.
const ROTATE_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Uses of a version are counted in the database before they happen, so many at a time:
/// a crash loses what was reserved and never forgets what was used.
const RESERVED: u64 = 1 << 16;
/// A newest version that was used more often is rotated.
const WORN: u64 = 1 << 31;
/// And none is used more often: beyond 2^32 random nonces begin to meet.
const USES_MAX: u64 = 1 << 32;

/// Keys that encrypt and sign.
pub struct Strongbox {
    sql: Arc<dyn Sql>,
    seal: Arc<Seal>,
    revisions: Arc<Revisions>,
    announcer: Arc<Announcer>,
    clock: Clock,
    random: Random,
    known: RwLock<Known>,
    /// Whoever names a version that is not known here looks alone, and those who waited
    /// meanwhile see what was found: made-up versions cost one look at a time.
    looking: Mutex<()>,
}

/// Keys by tenant and name.
#[derive(Default)]
struct Known {
    tenants: HashMap<Arc<str>, HashMap<Box<str>, Arc<Held>>>,
    count: usize,
}

impl Strongbox {
    /// The keys in this database, which `seal` opens. Other nodes hear of changes by
    /// `announcer`; what is heard there has to reach `revisions`.
    pub async fn open(
        (sql, seal): (Arc<dyn Sql>, Arc<Seal>),
        revisions: Arc<Revisions>,
        announcer: Arc<Announcer>,
        (clock, random): (Clock, Random),
    ) -> Result<Self> {
        store::prepare(&*sql, &clock).await?;
        let (known, looking) = (RwLock::default(), Mutex::default());
        Ok(Self { sql, seal, revisions, announcer, clock, random, known, looking })
    }

    /// Makes a key. The fact is committed with it.
    pub async fn create(
        &self,
        tenant: &str,
        new: &CreateCryptoKey<'_>,
        fact: Option<Fact>,
    ) -> Result<()> {
        let CreateCryptoKey { name, kind, derived, rotate_every } = *new;
        check_name(name)?;
        check_period(rotate_every.unwrap_or_default())?;
        if derived && kind != KeyKind::Aes256Gcm {
            return Err(CRYPTO_INPUT.error("only keys of type aes256-gcm can be derived"));
        }
        let secret = generate(kind).await?;
        let id = self.random.id(self.clock.now()).to_string();
        let state = KeyState {
            name: name.to_owned(),
            kind,
            derived,
            latest: 1,
            min_decryption: 1,
            min_encryption: 1,
            deletable: false,
            rotate_every,
            created: self.clock.now(),
        };
        let kept = Kept { key: &id, tenant, name, version: 1 };
        let fact = about(fact, json!({ "type": kind.name(), "version": 1 }));
        let made = store::create((&kept, &state), (&self.seal, &secret), fact)?;
        self.sql.commit(made).await.map(drop)
    }

    /// The tenant's keys by name, behind `after`.
    pub async fn list(&self, tenant: &str, after: &str, limit: u32) -> Result<Vec<KeyState>> {
        store::list(&*self.sql, tenant, after, limit).await
    }

    /// One key, and what anybody may know of its versions.
    pub async fn show(&self, tenant: &str, name: &str) -> Result<ShownKey> {
        let held = self.look_up(tenant, name).await?;
        Ok(ShownKey { state: held.state.clone(), versions: held.versions()? })
    }

    /// Gives a key a new version, which is used from then on. Its number.
    pub async fn rotate(&self, tenant: &str, name: &str, fact: Option<Fact>) -> Result<u32> {
        let held = self.look_up(tenant, name).await?;
        let version = held.state.latest + 1;
        if version > VERSIONS_MAX {
            let story =
                format!("`{name}` has {VERSIONS_MAX} versions, which are as many as can be");
            return Err(CRYPTO_VERSION.error(story).with_advice("make another key"));
        }
        let secret = generate(held.state.kind).await?;
        let kept = Kept { key: &held.id, tenant, name, version };
        let (fact, now) = (about(fact, json!({ "version": version })), self.clock.now());
        let rotated = store::rotate(&kept, (&self.seal, &secret), now, fact)?;
        self.sql.commit(rotated.tells(notice(tenant, name))).await?;
        self.changed(tenant, name).await?;
        Ok(version)
    }

    /// Changes the terms of a key.
    pub async fn configure(
        &self,
        tenant: &str,
        name: &str,
        change: &Change,
        fact: Option<Fact>,
    ) -> Result<()> {
        let held = self.look_up(tenant, name).await?;
        check_change(&held.state, change)?;
        let detail = json!({
            "min_decryption_version": change.min_decryption,
            "min_encryption_version": change.min_encryption,
            "deletion_allowed": change.deletable,
            "auto_rotate_secs": change.rotate_every.map(|every| every.as_secs()),
        });
        let configured = store::configure(&held, change, about(fact, detail));
        self.sql.commit(configured.tells(notice(tenant, name))).await?;
        self.changed(tenant, name).await
    }

    /// Deletes a key that may be deleted; what it encrypted is lost.
    pub async fn delete(&self, tenant: &str, name: &str, fact: Option<Fact>) -> Result<()> {
        let held = self.look_up(tenant, name).await?;
        self.sql.commit(store::delete(&held, fact).tells(notice(tenant, name))).await?;
        self.known.write().forget(tenant, name);
        self.changed(tenant, name).await
    }

    /// Rotates what has to be: keys whose time has come, and those that were used so
    /// much that nonces might meet. How many there were.
    pub async fn tend(&self) -> Result<usize> {
        let due = store::due(&*self.sql, self.clock.now(), WORN).await?;
        for (tenant, name) in &due {
            if let Err(error) = self.rotate(tenant, name, Some(self.due(tenant, name))).await {
                // Another node may have been at it.
                tracing::warn!(key = name, error = %error.story(), "a key is rotated later");
            }
        }
        Ok(due.len())
    }

    fn due(&self, tenant: &str, name: &str) -> Fact {
        let now = self.clock.now();
        Fact {
            id: self.random.id(now),
            at: now,
            request: self.random.id(now),
            tenant: tenant.into(),
            actor: "system:server".into(),
            door: "inside".into(),
            action: "crypto_key.rotate".into(),
            resource: format!("crypto/{name}"),
            outcome: Outcome::Done,
            reason: None,
            count: 1,
            detail: flow::Detail::default(),
        }
    }

    /// What is remembered of a key no longer counts, here or elsewhere.
    async fn changed(&self, tenant: &str, name: &str) -> Result<()> {
        self.revisions.bump(tenant, Some(&standing(name)));
        self.announcer.announce(notice(tenant, name)).await
    }

    /// A key that has this version, if it has been made anywhere.
    async fn held(&self, tenant: &str, name: &str, version: Option<u32>) -> Result<Arc<Held>> {
        let asked = self.clock.now();
        let Some(held) = self.remembered(tenant, name) else {
            return self.look_up(tenant, name).await;
        };
        if version.is_none_or(|version| held.has(version) || version > VERSIONS_MAX) {
            return Ok(held);
        }
        // Another node may have made it, and used it before this one heard of it.
        let _alone = self.looking.lock().await;
        match self.remembered(tenant, name).filter(|held| held.read > asked) {
            Some(held) => Ok(held),
            None => self.look_up(tenant, name).await,
        }
    }

    fn remembered(&self, tenant: &str, name: &str) -> Option<Arc<Held>> {
        let known = self.known.read();
        known.find(tenant, name).filter(|held| held.epoch.holds()).cloned()
    }

    /// Reads a key. It is observed before, so that no change in between is missed.
    async fn look_up(&self, tenant: &str, name: &str) -> Result<Arc<Held>> {
        let epoch = self.revisions.observe(&tenant.into(), &standing(name).into());
        let before = self.known.read().find(tenant, name).cloned();
        let as_of = (epoch, before, self.clock.now());
        let held = store::read(&*self.sql, &self.seal, (tenant, name), as_of).await?;
        let held = Arc::new(held);
        self.known.write().keep(tenant, held.clone());
        Ok(held)
    }

    /// Counts more uses of a version before they happen.
    async fn reserve(&self, held: &Held, version: &Version) -> Result<()> {
        let _one_at_a_time = version.uses.reserving.lock().await;
        if version.uses.take() {
            return Ok(());
        }
        let reserve = store::reserve(&held.id, version.number, RESERVED, USES_MAX);
        let worn = format!("version {} of `{}` is used up", version.number, held.state.name);
        let reserve = Transaction::new().run(reserve);
        let reserve = reserve.expect_rows(1, &CRYPTO_WORN, worn);
        self.sql.commit(reserve).await?;
        // One of them is for whoever asked.
        version.uses.add(RESERVED - 1);
        Ok(())
    }
}

impl std::fmt::Debug for Strongbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Strongbox")
    }
}

impl Known {
    fn find(&self, tenant: &str, name: &str) -> Option<&Arc<Held>> {
        self.tenants.get(tenant)?.get(name)
    }

    fn keep(&mut self, tenant: &str, held: Arc<Held>) {
        if self.count >= KNOWN_MAX {
            *self = Self::default();
        }
        let keys = match self.tenants.get_mut(tenant) {
            Some(keys) => keys,
            None => self.tenants.entry(tenant.into()).or_default(),
        };
        let name = held.state.name.as_str().into();
        self.count += usize::from(keys.insert(name, held).is_none());
    }

    fn forget(&mut self, tenant: &str, name: &str) {
        let keys = self.tenants.get_mut(tenant);
        self.count -= usize::from(keys.and_then(|keys| keys.remove(name)).is_some());
    }
}

/// What a key is called among those whose standing is watched. No principal has a name
/// with a stroke in it.
fn standing(name: &str) -> String {
    format!("crypto/{name}")
}

/// What others hear of a change of a key.
fn notice(tenant: &str, name: &str) -> Notice {
    Notice::epoch(tenant, Some(&standing(name)))
}

/// A new secret. Those of RSA take long, and nobody else is to wait meanwhile.
async fn generate(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>> {
    let made = tokio::task::spawn_blocking(move || material::generate(kind)).await;
    made.map_err(|panic| CRYPTO_FAILED.error("a key could not be made").because(panic))?
}

fn about(fact: Option<Fact>, detail: serde_json::Value) -> Option<Fact> {
    fact.map(|fact| Fact { detail: detail.into(), ..fact })
}

fn check_change(state: &KeyState, change: &Change) -> Result<()> {
    let latest = state.latest;
    let within =
        |what: &str, version: Option<u32>| match version {
            Some(version) if !(1..=latest).contains(&version) => Err(CRYPTO_INPUT
                .error(format!("`{what}` is {version}, and versions are 1 to {latest}"))),
            _ => Ok(()),
        };
    within("min_decryption_version", change.min_decryption)?;
    within("min_encryption_version", change.min_encryption)?;
    let least = change.min_decryption.unwrap_or(state.min_decryption);
    if change.min_encryption.is_some_and(|version| version < least) {
        let story = format!("`min_encryption_version` is below {least}, which decrypts no more");
        return Err(CRYPTO_INPUT.error(story));
    }
    check_period(change.rotate_every.unwrap_or_default())
}

fn check_period(every: Duration) -> Result<()> {
    match every.is_zero() || (ROTATE_MIN..=ROTATE_MAX).contains(&every) {
        true => Ok(()),
        false => Err(CRYPTO_INPUT.error("`auto_rotate_period` is not `0s`, nor 1 h to 10 years")),
    }
}

#[cfg(test)]
mod tests;
