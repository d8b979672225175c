//! PostgreSQL, through a pool of connections.
//!
//! Because a transaction is a value, it travels whole: BEGIN, its statements, its
//! facts and COMMIT leave in one write and come back in one, unless something is
//! expected of a statement; then COMMIT follows when the answers are seen. Both
//! run at READ COMMITTED: what a transaction relies on, it says in its statements.
//!
//! A query runs in a read-only session and may be run again. So may a transaction,
//! as long as its COMMIT has not been sent: after a deadlock, a lost connection, a
//! restarted server. When the connection is lost *behind* COMMIT nobody knows the
//! outcome; the caller is told so ([`codes::UNSURE`](super::codes::UNSURE)),
//! unless the transaction [runs once](super::Transaction::once): then it is
//! committed again, and its marker tells.

mod commit;
mod hearing;
mod link;
mod meaning;
mod server;
mod tls;
mod turn;
mod types;

use std::time::Duration;

use flow::signal::Registry;
use flow::unit::Span;
use flow::{BoxFuture, Clock, Error, Random, Result};
use parking_lot::Mutex;
use tokio_postgres::types::Type;

use super::signals::Signals;
use super::{Dialect, Rows, Sql, Statement, Transaction, Turn, Value, codes, migrate, outbox};
use crate::breaker::{self, Breaker};
use crate::pool::{self, Pool};
use crate::retry::{self, Retry};
use commit::{Kept, Unkept};
pub use hearing::Hearing;
pub(crate) use server::{Aside, Server};

/// What its numbers are labelled with.
const NAME: &str = "postgres";

/// How a server is reached and used.
#[derive(Clone)]
pub struct Options {
    /// `postgres://user:password@host:port/database?sslmode=require`.
    pub url: String,
    /// The connections.
    pub pool: pool::Config,
    /// When work is done again.
    pub retry: retry::Config,
    /// When the server is left alone.
    pub breaker: breaker::Config,
    /// The server gives a statement up after this.
    pub patience: Duration,
    /// Statements over this are logged.
    pub slow: Duration,
    /// Rows one query may answer with.
    pub rows_max: usize,
    /// Where time comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
    /// Where the numbers go.
    pub registry: Registry,
}

impl Options {
    /// A server with everything else as usual.
    pub fn url(url: impl Into<String>) -> Self {
        // The server's own patience ends a statement first, and pools have theirs.
        let retry = retry::Config { deadline: Span::secs(120), ..retry::Config::default() };
        Self {
            url: url.into(),
            pool: pool::Config::default(),
            retry,
            // A server that restarts is back in a second or two.
            breaker: breaker::Config { open: Span::secs(2), ..breaker::Config::default() },
            patience: Duration::from_secs(30),
            slow: Duration::from_millis(100),
            rows_max: 100_000,
            clock: Clock::system(),
            random: Random::system(),
            registry: Registry::default(),
        }
    }
}

/// A PostgreSQL database; see the [module](self).
pub struct Postgres {
    pool: Pool<Server>,
    server: Server,
    retry: Retry,
    signals: Signals,
    clock: Clock,
    rows_max: usize,
}

impl Postgres {
    /// Connects to the server and makes sure of its outbox.
    pub async fn open(options: Options) -> Result<Self> {
        let Options { clock, random, registry, .. } = &options;
        let breaker = Breaker::new(NAME, options.breaker.clone(), clock.clone(), registry);
        let server = Server::new(&options.url, options.patience, breaker)?;
        // Alone, so that what is wrong is said, before a crowd has opened the breaker.
        server.session().await?;
        let pool = Pool::new(
            NAME,
            server.clone(),
            options.pool.clone(),
            clock.clone(),
            random.clone(),
            registry,
        );
        let retry =
            Retry::new(NAME, options.retry.clone(), clock.clone(), random.clone(), registry);
        let postgres = Self {
            pool,
            server,
            retry,
            signals: Signals::new(registry, NAME, options.slow),
            clock: clock.clone(),
            rows_max: options.rows_max,
        };
        migrate::own_tables(&postgres, clock).await?;
        Ok(postgres)
    }

    /// Makes known what a database counts, without one: for a reference.
    pub fn declare(registry: &Registry) {
        let Options { clock, random, breaker, retry, slow, .. } = Options::url("");
        Breaker::new(NAME, breaker, clock.clone(), registry);
        pool::declare(NAME, registry);
        Retry::new(NAME, retry, clock, random, registry);
        Signals::new(registry, NAME, slow);
    }

    /// Connections, and what they do.
    pub fn stats(&self) -> pool::Stats {
        self.pool.stats()
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Does it again at once where a connection turns out dead that had been lying
    /// in the pool. That is no sign of an outage, so it is not charged to the budget
    /// of retries; the next connection has been asked whether it is there.
    async fn on_a_live_connection<T, F>(&self, mut work: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        match work().await {
            Err(error) if error.code() == &codes::LOST => work().await,
            answer => answer,
        }
    }

    async fn query_once(&self, statement: &Statement) -> Result<Rows> {
        let mut lease = self.pool.acquire("query").await?;
        let since = self.clock.moment();
        let answer = lease.query(statement, self.rows_max).await;
        self.signals.queried(&statement.text, self.clock.moment().since(since));
        answer
    }

    async fn commit_once(
        &self,
        transaction: &Transaction,
        facts: &[String],
        earlier: &Mutex<Option<Vec<Rows>>>,
    ) -> Result<Vec<Rows>> {
        let mut lease = self.pool.acquire("commit").await?;
        let since = self.clock.moment();
        let now = self.clock.now();
        let outcome = commit::attempt(&mut lease, transaction, facts, now, self.rows_max).await;
        self.signals.ran(transaction.title(), self.clock.moment().since(since));
        match outcome {
            Ok(Kept::Now(answers)) => {
                self.signals.synced(1);
                Ok(answers)
            }
            // It was this very call, a moment ago, or another one before it.
            Ok(Kept::Before) => Ok(earlier.lock().take().unwrap_or_default()),
            Err(Unkept::Not(error)) => Err(error),
            Err(Unkept::Unsure(error, answers)) => {
                if transaction.marker.is_some() {
                    *earlier.lock() = Some(answers);
                    return Err(error);
                }
                let sentence = "the connection was lost while the change was being kept";
                Err(codes::UNSURE.error(sentence).because(error))
            }
        }
    }
}

/// Whether doing it again may help, and does no harm: nothing of it was kept.
fn passing(error: &Error) -> bool {
    [&codes::LOST, &codes::AGAIN].contains(&error.code())
}

impl Sql for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(async move {
            let work = |_| self.on_a_live_connection(|| self.query_once(&statement));
            let answer = self.retry.run_if(passing, work).await;
            answer.inspect_err(|error| self.signals.failed(&statement.text, error))
        })
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Vec<Rows>>> {
        Box::pin(async move {
            let since = self.clock.moment();
            let facts = outbox::written(&transaction.facts)?;
            let earlier = Mutex::new(None);
            let once = || self.commit_once(&transaction, &facts, &earlier);
            let work = |_| self.on_a_live_connection(once);
            let answer = self.retry.run_if(passing, work).await;
            self.signals.committed(self.clock.moment().since(since));
            answer.inspect_err(|error| self.signals.failed(transaction.title(), error))
        })
    }

    fn turn(&self) -> BoxFuture<'_, Result<Box<dyn Turn>>> {
        Box::pin(async move { turn::wait_for(&self.server, &self.clock).await })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.pool.close(Duration::from_secs(30)).await;
        })
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Postgres").field(&self.pool).finish()
    }
}

/// What the server is told of a value before it works out the rest. Whole numbers
/// are declared: in `?1 + 1` it would take them for 32 bits wide, and fail when
/// one day they are not. Text is left open: it may be meant as JSON.
fn declared(value: &Value) -> Type {
    match value {
        Value::Integer(_) => Type::INT8,
        Value::Real(_) => Type::FLOAT8,
        Value::Blob(_) => Type::BYTEA,
        Value::Null | Value::Text(_) => Type::UNKNOWN,
    }
}

#[cfg(test)]
mod tests;
