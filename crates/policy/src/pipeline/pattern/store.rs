//! What is learned from, in SQL: of each case what was decided last, so that a case that is asked
//! often is no evidence of anything else.

use flow::{Clock, Result, Time};
use pool::sql::codes::CORRUPT;
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Row, Sql, Statement, Transaction};
use rego::value::json;

use super::super::Case;
use super::learned::Lesson;

const MIGRATIONS: &[Migration] = &[Migration::both(
    1,
    "decisions to learn from",
    "CREATE TABLE policy_lesson (
        tenant TEXT NOT NULL,
        path TEXT NOT NULL,
        key TEXT NOT NULL,
        shown TEXT NOT NULL,
        decision TEXT NOT NULL,
        by_person BIGINT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (tenant, path, key)
    );",
)];

pub(in super::super) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "policy-lesson", MIGRATIONS).await.map(drop)
}

/// What an expert decided, unless a person did.
pub(super) fn lesson(case: &Case, decision: &str, now: Time) -> Transaction {
    let text = "INSERT INTO policy_lesson (tenant, path, key, shown, decision, by_person, at)
                VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)
                ON CONFLICT (tenant, path, key)
                DO UPDATE SET decision = excluded.decision, at = excluded.at
                WHERE policy_lesson.by_person = 0";
    let insert = Statement::new(text).bind(&case.tenant).bind(&*case.path).bind(&*case.key);
    Transaction::new().run(insert.bind(&*case.text).bind(decision).bind(now))
}

/// What a person decided about a case for good, with the decision itself.
pub(in super::super) fn record(tenant: &str, id: &str, decision: &str, now: Time) -> Statement {
    let text = "INSERT INTO policy_lesson (tenant, path, key, shown, decision, by_person, at)
                SELECT tenant, path, key, shown, ?3, 1, ?4 FROM policy_case
                WHERE tenant = ?1 AND id = ?2
                ON CONFLICT (tenant, path, key)
                DO UPDATE SET decision = excluded.decision, by_person = 1, at = excluded.at";
    Statement::new(text).bind(tenant).bind(id).bind(decision).bind(now)
}

/// What a case taught is forgotten.
pub(in super::super) fn forget(tenant: &str, id: &str) -> Statement {
    let text = "DELETE FROM policy_lesson WHERE tenant = ?1 AND (path, key) IN (
                    SELECT path, key FROM policy_case WHERE tenant = ?1 AND id = ?2)";
    Statement::new(text).bind(tenant).bind(id)
}

/// The newest decisions, the oldest of them first.
pub(super) async fn lessons(
    sql: &dyn Sql,
    tenant: &str,
    path: &str,
    most: u32,
) -> Result<Vec<Lesson>> {
    let text = "SELECT shown, decision FROM policy_lesson WHERE tenant = ?1 AND path = ?2
                ORDER BY at DESC, key DESC LIMIT ?3";
    let rows = sql.query(Statement::new(text).bind(tenant).bind(path).bind(most)).await?;
    let mut lessons = rows.iter().map(lesson_of).collect::<Result<Vec<_>>>()?;
    lessons.reverse();
    Ok(lessons)
}

fn lesson_of(row: &Row) -> Result<Lesson> {
    let (shown, decision): (String, String) = (row.get("shown")?, row.get("decision")?);
    let shown = json::read(shown.as_bytes()).map_err(|error| {
        CORRUPT.error("a decision to learn from cannot be read").because(error.to_string())
    })?;
    Ok(Lesson { shown, decision })
}
