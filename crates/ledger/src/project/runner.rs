//! Applying events exactly once.

use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Code, Error, Kind, Result};
use pool::sql::{Sql, Statement, Transaction, codes};
use tokio::sync::watch;

use super::{FIRST_WAIT, Projection, passing, schema};
use crate::codes::{PROJECTION_AHEAD, PROJECTION_FAILED, PROJECTION_NEWER};
use crate::event::Record;
use crate::log::Log;
use crate::query::Query;

/// Events that are applied in one transaction, at most.
const BATCH: u32 = 500;
/// Positions without an event that is wanted are written down when they are so many, or
/// after a while.
const IN_VAIN: u64 = 1000;
const WHILE: Duration = Duration::from_secs(1);
/// Another runner was faster. Nobody outside ever sees it.
static LATE: Code = Code::new(
    Kind::Conflict,
    "ledger-projection-late",
    "another runner was faster",
    "nothing: it is looked again",
);

/// Applies a projection to a log.
pub struct Runner {
    log: Log,
    sql: Arc<dyn Sql>,
    projection: Arc<dyn Projection>,
    clock: Clock,
    /// Held on to, so that the log goes on looking for what other nodes append.
    end: watch::Receiver<u64>,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({})", self.projection.name())
    }
}

impl Runner {
    /// A runner for a projection, whose tables are made if they are missing, and made anew if
    /// they are of an earlier version.
    ///
    /// # Errors
    /// When the tables are of a later version, or cannot be made.
    pub async fn open(
        log: Log,
        sql: Arc<dyn Sql>,
        projection: Arc<dyn Projection>,
        clock: Clock,
    ) -> Result<Self> {
        schema::make(&*sql, &clock).await?;
        let end = log.end();
        let runner = Self { log, sql, projection, clock, end };
        runner.prepare().await?;
        Ok(runner)
    }

    /// Keeps the projection up to date for as long as it is polled.
    ///
    /// # Errors
    /// As [`run`](super::run).
    pub async fn run(&self) -> Result<std::convert::Infallible> {
        let mut end = self.end.clone();
        let mut wait = FIRST_WAIT;
        loop {
            let size = *end.borrow_and_update();
            let (done, seen) = match self.up_to(size, &|_| ()).await {
                Ok(at) => at,
                Err(error) => {
                    passing(error, &self.clock, &mut wait).await?;
                    continue;
                }
            };
            wait = FIRST_WAIT;
            let grown = async {
                // Were the log gone, there would be no more.
                if end.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            if done == seen {
                grown.await;
            } else if self.clock.within(WHILE, grown).await.is_none() {
                // Where it fails, it is for the next time.
                let _ = self.commit(done, seen, &[]).await;
            }
        }
    }

    /// Applies what the log has by now; the position that it has come to.
    ///
    /// # Errors
    /// As [`run`](super::run), and when the log or the database cannot be reached.
    pub async fn catch_up(&self) -> Result<u64> {
        self.catch_up_to(self.size(), &|_| ()).await
    }

    /// Empties the tables and applies all events again. From time to time `progress` is told
    /// how many positions of how many are done.
    ///
    /// Whoever reads the tables meanwhile sees them grow.
    ///
    /// # Errors
    /// As [`Runner::catch_up`]. It can be gone on with, by any runner.
    pub async fn rebuild(&self, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<()> {
        self.empty().await?;
        let size = self.size();
        progress(0, size);
        self.catch_up_to(size, &|done| progress(done.min(size), size)).await.map(|_| ())
    }

    /// The position up to which events are applied.
    ///
    /// # Errors
    /// When the tables are not of this version, or the database cannot be reached.
    pub async fn position(&self) -> Result<u64> {
        match self.checkpoint().await? {
            Some((version, position)) if version == self.projection.version() => Ok(position),
            Some((version, _)) => Err(self.newer(version)),
            None => Err(self.gone()),
        }
    }

    /// How many events the log has behind that, whether they are wanted or not.
    ///
    /// # Errors
    /// As [`Runner::position`].
    pub async fn lag(&self) -> Result<u64> {
        let position = self.position().await?;
        Ok(self.size().saturating_sub(position))
    }

    fn size(&self) -> u64 {
        *self.end.borrow()
    }

    /// Whether the log has no event at a position, by what it says itself: what is known here
    /// may be a moment old.
    async fn is_ahead(&self, position: u64) -> Result<bool> {
        match self.log.root(position).await {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == Kind::Invalid => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn catch_up_to(&self, size: u64, progress: &(dyn Fn(u64) + Sync)) -> Result<u64> {
        let (done, seen) = self.up_to(size, progress).await?;
        if done == seen || self.commit(done, seen, &[]).await? {
            return Ok(seen);
        }
        self.position().await
    }

    /// Applies what is wanted up to a position: where the checkpoint is, and up to where
    /// there is nothing more.
    async fn up_to(&self, size: u64, progress: &(dyn Fn(u64) + Sync)) -> Result<(u64, u64)> {
        let mut done = self.position().await?;
        if done > size && self.is_ahead(done).await? {
            let name = self.projection.name();
            let sentence = format!("`{name}` has applied {done} events, and the log has {size}");
            return Err(PROJECTION_AHEAD.error(sentence));
        }
        let mut seen = done;
        while seen < size {
            let query = Query {
                from: Some(seen + 1),
                as_of: Some(size),
                limit: BATCH,
                filter: self.projection.filter(),
                ..Query::default()
            };
            let page = self.log.read(query).await?;
            let next = page.next.unwrap_or(size + 1) - 1;
            if page.events.is_empty() && next - done < IN_VAIN {
                seen = next;
                continue;
            }
            done = self.apply(done, next, &page.events).await?;
            seen = done;
            progress(done);
        }
        Ok((done, seen))
    }

    /// Applies events and moves the checkpoint from one position to another; where it is then,
    /// which may be elsewhere when somebody else has moved it.
    async fn apply(&self, from: u64, to: u64, events: &[Record]) -> Result<u64> {
        let error = match self.commit(from, to, events).await {
            Ok(true) => return Ok(to),
            Ok(false) => return self.position().await,
            Err(error) => error,
        };
        if events.is_empty() || !is_of_an_event(&error) {
            return Err(error);
        }
        // One of them is to blame: those before it are applied.
        let mut at = from;
        for event in events {
            match self.commit(at, event.position, std::slice::from_ref(event)).await {
                Ok(true) => at = event.position,
                Ok(false) => return self.position().await,
                Err(error) if is_of_an_event(&error) => {
                    return Err(self.failed(event.position, error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(at)
    }

    /// Commits what events mean if the checkpoint is where it was, and moves it.
    async fn commit(&self, from: u64, to: u64, events: &[Record]) -> Result<bool> {
        let text = "UPDATE log_projection SET position = ?4 \
                    WHERE name = ?1 AND version = ?2 AND position = ?3";
        let go_on = Statement::new(text)
            .bind(self.projection.name())
            .bind(self.projection.version())
            .bind(from as i64)
            .bind(to as i64);
        let go_on = Transaction::new().run(go_on);
        let go_on = go_on.expect_rows(1, &LATE, "another runner was faster");
        let apply = |changes, event| self.projection.apply(event, changes);
        match self.sql.commit(events.iter().try_fold(go_on, apply)?).await {
            Ok(_) => Ok(true),
            // If it was kept, or is yet to be, the checkpoint says so.
            Err(error) if [&LATE, &codes::UNSURE].contains(&error.code()) => Ok(false),
            // PostgreSQL is sent all statements at once: what another runner has applied fails
            // before anybody sees that it was faster.
            Err(error) if is_of_an_event(&error) && self.position().await? != from => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The version of the tables and the position up to which they are.
    async fn checkpoint(&self) -> Result<Option<(u32, u64)>> {
        let text = "SELECT version, position FROM log_projection WHERE name = ?1";
        let rows = self.sql.query(Statement::new(text).bind(self.projection.name())).await?;
        rows.first().map(|row| Ok((row.at(0)?, row.at(1)?))).transpose()
    }

    /// Makes the tables, unless they are there.
    async fn prepare(&self) -> Result<()> {
        let own = self.projection.version();
        loop {
            match self.checkpoint().await? {
                Some((version, _)) if version == own => return Ok(()),
                Some((version, _)) if version > own => return Err(self.newer(version)),
                found => self.make(found.map(|(version, _)| version)).await?,
            }
        }
    }

    /// Makes the tables anew, if they are of the version that was found, or not there.
    async fn make(&self, found: Option<u32>) -> Result<()> {
        let (name, version) = (self.projection.name(), self.projection.version());
        let claim = match found {
            None => Statement::new(
                "INSERT INTO log_projection (name, version, position) VALUES (?1, ?2, 0) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(name)
            .bind(version),
            Some(found) => Statement::new(
                "UPDATE log_projection SET version = ?2, position = 0 \
                 WHERE name = ?1 AND version = ?3",
            )
            .bind(name)
            .bind(version)
            .bind(found),
        };
        self.anew(claim).await
    }

    /// Makes the tables anew, unless they are of another version by now.
    async fn empty(&self) -> Result<()> {
        let text = "UPDATE log_projection SET position = 0 WHERE name = ?1 AND version = ?2";
        let claim = Statement::new(text);
        let claim = claim.bind(self.projection.name()).bind(self.projection.version());
        self.anew(claim).await
    }

    async fn anew(&self, claim: Statement) -> Result<()> {
        let dialect = self.sql.dialect();
        let anew = Transaction::new()
            .run(claim)
            .expect_rows(1, &LATE, "another runner was faster")
            .script(self.projection.remove(dialect))
            .script(self.projection.make(dialect));
        match self.sql.commit(anew).await {
            Ok(_) => {
                let (projection, version) = (self.projection.name(), self.projection.version());
                tracing::info!(projection, version, "the tables of a projection were made anew");
                Ok(())
            }
            Err(error) if error.code() == &LATE => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn newer(&self, version: u32) -> Error {
        let (name, own) = (self.projection.name(), self.projection.version());
        let sentence =
            format!("the tables of `{name}` are of version {version}, and this is version {own}");
        PROJECTION_NEWER.error(sentence)
    }

    fn gone(&self) -> Error {
        let sentence = format!("somebody removed the checkpoint of `{}`", self.projection.name());
        PROJECTION_FAILED.error(sentence).with_advice("run it again: its tables are made anew then")
    }

    fn failed(&self, position: u64, cause: Error) -> Error {
        let name = self.projection.name();
        let sentence = format!("`{name}` cannot apply the event at position {position}: {cause}");
        PROJECTION_FAILED.error(sentence).because(cause)
    }
}

/// Whether an error says something about what is applied, and not about the database.
fn is_of_an_event(error: &Error) -> bool {
    !matches!(error.kind(), Kind::Busy | Kind::Corrupt)
}
