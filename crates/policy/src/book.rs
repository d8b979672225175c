//! The policies of tenants, and the documents they read.
//!
//! A [`Book`] keeps them in SQL and holds, for each tenant, the newest [`Edition`] it knows:
//! everything compiled, as of one moment. A change makes another edition; decisions remembered
//! by one are forgotten with it, so nothing is remembered that another policy or other data
//! would have decided otherwise.

mod bundles;
mod candidates;
mod clash;
mod edition;
mod history;
mod store;

use std::sync::Arc;

use flow::feed::{Announcer, Notice};
use flow::question::policy::{
    ChangeData, Changed, DataChange, ListVersions, PolicyInfo, PutPolicy, VersionInfo,
};
use flow::{Clock, Fact, Result, Revisions};
use foldhash::HashMap;
use parking_lot::RwLock;
use pool::sql::{Sql, Transaction};
use rego::Value;
use rego::value::json;
use tokio::sync::Mutex;

pub(crate) use candidates::Shadow;
pub(crate) use edition::Entry;
pub use edition::{Edition, Revision};
pub(crate) use store::{MEANWHILE, prepare};

use crate::codes::{BUSY, DATA_INVALID, UNKNOWN_REVISION};
use crate::data;

/// What changes of a tenant's policies are told as.
const STANDING: &str = "policies/";

/// A change that others came before is tried so often.
const ATTEMPTS: usize = 16;

/// Everybody's policies.
pub struct Book {
    sql: Arc<dyn Sql>,
    revisions: Arc<Revisions>,
    announcer: Arc<Announcer>,
    clock: Clock,
    config: crate::Config,
    tenants: RwLock<HashMap<Arc<str>, Arc<Edition>>>,
    /// What held before, of which somebody asked.
    past: history::Past,
    /// Whoever reads or changes policies here does so alone.
    writing: Mutex<()>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Book({} tenants)", self.tenants.read().len())
    }
}

impl Book {
    /// The policies in this database. Other nodes hear of changes by `announcer`, and of those
    /// nobody told of by [`pool::sql::Notices`]; what is heard there has to reach `revisions`.
    pub async fn open(
        sql: Arc<dyn Sql>,
        revisions: Arc<Revisions>,
        announcer: Arc<Announcer>,
        clock: Clock,
        config: crate::Config,
    ) -> Result<Self> {
        prepare(&*sql, &clock).await?;
        crate::pipeline::prepare(&*sql, &clock).await?;
        let (tenants, past, writing) = Default::default();
        Ok(Self { sql, revisions, announcer, clock, config, tenants, past, writing })
    }

    /// Where it keeps them.
    pub(crate) fn sql(&self) -> &Arc<dyn Sql> {
        &self.sql
    }

    /// The edition that holds now, if it is known here without asking anybody.
    pub fn known(&self, tenant: &str) -> Option<Arc<Edition>> {
        let tenants = self.tenants.read();
        tenants.get(tenant).filter(|edition| edition.holds()).cloned()
    }

    /// The edition that holds now.
    pub async fn edition(&self, tenant: &Arc<str>) -> Result<Arc<Edition>> {
        match self.known(tenant) {
            Some(edition) => Ok(edition),
            None => {
                let _alone = self.writing.lock().await;
                match self.known(tenant) {
                    Some(edition) => Ok(edition),
                    None => self.read(tenant).await,
                }
            }
        }
    }

    /// The edition that holds anywhere, whatever is known here.
    pub async fn newest(&self, tenant: &Arc<str>) -> Result<Arc<Edition>> {
        let _alone = self.writing.lock().await;
        self.read(tenant).await
    }

    /// An edition no older than a revision that was answered somewhere.
    pub async fn no_older(&self, tenant: &Arc<str>, revision: &str) -> Result<Arc<Edition>> {
        let wanted = Revision::parse(revision).ok_or_else(|| {
            UNKNOWN_REVISION.error(format!("`{revision}` is no revision an answer names"))
        })?;
        let edition = self.edition(tenant).await?;
        if edition.revision().covers(wanted) {
            return Ok(edition);
        }
        let edition = self.newest(tenant).await?;
        match edition.revision().covers(wanted) {
            true => Ok(edition),
            false => Err(UNKNOWN_REVISION.error(format!("there is no revision `{revision}` yet"))),
        }
    }

    /// Reads what holds now, unless it is the edition that is known.
    async fn read(&self, tenant: &Arc<str>) -> Result<Arc<Edition>> {
        let known = self.tenants.read().get(tenant).cloned();
        self.confirm(tenant, known).await
    }

    /// The edition that holds now, which may be this one.
    async fn confirm(
        &self,
        tenant: &Arc<str>,
        known: Option<Arc<Edition>>,
    ) -> Result<Arc<Edition>> {
        // INVARIANT: the standing is observed before the revision is read, so that a change in
        // between ends what is held from here on.
        let epoch = self.revisions.observe(tenant, &STANDING.into());
        let (revision, candidates) = store::standing(&*self.sql, tenant).await?;
        let before = self.tenants.read().get(tenant).cloned();
        let edition = match known {
            Some(edition) if edition.revision() == revision => edition,
            known => {
                let (revision, modules, bundles, data) = store::read(&*self.sql, tenant).await?;
                let (modules, known) = ((modules, bundles), known.as_deref());
                Arc::new(Edition::read(revision, modules, data, known, &self.config)?)
            }
        };
        self.cast(tenant, &edition, before.as_deref(), candidates).await;
        edition.hold(epoch);
        self.tenants.write().insert(tenant.clone(), edition.clone());
        Ok(edition)
    }

    /// Commits what rests on what was read; false where others changed that meanwhile.
    async fn unless_meanwhile(&self, change: Transaction) -> Result<bool> {
        match self.sql.commit(change).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == &MEANWHILE => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// There is another edition: what was held holds no longer, here and then elsewhere.
    async fn changed(&self, tenant: &Arc<str>, next: Edition) -> Result<Arc<str>> {
        let revision = next.name().clone();
        self.bumped(tenant, Some(Arc::new(next))).await?;
        Ok(revision)
    }

    /// What was held has to be confirmed, here and then elsewhere; this may be the next.
    async fn bumped(&self, tenant: &Arc<str>, next: Option<Arc<Edition>>) -> Result<()> {
        self.revisions.bump(tenant, Some(STANDING));
        // It is committed: whoever asks next reads it, if it cannot be read again now.
        let _ = match next {
            Some(next) => self.confirm(tenant, Some(next)).await,
            None => self.read(tenant).await,
        };
        self.announcer.announce(notice(tenant)).await
    }

    /// Puts a policy in force, in the place of the one with its id. The fact is committed with it.
    pub async fn put(
        &self,
        tenant: &Arc<str>,
        put: &PutPolicy<'_>,
        by: &str,
        fact: Option<Fact>,
    ) -> Result<(Arc<str>, bool)> {
        let _alone = self.writing.lock().await;
        for _ in 0..ATTEMPTS {
            let edition = self.read(tenant).await?;
            bundles::check_id(put.id)?;
            let version = store::version(&*self.sql, tenant, put.id).await? + 1;
            let info = PolicyInfo {
                id: put.id.to_owned(),
                source: put.source.into(),
                version,
                at: self.clock.now(),
                by: by.to_owned(),
            };
            let same = edition.policy(put.id).is_some_and(|there| *there.source == *put.source);
            let next = edition.with_policy(info.clone(), &self.config)?;
            next.check_put(put.id)?;
            next.check_rules(&edition)?;
            if put.dry_run || same {
                return Ok((edition.name().clone(), false));
            }
            let change = store::put(tenant, edition.revision(), &info, fact.clone());
            if self.unless_meanwhile(change).await? {
                return Ok((self.changed(tenant, next).await?, true));
            }
        }
        Err(BUSY.error("others change policies all the time"))
    }

    /// Takes a policy out of force; false when there was none.
    pub async fn delete(
        &self,
        tenant: &Arc<str>,
        id: &str,
        by: &str,
        fact: Option<Fact>,
    ) -> Result<bool> {
        let _alone = self.writing.lock().await;
        for _ in 0..ATTEMPTS {
            let edition = self.read(tenant).await?;
            let Some(there) = edition.policy(id) else { return Ok(false) };
            edition.check_delete(id)?;
            let gone = PolicyInfo {
                version: there.version + 1,
                at: self.clock.now(),
                by: by.to_owned(),
                ..there.as_ref().clone()
            };
            let next = edition.without_policy(id, &self.config)?;
            let change = store::delete(tenant, edition.revision(), &gone, fact.clone());
            if self.unless_meanwhile(change).await? {
                return self.changed(tenant, next).await.map(|_| true);
            }
        }
        Err(BUSY.error("others change policies all the time"))
    }

    /// Changes the documents policies read.
    pub async fn change(
        &self,
        tenant: &Arc<str>,
        asked: &ChangeData<'_>,
        fact: Option<Fact>,
    ) -> Result<Changed> {
        let path = data::path(asked.path)?;
        let new = match asked.change {
            DataChange::Put(text) | DataChange::PutNew(text) | DataChange::Patch(text) => {
                let malformed = |error: json::Malformed| {
                    DATA_INVALID.error(format!("the body is no JSON: {error}"))
                };
                json::read(text).map_err(malformed)?
            }
            DataChange::Delete => Value::Null,
        };
        let _alone = self.writing.lock().await;
        for _ in 0..ATTEMPTS {
            let edition = self.read(tenant).await?;
            edition.check_change(&path)?;
            let there = data::at(edition.data(), &path);
            let changed = match asked.change {
                DataChange::PutNew(_) if there.is_some() => return Ok(Changed::Kept),
                DataChange::Put(_) | DataChange::PutNew(_) => {
                    data::put(edition.data(), &path, new.clone())?
                }
                DataChange::Patch(_) => data::patch(edition.data(), &path, &new)?,
                DataChange::Delete if there.is_none() => return Ok(Changed::Missing),
                DataChange::Delete => data::remove(edition.data(), &path),
            };
            let next = edition.with_data(changed, &self.config);
            next.check_documents(&edition)?;
            let change = store::change(
                tenant,
                edition.revision(),
                (edition.data(), next.data()),
                self.keeping(),
                fact.clone(),
            );
            if self.unless_meanwhile(change).await? {
                return self.changed(tenant, next).await.map(Changed::Made);
            }
        }
        Err(BUSY.error("others change documents all the time"))
    }

    /// One policy as it was in some version.
    pub async fn version(
        &self,
        tenant: &str,
        id: &str,
        version: u64,
    ) -> Result<Option<PolicyInfo>> {
        store::show(&*self.sql, tenant, id, version).await
    }

    /// The versions of a policy, the newest first.
    pub async fn versions(
        &self,
        tenant: &str,
        asked: &ListVersions<'_>,
    ) -> Result<Vec<VersionInfo>> {
        store::list_versions(&*self.sql, tenant, asked).await
    }
}

/// What other nodes hear of a change.
fn notice(tenant: &str) -> Notice {
    Notice::epoch(tenant, Some(STANDING))
}
