//! Current state, in a database.
//!
//! A [`Transaction`] is a *value*: statements, what is expected of each, and the
//! facts and notices that become true with them. Nothing of it runs until it is
//! [committed](Sql::commit), so it can travel in one round trip, share one sync
//! to disk with a hundred others, and be run again when the database says "try
//! again", without asking its author. What a closure would decide half way is
//! said in the statement (`UPDATE … WHERE version = ?3`) and in
//! [`Transaction::expect_rows`].
//!
//! ```
//! use pool::sql::{Sql, Statement, Transaction, sqlite::{Options, Sqlite}};
//! # use flow::{Code, Kind};
//! # static TAKEN: Code = Code::new(Kind::Conflict, "demo-name-taken", "taken", "choose another");
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> flow::Result<()> {
//! let sql = Sqlite::open(Options::memory()).await?;
//! sql.commit(Transaction::new().script("CREATE TABLE person (name TEXT PRIMARY KEY)")).await?;
//! let insert = Statement::new("INSERT INTO person VALUES (?1) ON CONFLICT DO NOTHING").bind("ada");
//! sql.commit(Transaction::new().run(insert).expect_rows(1, &TAKEN, "`ada` is taken")).await?;
//! let rows = sql.query(Statement::new("SELECT name FROM person")).await?;
//! assert_eq!(rows.only()?.get::<String>("name")?, "ada");
//! # Ok(()) }
//! ```
//!
//! Deliberately absent: an object mapper, a query builder, transactions that
//! stay open while their author thinks.

pub mod codes;
pub mod migrate;
pub mod outbox;
pub mod postgres;
pub mod sqlite;

#[cfg(any(test, feature = "testing"))]
pub mod conformance;

mod config;
mod lexer;
mod notices;
mod rows;
mod signals;
mod statement;
mod value;

use flow::{BoxFuture, Result};

pub use config::{Config, Url};
pub use notices::Notices;
pub use outbox::{Outbox, Sink};
pub use rows::{Row, Rows};
pub use statement::{Statement, Transaction};
pub use value::{FromValue, Value};

/// Which database answers, for the few statements that cannot be written once
/// for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, in this process.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A database. Implementations are cheap to share behind an `Arc`.
pub trait Sql: Send + Sync {
    /// Which one it is.
    fn dialect(&self) -> Dialect;

    /// Reads. It sees every transaction whose commit was acknowledged before.
    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Rows>>;

    /// Runs the statements and records the facts, all of it or nothing, and
    /// answers when it cannot be lost any more; one [`Rows`] per statement.
    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Vec<Rows>>>;

    /// Waits for the turn to drain the outbox, which one node has at a time.
    fn turn(&self) -> BoxFuture<'_, Result<Box<dyn Turn>>>;

    /// Finishes what was taken on and closes every connection.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// The right to drain the outbox, until dropped or lost.
pub trait Turn: Send {
    /// Waits until facts may have been committed, or a while. An error means the
    /// turn is over and has to be waited for again.
    fn wait(&mut self) -> BoxFuture<'_, Result<()>>;
}
