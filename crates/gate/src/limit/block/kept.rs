//! Blocks in SQL: one row for each subject.

use flow::feed::Notice;
use flow::question::guard::BlockInfo;
use flow::{Clock, Fact, Result, Time};
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Row, Sql, Statement, Transaction};

use super::{Block, Subject};
use crate::codes::NO_BLOCK;
use crate::user::with;

const MIGRATIONS: &[Migration] = &[Migration::both(
    1,
    "blocks",
    "CREATE TABLE gate_block (
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        id TEXT NOT NULL UNIQUE,
        cause TEXT NOT NULL,
        level BIGINT NOT NULL,
        begun BIGINT NOT NULL,
        ends BIGINT NOT NULL,
        PRIMARY KEY (tenant, kind, subject)
    );
    CREATE INDEX gate_block_by_end ON gate_block (ends);",
)];

const COLUMNS: &str = "SELECT tenant, kind, subject, id, cause, level, begun, ends FROM gate_block";

pub(super) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "gate-block", MIGRATIONS).await.map(drop)
}

pub(super) async fn write(sql: &dyn Sql, block: &Block, fact: Fact) -> Result<()> {
    let text = "INSERT INTO gate_block (tenant, kind, subject, id, cause, level, begun, ends)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                ON CONFLICT (tenant, kind, subject) DO UPDATE SET id = excluded.id,
                cause = excluded.cause, level = excluded.level, begun = excluded.begun,
                ends = excluded.ends";
    let insert = Statement::new(text)
        .bind(block.subject.tenant())
        .bind(block.subject.kind())
        .bind(block.subject.which())
        .bind(&block.id)
        .bind(&block.cause)
        .bind(block.level)
        .bind(block.begun)
        .bind(block.until);
    sql.commit(Transaction::new().run(insert).fact(fact).tells(Notice::Blocks)).await?;
    Ok(())
}

/// The blocks that end last, at most so many.
pub(super) async fn read(sql: &dyn Sql, most: usize) -> Result<Vec<Block>> {
    let text = format!("{COLUMNS} ORDER BY ends DESC LIMIT ?1");
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = sql.query(Statement::new(text).bind(most)).await?;
    rows.iter().map(block).collect()
}

pub(super) async fn list(
    sql: &dyn Sql,
    tenant: &str,
    after: &str,
    limit: u32,
    now: Time,
) -> Result<Vec<BlockInfo>> {
    let text =
        format!("{COLUMNS} WHERE tenant = ?1 AND id > ?2 AND ends > ?3 ORDER BY id LIMIT ?4");
    let statement = Statement::new(text).bind(tenant).bind(after).bind(now).bind(limit);
    sql.query(statement).await?.iter().map(|row| Ok(info(block(row)?))).collect()
}

/// Forgets a block; whether there was one.
pub(super) async fn lift(
    sql: &dyn Sql,
    tenant: &str,
    id: &str,
    fact: Option<Fact>,
) -> Result<bool> {
    let text = "DELETE FROM gate_block WHERE tenant = ?1 AND id = ?2";
    let delete = Statement::new(text).bind(tenant).bind(id);
    let transaction = Transaction::new()
        .run(delete)
        .expect_rows(1, &NO_BLOCK, "there is no such block")
        .tells(Notice::Blocks);
    match sql.commit(with(transaction, fact)).await {
        Ok(_) => Ok(true),
        Err(error) if error.code() == &NO_BLOCK => Ok(false),
        Err(error) => Err(error),
    }
}

/// Forgets what ended before this.
pub(super) async fn sweep(sql: &dyn Sql, before: Time) -> Result<()> {
    let delete = Statement::new("DELETE FROM gate_block WHERE ends < ?1").bind(before);
    sql.commit(Transaction::new().run(delete)).await?;
    Ok(())
}

fn block(row: &Row) -> Result<Block> {
    let (tenant, kind, which): (String, String, String) =
        (row.get("tenant")?, row.get("kind")?, row.get("subject")?);
    let corrupt = || pool::sql::codes::CORRUPT.error("whom a block is for cannot be read");
    let subject = match (kind.as_str(), which.parse()) {
        ("principal", _) => Subject::Principal(tenant.into(), which.into()),
        ("address", Ok(address)) => Subject::Address(address),
        ("stranger", Ok(address)) => Subject::Stranger(address),
        _ => return Err(corrupt()),
    };
    Ok(Block {
        id: row.get("id")?,
        subject,
        cause: row.get("cause")?,
        level: row.get("level")?,
        begun: row.get("begun")?,
        until: row.get("ends")?,
    })
}

fn info(block: Block) -> BlockInfo {
    let Block { id, subject, cause, level, begun, until } = block;
    BlockInfo { id, kind: subject.kind(), subject: subject.which(), cause, level, begun, until }
}
