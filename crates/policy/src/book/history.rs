//! Policies and documents as they were.
//!
//! Each change of either has a number: how often anything was changed by then, which is what both
//! parts of a revision add up to. A version of a policy knows the change it began with. Of a
//! document that changes, what it was is kept with the change it was so until; so what held at any
//! change is put together of what holds now and of what was kept since. Beside each stands how much
//! was kept by then in all, so that what is too much is found as quickly as what is too old.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::question::policy::PolicyInfo;
use flow::{Result, Time};
use pool::sql::{Row, Sql, Statement, Transaction};
use rego::Value;
use rego::syntax::Edition as Language;
use rego::value::json;

use super::store::{self, number};
use super::{Book, Edition, Revision};
use crate::codes::{HISTORY_GONE, UNKNOWN_REVISION};

/// What held before this migration is not known: what holds now has begun with it.
pub(super) const MIGRATION: &str = "
    ALTER TABLE policy_version ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE policy_version ADD COLUMN v0 BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE policy_revision ADD COLUMN history_from BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE policy_revision ADD COLUMN history_bytes BIGINT NOT NULL DEFAULT 0;
    UPDATE policy_revision SET history_from = policies + documents;
    UPDATE policy_version SET v0 = 1 WHERE EXISTS (
        SELECT 1 FROM policy_bundle b WHERE b.tenant = policy_version.tenant
        AND REPLACE(b.v0_ids, '\"' || policy_version.id || '\"', '') <> b.v0_ids);
    CREATE TABLE policy_document_past (
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        until BIGINT NOT NULL,
        json TEXT,
        at BIGINT NOT NULL,
        total BIGINT NOT NULL,
        PRIMARY KEY (tenant, name, until)
    );
    CREATE INDEX policy_document_past_at ON policy_document_past (tenant, at);
    CREATE INDEX policy_document_past_total ON policy_document_past (tenant, total);";

/// So many editions of the past are kept at hand.
const AT_HAND: usize = 4;

/// What is kept of what was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeping {
    /// When the change is made.
    pub(super) at: Time,
    /// What changed before this goes.
    pub(super) since: Time,
    /// As many bytes are kept at most.
    pub(super) max: u64,
}

/// Editions of the past that were asked for, the latest last.
pub(super) type Past = parking_lot::Mutex<Vec<(Arc<str>, Arc<Edition>)>>;

impl Revision {
    /// How often anything was changed by then.
    pub(super) fn changes(self) -> u64 {
        self.policies + self.documents
    }
}

impl Keeping {
    /// Keeps what documents were until this change: nothing where one was not there.
    pub(super) fn keep(
        self,
        mut transaction: Transaction,
        (tenant, until): (&str, u64),
        were: &[(&str, Option<String>)],
    ) -> Transaction {
        for (name, json) in were {
            let bytes = json.as_ref().map_or(0, String::len).saturating_add(name.len());
            let count = "UPDATE policy_revision SET history_bytes = history_bytes + ?2
                         WHERE tenant = ?1";
            let count = Statement::new(count).bind(tenant).bind(number(bytes as u64));
            let keep = "INSERT INTO policy_document_past (tenant, name, until, json, at, total)
                        SELECT tenant, CAST(?2 AS TEXT), CAST(?3 AS BIGINT), CAST(?4 AS TEXT),
                            CAST(?5 AS BIGINT), history_bytes
                        FROM policy_revision WHERE tenant = ?1";
            let keep = Statement::new(keep).bind(tenant).bind(*name).bind(number(until));
            let keep = keep.bind(json.clone()).bind(self.at);
            transaction = transaction.run(count).run(keep);
        }
        self.forget(transaction, tenant)
    }

    /// Forgets what is too old, and what is too much.
    fn forget(self, transaction: Transaction, tenant: &str) -> Transaction {
        const GOES: &str = "tenant = ?1 AND (at < ?2 OR total <= (
            SELECT r.history_bytes - ?3 FROM policy_revision r WHERE r.tenant = ?1))";
        let bound = |text: String| {
            Statement::new(text).bind(tenant).bind(self.since).bind(number(self.max))
        };
        let floor = format!(
            "UPDATE policy_revision SET history_from = (
                SELECT MAX(until) FROM policy_document_past WHERE {GOES})
             WHERE tenant = ?1 AND EXISTS (
                SELECT 1 FROM policy_document_past WHERE {GOES} AND until > history_from)"
        );
        let forget = format!("DELETE FROM policy_document_past WHERE {GOES}");
        transaction.run(bound(floor)).run(bound(forget))
    }
}

impl Book {
    /// What is kept of what was, from now on.
    pub(super) fn keeping(&self) -> Keeping {
        let at = self.clock.now();
        let long = u64::try_from(self.config.history.0.as_nanos()).unwrap_or(u64::MAX);
        Keeping { at, since: Time(at.0.saturating_sub(long)), max: self.config.history_max.0 }
    }

    /// What held at a revision some answer named. It can say why it comes to what it does.
    pub async fn at(&self, tenant: &Arc<str>, revision: Revision) -> Result<Arc<Edition>> {
        let is_it = |(whose, edition): &(Arc<str>, Arc<Edition>)| {
            whose == tenant && edition.revision() == revision
        };
        if let Some((_, edition)) = self.past.lock().iter().find(|held| is_it(held)) {
            return Ok(edition.clone());
        }
        let (modules, data) = read(&*self.sql, tenant, revision).await?;
        let known = self.known(tenant);
        let edition = Edition::past(revision, modules, data, known.as_deref(), &self.config)?;
        let edition = Arc::new(edition);
        let mut past = self.past.lock();
        past.retain(|held| !is_it(held));
        if past.len() >= AT_HAND {
            past.remove(0);
        }
        past.push((tenant.clone(), edition.clone()));
        Ok(edition)
    }
}

/// The policies and documents that held at a revision.
async fn read(
    sql: &dyn Sql,
    tenant: &str,
    wanted: Revision,
) -> Result<(Vec<(PolicyInfo, Language)>, Value)> {
    loop {
        let (now, from) = reach(sql, tenant).await?;
        if !now.covers(wanted) {
            return Err(UNKNOWN_REVISION.error(format!("there is no revision `{wanted}` yet")));
        }
        if wanted.changes() < from {
            let story = format!("what held at revision `{wanted}` is not kept anymore");
            return Err(HISTORY_GONE.error(story));
        }
        let modules = modules(sql, tenant, wanted.changes()).await?;
        let documents = documents(sql, tenant, wanted.changes()).await?;
        // What was read in pieces fits together if nothing changed while it was.
        if reach(sql, tenant).await? == (now, from) {
            return Ok((modules, documents));
        }
    }
}

/// How often things were changed, and the first change that history reaches back to.
async fn reach(sql: &dyn Sql, tenant: &str) -> Result<(Revision, u64)> {
    let text = "SELECT policies, documents, history_from FROM policy_revision WHERE tenant = ?1";
    let rows = sql.query(Statement::new(text).bind(tenant)).await?;
    let read = |row: &Row| {
        let now = Revision { policies: row.get("policies")?, documents: row.get("documents")? };
        Ok((now, row.get("history_from")?))
    };
    rows.iter().next().map_or(Ok(<(Revision, u64)>::default()), read)
}

async fn modules(sql: &dyn Sql, tenant: &str, change: u64) -> Result<Vec<(PolicyInfo, Language)>> {
    let text = "SELECT v.id, v.version, v.source, v.at, v.by_whom, v.v0 FROM policy_version v
                WHERE v.tenant = ?1 AND v.live = 1 AND v.version = (
                    SELECT MAX(o.version) FROM policy_version o
                    WHERE o.tenant = v.tenant AND o.id = v.id AND o.since <= ?2)";
    let rows = sql.query(Statement::new(text).bind(tenant).bind(number(change))).await?;
    let module = |row: &Row| {
        let language = if row.get("v0")? { Language::V0 } else { Language::V1 };
        Ok((store::info(row)?, language))
    };
    rows.iter().map(module).collect()
}

async fn documents(sql: &dyn Sql, tenant: &str, change: u64) -> Result<Value> {
    let text = "SELECT name, json FROM policy_document WHERE tenant = ?1";
    let rows = sql.query(Statement::new(text).bind(tenant)).await?;
    let mut documents: BTreeMap<String, String> = BTreeMap::new();
    for row in rows.iter() {
        documents.insert(row.get("name")?, row.get("json")?);
    }
    let text = "SELECT p.name, p.json FROM policy_document_past p
                WHERE p.tenant = ?1 AND p.until = (
                    SELECT MIN(o.until) FROM policy_document_past o
                    WHERE o.tenant = p.tenant AND o.name = p.name AND o.until > ?2)";
    let rows = sql.query(Statement::new(text).bind(tenant).bind(number(change))).await?;
    for row in rows.iter() {
        let name: String = row.get("name")?;
        match row.get::<Option<String>>("json")? {
            Some(json) => documents.insert(name, json),
            None => documents.remove(&name),
        };
    }
    let read = |(name, text): (String, String)| store::document(name, &text);
    Ok(Value::object(documents.into_iter().map(read).collect::<Result<Vec<_>>>()?))
}

/// What a document was, as it is kept.
pub(super) fn was(value: Option<&Value>) -> Option<String> {
    value.map(json::write)
}
