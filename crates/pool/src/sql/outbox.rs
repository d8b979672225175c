//! How facts leave the database: in the order of their commits, each exactly
//! once.
//!
//! A fact is written by the transaction it is about, so the two are kept or lost
//! together. [`Outbox::drain`] hands the facts to a [`Sink`] and deletes them
//! when the sink has acknowledged; a crash in between hands them over a second
//! time, which the sink recognises by the fact's id. That is what "exactly once"
//! means between two machines.
//!
//! **Order.** On SQLite one thread writes, so places are given in commit order.
//! On PostgreSQL a sequence would not do: it counts when a row is written, and a
//! transaction that wrote first may commit last, behind the back of a drain that
//! has passed its number. Ordering by transaction id is no better, for a
//! transaction may take its id first and still build on one that took its id
//! later. So a transaction takes its places from a *head row* as the last thing
//! before it commits. It holds that row until its commit is visible, and the next
//! one waits for it: places follow commits, have no holes, and what depends on a
//! change comes after it. The cost is that transactions *with facts* sync one
//! after the other (their statements still run side by side).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use flow::fact::Fact;
use flow::signal::{Counter, Gauge, Registry};
use flow::{BoxFuture, Clock, Error, Result};
use tokio::sync::Notify;

use super::{Dialect, Sql, Statement, Transaction, codes};

/// A fact in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where it stands in the order of commits.
    pub place: u64,
    /// The fact.
    pub fact: Fact,
}

/// Where facts go.
pub trait Sink: Send + Sync {
    /// Takes a batch, in order, and answers when it cannot be lost any more. What
    /// it has taken before it knows by [`Fact::id`], and takes it only once.
    fn take<'a>(&'a self, batch: &'a [Entry]) -> BoxFuture<'a, Result<()>>;
}

/// The facts handed over at once.
const BATCH: i64 = 256;

/// Whether another node has handed facts over is looked at so often, by whoever waits for it.
const GLANCE: Duration = Duration::from_millis(20);

/// How often the lag is measured.
const MEASURED: Duration = Duration::from_secs(1);

/// How long the name of a transaction that runs once is remembered.
const MARKED: Duration = Duration::from_hours(24);

/// After a failure the next try waits this long, twice as long each time …
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// … but not longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The outbox of a database.
pub struct Outbox {
    sql: Arc<dyn Sql>,
    clock: Clock,
    signals: Signals,
    /// Whether handing facts over has failed, and it is waited for the next try.
    stuck: AtomicBool,
    moved: Notify,
}

impl Outbox {
    /// The outbox of `sql`.
    pub fn new(sql: Arc<dyn Sql>, clock: Clock, registry: &Registry) -> Self {
        let signals = Signals::new(registry);
        Self { sql, clock, signals, stuck: AtomicBool::new(false), moved: Notify::new() }
    }

    /// Hands facts over as they are committed, for as long as it is polled. Of
    /// several nodes one drains at a time; the others wait for their turn.
    pub async fn drain(&self, sink: &dyn Sink) -> std::convert::Infallible {
        let mut wait = FIRST_WAIT;
        loop {
            let handed = self.signals.handed.get();
            let Err(error) = self.drain_while_it_works(sink).await;
            self.signals.failed(&error);
            if self.signals.handed.get() > handed {
                wait = FIRST_WAIT;
            }
            self.stuck.store(true, Relaxed);
            self.moved.notify_waiters();
            self.clock.sleep(wait).await;
            self.stuck.store(false, Relaxed);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Hands over what is there, and says how many facts that were.
    pub async fn flush(&self, sink: &dyn Sink) -> Result<u64> {
        let _turn = self.sql.turn().await?;
        self.hand_over_all(sink, &mut 0).await
    }

    /// Waits until everything committed by now has been handed over, by whichever node, or
    /// until this one finds that it cannot be.
    pub async fn caught_up(&self) -> Result<()> {
        let newest = Statement::new("SELECT max(place) FROM outbox");
        let newest: Option<u64> = self.sql.query(newest).await?.only()?.at(0)?;
        let Some(newest) = newest else { return Ok(()) };
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            let oldest = Statement::new("SELECT min(place) FROM outbox");
            let oldest: Option<u64> = self.sql.query(oldest).await?.only()?.at(0)?;
            if oldest.is_none_or(|oldest| oldest > newest) || self.stuck.load(Relaxed) {
                return Ok(());
            }
            tokio::select! {
                () = moved => {}
                () = self.clock.sleep(GLANCE) => {}
            }
        }
    }

    /// How many facts wait, and for how long the oldest has.
    pub async fn lag(&self) -> Result<(u64, Duration)> {
        // Places have no holes, so the ends tell the number.
        let ends = Statement::new("SELECT min(place) AS oldest, max(place) AS newest FROM outbox");
        let ends = self.sql.query(ends).await?;
        let (oldest, newest) = (ends.only()?.at(0)?, ends.only()?.at(1)?);
        let (Some(oldest), Some(newest)): (Option<u64>, Option<u64>) = (oldest, newest) else {
            return Ok((0, Duration::ZERO));
        };
        let since = Statement::new("SELECT at FROM outbox WHERE place = ?1").bind(oldest as i64);
        let since = self.sql.query(since).await?;
        let age = match since.first() {
            Some(row) => self.clock.now().since(row.at(0)?),
            None => Duration::ZERO,
        };
        Ok((newest - oldest + 1, age))
    }

    async fn drain_while_it_works(&self, sink: &dyn Sink) -> Result<std::convert::Infallible> {
        let mut turn = self.sql.turn().await?;
        let (mut measured, mut swept, mut passed) = (None, None, 0);
        loop {
            self.hand_over_all(sink, &mut passed).await?;
            let now = self.clock.now();
            let is_due =
                |last: Option<flow::Time>, every| last.is_none_or(|last| now.since(last) >= every);
            if is_due(measured, MEASURED) {
                let (rows, age) = self.lag().await?;
                self.signals.lag(rows, age);
                measured = Some(now);
            }
            if is_due(swept, MARKED / 24) {
                self.forget_markers().await?;
                swept = Some(now);
            }
            turn.wait().await?;
        }
    }

    /// Up to `passed` everything is gone. It is not looked for there again, for
    /// until PostgreSQL has swept up it is a long way over what was deleted.
    async fn hand_over_all(&self, sink: &dyn Sink, passed: &mut u64) -> Result<u64> {
        let mut handed = 0;
        loop {
            let batch = self.batch(*passed).await?;
            let Some(last) = batch.last() else {
                return Ok(handed);
            };
            sink.take(&batch).await?;
            let done = Statement::new("DELETE FROM outbox WHERE place <= ?1");
            let done = done.bind(last.place as i64);
            self.sql.commit(Transaction::new().run(done)).await?;
            *passed = last.place;
            handed += batch.len() as u64;
            self.signals.handed(batch.len());
            self.moved.notify_waiters();
            // What is committed from now on announces itself.
            if (batch.len() as i64) < BATCH {
                return Ok(handed);
            }
        }
    }

    async fn batch(&self, behind: u64) -> Result<Vec<Entry>> {
        let text = "SELECT place, fact FROM outbox WHERE place > ?1 ORDER BY place LIMIT ?2";
        let next = Statement::new(text).bind(behind as i64).bind(BATCH);
        let rows = self.sql.query(next).await?;
        let entry = |row: &super::Row| {
            let (place, text): (u64, String) = (row.at(0)?, row.at(1)?);
            let fact = serde_json::from_str(&text).map_err(|cause| {
                // Passing over it would lose it: somebody has to look.
                let sentence = format!("the fact at place {place} of the outbox cannot be read");
                codes::CORRUPT.error(sentence).because(cause)
            })?;
            Ok(Entry { place, fact })
        };
        rows.iter().map(entry).collect()
    }

    async fn forget_markers(&self) -> Result<()> {
        let long_ago = self.clock.now().0.saturating_sub(MARKED.as_nanos() as u64);
        let forget = Statement::new("DELETE FROM sql_marker WHERE at < ?1");
        let forget = forget.bind(flow::Time(long_ago));
        self.sql.commit(Transaction::new().run(forget)).await?;
        Ok(())
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbox")
    }
}

/// Facts as they are kept.
pub(super) fn written(facts: &[Fact]) -> Result<Vec<String>> {
    let write = |fact| serde_json::to_string(fact);
    let texts: Result<_, _> = facts.iter().map(write).collect();
    texts.map_err(|cause| codes::STATEMENT.error("a fact cannot be written").because(cause))
}

/// The tables every database has.
pub(super) fn tables(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => {
            "CREATE TABLE outbox (place INTEGER PRIMARY KEY AUTOINCREMENT, fact TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
             CREATE TABLE sql_marker (marker TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        }
        Dialect::Postgres => {
            "CREATE TABLE outbox (place BIGINT PRIMARY KEY, fact TEXT NOT NULL, at BIGINT NOT NULL);
             CREATE TABLE outbox_head (one INTEGER PRIMARY KEY CHECK (one = 1), place BIGINT NOT NULL) WITH (fillfactor = 10);
             INSERT INTO outbox_head VALUES (1, 0);
             CREATE TABLE sql_marker (marker TEXT PRIMARY KEY, at BIGINT NOT NULL);"
        }
    }
}

#[derive(Debug)]
struct Signals {
    handed: Arc<Counter>,
    failed: Arc<Counter>,
    rows: Arc<Gauge>,
    age: Arc<Gauge>,
}

impl Signals {
    fn new(registry: &Registry) -> Self {
        let counter = |name, help| registry.counter(name, help, &[]);
        let gauge = |name, help| registry.gauge(name, help, &[]);
        Self {
            handed: counter("stockade_sql_outbox_handed_facts_total", "Facts handed over"),
            failed: counter("stockade_sql_outbox_failed_total", "Times draining failed"),
            rows: gauge("stockade_sql_outbox_lag_facts", "Facts waiting in the outbox"),
            age: gauge(
                "stockade_sql_outbox_lag_milliseconds",
                "Age of the oldest fact in the outbox",
            ),
        }
    }

    fn handed(&self, facts: usize) {
        self.handed.add(facts as u64);
        tracing::trace!(facts, "facts handed over");
    }

    fn lag(&self, rows: u64, age: Duration) {
        self.rows.set(rows as i64);
        self.age.set(age.as_millis() as i64);
    }

    fn failed(&self, error: &Error) {
        self.failed.add(1);
        tracing::warn!(error = %error.story(), "outbox could not be drained; trying again");
    }
}
