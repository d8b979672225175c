//! The log itself: one table, positions in the order of commits.

use std::sync::Arc;

use flow::question::ledger::Entry;
use flow::{Clock, Fact, Result};
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Dialect, Sql, Statement, Transaction};
use tokio::sync::watch;

use crate::codes::UNREADABLE;

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "facts",
    sqlite: "CREATE TABLE fact (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL
    ) STRICT;",
    postgres: "CREATE TABLE fact (
        position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL
    );",
}];

/// PostgreSQL gives a position when a row is written, and shows it when that
/// commits: somebody who follows would pass over the one that commits late. So who
/// appends holds a lock until it is done. SQLite has one writer anyway.
const ALONE: &str = "SELECT 1::bigint FROM pg_advisory_xact_lock(7400102)";

/// The table of facts, and who waits for more.
pub(crate) struct Log {
    sql: Arc<dyn Sql>,
    grown: watch::Sender<()>,
}

impl Log {
    pub(crate) async fn open(sql: Arc<dyn Sql>, clock: &Clock) -> Result<Self> {
        migrate(&*sql, clock, "ledger", MIGRATIONS).await?;
        Ok(Self { sql, grown: watch::Sender::new(()) })
    }

    /// Appends facts, in order; one that is there already stays where it is.
    pub(crate) async fn append(&self, facts: &[Fact]) -> Result<()> {
        let mut transaction = Transaction::new();
        if self.sql.dialect() == Dialect::Postgres {
            transaction = transaction.run(Statement::new(ALONE));
        }
        for fact in facts {
            let body = serde_json::to_string(fact).map_err(|cause| {
                UNREADABLE.error("a fact cannot be written down").because(cause)
            })?;
            let text = "INSERT INTO fact (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
            let insert = Statement::new(text).bind(fact.id.to_string()).bind(body);
            transaction = transaction.run(insert);
        }
        self.sql.commit(transaction).await?;
        self.grown.send_replace(());
        Ok(())
    }

    /// Facts from a position on.
    pub(crate) async fn read(&self, from: u64, limit: u32) -> Result<Vec<Entry>> {
        let text =
            "SELECT position, body FROM fact WHERE position >= ?1 ORDER BY position LIMIT ?2";
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let statement = Statement::new(text).bind(from).bind(i64::from(limit));
        let rows = self.sql.query(statement).await?;
        let entry = |row: &pool::sql::Row| {
            let (position, body): (u64, String) = (row.at(0)?, row.at(1)?);
            let fact = serde_json::from_str(&body).map_err(|cause| {
                UNREADABLE.error(format!("the fact at {position} cannot be read")).because(cause)
            })?;
            Ok(Entry { position, fact })
        };
        rows.iter().map(entry).collect()
    }

    /// The position behind the last fact.
    pub(crate) async fn end(&self) -> Result<u64> {
        let last = Statement::new("SELECT max(position) FROM fact");
        let last: Option<u64> = self.sql.query(last).await?.only()?.at(0)?;
        Ok(last.unwrap_or(0) + 1)
    }

    /// Hears whenever this node appended something.
    pub(crate) fn grown(&self) -> watch::Receiver<()> {
        self.grown.subscribe()
    }
}
