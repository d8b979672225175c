//! Policies and documents in SQL: every version of a policy, the documents as they are now, and
//! how often each kind was changed.

use flow::question::bundle::BundleInfo;
use flow::question::policy::{ListVersions, PolicyInfo, VersionInfo};
use flow::{Clock, Code, Fact, Kind, Result};
use pool::sql::codes::CORRUPT;
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Row, Sql, Statement, Transaction};
use rego::Value;
use rego::value::json;

use super::bundles::Held;
use super::edition::Bundles;
use super::history::{Keeping, was};
use super::{Revision, notice};
use crate::bundle::Roots;

const MIGRATIONS: &[Migration] = &[
    Migration::both(
        1,
        "policies and the documents they read",
        "CREATE TABLE policy_version (
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        version BIGINT NOT NULL,
        source TEXT NOT NULL,
        live BIGINT NOT NULL,
        at BIGINT NOT NULL,
        by_whom TEXT NOT NULL,
        PRIMARY KEY (tenant, id, version)
    );
    CREATE TABLE policy_document (
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        json TEXT NOT NULL,
        PRIMARY KEY (tenant, name)
    );
    CREATE TABLE policy_revision (
        tenant TEXT PRIMARY KEY,
        policies BIGINT NOT NULL,
        documents BIGINT NOT NULL
    );",
    ),
    Migration::both(
        2,
        "bundles that are in force",
        "CREATE TABLE policy_bundle (
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        revision TEXT NOT NULL,
        digest TEXT NOT NULL,
        roots TEXT NOT NULL,
        v0_ids TEXT NOT NULL,
        at BIGINT NOT NULL,
        by_whom TEXT NOT NULL,
        PRIMARY KEY (tenant, name)
    );",
    ),
    Migration::both(3, "policies and documents as they were", super::history::MIGRATION),
    Migration::both(
        4,
        "candidates beside policies",
        "CREATE TABLE policy_shadow (
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        gone BIGINT NOT NULL,
        source TEXT NOT NULL,
        base BIGINT NOT NULL,
        at BIGINT NOT NULL,
        by_whom TEXT NOT NULL,
        PRIMARY KEY (tenant, id)
    );
    CREATE TABLE policy_shadow_change (
        tenant TEXT PRIMARY KEY,
        changes BIGINT NOT NULL
    );",
    ),
];

/// Somebody else changed something first.
pub(crate) static MEANWHILE: Code =
    Code::new(Kind::Busy, "policy-meanwhile", "Policies were changed meanwhile", "ask again");

pub(crate) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "policy", MIGRATIONS).await.map(drop)
}

/// How often things were changed.
pub(super) async fn revision(sql: &dyn Sql, tenant: &str) -> Result<Revision> {
    let text = "SELECT policies, documents FROM policy_revision WHERE tenant = ?1";
    let rows = sql.query(Statement::new(text).bind(tenant)).await?;
    let read = |row: &Row| {
        Ok(Revision { policies: row.get("policies")?, documents: row.get("documents")? })
    };
    rows.iter().next().map_or(Ok(Revision::default()), read)
}

/// The same, and how often candidates were changed.
pub(super) async fn standing(sql: &dyn Sql, tenant: &str) -> Result<(Revision, u64)> {
    let text = "SELECT r.policies, r.documents, COALESCE(s.changes, 0) AS changes
                FROM policy_revision r LEFT JOIN policy_shadow_change s ON s.tenant = r.tenant
                WHERE r.tenant = ?1";
    let rows = sql.query(Statement::new(text).bind(tenant)).await?;
    let Some(row) = rows.first() else { return Ok(Default::default()) };
    let (policies, documents) = (row.get("policies")?, row.get("documents")?);
    Ok((Revision { policies, documents }, row.get("changes")?))
}

/// Everything that holds, as of one revision.
pub(super) async fn read(
    sql: &dyn Sql,
    tenant: &str,
) -> Result<(Revision, Vec<PolicyInfo>, Bundles, Value)> {
    loop {
        let before = revision(sql, tenant).await?;
        let text = "SELECT v.id, v.version, v.source, v.at, v.by_whom FROM policy_version v
                    WHERE v.tenant = ?1 AND v.live = 1 AND v.version = (
                        SELECT MAX(o.version) FROM policy_version o
                        WHERE o.tenant = v.tenant AND o.id = v.id)";
        let rows = sql.query(Statement::new(text).bind(tenant)).await?;
        let modules = rows.iter().map(info).collect::<Result<Vec<_>>>()?;
        let text = "SELECT name, json FROM policy_document WHERE tenant = ?1";
        let rows = sql.query(Statement::new(text).bind(tenant)).await?;
        let read = |row: &Row| document(row.get("name")?, &row.get::<String>("json")?);
        let documents = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        let bundles = bundles(sql, tenant).await?;
        // What was read in pieces is of one moment if nothing changed while it was.
        if revision(sql, tenant).await? == before {
            return Ok((before, modules, bundles, Value::object(documents)));
        }
    }
}

pub(super) fn info(row: &Row) -> Result<PolicyInfo> {
    let source: String = row.get("source")?;
    Ok(PolicyInfo {
        id: row.get("id")?,
        source: source.into(),
        version: row.get("version")?,
        at: row.get("at")?,
        by: row.get("by_whom")?,
    })
}

pub(super) fn document(name: String, text: &str) -> Result<(Value, Value)> {
    let value = json::read(text.as_bytes()).map_err(|error| {
        CORRUPT.error(format!("the document `{name}` cannot be read")).because(error.to_string())
    })?;
    Ok((name.into(), value))
}

/// The number of the newest version of a policy, in force or not; 0 when there was none.
pub(super) async fn version(sql: &dyn Sql, tenant: &str, id: &str) -> Result<u64> {
    let text = "SELECT MAX(version) AS newest FROM policy_version WHERE tenant = ?1 AND id = ?2";
    let rows = sql.query(Statement::new(text).bind(tenant).bind(id)).await?;
    let newest: Option<Option<u64>> =
        rows.iter().next().map(|row| row.get("newest")).transpose()?;
    Ok(newest.flatten().unwrap_or_default())
}

/// One version of a policy that was in force.
pub(super) async fn show(
    sql: &dyn Sql,
    tenant: &str,
    id: &str,
    version: u64,
) -> Result<Option<PolicyInfo>> {
    let text = "SELECT id, version, source, at, by_whom FROM policy_version
                WHERE tenant = ?1 AND id = ?2 AND version = ?3 AND live = 1";
    let rows = sql.query(Statement::new(text).bind(tenant).bind(id).bind(number(version))).await?;
    rows.iter().next().map(info).transpose()
}

/// The versions of one policy, the newest first.
pub(super) async fn list_versions(
    sql: &dyn Sql,
    tenant: &str,
    asked: &ListVersions<'_>,
) -> Result<Vec<VersionInfo>> {
    let text = "SELECT version, live, at, by_whom FROM policy_version
                WHERE tenant = ?1 AND id = ?2 AND version < ?3 ORDER BY version DESC LIMIT ?4";
    let before = asked.before.map_or(i64::MAX, number);
    let (asked, limit) = (asked.id, i64::from(asked.limit));
    let of = Statement::new(text).bind(tenant).bind(asked).bind(before).bind(limit);
    let version = |row: &Row| {
        let live: i64 = row.get("live")?;
        Ok(VersionInfo {
            version: row.get("version")?,
            at: row.get("at")?,
            by: row.get("by_whom")?,
            live: live == 1,
        })
    };
    sql.query(of).await?.iter().map(version).collect()
}

pub(super) fn put(
    tenant: &str,
    from: Revision,
    info: &PolicyInfo,
    fact: Option<Fact>,
) -> Transaction {
    let row = version_row(tenant, from, info, Stand::Live { is_old: false });
    with(policies_changed(tenant, from).run(row), fact)
}

pub(super) fn delete(
    tenant: &str,
    from: Revision,
    info: &PolicyInfo,
    fact: Option<Fact>,
) -> Transaction {
    with(policies_changed(tenant, from).run(version_row(tenant, from, info, Stand::Gone)), fact)
}

/// Whether a version of a policy is one, and in which Rego.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stand {
    /// It is in force, and may be written as before OPA 1.0.
    Live { is_old: bool },
    /// There is none anymore.
    Gone,
}

pub(super) fn version_row(
    tenant: &str,
    from: Revision,
    info: &PolicyInfo,
    stand: Stand,
) -> Statement {
    let text = "INSERT INTO policy_version
                    (tenant, id, version, source, live, at, by_whom, since, v0)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let live = matches!(stand, Stand::Live { .. });
    Statement::new(text)
        .bind(tenant)
        .bind(&*info.id)
        .bind(number(info.version))
        .bind(if live { &*info.source } else { "" })
        .bind(live)
        .bind(info.at)
        .bind(&*info.by)
        .bind(number(from.changes() + 1))
        .bind(matches!(stand, Stand::Live { is_old: true }))
}

/// Writes the documents that are others than before, and keeps what they were.
pub(super) fn change(
    tenant: &str,
    from: Revision,
    data: (&Value, &Value),
    keeping: Keeping,
    fact: Option<Fact>,
) -> Transaction {
    let transaction = changed(tenant, from, "documents");
    with(documents(transaction, (tenant, from), data, keeping), fact)
}

fn documents(
    mut transaction: Transaction,
    (tenant, from): (&str, Revision),
    (before, after): (&Value, &Value),
    keeping: Keeping,
) -> Transaction {
    let mut were: Vec<(&str, Option<String>)> = Vec::new();
    let names = |value: &Value| match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        _ => Vec::new(),
    };
    let (olds, news) = (names(before), names(after));
    for (key, value) in &news {
        let old = before.get(key);
        if old == Some(value) {
            continue;
        }
        let text = "INSERT INTO policy_document (tenant, name, json) VALUES (?1, ?2, ?3)
                    ON CONFLICT (tenant, name) DO UPDATE SET json = excluded.json";
        let name = key.as_text().unwrap_or_default();
        let row = Statement::new(text).bind(tenant).bind(name).bind(json::write(value));
        transaction = transaction.run(row);
        were.push((name, was(old)));
    }
    for (key, old) in olds.iter().filter(|(key, _)| after.get(key).is_none()) {
        let text = "DELETE FROM policy_document WHERE tenant = ?1 AND name = ?2";
        let name = key.as_text().unwrap_or_default();
        transaction = transaction.run(Statement::new(text).bind(tenant).bind(name));
        were.push((name, was(Some(old))));
    }
    match were.is_empty() {
        true => transaction,
        false => keeping.keep(transaction, (tenant, from.changes() + 1), &were),
    }
}

/// What a bundle changes, all at once.
pub(super) struct Exchange<'a> {
    /// Policies that are others than before.
    pub(super) put: Vec<PolicyInfo>,
    /// Policies that are no more, under the next number of their version.
    pub(super) gone: Vec<PolicyInfo>,
    /// The documents, before and after.
    pub(super) data: (&'a Value, &'a Value),
    /// What is in force of the bundle, if it is.
    pub(super) bundle: Option<&'a Held>,
    /// What is kept of documents as they were.
    pub(super) keeping: Keeping,
}

/// Puts a bundle in the place of the one with its name, or nothing.
pub(super) fn exchange(
    tenant: &str,
    from: Revision,
    name: &str,
    exchange: &Exchange<'_>,
    fact: Option<Fact>,
) -> Transaction {
    let mut transaction = policies_changed(tenant, from);
    for info in &exchange.put {
        let is_old = exchange.bundle.is_some_and(|held| held.old.contains(&info.id));
        transaction = transaction.run(version_row(tenant, from, info, Stand::Live { is_old }));
    }
    for info in &exchange.gone {
        transaction = transaction.run(version_row(tenant, from, info, Stand::Gone));
    }
    let transaction = documents(transaction, (tenant, from), exchange.data, exchange.keeping);
    let transaction = match exchange.bundle {
        Some(held) => transaction.run(bundle_row(tenant, held)),
        None => {
            let text = "DELETE FROM policy_bundle WHERE tenant = ?1 AND name = ?2";
            transaction.run(Statement::new(text).bind(tenant).bind(name))
        }
    };
    with(transaction, fact)
}

fn bundle_row(tenant: &str, held: &Held) -> Statement {
    let text = "INSERT INTO policy_bundle
                    (tenant, name, revision, digest, roots, v0_ids, at, by_whom)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                ON CONFLICT (tenant, name) DO UPDATE SET
                    revision = excluded.revision, digest = excluded.digest,
                    roots = excluded.roots, v0_ids = excluded.v0_ids,
                    at = excluded.at, by_whom = excluded.by_whom";
    let BundleInfo { name, revision, digest, roots, at, by } = &held.info;
    // Lists of texts always have a JSON form.
    let list = |texts| serde_json::to_string::<Vec<&String>>(&texts).unwrap_or_default();
    Statement::new(text)
        .bind(tenant)
        .bind(&**name)
        .bind(&**revision)
        .bind(&**digest)
        .bind(list(roots.iter().collect()))
        .bind(list(held.old.iter().collect()))
        .bind(*at)
        .bind(&**by)
}

async fn bundles(sql: &dyn Sql, tenant: &str) -> Result<Bundles> {
    let text = "SELECT name, revision, digest, roots, v0_ids, at, by_whom FROM policy_bundle
                WHERE tenant = ?1";
    let rows = sql.query(Statement::new(text).bind(tenant)).await?;
    let held = rows.iter().map(|row| bundle(row).map(|held| (held.info.name.clone(), held.into())));
    held.collect()
}

fn bundle(row: &Row) -> Result<Held> {
    let name: String = row.get("name")?;
    let list = |column: &str| -> Result<Vec<String>> {
        let text: String = row.get(column)?;
        serde_json::from_str(&text).map_err(|error| {
            CORRUPT.error(format!("the bundle `{name}` cannot be read")).because(error)
        })
    };
    let (roots, old) = (list("roots")?, list("v0_ids")?);
    let of = Roots::of(Some(&roots))?;
    let info = BundleInfo {
        revision: row.get("revision")?,
        digest: row.get("digest")?,
        roots,
        at: row.get("at")?,
        by: row.get("by_whom")?,
        name,
    };
    Ok(Held { info, roots: of, old: old.into_iter().collect() })
}

/// The numbers of the newest versions of all policies there are or were.
pub(super) async fn versions(
    sql: &dyn Sql,
    tenant: &str,
) -> Result<std::collections::BTreeMap<String, u64>> {
    let text = "SELECT id, MAX(version) AS newest FROM policy_version WHERE tenant = ?1
                GROUP BY id";
    let rows = sql.query(Statement::new(text).bind(tenant)).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("newest")?))).collect()
}

pub(super) fn policies_changed(tenant: &str, from: Revision) -> Transaction {
    changed(tenant, from, "policies")
}

/// One change more, if nobody changed anything since it was prepared.
fn changed(tenant: &str, from: Revision, what: &str) -> Transaction {
    let first = "INSERT INTO policy_revision (tenant, policies, documents) VALUES (?1, 0, 0)
                 ON CONFLICT DO NOTHING";
    let text = format!(
        "UPDATE policy_revision SET {what} = {what} + 1
         WHERE tenant = ?1 AND policies = ?2 AND documents = ?3"
    );
    let update =
        Statement::new(text).bind(tenant).bind(number(from.policies)).bind(number(from.documents));
    Transaction::new()
        .run(Statement::new(first).bind(tenant))
        .run(update)
        .expect_rows(1, &MEANWHILE, "others changed policies or documents meanwhile")
        .tells(notice(tenant))
}

pub(super) fn with(transaction: Transaction, fact: Option<Fact>) -> Transaction {
    fact.into_iter().fold(transaction, Transaction::fact)
}

pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
