//! The last good copy of each feed, in SQL.

use flow::{Clock, Result, Time};
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Sql, Statement, Transaction};

use super::Feed;

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "feeds of threats",
    sqlite: "CREATE TABLE gate_feed (
        name TEXT PRIMARY KEY,
        url TEXT NOT NULL,
        body BLOB NOT NULL,
        fetched BIGINT NOT NULL
    );",
    postgres: "CREATE TABLE gate_feed (
        name TEXT PRIMARY KEY,
        url TEXT NOT NULL,
        body BYTEA NOT NULL,
        fetched BIGINT NOT NULL
    );",
}];

pub(super) async fn prepare(sql: &dyn Sql, clock: &Clock) -> Result<()> {
    migrate(sql, clock, "gate-feed", MIGRATIONS).await.map(drop)
}

/// What this feed said last, and when; a feed of the same name from elsewhere is another.
pub(super) async fn read(sql: &dyn Sql, feed: &Feed) -> Result<Option<(Vec<u8>, Time)>> {
    let text = "SELECT body, fetched FROM gate_feed WHERE name = ?1 AND url = ?2";
    let rows = sql.query(Statement::new(text).bind(&feed.name).bind(&feed.url)).await?;
    rows.first().map(|row| Ok((row.at(0)?, row.at(1)?))).transpose()
}

pub(super) async fn write(sql: &dyn Sql, feed: &Feed, body: &[u8], now: Time) -> Result<()> {
    let text = "INSERT INTO gate_feed (name, url, body, fetched) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (name) DO UPDATE SET url = excluded.url, body = excluded.body,
                fetched = excluded.fetched";
    let insert = Statement::new(text).bind(&feed.name).bind(&feed.url).bind(body).bind(now);
    sql.commit(Transaction::new().run(insert)).await?;
    Ok(())
}
