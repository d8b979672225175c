//! Measures in SQL.

use flow::feed::Notice;
use flow::question::guard::MeasureInfo;
use flow::{Clock, Fact, Result, Time};
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Row, Sql, Statement, Transaction};

use super::{Measure, Take};
use crate::codes::NO_MEASURE;
use crate::user::with;

const MIGRATIONS: &[Migration] = &[Migration::both(
    1,
    "measures",
    "CREATE TABLE gate_measure (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        actor TEXT NOT NULL,
        take TEXT NOT NULL,
        playbook TEXT NOT NULL,
        why TEXT NOT NULL,
        begun BIGINT NOT NULL,
        ends BIGINT NOT NULL
    );
    CREATE INDEX gate_measure_by_tenant ON gate_measure (tenant, id);
    CREATE INDEX gate_measure_by_end ON gate_measure (ends);",
)];

const COLUMNS: &str =
    "SELECT id, tenant, actor, take, playbook, why, begun, ends FROM gate_measure";

pub(super) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "gate-measure", MIGRATIONS).await.map(drop)
}

pub(super) async fn write(sql: &dyn Sql, measure: &Measure, fact: Fact) -> Result<()> {
    let text = "INSERT INTO gate_measure (id, tenant, actor, take, playbook, why, begun, ends)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let insert = Statement::new(text)
        .bind(&measure.id)
        .bind(&*measure.tenant)
        .bind(&*measure.actor)
        .bind(measure.take.name())
        .bind(&measure.playbook)
        .bind(&measure.why)
        .bind(measure.begun)
        .bind(measure.until);
    sql.commit(Transaction::new().run(insert).fact(fact).tells(Notice::Blocks)).await?;
    Ok(())
}

/// The measures that end last, at most so many.
pub(super) async fn read(sql: &dyn Sql, most: u32) -> Result<Vec<Measure>> {
    let text = format!("{COLUMNS} ORDER BY ends DESC LIMIT ?1");
    sql.query(Statement::new(text).bind(most)).await?.iter().map(measure).collect()
}

pub(super) async fn list(
    sql: &dyn Sql,
    tenant: &str,
    after: &str,
    limit: u32,
    now: Time,
) -> Result<Vec<MeasureInfo>> {
    let text =
        format!("{COLUMNS} WHERE tenant = ?1 AND id > ?2 AND ends > ?3 ORDER BY id LIMIT ?4");
    let statement = Statement::new(text).bind(tenant).bind(after).bind(now).bind(limit);
    sql.query(statement).await?.iter().map(|row| Ok(info(measure(row)?))).collect()
}

/// Forgets one; whether there was one.
pub(super) async fn undo(
    sql: &dyn Sql,
    tenant: &str,
    id: &str,
    fact: Option<Fact>,
) -> Result<bool> {
    let text = "DELETE FROM gate_measure WHERE tenant = ?1 AND id = ?2";
    let delete = Statement::new(text).bind(tenant).bind(id);
    let transaction = Transaction::new()
        .run(delete)
        .expect_rows(1, &NO_MEASURE, "there is no such measure")
        .tells(Notice::Blocks);
    match sql.commit(with(transaction, fact)).await {
        Ok(_) => Ok(true),
        Err(error) if error.code() == &NO_MEASURE => Ok(false),
        Err(error) => Err(error),
    }
}

/// They need not show a code any more.
pub(super) async fn satisfied(
    sql: &dyn Sql,
    tenant: &str,
    actor: &str,
    fact: Option<Fact>,
) -> Result<()> {
    let text = "DELETE FROM gate_measure WHERE tenant = ?1 AND actor = ?2 AND take = ?3";
    let delete = Statement::new(text).bind(tenant).bind(actor).bind(Take::StepUp.name());
    let transaction = Transaction::new().run(delete).tells_if_touched(Notice::Blocks);
    sql.commit(with(transaction, fact)).await?;
    Ok(())
}

/// Forgets what ended before this.
pub(super) async fn sweep(sql: &dyn Sql, before: Time) -> Result<()> {
    let delete = Statement::new("DELETE FROM gate_measure WHERE ends < ?1").bind(before);
    sql.commit(Transaction::new().run(delete)).await?;
    Ok(())
}

fn measure(row: &Row) -> Result<Measure> {
    let take: String = row.get("take")?;
    let corrupt = || pool::sql::codes::CORRUPT.error("what a measure is cannot be read");
    Ok(Measure {
        id: row.get("id")?,
        tenant: row.get::<String>("tenant")?.into(),
        actor: row.get::<String>("actor")?.into(),
        take: Take::named(&take).ok_or_else(corrupt)?,
        playbook: row.get("playbook")?,
        why: row.get("why")?,
        begun: row.get("begun")?,
        until: row.get("ends")?,
    })
}

fn info(measure: Measure) -> MeasureInfo {
    let Measure { id, tenant: _, actor, take, playbook, why, begun, until } = measure;
    let (subject, take) = (actor.to_string(), take.name());
    MeasureInfo { id, subject, take, playbook, why, begun, until }
}
