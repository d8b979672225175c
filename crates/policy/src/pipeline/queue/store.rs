//! Cases in SQL. A case is one row for as long as it is not withdrawn, so that what was decided
//! and what is asked cannot drift apart.

use flow::question::escalation::{EscalationInfo, ListEscalations, Ruling, Stand};
use flow::{Clock, Fact, Result, Time};
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Row, Sql, Statement, Transaction};
use serde_json::json;

use super::super::{Case, pattern};
use crate::codes::DECIDED_MEANWHILE;

const MIGRATIONS: &[Migration] = &[Migration::both(
    1,
    "cases nobody has a rule for",
    "CREATE TABLE policy_case (
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        path TEXT NOT NULL,
        key TEXT NOT NULL,
        shown TEXT NOT NULL,
        asked BIGINT NOT NULL,
        first_at BIGINT NOT NULL,
        last_at BIGINT NOT NULL,
        decision TEXT,
        reason TEXT,
        by_whom TEXT,
        decided_at BIGINT,
        until_at BIGINT,
        PRIMARY KEY (tenant, id)
    );
    CREATE UNIQUE INDEX policy_case_key ON policy_case (tenant, path, key);",
)];

const GONE: &str = "there is no such case any more";

const COLUMNS: &str = "id, path, shown, asked, first_at, last_at, decision, reason, by_whom, \
                       decided_at, until_at";

pub(crate) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "policy-case", MIGRATIONS).await.map(drop)
}

pub(super) async fn find(sql: &dyn Sql, case: &Case) -> Result<Option<EscalationInfo>> {
    let text =
        format!("SELECT {COLUMNS} FROM policy_case WHERE tenant = ?1 AND path = ?2 AND key = ?3");
    let statement = Statement::new(text).bind(&case.tenant).bind(&*case.path).bind(&*case.key);
    sql.query(statement).await?.iter().next().map(info).transpose()
}

pub(super) async fn show(sql: &dyn Sql, tenant: &str, id: &str) -> Result<Option<EscalationInfo>> {
    let text = format!("SELECT {COLUMNS} FROM policy_case WHERE tenant = ?1 AND id = ?2");
    let rows = sql.query(Statement::new(text).bind(tenant).bind(id)).await?;
    rows.iter().next().map(info).transpose()
}

pub(super) async fn list(
    sql: &dyn Sql,
    tenant: &str,
    asked: &ListEscalations<'_>,
) -> Result<Vec<EscalationInfo>> {
    let stand = match asked.stand {
        None => "",
        Some(Stand::Open) => "AND decision IS NULL",
        Some(Stand::Decided) => "AND decision IS NOT NULL",
    };
    let text = format!(
        "SELECT {COLUMNS} FROM policy_case WHERE tenant = ?1 AND id > ?2 {stand}
         ORDER BY id LIMIT ?3"
    );
    let statement = Statement::new(text).bind(tenant).bind(asked.after).bind(asked.limit);
    sql.query(statement).await?.iter().map(info).collect()
}

fn info(row: &Row) -> Result<EscalationInfo> {
    let (shown, decision): (String, Option<String>) = (row.get("shown")?, row.get("decision")?);
    let decided = match decision {
        None => None,
        Some(decision) => Some(Ruling {
            decision,
            reason: row.get("reason")?,
            by: row.get("by_whom")?,
            at: row.get("decided_at")?,
            until: row.get("until_at")?,
        }),
    };
    Ok(EscalationInfo {
        id: row.get("id")?,
        path: row.get("path")?,
        shown: shown.into(),
        asked: row.get("asked")?,
        first: row.get("first_at")?,
        last: row.get("last_at")?,
        decided,
    })
}

/// Opens a case, unless somebody was faster; then it is one more who asked. Says how many of the
/// oldest that nobody decided had to go for it.
pub(super) async fn open(
    sql: &dyn Sql,
    case: &Case,
    id: &str,
    now: Time,
    most: u32,
) -> Result<u64> {
    let insert = "INSERT INTO policy_case
                    (tenant, id, path, key, shown, asked, first_at, last_at)
                  VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)
                  ON CONFLICT (tenant, path, key) DO UPDATE SET asked = policy_case.asked + 1";
    let insert = Statement::new(insert).bind(&case.tenant).bind(id).bind(&*case.path);
    let insert = insert.bind(&*case.key).bind(&*case.text).bind(now);
    let trim = "DELETE FROM policy_case WHERE tenant = ?1 AND decision IS NULL AND id NOT IN (
                    SELECT id FROM policy_case WHERE tenant = ?1 AND decision IS NULL
                    ORDER BY last_at DESC, id DESC LIMIT ?2)";
    let trim = Statement::new(trim).bind(&case.tenant).bind(most);
    let done = sql.commit(Transaction::new().run(insert).run(trim)).await?;
    Ok(done.get(1).map_or(0, |rows| rows.touched()))
}

pub(super) async fn count(
    sql: &dyn Sql,
    tenant: &str,
    id: &str,
    asked: u64,
    now: Time,
) -> Result<()> {
    let text = "UPDATE policy_case SET asked = asked + ?3, last_at = ?4
                WHERE tenant = ?1 AND id = ?2";
    let asked = i64::try_from(asked).unwrap_or(i64::MAX);
    let update = Statement::new(text).bind(tenant).bind(id).bind(asked).bind(now);
    sql.commit(Transaction::new().run(update)).await.map(drop)
}

/// What was decided has run out. Whoever decides it anew meanwhile is not undone.
pub(super) async fn open_again(sql: &dyn Sql, tenant: &str, id: &str, now: Time) -> Result<()> {
    let text = "UPDATE policy_case SET decision = NULL, reason = NULL, by_whom = NULL,
                    decided_at = NULL, until_at = NULL
                WHERE tenant = ?1 AND id = ?2 AND until_at <= ?3";
    let update = Statement::new(text).bind(tenant).bind(id).bind(now);
    sql.commit(Transaction::new().run(update)).await.map(drop)
}

pub(super) async fn decide(
    sql: &dyn Sql,
    tenant: &str,
    case: &EscalationInfo,
    ruling: &Ruling,
    mut fact: Fact,
) -> Result<()> {
    fact.detail = json!({
        "path": case.path,
        "decision": ruling.decision,
        "reason": ruling.reason,
        "until": ruling.until,
    })
    .into();
    let text = "UPDATE policy_case SET decision = ?3, reason = ?4, by_whom = ?5, decided_at = ?6,
                    until_at = ?7
                WHERE tenant = ?1 AND id = ?2";
    let update = Statement::new(text)
        .bind(tenant)
        .bind(&*case.id)
        .bind(&*ruling.decision)
        .bind(&*ruling.reason)
        .bind(&*ruling.by)
        .bind(ruling.at)
        .bind(ruling.until);
    // What holds for a while teaches nothing that holds for good.
    let lesson = match ruling.until {
        None => pattern::record(tenant, &case.id, &ruling.decision, ruling.at),
        Some(_) => pattern::forget(tenant, &case.id),
    };
    let change = Transaction::new().run(update).expect_rows(1, &DECIDED_MEANWHILE, GONE);
    sql.commit(change.run(lesson).fact(fact)).await.map(drop)
}

pub(super) async fn withdraw(sql: &dyn Sql, tenant: &str, id: &str, fact: Fact) -> Result<()> {
    let text = "DELETE FROM policy_case WHERE tenant = ?1 AND id = ?2";
    let delete = Statement::new(text).bind(tenant).bind(id);
    // It names the case by what is deleted with it, so it goes first.
    let forgotten = Transaction::new().run(pattern::forget(tenant, id));
    let change = forgotten.run(delete).expect_rows(1, &DECIDED_MEANWHILE, GONE);
    sql.commit(change.fact(fact)).await.map(drop)
}
