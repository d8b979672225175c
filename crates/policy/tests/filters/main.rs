//! Rules as conditions: how they are written, and that real databases select by them the rows of
//! which the policy says yes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod hostile;
mod rows;
mod table;
mod written;

use std::sync::Arc;

use flow::feed::{Announcer, MemoryFeed};
use flow::question::filter::{Dialect, Filter, Filtered, Reader, Target};
use flow::question::policy::PutPolicy;
use flow::{Clock, Random, Result, Revisions};
use policy::{Book, Config, Decider};
use pool::sql::sqlite::{Options, Sqlite};
use serde_json::Value;

/// Whoever decides, with policies in memory.
pub(crate) struct Node {
    tenant: Arc<str>,
    book: Arc<Book>,
    decider: Decider,
}

pub(crate) const POSTGRESQL: Target = Target::Sql(Dialect::Postgresql);
pub(crate) const SQLITE: Target = Target::Sql(Dialect::Sqlite);
pub(crate) const ALL: Target = Target::Ucast(Reader::All);

impl Node {
    pub(crate) async fn new() -> Self {
        let clock = Clock::system();
        let feed = MemoryFeed::new(clock.clone(), 64);
        let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        let announcer = Arc::new(Announcer::new(Arc::new(feed), clock.clone()));
        let (revisions, config) = (Arc::new(Revisions::default()), Config::default());
        let book = Book::open(sql, revisions, announcer, clock.clone(), config.clone());
        let book = Arc::new(book.await.unwrap());
        let decider = Decider::new(book.clone(), config, clock, Random::system());
        Self { tenant: "main".into(), book, decider }
    }

    /// One with a policy.
    pub(crate) async fn with(policy: &str) -> Self {
        let node = Self::new().await;
        node.put(policy).await;
        node
    }

    pub(crate) async fn put(&self, source: &str) {
        let put = PutPolicy { id: "f", source, dry_run: false };
        let done = self.book.put(&self.tenant, &put, "ann", None).await;
        done.unwrap_or_else(|error| panic!("{error}\n{source}"));
    }

    pub(crate) async fn filter(&self, asked: Filter<'_>) -> Result<Filtered> {
        self.decider.filter(&self.tenant, &asked).await
    }

    /// The condition for one target, nothing where no row is meant, or what is wrong.
    pub(crate) async fn condition(
        &self,
        target: Target,
        input: &str,
    ) -> std::result::Result<Option<Value>, String> {
        let unknowns = ["input.t".into()];
        let targets = [target];
        let asked =
            Filter { input: Some(input.as_bytes()), unknowns: Some(&unknowns), ..asked(&targets) };
        let filtered = self.filter(asked).await.map_err(|error| error.detail().to_owned())?;
        let first = filtered.conditions.map(|all| serde_json::from_slice(&all[0]).unwrap());
        Ok(first)
    }
}

/// `f/allow`, and nothing else said.
pub(crate) fn asked(targets: &[Target]) -> Filter<'_> {
    Filter {
        path: "f/allow",
        input: None,
        unknowns: None,
        apart: &[],
        mask_rule: None,
        names: None,
        targets,
        strict: false,
    }
}
