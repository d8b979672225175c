//! Candidates in SQL: those there are, and how often they were changed.

use flow::question::policy::PolicyInfo;
use flow::question::shadow::Candidate;
use flow::{Fact, Result};
use pool::sql::{Row, Sql, Statement, Transaction};

use super::policies::{self, MEANWHILE, Stand, number};
use super::{Revision, notice};

/// The candidates there are, by id, and how often they were changed.
pub(super) async fn read(sql: &dyn Sql, tenant: &str) -> Result<(u64, Vec<Candidate>)> {
    loop {
        let before = changes(sql, tenant).await?;
        let text = "SELECT id, gone, source, base, at, by_whom FROM policy_shadow
                    WHERE tenant = ?1 ORDER BY id";
        let rows = sql.query(Statement::new(text).bind(tenant)).await?;
        let candidates = rows.iter().map(candidate).collect::<Result<Vec<_>>>()?;
        // What was read in two pieces is of one moment if nothing changed meanwhile.
        if changes(sql, tenant).await? == before {
            return Ok((before, candidates));
        }
    }
}

async fn changes(sql: &dyn Sql, tenant: &str) -> Result<u64> {
    let text = "SELECT changes FROM policy_shadow_change WHERE tenant = ?1";
    let rows = sql.query(Statement::new(text).bind(tenant)).await?;
    rows.first().map_or(Ok(0), |row| row.get("changes"))
}

fn candidate(row: &Row) -> Result<Candidate> {
    let (gone, source): (i64, String) = (row.get("gone")?, row.get("source")?);
    Ok(Candidate {
        id: row.get("id")?,
        source: (gone == 0).then(|| source.into()),
        base: row.get("base")?,
        at: row.get("at")?,
        by: row.get("by_whom")?,
    })
}

pub(super) fn put(
    tenant: &str,
    from: u64,
    candidate: &Candidate,
    fact: Option<Fact>,
) -> Transaction {
    let text = "INSERT INTO policy_shadow (tenant, id, gone, source, base, at, by_whom)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                ON CONFLICT (tenant, id) DO UPDATE SET
                    gone = excluded.gone, source = excluded.source, base = excluded.base,
                    at = excluded.at, by_whom = excluded.by_whom";
    let Candidate { id, source, base, at, by } = candidate;
    let row = Statement::new(text)
        .bind(tenant)
        .bind(&**id)
        .bind(i64::from(source.is_none()))
        .bind(source.as_deref().unwrap_or_default())
        .bind(number(*base))
        .bind(*at)
        .bind(&**by);
    let transaction = changed(Transaction::new(), tenant, from).run(row);
    policies::with(transaction.tells(notice(tenant)), fact)
}

/// Forgets one, or all.
pub(super) fn forget(tenant: &str, from: u64, id: Option<&str>, fact: Option<Fact>) -> Transaction {
    let transaction = changed(Transaction::new(), tenant, from);
    policies::with(transaction.run(gone(tenant, id)).tells(notice(tenant)), fact)
}

/// Puts policies, takes others away, and forgets the candidates that said so.
pub(super) fn promote(
    tenant: &str,
    (revision, changes): (Revision, u64),
    (put, gone): (&[PolicyInfo], &[PolicyInfo]),
    fact: Option<Fact>,
) -> Transaction {
    let mut transaction = policies::policies_changed(tenant, revision);
    transaction = changed(transaction, tenant, changes);
    for (infos, stand) in [(put, Stand::Live { is_old: false }), (gone, Stand::Gone)] {
        for info in infos {
            let row = policies::version_row(tenant, revision, info, stand);
            transaction = transaction.run(row);
        }
    }
    policies::with(transaction.run(self::gone(tenant, None)), fact)
}

fn gone(tenant: &str, id: Option<&str>) -> Statement {
    match id {
        Some(id) => Statement::new("DELETE FROM policy_shadow WHERE tenant = ?1 AND id = ?2")
            .bind(tenant)
            .bind(id),
        None => Statement::new("DELETE FROM policy_shadow WHERE tenant = ?1").bind(tenant),
    }
}

/// One change more, if nobody changed candidates since it was prepared. Nodes look for it beside
/// the revision, so that there has to be one.
fn changed(transaction: Transaction, tenant: &str, from: u64) -> Transaction {
    let revision = "INSERT INTO policy_revision (tenant, policies, documents) VALUES (?1, 0, 0)
                    ON CONFLICT DO NOTHING";
    let first = "INSERT INTO policy_shadow_change (tenant, changes) VALUES (?1, 0)
                 ON CONFLICT DO NOTHING";
    let text = "UPDATE policy_shadow_change SET changes = changes + 1
                WHERE tenant = ?1 AND changes = ?2";
    transaction
        .run(Statement::new(revision).bind(tenant))
        .run(Statement::new(first).bind(tenant))
        .run(Statement::new(text).bind(tenant).bind(number(from)))
        .expect_rows(1, &MEANWHILE, "others changed candidates meanwhile")
}
