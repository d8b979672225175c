//! SQLite, in this process: nothing to install, one file, never a lost commit.
//!
//! One thread writes. It takes every transaction that waits, runs each in a
//! savepoint of its own inside one outer transaction, and answers all of them
//! after the one sync they share: a transaction that fails is rolled back alone,
//! and sixty-four writers cost hardly more than one. Several threads read, each
//! with its own connection, and never wait for the writer (WAL).
//!
//! Where the file system offers no shared memory, the writer takes the file for
//! itself and reads between its groups; so does a database in memory.
//!
//! After a failed sync nobody can know what the disk holds. Opening the file
//! anew would believe the kernel's cache, which may hold pages that never reached
//! the disk. So the writer keeps its connection, which has rewound to the last
//! synced commit, and refuses all work until a commit of its own has overwritten
//! the doubtful frames and was synced.

mod connection;
mod queue;
mod run;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use flow::signal::Registry;
use flow::{BoxFuture, Clock, Result};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedMutexGuard, oneshot};

use super::signals::Signals;
use super::{Dialect, Rows, Sql, Statement, Transaction, Turn, codes, migrate, outbox};
use connection::Shared;
use queue::Queue;
use writer::{Job, Read, Write, Writer};

/// How a database file is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file; without one the database is in memory and gone with the process.
    pub path: Option<PathBuf>,
    /// The SQLite file layer to use, by the name it was registered under.
    pub vfs: Option<String>,
    /// Connections that read.
    pub readers: usize,
    /// Transactions, and queries, that may wait; more are refused.
    pub queue: usize,
    /// Transactions that share one sync at most.
    pub group: usize,
    /// How long another process may hold the file.
    pub busy: Duration,
    /// Statements over this are logged.
    pub slow: Duration,
    /// Rows one query may answer with.
    pub rows_max: usize,
    /// Where time comes from.
    pub clock: Clock,
    /// Where the numbers go.
    pub registry: Registry,
}

impl Options {
    /// A database in this file, made if it is not there.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: Some(path.into()), ..Self::memory() }
    }

    /// A database in memory.
    pub fn memory() -> Self {
        Self {
            path: None,
            vfs: None,
            readers: 4,
            queue: 10_000,
            group: 256,
            busy: Duration::from_secs(5),
            slow: Duration::from_millis(100),
            rows_max: 100_000,
            clock: Clock::system(),
            registry: Registry::default(),
        }
    }
}

/// A SQLite database; see the [module](self).
pub struct Sqlite {
    write: Arc<Queue<Job>>,
    /// Where queries go: to the readers, or to the writer when it is alone.
    read: Option<Arc<Queue<Read>>>,
    /// The thread that ends last.
    writer: Mutex<Option<thread::JoinHandle<()>>>,
    facts: Arc<Notify>,
    turn: Arc<tokio::sync::Mutex<()>>,
    signals: Arc<Signals>,
    clock: Clock,
}

impl Sqlite {
    /// Opens the database, or makes a new one, with an outbox in it.
    pub async fn open(options: Options) -> Result<Self> {
        let signals = Arc::new(Signals::new(&options.registry, "sqlite", options.slow));
        let facts = Arc::new(Notify::new());
        let (connection, shared) = connection::open(&options)?;
        let mut readers = Vec::new();
        let read = match shared {
            Shared::No => None,
            Shared::Yes => {
                let queue = Arc::new(Queue::new(options.queue));
                for _ in 0..options.readers.max(1) {
                    let reader = writer::Reader {
                        connection: connection::open_reader(&options)?,
                        queue: queue.clone(),
                        signals: signals.clone(),
                        clock: options.clock.clone(),
                        rows_max: options.rows_max,
                    };
                    readers.push(spawn("sql-read", move || reader.run())?);
                }
                Some(queue)
            }
        };
        let write = Arc::new(Queue::new(options.queue));
        let writer = Writer {
            connection,
            queue: write.clone(),
            facts: facts.clone(),
            signals: signals.clone(),
            clock: options.clock.clone(),
            rows_max: options.rows_max,
            group: options.group.max(1),
            doubt: false,
        };
        let sqlite = Self {
            write,
            read,
            writer: Mutex::new(Some(spawn("sql-write", move || writer.run(readers))?)),
            facts,
            turn: Arc::default(),
            signals,
            clock: options.clock.clone(),
        };
        migrate::own_tables(&sqlite, &options.clock).await?;
        Ok(sqlite)
    }

    fn end(&self) -> Option<thread::JoinHandle<()>> {
        self.write.close();
        if let Some(read) = &self.read {
            read.close();
        }
        self.writer.lock().take()
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|cause| codes::AWAY.error("no thread for the database").because(cause))
}

impl Sql for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let read = Read { statement, reply };
            match &self.read {
                Some(queue) => queue.push(read)?,
                None => self.write.push(Job::Read(read))?,
            }
            answer.await.unwrap_or_else(|_| Err(closed()))
        })
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Vec<Rows>>> {
        Box::pin(async move {
            let since = self.clock.moment();
            let (reply, answer) = oneshot::channel();
            let facts = outbox::written(&transaction.facts)?;
            self.write.push(Job::Write(Write { transaction, facts, reply }))?;
            self.signals.waiting(self.write.len());
            let answer = answer.await.unwrap_or_else(|_| Err(closed()));
            self.signals.committed(self.clock.moment().since(since));
            answer
        })
    }

    fn turn(&self) -> BoxFuture<'_, Result<Box<dyn Turn>>> {
        Box::pin(async move {
            let turn = LocalTurn {
                _alone: self.turn.clone().lock_owned().await,
                facts: self.facts.clone(),
                clock: self.clock.clone(),
            };
            Ok(Box::new(turn) as _)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let writer = self.end();
        Box::pin(async move {
            // A thread that panicked has said so; there is nothing to add.
            let joined = tokio::task::spawn_blocking(move || writer.map(|writer| writer.join()));
            let _ = joined.await;
        })
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // Not joined: whoever drops may be inside a runtime. The threads finish
        // what was taken on and end.
        self.end();
    }
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sqlite")
    }
}

fn closed() -> flow::Error {
    codes::CLOSED.error("the database is closed")
}

/// Turns within one process: the file has one writer anyway.
struct LocalTurn {
    _alone: OwnedMutexGuard<()>,
    facts: Arc<Notify>,
    clock: Clock,
}

impl Turn for LocalTurn {
    fn wait(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let facts = self.facts.notified();
            self.clock.within(Duration::from_secs(1), facts).await;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::conformance;

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::file(folder.path().join("deeper/state.db"));
        let sqlite = Arc::new(Sqlite::open(options).await.unwrap());
        conformance::run(sqlite.clone(), sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms_in_memory() {
        let sqlite = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        conformance::run(sqlite.clone(), sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms_without_shared_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::file(folder.path().join("state.db"));
        // SQLite's own layer for file systems that cannot lock.
        options.vfs = Some("unix-none".into());
        let sqlite = Arc::new(Sqlite::open(options).await.unwrap());
        assert!(sqlite.read.is_none(), "the writer reads");
        conformance::run(sqlite.clone(), sqlite).await;
    }

    fn insert(number: i64) -> Transaction {
        Transaction::new().run(Statement::new("INSERT INTO t VALUES (?1)").bind(number))
    }

    async fn with_table(options: Options) -> Sqlite {
        let sqlite = Sqlite::open(options).await.unwrap();
        let table = Transaction::new().script("CREATE TABLE t (n INTEGER PRIMARY KEY)");
        sqlite.commit(table).await.unwrap();
        sqlite
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn those_who_wait_share_a_sync() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::file(folder.path().join("state.db"));
        let registry = options.registry.clone();
        let sqlite = with_table(options).await;
        let count = |name| registry.counter(name, "", &[("engine", "sqlite")]).get();
        let (syncs, kept) = ("stockade_sql_syncs_total", "stockade_sql_transactions_total");
        let before = (count(syncs), count(kept));
        futures_util::future::join_all((0..500).map(|n| sqlite.commit(insert(n)))).await;
        let (syncs, kept) = (count(syncs) - before.0, count(kept) - before.1);
        assert!(kept == 500 && syncs <= 50, "{kept} kept with {syncs} syncs");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_a_closed_database_too() {
        let sqlite = with_table(Options { queue: 1, group: 1, ..Options::memory() }).await;
        let many = futures_util::future::join_all((0..100).map(|n| sqlite.commit(insert(n)))).await;
        let refused = many.iter().filter_map(|answer| answer.as_ref().err());
        let mut refused = refused.map(flow::Error::code).peekable();
        assert!(refused.peek().is_some());
        assert!(refused.all(|code| code == &codes::QUEUE));
        sqlite.close().await;
        let late = sqlite.commit(insert(1000)).await.unwrap_err();
        assert_eq!(late.code(), &codes::CLOSED);
    }

    #[tokio::test]
    async fn what_was_taken_on_is_finished_before_it_closes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let sqlite = with_table(Options::file(&path)).await;
        let kept = futures_util::future::join_all((0..50).map(|n| sqlite.commit(insert(n))));
        let (kept, ()) = tokio::join!(kept, async {
            tokio::task::yield_now().await;
            sqlite.close().await;
        });
        let kept = kept.iter().filter(|answer| answer.is_ok()).count();
        let again = Sqlite::open(Options::file(&path)).await.unwrap();
        let rows = again.query(Statement::new("SELECT n FROM t")).await.unwrap();
        assert_eq!((rows.len(), kept), (50, 50));
    }

    #[tokio::test]
    async fn a_closed_database_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let path = folder.path().join(format!("{round}.db"));
            let sqlite = with_table(Options::file(&path)).await;
            sqlite.commit(insert(round)).await.unwrap();
            sqlite.close().await;
            let files = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(files, round as usize + 1, "its log was copied back");
        }
    }

    #[tokio::test]
    async fn a_damaged_file_is_said_to_be_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        std::fs::write(&path, [7; 8192]).unwrap();
        let refused = Sqlite::open(Options::file(&path)).await.unwrap_err();
        assert_eq!(refused.kind(), flow::Kind::Corrupt, "{refused:?}");
    }

    #[tokio::test]
    async fn an_answer_is_no_larger_than_allowed() {
        let sqlite = with_table(Options { rows_max: 3, ..Options::memory() }).await;
        for n in 0..4 {
            sqlite.commit(insert(n)).await.unwrap();
        }
        let all = |limit| Statement::new(format!("SELECT n FROM t LIMIT {limit}"));
        assert_eq!(sqlite.query(all(3)).await.unwrap().len(), 3);
        let refused = sqlite.query(all(4)).await.unwrap_err();
        assert_eq!(refused.code(), &codes::TOO_MANY);
    }
}
