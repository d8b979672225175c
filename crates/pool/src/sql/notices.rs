//! What nodes have to hear of a change, kept with the change.
//!
//! Whoever changes something tells other nodes on a feed, behind the commit. If it dies in
//! between, nobody tells them; so the notice is committed too, and every node looks now and then
//! whether there is one that it has not seen. A notice that was heard is seen again here: it says
//! that something may not be believed any more, which does no harm twice.
//!
//! Places are given as the outbox gives them: by a head row that a transaction locks as the last
//! thing before it commits, so they follow commits and have no holes.

use std::sync::Arc;
use std::time::Duration;

use flow::feed::{Heard, Notice};
use flow::{Clock, Result};

use super::migrate::Migration;
use super::statement::Told;
use super::{Row, Rows, Sql, Statement, Transaction, codes};

pub(super) const TABLES: Migration = Migration {
    version: 2,
    name: "notices of changes",
    sqlite: "CREATE TABLE sql_notice (place INTEGER PRIMARY KEY, notice TEXT NOT NULL) STRICT;
             CREATE TABLE sql_notice_head (one INTEGER PRIMARY KEY CHECK (one = 1), place INTEGER NOT NULL) STRICT;
             INSERT INTO sql_notice_head VALUES (1, 0);",
    postgres: "CREATE TABLE sql_notice (place BIGINT PRIMARY KEY, notice TEXT NOT NULL);
               CREATE TABLE sql_notice_head (one INTEGER PRIMARY KEY CHECK (one = 1), place BIGINT NOT NULL) WITH (fillfactor = 10);
               INSERT INTO sql_notice_head VALUES (1, 0);",
};

const ADVANCE: &str = "UPDATE sql_notice_head SET place = place + 1 WHERE one = 1";

const KEEP: &str = "INSERT INTO sql_notice (place, notice) SELECT place, ?1 FROM sql_notice_head";

const FORGET: &str =
    "DELETE FROM sql_notice WHERE place <= (SELECT place FROM sql_notice_head) - ?1";

/// The head and what is behind a place, as of one moment.
const BEHIND: &str = "SELECT head.place, next.place, next.notice FROM sql_notice_head head LEFT JOIN \
     (SELECT place, notice FROM sql_notice WHERE place > ?1 ORDER BY place LIMIT 256) next ON 1 = 1 \
     ORDER BY next.place";

/// So many are kept for nodes that lag behind.
const KEPT: u32 = 10_000;

/// How often a node looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A look takes no longer: the next one may find another way there.
const LOOK: Duration = Duration::from_secs(2);

/// What keeps the notices of a transaction that gave these answers, or may give them.
pub(super) fn kept(transaction: &Transaction, answers: &[Rows]) -> Result<Vec<Statement>> {
    let is_so = |told: &&Told| match told.of {
        Some(step) => answers.get(step).is_none_or(|rows| rows.touched() > 0),
        None => true,
    };
    let mut statements = Vec::new();
    for told in transaction.notices.iter().filter(is_so) {
        let text = serde_json::to_string(&told.notice)
            .map_err(|cause| codes::STATEMENT.error("a notice cannot be written").because(cause))?;
        statements.extend([Statement::new(ADVANCE), Statement::new(KEEP).bind(text)]);
    }
    if !statements.is_empty() {
        statements.push(Statement::new(FORGET).bind(KEPT));
    }
    Ok(statements)
}

/// The notices in a database, as one node reads them.
pub struct Notices {
    sql: Arc<dyn Sql>,
    clock: Clock,
    /// The last place this node has seen.
    seen: u64,
}

impl Notices {
    /// Those that are committed from now on. To be opened before anything is remembered that
    /// they may concern.
    pub async fn open(sql: Arc<dyn Sql>, clock: Clock) -> Result<Self> {
        let rows = sql.query(Statement::new("SELECT place FROM sql_notice_head")).await?;
        let seen = rows.only()?.at(0)?;
        Ok(Self { sql, clock, seen })
    }

    /// Looks once a second, for as long as it is polled.
    pub async fn run(mut self, mut tell: impl FnMut(Heard) + Send) {
        let clock = self.clock.clone();
        loop {
            clock.sleep(LOOK_EVERY).await;
            let story = match clock.within(LOOK, self.look(&mut tell)).await {
                Some(Ok(())) => continue,
                Some(Err(error)) => error.story(),
                None => "the database did not answer".into(),
            };
            tracing::debug!(error = story, "nobody knows what was changed elsewhere");
        }
    }

    /// Tells what was committed since it was looked last.
    pub async fn look(&mut self, tell: &mut (impl FnMut(Heard) + Send)) -> Result<()> {
        loop {
            let behind = Statement::new(BEHIND).bind(i64::try_from(self.seen).unwrap_or(i64::MAX));
            let rows = self.sql.query(behind).await?;
            let head = rows.first().map_or(Ok(self.seen), |row| row.at(0))?;
            let before = self.seen;
            for row in rows.iter() {
                self.take(row, tell)?;
            }
            if self.seen == head {
                return Ok(());
            }
            if self.seen == before {
                // The database is as it was once, or somebody was at the table.
                self.seen = head;
                tell(Heard::Lost);
                return Ok(());
            }
        }
    }

    fn take(&mut self, row: &Row, tell: &mut impl FnMut(Heard)) -> Result<()> {
        let Some(place): Option<u64> = row.at(1)? else { return Ok(()) };
        if place > self.seen + 1 {
            tracing::warn!(after = self.seen, resumed = place, "notices were forgotten");
            tell(Heard::Lost);
        }
        self.seen = place;
        let text: String = row.at(2)?;
        // What a newer release says may concern anything.
        let said = serde_json::from_str::<Notice>(&text).map_or(Heard::Lost, Heard::Notice);
        tell(said);
        Ok(())
    }
}

impl std::fmt::Debug for Notices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Notices({} seen)", self.seen)
    }
}
