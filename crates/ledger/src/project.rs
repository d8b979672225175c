//! Projections: what the events of a log amount to, in tables.
//!
//! A [`Projection`] says which statements an event means. A [`Runner`] commits them
//! together with the position it has come to, and only if nobody else has come further:
//! so each event is applied exactly once, however many run the same projection, and
//! whatever becomes of them half way.

mod runner;
mod schema;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Error, Kind, Result};
use pool::sql::{Dialect, Sql, Transaction};

pub use self::runner::Runner;
use crate::event::Record;
use crate::log::Log;
use crate::query::Filter;

/// After a failure that may pass the next try waits so long, twice as long each time …
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// … but not longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What events amount to, in tables of its own.
///
/// ```
/// use std::borrow::Cow;
///
/// use flow::Result;
/// use ledger::Record;
/// use ledger::project::Projection;
/// use pool::sql::{Dialect, Statement, Transaction};
///
/// /// How many events each stream has.
/// struct Sizes;
///
/// impl Projection for Sizes {
///     fn name(&self) -> &str {
///         "sizes"
///     }
///
///     fn version(&self) -> u32 {
///         1
///     }
///
///     fn make(&self, _: Dialect) -> Cow<'static, str> {
///         "CREATE TABLE sizes (stream TEXT PRIMARY KEY, events BIGINT NOT NULL)".into()
///     }
///
///     fn remove(&self, _: Dialect) -> Cow<'static, str> {
///         "DROP TABLE IF EXISTS sizes".into()
///     }
///
///     fn apply(&self, event: &Record, changes: Transaction) -> Result<Transaction> {
///         let count = "INSERT INTO sizes VALUES (?1, 1) \
///                      ON CONFLICT (stream) DO UPDATE SET events = sizes.events + 1";
///         Ok(changes.run(Statement::new(count).bind(event.stream())))
///     }
/// }
/// ```
pub trait Projection: Send + Sync {
    /// What it is called. Runners of the same name share their tables and their position.
    fn name(&self) -> &str;

    /// Raised whenever the same events are to mean something else, or the tables change: they
    /// are made anew then, and all events are applied again.
    fn version(&self) -> u32;

    /// Which events it wants: all.
    fn filter(&self) -> Filter {
        Filter::default()
    }

    /// Makes its tables: statements with `;` between.
    fn make(&self, dialect: Dialect) -> Cow<'static, str>;

    /// Removes them, and those of earlier versions, if they are there.
    fn remove(&self, dialect: Dialect) -> Cow<'static, str>;

    /// Adds what an event means. It may be called more than once for an event, and what it
    /// added before may never have happened: it is to add statements, and do nothing else.
    ///
    /// # Errors
    /// When it cannot be said what the event means. The projection stops before it.
    fn apply(&self, event: &Record, changes: Transaction) -> Result<Transaction>;
}

/// Brings a projection up to date, and keeps it so for as long as it is polled.
///
/// # Errors
/// When an event cannot be applied; the sentence names its position. Run it again, and it
/// goes on there. What may pass, such as a database that is away, is waited for.
pub async fn run(
    log: Log,
    sql: Arc<dyn Sql>,
    projection: Arc<dyn Projection>,
    clock: Clock,
) -> Result<std::convert::Infallible> {
    let mut wait = FIRST_WAIT;
    let runner = loop {
        match Runner::open(log.clone(), sql.clone(), projection.clone(), clock.clone()).await {
            Ok(runner) => break runner,
            Err(error) => passing(error, &clock, &mut wait).await?,
        }
    };
    runner.run().await
}

/// Waits where a failure may pass.
async fn passing(error: Error, clock: &Clock, wait: &mut Duration) -> Result<()> {
    if error.kind() != Kind::Busy {
        return Err(error);
    }
    tracing::warn!(error = %error.story(), "a projection waits");
    clock.sleep(*wait).await;
    *wait = (*wait * 2).min(LONGEST_WAIT);
    Ok(())
}
